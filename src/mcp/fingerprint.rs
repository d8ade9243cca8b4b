//! Whether bytes are still the same as they were.

/// A hash of bytes that come in pieces, the same however they were cut.
///
/// It takes eight bytes at a time: a list of tools has kilobytes of schemas, and the byte-wise
/// [`Digest`](super::digest::Digest) would take longer for them than the scanner does. There is no
/// key. Nothing is looked up by it, it has to be the same in every process, and what a collision
/// would hide is a change that a server made to its own list.
#[derive(Default)]
pub(super) struct Fingerprint {
    state: u64,
    /// The bytes after the last whole word, the first of them lowest, and their number.
    rest: u64,
    pending: usize,
    length: u64,
}

const WORD: usize = 8;

impl Fingerprint {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let missing = (WORD - self.pending) % WORD;
        let (first, mut bytes) = bytes.split_at(bytes.len().min(missing));
        self.keep(first);
        if self.pending == WORD {
            self.mix(self.rest);
            (self.rest, self.pending) = (0, 0);
        }
        while let Some((word, rest)) = bytes.split_first_chunk() {
            self.mix(u64::from_le_bytes(*word));
            bytes = rest;
        }
        self.keep(bytes);
    }

    /// The number of bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn finish(mut self) -> u64 {
        self.mix(self.rest);
        // Tells a zero byte at the end from none.
        self.mix(self.length);
        self.state
    }

    /// Takes bytes of a word that may not be whole yet.
    fn keep(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.rest |= u64::from(*byte) << (8 * self.pending);
            self.pending += 1;
        }
    }

    /// No step loses anything: of two states, or of two words, that differ, so do the results.
    fn mix(&mut self, word: u64) {
        // An odd factor, the golden ratio's, and its high bits back to the low ones.
        self.state = (self.state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.state ^= self.state >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> u64 {
        let mut fingerprint = Fingerprint::default();
        for piece in pieces {
            fingerprint.push(piece);
        }
        fingerprint.finish()
    }

    #[test]
    fn it_is_the_same_however_the_bytes_are_cut() {
        let bytes: Vec<u8> = (1..=41).collect();
        for length in 0..bytes.len() {
            let bytes = &bytes[..length];
            let whole = of([bytes]);
            for first in 0..=length {
                for second in first..=length {
                    let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    assert_eq!(of(pieces), whole, "{first} {second} {length}");
                }
            }
            assert_eq!(of(bytes.chunks(1)), whole);
        }
    }

    #[test]
    fn any_change_of_a_byte_or_of_the_length_shows() {
        let mut all = std::collections::HashSet::new();
        for length in 0..40 {
            assert!(all.insert(of([&vec![0; length][..]])), "{length} zeros");
            for at in 0..length {
                for byte in [1, 0x80, 0xff] {
                    let mut bytes = vec![0; length];
                    bytes[at] = byte;
                    assert!(all.insert(of([&bytes[..]])), "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn bytes_that_change_places_show() {
        let bytes: Vec<u8> = (0..64).collect();
        let mut all = std::collections::HashSet::from([of([&bytes[..]])]);
        for one in 0..bytes.len() {
            for other in 0..one {
                let mut swapped = bytes.clone();
                swapped.swap(one, other);
                assert!(all.insert(of([&swapped[..]])), "{one} and {other}");
            }
        }
    }
}
