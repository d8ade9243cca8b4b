//! The time of a line.

use std::time::{Duration, SystemTime};

/// `2026-11-23T12:34:56.789012Z`: RFC 3339, in UTC, to the microsecond.
pub(super) const LEN: usize = 27;

/// Writes `time`, which is brought into the years 1970 to 9999 that the form has room for.
pub(super) fn rfc3339(time: SystemTime) -> [u8; LEN] {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(LAST);
    let seconds = since_epoch.as_secs();
    let Date { year, month, day } = Date::from_days_since_epoch(seconds / SECONDS_A_DAY);
    let second = seconds % SECONDS_A_DAY;
    let micros = u64::from(since_epoch.subsec_micros());

    let mut text = *b"0000-00-00T00:00:00.000000Z";
    for (at, two_digits) in [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, second / 3600),
        (14, second / 60 % 60),
        (17, second % 60),
        (20, micros / 10_000),
        (22, micros / 100 % 100),
        (24, micros % 100),
    ] {
        text[at] += digit(two_digits / 10);
        text[at + 1] += digit(two_digits % 10);
    }
    text
}

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// The last microsecond of the year 9999.
const LAST: Duration = Duration::new(253_402_300_799, 999_999_000);

#[expect(clippy::cast_possible_truncation, reason = "a digit is below ten")]
fn digit(value: u64) -> u8 {
    value as u8
}

#[derive(Debug, Eq, PartialEq)]
struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    /// Days to civil date by Howard Hinnant's `civil_from_days`. Its year begins in March, so that
    /// the day a leap year adds is the last, and its eras are 400 years, after which all repeats.
    fn from_days_since_epoch(days: u64) -> Self {
        const DAYS_A_ERA: u64 = 146_097;
        // From 0000-03-01, where an era begins, to 1970-01-01.
        let days = days + 719_468;
        let day_of_era = days % DAYS_A_ERA;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // Five months have 153 days, in whichever order 31 and 30 come from March on.
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = days / DAYS_A_ERA * 400 + year_of_era + u64::from(month <= 2);
        Self { year, month, day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(time: SystemTime) -> String {
        String::from_utf8(rfc3339(time).to_vec()).unwrap()
    }

    #[test]
    fn every_field_stands_in_its_place() {
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_795_437_296, 789_012_999);
        assert_eq!(text(time), "2026-11-23T12:34:56.789012Z");
        assert_eq!(text(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn a_time_that_has_no_such_form_becomes_the_nearest_that_has() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(text(before), "1970-01-01T00:00:00.000000Z");
        let after = SystemTime::UNIX_EPOCH + LAST + Duration::from_secs(1);
        assert_eq!(text(after), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut expected = Date { year: 1970, month: 1, day: 1 };
        for days in 0..150_000 {
            assert_eq!(Date::from_days_since_epoch(days), expected);
            expected = day_after(&expected);
        }
        assert_eq!(expected.year, 2380);
    }

    fn day_after(&Date { year, month, day }: &Date) -> Date {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days_a_month = match month {
            2 => 28 + u64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        match (month, day) {
            (12, 31) => Date { year: year + 1, month: 1, day: 1 },
            _ if day == days_a_month => Date { year, month: month + 1, day: 1 },
            _ => Date { year, month, day: day + 1 },
        }
    }
}
