//! An incremental JSON scanner: frames go in, cut anywhere, and the values a reader asks for come
//! out.
//!
//! The reader says which containers it wants to see the inside of (its *places*) and which values it
//! wants to have (its *fields*). All else is skipped without being looked at closely. Places are few
//! and the reader knows which is around which, so there is no stack; below them only the depth is
//! counted.
//!
//! RFC 8259, strictly around and inside the places. A value that is skipped is not validated.

use super::literal::Literal;
use super::number::{Number, NumberReader};
use super::skip::{SkipContainer, SkipText, skip_scalar};
use super::string::{Content, Keep, StringReader, find_special};
use super::unreadable::Unreadable;

/// What takes values out of a document.
pub(super) trait Read {
    /// A container whose members or elements are looked at, or the [document](Self::DOCUMENT).
    type Place: Copy + PartialEq;
    /// A value that is wanted.
    type Field: Copy;

    /// The place around the root value, which is its only element.
    const DOCUMENT: Self::Place;

    /// What kind of container a place is. (The document counts as an array of one.)
    fn shape(place: Self::Place) -> Shape;

    /// The field that an element of an array is, `None` to skip it.
    fn element(&mut self, place: Self::Place) -> Option<Self::Field>;

    /// The field that a member of an object is, `None` to skip it.
    fn member(&mut self, place: Self::Place, key: &[u8]) -> Option<Self::Field>;

    /// How much is wanted of a string.
    fn keep(field: Self::Field) -> Keep;

    /// A value is complete; in the document it took `size` bytes.
    fn value(&mut self, field: Self::Field, value: Value<'_>, size: u64) -> Result<(), Unreadable>;

    /// A container begins, with its first byte at position `at` of the document. The place it is,
    /// or `None` if it is to be skipped; its end then comes as [`Value::Container`].
    fn open(&mut self, field: Self::Field, shape: Shape, at: u64) -> Option<Self::Place>;

    /// A place ends, with its last byte before position `at` of the document. The place around it.
    fn close(&mut self, place: Self::Place, at: u64) -> Self::Place;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    Array,
}

pub(super) enum Value<'a> {
    Text(Content<'a>),
    Number(Number),
    Bool(bool),
    Null,
    /// An object or array that was skipped.
    Container,
}

/// The state of a document between two frames.
pub(super) struct Scanner<R: Read> {
    state: State,
    place: R::Place,
    /// What the value that is under way or comes next is to the reader.
    field: Option<R::Field>,
    /// The position in the document of the frame that comes next.
    offset: u64,
    /// The position of the first byte of the wanted value that is under way.
    start: u64,
    /// The value that is under way, if it is neither a key nor wanted text.
    partial: Partial,
    /// The key or wanted text that is under way.
    string: StringReader,
}

/// What is expected next, or what is under way.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Root,
    /// A member or the end of the object.
    FirstMember,
    Member,
    /// The rest of a key.
    Key,
    Colon,
    /// An element or the end of the array.
    FirstElement,
    Element,
    Value,
    /// The rest of wanted text.
    Text,
    /// The rest of another value.
    Partial,
    /// A comma or the end of the place.
    Next,
    /// White space, to the end of the input.
    End,
    Unreadable(Unreadable),
}

#[derive(Clone, Copy)]
enum Partial {
    Number(NumberReader),
    Literal(Literal),
    SkippedText(SkipText),
    SkippedScalar,
    SkippedContainer(SkipContainer),
}

/// The longest key a reader asks for, `io.modelcontextprotocol/protocolVersion`, has 39 bytes.
const KEY: Keep = Keep::first(40);

impl<R: Read> Scanner<R> {
    pub(super) fn new() -> Self {
        Self {
            state: State::Root,
            place: R::DOCUMENT,
            field: None,
            offset: 0,
            start: 0,
            partial: Partial::SkippedScalar,
            string: StringReader::new(),
        }
    }

    /// Takes the next bytes of the document. Once it is unreadable they are ignored.
    pub(super) fn feed(&mut self, bytes: &[u8], reader: &mut R) {
        let mut at = 0;
        while at < bytes.len() {
            match self.turn(bytes, at, reader) {
                Ok(next) => at = next,
                Err(why) => {
                    self.state = State::Unreadable(why);
                    return;
                }
            }
        }
        self.offset += bytes.len() as u64;
    }

    /// Whether the root value has been closed. Only white space may follow.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// What is wrong with the document so far.
    pub(super) fn error(&self) -> Option<Unreadable> {
        match self.state {
            State::Unreadable(why) => Some(why),
            _ => None,
        }
    }

    /// What the document was, now that no more of it comes.
    pub(super) fn finish(&self) -> Result<(), Unreadable> {
        match self.state {
            State::End => Ok(()),
            State::Root => Err(Unreadable::Empty),
            State::Unreadable(why) => Err(why),
            _ => Err(Unreadable::Truncated),
        }
    }
}

impl<R: Read> Scanner<R> {
    /// Takes a member or an element and what separates it from the next, or what there is of them.
    ///
    /// The phases are in the order of the grammar. Each begins where the one before it ended; the
    /// first begins where the last frame ended.
    fn turn(&mut self, bytes: &[u8], mut at: usize, reader: &mut R) -> Step {
        match self.state {
            State::FirstMember | State::Member => at = self.key(bytes, at, reader)?,
            State::Key => at = self.rest_of_key(bytes, at, reader)?,
            State::Root | State::FirstElement | State::Element => {
                at = self.element(bytes, at, reader)?;
            }
            State::End => return end(bytes, at),
            State::Unreadable(why) => return Err(why),
            State::Colon | State::Value | State::Text | State::Partial | State::Next => {}
        }
        if self.state == State::Colon {
            at = self.colon(bytes, at)?;
        }
        if self.state == State::Value {
            at = self.value(bytes, at, reader)?;
        }
        if matches!(self.state, State::Text | State::Partial) {
            at = self.rest_of_value(bytes, at, reader)?;
        }
        if self.state == State::Next {
            at = self.next(bytes, at, reader)?;
        }
        Ok(at)
    }

    fn key(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let Some((byte, at)) = token(bytes, at) else {
            return Ok(bytes.len());
        };
        if byte == b'}' && self.state == State::FirstMember {
            return Ok(self.close(at, reader));
        }
        if byte != b'"' {
            return Err(Unreadable::Syntax);
        }
        if let Some(key) = whole_string(&bytes[at + 1..]) {
            self.field = reader.member(self.place, key);
            self.state = State::Colon;
            return Ok(at + key.len() + 2);
        }
        self.string.begin(KEY);
        self.state = State::Key;
        Ok(at + 1)
    }

    fn rest_of_key(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let Some(taken) = self.string.feed(&bytes[at..])? else {
            return Ok(bytes.len());
        };
        let key = self.string.content();
        self.field = None;
        if !key.is_truncated() {
            self.field = reader.member(self.place, key.kept);
        }
        self.state = State::Colon;
        Ok(at + taken)
    }

    fn colon(&mut self, bytes: &[u8], at: usize) -> Step {
        match token(bytes, at) {
            Some((b':', at)) => {
                self.state = State::Value;
                Ok(at + 1)
            }
            Some(_) => Err(Unreadable::Syntax),
            None => Ok(bytes.len()),
        }
    }

    fn element(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let Some((byte, at)) = token(bytes, at) else {
            return Ok(bytes.len());
        };
        match (self.state, byte) {
            (State::FirstElement, b']') => return Ok(self.close(at, reader)),
            (State::Root, b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                return Err(Unreadable::NotJsonRpc);
            }
            _ => {}
        }
        self.field = reader.element(self.place);
        self.state = State::Value;
        Ok(at)
    }

    fn value(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let Some((byte, at)) = token(bytes, at) else {
            return Ok(bytes.len());
        };
        self.start = self.offset + at as u64;
        match (byte, self.field) {
            (b'{', field) => Ok(self.open(field, Shape::Object, at, reader)),
            (b'[', field) => Ok(self.open(field, Shape::Array, at, reader)),
            (b'"', Some(field)) => {
                if let Some(text) = whole_string(&bytes[at + 1..]) {
                    let size = text.len() + 2;
                    reader.value(field, Value::Text(Content::of(text)), size as u64)?;
                    self.state = State::Next;
                    return Ok(at + size);
                }
                self.string.begin(R::keep(field));
                self.state = State::Text;
                Ok(at + 1)
            }
            (b'"', None) => Ok(self.begin(Partial::SkippedText(SkipText::new()), at + 1)),
            (b'-' | b'0'..=b'9' | b't' | b'f' | b'n', None) => {
                Ok(self.begin(Partial::SkippedScalar, at + 1))
            }
            (b'-' | b'0'..=b'9', Some(field)) => {
                if let Some((number, size)) = Number::integer(&bytes[at..]) {
                    reader.value(field, Value::Number(number), size as u64)?;
                    self.state = State::Next;
                    return Ok(at + size);
                }
                Ok(self.begin(Partial::Number(NumberReader::new()), at))
            }
            (_, Some(_)) => {
                let literal = Literal::beginning_with(byte).ok_or(Unreadable::Syntax)?;
                Ok(self.begin(Partial::Literal(literal), at + 1))
            }
            (_, None) => Err(Unreadable::Syntax),
        }
    }

    fn begin(&mut self, partial: Partial, at: usize) -> usize {
        self.partial = partial;
        self.state = State::Partial;
        at
    }

    fn rest_of_value(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        let rest = &bytes[at..];
        let taken = match &mut self.partial {
            _ if self.state == State::Text => self.string.feed(rest)?,
            Partial::Number(number) => number.feed(rest),
            Partial::Literal(literal) => literal.feed(rest)?,
            Partial::SkippedText(text) => text.feed(rest),
            Partial::SkippedScalar => skip_scalar(rest),
            Partial::SkippedContainer(container) => container.feed(rest),
        };
        let Some(taken) = taken else {
            return Ok(bytes.len());
        };
        let end = at + taken;
        if let Some(field) = self.field {
            let value = match &self.partial {
                _ if self.state == State::Text => Value::Text(self.string.content()),
                Partial::Number(number) => Value::Number(number.finish().ok_or(Unreadable::Syntax)?),
                Partial::Literal(literal) => literal.value(),
                _ => Value::Container,
            };
            reader.value(field, value, self.offset + end as u64 - self.start)?;
        }
        self.state = State::Next;
        Ok(end)
    }

    fn next(&mut self, bytes: &[u8], at: usize, reader: &mut R) -> Step {
        match (token(bytes, at), R::shape(self.place)) {
            (Some((b',', at)), Shape::Object) => {
                self.state = State::Member;
                Ok(at + 1)
            }
            (Some((b',', at)), Shape::Array) => {
                self.state = State::Element;
                Ok(at + 1)
            }
            (Some((b'}', at)), Shape::Object) | (Some((b']', at)), Shape::Array) => {
                Ok(self.close(at, reader))
            }
            (Some(_), _) => Err(Unreadable::Syntax),
            (None, _) => Ok(bytes.len()),
        }
    }

    fn open(&mut self, field: Option<R::Field>, shape: Shape, at: usize, reader: &mut R) -> usize {
        let place = field.and_then(|field| reader.open(field, shape, self.start));
        let Some(place) = place else {
            return self.begin(Partial::SkippedContainer(SkipContainer::new()), at + 1);
        };
        self.place = place;
        self.state = match shape {
            Shape::Object => State::FirstMember,
            Shape::Array => State::FirstElement,
        };
        at + 1
    }

    fn close(&mut self, at: usize, reader: &mut R) -> usize {
        let end = at + 1;
        self.place = reader.close(self.place, self.offset + end as u64);
        self.state = if self.place == R::DOCUMENT { State::End } else { State::Next };
        end
    }
}

/// The position that was come to.
type Step = Result<usize, Unreadable>;

/// The next byte that is not white space, and its position.
fn token(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        match *bytes.get(at)? {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            byte => return Some((byte, at)),
        }
    }
}

/// The string that `bytes` begin with, if its end is there and nothing in it is escaped.
fn whole_string(bytes: &[u8]) -> Option<&[u8]> {
    let end = find_special(bytes)?;
    (bytes[end] == b'"').then(|| &bytes[..end])
}

fn end(bytes: &[u8], at: usize) -> Step {
    match token(bytes, at) {
        Some(_) => Err(Unreadable::Trailing),
        None => Ok(bytes.len()),
    }
}
