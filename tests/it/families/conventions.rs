//! The families of the conventions, over the wire: what each exchange is labelled with, and with nothing
//! more.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{MetricsLayer, metrics::McpMetrics};
use tower::{Layer, ServiceExt};

use crate::support::{
    ANSWER, Act, Boxed, CALL, Client, Page, Plan, Protocol, Script, Server, Step, data, event, get,
    handler, json, post, sse, trailers, until,
};

const REQUESTS: &str = "http_server_request_duration_seconds_count";
const ACTIVE: &str = "http_server_active_requests";
const OPERATIONS: &str = "mcp_server_operation_duration_seconds_count";
const CALLS: &str = "rpc_server_call_duration_seconds_count";

/// Labels and their values. An empty value is no label.
type Labels<'a> = &'a [(&'a str, &'a str)];

/// A good call over HTTP/1.1, as a request.
const REQUEST: Labels<'_> = &[
    ("http_request_method", "POST"),
    ("http_response_status_code", "200"),
    ("http_route", "/mcp"),
    ("network_protocol_version", "1.1"),
    ("url_scheme", "http"),
];

/// The same as an operation. Who names no revision speaks the last one that has no header for it.
const OPERATION: Labels<'_> = &[
    ("gen_ai_operation_name", "execute_tool"),
    ("gen_ai_tool_name", "echo"),
    ("mcp_method_name", "tools/call"),
    ("mcp_protocol_version", "2025-03-26"),
    ("network_protocol_name", "http"),
    ("network_protocol_version", "1.1"),
    ("network_transport", "tcp"),
];

fn conventions() -> McpMetrics {
    let builder = McpMetrics::builder().tools(["echo"]).prompts(["hi"]).routes(["/mcp"]);
    let builder = builder.semantic_conventions(true).http_conventions(true).network_labels(true);
    builder.build().unwrap()
}

/// One exchange, and what is different about it from a good call.
struct Row {
    name: &'static str,
    asks: Request<Full<Bytes>>,
    act: Act,
    request: Labels<'static>,
    /// `None` if it is no operation to the convention.
    operation: Option<Labels<'static>>,
}

fn row(
    name: &'static str,
    asks: Request<Full<Bytes>>,
    act: Act,
    request: Labels<'static>,
    operation: Option<Labels<'static>>,
) -> Row {
    Row { name, asks, act, request, operation }
}

fn call() -> Request<Full<Bytes>> {
    post(Full::from(CALL))
}

fn call_with(header: &'static str, value: &'static str) -> Request<Full<Bytes>> {
    let mut call = call();
    call.headers_mut().insert(header, value.parse().unwrap());
    call
}

fn call_by(version: Version) -> Request<Full<Bytes>> {
    let mut call = call();
    *call.version_mut() = version;
    call
}

fn call_to(uri: &'static str) -> Request<Full<Bytes>> {
    let mut call = call();
    *call.uri_mut() = Uri::from_static(uri);
    call
}

fn bare(method: &str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri("/mcp").body(Full::default()).unwrap()
}

fn answers(answer: &'static str) -> Act {
    Act::Respond(json(Script::new([data(answer)])))
}

fn status(status: u16) -> Act {
    let mut response = Response::new(Script::new([data("no")]));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Act::Respond(response)
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn rows() -> Vec<Row> {
    const FAILED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true}}"#;
    const BROKEN: &str = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":""}}"#;
    const REFUSED: &str = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":""}}"#;
    const PROMPT: &str =
        r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"hi"}}"#;
    const NOTIFICATION: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let good = || answers(ANSWER);
    vec![
        row("a good call", call(), good(), &[], Some(&[])),
        // The client's scheme is what a proxy says, else that of the URI.
        row(
            "TLS that ends at a proxy",
            call_with("x-forwarded-proto", "https"),
            good(),
            &[("url_scheme", "https")],
            Some(&[]),
        ),
        row(
            "TLS by the URI",
            call_to("https://example.com/mcp"),
            good(),
            &[("url_scheme", "https")],
            Some(&[]),
        ),
        // T30: `2`, not `2.0`.
        row(
            "HTTP/1.0",
            call_by(Version::HTTP_10),
            good(),
            &[("network_protocol_version", "1.0")],
            Some(&[("network_protocol_version", "1.0")]),
        ),
        row(
            "HTTP/2",
            call_by(Version::HTTP_2),
            good(),
            &[("network_protocol_version", "2")],
            Some(&[("network_protocol_version", "2")]),
        ),
        row(
            "HTTP/3",
            call_by(Version::HTTP_3),
            good(),
            &[("network_protocol_version", "3")],
            Some(&[("network_protocol_version", "3"), ("network_transport", "quic")]),
        ),
        row(
            "a revision in the head",
            call_with("mcp-protocol-version", "2025-11-25"),
            good(),
            &[],
            Some(&[("mcp_protocol_version", "2025-11-25")]),
        ),
        // D2: a result, and a failure all the same.
        row("isError", call(), answers(FAILED), &[], Some(&[("error_type", "tool_error")])),
        row(
            "a code that is the server's",
            call(),
            answers(BROKEN),
            &[],
            Some(&[("error_type", "-32603"), ("rpc_response_status_code", "-32603")]),
        ),
        row(
            "a code that is the caller's",
            call(),
            answers(REFUSED),
            &[],
            Some(&[("rpc_response_status_code", "-32602")]),
        ),
        row(
            "a status that is the server's",
            call(),
            status(503),
            &[("error_type", "503"), ("http_response_status_code", "503")],
            Some(&[("error_type", "503")]),
        ),
        row(
            "a timeout",
            call(),
            status(504),
            &[("error_type", "504"), ("http_response_status_code", "504")],
            Some(&[("error_type", "timeout")]),
        ),
        row(
            "a status that is the caller's",
            call(),
            status(401),
            &[("http_response_status_code", "401")],
            Some(&[]),
        ),
        row("no answer", call(), answers("{}"), &[], Some(&[("error_type", "_OTHER")])),
        // The head was good. An error is what became of it.
        row(
            "a body that breaks off",
            call(),
            Act::Respond(json(Script::new([data("{"), Step::Error]))),
            &[("error_type", "_OTHER")],
            Some(&[("error_type", "_OTHER")]),
        ),
        row(
            "a body that breaks off after the answer",
            call(),
            Act::Respond(sse(Script::new([data(event(ANSWER)), Step::Error]))),
            &[("error_type", "_OTHER")],
            Some(&[]),
        ),
        row(
            "a stream that breaks off",
            get(Full::default()),
            Act::Respond(sse(Script::new([data(event("{}")), Step::Error]))),
            &[("http_request_method", "GET"), ("error_type", "_OTHER")],
            None,
        ),
        row(
            "no head, by a panic",
            call(),
            Act::PanicInPoll,
            &[("error_type", "_OTHER"), ("http_response_status_code", "")],
            Some(&[("error_type", "panic")]),
        ),
        row(
            "a body that panics",
            call(),
            Act::Respond(json(Script::new([data("{"), Step::Panic]))),
            &[("error_type", "_OTHER")],
            Some(&[("error_type", "panic")]),
        ),
        row(
            "no head, by an error",
            call(),
            Act::Fail,
            &[("error_type", "_OTHER"), ("http_response_status_code", "")],
            Some(&[("error_type", "_OTHER")]),
        ),
        row(
            "no head, since the client has left",
            call(),
            Act::Hang,
            &[("http_response_status_code", "")],
            Some(&[]),
        ),
        row(
            "a prompt",
            post(Full::from(PROMPT)),
            good(),
            &[],
            Some(&[
                ("gen_ai_operation_name", ""),
                ("gen_ai_tool_name", ""),
                ("gen_ai_prompt_name", "hi"),
                ("mcp_method_name", "prompts/get"),
            ]),
        ),
        row(
            "a notification",
            post(Full::from(NOTIFICATION)),
            status(202),
            &[("http_response_status_code", "202")],
            Some(&[
                ("gen_ai_operation_name", ""),
                ("gen_ai_tool_name", ""),
                ("mcp_method_name", "notifications/initialized"),
            ]),
        ),
        row(
            "a stream",
            get(Full::default()),
            Act::Respond(sse(Script::new([data(event("{}"))]))),
            &[("http_request_method", "GET")],
            None,
        ),
        row(
            "an unheard-of method",
            bare("BREW"),
            status(405),
            &[("http_request_method", "_OTHER"), ("http_response_status_code", "405")],
            None,
        ),
        // What is no route is none to the convention.
        row(
            "a path that is no route",
            call_to("/elsewhere"),
            status(404),
            &[("http_response_status_code", "404"), ("http_route", "")],
            Some(&[]),
        ),
    ]
}

/// The labels of a good call with these changes, as a page shows them.
fn shown(good: Labels<'_>, changes: Labels<'_>) -> String {
    let unchanged = |(name, _): &&(&str, &str)| changes.iter().all(|(changed, _)| changed != name);
    let labels =
        good.iter().filter(unchanged).chain(changes).filter(|(_, value)| !value.is_empty());
    let mut labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    labels.sort_unstable();
    labels.join(" ")
}

/// All that happens without waiting, up to the end of the response. Who then still waits is let go.
fn exchange(metrics: &McpMetrics, asks: Request<Full<Bytes>>, act: Act) {
    let service = MetricsLayer::with_metrics(metrics.clone()).layer(Plan::new([act]));
    let reading = async {
        if let Ok(response) = service.oneshot(asks).await {
            let mut body = response.into_body();
            while body.frame().await.is_some() {}
        }
    };
    // A panic is an ending as well.
    _ = catch_unwind(AssertUnwindSafe(|| reading.now_or_never()));
}

/// T30: scheme, version, status and error are those of the exchange, and nothing else is shown.
#[test]
fn each_exchange_has_the_labels_of_the_conventions() {
    for Row { name, asks, act, request, operation } in rows() {
        let metrics = conventions();
        exchange(&metrics, asks, act);
        let page = Page::of(&metrics);
        let request = shown(REQUEST, request);
        assert_eq!(page.series(REQUESTS), [(request.clone(), 1)], "{name}");
        let operation = operation.map(|changes| (shown(OPERATION, changes), 1));
        assert_eq!(page.series(OPERATIONS), Vec::from_iter(operation), "{name}");
        // It was active under what is known at its beginning, and is so no more.
        let known = |label: &&str| {
            label.starts_with("http_request_method") || label.starts_with("url_scheme")
        };
        let active: Vec<_> = request.split(' ').filter(known).collect();
        assert_eq!(page.series(ACTIVE), [(active.join(" "), 0)], "{name}");
        assert_eq!(page.series(CALLS), [], "{name}: no gRPC");
    }
}

/// The same of real servers, which know the version by the connection.
#[tokio::test]
async fn the_version_is_that_of_the_connection() {
    for (protocol, version) in [(Protocol::Http1, "1.1"), (Protocol::Http2, "2")] {
        let metrics = conventions();
        let service = handler(async |request: Request<Boxed>| {
            request.into_body().collect().await.unwrap();
            Ok::<_, std::convert::Infallible>(json(Script::new([data(ANSWER)])))
        });
        let layer = MetricsLayer::with_metrics(metrics.clone());
        let server = Server::start(protocol, layer.layer(service)).await;
        let mut client = Client::connect(protocol, server.address).await;
        let response = client.send(call()).await.unwrap();
        response.into_body().collect().await.unwrap();
        until("it is counted", || Page::of(&metrics).count(REQUESTS, &[]) == 1).await;
        let page = Page::of(&metrics);
        let version = &[("network_protocol_version", version)];
        assert_eq!(page.series(REQUESTS), [(shown(REQUEST, version), 1)], "{protocol:?}");
        assert_eq!(page.series(OPERATIONS), [(shown(OPERATION, version), 1)], "{protocol:?}");
        client.leave().await;
        server.stop().await;
    }
}

/// A good call of gRPC.
const RPC: Labels<'_> = &[
    ("rpc_method", "demo.Demo/Do"),
    ("rpc_response_status_code", "OK"),
    ("rpc_system_name", "grpc"),
];

fn rpc(path: &'static str) -> Request<Full<Bytes>> {
    let request = Request::post(path).version(Version::HTTP_2);
    request.header("content-type", "application/grpc").body(Full::from(&[0; 5][..])).unwrap()
}

fn replies(steps: impl IntoIterator<Item = Step>) -> Act {
    let response = Response::builder().header("content-type", "application/grpc");
    Act::Respond(response.body(Script::new(steps)).unwrap())
}

fn ends(status: &'static str) -> Act {
    replies([data(&[0; 5][..]), trailers(&[("grpc-status", status)])])
}

/// The status of a call decides, wherever it stands. A method is known by a call of it that succeeded.
#[test]
fn a_call_of_grpc_has_its_method_and_status() {
    let unavailable = || {
        let response = Response::builder().header("content-type", "application/grpc");
        let response = response.header("grpc-status", "14").body(Script::new([]).reporting_end());
        Act::Respond(response.unwrap())
    };
    let unknown = &[("error_type", "UNKNOWN"), ("rpc_response_status_code", "UNKNOWN")];
    let rows: [(&str, Act, &str, Labels<'_>); 6] = [
        (
            "a caller's fault",
            ends("5"),
            "/demo.Demo/Do",
            &[("rpc_response_status_code", "NOT_FOUND")],
        ),
        (
            "a server's fault",
            ends("13"),
            "/demo.Demo/Do",
            &[("error_type", "INTERNAL"), ("rpc_response_status_code", "INTERNAL")],
        ),
        (
            "in the head",
            unavailable(),
            "/demo.Demo/Do",
            &[("error_type", "UNAVAILABLE"), ("rpc_response_status_code", "UNAVAILABLE")],
        ),
        ("nowhere", replies([data(&[0; 5][..])]), "/demo.Demo/Do", unknown),
        (
            "torn",
            replies([data(&[0; 5][..]), Step::Error]),
            "/demo.Demo/Do",
            &[("error_type", "_OTHER"), ("rpc_response_status_code", "")],
        ),
        // T27: a method that nobody has is not learned.
        (
            "a method that is made up",
            ends("12"),
            "/demo.Demo/MadeUp",
            &[
                ("error_type", "UNIMPLEMENTED"),
                ("rpc_method", "_OTHER"),
                ("rpc_response_status_code", "UNIMPLEMENTED"),
            ],
        ),
    ];
    for (name, act, path, changes) in rows {
        let metrics = conventions();
        exchange(&metrics, rpc("/demo.Demo/Do"), ends("0"));
        exchange(&metrics, rpc(path), act);
        let page = Page::of(&metrics);
        let mut expected = [(shown(RPC, &[]), 1), (shown(RPC, changes), 1)];
        expected.sort_unstable();
        assert_eq!(page.series(CALLS), expected, "{name}");
        assert_eq!(page.series(OPERATIONS), [], "{name}: it is none of MCP's");
    }
}

/// T29: the path that axum's router has matched is the route.
#[cfg(feature = "axum")]
#[tokio::test]
async fn the_route_is_the_path_that_a_router_has_matched() {
    use axum::{Router, body::Body, routing::get};
    for (shows, route) in [(true, "/users/{name}"), (false, "")] {
        let metrics = conventions();
        let layer = MetricsLayer::with_metrics(metrics.clone()).matched_path(shows);
        let app = Router::new().route("/users/{name}", get(async || "here")).layer(layer);
        let request = Request::get("/users/ada").body(Body::empty()).unwrap();
        app.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        let labels = [("http_request_method", "GET"), ("http_route", route)];
        assert_eq!(Page::of(&metrics).series(REQUESTS), [(shown(REQUEST, &labels), 1)]);
    }
}
