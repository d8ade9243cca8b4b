//! The layer on a tonic server: gRPC calls have ids and lines too.
//!
//! ```text
//! cargo run --example tonic
//! ```
//!
//! Send a call:
//!
//! ```text
//! grpcurl -plaintext -d '{"service":""}' 127.0.0.1:3000 grpc.health.v1.Health/Check
//! ```
//!
//! It answers:
//!
//! ```text
//! {"status":"SERVING"}
//! ```
//!
//! and one line says `POST /grpc.health.v1.Health/Check - 200` with the ids of the call. The first
//! argument is the address; port 0 takes any free one.

#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]

use std::{env, error::Error};

use mcp_telemetry::{AccessLogLayer, ObservabilityLayer, logging};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    logging::init()?;
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);

    // Paths that are shown as they are; others count as `_OTHER`.
    let lines = AccessLogLayer::new().routes(["/grpc.health.v1.Health/Check"]);
    let (_reporter, health) = tonic_health::server::health_reporter();
    Server::builder()
        .layer(ObservabilityLayer::new().access_log(lines))
        .add_service(health)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async {
            drop(tokio::signal::ctrl_c().await);
        })
        .await?;
    Ok(())
}
