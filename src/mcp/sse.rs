//! An incremental scanner of event streams: frames go in, cut anywhere, and the data of each event
//! comes out in pieces as it arrives. Nothing of it is kept.
//!
//! WHATWG HTML section 9.2.5 for the lines, 9.2.6 for what they mean. MCP sends its messages as
//! events of the default type, `message`.

use super::find::find_either;

/// A part of an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A comment line.
    Comment,
    /// More of the data of the event under way. Its lines are joined by LF.
    Data(&'a [u8]),
    /// The event under way is a message.
    Message,
    /// The event under way is a message with empty data.
    Priming,
    /// The event under way has another type: its data is of no use.
    Foreign,
}

/// The state of a stream between two frames.
pub(super) struct StreamScanner {
    line: Line,
    /// Whether the last line ended in CR, of which a LF is part.
    after_cr: bool,
    /// The type of the event under way.
    kind: Word,
    /// Whether the event under way has a `data` field, and whether its data is more than empty.
    has_data: bool,
    has_content: bool,
}

/// How far into a line the stream is.
#[derive(Clone, Copy)]
enum Line {
    /// In the byte order mark that may open the stream, after some of its bytes.
    Mark(usize),
    Name(Word),
    Comment,
    /// After the colon, where one space is not part of the value.
    Colon(Field),
    Value(Field),
}

#[derive(Clone, Copy)]
enum Field {
    Data,
    Event,
    /// `id`, `retry`, and all that do not exist.
    Other,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl StreamScanner {
    pub(super) const fn new() -> Self {
        Self {
            line: Line::Mark(0),
            after_cr: false,
            kind: Word::EMPTY,
            has_data: false,
            has_content: false,
        }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8], on: &mut impl FnMut(Piece<'_>)) {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = find_either(b'\r', b'\n', bytes) else {
                return self.go_on(bytes, on);
            };
            if end > 0 {
                self.go_on(&bytes[..end], on);
            }
            self.end_line(on);
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
        }
    }

    /// Takes the next bytes of a line.
    fn go_on(&mut self, mut bytes: &[u8], on: &mut impl FnMut(Piece<'_>)) {
        if let Line::Mark(taken) = self.line {
            let Some(rest) = self.after_mark(taken, bytes) else {
                return;
            };
            bytes = rest;
        }
        if let (Line::Name(Word::EMPTY), Some(value)) = (self.line, bytes.strip_prefix(b"data:")) {
            // Not another way, only a shorter one for the lines that matter most.
            self.begin_value(Field::Data, on);
            self.line = Line::Colon(Field::Data);
            bytes = value;
        }
        if let Line::Name(name) = &mut self.line {
            let Some(colon) = find_either(b':', b':', bytes) else {
                return name.push(bytes);
            };
            name.push(&bytes[..colon]);
            bytes = &bytes[colon + 1..];
            self.line = if *name == Word::EMPTY {
                Line::Comment
            } else {
                let field = Field::named(*name);
                self.begin_value(field, on);
                Line::Colon(field)
            };
        }
        if bytes.is_empty() {
            return;
        }
        if let Line::Colon(field) = self.line {
            self.line = Line::Value(field);
            bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
        }
        match self.line {
            Line::Value(Field::Data) if !bytes.is_empty() => {
                self.has_content = true;
                on(Piece::Data(bytes));
            }
            Line::Value(Field::Event) => self.kind.push(bytes),
            _ => {}
        }
    }

    /// Takes what there is of a byte order mark, and gives what follows it.
    fn after_mark<'a>(&mut self, taken: usize, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let missing = &BYTE_ORDER_MARK[taken..];
        if let Some(rest) = bytes.strip_prefix(missing) {
            self.line = Line::Name(Word::EMPTY);
            return Some(rest);
        }
        if missing.starts_with(bytes) {
            self.line = Line::Mark(taken + bytes.len());
            return None;
        }
        // It was the beginning of a name after all, of a field that does not exist.
        let mut name = Word::EMPTY;
        name.push(&BYTE_ORDER_MARK[..taken]);
        self.line = Line::Name(name);
        Some(bytes)
    }

    fn begin_value(&mut self, field: Field, on: &mut impl FnMut(Piece<'_>)) {
        match field {
            Field::Data if self.has_data => {
                self.has_content = true;
                on(Piece::Data(b"\n"));
            }
            Field::Data => self.has_data = true,
            Field::Event => self.kind = Word::EMPTY,
            Field::Other => {}
        }
    }

    fn end_line(&mut self, on: &mut impl FnMut(Piece<'_>)) {
        match std::mem::replace(&mut self.line, Line::Name(Word::EMPTY)) {
            Line::Name(Word::EMPTY) => self.dispatch(on),
            // A line without a colon is a field with an empty value.
            Line::Name(name) => self.begin_value(Field::named(name), on),
            Line::Comment => on(Piece::Comment),
            Line::Mark(_) | Line::Colon(_) | Line::Value(_) => {}
        }
    }

    fn dispatch(&mut self, on: &mut impl FnMut(Piece<'_>)) {
        let is_message = matches!(self.kind, Word::EMPTY | Word::MESSAGE);
        if self.has_data {
            on(match (is_message, self.has_content) {
                (true, true) => Piece::Message,
                (true, false) => Piece::Priming,
                (false, _) => Piece::Foreign,
            });
        }
        self.kind = Word::EMPTY;
        self.has_data = false;
        self.has_content = false;
    }
}

impl Field {
    fn named(name: Word) -> Self {
        match name {
            Word::DATA => Self::Data,
            Word::EVENT => Self::Event,
            _ => Self::Other,
        }
    }
}

/// At most seven bytes, after a one that tells how many. Zero if there were more.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word(u64);

impl Word {
    const EMPTY: Self = Self(1);
    const DATA: Self = Self::of(b"data");
    const EVENT: Self = Self::of(b"event");
    const MESSAGE: Self = Self::of(b"message");

    const fn of(word: &[u8]) -> Self {
        let mut packed = Self::EMPTY;
        let mut at = 0;
        while at < word.len() {
            packed.push_byte(word[at]);
            at += 1;
        }
        packed
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().take(8) {
            self.push_byte(byte);
        }
    }

    const fn push_byte(&mut self, byte: u8) {
        let full = self.0 >= 1 << 56;
        self.0 = if full || self.0 == 0 { 0 } else { self.0 << 8 | byte as u64 };
    }
}

#[cfg(test)]
mod tests;
