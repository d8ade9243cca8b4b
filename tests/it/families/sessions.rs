//! Sessions, by what their servers answer.

use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{MetricsLayer, metrics::McpMetrics};
use tower::{Layer, ServiceExt};

use crate::support::{
    ANSWER, Act, CALL, Page, Plan, Script, Step, data, event, get, json as in_json, post, sse,
};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{
    "protocolVersion":"2025-11-25","capabilities":{},
    "clientInfo":{"name":"claude-code","version":"2.0"}}}"#;

type Sent = Request<Full<Bytes>>;

/// Sends a request that is answered so, and gives the body of the response, as far as it was not read.
async fn send(
    metrics: &McpMetrics,
    request: Sent,
    response: Response<Script>,
) -> impl Body<Data = Bytes> + Unpin {
    let plan = Plan::new([Act::Respond(response)]);
    let service = MetricsLayer::with_metrics(metrics.clone()).layer(plan);
    service.oneshot(request).await.unwrap().into_body()
}

async fn exchange(metrics: &McpMetrics, request: Sent, response: Response<Script>) {
    let mut body = send(metrics, request, response).await;
    while body.frame().await.is_some() {}
}

/// Lets a server give out the session `one`.
async fn open_session(metrics: &McpMetrics) {
    let mut response = answer(ANSWER);
    response.headers_mut().insert("mcp-session-id", "one".parse().unwrap());
    exchange(metrics, post(Full::from(INITIALIZE)), response).await;
}

fn answer(text: &'static str) -> Response<Script> {
    in_json(Script::new([data(text)]))
}

fn status(status: StatusCode) -> Response<Script> {
    let mut response = Response::new(Script::new([]));
    *response.status_mut() = status;
    response
}

fn in_session(mut request: Sent) -> Sent {
    request.headers_mut().insert("mcp-session-id", "one".parse().unwrap());
    request
}

fn delete() -> Sent {
    Request::delete("/mcp").body(Full::default()).unwrap()
}

fn events(page: &Page) -> [u64; 5] {
    ["created", "terminated", "expired", "rejected", "unknown"]
        .map(|event| page.count("mcp_session_events_total", &[("event", event)]))
}

/// Many clients only listen, for hours.
#[tokio::test]
async fn a_session_that_listens_does_not_expire() {
    let idle = Duration::from_millis(1);
    let metrics = McpMetrics::builder().session_idle(idle).build().unwrap();
    open_session(&metrics).await;
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    let stream = sse(Script::new([data(event(notification)), Step::Wait]));
    let mut stream = send(&metrics, in_session(get(Full::default())), stream).await;
    stream.frame().await.unwrap().ok().unwrap();
    tokio::time::sleep(20 * idle).await;
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_sessions_active", &[]), 1);
    assert_eq!(page.count("mcp_sessions_oldest_idle_seconds", &[]), 0);

    exchange(&metrics, in_session(post(Full::from(CALL))), answer(ANSWER)).await;
    let client = [("client_name", "claude-code")];
    assert_eq!(Page::of(&metrics).count("mcp_client_operations_total", &client), 3);
    exchange(&metrics, in_session(delete()), status(StatusCode::ACCEPTED)).await;
    drop(stream);
    let page = Page::of(&metrics);
    assert_eq!(events(&page), [1, 1, 0, 0, 0]);
    assert_eq!(page.count("mcp_sessions_active", &[]), 0);
}

#[tokio::test]
async fn a_session_whose_stream_has_ended_may_expire() {
    let idle = Duration::from_millis(1);
    let metrics = McpMetrics::builder().session_idle(idle).build().unwrap();
    open_session(&metrics).await;
    let stream = sse(Script::new([Step::Wait]));
    drop(send(&metrics, in_session(get(Full::default())), stream).await);
    tokio::time::sleep(20 * idle).await;
    assert_eq!(events(&Page::of(&metrics)), [1, 0, 1, 0, 0]);
}

/// A server ends idle sessions itself, and its clients come back with a 404.
#[tokio::test]
async fn a_session_that_its_server_does_not_know_any_more_is_over() {
    for request in [post(Full::from(CALL)), get(Full::default()), delete()] {
        let metrics = McpMetrics::new();
        open_session(&metrics).await;
        let what = request.method().clone();
        for request in [request.clone(), request].map(in_session) {
            exchange(&metrics, request, status(StatusCode::NOT_FOUND)).await;
        }
        let page = Page::of(&metrics);
        assert_eq!(events(&page), [1, 0, 1, 0, 2], "{what}");
        assert_eq!(page.count("mcp_sessions_active", &[]), 0, "{what}");
        assert_eq!(page.count("mcp_session_duration_seconds_count", &[]), 1, "{what}");
    }
}

#[tokio::test]
async fn what_else_is_not_found_leaves_the_session_alone() {
    let refused = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}"#;
    let not_found = || status(StatusCode::NOT_FOUND);
    let mut answered = answer(refused);
    *answered.status_mut() = StatusCode::NOT_FOUND;
    let get = |accept| Request::get("/items").header("accept", accept);
    for (request, response) in [
        (get("*/*").body(Full::default()).unwrap(), not_found()),
        (Request::put("/items").body(Full::default()).unwrap(), not_found()),
        (post(Full::from("{}")), not_found()),
        (post(Full::from("name=value")), not_found()),
        (post(Full::from(CALL)), answered),
    ] {
        let metrics = McpMetrics::new();
        open_session(&metrics).await;
        let what = format!("{request:?}");
        exchange(&metrics, in_session(request), response).await;
        let page = Page::of(&metrics);
        assert_eq!(page.count("mcp_sessions_active", &[]), 1, "{what}");
        assert_eq!(page.count("mcp_session_events_total", &[("event", "expired")]), 0, "{what}");
    }
}

/// A layer sees all that its server answers, and most servers answer more than MCP.
#[tokio::test]
async fn only_what_needs_a_session_is_rejected_without_one() {
    let to = |method, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri("/mcp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::default()).unwrap()
    };
    let (legacy, modern) =
        (("mcp-protocol-version", "2025-11-25"), ("mcp-protocol-version", "2026-07-28"));
    let stream = ("accept", "text/event-stream");
    for (request, rejected) in [
        (to("GET", &[("accept", "*/*")]), 0),
        (to("GET", &[]), 0),
        (to("GET", &[stream]), 1),
        (to("GET", &[stream, legacy]), 1),
        (to("GET", &[stream, modern]), 0),
        (to("DELETE", &[]), 0),
        (to("DELETE", &[legacy]), 1),
        (to("DELETE", &[modern]), 0),
        (post(Full::from(CALL)), 1),
        (post(Full::from(INITIALIZE)), 0),
    ] {
        let metrics = McpMetrics::new();
        let what = format!("{request:?}");
        exchange(&metrics, request, status(StatusCode::BAD_REQUEST)).await;
        assert_eq!(events(&Page::of(&metrics)), [0, 0, 0, rejected, 0], "{what}");
    }
}
