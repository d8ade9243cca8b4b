//! [`McpMetricsBuilder`]: the settings of a store.

use std::sync::{Arc, Mutex};

use prometheus::Registry;

use super::{
    admission::{Names, Rules},
    auth::AuthAttempts,
    buckets::{self, Buckets},
    cell::{Counters, Shards},
    clamps::Clamps,
    collector,
    in_flight::InFlight,
    inspections::Inspections,
    labels::{ClosedSet, Unknown, check_name, is_identifier},
    routes::Routes,
    series::{Budget, Series},
    store::{Inner, McpMetrics},
    wire::UNKNOWN_CLIENT_TYPE,
};
use crate::{
    error::{Error, Kind},
    exchange::Sink,
};

/// Settings of an [`McpMetrics`]. Each has a default; [`build`](Self::build) checks them.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use mcp_telemetry::metrics::McpMetrics;
///
/// let metrics = McpMetrics::builder()
///     .namespace("weather")
///     .duration_buckets([0.1, 1.0, 10.0])
///     .tools(["forecast", "history"])
///     .learn(false)
///     .build()?;
/// metrics.record_tool_call("forecast", "success", Duration::from_millis(250));
/// metrics.record_tool_call("teleport", "success", Duration::from_millis(1));
///
/// let page = metrics.render();
/// assert!(page.contains(r#"weather_tool_calls_total{tool_name="forecast",status="success"} 1"#));
/// assert!(page.contains(r#"weather_tool_calls_total{tool_name="history",status="success"} 0"#));
/// assert!(page.contains(r#"weather_tool_calls_total{tool_name="_OTHER",status="success"} 1"#));
/// # Ok::<(), mcp_telemetry::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until `build` is called"]
pub struct McpMetricsBuilder {
    namespace: String,
    duration_buckets: Vec<f64>,
    tools: Vec<String>,
    prompts: Vec<String>,
    routes: Vec<String>,
    learn: bool,
    max_series: usize,
    others: Others,
}

/// The registry whose other families are served too.
#[derive(Clone, Debug)]
enum Others {
    None,
    Gathered(Registry),
    /// The store is registered in it.
    Joined(Registry),
}

/// Names that a success admits, of tools and of prompts each. A server with more than that should
/// configure them: it is the clients who decide which come first.
const MOST_LEARNED: usize = 50;

const MOST_TOOLS: usize = 200;

const MOST_PROMPTS: usize = 64;

/// Texts of a kind that handlers may choose freely.
const MOST_FREE: usize = 32;

impl McpMetricsBuilder {
    pub(super) fn new() -> Self {
        Self {
            namespace: "mcp".to_owned(),
            duration_buckets: buckets::DEFAULT.to_vec(),
            tools: Vec::new(),
            prompts: Vec::new(),
            routes: Vec::new(),
            learn: true,
            max_series: 20_000,
            others: Others::None,
        }
    }

    /// What every name begins with, before a `_`. Default: `mcp`.
    ///
    /// Letters, digits and `_`, not beginning with a digit. The dashboards and alerts of this crate
    /// expect the default; change it where two servers share a process or a page.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// The bounds of the duration histograms, in seconds and rising; `+Inf` is added by itself.
    ///
    /// Default: 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120 and
    /// 300. At most 64. Each one is a series for every tool, method and route.
    pub fn duration_buckets(mut self, seconds: impl IntoIterator<Item = f64>) -> Self {
        self.duration_buckets = seconds.into_iter().collect();
        self
    }

    /// Tools that have a series of their own from the start, with zeros. Default: none.
    ///
    /// At most 200, each 1 to 64 bytes without control characters. A second call adds to the first.
    pub fn tools<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.tools.extend(names.into_iter().map(Into::into));
        self
    }

    /// Prompts that are told apart from the start. Default: none.
    ///
    /// At most 64, each 1 to 64 bytes without control characters. A second call adds to the first.
    pub fn prompts<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.prompts.extend(names.into_iter().map(Into::into));
        self
    }

    /// Routes that the `path` label shows from the start. Default: none.
    ///
    /// A route is a path in which `{id}` stands for every segment that looks like an identifier:
    /// longer than 20 characters, with a percent sign, or a number in base ten or sixteen (dashes
    /// allowed). `/tenants/{id}/mcp` is the route of `/tenants/42/mcp`. Any other braces match only
    /// themselves, as in a path template that
    /// [`record_request`](McpMetrics::record_request) is given.
    ///
    /// At most 32, each 1 to 64 bytes without control characters. A second call adds to the first.
    pub fn routes<I>(mut self, routes: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.routes.extend(routes.into_iter().map(Into::into));
        self
    }

    /// Whether names that were not configured are admitted when they prove themselves: a tool or
    /// prompt by a successful call (50 of each), a route by a JSON-RPC answer (4). Default: `true`.
    ///
    /// What is learned belongs to the process: after a restart, or in another replica, other names
    /// may have come first. For dashboards that must not depend on that, configure the names
    /// and turn this off.
    pub fn learn(mut self, learn: bool) -> Self {
        self.learn = learn;
        self
    }

    /// How many combinations of label values are counted apart. Default: 20,000.
    ///
    /// Beyond it a new combination counts under tool, prompt or path `_OTHER`, which is never
    /// refused; those that are there go on. A combination is up to 2 KiB of memory with the default
    /// buckets, and a histogram shows a line of it for each bucket.
    pub fn max_series(mut self, series: usize) -> Self {
        self.max_series = series;
        self
    }

    /// A registry whose other families [`MetricsService`](super::MetricsService) serves beside
    /// these. Default: none.
    ///
    /// The store is registered in it, so that who serves the registry elsewhere has these families
    /// too. The registry does not keep the store alive; names stay taken when it is gone.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.others = Others::Joined(registry);
        self
    }

    /// Serves a registry's families without a registration in it, which could fail.
    pub(super) fn gathering(mut self, registry: Registry) -> Self {
        self.others = Others::Gathered(registry);
        self
    }

    /// Builds the store.
    ///
    /// # Errors
    ///
    /// If the namespace cannot begin a metric name; if the buckets are none, more than 64, not
    /// rising, or not numbers above zero; if a name cannot be a label value, or there are too many;
    /// if a metric of one of these names is in the registry.
    pub fn build(self) -> Result<McpMetrics, Error> {
        let Self { namespace, duration_buckets, tools, prompts, routes, learn, max_series, others } =
            self;
        if !is_identifier(&namespace) {
            return Err(Error::new(Kind::Namespace(namespace)));
        }
        let descs = collector::descs(&namespace)
            .map_err(|cause| Error::new(Kind::Namespace(namespace.clone())).with_source(cause))?;
        let shards = Shards::for_this_machine();
        let (registry, join) = match others {
            Others::None => (None, false),
            Others::Gathered(registry) => (Some(registry), false),
            Others::Joined(registry) => (Some(registry), true),
        };
        let proven = |what, most| Rules {
            what,
            most,
            most_learned: if learn { MOST_LEARNED } else { 0 },
            check: check_name,
        };
        let metrics = McpMetrics {
            inner: Arc::new(Inner {
                namespace,
                buckets: Buckets::new(&duration_buckets)?,
                shards,
                registry,
                descs,
                sink: Sink::new(),
                tools: Names::new(proven("tool", MOST_TOOLS), strs(&tools))?,
                prompts: Names::new(proven("prompt", MOST_PROMPTS), strs(&prompts))?,
                routes: Routes::new(strs(&routes), learn)?,
                client_types: Names::new(free("client type"), [UNKNOWN_CLIENT_TYPE])?,
                error_types: Names::new(free("error type"), [])?,
                components: Names::new(free("component"), [])?,
                budget: Budget::new(max_series),
                operations: Series::new(),
                exchanges: Series::new(),
                errors: Series::new(),
                in_flight: InFlight::new(shards),
                auth_attempts: AuthAttempts::new(shards),
                // One more, for `_OTHER`.
                rate_limit_hits: Counters::new(MOST_FREE + 1, shards),
                unknown_targets: Counters::new(Unknown::ALL.len(), shards),
                clamps: Clamps::new(shards),
                inspections: Inspections::new(shards),
                registry_counts: Mutex::new(None),
                service_info: Mutex::new(None),
            }),
        };
        if join {
            if let Some(registry) = &metrics.inner.registry {
                collector::register(&metrics, registry)?;
            }
        }
        Ok(metrics)
    }
}

/// First come, first served.
fn free(what: &'static str) -> Rules {
    Rules { what, most: MOST_FREE, most_learned: MOST_FREE, check: check_name }
}

fn strs(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}
