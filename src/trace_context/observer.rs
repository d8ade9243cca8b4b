//! The signal of [`TraceContextLayer`](super::TraceContextLayer).

use std::{
    fmt, mem,
    sync::{Arc, LazyLock},
    time::SystemTime,
};

use http::request;
use opentelemetry::{Context, ContextGuard, SpanId, baggage::BaggageExt, trace::TraceContextExt};

use super::{
    batch::Batch,
    end::End,
    inbound::{Inbound, Remote},
    layer::Settings,
    native,
    parent::{Candidates, Family, Parent, linked},
    span::{self, Head},
    tracer::{Found, Started},
};
use crate::{
    context::{
        Baggage, Trace, TraceContext, TraceFlags, Traceparent, Tracestate, baggage_from,
        baggage_of, span_context_from, span_context_of,
    },
    exchange::{Applied, Exchange, Observer, Settlement, Sink},
    mcp::Revision,
};

/// Traces exchanges.
#[derive(Clone, Debug)]
pub struct TraceExchange {
    settings: Arc<Settings>,
}

impl TraceExchange {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// Gives the exchange its ids, and its span if there is a tracer.
    fn open(&self, waiting: Waiting, exchange: &Exchange) -> (Trace, Option<Recorded>) {
        let Waiting { header, ambient, trusted, recording } = waiting;
        let ambient_span = ambient.span();
        let ambient_span = ambient_span.span_context();
        let meta = self.meta(exchange);
        let candidates = Candidates { meta, header, ambient: ambient_span, trusted };
        let mut family = self.settings.parent_order.choose(candidates);
        let (parent, base) = surroundings(&family, &ambient);

        if let Some(Recording { found, head }) = recording {
            let links = family.links(ambient_span, parent.span().span_context(), trusted);
            let builder = head.span(exchange, &self.settings.known_methods, links);
            if let Some(started) = self.settings.tracers.start(found, builder, &parent, &base) {
                let recorded = Recorded {
                    started: head.started,
                    epoch: head.epoch,
                    revision: exchange.head().revision(),
                    trusted,
                    parent: parent.span().span_context().span_id(),
                    is_described: exchange.request().is_some(),
                    is_routed: span::settled_route(exchange).is_some(),
                    batch: Vec::new(),
                };
                return (trace_of_span(started, &parent, family), Some(recorded));
            }
        }
        let is_disowned = family.parent == Parent::None && ambient_span.is_valid();
        (native_trace(parent, family, is_disowned), None)
    }

    /// The spans of the messages of a batch, if the request is known to be one.
    fn batch(
        &self,
        around: &Context,
        recorded: &Recorded,
        exchange: &Exchange,
    ) -> Vec<Option<Context>> {
        let request = exchange.request().and_then(Result::ok).filter(|request| request.batch);
        let batch = Batch {
            tracers: &self.settings.tracers,
            invalid: &self.settings.invalid,
            around,
            started: recorded.started,
            revision: recorded.revision,
            trusted: recorded.trusted,
            adopts: self.settings.parent_order.adopts_meta(recorded.parent != SpanId::INVALID),
        };
        request.map(|request| batch.spans(request)).unwrap_or_default()
    }

    /// The context in the message, if it is known.
    fn meta(&self, exchange: &Exchange) -> Inbound {
        let fields = exchange.message().and_then(|message| message.trace.as_deref());
        let read = |fields| Inbound::from_meta(fields, &self.settings.invalid);
        fields.map(read).unwrap_or_default()
    }
}

/// The OpenTelemetry contexts of the parent, and of what is around the span: the same but for the
/// span of another process, which is never the current one.
fn surroundings(family: &Family, ambient: &Context) -> (Context, Context) {
    // A span cannot be taken out of a context. One that must not be the parent takes its own context
    // with it.
    let is_disowned = family.parent == Parent::None && ambient.span().span_context().is_valid();
    let mut base = if is_disowned { Context::new() } else { ambient.clone() };
    if !family.baggage.is_empty() {
        base = base.with_baggage(baggage_of(&family.baggage));
    }
    let parent = match &family.parent {
        Parent::Remote(Remote { parent, state }) => {
            base.with_remote_span_context(span_context_of(*parent, state))
        }
        Parent::Ambient | Parent::None => base.clone(),
    };
    (parent, base)
}

/// The trace of an exchange that a tracer traces.
fn trace_of_span(started: Started, parent: &Context, family: Family) -> Trace {
    let Started { otel, own, state } = started;
    let parent = parent.span();
    let parent = parent.span_context();
    // Samplers that drop a span drop this flag of the trace with it.
    let parents = TraceFlags::from_byte(parent.trace_flags().to_u8());
    let flags = own.flags().with_random(own.flags().is_random() || parents.is_random());
    let own = Traceparent::new(own.trace_id(), own.parent_id(), flags);
    let state = match family.parent {
        // The text as it came, unless a sampler has changed what it says.
        Parent::Remote(came)
            if otel.span().span_context().trace_state() == parent.trace_state() =>
        {
            came.state
        }
        _ => state,
    };
    let baggage = baggage_in(&otel, family.baggage);
    Trace { context: TraceContext::of_span(own, state, baggage), otel: Some(otel) }
}

/// The trace of an exchange that no tracer traces.
///
/// A stranger's span that is ambient, and must not be the parent, must not stay current either.
fn native_trace(parent: Context, family: Family, is_disowned: bool) -> Trace {
    let baggage = baggage_in(&parent, family.baggage);
    let (from, state) = match family.parent {
        Parent::Remote(Remote { parent, state }) => (Some(parent), state),
        Parent::Ambient => match span_context_from(parent.span().span_context()) {
            Some((parent, state)) => (Some(parent), state),
            None => (None, Tracestate::default()),
        },
        Parent::None => (None, Tracestate::default()),
    };
    // Where something came in, code that knows OpenTelemetry can hand it on without an SDK.
    let is_worth = from.is_some() || !baggage.is_empty() || is_disowned;
    Trace {
        context: TraceContext::native(native::span_under(from), from, state, baggage),
        otel: is_worth.then_some(parent),
    }
}

/// The baggage as it came, else that of a layer further out.
fn baggage_in(otel: &Context, came: Baggage) -> Baggage {
    if came.is_empty() { baggage_from(otel.baggage()) } else { came }
}

impl Observer for TraceExchange {
    type State = State;
    type Guard = Option<ContextGuard>;

    fn begin(
        &self,
        request: &mut request::Parts,
        exchange: &Arc<Exchange>,
        applied: &mut Applied,
    ) -> Option<State> {
        if !applied.claim(*SPANS) {
            return None;
        }
        let settings = &*self.settings;
        let header = match &settings.propagator {
            Some(propagator) => Inbound::from_propagator(&**propagator, &request.headers),
            None => Inbound::from_headers(&request.headers, &settings.invalid),
        };
        let ambient = Context::current();
        // A tracer that is told to be quiet gives no spans, and is none the worse for it.
        let found = if ambient.is_telemetry_suppressed() {
            None
        } else {
            settings.tracers.find(exchange.started())
        };
        let waiting = Waiting {
            header,
            ambient,
            trusted: settings.trust.covers(request),
            recording: found.map(|found| Recording { found, head: Head::of(exchange) }),
        };
        Some(State { waiting: Some(waiting), ..State::default() })
    }

    fn message(&self, state: &mut State, exchange: &Exchange) {
        let State { otel: Some(otel), recorded: Some(recorded), .. } = state else { return };
        if mem::replace(&mut recorded.is_described, true) {
            return;
        }
        recorded.batch = self.batch(otel, recorded, exchange);
        let Some(message) = exchange.message() else { return };
        let span = otel.span();
        span::complete(&span, message, recorded.revision);
        // Too late for a parent.
        let link = self.meta(exchange).remote.map(|remote| linked(remote, recorded.trusted));
        if let Some(link) = link.filter(|link| link.span_id() != recorded.parent) {
            span.add_link(link, Vec::new());
        }
    }

    fn dispatch(&self, state: &mut State, exchange: &Exchange) {
        let Some(waiting) = state.waiting.take() else { return };
        let (trace, mut recorded) = self.open(waiting, exchange);
        if let (Some(otel), Some(recorded)) = (&trace.otel, &mut recorded) {
            recorded.batch = self.batch(otel, recorded, exchange);
        }
        state.otel.clone_from(&trace.otel);
        state.recorded = recorded;
        trace.leave_with(exchange);
    }

    fn enter(&self, state: &State) -> Option<ContextGuard> {
        state.otel.clone().map(Context::attach)
    }

    fn settle(&self, state: &mut State, settlement: &Settlement<'_>) {
        // A client that left before the inner service was called has a span, too.
        self.dispatch(state, settlement.exchange);
        let Some(recorded) = &mut state.recorded else { return };
        let message = recorded.batch.get_mut(settlement.index).and_then(Option::take);
        if let Some(message) = message {
            let end = End::of(settlement, recorded.epoch, self.settings.strict_errors);
            end.message_of_batch(&message.span());
        }
    }

    fn conclude(&self, state: &mut State, settlement: &Settlement<'_>) {
        let State { otel: Some(otel), recorded: Some(recorded), .. } = state else { return };
        let span = otel.span();
        if !recorded.is_routed {
            span::complete_route(&span, &self.settings.known_methods, settlement.exchange);
        }
        let end = End::of_exchange(settlement, recorded.epoch, self.settings.strict_errors);
        end.exchange(&span);
    }
}

/// One for all layers: two of them would export the same exchange twice.
static SPANS: LazyLock<Sink> = LazyLock::new(Sink::new);

/// What the signal keeps of an exchange.
#[derive(Default)]
pub struct State {
    /// Until the inner service is called.
    waiting: Option<Waiting>,
    /// What is current for OpenTelemetry from then on.
    otel: Option<Context>,
    /// Whether that has a span of a tracer's.
    recorded: Option<Recorded>,
}

/// What is known before the inner service is called.
struct Waiting {
    header: Inbound,
    ambient: Context,
    trusted: bool,
    recording: Option<Recording>,
}

/// A tracer to try, and what it is to know.
struct Recording {
    found: Found,
    head: Head,
}

/// What has to be known to complete a span, and to end it.
struct Recorded {
    started: SystemTime,
    /// When the exchange began.
    epoch: SystemTime,
    revision: Option<Revision>,
    trusted: bool,
    parent: SpanId,
    /// The span knows the message.
    is_described: bool,
    /// The span knows the path that a router has matched.
    is_routed: bool,
    /// The spans of the messages, if they came as a batch, until they end.
    batch: Vec<Option<Context>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}
