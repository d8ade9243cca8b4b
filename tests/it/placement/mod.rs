//! Where the layers stand: in which frameworks, and over the scrape.

mod axum;
mod hyper;
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

        let made_holding = $check(bundle.hold(mcp_telemetry::Hold::UpTo(65_536))).await;
        crate::placement::assert_counted(&metrics, made + made_holding, "holding");
    };
}
use with_each_layer;

use crate::support::Page;

#[track_caller]
fn assert_counted(metrics: &mcp_telemetry::metrics::McpMetrics, made: u64, what: &str) {
    let page = Page::of(metrics);
    assert_eq!(page.count("mcp_operations_total", &[("outcome", "success")]), made, "{what}");
    assert_eq!(page.operations(), made, "{what}");
    page.assert_idle(what);
}
