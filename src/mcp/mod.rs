//! The reader: what a message says, taken from its bytes as they pass.
//!
//! A [`RequestReader`] is fed the frames of one request body and a [`ResponseReader`] those of one
//! response body, wherever the network happened to cut them. Both pull out the few members an
//! observer needs, skip the rest at the speed of memory, and keep nothing else: no tree, no copy of
//! the body, the same few hundred bytes of state for a body of any size and any nesting. They know
//! bytes and the protocol, nothing of HTTP, services or telemetry.
//!
//! What is read, by which rule:
//!
//! | file | what | by |
//! | --- | --- | --- |
//! | `request`, `response` | which members make which facts | JSON-RPC 2.0, the MCP schemas |
//! | `method`, `revision` | the closed sets | MCP revisions 2024-11-05 to 2026-07-28 |
//! | `grpc` | remote procedures that are methods | two transports in use |
//! | `mirror` | a message as its head tells it | MCP 2026-07-28, Streamable HTTP |
//! | `id`, `cursor`, `text`, and `short` below them | captured values of bounded size | JSON-RPC 2.0 section 4 |
//! | `sse` | event streams in pieces | WHATWG HTML section 9.2 |
//! | `scan` | JSON in pieces: which values to enter, hand over or skip | RFC 8259 |
//! | `string`, `number`, `literal` | the values that are handed over | RFC 8259 sections 3, 6, 7 |
//! | `skip`, and `block` and `find` below it | the values that are not | |
//! | `keys` | how keys become fields | |
//! | `digest`, `fingerprint` | how long ids are told apart, and what has changed from what has not | |
//!
//! # What is promised
//!
//! - Where `serde_json::Value` can read a document, the facts are those one would compute from it:
//!   escapes in keys and values, members in any order, the last of duplicate keys.
//! - Where it cannot, the answer is [`Unreadable`], or the facts of the parts that were looked at:
//!   a value that is skipped is not validated.
//! - No input makes a reader panic, recurse or grow.

mod block;
mod cursor;
mod digest;
mod find;
mod fingerprint;
mod grpc;
mod id;
mod keys;
mod literal;
mod method;
mod mirror;
mod number;
mod request;
mod response;
mod revision;
mod scan;
mod short;
mod skip;
mod sse;
mod string;
mod text;
mod unreadable;

#[cfg(any(test, fuzzing))]
pub(crate) mod tests;

pub(crate) use self::cursor::Cursor;
pub(crate) use self::grpc::method_of_rpc;
pub(crate) use self::id::Id;
pub(crate) use self::method::{Method, TargetField};
pub(crate) use self::request::{Client, Message, MessageKind, Request, RequestReader, TraceFields};
pub(crate) use self::response::{
    Event, ListKind, ResponseKind, ResponseMessage, ResponseReader, ResultType,
};
#[cfg(any(test, fuzzing))]
pub(crate) use self::response::{List, ListEntry};
pub(crate) use self::revision::Revision;
#[cfg(fuzzing)]
pub(crate) use self::tests::check;
pub(crate) use self::text::Text;
pub(crate) use self::unreadable::Unreadable;
