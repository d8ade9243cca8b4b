//! Time, as a store counts it.

use std::time::{Duration, Instant};

/// When a store came into being, since when it counts time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth(Instant);

/// Milliseconds since the birth of a store. An [`Instant`] is made one once: the difference of two
/// costs as much as a lookup.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Moment(u64);

impl Birth {
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    /// Zero for what was before.
    pub(super) fn moment(self, now: Instant) -> Moment {
        Moment(whole_millis(now.saturating_duration_since(self.0)))
    }
}

impl Moment {
    pub(super) const fn millis(self) -> u64 {
        self.0
    }

    pub(super) const fn seconds(self) -> u64 {
        self.0 / 1_000
    }

    #[cfg(test)]
    pub(super) const fn of_test(seconds: u64) -> Self {
        Self(seconds * 1_000)
    }
}

/// One that does not fit is the longest that does.
pub(super) fn whole_millis(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000).saturating_add(duration.subsec_millis().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_from_the_birth_of_a_store() {
        let before = Instant::now();
        let birth = Birth::now();
        assert_eq!(birth.moment(before), Moment(0));
        let moment = birth.moment(birth.0 + Duration::from_micros(3_456_789));
        assert_eq!((moment.millis(), moment.seconds()), (3_456, 3));
        assert_eq!(whole_millis(Duration::MAX), u64::MAX);
    }
}
