//! One line for each exchange, however it ends, and wherever.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use mcp_telemetry::{AccessLogLayer, ObservabilityLayer};
use tokio_test::{assert_pending, task::spawn};
use tower::ServiceBuilder;
use tracing::{Level, info_span};

use super::*;
use crate::support::{Act, AnyBody, Plan, Script, Step, data, sse, store};

fn legacy() -> Request<Body> {
    let mut request = calls();
    request.headers_mut().insert("mcp-session-id", "1".parse().unwrap());
    request
}

/// A line of an exchange that went wrong.
#[track_caller]
fn assert_line(line: &Line, level: Level, outcome: &str, reason: &str, status: &str) {
    let found = (line.text("outcome"), line.text("reason"), line.text("status"));
    assert_eq!((found.0.as_str(), found.1.as_str(), found.2.as_str()), (outcome, reason, status));
    assert_eq!(line.level, level, "{line:?}");
    assert_eq!(line.text("tool"), "echo", "it is still known what was called: {line:?}");
}

/// A future that is dropped before the head has a line, with 499.
#[tokio::test]
async fn a_client_that_leaves_before_the_head_has_a_line() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    for (request, outcome) in [(calls(), "cancelled"), (legacy(), "detached")] {
        let mut call = spawn(AccessLogLayer::new().layer(Plan::new([Act::Hang])).oneshot(request));
        assert_pending!(call.poll());
        assert!(capture.take().is_empty(), "not before the end");
        drop(call);
        assert_line(&capture.only(outcome), Level::INFO, outcome, "dropped", "499");
    }
}

/// T6: a body that is dropped midway has a line, with the bytes so far.
#[tokio::test]
async fn a_client_that_leaves_midway_has_a_line() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    for (request, outcome) in [(calls(), "cancelled"), (legacy(), "detached")] {
        let stream = sse(Script::new([data("12"), data("345"), Step::Wait]));
        let service = AccessLogLayer::new().layer(Plan::new([Act::Respond(stream)]));
        let mut body = service.oneshot(request).await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        body.frame().await.unwrap().unwrap();
        assert!(capture.take().is_empty(), "not before the end");
        drop(body);
        let line = capture.only(outcome);
        assert_line(&line, Level::INFO, outcome, "aborted", "200");
        assert_eq!(line.text("bytes_out"), "5");
    }
}

#[tokio::test]
async fn a_panic_has_a_line() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let layer = AccessLogLayer::new();

    let call = layer.layer(Plan::new([Act::PanicInPoll])).oneshot(calls());
    assert!(AssertUnwindSafe(call).catch_unwind().await.is_err());
    assert_line(&capture.only("in a poll"), Level::ERROR, "server_error", "panic", "499");

    let torn = json(Script::new([data("{"), Step::Panic]));
    let service = layer.layer(Plan::new([Act::Respond(torn)]));
    let reading = async { service.oneshot(calls()).await.unwrap().into_body().collect().await };
    assert!(AssertUnwindSafe(reading).catch_unwind().await.is_err());
    assert_line(&capture.only("in a body"), Level::ERROR, "server_error", "panic", "200");

    let mut service = layer.layer(Plan::new([Act::PanicInCall]));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(service.call(calls())))).is_err());
    let line = capture.only("in the call");
    assert_eq!((line.level, line.text("reason").as_str()), (Level::ERROR, "panic"));
}

#[tokio::test]
async fn a_future_that_is_never_polled_has_a_line() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    drop(AccessLogLayer::new().layer(Plan::new([Act::Hang])).call(calls()));
    assert_eq!(capture.only("never polled").text("outcome"), "cancelled");
}

/// T24: however many layers there are, the exchange has one line.
#[tokio::test]
async fn layers_that_are_stacked_write_once() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let plan = || Plan::new([Act::Respond(answers(ANSWER))]);
    let service = ServiceBuilder::new()
        .layer(AccessLogLayer::new())
        .layer(AccessLogLayer::new().routes(["/other/settings"]))
        .layer(ObservabilityLayer::new().metrics(store()))
        .layer(AccessLogLayer::new())
        .service(plan());
    let response = service.oneshot(calls()).await.unwrap();
    response.into_body().collect().await.unwrap();
    let line = capture.only("stacked");
    assert_eq!((line.text("outcome").as_str(), line.text("tool").as_str()), ("success", "echo"));

    // A layer with nothing inside of it is no layer of another exchange.
    let service = AccessLogLayer::new()
        .layer(Plan::new([Act::Respond(answers(ANSWER)), Act::Respond(answers(ANSWER))]));
    for _ in 0..2 {
        let response = service.clone().oneshot(calls()).await.unwrap();
        response.into_body().collect().await.unwrap();
        capture.only("each exchange has its own");
    }
}

/// T39: the line belongs to the span in which the exchange began, wherever it ends.
#[tokio::test]
async fn the_span_of_another_task_is_not_the_parent() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let service = || AccessLogLayer::new().layer(Plan::new([Act::Hang]));
    let (own, other) = (info_span!("own"), info_span!("other"));

    let call = own.in_scope(|| service().call(calls()));
    other.in_scope(|| drop(call));
    assert_eq!(capture.only("begun in a span").parent, own.id());

    let call = service().call(calls());
    other.in_scope(|| drop(call));
    assert_eq!(capture.only("begun in no span").parent, None);
}

/// T36: without a subscriber nothing is different, and nothing fails.
#[tokio::test]
async fn no_subscriber_is_needed() {
    let inner = AnyBody(service(|| answers(ANSWER)));
    let Ok(response) = AccessLogLayer::new().layer(inner).oneshot(calls()).await;
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), ANSWER);
}

/// The layer and its service fit where servers put them.
#[tokio::test]
async fn the_layer_fits_axum() {
    fn check<T: Clone + Send + Sync + 'static>(_: &T) {}
    let layer = AccessLogLayer::new().user_id(|_| None::<String>);
    check(&layer);
    check(&layer.layer(AnyBody(Plan::new([]))));

    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let answer = axum::routing::post(|_: axum::body::Bytes| async {
        ([("content-type", "application/json")], ANSWER)
    });
    let app = axum::Router::new().route("/mcp", answer.layer(layer.clone())).layer(layer);
    let response = app.oneshot(calls()).await.unwrap();
    response.into_body().collect().await.unwrap();
    assert_eq!(capture.only("around and on a route").text("tool"), "echo");
}
