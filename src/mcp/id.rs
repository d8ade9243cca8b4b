//! JSON-RPC ids.

use std::fmt;

use smallvec::SmallVec;

use super::digest::Digest;
use super::number::Number;
use super::scan::Value;
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
    Text {
        /// Inline up to the length of a UUID and some more.
        kept: SmallVec<[u8; 40]>,
        rest: Option<Box<Rest>>,
    },
}

/// What is known of a string after the bytes that are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rest {
    length: u64,
    digest: Digest,
}

/// How many bytes of a string id are kept.
const KEPT: usize = 64;

/// What is wanted of the string that is an id.
pub(super) const KEEP: Keep = Keep {
    bytes: KEPT,
    digest: true,
};

impl Id {
    /// The id that a value is, `None` if it is neither a string nor a number.
    pub(super) fn new(value: Value<'_>) -> Result<Option<Self>, Unreadable> {
        match value {
            Value::Number(number) => Ok(Some(Self(Repr::Number(number)))),
            Value::Text(content) => Self::text(content).map(Some),
            Value::Bool(_) | Value::Null | Value::Container => Ok(None),
        }
    }

    fn text(mut content: Content<'_>) -> Result<Self, Unreadable> {
        // A string that came in one piece comes whole.
        let (kept, beyond) = content.kept.split_at(content.kept.len().min(KEPT));
        content.kept = kept;
        content.digest.push(beyond);
        let rest = content.is_truncated().then(|| {
            Box::new(Rest {
                length: content.length,
                digest: content.digest,
            })
        });
        let kept = SmallVec::from_slice(content.as_str()?.as_bytes());
        Ok(Self(Repr::Text { kept, rest }))
    }
}

impl fmt::Display for Id {
    /// Writes the number or the string as it is; of a long string the beginning and `…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => number.fmt(f),
            Repr::Text { kept, rest } => {
                f.write_str(std::str::from_utf8(kept).unwrap_or_default())?;
                f.write_str(if rest.is_some() { "\u{2026}" } else { "" })
            }
        }
    }
}
