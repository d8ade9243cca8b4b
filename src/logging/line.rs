//! One line, while it is written.

use std::{
    fmt::{self, Display, Write as _},
    io, mem,
    time::SystemTime,
};

use tracing::Level;

use super::{
    buffer::Buffer,
    escape::{Escaped, Place},
    key::Key,
    lost,
    object::Object,
    shape::{Format, Shape},
    timestamp,
};

/// One line, as JSON or as text: begun, filled member by member, and finished.
///
/// Whatever is put into it, it ends as one line within its bound, and as a JSON document if that is
/// its format. A value that is too long is cut; a member for which there is no room is left out
/// altogether; in both cases the line says `truncated`. Keys are the caller's to keep apart.
#[derive(Debug)]
pub(crate) struct Line {
    buffer: Buffer,
    format: Format,
    max_field: usize,
    /// Where members have to end, so that there is room for what closes the line.
    end: usize,
    open: Open,
    truncated: bool,
}

/// What members go into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Open {
    Line,
    /// An object that began at byte `start` of the line.
    Object {
        kind: Object,
        start: usize,
    },
    /// An object that this line does not have. Its members are left out with it.
    Nothing,
}

impl Line {
    /// Begins a line with the time of now, `level` and `logger`. Its [`message`](Self::message)
    /// comes next.
    ///
    /// `None`, counted as a lost line, if it would be a line inside too many others.
    pub(crate) fn begin(shape: Shape, level: Level, logger: &str) -> Option<Self> {
        let Some(buffer) = Buffer::take() else {
            lost::count();
            return None;
        };
        let mut line = Self {
            buffer,
            format: shape.format(),
            max_field: shape.max_field(),
            end: shape.max_line() - CLOSING.len(),
            open: Open::Line,
            truncated: false,
        };
        line.head(level, logger);
        Some(line)
    }

    fn head(&mut self, level: Level, logger: &str) {
        let time = timestamp::rfc3339(SystemTime::now());
        match self.format {
            Format::Json => {
                self.push(br#"{"timestamp":""#);
                self.push(&time);
                self.push(br#"","level":""#);
                self.push(level.as_str().as_bytes());
                self.push(b"\"");
                self.str("logger", logger);
            }
            Format::Text => {
                self.push(&time);
                self.push(b" - ");
                self.bare(|text| text.write_str(logger));
                self.push(b" - ");
                self.push(level.as_str().as_bytes());
                self.push(b" - ");
            }
        }
    }

    /// What happened, in words.
    pub(crate) fn message(&mut self, message: fmt::Arguments<'_>) {
        match self.format {
            Format::Json => self.fmt("message", message),
            Format::Text => self.bare(|text| text.write_fmt(message)),
        }
    }

    /// Opens an object for the members that follow.
    pub(crate) fn begin_object(&mut self, kind: Object) {
        debug_assert_eq!(self.open, Open::Line, "objects do not nest");
        let start = self.buffer.len();
        let there = match self.format {
            Format::Json => {
                let whole = self.key(kind.key());
                self.push(b"{");
                self.keep_if(whole, start)
            }
            Format::Text => kind.text_prefix().is_some(),
        };
        self.open = if there { Open::Object { kind, start } } else { Open::Nothing };
    }

    /// Closes the object. It vanishes if there is nothing in it.
    pub(crate) fn end_object(&mut self) {
        let open = mem::replace(&mut self.open, Open::Line);
        let (Format::Json, Open::Object { start, .. }) = (self.format, open) else { return };
        if self.buffer.ends_with(b"{") {
            self.buffer.truncate(start);
        } else {
            self.push(b"}");
        }
    }

    /// A text.
    pub(crate) fn str(&mut self, key: impl Key, value: &str) {
        self.member(key, |line, end| line.quoted(end, |text| text.write_str(value)));
    }

    /// A text that is escaped as it is formatted.
    pub(crate) fn fmt(&mut self, key: impl Key, value: fmt::Arguments<'_>) {
        self.member(key, |line, end| line.quoted(end, |text| text.write_fmt(value)));
    }

    /// A text that has been escaped for JSON, or needs no escape. It is not looked at again, and
    /// not cut.
    pub(crate) fn escaped_str(&mut self, key: impl Key, value: &str) {
        self.member(key, |line, _| line.between_quotes(|line| line.push(value.as_bytes())));
    }

    /// An array of texts, all of them together no longer than one field.
    pub(crate) fn list(&mut self, key: impl Key, values: impl IntoIterator<Item: Display>) {
        self.member(key, |line, end| {
            line.push(b"[");
            for value in values {
                let start = line.buffer.len();
                line.push(if line.buffer.ends_with(b"[") { b"\"" } else { b",\"" });
                let room = end.saturating_sub(r#""]"#.len());
                let whole = line.text(Place::Quoted, room, |text| write!(text, "{value}"));
                line.push(b"\"");
                if line.buffer.len() >= end {
                    line.buffer.truncate(start);
                    line.truncated = true;
                    break;
                }
                if !whole {
                    break;
                }
            }
            line.push(b"]");
        });
    }

    /// An integer.
    pub(crate) fn integer(&mut self, key: impl Key, value: impl itoa::Integer) {
        self.member(key, |line, _| line.push(itoa::Buffer::new().format(value).as_bytes()));
    }

    /// A number; a text if it is none (`NaN`, `inf`, `-inf`).
    pub(crate) fn f64(&mut self, key: impl Key, value: f64) {
        if value.is_finite() {
            self.member(key, |line, _| {
                // `Debug` has a form that JSON has too, and an exponent where that is shorter. It
                // is kept whole or left out: a number that is cut is another number.
                line.text(Place::Bare, usize::MAX, |text| write!(text, "{value:?}"));
            });
        } else {
            self.fmt(key, format_args!("{value}"));
        }
    }

    /// A truth value.
    pub(crate) fn bool(&mut self, key: impl Key, value: bool) {
        self.member(key, |line, _| line.push(if value { b"true" } else { b"false" }));
    }

    /// Ends the line and shows all of it, in one piece, to `write`. If that fails, it is lost.
    pub(crate) fn finish(mut self, write: impl FnOnce(&[u8]) -> io::Result<()>) {
        debug_assert_eq!(self.open, Open::Line, "every object is closed");
        self.push(match (self.format, self.truncated) {
            (Format::Json, false) => b"}\n",
            (Format::Json, true) => b",\"truncated\":true}\n",
            (Format::Text, false) => b"\n",
            (Format::Text, true) => b" truncated=true\n",
        });
        if self.buffer.show(write).is_err() {
            lost::count();
        }
    }

    /// Writes a member whole, or cut within its value, or not at all. `value` is told where to end.
    fn member(&mut self, key: impl Key, value: impl FnOnce(&mut Self, usize)) {
        if self.open == Open::Nothing {
            return;
        }
        let start = self.buffer.len();
        let whole = self.key(key);
        if whole {
            value(self, self.field_end());
        }
        self.keep_if(whole, start);
    }

    /// Takes back what was written from `start` on, unless it is `whole` and there is room for it.
    fn keep_if(&mut self, whole: bool, start: usize) -> bool {
        let keep = whole && self.buffer.len() <= self.end;
        if !keep {
            self.buffer.truncate(start);
            self.truncated = true;
        }
        keep
    }

    /// Whether all of the key found room: a key that is cut could be another.
    fn key(&mut self, key: impl Key) -> bool {
        match self.format {
            Format::Json => {
                self.push(if self.buffer.ends_with(b"{") { b"\"" } else { b",\"" });
                let whole = self.name(key);
                self.push(b"\":");
                whole
            }
            Format::Text => {
                self.push(b" ");
                let start = self.buffer.len();
                if let Open::Object { kind, .. } = self.open {
                    self.push(kind.text_prefix().unwrap_or_default().as_bytes());
                }
                let whole = self.name(key);
                self.quote_if_needed(start);
                self.push(b"=");
                whole
            }
        }
    }

    fn name<K: Key>(&mut self, key: K) -> bool {
        if K::NEEDS_ESCAPE {
            self.text(Place::Quoted, self.end, |text| text.write_str(key.as_str()))
        } else {
            self.push(key.as_str().as_bytes());
            true
        }
    }

    /// A value that is quoted as its format asks for.
    fn quoted(&mut self, end: usize, write: impl FnOnce(&mut Escaped<'_>) -> fmt::Result) {
        self.between_quotes(|line| {
            line.text(Place::Quoted, end.saturating_sub(r#""""#.len()), write);
        });
    }

    fn between_quotes(&mut self, write: impl FnOnce(&mut Self)) {
        match self.format {
            Format::Json => {
                self.push(b"\"");
                write(self);
                self.push(b"\"");
            }
            Format::Text => {
                let start = self.buffer.len();
                write(self);
                self.quote_if_needed(start);
            }
        }
    }

    /// Puts quotes around what was written from `start` on, if it could be taken for more than one
    /// word, or for none.
    fn quote_if_needed(&mut self, start: usize) {
        let word = &self.buffer[start..];
        if word.is_empty() || word.iter().any(|byte| matches!(byte, b' ' | b'=' | b'"')) {
            self.buffer.insert(start, b'"');
            self.push(b"\"");
        }
    }

    /// A value that stands for itself: nothing that follows could be taken for a part of it.
    fn bare(&mut self, write: impl FnOnce(&mut Escaped<'_>) -> fmt::Result) {
        self.text(Place::Bare, self.field_end(), write);
    }

    /// Whether all of the text found room before `end`.
    fn text(
        &mut self,
        place: Place,
        end: usize,
        write: impl FnOnce(&mut Escaped<'_>) -> fmt::Result,
    ) -> bool {
        let mut text = Escaped::new(&mut self.buffer, place, end);
        // A value can fail for reasons of its own too. What it wrote until then is shown.
        let _ = write(&mut text);
        let whole = !text.is_full();
        self.truncated |= !whole;
        whole
    }

    /// Where a value that begins here has to end.
    fn field_end(&self) -> usize {
        self.end.min(self.buffer.len() + self.max_field)
    }

    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }
}

/// The longest that can follow the last member.
const CLOSING: &[u8] = b"},\"truncated\":true}\n";

#[cfg(test)]
mod tests;
