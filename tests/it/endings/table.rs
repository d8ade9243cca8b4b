//! How exchanges end, and what account each must leave.

use Behaviour::{LeavesBeforeHead, LeavesMidway, Reads};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;

use crate::support::{
    ANSWER, Account, Act, CALL, Protocol, Script, Step, data, event, get, json, post, sse, trailers,
};

/// One way in which an exchange ends.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) protocols: &'static [Protocol],
    pub(super) request: fn() -> Request<Full<Bytes>>,
    pub(super) act: fn() -> Act,
    pub(super) client: Behaviour,
    pub(super) panics: bool,
    pub(super) account: Account,
}

#[derive(Clone, Copy)]
pub(super) enum Behaviour {
    Reads,
    LeavesBeforeHead,
    LeavesMidway,
}

impl Row {
    fn new(
        name: &'static str,
        request: fn() -> Request<Full<Bytes>>,
        act: fn() -> Act,
        account: Account,
    ) -> Self {
        let protocols = &Protocol::BOTH;
        Self { name, protocols, request, act, client: Reads, panics: false, account }
    }

    /// Only HTTP/1 has it, or drops a body there that it has no place for.
    fn http1(mut self) -> Self {
        self.protocols = &[Protocol::Http1];
        self
    }

    fn client(mut self, client: Behaviour) -> Self {
        self.client = client;
        self
    }

    fn panics(mut self) -> Self {
        self.panics = true;
        self
    }
}

pub(super) fn rows() -> impl Iterator<Item = Row> {
    bodiless().into_iter().chain(complete()).chain(broken()).chain(left_alone()).chain(panicked())
}

/// Responses whose body is never polled.
fn bodiless() -> Vec<Row> {
    vec![
        Row::new("ended", ask, || respond(json(Script::new([]).reporting_end())), plain(200)),
        Row::new("ended, to a call", call, || status(200, Script::new([]).reporting_end()), none()),
        Row::new("ended 500", call, || status(500, Script::new([]).reporting_end()), failed(500)),
        Row::new("HEAD", head, || status(200, Script::new([])), plain(200)),
        Row::new("HEAD, with data", head, || status(200, Script::new([data("x")])), plain(200))
            .http1(),
        Row::new("101", upgrade, || status(101, Script::new([])), plain(101)).http1(),
        Row::new("204", ask, || status(204, Script::new([])), plain(204)),
        Row::new("204, with data", ask, || status(204, Script::new([data("x")])), plain(204))
            .http1(),
        Row::new("304", ask, || status(304, Script::new([])), plain(304)),
        Row::new("304, with data", ask, || status(304, Script::new([data("x")])), plain(304))
            .http1(),
        Row::new("CONNECT", connect, || status(200, Script::new([]).reporting_end()), plain(200)),
    ]
}

/// Responses that go out whole: to a request of no message, whose ending decides, and to a call,
/// whose answer does.
fn complete() -> Vec<Row> {
    type Respond = fn() -> Act;

    let responses: [(&'static str, Respond); 6] = [
        ("None", || respond(json(Script::new([answer()])))),
        ("the last frame is known as such", || {
            respond(json(Script::new([answer()]).reporting_end()))
        }),
        ("the declared length is reached", || {
            let mut response = json(Script::new([answer()]));
            response.headers_mut().insert(header::CONTENT_LENGTH, ANSWER.len().into());
            respond(response)
        }),
        ("the exact size is reached", || respond(json(Script::new([answer()]).declaring_length()))),
        ("trailers", || respond(json(Script::new([answer(), trailers(&[("x-end", "1")])])))),
        ("many frames", || {
            let frames = ANSWER.as_bytes().chunks(7).map(Bytes::from_static).map(Step::Data);
            respond(json(Script::new(frames)))
        }),
    ];
    let mut rows = vec![
        Row::new(
            "an event, then None",
            call,
            || respond(sse(Script::new([data(event(ANSWER))]))),
            answered(),
        ),
        Row::new("no answer", call, || respond(sse(Script::new([data(": x\n\n")]))), none()),
    ];
    for (name, act) in responses {
        rows.push(Row::new(name, ask, act, plain(200)));
        rows.push(Row::new(name, call, act, answered()));
    }
    rows
}

/// Exchanges in which something fails.
fn broken() -> Vec<Row> {
    vec![
        Row::new("body error", ask, || respond(json(Script::new([Step::Error]))), torn(200)),
        Row::new(
            "body error after data",
            call,
            || respond(json(Script::new([data("{"), Step::Error]))),
            Account { method: "tools/call", ..torn(200) },
        ),
        Row::new("service error", ask, || Act::Fail, torn(499)),
        Row::new(
            "service error, of a call",
            call,
            || Act::Fail,
            Account { method: "tools/call", ..torn(499) },
        ),
    ]
}

/// Exchanges whose client leaves.
fn left_alone() -> Vec<Row> {
    let stream: fn() -> Act = || respond(sse(Script::new([data(": x\n\n"), Step::Wait])));
    vec![
        Row::new("left", ask, || Act::Hang, gone("none", 499)).client(LeavesBeforeHead),
        Row::new("left call", call, || Act::Hang, gone("tools/call", 499)).client(LeavesBeforeHead),
        Row::new("left session", legacy, || Act::Hang, detached(499)).client(LeavesBeforeHead),
        Row::new("left modern", modern, || Act::Hang, gone("tools/call", 499))
            .client(LeavesBeforeHead),
        Row::new(
            "left midway",
            ask,
            || respond(json(Script::new([data("1"), Step::Wait]))),
            gone("none", 200),
        )
        .client(LeavesMidway),
        Row::new("left call midway", call, stream, gone("tools/call", 200)).client(LeavesMidway),
        Row::new("left session midway", legacy, stream, detached(200)).client(LeavesMidway),
    ]
}

/// Exchanges in which something panics, with nothing to catch it but the task.
fn panicked() -> Vec<Row> {
    vec![
        Row::new("panic in call", ask, || Act::PanicInCall, failed_plain(499)).panics(),
        Row::new("panic in poll", call, || Act::PanicInPoll, failed(499)).panics(),
        Row::new(
            "panic in the body",
            call,
            || respond(json(Script::new([data("{"), Step::Panic]))),
            failed(200),
        )
        .panics(),
    ]
}

fn ask() -> Request<Full<Bytes>> {
    get(Full::default())
}

fn call() -> Request<Full<Bytes>> {
    post(Full::from(CALL))
}

fn legacy() -> Request<Full<Bytes>> {
    let mut request = call();
    request.headers_mut().insert("mcp-session-id", "1".parse().unwrap());
    request.headers_mut().insert("mcp-protocol-version", "2025-11-25".parse().unwrap());
    request
}

/// A modern request has no session, whatever its headers say.
fn modern() -> Request<Full<Bytes>> {
    let mut request = legacy();
    request.headers_mut().insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
    request
}

fn head() -> Request<Full<Bytes>> {
    let mut request = ask();
    *request.method_mut() = Method::HEAD;
    request
}

fn upgrade() -> Request<Full<Bytes>> {
    let mut request = ask();
    request.headers_mut().insert("connection", "upgrade".parse().unwrap());
    request.headers_mut().insert("upgrade", "echo".parse().unwrap());
    request
}

fn connect() -> Request<Full<Bytes>> {
    Request::connect("localhost:1").body(Full::default()).unwrap()
}

fn respond(response: Response<Script>) -> Act {
    Act::Respond(response)
}

fn status(status: u16, body: Script) -> Act {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if status == 101 {
        response.headers_mut().insert("connection", "upgrade".parse().unwrap());
        response.headers_mut().insert("upgrade", "echo".parse().unwrap());
    }
    respond(response)
}

fn answer() -> Step {
    data(ANSWER)
}

fn plain(status: u16) -> Account {
    Account { method: "none", outcome: "success", status }
}

fn answered() -> Account {
    Account { method: "tools/call", outcome: "success", status: 200 }
}

fn none() -> Account {
    Account { method: "tools/call", outcome: "no_response", status: 200 }
}

fn torn(status: u16) -> Account {
    Account { method: "none", outcome: "transport_error", status }
}

fn gone(method: &'static str, status: u16) -> Account {
    Account { method, outcome: "cancelled", status }
}

fn detached(status: u16) -> Account {
    Account { method: "tools/call", outcome: "detached", status }
}

fn failed(status: u16) -> Account {
    Account { method: "tools/call", outcome: "server_error", status }
}

fn failed_plain(status: u16) -> Account {
    Account { method: "none", ..failed(status) }
}
