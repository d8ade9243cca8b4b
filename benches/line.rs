//! What does a log line cost beside one of tracing-subscriber's own JSON layer?
//!
//! The same event, inside two spans with fields, is written to nowhere by either, in one run.
//! `cargo bench --bench line` runs it; `own` takes less than half of `tracing_subscriber`.

use criterion::{Criterion, criterion_group, criterion_main};
use mcp_telemetry::logging::JsonLayer;
use tracing::{Dispatch, dispatcher, info, info_span};
use tracing_subscriber::{Layer, fmt, layer::SubscriberExt, registry};

fn line(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("line");
    let nowhere = std::io::sink as fn() -> std::io::Sink;
    let peers = [
        ("own", Dispatch::new(registry().with(JsonLayer::new().with_writer(nowhere).boxed()))),
        (
            "tracing_subscriber",
            Dispatch::new(registry().with(fmt::layer().json().with_writer(nowhere))),
        ),
    ];
    for (name, subscriber) in peers {
        dispatcher::with_default(&subscriber, || {
            let outer = info_span!("request", method = "POST", path = "/mcp").entered();
            let inner = info_span!("tool", name = "search", id = 7).entered();
            group.bench_function(name, |bencher| {
                bencher.iter(|| info!(a = 1, b = "x", "hello"));
            });
            drop((inner, outer));
        });
    }
}

criterion_group!(benches, line);
criterion_main!(benches);
