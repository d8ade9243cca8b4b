//! The layer around a plain function, served by hyper over HTTP/1 and HTTP/2.
//!
//! ```text
//! cargo run --example hyper
//! ```
//!
//! Send a call:
//!
//! ```text
//! curl -s http://127.0.0.1:3000/mcp -H 'content-type: application/json' \
//!   -d '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo","arguments":{}}}'
//! ```
//!
//! It answers:
//!
//! ```text
//! {"id":"a","jsonrpc":"2.0","result":{"content":[{"text":"echo","type":"text"}]}}
//! ```
//!
//! The response has an `x-request-id`, and the line that is written has the same one. The first argument
//! is the address; port 0 takes any free one.

#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]

use std::{env, error::Error};

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use mcp_telemetry::{ObservabilityLayer, RequestBody, logging};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    logging::init()?;
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let service = ServiceBuilder::new().layer(ObservabilityLayer::new()).service(service_fn(serve));
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let connection = auto::Builder::new(TokioExecutor::new());
            let served = connection.serve_connection(TokioIo::new(stream), service).await;
            if let Err(error) = served {
                tracing::debug!(error, "the connection broke");
            }
        });
    }
}

/// A layered service that names its body's type names the layer's around it.
async fn serve(request: Request<RequestBody<Incoming>>) -> Result<Response<Full<Bytes>>, BoxError> {
    let call = request.into_body().collect().await?.to_bytes();
    let call: Value = serde_json::from_slice(&call)?;
    let result = json!({"content": [{"type": "text", "text": call["params"]["name"]}]});
    let answer = json!({"jsonrpc": "2.0", "id": call["id"], "result": result});
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    Ok(response.body(Full::from(answer.to_string()))?)
}

type BoxError = Box<dyn Error + Send + Sync>;
