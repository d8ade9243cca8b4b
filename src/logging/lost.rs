//! Lines that nobody will read.

use std::sync::atomic::{AtomicU64, Ordering};

/// Relaxed throughout: a number to look at, which orders nothing.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How many lines this process has lost so far, over all of its layers.
///
/// A line is lost when its writer fails (standard output was closed, the disk is full), and when it
/// cannot be written without end: the writer itself logs, or a value does that is being formatted
/// for a line that is being formatted for a line, several deep. Nothing else tells of it.
pub fn lost_lines() -> u64 {
    LOST.load(Ordering::Relaxed)
}

pub(super) fn count() {
    LOST.fetch_add(1, Ordering::Relaxed);
}
