//! A digest of what is too long to keep.

/// FNV-1a over 64 bits, which gives the same value however its input was split.
///
/// It tells apart ids that agree in length and in everything that is kept of them. Whoever forges a
/// collision only confuses the answers to messages of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(super) const fn number(self) -> u64 {
        self.0
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
