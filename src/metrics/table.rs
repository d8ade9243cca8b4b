//! A hash table that only grows: read without a lock or a copy, by safe code.

use std::{
    hash::{BuildHasher, RandomState},
    iter,
    sync::OnceLock,
};

/// Items in buckets, each a chain whose last link is still open.
///
/// What is in the table stays where it is as long as the table lives, so a lookup follows links
/// that are set once, waits for nobody and returns a plain reference. The number of buckets is
/// fixed: the items of a store are bounded, and chains short long before that.
#[derive(Debug)]
pub(super) struct Table<T> {
    buckets: Box<[Link<T>]>,
}

type Link<T> = OnceLock<Box<Node<T>>>;

#[derive(Debug)]
struct Node<T> {
    item: T,
    next: Link<T>,
}

impl<T> Table<T> {
    /// `buckets` is a power of two.
    pub(super) fn new(buckets: usize) -> Self {
        debug_assert!(buckets.is_power_of_two());
        Self { buckets: iter::repeat_with(Link::new).take(buckets).collect() }
    }

    /// The item with this hash that `is` the one.
    pub(super) fn find(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&T> {
        let mut link = self.bucket(hash);
        // An iterator would look at the link after the item before it gives the item.
        while let Some(node) = link.get() {
            if is(&node.item) {
                return Some(&node.item);
            }
            link = &node.next;
        }
        None
    }

    /// Adds an item that is not in the table. Who calls this holds the lock on growth, so that
    /// nobody adds the same one meanwhile.
    pub(super) fn add(&self, hash: u64, item: T) -> &T {
        let mut node = Box::new(Node { item, next: Link::new() });
        let mut link = self.bucket(hash);
        loop {
            while let Some(node) = link.get() {
                link = &node.next;
            }
            match link.set(node) {
                Ok(()) => break,
                Err(ours) => node = ours,
            }
        }
        &link.get().expect("the link has just been set").item
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.buckets.iter().flat_map(chain)
    }

    fn bucket(&self, hash: u64) -> &Link<T> {
        // The high bits of a product depend on all bits of its factors.
        let bucket = (hash >> 32) as usize & (self.buckets.len() - 1);
        &self.buckets[bucket]
    }
}

fn chain<T>(first: &Link<T>) -> impl Iterator<Item = &T> {
    iter::successors(first.get(), |node| node.next.get()).map(|node| &node.item)
}

/// Hashes what clients choose, under a key that they cannot know, and what they do not.
///
/// Each word is multiplied to twice its length and folded. That is weaker than `SipHash` and takes
/// a fifth of its time; were the key found out, a lookup would compare a few hundred short names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash {
    key: u64,
}

impl Hash {
    pub(super) fn new() -> Self {
        Self { key: RandomState::new().hash_one(0) }
    }

    pub(super) fn of_number(self, number: u64) -> u64 {
        fold(self.key ^ number)
    }

    /// Hashes two texts, where each keeps its own end: `("ab", "c")` is not `("a", "bc")`.
    pub(super) fn of_texts(self, first: &str, second: &str) -> u64 {
        Self { key: self.of_text(first) }.of_text(second)
    }

    pub(super) fn of_text(self, text: &str) -> u64 {
        self.of_bytes(text.as_bytes())
    }

    pub(super) fn of_bytes(self, bytes: &[u8]) -> u64 {
        let start = self.key ^ bytes.len() as u64;
        // The last word overlaps the one before it, so that no bytes are left over.
        let Some(last) = bytes.last_chunk() else { return fold(start ^ short_word(bytes)) };
        let words = bytes.chunks_exact(size_of::<u64>()).filter_map(|word| word.first_chunk());
        let hash = words.fold(start, |hash, &word| fold(hash ^ u64::from_le_bytes(word)));
        fold(hash ^ u64::from_le_bytes(*last))
    }
}

/// Up to seven bytes in one word, each in a place of its own for their number.
fn short_word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

fn fold(number: u64) -> u64 {
    // An odd number without a pattern in its bits: the fraction of the golden ratio.
    let product = u128::from(number) * 0x9e37_79b9_7f4a_7c15;
    #[expect(clippy::cast_possible_truncation, reason = "one half after the other")]
    let [low, high] = [product as u64, (product >> 64) as u64];
    low ^ high
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Mutex, thread};

    use super::*;

    #[test]
    fn finds_what_was_added_though_all_share_a_chain() {
        for buckets in [1, 4, 64] {
            let table = Table::new(buckets);
            let hash = Hash::new();
            for number in 0..100 {
                let of = hash.of_number(number);
                assert_eq!(table.find(of, |item| *item == number), None);
                assert_eq!(table.add(of, number), &number);
            }
            for number in 0..100 {
                let found = table.find(hash.of_number(number), |item| *item == number);
                assert_eq!(found, Some(&number), "{buckets} buckets");
            }
            assert_eq!(table.iter().collect::<HashSet<_>>().len(), 100);
        }
    }

    #[test]
    fn grows_under_readers() {
        let (table, growing) = (Table::new(8), Mutex::new(()));
        let hash = Hash::new();
        thread::scope(|scope| {
            for first in 0..4 {
                let (table, growing) = (&table, &growing);
                scope.spawn(move || {
                    for number in (0..500).map(|n| (n + first * 125) % 500) {
                        let (of, is) = (hash.of_number(number), |item: &u64| *item == number);
                        if table.find(of, is).is_none() {
                            let _growing = growing.lock();
                            if table.find(of, is).is_none() {
                                table.add(of, number);
                            }
                        }
                        assert_eq!(table.find(of, is), Some(&number));
                    }
                });
            }
        });
        assert_eq!(table.iter().count(), 500);
    }

    #[test]
    fn texts_are_hashed_to_their_last_byte_and_under_a_key() {
        let hash = Hash { key: 7 };
        let texts = [
            "",
            "a",
            "b",
            "ab",
            "ba",
            "abcd",
            "abce",
            "bbcd",
            "abcdefg",
            "abcdeg",
            "aaaaaaaa",
            "aaaaaaaab",
            "aaaaaaaa\0",
            "\0",
        ];
        let hashes: HashSet<_> = texts.into_iter().map(|text| hash.of_text(text)).collect();
        assert_eq!(hashes.len(), texts.len());
        assert_ne!(Hash { key: 8 }.of_text("a"), hash.of_text("a"));
        assert_ne!(hash.of_texts("ab", "c"), hash.of_texts("a", "bc"));
    }

    #[test]
    fn names_spread_over_the_buckets() {
        let table = Table::new(256);
        let hash = Hash::new();
        for number in 0..256 {
            let name = format!("tool_{number}");
            table.add(hash.of_text(&name), name);
        }
        let longest = table.buckets.iter().map(|bucket| chain(bucket).count()).max();
        assert!(longest < Some(16), "{longest:?} in one bucket");
    }
}
