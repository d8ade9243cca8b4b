//! The engine: one HTTP exchange from its first byte to its last.
//!
//! One service ([`Observe`]), one future and one body wrapper for each direction carry every signal
//! of the crate. A signal is an [`Observer`]: it is told when an exchange begins, what message it
//! carries, when the response head passes, when the operation is decided and when the exchange is
//! over. Several observers are one observer, so that a bundle costs one wrapper, one clock read at
//! each end and one scan of each body.
//!
//! The account of an exchange ([`account::Account`]) is opened before the inner service is called
//! and closes exactly once, whatever happens: it lives in the future until the head is out, then in
//! the response body, and its drop is an ending like any other.
//!
//! This room knows HTTP, time and what `mcp` reads. It knows nothing of Prometheus, `tracing` or
//! OpenTelemetry.

mod account;
mod answer;
mod calls;
mod common;
mod current;
mod ending;
mod future;
mod grpc;
mod head;
mod hold;
mod known_methods;
mod matched;
mod media;
mod observer;
mod outcome;
mod reading;
mod record;
mod request_body;
mod request_id;
mod response_body;
mod route;
mod service;
mod settlement;
mod stream;
mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    calls::Later,
    common::{Common, Faults},
    current::{enter, tell_current, with_current, with_current_or_ended},
    grpc::GrpcStatus,
    head::{Credentials, SessionKey},
    hold::Holding,
    known_methods::KnownMethods,
    media::{Inspection, Unread},
    observer::Observer,
    outcome::{CallStatus, Component, Reason},
    record::{Applied, Exchange, NotCounted, Said, Sink, Told, ToldClient, short_text},
    route::{Route, TooLong, ends_in_wildcard, is_plain_path},
    service::{Observe, Pass},
    settlement::{ClientName, Closing, Settlement},
    stream::{Stream, StreamEvent, StreamKind},
};
pub use self::{
    hold::Hold,
    outcome::Outcome,
    record::RequestContext,
    request_body::RequestBody,
    request_id::{ClientRequestId, InvalidRequestId, RequestId},
};
