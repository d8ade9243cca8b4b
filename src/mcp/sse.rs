//! An incremental scanner of event streams: frames go in, cut anywhere, and the data of each event
//! comes out in pieces as it arrives. Nothing of it is kept.
//!
//! WHATWG HTML section 9.2.5 for the lines, 9.2.6 for what they mean. MCP sends its messages as
//! events of the default type, `message`.

use memchr::{memchr, memchr2};

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
            kind: Word::new(),
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
            let Some(end) = memchr2(b'\r', b'\n', bytes) else {
                return self.go_on(bytes, on);
            };
            self.go_on(&bytes[..end], on);
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
        if let Line::Name(name) = &mut self.line {
            let Some(colon) = memchr(b':', bytes) else {
                return name.push(bytes);
            };
            name.push(&bytes[..colon]);
            bytes = &bytes[colon + 1..];
            self.line = if name.is_empty() {
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
            self.line = Line::Name(Word::new());
            return Some(rest);
        }
        if missing.starts_with(bytes) {
            self.line = Line::Mark(taken + bytes.len());
            return None;
        }
        // It was the beginning of a name after all, of a field that does not exist.
        let mut name = Word::new();
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
            Field::Event => self.kind = Word::new(),
            Field::Other => {}
        }
    }

    fn end_line(&mut self, on: &mut impl FnMut(Piece<'_>)) {
        match std::mem::replace(&mut self.line, Line::Name(Word::new())) {
            Line::Name(name) if name.is_empty() => self.dispatch(on),
            // A line without a colon is a field with an empty value.
            Line::Name(name) => self.begin_value(Field::named(name), on),
            Line::Comment => on(Piece::Comment),
            Line::Mark(_) | Line::Colon(_) | Line::Value(_) => {}
        }
    }

    fn dispatch(&mut self, on: &mut impl FnMut(Piece<'_>)) {
        let is_message = self.kind.is_empty() || self.kind.is(b"message");
        if self.has_data {
            on(match (is_message, self.has_content) {
                (true, true) => Piece::Message,
                (true, false) => Piece::Priming,
                (false, _) => Piece::Foreign,
            });
        }
        self.kind = Word::new();
        self.has_data = false;
        self.has_content = false;
    }
}

impl Field {
    fn named(name: Word) -> Self {
        if name.is(b"data") {
            Self::Data
        } else if name.is(b"event") {
            Self::Event
        } else {
            Self::Other
        }
    }
}

/// A word that is compared with short ones: of a longer one only the fact is kept.
#[derive(Clone, Copy)]
struct Word {
    bytes: [u8; Self::ROOM],
    /// At most one more than there is room for.
    length: usize,
}

impl Word {
    /// As long as the longest word that matters, `message`.
    const ROOM: usize = 7;

    const fn new() -> Self {
        Self {
            bytes: [0; Self::ROOM],
            length: 0,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let start = self.length.min(Self::ROOM);
        let room = &mut self.bytes[start..];
        let fitting = bytes.len().min(room.len());
        room[..fitting].copy_from_slice(&bytes[..fitting]);
        self.length = (self.length + bytes.len()).min(Self::ROOM + 1);
    }

    const fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn is(&self, word: &[u8]) -> bool {
        self.length == word.len() && self.bytes[..self.length] == *word
    }
}
