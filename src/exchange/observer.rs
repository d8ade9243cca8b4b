//! What a signal implements.

use std::{sync::Arc, time::Duration};

use http::{StatusCode, request, response};

use super::{
    media::Inspection,
    outcome::{Component, Outcome, Reason},
    record::{Applied, Exchange},
};
use crate::mcp::ResponseMessage;

/// A signal: it is shown an exchange, and writes of it what it is for.
///
/// The methods are called in their order here, each at most once, the last two exactly once for
/// each `begin` that returned a state. None of them may fail, block or panic: they run on the way
/// of a request, and in drops.
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
    fn head(&self, _state: &mut Self::State, _response: &mut response::Parts) {}

    /// The operation is decided: its answer has passed, or none can come any more.
    fn settle(&self, _state: &mut Self::State, _settlement: &Settlement<'_>) {}

    /// The exchange is over.
    fn close(&self, _state: &mut Self::State, _closing: &Closing<'_>) {}
}

/// How an operation was decided.
#[derive(Debug)]
pub struct Settlement<'a> {
    pub(crate) exchange: &'a Exchange,
    /// The status of the response head, if one was sent.
    pub(crate) status: Option<StatusCode>,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<Reason>,
    /// The answer, if one was seen.
    pub(crate) answer: Option<&'a ResponseMessage>,
    /// From the request head to the answer; to the head, for a standing stream.
    pub(crate) duration: Duration,
    /// The response says that it is not to be counted.
    pub(crate) not_counted: bool,
}

impl Settlement<'_> {
    /// Where the error showed, if the operation failed.
    pub(crate) fn component(&self) -> Option<Component> {
        let by_answer = || if self.answer.is_some() { Component::JsonRpc } else { Component::Http };
        match self.outcome {
            Outcome::Success | Outcome::InputRequired | Outcome::Cancelled | Outcome::Detached => {
                None
            }
            Outcome::ToolError => Some(Component::Tool),
            Outcome::TransportError => Some(Component::Transport),
            Outcome::Rejected => match self.status {
                Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Some(Component::Auth),
                _ => Some(Component::Http),
            },
            Outcome::NoResponse => Some(Component::JsonRpc),
            Outcome::CallerError | Outcome::ServerError | Outcome::Timeout => Some(by_answer()),
        }
    }
}

/// How an exchange ended.
#[derive(Debug)]
pub struct Closing<'a> {
    pub(crate) exchange: &'a Exchange,
    /// From the request head to the end of the exchange.
    pub(crate) duration: Duration,
    /// Bytes of the response body that were handed to the server.
    pub(crate) bytes_out: u64,
    /// What an event stream carried.
    pub(crate) stream: Option<Stream>,
    /// How far the request body was read, by this layer or another one, if there can be a message.
    pub(crate) request: Option<Inspection>,
    /// How far the response body was read, if an answer could be expected in it.
    pub(crate) response: Option<Inspection>,
}

/// What an event stream carried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    /// JSON-RPC messages.
    pub(crate) events: u64,
    /// From the request head to the first of them.
    pub(crate) first_event: Option<Duration>,
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

    fn head(&self, state: &mut Self::State, response: &mut response::Parts) {
        if let Some(observer) = self {
            observer.head(state, response);
        }
    }

    fn settle(&self, state: &mut Self::State, settlement: &Settlement<'_>) {
        if let Some(observer) = self {
            observer.settle(state, settlement);
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

    fn head(&self, (first, second): &mut Self::State, response: &mut response::Parts) {
        if let Some(state) = first {
            self.0.head(state, response);
        }
        if let Some(state) = second {
            self.1.head(state, response);
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

    fn close(&self, (first, second): &mut Self::State, closing: &Closing<'_>) {
        if let Some(state) = first {
            self.0.close(state, closing);
        }
        if let Some(state) = second {
            self.1.close(state, closing);
        }
    }
}
