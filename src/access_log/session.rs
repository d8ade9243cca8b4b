//! Sessions, as a line may show them.

#![expect(
    deprecated,
    reason = "the one keyed hash of the standard library that will not change, and the same session \
              has the same hash in every build"
)]

use std::{
    fmt,
    hash::{Hasher, SipHasher},
    sync::OnceLock,
};

use http::HeaderValue;
use uuid::Uuid;

use super::text::{LONGEST_TEXT, clean};

/// How session ids are shown.
#[derive(Clone, Copy)]
pub(super) struct Sessions {
    key: [u8; 16],
    clear: bool,
}

/// A session, as it is shown.
#[derive(Clone, Debug)]
pub(super) enum Session {
    Hash(u64),
    Clear(HeaderValue),
}

impl Sessions {
    /// Hashes that agree within this process, and mean nothing outside of it.
    pub(super) fn of_process() -> Self {
        static KEY: OnceLock<[u8; 16]> = OnceLock::new();
        // 122 bits of it are random.
        Self::keyed(*KEY.get_or_init(|| Uuid::new_v4().into_bytes()))
    }

    /// Hashes that agree wherever the key is the same.
    pub(super) fn keyed(key: [u8; 16]) -> Self {
        Self { key, clear: false }
    }

    pub(super) fn in_clear(&mut self, clear: bool) {
        self.clear = clear;
    }

    pub(super) fn show(&self, id: &HeaderValue) -> Session {
        if self.clear {
            Session::Clear(id.clone())
        } else {
            Session::Hash(self.hash(id.as_bytes()))
        }
    }

    /// SipHash-2-4. A hash without a key could be checked against guesses by everybody who reads it.
    fn hash(&self, id: &[u8]) -> u64 {
        let half = |at: usize| {
            (0..8).fold(0, |word, byte| word | u64::from(self.key[at + byte]) << (8 * byte))
        };
        let mut hasher = SipHasher::new_with_keys(half(0), half(8));
        hasher.write(id);
        hasher.finish()
    }
}

/// Does not show the key.
impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, clear } = self;
        f.debug_struct("Sessions").field("clear", clear).finish_non_exhaustive()
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(hash) => write!(f, "{hash:016x}"),
            // An id is visible ASCII (MCP 2025-11-25, Transports, session management).
            Self::Clear(id) => f.write_str(&clean(id.to_str().unwrap_or_default(), LONGEST_TEXT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// The vectors of the reference implementation of SipHash-2-4.
    #[test]
    fn hash_is_the_published_one() {
        let message: Vec<u8> = (0..15).collect();
        for (length, expected) in [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ] {
            assert_eq!(Sessions::keyed(KEY).hash(&message[..length]), expected, "{length} bytes");
        }
    }

    #[test]
    fn a_session_has_sixteen_digits_and_one_hash_for_each_key() {
        let id = HeaderValue::from_static("0b2a4f6e");
        let shown = |sessions: Sessions| sessions.show(&id).to_string();
        assert_eq!(shown(Sessions::keyed(KEY)).len(), 16);
        assert_eq!(shown(Sessions::keyed(KEY)), shown(Sessions::keyed(KEY)));
        assert_ne!(shown(Sessions::keyed(KEY)), shown(Sessions::keyed([0; 16])));
        assert_eq!(shown(Sessions::of_process()), shown(Sessions::of_process()));
        assert_eq!(Session::Hash(10).to_string(), "000000000000000a");
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let shown = format!("{:?}", Sessions::keyed(*b"a key in letters"));
        assert_eq!(shown, "Sessions { clear: false, .. }");
    }
}
