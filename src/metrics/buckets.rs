//! The bounds of duration histograms.

use std::time::Duration;

use crate::error::{Error, Kind};

/// The default bounds, in seconds.
///
/// From 0.01 on they are the ones that the OpenTelemetry convention for MCP recommends (0.01 to
/// 300): tools range from a lookup to minutes of model time. The three below resolve what local
/// servers do, where `ping` and list requests take well under ten milliseconds.
pub(super) const DEFAULT: [f64; 17] = [
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0,
    300.0,
];

/// A histogram costs a series, and each cell a counter in every shard, for each bound.
const MOST: usize = 64;

/// Bounds that make a histogram: at least one, finite, above zero, rising.
#[derive(Debug)]
pub(super) struct Buckets {
    /// What a duration is compared with. Whole numbers: a bound of 0.1 holds 100 ms, not one
    /// nanosecond less because 0.1 has no exact double.
    nanos: Box<[u64]>,
    bounds: Box<[Bound]>,
}

/// A bound as it is shown.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) seconds: f64,
    /// The canonical form of OpenMetrics, which always has a point: `1.0`.
    pub(super) le: Box<str>,
}

impl Buckets {
    pub(super) fn new(bounds: &[f64]) -> Result<Self, Error> {
        let invalid = |why| Error::new(Kind::Buckets(why));
        if bounds.is_empty() {
            return Err(invalid("there are none"));
        }
        if bounds.len() > MOST {
            return Err(invalid("there are more than 64"));
        }
        let mut nanos = Vec::with_capacity(bounds.len());
        for &bound in bounds {
            let bound = Duration::try_from_secs_f64(bound)
                .map_err(|cause| invalid("each must be a number of seconds").with_source(cause))?;
            let bound = whole_nanos(bound);
            if bound <= nanos.last().copied().unwrap_or(0) {
                return Err(invalid("they must rise, from above zero, by a nanosecond or more"));
            }
            nanos.push(bound);
        }
        let bounds = bounds.iter().map(|&seconds| Bound { seconds, le: canonical(seconds) });
        Ok(Self { nanos: nanos.into(), bounds: bounds.collect() })
    }

    /// The finite bounds, rising.
    pub(super) fn bounds(&self) -> &[Bound] {
        &self.bounds
    }

    /// How many buckets there are: one for each bound and one for what is above all.
    pub(super) fn count(&self) -> usize {
        self.nanos.len() + 1
    }

    /// The bucket of a duration. A duration equal to a bound lies within it.
    pub(super) fn index(&self, nanos: u64) -> usize {
        self.nanos.partition_point(|&bound| bound < nanos)
    }
}

/// A duration in nanoseconds. One that does not fit, over 584 years, is the longest that does.
pub(super) fn whole_nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}

/// Plain decimals with a point. `Display` of a float never uses an exponent.
fn canonical(seconds: f64) -> Box<str> {
    let mut text = seconds.to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_on_a_bound_lies_within_it() {
        let buckets = Buckets::new(&DEFAULT).unwrap();
        for (index, &bound) in DEFAULT.iter().enumerate() {
            let nanos = whole_nanos(Duration::from_secs_f64(bound));
            assert_eq!(buckets.index(nanos), index, "{bound}");
            assert_eq!(buckets.index(nanos + 1), index + 1, "just above {bound}");
        }
        assert_eq!(buckets.index(0), 0);
        assert_eq!(buckets.index(u64::MAX), DEFAULT.len());
        assert_eq!(buckets.count(), DEFAULT.len() + 1);
    }

    #[test]
    fn bounds_are_shown_with_a_point() {
        let buckets = Buckets::new(&[0.000_000_001, 0.0025, 1.0, 300.0]).unwrap();
        let shown: Vec<_> = buckets.bounds().iter().map(|bound| &*bound.le).collect();
        assert_eq!(shown, ["0.000000001", "0.0025", "1.0", "300.0"]);
    }

    #[test]
    fn what_makes_no_histogram_is_refused() {
        let too_many: Vec<f64> = (1..=65).map(f64::from).collect();
        for bounds in [
            &[][..],
            &[0.0],
            &[-1.0],
            &[2.0, 1.0],
            &[1.0, 1.0],
            &[1.0, f64::INFINITY],
            &[f64::NAN],
            &[1e-10],
            &[1e300],
            &too_many,
        ] {
            let error = Buckets::new(bounds).unwrap_err();
            assert!(error.is_invalid_buckets(), "{bounds:?}: {error}");
        }
    }

    #[test]
    fn a_duration_beyond_all_clocks_is_the_longest() {
        assert_eq!(whole_nanos(Duration::MAX), u64::MAX);
        assert_eq!(whole_nanos(Duration::new(1, 5)), 1_000_000_005);
    }
}
