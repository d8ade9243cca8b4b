//! The table of endings, over real sockets.

use std::{convert::Infallible, net::SocketAddr};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use mcp_telemetry::{Hold, MetricsLayer, ObservabilityLayer, RequestBody, metrics::McpMetrics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{BoxError, Layer, Service};

use super::table::{
    Behaviour::{LeavesBeforeHead, LeavesMidway, Reads},
    Row, rows,
};
use crate::support::{
    Account, Boxed, Client, Page, Plan, Protocol, Raw, Script, Server, handler, store, until,
};

/// T1, T3, T4, T6, T7, T8, T9, T10, T15: however a response ends, its exchange is counted once, by
/// the right account, with one latency observation, and the gauge is back at zero.
#[tokio::test]
async fn every_row_of_the_table_leaves_one_true_account() {
    for row in rows() {
        for &protocol in row.protocols {
            for stack in [Stack::Metrics, Stack::Bundle, Stack::Holding] {
                check(&row, protocol, stack).await;
            }
        }
    }
}

/// T15: an exchange that upgrades its connection ends with the 101. What follows on the connection
/// passes, belongs to no exchange, and is not waited for.
#[tokio::test]
async fn upgrade_is_counted_at_its_head_and_passes() {
    for stack in [Stack::Metrics, Stack::Bundle, Stack::Holding] {
        let metrics = store();
        let echo = handler(async |mut request: Request<Boxed>| {
            let upgraded = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut socket = TokioIo::new(upgraded.await.unwrap());
                let mut word = [0; 4];
                while socket.read_exact(&mut word).await.is_ok() {
                    socket.write_all(&word).await.unwrap();
                }
            });
            let response = Response::builder().status(101).header("connection", "upgrade");
            Ok::<_, Infallible>(response.header("upgrade", "echo").body(Script::new([])).unwrap())
        });
        let server = stack.serve(Protocol::Http1, &metrics, echo).await;
        let mut raw = Raw::connect(server.address).await;
        let head =
            "GET /mcp HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: echo\r\n";
        raw.write(format!("{head}\r\n")).await;
        let answer = raw.read_until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        let upgraded = Account { method: "none", outcome: "success", status: 101 };
        Page::of(&metrics).assert_only(upgraded, 1, "at the head");
        for word in ["ping", "pong"] {
            raw.write(word).await;
            assert_eq!(raw.read_until(word).await, word, "under {stack:?}");
        }
        drop(raw);
        server.stop().await;
        Page::of(&metrics).assert_only(upgraded, 1, "after the connection");
    }
}

async fn check(row: &Row, protocol: Protocol, stack: Stack) {
    let what = format!("{} ({}) over {protocol:?} under {stack:?}", row.name, row.account.method);
    let metrics = store();
    let plan = Plan::new([(row.act)()]);
    let server = stack.serve(protocol, &metrics, plan.clone()).await;
    let panics = match row.client {
        Reads => {
            read(protocol, server.address, (row.request)()).await;
            server.stop_after_panics().await
        }
        LeavesBeforeHead => {
            let mut client = Client::connect(protocol, server.address).await;
            tokio::select! {
                response = client.send((row.request)()) => panic!("{what}: {response:?}"),
                () = until("the service is called", || plan.calls() == 1) => {}
            }
            left(client, server, &metrics).await
        }
        LeavesMidway => {
            let mut client = Client::connect(protocol, server.address).await;
            let mut response = client.send((row.request)()).await.unwrap();
            response.frame().await.unwrap().unwrap();
            assert_eq!(Page::of(&metrics).operations(), 0, "{what}: the answer is yet to come");
            drop(response);
            left(client, server, &metrics).await
        }
    };
    assert_eq!(panics > 0, row.panics, "{what}: panics of the server");
    Page::of(&metrics).assert_only(row.account, 1, &what);
}

/// Reads all that comes back, whatever it is.
async fn read(protocol: Protocol, address: SocketAddr, request: Request<Full<Bytes>>) {
    let mut client = Client::connect(protocol, address).await;
    if let Ok(response) = client.send(request).await {
        let _ = response.into_body().collect().await;
    }
    client.leave().await;
}

/// Over HTTP/2 the dropped stream is reset first, while its connection lives on.
async fn left(client: Client, server: Server, metrics: &McpMetrics) -> usize {
    until("the exchange is counted", || Page::of(metrics).operations() > 0).await;
    client.leave().await;
    server.stop_after_panics().await
}

#[derive(Clone, Copy, Debug)]
enum Stack {
    Metrics,
    Bundle,
    Holding,
}

impl Stack {
    async fn serve<S>(self, protocol: Protocol, metrics: &McpMetrics, service: S) -> Server
    where
        S: Service<Request<RequestBody<Incoming>>, Response = Response<Script>>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
    {
        let bundle = ObservabilityLayer::new().metrics(metrics.clone());
        match self {
            Self::Metrics => {
                let layer = MetricsLayer::with_metrics(metrics.clone());
                Server::start(protocol, layer.layer(service)).await
            }
            Self::Bundle => Server::start(protocol, bundle.layer(service)).await,
            Self::Holding => {
                let holding = bundle.hold(Hold::UpTo(65_536));
                Server::start(protocol, holding.layer(service)).await
            }
        }
    }
}
