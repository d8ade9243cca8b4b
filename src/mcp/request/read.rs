//! Which values of a request body are read.

use std::mem::replace;

use smallvec::SmallVec;

use super::draft::{ClientSource, Draft};
use super::{Message, Request};
use crate::mcp::cursor;
use crate::mcp::id::{self, Id};
use crate::mcp::keys::{Glance, Head, JSONRPC, first_of, keys, numbered};
use crate::mcp::method::Method;
use crate::mcp::number::Number;
use crate::mcp::scan::{Other, Read, Shape};
use crate::mcp::string::{Content, Keep};
use crate::mcp::text;
use crate::mcp::unreadable::Unreadable;

/// Takes the messages out of a request body.
pub(super) struct MessageReader {
    /// The message under way, or the one that there was. A batch is rare, so what it needs does not
    /// stand in the way of others.
    message: Message,
    draft: Draft,
    batch: Option<Box<Batch>>,
    duplicate_keys: bool,
    /// Whose members a [`Place::Client`] holds.
    client: ClientSource,
    /// The keys met so far in each place that is open, a bit for each [`Field`].
    met: u32,
}

/// What else a batch has.
#[derive(Default)]
struct Batch {
    /// Those that are complete.
    messages: Vec<Message>,
    /// How many there were beyond those kept.
    beyond: u32,
}

/// What most requests ask for, in the order in which the SDKs write it.
const TOOL_CALL: &[u8] = br#""method":"tools/call","params":{"#;

/// Messages of a batch that are kept.
const MAX_MESSAGES: usize = 64;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Document,
    Batch,
    Message,
    Params,
    Meta,
    Client,
}

/// A value that is read, the members of each place side by side.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Field {
    Root,
    Element,

    JsonRpc,
    Id,
    Method,
    Params,
    Result,
    Error,

    Name,
    Arguments,
    Uri,
    TaskId,
    RequestId,
    ProtocolVersion,
    ClientInfo,
    Cursor,
    Meta,

    Traceparent,
    Tracestate,
    Baggage,
    MetaProtocolVersion,
    MetaClientInfo,

    ClientName,
    ClientVersion,
}

impl MessageReader {
    pub(super) fn new() -> Self {
        Self {
            message: Message::new(),
            draft: Draft::new(),
            batch: None,
            duplicate_keys: false,
            client: ClientSource::Params,
            met: 0,
        }
    }

    /// What has been read. Leaves nothing.
    #[inline]
    pub(super) fn finish<E: From<Unreadable>>(&mut self) -> Result<Request, E> {
        let duplicate_keys = self.duplicate_keys;
        if let Some(batch) = self.batch.take() {
            return Ok(batch.finish(duplicate_keys)?);
        }
        let messages = SmallVec::from_buf([replace(&mut self.message, Message::new())]);
        Ok(Request { messages, batch: false, beyond: 0, duplicate_keys })
    }

    /// Keeps an element of a batch, and begins another.
    #[cold]
    fn push(&mut self) {
        let message = replace(&mut self.message, Message::new());
        self.draft = Draft::new();
        if let Some(batch) = &mut self.batch {
            batch.messages.push(message);
        }
    }

    /// Takes note of a member's key. The last of duplicate keys holds.
    #[inline]
    fn meet(&mut self, field: Option<Field>) -> Option<Field> {
        let bit = field?.bit();
        if self.met & bit != 0 {
            self.repeat(field?);
        }
        self.met |= bit;
        field
    }

    #[cold]
    fn repeat(&mut self, field: Field) {
        if !matches!(field, Field::Arguments | Field::Cursor) {
            self.duplicate_keys = true;
        }
        self.draft.clear(&mut self.message, field, self.client);
    }
}

impl Batch {
    /// Whether another message is to be kept. Counts it if not.
    #[cold]
    fn has_room(&mut self) -> bool {
        let has_room = self.messages.len() < MAX_MESSAGES;
        self.beyond = self.beyond.saturating_add(u32::from(!has_room));
        has_room
    }

    #[cold]
    fn finish(self, duplicate_keys: bool) -> Result<Request, Unreadable> {
        let Self { messages, beyond } = self;
        // JSON-RPC 2.0 section 6: a batch must have something in it.
        if messages.is_empty() {
            return Err(Unreadable::NotJsonRpc);
        }
        Ok(Request { messages: SmallVec::from_vec(messages), batch: true, beyond, duplicate_keys })
    }
}

impl Read for MessageReader {
    type Place = Place;
    type Field = Field;

    const DOCUMENT: Place = Place::Document;

    fn shape(place: Place) -> Shape {
        match place {
            Place::Document | Place::Batch => Shape::Array,
            _ => Shape::Object,
        }
    }

    #[inline]
    fn element(&mut self, place: Place) -> Option<Field> {
        if place == Place::Document {
            return Some(Field::Root);
        }
        self.batch.as_mut()?.has_room().then_some(Field::Element)
    }

    fn member(&mut self, place: Place, key: &[u8]) -> Option<Field> {
        self.meet(Field::of(place, key))
    }

    #[inline]
    fn glance(&mut self, place: Place, rest: &[u8]) -> Option<Glance<Field>> {
        let head = rest.first_chunk()?;
        let glance = Field::at(place, head)?;
        let Glance::Key { field, .. } = glance else { return Some(glance) };
        self.meet(field);
        match field {
            Some(Field::JsonRpc) if head.starts_with(JSONRPC) => {
                self.message.jsonrpc = true;
                Some(Glance::Member { length: JSONRPC.len() })
            }
            Some(Field::Id) => {
                let Some((id, length)) = numbered(head) else { return Some(glance) };
                self.message.id = Some(id);
                Some(Glance::Member { length })
            }
            Some(Field::Method) if rest.starts_with(TOOL_CALL) => {
                self.message.method = Some(Method::ToolsCall);
                self.meet(Some(Field::Params));
                Some(Glance::Object { field: Field::Params, length: TOOL_CALL.len() })
            }
            _ => Some(glance),
        }
    }

    #[inline]
    fn opening(&mut self) -> Place {
        self.meet(Some(Field::JsonRpc));
        self.message.jsonrpc = true;
        Place::Message
    }

    fn keep(field: Field) -> Keep {
        match field {
            Field::Id | Field::RequestId => id::KEEP,
            Field::Tracestate | Field::Baggage => Keep::first(8192),
            Field::Cursor => cursor::KEEP,
            Field::Arguments => Keep::first(0),
            _ => Keep::first(text::LONGEST),
        }
    }

    #[expect(clippy::inline_always, reason = "it is on the way of every message")]
    #[inline(always)]
    fn text(&mut self, field: Field, text: Content<'_>, size: u64) -> Result<(), Unreadable> {
        if field == Field::Element {
            self.push();
            return Ok(());
        }
        self.draft.text(&mut self.message, field, text, size, self.client)
    }

    #[expect(clippy::inline_always, reason = "it is on the way of every message")]
    #[inline(always)]
    fn number(&mut self, field: Field, number: Number, size: u64) {
        match field {
            Field::Id => self.message.id = Some(Id::number(number)),
            Field::RequestId => self.message.cancels = Some(Box::new(Id::number(number))),
            _ => self.other(field, Other::Container, size),
        }
    }

    #[expect(clippy::inline_always, reason = "it is on the way of every message")]
    #[inline(always)]
    fn other(&mut self, field: Field, value: Other, size: u64) {
        if field == Field::Element {
            return self.push();
        }
        self.draft.other(&mut self.message, field, value, size);
    }

    #[expect(clippy::inline_always, reason = "it is on the way of every message")]
    #[inline(always)]
    fn open(&mut self, field: Field, shape: Shape, _at: u64) -> Option<Place> {
        let place = match (field, shape) {
            (Field::Root, Shape::Array) => Place::Batch,
            (Field::Root | Field::Element, Shape::Object) => Place::Message,
            (Field::Params, Shape::Object) => Place::Params,
            (Field::Meta, Shape::Object) => Place::Meta,
            (Field::ClientInfo | Field::MetaClientInfo, Shape::Object) => Place::Client,
            _ => return None,
        };
        match field {
            Field::Root if place == Place::Batch => {
                self.batch = Some(Box::default());
            }
            Field::ClientInfo => self.client = ClientSource::Params,
            Field::MetaClientInfo => self.client = ClientSource::Meta,
            _ => {}
        }
        self.met &= !place.keys();
        Some(place)
    }

    #[inline]
    fn close(&mut self, place: Place, _at: u64) -> Place {
        match place {
            Place::Message => {
                self.draft.finish(&mut self.message);
                if self.batch.is_none() {
                    return Place::Document;
                }
                self.push();
                Place::Batch
            }
            Place::Params => Place::Message,
            Place::Meta => Place::Params,
            Place::Client => match self.client {
                ClientSource::Params => Place::Params,
                ClientSource::Meta => Place::Meta,
            },
            Place::Batch | Place::Document => Place::Document,
        }
    }
}

keys! {
    Message {
        "jsonrpc" => Some(Field::JsonRpc),
        "id" => Some(Field::Id),
        "method" => Some(Field::Method),
        "params" => Some(Field::Params),
        "result" => Some(Field::Result),
        "error" => Some(Field::Error),
    }
    Params {
        "name" => Some(Field::Name),
        "arguments" => Some(Field::Arguments),
        "_meta" => Some(Field::Meta),
        "uri" => Some(Field::Uri),
        "taskId" => Some(Field::TaskId),
        "requestId" => Some(Field::RequestId),
        "protocolVersion" => Some(Field::ProtocolVersion),
        "clientInfo" => Some(Field::ClientInfo),
        "cursor" => Some(Field::Cursor),
    }
    Meta {
        "progressToken" => None,
        "traceparent" => Some(Field::Traceparent),
        "tracestate" => Some(Field::Tracestate),
        "baggage" => Some(Field::Baggage),
        "io.modelcontextprotocol/protocolVersion" => Some(Field::MetaProtocolVersion),
        "io.modelcontextprotocol/clientInfo" => Some(Field::MetaClientInfo),
    }
    Client {
        "name" => Some(Field::ClientName),
        "version" => Some(Field::ClientVersion),
    }
}

impl Field {
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl Place {
    /// The bits of the fields that are its members.
    const fn keys(self) -> u32 {
        // Constants, so that they are looked up.
        match self {
            Self::Message => const { bits(Field::JsonRpc, Field::Error) },
            Self::Params => const { bits(Field::Name, Field::Meta) },
            Self::Meta => const { bits(Field::Traceparent, Field::MetaClientInfo) },
            Self::Client => const { bits(Field::ClientName, Field::ClientVersion) },
            Self::Document | Self::Batch => 0,
        }
    }
}

/// The bits of a field, of another, and of those between them.
const fn bits(first: Field, last: Field) -> u32 {
    (last.bit() << 1) - first.bit()
}
