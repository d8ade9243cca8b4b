//! From keys to fields.

use super::id::Id;
use super::number::Number;

/// As much of a document as is looked at for the next key.
pub(super) type Head = [u8; 16];

/// What the head begins with.
pub(super) enum Glance<Field> {
    /// The key of a member, and the colon.
    Key { field: Option<Field>, length: usize },
    /// A whole member, of which no more need be read.
    Member { length: usize },
    /// A member up to the bracket that opens its object, and perhaps one before it that has been read.
    Object { field: Field, length: usize },
}

/// Writes the two ways from a key to a field from one table for each place.
///
/// Keys that are skipped may stand in the table too, with `None`, if they are common enough to be
/// worth finding quickly.
macro_rules! keys {
    ($($place:ident { $($key:literal => $field:expr,)+ })+) => {
        impl Field {
            /// The field that a key means.
            fn of(place: Place, key: &[u8]) -> Option<Self> {
                match place {
                    $(Place::$place => {
                        $(if key == $key.as_bytes() {
                            return $field;
                        })+
                    })+
                    _ => {}
                }
                None
            }

            /// The same for a key at the beginning of `head`, if it is one of the table and written
            /// as it mostly is: not escaped, and no white space before the colon.
            ///
            /// That spares a search for the end of the key. The first four bytes choose among the
            /// keys of the table, so that at most a few of them are compared.
            #[inline]
            fn at(place: Place, head: &Head) -> Option<Glance<Self>> {
                let [a, b, c, d, ..] = *head;
                let first = u32::from_le_bytes([a, b, c, d]);
                match place {
                    $(Place::$place => {
                        $({
                            const WRITTEN: &[u8] = concat!("\"", $key, "\":").as_bytes();
                            if first == first_of(WRITTEN) && head.starts_with(WRITTEN) {
                                return Some(Glance::Key { field: $field, length: WRITTEN.len() });
                            }
                        })+
                    })+
                    _ => {}
                }
                None
            }
        }
    };
}

pub(super) use keys;

/// The first four bytes of a key as it is written, in its quotes.
pub(super) const fn first_of(written: &[u8]) -> u32 {
    u32::from_le_bytes([written[0], written[1], written[2], written[3]])
}

/// What most messages begin with.
pub(super) const OPENING: &[u8] = br#"{"jsonrpc":"2.0","#;

/// What nearly every message has in it.
pub(super) const JSONRPC: &[u8] = br#""jsonrpc":"2.0""#;

/// The id in a head that is of a short number, and the bytes of the member.
#[inline]
pub(super) fn numbered(head: &Head) -> Option<(Id, usize)> {
    const KEY: usize = br#""id":"#.len();
    let (number, size) = Number::integer(&head[KEY..])?;
    Some((Id::number(number), KEY + size))
}
