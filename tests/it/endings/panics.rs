//! T4: panics, with nothing, something outside or something inside to catch them.

use std::{convert::Infallible, time::Duration};

use futures_util::FutureExt;
use http_body_util::{BodyExt, Full};
use mcp_telemetry::{Hold, MetricsLayer, ObservabilityLayer, metrics::McpMetrics};
use tower::{Layer, Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;

use crate::support::{
    ANSWER, Account, Act, Boxed, CALL, Client, Page, Plan, Protocol, Script, Server, Step, data,
    get, handler, json, panics, post, store,
};

/// The three places in which an inner service can panic.
fn acts() -> [(&'static str, Act); 3] {
    // The head and the first frame are out before the panic: a server writes when it must wait.
    let body = Script::new([data("{"), Step::Yield, Step::Panic]);
    [
        ("in call", Act::PanicInCall),
        ("in poll", Act::PanicInPoll),
        ("in the body", Act::Respond(json(body))),
    ]
}

/// T4: a panic is a server error, where nothing catches it but the server's task.
#[tokio::test]
async fn panic_under_a_plain_task_is_a_server_error() {
    for protocol in Protocol::BOTH {
        for (place, act) in acts() {
            let metrics = store();
            let service = ServiceBuilder::new()
                .layer(MetricsLayer::with_metrics(metrics.clone()))
                .service(Plan::new([act]));
            let server = Server::start(protocol, service).await;
            assert_eq!(status_over(protocol, &server).await, head_of(place, None), "{place}");
            assert_eq!(server.stop_after_panics().await, 1, "{place}: the panic goes on");
            assert_panicked(&metrics, place);
        }
    }
}

/// T4: an outer layer that catches the panic drops our future when the thread no longer panics.
/// The account is the same.
#[tokio::test]
async fn panic_under_an_outer_catch_is_a_server_error() {
    for protocol in Protocol::BOTH {
        for (place, act) in acts() {
            let metrics = store();
            let service = ServiceBuilder::new()
                .layer(CatchPanicLayer::new())
                .layer(ObservabilityLayer::new().metrics(metrics.clone()).hold(Hold::Never))
                .service(Plan::new([act]));
            let server = Server::start(protocol, service).await;
            assert_eq!(status_over(protocol, &server).await, head_of(place, Some(500)), "{place}");
            let passed_on = usize::from(place == "in the body");
            assert_eq!(server.stop_after_panics().await, passed_on, "{place}: no body is guarded");
            assert_panicked(&metrics, place);
        }
    }
}

/// T4: caught further in, the panic is a response of 500 like any other.
#[tokio::test]
async fn panic_caught_inside_is_an_ordinary_500() {
    for protocol in Protocol::BOTH {
        for (place, act) in acts() {
            let metrics = store();
            let service = ServiceBuilder::new()
                .layer(MetricsLayer::with_metrics(metrics.clone()))
                .layer(CatchPanicLayer::new())
                .service(Plan::new([act]));
            let server = Server::start(protocol, service).await;
            assert_eq!(status_over(protocol, &server).await, head_of(place, Some(500)), "{place}");
            let passed_on = usize::from(place == "in the body");
            assert_eq!(server.stop_after_panics().await, passed_on, "{place}: no body is guarded");
            let page = Page::of(&metrics);
            let status = if passed_on == 1 { "200" } else { "500" };
            assert_eq!(page.operations(), 1, "{place}");
            assert_eq!(page.count("mcp_operations_total", &[("outcome", "server_error")]), 1);
            assert_eq!(page.count("mcp_requests_total", &[("status", status)]), 1, "{place}");
            page.assert_idle(place);
        }
    }
}

/// T4: a panic while another one unwinds would abort the process. The guard has none: a service
/// that panics in its call, its poll and its body leaves the next call working.
#[tokio::test]
async fn service_works_on_after_panics() {
    let metrics = store();
    let mut acts: Vec<_> = acts().into_iter().map(|(_, act)| act).collect();
    acts.push(Act::Respond(json(Script::new([data("{}")]))));
    let calls = acts.len();
    let plan = Plan::new(acts);
    let service =
        ServiceBuilder::new().layer(MetricsLayer::with_metrics(metrics.clone())).service(plan);
    let server = Server::start(Protocol::Http1, service).await;
    for _ in 0..calls {
        status_over(Protocol::Http1, &server).await;
    }
    assert_eq!(server.stop_after_panics().await, 3);
    let page = Page::of(&metrics);
    assert_eq!(page.operations(), 4);
    assert_eq!(page.count("mcp_operations_total", &[("outcome", "server_error")]), 3);
    page.assert_idle("after panics");
}

/// T4: an exchange within another one that panics does not end the other's: what the handler says
/// after it is still of its own call.
#[test]
fn panic_of_an_exchange_within_leaves_the_outer_one_current() {
    let (outer, inner) = (store(), store());
    let nested = MetricsLayer::with_metrics(inner.clone());
    let says = outer.clone();
    let handler = handler(move |request: http::Request<Boxed>| {
        let mut nested = nested.layer(Plan::new([Act::PanicInCall]));
        let says = says.clone();
        async move {
            request.into_body().collect().await.unwrap();
            assert!(panics(|| nested.call(get(Script::new([])))));
            says.record_tool_call("echo", "error", Duration::ZERO);
            Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
        }
    });
    let mut service = MetricsLayer::with_metrics(outer.clone()).layer(handler);
    let response = service.call(post(Full::from(CALL))).now_or_never().unwrap().unwrap();
    response.into_body().collect().now_or_never().unwrap().unwrap();
    let said = Account { method: "tools/call", outcome: "tool_error", status: 200 };
    Page::of(&outer).assert_only(said, 1, "outer");
    let failed = Account { method: "none", outcome: "server_error", status: 499 };
    Page::of(&inner).assert_only(failed, 1, "within");
}

/// One call over a connection of its own: the status, if a head came.
async fn status_over(protocol: Protocol, server: &Server) -> Option<u16> {
    let mut client = Client::connect(protocol, server.address).await;
    let status = match client.send(post(Full::from(CALL))).await {
        Ok(response) => {
            let status = response.status().as_u16();
            let _ = response.into_body().collect().await;
            Some(status)
        }
        Err(_) => None,
    };
    client.leave().await;
    status
}

/// The status that the client sees: that of a catch, unless the head was out before.
fn head_of(place: &str, caught: Option<u16>) -> Option<u16> {
    if place == "in the body" { Some(200) } else { caught }
}

#[track_caller]
fn assert_panicked(metrics: &McpMetrics, place: &str) {
    // Who panics in the call has not read the message.
    let method = if place == "in call" { "none" } else { "tools/call" };
    let status = if place == "in the body" { 200 } else { 499 };
    let account = Account { method, outcome: "server_error", status };
    Page::of(metrics).assert_only(account, 1, place);
}
