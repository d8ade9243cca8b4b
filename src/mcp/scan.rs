//! An incremental JSON scanner: frames go in, cut anywhere, and the values a reader asks for come
//! out.
//!
//! The reader says which containers it wants to see the inside of (its *places*) and which values
//! it wants to have (its *fields*). All else is skipped without being looked at closely. Places are
//! few and the reader knows which is around which, so there is no stack; below them only the depth
//! is counted.
//!
//! RFC 8259, strictly around and inside the places. A value that is skipped is not validated.

mod grammar;

use super::keys::Glance;
use super::literal::Literal;
use super::number::{Number, NumberReader};
use super::skip::{SkipContainer, SkipText};
use super::string::{Content, Keep, StringReader};
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

    /// The same for the member that `rest` begins with, if that can be told at a glance.
    fn glance(&mut self, place: Self::Place, rest: &[u8]) -> Option<Glance<Self::Field>>;

    /// The document begins with [`OPENING`](super::keys::OPENING). The place that is.
    fn opening(&mut self) -> Self::Place;

    /// How much is wanted of a string: nothing, or no less than [`SHORT`](super::string::SHORT) bytes. More
    /// may be given where that is cheaper.
    fn keep(field: Self::Field) -> Keep;

    /// The value is a string. In the document it took `size` bytes.
    fn text(&mut self, field: Self::Field, text: Content<'_>, size: u64) -> Result<(), Unreadable>;

    /// The value is a number. In the document it took `size` bytes.
    fn number(&mut self, field: Self::Field, number: Number, size: u64);

    /// The value is neither. In the document it took `size` bytes.
    fn other(&mut self, field: Self::Field, value: Other, size: u64);

    /// A container begins, with its first byte at position `at` of the document. The place it is,
    /// or `None` if it is to be skipped; its end then comes as [`Other::Container`].
    fn open(&mut self, field: Self::Field, shape: Shape, at: u64) -> Option<Self::Place>;

    /// A place ends, with its last byte before position `at` of the document. The place around it.
    fn close(&mut self, place: Self::Place, at: u64) -> Self::Place;

    /// Whether the bytes of a place are wanted as they are, which [`show`](Self::show) then gives.
    /// Only of places in other places.
    fn is_shown(_place: Self::Place) -> bool {
        false
    }

    /// What the frame has before position `at` of the document: at its end, and where a place ends
    /// of which the bytes [are wanted](Self::is_shown), before [`close`](Self::close).
    fn show(&mut self, _frame: &[u8], _at: u64) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    Array,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    Bool(bool),
    Null,
    /// An object or array that was skipped.
    Container,
}

/// The state of a document between two frames.
pub(super) struct Scanner<R: Read> {
    state: State,
    error: Option<Unreadable>,
    /// Where the next member or element belongs.
    place: R::Place,
    /// What the value that is under way or comes next is to the reader.
    field: Option<R::Field>,
    /// The position in the document of the frame that comes next.
    offset: u64,
    /// The position of the first byte of the value that the last frame has cut.
    start: u64,
    /// That value, if it is neither a key nor wanted text.
    partial: Partial,
    /// Once there was need of it: few documents have any, and a reader is moved around a few times.
    odd: Option<Box<Odd>>,
}

/// What takes the keys and values that are wanted and not written in the usual way, or not in one
/// frame.
struct Odd {
    string: StringReader,
    number: NumberReader,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Root,
    /// An element, or the end of the array.
    FirstElement,
    Element,
    /// A member, or the end of the object.
    FirstMember,
    Member,
    /// The rest of a key.
    Key,
    Colon,
    Value,
    /// The rest of wanted text.
    Text,
    /// The rest of another value.
    Partial,
    /// A comma, or the end of the place.
    Next,
    /// White space, to the end of the input.
    End,
}

/// A value that is neither a key nor wanted text.
enum Partial {
    /// In [`Odd`].
    Number,
    Literal(Literal),
    SkippedText(SkipText),
    SkippedScalar,
    SkippedContainer(SkipContainer),
}

impl<R: Read> Scanner<R> {
    pub(super) fn new() -> Self {
        Self {
            state: State::Root,
            error: None,
            place: R::DOCUMENT,
            field: None,
            offset: 0,
            start: 0,
            partial: Partial::SkippedScalar,
            odd: None,
        }
    }

    /// Begins another document.
    pub(super) fn restart(&mut self) {
        *self = Self { odd: self.odd.take(), ..Self::new() };
    }

    /// Whether the root value has been closed. Only white space may follow.
    pub(super) fn is_complete(&self) -> bool {
        self.state == State::End && self.error.is_none()
    }

    /// What is wrong with the document so far.
    pub(super) fn error(&self) -> Option<Unreadable> {
        self.error
    }

    /// What the document was, now that no more of it comes.
    pub(super) fn finish(&self) -> Result<(), Unreadable> {
        match (self.error, self.state) {
            (Some(why), _) => Err(why),
            (None, State::End) => Ok(()),
            (None, State::Root) => Err(Unreadable::Empty),
            (None, _) => Err(Unreadable::Truncated),
        }
    }
}

impl Default for Odd {
    fn default() -> Self {
        Self { string: StringReader::new(), number: NumberReader::new() }
    }
}
