//! The cursors by which lists go on.

use std::num::NonZeroU64;

use super::fingerprint::Fingerprint;
use super::id;
use super::string::{Content, Keep};

/// A cursor, by a hash of what it says: a client repeats the one that it was given (MCP 2025-11-25,
/// Pagination).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cursor(NonZeroU64);

/// What is wanted of a string that is a cursor: what tells it from another.
pub(super) const KEEP: Keep = id::KEEP;

impl Cursor {
    /// The cursor of that content. An empty one is none: that is how some servers write that a list is at
    /// its end, and clients that it is to begin.
    #[cold]
    pub(super) fn new(content: &Content<'_>) -> Option<Self> {
        if content.length == 0 {
            return None;
        }
        let mut fingerprint = Fingerprint::default();
        fingerprint.push(content.kept);
        fingerprint.push(&content.length.to_le_bytes());
        fingerprint.push(&content.digest.number().to_le_bytes());
        Some(Self(NonZeroU64::new(fingerprint.finish()).unwrap_or(NonZeroU64::MIN)))
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn of_test(text: &str) -> Option<Self> {
        Self::new(&Content::of(text.as_bytes(), KEEP))
    }
}
