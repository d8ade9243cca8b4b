//! T14: servers that shut down while streams are open.

use std::{convert::Infallible, time::Duration};

use axum::Router;
use futures_util::FutureExt;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use mcp_telemetry::{MetricsLayer, ObservabilityLayer};
use prometheus::{Registry, proto::MetricFamily};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};
use tower::Layer;

use crate::support::{
    ANSWER, Act, Boxed, CALL, Client, Page, Plan, Protocol, Script, Step, data, event, get,
    handler, json, post, sse, store, until, within,
};

/// T14: hyper-util's graceful shutdown lets a call finish; the stream that never would is cut. All
/// is counted, and the store lives on.
#[tokio::test]
async fn hyper_shuts_down_with_open_streams() {
    for protocol in Protocol::BOTH {
        let metrics = store();
        let call = Script::new([data(": open\n\n"), Step::Wait, data(event(ANSWER))]);
        let released = call.probe();
        let standing = Script::new([data(": open\n\n"), Step::Wait]);
        let endless = Script::new([data(": open\n\n"), Step::Wait]);
        let acts = [call, standing, endless].map(|script| Act::Respond(sse(script)));
        let service = MetricsLayer::with_metrics(metrics.clone()).layer(Plan::new(acts));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let mut clients = Vec::new();
        let mut responses = Vec::new();
        for request in [post(CALL), get(""), post(CALL)] {
            let connecting = Client::connect(protocol, address);
            let (client, accepted) = tokio::join!(connecting, listener.accept());
            let socket = TokioIo::new(accepted.unwrap().0);
            let service = TowerToHyperService::new(service.clone());
            let server = auto::Builder::new(TokioExecutor::new());
            let connection = server.serve_connection(socket, service).into_owned();
            let connection = graceful.watch(connection);
            connections.spawn(async move { _ = connection.await });
            let mut client = client;
            let mut response = client.send(request.map(Full::from)).await.unwrap();
            response.frame().await.unwrap().unwrap();
            clients.push(client);
            responses.push(response);
        }
        assert_eq!(Page::of(&metrics).in_flight(), 2, "two calls are yet to be answered");

        let mut shutdown = tokio_test::task::spawn(graceful.shutdown());
        tokio_test::assert_pending!(shutdown.poll(), "it waits for open streams");
        released.release();
        let answer = responses.remove(0).collect();
        let answer = within("the answer during the shutdown", answer).await.unwrap().to_bytes();
        assert_eq!(answer, event(ANSWER));
        tokio_test::assert_pending!(shutdown.poll(), "it waits for the streams left");

        connections.shutdown().await;
        until("the streams are dropped", || Page::of(&metrics).in_flight() == 0).await;
        let page = Page::of(&metrics);
        assert_eq!(page.operations(), 3, "{protocol:?}");
        for (method, outcome) in
            [("tools/call", "success"), ("none", "success"), ("tools/call", "cancelled")]
        {
            let labels = [("mcp_method", method), ("outcome", outcome)];
            assert_eq!(page.count("mcp_operations_total", &labels), 1, "{method} {outcome}");
        }
        page.assert_idle("after the shutdown");
        metrics.record_tool_call("echo", "success", Duration::from_millis(1));
        assert_eq!(Page::of(&metrics).count("mcp_tool_calls_total", &[("status", "success")]), 2);
    }
}

/// T14: so does axum's, once the client of the last open stream has left.
#[tokio::test]
async fn axum_shuts_down_with_an_open_stream() {
    let metrics = store();
    let endless =
        handler(async |_| Ok::<_, Infallible>(sse(Script::new([data(": open\n\n"), Step::Wait]))));
    let app = Router::new()
        .route_service("/mcp", endless)
        .layer(ObservabilityLayer::new().metrics(metrics.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { _ = stopped.await });
    let server = tokio::spawn(server.into_future());

    let mut client = Client::connect(Protocol::Http1, address).await;
    let mut response = client.send(post(Full::from(CALL))).await.unwrap();
    response.frame().await.unwrap().unwrap();
    stop.send(()).unwrap();
    assert_eq!(Page::of(&metrics).in_flight(), 1, "the stream is open");
    assert!(!server.is_finished(), "and the server waits for it");
    drop(response);
    client.leave().await;
    within("the server ends", server).await.unwrap().unwrap();

    let page = Page::of(&metrics);
    assert_eq!(page.operations(), 1);
    assert_eq!(page.count("mcp_operations_total", &[("outcome", "cancelled")]), 1);
    page.assert_idle("after the shutdown");
}

/// T14: a runtime that is shut down drops its streams where no runtime is left. The guards run all
/// the same.
#[test]
fn runtime_shuts_down_with_open_streams() {
    let metrics = store();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let layer = MetricsLayer::with_metrics(metrics.clone());
        let mut waiting = JoinSet::new();
        for _ in 0..10 {
            let mut service = layer.layer(handler(async |_| {
                Ok::<_, Infallible>(json(Script::new([data("["), Step::Wait])))
            }));
            waiting.spawn(async move {
                let request = get(Full::<Bytes>::default());
                let response = tower::Service::call(&mut service, request).await.unwrap();
                response.into_body().collect().await.unwrap();
            });
        }
        until("all are called", || Page::of(&metrics).in_flight() == 10).await;
        waiting.detach_all();
    });
    drop(runtime);

    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_operations_total", &[("outcome", "cancelled")]), 10);
    page.assert_idle("after the runtime");
    assert_eq!(metrics.render(), metrics.render(), "the store is whole");
}

/// T14: a store lives as long as an exchange that it counts, though everybody else has let go of
/// it, and of the registry that it was shown by.
#[test]
fn store_and_registry_may_go_before_the_last_stream() {
    let registry = Registry::new();
    let mut bodies = Vec::new();
    {
        let metrics = store();
        registry.register(Box::new(metrics.clone())).unwrap();
        for _ in 0..2 {
            let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(handler(
                async |request: http::Request<Boxed>| {
                    request.into_body().collect().await.unwrap();
                    Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
                },
            ));
            let call = tower::Service::call(&mut service, post(Full::from(CALL)));
            bodies.push(call.now_or_never().unwrap().unwrap().into_body());
        }
    }
    let operations = || {
        let families = registry.gather();
        let of_operations = |family: &&MetricFamily| family.name() == "mcp_operations_total";
        families
            .iter()
            .find(of_operations)
            .map(|family| family.get_metric()[0].get_counter().get_value())
    };
    assert_eq!(operations(), None, "none has ended");
    let body = bodies.remove(0).collect().now_or_never().unwrap().unwrap();
    assert_eq!((body.to_bytes(), operations()), (ANSWER.into(), Some(1.0)), "one has");
    drop(registry);
    let body = bodies.remove(0).collect().now_or_never().unwrap().unwrap();
    assert_eq!(body.to_bytes(), ANSWER, "nobody is left to be told");
}
