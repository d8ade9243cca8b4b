//! Event streams: the operation ends with its answer, the line comes with the end of the stream.

use std::time::Duration;

use mcp_telemetry::AccessLogLayer;
use tracing::Level;

use super::*;
use crate::support::{Act, Plan, Step, event, hold_back, sse};

const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#;
const LISTEN: &str = r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}"#;
const HELD_BACK: Duration = Duration::from_millis(3);

/// Long enough to be seen in milliseconds, and known.
fn pause() -> f64 {
    hold_back(HELD_BACK);
    HELD_BACK.as_secs_f64() * 1000.0
}

/// The times of a call: to the first event, to the answer, to the end.
#[tokio::test]
async fn a_call_that_is_answered_by_a_stream_has_its_times() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let stream =
        sse(Script::new([data(event(PROGRESS)), data(event(ANSWER)), data(event(PROGRESS))]));
    let service = AccessLogLayer::new().layer(Plan::new([Act::Respond(stream)]));
    let mut body = service.oneshot(calls()).await.unwrap().into_body();
    let mut at_least = pause();
    body.frame().await.unwrap().unwrap();
    let to_first = at_least;
    at_least += pause();
    body.frame().await.unwrap().unwrap();
    let to_answer = at_least;
    at_least += pause();
    body.frame().await.unwrap().unwrap();
    assert!(capture.take().is_empty(), "not before the end of the stream");
    assert!(body.frame().await.is_none());

    let line = capture.only("a stream that ended");
    assert_eq!(line.level, Level::INFO);
    assert_eq!(line.text("outcome"), "success");
    assert_eq!(line.text("path"), "/mcp");
    assert_eq!(line.text("events"), "3");
    let (first, duration, stream) =
        (line.millis("first_event_ms"), line.millis("duration_ms"), line.millis("stream_ms"));
    assert!(first >= to_first && duration >= to_answer && stream >= at_least, "{line:?}");
    assert!(first < duration && duration < stream, "{line:?}");
    assert!(line.message.ends_with(&format!(" - {duration:.2}ms")), "{}", line.message);
}

#[tokio::test]
async fn a_document_has_no_times_of_a_stream() {
    let line = line_of(calls(), || answers(ANSWER)).await;
    for field in ["first_event_ms", "stream_ms", "events"] {
        assert!(!line.names().contains(&field), "{field}");
    }
}

/// T13: a stream that stands has a line when it opens and one when it ends, and is not slow.
#[tokio::test]
async fn a_standing_stream_has_a_line_at_each_end() {
    let get = || {
        let mut request = asks("GET", "/mcp");
        request.headers_mut().insert("mcp-session-id", "1".parse().unwrap());
        request
    };
    for (request, method) in [(get(), ""), (says(LISTEN), "subscriptions/listen")] {
        let (capture, _guard) = Capture::start(LevelFilter::TRACE);
        let stream = sse(Script::new([data(event(PROGRESS)), Step::Wait]));
        let layer = AccessLogLayer::new().routes(["/mcp"]).slow(Duration::from_secs(60));
        let service = layer.layer(Plan::new([Act::Respond(stream)]));
        let mut body = service.oneshot(request).await.unwrap().into_body();

        let opened = capture.only("a stream that opens");
        assert_eq!((opened.level, opened.name), (Level::DEBUG, "access.opened"));
        let duration = opened.millis("duration_ms");
        let verb = opened.text("method");
        assert_eq!(
            opened.message,
            format!("{verb} /mcp - 200 - stream open after {duration:.2}ms")
        );
        assert_eq!(opened.text("mcp_method"), method);
        for field in ["outcome", "bytes_out", "stream_ms"] {
            assert!(!opened.names().contains(&field), "{field} is not known yet");
        }

        body.frame().await.unwrap().unwrap();
        let at_least = pause();
        drop(body);
        let closed = capture.only("a stream that ends");
        assert_eq!((closed.level, closed.name), (Level::INFO, "access"));
        assert_eq!(closed.text("outcome"), "success");
        assert_eq!(closed.text("events"), "1");
        assert_eq!(closed.text("session"), opened.text("session"));
        assert!(closed.millis("stream_ms") >= at_least, "{closed:?}");
        assert_eq!(*closed.value("duration_ms"), *opened.value("duration_ms"), "to the head");
    }
}

#[tokio::test]
async fn what_is_no_stream_does_not_open() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let layer = AccessLogLayer::new();
    exchange(&layer, asks("GET", "/mcp"), || answers("{}")).await;
    assert_eq!(capture.only("a document").name, "access");
    exchange(&layer, asks("GET", "/mcp"), || {
        let mut response = sse(Script::new([]));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response
    })
    .await;
    assert_eq!(capture.only("a refusal").text("outcome"), "rejected");
}

/// A stream that stood has a duration of its own, however short.
#[tokio::test]
async fn a_standing_stream_that_ends_at_once_has_its_time() {
    let (capture, _guard) = Capture::start(LevelFilter::INFO);
    let layer = AccessLogLayer::new();
    for _ in 0..20 {
        exchange(&layer, asks("GET", "/mcp"), || sse(Script::new([]))).await;
        let line = capture.only("a stream that stood");
        assert!(line.millis("stream_ms") >= line.millis("duration_ms"));
    }
}
