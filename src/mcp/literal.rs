//! The three names of JSON, in pieces: `true`, `false` and `null` (RFC 8259 section 3).

use super::scan::Value;
use super::unreadable::Unreadable;

/// A literal of which at least the first byte has been seen.
#[derive(Clone, Copy)]
pub(super) struct Literal {
    word: &'static [u8],
    taken: usize,
}

impl Literal {
    pub(super) fn beginning_with(byte: u8) -> Option<Self> {
        let word: &[u8] = match byte {
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            _ => return None,
        };
        Some(Self { word, taken: 1 })
    }

    /// Takes the bytes after the first. Gives the number of bytes up to the end of the literal,
    /// `None` if it is yet to come.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
        let missing = &self.word[self.taken..];
        let length = missing.len().min(bytes.len());
        if bytes[..length] != missing[..length] {
            return Err(Unreadable::Syntax);
        }
        self.taken += length;
        Ok((self.taken == self.word.len()).then_some(length))
    }

    pub(super) fn value(self) -> Value<'static> {
        match self.word[0] {
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            _ => Value::Null,
        }
    }
}
