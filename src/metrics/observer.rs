//! The layer's signal: what of an exchange goes into which cells.

use std::{sync::Arc, time::Instant};

use http::{HeaderName, Method as HttpVerb, StatusCode, request, response};

use super::{
    clients::ClientId,
    http_conventions::{GrpcCall, HttpServerRequest},
    labels::{
        AuthFailure, AuthKind, CancelCause, Direction, ListKind, SessionEvent, StreamKind,
        UrlScheme,
    },
    lists::{ListItem, ListPage},
    operation::{HttpExchange, MethodLabel, Operation, Target},
    sessions::SessionPlace,
    store::McpMetrics,
};
use crate::{
    exchange::{
        self, Applied, CallStatus, Closing, Component, Exchange, GrpcStatus, Later, Observer,
        Outcome, Reason, Said, SessionKey, Settlement, StreamEvent, Unread,
    },
    mcp::{self, Cursor, Method, ResponseKind, ResponseMessage},
};

/// The signal of [`MetricsLayer`](super::MetricsLayer).
#[derive(Clone, Debug)]
pub struct RecordMetrics {
    metrics: McpMetrics,
    count_scrapes: bool,
}

/// What the metrics keep of an exchange.
#[derive(Debug)]
pub struct State {
    /// The method under which the exchange is in flight.
    in_flight: MethodLabel,
    /// Who began the session that the request belongs to.
    client: ClientId,
    /// That session, if its beginning was seen.
    session: Option<SessionPlace>,
    /// The session that the response opens.
    opens: Option<SessionKey>,
    /// A message was answered by a result.
    answered: bool,
    /// The operations that are counted later, a bit for each.
    detached: u64,
    /// The exchange is one that counts.
    counted: bool,
    /// How the exchange was decided, for the families of the HTTP conventions.
    status: Option<StatusCode>,
    grpc: Option<GrpcStatus>,
}

impl RecordMetrics {
    pub(crate) fn new(metrics: McpMetrics) -> Self {
        Self { metrics, count_scrapes: false }
    }

    pub(crate) fn store(&self) -> &McpMetrics {
        &self.metrics
    }

    pub(crate) fn count_scrapes(mut self, count: bool) -> Self {
        self.count_scrapes = count;
        self
    }

    /// Whether the exchange is a scrape that is not to be counted.
    fn leaves_out(&self, settlement: &Settlement<'_>) -> bool {
        settlement.not_counted && !self.count_scrapes
    }

    /// An operation of a client as the wire shows it.
    fn operation<'a>(settlement: &Settlement<'a>, client: ClientId) -> Operation<'a> {
        let result = settlement.answer.filter(|answer| answer.kind == ResponseKind::Result);
        Operation {
            method: settlement.message.map_or(MethodLabel::None, MethodLabel::of),
            target: target(settlement.method(), settlement.target()),
            proves: settlement.is_target_certain(),
            outcome: settlement.outcome,
            code: settlement.code(),
            component: settlement.component(),
            revision: settlement.revision(),
            duration: Some(settlement.duration),
            reason: settlement.reason,
            cancelled: cause(settlement.outcome, settlement.reason),
            client,
            arguments_bytes: settlement.message.and_then(|message| message.arguments_bytes),
            result_bytes: result.map(|answer| answer.result_bytes),
            version: settlement.exchange.head().version(),
        }
    }

    /// Counts an operation, but as a handler has counted it by hand.
    fn record_operation(&self, mut operation: Operation<'_>, said: Said) {
        // A handler that failed says so even where its answer does not; one that succeeded does
        // not know what became of its answer.
        if let Some((status, duration)) = said.call {
            operation.duration = Some(duration);
            if status == CallStatus::Error && !operation.outcome.is_error() {
                operation.outcome = Outcome::ToolError;
                operation.component = Some(Component::Tool);
                operation.cancelled = None;
            }
        }
        operation.component = operation.component.filter(|_| !said.error);
        self.metrics.record_operation(&operation);
    }

    /// Who asks: who the message or the handler says, else who began the session. Since 2026-07-28 each
    /// request says it anew.
    #[inline]
    fn client(&self, settlement: &Settlement<'_>, known: ClientId) -> ClientId {
        let Some(client) = settlement.client() else { return known };
        let now = settlement.exchange.started() + settlement.duration;
        self.metrics.client(client.name, client.version, now)
    }

    /// Takes in what the answer to a request for a list shows of its server. Other results may have a
    /// member of that name, too.
    fn record_list(
        &self,
        method: Option<Method>,
        answer: &ResponseMessage,
        after: Option<Cursor>,
        now: Instant,
    ) {
        let list = answer.list.as_ref();
        let Some(list) = list.filter(|list| method == Some(list.kind.method())) else { return };
        let items = list.entries.iter().map(|entry| ListItem {
            name: entry.name.as_str(),
            truncated: entry.name.is_truncated(),
            bytes: entry.bytes,
            hash: entry.hash,
        });
        let next = answer.next_cursor;
        let page = ListPage { items: list.items, bytes: list.bytes, after, next };
        self.metrics.record_list(list.kind.into(), page, items, now);
    }

    fn record_exchange(&self, state: &State, settlement: &Settlement<'_>, said: Said) {
        let exchange = settlement.exchange;
        self.metrics.record_exchange(&HttpExchange {
            method: exchange.method(),
            path: exchange.path(),
            matched: exchange.matched_path(),
            status: settlement.status.map_or(CLIENT_CLOSED_REQUEST, |status| status.as_u16()),
            duration: Some(settlement.duration),
            // What strangers can provoke anywhere, an error, teaches no route.
            answered: state.answered,
        });
        if !said.auth {
            self.record_auth(settlement);
        }
        let Some(status) = settlement.status else { return };
        if status == StatusCode::TOO_MANY_REQUESTS && !said.rate_limit {
            self.metrics.record_rate_limited();
        }
        self.follow_session(state, settlement, status);
        let is_refused = status.is_client_error() || status.is_server_error();
        if exchange.head().wants_stream() && is_refused {
            self.metrics.stream_refused(status.as_u16());
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

    /// Notes what a status says of the session of a request (MCP 2025-11-25, Transports, session
    /// management).
    fn follow_session(&self, state: &State, settlement: &Settlement<'_>, status: StatusCode) {
        let exchange = settlement.exchange;
        // Some servers say so in an error without an id; one with an id is about the message.
        let answered = settlement.answer.is_some_and(|answer| answer.id.is_some());
        match (status, exchange.head().session()) {
            (StatusCode::NOT_FOUND, Some(_)) if !answered => {
                self.metrics.session_event(SessionEvent::Unknown);
                // The server has ended it, or was started anew. Who does not know the id has found none.
                if let Some(session) = state.session.filter(|_| self.is_of_transport(exchange)) {
                    let now = exchange.started() + settlement.duration;
                    self.metrics.session_forgotten(session, now);
                }
            }
            (StatusCode::BAD_REQUEST, None) if !answered && may_need_session(settlement) => {
                self.metrics.session_event(SessionEvent::Rejected);
            }
            (_, Some(session)) if *exchange.method() == HttpVerb::DELETE && status.is_success() => {
                let now = exchange.started() + settlement.duration;
                self.metrics.session_ended(session.number(), now);
            }
            _ => {}
        }
    }

    /// Whether a request is of the kind that clients send to an MCP server (MCP 2025-11-25, Transports,
    /// Streamable HTTP), and to a route that is known. A client may name its session anywhere, and paths
    /// that do not exist know no sessions.
    fn is_of_transport(&self, exchange: &Exchange) -> bool {
        let is_of_kind = match *exchange.method() {
            HttpVerb::GET => exchange.head().wants_stream(),
            HttpVerb::DELETE => true,
            HttpVerb::POST => match exchange.request() {
                Some(Ok(request)) => {
                    request.messages.iter().any(|it| it.kind != mcp::MessageKind::Invalid)
                }
                // Who refuses a session need not read what it is sent.
                Some(Err(unread)) => unread == Unread::Partial,
                None => false,
            },
            _ => false,
        };
        is_of_kind && self.metrics.knows_route(exchange.path(), exchange.matched_path())
    }

    /// Records an exchange for the families of the HTTP conventions.
    fn record_http(&self, state: &State, closing: &Closing<'_>) {
        let Closing { exchange, .. } = closing;
        let (head, path) = (exchange.head(), exchange.path());
        self.metrics.http_left(exchange.method(), scheme(exchange));
        if !state.counted {
            return;
        }
        let grpc = head.is_grpc().then(|| GrpcCall {
            method: path.strip_prefix('/').unwrap_or(path),
            status: state.grpc.map(|status| status.code().into()),
        });
        self.metrics.record_http(&HttpServerRequest {
            method: exchange.method(),
            scheme: scheme(exchange),
            version: head.version(),
            path,
            matched: exchange.matched_path(),
            status: state.status.map(|status| status.as_u16()),
            broken: closing.broken,
            duration: closing.duration,
            grpc,
        });
    }
}

/// The status of an exchange whose client left before the head, as nginx has it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

impl Observer for RecordMetrics {
    type State = State;
    type Guard = ();

    fn begin(
        &self,
        _: &mut request::Parts,
        exchange: &Arc<Exchange>,
        applied: &mut Applied,
    ) -> Option<State> {
        if !applied.claim(self.metrics.sink()) {
            return None;
        }
        let session = exchange.head().session();
        let known = session
            .and_then(|session| self.metrics.session_seen(session.number(), exchange.started()));
        let state = State {
            in_flight: MethodLabel::None,
            client: known.map_or(ClientId::NONE, |(facts, _)| facts.client),
            session: known.map(|(_, place)| place),
            opens: None,
            answered: false,
            detached: 0,
            counted: false,
            status: None,
            grpc: None,
        };
        self.metrics.in_flight().enter();
        if self.metrics.has_http_conventions() {
            self.metrics.http_entered(exchange.method(), scheme(exchange));
        }
        Some(state)
    }

    fn message(&self, state: &mut State, exchange: &Exchange) {
        match exchange.request() {
            Some(Ok(request)) if request.batch => {
                let messages = request.messages.len() as u64 + u64::from(request.beyond);
                self.metrics.record_batch(messages);
            }
            _ => {
                let Some(message) = exchange.message() else { return };
                state.in_flight = MethodLabel::of(message);
                self.metrics.in_flight().know(state.in_flight);
            }
        }
    }

    fn enter(&self, _: &State) {}

    fn head(&self, state: &mut State, exchange: &Exchange, response: &mut response::Parts) {
        static SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
        let initializes = || {
            let message = exchange.message();
            message.is_some_and(|message| message.method == Some(Method::Initialize))
        };
        if response.status.is_success() && initializes() {
            state.opens = response.headers.get(&SESSION_ID).map(SessionKey::of);
        }
    }

    fn stream(&self, state: &mut State, kind: exchange::StreamKind) {
        self.metrics.stream_opened(kind.into());
        if let Some(session) = state.session {
            self.metrics.session_stream_opened(session);
        }
    }

    fn detach(&self, state: &mut State, settlement: &Settlement<'_>) -> Option<Later> {
        if self.leaves_out(settlement) {
            return None;
        }
        state.detached |= 1 << settlement.index;
        // Not the exchange: with it, what its client has sent would be kept.
        let observer = self.clone();
        let said = settlement.exchange.said(self.metrics.sink());
        let known = Self::operation(settlement, self.client(settlement, state.client));
        let method = settlement.method();
        let name = settlement.target().map(Box::<[u8]>::from);
        let known = Operation { target: Target::None, ..known };
        let (status, started) = (settlement.status, settlement.exchange.started());
        let after = settlement.message.and_then(|message| message.cursor);
        Some(Box::new(move |late| {
            let result = late.answer.filter(|answer| answer.kind == ResponseKind::Result);
            let operation = Operation {
                target: target(method, name.as_deref()),
                outcome: late.outcome,
                code: late.answer.and_then(|answer| answer.error_code),
                component: Component::of(late.outcome, status, late.answer.is_some()),
                duration: Some(late.duration),
                reason: late.reason,
                cancelled: cause(late.outcome, late.reason),
                result_bytes: result.map(|answer| answer.result_bytes),
                ..known
            };
            observer.record_operation(operation, said);
            if let Some(answer) = late.answer {
                observer.record_list(method, answer, after, started + late.duration);
            }
        }))
    }

    fn settle(&self, state: &mut State, settlement: &Settlement<'_>) {
        if self.leaves_out(settlement) {
            return;
        }
        state.answered |=
            settlement.answer.is_some_and(|answer| answer.kind == ResponseKind::Result);
        let is_detached = state.detached & 1 << settlement.index != 0;
        if is_detached && state.opens.is_none() {
            return;
        }
        // Once: a version that is not shown is counted each time that it is told.
        let client = self.client(settlement, state.client);
        if let Some(session) = state.opens.take() {
            let now = settlement.exchange.started() + settlement.duration;
            self.metrics.session_created(session.number(), client, settlement.revision(), now);
        }
        if !is_detached {
            let said = settlement.exchange.said(self.metrics.sink());
            self.record_operation(Self::operation(settlement, client), said);
            let answer = settlement.answer.filter(|answer| answer.list.is_some());
            if let (Some(message), Some(answer)) = (settlement.message, answer) {
                let now = settlement.exchange.started() + settlement.duration;
                self.record_list(message.method, answer, message.cursor, now);
            }
        }
    }

    fn conclude(&self, state: &mut State, settlement: &Settlement<'_>) {
        let said = settlement.exchange.said(self.metrics.sink());
        if !said.scrape {
            self.metrics.in_flight().leave(state.in_flight);
        }
        state.status = settlement.status;
        state.grpc = settlement.grpc;
        if self.leaves_out(settlement) {
            return;
        }
        state.counted = true;
        self.record_exchange(state, settlement, said);
    }

    fn close(&self, state: &mut State, closing: &Closing<'_>) {
        if self.metrics.has_http_conventions() {
            self.record_http(state, closing);
        }
        if let Some(stream) = &closing.stream {
            let kind = stream.kind.into();
            if let Some(after) = stream.first_event {
                self.metrics.stream_first_event(kind, after);
            }
            self.metrics.stream_messages(kind, &MESSAGES.map(|event| stream.counts.get(event)));
            self.metrics.stream_closed(kind, closing.duration);
            if let Some(session) = state.session {
                let now = closing.exchange.started() + closing.duration;
                self.metrics.session_stream_closed(session, now);
            }
        }
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

/// In the order of [`StreamMessage`](super::labels::StreamMessage).
const MESSAGES: [StreamEvent; 5] = [
    StreamEvent::Response,
    StreamEvent::Request,
    StreamEvent::Notification,
    StreamEvent::Progress,
    StreamEvent::Comment,
];

fn target(method: Option<Method>, name: Option<&[u8]>) -> Target<'_> {
    match (method, name) {
        (Some(Method::ToolsCall), Some(name)) => Target::Tool(name),
        (Some(Method::PromptsGet), Some(name)) => Target::Prompt(name),
        (Some(Method::ResourcesRead), Some(uri)) => Target::Resource(uri),
        _ => Target::None,
    }
}

fn cause(outcome: Outcome, reason: Option<Reason>) -> Option<CancelCause> {
    match reason {
        _ if outcome != Outcome::Cancelled => None,
        Some(Reason::Dropped) => Some(CancelCause::Dropped),
        Some(Reason::Aborted) => Some(CancelCause::Aborted),
        Some(Reason::Notification) => Some(CancelCause::Notification),
        _ => None,
    }
}

fn scheme(exchange: &Exchange) -> UrlScheme {
    if exchange.head().is_https() { UrlScheme::Https } else { UrlScheme::Http }
}

/// Whether a request without a session may have been one that needs it: all of a legacy revision but the
/// one that begins a session. What any client asks of any server is none of MCP's: a GET has to want a
/// stream, a DELETE to name its revision, as clients do once they have a session.
fn may_need_session(settlement: &Settlement<'_>) -> bool {
    let exchange = settlement.exchange;
    let message = settlement.message;
    let of_session = match *exchange.method() {
        HttpVerb::GET => exchange.head().wants_stream(),
        HttpVerb::DELETE => exchange.head().revision().is_some(),
        HttpVerb::POST => message.is_some_and(|it| it.method != Some(Method::Initialize)),
        _ => false,
    };
    let named = message.and_then(|message| message.revision).or(exchange.head().revision());
    of_session && !named.is_some_and(mcp::Revision::is_modern)
}

impl From<exchange::StreamKind> for StreamKind {
    fn from(kind: exchange::StreamKind) -> Self {
        match kind {
            exchange::StreamKind::Get => Self::Get,
            exchange::StreamKind::PostSse => Self::PostSse,
            exchange::StreamKind::Listen => Self::Listen,
        }
    }
}

impl From<mcp::ListKind> for ListKind {
    fn from(kind: mcp::ListKind) -> Self {
        match kind {
            mcp::ListKind::Tools => Self::Tools,
            mcp::ListKind::Prompts => Self::Prompts,
            mcp::ListKind::Resources => Self::Resources,
            mcp::ListKind::Templates => Self::Templates,
        }
    }
}
