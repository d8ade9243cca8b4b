//! Byte strings that are mostly short.

use std::hash::{Hash, Hasher};

/// Bytes that never change: up to `N` of them inline, more on the heap.
///
/// A `SmallVec` keeps a capacity beside them, of eight bytes.
#[derive(Clone, Debug)]
pub(super) enum Short<const N: usize> {
    Inline { length: u8, bytes: [u8; N] },
    Heap(Box<[u8]>),
}

impl<const N: usize> Short<N> {
    pub(super) fn new(bytes: &[u8]) -> Self {
        match u8::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= N => {
                let mut inline = [0; N];
                inline[..bytes.len()].copy_from_slice(bytes);
                Self::Inline { length, bytes: inline }
            }
            _ => Self::Heap(bytes.into()),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Self::Heap(bytes) => bytes,
        }
    }
}

impl<const N: usize> PartialEq for Short<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for Short<N> {}

impl<const N: usize> Hash for Short<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_wherever_they_live() {
        for length in [0, 1, 3, 4, 5, 300] {
            let bytes = vec![7; length];
            let short = Short::<4>::new(&bytes);
            assert_eq!(short.as_bytes(), bytes);
            assert_eq!(matches!(short, Short::Inline { .. }), length <= 4, "{length}");
            assert_ne!(short, Short::new(&[&bytes[..], &[7]].concat()), "{length}");
        }
    }
}
