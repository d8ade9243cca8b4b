//! A bound on lines that strangers can cause.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Instant,
};

/// Admits so many lines in each second, and counts the others.
///
/// Seconds are counted from when the limiter was made. Nobody waits: a second and its lines are one
/// atomic.
#[derive(Debug)]
pub(super) struct Limiter {
    most: u32,
    epoch: Instant,
    /// The latest second that had a line, in the upper half, and how many it had, in the lower.
    latest: AtomicU64,
    /// The latest second in which it was told how many lines were held back.
    told: AtomicU32,
    /// Lines held back that were not told of yet.
    untold: AtomicU64,
    /// Lines held back in all.
    held_back: AtomicU64,
}

impl Limiter {
    pub(super) fn new(most: u32) -> Self {
        Self::since(Instant::now(), most)
    }

    fn since(epoch: Instant, most: u32) -> Self {
        Self {
            most,
            epoch,
            latest: AtomicU64::new(0),
            told: AtomicU32::new(0),
            untold: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
        }
    }

    /// Whether a line may be written now. It is counted if it may not.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let second = self.second(now);
        // The counters stand for themselves: no other memory is read by what they say.
        let admitted = self.latest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |latest| {
            // Who comes a little late, from another thread, counts in the second that has begun.
            let (of, lines) = unpack(latest);
            let (of, lines) = if second > of { (second, 0) } else { (of, lines) };
            (lines < self.most).then(|| pack(of, lines + 1))
        });
        if admitted.is_err() {
            self.untold.fetch_add(1, Ordering::Relaxed);
            self.held_back.fetch_add(1, Ordering::Relaxed);
        }
        admitted.is_ok()
    }

    /// How many lines were held back that were not told of yet, if there are any. Tells once in a
    /// second, so that telling is no flood either.
    pub(super) fn tell_held_back(&self, now: Instant) -> Option<u64> {
        // Usually there is nothing to tell.
        if self.untold.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let second = self.second(now);
        if self.told.fetch_max(second, Ordering::Relaxed) >= second {
            return None;
        }
        Some(self.untold.swap(0, Ordering::Relaxed)).filter(|&lines| lines > 0)
    }

    /// How many lines were held back in all.
    pub(super) fn held_back(&self) -> u64 {
        self.held_back.load(Ordering::Relaxed)
    }

    /// The second of the limiter's life that it is now. The first is 1.
    fn second(&self, now: Instant) -> u32 {
        let seconds = now.saturating_duration_since(self.epoch).as_secs();
        // After 136 years it is always the same second.
        u32::try_from(seconds + 1).unwrap_or(u32::MAX)
    }
}

impl Clone for Limiter {
    fn clone(&self) -> Self {
        Self::new(self.most)
    }
}

fn pack(second: u32, lines: u32) -> u64 {
    u64::from(second) << 32 | u64::from(lines)
}

#[expect(clippy::cast_possible_truncation, reason = "each half is 32 bits")]
fn unpack(latest: u64) -> (u32, u32) {
    ((latest >> 32) as u32, latest as u32)
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    struct Clock(Instant);

    impl Clock {
        fn at(&self, millis: u64) -> Instant {
            self.0 + Duration::from_millis(millis)
        }
    }

    fn limiter(most: u32) -> (Limiter, Clock) {
        let epoch = Instant::now();
        (Limiter::since(epoch, most), Clock(epoch))
    }

    #[test]
    fn each_second_has_its_lines() {
        let (limiter, clock) = limiter(2);
        let admitted = |millis| limiter.admits(clock.at(millis));
        assert!(admitted(0) && admitted(999));
        assert!(!admitted(999));
        assert!(admitted(1000) && admitted(1500));
        assert!(!admitted(1999) && !admitted(1999));
        assert!(admitted(60_000));
        assert_eq!(limiter.held_back(), 3);
    }

    #[test]
    fn who_comes_late_counts_in_the_second_that_has_begun() {
        let (limiter, clock) = limiter(1);
        assert!(limiter.admits(clock.at(1000)));
        assert!(!limiter.admits(clock.at(999)), "the second before is over");
        assert!(!limiter.admits(clock.at(1999)));
    }

    #[test]
    fn what_was_held_back_is_told_once_and_once_a_second() {
        let (limiter, clock) = limiter(1);
        let admits = |millis| limiter.admits(clock.at(millis));
        let told = |millis| limiter.tell_held_back(clock.at(millis));
        assert!(admits(0) && told(0).is_none(), "nothing was held back");
        assert!(!admits(1) && !admits(2));
        assert_eq!(told(3), Some(2), "by a line of another kind");
        assert!(!admits(4));
        assert_eq!(told(5), None, "in the same second");
        assert!(admits(1000));
        assert_eq!(told(1000), Some(1));
        assert_eq!(told(2000), None);
        assert_eq!(limiter.held_back(), 3, "all of them");
    }

    #[test]
    fn a_bound_of_none_holds_all_back() {
        let (limiter, clock) = limiter(0);
        for second in 0..3 {
            assert!(!limiter.admits(clock.at(second * 1000)));
            assert_eq!(limiter.tell_held_back(clock.at(second * 1000)), Some(1));
        }
    }

    #[test]
    fn threads_admit_together_what_one_would() {
        let (limiter, clock) = limiter(100);
        let count = || (0..1000).filter(|_| limiter.admits(clock.at(10))).count();
        let admitted: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(admitted, 100);
        assert_eq!(limiter.held_back(), 3900);
    }

    #[test]
    fn a_limiter_outlives_its_clock() {
        let (limiter, _) = limiter(1);
        assert_eq!(limiter.second(limiter.epoch + Duration::from_secs(1 << 33)), u32::MAX);
    }
}
