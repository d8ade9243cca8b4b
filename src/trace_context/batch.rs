//! The spans of a batch, which MCP 2025-03-26 allows: one for the exchange, and one for each message.

use std::time::SystemTime;

use opentelemetry::{
    Context,
    trace::{Link, SpanBuilder, SpanKind, TraceContextExt},
};

use super::{
    inbound::{Inbound, Invalid},
    parent::linked,
    span,
    tracer::{Found, Tracers},
};
use crate::{
    context::span_context_of,
    mcp::{Message, Request, Revision},
};

/// What the spans of a batch have in common.
pub(super) struct Batch<'a> {
    pub(super) tracers: &'a Tracers,
    pub(super) invalid: &'a Invalid,
    /// The span of the exchange.
    pub(super) around: &'a Context,
    pub(super) started: SystemTime,
    pub(super) revision: Option<Revision>,
    pub(super) trusted: bool,
    /// Whether what a message says of its parent goes before what the exchange has.
    pub(super) adopts: bool,
}

impl Batch<'_> {
    /// The span of each message, `None` for those that ask for nothing.
    pub(super) fn spans(&self, request: &Request) -> Vec<Option<Context>> {
        request.messages.iter().map(|message| self.span(message)).collect()
    }

    /// The span is a child of what the message says is its parent, linked to the exchange, or else a
    /// child of the exchange, linked to what the message says.
    fn span(&self, message: &Message) -> Option<Context> {
        let name = span::name_of(message)?;
        let mut attributes = Vec::new();
        span::describe(message, self.revision, &mut attributes);
        let fields = message.trace.as_deref();
        let meta = fields.and_then(|fields| Inbound::from_meta(fields, self.invalid).remote);
        let exchange = self.around.span().span_context().clone();
        let (parent, link) = match meta {
            Some(remote) if self.trusted && self.adopts => {
                let parent = span_context_of(remote.parent, &remote.state);
                (self.around.with_remote_span_context(parent), Some(exchange))
            }
            Some(remote) => (self.around.clone(), Some(linked(remote, self.trusted))),
            None => (self.around.clone(), None),
        };
        let builder = SpanBuilder {
            span_kind: Some(SpanKind::Server),
            name,
            start_time: Some(self.started),
            attributes: Some(attributes),
            links: link.map(|link| vec![Link::with_context(link)]),
            ..SpanBuilder::default()
        };
        let started = self.tracers.start(Found::Kept, builder, &parent, self.around)?;
        Some(started.otel)
    }
}
