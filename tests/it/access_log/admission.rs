//! Which lines are written.

use std::time::{Duration, Instant};

use mcp_telemetry::{AccessLogLayer, ObservabilityLayer};
use tracing::Level;

use super::*;
use crate::support::{Page, store, within};

/// Exactly the first of every `n` successes, and all that was no success.
#[tokio::test]
async fn a_share_of_the_successes_is_exact() {
    for (n, expected) in [(0, 10), (1, 10), (2, 5), (3, 4), (10, 1), (11, 1)] {
        let (capture, _guard) = Capture::start(LevelFilter::TRACE);
        let layer = AccessLogLayer::new().sample_success(n);
        for _ in 0..10 {
            exchange(&layer, calls(), || answers(ANSWER)).await;
            exchange(&layer, calls(), || error(-32602)).await;
        }
        let lines = capture.take();
        let count = |outcome| lines.iter().filter(|line| line.text("outcome") == outcome).count();
        assert_eq!(count("success"), expected, "one in {n}");
        assert_eq!(count("caller_error"), 10, "one in {n}");
        assert_eq!(lines[0].text("outcome"), "success", "the first is among them");
    }
}

#[tokio::test]
async fn a_slow_success_is_not_left_out() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let layer = AccessLogLayer::new().sample_success(1000).slow(Duration::ZERO);
    for _ in 0..3 {
        exchange(&layer, calls(), || answers(ANSWER)).await;
    }
    assert_eq!(capture.take().len(), 3);
}

/// In one second, at most so many lines of what strangers can cause.
#[tokio::test]
async fn refusals_of_one_second_are_bounded() {
    loop {
        let (capture, _guard) = Capture::start(LevelFilter::TRACE);
        let begun = Instant::now();
        let layer = AccessLogLayer::new().max_lines_per_second(3);
        for _ in 0..5 {
            exchange(&layer, calls(), || status(401)).await;
            exchange(&layer, calls(), || error(-32602)).await;
            exchange(&layer, calls(), || status(500)).await;
        }
        let lines = capture.take();
        if Instant::now().saturating_duration_since(begun) >= Duration::from_secs(1) {
            // The machine was busy: this was more than one second.
            continue;
        }
        let count = |outcome| lines.iter().filter(|line| line.text("outcome") == outcome).count();
        assert_eq!(count("rejected") + count("caller_error"), 3, "both together: {lines:#?}");
        assert_eq!(count("server_error"), 5, "what failed is never held back");
        break;
    }
}

/// In the bundle the metrics tell how many lines are missing.
#[tokio::test]
async fn lines_held_back_are_counted_by_the_metrics_beside() {
    let (_capture, _guard) = Capture::start(LevelFilter::TRACE);
    let metrics = store();
    let line = AccessLogLayer::new().max_lines_per_second(0);
    let layer = ObservabilityLayer::new().metrics(metrics.clone()).access_log(line);
    for code in [401, 403, 429, 500] {
        let inner = crate::support::AnyBody(service(move || status(code)));
        let Ok(response) = layer.layer(inner).oneshot(calls()).await;
        let _ = response.into_body().collect().await;
    }
    let dropped = [("signal", "log")];
    assert_eq!(Page::of(&metrics).count("mcp_observability_dropped_total", &dropped), 3);
}

/// What was held back is told of when lines flow again: written and told add up to what was sent.
#[tokio::test]
async fn what_is_held_back_is_counted() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let layer = AccessLogLayer::new().max_lines_per_second(2);
    let flood = async {
        let (mut sent, mut written) = (0, 0);
        loop {
            exchange(&layer, calls(), || status(429)).await;
            sent += 1;
            let lines = capture.take();
            written += lines.iter().filter(|line| line.name == "access").count();
            if let Some(told) = lines.iter().find(|line| line.name == "access.held_back") {
                break (sent, written, told.clone());
            }
        }
    };
    let (sent, written, told) = within("a second passes", flood).await;
    assert!(written >= 3, "two in the first second, one that flows again: {written}");
    let held_back = sent - written;
    assert_eq!(told.text("held_back"), held_back.to_string());
    assert_eq!(told.message, format!("{held_back} lines held back"));
    assert_eq!((told.level, &told.parent), (Level::INFO, &None));
    assert!(!told.names().contains(&"outcome"), "it is not the line of an exchange");
}

/// A line that nobody wants is not worked out: a route is learned when it is shown, and it was not.
#[tokio::test]
async fn a_line_that_nobody_wants_is_not_worked_out() {
    let layer = AccessLogLayer::new();
    for (most, expected) in [(LevelFilter::WARN, "_OTHER"), (LevelFilter::INFO, "/mcp")] {
        let (capture, guard) = Capture::start(most);
        exchange(&layer, calls(), || answers(ANSWER)).await;
        exchange(&layer, calls(), || status(200)).await;
        let warnings = capture.take().iter().filter(|line| line.level == Level::WARN).count();
        assert_eq!(warnings, 1, "what is wanted is written");
        drop(guard);

        let (capture, _guard) = Capture::start(LevelFilter::INFO);
        exchange(&layer, asks("GET", "/mcp"), || status(200)).await;
        assert_eq!(capture.only("after all").text("path"), expected);
    }
}
