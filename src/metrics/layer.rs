//! The middleware that fills the cells from the wire.

use std::sync::Arc;

use tower::Layer;

use super::{observer::RecordMetrics, store::McpMetrics};
use crate::exchange::{Common, Faults, Observe, Pass};

/// Counts what passes: requests, operations, tool calls, their durations and how they ended.
///
/// See the [module](crate::metrics) for what is recorded and when.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct MetricsLayer {
    observer: RecordMetrics,
    common: Arc<Common>,
}

impl MetricsLayer {
    /// Records into [`McpMetrics::global`].
    pub fn new() -> Self {
        Self::with_metrics(McpMetrics::global())
    }

    /// Records into a store of your own.
    pub fn with_metrics(metrics: McpMetrics) -> Self {
        Self { observer: RecordMetrics::new(metrics), common: Arc::default() }
    }

    /// Whether scrapes that [`MetricsService`](super::MetricsService) answered under this layer
    /// are counted. They are not by default: they would drown the traffic of a quiet server.
    pub fn count_scrapes(mut self, count: bool) -> Self {
        self.observer = self.observer.count_scrapes(count);
        self
    }

    /// The JSON-RPC error codes that are the caller's fault: their outcome is `caller_error`, that of any
    /// other code `server_error`. A call replaces the list.
    ///
    /// Default: -32700, -32600, -32601, -32602, -32002, -32020, -32021 and -32022. Of stacked layers, the
    /// outermost one's list counts.
    pub fn caller_faults(mut self, codes: impl IntoIterator<Item = i64>) -> Self {
        self.common = self.common.with_faults(Faults::new(codes));
        self
    }

    /// Whether the `path` label is the path by which axum's router has matched a request: `/users/{id}`
    /// for `/users/42`. Default: `false`.
    ///
    /// It is known inside of the router, as with `Router::layer`, and is then told to layers further out.
    /// Where none of them stands inside, in a fallback, and below the path of `nest_service` there is none,
    /// and the path itself is looked at as without this setting. So it is after a match with a wildcard,
    /// such as `/files/{*path}`, if the path is an admitted route.
    ///
    /// Such a path needs no proof: it is one of the 32 routes of a store at once, unless that is told to
    /// [learn](super::McpMetricsBuilder::learn) nothing.
    #[cfg(feature = "axum")]
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn matched_path(mut self, show: bool) -> Self {
        self.common = self.common.with_matched_path(show);
        self
    }
}

impl Default for MetricsLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Observe<S, RecordMetrics, Pass>;

    fn layer(&self, inner: S) -> Self::Service {
        Observe::new(inner, self.observer.clone(), Pass, &self.common)
    }
}
