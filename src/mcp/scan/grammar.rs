//! The grammar of JSON, for frames cut anywhere.

use super::{Literal, NumberReader, Other, Partial, Read, Scanner, Shape, State};
use crate::mcp::keys::Glance;
use crate::mcp::number::Number;
use crate::mcp::skip::{SkipContainer, SkipText, skip_scalar};
use crate::mcp::string::{Content, Keep, whole_string};
use crate::mcp::unreadable::Unreadable;

/// The position after what was taken, or why the turn is over.
type Step<T = usize> = Result<T, Stop>;

enum Stop {
    /// The frame is used up. The state tells how to go on with the next.
    Frame,
    /// The state tells how to go on at this position.
    Turn(usize),
    Unreadable(Unreadable),
}

/// The longest key a reader asks for, `io.modelcontextprotocol/protocolVersion`, has 39 bytes.
const KEY: Keep = Keep::first(40);

impl<R: Read> Scanner<R> {
    /// Takes the next bytes of the document. Once it is unreadable they are ignored.
    pub(in crate::mcp) fn feed(&mut self, bytes: &[u8], reader: &mut R) {
        if self.error.is_some() {
            return;
        }
        let mut at = 0;
        while at < bytes.len() {
            match self.turn(bytes, at, reader) {
                Ok(next) | Err(Stop::Turn(next)) => at = next,
                Err(Stop::Frame) => break,
                Err(Stop::Unreadable(why)) => {
                    self.state = State::Unreadable;
                    self.error = Some(why);
                    return;
                }
            }
        }
        self.offset += bytes.len() as u64;
        reader.show(bytes, self.offset);
    }

    /// Takes a member or an element with what comes after it, or the part of that which the frame
    /// has: `state` tells where to enter.
    fn turn(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let at = 'value: {
            let at = match self.state {
                State::FirstMember | State::Member => self.key(bytes, at, reader)?,
                State::Key => self.rest_of_key(bytes, at, reader)?,
                State::Colon => self.colon(bytes, at)?,
                State::Root | State::FirstElement | State::Element => {
                    self.element(bytes, at, reader)?
                }
                State::Value => at,
                State::Text => break 'value self.rest_of_text(bytes, at, reader)?,
                State::Partial => break 'value self.rest_of_value(bytes, at, reader)?,
                State::Next => break 'value at,
                State::End => return self.end(bytes, at),
                // No frame gets here any more.
                State::Unreadable => return Err(Stop::Frame),
            };
            self.value(bytes, at, reader)?
        };
        self.next(bytes, at, reader)
    }

    fn key(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let (byte, at) = self.token(bytes, at, self.state)?;
        if byte == b'}' && self.state == State::FirstMember {
            return self.close(bytes, at, reader);
        }
        if byte != b'"' {
            return Err(Unreadable::Syntax.into());
        }
        if let Some(head) = bytes[at..].first_chunk() {
            match reader.glance(self.place, head) {
                Some(Glance::Key { field, length }) => {
                    self.field = field;
                    return Ok(at + length);
                }
                Some(Glance::Member { length }) => return self.go_on(State::Next, at + length),
                None => {}
            }
        }
        if let Some(key) = whole_string(&bytes[at + 1..]) {
            self.field = reader.member(self.place, key);
            return self.go_on(State::Colon, at + key.len() + 2);
        }
        self.string.begin(KEY);
        self.go_on(State::Key, at + 1)
    }

    fn rest_of_key(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let taken = self.string.feed(&bytes[at..])?.ok_or(Stop::Frame)?;
        let key = self.string.content();
        self.field = if key.is_truncated() { None } else { reader.member(self.place, key.kept) };
        self.go_on(State::Colon, at + taken)
    }

    fn colon(&mut self, bytes: &[u8], at: usize) -> Step {
        match self.token(bytes, at, State::Colon)? {
            (b':', at) => Ok(at + 1),
            _ => Err(Unreadable::Syntax.into()),
        }
    }

    fn element(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let (byte, at) = self.token(bytes, at, self.state)?;
        match (self.state, byte) {
            (State::FirstElement, b']') => return self.close(bytes, at, reader),
            (State::Root, b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                return Err(Unreadable::NotJsonRpc.into());
            }
            _ => {}
        }
        self.field = reader.element(self.place);
        Ok(at)
    }

    fn value(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let (byte, at) = self.token(bytes, at, State::Value)?;
        let rest = &bytes[at..];
        self.start = self.offset + at as u64;
        match (byte, self.field) {
            (b'"', Some(field)) => {
                if let Some(text) = whole_string(&rest[1..]) {
                    let size = text.len() + 2;
                    reader.text(field, Content::of(text, R::keep(field)), size as u64)?;
                    return Ok(at + size);
                }
                self.string.begin(R::keep(field));
                return self.go_on(State::Text, at + 1);
            }
            (b'{' | b'[', Some(field)) => {
                let shape = if byte == b'{' { Shape::Object } else { Shape::Array };
                if let Some(place) = reader.open(field, shape, self.start) {
                    return self.open(place, shape, at);
                }
                self.partial = Partial::SkippedContainer(SkipContainer::new());
            }
            (b'-' | b'0'..=b'9', Some(field)) => {
                if let Some((number, size)) = Number::integer(rest) {
                    reader.number(field, number, size as u64);
                    return Ok(at + size);
                }
                self.partial = Partial::Number(NumberReader::beginning_with(byte));
            }
            (b't' | b'f' | b'n', Some(_)) => {
                self.partial = Partial::Literal(Literal::beginning_with(byte));
            }
            (b'"', None) => self.partial = Partial::SkippedText(SkipText::new()),
            (b'{' | b'[', None) => {
                self.partial = Partial::SkippedContainer(SkipContainer::new());
            }
            (b'-' | b'0'..=b'9' | b't' | b'f' | b'n', None) => {
                self.partial = Partial::SkippedScalar;
            }
            _ => return Err(Unreadable::Syntax.into()),
        }
        self.rest_of_value(bytes, at + 1, reader)
    }

    fn rest_of_text(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let taken = self.string.feed(&bytes[at..])?.ok_or(Stop::Frame)?;
        let end = at + taken;
        if let Some(field) = self.field {
            reader.text(field, self.string.content(), self.size(end))?;
        }
        Ok(end)
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
        let Some(taken) = taken else {
            self.state = State::Partial;
            return Err(Stop::Frame);
        };
        let end = at + taken;
        if let Some(field) = self.field {
            let size = self.size(end);
            match self.partial {
                Partial::Number(number) => {
                    reader.number(field, number.finish().ok_or(Unreadable::Syntax)?, size);
                }
                Partial::Literal(literal) => reader.other(field, literal.value(), size),
                _ => reader.other(field, Other::Container, size),
            }
        }
        Ok(end)
    }

    fn next(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let (byte, at) = self.token(bytes, at, State::Next)?;
        match (byte, R::shape(self.place)) {
            (b',', Shape::Object) => self.go_on(State::Member, at + 1),
            (b',', Shape::Array) => self.go_on(State::Element, at + 1),
            (b'}', Shape::Object) | (b']', Shape::Array) => self.close(bytes, at, reader),
            _ => Err(Unreadable::Syntax.into()),
        }
    }

    fn end(&mut self, bytes: &[u8], at: usize) -> Step {
        self.token(bytes, at, State::End)?;
        Err(Unreadable::Trailing.into())
    }

    fn open(&mut self, place: R::Place, shape: Shape, at: usize) -> Step {
        self.place = place;
        match shape {
            Shape::Object => self.go_on(State::FirstMember, at + 1),
            Shape::Array => self.go_on(State::FirstElement, at + 1),
        }
    }

    fn close(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        if R::is_shown(self.place) {
            return self.close_shown(bytes, at, reader);
        }
        self.place = reader.close(self.place, self.offset + at as u64 + 1);
        let state = if self.place == R::DOCUMENT { State::End } else { State::Next };
        self.go_on(state, at + 1)
    }

    #[cold]
    fn close_shown(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let end = self.offset + at as u64 + 1;
        reader.show(&bytes[..=at], end);
        self.place = reader.close(self.place, end);
        self.go_on(State::Next, at + 1)
    }

    /// The next byte that is not white space, and its position. If there is none in this frame, the
    /// next goes on in that state.
    fn token(&mut self, bytes: &[u8], mut at: usize, state: State) -> Step<(u8, usize)> {
        while let Some(&byte) = bytes.get(at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok((byte, at));
            }
            at += 1;
        }
        self.state = state;
        Err(Stop::Frame)
    }

    fn go_on<T>(&mut self, state: State, at: usize) -> Step<T> {
        self.state = state;
        Err(Stop::Turn(at))
    }

    /// What the value under way takes, if it ends before position `end` of the frame.
    fn size(&self, end: usize) -> u64 {
        self.offset + end as u64 - self.start
    }
}

impl From<Unreadable> for Stop {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }
}
