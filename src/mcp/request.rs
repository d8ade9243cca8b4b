//! What a request body says.
//!
//! JSON-RPC 2.0 sections 4 to 6 for the messages, the schemas of MCP 2024-11-05 to 2026-07-28 for
//! their `params`. A batch is an array at the root (allowed by MCP 2025-03-26 alone, sent at any
//! time). Of duplicate keys the last holds, as in most parsers, and the fact is reported.

mod draft;
mod read;

use smallvec::SmallVec;

use self::read::MessageReader;
use super::cursor::Cursor;
use super::id::Id;
use super::method::Method;
use super::revision::Revision;
use super::scan::Scanner;
use super::text::Text;
use super::unreadable::Unreadable;

/// Reads one request body, frame by frame.
pub(crate) struct RequestReader {
    scanner: Scanner<MessageReader>,
    messages: MessageReader,
}

impl RequestReader {
    pub(crate) fn new() -> Self {
        Self { scanner: Scanner::new(), messages: MessageReader::new() }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.scanner.feed(bytes, &mut self.messages);
    }

    /// Whether the document has been read to its end. Only white space may follow.
    pub(crate) fn is_complete(&self) -> bool {
        self.scanner.is_complete()
    }

    /// Whether the body is known to be unreadable, whatever may follow.
    pub(crate) fn is_invalid(&self) -> bool {
        self.scanner.error().is_some()
    }

    /// What the body said, now that it has ended. To be called once.
    ///
    /// It gives whatever error is wanted: a request is too big to be moved from one result to another.
    #[inline]
    pub(crate) fn finish<E: From<Unreadable>>(&mut self) -> Result<Request, E> {
        self.scanner.finish()?;
        self.messages.finish()
    }
}

/// What a request body said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The messages, at least one and at most 64.
    pub(crate) messages: SmallVec<[Message; 1]>,
    /// Whether they came in an array.
    pub(crate) batch: bool,
    /// How many messages there were beyond those kept.
    pub(crate) beyond: u32,
    /// Whether a key that is read came more than once in the same object. `arguments` and `cursor`
    /// do not count.
    pub(crate) duplicate_keys: bool,
}

/// One message from a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: MessageKind,
    /// Whether `jsonrpc` is `"2.0"`. The kind does not depend on it.
    pub(crate) jsonrpc: bool,
    pub(crate) method: Option<Method>,
    pub(crate) id: Option<Id>,
    /// The member of `params` that the method's [target](Method::target) names.
    pub(crate) target: Option<Text>,
    /// `params.requestId` of `notifications/cancelled`. Rare, so it does not take space in others.
    pub(crate) cancels: Option<Box<Id>>,
    /// The bytes that `params.arguments` takes in the document, whatever it is and whatever the
    /// method.
    pub(crate) arguments_bytes: Option<u64>,
    /// `params.cursor`: a list is asked to go on from there, not for its first page.
    pub(crate) cursor: Option<Cursor>,
    /// `io.modelcontextprotocol/protocolVersion` of `params._meta`.
    pub(crate) revision: Option<Revision>,
    /// `params.protocolVersion` of `initialize`: what the client asks for.
    pub(crate) requested_version: Option<Revision>,
    /// `params.clientInfo` of `initialize`, else `io.modelcontextprotocol/clientInfo` of
    /// `params._meta`.
    pub(crate) client: Option<Box<Client>>,
    /// The trace context in `params._meta` (SEP-414).
    pub(crate) trace: Option<Box<TraceFields>>,
}

impl Message {
    /// A message of which nothing is known.
    pub(super) const fn new() -> Self {
        Self {
            kind: MessageKind::Invalid,
            jsonrpc: false,
            method: None,
            id: None,
            target: None,
            cancels: None,
            arguments_bytes: None,
            cursor: None,
            revision: None,
            requested_version: None,
            client: None,
            trace: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MessageKind {
    /// A method and an id.
    Request,
    /// A method and no id.
    Notification,
    /// A client's answer: a `result` or `error`, and no method.
    Response,
    /// None of these.
    Invalid,
}

/// What a client says it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) name: Text,
    pub(crate) version: Option<Text>,
}

/// Trace context as the client wrote it, unchecked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TraceFields {
    pub(crate) traceparent: Option<Text>,
    pub(crate) tracestate: Option<Text>,
    pub(crate) baggage: Option<Text>,
}
