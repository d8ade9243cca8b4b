//! The tutorial's calling code, carried over: it counts each call once, and what it says counts.

use std::time::{Duration, Instant};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use http_body_util::BodyExt;
use mcp_telemetry::{MetricsLayer, ObservabilityLayer, metrics::McpMetrics};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Page, hold_back, store};

/// How long the tool takes.
const TOOK: Duration = Duration::from_millis(5);

/// How long the server takes after the tool.
const AFTER: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct ToolError;

/// The tutorial's `execute_tool`.
async fn execute_tool(
    metrics: &McpMetrics,
    name: &str,
    arguments: &Value,
) -> Result<String, ToolError> {
    let started = Instant::now();
    let mut status = "success";
    let result = run(arguments).await;
    if result.is_err() {
        status = "error";
    }
    let elapsed = Instant::now().saturating_duration_since(started);
    metrics.record_tool_call(name, status, elapsed);
    result
}

/// The tool: says the text again, and fails without one.
async fn run(arguments: &Value) -> Result<String, ToolError> {
    tokio::task::yield_now().await;
    hold_back(TOOK);
    arguments["text"].as_str().map(ToOwned::to_owned).ok_or(ToolError)
}

/// What an error becomes on the wire.
#[derive(Clone, Copy, Debug)]
enum Raises {
    /// A JSON-RPC error.
    RpcError,
    /// A result with `isError`.
    IsError,
    /// A result as if nothing had happened.
    Nothing,
    /// A status of 500.
    Status,
}

async fn serve(
    State((metrics, raises)): State<(McpMetrics, Raises)>,
    Json(call): Json<Value>,
) -> Response {
    let name = call["params"]["name"].as_str().unwrap();
    let result = execute_tool(&metrics, name, &call["params"]["arguments"]).await;
    hold_back(AFTER);
    let answer = |field: &str, content: Value| {
        Json(json!({ "jsonrpc": "2.0", "id": call["id"], field: content })).into_response()
    };
    match (result, raises) {
        (Ok(text), _) => answer("result", json!({ "content": [{ "type": "text", "text": text }] })),
        (Err(ToolError), Raises::RpcError) => {
            answer("error", json!({ "code": -32603, "message": "no text" }))
        }
        (Err(ToolError), Raises::IsError) => {
            answer("result", json!({ "content": [], "isError": true }))
        }
        (Err(ToolError), Raises::Nothing) => answer("result", json!({ "content": [] })),
        (Err(ToolError), Raises::Status) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn app(metrics: &McpMetrics, raises: Raises) -> Router {
    Router::new().route("/mcp", post(serve)).with_state((metrics.clone(), raises))
}

/// Calls the tool over the app; without a text it fails.
async fn call(app: Router, arguments: Value) {
    let params = json!({ "name": "echo", "arguments": arguments });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let request = Request::post("/mcp").header("content-type", "application/json");
    let response = app.oneshot(request.body(Body::from(call.to_string())).unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap();
}

/// One call is there, of this status and error type, and took as long as the tool took.
#[track_caller]
fn assert_one(page: &Page, status: &str, error_type: Option<&str>, what: &str) {
    assert_eq!(page.count("mcp_tool_calls_total", &[]), 1, "{what}: one call is one call");
    let mut labels = vec![("tool_name", "echo"), ("status", status)];
    labels.extend(error_type.map(|error_type| ("error_type", error_type)));
    assert_eq!(page.count("mcp_tool_calls_total", &labels), 1, "{what}: {labels:?} in {page:?}");
    let of_tool = [("tool_name", "echo")];
    assert_eq!(page.count("mcp_tool_call_duration_seconds_count", &of_tool), 1, "{what}");
    let took = page.sum("mcp_tool_call_duration_seconds_sum", &of_tool);
    assert!(took >= TOOK.as_secs_f64(), "{what}: {took} s is less than the tool took");
    assert_eq!(page.operations(), 1, "{what}: and one operation");
}

/// Inside of a call the layer counts, the tutorial's code adds no second one; the duration is the
/// one that it measured, not that of the whole request.
#[tokio::test]
async fn call_recorded_by_hand_is_counted_once() {
    for layered in layered(Raises::IsError) {
        let (metrics, app) = layered;
        call(app, json!({ "text": "hello" })).await;
        let page = Page::of(&metrics);
        assert_one(&page, "success", None, "success");
        let of_tool = page.sum("mcp_tool_call_duration_seconds_sum", &[("tool_name", "echo")]);
        let of_request = page.sum("mcp_request_duration_seconds_sum", &[]);
        let whole = (TOOK + AFTER).as_secs_f64();
        assert!(of_request >= whole, "the request took {of_request} s");
        let rest = of_request - of_tool;
        assert!(rest >= AFTER.as_secs_f64(), "{of_tool} s is not the tool's own time");
    }
}

/// The error that the tutorial's code reports shows, whatever it becomes on the wire.
#[tokio::test]
async fn error_recorded_by_hand_shows() {
    let cases = [
        (Raises::IsError, "tool_error"),
        (Raises::Nothing, "tool_error"),
        (Raises::RpcError, "server_error"),
        (Raises::Status, "server_error"),
    ];
    for (raises, error_type) in cases {
        for (metrics, app) in layered(raises) {
            call(app, json!({})).await;
            let what = format!("{raises:?}");
            assert_one(&Page::of(&metrics), "error", Some(error_type), &what);
        }
    }
}

/// The tutorial's app under each layer, with a store of its own.
fn layered(raises: Raises) -> [(McpMetrics, Router); 2] {
    let (one, other) = (store(), store());
    let bundle = ObservabilityLayer::new().metrics(other.clone());
    [
        (one.clone(), app(&one, raises).layer(MetricsLayer::with_metrics(one))),
        (other.clone(), app(&other, raises).layer(bundle)),
    ]
}

/// Outside of any exchange the same code adds one call each time.
#[tokio::test]
async fn call_outside_of_any_exchange_is_added() {
    let metrics = store();
    execute_tool(&metrics, "echo", &json!({ "text": "hello" })).await.unwrap();
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_tool_calls_total", &[]), 1);
    let success = [("tool_name", "echo"), ("status", "success")];
    assert_eq!(page.count("mcp_tool_calls_total", &success), 1);
    let took = page.sum("mcp_tool_call_duration_seconds_sum", &[]);
    assert!(took >= TOOK.as_secs_f64(), "{took} s");

    execute_tool(&metrics, "echo", &json!({})).await.unwrap_err();
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_tool_calls_total", &[("status", "error")]), 1);
    assert_eq!(page.count("mcp_tool_call_duration_seconds_count", &[]), 2);
    assert_eq!(page.count("mcp_requests_total", &[]), 0, "no request was made");
}

/// Without the layer, the tutorial's server counts its calls as it did.
#[tokio::test]
async fn server_without_the_layer_counts_by_hand() {
    let metrics = store();
    call(app(&metrics, Raises::IsError), json!({ "text": "hello" })).await;
    call(app(&metrics, Raises::IsError), json!({})).await;
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_tool_calls_total", &[("status", "success")]), 1);
    assert_eq!(page.count("mcp_tool_calls_total", &[("status", "error")]), 1);
}

/// A call of another tool, or to another store, is a call of its own: a handler may call on.
#[tokio::test]
async fn call_of_something_else_is_added() {
    let metrics = McpMetrics::builder().tools(["echo", "other"]).build().unwrap();
    let elsewhere = store();
    let (inside, apart) = (metrics.clone(), elsewhere.clone());
    let handler = async move |Json(call): Json<Value>| {
        inside.record_tool_call("other", "success", TOOK);
        apart.record_tool_call("echo", "error", TOOK);
        Json(json!({ "jsonrpc": "2.0", "id": call["id"], "result": { "content": [] } }))
    };
    let app = Router::new().route("/mcp", post(handler));
    call(app.layer(MetricsLayer::with_metrics(metrics.clone())), json!({})).await;
    let page = Page::of(&metrics);
    for tool in ["echo", "other"] {
        let labels = [("tool_name", tool), ("status", "success")];
        assert_eq!(page.count("mcp_tool_calls_total", &labels), 1, "{tool}");
    }
    assert_eq!(page.count("mcp_tool_calls_total", &[]), 2);
    assert_eq!(Page::of(&elsewhere).count("mcp_tool_calls_total", &[("status", "error")]), 1);
}
