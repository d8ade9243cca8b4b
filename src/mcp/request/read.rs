//! Which values of a request body are read.

use smallvec::SmallVec;

use super::draft::{ClientSource, Draft};
use super::{Message, Request};
use crate::mcp::id;
use crate::mcp::scan::{Read, Shape, Value};
use crate::mcp::string::Keep;
use crate::mcp::unreadable::Unreadable;

/// Takes the messages out of a request body.
pub(super) struct MessageReader {
    draft: Draft,
    messages: SmallVec<[Message; 1]>,
    beyond: u32,
    batch: bool,
    duplicate_keys: bool,
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
    Uri,
    TaskId,
    RequestId,
    ProtocolVersion,
    ClientInfo,
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
            draft: Draft::new(),
            messages: SmallVec::new(),
            beyond: 0,
            batch: false,
            duplicate_keys: false,
            client: ClientSource::Params,
            met: 0,
        }
    }

    pub(super) fn finish(self) -> Result<Request, Unreadable> {
        // JSON-RPC 2.0 section 6: a batch must have something in it.
        if self.messages.is_empty() {
            return Err(Unreadable::NotJsonRpc);
        }
        Ok(Request {
            messages: self.messages,
            batch: self.batch,
            beyond: self.beyond,
            duplicate_keys: self.duplicate_keys,
        })
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
        if self.messages.len() == MAX_MESSAGES {
            self.beyond = self.beyond.saturating_add(1);
            return None;
        }
        Some(Field::Element)
    }

    fn member(&mut self, place: Place, key: &[u8]) -> Option<Field> {
        let field = Field::of(place, key)?;
        if self.met & field.bit() != 0 {
            self.duplicate_keys = true;
            self.draft.clear(field, self.client);
        }
        self.met |= field.bit();
        Some(field)
    }

    fn keep(field: Field) -> Keep {
        match field {
            Field::Id | Field::RequestId => id::KEEP,
            Field::Tracestate | Field::Baggage => Keep::first(8192),
            _ => Keep::first(256),
        }
    }

    fn value(&mut self, field: Field, value: Value<'_>, _size: u64) -> Result<(), Unreadable> {
        if field == Field::Element {
            self.messages.push(Message::new());
        }
        self.draft.set(field, value, self.client)
    }

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
            Field::Root => self.batch = place == Place::Batch,
            Field::ClientInfo => self.client = ClientSource::Params,
            Field::MetaClientInfo => self.client = ClientSource::Meta,
            _ => {}
        }
        self.met &= !place.keys();
        Some(place)
    }

    fn close(&mut self, place: Place, _at: u64) -> Place {
        match place {
            Place::Message => {
                self.messages.push(self.draft.finish());
                if self.batch {
                    Place::Batch
                } else {
                    Place::Document
                }
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

impl Field {
    /// The field that a key means, by the schemas of MCP.
    fn of(place: Place, key: &[u8]) -> Option<Self> {
        Some(match (place, key) {
            (Place::Message, b"jsonrpc") => Self::JsonRpc,
            (Place::Message, b"id") => Self::Id,
            (Place::Message, b"method") => Self::Method,
            (Place::Message, b"params") => Self::Params,
            (Place::Message, b"result") => Self::Result,
            (Place::Message, b"error") => Self::Error,

            (Place::Params, b"name") => Self::Name,
            (Place::Params, b"uri") => Self::Uri,
            (Place::Params, b"taskId") => Self::TaskId,
            (Place::Params, b"requestId") => Self::RequestId,
            (Place::Params, b"protocolVersion") => Self::ProtocolVersion,
            (Place::Params, b"clientInfo") => Self::ClientInfo,
            (Place::Params, b"_meta") => Self::Meta,

            (Place::Meta, b"traceparent") => Self::Traceparent,
            (Place::Meta, b"tracestate") => Self::Tracestate,
            (Place::Meta, b"baggage") => Self::Baggage,
            (Place::Meta, b"io.modelcontextprotocol/protocolVersion") => Self::MetaProtocolVersion,
            (Place::Meta, b"io.modelcontextprotocol/clientInfo") => Self::MetaClientInfo,

            (Place::Client, b"name") => Self::ClientName,
            (Place::Client, b"version") => Self::ClientVersion,
            _ => return None,
        })
    }

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
