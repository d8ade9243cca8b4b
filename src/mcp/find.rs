//! Searching for one of two bytes.

/// The position of the first of the two bytes.
///
/// Most keys, many values and the lines of an event but for its data end within the first two
/// words, before a vector search would have set out.
#[inline]
pub(super) fn find_either(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    let Some((first, rest)) = bytes.split_first_chunk() else {
        return bytes.iter().position(|byte| *byte == one || *byte == other);
    };
    if let Some(at) = in_word(one, other, *first) {
        return Some(at);
    }
    if let Some(at) = rest.first_chunk().and_then(|second| in_word(one, other, *second)) {
        return Some(8 + at);
    }
    memchr::memchr2(one, other, rest).map(|at| 8 + at)
}

#[inline]
fn in_word(one: u8, other: u8, word: [u8; 8]) -> Option<usize> {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

    let word = u64::from_le_bytes(word);
    let ones = word ^ u64::from_le_bytes([one; 8]);
    let others = word ^ u64::from_le_bytes([other; 8]);
    // The high bit of each zero byte. A borrow can set it in later bytes too, never in earlier
    // ones, and the first is all that is asked for.
    let zeros = (ones.wrapping_sub(LOW) & !ones) | (others.wrapping_sub(LOW) & !others);
    let found = zeros & HIGH;
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_either_is_found_wherever_it_is() {
        for length in 0..80 {
            // Bytes next to those searched for, on which a borrow could be mistaken.
            let mut bytes: Vec<u8> = [b'!', b'#', 0x00, 0x80, b'[', b']', 0xff].repeat(12);
            bytes.truncate(length);
            assert_eq!(find_either(b'"', b'\\', &bytes), None);
            for at in 0..length {
                let mut bytes = bytes.clone();
                for (byte, later) in [(b'"', b'\\'), (b'\\', b'"')] {
                    bytes[at..].fill(later);
                    bytes[at] = byte;
                    assert_eq!(find_either(b'"', b'\\', &bytes), Some(at), "{at} of {length}");
                }
            }
        }
    }
}
