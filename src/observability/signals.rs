//! The bundle's signals as one observer.

use std::sync::Arc;

use http::{request, response};

use crate::{
    exchange::{Applied, Closing, Exchange, Observer, Settlement},
    metrics::RecordMetrics,
    request_id::StampRequestId,
};

/// What [`ObservabilityLayer`](super::ObservabilityLayer) observes with. The request id comes
/// first: what follows may want to know it.
#[derive(Clone, Debug)]
pub struct Signals {
    pub(super) all: All,
}

type All = (Option<StampRequestId>, Option<RecordMetrics>);

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

    fn head(&self, state: &mut Self::State, response: &mut response::Parts) {
        self.all.head(state, response);
    }

    fn settle(&self, state: &mut Self::State, settlement: &Settlement<'_>) {
        self.all.settle(state, settlement);
    }

    fn close(&self, state: &mut Self::State, closing: &Closing<'_>) {
        self.all.close(state, closing);
    }
}
