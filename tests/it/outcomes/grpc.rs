//! gRPC over real tonic: the status decides, wherever it stands.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use mcp_telemetry::{
    ObservabilityLayer, TraceContextLayer, context::RequestContext, metrics::McpMetrics,
};
use opentelemetry::trace::Status as SpanStatus;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{
    Code, Status,
    body::Body,
    server::NamedService,
    transport::{self, Server, server::TcpIncoming},
};
use tower::Service;
use tracing::subscriber::DefaultGuard;

use crate::{
    lines::Lines,
    support::{Client, Page, Protocol, Script, Step, data, store, until, within},
};

/// The experimental MCP service, as far as the wire shows. It does what the request's headers say.
#[derive(Clone)]
struct Mcp;

impl NamedService for Mcp {
    const NAME: &'static str = "model_context_protocol.Mcp";
}

/// A gRPC message of no bytes.
const MESSAGE: &[u8] = &[0; 5];

impl Service<Request<Body>> for Mcp {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (head, _) = request.into_parts();
        // Which tool it is only the handler knows, from the message.
        RequestContext::from_parts(&head).unwrap().set_tool("echo");
        ready(Ok(respond(&head.headers)))
    }
}

fn respond(asked: &HeaderMap) -> Response<Body> {
    let of = |name: &str| asked.get(name).map(|value| value.to_str().unwrap());
    let end = ["grpc-status", "mcp-error-code"].into_iter().filter_map(|name| {
        Some((HeaderName::from_static(name), asked.get(format!("x-{name}"))?.clone()))
    });
    let response = Response::builder().header("content-type", "application/grpc");
    let script = |last: Vec<Step>| {
        let messages = of("x-messages").map_or(1, |number| number.parse().unwrap());
        let messages = (0..messages).flat_map(|_| [data(MESSAGE), Step::Yield]);
        Body::new(Script::new(messages.chain(last)))
    };
    match of("x-form") {
        Some("head") => {
            let mut response = response.body(Body::empty()).unwrap();
            response.headers_mut().extend(end.map(|(name, value)| (Some(name), value)));
            response
        }
        Some("none") => response.body(script(Vec::new())).unwrap(),
        Some("torn") => response.body(script(vec![Step::Error])).unwrap(),
        Some("stays open") => response.body(script(vec![Step::Wait])).unwrap(),
        Some("tonic") => {
            let code: i32 = of("x-grpc-status").unwrap().parse().unwrap();
            Status::new(Code::from(code), "as it was told").into_http()
        }
        _ => response.body(script(vec![Step::Trailers(end.collect())])).unwrap(),
    }
}

/// A server of tonic under the layer.
struct App {
    metrics: McpMetrics,
    lines: Lines,
    /// How many of them were looked at.
    told: usize,
    _capturing: DefaultGuard,
    exporter: InMemorySpanExporter,
    client: Client,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), transport::Error>>,
}

impl App {
    async fn start() -> Self {
        let metrics = store();
        let (lines, capturing) = Lines::capture("mcp_telemetry::access=debug");
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let tracing = TraceContextLayer::new().tracer_provider(provider);
        let layer = ObservabilityLayer::new().metrics(metrics.clone()).trace_context(&tracing);
        let (_, health) = tonic_health::server::health_reporter();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::builder()
            .layer(layer)
            .add_service(Mcp)
            .add_service(health)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener), async { _ = stopped.await });
        let server = tokio::spawn(server);
        let client = Client::connect(Protocol::Http2, address).await;
        Self { metrics, lines, told: 0, _capturing: capturing, exporter, client, stop, server }
    }

    async fn stop(self) {
        self.client.leave().await;
        self.stop.send(()).unwrap();
        within("tonic ends", self.server).await.unwrap().unwrap();
    }

    async fn ask(&mut self, path: &str, headers: &[(&'static str, &str)]) -> Response<Incoming> {
        let mut request = Request::post(path)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::<Bytes>::from(MESSAGE))
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        self.client.send(request).await.unwrap()
    }

    /// Sends a request, reads the response to its end or to its error, and compares what is told of it.
    async fn check(&mut self, path: &str, headers: &[(&'static str, &str)], end: &End) {
        let before = Page::of(&self.metrics);
        let response = self.ask(path, headers).await;
        let _whole_or_not = response.into_body().collect().await;
        self.assert_ended(&before, end, &format!("{path} {headers:?}")).await;
    }

    async fn assert_ended(&mut self, before: &Page, end: &End, what: &str) {
        until(what, || self.lines.of_exchanges().len() > self.told).await;
        let now = Page::of(&self.metrics);
        let (method, outcome) = (end.method, end.outcome);
        let operation = format!("{method} {outcome}");
        assert_eq!(now.risen(before, "mcp_operations_total"), [operation], "{what}");
        let requests = now.risen(before, "mcp_requests_total");
        assert!(matches!(&requests[..], [one] if one.ends_with(" 200")), "{what}: {requests:?}");
        let calls = now.risen(before, "mcp_tool_calls_total");
        let expected = match outcome {
            _ if method != "tools/call" => Vec::new(),
            "success" | "input_required" => vec!["success echo".to_owned()],
            "cancelled" => vec!["cancelled cancelled echo".to_owned()],
            outcome => vec![format!("{outcome} error echo")],
        };
        assert_eq!(calls, expected, "{what}");
        now.assert_idle(what);

        let lines = self.lines.of_exchanges();
        let [line] = &lines[self.told..] else { panic!("{what}: one line: {lines:#?}") };
        self.told += 1;
        let of = |key: &str| line["extra"][key].clone();
        let level = match outcome {
            "server_error" | "transport_error" => "ERROR",
            "timeout" => "WARN",
            _ => "INFO",
        };
        assert_eq!(line["level"], level, "{what}: {line}");
        assert_eq!(of("outcome"), outcome, "{what}: {line}");
        assert_eq!(of("reason"), Value::from(end.reason), "{what}: {line}");
        assert_eq!(of("jsonrpc_code"), Value::from(end.code), "{what}: {line}");
        let is_call = method == "tools/call";
        assert_eq!(of("tool"), Value::from(is_call.then_some("echo")), "{what}: {line}");

        let spans = self.exporter.get_finished_spans().unwrap();
        self.exporter.reset();
        let [span] = &spans[..] else { panic!("{what}: one span: {spans:#?}") };
        let status = attribute(span, "rpc.response.status_code");
        assert_eq!(status.as_deref(), end.status, "{what}: {span:?}");
        let error = attribute(span, "error.type");
        assert_eq!(error.as_deref(), end.error, "{what}: {span:?}");
        let is_error = matches!(span.status, SpanStatus::Error { .. });
        assert_eq!(is_error, end.error.is_some(), "{what}: {span:?}");
        if is_call {
            assert_eq!(span.name, "tools/call echo", "{what}");
            assert_eq!(attribute(span, "gen_ai.tool.name").as_deref(), Some("echo"), "{what}");
        }
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let mut found = span.attributes.iter().filter(|attribute| attribute.key.as_str() == key);
    let value = found.next().map(|attribute| attribute.value.to_string());
    assert!(found.next().is_none(), "{key} is there twice: {:?}", span.attributes);
    value
}

/// What has to be told of a call.
#[derive(Clone, Copy)]
struct End {
    method: &'static str,
    outcome: &'static str,
    reason: Option<&'static str>,
    code: Option<i64>,
    /// `rpc.response.status_code`, and `error.type`.
    status: Option<&'static str>,
    error: Option<&'static str>,
}

/// A call of a tool that ended with a status.
fn call(status: &'static str, outcome: &'static str, error: Option<&'static str>) -> End {
    let reason = Some(status).filter(|_| outcome != "success");
    End { method: "tools/call", outcome, reason, code: None, status: Some(status), error }
}

const CALL_TOOL: &str = "/model_context_protocol.Mcp/CallTool";

/// T43: which codes are errors on the server's side, be they in trailers, or in a head without a body,
/// which is how tonic writes them.
#[tokio::test]
async fn each_status_has_its_outcome_wherever_it_stands() {
    let mut app = App::start().await;
    for (code, name, outcome, is_error) in [
        ("0", "OK", "success", false),
        ("1", "CANCELLED", "cancelled", false),
        ("2", "UNKNOWN", "server_error", true),
        ("3", "INVALID_ARGUMENT", "caller_error", false),
        ("4", "DEADLINE_EXCEEDED", "timeout", true),
        ("5", "NOT_FOUND", "caller_error", false),
        ("6", "ALREADY_EXISTS", "caller_error", false),
        ("7", "PERMISSION_DENIED", "rejected", false),
        ("8", "RESOURCE_EXHAUSTED", "rejected", false),
        ("9", "FAILED_PRECONDITION", "caller_error", false),
        ("10", "ABORTED", "caller_error", false),
        ("11", "OUT_OF_RANGE", "caller_error", false),
        ("12", "UNIMPLEMENTED", "server_error", true),
        ("13", "INTERNAL", "server_error", true),
        ("14", "UNAVAILABLE", "server_error", true),
        ("15", "DATA_LOSS", "server_error", true),
        ("16", "UNAUTHENTICATED", "rejected", false),
    ] {
        let end = call(name, outcome, is_error.then_some(name));
        for form in ["trailers", "head", "tonic"] {
            app.check(CALL_TOOL, &[("x-form", form), ("x-grpc-status", code)], &end).await;
        }
    }
    for garbage in ["17", "99999999999", "-1", "", "zero", "0x0", "0, 13"] {
        let end = call("UNKNOWN", "server_error", Some("UNKNOWN"));
        for form in ["trailers", "head"] {
            app.check(CALL_TOOL, &[("x-form", form), ("x-grpc-status", garbage)], &end).await;
        }
    }
    app.stop().await;
}

/// T43: what ends without a status is not known to have gone well.
#[tokio::test]
async fn a_stream_without_a_status_is_unknown() {
    let mut app = App::start().await;
    let unknown = call("UNKNOWN", "server_error", Some("UNKNOWN"));
    app.check(CALL_TOOL, &[("x-form", "none")], &unknown).await;
    app.check(CALL_TOOL, &[("x-form", "none"), ("x-messages", "0")], &unknown).await;
    app.check(CALL_TOOL, &[("x-form", "trailers")], &unknown).await;
    app.check(CALL_TOOL, &[("x-form", "head")], &unknown).await;
    let torn = End { reason: None, status: None, ..call("", "transport_error", Some("_OTHER")) };
    app.check(CALL_TOOL, &[("x-form", "torn")], &torn).await;
    app.stop().await;
}

#[tokio::test]
async fn a_stream_of_messages_ends_with_its_status() {
    let mut app = App::start().await;
    let status = |code| [("x-messages", "5"), ("x-grpc-status", code)];
    app.check(CALL_TOOL, &status("0"), &call("OK", "success", None)).await;
    let lost = call("DATA_LOSS", "server_error", Some("DATA_LOSS"));
    app.check(CALL_TOOL, &status("15"), &lost).await;
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_has_cancelled() {
    let mut app = App::start().await;
    let before = Page::of(&app.metrics);
    let mut response = app.ask(CALL_TOOL, &[("x-form", "stays open")]).await;
    response.frame().await.unwrap().unwrap();
    drop(response);
    let end = End { reason: Some("aborted"), status: None, ..call("", "cancelled", None) };
    app.assert_ended(&before, &end, "it leaves").await;
    app.stop().await;
}

/// MCP servers put the code of JSON-RPC beside the status, which says more.
#[tokio::test]
async fn a_json_rpc_code_beside_the_status_decides() {
    let mut app = App::start().await;
    for (status, name, code, outcome, error) in [
        ("3", "INVALID_ARGUMENT", "-32602", "caller_error", None),
        ("12", "UNIMPLEMENTED", "-32601", "caller_error", None),
        ("13", "INTERNAL", "-32603", "server_error", Some("-32603")),
        ("3", "INVALID_ARGUMENT", "-32042", "input_required", None),
    ] {
        for form in ["trailers", "head"] {
            let headers = [("x-form", form), ("x-grpc-status", status), ("x-mcp-error-code", code)];
            let number = Some(code.parse().unwrap());
            let end = End { reason: Some(code), code: number, ..call(name, outcome, error) };
            app.check(CALL_TOOL, &headers, &end).await;
        }
    }
    for garbage in ["x", "", "1e3", "99999999999999999999"] {
        let headers = [("x-grpc-status", "13"), ("x-mcp-error-code", garbage)];
        let end = call("INTERNAL", "server_error", Some("INTERNAL"));
        app.check(CALL_TOOL, &headers, &end).await;
    }
    app.stop().await;
}

/// The path names the method, if it is one of those that are served as MCP.
#[tokio::test]
async fn paths_of_mcp_are_methods_and_others_are_none() {
    let mut app = App::start().await;
    let ok = call("OK", "success", None);
    for (procedure, method) in [
        ("ListTools", "tools/list"),
        ("ReadResource", "resources/read"),
        ("ListResources", "resources/list"),
        ("ListResourceTemplates", "resources/templates/list"),
        ("GetPrompt", "prompts/get"),
        ("ListPrompts", "prompts/list"),
        ("Complete", "completion/complete"),
        // Not of that service, or of none.
        ("Initialize", "none"),
        ("calltool", "none"),
        ("CallTool/", "none"),
    ] {
        let path = format!("/model_context_protocol.Mcp/{procedure}");
        app.check(&path, &[("x-grpc-status", "0")], &End { method, ..ok }).await;
    }
    // tonic's own services, and what it says of those that it does not have.
    let none = |status, outcome, error| End { method: "none", ..call(status, outcome, error) };
    let health = "/grpc.health.v1.Health/Check";
    app.check(health, &[], &none("OK", "success", None)).await;
    let unserved = none("UNIMPLEMENTED", "server_error", Some("UNIMPLEMENTED"));
    app.check("/turbo.Other/Call", &[], &unserved).await;
    app.stop().await;
}
