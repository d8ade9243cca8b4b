//! The bundle's layer and its settings.

use std::sync::Arc;

use tower::Layer;

use super::signals::Signals;
use crate::{
    access_log::AccessLogLayer,
    exchange::{Common, Faults, Hold, Holding, Observe},
    metrics::{McpMetrics, RecordMetrics},
    request_id::{MakeRequestId, RequestIdLayer, StampRequestId},
    trace_context::TraceContextLayer,
};

/// Request ids, trace context, one log line for each exchange, and metrics in one layer.
///
/// See the [module](crate::observability) for an example and for where to put it.
///
/// The inner service has to be `Clone`, and the request body `Unpin`, since a layer that
/// [holds](Self::hold) calls the service later. All that hyper, axum and tonic serve is.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ObservabilityLayer {
    signals: Signals,
    mode: Holding,
    /// Kept for the store that is yet to come.
    count_scrapes: bool,
    common: Arc<Common>,
}

impl ObservabilityLayer {
    /// All signals with their defaults. Metrics go to [`McpMetrics::global`].
    pub fn new() -> Self {
        let ids = StampRequestId::new(RequestIdLayer::new());
        let trace = TraceContextLayer::new().observer();
        let line = AccessLogLayer::new().into_observer();
        let metrics = RecordMetrics::new(McpMetrics::global());
        let all = ((Some(ids), Some(trace)), (Some(line), Some(metrics)));
        let mode = Holding::new(Hold::default());
        Self { signals: Signals { all }, mode, count_scrapes: false, common: Arc::default() }
    }

    /// Settings of the request id. [`RequestIdLayer::new`] by default.
    pub fn request_id<M>(mut self, layer: RequestIdLayer<M>) -> Self
    where
        M: MakeRequestId + Send + Sync + 'static,
    {
        *self.signals.request_id() = Some(StampRequestId::new(layer));
        self
    }

    /// Sets no request ids.
    pub fn without_request_id(mut self) -> Self {
        *self.signals.request_id() = None;
        self
    }

    /// Settings of the trace context. [`TraceContextLayer::new`] by default. Whether it
    /// [holds](TraceContextLayer::hold) is this layer's own setting.
    pub fn trace_context(mut self, layer: &TraceContextLayer) -> Self {
        *self.signals.trace_context() = Some(layer.observer());
        self
    }

    /// Traces nothing, makes no ids for lines, and holds nothing.
    pub fn without_trace_context(mut self) -> Self {
        *self.signals.trace_context() = None;
        self.mode = Holding::new(Hold::Never);
        self
    }

    /// Settings of the log line. [`AccessLogLayer::new`] by default.
    pub fn access_log(mut self, layer: AccessLogLayer) -> Self {
        *self.signals.access_log() = Some(layer.into_observer());
        self
    }

    /// Writes no lines.
    pub fn without_access_log(mut self) -> Self {
        *self.signals.access_log() = None;
        self
    }

    /// Records into a store of your own. [`McpMetrics::global`] by default.
    pub fn metrics(mut self, metrics: McpMetrics) -> Self {
        let metrics = RecordMetrics::new(metrics).count_scrapes(self.count_scrapes);
        *self.signals.metrics() = Some(metrics);
        self
    }

    /// Records no metrics.
    pub fn without_metrics(mut self) -> Self {
        *self.signals.metrics() = None;
        self
    }

    /// Whether scrapes that [`MetricsService`](crate::MetricsService) answered under this layer
    /// are counted. They are not by default. Without metrics, this sets nothing.
    pub fn count_scrapes(mut self, count: bool) -> Self {
        self.count_scrapes = count;
        let metrics = self.signals.metrics();
        *metrics = metrics.take().map(|metrics| metrics.count_scrapes(count));
        self
    }

    /// The JSON-RPC error codes that are the caller's fault: their outcome is `caller_error`, that of any
    /// other code `server_error`. A call replaces the list.
    ///
    /// Default: -32700, -32600, -32601, -32602, -32002, -32020, -32021 and -32022. It is this
    /// layer's setting, whatever layers were given to it; of stacked layers, the outermost one's counts.
    pub fn caller_faults(mut self, codes: impl IntoIterator<Item = i64>) -> Self {
        self.common = self.common.with_faults(Faults::new(codes));
        self
    }

    /// Whether the route is the path by which axum's router has matched a request: `/users/{id}` for
    /// `/users/42`. Default: `false`.
    ///
    /// Metrics and lines show it as their `path`, spans as `http.route`.
    /// [`MetricsLayer::matched_path`](crate::MetricsLayer::matched_path) says where it is known. It is this
    /// layer's setting, whatever layers were given to it.
    #[cfg(feature = "axum")]
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn matched_path(mut self, show: bool) -> Self {
        self.common = self.common.with_matched_path(show);
        self
    }

    /// Whether the inner service is called only when the request's message is known, since a span
    /// begins with what it says. Messages of up to 64 KiB by default. With [`Hold::Never`] parents come
    /// from headers only.
    pub fn hold(mut self, hold: Hold) -> Self {
        self.mode = Holding::new(hold);
        self
    }
}

impl Default for ObservabilityLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ObservabilityLayer {
    type Service = Observe<S, Signals, Holding>;

    fn layer(&self, inner: S) -> Self::Service {
        self.signals.connect();
        Observe::new(inner, self.signals.clone(), self.mode.clone(), &self.common)
    }
}
