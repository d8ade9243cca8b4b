//! What does each layer cost on top of the service it wraps?
//!
//! Each case is measured bare and under each layer, in one run. Compare within a run: the machine
//! decides about the absolute numbers. `cargo bench --bench overhead` runs it; the README shows a
//! table of one run.

mod support;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use mcp_telemetry::{
    AccessLogLayer, MetricsLayer, ObservabilityLayer, RequestIdLayer, TraceContextLayer,
    metrics::McpMetrics,
};
use support::{Case, drive};
use tower::Layer;

fn overhead(criterion: &mut Criterion) {
    let metrics = McpMetrics::builder().tools(["search"]).build().expect("valid settings");
    for case in Case::ALL {
        let mut group = criterion.benchmark_group(case.name);
        let requests = case.requests();
        macro_rules! measure {
            ($name:literal, $service:expr) => {
                let mut service = $service;
                group.bench_function($name, |bencher| {
                    bencher.iter_batched(
                        &requests,
                        |request| black_box(drive(&mut service, request)),
                        BatchSize::SmallInput,
                    );
                });
            };
        }
        measure!("bare", case.service());
        measure!("request_id", RequestIdLayer::new().layer(case.service()));
        measure!("trace_context", TraceContextLayer::new().layer(case.service()));
        measure!("access_log", AccessLogLayer::new().layer(case.service()));
        measure!("metrics", MetricsLayer::with_metrics(metrics.clone()).layer(case.service()));
        measure!(
            "observability",
            ObservabilityLayer::new().metrics(metrics.clone()).layer(case.service())
        );
    }
}

criterion_group!(benches, overhead);
criterion_main!(benches);
