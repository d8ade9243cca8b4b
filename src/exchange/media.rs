//! Which bodies the reader can read, told from the head.

use http::{HeaderMap, HeaderValue};

use crate::mcp::{self, Unreadable};

/// Why the facts of a body are not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unread {
    /// The body is not of a JSON media type (or, for a response, an event stream).
    MediaType,
    /// The body is encoded (RFC 9110, section 8.4), and only who decodes it can read it.
    Encoded,
    /// The body was not passed on to its end.
    Partial,
    /// A buffer of the body did not show its bytes.
    Hidden,
    /// The bytes are not JSON-RPC.
    Unreadable(Unreadable),
}

impl From<Unreadable> for Unread {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

/// How far a body was looked into, and if not to its end, why.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Inspection {
    /// It was read whole.
    Complete,
    /// It was read whole, and says something twice: servers may read it otherwise than we do.
    DuplicateKeys,
    /// It did not pass whole.
    Prefix,
    /// It is a batch of more messages than are kept.
    Batch,
    /// It is of another media type.
    MediaType,
    /// It is encoded.
    Encoded,
    /// Its buffers do not show what is in them.
    Hidden,
    /// It was read, and is not what it says it is.
    Invalid,
}

impl Inspection {
    pub(crate) const ALL: [Self; 8] = [
        Self::Complete,
        Self::DuplicateKeys,
        Self::Prefix,
        Self::Batch,
        Self::MediaType,
        Self::Encoded,
        Self::Hidden,
        Self::Invalid,
    ];

    pub(crate) const fn result(self) -> &'static str {
        match self {
            Self::Complete | Self::DuplicateKeys => "complete",
            Self::Prefix | Self::Batch => "prefix",
            Self::MediaType | Self::Encoded | Self::Hidden => "skipped",
            Self::Invalid => "invalid",
        }
    }

    /// Why, where the result does not say it; else nothing.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Complete | Self::Prefix | Self::Invalid => "",
            Self::DuplicateKeys => "duplicate_keys",
            Self::Batch => "batch",
            Self::MediaType => "media_type",
            Self::Encoded => "content_encoding",
            Self::Hidden => "buffer",
        }
    }
}

impl From<&mcp::Request> for Inspection {
    fn from(request: &mcp::Request) -> Self {
        match request {
            mcp::Request { beyond: 1.., .. } => Self::Batch,
            mcp::Request { duplicate_keys: true, .. } => Self::DuplicateKeys,
            mcp::Request { .. } => Self::Complete,
        }
    }
}

impl From<Unread> for Inspection {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::MediaType => Self::MediaType,
            Unread::Encoded => Self::Encoded,
            Unread::Hidden => Self::Hidden,
            Unread::Partial => Self::Prefix,
            Unread::Unreadable(_) => Self::Invalid,
        }
    }
}

/// The media types that the reader knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Media {
    Json,
    EventStream,
    /// Framed protobuf, of which the reader reads nothing. Status and method stand beside it.
    Grpc,
}

/// What the head of a response says of its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Described {
    /// The media type, if the reader can read it.
    pub(super) media: Result<Media, Unread>,
    /// The value of a well-formed `content-length` header.
    pub(super) length: Option<u64>,
}

impl Described {
    /// Reads the headers in one walk, as those of a request: a response has few, and each look-up would
    /// hash a name.
    pub(super) fn by(headers: &HeaderMap) -> Self {
        let (mut content_type, mut content_length, mut encoded) = (None, None, false);
        for (name, value) in headers {
            match name.as_str() {
                "content-type" => _ = content_type.get_or_insert(value),
                "content-length" => _ = content_length.get_or_insert(value),
                "content-encoding" => encoded |= !is_identity(value),
                _ => {}
            }
        }
        let media = match content_type.and_then(media_type) {
            None | Some(Media::Grpc) => Err(Unread::MediaType),
            Some(_) if encoded => Err(Unread::Encoded),
            Some(media) => Ok(media),
        };
        Self { media, length: content_length.and_then(length) }
    }
}

/// The number that a `content-length` header has, which is of digits alone (RFC 9110, section 8.6).
pub(super) fn length(value: &HeaderValue) -> Option<u64> {
    let digit = |byte: u8| Some(byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9);
    let add = |sum: u64, &byte: &u8| sum.checked_mul(10)?.checked_add(digit(byte)?.into());
    let digits = Some(value.as_bytes()).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0, add)
}

/// Whether a content encoding is none (RFC 9110, section 8.4.1).
pub(super) fn is_identity(encoding: &HeaderValue) -> bool {
    encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity")
}

/// Compares the essence of a media type, without its parameters and its case (RFC 9110, section
/// 8.3.1). `+json` types count as JSON (RFC 6839, section 3.1).
pub(super) fn media_type(value: &HeaderValue) -> Option<Media> {
    let value = value.as_bytes();
    // As nearly everybody writes them. No patterns: those are compared byte by byte.
    if value == b"application/json" {
        Some(Media::Json)
    } else if value == b"text/event-stream" {
        Some(Media::EventStream)
    } else {
        parsed_media_type(value)
    }
}

fn parsed_media_type(value: &[u8]) -> Option<Media> {
    let essence = essence(value);
    if essence.eq_ignore_ascii_case(b"application/json") {
        return Some(Media::Json);
    }
    if is_event_stream(essence) {
        return Some(Media::EventStream);
    }
    if is_grpc(essence) {
        return Some(Media::Grpc);
    }
    let suffix = essence.len().checked_sub(b"+json".len())?;
    essence[suffix..].eq_ignore_ascii_case(b"+json").then_some(Media::Json)
}

/// Whether a list of media ranges names event streams (RFC 9110, section 12.5.1).
pub(super) fn accepts_event_stream(accept: &HeaderValue) -> bool {
    accept.as_bytes().split(|&byte| byte == b',').any(|range| is_event_stream(essence(range)))
}

fn essence(media: &[u8]) -> &[u8] {
    media.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

fn is_event_stream(essence: &[u8]) -> bool {
    essence.eq_ignore_ascii_case(b"text/event-stream")
}

/// `application/grpc` and its `+proto`, `+json` and so on. Not `grpc-web`, which has no trailers.
fn is_grpc(essence: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let (start, rest) = essence.split_at(essence.len().min(GRPC.len()));
    start.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+'))
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn readable(headers: &HeaderMap) -> Result<Media, Unread> {
        Described::by(headers).media
    }

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_essence_decides_whatever_its_case_and_parameters() {
        for (value, expected) in [
            ("application/json", Ok(Media::Json)),
            ("Application/JSON; charset=utf-8", Ok(Media::Json)),
            ("application/problem+json", Ok(Media::Json)),
            ("text/event-stream ;charset=utf-8", Ok(Media::EventStream)),
            ("text/plain", Err(Unread::MediaType)),
            ("application/jsonp", Err(Unread::MediaType)),
            ("application/grpc", Err(Unread::MediaType)),
            ("application/grpc+json", Err(Unread::MediaType)),
            ("", Err(Unread::MediaType)),
        ] {
            assert_eq!(readable(&headers(&[(header::CONTENT_TYPE, value)])), expected, "{value:?}");
        }
        assert_eq!(readable(&HeaderMap::new()), Err(Unread::MediaType));
    }

    #[test]
    fn an_encoded_body_is_not_read() {
        let with = |encoding| {
            readable(&headers(&[
                (header::CONTENT_TYPE, "application/json"),
                (header::CONTENT_ENCODING, encoding),
            ]))
        };
        assert_eq!(with("gzip"), Err(Unread::Encoded));
        assert_eq!(with("Identity"), Ok(Media::Json));
        assert_eq!(with(""), Err(Unread::Encoded));
    }

    #[test]
    fn of_two_lengths_the_first_counts_and_only_digits_are_one() {
        let length = |values: &[&str]| {
            let pairs = values.iter().map(|value| (header::CONTENT_LENGTH, *value));
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, value.parse().unwrap());
            }
            Described::by(&headers).length
        };
        assert_eq!(length(&[]), None);
        assert_eq!(length(&["18446744073709551615"]), Some(u64::MAX));
        assert_eq!(length(&["17", "18"]), Some(17));
        for bad in ["", "-1", "+1", "1 ", "0x1", "18446744073709551616"] {
            assert_eq!(length(&[bad, "18"]), None, "{bad:?}");
        }
    }
}
