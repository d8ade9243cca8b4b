//! Which values of a response body are read.

use super::list::{ListKind, Lists};
use super::{ResponseKind, ResponseMessage, ResultType};
use crate::mcp::cursor::{self, Cursor};
use crate::mcp::id::{self, Id};
use crate::mcp::keys::{Glance, Head, JSONRPC, first_of, keys, numbered};
use crate::mcp::method::Method;
use crate::mcp::number::Number;
use crate::mcp::revision::Revision;
use crate::mcp::scan::{Other, Read, Shape};
use crate::mcp::string::{Content, Keep};
use crate::mcp::text::Text;
use crate::mcp::unreadable::Unreadable;

/// Takes the messages out of a document.
pub(super) struct MessageReader {
    /// The message under way, or the one that there was.
    draft: Draft,
    /// Those of a batch that are complete. A batch is rare.
    messages: Vec<ResponseMessage>,
    batch: bool,
    /// The keys met so far in each place that is open, a bit for each [`Field`].
    met: u32,
}

/// A message while it is read.
struct Draft {
    message: ResponseMessage,
    has_result: bool,
    has_error: bool,
    /// The position of the first byte of `result`.
    result_start: u64,
    /// What lists `result` has. They are rare, so all that reads them is kept out of the way of other
    /// messages: in a box, and in functions that are marked cold.
    lists: Option<Box<Lists>>,
}

/// What nearly every result of a tool has in it.
const NO_ERROR: &[u8] = br#""isError":false"#;

/// Messages of a batch that are kept.
const MAX_MESSAGES: usize = 64;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Document,
    Batch,
    List,
    Message,
    Result,
    Error,
    /// A tool or a prompt.
    Item,
}

/// A value that is read, the members of each place side by side.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Field {
    Root,
    Element,

    Id,
    Method,
    Result,
    Error,

    IsError,
    ResultType,
    ProtocolVersion,
    NextCursor,
    Tools,
    Prompts,
    Resources,
    Templates,

    Code,

    Item,
    ItemName,
}

impl MessageReader {
    pub(super) fn new() -> Self {
        Self { draft: Draft::new(), messages: Vec::new(), batch: false, met: 0 }
    }

    /// Takes note of a member's key. The last of duplicate keys holds.
    #[inline]
    fn meet(&mut self, field: Option<Field>) -> Option<Field> {
        let bit = field?.bit();
        if self.met & bit != 0 {
            self.draft.clear(field?);
        }
        self.met |= bit;
        field
    }

    /// The field that an element of a list is.
    #[cold]
    fn item(&mut self) -> Option<Field> {
        self.draft.lists.as_mut()?.count().then_some(Field::Item)
    }

    /// Opens a list or an element of one.
    #[cold]
    fn open_list(&mut self, field: Field, shape: Shape, at: u64) -> Option<Place> {
        if let (Field::Item, Shape::Object) = (field, shape) {
            self.draft.lists.as_mut()?.open_item(at);
            return Some(Place::Item);
        }
        let kind = field.list().filter(|_| shape == Shape::Array)?;
        let lists = self.draft.lists.get_or_insert_with(|| {
            let lists = self.messages.iter().filter_map(|message| message.list.as_ref());
            Box::new(Lists::after(lists.map(|list| list.entries.len()).sum()))
        });
        lists.open(kind, at);
        Some(Place::List)
    }

    #[cold]
    fn close_list(&mut self, place: Place, at: u64) -> Place {
        let item = place == Place::Item;
        match &mut self.draft.lists {
            Some(lists) if item => lists.close_item(),
            Some(lists) => lists.close(at),
            None => {}
        }
        if item { Place::List } else { Place::Result }
    }

    /// Gives the messages, now that the document is complete.
    #[inline]
    pub(super) fn take(&mut self, on: &mut impl FnMut(ResponseMessage)) {
        if !self.batch {
            return on(std::mem::replace(&mut self.draft.message, ResponseMessage::new()));
        }
        std::mem::take(&mut self.messages).into_iter().for_each(on);
    }

    /// Whether there is not even one message in the document, which is complete.
    pub(super) fn is_empty(&self) -> bool {
        self.batch && self.messages.is_empty()
    }

    /// Keeps an element of a batch, and begins another.
    #[cold]
    fn push(&mut self) {
        let draft = std::mem::replace(&mut self.draft, Draft::new());
        self.messages.push(draft.message);
    }
}

impl Read for MessageReader {
    type Place = Place;
    type Field = Field;

    const DOCUMENT: Place = Place::Document;

    fn shape(place: Place) -> Shape {
        match place {
            Place::Document | Place::Batch | Place::List => Shape::Array,
            Place::Message | Place::Result | Place::Error | Place::Item => Shape::Object,
        }
    }

    #[inline]
    fn element(&mut self, place: Place) -> Option<Field> {
        match place {
            Place::Document => Some(Field::Root),
            Place::List => self.item(),
            _ => (self.messages.len() < MAX_MESSAGES).then_some(Field::Element),
        }
    }

    fn member(&mut self, place: Place, key: &[u8]) -> Option<Field> {
        self.meet(Field::of(place, key))
    }

    #[inline]
    fn glance(&mut self, place: Place, rest: &[u8]) -> Option<Glance<Field>> {
        let head = rest.first_chunk()?;
        if place == Place::Message && head.starts_with(JSONRPC) {
            return Some(Glance::Member { length: JSONRPC.len() });
        }
        let glance = Field::at(place, head)?;
        let Glance::Key { field, .. } = glance else { return Some(glance) };
        self.meet(field);
        match field {
            Some(Field::Id) => {
                let Some((id, length)) = numbered(head) else { return Some(glance) };
                self.draft.message.id = Some(id);
                Some(Glance::Member { length })
            }
            Some(Field::IsError) if head.starts_with(NO_ERROR) => {
                self.draft.message.is_error = false;
                Some(Glance::Member { length: NO_ERROR.len() })
            }
            _ => Some(glance),
        }
    }

    #[inline]
    fn opening(&mut self) -> Place {
        Place::Message
    }

    fn keep(field: Field) -> Keep {
        match field {
            Field::Id => id::KEEP,
            Field::NextCursor => cursor::KEEP,
            _ => Keep::first(64),
        }
    }

    #[expect(clippy::inline_always, reason = "it is on the way of every message")]
    #[inline(always)]
    fn text(&mut self, field: Field, text: Content<'_>, size: u64) -> Result<(), Unreadable> {
        let message = &mut self.draft.message;
        match field {
            Field::Id => message.id = Some(Id::text(&text)?),
            Field::Method => message.method = Some(Method::new(&text)?),
            Field::ResultType => message.result_type = ResultType::named(text.as_str()?),
            Field::ProtocolVersion => message.protocol_version = Some(Revision::new(&text)?),
            Field::NextCursor => message.next_cursor = Cursor::new(&text),
            Field::ItemName => self.draft.name_item(&text)?,
            _ => self.other(field, Other::Container, size),
        }
        Ok(())
    }

    #[expect(clippy::inline_always, reason = "it is on the way of every message")]
    #[inline(always)]
    fn number(&mut self, field: Field, number: Number, size: u64) {
        let message = &mut self.draft.message;
        match field {
            Field::Id => message.id = Some(Id::number(number)),
            Field::Code => message.error_code = number.as_i64(),
            _ => self.other(field, Other::Container, size),
        }
    }

    #[expect(clippy::inline_always, reason = "it is on the way of every message")]
    #[inline(always)]
    fn other(&mut self, field: Field, value: Other, size: u64) {
        let Draft { message, has_result, has_error, .. } = &mut self.draft;
        match field {
            Field::Element => self.push(),
            Field::Result => {
                *has_result = true;
                message.result_bytes = size;
            }
            Field::Error => *has_error = value != Other::Null,
            Field::IsError => message.is_error = value == Other::Bool(true),
            _ => {}
        }
    }

    #[expect(clippy::inline_always, reason = "it is on the way of every message")]
    #[inline(always)]
    fn open(&mut self, field: Field, shape: Shape, at: u64) -> Option<Place> {
        let place = match (field, shape) {
            (Field::Root, Shape::Array) => {
                self.batch = true;
                Place::Batch
            }
            (Field::Root | Field::Element, Shape::Object) => Place::Message,
            (Field::Result, Shape::Object) => {
                self.draft.has_result = true;
                self.draft.result_start = at;
                Place::Result
            }
            (Field::Error, Shape::Object) => {
                self.draft.has_error = true;
                Place::Error
            }
            _ => self.open_list(field, shape, at)?,
        };
        self.met &= !place.keys();
        Some(place)
    }

    #[inline]
    fn close(&mut self, place: Place, at: u64) -> Place {
        match place {
            Place::Message => {
                self.draft.finish();
                if !self.batch {
                    return Place::Document;
                }
                self.push();
                Place::Batch
            }
            Place::Result => {
                self.draft.message.result_bytes = at - self.draft.result_start;
                Place::Message
            }
            Place::Error => Place::Message,
            Place::List | Place::Item => self.close_list(place, at),
            Place::Batch | Place::Document => Place::Document,
        }
    }

    fn is_shown(place: Place) -> bool {
        place == Place::Item
    }

    #[inline]
    fn show(&mut self, frame: &[u8], at: u64) {
        if let Some(lists) = &mut self.draft.lists {
            lists.show(frame, at);
        }
    }
}

keys! {
    Message {
        "jsonrpc" => None,
        "id" => Some(Field::Id),
        "result" => Some(Field::Result),
        "error" => Some(Field::Error),
        "method" => Some(Field::Method),
        "params" => None,
    }
    Result {
        "content" => None,
        "isError" => Some(Field::IsError),
        "resultType" => Some(Field::ResultType),
        "nextCursor" => Some(Field::NextCursor),
        "protocolVersion" => Some(Field::ProtocolVersion),
        "tools" => Some(Field::Tools),
        "prompts" => Some(Field::Prompts),
        "resources" => Some(Field::Resources),
        "resourceTemplates" => Some(Field::Templates),
    }
    Item {
        "name" => Some(Field::ItemName),
        "title" => None,
        "description" => None,
        "inputSchema" => None,
    }
    Error {
        "code" => Some(Field::Code),
        "message" => None,
        "data" => None,
    }
}

impl Field {
    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The list that it is the key of.
    fn list(self) -> Option<ListKind> {
        match self {
            Self::Tools => Some(ListKind::Tools),
            Self::Prompts => Some(ListKind::Prompts),
            Self::Resources => Some(ListKind::Resources),
            Self::Templates => Some(ListKind::Templates),
            _ => None,
        }
    }
}

impl Draft {
    const fn new() -> Self {
        Self {
            message: ResponseMessage::new(),
            has_result: false,
            has_error: false,
            result_start: 0,
            lists: None,
        }
    }

    /// Forgets what a field said, and all that it held.
    fn clear(&mut self, field: Field) {
        let message = &mut self.message;
        match field {
            Field::Id => message.id = None,
            Field::Method => message.method = None,
            Field::Result if self.has_result => self.clear_result(),
            Field::Error => {
                self.has_error = false;
                message.error_code = None;
            }
            Field::IsError => message.is_error = false,
            Field::ResultType => message.result_type = ResultType::Complete,
            Field::ProtocolVersion => message.protocol_version = None,
            Field::NextCursor => message.next_cursor = None,
            Field::Code => message.error_code = None,
            Field::Tools | Field::Prompts | Field::Resources | Field::Templates => {
                self.clear_list(field);
            }
            Field::ItemName => self.unname_item(),
            Field::Result | Field::Root | Field::Element | Field::Item => {}
        }
    }

    #[cold]
    fn clear_result(&mut self) {
        let Self { message, has_result, lists, .. } = self;
        *has_result = false;
        message.is_error = false;
        message.result_type = ResultType::Complete;
        message.protocol_version = None;
        message.next_cursor = None;
        message.result_bytes = 0;
        *lists = None;
    }

    #[cold]
    fn name_item(&mut self, name: &Content<'_>) -> Result<(), Unreadable> {
        if let Some(lists) = &mut self.lists {
            lists.name_item(Some(Text::new(name)?));
        }
        Ok(())
    }

    #[cold]
    fn unname_item(&mut self) {
        if let Some(lists) = &mut self.lists {
            lists.name_item(None);
        }
    }

    #[cold]
    fn clear_list(&mut self, field: Field) {
        if let (Some(lists), Some(kind)) = (&mut self.lists, field.list()) {
            lists.forget(kind);
        }
    }

    #[cold]
    fn finish_lists(&mut self) {
        self.message.list = self.lists.take().and_then(|lists| lists.finish());
    }

    /// Decides what the message is, now that its last member has been read.
    #[inline]
    fn finish(&mut self) {
        if self.lists.is_some() {
            self.finish_lists();
        }
        let Self { message, has_result, has_error, .. } = self;
        message.kind = match (message.method, &message.id) {
            (Some(_), Some(_)) => ResponseKind::Request,
            (Some(_), None) => ResponseKind::Notification,
            (None, _) if *has_error => ResponseKind::Error,
            (None, _) if *has_result => ResponseKind::Result,
            (None, _) => ResponseKind::Unknown,
        };
    }
}

impl Place {
    /// The bits of the fields that are its members.
    const fn keys(self) -> u32 {
        // Constants, so that they are looked up.
        match self {
            Self::Message => const { bits(Field::Id, Field::Error) },
            Self::Result => const { bits(Field::IsError, Field::Templates) },
            Self::Error => const { bits(Field::Code, Field::Code) },
            Self::Item => const { bits(Field::ItemName, Field::ItemName) },
            Self::Document | Self::Batch | Self::List => 0,
        }
    }
}

/// The bits of a field, of another, and of those between them.
const fn bits(first: Field, last: Field) -> u32 {
    (last.bit() << 1) - first.bit()
}
