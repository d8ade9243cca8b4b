//! How long what comes as a stream takes.

use std::{convert::Infallible, time::Duration};

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{ObservabilityLayer, metrics::McpMetrics};
use tower::{Layer, ServiceExt};

use crate::{
    lines::Lines,
    support::{
        ANSWER, Boxed, CALL, Page, Script, Step, call, data, event, get, handler, hold_back, post,
        sse, store,
    },
};

/// Longer than anything here takes by itself, but for a very busy machine.
const LONG: Duration = Duration::from_millis(30);

/// The sum and the number of what is in a histogram.
fn durations(metrics: &McpMetrics, family: &str) -> (f64, u64) {
    let page = Page::of(metrics);
    (page.sum(&format!("{family}_sum"), &[]), page.count(&format!("{family}_count"), &[]))
}

/// Serves a request by a stream: `slow` to open, then with these steps. Lets `then` see the body.
async fn stream(
    request: Request<Full<Bytes>>,
    slow: Duration,
    steps: Vec<Step>,
    then: impl AsyncFnOnce(&McpMetrics, &mut Boxed),
) -> (McpMetrics, Lines) {
    let metrics = store();
    let (lines, _capturing) = Lines::capture("mcp_telemetry::access=debug");
    let layer = ObservabilityLayer::new().metrics(metrics.clone());
    let service = layer.layer(handler(move |request: Request<Boxed>| {
        let steps = steps.clone();
        async move {
            request.into_body().collect().await.unwrap();
            hold_back(slow);
            Ok::<_, Infallible>(sse(Script::new(steps)))
        }
    }));
    let response = service.oneshot(request).await.unwrap();
    let mut body = response.into_body().map_err(Into::into).boxed_unsync();
    then(&metrics, &mut body).await;
    drop(body);
    (metrics, lines)
}

const FAMILIES: [&str; 2] = ["mcp_request_duration_seconds", "mcp_operation_duration_seconds"];

/// D4, T12, T13: how long a stream that stands for its own sake lasted is no latency, and that it was slow
/// to open is.
#[tokio::test]
async fn a_standing_stream_is_as_slow_as_its_head() {
    const LISTENS: &str = r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}"#;
    for request in [|| get(Full::default()), || post(Full::from(LISTENS))] {
        let (metrics, lines) = stream(
            request(),
            Duration::ZERO,
            vec![data(": x\n\n"), Step::Wait],
            async |_, body| {
                body.frame().await.unwrap().unwrap();
                hold_back(LONG);
            },
        )
        .await;
        let line = lines.of_exchanges().remove(0);
        assert!(line["extra"]["stream_ms"].as_f64().unwrap() >= 30.0, "{line}");
        assert!(line["extra"]["duration_ms"].as_f64().unwrap() < 30.0, "{line}");
        for family in FAMILIES {
            let (sum, count) = durations(&metrics, family);
            assert!(sum < LONG.as_secs_f64() && count == 1, "{family}: {sum} {count}");
        }

        let (metrics, lines) = stream(request(), LONG, vec![Step::Wait], async |metrics, _| {
            // Visible while it is open.
            for family in FAMILIES {
                let (sum, count) = durations(metrics, family);
                assert!(sum >= LONG.as_secs_f64() && count == 1, "{family}: {sum} {count}");
            }
        })
        .await;
        let line = lines.of_exchanges().remove(0);
        assert!(line["extra"]["duration_ms"].as_f64().unwrap() >= 30.0, "{line}");
        for family in FAMILIES {
            assert_eq!(durations(&metrics, family).1, 1, "once");
        }
    }
}

/// D4, T12: a call takes until its answer has passed: not until its head, and not until the stream ends.
#[tokio::test]
async fn a_call_is_as_slow_as_its_answer() {
    let steps =
        || vec![data(": x\n\n"), Step::Yield, data(event(ANSWER)), data(": x\n\n"), Step::Wait];
    let (metrics, lines) =
        stream(call(Full::from(CALL)), Duration::ZERO, steps(), async |_, body| {
            body.frame().await.unwrap().unwrap();
            hold_back(LONG);
            body.frame().await.unwrap().unwrap();
            body.frame().await.unwrap().unwrap();
        })
        .await;
    for family in FAMILIES {
        let (sum, count) = durations(&metrics, family);
        assert!(sum >= LONG.as_secs_f64() && count == 1, "{family}: {sum} {count}");
    }
    assert!(lines.of_exchanges()[0]["extra"]["duration_ms"].as_f64().unwrap() >= 30.0);

    let (metrics, lines) =
        stream(call(Full::from(CALL)), Duration::ZERO, steps(), async |_, body| {
            for _ in 0..3 {
                body.frame().await.unwrap().unwrap();
            }
            hold_back(LONG);
        })
        .await;
    for family in FAMILIES {
        let (sum, count) = durations(&metrics, family);
        assert!(sum < LONG.as_secs_f64() && count == 1, "{family}: {sum} {count}");
    }
    let line = lines.of_exchanges().remove(0);
    assert!(line["extra"]["stream_ms"].as_f64().unwrap() >= 30.0, "{line}");
}
