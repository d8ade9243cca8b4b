//! All signals in one layer.
//!
//! [`ObservabilityLayer`] composes the layers of this crate in the right order: one wrapper around
//! the service, one pass over each body, one clock read at each end.
//!
//! ```
//! use mcp_telemetry::ObservabilityLayer;
//! use tower::Layer;
//!
//! # let mcp = tower::service_fn(|_: http::Request<mcp_telemetry::RequestBody<String>>| async {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
//! # });
//! let observed = ObservabilityLayer::new().layer(mcp);
//! ```
//!
//! # Customize
//!
//! Each signal takes its own settings, or is switched off:
//!
//! ```
//! use mcp_telemetry::{ObservabilityLayer, RequestIdLayer, metrics::McpMetrics};
//!
//! # fn main() -> Result<(), mcp_telemetry::Error> {
//! let metrics = McpMetrics::builder().tools(["search", "fetch"]).build()?;
//! let layer = ObservabilityLayer::new()
//!     .metrics(metrics.clone())
//!     .request_id(RequestIdLayer::new().header(http::HeaderName::from_static("x-trace")));
//!
//! let only_metrics = ObservabilityLayer::new().without_request_id();
//! # let _ = (layer, only_metrics);
//! # Ok(())
//! # }
//! ```
//!
//! # Where it stands
//!
//! Put it outside of everything whose work you want to see, and inside of what should not reach
//! your server at all. A layer that compresses responses belongs outside: what is compressed
//! further in cannot be read here, and a call whose answer nobody could read is `no_response`.
//!
//! Applied twice to one exchange, the second one passes everything through and records nothing.

mod layer;
mod signals;

pub use self::layer::ObservabilityLayer;
