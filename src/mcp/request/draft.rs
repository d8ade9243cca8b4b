//! A message while it is read.

use super::read::Field;
use super::{Client, Message, MessageKind, TraceFields};
use crate::mcp::cursor::Cursor;
use crate::mcp::id::Id;
use crate::mcp::method::{Method, TargetField};
use crate::mcp::revision::Revision;
use crate::mcp::scan::Other;
use crate::mcp::string::Content;
use crate::mcp::text::Text;
use crate::mcp::unreadable::Unreadable;

/// What is known of a message that is being read, beside what is in the message already.
///
/// Members may come before the method that gives them their meaning, and the method may come again
/// and be another. So all that may matter is taken, and nothing is decided before
/// [`Draft::finish`].
pub(super) struct Draft {
    /// Whether `id` is something that cannot be an id: neither string, number nor null.
    unusable_id: bool,
    has_result: bool,
    has_error: bool,
    /// Which field the message's target is from, if it has one.
    target: Option<TargetField>,
    /// Other fields that might be the target. It is rare that there are any.
    other_targets: Vec<(TargetField, Text)>,
    /// The two `clientInfo`, by [`ClientSource`].
    clients: [ClientDraft; 2],
}

/// Where a `clientInfo` stands.
#[derive(Clone, Copy)]
pub(super) enum ClientSource {
    /// In `params`, as `initialize` has it.
    Params,
    /// In `params._meta`, as any request may have it since 2026-07-28.
    Meta,
}

struct ClientDraft {
    client: Option<Box<Client>>,
    /// Whether the client's name has been read. A client without one is none.
    named: bool,
}

impl Draft {
    pub(super) const fn new() -> Self {
        Self {
            unusable_id: false,
            has_result: false,
            has_error: false,
            target: None,
            other_targets: Vec::new(),
            clients: [ClientDraft::new(), ClientDraft::new()],
        }
    }

    /// Takes the string that is the value of a field.
    #[expect(clippy::inline_always, reason = "it is on the way of every message")]
    #[inline(always)]
    pub(super) fn text(
        &mut self,
        message: &mut Message,
        field: Field,
        text: Content<'_>,
        size: u64,
        source: ClientSource,
    ) -> Result<(), Unreadable> {
        match field {
            Field::JsonRpc => message.jsonrpc = text.kept == b"2.0",
            Field::Id => message.id = Some(Id::text(&text)?),
            Field::Method => message.method = Some(Method::new(&text)?),

            Field::Name => self.set_target(message, TargetField::Name, Text::new(&text)?),
            Field::Uri => self.set_target(message, TargetField::Uri, Text::new(&text)?),
            Field::TaskId => self.set_target(message, TargetField::TaskId, Text::new(&text)?),
            Field::RequestId => message.cancels = Some(Box::new(Id::text(&text)?)),
            Field::ProtocolVersion => message.requested_version = Some(Revision::new(&text)?),

            Field::Traceparent => message.trace().traceparent = Some(Text::new(&text)?),
            Field::Tracestate => message.trace().tracestate = Some(Text::new(&text)?),
            Field::Baggage => message.trace().baggage = Some(Text::new(&text)?),
            Field::MetaProtocolVersion => message.revision = Some(Revision::new(&text)?),

            Field::ClientName => self.clients[source as usize].set_name(Text::new(&text)?),
            Field::ClientVersion => self.clients[source as usize].set_version(Text::new(&text)?),

            Field::Arguments => message.arguments_bytes = Some(size),
            Field::Cursor => message.cursor = Cursor::new(&text),

            Field::Result => self.has_result = true,
            Field::Error => self.has_error = true,
            // A string is as good as nothing where an object should be.
            Field::Root
            | Field::Element
            | Field::Params
            | Field::Meta
            | Field::ClientInfo
            | Field::MetaClientInfo => {}
        }
        Ok(())
    }

    /// Takes the value of a field that is something else.
    #[inline]
    pub(super) fn other(&mut self, message: &mut Message, field: Field, value: Other, size: u64) {
        match field {
            Field::Id => self.unusable_id = value != Other::Null,
            Field::Result => self.has_result = true,
            Field::Error => self.has_error = value != Other::Null,
            Field::Arguments => message.arguments_bytes = Some(size),
            Field::Cursor => message.cursor = None,
            _ => {}
        }
    }

    /// Forgets what a field said, and all that it held, because its key has come again.
    pub(super) fn clear(&mut self, message: &mut Message, field: Field, source: ClientSource) {
        match field {
            Field::JsonRpc => message.jsonrpc = false,
            Field::Id => {
                message.id = None;
                self.unusable_id = false;
            }
            Field::Method => message.method = None,
            Field::Result => self.has_result = false,
            Field::Error => self.has_error = false,

            Field::Params => {
                message.target = None;
                self.other_targets.clear();
                message.cancels = None;
                message.requested_version = None;
                message.arguments_bytes = None;
                message.cursor = None;
                self.clear(message, Field::ClientInfo, source);
                self.clear(message, Field::Meta, source);
            }
            Field::Name => self.clear_target(message, TargetField::Name),
            Field::Uri => self.clear_target(message, TargetField::Uri),
            Field::TaskId => self.clear_target(message, TargetField::TaskId),
            Field::RequestId => message.cancels = None,
            Field::ProtocolVersion => message.requested_version = None,
            Field::ClientInfo => self.clients[ClientSource::Params as usize] = ClientDraft::new(),

            Field::Meta => {
                message.trace = None;
                message.revision = None;
                self.clear(message, Field::MetaClientInfo, source);
            }
            Field::Traceparent => message.trace().traceparent = None,
            Field::Tracestate => message.trace().tracestate = None,
            Field::Baggage => message.trace().baggage = None,
            Field::MetaProtocolVersion => message.revision = None,
            Field::MetaClientInfo => self.clients[ClientSource::Meta as usize] = ClientDraft::new(),

            Field::ClientName => self.clients[source as usize].clear_name(),
            Field::ClientVersion => self.clients[source as usize].clear_version(),

            // The values of the first two write over what there is.
            Field::Arguments | Field::Cursor | Field::Root | Field::Element => {}
        }
    }

    /// Decides what the message is, now that its last member has been read.
    pub(super) fn finish(&mut self, message: &mut Message) {
        message.kind = match (message.method, &message.id) {
            (_, None) if self.unusable_id => MessageKind::Invalid,
            (Some(_), Some(_)) => MessageKind::Request,
            (Some(_), None) => MessageKind::Notification,
            (None, Some(_)) if self.has_result || self.has_error => MessageKind::Response,
            // An error may answer what could not be read well enough to know its id.
            (None, None) if self.has_error => MessageKind::Response,
            (None, _) => MessageKind::Invalid,
        };
        let target = message.method.and_then(Method::target);
        if message.target.is_none() || self.target != target {
            let mut others = self.other_targets.drain(..);
            message.target = others.find(|(field, _)| Some(*field) == target).map(|(_, text)| text);
        }
        if message.cancels.is_some() && message.method != Some(Method::NotificationsCancelled) {
            message.cancels = None;
        }
        if message.method == Some(Method::Initialize) {
            let [params_client, meta_client] = &mut self.clients;
            message.client = params_client.take().or(meta_client.take());
        } else {
            message.client = self.clients[ClientSource::Meta as usize].take();
            message.requested_version = None;
        }
        message.trace.take_if(|trace| **trace == TraceFields::default());
    }

    #[inline]
    fn set_target(&mut self, message: &mut Message, field: TargetField, text: Text) {
        if message.target.is_none() {
            message.target = Some(text);
            self.target = Some(field);
        } else {
            self.other_targets.push((field, text));
        }
    }

    fn clear_target(&mut self, message: &mut Message, field: TargetField) {
        if self.target == Some(field) {
            message.target = None;
        }
        self.other_targets.retain(|(other, _)| *other != field);
    }
}

impl ClientDraft {
    const fn new() -> Self {
        Self { client: None, named: false }
    }

    fn set_name(&mut self, name: Text) {
        self.client.get_or_insert_default().name = name;
        self.named = true;
    }

    fn set_version(&mut self, version: Text) {
        self.client.get_or_insert_default().version = Some(version);
    }

    fn clear_name(&mut self) {
        self.named = false;
    }

    fn clear_version(&mut self) {
        self.client.get_or_insert_default().version = None;
    }

    fn take(&mut self) -> Option<Box<Client>> {
        self.client.take().filter(|_| self.named)
    }
}

impl Message {
    fn trace(&mut self) -> &mut TraceFields {
        self.trace.get_or_insert_default()
    }
}
