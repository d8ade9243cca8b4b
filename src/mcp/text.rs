//! A captured string of bounded size.

use std::fmt;

use smallvec::SmallVec;

use super::digest::Digest;
use super::string::Content;
use super::unreadable::Unreadable;

/// The beginning of a string that a message carried, unescaped and always UTF-8.
///
/// Up to 56 bytes live inline; that holds a `traceparent` (55 bytes) and almost every tool name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Text {
    bytes: SmallVec<[u8; 56]>,
    truncated: bool,
}

impl Text {
    /// What is kept of a string; an error if that is not UTF-8.
    pub(super) fn new(content: &Content<'_>) -> Result<Self, Unreadable> {
        // The way of nearly all names, and a quick one.
        let text =
            if content.kept.is_ascii() { content.kept } else { content.as_str()?.as_bytes() };
        Ok(Self { bytes: SmallVec::from_slice(text), truncated: content.is_truncated() })
    }

    /// The first bytes of a text of that length, as much as is kept of a string. `None` if it is not UTF-8.
    pub(super) fn beginning(bytes: &[u8], length: usize) -> Option<Self> {
        let kept = &bytes[..bytes.len().min(LONGEST)];
        Self::new(&Content { kept, length: length as u64, digest: Digest::new() }).ok()
    }

    pub(crate) fn as_str(&self) -> &str {
        // The bytes were UTF-8 when they came in, and nothing changes them. Without `unsafe` the
        // compiler must be shown again.
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the string was longer than what is kept of it.
    pub(crate) fn is_truncated(&self) -> bool {
        self.truncated
    }
}

/// What is kept of a name, in bytes.
pub(super) const LONGEST: usize = 256;

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(kept: &[u8], length: u64) -> Result<Text, Unreadable> {
        Text::new(&Content { kept, length, digest: Digest::new() })
    }

    #[test]
    fn a_cut_leaves_whole_characters() {
        let text = "a\u{e9}\u{1f980}".as_bytes();
        for (kept, expected) in [(1, "a"), (2, "a"), (3, "a\u{e9}"), (6, "a\u{e9}")] {
            let text = cut(&text[..kept], 7).expect("what is kept is text");
            assert_eq!(text.as_str(), expected, "cut after {kept} bytes");
            assert!(text.is_truncated());
        }
    }

    #[test]
    fn a_string_that_fits_is_whole() {
        let text = cut("a\u{e9}".as_bytes(), 3).expect("it is text");
        assert_eq!(text.as_str(), "a\u{e9}");
        assert!(!text.is_truncated());
    }

    #[test]
    fn an_unfinished_character_is_an_error_where_nothing_was_cut() {
        assert_eq!(cut(b"a\xc3", 2), Err(Unreadable::Utf8));
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error_even_before_a_cut() {
        assert_eq!(cut(b"\xff\xfe a", 9), Err(Unreadable::Utf8));
        assert_eq!(cut(b"a\xed\xa0\x80", 9), Err(Unreadable::Utf8), "a surrogate is not UTF-8");
    }
}
