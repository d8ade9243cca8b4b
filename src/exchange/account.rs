//! One layer's account of one exchange: opened before the inner call, closed exactly once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Buf;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};

use super::{
    answer::Source,
    current,
    ending::{Ending, declared_length, has_no_body},
    media::{Inspection, Media, Unread, readable},
    observer::{Closing, Observer, Settlement, Stream},
    outcome::{Outcome, Reason},
    record::{Exchange, NotCounted, RequestContext},
    request_body::{RequestBody, Tap},
};
use crate::mcp::{
    MessageKind, Method as McpMethod, ResponseKind, ResponseMessage, ResultType, Unreadable,
};

/// The guard of an exchange.
///
/// It is made in `call` before anything else happens, lives in the future until the head is out,
/// then in the response body. Dropping it closes it: a client that leaves, a panic and a server
/// that stops polling a finished body all look the same from here, and [`Drop`] tells them apart.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Account<O: Observer> {
    observer: O,
    state: O::State,
    exchange: Arc<Exchange>,
    /// Makes the exchange current during polls; `None` only meanwhile.
    context: Option<RequestContext>,
    /// No layer outside records this exchange.
    outermost: bool,
    /// The observers know the message.
    told: bool,
    /// The inner service or its body is being polled. Still set in a drop, it means a panic.
    inside: bool,
    settled: bool,
    closed: bool,
    not_counted: bool,
    status: Option<StatusCode>,
    /// From the request head to the decision.
    duration: Duration,
    first_event: Option<Duration>,
    /// Bytes after which the server stops polling.
    declared: Option<u64>,
    sent: u64,
}

impl<O: Observer> Account<O> {
    /// Opens the account of a request, and the tap on its body. Without an account, a layer
    /// outside records the same, or nothing is to be recorded.
    pub(super) fn open<B: Body>(
        observer: &O,
        request: Request<B>,
    ) -> (Option<Self>, Request<RequestBody<B>>) {
        let (mut parts, body) = request.into_parts();
        let (mut context, outermost) = RequestContext::join_or_open(&parts);
        let exchange = Arc::clone(context.exchange());
        let Some(state) = observer.begin(&mut parts, &exchange, context.applied_mut()) else {
            return (None, Request::from_parts(parts, RequestBody::untapped(body)));
        };
        context.leave_in(&mut parts.extensions);
        let body = if body.is_end_stream() {
            if exchange.claim_reading(&parts) {
                exchange.publish_request(Err(Unread::Unreadable(Unreadable::Empty)));
            }
            RequestBody::untapped(body)
        } else {
            let read = exchange.claim_reading(&parts);
            if read || outermost {
                RequestBody::tapped(body, Tap::new(&context, &parts.headers, read))
            } else {
                RequestBody::untapped(body)
            }
        };
        let account = Self {
            observer: observer.clone(),
            state,
            exchange,
            context: Some(context),
            outermost,
            told: false,
            inside: false,
            settled: false,
            closed: false,
            not_counted: false,
            status: None,
            duration: Duration::ZERO,
            first_event: None,
            declared: None,
            sent: 0,
        };
        (Some(account), Request::from_parts(parts, body))
    }

    pub(super) fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// The inner service is about to be called.
    pub(super) fn dispatch(&mut self) {
        self.notice();
        self.observer.dispatch(&mut self.state, &self.exchange);
    }

    /// Runs a poll or a call of the inner service for this exchange.
    pub(super) fn enter<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.inside = true;
        let result = self.lend(f);
        self.inside = false;
        result
    }

    /// Makes the exchange current while a part of the inner service runs that is no poll: its drop.
    pub(super) fn lend<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let entered = current::enter(&mut self.context);
        let guard = self.observer.enter(&self.state);
        let result = f();
        drop(guard);
        drop(entered);
        result
    }

    /// Tells the observers of the message as soon as it is known.
    pub(super) fn notice(&mut self) {
        if !self.told && self.exchange.request().is_some() {
            self.told = true;
            self.observer.message(&mut self.state, &self.exchange);
        }
    }

    /// The response head is out. Returns where the answer will come from, if it can still come.
    pub(super) fn head<B: Body>(&mut self, response: Response<B>) -> (Response<B>, Source) {
        // Who answers has read what it wanted; it may keep the body, and never ask for its end.
        self.exchange.conclude_if_complete();
        self.notice();
        self.status = Some(response.status());
        self.declared = declared_length(&response);
        let no_body = has_no_body(self.exchange.method(), response.status())
            || response.body().is_end_stream();
        let (mut parts, body) = response.into_parts();
        self.not_counted = parts.extensions.get::<NotCounted>().is_some();
        self.observer.head(&mut self.state, &mut parts);
        let mut source = Source::Nowhere;
        if no_body {
            self.close(Ending::Complete, &mut source);
        } else {
            source = Source::choose(&self.exchange, &mut parts, self.outermost);
            if self.is_standing_stream(&parts) {
                self.settle((Outcome::Success, None), None);
            }
        }
        (Response::from_parts(parts, body), source)
    }

    /// Whether the response is a stream that stands for its own sake: it is decided when it opens
    /// (MCP 2025-11-25, Transports, listening for messages; MCP 2026-07-28, Subscriptions).
    fn is_standing_stream(&self, response: &http::response::Parts) -> bool {
        let event_stream = || {
            response.status.is_success() && readable(&response.headers) == Ok(Media::EventStream)
        };
        let opens_stream = *self.exchange.method() == Method::GET
            || self
                .exchange
                .message()
                .is_some_and(|message| message.method == Some(McpMethod::SubscriptionsListen));
        opens_stream && event_stream()
    }

    /// A frame of the response body passes. `ended` is what the body says of itself after it.
    pub(super) fn frame<D: Buf>(&mut self, frame: &Frame<D>, ended: bool, source: &mut Source) {
        self.notice();
        if let Some(data) = frame.data_ref() {
            self.sent += data.remaining() as u64;
            let answer = source.pass(data, &self.exchange);
            if self.first_event.is_none() && source.events().is_some_and(|events| events > 0) {
                self.first_event = Some(self.elapsed());
            }
            if !self.settled {
                self.settle_by(answer, source);
            }
        }
        if ended || frame.is_trailers() {
            self.close(Ending::Complete, source);
        }
    }

    /// Settles by an answer, if one is there: read here, or by a layer further in.
    fn settle_by(&mut self, own: Option<ResponseMessage>, source: &Source) {
        let Some(answer) = own.or_else(|| source.shared().cloned()) else { return };
        self.settle(by_answer(self.status, &answer), Some(&answer));
    }

    fn settle(&mut self, (outcome, reason): Verdict, answer: Option<&ResponseMessage>) {
        if self.settled {
            return;
        }
        self.settled = true;
        self.notice();
        let duration = self.elapsed();
        self.duration = duration;
        let settlement = Settlement {
            exchange: &self.exchange,
            status: self.status,
            outcome,
            reason,
            answer,
            duration,
            not_counted: self.not_counted,
        };
        self.observer.settle(&mut self.state, &settlement);
    }

    fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(self.exchange.started())
    }

    /// Closes the account; a second time does nothing.
    pub(super) fn close(&mut self, ending: Ending, source: &mut Source) {
        if self.closed {
            return;
        }
        self.closed = true;
        let outlived = self.settled;
        if !self.settled {
            if ending == Ending::Complete {
                let answer = source.finish(&self.exchange);
                self.settle_by(answer, source);
            }
            self.settle(self.by_ending(ending), None);
        }
        let stream = source.events().map(|events| Stream { events, first_event: self.first_event });
        let closing = Closing {
            exchange: &self.exchange,
            duration: if outlived { self.elapsed() } else { self.duration },
            bytes_out: self.sent,
            stream,
            request: self.inspected_request(),
            response: source.inspection(ending == Ending::Complete),
        };
        self.observer.close(&mut self.state, &closing);
        if self.outermost {
            self.exchange.end();
        }
    }

    fn inspected_request(&self) -> Option<Inspection> {
        if *self.exchange.method() != Method::POST {
            return None;
        }
        Some(match self.exchange.request() {
            Some(Ok(_)) => Inspection::Complete,
            Some(Err(unread)) => unread.into(),
            None => self.exchange.unreadable_head().map_or(Inspection::Prefix, Into::into),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The outcome of an exchange that ended without an answer.
    fn by_ending(&self, ending: Ending) -> Verdict {
        match ending {
            Ending::Complete => self.by_status(),
            Ending::BodyError | Ending::ServiceError => (Outcome::TransportError, None),
            Ending::Panicked => (Outcome::ServerError, Some(Reason::Panic)),
            Ending::Dropped => (self.by_leaving(), Some(Reason::Dropped)),
            Ending::Aborted => (self.by_leaving(), Some(Reason::Aborted)),
        }
    }

    /// A client that leaves cancels its call, but for legacy sessions, whose calls go on (MCP
    /// 2025-11-25, Transports, sending messages to the server, item 6).
    fn by_leaving(&self) -> Outcome {
        let is_request =
            || self.exchange.message().is_some_and(|message| message.kind == MessageKind::Request);
        if self.exchange.in_session() && is_request() {
            Outcome::Detached
        } else {
            Outcome::Cancelled
        }
    }

    /// A response that ended well, and held no answer.
    fn by_status(&self) -> Verdict {
        let status = self.status.unwrap_or_default();
        let outcome = Outcome::of_status(status);
        if outcome != Outcome::Success {
            return (outcome, Some(Reason::Status(status)));
        }
        let asked = self.exchange.request().and_then(Result::ok).is_some_and(|request| {
            request.messages.iter().any(|message| message.kind == MessageKind::Request)
        });
        // A success that nobody could read is not believed: a tool's failure looks the same.
        (if asked { Outcome::NoResponse } else { Outcome::Success }, None)
    }
}

/// An outcome, with the reason where the outcome does not say it.
type Verdict = (Outcome, Option<Reason>);

/// The outcome that an answer tells. Some statuses say more than the answer beside them.
fn by_answer(status: Option<StatusCode>, answer: &ResponseMessage) -> Verdict {
    if let Some(status) = status {
        if matches!(status.as_u16(), 401 | 403 | 408 | 429 | 500..) {
            return (Outcome::of_status(status), Some(Reason::Status(status)));
        }
    }
    match (answer.kind, answer.error_code) {
        (ResponseKind::Error, Some(code)) => (Outcome::of_code(code), Some(Reason::Code(code))),
        (ResponseKind::Error, None) => (Outcome::ServerError, None),
        _ if answer.is_error => (Outcome::ToolError, None),
        _ if answer.result_type == ResultType::InputRequired => (Outcome::InputRequired, None),
        _ => (Outcome::Success, None),
    }
}

impl<O: Observer> Account<O> {
    /// How an exchange ends that is dropped now.
    pub(super) fn ending_of_drop(&self) -> Ending {
        let delivered = self.declared.is_some_and(|bytes| self.sent >= bytes);
        match self.status {
            _ if self.inside => Ending::Panicked,
            None => Ending::Dropped,
            // A server stops polling once the declared length is out: a normal end.
            Some(_) if delivered => Ending::Complete,
            Some(_) => Ending::Aborted,
        }
    }
}

impl<O: Observer> Drop for Account<O> {
    fn drop(&mut self) {
        if !self.closed {
            self.close(self.ending_of_drop(), &mut Source::Nowhere);
        }
    }
}
