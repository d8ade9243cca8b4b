//! One layer's account of one exchange: opened before the inner call, closed exactly once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Buf;
use http::{Method, Request, Response, StatusCode, request};
use http_body::{Body, Frame};

use super::{
    answer::Source,
    current,
    ending::{Ending, declared_length, has_no_body},
    media::{Inspection, Media, Unread, readable},
    observer::{Closing, Observer, Settlement},
    outcome::Outcome,
    record::{Exchange, NotCounted, Scope},
    request_body::{RequestBody, Tap},
};
use crate::mcp::{
    MessageKind, Method as McpMethod, ResponseKind, ResponseMessage, ResultType, Revision, Unreadable,
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
    scope: Option<Scope>,
    /// No layer outside records this exchange.
    outermost: bool,
    /// The observers know the message.
    told: bool,
    /// The inner service or its body is being polled. Still set in a drop, it means a panic.
    inside: bool,
    settled: bool,
    closed: bool,
    not_counted: bool,
    /// Whether the request names a legacy session, in which a disconnect cancels nothing.
    session: bool,
    status: Option<StatusCode>,
    /// Bytes after which the server stops polling.
    declared: Option<u64>,
    sent: u64,
    /// Where the answer comes from; set at the head.
    source: Source,
}

impl<O: Observer> Account<O> {
    /// Opens the account of a request, and the tap on its body. Without an account, a layer
    /// outside records the same, or nothing is to be recorded.
    pub(super) fn open<B: Body>(
        observer: &O,
        request: Request<B>,
    ) -> (Option<Self>, Request<RequestBody<B>>) {
        let (mut parts, body) = request.into_parts();
        let (mut scope, outermost) = Scope::join_or_open(&parts);
        let exchange = Arc::clone(&scope.exchange);
        let Some(state) = observer.begin(&mut parts, &exchange, &mut scope.applied) else {
            return (None, Request::from_parts(parts, RequestBody::untapped(body)));
        };
        scope.leave_in(&mut parts.extensions);
        let body = if body.is_end_stream() {
            if exchange.claim_reading(&parts) {
                exchange.publish_request(Err(Unread::Unreadable(Unreadable::Empty)));
            }
            RequestBody::untapped(body)
        } else {
            let read = exchange.claim_reading(&parts);
            if read || outermost {
                RequestBody::tapped(body, Tap::new(&scope, &parts.headers, read))
            } else {
                RequestBody::untapped(body)
            }
        };
        let account = Self {
            observer: observer.clone(),
            state,
            session: in_session(&parts),
            exchange,
            scope: Some(scope),
            outermost,
            told: false,
            inside: false,
            settled: false,
            closed: false,
            not_counted: false,
            status: None,
            declared: None,
            sent: 0,
            source: Source::Nowhere,
        };
        (Some(account), Request::from_parts(parts, body))
    }

    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Runs a poll or a call of the inner service for this exchange.
    pub(super) fn enter<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.inside = true;
        let entered = current::enter(&mut self.scope);
        let result = f();
        drop(entered);
        self.inside = false;
        result
    }

    /// Tells the observers of the message as soon as it is known.
    pub(super) fn notice(&mut self) {
        if !self.told && self.exchange.request().is_some() {
            self.told = true;
            self.observer.message(&mut self.state, &self.exchange);
        }
    }

    /// The response head is out.
    pub(super) fn head<B: Body>(&mut self, response: Response<B>) -> Response<B> {
        self.notice();
        self.status = Some(response.status());
        self.declared = declared_length(&response);
        let no_body = has_no_body(self.exchange.method(), response.status())
            || response.body().is_end_stream();
        let (mut parts, body) = response.into_parts();
        self.not_counted = parts.extensions.get::<NotCounted>().is_some();
        self.observer.head(&mut self.state, &mut parts);
        if no_body {
            self.close(Ending::Complete);
        } else {
            self.source = Source::choose(&self.exchange, &mut parts, self.outermost);
            if self.is_standing_stream(&parts) {
                self.settle(Outcome::Success, None);
            }
        }
        Response::from_parts(parts, body)
    }

    /// Whether the response is a stream that stands for its own sake: it is decided when it opens
    /// (MCP 2025-11-25, Transports, listening for messages; MCP 2026-07-28, Subscriptions).
    fn is_standing_stream(&self, response: &http::response::Parts) -> bool {
        let event_stream = || {
            response.status.is_success()
                && readable(&response.headers) == Ok(Media::EventStream)
        };
        let opens_stream = *self.exchange.method() == Method::GET
            || self.exchange.message().is_some_and(|message| {
                message.method == Some(McpMethod::SubscriptionsListen)
            });
        opens_stream && event_stream()
    }

    /// A frame of the response body passes. `ended` is what the body says of itself after it.
    pub(super) fn frame<D: Buf>(&mut self, frame: &Frame<D>, ended: bool) {
        self.notice();
        if let Some(data) = frame.data_ref() {
            self.sent += data.remaining() as u64;
            if !self.settled {
                let answer = self.source.pass(data, &self.exchange);
                self.settle_by(answer);
            }
        }
        if ended || frame.is_trailers() {
            self.close(Ending::Complete);
        }
    }

    /// Settles by an answer, if one is there: read here, or by a layer further in.
    fn settle_by(&mut self, own: Option<ResponseMessage>) {
        let Some(answer) = own.or_else(|| self.source.shared().cloned()) else { return };
        self.settle(by_answer(self.status, &answer), Some(&answer));
    }

    fn settle(&mut self, outcome: Outcome, answer: Option<&ResponseMessage>) {
        if self.settled {
            return;
        }
        self.settled = true;
        self.notice();
        let settlement = Settlement {
            exchange: &self.exchange,
            status: self.status,
            outcome,
            answer,
            duration: self.elapsed(),
            not_counted: self.not_counted,
        };
        self.observer.settle(&mut self.state, &settlement);
    }

    fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(self.exchange.started())
    }

    /// Closes the account; a second time does nothing.
    pub(super) fn close(&mut self, ending: Ending) {
        if self.closed {
            return;
        }
        self.closed = true;
        if !self.settled {
            if ending == Ending::Complete {
                let answer = self.source.finish(&self.exchange);
                self.settle_by(answer);
            }
            self.settle(self.by_ending(ending), None);
        }
        let closing = Closing {
            request: self.inspected_request(),
            response: self.source.inspection(ending == Ending::Complete),
        };
        self.observer.close(&mut self.state, &closing);
        if self.outermost {
            self.exchange.end();
        }
    }

    fn inspected_request(&self) -> Option<Inspection> {
        // Only the outermost layer counts what is shared.
        if !self.outermost || *self.exchange.method() != Method::POST {
            return None;
        }
        Some(match self.exchange.request() {
            Some(Ok(_)) => Inspection::Complete,
            Some(Err(unread)) => unread.into(),
            None => Inspection::Prefix,
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The outcome of an exchange that ended without an answer.
    fn by_ending(&self, ending: Ending) -> Outcome {
        match ending {
            Ending::Complete => self.by_status(),
            Ending::BodyError | Ending::ServiceError => Outcome::TransportError,
            Ending::Panicked => Outcome::ServerError,
            Ending::Dropped | Ending::Aborted => self.by_leaving(),
        }
    }

    /// A client that leaves cancels its call, but for legacy sessions, whose calls go on (MCP
    /// 2025-11-25, Transports, sending messages to the server, item 6).
    fn by_leaving(&self) -> Outcome {
        let is_request =
            || self.exchange.message().is_some_and(|message| message.kind == MessageKind::Request);
        if self.session && is_request() { Outcome::Detached } else { Outcome::Cancelled }
    }

    /// A response that ended well, and held no answer.
    fn by_status(&self) -> Outcome {
        let outcome = Outcome::of_status(self.status.unwrap_or_default());
        let asked = || {
            self.exchange.request().and_then(Result::ok).is_some_and(|request| {
                request.messages.iter().any(|message| message.kind == MessageKind::Request)
            })
        };
        // A success that nobody could read is not believed: a tool's failure looks the same.
        if outcome == Outcome::Success && asked() { Outcome::NoResponse } else { outcome }
    }
}

/// The outcome that an answer tells. Some statuses say more than the answer beside them.
fn by_answer(status: Option<StatusCode>, answer: &ResponseMessage) -> Outcome {
    if let Some(status) = status {
        if matches!(status.as_u16(), 401 | 403 | 408 | 429 | 504) {
            return Outcome::of_status(status);
        }
    }
    match answer.kind {
        ResponseKind::Error => answer.error_code.map_or(Outcome::ServerError, Outcome::of_code),
        _ if answer.is_error => Outcome::ToolError,
        _ if answer.result_type == ResultType::InputRequired => Outcome::InputRequired,
        _ => Outcome::Success,
    }
}

/// Whether a request belongs to a session of a legacy revision. Modern ones have none, and a
/// server ignores the header (MCP 2026-07-28, Streamable HTTP).
fn in_session(parts: &request::Parts) -> bool {
    let modern = parts.headers.get("mcp-protocol-version").is_some_and(|version| {
        Revision::from_bytes(version.as_bytes()).is_modern()
    });
    parts.headers.contains_key("mcp-session-id") && !modern
}

impl<O: Observer> Drop for Account<O> {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        let delivered = self.declared.is_some_and(|bytes| self.sent >= bytes);
        self.close(match self.status {
            _ if self.inside => Ending::Panicked,
            None => Ending::Dropped,
            // A server stops polling once the declared length is out: a normal end.
            Some(_) if delivered => Ending::Complete,
            Some(_) => Ending::Aborted,
        });
    }
}
