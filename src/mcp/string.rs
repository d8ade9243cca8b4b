//! JSON strings in pieces: where they end, and what they say once unescaped.
//!
//! RFC 8259 section 7. Two leniencies, both for documents that no parser takes: a raw control
//! character is let through, and so is anything but the end in a string that is skipped.

use smallvec::SmallVec;

use super::digest::Digest;
use super::find::find_either;
use super::unreadable::Unreadable;

/// What a string says: all of it, or its first bytes and what tells the rest apart.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) kept: &'a [u8],
    /// Of the whole string, in bytes.
    pub(super) length: u64,
    /// Of what follows `kept`, if [`Keep::digest`] asked for it.
    pub(super) digest: Digest,
}

/// Whoever wants a string to be kept wants this much of it at least.
pub(super) const SHORT: usize = 64;

impl<'a> Content<'a> {
    /// All of a string.
    pub(super) const fn whole(text: &'a [u8]) -> Self {
        Self { kept: text, length: text.len() as u64, digest: Digest::new() }
    }

    pub(super) fn of(text: &'a [u8], keep: Keep) -> Self {
        let (kept, beyond) = text.split_at(text.len().min(keep.bytes));
        let mut digest = Digest::new();
        if keep.digest {
            digest.push(beyond);
        }
        Self { kept, length: text.len() as u64, digest }
    }

    /// Whether the string goes on after what is kept.
    pub(super) fn is_truncated(&self) -> bool {
        self.kept.len() as u64 != self.length
    }

    /// What is kept, less the part of a character that the cut may have left at its end.
    pub(super) fn as_str(&self) -> Result<&'a str, Unreadable> {
        let error = match std::str::from_utf8(self.kept) {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        if !self.is_truncated() || error.error_len().is_some() {
            return Err(Unreadable::Utf8);
        }
        std::str::from_utf8(&self.kept[..error.valid_up_to()]).map_err(|_| Unreadable::Utf8)
    }
}

/// How much of a string is wanted.
#[derive(Clone, Copy)]
pub(super) struct Keep {
    pub(super) bytes: usize,
    pub(super) digest: bool,
}

impl Keep {
    pub(super) const fn first(bytes: usize) -> Self {
        Self { bytes, digest: false }
    }
}

/// The position of the first quote or backslash.
#[inline]
fn find_special(bytes: &[u8]) -> Option<usize> {
    find_either(b'"', b'\\', bytes)
}

/// The string that `bytes` begin with, if its end is there and nothing in it is escaped.
#[inline]
pub(super) fn whole_string(bytes: &[u8]) -> Option<&[u8]> {
    let end = find_special(bytes)?;
    (bytes[end] == b'"').then(|| &bytes[..end])
}

/// Unescapes a string that is not in one frame as it is: cut by the network, or with escapes.
pub(super) struct StringReader {
    /// Inline up to what is kept of a name.
    kept: SmallVec<[u8; 256]>,
    keep: Keep,
    length: u64,
    digest: Digest,
    escape: Escape,
}

/// How far into an escape the string is.
#[derive(Clone, Copy)]
enum Escape {
    None,
    /// After the backslash. `high` is a high surrogate that came just before.
    Backslash {
        high: Option<u16>,
    },
    /// After `\u` and some of its four digits.
    Hex {
        high: Option<u16>,
        digits: u8,
        unit: u16,
    },
    /// After a high surrogate: a backslash must follow.
    Pair {
        high: u16,
    },
}

impl StringReader {
    pub(super) fn new() -> Self {
        Self {
            kept: SmallVec::new(),
            keep: Keep::first(0),
            length: 0,
            digest: Digest::new(),
            escape: Escape::None,
        }
    }

    /// Begins another string.
    pub(super) fn begin(&mut self, keep: Keep) {
        self.kept.clear();
        self.keep = keep;
        self.length = 0;
        self.digest = Digest::new();
        self.escape = Escape::None;
    }

    /// Takes the bytes after the opening quote, frame by frame. Gives the number of bytes up to
    /// and with the closing quote, `None` if it is yet to come.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if !matches!(self.escape, Escape::None) {
                self.escaped(byte)?;
                at += 1;
                continue;
            }
            let rest = &bytes[at..];
            let plain = find_special(rest).unwrap_or(rest.len());
            self.push(&rest[..plain]);
            at += plain + 1;
            match rest.get(plain) {
                Some(b'"') => return Ok(Some(at)),
                Some(_) => self.escape = Escape::Backslash { high: None },
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    pub(super) fn content(&self) -> Content<'_> {
        Content { kept: &self.kept, length: self.length, digest: self.digest }
    }

    fn escaped(&mut self, byte: u8) -> Result<(), Unreadable> {
        self.escape = match (self.escape, byte) {
            (Escape::Pair { high }, b'\\') => Escape::Backslash { high: Some(high) },
            (Escape::Backslash { high }, b'u') => Escape::Hex { high, digits: 0, unit: 0 },
            (Escape::Backslash { high: None }, _) => {
                self.push(&[match byte {
                    b'"' | b'\\' | b'/' => byte,
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    _ => return Err(Unreadable::Syntax),
                }]);
                Escape::None
            }
            (Escape::Hex { high, digits, unit }, _) => {
                let unit = unit << 4 | hex(byte).ok_or(Unreadable::Syntax)?;
                if digits < 3 {
                    Escape::Hex { high, digits: digits + 1, unit }
                } else {
                    self.unit(high, unit)?
                }
            }
            _ => return Err(Unreadable::Syntax),
        };
        Ok(())
    }

    /// Takes a UTF-16 code unit. A surrogate without its other half is no character, and a string
    /// with one is refused, as `serde_json` does.
    fn unit(&mut self, high: Option<u16>, unit: u16) -> Result<Escape, Unreadable> {
        if high.is_none() && (0xd800..0xdc00).contains(&unit) {
            return Ok(Escape::Pair { high: unit });
        }
        let mut chars = char::decode_utf16(high.into_iter().chain([unit]));
        match (chars.next(), chars.next()) {
            (Some(Ok(char)), None) => {
                self.push(char.encode_utf8(&mut [0; 4]).as_bytes());
                Ok(Escape::None)
            }
            _ => Err(Unreadable::Syntax),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let room = self.keep.bytes - self.kept.len();
        let (kept, beyond) = bytes.split_at(bytes.len().min(room));
        self.kept.extend_from_slice(kept);
        if self.keep.digest {
            self.digest.push(beyond);
        }
    }
}

fn hex(digit: u8) -> Option<u16> {
    Some(u16::from(match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests;
