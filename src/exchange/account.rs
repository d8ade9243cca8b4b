//! One layer's account of one exchange: opened before the inner call, closed exactly once.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Buf;
use http::{HeaderName, Method, StatusCode, request, response};
use http_body::{Body, Frame};

use super::{
    answer::{IsAnswer, Source},
    calls::{Call, Calls, Origin},
    common::Common,
    current::{self, Entered},
    ending::{Ending, has_no_body},
    grpc::GrpcStatus,
    head::{Head, SessionKey},
    media::{Described, Inspection, Media, Unread},
    observer::Observer,
    outcome::{Outcome, Reason},
    record::{Exchange, NOTHING, NotCounted, RequestContext, Told},
    request_body::{RequestBody, Tap},
    settlement::{Closing, Settlement},
    stream::{Stream, StreamEvent, StreamKind},
    verdict::{Verdict, by_answer, by_grpc, by_status},
};
use crate::mcp::{
    self, MessageKind, Method as McpMethod, ResponseKind, ResponseMessage, Unreadable,
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
    /// Of stacked layers, that of the outermost one.
    common: Arc<Common>,
    /// Makes the exchange current during polls. Meanwhile it is what was current before.
    context: Option<RequestContext>,
    /// No layer outside records this exchange.
    outermost: bool,
    /// The observers know the message.
    told: bool,
    /// The inner service or its body is being polled. Still set in a drop, it means a panic.
    inside: bool,
    /// The operations that are settled, a bit for each. A batch has no more than that.
    settled: u64,
    /// How the gravest of them ended, if there are several.
    gravest: Option<Box<Verdict>>,
    concluded: bool,
    closed: bool,
    not_counted: bool,
    status: Option<StatusCode>,
    grpc: Option<GrpcStatus>,
    stream: Option<StreamKind>,
    /// From the request head to the decision.
    duration: Duration,
    first_event: Option<Duration>,
    /// Where the answer comes from, once the response body passes.
    source: Source,
    /// Bytes after which the server stops polling. More than there can be, if none are declared.
    declared: u64,
    sent: u64,
}

impl<O: Observer> Account<O> {
    /// Opens the account of a request. Without one, a layer outside records the same, or nothing is
    /// to be recorded.
    #[inline]
    pub(super) fn open(
        observer: &O,
        common: &Arc<Common>,
        request: &mut request::Parts,
    ) -> Option<Self> {
        let (mut context, outermost) = RequestContext::join_or_open(request, common);
        let exchange = Arc::clone(context.exchange());
        if common.matched_path {
            exchange.find_matched_path(&request.extensions);
        }
        let state = observer.begin(request, &exchange, context.applied_mut())?;
        context.leave_in(&mut request.extensions, outermost);
        let outer = if outermost { None } else { exchange.common() };
        let common = outer.unwrap_or_else(|| Arc::clone(common));
        Some(Self {
            observer: observer.clone(),
            state,
            exchange,
            common,
            context: Some(context),
            outermost,
            told: false,
            inside: false,
            settled: 0,
            gravest: None,
            concluded: false,
            closed: false,
            not_counted: false,
            status: None,
            grpc: None,
            stream: None,
            duration: Duration::ZERO,
            first_event: None,
            source: Source::Nowhere,
            declared: u64::MAX,
            sent: 0,
        })
    }

    /// The body of the request, tapped if there is something to see in it, and somebody who looks.
    #[inline]
    pub(super) fn tap<B: Body>(
        account: Option<&Self>,
        request: &request::Parts,
        body: B,
    ) -> RequestBody<B> {
        let Some(account) = account else { return RequestBody::untapped(body) };
        let Self { exchange, outermost, context, .. } = account;
        // A layer in between may have decoded the body, and changed the head with it.
        let own = (!outermost).then(|| Head::of(request));
        let head = own.as_ref().unwrap_or_else(|| exchange.head());
        let reads = exchange.claim_reading(head);
        if body.is_end_stream() {
            if reads {
                exchange.publish_request(|| Err(Unread::Unreadable(Unreadable::Empty)));
            }
            return RequestBody::untapped(body);
        }
        match context {
            Some(context) if reads || *outermost => {
                RequestBody::tapped(body, Tap::new(context, head.length(), reads))
            }
            _ => RequestBody::untapped(body),
        }
    }

    pub(super) fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// The inner service is about to be called.
    pub(super) fn dispatch(&mut self) {
        self.notice();
        self.observer.dispatch(&mut self.state, &self.exchange);
    }

    /// Begins a poll or a call of the inner service for this exchange.
    #[inline]
    pub(super) fn enter(&mut self) -> Inside<'_, O> {
        self.inside = true;
        let Self { observer, state, context, inside, .. } = self;
        Inside { inside, _lent: Lent::new(observer, state, context) }
    }

    /// Makes the exchange current while a part of the inner service runs that is no poll: its drop.
    #[inline]
    pub(super) fn lend(&mut self) -> Lent<'_, O> {
        let Self { observer, state, context, .. } = self;
        Lent::new(observer, state, context)
    }

    /// Tells the observers of the message as soon as it is known. Once the exchange is decided, it is too
    /// late.
    pub(super) fn notice(&mut self) {
        let known = || self.exchange.request().is_some() || self.exchange.message().is_some();
        if !self.told && !self.concluded && known() {
            self.told = true;
            self.observer.message(&mut self.state, &self.exchange);
        }
    }

    /// The response head is out. Without a body to come, the account closes with it.
    pub(super) fn head<B: Body>(&mut self, response: &mut response::Parts, body: &B) {
        // Who answers has read what it wanted; it may keep the body, and never ask for its end.
        self.exchange.conclude_if_complete();
        self.notice();
        self.status = Some(response.status);
        let described = Described::by(&response.headers);
        // The exact size hint is what servers make the header of, where there is none.
        let declared = described.length.or_else(|| body.size_hint().exact());
        self.declared = declared.unwrap_or(u64::MAX);
        self.not_counted = response.extensions.get::<NotCounted>().is_some();
        if self.exchange.head().is_grpc() {
            self.grpc = GrpcStatus::of(&response.headers);
        }
        if self.outermost {
            self.follow_session(response);
        }
        self.observer.head(&mut self.state, &self.exchange, response);
        if has_no_body(self.exchange.method(), response.status) || body.is_end_stream() {
            self.close(Ending::Complete);
        } else {
            self.begin_body(response, described.media);
        }
    }

    fn begin_body(&mut self, response: &mut response::Parts, media: Result<Media, Unread>) {
        let is_stream = media == Ok(Media::EventStream) && response.status.is_success();
        if is_stream {
            let kind = StreamKind::of(self.exchange.method(), self.exchange.message());
            self.stream = Some(kind);
            self.observer.stream(&mut self.state, kind);
        }
        // A stream may carry answers to requests of other exchanges (MCP 2025-11-25, Transports,
        // resumability), so it is read after a GET too.
        let resumed = is_stream && *self.exchange.method() == Method::GET;
        // Whoever decodes the request further in may answer it in the clear.
        let unread = || {
            let head = self.exchange.head();
            let mirrored = self.exchange.operation(0).is_some() && !head.is_grpc();
            mirrored || head.body() == Err(Unread::Encoded)
        };
        let expects = self.exchange.is_read() || resumed || unread();
        let Self { exchange, outermost, .. } = self;
        self.source =
            Source::choose(media, &mut response.extensions, exchange, expects, *outermost);
        if self.stream.is_some_and(StreamKind::stands) {
            self.settle_each(|_, _| true, |_, _| (Outcome::Success, None), None);
        }
    }

    /// Keeps track of the sessions that the server opens and closes, for the calls that outlive their
    /// exchange.
    fn follow_session(&self, response: &response::Parts) {
        static SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
        if !response.status.is_success() {
            return;
        }
        let calls = &self.common.calls;
        let asks = |method| self.exchange.message().is_some_and(|it| it.method == Some(method));
        match (self.exchange.method(), self.exchange.head().session()) {
            (&Method::POST, None) if asks(McpMethod::Initialize) => {
                if let Some(id) = response.headers.get(&SESSION_ID) {
                    calls.born(SessionKey::of(id));
                }
            }
            (&Method::DELETE, Some(session)) => calls.ended(session),
            _ => {}
        }
    }

    /// A frame of the response body passes. `ended` is what the body says of itself after it.
    pub(super) fn frame<D: Buf>(&mut self, frame: &Frame<D>, ended: bool) {
        self.notice();
        let outlived = self.concluded;
        let mut source = mem::take(&mut self.source);
        if let Some(data) = frame.data_ref() {
            self.sent += data.remaining() as u64;
            source.pass(data, &mut |message| self.see(message));
            let has_event = || source.counts().is_some_and(|counts| counts.messages() > 0);
            if self.stream.is_some() && self.first_event.is_none() && has_event() {
                self.first_event = Some(self.now(outlived));
            }
        }
        if let Some(trailers) = frame.trailers_ref() {
            if self.exchange.head().is_grpc() {
                self.grpc = GrpcStatus::of(trailers).or(self.grpc);
            }
        }
        if ended || frame.is_trailers() {
            self.close_after(Ending::Complete, outlived, source);
        } else {
            self.source = source;
        }
    }

    /// A result or an error passes. If it is an answer, it settles what it answers.
    fn see(&mut self, message: &ResponseMessage) -> IsAnswer {
        let verdict = by_answer(&self.common.faults, self.status, message);
        match self.asked(message) {
            Asked::Nothing => {
                self.see_foreign(message);
                return false;
            }
            Asked::One(index) => self.settle(index, verdict, Some(message)),
            Asked::Unnamed => {
                // What asks for no answer can be refused as well: alone, or with all the others.
                let refused = self.status.is_some_and(|status| !status.is_success());
                let all = refused || !self.waits();
                let chosen = |account: &Self, index| all || account.is_open_request(index);
                self.settle_each(chosen, |_, _| verdict, Some(message));
            }
        }
        // What asks for no answer is settled when no other message waits for one any more.
        if !self.concluded && !self.waits() {
            let status = self.status.unwrap_or_default();
            self.settle_each(|_, _| true, |_, _| by_status(status, false), None);
        }
        true
    }

    /// What a message of the response answers (JSON-RPC 2.0, section 5): the request of its id. A
    /// server's own requests can carry the same id, and have a method. An error without an id answers what
    /// the server could not read, or would not take; it has a code, which tells it from other things that
    /// call themselves `error`.
    fn asked(&self, answer: &ResponseMessage) -> Asked {
        if self.concluded {
            return Asked::Nothing;
        }
        let Some(id) = &answer.id else {
            let is_error = answer.kind == ResponseKind::Error && answer.error_code.is_some();
            return if is_error { Asked::Unnamed } else { Asked::Nothing };
        };
        let Some(Ok(request)) = self.exchange.request() else {
            // What is not known to be one message is matched by nothing but order.
            return Asked::One(0);
        };
        let asks = |(index, message): (usize, &mcp::Message)| {
            message.id.as_ref() == Some(id) && self.is_open(index) && may_ask(message)
        };
        request.messages.iter().enumerate().position(asks).map_or(Asked::Nothing, Asked::One)
    }

    /// Whether any message waits for its answer.
    fn waits(&self) -> bool {
        (0..self.exchange.operations()).any(|index| self.is_open_request(index))
    }

    /// Whether a message waits for its answer. Where nothing is known of it, it may well, and what is
    /// no message is answered with an error (JSON-RPC 2.0, section 6).
    fn is_open_request(&self, index: usize) -> bool {
        self.is_open(index) && self.exchange.operation(index).is_none_or(may_ask)
    }

    /// Whether an operation is not settled.
    fn is_open(&self, index: usize) -> bool {
        self.settled & bit(index) == 0
    }

    /// An answer that is not for this exchange: perhaps for another one of the session.
    fn see_foreign(&self, answer: &ResponseMessage) {
        if let Some(session) = self.exchange.head().session() {
            let tell = || by_answer(&self.common.faults, None, answer);
            self.common.calls.answered(session, answer, Instant::now(), tell);
        }
    }

    /// Settles the operations that are open and chosen, each by its own verdict.
    fn settle_each(
        &mut self,
        chosen: impl Fn(&Self, usize) -> bool,
        verdict: impl Fn(&Self, usize) -> Verdict,
        answer: Option<&ResponseMessage>,
    ) {
        for index in 0..self.exchange.operations() {
            if chosen(self, index) {
                let verdict = verdict(self, index);
                self.settle(index, verdict, answer);
            }
        }
    }

    /// Settles one operation, if it is open. With the last one, the exchange as a whole is decided.
    fn settle(&mut self, index: usize, verdict: Verdict, answer: Option<&ResponseMessage>) {
        if self.concluded || !self.is_open(index) {
            return;
        }
        self.settled |= bit(index);
        self.notice();
        self.duration = self.elapsed();
        let Self { observer, state, exchange, common, .. } = self;
        let told = exchange.heard(|words| words.told.clone());
        let told = told.as_ref().unwrap_or(&NOTHING);
        let (outcome, reason) = if exchange.is_batch() { verdict } else { heed(told, verdict) };
        let settlement = Settlement {
            exchange,
            message: exchange.operation(index),
            index,
            status: self.status,
            outcome,
            reason,
            answer,
            grpc: self.grpc,
            stream: self.stream,
            duration: self.duration,
            not_counted: self.not_counted,
            told,
        };
        // A handler that says so has nothing to add later.
        if outcome == Outcome::Detached && told.outcome.is_none_or(|_| exchange.is_batch()) {
            detach(&common.calls, observer, state, &settlement);
        }
        observer.settle(state, &settlement);
        let operations = exchange.operations();
        if operations == 1 {
            self.concluded = true;
            return observer.conclude(state, &settlement);
        }
        let graver = |other: &Verdict| outcome.gravity() > other.0.gravity();
        if self.gravest.as_deref().is_none_or(graver) {
            self.gravest = Some(Box::new((outcome, reason)));
        }
        if self.settled != u64::MAX >> (u64::BITS as usize - operations) {
            return;
        }
        self.concluded = true;
        if let Some(&(outcome, reason)) = self.gravest.as_deref() {
            // No answer to one of several messages says anything of the others.
            let whole =
                Settlement { message: None, index: 0, outcome, reason, answer: None, ..settlement };
            observer.conclude(state, &whole);
        }
    }

    fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(self.exchange.started())
    }

    /// The time since the exchange began. What was decided since its decision was looked at last, in
    /// this very poll, needs no second look at the clock.
    fn now(&self, outlived: bool) -> Duration {
        if self.concluded && !outlived { self.duration } else { self.elapsed() }
    }

    /// Closes the account; a second time does nothing.
    pub(super) fn close(&mut self, ending: Ending) {
        let source = mem::take(&mut self.source);
        self.close_after(ending, self.concluded, source);
    }

    /// The same. `outlived` tells whether the exchange had been decided before this poll.
    fn close_after(&mut self, ending: Ending, outlived: bool, mut source: Source) {
        if self.closed {
            return;
        }
        self.closed = true;
        if ending == Ending::Complete {
            source.finish(&mut |message| self.see(message));
            if self.exchange.head().is_grpc() {
                // What ends without a status has one: it is unknown how it went.
                self.grpc.get_or_insert_default();
            }
        }
        let counts = source.counts().unwrap_or_default();
        let resumable = counts.get(StreamEvent::Priming) > 0;
        // Another task may read the request meanwhile, and find more messages in it: then once more.
        while !self.concluded {
            let verdict = |account: &Self, index| account.by_ending(ending, index, resumable);
            self.settle_each(|_, _| true, verdict, None);
        }
        let stream = self.stream.map(|kind| Stream { kind, counts, first_event: self.first_event });
        let closing = Closing {
            exchange: &self.exchange,
            duration: self.now(outlived),
            broken: ending.is_failure(),
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
            Some(Ok(request)) => request.into(),
            Some(Err(unread)) => unread.into(),
            None => {
                let head = self.exchange.head().body();
                head.err().map_or(Inspection::Prefix, Into::into)
            }
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// How an operation ends that has no answer when its exchange ends.
    fn by_ending(&self, ending: Ending, index: usize, resumable: bool) -> Verdict {
        match ending {
            Ending::Complete => self.without_answer(index, resumable),
            Ending::BodyError | Ending::ServiceError => (Outcome::TransportError, None),
            Ending::Panicked => (Outcome::ServerError, Some(Reason::Panic)),
            Ending::Dropped => self.by_leaving(index, Reason::Dropped),
            Ending::Aborted => self.by_leaving(index, Reason::Aborted),
        }
    }

    /// A client that leaves cancels its call, but for legacy sessions, whose calls go on (MCP
    /// 2025-11-25, Transports, sending messages to the server, item 6).
    fn by_leaving(&self, index: usize, reason: Reason) -> Verdict {
        match self.call_in_session(index) {
            None => (Outcome::Cancelled, Some(reason)),
            Some(call) if self.is_cancelled(call) => CANCELLED_BY_NAME,
            Some(_) => (Outcome::Detached, Some(reason)),
        }
    }

    /// A response that ended well, and held no answer.
    fn without_answer(&self, index: usize, resumable: bool) -> Verdict {
        if self.exchange.head().is_grpc() {
            return by_grpc(&self.common.faults, self.grpc.unwrap_or_default());
        }
        let asks = |message: &mcp::Message| message.kind == MessageKind::Request;
        let asked = self.exchange.operation(index).is_some_and(asks);
        let verdict = by_status(self.status.unwrap_or_default(), asked);
        match self.call_in_session(index) {
            Some(call) if verdict.0 == Outcome::NoResponse => {
                let (session, _) = call;
                if self.is_cancelled(call) {
                    CANCELLED_BY_NAME
                } else if resumable && self.common.calls.knows(session) {
                    // The server has closed a stream that the client can take up again.
                    (Outcome::Detached, None)
                } else {
                    verdict
                }
            }
            _ => verdict,
        }
    }

    /// The session and the id of a request that belongs to a session.
    fn call_in_session(&self, index: usize) -> Option<(SessionKey, &mcp::Id)> {
        let session = self.exchange.head().session()?;
        let message = self.exchange.operation(index)?;
        let asks = message.kind == MessageKind::Request;
        message.id.as_ref().filter(|_| asks).map(|id| (session, id))
    }

    fn is_cancelled(&self, (session, id): (SessionKey, &mcp::Id)) -> bool {
        self.common.calls.is_cancelled(session, id, self.exchange.started())
    }
}

/// The inner service is at work for an exchange. Where it panics, nobody leaves, and the account knows by
/// that.
///
/// It is a guard, and no function that runs the work, since what that would hand back is big.
#[must_use = "who enters has to leave"]
pub(super) struct Inside<'a, O: Observer> {
    inside: &'a mut bool,
    _lent: Lent<'a, O>,
}

impl<O: Observer> Inside<'_, O> {
    #[inline]
    pub(super) fn leave(self) {
        *self.inside = false;
    }
}

/// An exchange is current, with all that its observers make current.
#[must_use = "the exchange is current as long as this lives"]
pub(super) struct Lent<'a, O: Observer> {
    // In this order: what was entered last is left first.
    _guard: O::Guard,
    _entered: Entered<'a>,
}

impl<'a, O: Observer> Lent<'a, O> {
    #[inline]
    fn new(observer: &O, state: &O::State, context: &'a mut Option<RequestContext>) -> Self {
        let entered = current::enter(context);
        Self { _guard: observer.enter(state), _entered: entered }
    }
}

/// What a message of a response answers.
enum Asked {
    Nothing,
    One(usize),
    /// What is not named: all requests that are open, if there are any.
    Unnamed,
}

const CANCELLED_BY_NAME: Verdict = (Outcome::Cancelled, Some(Reason::Notification));

/// Whether a message may wait for an answer.
fn may_ask(message: &mcp::Message) -> bool {
    matches!(message.kind, MessageKind::Request | MessageKind::Invalid)
}

/// The bit of an operation. There are at most 64.
fn bit(index: usize) -> u64 {
    1 << index
}

/// A handler knows better than the wire how its call went, unless it died.
fn heed(told: &Told, (outcome, reason): Verdict) -> Verdict {
    match told.outcome {
        Some(told) if told != outcome && reason != Some(Reason::Panic) => (told, None),
        _ => (outcome, reason),
    }
}

/// Leaves a call to whoever may hear more of it, if its session is known and somebody waits.
fn detach<O: Observer>(
    calls: &Calls,
    observer: &O,
    state: &mut O::State,
    settlement: &Settlement<'_>,
) {
    let exchange = settlement.exchange;
    let Some(session) = exchange.head().session() else { return };
    let Some(id) = settlement.message.and_then(|message| message.id.as_ref()) else { return };
    if !calls.knows(session) {
        return;
    }
    if let Some(later) = observer.detach(state, settlement) {
        let call = Call { session, id: id.clone() };
        // A server that closes a stream and never goes on has not answered.
        let left = settlement.reason.is_some();
        let fallback = if left { Outcome::Detached } else { Outcome::NoResponse };
        let now = exchange.started() + settlement.duration;
        let origin = Origin { started: exchange.started(), index: settlement.index };
        calls.detach(call, origin, now, fallback, later);
    }
}

impl<O: Observer> Account<O> {
    /// How an exchange ends that is dropped now.
    pub(super) fn ending_of_drop(&self) -> Ending {
        let delivered = self.sent >= self.declared;
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
            self.close(self.ending_of_drop());
        }
    }
}
