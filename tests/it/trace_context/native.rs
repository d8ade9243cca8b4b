//! Without an OpenTelemetry SDK, and before it is there.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use mcp_telemetry::{
    TraceContextLayer,
    context::{RequestContext, TraceContext},
    trace_context::Trust,
};
use opentelemetry::{
    InstrumentationScope,
    global::BoxedTracer,
    trace::{TracerProvider, noop::NoopTracer},
};
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::{PARENT, Sdk, TRACE, call_with, exchange, serving};
use crate::support::{ANSWER, Script, data, json};

/// The trace context that a handler sees.
async fn seen(layer: &TraceContextLayer, headers: &[(&'static str, &'static str)]) -> TraceContext {
    let seen = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&seen);
    let service = serving(move |_| {
        *slot.lock().unwrap() = RequestContext::current().unwrap().trace_context();
        async { json(Script::new([data(ANSWER)])) }
    });
    exchange(layer, service, call_with(headers)).await;
    seen.lock().unwrap().take().expect("the exchange is traced")
}

#[tokio::test]
async fn ids_are_native() {
    let layer = TraceContextLayer::new();
    let (one, two) = (seen(&layer, &[]).await, seen(&layer, &[]).await);
    assert!(one.is_native() && two.is_native());
    assert_ne!(one.trace_id(), two.trace_id());
    assert_ne!(one.span_id(), two.span_id());
    assert!(!one.flags().is_sampled());
}

#[tokio::test]
async fn native_ids_continue_the_trace() {
    let trace = seen(&TraceContextLayer::new(), &[("traceparent", PARENT)]).await;
    assert_eq!(trace.trace_id().to_string(), TRACE);
    assert!(!PARENT.contains(&trace.span_id().to_string()));
    assert!(trace.flags().is_sampled(), "as its parent was");

    let stranger = TraceContextLayer::new().trust(Trust::Never);
    let trace = seen(&stranger, &[("traceparent", PARENT)]).await;
    assert_ne!(trace.trace_id().to_string(), TRACE);
}

/// A provider that does nothing until an SDK is put in, as the global one.
#[derive(Clone, Default)]
struct Late {
    sdk: Arc<OnceLock<SdkTracerProvider>>,
    asked: Arc<AtomicUsize>,
}

impl TracerProvider for Late {
    type Tracer = BoxedTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> BoxedTracer {
        self.asked.fetch_add(1, SeqCst);
        match self.sdk.get() {
            Some(sdk) => BoxedTracer::new(Box::new(sdk.tracer_with_scope(scope))),
            None => BoxedTracer::new(Box::new(NoopTracer::new())),
        }
    }
}

#[tokio::test]
async fn an_sdk_that_comes_late_is_found_within_the_second() {
    let (sdk, late) = (Sdk::new(), Late::default());
    let layer = TraceContextLayer::new().tracer_provider(late.clone());
    for _ in 0..20 {
        assert!(seen(&layer, &[("traceparent", PARENT)]).await.is_native());
    }
    assert_eq!(late.asked.load(SeqCst), 1, "once a second at most");

    late.sdk.set(sdk.provider.clone()).unwrap();
    let latest = Instant::now() + Duration::from_millis(1_500);
    while seen(&layer, &[]).await.is_native() {
        assert!(Instant::now() < latest, "it is found by now");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(late.asked.load(SeqCst), 2);
    assert!(!seen(&layer, &[]).await.is_native());
    assert_eq!(late.asked.load(SeqCst), 2, "it is kept");
    assert_eq!(sdk.spans().len(), 2);
}

#[tokio::test]
async fn ids_are_native_again_once_the_sdk_is_shut_down() {
    let sdk = Sdk::new();
    let layer = sdk.layer();
    assert!(!seen(&layer, &[]).await.is_native());
    sdk.provider.shutdown().unwrap();
    for _ in 0..3 {
        let trace = seen(&layer, &[("traceparent", PARENT)]).await;
        assert!(trace.is_native());
        assert_eq!(trace.trace_id().to_string(), TRACE);
    }
}

/// A service that is called where OpenTelemetry is told to be quiet has no span, and the next has.
#[tokio::test]
async fn a_suppressed_context_has_no_span() {
    let sdk = Sdk::new();
    let layer = sdk.layer();
    let quiet = opentelemetry::Context::new().with_telemetry_suppressed();
    let trace = opentelemetry::context::FutureExt::with_context(seen(&layer, &[]), quiet).await;
    assert!(trace.is_native());
    assert!(!seen(&layer, &[]).await.is_native());
    assert_eq!(sdk.spans().len(), 1);
}
