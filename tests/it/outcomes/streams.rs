//! How long what comes as a stream takes.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

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

/// How long something is held back, which shows in what includes it.
const LONG: Duration = Duration::from_millis(30);

/// What is told of one exchange.
struct Told {
    metrics: McpMetrics,
    lines: Lines,
    /// From the request to where the test took the time.
    bound: Duration,
}

/// Serves a request by a stream that is `slow` to open and follows these steps. `read` reads it, and takes
/// the time.
async fn stream(
    request: Request<Full<Bytes>>,
    slow: Duration,
    steps: Vec<Step>,
    read: impl AsyncFnOnce(&mut Boxed) -> Instant,
) -> Told {
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
    let began = Instant::now();
    let response = service.oneshot(request).await.unwrap();
    let mut body = response.into_body().map_err(Into::into).boxed_unsync();
    let bound = read(&mut body).await.saturating_duration_since(began);
    drop(body);
    Told { metrics, lines, bound }
}

async fn pass(body: &mut Boxed) {
    body.frame().await.unwrap().unwrap();
}

impl Told {
    /// The latency in each histogram and in the line, in seconds. Each has one sample.
    fn latencies(&self) -> Vec<f64> {
        let page = Page::of(&self.metrics);
        let families = ["mcp_request_duration_seconds", "mcp_operation_duration_seconds"];
        let sums = families.map(|family| {
            assert_eq!(page.count(&format!("{family}_count"), &[]), 1, "{family}");
            page.sum(&format!("{family}_sum"), &[])
        });
        sums.into_iter().chain([self.millis("duration_ms") / 1e3]).collect()
    }

    fn millis(&self, key: &str) -> f64 {
        let line = self.lines.of_exchanges().remove(0);
        line["extra"][key].as_f64().unwrap_or_else(|| panic!("no {key}: {line}"))
    }

    /// What was held back is in the latency.
    #[track_caller]
    fn assert_slow(&self) {
        let latencies = self.latencies();
        assert!(latencies.iter().all(|&it| it >= LONG.as_secs_f64()), "{latencies:?}");
    }

    /// The latency ended before the time was taken, and the stream went on.
    #[track_caller]
    fn assert_ended_before(&self) {
        let latencies = self.latencies();
        // Lines round to hundredths of milliseconds.
        let bound = self.bound.as_secs_f64() + 1e-5;
        assert!(latencies.iter().all(|&it| it <= bound), "{latencies:?} {bound}");
        assert!(self.millis("stream_ms") / 1e3 >= latencies[0] + LONG.as_secs_f64() - 1e-5);
    }
}

/// D4, T12, T13: how long a stream that stands for its own sake lasted is no latency, and that it was slow
/// to open is.
#[tokio::test]
async fn a_standing_stream_is_as_slow_as_its_head() {
    const LISTENS: &str = r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}"#;
    for request in [|| get(Full::default()), || post(Full::from(LISTENS))] {
        let steps = || vec![data(": x\n\n"), Step::Wait];
        let told = stream(request(), Duration::ZERO, steps(), async |body| {
            pass(body).await;
            let bound = Instant::now();
            hold_back(LONG);
            bound
        });
        told.await.assert_ended_before();
        let told = stream(request(), LONG, steps(), async |_| Instant::now());
        told.await.assert_slow();
    }
}

/// D4: while it is open, it can be seen already that it was slow to open.
#[tokio::test]
async fn a_standing_stream_counts_when_it_opens() {
    let metrics = store();
    let layer = ObservabilityLayer::new().metrics(metrics.clone());
    let service = layer.layer(handler(async |_: Request<Boxed>| {
        hold_back(LONG);
        Ok::<_, Infallible>(sse(Script::new([Step::Wait])))
    }));
    let response = service.oneshot(get(Full::<Bytes>::default())).await.unwrap();
    let page = Page::of(&metrics);
    assert!(page.sum("mcp_request_duration_seconds_sum", &[]) >= LONG.as_secs_f64());
    drop(response);
    assert_eq!(Page::of(&metrics).count("mcp_request_duration_seconds_count", &[]), 1, "once");
}

/// D4, T12: a call takes until its answer has passed: not until its head, and not until the stream ends.
#[tokio::test]
async fn a_call_is_as_slow_as_its_answer() {
    let steps = || vec![data(": x\n\n"), data(event(ANSWER)), data(": x\n\n"), Step::Wait];
    let told = stream(call(Full::from(CALL)), Duration::ZERO, steps(), async |body| {
        pass(body).await;
        hold_back(LONG);
        pass(body).await;
        Instant::now()
    });
    told.await.assert_slow();

    let told = stream(call(Full::from(CALL)), Duration::ZERO, steps(), async |body| {
        pass(body).await;
        pass(body).await;
        let bound = Instant::now();
        hold_back(LONG);
        pass(body).await;
        bound
    });
    told.await.assert_ended_before();
}
