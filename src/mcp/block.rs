//! Sixty-four bytes of JSON at a time, with a bit of a `u64` for each.
//!
//! What a vector instruction would do, in safe code: the loops are written so that the compiler
//! makes vector instructions of them.

/// The bytes of a block.
pub(super) const BLOCK: usize = 64;

/// The bytes that are of a kind, a bit for each.
pub(super) fn find(block: &[u8; BLOCK], kind: impl Fn(u8) -> bool) -> u64 {
    let found = block.map(|byte| u8::from(kind(byte)));
    let words: [u64; BLOCK / 8] = std::array::from_fn(|word| {
        let bytes = found[8 * word..].first_chunk();
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    });
    if words.iter().fold(0, |any, word| any | word) == 0 {
        return 0;
    }
    // The factor moves the ones of eight bytes next to each other, into the highest byte.
    let bits = words.map(|ones| ones.wrapping_mul(0x0102_0408_1020_4080) >> 56);
    bits.iter().rev().fold(0, |mask, bits| mask << 8 | bits)
}

/// The quotes that are not escaped, and the backslashes.
///
/// `escaped` tells whether the first byte is, and is set to whether the first of the next block is.
#[inline]
pub(super) fn find_quotes(block: &[u8; BLOCK], escaped: &mut bool) -> (u64, u64) {
    let quotes = find(block, |byte| byte == b'"');
    let backslashes = find(block, |byte| byte == b'\\');
    let mut literal = u64::from(std::mem::take(escaped));
    let mut left = backslashes & !literal;
    while left != 0 {
        // The first one escapes the byte after it, which may be a backslash itself.
        let next = (left & left.wrapping_neg()) << 1;
        *escaped = next == 0;
        literal |= next;
        left &= (left - 1) & !next;
    }
    (quotes & !literal, backslashes)
}

/// The bytes from each odd quote up to the next: each bit is the parity of those up to it.
pub(super) fn between(mut quotes: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        quotes ^= quotes << shift;
    }
    quotes
}
