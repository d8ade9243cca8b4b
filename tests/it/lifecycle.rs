//! Many exchanges at once: nothing is lost, nothing is left.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use mcp_telemetry::{Hold, ObservabilityLayer};
use tokio::sync::Barrier;
use tower::Layer;

use crate::support::{
    ANSWER, Boxed, Broken, CALL, Client, Page, Protocol, Script, Server, Step, data, event,
    handler, json, post, sse, store, within,
};

const CONNECTIONS: usize = 16;
const EACH: usize = 25;

/// The answers by turns, and how they are counted.
const TURNS: [&str; 5] = ["success", "tool_error", "no_response", "server_error", "rejected"];

fn turn(index: usize) -> Response<Script> {
    let with = |status| {
        let mut response = json(Script::new([]).reporting_end());
        *response.status_mut() = status;
        response
    };
    match TURNS[index % TURNS.len()] {
        "success" => json(Script::new([data(ANSWER), Step::Yield])),
        "tool_error" => {
            let failed = ANSWER.replace("\"content\"", "\"isError\":true,\"content\"");
            sse(Script::new([data(": x\n\n"), Step::Yield, data(event(&failed))]))
        }
        "no_response" => with(StatusCode::ACCEPTED),
        "server_error" => with(StatusCode::BAD_GATEWAY),
        "rejected" => with(StatusCode::NOT_FOUND),
        other => unreachable!("{other}"),
    }
}

/// Concurrent calls over real sockets: each counter sums to what was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_sum_to_what_was_sent() {
    for protocol in Protocol::BOTH {
        let metrics = store();
        let turns = Arc::new(AtomicUsize::new(0));
        let answer = move |request: Request<Boxed>| {
            let turns = Arc::clone(&turns);
            async move {
                request.into_body().collect().await.map_err(|_| Broken)?;
                tokio::task::yield_now().await;
                Ok::<_, Broken>(turn(turns.fetch_add(1, SeqCst)))
            }
        };
        let layer = ObservabilityLayer::new().metrics(metrics.clone()).hold(Hold::UpTo(65_536));
        let server = Server::start(protocol, layer.layer(handler(answer))).await;
        let clients = (0..CONNECTIONS).map(|_| {
            let address = server.address;
            tokio::spawn(async move {
                let mut client = Client::connect(protocol, address).await;
                for _ in 0..EACH {
                    let response = client.send(post(Full::from(CALL))).await.unwrap();
                    response.into_body().collect().await.unwrap();
                }
                client.leave().await;
            })
        });
        for client in join_all(clients).await {
            client.unwrap();
        }
        server.stop().await;

        let page = Page::of(&metrics);
        let sent = u64::try_from(CONNECTIONS * EACH).unwrap();
        let of_each = sent / u64::try_from(TURNS.len()).unwrap();
        for family in [
            "mcp_operations_total",
            "mcp_operation_duration_seconds_count",
            "mcp_requests_total",
            "mcp_request_duration_seconds_count",
            "mcp_tool_calls_total",
            "mcp_tool_call_duration_seconds_count",
        ] {
            assert_eq!(page.count(family, &[]), sent, "{family} over {protocol:?}");
        }
        for outcome in TURNS {
            let labels = [("mcp_method", "tools/call"), ("outcome", outcome)];
            assert_eq!(page.count("mcp_operations_total", &labels), of_each, "{outcome}");
        }
        assert_eq!(page.count("mcp_errors_total", &[]), 4 * of_each);
        page.assert_idle("after all");
    }
}

/// Streams of one connection are told apart while they are all open.
#[tokio::test]
async fn streams_of_one_connection_are_counted_each() {
    let metrics = store();
    let together = Arc::new(Barrier::new(CONNECTIONS));
    let answer = move |request: Request<Boxed>| {
        let together = Arc::clone(&together);
        async move {
            request.into_body().collect().await.unwrap();
            together.wait().await;
            Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
        }
    };
    let layer = ObservabilityLayer::new().metrics(metrics.clone());
    let server = Server::start(Protocol::Http2, layer.layer(handler(answer))).await;
    let mut client = Client::connect(Protocol::Http2, server.address).await;
    let mut calls = Vec::new();
    for _ in 0..CONNECTIONS {
        calls.push(client.start(post(Full::from(CALL))));
    }
    let answers = within("all answers", join_all(calls)).await;
    for answer in answers {
        answer.unwrap().into_body().collect().await.unwrap();
    }
    client.leave().await;
    server.stop().await;
    let page = Page::of(&metrics);
    let labels = [("mcp_method", "tools/call"), ("outcome", "success")];
    let sent = u64::try_from(CONNECTIONS).unwrap();
    assert_eq!(page.count("mcp_operations_total", &labels), sent);
    assert_eq!(page.operations(), sent);
    page.assert_idle("after all");
}
