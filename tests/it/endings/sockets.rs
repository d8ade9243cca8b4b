//! The table of endings, over real sockets.

use std::net::SocketAddr;

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{Hold, MetricsLayer, ObservabilityLayer, metrics::McpMetrics};
use tower::Layer;

use super::table::{
    Behaviour::{LeavesBeforeHead, LeavesMidway, Reads},
    Row, rows,
};
use crate::support::{Client, Page, Plan, Protocol, Server, store, until};

/// T1, T3, T4, T6, T7, T8, T9, T10: however a response ends, its exchange is counted once, by the
/// right account, with one latency observation, and the gauge is back at zero.
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

async fn check(row: &Row, protocol: Protocol, stack: Stack) {
    let what = format!("{} over {protocol:?} under {stack:?}", row.name);
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
    async fn serve(self, protocol: Protocol, metrics: &McpMetrics, plan: Plan) -> Server {
        let bundle = ObservabilityLayer::new().metrics(metrics.clone());
        match self {
            Self::Metrics => {
                let layer = MetricsLayer::with_metrics(metrics.clone());
                Server::start(protocol, layer.layer(plan)).await
            }
            Self::Bundle => Server::start(protocol, bundle.layer(plan)).await,
            Self::Holding => {
                let holding = bundle.hold(Hold::UpTo(65_536));
                Server::start(protocol, holding.layer(plan)).await
            }
        }
    }
}
