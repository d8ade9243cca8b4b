//! The bundle's layer and its settings.

use tower::Layer;

use super::signals::Signals;
use crate::{
    exchange::{Hold, Holding, Observe},
    metrics::{McpMetrics, RecordMetrics},
    request_id::{MakeRequestId, RequestIdLayer, StampRequestId},
};

/// Request ids and metrics in one layer.
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
}

impl ObservabilityLayer {
    /// All signals with their defaults. Metrics go to [`McpMetrics::global`].
    pub fn new() -> Self {
        let all = (
            Some(StampRequestId::new(RequestIdLayer::new())),
            Some(RecordMetrics::new(McpMetrics::global())),
        );
        Self { signals: Signals { all }, mode: Holding::new(Hold::Never) }
    }

    /// Records into a store of your own. [`McpMetrics::global`] by default.
    pub fn metrics(mut self, metrics: McpMetrics) -> Self {
        self.signals.all.1 = Some(RecordMetrics::new(metrics));
        self
    }

    /// Records no metrics.
    pub fn without_metrics(mut self) -> Self {
        self.signals.all.1 = None;
        self
    }

    /// Whether scrapes that [`MetricsService`](crate::MetricsService) answered under this layer
    /// are counted. They are not by default. Without metrics, this sets nothing.
    pub fn count_scrapes(mut self, count: bool) -> Self {
        self.signals.all.1 = self.signals.all.1.map(|metrics| metrics.count_scrapes(count));
        self
    }

    /// Settings of the request id. [`RequestIdLayer::new`] by default.
    pub fn request_id<M>(mut self, layer: RequestIdLayer<M>) -> Self
    where
        M: MakeRequestId + Send + Sync + 'static,
    {
        self.signals.all.0 = Some(StampRequestId::new(layer));
        self
    }

    /// Sets no request ids.
    pub fn without_request_id(mut self) -> Self {
        self.signals.all.0 = None;
        self
    }

    /// Whether the inner service is called only when the request's message is known.
    /// [`Hold::Never`] by default: no signal of this version needs it.
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
        Observe::new(inner, self.signals.clone(), self.mode.clone())
    }
}
