//! The maps from labels to counts.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use super::table::{Hash, Table};

/// What tells one series from another: closed sets, and numbers that we gave out ourselves, never a
/// client's text.
pub(super) trait Key: Copy {
    /// The whole key in one number: no two keys have the same.
    fn packed(&self) -> u64;

    /// The key that stands in where there is no room for this one. Such keys are few, whatever
    /// clients do, so they are let in beyond the limit.
    fn folded(self) -> Self;
}

/// Series by their whole key. They come once and are never removed; requests for those that are
/// there take no lock.
#[derive(Debug)]
pub(super) struct Series<K, V> {
    hash: Hash,
    table: Table<One<K, V>>,
    /// How many keys are let in as they are.
    limit: usize,
    used: AtomicUsize,
    growing: Mutex<()>,
}

#[derive(Debug)]
pub(super) struct One<K, V> {
    packed: u64,
    pub(super) key: K,
    pub(super) value: V,
}

impl<K: Key, V> Series<K, V> {
    /// A server with thirty tools has some two hundred combinations; more than this is rare.
    const MOST_BUCKETS: usize = 1024;

    pub(super) fn new(limit: usize) -> Self {
        let buckets = limit.clamp(1, Self::MOST_BUCKETS).next_power_of_two();
        Self {
            hash: Hash::new(),
            table: Table::new(buckets),
            limit,
            used: AtomicUsize::new(0),
            growing: Mutex::new(()),
        }
    }

    /// The series of `key`, which `make` makes if it is new; the one of the folded key if there is
    /// no room. The second value is whether it is the key's own.
    #[inline]
    pub(super) fn get(&self, key: &K, make: impl FnOnce() -> V) -> (&One<K, V>, bool) {
        let packed = key.packed();
        if let Some(series) = self.find(packed) {
            return (series, true);
        }
        let series = self.get_new(key, make);
        (series, series.packed == packed)
    }

    #[cold]
    fn get_new(&self, key: &K, make: impl FnOnce() -> V) -> &One<K, V> {
        // Once the limit is reached this is the way of every request with a key that is folded, so
        // it must not need the lock either.
        if self.is_full() {
            if let Some(series) = self.find(key.folded().packed()) {
                return series;
            }
        }
        // Nothing that can panic leaves the table half changed, so a poisoned lock is as good.
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let key = if self.is_full() { key.folded() } else { *key };
        let packed = key.packed();
        // Another thread may have been faster.
        self.find(packed).unwrap_or_else(|| {
            self.used.fetch_add(1, Ordering::Relaxed);
            self.table.add(self.hash.of_number(packed), One { packed, key, value: make() })
        })
    }

    #[inline]
    fn find(&self, packed: u64) -> Option<&One<K, V>> {
        self.table.find(self.hash.of_number(packed), |series| series.packed == packed)
    }

    fn is_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.limit
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &One<K, V>> {
        self.table.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::atomic::AtomicU64, thread};

    use super::*;

    #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
    struct Number(u64);

    impl Key for Number {
        fn packed(&self) -> u64 {
            self.0
        }

        fn folded(self) -> Self {
            Self(0)
        }
    }

    fn count(series: &Series<Number, AtomicU64>, number: u64) -> u64 {
        let (one, own) = series.get(&Number(number), AtomicU64::default);
        assert_eq!(own, one.key.0 == number);
        one.value.fetch_add(1, Ordering::Relaxed);
        one.key.0
    }

    fn counts(series: &Series<Number, AtomicU64>) -> HashMap<u64, u64> {
        series.iter().map(|one| (one.key.0, one.value.load(Ordering::Relaxed))).collect()
    }

    #[test]
    fn beyond_the_limit_new_keys_are_folded_and_old_ones_go_on() {
        let series = Series::new(2);
        let used = [1, 2, 3, 4, 1].map(|number| count(&series, number));
        assert_eq!(used, [1, 2, 0, 0, 1]);
        assert_eq!(counts(&series), HashMap::from([(0, 2), (1, 2), (2, 1)]));
    }

    #[test]
    fn no_count_is_lost_while_the_table_grows() {
        let series = Series::new(usize::MAX);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2_000).for_each(|n| _ = count(&series, n % 200)));
            }
        });
        assert_eq!(counts(&series), (0..200).map(|number| (number, 40)).collect());
        assert_eq!(series.used.into_inner(), 200);
    }
}
