//! What a client makes up changes nothing but counts.
//!
//! A process of its own, since it looks at the memory of the process.
#![allow(clippy::unwrap_used, reason = "what cannot go on in a test has failed it")]

#[allow(dead_code, unused_imports, reason = "only some of it is needed here")]
#[path = "it/support/mod.rs"]
mod support;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::Router;
use http::{HeaderValue, Method, Request};
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

use support::{CALL, Client, Page, Protocol, within};

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

/// One that varies everything at once: what it asks for, and method, path, host, session and client.
fn request(number: usize, kind: Kind) -> Request<Full<Bytes>> {
    let own = name(number);
    let client = [
        &br#""_meta":{"io.modelcontextprotocol/clientInfo":{"name":""#[..],
        &own,
        br#"","version":""#,
        version(number).as_bytes(),
        br#""}}"#,
    ]
    .concat();
    let quoted = |key: &str| [format!(r#""{key}":""#).as_bytes(), &own, b"\","].concat();
    let body = match kind {
        Kind::Tool => message(number, b"tools/call", &[&quoted("name"), &client]),
        Kind::Prompt => message(number, b"prompts/get", &[&quoted("name"), &client]),
        Kind::Resource => message(number, b"resources/read", &[&quoted("uri"), &client]),
        Kind::Method => message(number, &own, &[&client]),
        Kind::Verb => Vec::new(),
    };
    let mut session = format!("session-{number}-").into_bytes();
    session.extend_from_slice(if number % 2 == 0 { b"\xff" } else { b"" });
    Request::builder()
        .method(if kind == Kind::Verb { verb(number) } else { Method::POST })
        .uri(path(number))
        .header("host", format!("host-{number}.example"))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-session-id", HeaderValue::from_bytes(&session).unwrap())
        .body(Full::from(body))
        .unwrap()
}

/// A method of HTTP that nobody else has. Their case counts (RFC 9110, section 9.1).
fn verb(number: usize) -> Method {
    let verb = match number % WAYS {
        0 => format!("MADE_UP_{number}"),
        1 => format!("{}{number}", "LONG".repeat(10)),
        2 => "post".to_owned(),
        3 => format!("post{number}"),
        _ => format!("!#$%&'*+-.^_`|~{number}"),
    };
    Method::from_bytes(verb.as_bytes()).unwrap()
}

fn path(number: usize) -> String {
    // One long word would be an identifier.
    let rest = if is_long(number) { "/word".repeat(20) } else { "p".repeat(number % 30) };
    format!("/mcp/{number}/{rest}")
}

fn is_long(number: usize) -> bool {
    number % WAYS == 1
}

/// A client's version: one that can be shown, one that is too long and one that is odd, in turn.
fn version(number: usize) -> String {
    match number % 3 {
        0 => number.to_string(),
        1 => format!("{}{number}", "1.".repeat(20)),
        _ => format!("1;{number}"),
    }
}

/// What replaces a client's words, and why.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Clamp {
    label: &'static str,
    reason: &'static str,
}

/// The labels of a request that are replaced, beside what it asks for.
fn clamps(number: usize, kind: Kind) -> Vec<Clamp> {
    // No path of these was ever answered by a result, and no client has succeeded in anything.
    let mut clamps = vec![("path", if is_long(number) { "length" } else { "unknown" })];
    if kind == Kind::Verb {
        clamps.push(("method", "unknown"));
    } else if !is_unreadable(number) {
        let client = ["unknown", "length", "charset", "charset"][number % WAYS];
        clamps.push(("client_name", client));
        // The version is looked at only of who could be shown.
        let version = [None, Some("length"), Some("charset")][number % 3];
        let version = version.filter(|_| client == "unknown");
        clamps.extend(version.map(|reason| ("client_version", reason)));
    }
    clamps.into_iter().map(|(label, reason)| Clamp { label, reason }).collect()
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Tool,
    Prompt,
    Resource,
    /// Of JSON-RPC.
    Method,
    /// A method of HTTP.
    Verb,
}

/// Those that carry a message.
const MESSAGES: [Kind; 4] = [Kind::Tool, Kind::Prompt, Kind::Resource, Kind::Method];

fn kinds() -> impl Iterator<Item = Kind> {
    MESSAGES.into_iter().chain([Kind::Verb])
}

fn good() -> Request<Full<Bytes>> {
    Request::post("/mcp")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(Full::from(CALL))
        .unwrap()
}

/// Sends a share of the flood. Returns how many good calls there were.
async fn flood(address: SocketAddr, numbers: std::ops::Range<usize>) -> usize {
    let mut client = Client::connect(Protocol::Http1, address).await;
    let mut good_calls = 0;
    for number in numbers {
        for kind in kinds() {
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
    let builder = McpMetrics::builder().semantic_conventions(true).http_conventions(true);
    let metrics = builder.network_labels(true).build().unwrap();
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
    for made_up in [
        "made_up", "MADE_UP", "longlong", "LONGLONG", "bell", "\u{5929}", "session-", "host-",
        "example",
    ] {
        assert!(!text.contains(made_up), "{made_up} is on the page");
    }

    let page = Page::of(&metrics);
    let count =
        |name: &str, labels: &[(&str, &str)]| usize::try_from(page.count(name, labels)).unwrap();
    let readable = (0..EACH).filter(|&number| !is_unreadable(number)).count();
    for kind in ["tool", "prompt", "resource", "method"] {
        assert_eq!(count("mcp_unknown_targets_total", &[("kind", kind)]), readable, "{kind}");
    }
    let clamped = |labels: &[_]| count("mcp_observability_labels_clamped_total", labels);
    for label in ["tool_name", "prompt_name", "resource_type", "mcp_method"] {
        assert_eq!(clamped(&[("label", label)]), readable, "{label}");
    }
    let mut sent = BTreeMap::new();
    for clamp in (0..EACH).flat_map(|number| kinds().flat_map(move |kind| clamps(number, kind))) {
        *sent.entry(clamp).or_insert(0) += 1;
    }
    for (&Clamp { label, reason }, &times) in &sent {
        assert_eq!(clamped(&[("label", label), ("reason", reason)]), times, "{label} {reason}");
    }
    for label in ["method", "path", "client_name", "client_version"] {
        let of_label = sent.iter().filter(|(clamp, _)| clamp.label == label);
        let times: usize = of_label.map(|(_, times)| times).sum();
        assert_eq!(clamped(&[("label", label)]), times, "{label}, for no other reason");
    }
    let messages = MESSAGES.len() * EACH + good_calls;
    let all = messages + EACH;
    for total in [
        "mcp_operations_total",
        "mcp_operation_duration_seconds_count",
        "mcp_requests_total",
        "mcp_request_duration_seconds_count",
        "http_server_request_duration_seconds_count",
    ] {
        assert_eq!(count(total, &[]), all, "{total}");
    }
    for (label, value, times) in [
        ("method", "POST", messages),
        ("method", "_OTHER", EACH),
        ("path", "/mcp", good_calls),
        ("path", "_OTHER", all - good_calls),
    ] {
        assert_eq!(count("mcp_requests_total", &[(label, value)]), times, "{label} {value}");
    }
    let unreadable = [("direction", "request"), ("result", "invalid")];
    let invalid = count("mcp_observability_body_inspections_total", &unreadable);
    assert_eq!(invalid, MESSAGES.len() * (EACH - readable));
    let good = [("tool_name", "echo"), ("status", "success")];
    assert_eq!(count("mcp_tool_calls_total", &good), good_calls);
    assert_eq!(count("mcp_tool_calls_total", &[("tool_name", "echo")]), good_calls);
    assert_eq!(count("mcp_tool_calls_total", &[]), readable + good_calls);
    assert_eq!(count("mcp_client_operations_total", &[]), all, "each is somebody's");
    page.assert_idle("after the flood");
}
