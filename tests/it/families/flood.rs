//! What a client makes up changes nothing but counts.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{ObservabilityLayer, metrics::McpMetrics};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        GetPromptRequestParams, GetPromptResponse, ReadResourceRequestParams, ReadResourceResponse,
    },
    service::RequestContext,
    tool, tool_handler, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use tokio::net::TcpListener;

use crate::support::{Client, Page, Protocol, within};

#[derive(Clone)]
struct Demo;

#[tool_router]
impl Demo {
    #[tool(description = "Say it again")]
    async fn echo(&self) -> String {
        "again".to_owned()
    }
}

/// It has one tool, and knows no prompt and no resource that is asked for.
#[tool_handler]
impl ServerHandler for Demo {
    async fn get_prompt(
        &self,
        _: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Err(ErrorData::invalid_params("no such prompt", None))
    }

    async fn read_resource(
        &self,
        _: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Err(ErrorData::resource_not_found("no such resource", None))
    }
}

/// How many of each kind.
const EACH: usize = 10_000;

/// A good call comes after so many bad ones.
const BESIDE: usize = 50;

/// The ways in which a name is hostile, in turn.
const WAYS: usize = 5;

/// A name that nobody else has, as it stands in JSON.
fn name(number: usize) -> Vec<u8> {
    match number % WAYS {
        0 => format!("made_up_{number}").into_bytes(),
        1 => format!("{}{number}", "long".repeat(100)).into_bytes(),
        2 => format!("bell\\u0007line\\n\\\"quote\\\"{number}").into_bytes(),
        3 => format!("\u{5929}\u{6c17}{number}").into_bytes(),
        _ => [b"not \xff text", number.to_string().as_bytes()].concat(),
    }
}

/// Whether a name that is sent so makes the message unreadable: to the server as to us.
fn is_unreadable(number: usize) -> bool {
    number % WAYS == 4
}

fn message(id: usize, method: &[u8], params: &[&[u8]]) -> Vec<u8> {
    let params = params.concat();
    let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":""#).into_bytes();
    [&head[..], method, br#"","params":{"#, &params, b"}}"].concat()
}

/// One that varies everything at once: what it asks for, and path, host, session and client.
fn request(number: usize, kind: Kind) -> Request<Full<Bytes>> {
    let own = name(number);
    let client = [
        &br#""_meta":{"io.modelcontextprotocol/clientInfo":{"name":""#[..],
        &name(number - number % WAYS),
        br#"","version":""#,
        number.to_string().as_bytes(),
        br#""}}"#,
    ]
    .concat();
    let quoted = |key: &str| [format!(r#""{key}":""#).as_bytes(), &own, b"\","].concat();
    let body = match kind {
        Kind::Tool => message(number, b"tools/call", &[&quoted("name"), &client]),
        Kind::Prompt => message(number, b"prompts/get", &[&quoted("name"), &client]),
        Kind::Resource => message(number, b"resources/read", &[&quoted("uri"), &client]),
        Kind::Method => message(number, &own, &[&client]),
    };
    let mut session = format!("session-{number}-").into_bytes();
    session.extend_from_slice(if number % 2 == 0 { b"\xff" } else { b"" });
    Request::post(format!("/mcp/{number}/{}", "p".repeat(number % 30)))
        .header("host", format!("host-{number}.example"))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-session-id", HeaderValue::from_bytes(&session).unwrap())
        .body(Full::from(body))
        .unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Tool,
    Prompt,
    Resource,
    Method,
}

const KINDS: [Kind; 4] = [Kind::Tool, Kind::Prompt, Kind::Resource, Kind::Method];

fn good() -> Request<Full<Bytes>> {
    Request::post("/mcp")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(Full::from(crate::support::CALL))
        .unwrap()
}

/// Sends a share of the flood. Returns how many good calls there were.
async fn flood(address: SocketAddr, numbers: std::ops::Range<usize>) -> usize {
    let mut client = Client::connect(Protocol::Http1, address).await;
    let mut good_calls = 0;
    for number in numbers {
        for kind in KINDS {
            let response = client.send(request(number, kind)).await.unwrap();
            within("its end", response.into_body().collect()).await.unwrap();
        }
        if number % BESIDE == 0 {
            let response = client.send(good()).await.unwrap();
            within("its end", response.into_body().collect()).await.unwrap();
            good_calls += 1;
        }
    }
    client.leave().await;
    good_calls
}

/// Memory of this process that is in use, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// T27: series and memory are bounded whatever is sent, what was made up is counted, and the good
/// calls beside it are exact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_made_up_words_makes_no_series() {
    let metrics = McpMetrics::new();
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts();
    let service: StreamableHttpService<Demo, LocalSessionManager> =
        StreamableHttpService::new(|| Ok(Demo), Arc::default(), config);
    let app = Router::new()
        .fallback_service(service)
        .layer(ObservabilityLayer::new().metrics(metrics.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    // What takes its room once and for all is there after the first fifth.
    let mut good_calls = flood(address, 0..EACH / 5).await;
    #[cfg(target_os = "linux")]
    let before = resident();
    let half = EACH / 5 + EACH * 2 / 5;
    let (one, other) = tokio::join!(
        tokio::spawn(flood(address, EACH / 5..half)),
        tokio::spawn(flood(address, half..EACH)),
    );
    good_calls += one.unwrap() + other.unwrap();
    #[cfg(target_os = "linux")]
    {
        let grown = resident().saturating_sub(before);
        assert!(grown < 4 << 20, "{grown} bytes more after four fifths of the flood");
    }
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled(), "it has not panicked");

    let text = metrics.render();
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    let projected = metrics.projected_series();
    assert!(series < projected, "{series} series, and {projected} were projected");
    for made_up in ["made_up", "longlong", "bell", "\u{5929}", "session-", "host-", "example"] {
        assert!(!text.contains(made_up), "{made_up} is on the page");
    }

    let page = Page::of(&metrics);
    let count =
        |name: &str, labels: &[(&str, &str)]| usize::try_from(page.count(name, labels)).unwrap();
    let readable = (0..EACH).filter(|&number| !is_unreadable(number)).count();
    for kind in ["tool", "prompt", "resource", "method"] {
        assert_eq!(count("mcp_unknown_targets_total", &[("kind", kind)]), readable, "{kind}");
    }
    for label in ["tool_name", "prompt_name", "resource_type", "mcp_method"] {
        let clamped = count("mcp_observability_labels_clamped_total", &[("label", label)]);
        assert_eq!(clamped, readable, "{label}");
    }
    let all = KINDS.len() * EACH + good_calls;
    for total in ["mcp_operations_total", "mcp_requests_total"] {
        assert_eq!(count(total, &[]), all, "{total}");
    }
    for calls in ["mcp_operation_duration_seconds_count", "mcp_request_duration_seconds_count"] {
        assert_eq!(count(calls, &[]), all, "{calls}");
    }
    let unreadable = [("direction", "request"), ("result", "invalid")];
    let invalid = count("mcp_observability_body_inspections_total", &unreadable);
    assert_eq!(invalid, KINDS.len() * (EACH - readable));
    let good = [("tool_name", "echo"), ("status", "success")];
    assert_eq!(count("mcp_tool_calls_total", &good), good_calls);
    assert_eq!(count("mcp_tool_calls_total", &[("tool_name", "echo")]), good_calls);
    assert_eq!(count("mcp_tool_calls_total", &[]), readable + good_calls);
    assert_eq!(count("mcp_client_operations_total", &[]), all, "each is somebody's");
    page.assert_idle("after the flood");
}
