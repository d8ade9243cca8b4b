//! How loud a line is.

use std::time::Duration;

use mcp_telemetry::MetricsService;
use tracing::Level;

use super::*;
use crate::support::{Broken, Step, store};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const SAMPLED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"role":"user"}}"#;

/// Each outcome that an answer can have. The others are among the endings.
#[tokio::test]
async fn each_outcome_has_its_level() {
    let result =
        |result: &'static str| answers(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#));
    for (respond, outcome, level) in [
        (&(|| answers(ANSWER)) as &(dyn Fn() -> Response<Script> + Sync), "success", Level::INFO),
        (&|| result(r#"{"resultType":"input_required"}"#), "input_required", Level::INFO),
        (&|| error(-32042), "input_required", Level::INFO),
        (&|| result(r#"{"isError":true}"#), "tool_error", Level::WARN),
        (&|| error(-32602), "caller_error", Level::INFO),
        (&|| error(-32603), "server_error", Level::ERROR),
        (&|| status(500), "server_error", Level::ERROR),
        (&|| status(401), "rejected", Level::INFO),
        (&|| status(404), "rejected", Level::INFO),
        (&|| status(408), "timeout", Level::WARN),
        (&|| status(504), "timeout", Level::WARN),
        (&|| answers("{}"), "no_response", Level::WARN),
        (&|| json(Script::new([Step::Error])), "transport_error", Level::ERROR),
    ] {
        let line = line_of(calls(), respond).await;
        assert_eq!(line.text("outcome"), outcome);
        assert_eq!(line.level, level, "{outcome}");
    }
}

#[tokio::test]
async fn an_error_of_the_service_is_an_error() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let failing = handler(|_: Request<Boxed>| future::ready(Err::<Response<Script>, _>(Broken)));
    let result = AccessLogLayer::new().layer(failing).oneshot(calls()).await;
    assert_eq!(result.unwrap_err(), Broken, "it is passed on");
    let line = capture.only("a service that fails");
    assert_eq!(line.level, Level::ERROR);
    assert_eq!(line.text("outcome"), "transport_error");
    assert_eq!(line.text("status"), "499", "there was no head");
    assert!(!line.contains("as the script says"), "not the text of an error");
}

/// What asks for nothing is not worth a line, unless something is wrong with it.
#[tokio::test]
async fn pings_and_notifications_are_quiet() {
    let both = format!("[{PING},{INITIALIZED}]");
    let answered_in_part = format!("[{PING},{CALL}]");
    for (message, level) in [
        (PING, Level::DEBUG),
        (INITIALIZED, Level::DEBUG),
        (SAMPLED, Level::DEBUG),
        (&both, Level::DEBUG),
        (&answered_in_part, Level::WARN),
        ("not JSON", Level::INFO),
    ] {
        let line = line_of(says(message.to_owned()), || answers(ANSWER)).await;
        assert_eq!(line.level, level, "{message}");
        let line = line_of(says(message.to_owned()), || status(500)).await;
        assert_eq!(line.level, Level::ERROR, "{message} that fails");
    }
}

/// T33: what is skipped is skipped by its very path.
#[tokio::test]
async fn the_skip_list_is_exact() {
    let ok = || status(200);
    for (path, level) in [
        ("/health", Level::DEBUG),
        ("/healthz", Level::DEBUG),
        ("/ready", Level::DEBUG),
        ("/livez", Level::DEBUG),
        ("/metrics", Level::DEBUG),
        ("/metrics?x=1", Level::DEBUG),
        ("/metrics/", Level::INFO),
        ("/metricsx", Level::INFO),
        ("/Metrics", Level::INFO),
        ("/v1/health", Level::INFO),
        ("/", Level::INFO),
    ] {
        let line = line_of(asks("GET", path), ok).await;
        assert_eq!(line.level, level, "{path}");
    }
    let line = line_of(asks("GET", "/ready"), || status(500)).await;
    assert_eq!(line.level, Level::ERROR, "a failure is not skipped");

    let custom = || AccessLogLayer::new().skip(["/up"]);
    assert_eq!(line_under(custom(), asks("GET", "/up"), ok).await.level, Level::DEBUG);
    assert_eq!(line_under(custom(), asks("GET", "/health"), ok).await.level, Level::INFO);
}

/// T33: a scrape is quiet wherever the page is.
#[tokio::test]
async fn a_scrape_is_quiet() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let service = AccessLogLayer::new().layer(MetricsService::with_metrics(store()));
    let request = Request::get("/internal/page").header("host", "localhost");
    let response = service.oneshot(request.body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().collect().await.unwrap();
    assert_eq!(capture.only("a scrape").level, Level::DEBUG);
}

#[tokio::test]
async fn what_is_slow_is_raised() {
    let at_once = || AccessLogLayer::new().slow(Duration::ZERO);
    let never = || AccessLogLayer::new().slow(Duration::MAX);
    for (respond, fast, slow) in [
        (&(|| answers(ANSWER)) as &(dyn Fn() -> Response<Script> + Sync), Level::INFO, Level::WARN),
        (&|| status(401), Level::INFO, Level::WARN),
        (&|| answers("{}"), Level::WARN, Level::WARN),
        (&|| status(500), Level::ERROR, Level::ERROR),
    ] {
        assert_eq!(line_under(never(), calls(), respond).await.level, fast);
        assert_eq!(line_under(at_once(), calls(), respond).await.level, slow);
    }
    let ping = line_under(at_once(), says(PING), || answers(ANSWER)).await;
    assert_eq!(ping.level, Level::DEBUG, "what nobody waits for is not slow");
}
