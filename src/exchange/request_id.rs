//! The id of an exchange, as text that needs no escape anywhere. It stands here, and not with the layer
//! that gives it, because the exchange carries it for every signal.

use std::{error::Error, fmt, str::FromStr};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;
use uuid::{Uuid, fmt::Hyphenated};

/// The id of one exchange.
///
/// It is 1 to 128 bytes of `[A-Za-z0-9._~+/=:@-]`: safe in a header, in a log line and inside a JSON
/// string as it stands, since nothing in it can need an escape. A clone shares the text.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::request_id::RequestId;
///
/// let id: RequestId = "0b2a4f6e-order:66".parse()?;
/// assert_eq!(id.as_str(), "0b2a4f6e-order:66");
///
/// assert!("two words".parse::<RequestId>().is_err());
/// assert!("".parse::<RequestId>().is_err());
/// # Ok::<_, mcp_telemetry::request_id::InvalidRequestId>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The UUID in its usual form: 36 bytes, lower case.
    pub(crate) fn from_uuid(uuid: Uuid) -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        uuid.hyphenated().encode_lower(&mut text);
        // `Bytes` from an owner allocate once and are shared from the start. Copied from a slice they
        // would allocate again at their first clone, and every id is cloned.
        HeaderValue::from_maybe_shared(Bytes::from_owner(text))
            .map(Self)
            .expect("hexadecimal digits and hyphens make a header value")
    }

    /// The id as text.
    #[expect(clippy::missing_panics_doc, reason = "every constructor admits ASCII alone")]
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("a request id is visible ASCII")
    }

    /// The id as the value of a header, ready to be cloned into one.
    pub const fn header_value(&self) -> &HeaderValue {
        &self.0
    }

    /// Makes this id the one value that `headers` has under `name`.
    pub(crate) fn stamp(&self, name: &HeaderName, headers: &mut HeaderMap) {
        // A map with no room left (some 24,000 names) stays as it is: that is no reason to panic in
        // somebody's exchange, as `insert` would.
        let _ = headers.try_insert(name, self.0.clone());
    }

    fn from_bytes(text: &[u8]) -> Result<Self, InvalidRequestId> {
        if text.is_empty() || text.len() > MAX_LEN || !text.iter().copied().all(is_allowed) {
            return Err(InvalidRequestId(()));
        }
        // A copy, though a header value could be shared: that would keep the buffer of the whole
        // request head alive for as long as anybody keeps the id.
        let text = SmallVec::<[u8; MAX_LEN]>::from_slice(text);
        HeaderValue::from_maybe_shared(Bytes::from_owner(text))
            .map(Self)
            .map_err(|_| InvalidRequestId(()))
    }
}

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_bytes(text.as_bytes())
    }
}

impl TryFrom<&str> for RequestId {
    type Error = InvalidRequestId;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::from_bytes(text.as_bytes())
    }
}

impl TryFrom<&HeaderValue> for RequestId {
    type Error = InvalidRequestId;

    fn try_from(value: &HeaderValue) -> Result<Self, Self::Error> {
        Self::from_bytes(value.as_bytes())
    }
}

impl AsRef<str> for RequestId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestId").field(&self.as_str()).finish()
    }
}

/// The valid id that a client sent and [`Inbound::KeepAsClientId`] replaced.
///
/// It is in the request extensions, for a handler that wants to name it to the client or to a log. It
/// is a type of its own because it identifies nothing: the client chose it.
///
/// [`Inbound::KeepAsClientId`]: crate::request_id::Inbound::KeepAsClientId
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientRequestId(RequestId);

impl ClientRequestId {
    pub(crate) const fn new(id: RequestId) -> Self {
        Self(id)
    }

    /// The id as text, of the same characters as a [`RequestId`].
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl AsRef<str> for ClientRequestId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ClientRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ClientRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientRequestId").field(&self.as_str()).finish()
    }
}

/// The text is no [`RequestId`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidRequestId(());

impl fmt::Display for InvalidRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request id is not 1 to {MAX_LEN} bytes of `[A-Za-z0-9._~+/=:@-]`")
    }
}

impl Error for InvalidRequestId {}

/// Room for every known kind of id, and no more: each log line of the exchange repeats it.
const MAX_LEN: usize = 128;

/// The characters of UUIDs, ULIDs, base64 and of the ids that proxies compose; no quote, backslash,
/// space, comma or semicolon, which mean something to those who read logs and headers.
const fn is_allowed(byte: u8) -> bool {
    matches!(
        byte,
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9'
            | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b':' | b'@' | b'-'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_listed_characters_are_allowed() {
        let allowed: String = (0..=u8::MAX).filter(|&b| is_allowed(b)).map(char::from).collect();
        assert_eq!(
            allowed,
            "+-./0123456789:=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
        );
    }

    #[test]
    fn one_bad_byte_anywhere_makes_an_id_invalid() {
        for bad in (0..=u8::MAX).filter(|&byte| !is_allowed(byte)) {
            for place in 0..3 {
                let mut text = *b"abc";
                text[place] = bad;
                assert!(RequestId::from_bytes(&text).is_err(), "{text:?}");
            }
        }
    }

    #[test]
    fn length_is_1_to_128() {
        for (length, valid) in [(0, false), (1, true), (127, true), (128, true), (129, false)] {
            let text = "a".repeat(length);
            assert_eq!(text.parse::<RequestId>().is_ok(), valid, "{length} bytes");
        }
    }

    #[test]
    fn id_reads_as_the_text_it_was_made_from() {
        let id = RequestId::try_from("A-1").unwrap();
        assert_eq!(id, "A-1".parse().unwrap());
        assert_eq!(id, RequestId::try_from(&HeaderValue::from_static("A-1")).unwrap());
        assert_eq!((id.as_str(), id.as_ref()), ("A-1", "A-1"));
        assert_eq!(id.header_value(), "A-1");
        assert_eq!(format!("{id}, {id:>5}, {id:?}"), "A-1,   A-1, RequestId(\"A-1\")");
    }

    #[test]
    fn clones_share_the_text() {
        for id in [RequestId::from_uuid(Uuid::nil()), "a".repeat(MAX_LEN).parse().unwrap()] {
            assert_eq!(id.as_str().as_ptr(), id.clone().as_str().as_ptr());
        }
    }

    #[test]
    fn ids_sort_as_their_text_does() {
        let [a, b] = ["1a", "1b"].map(|text| RequestId::try_from(text).unwrap());
        assert!(a < b);
    }

    #[test]
    fn full_header_map_is_left_as_it_is() {
        let id = RequestId::from_uuid(Uuid::nil());
        let mut headers = HeaderMap::new();
        while headers
            .try_insert(
                HeaderName::try_from(format!("x-{}", headers.len())).unwrap(),
                HeaderValue::from_static(""),
            )
            .is_ok()
        {}
        let before = headers.len();
        id.stamp(&HeaderName::from_static("x-request-id"), &mut headers);
        assert_eq!(headers.len(), before);
    }
}
