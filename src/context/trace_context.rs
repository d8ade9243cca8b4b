//! The trace context of an exchange, and how it travels on.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    baggage::{Baggage as OtelBaggage, BaggageExt},
    trace::{SpanContext, TraceContextExt},
};

use super::{
    Baggage, RequestContext, SpanId, TraceFlags, TraceId, Traceparent, Tracestate, baggage_from,
    baggage_of, span_context_from, trace_state_of,
};

/// The trace that an exchange belongs to, its own span there, and what came with the request.
///
/// With an OpenTelemetry SDK the span is the one that is exported. Without one the ids are
/// [native](Self::is_native): log lines carry them, and nothing else does.
///
/// # Examples
///
/// ```
/// use http::HeaderMap;
/// use mcp_telemetry::context::TraceContext;
///
/// // In a handler that calls another service:
/// let mut headers = HeaderMap::new();
/// if let Some(trace) = TraceContext::current() {
///     trace.inject(&mut headers);
/// }
/// # assert!(headers.is_empty());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TraceContext {
    own: Traceparent,
    tracestate: Tracestate,
    baggage: Baggage,
    origin: Origin,
}

/// Who made the ids.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Origin {
    /// A tracer.
    Span,
    /// This crate, for a request that came from there.
    Native { from: Option<Traceparent> },
}

impl TraceContext {
    /// The context of a span that a tracer has made.
    pub(crate) fn of_span(own: Traceparent, tracestate: Tracestate, baggage: Baggage) -> Self {
        Self { own, tracestate, baggage, origin: Origin::Span }
    }

    /// The context of a request that came from the span `from`, if any, and that no tracer traces.
    pub(crate) fn native(
        own: Traceparent,
        from: Option<Traceparent>,
        tracestate: Tracestate,
        baggage: Baggage,
    ) -> Self {
        Self { own, tracestate, baggage, origin: Origin::Native { from } }
    }

    /// The trace context of the exchange that this thread is working for.
    ///
    /// The short form of [`RequestContext::trace_context`] of [`RequestContext::current`].
    pub fn current() -> Option<Self> {
        RequestContext::current()?.trace_context()
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.own.trace_id()
    }

    /// The exchange's own span.
    pub fn span_id(&self) -> SpanId {
        self.own.parent_id()
    }

    /// Whether the span is sampled, and whether the trace id is known to be random.
    pub fn flags(&self) -> TraceFlags {
        self.own.flags()
    }

    /// What the tracing systems on the way here have to say.
    pub fn tracestate(&self) -> &Tracestate {
        &self.tracestate
    }

    /// What applications on the way here have to say.
    pub fn baggage(&self) -> &Baggage {
        &self.baggage
    }

    /// Whether the ids were made without an OpenTelemetry SDK.
    pub fn is_native(&self) -> bool {
        matches!(self.origin, Origin::Native { .. })
    }

    /// Writes `traceparent`, `tracestate` and `baggage` into the headers of a request to another
    /// service, which then continues the trace.
    ///
    /// - The parent is the OpenTelemetry span that is current where this is called, if it belongs to
    ///   the same trace: each client span that a handler makes gives its own id. Else it is the
    ///   exchange's own span.
    /// - Without an SDK, what came with the request travels on. If nothing came, nothing is written:
    ///   an invented parent, which nobody has sampled, would keep others from sampling their own.
    /// - What [`Trust`](crate::trace_context::Trust) did not let in does not travel on either.
    ///
    /// Headers for which there is no value are left as they are, but for a `tracestate`, which means
    /// nothing beside another parent than its own.
    pub fn inject(&self, headers: &mut HeaderMap) {
        let otel = opentelemetry::Context::current();
        let current = self.current_in(otel.span().span_context());
        let baggage = match &current {
            Some(_) => self.baggage_in(otel.baggage()),
            None => self.baggage.clone(),
        };
        if let Some((parent, state)) = current.or_else(|| self.sent()) {
            put(headers, TRACEPARENT, &parent.to_bytes());
            headers.remove(TRACESTATE);
            if !state.is_empty() {
                put(headers, TRACESTATE, state.as_str().as_bytes());
            }
        }
        if !baggage.is_empty() {
            put(headers, BAGGAGE, baggage.as_str().as_bytes());
        }
    }

    /// The parent for others if nothing of OpenTelemetry is current.
    fn sent(&self) -> Option<(Traceparent, Tracestate)> {
        let parent = match self.origin {
            Origin::Span => self.own,
            Origin::Native { from } => from?,
        };
        Some((parent, self.tracestate.clone()))
    }

    /// The parent for others that a current span is, if it belongs to this trace.
    fn current_in(&self, span: &SpanContext) -> Option<(Traceparent, Tracestate)> {
        if span.trace_id().to_bytes() != self.trace_id().to_bytes() {
            return None;
        }
        let (parent, state) = span_context_from(span)?;
        // SDKs do not know of the random flag, and lose it with some samplers.
        let flags = parent.flags().with_random(self.flags().is_random());
        let parent = Traceparent::new(parent.trace_id(), parent.parent_id(), flags);
        // The text as it came, unless a sampler has changed what it says.
        let unchanged = trace_state_of(&self.tracestate) == *span.trace_state();
        Some((parent, if unchanged { self.tracestate.clone() } else { state }))
    }

    /// The same for baggage.
    fn baggage_in(&self, otel: &OtelBaggage) -> Baggage {
        let own = baggage_of(&self.baggage);
        let unchanged = own.len() == otel.len()
            && own.iter().all(|(key, value)| otel.get_with_metadata(key.as_str()) == Some(value));
        if unchanged { self.baggage.clone() } else { baggage_from(otel) }
    }
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

fn put(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        // A map with no room left stays as it is.
        let _ = headers.try_insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
    const OWN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-03";

    fn parent(text: &str) -> Traceparent {
        text.parse().unwrap()
    }

    fn state(text: &str) -> Tracestate {
        text.parse().unwrap()
    }

    fn injected(context: &TraceContext) -> [Option<String>; 3] {
        let mut headers = HeaderMap::new();
        context.inject(&mut headers);
        [TRACEPARENT, TRACESTATE, BAGGAGE]
            .map(|name| Some(headers.get(name)?.to_str().unwrap().to_owned()))
    }

    fn some(texts: [&str; 3]) -> [Option<String>; 3] {
        texts.map(|text| Some(text.to_owned()))
    }

    #[test]
    fn what_came_travels_on_as_it_is() {
        let baggage = Baggage::parse(b"a=%20,b=2;p=1,a=3");
        let native = TraceContext::native(
            parent(OWN),
            Some(parent(FROM)),
            state("rojo=1,  congo=2"),
            baggage.clone(),
        );
        assert_eq!(injected(&native), some([FROM, "rojo=1,  congo=2", "a=%20,b=2;p=1,a=3"]));

        let own = TraceContext::of_span(parent(OWN), state("x=1"), baggage);
        assert_eq!(injected(&own), some([OWN, "x=1", "a=%20,b=2;p=1,a=3"]));
    }

    #[test]
    fn nothing_is_invented() {
        let native =
            TraceContext::native(parent(OWN), None, Tracestate::default(), Baggage::default());
        assert_eq!(injected(&native), [None, None, None]);
    }

    #[test]
    fn a_current_span_of_the_trace_is_the_parent_for_others() {
        let exchange =
            TraceContext::of_span(parent(OWN), state("rojo=1,a@b@c=2"), Baggage::parse(b"a=%20"));
        let child = "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01";
        let span = |text: &str, members: &str| {
            super::super::span_context_of(parent(text), &state(members))
        };
        let otel = opentelemetry::Context::new().with_baggage(baggage_of(&exchange.baggage));

        let guard = otel.with_remote_span_context(span(child, "rojo=1")).attach();
        let sampled_and_random = "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-03";
        assert_eq!(injected(&exchange), some([sampled_and_random, "rojo=1,a@b@c=2", "a=%20"]));
        drop(guard);

        let guard = otel.with_remote_span_context(span(child, "changed=1")).attach();
        assert_eq!(injected(&exchange)[1].as_deref(), Some("changed=1"));
        drop(guard);

        let cleared = otel.with_cleared_baggage();
        let guard = cleared.with_remote_span_context(span(child, "")).attach();
        assert_eq!(injected(&exchange)[1..], [None, None], "what a handler took away stays away");
        drop(guard);

        let other = "00-99999999999999999999999999999999-1111111111111111-01";
        let guard = otel.with_remote_span_context(span(other, "")).attach();
        assert_eq!(injected(&exchange)[0].as_deref(), Some(OWN));
        drop(guard);
    }

    #[test]
    fn a_stale_state_does_not_stay_beside_a_new_parent() {
        let mut headers = HeaderMap::new();
        headers.insert(TRACESTATE, HeaderValue::from_static("stale=1"));
        let context = TraceContext::of_span(parent(OWN), Tracestate::default(), Baggage::default());
        context.inject(&mut headers);
        assert!(!headers.contains_key(TRACESTATE));
        assert_eq!(headers[TRACEPARENT], OWN);
    }
}
