//! A handler that records its call when it is dropped counted a cancelled call twice.

use std::{future, time::Duration};

use http::Response;
use http_body_util::BodyExt;
use mcp_telemetry::{MetricsLayer, metrics::McpMetrics};
use tokio_test::{assert_pending, task};
use tower::{Layer, Service};

use crate::support::{CALL, Page, Script, call, data, handler, store};

/// The usual guard: it records whatever way the handler ends.
struct Recording(McpMetrics);

impl Drop for Recording {
    fn drop(&mut self) {
        self.0.record_tool_call("echo", "cancelled", Duration::from_millis(7));
    }
}

#[test]
fn handler_that_records_in_its_drop_counts_once() {
    let metrics = store();
    let recorded = metrics.clone();
    let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(handler(
        move |request: http::Request<_>| {
            let recorded = recorded.clone();
            async move {
                let _recording = Recording(recorded);
                let _ = BodyExt::collect(request.into_body()).await;
                future::pending::<Result<Response<Script>, std::convert::Infallible>>().await
            }
        },
    ));
    let mut future = task::spawn(service.call(call(Script::new([data(CALL)]))));
    assert_pending!(future.poll());
    drop(future);
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_tool_calls_total", &[("status", "cancelled")]), 1);
    assert_eq!(page.count("mcp_tool_call_duration_seconds_count", &[]), 1);
}
