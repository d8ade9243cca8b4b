//! The `traceparent` of [W3C Trace Context Level 2]: the span that a request comes from.
//!
//! Comments name sections of the Candidate Recommendation Draft of 28 March 2024.
//!
//! [W3C Trace Context Level 2]: https://www.w3.org/TR/2024/CRD-trace-context-2-20240328/

use std::{
    error::Error,
    fmt,
    num::{NonZeroU64, NonZeroU128},
    str::{self, FromStr},
};

use http::HeaderMap;

#[cfg(test)]
mod tests;

/// Where a request comes from: a span, its trace, and what its sender decided about sampling.
///
/// One that exists is valid. It reads every version of the header and is written as version `00`,
/// which is the one that Level 2 defines.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::context::{SpanId, Traceparent};
///
/// let parent = Traceparent::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")?;
/// assert_eq!(parent.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert!(parent.flags().is_sampled());
///
/// let own: SpanId = "b7ad6b7169203331".parse()?;
/// assert_eq!(
///     parent.child(own, false).to_string(),
///     "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-00",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Traceparent {
    trace_id: TraceId,
    parent_id: SpanId,
    flags: TraceFlags,
}

impl Traceparent {
    /// The span `parent_id` of the trace `trace_id`.
    pub const fn new(trace_id: TraceId, parent_id: SpanId, flags: TraceFlags) -> Self {
        Self { trace_id, parent_id, flags }
    }

    /// Reads the value of a header, or of `_meta.traceparent`.
    ///
    /// Spaces and tabs around it are no part of it. Of a version above `00` the four known fields
    /// are read, whatever follows them.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with the text, from the left. An invalid value is as good as
    /// none: the receiver starts a trace, and does not look at `tracestate`.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidTraceparent> {
        let Some((fields, rest)) = trim(text).split_first_chunk::<LEN>() else {
            return Err(InvalidTraceparent::Length);
        };
        let mut digits = [0; LEN.next_power_of_two()];
        digits[..LEN].copy_from_slice(fields);
        let digits = digits.map(digit);

        let (Some(version @ ..=0xfe), b'-') = (pair(digits[0], digits[1]), fields[2]) else {
            return Err(InvalidTraceparent::Version);
        };
        let (Some(trace_id), b'-') = (TraceId::from_digits(&digits[3..35]), fields[35]) else {
            return Err(InvalidTraceparent::TraceId);
        };
        let (Some(parent_id), b'-') = (SpanId::from_digits(&digits[36..52]), fields[52]) else {
            return Err(InvalidTraceparent::ParentId);
        };
        let Some(flags) = pair(digits[53], digits[54]) else {
            return Err(InvalidTraceparent::Flags);
        };

        // Fields may be added at the end by later versions, and by those alone (3.2.4).
        match rest {
            [] => {}
            [b'-', ..] if version > 0 => {}
            _ => return Err(InvalidTraceparent::Trailing),
        }
        Ok(Self::new(trace_id, parent_id, TraceFlags::from_byte(flags)))
    }

    /// Reads the `traceparent` header, if there is one.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse). Two headers are invalid too, even if they agree: which of the
    /// senders is the parent cannot be known.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, InvalidTraceparent> {
        let mut values = headers.get_all("traceparent").iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Self::parse(value.as_bytes()).map(Some),
            (Some(_), Some(_)) => Err(InvalidTraceparent::Repeated),
        }
    }

    /// The trace that the span belongs to.
    pub const fn trace_id(self) -> TraceId {
        self.trace_id
    }

    /// The span that the request comes from, which is the parent of the receiver's own.
    pub const fn parent_id(self) -> SpanId {
        self.parent_id
    }

    /// What the sender decided and knew.
    pub const fn flags(self) -> TraceFlags {
        self.flags
    }

    /// The same trace one span further: what the span `own` sends to others.
    ///
    /// The random flag tells how the trace id was made, so it stays as it is (3.2.2.5.2).
    pub const fn child(self, own: SpanId, sampled: bool) -> Self {
        Self::new(self.trace_id, own, self.flags.with_sampled(sampled))
    }

    /// The value of a header, of version `00`.
    pub fn to_bytes(self) -> [u8; 55] {
        let mut text = *b"00-................................-................-..";
        write(&self.trace_id.to_bytes(), &mut text[3..35]);
        write(&self.parent_id.to_bytes(), &mut text[36..52]);
        write(&[self.flags.to_byte()], &mut text[53..]);
        text
    }
}

impl FromStr for Traceparent {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pad(&self.to_bytes(), f)
    }
}

/// The id of a trace: 16 bytes, not all zero.
///
/// Its text is 32 lower-case hexadecimal digits, and nothing else is read as one.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// The id of these bytes, unless all of them are zero.
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        match NonZeroU128::new(u128::from_be_bytes(bytes)) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The bytes, in the order of their digits.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }

    /// The text, without an allocation.
    pub fn to_hex(self) -> [u8; 32] {
        let mut text = [0; 32];
        write(&self.to_bytes(), &mut text);
        text
    }

    #[inline]
    fn from_digits(digits: &[u8]) -> Option<Self> {
        let (high, low) = digits.split_first_chunk()?;
        let (high, low) = (number(high)?, number(low.try_into().ok()?)?);
        NonZeroU128::new(u128::from(high) << 64 | u128::from(low)).map(Self)
    }
}

/// The id of a span: 8 bytes, not all zero.
///
/// Its text is 16 lower-case hexadecimal digits, and nothing else is read as one.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SpanId(NonZeroU64);

impl SpanId {
    /// The id of these bytes, unless all of them are zero.
    pub const fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        match NonZeroU64::new(u64::from_be_bytes(bytes)) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The bytes, in the order of their digits.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }

    /// The text, without an allocation.
    pub fn to_hex(self) -> [u8; 16] {
        let mut text = [0; 16];
        write(&self.to_bytes(), &mut text);
        text
    }

    #[inline]
    fn from_digits(digits: &[u8]) -> Option<Self> {
        NonZeroU64::new(number(digits.try_into().ok()?)?).map(Self)
    }
}

macro_rules! text_of_an_id {
    ($id:ident, $digits:literal) => {
        impl FromStr for $id {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let text: [u8; $digits] = text.as_bytes().try_into().map_err(|_| InvalidId(()))?;
                Self::from_digits(&text.map(digit)).ok_or(InvalidId(()))
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                pad(&self.to_hex(), f)
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({})"), self)
            }
        }
    };
}

text_of_an_id!(TraceId, 32);
text_of_an_id!(SpanId, 16);

/// What the sender of a [`Traceparent`] decided about sampling, and how the trace id was made.
///
/// Bits without a meaning in Level 2 are not kept, since nobody may send them (3.2.2.5.3).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TraceFlags(u8);

impl TraceFlags {
    const SAMPLED: u8 = 0b01;
    const RANDOM: u8 = 0b10;

    /// The flags that are known of these.
    pub const fn from_byte(bits: u8) -> Self {
        Self(bits & (Self::SAMPLED | Self::RANDOM))
    }

    /// The flags as they are sent.
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// Whether the sender may have recorded its span.
    ///
    /// It is a hint, and anybody can send it.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    /// Whether the last 7 bytes of the trace id are random, so that a sampler can use them as such.
    pub const fn is_random(self) -> bool {
        self.0 & Self::RANDOM != 0
    }

    /// These flags, with the sampled flag as given.
    #[must_use]
    pub const fn with_sampled(self, sampled: bool) -> Self {
        self.with(Self::SAMPLED, sampled)
    }

    /// These flags, with the random flag as given.
    ///
    /// It is for whoever makes a trace id. A trace that is continued keeps the flag it has.
    #[must_use]
    pub const fn with_random(self, random: bool) -> Self {
        self.with(Self::RANDOM, random)
    }

    const fn with(self, bit: u8, set: bool) -> Self {
        Self(if set { self.0 | bit } else { self.0 & !bit })
    }
}

/// Why there is no [`Traceparent`] in a request that brought one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum InvalidTraceparent {
    /// It has fewer than 55 characters.
    Length,
    /// It does not begin with a version, or with `ff`, which is none.
    Version,
    /// The trace id is not 32 lower-case hexadecimal digits, or zero.
    TraceId,
    /// The parent id is not 16 lower-case hexadecimal digits, or zero.
    ParentId,
    /// The flags are not two lower-case hexadecimal digits.
    Flags,
    /// Something follows that its version does not allow.
    Trailing,
    /// There is more than one header.
    Repeated,
}

impl fmt::Display for InvalidTraceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "traceparent is shorter than 55 characters",
            Self::Version => "traceparent has no valid version",
            Self::TraceId => "traceparent has no valid trace id",
            Self::ParentId => "traceparent has no valid parent id",
            Self::Flags => "traceparent has no valid flags",
            Self::Trailing => "traceparent goes on after its flags",
            Self::Repeated => "more than one traceparent",
        })
    }
}

impl Error for InvalidTraceparent {}

/// The text is no [`TraceId`], or no [`SpanId`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct InvalidId(());

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("id is not lower-case hexadecimal digits of its length, or zero")
    }
}

impl Error for InvalidId {}

/// The length of version `00`, and the least of any later one (3.2.4).
const LEN: usize = 55;

/// Without the spaces and tabs around it. `trim_ascii` would take line breaks for such.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn pad(digits: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.pad(str::from_utf8(digits).map_err(|_| fmt::Error)?)
}

/// What a byte is worth as a digit, or more than 15 if it is none.
///
/// Selections and no loads, so that the compiler looks at many bytes of a header at a time.
const fn digit(byte: u8) -> u8 {
    let (number, letter) = (byte.wrapping_sub(b'0'), byte.wrapping_sub(b'a'));
    if number < 10 {
        number
    } else if letter < 6 {
        letter + 10
    } else {
        0xff
    }
}

/// The number that sixteen digits make.
fn number(digits: &[u8; 16]) -> Option<u64> {
    let (high, low) = (half(*digits.first_chunk()?)?, half(*digits.last_chunk()?)?);
    Some(high << 32 | low)
}

const fn half(digits: [u8; 8]) -> Option<u64> {
    let digits = u64::from_be_bytes(digits);
    if digits & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    let pairs = (digits | digits >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some((fours | fours >> 16) & 0x0000_0000_ffff_ffff)
}

const fn pair(high: u8, low: u8) -> Option<u8> {
    if (high | low) < 16 { Some(high << 4 | low) } else { None }
}

/// Writes two digits for each of the bytes.
fn write(bytes: &[u8], text: &mut [u8]) {
    for (pair, &byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&PAIRS[usize::from(byte)]);
    }
}

/// The two digits of every byte.
static PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [digits[byte >> 4], digits[byte & 0xf]];
        byte += 1;
    }
    pairs
};
