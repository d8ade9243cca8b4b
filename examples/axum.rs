//! One layer on an axum router: every line of a call carries its ids, and `/metrics` counts it.
//!
//! ```text
//! cargo run --example axum
//! ```
//!
//! Send a call:
//!
//! ```text
//! curl -s http://127.0.0.1:3000/mcp -H 'content-type: application/json' \
//!   -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet","arguments":{}}}'
//! ```
//!
//! It answers:
//!
//! ```text
//! {"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"hello","type":"text"}],"isError":false}}
//! ```
//!
//! and writes two lines with the same `request_id`, `trace_id` and `span_id`: one of the handler, one
//! that says how the call ended. The first argument is the address; port 0 takes any free one.

#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]

use std::{env, error::Error};

use axum::{
    Json, Router,
    routing::{get_service, post},
};
use mcp_telemetry::{MetricsService, ObservabilityLayer, logging, metrics::McpMetrics};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    logging::init()?;
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let metrics = McpMetrics::builder().tools(["greet"]).build()?;
    let app = Router::new()
        .route("/mcp", post(serve))
        // A scrape is not counted, though it comes under the layer. In production, give it a listener
        // of its own.
        .route("/metrics", get_service(MetricsService::with_metrics(metrics.clone())))
        .layer(ObservabilityLayer::new().metrics(metrics));
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    Ok(())
}

/// Stands for an MCP server: any handler that is given JSON-RPC and answers it.
async fn serve(Json(call): Json<Value>) -> Json<Value> {
    tracing::info!("greeting");
    let content = json!([{"type": "text", "text": "hello"}]);
    let result = json!({"content": content, "isError": false});
    Json(json!({"jsonrpc": "2.0", "id": call["id"], "result": result}))
}
