//! JSON-RPC ids.

use std::fmt;

use super::digest::Digest;
use super::number::Number;
use super::short::Short;
use super::string::{Content, Keep};
use super::unreadable::Unreadable;

/// The id of a request, which its response repeats.
///
/// JSON-RPC 2.0 section 4 allows a string or a number, of any length. Two ids are equal if they are
/// of the same JSON type and of the same value, however they were written. Of a long string the
/// first 64 bytes, the length and a digest of the rest are compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id(Repr);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Repr {
    Number(Number),
    /// Inline up to the length of a UUID and some more.
    Text(Short<38>),
    /// A string of which only the first bytes are kept.
    Long(Box<Long>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Long {
    kept: Box<[u8]>,
    /// Of the whole string, in bytes.
    length: u64,
    /// Of what follows `kept`.
    digest: Digest,
}

/// What is wanted of a string that is an id.
pub(super) const KEEP: Keep = Keep { bytes: 64, digest: true };

impl Id {
    pub(super) fn number(number: Number) -> Self {
        Self(Repr::Number(number))
    }

    /// The id with that content; an error if it is not UTF-8.
    pub(super) fn text(content: &Content<'_>) -> Result<Self, Unreadable> {
        let kept = content.as_str()?.as_bytes();
        if content.is_truncated() {
            let Content { length, digest, .. } = *content;
            return Ok(Self(Repr::Long(Box::new(Long { kept: kept.into(), length, digest }))));
        }
        Ok(Self(Repr::Text(Short::new(kept))))
    }
}

impl fmt::Display for Id {
    /// Writes the number or the string as it is; of a long string the beginning and `…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => number.fmt(f),
            Repr::Text(text) => f.write_str(utf8(text.as_bytes())),
            Repr::Long(long) => {
                f.write_str(utf8(&long.kept))?;
                f.write_str("\u{2026}")
            }
        }
    }
}

/// What was UTF-8 when it came in.
fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Id {
        Id::text(&Content::of(text.as_bytes(), KEEP)).expect("it is UTF-8")
    }

    fn number(magnitude: u64) -> Id {
        Id::number(Number::Integer { negative: false, magnitude })
    }

    #[test]
    fn a_string_is_never_a_number() {
        assert_eq!(number(1), number(1));
        assert_eq!(text("1"), text("1"));
        assert_ne!(number(1), text("1"));
    }

    #[test]
    fn long_ids_differ_wherever_they_differ() {
        let same = "x".repeat(1000);
        let ids = [
            same.clone(),
            format!("{same}x"),
            format!("y{same}")[..1000].to_owned(),
            format!("{}y", &same[1..]),
            format!("{}y{}", &same[..500], &same[501..]),
        ];
        for (index, one) in ids.iter().enumerate() {
            assert_eq!(text(one), text(one));
            for another in &ids[index + 1..] {
                assert_ne!(text(one), text(another));
            }
        }
    }

    #[test]
    fn ids_are_shown_as_they_are_and_long_ones_cut() {
        assert_eq!(number(7).to_string(), "7");
        assert_eq!(text("req-\u{e9}").to_string(), "req-\u{e9}");
        let long = text(&"\u{20ac}".repeat(30)).to_string();
        assert_eq!(long, format!("{}\u{2026}", "\u{20ac}".repeat(21)), "63 of 64 bytes");
    }

    #[test]
    fn an_id_is_small() {
        assert!(size_of::<Option<Id>>() <= 64, "{}", size_of::<Option<Id>>());
    }
}
