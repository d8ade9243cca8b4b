//! A message while it is read.

use smallvec::SmallVec;

use super::read::Field;
use super::{Client, Message, MessageKind, TraceFields};
use crate::mcp::id::Id;
use crate::mcp::method::{Method, TargetField};
use crate::mcp::revision::Revision;
use crate::mcp::scan::Value;
use crate::mcp::string::Content;
use crate::mcp::text::Text;
use crate::mcp::unreadable::Unreadable;

/// What has been read of a message.
///
/// Members may come before the method that gives them their meaning, and the method may come again
/// and be another. So nothing is decided before [`Draft::finish`].
pub(super) struct Draft {
    message: Message,
    /// Whether `id` is something that cannot be an id: neither string, number nor null.
    unusable_id: bool,
    has_result: bool,
    has_error: bool,
    /// What may be the target; there is seldom more than one.
    targets: SmallVec<[(TargetField, Text); 1]>,
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
    pub(super) fn new() -> Self {
        Self {
            message: Message::new(),
            unusable_id: false,
            has_result: false,
            has_error: false,
            targets: SmallVec::new(),
            clients: [ClientDraft::new(), ClientDraft::new()],
        }
    }

    /// Takes the value of a field. One of a type that the field cannot have is as good as none.
    pub(super) fn set(
        &mut self,
        field: Field,
        value: Value<'_>,
        source: ClientSource,
    ) -> Result<(), Unreadable> {
        let message = &mut self.message;
        match (field, value) {
            (Field::JsonRpc, Value::Text(name)) => message.jsonrpc = name.as_str()? == "2.0",
            (Field::Method, Value::Text(name)) => {
                message.method = Some(Method::from_bytes(name.as_str()?.as_bytes()))
            }
            (Field::Id, value) => {
                self.unusable_id = matches!(value, Value::Bool(_) | Value::Container);
                message.id = Id::new(value)?;
            }
            (Field::Result, _) => self.has_result = true,
            (Field::Error, value) => self.has_error = !matches!(value, Value::Null),

            (Field::Name, Value::Text(name)) => self.target(TargetField::Name, &name)?,
            (Field::Uri, Value::Text(uri)) => self.target(TargetField::Uri, &uri)?,
            (Field::TaskId, Value::Text(id)) => self.target(TargetField::TaskId, &id)?,
            (Field::RequestId, value) => message.cancels = Id::new(value)?,
            (Field::ProtocolVersion, Value::Text(name)) => {
                message.requested_version = Some(Revision::from_bytes(name.as_str()?.as_bytes()));
            }
            (Field::MetaProtocolVersion, Value::Text(name)) => {
                message.revision = Some(Revision::from_bytes(name.as_str()?.as_bytes()));
            }

            (Field::Traceparent, Value::Text(value)) => {
                message.trace.get_or_insert_default().traceparent = Some(Text::new(&value)?);
            }
            (Field::Tracestate, Value::Text(value)) => {
                message.trace.get_or_insert_default().tracestate = Some(Text::new(&value)?);
            }
            (Field::Baggage, Value::Text(value)) => {
                message.trace.get_or_insert_default().baggage = Some(Text::new(&value)?);
            }

            (Field::ClientName, Value::Text(name)) => {
                let draft = &mut self.clients[source as usize];
                draft.client.get_or_insert_default().name = Text::new(&name)?;
                draft.named = true;
            }
            (Field::ClientVersion, Value::Text(version)) => {
                let draft = &mut self.clients[source as usize];
                draft.client.get_or_insert_default().version = Some(Text::new(&version)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// Forgets what a field said, and all that it held, because its key has come again.
    pub(super) fn clear(&mut self, field: Field, source: ClientSource) {
        let message = &mut self.message;
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
                self.targets.clear();
                message.cancels = None;
                message.requested_version = None;
                self.clear(Field::ClientInfo, source);
                self.clear(Field::Meta, source);
            }
            Field::Name => self
                .targets
                .retain(|(field, _)| *field != TargetField::Name),
            Field::Uri => self.targets.retain(|(field, _)| *field != TargetField::Uri),
            Field::TaskId => self
                .targets
                .retain(|(field, _)| *field != TargetField::TaskId),
            Field::RequestId => message.cancels = None,
            Field::ProtocolVersion => message.requested_version = None,
            Field::ClientInfo => self.clients[ClientSource::Params as usize] = ClientDraft::new(),

            Field::Meta => {
                message.trace = None;
                message.revision = None;
                self.clear(Field::MetaClientInfo, source);
            }
            Field::Traceparent => message.trace.get_or_insert_default().traceparent = None,
            Field::Tracestate => message.trace.get_or_insert_default().tracestate = None,
            Field::Baggage => message.trace.get_or_insert_default().baggage = None,
            Field::MetaProtocolVersion => message.revision = None,
            Field::MetaClientInfo => self.clients[ClientSource::Meta as usize] = ClientDraft::new(),

            Field::ClientName => self.clients[source as usize].named = false,
            Field::ClientVersion => {
                if let Some(client) = &mut self.clients[source as usize].client {
                    client.version = None;
                }
            }
            Field::Root | Field::Element => {}
        }
    }

    /// The message, now that its last member has been read. Leaves an empty draft.
    pub(super) fn finish(&mut self) -> Message {
        let Self {
            mut message,
            unusable_id,
            has_result,
            has_error,
            mut targets,
            clients,
        } = std::mem::replace(self, Self::new());
        let [params_client, meta_client] = clients.map(ClientDraft::finish);

        message.kind = match (message.method, &message.id) {
            (_, None) if unusable_id => MessageKind::Invalid,
            (Some(_), Some(_)) => MessageKind::Request,
            (Some(_), None) => MessageKind::Notification,
            (None, Some(_)) if has_result || has_error => MessageKind::Response,
            // An error may answer what could not be read well enough to know its id.
            (None, None) if has_error => MessageKind::Response,
            _ => MessageKind::Invalid,
        };
        let target = message.method.and_then(Method::target);
        if let Some(at) = targets.iter().position(|(field, _)| Some(*field) == target) {
            message.target = Some(targets.swap_remove(at).1);
        }
        if message.method != Some(Method::NotificationsCancelled) {
            message.cancels = None;
        }
        message.client = meta_client;
        if message.method == Some(Method::Initialize) {
            message.client = params_client.or(message.client);
        } else {
            message.requested_version = None;
        }
        message.trace = message
            .trace
            .filter(|trace| **trace != TraceFields::default());
        message
    }

    fn target(&mut self, field: TargetField, value: &Content<'_>) -> Result<(), Unreadable> {
        self.targets.push((field, Text::new(value)?));
        Ok(())
    }
}

impl ClientDraft {
    const fn new() -> Self {
        Self {
            client: None,
            named: false,
        }
    }

    fn finish(self) -> Option<Box<Client>> {
        self.client.filter(|_| self.named)
    }
}
