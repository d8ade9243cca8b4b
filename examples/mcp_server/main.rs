//! An MCP server made observable: four tools behind `ObservabilityLayer`, and `/metrics` on a
//! second listener.
//!
//! The server is rmcp's, with its defaults: clients of every protocol revision, with and without
//! sessions. Start it:
//!
//! ```text
//! cargo run --example mcp_server
//! ```
//!
//! Call a tool:
//!
//! ```text
//! curl -s http://127.0.0.1:3000/mcp \
//!   -H 'content-type: application/json' \
//!   -H 'accept: application/json, text/event-stream' \
//!   -H 'mcp-protocol-version: 2026-07-28' -H 'mcp-method: tools/call' -H 'mcp-name: add' \
//!   -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add",
//!        "arguments":{"a":19,"b":23},"_meta":{
//!        "io.modelcontextprotocol/protocolVersion":"2026-07-28",
//!        "io.modelcontextprotocol/clientInfo":{"name":"curl","version":"8"},
//!        "io.modelcontextprotocol/clientCapabilities":{}}}}'
//! ```
//!
//! ```text
//! data: {"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"42"}],"isError":false}}
//! ```
//!
//! And see it counted:
//!
//! ```text
//! curl -s http://127.0.0.1:9464/metrics | grep 'tool_name="add",status="success"'
//! ```
//!
//! ```text
//! mcp_tool_calls_total{tool_name="add",status="success"} 1
//! ```
//!
//! `--listen ADDR` and `--admin ADDR` choose other loopback addresses (port 0: any free port).
//! `--demo` starts both on free ports, lets real clients call every tool in every way, and ends
//! with `calls and metrics agree: 19 calls, 8 series`, or with where they do not.

#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]

mod demo;
mod tools;

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
};

use axum::Router;
use mcp_telemetry::{MetricsService, ObservabilityLayer, logging, metrics::McpMetrics};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{demo::Lines, tools::Tools};

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let args = Args::parse(std::env::args().skip(1))?;
    // Lines go to the terminal, or to the demo, which shows and checks them.
    let lines = Lines::default();
    if args.demo {
        logging::builder().with_writer(lines.clone()).init()?;
    } else {
        logging::init()?;
    }
    let mcp = bind(args.listen).await?;
    let admin = bind(args.admin).await?;
    let (mcp_url, metrics_url) = (
        format!("http://{}/mcp", mcp.local_addr()?),
        format!("http://{}/metrics", admin.local_addr()?),
    );
    println!("MCP     {mcp_url}\nmetrics {metrics_url}");

    let stop = CancellationToken::new();
    let mut server = tokio::spawn(serve(mcp, admin, stop.clone()));
    let work = async {
        if args.demo {
            return demo::run(&mcp_url, &metrics_url, &lines).await;
        }
        println!("Ctrl-C stops it.");
        tokio::signal::ctrl_c().await?;
        Ok(ExitCode::SUCCESS)
    };
    let done = tokio::select! {
        done = work => done,
        ended = &mut server => return Err(ended?.err().unwrap_or("the server ended".into())),
    };
    stop.cancel();
    server.await??;
    done
}

/// Serves both listeners until `stop` is cancelled and what was in flight has ended.
async fn serve(
    mcp: TcpListener,
    admin: TcpListener,
    stop: CancellationToken,
) -> Result<(), BoxError> {
    // Tool names come from clients, and models make names up. Only these get series of their own.
    let names = Tools::tool_router().list_all().into_iter().map(|tool| tool.name);
    let metrics = McpMetrics::builder().tools(names).build()?;

    // Streams may stay open for hours: with the same token rmcp ends them, and its sessions.
    let config = StreamableHttpServerConfig::default().with_cancellation_token(stop.clone());
    let service: StreamableHttpService<Tools, LocalSessionManager> =
        StreamableHttpService::new(|| Ok(Tools), Arc::default(), config);

    let app = Router::new()
        .route_service("/mcp", service)
        .layer(ObservabilityLayer::new().metrics(metrics.clone()));
    let admin_app = Router::new().route_service("/metrics", MetricsService::with_metrics(metrics));

    let stopped = || stop.clone().cancelled_owned();
    tokio::try_join!(
        axum::serve(mcp, app).with_graceful_shutdown(stopped()).into_future(),
        axum::serve(admin, admin_app).with_graceful_shutdown(stopped()).into_future(),
    )?;
    Ok(())
}

/// Nothing here asks who is calling, so nothing listens beyond this machine.
async fn bind(address: SocketAddr) -> Result<TcpListener, BoxError> {
    if !address.ip().is_loopback() {
        return Err(format!("{address} is not a loopback address").into());
    }
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| format!("cannot listen on {address}: {error}").into())
}

struct Args {
    listen: SocketAddr,
    admin: SocketAddr,
    demo: bool,
}

impl Args {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, BoxError> {
        let (mut listen, mut admin, mut demo) = (None, None, false);
        while let Some(word) = words.next() {
            let mut address = || words.next().ok_or(format!("{word} takes an address"));
            match word.as_str() {
                "--listen" => listen = Some(address()?.parse()?),
                "--admin" => admin = Some(address()?.parse()?),
                "--demo" => demo = true,
                _ => return Err("usage: mcp_server [--listen ADDR] [--admin ADDR] [--demo]".into()),
            }
        }
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, if demo { 0 } else { port }));
        Ok(Self {
            listen: listen.unwrap_or_else(|| loopback(3000)),
            admin: admin.unwrap_or_else(|| loopback(9464)),
            demo,
        })
    }
}
