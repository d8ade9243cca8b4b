//! Tower middleware that makes any hyper, axum or tonic MCP server observable.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod exchange;
mod mcp;

pub mod metrics;
pub mod observability;
pub mod request_id;

pub use self::{
    error::Error,
    exchange::{Hold, Outcome, RequestBody},
    metrics::{MetricsLayer, MetricsService},
    observability::ObservabilityLayer,
    request_id::RequestIdLayer,
};
