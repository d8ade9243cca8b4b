//! A share of the lines.

use std::sync::atomic::{AtomicU64, Ordering};

/// Takes the first of every `n`.
#[derive(Debug)]
pub(super) struct Sampler {
    n: u64,
    seen: AtomicU64,
}

impl Sampler {
    pub(super) fn new(n: u32) -> Self {
        Self { n: n.max(1).into(), seen: AtomicU64::new(0) }
    }

    pub(super) fn takes(&self) -> bool {
        // Nothing else depends on the count, so no order is asked for. It takes millennia to wrap.
        self.n == 1 || self.seen.fetch_add(1, Ordering::Relaxed) % self.n == 0
    }
}

impl Clone for Sampler {
    fn clone(&self) -> Self {
        Self { n: self.n, seen: AtomicU64::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_every_n_is_taken() {
        for (n, expected) in [(0, 9), (1, 9), (2, 5), (3, 3), (9, 1), (10, 1), (u32::MAX, 1)] {
            let sampler = Sampler::new(n);
            let taken: Vec<_> = (0..9).filter(|_| sampler.takes()).collect();
            assert_eq!(taken.len(), expected, "one in {n}");
            assert_eq!(taken[0], 0, "the first is among them");
        }
    }

    #[test]
    fn a_clone_counts_on_its_own() {
        let sampler = Sampler::new(2);
        assert!(sampler.takes());
        assert!(sampler.clone().takes());
        assert!(!sampler.takes());
    }
}
