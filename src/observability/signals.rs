//! The bundle's signals as one observer.

use std::sync::Arc;

use http::{request, response};

use crate::{
    access_log::LogExchange,
    exchange::{Applied, Closing, Exchange, Later, Observer, Settlement, StreamKind},
    metrics::RecordMetrics,
    request_id::StampRequestId,
    trace_context::TraceExchange,
};

/// What [`ObservabilityLayer`](super::ObservabilityLayer) observes with.
#[derive(Clone, Debug)]
pub struct Signals {
    pub(super) all: All,
}

impl Signals {
    /// Lets the metrics count the lines that are held back.
    pub(super) fn connect(&self) {
        let (_, (line, metrics)) = &self.all;
        if let (Some(line), Some(metrics)) = (line, metrics) {
            let metrics = metrics.store().clone();
            line.report_held_back(move || metrics.record_lines_dropped(1));
        }
    }

    pub(super) fn request_id(&mut self) -> &mut Option<StampRequestId> {
        &mut self.all.0.0
    }

    pub(super) fn trace_context(&mut self) -> &mut Option<TraceExchange> {
        &mut self.all.0.1
    }

    pub(super) fn access_log(&mut self) -> &mut Option<LogExchange> {
        &mut self.all.1.0
    }

    pub(super) fn metrics(&mut self) -> &mut Option<RecordMetrics> {
        &mut self.all.1.1
    }
}

/// In this order: what comes first is there for what follows, so that a line has its ids.
type All =
    ((Option<StampRequestId>, Option<TraceExchange>), (Option<LogExchange>, Option<RecordMetrics>));

impl Observer for Signals {
    type State = <All as Observer>::State;
    type Guard = <All as Observer>::Guard;

    fn begin(
        &self,
        request: &mut request::Parts,
        exchange: &Arc<Exchange>,
        applied: &mut Applied,
    ) -> Option<Self::State> {
        self.all.begin(request, exchange, applied)
    }

    fn message(&self, state: &mut Self::State, exchange: &Exchange) {
        self.all.message(state, exchange);
    }

    fn dispatch(&self, state: &mut Self::State, exchange: &Exchange) {
        self.all.dispatch(state, exchange);
    }

    fn enter(&self, state: &Self::State) -> Self::Guard {
        self.all.enter(state)
    }

    fn head(&self, state: &mut Self::State, exchange: &Exchange, response: &mut response::Parts) {
        self.all.head(state, exchange, response);
    }

    fn stream(&self, state: &mut Self::State, kind: StreamKind) {
        self.all.stream(state, kind);
    }

    fn detach(&self, state: &mut Self::State, settlement: &Settlement<'_>) -> Option<Later> {
        self.all.detach(state, settlement)
    }

    fn settle(&self, state: &mut Self::State, settlement: &Settlement<'_>) {
        self.all.settle(state, settlement);
    }

    fn conclude(&self, state: &mut Self::State, settlement: &Settlement<'_>) {
        self.all.conclude(state, settlement);
    }

    fn close(&self, state: &mut Self::State, closing: &Closing<'_>) {
        self.all.close(state, closing);
    }
}
