//! The grammar of JSON, for frames cut anywhere.
//!
//! Most documents are short and come in one frame, so the way through such a one is kept straight: the
//! state is written down where a frame ends, values that are whole are taken as they stand, and all
//! that takes the others is out of line.

use std::convert::Infallible;

use super::{Literal, NumberReader, Other, Partial, Read, Scanner, Shape, State};
use crate::mcp::keys::Glance;
use crate::mcp::number::Number;
use crate::mcp::skip::{SkipContainer, SkipText, skip_scalar};
use crate::mcp::string::{Content, Keep, whole_string};
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
        'turn: loop {
            at = 'value: {
                at = match state {
                    State::FirstMember | State::Member => {
                        let (byte, at) = token(bytes, at, state)?;
                        if byte == b'}' && state == State::FirstMember {
                            break 'value at;
                        }
                        if byte != b'"' {
                            return Err(Unreadable::Syntax.into());
                        }
                        let head = bytes[at..].first_chunk();
                        match head.and_then(|head| reader.glance(self.place, head)) {
                            Some(Glance::Key { field, length }) => {
                                self.field = field;
                                at + length
                            }
                            Some(Glance::Member { length }) => break 'value at + length,
                            None => self.key(bytes, at + 1, reader)?,
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
                match self.value(bytes, at, reader)? {
                    (State::Next, at) => at,
                    next => {
                        (state, at) = next;
                        continue 'turn;
                    }
                }
            };
            (state, at) = self.next(bytes, at, reader)?;
        }
    }

    /// Takes a key that cannot be told at a glance, after its opening quote, and the colon.
    #[inline(never)]
    fn key(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        if let Some(key) = whole_string(&bytes[at..]) {
            self.field = reader.member(self.place, key);
            return colon(bytes, at + key.len() + 1);
        }
        self.string.get_or_insert_default().begin(KEY);
        self.rest_of_key(&bytes[at..], reader).map(|taken| at + taken)
    }

    #[cold]
    fn rest_of_key(&mut self, bytes: &[u8], reader: &mut R) -> Step {
        let string = self.string.get_or_insert_default();
        let taken = string.feed(bytes)?.ok_or(Stop::Frame(State::Key))?;
        let key = string.content();
        self.field = if key.is_truncated() { None } else { reader.member(self.place, key.kept) };
        colon(bytes, taken)
    }

    /// Takes a value, or the bracket that opens one of which the inside is looked at. Gives what comes
    /// after it.
    #[expect(clippy::inline_always, reason = "it has one caller, and is on the way of every value")]
    #[inline(always)]
    fn value(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step<(State, usize)> {
        let (byte, at) = token(bytes, at, State::Value)?;
        let rest = &bytes[at..];
        let size = match (byte, self.field) {
            (b'"', Some(field)) => {
                let Some(text) = whole_string(&rest[1..]) else {
                    return self.begin_text(bytes, at, field, reader);
                };
                let size = text.len() + 2;
                reader.text(field, Content::of(text, R::keep(field)), size as u64)?;
                size
            }
            (b'{' | b'[', Some(field)) => {
                let (shape, first) = match byte {
                    b'{' => (Shape::Object, State::FirstMember),
                    _ => (Shape::Array, State::FirstElement),
                };
                if let Some(place) = reader.open(field, shape, self.offset + at as u64) {
                    self.place = place;
                    return Ok((first, at + 1));
                }
                let size = self.skip_container(bytes, at)?;
                reader.other(field, Other::Container, size as u64);
                size
            }
            (b'{' | b'[', None) => self.skip_container(bytes, at)?,
            (b'-' | b'0'..=b'9', Some(field)) => {
                let Some((number, size)) = Number::integer(rest) else {
                    let number = Partial::Number(Box::new(NumberReader::beginning_with(byte)));
                    return self.begin(number, bytes, at, reader);
                };
                reader.number(field, number, size as u64);
                size
            }
            (b't' | b'f' | b'n', Some(field)) => {
                let Some((value, size)) = Literal::whole(rest) else {
                    let literal = Partial::Literal(Literal::beginning_with(byte));
                    return self.begin(literal, bytes, at, reader);
                };
                reader.other(field, value, size as u64);
                size
            }
            (b'"', None) => {
                return self.begin(Partial::SkippedText(SkipText::new()), bytes, at, reader);
            }
            (b'-' | b'0'..=b'9' | b't' | b'f' | b'n', None) => {
                let Some(size) = skip_scalar(rest) else {
                    return self.begin(Partial::SkippedScalar, bytes, at, reader);
                };
                size
            }
            _ => return Err(Unreadable::Syntax.into()),
        };
        Ok((State::Next, at + size))
    }

    /// Skips the container that begins at that position. Gives the bytes that it takes.
    #[inline]
    fn skip_container(&mut self, bytes: &[u8], at: usize) -> Step {
        let mut container = SkipContainer::new();
        if let Some(taken) = container.feed(&bytes[at + 1..])? {
            return Ok(1 + taken);
        }
        self.start = self.offset + at as u64;
        self.partial = Partial::SkippedContainer(container);
        Err(Stop::Frame(State::Partial))
    }

    /// Takes wanted text that is cut or has escapes, of which the opening quote is at that position.
    #[cold]
    fn begin_text(
        &mut self,
        bytes: &[u8],
        at: usize,
        field: R::Field,
        reader: &mut R,
    ) -> Step<(State, usize)> {
        self.start = self.offset + at as u64;
        self.string.get_or_insert_default().begin(R::keep(field));
        Ok((State::Next, self.rest_of_text(bytes, at + 1, reader)?))
    }

    #[cold]
    fn rest_of_text(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let string = self.string.get_or_insert_default();
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
    fn begin(
        &mut self,
        partial: Partial,
        bytes: &[u8],
        at: usize,
        reader: &mut R,
    ) -> Step<(State, usize)> {
        self.start = self.offset + at as u64;
        self.partial = partial;
        Ok((State::Next, self.rest_of_value(bytes, at + 1, reader)?))
    }

    fn rest_of_value(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let rest = &bytes[at..];
        let taken = match &mut self.partial {
            Partial::Number(number) => number.feed(rest),
            Partial::Literal(literal) => literal.feed(rest)?,
            Partial::SkippedText(text) => text.feed(rest),
            Partial::SkippedScalar => skip_scalar(rest),
            Partial::SkippedContainer(container) => container.feed(rest)?,
        };
        let end = at + taken.ok_or(Stop::Frame(State::Partial))?;
        if let Some(field) = self.field {
            let size = self.offset + end as u64 - self.start;
            match &self.partial {
                Partial::Number(number) => {
                    reader.number(field, number.finish().ok_or(Unreadable::Syntax)?, size);
                }
                Partial::Literal(literal) => reader.other(field, literal.value(), size),
                _ => reader.other(field, Other::Container, size),
            }
        }
        Ok(end)
    }

    /// Takes what comes after a value: a comma, or the end of the place, and of those around it that end
    /// there as well.
    #[inline]
    fn next(&mut self, bytes: &[u8], mut at: usize, reader: &mut R) -> Step<(State, usize)> {
        loop {
            let (byte, end) = token(bytes, at, State::Next)?;
            at = end + 1;
            match (byte, R::shape(self.place)) {
                (b',', Shape::Object) => return Ok((State::Member, at)),
                (b',', Shape::Array) => return Ok((State::Element, at)),
                (b'}', Shape::Object) | (b']', Shape::Array) => {}
                _ => return Err(Unreadable::Syntax.into()),
            }
            let end = self.offset + at as u64;
            if R::is_shown(self.place) {
                reader.show(&bytes[..at], end);
            }
            self.place = reader.close(self.place, end);
            if self.place == R::DOCUMENT {
                return Ok((State::End, at));
            }
        }
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
