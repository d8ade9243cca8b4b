//! What a signal implements.

use std::sync::Arc;

use http::{request, response};

use super::{
    calls::Later,
    record::{Applied, Exchange},
    settlement::{Closing, Settlement},
    stream::StreamKind,
};

/// A signal: it is shown an exchange, and writes of it what it is for.
///
/// The methods are called in their order here, each at most once but for `settle`; `conclude` and
/// `close` exactly once for each `begin` that returned a state. None of them may fail, block or panic:
/// they run on the way of a request, and in drops.
pub trait Observer: Clone {
    /// What the signal keeps while the exchange lasts. It lives inline in the future, then in the
    /// response body.
    type State;

    /// What the signal makes current while the inner service and its bodies are polled.
    type Guard;

    /// The request head is here. `None` leaves the exchange alone: the signal is switched off, or
    /// `applied` says that a layer outside writes the same.
    fn begin(
        &self,
        request: &mut request::Parts,
        exchange: &Arc<Exchange>,
        applied: &mut Applied,
    ) -> Option<Self::State>;

    /// The request's message is known, or known to be unreadable. This may come before or after
    /// `dispatch`.
    fn message(&self, _state: &mut Self::State, _exchange: &Exchange) {}

    /// The inner service is about to be called.
    fn dispatch(&self, _state: &mut Self::State, _exchange: &Exchange) {}

    /// The inner service or its body is about to be polled. The guard is dropped after it.
    fn enter(&self, state: &Self::State) -> Self::Guard;

    /// The response head passes.
    fn head(
        &self,
        _state: &mut Self::State,
        _exchange: &Exchange,
        _response: &mut response::Parts,
    ) {
    }

    /// The response is an event stream, of which the end will be told.
    fn stream(&self, _state: &mut Self::State, _kind: StreamKind) {}

    /// An operation is about to be settled without its end being known: its call goes on, and more may be
    /// heard of it on another exchange. What is to be done then, if the signal waits for it.
    fn detach(&self, _state: &mut Self::State, _settlement: &Settlement<'_>) -> Option<Later> {
        None
    }

    /// An operation is decided: its answer has passed, or none can come any more. An exchange is one
    /// operation, but for a batch, which is one for each message.
    fn settle(&self, _state: &mut Self::State, _settlement: &Settlement<'_>) {}

    /// The exchange as a whole is decided: all of its operations are. Of those of a batch, the gravest
    /// outcome counts.
    fn conclude(&self, _state: &mut Self::State, _settlement: &Settlement<'_>) {}

    /// The exchange is over.
    fn close(&self, _state: &mut Self::State, _closing: &Closing<'_>) {}
}

/// A signal that is switched off observes nothing.
impl<O: Observer> Observer for Option<O> {
    type State = O::State;
    type Guard = Option<O::Guard>;

    fn begin(
        &self,
        request: &mut request::Parts,
        exchange: &Arc<Exchange>,
        applied: &mut Applied,
    ) -> Option<Self::State> {
        self.as_ref()?.begin(request, exchange, applied)
    }

    fn message(&self, state: &mut Self::State, exchange: &Exchange) {
        if let Some(observer) = self {
            observer.message(state, exchange);
        }
    }

    fn dispatch(&self, state: &mut Self::State, exchange: &Exchange) {
        if let Some(observer) = self {
            observer.dispatch(state, exchange);
        }
    }

    fn enter(&self, state: &Self::State) -> Self::Guard {
        self.as_ref().map(|observer| observer.enter(state))
    }

    fn head(&self, state: &mut Self::State, exchange: &Exchange, response: &mut response::Parts) {
        if let Some(observer) = self {
            observer.head(state, exchange, response);
        }
    }

    fn stream(&self, state: &mut Self::State, kind: StreamKind) {
        if let Some(observer) = self {
            observer.stream(state, kind);
        }
    }

    fn detach(&self, state: &mut Self::State, settlement: &Settlement<'_>) -> Option<Later> {
        self.as_ref()?.detach(state, settlement)
    }

    fn settle(&self, state: &mut Self::State, settlement: &Settlement<'_>) {
        if let Some(observer) = self {
            observer.settle(state, settlement);
        }
    }

    fn conclude(&self, state: &mut Self::State, settlement: &Settlement<'_>) {
        if let Some(observer) = self {
            observer.conclude(state, settlement);
        }
    }

    fn close(&self, state: &mut Self::State, closing: &Closing<'_>) {
        if let Some(observer) = self {
            observer.close(state, closing);
        }
    }
}

/// Two signals are one. Each decides for itself whether it observes the exchange.
impl<A: Observer, B: Observer> Observer for (A, B) {
    type State = (Option<A::State>, Option<B::State>);
    type Guard = (Option<A::Guard>, Option<B::Guard>);

    fn begin(
        &self,
        request: &mut request::Parts,
        exchange: &Arc<Exchange>,
        applied: &mut Applied,
    ) -> Option<Self::State> {
        let first = self.0.begin(request, exchange, applied);
        let second = self.1.begin(request, exchange, applied);
        (first.is_some() || second.is_some()).then_some((first, second))
    }

    fn message(&self, (first, second): &mut Self::State, exchange: &Exchange) {
        if let Some(state) = first {
            self.0.message(state, exchange);
        }
        if let Some(state) = second {
            self.1.message(state, exchange);
        }
    }

    fn dispatch(&self, (first, second): &mut Self::State, exchange: &Exchange) {
        if let Some(state) = first {
            self.0.dispatch(state, exchange);
        }
        if let Some(state) = second {
            self.1.dispatch(state, exchange);
        }
    }

    fn enter(&self, (first, second): &Self::State) -> Self::Guard {
        (
            first.as_ref().map(|state| self.0.enter(state)),
            second.as_ref().map(|state| self.1.enter(state)),
        )
    }

    fn head(
        &self,
        (first, second): &mut Self::State,
        exchange: &Exchange,
        response: &mut response::Parts,
    ) {
        if let Some(state) = first {
            self.0.head(state, exchange, response);
        }
        if let Some(state) = second {
            self.1.head(state, exchange, response);
        }
    }

    fn stream(&self, (first, second): &mut Self::State, kind: StreamKind) {
        if let Some(state) = first {
            self.0.stream(state, kind);
        }
        if let Some(state) = second {
            self.1.stream(state, kind);
        }
    }

    fn detach(
        &self,
        (first, second): &mut Self::State,
        settlement: &Settlement<'_>,
    ) -> Option<Later> {
        let first = first.as_mut().and_then(|state| self.0.detach(state, settlement));
        let second = second.as_mut().and_then(|state| self.1.detach(state, settlement));
        match (first, second) {
            (Some(first), Some(second)) => Some(Box::new(move |late| {
                first(late);
                second(late);
            })),
            (first, second) => first.or(second),
        }
    }

    fn settle(&self, (first, second): &mut Self::State, settlement: &Settlement<'_>) {
        if let Some(state) = first {
            self.0.settle(state, settlement);
        }
        if let Some(state) = second {
            self.1.settle(state, settlement);
        }
    }

    fn conclude(&self, (first, second): &mut Self::State, settlement: &Settlement<'_>) {
        if let Some(state) = first {
            self.0.conclude(state, settlement);
        }
        if let Some(state) = second {
            self.1.conclude(state, settlement);
        }
    }

    fn close(&self, (first, second): &mut Self::State, closing: &Closing<'_>) {
        if let Some(state) = first {
            self.0.close(state, closing);
        }
        if let Some(state) = second {
            self.1.close(state, closing);
        }
    }
}
