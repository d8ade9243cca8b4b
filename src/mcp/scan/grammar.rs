//! The grammar of JSON, for frames cut anywhere.
//!
//! Most documents are short and come in one frame, so the way through such a one is kept straight: the
//! state is written down where a frame ends, values that are whole are taken as they stand, and all
//! that takes the others is out of line.

use std::convert::Infallible;

use super::{Literal, NumberReader, Other, Partial, Read, Scanner, Shape, State};
use crate::mcp::keys::{Glance, OPENING};
use crate::mcp::number::Number;
use crate::mcp::skip::{SkipContainer, SkipText, skip_scalar};
use crate::mcp::string::{Content, Keep, SHORT, whole_string};
use crate::mcp::unreadable::Unreadable;

/// The position after what was taken, or why no more is.
type Step<T = usize> = Result<T, Stop>;

enum Stop {
    /// The frame is used up. The next goes on in that state.
    Frame(State),
    Unreadable(Unreadable),
}

/// The longest key a reader asks for, `io.modelcontextprotocol/protocolVersion`, has 39 bytes.
const KEY: Keep = Keep::first(40);

impl<R: Read> Scanner<R> {
    /// Takes the next bytes of the document. Once it is unreadable they are ignored.
    pub(in crate::mcp) fn feed(&mut self, bytes: &[u8], reader: &mut R) {
        if bytes.is_empty() || self.error.is_some() {
            return;
        }
        match self.turns(bytes, reader) {
            Err(Stop::Frame(state)) => self.state = state,
            Err(Stop::Unreadable(why)) => {
                self.error = Some(why);
                return;
            }
        }
        self.offset += bytes.len() as u64;
        reader.show(bytes, self.offset);
    }

    /// Takes members and elements, each with what comes after it, up to the end of the frame. The
    /// state tells where to enter the first of them.
    fn turns(&mut self, bytes: &[u8], reader: &mut R) -> Step<Infallible> {
        let (mut state, mut at) = (self.state, 0);
        if state == State::Root && bytes.starts_with(OPENING) {
            self.place = reader.opening();
            (state, at) = (State::Member, OPENING.len());
        }
        'turn: loop {
            at = 'value: {
                at = match state {
                    State::FirstMember | State::Member => {
                        match reader.glance(self.place, &bytes[at..]) {
                            Some(Glance::Key { field, length }) => {
                                self.field = field;
                                at + length
                            }
                            Some(Glance::Member { length }) => break 'value at + length,
                            Some(Glance::Object { field, length }) => {
                                self.field = Some(field);
                                let start = at + length - 1;
                                if let Some(first) = self.open(Shape::Object, start, reader) {
                                    (state, at) = (first, start + 1);
                                    continue 'turn;
                                }
                                break 'value self.skip_container(bytes, start, reader)?;
                            }
                            None => match self.key(state, bytes, at, reader)? {
                                (State::Next, at) => break 'value at,
                                (_, at) => at,
                            },
                        }
                    }
                    State::Root | State::FirstElement | State::Element => {
                        let (byte, at) = token(bytes, at, state)?;
                        if byte == b']' && state == State::FirstElement {
                            break 'value at;
                        }
                        if !matches!(byte, b'{' | b'[') && state == State::Root {
                            return Err(no_container(byte).into());
                        }
                        self.field = reader.element(self.place);
                        at
                    }
                    State::Value => at,
                    State::Next => break 'value at,
                    State::Key => self.rest_of_key(bytes, reader)?,
                    State::Colon => colon(bytes, at)?,
                    State::Text => break 'value self.rest_of_text(bytes, at, reader)?,
                    State::Partial => break 'value self.rest_of_value(bytes, at, reader)?,
                    State::End => {
                        token(bytes, at, State::End)?;
                        return Err(Unreadable::Trailing.into());
                    }
                };
                let (byte, start) = token(bytes, at, State::Value)?;
                let opened = match byte {
                    b'{' => self.open(Shape::Object, start, reader),
                    b'[' => self.open(Shape::Array, start, reader),
                    b'"' => break 'value self.text(bytes, start, reader)?,
                    _ => break 'value self.scalar(byte, bytes, start, reader)?,
                };
                if let Some(first) = opened {
                    (state, at) = (first, start + 1);
                    continue 'turn;
                }
                self.skip_container(bytes, start, reader)?
            };
            loop {
                let (byte, here) = token(bytes, at, State::Next)?;
                at = here + 1;
                if byte == b',' {
                    state = match R::shape(self.place) {
                        Shape::Object => State::Member,
                        Shape::Array => State::Element,
                    };
                    continue 'turn;
                }
                self.close(byte, bytes, at, reader)?;
                if self.place == R::DOCUMENT {
                    state = State::End;
                    continue 'turn;
                }
            }
        }
    }

    /// Takes what cannot be told at a glance where a member may stand: white space and a key, or the end
    /// of the object. Gives what comes after it.
    #[inline(never)]
    fn key(
        &mut self,
        state: State,
        bytes: &[u8],
        at: usize,
        reader: &mut R,
    ) -> Step<(State, usize)> {
        let (byte, at) = token(bytes, at, state)?;
        if byte == b'}' && state == State::FirstMember {
            return Ok((State::Next, at));
        }
        if byte != b'"' {
            return Err(Unreadable::Syntax.into());
        }
        let at = at + 1;
        if let Some(key) = whole_string(&bytes[at..]) {
            self.field = reader.member(self.place, key);
            return Ok((State::Value, colon(bytes, at + key.len() + 1)?));
        }
        self.odd.get_or_insert_default().string.begin(KEY);
        Ok((State::Value, at + self.rest_of_key(&bytes[at..], reader)?))
    }

    #[cold]
    fn rest_of_key(&mut self, bytes: &[u8], reader: &mut R) -> Step {
        let string = &mut self.odd.get_or_insert_default().string;
        let taken = string.feed(bytes)?.ok_or(Stop::Frame(State::Key))?;
        let key = string.content();
        self.field = if key.is_truncated() { None } else { reader.member(self.place, key.kept) };
        colon(bytes, taken)
    }

    /// Enters the container that begins at that position, unless it is to be skipped.
    #[expect(clippy::inline_always, reason = "so that it is made for each shape")]
    #[inline(always)]
    fn open(&mut self, shape: Shape, at: usize, reader: &mut R) -> Option<State> {
        self.place = reader.open(self.field?, shape, self.offset + at as u64)?;
        Some(match shape {
            Shape::Object => State::FirstMember,
            Shape::Array => State::FirstElement,
        })
    }

    #[inline]
    fn text(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let Some(field) = self.field else {
            return self.begin(Partial::SkippedText(SkipText::new()), bytes, at, reader);
        };
        let Some(text) = whole_string(&bytes[at + 1..]) else {
            return self.begin_text(bytes, at, field, reader);
        };
        let size = text.len() + 2;
        let content = match text.len() {
            ..=SHORT => Content::whole(text),
            _ => Content::of(text, R::keep(field)),
        };
        reader.text(field, content, size as u64)?;
        Ok(at + size)
    }

    /// Takes a number or a literal with that first byte.
    #[inline]
    fn scalar(&mut self, byte: u8, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        if !matches!(byte, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') {
            return Err(Unreadable::Syntax.into());
        }
        let rest = &bytes[at..];
        let Some(field) = self.field else {
            return match skip_scalar(rest) {
                Some(size) => Ok(at + size),
                None => self.begin(Partial::SkippedScalar, bytes, at, reader),
            };
        };
        if let Some((number, size)) = Number::integer(rest) {
            reader.number(field, number, size as u64);
            return Ok(at + size);
        }
        if let Some((value, size)) = Literal::whole(rest) {
            reader.other(field, value, size as u64);
            return Ok(at + size);
        }
        let partial = if matches!(byte, b't' | b'f' | b'n') {
            Partial::Literal(Literal::beginning_with(byte))
        } else {
            self.odd.get_or_insert_default().number = NumberReader::beginning_with(byte);
            Partial::Number
        };
        self.begin(partial, bytes, at, reader)
    }

    /// Skips the container that begins at that position.
    #[inline(never)]
    fn skip_container(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let mut container = SkipContainer::new();
        let Some(taken) = container.feed(&bytes[at + 1..])? else {
            self.start = self.offset + at as u64;
            self.partial = Partial::SkippedContainer(container);
            return Err(Stop::Frame(State::Partial));
        };
        if let Some(field) = self.field {
            reader.other(field, Other::Container, taken as u64 + 1);
        }
        Ok(at + 1 + taken)
    }

    /// Takes wanted text that is cut or has escapes, of which the opening quote is at that position.
    #[cold]
    fn begin_text(&mut self, bytes: &[u8], at: usize, field: R::Field, reader: &mut R) -> Step {
        self.start = self.offset + at as u64;
        self.odd.get_or_insert_default().string.begin(R::keep(field));
        self.rest_of_text(bytes, at + 1, reader)
    }

    #[cold]
    fn rest_of_text(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let string = &mut self.odd.get_or_insert_default().string;
        let taken = string.feed(&bytes[at..])?.ok_or(Stop::Frame(State::Text))?;
        let end = at + taken;
        if let Some(field) = self.field {
            reader.text(field, string.content(), self.offset + end as u64 - self.start)?;
        }
        Ok(end)
    }

    /// Takes a value that is not, or may not be, a whole one of the usual form, and of which the first
    /// byte is at that position.
    #[inline(never)]
    fn begin(&mut self, partial: Partial, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        self.start = self.offset + at as u64;
        self.partial = partial;
        self.rest_of_value(bytes, at + 1, reader)
    }

    fn rest_of_value(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let rest = &bytes[at..];
        let taken = match &mut self.partial {
            Partial::Number => self.odd.get_or_insert_default().number.feed(rest),
            Partial::Literal(literal) => literal.feed(rest)?,
            Partial::SkippedText(text) => text.feed(rest),
            Partial::SkippedScalar => skip_scalar(rest),
            Partial::SkippedContainer(container) => container.feed(rest)?,
        };
        let end = at + taken.ok_or(Stop::Frame(State::Partial))?;
        if let Some(field) = self.field {
            let size = self.offset + end as u64 - self.start;
            match &self.partial {
                Partial::Number => {
                    let number = self.odd.get_or_insert_default().number.finish();
                    reader.number(field, number.ok_or(Unreadable::Syntax)?, size);
                }
                Partial::Literal(literal) => reader.other(field, literal.value(), size),
                _ => reader.other(field, Other::Container, size),
            }
        }
        Ok(end)
    }

    /// Closes the place with that bracket, which ends before position `at`.
    #[inline]
    fn close(&mut self, bracket: u8, bytes: &[u8], at: usize, reader: &mut R) -> Step<()> {
        match (bracket, R::shape(self.place)) {
            (b'}', Shape::Object) | (b']', Shape::Array) => {}
            _ => return Err(Unreadable::Syntax.into()),
        }
        let end = self.offset + at as u64;
        if R::is_shown(self.place) {
            reader.show(&bytes[..at], end);
        }
        self.place = reader.close(self.place, end);
        Ok(())
    }
}

/// The next byte that is not white space, and its position. If there is none in this frame, the next
/// goes on in that state.
#[inline]
fn token(bytes: &[u8], mut at: usize, state: State) -> Step<(u8, usize)> {
    while let Some(&byte) = bytes.get(at) {
        // The first comparison is enough for nearly all there is.
        if byte > b' ' || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return Ok((byte, at));
        }
        at += 1;
    }
    Err(Stop::Frame(state))
}

fn colon(bytes: &[u8], at: usize) -> Step {
    match token(bytes, at, State::Colon)? {
        (b':', at) => Ok(at + 1),
        _ => Err(Unreadable::Syntax.into()),
    }
}

/// What a document is that begins with neither kind of bracket.
#[cold]
fn no_container(byte: u8) -> Unreadable {
    match byte {
        b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Unreadable::NotJsonRpc,
        _ => Unreadable::Syntax,
    }
}

impl From<Unreadable> for Stop {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }
}
