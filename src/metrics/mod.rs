//! Prometheus metrics of an MCP server, down to the single tool.
//!
//! [`McpMetrics`] keeps the counts, [`MetricsService`] serves them as the page that Prometheus
//! scrapes. Nothing has to be registered or installed:
//!
//! ```
//! use std::time::Duration;
//!
//! use mcp_telemetry::metrics::McpMetrics;
//!
//! let metrics = McpMetrics::global();
//! metrics.record_tool_call("get_weather", "success", Duration::from_millis(42));
//!
//! let page = metrics.render();
//! assert!(page.contains(r#"mcp_tool_calls_total{tool_name="get_weather",status="success"} 1"#));
//! ```
//!
//! # Families
//!
//! The prefix `mcp` is the [namespace](McpMetricsBuilder::namespace).
//!
//! | family | type | labels |
//! |---|---|---|
//! | `mcp_service_info` | gauge, 1 | `version`, any |
//! | `mcp_requests_total` | counter | `method`, `path`, `status` |
//! | `mcp_request_duration_seconds` | histogram | `method`, `path` |
//! | `mcp_tools_total`, `mcp_resources_total`, `mcp_prompts_total` | gauge | |
//! | `mcp_tool_calls_total` | counter | `tool_name`, `status`, `error_type` |
//! | `mcp_tool_call_duration_seconds` | histogram | `tool_name` |
//! | `mcp_resource_reads_total` | counter | `resource_type`, `status` |
//! | `mcp_auth_attempts_total` | counter | `type`, `status`, `reason` |
//! | `mcp_rate_limit_hits_total` | counter | `client_type` |
//! | `mcp_errors_total` | counter | `type`, `component` |
//! | `mcp_operations_total` | counter | `mcp_method`, `outcome` |
//! | `mcp_operation_duration_seconds` | histogram | `mcp_method` |
//! | `mcp_requests_in_flight` | gauge | `mcp_method` |
//! | `mcp_jsonrpc_errors_total` | counter | `mcp_method`, `code`, `fault` |
//! | `mcp_unknown_targets_total` | counter | `kind` |
//! | `mcp_cancellations_total` | counter | `mcp_method`, `cause` |
//! | `mcp_tool_arguments_bytes`, `mcp_tool_result_bytes` | histogram | `tool_name` |
//! | `mcp_tool_result_tokens_estimate_total` | counter | `tool_name` |
//! | `mcp_tool_last_call_timestamp_seconds` | gauge | `tool_name` |
//! | `mcp_tool_definition_bytes` | gauge | `tool_name` |
//! | `mcp_tool_schema_changes_total` | counter | `change` |
//! | `mcp_list_response_bytes`, `mcp_list_response_items` | gauge | `list` |
//! | `mcp_server_tools`, `mcp_server_resources`, `mcp_server_prompts` | gauge | |
//! | `mcp_sessions_active`, `mcp_sessions_oldest_idle_seconds` | gauge | |
//! | `mcp_session_events_total` | counter | `event` |
//! | `mcp_session_duration_seconds` | histogram | |
//! | `mcp_client_operations_total` | counter | `client_name`, `client_version`, `outcome` |
//! | `mcp_client_protocol_total` | counter | `revision` |
//! | `mcp_streams_active` | gauge | `kind` |
//! | `mcp_stream_duration_seconds`, `mcp_stream_first_event_seconds` | histogram | `kind` |
//! | `mcp_stream_messages_total` | counter | `kind`, `message` |
//! | `mcp_streams_refused_total` | counter | `reason` |
//! | `mcp_batch_size` | histogram | |
//! | `mcp_observability_labels_clamped_total` | counter | `label`, `reason` |
//! | `mcp_observability_body_inspections_total` | counter | `direction`, `result`, `reason` |
//! | `mcp_observability_dropped_total` | counter | `signal` |
//! | `mcp_observability_last_export_timestamp_seconds` | gauge | `signal` |
//! | `mcp_observability_series`, `mcp_observability_series_limit` | gauge | |
//!
//! A [`Group`] of them can be [left out](McpMetricsBuilder::without). The OpenTelemetry conventions
//! have names for some of this; [one switch](McpMetricsBuilder::semantic_conventions) turns on the
//! first two, [another](McpMetricsBuilder::http_conventions) the rest:
//!
//! | family | type | labels |
//! |---|---|---|
//! | `mcp_server_operation_duration_seconds` | histogram | `mcp_method_name`, `error_type`, `gen_ai_operation_name`, `gen_ai_tool_name`, `gen_ai_prompt_name`, `rpc_response_status_code`, `mcp_protocol_version`, `network_protocol_name`, `network_protocol_version`, `network_transport` |
//! | `mcp_server_session_duration_seconds` | histogram | `mcp_protocol_version`, `network_protocol_name` |
//! | `http_server_request_duration_seconds` | histogram | `http_request_method`, `url_scheme`, `error_type`, `http_response_status_code`, `http_route`, `network_protocol_version` |
//! | `http_server_active_requests` | gauge | `http_request_method`, `url_scheme` |
//! | `rpc_server_call_duration_seconds` | histogram | `rpc_system_name`, `rpc_method`, `error_type`, `rpc_response_status_code` |
//!
//! Every series of a family has the same labels. One without a value is left out, which means the
//! same to Prometheus: `error_type` and `reason` of a success, `fault` of an error that is nobody's.
//! `status` of a tool call or resource read is `success`, `error` or `cancelled`; `outcome`,
//! `error_type` and `type` tell more, in the words of [`Outcome`](crate::Outcome).
//!
//! A series appears when it first counts. What is rare shows zeros from the start, since an alert on a
//! rise needs the zero before: unknown targets, refused streams, clamped labels, inspections and
//! losses. A tool does so for its success and two kinds of failure as soon as it is admitted.
//!
//! # Who becomes a label
//!
//! Nothing that a client sends makes a series of its own. In this order of right a tool or prompt has
//! one: it was [configured](McpMetricsBuilder::tools), the server has listed it, or a call of it has
//! succeeded (50 of 200 at most). A name with more right takes the place of one that only a success
//! has proved: what was counted under that stays, and its later calls are `_OTHER`, as all calls of
//! names are that were not admitted when they came. So sums over a label are always true.
//!
//! A client whose name is widely known is shown after its first successful operation, and another one, or
//! another version of a known one, after its tenth. Of 32 places names that are not known get 16 at most,
//! known ones 24, and one name those of seven versions; what is beyond these counts as version `_OTHER` of
//! its name. A client that has been away for a day can lose its place, and its series end then. Everything
//! else is from a closed set. What was replaced is counted in `mcp_observability_labels_clamped_total`.
//!
//! [`McpMetrics::projected_series`] says how many series all of this can be, and
//! [`McpMetricsBuilder::build`] refuses settings that could be
//! [more than they may](McpMetricsBuilder::max_series). Learned names differ from process to process.
//! A server with several replicas configures its tools and routes and turns learning off:
//!
//! ```
//! use mcp_telemetry::metrics::McpMetrics;
//!
//! let tools = ["search", "fetch"];
//! let metrics = McpMetrics::builder().tools(tools).routes(["/mcp"]).learn(false).build()?;
//!
//! assert!(metrics.projected_series() < 6_000);
//! let page = metrics.render();
//! assert!(page.contains(r#"mcp_tool_calls_total{tool_name="fetch",status="success"} 0"#));
//! # Ok::<(), mcp_telemetry::Error>(())
//! ```
//!
//! # A store of one's own
//!
//! Servers with other names, buckets or tools [build](McpMetrics::builder) their own store, and
//! give it to the layer and the service. The metrics that you keep with the [`prometheus`] crate
//! come on the same page:
//!
//! ```
//! use mcp_telemetry::metrics::{McpMetrics, MetricsService};
//! use prometheus::{IntCounter, Registry};
//! # use http_body_util::BodyExt;
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Registry::new();
//! let cache_hits = IntCounter::new("cache_hits_total", "Answers from the cache.")?;
//! registry.register(Box::new(cache_hits.clone()))?;
//! cache_hits.inc();
//!
//! let metrics = McpMetrics::builder().tools(["get_weather"]).registry(registry).build()?;
//! let service = MetricsService::with_metrics(metrics);
//!
//! # let response = service.oneshot(http::Request::get("/metrics").body(())?).await?;
//! # let page = String::from_utf8(response.into_body().collect().await?.to_bytes().into())?;
//! assert!(page.contains(r#"mcp_tool_calls_total{tool_name="get_weather",status="success"} 0"#));
//! assert!(page.contains("cache_hits_total 1"));
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `process`, CPU, memory and descriptors of the process are in the default registry of the
//! [`prometheus`] crate (on Linux). [`MetricsService::new`] serves it; a store of one's own does if it is
//! given that [registry](McpMetricsBuilder::registry), or another one with a
//! `prometheus::process_collector::ProcessCollector`.

mod admission;
mod auth;
mod buckets;
mod builder;
mod cell;
mod clamps;
mod clients;
mod collector;
mod const_labels;
mod conventions;
mod endpoint;
mod exposition;
mod family;
mod group;
mod health;
mod http_conventions;
mod in_flight;
mod inspections;
mod key;
mod labels;
mod layer;
mod lists;
mod methods;
mod moment;
mod names;
mod observer;
mod operation;
mod page;
mod routes;
mod series;
mod sessions;
mod snapshot;
mod store;
mod streams;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tools;
mod traffic;
mod wire;

pub(crate) use self::observer::RecordMetrics;
pub use self::{
    builder::McpMetricsBuilder,
    endpoint::{MetricsBody, MetricsService},
    group::Group,
    layer::MetricsLayer,
    store::McpMetrics,
};
