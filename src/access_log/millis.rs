//! Durations, as a line shows them.

use std::{fmt, time::Duration};

/// A duration in milliseconds, to the hundredth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Millis {
    hundredths: u64,
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self { hundredths: micros.saturating_add(5) / 10 }
    }
}

impl Millis {
    /// The number that reads the same as the text does.
    #[expect(clippy::cast_precision_loss, reason = "exact for the first 2,800 years")]
    pub(super) fn as_f64(self) -> f64 {
        self.hundredths as f64 / 100.0
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.hundredths / 100, self.hundredths % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_two_decimals() {
        for (micros, text, number) in [
            (0, "0.00", 0.0),
            (4, "0.00", 0.0),
            (5, "0.01", 0.01),
            (15_230, "15.23", 15.23),
            (15_235, "15.24", 15.24),
            (100_000, "100.00", 100.0),
            (3_600_000_049, "3600000.05", 3_600_000.05),
        ] {
            let millis = Millis::from(Duration::from_micros(micros));
            assert_eq!(millis.to_string(), text);
            assert_eq!(millis.as_f64().to_bits(), f64::to_bits(number), "{text}");
        }
        assert_eq!(Millis::from(Duration::MAX).to_string(), "18446744073709551.61");
    }
}
