//! The `baggage` of W3C [Propagation format for distributed context]: what applications hand on
//! along a request.
//!
//! Comments name sections of the Candidate Recommendation of 30 May 2024.
//!
//! [Propagation format for distributed context]: https://www.w3.org/TR/2024/CR-baggage-20240530/

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    str,
};

use http::{HeaderMap, HeaderValue};

use super::tracestate::{Split, split, split_once, trim};

#[cfg(test)]
mod tests;

/// What applications on the way here handed on: keys with values and properties.
///
/// Every member is valid, and there are at most 64 of them in at most 8192 bytes, which is what the
/// specification asks everybody to pass on. What is malformed or too much is left out and counted;
/// the rest stays as it was sent, but for spaces between members.
///
/// **Whoever sends the request chooses all of it.** A value may have any length and, once decoded,
/// any character. Copy none into a metric label, and into an attribute or a log line only the keys
/// you know.
///
/// Two are equal when their text is.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::context::Baggage;
///
/// let baggage = Baggage::parse(b"userId=Am%C3%A9lie, isProduction=false;ttl=3, no value");
/// assert_eq!(baggage.get("userId").as_deref(), Some("Amélie"));
/// assert_eq!(baggage.as_str(), "userId=Am%C3%A9lie,isProduction=false;ttl=3");
/// assert_eq!(baggage.invalid(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Baggage {
    text: Box<str>,
    invalid: u32,
    dropped: u32,
}

impl Baggage {
    /// Reads one header, or `_meta.baggage`.
    pub fn parse(text: &[u8]) -> Self {
        Self::parse_headers([text])
    }

    /// Reads the values of all `baggage` headers, in their order.
    ///
    /// The limits are those of all together. A member that finds no room is passed over, and a
    /// smaller one after it may still find some.
    pub fn parse_headers<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut text = String::new();
        let mut members = 0;
        let (mut invalid, mut dropped) = (0_u32, 0_u32);

        for header in headers {
            text.reserve(header.len().min(MAX_BYTES - text.len()));
            for member in header.split(|&byte| byte == b',') {
                let member = match str::from_utf8(member).map(trim) {
                    // Not in the grammar, but what an empty header makes, or a comma too many.
                    Ok("") => continue,
                    Ok(member) if BaggageMember::is_valid(member) => member,
                    _ => {
                        invalid = invalid.saturating_add(1);
                        continue;
                    }
                };

                let comma = if members > 0 { "," } else { "" };
                if members == MAX_MEMBERS || text.len() + comma.len() + member.len() > MAX_BYTES {
                    dropped = dropped.saturating_add(1);
                    continue;
                }
                text.push_str(comma);
                text.push_str(member);
                members += 1;
            }
        }
        Self { text: text.into_boxed_str(), invalid, dropped }
    }

    /// Reads the `baggage` headers. Without any the baggage is empty.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self::parse_headers(headers.get_all("baggage").iter().map(HeaderValue::as_bytes))
    }

    /// The value that a key has, decoded.
    ///
    /// A key may come several times. The last one counts, as it does for OpenTelemetry.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.iter().filter(|member| member.key == key).last().map(|member| member.value())
    }

    /// The members, from the left.
    pub fn iter(&self) -> BaggageMembers<'_> {
        BaggageMembers(split(&self.text))
    }

    /// The value of one header with all of the baggage.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How many members were left out because they are none by the grammar.
    pub const fn invalid(&self) -> u32 {
        self.invalid
    }

    /// How many members there was no room for.
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }
}

impl<'a> IntoIterator for &'a Baggage {
    type Item = BaggageMember<'a>;
    type IntoIter = BaggageMembers<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl AsRef<str> for Baggage {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Eq for Baggage {}

impl PartialEq for Baggage {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Hash for Baggage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// The members of a [`Baggage`], from the left.
#[derive(Clone, Debug)]
pub struct BaggageMembers<'a>(Split<'a>);

impl<'a> Iterator for BaggageMembers<'a> {
    type Item = BaggageMember<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_map(BaggageMember::split)
    }
}

/// A key of a [`Baggage`], with its value and properties.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct BaggageMember<'a> {
    key: &'a str,
    value: &'a str,
    properties: Option<&'a str>,
}

impl<'a> BaggageMember<'a> {
    /// The key, which is never encoded.
    pub const fn key(&self) -> &'a str {
        self.key
    }

    /// The value, decoded.
    pub fn value(&self) -> Cow<'a, str> {
        decode(self.value)
    }

    /// The properties, from the left: keys, some with values, which are decoded.
    pub fn properties(&self) -> impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)> + use<'a> {
        self.raw_properties().map(|(key, value)| (key, value.map(decode)))
    }

    fn raw_properties(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        let properties = self.properties.into_iter().flat_map(|properties| properties.split(';'));
        properties.map(|property| match split_once(property, b'=') {
            Some((key, value)) => (trim(key), Some(trim(value))),
            None => (trim(property), None),
        })
    }

    fn split(member: &'a str) -> Option<Self> {
        let (pair, properties) = match split_once(member, b';') {
            Some((pair, properties)) => (pair, Some(properties)),
            None => (member, None),
        };
        // A value may have more of them (3.3.1.3).
        let (key, value) = split_once(pair, b'=')?;
        Some(Self { key: trim(key), value: trim(value), properties })
    }

    fn is_valid(text: &'a str) -> bool {
        Self::split(text).is_some_and(|member| {
            let is_property =
                |(key, value): (&str, Option<&str>)| is_token(key) && value.is_none_or(is_value);
            is_token(member.key)
                && is_value(member.value)
                && member.raw_properties().all(is_property)
        })
    }
}

/// What everybody must pass on at least, and a bound on what one request makes us keep (3.3.2).
const MAX_MEMBERS: usize = 64;

/// The same in bytes, with the commas (3.3.2).
const MAX_BYTES: usize = 8192;

/// A token of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && all(text, TOKEN)
}

/// Any number of `baggage-octet` (3.3.1).
fn is_value(text: &str) -> bool {
    all(text, VALUE)
}

fn all(text: &str, class: u8) -> bool {
    text.bytes().all(|byte| CLASSES[usize::from(byte)] & class != 0)
}

const TOKEN: u8 = 1;
const VALUE: u8 = 2;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        let is_sign = matches!(
            byte,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
        );
        if is_sign || byte.is_ascii_alphanumeric() {
            classes[byte as usize] |= TOKEN;
        }
        if !matches!(byte, b'"' | b',' | b';' | b'\\') {
            classes[byte as usize] |= VALUE;
        }
        byte += 1;
    }
    classes
};

/// Replaces `%` and two digits by the byte they name, then what is no UTF-8 by U+FFFD (3.3.1.3).
///
/// A `%` without two digits stands for itself.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }

    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            decoded.push(high << 4 | low);
            rest = &rest[3..];
        } else {
            decoded.push(*byte);
            rest = after;
        }
    }
    let lossy =
        |error: std::string::FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    Cow::Owned(String::from_utf8(decoded).unwrap_or_else(lossy))
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
