//! The values of an event's fields.

use std::{error::Error, fmt};

use tracing::field::{Field, Visit};

use super::{key::Name, line::Line};

/// Shows each field of an event that has a value, in order.
pub(super) fn each_field(event: &tracing::Event<'_>, f: impl FnMut(&'static str, Value<'_>)) {
    event.record(&mut Each(f));
}

/// The value of a field, as its type was recorded.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Str(&'a str),
    Bytes(&'a [u8]),
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Error(&'a (dyn Error + 'static)),
    Debug(&'a dyn fmt::Debug),
}

impl Value<'_> {
    /// Writes the value as a member of what is open in `line`.
    pub(super) fn write(self, line: &mut Line, name: &str) {
        let key = Name(name);
        match self {
            Self::Str(text) => line.str(key, text),
            Self::Bool(value) => line.bool(key, value),
            Self::I64(number) => line.integer(key, number),
            Self::U64(number) => line.integer(key, number),
            Self::I128(number) => match (i64::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => line.integer(key, number),
                (_, Ok(number)) => line.integer(key, number),
                _ => line.fmt(key, format_args!("{number}")),
            },
            // `Duration::as_millis` is one of these, and someone will want to draw it. Beyond 64
            // bits most readers would round the number, or refuse the line.
            Self::U128(number) => match u64::try_from(number) {
                Ok(number) => line.integer(key, number),
                Err(_) => line.fmt(key, format_args!("{number}")),
            },
            Self::F64(number) => line.f64(key, number),
            Self::Bytes(_) | Self::Error(_) | Self::Debug(_) => {
                line.fmt(key, format_args!("{self}"));
            }
        }
    }
}

/// The value as a text.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => f.write_str(text),
            Self::Bytes(bytes) => write_lossy(bytes, f),
            Self::Bool(value) => value.fmt(f),
            Self::I64(number) => number.fmt(f),
            Self::U64(number) => number.fmt(f),
            Self::I128(number) => number.fmt(f),
            Self::U128(number) => number.fmt(f),
            Self::F64(number) => number.fmt(f),
            Self::Error(error) => error.fmt(f),
            Self::Debug(value) => value.fmt(f),
        }
    }
}

/// What is not UTF-8 becomes U+FFFD, as in `String::from_utf8_lossy`, which would make a copy.
fn write_lossy(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        f.write_str(chunk.valid())?;
        if !chunk.invalid().is_empty() {
            f.write_str("\u{fffd}")?;
        }
    }
    Ok(())
}

struct Each<F>(F);

impl<F: FnMut(&'static str, Value<'_>)> Visit for Each<F> {
    fn record_str(&mut self, field: &Field, value: &str) {
        (self.0)(field.name(), Value::Str(value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        (self.0)(field.name(), Value::Bytes(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        (self.0)(field.name(), Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        (self.0)(field.name(), Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        (self.0)(field.name(), Value::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        (self.0)(field.name(), Value::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        (self.0)(field.name(), Value::U128(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        (self.0)(field.name(), Value::F64(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        (self.0)(field.name(), Value::Error(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        (self.0)(field.name(), Value::Debug(value));
    }
}
