//! Which values of a request body are read.

use smallvec::SmallVec;

use super::draft::{ClientSource, Draft};
use super::{Message, Request};
use crate::mcp::id;
use crate::mcp::keys::{Glance, Head, JSONRPC, keys};
use crate::mcp::number::Number;
use crate::mcp::scan::{Other, Read, Shape};
use crate::mcp::string::{Content, Keep};
use crate::mcp::text;
use crate::mcp::unreadable::Unreadable;

/// Takes the messages out of a request body.
pub(super) struct MessageReader {
    /// What has been read. The last message is the one under way.
    request: Request,
    draft: Draft,
    /// Whose members a [`Place::Client`] holds.
    client: ClientSource,
    /// The keys met so far in each place that is open, a bit for each [`Field`].
    met: u32,
}

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
            request: Request {
                messages: SmallVec::from_buf([Message::new()]),
                batch: false,
                beyond: 0,
                duplicate_keys: false,
            },
            draft: Draft::new(),
            client: ClientSource::Params,
            met: 0,
        }
    }

    pub(super) fn finish(self) -> Result<Request, Unreadable> {
        // JSON-RPC 2.0 section 6: a batch must have something in it.
        if self.request.messages.is_empty() {
            return Err(Unreadable::NotJsonRpc);
        }
        Ok(self.request)
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
            self.request.duplicate_keys = true;
        }
        if let Some(message) = self.request.messages.last_mut() {
            self.draft.clear(message, field, self.client);
        }
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

    fn element(&mut self, place: Place) -> Option<Field> {
        if place == Place::Document {
            return Some(Field::Root);
        }
        if self.request.messages.len() == MAX_MESSAGES {
            self.request.beyond = self.request.beyond.saturating_add(1);
            return None;
        }
        self.request.messages.push(Message::new());
        self.draft = Draft::new();
        Some(Field::Element)
    }

    fn member(&mut self, place: Place, key: &[u8]) -> Option<Field> {
        self.meet(Field::of(place, key))
    }

    #[inline]
    fn glance(&mut self, place: Place, head: &Head) -> Option<Glance<Field>> {
        if place == Place::Message && head.starts_with(JSONRPC) {
            self.meet(Some(Field::JsonRpc));
            self.request.messages.last_mut()?.jsonrpc = true;
            return Some(Glance::Member { length: JSONRPC.len() });
        }
        let glance = Field::at(place, head)?;
        if let Glance::Key { field, .. } = glance {
            self.meet(field);
        }
        Some(glance)
    }

    fn keep(field: Field) -> Keep {
        match field {
            Field::Id | Field::RequestId => id::KEEP,
            Field::Tracestate | Field::Baggage => Keep::first(8192),
            Field::Arguments | Field::Cursor => Keep::first(0),
            _ => Keep::first(text::LONGEST),
        }
    }

    #[inline]
    fn text(&mut self, field: Field, text: Content<'_>, size: u64) -> Result<(), Unreadable> {
        match self.request.messages.last_mut() {
            Some(message) => self.draft.text(message, field, text, size, self.client),
            None => Ok(()),
        }
    }

    #[inline]
    fn number(&mut self, field: Field, number: Number, size: u64) {
        if let Some(message) = self.request.messages.last_mut() {
            self.draft.number(message, field, number, size);
        }
    }

    fn other(&mut self, field: Field, value: Other, size: u64) {
        if let Some(message) = self.request.messages.last_mut() {
            self.draft.other(message, field, value, size);
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "it has one caller, and is on the way of every message"
    )]
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
                self.request.batch = true;
                self.request.messages.clear();
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
                if let Some(message) = self.request.messages.last_mut() {
                    self.draft.finish(message);
                }
                if self.request.batch { Place::Batch } else { Place::Document }
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
        let (first, last) = match self {
            Self::Message => (Field::JsonRpc, Field::Error),
            Self::Params => (Field::Name, Field::Meta),
            Self::Meta => (Field::Traceparent, Field::MetaClientInfo),
            Self::Client => (Field::ClientName, Field::ClientVersion),
            Self::Document | Self::Batch => return 0,
        };
        (last.bit() << 1) - first.bit()
    }
}
