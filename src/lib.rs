//! Tower middleware that makes any hyper, axum or tonic MCP server observable.
//!
//! A scrape of a server under [`ObservabilityLayer`] says which tool was called, how long it took, and
//! how it ended:
//!
//! ```text
//! mcp_tool_calls_total{tool_name="add",status="success"} 6
//! mcp_tool_calls_total{tool_name="divide",status="error",error_type="tool_error"} 2
//! mcp_tool_calls_total{tool_name="_OTHER",status="error",error_type="caller_error"} 2
//! mcp_tool_call_duration_seconds_bucket{tool_name="add",le="0.001"} 5
//! ```
//!
//! The protocol is read off the wire as it passes: from JSON and from event streams, in every revision
//! from 2024-11-05 to 2026-07-28. The server needs to know nothing of it.
//!
//! # A server
//!
//! ```
//! use axum::{Json, Router, routing::post};
//! use mcp_telemetry::{MetricsService, ObservabilityLayer, metrics::McpMetrics};
//! # use axum::body::{Body, to_bytes};
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let answer = serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": {"content": []}});
//! # let serve = |_: Json<serde_json::Value>| async { Json(answer) };
//! let mcp = post(serve); // or rmcp's service, or any other
//!
//! let metrics = McpMetrics::builder().tools(["search"]).build()?;
//! let app = Router::new()
//!     .route("/mcp", mcp)
//!     .layer(ObservabilityLayer::new().metrics(metrics.clone()));
//! let admin: Router = Router::new() // on a listener of its own, which only Prometheus reaches
//!     .route_service("/metrics", MetricsService::with_metrics(metrics.clone()));
//!
//! # let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}"#;
//! # let request = http::Request::post("/mcp").header("content-type", "application/json");
//! # let response = app.oneshot(request.body(Body::from(call))?).await?;
//! # to_bytes(response.into_body(), 1024).await?;
//! // After a call of the tool:
//! let page = metrics.render();
//! assert!(page.contains(r#"mcp_tool_calls_total{tool_name="search",status="success"} 1"#));
//! # let _ = admin;
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! | | |
//! |---|---|
//! | [`ObservabilityLayer`] | all of the below, in one wrapper and one pass over each body |
//! | [`MetricsLayer`] | counts requests, operations and tool calls, see [`metrics`] |
//! | [`TraceContextLayer`] | the trace of a call, and its span, see [`trace_context`] |
//! | [`AccessLogLayer`] | one line for each exchange, see [`access_log`] |
//! | [`RequestIdLayer`] | takes or makes a request id, see [`request_id`] |
//! | [`MetricsService`] | not a layer: the service that answers Prometheus |
//!
//! # Order
//!
//! A request goes through layers from the outside in, its response from the inside out:
//!
//! ```text
//!        request                                                        response
//!           |                                                               ^
//!           v                                                               |
//!   compression, TLS, CORS        outside: changes bytes, sees no JSON      |
//!           v                                                               |
//!   authentication, rate limit    outside: turns strangers away unread      |
//!           v                                                               |
//!   ObservabilityLayer            sees every exchange that is let in        |
//!           v                                                               |
//!   timeout, routing              inside: what they answer is counted       |
//!           v                                                               |
//!   MCP service ------------------------------------------------------------+
//! ```
//!
//! Authentication inside is possible as well: then refusals are counted. Applied twice, the second layer
//! passes everything through and counts nothing.
//!
//! The layers hand the inner service a body type of their own, [`RequestBody`]. axum, tonic and rmcp take
//! any body; a service that names its body's type names `RequestBody` of it.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `logging` | yes | [`logging`]: JSON and text lines for tracing-subscriber, with the ids of the exchange |
//! | `axum` | no | `matched_path` on each layer: the path that axum's router has matched, as a route |
//! | `process` | no | the [`prometheus`] crate's families of the process (Linux), in its default registry |
//!
//! # Cardinality
//!
//! No text from a client becomes a label before it was admitted. Tools, prompts and routes are
//! [configured](metrics::McpMetricsBuilder::tools), or learned, up to a cap, from a call that succeeded.
//! Everything else is `_OTHER`, and counted as clamped.
//!
//! # Cancellation
//!
//! A request whose client leaves is counted when its future or body is dropped, as `cancelled`. The gauge
//! of requests in flight returns to zero after every ending, a panic included.
//!
//! # Cost
//!
//! Bodies are read as they pass, never collected, in constant memory. `benches/budget.txt` has the
//! instructions and allocations that each layer may cost for one request.
//!
//! # Stability
//!
//! Covered by semantic versioning: the API, names, labels and units of metrics, fields of lines, and
//! names and attributes of spans. Not covered: help
//! texts, wording of lines, `Debug` output, default buckets in a minor version.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod exchange;
mod mcp;

pub mod access_log;
pub mod context;
#[cfg(feature = "logging")]
pub mod logging;
pub mod metrics;
pub mod observability;
pub mod request_id;
pub mod trace_context;

pub use self::{
    access_log::AccessLogLayer,
    error::Error,
    exchange::{Hold, Outcome, RequestBody},
    metrics::{MetricsLayer, MetricsService},
    observability::ObservabilityLayer,
    request_id::RequestIdLayer,
    trace_context::TraceContextLayer,
};

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
