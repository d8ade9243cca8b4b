//! The layers that have a budget, and the file that holds it.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use mcp_telemetry::{
    AccessLogLayer, MetricsLayer, ObservabilityLayer, RequestIdLayer, TraceContextLayer, logging,
    metrics::McpMetrics,
};
use tower::Layer;
use tracing_subscriber::{Layer as _, layer::SubscriberExt, registry};

use super::support::{Case, drive};

/// One line of the budget: what one request may cost over the bare service.
pub(crate) struct Bound {
    pub(crate) layer: String,
    pub(crate) case: String,
    #[allow(
        dead_code,
        reason = "the instruction bench reads no allocations, and the other way round"
    )]
    pub(crate) instructions: u64,
    #[allow(dead_code, reason = "as above")]
    pub(crate) allocations: u64,
}

impl Bound {
    /// The lines of `benches/budget.txt`.
    pub(crate) fn all() -> Vec<Self> {
        include_str!("../budget.txt")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
            .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
                [layer, case, instructions, allocations] => Self {
                    layer: layer.to_owned(),
                    case: case.to_owned(),
                    instructions: instructions.parse().expect("a number of instructions"),
                    allocations: allocations.parse().expect("a number of allocations"),
                },
                _ => panic!("not a line of the budget: {line:?}"),
            })
            .collect()
    }
}

/// The bare service under one layer, whose type is erased at the cost of one indirect call.
pub(crate) struct Layered(Box<dyn FnMut(Request<Full<Bytes>>) -> usize>);

impl Layered {
    pub(crate) fn new(layer: &str, case: &Case) -> Self {
        let (layer, lines) = match layer.strip_suffix("+lines") {
            Some(layer) => (layer, true),
            None => (layer, false),
        };
        let layered = Self::plain(layer, case);
        if lines { layered.writing_lines() } else { layered }
    }

    /// Writes the lines of each request as JSON, to nowhere.
    fn writing_lines(mut self) -> Self {
        let json = logging::JsonLayer::new().with_writer(std::io::sink as fn() -> std::io::Sink);
        let subscriber = tracing::Dispatch::new(registry().with(json.boxed()));
        Self(Box::new(move |request| {
            tracing::dispatcher::with_default(&subscriber, || self.drive(request))
        }))
    }

    fn plain(layer: &str, case: &Case) -> Self {
        let metrics = McpMetrics::builder().tools(["search"]).build().expect("valid settings");
        match layer {
            "bare" => Self::of(case.service()),
            "request_id" => Self::of(RequestIdLayer::new().layer(case.service())),
            "metrics" => Self::of(MetricsLayer::with_metrics(metrics).layer(case.service())),
            "trace_context" => Self::of(TraceContextLayer::new().layer(case.service())),
            "access_log" => Self::of(AccessLogLayer::new().layer(case.service())),
            "observability" => {
                Self::of(ObservabilityLayer::new().metrics(metrics).layer(case.service()))
            }
            _ => panic!("no such layer: {layer}"),
        }
    }

    pub(crate) fn drive(&mut self, request: Request<Full<Bytes>>) -> usize {
        (self.0)(request)
    }

    fn of<S, R>(mut service: S) -> Self
    where
        S: tower::Service<Request<Full<Bytes>>, Response = Response<R>, Error = Infallible>
            + 'static,
        R: http_body::Body<Data = Bytes>,
    {
        Self(Box::new(move |request| drive(&mut service, request)))
    }
}
