//! The middleware that fills the cells from the wire.

use std::sync::Arc;

use http::{StatusCode, request, uri::PathAndQuery};
use tower::Layer;

use super::{
    labels::{AuthFailure, AuthKind, Direction},
    operation::{HttpExchange, MethodLabel, Operation, Target},
    store::McpMetrics,
};
use crate::{
    exchange::{
        Applied, CallStatus, Closing, Common, Component, Exchange, Faults, Later, Observe,
        Observer, Outcome, Pass, Said, Settlement,
    },
    mcp::{self, Method, ResponseKind},
};

/// Counts what passes: requests, operations, tool calls, their durations and how they ended.
///
/// See the [module](crate::metrics) for what is recorded and when.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct MetricsLayer {
    observer: RecordMetrics,
    common: Arc<Common>,
}

impl MetricsLayer {
    /// Records into [`McpMetrics::global`].
    pub fn new() -> Self {
        Self::with_metrics(McpMetrics::global())
    }

    /// Records into a store of your own.
    pub fn with_metrics(metrics: McpMetrics) -> Self {
        Self { observer: RecordMetrics::new(metrics), common: Arc::default() }
    }

    /// Whether scrapes that [`MetricsService`](super::MetricsService) answered under this layer
    /// are counted. They are not by default: they would drown the traffic of a quiet server.
    pub fn count_scrapes(mut self, count: bool) -> Self {
        self.observer = self.observer.count_scrapes(count);
        self
    }

    /// The JSON-RPC error codes that are the caller's fault: their outcome is `caller_error`, that of any
    /// other code `server_error`. A call replaces the list.
    ///
    /// Default: -32700, -32600, -32601, -32602, -32002, -32020, -32021 and -32022. Of stacked layers, the
    /// outermost one's list counts.
    pub fn caller_faults(mut self, codes: impl IntoIterator<Item = i64>) -> Self {
        self.common = Arc::new(Common::with_faults(Faults::new(codes)));
        self
    }
}

impl Default for MetricsLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Observe<S, RecordMetrics, Pass>;

    fn layer(&self, inner: S) -> Self::Service {
        Observe::new(inner, self.observer.clone(), Pass, &self.common)
    }
}

/// The signal of [`MetricsLayer`].
#[derive(Clone, Debug)]
pub struct RecordMetrics {
    metrics: McpMetrics,
    count_scrapes: bool,
}

impl RecordMetrics {
    pub(crate) fn new(metrics: McpMetrics) -> Self {
        Self { metrics, count_scrapes: false }
    }

    pub(crate) fn count_scrapes(mut self, count: bool) -> Self {
        self.count_scrapes = count;
        self
    }

    /// Counts an operation of the wire, unless a handler has counted it by hand.
    fn record_operation(&self, settlement: &Settlement<'_>, said: Said) {
        // A handler that failed says so even where its answer does not; one that succeeded does
        // not know what became of its answer.
        let (outcome, duration) = match said.call {
            Some((CallStatus::Error, duration)) if !settlement.outcome.is_error() => {
                (Outcome::ToolError, duration)
            }
            Some((_, duration)) => (settlement.outcome, duration),
            None => (settlement.outcome, settlement.duration),
        };
        let component = if outcome == settlement.outcome {
            settlement.component()
        } else {
            Some(Component::Tool)
        };
        self.metrics.record_operation(&Operation {
            method: settlement.message.map_or(MethodLabel::None, method_label),
            target: target(settlement),
            outcome,
            code: settlement.code(),
            component: component.filter(|_| !said.error),
            revision: settlement.revision(),
            duration: Some(duration),
        });
    }

    fn record_exchange(&self, state: &State, settlement: &Settlement<'_>, said: Said) {
        self.metrics.record_exchange(&HttpExchange {
            method: settlement.exchange.method(),
            path: state.path.as_ref().map_or("/", PathAndQuery::path),
            status: settlement.status.map_or(CLIENT_CLOSED_REQUEST, |status| status.as_u16()),
            duration: Some(settlement.duration),
            // What strangers can provoke anywhere, an error, teaches no route.
            answered: state.answered,
        });
        if !said.auth {
            self.record_auth(settlement);
        }
        if settlement.status == Some(StatusCode::TOO_MANY_REQUESTS) && !said.rate_limit {
            self.metrics.record_rate_limited();
        }
    }

    /// An attempt succeeds if credentials came and were not refused. Nobody who sends none has
    /// tried, unless told to.
    fn record_auth(&self, settlement: &Settlement<'_>) {
        let kind = AuthKind::of(settlement.exchange.head().credentials());
        let failure = match settlement.status {
            Some(StatusCode::UNAUTHORIZED) if kind == AuthKind::None => {
                Some(AuthFailure::NoCredentials)
            }
            Some(StatusCode::UNAUTHORIZED) => Some(AuthFailure::Invalid),
            Some(StatusCode::FORBIDDEN) => Some(AuthFailure::Forbidden),
            // Without a head, nobody knows.
            None => return,
            Some(_) => None,
        };
        if failure.is_some() || kind != AuthKind::None {
            self.metrics.record_auth(kind, failure);
        }
    }
}

/// The status of an exchange whose client left before the head, as nginx has it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What the metrics keep of an exchange.
#[derive(Debug)]
pub struct State {
    /// The method under which the exchange is in flight.
    in_flight: MethodLabel,
    path: Option<PathAndQuery>,
    /// A message was answered by a result.
    answered: bool,
    /// The operations that are counted later, a bit for each.
    detached: u64,
    /// The exchange is one that counts.
    counted: bool,
}

impl Observer for RecordMetrics {
    type State = State;
    type Guard = ();

    fn begin(
        &self,
        request: &mut request::Parts,
        _: &Arc<Exchange>,
        applied: &mut Applied,
    ) -> Option<State> {
        if !applied.claim(self.metrics.sink()) {
            return None;
        }
        let state = State {
            in_flight: MethodLabel::None,
            path: request.uri.path_and_query().cloned(),
            answered: false,
            detached: 0,
            counted: false,
        };
        self.metrics.in_flight().enter(state.in_flight);
        Some(state)
    }

    fn message(&self, state: &mut State, exchange: &Exchange) {
        let Some(message) = exchange.message() else { return };
        let known = method_label(message);
        self.metrics.in_flight().leave(state.in_flight);
        self.metrics.in_flight().enter(known);
        state.in_flight = known;
    }

    fn enter(&self, _: &State) {}

    fn detach(&self, state: &mut State, settlement: &Settlement<'_>) -> Option<Later> {
        if settlement.not_counted && !self.count_scrapes {
            return None;
        }
        state.detached |= 1 << settlement.index;
        let (metrics, status, index) = (self.clone(), settlement.status, settlement.index);
        let (exchange, told) = (Arc::clone(settlement.exchange), settlement.told.clone());
        Some(Box::new(move |late| {
            let settlement = Settlement {
                exchange: &exchange,
                message: exchange.operation(index),
                index,
                status,
                outcome: late.outcome,
                reason: late.reason,
                answer: late.answer,
                grpc: None,
                stream: None,
                duration: late.duration,
                not_counted: false,
                told: &told,
            };
            metrics.record_operation(&settlement, exchange.said(metrics.metrics.sink()));
        }))
    }

    fn settle(&self, state: &mut State, settlement: &Settlement<'_>) {
        if settlement.not_counted && !self.count_scrapes {
            return;
        }
        state.answered |=
            settlement.answer.is_some_and(|answer| answer.kind == ResponseKind::Result);
        if state.detached & 1 << settlement.index == 0 {
            let said = settlement.exchange.said(self.metrics.sink());
            self.record_operation(settlement, said);
        }
    }

    fn conclude(&self, state: &mut State, settlement: &Settlement<'_>) {
        let said = settlement.exchange.said(self.metrics.sink());
        if !said.scrape {
            self.metrics.in_flight().leave(state.in_flight);
        }
        if settlement.not_counted && !self.count_scrapes {
            return;
        }
        state.counted = true;
        self.record_exchange(state, settlement, said);
    }

    fn close(&self, state: &mut State, closing: &Closing<'_>) {
        if !state.counted {
            return;
        }
        for (direction, result) in
            [(Direction::Request, closing.request), (Direction::Response, closing.response)]
        {
            if let Some(result) = result {
                self.metrics.record_inspection(direction, result);
            }
        }
    }
}

fn method_label(message: &mcp::Message) -> MethodLabel {
    match (message.kind, message.method) {
        (mcp::MessageKind::Response, _) => MethodLabel::Response,
        (_, Some(method)) => MethodLabel::Known(method),
        (_, None) => MethodLabel::None,
    }
}

fn target<'a>(settlement: &Settlement<'a>) -> Target<'a> {
    let (Some(method), Some(target)) = (settlement.method(), settlement.target()) else {
        return Target::None;
    };
    match method {
        Method::ToolsCall => Target::Tool(target),
        Method::PromptsGet => Target::Prompt(target),
        Method::ResourcesRead => Target::Resource(target),
        _ => Target::None,
    }
}
