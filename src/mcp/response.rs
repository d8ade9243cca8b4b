//! What a response body says.
//!
//! JSON-RPC 2.0 section 5, and the result schemas of MCP 2024-11-05 to 2026-07-28. A body is one
//! JSON document or an event stream with a document in each event; a document is a message or, by
//! MCP 2025-03-26, a batch of them. A stream carries more than the answer to its request: a
//! server's own requests and notifications travel on it too.

mod document;
mod list;
mod read;

use self::document::Document;
#[cfg(any(test, fuzzing))]
pub(crate) use self::list::ListEntry;
pub(crate) use self::list::{List, ListKind};
use super::cursor::Cursor;
use super::id::Id;
use super::method::Method;
use super::revision::Revision;
use super::sse::{Piece, StreamScanner};
use super::unreadable::Unreadable;

/// Reads one response body, frame by frame.
pub(crate) struct ResponseReader {
    document: Document,
    /// The framing, if the body is an event stream.
    stream: Option<StreamScanner>,
}

impl ResponseReader {
    /// Reads a body that is one JSON document.
    pub(crate) fn json() -> Self {
        Self { document: Document::new(), stream: None }
    }

    /// Reads a body that is an event stream.
    pub(crate) fn sse() -> Self {
        Self { document: Document::new(), stream: Some(StreamScanner::new()) }
    }

    /// Takes the next bytes of the body and tells what they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8], on: &mut impl FnMut(Event)) {
        let Self { document, stream } = self;
        let Some(stream) = stream else {
            document.feed(bytes);
            return document.tell(on);
        };
        stream.feed(bytes, &mut |piece| match piece {
            Piece::Comment => on(Event::Comment),
            Piece::Data(bytes) => document.feed(bytes),
            Piece::Message => {
                document.finish(on);
                document.restart();
            }
            Piece::Priming => on(Event::Priming),
            Piece::Foreign => document.restart(),
        });
    }

    /// Tells what the body's end means. To be called when it has ended well.
    pub(crate) fn finish(&mut self, on: &mut impl FnMut(Event)) {
        // An event that the stream breaks off is discarded (WHATWG HTML section 9.2.6).
        if self.stream.is_none() {
            self.document.finish(on);
        }
    }
}

/// What has been read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Message(ResponseMessage),
    /// An event with empty data, which gives the client an id to resume from (SEP-1699).
    Priming,
    /// A comment line, which keeps the connection alive.
    Comment,
    /// A body, or the data of an event, that gives no message. More may follow in a stream.
    Invalid(Unreadable),
}

/// One message from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponseMessage {
    pub(crate) kind: ResponseKind,
    pub(crate) id: Option<Id>,
    pub(crate) method: Option<Method>,
    /// `error.code`, if it is an integer of 64 bits.
    pub(crate) error_code: Option<i64>,
    /// `result.isError`, of a tool that failed.
    pub(crate) is_error: bool,
    pub(crate) result_type: ResultType,
    /// `result.protocolVersion`: what an `initialize` agreed on.
    pub(crate) protocol_version: Option<Revision>,
    /// `result.nextCursor`: the list goes on from there.
    pub(crate) next_cursor: Option<Cursor>,
    /// The bytes that `result` takes in the document.
    pub(crate) result_bytes: u64,
    /// The array of tools, prompts, resources or templates in `result`. Whether it answers a request
    /// for one is not asked.
    pub(crate) list: Option<Box<List>>,
}

impl ResponseMessage {
    /// Whether it says how a request went.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self.kind, ResponseKind::Result | ResponseKind::Error)
    }

    /// The message that this document is.
    #[cfg(test)]
    pub(crate) fn of_test(document: &str) -> Self {
        let mut found = None;
        ResponseReader::json().feed(document.as_bytes(), &mut |event| {
            if let Event::Message(message) = event {
                found = Some(message);
            }
        });
        found.expect("the test's own message is well-formed")
    }

    /// A message of which nothing is known.
    const fn new() -> Self {
        Self {
            kind: ResponseKind::Unknown,
            id: None,
            method: None,
            error_code: None,
            is_error: false,
            result_type: ResultType::Complete,
            protocol_version: None,
            next_cursor: None,
            result_bytes: 0,
            list: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ResponseKind {
    /// A `result`, and no method.
    Result,
    /// An `error` that is not null, and no method. The id may be missing.
    Error,
    /// A method and an id: the server asks the client.
    Request,
    /// A method and no id.
    Notification,
    /// None of these.
    Unknown,
}

/// `result.resultType` (MCP 2026-07-28).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum ResultType {
    /// `complete`; also where there is none, as before 2026-07-28.
    #[default]
    Complete,
    InputRequired,
    /// A handle to a task (SEP-2663).
    Task,
    /// An extension's.
    Other,
}

impl ResultType {
    fn named(name: &str) -> Self {
        match name {
            "complete" => Self::Complete,
            "input_required" => Self::InputRequired,
            "task" => Self::Task,
            _ => Self::Other,
        }
    }
}
