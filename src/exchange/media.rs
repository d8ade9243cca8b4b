//! Which bodies the reader can read, told from the head.

use http::{HeaderMap, HeaderValue, header};

use crate::mcp::Unreadable;

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

/// How far a body was looked into.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Inspection {
    /// It was read whole.
    Complete,
    /// It did not pass whole.
    Prefix,
    /// It could not be read.
    Skipped,
    /// It was read, and is not what it says it is.
    Invalid,
}

impl Inspection {
    pub(crate) const ALL: [Self; 4] = [Self::Complete, Self::Prefix, Self::Skipped, Self::Invalid];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Prefix => "prefix",
            Self::Skipped => "skipped",
            Self::Invalid => "invalid",
        }
    }
}

impl From<Unread> for Inspection {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::MediaType | Unread::Encoded | Unread::Hidden => Self::Skipped,
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
}

/// The media type of a body, if the reader can read it.
pub(crate) fn readable(headers: &HeaderMap) -> Result<Media, Unread> {
    let media = headers.get(header::CONTENT_TYPE).and_then(media_type).ok_or(Unread::MediaType)?;
    let plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"));
    if plain { Ok(media) } else { Err(Unread::Encoded) }
}

/// Compares the essence of a media type, without its parameters and its case (RFC 9110, section
/// 8.3.1). `+json` types count as JSON (RFC 6839, section 3.1).
fn media_type(value: &HeaderValue) -> Option<Media> {
    let essence = value.as_bytes().split(|&byte| byte == b';').next()?.trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") {
        return Some(Media::Json);
    }
    if essence.eq_ignore_ascii_case(b"text/event-stream") {
        return Some(Media::EventStream);
    }
    let suffix = essence.len().checked_sub(b"+json".len())?;
    essence[suffix..].eq_ignore_ascii_case(b"+json").then_some(Media::Json)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
