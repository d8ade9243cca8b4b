//! The bounds of histograms: of durations, sizes and numbers.

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

/// The bounds for what may last as long as a session or a stream, in seconds: to a day.
pub(super) const LONG: [f64; 13] = [
    0.1, 1.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 43_200.0,
    86_400.0,
];

/// The bounds of sizes, in bytes: 64 B to 4 MiB by factors of four.
pub(super) const SIZES: [u64; 9] =
    [64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

/// The bounds of the number of messages in a batch, of which at most 64 are read.
pub(super) const BATCHES: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];

/// A histogram costs a series, and each cell a counter in every shard, for each bound.
const MOST: usize = 64;

/// Bounds that make a histogram: at least one, finite, above zero, rising.
#[derive(Debug)]
pub(super) struct Buckets {
    /// What a sample is compared with. Whole numbers: a bound of 0.1 s holds 100 ms, not one
    /// nanosecond less because 0.1 has no exact double.
    limits: Box<[u64]>,
    /// By the number of bits in a sample, the first bucket that it can be in.
    starts: [u8; 65],
    bounds: Box<[Bound]>,
    scale: Scale,
}

/// What samples are, and how their sum is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scale {
    /// Nanoseconds, shown as seconds.
    Nanos,
    /// Themselves.
    Ones,
}

/// A bound as it is shown.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) value: f64,
    /// The canonical form of OpenMetrics, which always has a point: `1.0`.
    pub(super) le: Box<str>,
}

impl Buckets {
    /// Bounds of durations, in seconds.
    pub(super) fn of_seconds(bounds: &[f64]) -> Result<Self, Error> {
        let invalid = |why| Error::new(Kind::Buckets(why));
        if bounds.is_empty() {
            return Err(invalid("there are none"));
        }
        if bounds.len() > MOST {
            return Err(invalid("there are more than 64"));
        }
        let mut limits = Vec::with_capacity(bounds.len());
        for &bound in bounds {
            let bound = Duration::try_from_secs_f64(bound)
                .map_err(|cause| invalid("each must be a number of seconds").with_source(cause))?;
            let bound = whole_nanos(bound);
            if bound <= limits.last().copied().unwrap_or(0) {
                return Err(invalid("they must rise, from above zero, by a nanosecond or more"));
            }
            limits.push(bound);
        }
        let bounds = bounds.iter().map(|&value| Bound { value, le: canonical(value) });
        Ok(Self::new(limits, bounds.collect(), Scale::Nanos))
    }

    /// Bounds of our own, in seconds.
    pub(super) fn of_our_seconds(bounds: &[f64]) -> Self {
        Self::of_seconds(bounds).expect("a test builds all of them")
    }

    /// Bounds of our own, for what is counted in ones.
    pub(super) fn of_numbers(limits: &[u64]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
        let bound = |&limit: &u64| Bound { value: limit as f64, le: canonical(limit as f64) };
        Self::new(limits.to_vec(), limits.iter().map(bound).collect(), Scale::Ones)
    }

    fn new(limits: Vec<u64>, bounds: Box<[Bound]>, scale: Scale) -> Self {
        let start = |bits: usize| {
            let least = if bits == 0 { 0 } else { 1 << (bits - 1) };
            let start = limits.partition_point(|&limit| limit < least);
            u8::try_from(start).expect("there are at most 64 bounds")
        };
        Self { starts: std::array::from_fn(start), limits: limits.into(), bounds, scale }
    }

    /// The finite bounds, rising.
    pub(super) fn bounds(&self) -> &[Bound] {
        &self.bounds
    }

    /// How many buckets there are: one for each bound and one for what is above all.
    pub(super) fn count(&self) -> usize {
        self.limits.len() + 1
    }

    /// How many series a histogram with these bounds is: its buckets, its sum and its count.
    pub(super) fn series(&self) -> usize {
        self.count() + 2
    }

    /// The bucket of a sample. One that is equal to a bound lies within it.
    #[inline]
    pub(super) fn index(&self, sample: u64) -> usize {
        let bits = u64::BITS - sample.leading_zeros();
        let mut index = usize::from(self.starts[bits as usize]);
        // Between a power of two and the next one there are rarely more than two bounds.
        while self.limits.get(index).is_some_and(|&limit| limit < sample) {
            index += 1;
        }
        index
    }

    pub(super) fn scale(&self) -> Scale {
        self.scale
    }

    /// The largest sample that is counted as it is. What is recorded may be anything, and a sum
    /// that wraps is no counter.
    pub(super) const fn largest(&self) -> u64 {
        match self.scale {
            // Two weeks.
            Scale::Nanos => 14 * 24 * 3_600 * 1_000_000_000,
            // A terabyte.
            Scale::Ones => 1 << 40,
        }
    }
}

/// The bounds of all histograms of a store.
#[derive(Debug)]
pub(super) struct AllBuckets {
    /// Of the durations of operations and requests, which the operator may set.
    pub(super) durations: Buckets,
    pub(super) long: Buckets,
    pub(super) sizes: Buckets,
    pub(super) batches: Buckets,
}

impl AllBuckets {
    pub(super) fn new(durations: &[f64]) -> Result<Self, Error> {
        Ok(Self {
            durations: Buckets::of_seconds(durations)?,
            long: Buckets::of_our_seconds(&LONG),
            sizes: Buckets::of_numbers(&SIZES),
            batches: Buckets::of_numbers(&BATCHES),
        })
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
fn canonical(bound: f64) -> Box<str> {
    let mut text = bound.to_string();
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
        let buckets = Buckets::of_seconds(&DEFAULT).unwrap();
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
    fn a_sample_is_in_the_first_bucket_that_holds_it() {
        let fine: Vec<f64> = (1..=64).map(|bound| f64::from(bound) * 1e-9).collect();
        for bounds in [&DEFAULT[..], &LONG, &fine, &[f64::from(u32::MAX)]] {
            let buckets = Buckets::of_our_seconds(bounds);
            let around = buckets.limits.iter().flat_map(|limit| [limit - 1, *limit, limit + 1]);
            let powers = (0..64).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits]);
            for sample in around.chain(powers).chain([u64::MAX]) {
                let expected = buckets.limits.partition_point(|&limit| limit < sample);
                assert_eq!(buckets.index(sample), expected, "{sample} in {bounds:?}");
            }
        }
    }

    #[test]
    fn bounds_are_shown_with_a_point() {
        let buckets = Buckets::of_seconds(&[0.000_000_001, 0.0025, 1.0, 300.0]).unwrap();
        let shown: Vec<_> = buckets.bounds().iter().map(|bound| &*bound.le).collect();
        assert_eq!(shown, ["0.000000001", "0.0025", "1.0", "300.0"]);
    }

    /// D10: sizes are in bytes and durations in seconds, whatever is compared inside.
    #[test]
    fn our_own_bounds_rise_and_are_shown_in_the_unit_of_the_family() {
        let buckets = AllBuckets::new(&DEFAULT).unwrap();
        for buckets in [&buckets.durations, &buckets.long, &buckets.sizes, &buckets.batches] {
            assert!(buckets.limits.is_sorted());
            let one = if buckets.scale() == Scale::Nanos { 1e9 } else { 1.0 };
            for (&limit, bound) in buckets.limits.iter().zip(buckets.bounds()) {
                #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
                let shown = limit as f64 / one;
                assert!((shown - bound.value).abs() < 1e-9, "{bound:?}");
            }
        }
        assert_eq!(&*buckets.sizes.bounds()[8].le, "4194304.0");
        assert_eq!(&*buckets.long.bounds()[12].le, "86400.0");
        assert_eq!(buckets.sizes.index(64), 0);
        assert_eq!(buckets.sizes.index(65), 1);
        assert_eq!(buckets.sizes.series(), 12);
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
            let error = Buckets::of_seconds(bounds).unwrap_err();
            assert!(error.is_invalid_buckets(), "{bounds:?}: {error}");
        }
    }

    #[test]
    fn a_duration_beyond_all_clocks_is_the_longest() {
        assert_eq!(whole_nanos(Duration::MAX), u64::MAX);
        assert_eq!(whole_nanos(Duration::new(1, 5)), 1_000_000_005);
    }
}
