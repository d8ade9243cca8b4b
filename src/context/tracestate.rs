//! The `tracestate` of [W3C Trace Context Level 2]: what tracing systems tell each other beside the
//! `traceparent`.
//!
//! Comments name sections of the Candidate Recommendation Draft of 28 March 2024.
//!
//! [W3C Trace Context Level 2]: https://www.w3.org/TR/2024/CRD-trace-context-2-20240328/

use std::{
    error::Error,
    fmt,
    hash::{Hash, Hasher},
    str::{self, FromStr},
};

use http::{HeaderMap, HeaderValue};
use smallvec::SmallVec;

#[cfg(test)]
mod tests;

/// What the tracing systems on the way here left for those further on: keys and values, the latest
/// first.
///
/// One that exists is valid: at most 32 members, no key twice, and at most 512 bytes. The text is
/// what the sender wrote, with its optional spaces, unless there was too much of it.
///
/// It means something only beside a valid [`Traceparent`](super::Traceparent). Two are equal when
/// their text is.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::context::Tracestate;
///
/// let state = Tracestate::parse(b"rojo=00f067aa0ba902b7, congo=t61rcWkgMzE")?;
/// assert_eq!(state.get("congo"), Some("t61rcWkgMzE"));
///
/// let state = state.with("congo", "ucfJifl5GOE")?;
/// assert_eq!(state.as_str(), "congo=ucfJifl5GOE,rojo=00f067aa0ba902b7");
/// # Ok::<_, mcp_telemetry::context::InvalidTracestate>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tracestate {
    text: Box<str>,
    dropped: u32,
}

impl Tracestate {
    /// Reads one header, or `_meta.tracestate`.
    ///
    /// # Errors
    ///
    /// As [`parse_headers`](Self::parse_headers).
    pub fn parse(text: &[u8]) -> Result<Self, InvalidTracestate> {
        Self::parse_headers([text])
    }

    /// Reads the values of all `tracestate` headers, in their order, as one list.
    ///
    /// A list of more than 512 bytes loses its optional spaces first, then whole members: from the
    /// right, those of more than 128 bytes before the others. They are [counted](Self::dropped).
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, from the left. One bad member makes the whole list invalid.
    /// It could be left out instead, but then the list would no longer be what its senders wrote,
    /// and the W3C's own test suite expects that nothing of such a list travels on.
    pub fn parse_headers<'a>(
        headers: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, InvalidTracestate> {
        let mut members = Members::new();
        let mut text = String::new();
        let mut length = 0;

        for header in headers {
            let header = str::from_utf8(header).map_err(|_| InvalidTracestate::Encoding)?;
            let header = trim(header);
            if header.is_empty() {
                continue;
            }
            for member in split(header) {
                add(member, &mut members)?;
            }

            let comma = usize::from(length > 0);
            length += comma + header.len();
            if length <= MAX_BYTES {
                text.reserve_exact(comma + header.len());
                if comma > 0 {
                    text.push(',');
                }
                text.push_str(header);
            }
        }

        if members.is_empty() {
            Ok(Self::default())
        } else if length <= MAX_BYTES {
            Ok(Self { text: text.into_boxed_str(), dropped: 0 })
        } else {
            Ok(Self::fit(members, 0))
        }
    }

    /// Reads the `tracestate` headers. Without any, or with nothing in them, the list is empty.
    ///
    /// # Errors
    ///
    /// As [`parse_headers`](Self::parse_headers).
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, InvalidTracestate> {
        Self::parse_headers(headers.get_all("tracestate").iter().map(HeaderValue::as_bytes))
    }

    /// The list with this member at its left, in place of one that had the key.
    ///
    /// The others keep their order. Where there is no room for all of them, whole ones are dropped,
    /// as in [`parse_headers`](Self::parse_headers).
    ///
    /// # Errors
    ///
    /// The key or the value is not allowed, or both together are longer than a list may be.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, InvalidTracestate> {
        check(key, value)?;
        let member = [key, "=", value].concat();
        if member.len() > MAX_BYTES {
            return Err(InvalidTracestate::Length);
        }

        let others =
            self.iter().zip(split(&self.text)).map(|((key, _), text)| Member { key, text });
        let mut members = Members::new();
        members.push(Member { key, text: &member });
        members.extend(others.filter(|other| other.key != key));
        let excess = members.len() > MAX_MEMBERS;
        members.truncate(MAX_MEMBERS);

        // The new one stays, whatever its size: it is what the caller came for.
        let mut state = Self::fit(members, 1);
        state.dropped += u32::from(excess);
        Ok(state)
    }

    /// The value that a key has.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|&(k, _)| k == key).map(|(_, value)| value)
    }

    /// The keys and values, from the left.
    pub fn iter(&self) -> TracestateMembers<'_> {
        TracestateMembers(split(&self.text))
    }

    /// The value of one header with all of the list.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there are no members. Such a list is not worth a header (3.3.2).
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How many members there was no room for when this list was made.
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    /// The list of as many members as there is room for, of which the first `kept` are not asked
    /// (3.3.3.1).
    fn fit(mut members: Members<'_>, kept: usize) -> Self {
        let mut dropped = 0;
        // Each with its comma, of which the first has none.
        let mut length: usize = members.iter().map(|member| member.text.len() + 1).sum();
        for least in [LARGE, 0] {
            for place in (kept..members.len()).rev() {
                if length > MAX_BYTES + 1 && members[place].text.len() >= least {
                    length -= members.remove(place).text.len() + 1;
                    dropped += 1;
                }
            }
        }

        let mut text = String::with_capacity(length);
        for member in &members {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(member.text);
        }
        Self { text: text.into_boxed_str(), dropped }
    }
}

impl<'a> IntoIterator for &'a Tracestate {
    type Item = (&'a str, &'a str);
    type IntoIter = TracestateMembers<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromStr for Tracestate {
    type Err = InvalidTracestate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Tracestate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl AsRef<str> for Tracestate {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Eq for Tracestate {}

impl PartialEq for Tracestate {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Hash for Tracestate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// The keys and values of a [`Tracestate`], from the left.
#[derive(Clone, Debug)]
pub struct TracestateMembers<'a>(Split<'a>);

impl<'a> Iterator for TracestateMembers<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_map(|member| split_once(member, b'='))
    }
}

/// Why there is no [`Tracestate`] in a request that brought one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum InvalidTracestate {
    /// It is not UTF-8, let alone ASCII.
    Encoding,
    /// A member has no key, or one that is not 1 to 256 bytes of `[a-z0-9_\-*/@]`, the first of
    /// them a letter or a digit.
    Key,
    /// A value is not 1 to 256 printable ASCII characters without `,` and `=`, the last of them no
    /// space.
    Value,
    /// A key comes twice.
    RepeatedKey,
    /// There are more than 32 members.
    TooManyMembers,
    /// A new member would not fit into an empty list.
    Length,
}

impl fmt::Display for InvalidTracestate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "tracestate is not ASCII",
            Self::Key => "tracestate has a member without a valid key",
            Self::Value => "tracestate has a member without a valid value",
            Self::RepeatedKey => "tracestate has the same key twice",
            Self::TooManyMembers => "tracestate has more than 32 members",
            Self::Length => "tracestate member is longer than 512 bytes",
        })
    }
}

impl Error for InvalidTracestate {}

/// The most that a list has (3.3.2).
const MAX_MEMBERS: usize = 32;

/// What everybody should pass on at least, and a bound on what one request makes us keep (3.3.3.1).
const MAX_BYTES: usize = 512;

/// Members of this size are dropped before others (3.3.3.1).
const LARGE: usize = 129;

type Members<'a> = SmallVec<[Member<'a>; MAX_MEMBERS]>;

struct Member<'a> {
    key: &'a str,
    text: &'a str,
}

fn add<'a>(text: &'a str, members: &mut Members<'a>) -> Result<(), InvalidTracestate> {
    let (key, value) = split_once(text, b'=').ok_or(InvalidTracestate::Key)?;
    check(key, value)?;
    if members.iter().any(|other| other.key == key) {
        return Err(InvalidTracestate::RepeatedKey);
    }
    if members.len() == MAX_MEMBERS {
        return Err(InvalidTracestate::TooManyMembers);
    }
    members.push(Member { key, text });
    Ok(())
}

fn check(key: &str, value: &str) -> Result<(), InvalidTracestate> {
    let (key, value) = (key.as_bytes(), value.as_bytes());
    match key {
        [b'a'..=b'z' | b'0'..=b'9', ..] if key.len() <= 256 && all(key, KEY) => {}
        _ => return Err(InvalidTracestate::Key),
    }
    match value {
        [.., b'!'..=b'~'] if value.len() <= 256 && all(value, VALUE) => Ok(()),
        _ => Err(InvalidTracestate::Value),
    }
}

fn all(text: &[u8], class: u8) -> bool {
    text.iter().all(|&byte| CLASSES[usize::from(byte)] & class != 0)
}

const KEY: u8 = 1;
const VALUE: u8 = 2;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        if matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@') {
            classes[byte as usize] |= KEY;
        }
        if !matches!(byte, b',' | b'=') {
            classes[byte as usize] |= VALUE;
        }
        byte += 1;
    }
    classes
};

/// The members of a list, without those that are empty: an empty header makes one (3.3.2).
pub(super) fn split(list: &str) -> Split<'_> {
    Split(list)
}

#[derive(Clone, Debug)]
pub(super) struct Split<'a>(&'a str);

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            let (member, rest) = split_once(self.0, b',').unwrap_or((self.0, ""));
            self.0 = rest;
            let member = trim(member);
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    }
}

/// Without the spaces and tabs around it, of which there are hardly ever any.
pub(super) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => text.trim_matches([' ', '\t']),
        _ => text,
    }
}

/// As `str::split_once`, whose vector search does not pay for texts as short as these.
pub(super) fn split_once(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == at)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}
