//! Where the layers stand: in which frameworks, and over the scrape.

mod axum;
mod hyper;
#[cfg(all(feature = "axum", feature = "logging"))]
mod matched;
mod rmcp;
mod scrape;
mod tonic;

/// Runs a check with each layer of the crate, and looks whether it counted the exchanges that the
/// check says it made.
macro_rules! with_each_layer {
    ($check:ident) => {
        let made = $check(mcp_telemetry::RequestIdLayer::new()).await;
        assert!(made > 0, "the check makes exchanges");

        let metrics = crate::support::store();
        let made = $check(mcp_telemetry::MetricsLayer::with_metrics(metrics.clone())).await;
        crate::placement::assert_counted(&metrics, made, "MetricsLayer");

        let metrics = crate::support::store();
        let bundle = mcp_telemetry::ObservabilityLayer::new().metrics(metrics.clone());
        let made = $check(bundle.clone()).await;
        crate::placement::assert_counted(&metrics, made, "ObservabilityLayer");

        #[cfg(feature = "logging")]
        {
            let lines = crate::lines::Lines::capture("mcp_telemetry::access=debug");
            let made = $check(mcp_telemetry::TraceContextLayer::new()).await;
            assert!(made > 0 && lines.0.all().is_empty(), "nothing writes");
            let made = $check(mcp_telemetry::AccessLogLayer::new()).await;
            assert_eq!(lines.0.of_exchanges().len() as u64, made, "AccessLogLayer");

            let lines = crate::lines::Lines::capture("mcp_telemetry::access=debug");
            let bundle = bundle.clone().metrics(crate::support::store());
            let made = $check(bundle).await;
            crate::placement::assert_lines(&lines.0.of_exchanges(), made);
        }

        let made_holding = $check(bundle.hold(mcp_telemetry::Hold::UpTo(65_536))).await;
        crate::placement::assert_counted(&metrics, made + made_holding, "holding");
    };
}
use with_each_layer;

use crate::support::Page;

/// A line for each exchange, with ids that no other has.
#[cfg(feature = "logging")]
#[track_caller]
fn assert_lines(lines: &[serde_json::Value], made: u64) {
    assert_eq!(lines.len() as u64, made, "{lines:#?}");
    for key in ["request_id", "trace_id", "span_id"] {
        let ids: std::collections::HashSet<_> =
            lines.iter().map(|line| line[key].as_str().unwrap()).collect();
        assert_eq!(ids.len(), lines.len(), "{key}");
    }
}

#[track_caller]
fn assert_counted(metrics: &mcp_telemetry::metrics::McpMetrics, made: u64, what: &str) {
    let page = Page::of(metrics);
    assert_eq!(page.count("mcp_operations_total", &[("outcome", "success")]), made, "{what}");
    assert_eq!(page.operations(), made, "{what}");
    page.assert_idle(what);
}
