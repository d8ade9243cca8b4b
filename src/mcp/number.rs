//! JSON numbers in pieces, compared by value.
//!
//! RFC 8259 section 6 sets no bound on the digits of a number, and servers echo an id as the value
//! they parsed: `1.0` and `1e0` come back as `1`. So a number is brought to one canonical form, in
//! constant memory: integers exactly, others as decimal digits and a power of ten.

use std::fmt;

use super::digest::Digest;

/// A number by its value: equal numbers are equal however they were written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Number {
    /// An integer whose absolute value fits 64 bits. Zero is not negative.
    Integer { negative: bool, magnitude: u64 },
    /// Any other number. Rare enough not to take space where it is not.
    Decimal(Box<Decimal>),
}

/// `digits` times ten to the power of `exponent`, and some more digits if `tail` is not empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Decimal {
    negative: bool,
    digits: u128,
    exponent: i64,
    tail: Digest,
}

impl Number {
    /// Reads the plain integers of at most 18 digits, which nearly all ids are, with the number of
    /// bytes taken. `None` if it is another number or if it may go on in the next frame.
    #[expect(clippy::inline_always, reason = "nearly every message has an id, and a short one")]
    #[inline(always)]
    pub(super) fn integer(bytes: &[u8]) -> Option<(Self, usize)> {
        let (negative, digits) = match bytes {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (mut magnitude, mut length) = (0, 0);
        let after = loop {
            let byte = *digits.get(length)?;
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break byte;
            }
            if length == 18 {
                return None;
            }
            magnitude = magnitude * 10 + u64::from(digit);
            length += 1;
        };
        let leading_zero = length > 1 && digits[0] == b'0';
        if length == 0 || leading_zero || matches!(after, b'.' | b'e' | b'E') {
            return None;
        }
        let negative = negative && magnitude != 0;
        let size = length + (bytes.len() - digits.len());
        Some((Self::Integer { negative, magnitude }, size))
    }

    pub(super) fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Integer { negative: false, magnitude } => i64::try_from(magnitude).ok(),
            Self::Integer { negative: true, magnitude } => 0i64.checked_sub_unsigned(magnitude),
            Self::Decimal(_) => None,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { negative, magnitude } => {
                f.write_str(if *negative { "-" } else { "" })?;
                write!(f, "{magnitude}")
            }
            Self::Decimal(decimal) => {
                f.write_str(if decimal.negative { "-" } else { "" })?;
                write!(f, "{}e{}", decimal.digits, decimal.exponent)
            }
        }
    }
}

/// Takes a number byte by byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct NumberReader {
    expected: Expected,
    negative: bool,
    /// The first significant digits, as many as fit.
    digits: u128,
    kept: u8,
    /// The power of ten that `digits` stands for, before the exponent.
    scale: i64,
    /// Of the digits after those kept, the ones that are not zero, each with its place.
    tail: Digest,
    dropped: u64,
    exponent: i64,
    exponent_negative: bool,
}

/// What may come next, after the grammar of RFC 8259 section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    SignOrDigit,
    FirstDigit,
    /// After a leading zero: a fraction, an exponent or the end.
    AfterZero,
    Digit,
    FirstFraction,
    Fraction,
    ExponentSignOrDigit,
    FirstExponent,
    Exponent,
}

/// Ten to this power still fits 128 bits.
const KEPT_DIGITS: u8 = 38;

/// Exponents beyond are held equal: no value is left that a parser would tell apart.
const MAX_EXPONENT: i64 = 1 << 60;

impl NumberReader {
    pub(super) const fn new() -> Self {
        Self {
            expected: Expected::SignOrDigit,
            negative: false,
            digits: 0,
            kept: 0,
            scale: 0,
            tail: Digest::new(),
            dropped: 0,
            exponent: 0,
            exponent_negative: false,
        }
    }

    /// Begins with the first byte of a number.
    pub(super) fn beginning_with(byte: u8) -> Self {
        let mut reader = Self::new();
        reader.push(byte);
        reader
    }

    /// Gives the number of bytes up to the first that is not part of the number, `None` if it is
    /// yet to come.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        bytes.iter().position(|&byte| !self.push(byte))
    }

    /// Takes a byte, or returns `false` if it is not part of a number here.
    fn push(&mut self, byte: u8) -> bool {
        use Expected as E;

        self.expected = match (self.expected, byte) {
            (E::SignOrDigit, b'-') => {
                self.negative = true;
                E::FirstDigit
            }
            (E::SignOrDigit | E::FirstDigit, b'0') => E::AfterZero,
            (E::SignOrDigit | E::FirstDigit | E::Digit, b'0'..=b'9') => {
                self.digit(byte - b'0', false);
                E::Digit
            }
            (E::AfterZero | E::Digit, b'.') => E::FirstFraction,
            (E::FirstFraction | E::Fraction, b'0'..=b'9') => {
                self.digit(byte - b'0', true);
                E::Fraction
            }
            (E::AfterZero | E::Digit | E::Fraction, b'e' | b'E') => E::ExponentSignOrDigit,
            (E::ExponentSignOrDigit, b'+' | b'-') => {
                self.exponent_negative = byte == b'-';
                E::FirstExponent
            }
            (E::ExponentSignOrDigit | E::FirstExponent | E::Exponent, b'0'..=b'9') => {
                let exponent = self.exponent.saturating_mul(10);
                let digit = i64::from(byte - b'0');
                self.exponent = exponent.saturating_add(digit).min(MAX_EXPONENT);
                E::Exponent
            }
            _ => return false,
        };
        true
    }

    fn digit(&mut self, digit: u8, fraction: bool) {
        if self.kept < KEPT_DIGITS {
            self.digits = self.digits * 10 + u128::from(digit);
            self.kept += u8::from(self.digits != 0);
            self.scale -= i64::from(fraction);
            return;
        }
        self.dropped += 1;
        self.scale += i64::from(!fraction);
        // Zeros are left out so that 1 and 1.00 stay equal at any length.
        if digit != 0 {
            self.tail.push(&self.dropped.to_le_bytes());
            self.tail.push(&[digit]);
        }
    }

    /// The number, or `None` if it broke off.
    pub(super) fn finish(&self) -> Option<Number> {
        use Expected as E;

        if !matches!(self.expected, E::AfterZero | E::Digit | E::Fraction | E::Exponent) {
            return None;
        }
        if self.digits == 0 {
            return Some(Number::Integer { negative: false, magnitude: 0 });
        }
        let exponent = if self.exponent_negative { -self.exponent } else { self.exponent };
        let mut decimal = Decimal {
            negative: self.negative,
            digits: self.digits,
            exponent: self.scale.saturating_add(exponent),
            tail: self.tail,
        };
        if decimal.tail != Digest::new() {
            return Some(Number::Decimal(Box::new(decimal)));
        }
        while decimal.digits % 10 == 0 {
            decimal.digits /= 10;
            decimal.exponent = decimal.exponent.saturating_add(1);
        }
        Some(match decimal.magnitude() {
            Some(magnitude) => Number::Integer { negative: self.negative, magnitude },
            None => Number::Decimal(Box::new(decimal)),
        })
    }
}

impl Decimal {
    /// The absolute value, if it is an integer of 64 bits.
    fn magnitude(&self) -> Option<u64> {
        let exponent = u32::try_from(self.exponent).ok()?;
        let power = 10u64.checked_pow(exponent)?;
        u64::try_from(self.digits).ok()?.checked_mul(power)
    }
}

#[cfg(test)]
mod tests;
