//! The layers one by one, in the order that a bundle would give them.
//!
//! Each does its part alone. Together they still read every body once: an inner layer finds what an
//! outer one has read.
//!
//! ```text
//! cargo run --example layers_one_by_one
//! ```
//!
//! Send a call:
//!
//! ```text
//! curl -s http://127.0.0.1:3000/mcp -H 'content-type: application/json' \
//!   -d '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"fail","arguments":{}}}'
//! ```
//!
//! It answers:
//!
//! ```text
//! {"id":7,"jsonrpc":"2.0","result":{"content":[],"isError":true}}
//! ```
//!
//! and the line about it says `tool_error` at level WARN, though its HTTP status is 200. The first
//! argument is the address; port 0 takes any free one.

#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]

use std::{env, error::Error};

use axum::{Json, Router, routing::post};
use mcp_telemetry::{
    AccessLogLayer, MetricsLayer, RequestIdLayer, TraceContextLayer, logging,
    request_id::MakeRequestUuidV7,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    logging::init()?;
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let observed = ServiceBuilder::new()
        .layer(RequestIdLayer::new().make(MakeRequestUuidV7)) // ids that sort by time
        .layer(TraceContextLayer::new()) // ids of the caller's trace, or of a new one
        .layer(AccessLogLayer::new()) // one line for each exchange
        .layer(MetricsLayer::new()); // what Prometheus scrapes
    let app = Router::new().route("/mcp", post(serve)).layer(observed);
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    Ok(())
}

/// A tool that fails, and says so in its result.
async fn serve(Json(call): Json<Value>) -> Json<Value> {
    let result = json!({"content": [], "isError": true});
    Json(json!({"jsonrpc": "2.0", "id": call["id"], "result": result}))
}
