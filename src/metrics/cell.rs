//! Where counts are kept: atomics in shards, so that threads do not wait for a cache line.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use super::{
    buckets::{Buckets, whole_nanos},
    exposition::Exposition,
};

/// How many copies of each counter there are: a power of two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shards(usize);

impl Shards {
    /// More shards than threads that run at once help nobody; beyond eight, memory and the time of
    /// a render grow faster than contention shrinks.
    const MOST: usize = 8;

    pub(super) fn for_this_machine() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self(threads.next_power_of_two().min(Self::MOST))
    }
}

/// Counters by slot. Each thread adds to its own shard; a read sums over all of them.
#[derive(Debug)]
pub(super) struct Counters {
    lines: Box<[Line]>,
    lines_per_shard: usize,
    shards: Shards,
}

/// One cache line, so that no two shards share one.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; SLOTS_PER_LINE]);

const SLOTS_PER_LINE: usize = 8;

impl Counters {
    pub(super) fn new(slots: usize, shards: Shards) -> Self {
        let lines_per_shard = slots.div_ceil(SLOTS_PER_LINE);
        let lines = (0..lines_per_shard * shards.0).map(|_| Line::default()).collect();
        Self { lines, lines_per_shard, shards }
    }

    #[inline]
    pub(super) fn add(&self, slot: usize, n: u64) {
        self.add_in(self.shard_of_this_thread(), slot, n);
    }

    /// The sum of a slot over all shards.
    pub(super) fn get(&self, slot: usize) -> u64 {
        self.lines.chunks_exact(self.lines_per_shard).fold(0, |sum, shard| {
            let counter = &shard[slot / SLOTS_PER_LINE].0[slot % SLOTS_PER_LINE];
            sum.wrapping_add(counter.load(Ordering::Relaxed))
        })
    }

    /// Overwrites `sums` with the first slots, summed over all shards.
    fn read(&self, sums: &mut [u64]) {
        sums.fill(0);
        for shard in self.lines.chunks_exact(self.lines_per_shard) {
            let counters = shard.iter().flat_map(|line| &line.0);
            for (sum, counter) in sums.iter_mut().zip(counters) {
                *sum = sum.wrapping_add(counter.load(Ordering::Relaxed));
            }
        }
    }

    /// The first line of it.
    #[inline]
    fn shard_of_this_thread(&self) -> usize {
        // A mask, not a division: the number of shards is a power of two.
        (thread_number() & (self.shards.0 - 1)) * self.lines_per_shard
    }

    /// Relaxed: a counter orders nothing but itself.
    #[inline]
    fn add_in(&self, shard: usize, slot: usize, n: u64) {
        debug_assert!(slot < self.lines_per_shard * SLOTS_PER_LINE, "in the next shard");
        let counter = &self.lines[shard + slot / SLOTS_PER_LINE].0[slot % SLOTS_PER_LINE];
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

/// Threads are numbered as they first come by, so that the shards fill evenly.
#[inline]
fn thread_number() -> usize {
    thread_local! {
        // It has no destructor: it can be read as long as the thread runs.
        static NUMBER: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) };
    }
    #[cold]
    fn next() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        NUMBER.set(number);
        number
    }
    match NUMBER.get() {
        usize::MAX => next(),
        number => number,
    }
}

/// What is known of everything with the same labels: how often, how much of it, in which buckets.
///
/// The number of samples is not kept: it is the sum of the buckets, so that a page on which a
/// record is half seen still has a `_count` equal to its `+Inf` bucket.
#[derive(Debug)]
pub(super) struct Cell {
    /// The buckets, then [`UNMEASURED`] and [`SUM`] counted from the end of those.
    counters: Counters,
}

impl Cell {
    pub(super) fn new(buckets: &Buckets, shards: Shards) -> Self {
        Self { counters: Counters::new(slots(buckets), shards) }
    }

    /// Counts one. Without a sample it is counted, but is not in the histogram.
    pub(super) fn record(&self, buckets: &Buckets, sample: Option<u64>) {
        let shard = self.counters.shard_of_this_thread();
        match sample {
            Some(sample) => {
                let sample = sample.min(buckets.largest());
                self.counters.add_in(shard, buckets.index(sample), 1);
                self.counters.add_in(shard, buckets.count() + SUM, sample);
            }
            None => self.counters.add_in(shard, buckets.count() + UNMEASURED, 1),
        }
    }

    pub(super) fn record_duration(&self, buckets: &Buckets, duration: Option<Duration>) {
        self.record(buckets, duration.map(whole_nanos));
    }

    /// Overwrites `sums`, which has [`slots`] places, with what was recorded.
    pub(super) fn read(&self, sums: &mut [u64]) {
        self.counters.read(sums);
    }

    /// Writes a series of the current family, if there is a sample.
    pub(super) fn expose(&self, buckets: &Buckets, out: &mut impl Exposition, labels: &[&str]) {
        let mut sums = vec![0; slots(buckets)];
        self.read(&mut sums);
        Sums::of(buckets, &sums).expose(out, labels);
    }
}

// Slots behind the buckets.
const UNMEASURED: usize = 0;
const SUM: usize = 1;

/// How many numbers a cell is made of.
pub(super) fn slots(buckets: &Buckets) -> usize {
    buckets.count() + 2
}

/// The numbers of one cell, or of several added up.
#[derive(Clone, Copy)]
pub(super) struct Sums<'a> {
    buckets: &'a Buckets,
    /// How many samples fell into each bucket, not cumulated.
    counts: &'a [u64],
    unmeasured: u64,
    /// All samples together.
    pub(super) sum: u64,
}

impl<'a> Sums<'a> {
    pub(super) fn of(buckets: &'a Buckets, slots: &'a [u64]) -> Self {
        let (counts, rest) = slots.split_at(buckets.count());
        Self { buckets, counts, unmeasured: rest[UNMEASURED], sum: rest[SUM] }
    }

    pub(super) fn buckets(self) -> &'a Buckets {
        self.buckets
    }

    /// How many samples lie within each bound, and in all.
    pub(super) fn cumulated(self) -> impl Iterator<Item = u64> {
        self.counts.iter().scan(0_u64, |sum, count| {
            *sum = sum.wrapping_add(*count);
            Some(*sum)
        })
    }

    /// How many samples there are.
    pub(super) fn samples(self) -> u64 {
        self.counts.iter().sum()
    }

    /// How often something was counted, with a sample or without.
    pub(super) fn counted(self) -> u64 {
        self.samples() + self.unmeasured
    }

    /// Writes a series of the current family, if there is a sample.
    pub(super) fn expose(self, out: &mut impl Exposition, labels: &[&str]) {
        if self.samples() > 0 {
            out.histogram(labels, self);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::buckets, *};

    #[test]
    fn slots_do_not_touch_each_other_in_any_shard() {
        for shards in [1, 2, 8] {
            let counters = Counters::new(19, Shards(shards));
            thread::scope(|scope| {
                for _ in 0..10 {
                    scope.spawn(|| (0..19).for_each(|slot| counters.add(slot, slot as u64 + 1)));
                }
            });
            for slot in 0..19 {
                assert_eq!(counters.get(slot), 10 * (slot as u64 + 1), "{shards} shards");
            }
        }
    }

    #[test]
    fn what_has_no_sample_is_counted_but_not_in_the_histogram() {
        let buckets = Buckets::of_our_seconds(&buckets::DEFAULT);
        let cell = Cell::new(&buckets, Shards(2));
        cell.record_duration(&buckets, None);
        cell.record_duration(&buckets, Some(Duration::from_millis(100)));
        cell.record_duration(&buckets, Some(Duration::from_secs(1_000)));
        let mut slots = vec![7; slots(&buckets)];
        cell.read(&mut slots);
        let sums = Sums::of(&buckets, &slots);
        assert_eq!((sums.counted(), sums.samples()), (3, 2));
        assert_eq!(sums.sum, 1_000_100_000_000);
        assert_eq!(sums.counts[6], 1, "0.1 lies within the bound 0.1");
        assert_eq!(sums.counts[17], 1, "above all bounds");
        assert_eq!(sums.cumulated().last(), Some(2));
    }

    /// What is recorded by hand may be anything; a counter must not wrap because of it.
    #[test]
    fn a_sample_beyond_reason_is_the_largest() {
        let buckets = Buckets::of_numbers(&buckets::SIZES);
        let cell = Cell::new(&buckets, Shards(1));
        cell.record(&buckets, Some(u64::MAX));
        cell.record(&buckets, Some(u64::MAX));
        let mut slots = vec![0; slots(&buckets)];
        cell.read(&mut slots);
        assert_eq!(Sums::of(&buckets, &slots).sum, 2 << 40);
    }
}
