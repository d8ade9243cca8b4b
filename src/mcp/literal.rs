//! The three names of JSON, in pieces: `true`, `false` and `null` (RFC 8259 section 3).

use super::scan::Other;
use super::unreadable::Unreadable;

/// A literal of which at least the first byte has been seen.
#[derive(Clone, Copy)]
pub(super) struct Literal {
    word: &'static [u8],
    taken: usize,
}

impl Literal {
    /// The literal that `bytes` begin with, if all of it is there, and the number of bytes taken.
    #[inline]
    pub(super) fn whole(bytes: &[u8]) -> Option<(Other, usize)> {
        match bytes {
            [b't', b'r', b'u', b'e', ..] => Some((Other::Bool(true), 4)),
            [b'f', b'a', b'l', b's', b'e', ..] => Some((Other::Bool(false), 5)),
            [b'n', b'u', b'l', b'l', ..] => Some((Other::Null, 4)),
            _ => None,
        }
    }

    /// The literal that begins with `t`, `f` or `n`.
    pub(super) fn beginning_with(byte: u8) -> Self {
        let word: &[u8] = match byte {
            b't' => b"true",
            b'f' => b"false",
            _ => b"null",
        };
        Self { word, taken: 1 }
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

    pub(super) fn value(self) -> Other {
        match self.word[0] {
            b't' => Other::Bool(true),
            b'f' => Other::Bool(false),
            _ => Other::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_wherever_it_is_cut() {
        for (word, value) in
            [("true", Other::Bool(true)), ("false", Other::Bool(false)), ("null", Other::Null)]
        {
            let (first, rest) = word.as_bytes().split_at(1);
            for at in 0..rest.len() {
                let mut literal = Literal::beginning_with(first[0]);
                assert_eq!(literal.feed(&rest[..at]), Ok(None), "{word} {at}");
                let last = [&rest[at..], b",x"].concat();
                assert_eq!(literal.feed(&last), Ok(Some(rest.len() - at)), "{word} {at}");
                assert_eq!(literal.value(), value);
            }
        }
    }

    #[test]
    fn what_is_nearly_one_is_refused() {
        for (first, rest) in [(b't', "ruE"), (b'n', "ul,"), (b'f', "false")] {
            let mut literal = Literal::beginning_with(first);
            assert_eq!(literal.feed(rest.as_bytes()), Err(Unreadable::Syntax), "{rest}");
        }
    }
}
