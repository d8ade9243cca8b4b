//! Where counts are kept: atomics in shards, so that threads do not wait for a cache line.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use super::buckets::{Buckets, whole_nanos};

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

    pub(super) fn add(&self, slot: usize, n: u64) {
        Self::add_in(self.shard_of_this_thread(), slot, n);
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

    fn shard_of_this_thread(&self) -> &[Line] {
        // A mask, not a division: the number of shards is a power of two.
        let first = (thread_number() & (self.shards.0 - 1)) * self.lines_per_shard;
        &self.lines[first..first + self.lines_per_shard]
    }

    /// Relaxed: a counter orders nothing but itself.
    fn add_in(shard: &[Line], slot: usize, n: u64) {
        shard[slot / SLOTS_PER_LINE].0[slot % SLOTS_PER_LINE].fetch_add(n, Ordering::Relaxed);
    }
}

/// Threads are numbered as they first come by, so that the shards fill evenly.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        // It has no destructor: it can be read as long as the thread runs.
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

/// What is known of all operations with the same labels: how many, and how long they took.
///
/// The number of samples is not kept: it is the sum of the buckets, so that a page on which a
/// record is half seen still has a `_count` equal to its `+Inf` bucket.
#[derive(Debug)]
pub(super) struct Cell {
    /// The buckets, then [`Sums::UNTIMED`] and [`Sums::NANOS`] counted from the end.
    counters: Counters,
}

impl Cell {
    pub(super) fn new(buckets: &Buckets, shards: Shards) -> Self {
        Self { counters: Counters::new(slots(buckets), shards) }
    }

    /// Counts one operation. Without a duration it is counted, but is no sample of the histogram.
    pub(super) fn record(&self, buckets: &Buckets, duration: Option<Duration>) {
        let shard = self.counters.shard_of_this_thread();
        match duration.map(whole_nanos) {
            Some(nanos) => {
                let nanos = nanos.min(LONGEST_NANOS);
                Counters::add_in(shard, buckets.index(nanos), 1);
                Counters::add_in(shard, buckets.count() + NANOS, nanos);
            }
            None => Counters::add_in(shard, buckets.count() + UNTIMED, 1),
        }
    }

    /// Overwrites `sums`, which has [`slots`] places, with what was recorded.
    pub(super) fn read(&self, sums: &mut [u64]) {
        self.counters.read(sums);
    }
}

/// Two weeks. What handlers record by hand may be anything, and a sum that wraps is no counter.
const LONGEST_NANOS: u64 = 14 * 24 * 3_600 * 1_000_000_000;

// Slots behind the buckets.
const UNTIMED: usize = 0;
const NANOS: usize = 1;

/// How many numbers a cell is made of.
pub(super) fn slots(buckets: &Buckets) -> usize {
    buckets.count() + 2
}

/// The numbers of one cell, or of several added up.
#[derive(Clone, Copy)]
pub(super) struct Sums<'a> {
    /// How often a duration fell into each bucket, not cumulated.
    pub(super) buckets: &'a [u64],
    untimed: u64,
    /// All durations together, in nanoseconds.
    pub(super) nanos: u64,
}

impl<'a> Sums<'a> {
    pub(super) fn of(slots: &'a [u64]) -> Self {
        let (buckets, rest) = slots.split_at(slots.len() - 2);
        Self { buckets, untimed: rest[UNTIMED], nanos: rest[NANOS] }
    }

    /// How many operations had a duration.
    pub(super) fn samples(self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How many operations there were.
    pub(super) fn operations(self) -> u64 {
        self.samples() + self.untimed
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
    fn an_operation_without_a_duration_is_counted_but_is_no_sample() {
        let buckets = Buckets::new(&buckets::DEFAULT).unwrap();
        let cell = Cell::new(&buckets, Shards(2));
        cell.record(&buckets, None);
        cell.record(&buckets, Some(Duration::from_millis(100)));
        cell.record(&buckets, Some(Duration::from_secs(1_000)));
        let mut slots = vec![7; slots(&buckets)];
        cell.read(&mut slots);
        let sums = Sums::of(&slots);
        assert_eq!((sums.operations(), sums.samples()), (3, 2));
        assert_eq!(sums.nanos, 1_000_100_000_000);
        assert_eq!(sums.buckets[6], 1, "0.1 lies within the bound 0.1");
        assert_eq!(sums.buckets[17], 1, "above all bounds");
    }
}
