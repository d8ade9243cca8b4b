//! [`McpMetricsBuilder`]: the settings of a store.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Method;
use prometheus::Registry;

use super::{
    admission::{Names, Rules},
    auth::AuthAttempts,
    buckets::{self, AllBuckets},
    cell::{Cell, Counters, Shards},
    clamps::Clamps,
    clients::Clients,
    collector,
    const_labels::ConstLabels,
    conventions::Conventions,
    family::{Sets, Shape},
    group::{Group, Groups},
    health::Health,
    http_conventions::HttpConventions,
    in_flight::InFlight,
    inspections::Inspections,
    labels::{ClosedSet, Unknown, check_name, is_identifier},
    lists::Lists,
    methods::HttpMethods,
    moment::Birth,
    routes::Routes,
    series::Series,
    sessions::{Limits, Sessions},
    store::{Inner, McpMetrics},
    streams::Streams,
    tools::Tools,
    wire::UNKNOWN_CLIENT_TYPE,
};
use crate::{
    error::{Error, Kind},
    exchange::{KnownMethods, Sink},
    mcp::Revision,
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
///     .routes(["/mcp"])
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
#[expect(clippy::struct_excessive_bools, reason = "they are switches, independent of each other")]
#[must_use = "settings do nothing until `build` is called"]
pub struct McpMetricsBuilder {
    namespace: String,
    duration_buckets: Vec<f64>,
    tools: Vec<String>,
    prompts: Vec<String>,
    routes: Vec<String>,
    known_methods: KnownMethods,
    learn: bool,
    max_tools: usize,
    max_series: Option<usize>,
    max_combinations: usize,
    max_sessions: usize,
    session_idle: Duration,
    token_bytes: u64,
    const_labels: Vec<(String, String)>,
    groups: Groups,
    conventions: bool,
    http_conventions: bool,
    network_labels: bool,
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

/// Tools by default.
const MOST_TOOLS: usize = 200;

/// Tools that can be asked for: with the learned ones that they displace they have numbers of ten
/// bits.
const MOST_TOOLS_EVER: usize = 900;

const MOST_PROMPTS: usize = 64;

/// Texts of a kind that handlers may choose freely.
pub(super) const MOST_FREE: usize = 32;

/// Pairs of such texts.
pub(super) const MOST_ERRORS: usize = 64;

/// Combinations of what is known of operations, of which each takes up to 2 KiB of memory. What the
/// families show of them is bounded without this.
const MOST_COMBINATIONS: usize = 8_192;

/// Combinations of method, route and status: some for every route, and some for `_OTHER`.
const fn most_requests(routes: usize) -> usize {
    128 + 4 * routes
}

/// Combinations of method and route that have a histogram.
const MOST_ROUTED: usize = 64;

/// The limit of series by default, and what the families of conventions are allowed beyond it.
const MOST_SERIES: usize = 20_000;
const MOST_OF_CONVENTIONS: usize = 10_000;
const MOST_OF_HTTP_CONVENTIONS: usize = 6_000;

/// What an HTTP method is allowed that is known beyond the default ones.
const MOST_OF_METHOD: usize = 100;

const MOST_SESSIONS: usize = 10_000;

const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);

impl McpMetricsBuilder {
    pub(super) fn new() -> Self {
        Self {
            namespace: "mcp".to_owned(),
            duration_buckets: buckets::DEFAULT.to_vec(),
            tools: Vec::new(),
            prompts: Vec::new(),
            routes: Vec::new(),
            known_methods: KnownMethods::default(),
            learn: true,
            max_tools: MOST_TOOLS,
            max_series: None,
            max_combinations: MOST_COMBINATIONS,
            max_sessions: MOST_SESSIONS,
            session_idle: SESSION_IDLE,
            token_bytes: 4,
            const_labels: Vec::new(),
            groups: Groups::ALL,
            conventions: false,
            http_conventions: false,
            network_labels: false,
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
    /// At most [`max_tools`](Self::max_tools), each 1 to 64 bytes without control characters. A second
    /// call adds to the first.
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

    /// The HTTP methods that the `method` label shows; any other is `_OTHER`. A call replaces the list.
    ///
    /// Default: those of the OpenTelemetry conventions, which are `CONNECT`, `DELETE`, `GET`, `HEAD`,
    /// `OPTIONS`, `PATCH`, `POST`, `PUT`, `QUERY` and `TRACE`. Methods are case-sensitive (RFC 9110, section
    /// 9.1). At most 31, each up to 64 bytes.
    ///
    /// [`AccessLogLayer`](crate::AccessLogLayer::known_methods) and
    /// [`TraceContextLayer`](crate::TraceContextLayer::known_methods) have such a list, too.
    pub fn known_methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.known_methods = KnownMethods::new(methods);
        self
    }

    /// Whether names that were not configured are admitted: tools and prompts that the server lists
    /// or that a call of theirs proves by its success (50 of each), routes that a router has matched
    /// (where a layer asks for it) or that a JSON-RPC answer proves (4). Default: `true`.
    ///
    /// A name that the server lists takes the place of one that only a success has proved. What is
    /// learned belongs to the process: after a restart, or in another replica, other names may have
    /// come first. For dashboards that must not depend on that, configure the names, the
    /// [routes](Self::routes) among them, and turn this off.
    pub fn learn(mut self, learn: bool) -> Self {
        self.learn = learn;
        self
    }

    /// How many tools are told apart. Default: 200; at most 900.
    ///
    /// Each is up to 58 series with the default buckets. Beyond it a tool counts as `_OTHER`.
    pub fn max_tools(mut self, tools: usize) -> Self {
        self.max_tools = tools;
        self
    }

    /// How many series the store may show at most. Default: 20,000; with
    /// [`semantic_conventions`](Self::semantic_conventions) 10,000 more, with
    /// [`http_conventions`](Self::http_conventions) 6,000 more, and 100 more for each of the
    /// [`known_methods`](Self::known_methods) beyond ten.
    ///
    /// [`build`](Self::build) refuses settings that could show more. Every line of a page is a
    /// series, and a histogram has one for each of its buckets. What brings their number down, in
    /// this order: [`learn(false)`](Self::learn) with [`tools`](Self::tools) configured, a lower
    /// [`max_tools`](Self::max_tools), fewer [`duration_buckets`](Self::duration_buckets), a
    /// [group](Self::without) left out.
    pub fn max_series(mut self, series: usize) -> Self {
        self.max_series = Some(series);
        self
    }

    /// How many combinations of what is known of operations are kept apart.
    #[cfg(test)]
    pub(super) fn max_combinations(mut self, combinations: usize) -> Self {
        self.max_combinations = combinations;
        self
    }

    /// How many sessions are kept. Default: 10,000.
    ///
    /// A session more takes the place of one that has been idle for longer than most, which counts
    /// as expired. A session is some 130 bytes of memory.
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// How long a session may be without a request and without an open event stream until it counts as
    /// expired. Default: 30 minutes.
    pub fn session_idle(mut self, time: Duration) -> Self {
        self.session_idle = time;
        self
    }

    /// How many bytes of a tool's result are taken for a token. Default: 4; at least 1.
    ///
    /// No tokenizer is that simple: `mcp_tool_result_tokens_estimate_total` compares tools with each
    /// other, and is no bill.
    pub fn token_bytes(mut self, bytes: u64) -> Self {
        self.token_bytes = bytes.max(1);
        self
    }

    /// A label that every series has. Default: none.
    ///
    /// At most 16. Prometheus adds labels of its own, such as `job` and `instance`, when it scrapes;
    /// this is for what it cannot know.
    pub fn const_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.const_labels.push((name.into(), value.into()));
        self
    }

    /// Leaves a group of families out. Default: all are kept.
    pub fn without(mut self, group: Group) -> Self {
        self.groups = self.groups.without(group);
        self
    }

    /// Whether the families of the OpenTelemetry conventions for MCP are kept:
    /// `mcp_server_operation_duration_seconds` and `mcp_server_session_duration_seconds`, with the
    /// attributes, buckets and rules for errors of the convention. Default: `false`.
    ///
    /// Their names have no [namespace](Self::namespace). They say little that the others do not; turn
    /// them on for dashboards that know them by name.
    pub fn semantic_conventions(mut self, keep: bool) -> Self {
        self.conventions = keep;
        self
    }

    /// Whether the families of the OpenTelemetry conventions for HTTP and gRPC servers are kept:
    /// `http_server_request_duration_seconds`, `http_server_active_requests` and
    /// `rpc_server_call_duration_seconds`. Default: `false`.
    ///
    /// A gRPC method is shown once a call of it has succeeded, whatever [`learn`](Self::learn) says; at most
    /// 32 are.
    pub fn http_conventions(mut self, keep: bool) -> Self {
        self.http_conventions = keep;
        self
    }

    /// Whether the families of the conventions show `mcp_protocol_version` and the `network_…` labels.
    /// Default: `false`, since each of them multiplies the number of series.
    pub fn network_labels(mut self, show: bool) -> Self {
        self.network_labels = show;
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
    /// if a constant label cannot be shown or is one of a family; if the store could show more than
    /// [`max_series`](Self::max_series); if a metric of one of these names is in the registry.
    pub fn build(self) -> Result<McpMetrics, Error> {
        let sets = self.sets();
        let namespace = self.namespace;
        check_namespace(&namespace, sets)?;
        let const_labels = ConstLabels::new(self.const_labels)?;
        let descs = collector::descs(&namespace, sets, &const_labels)
            .map_err(|cause| Error::new(Kind::Namespace(namespace.clone())).with_source(cause))?;
        let (registry, join) = match self.others {
            Others::None => (None, false),
            Others::Gathered(registry) => (Some(registry), false),
            Others::Joined(registry) => (Some(registry), true),
        };

        let shards = Shards::for_this_machine();
        let buckets = AllBuckets::new(&self.duration_buckets)?;
        let proven = |what, most| Rules {
            what,
            most,
            most_learned: if self.learn { MOST_LEARNED } else { 0 },
            listed: self.learn && sets.groups.has(Group::Lists),
            check: check_name,
        };
        let most_tools = self.max_tools.min(MOST_TOOLS_EVER);
        let tool_names = Names::new(proven("tool", most_tools), strs(&self.tools))?;
        let prompts = Names::new(proven("prompt", MOST_PROMPTS), strs(&self.prompts))?;
        let routes = Routes::new(strs(&self.routes), self.learn)?;
        let methods = HttpMethods::new(self.known_methods)?;
        let most_requests = most_requests(routes.names().places());
        let shape = Shape {
            tools: tool_names.places() + 1,
            methods: methods.count(),
            requests: most_requests,
            routed: MOST_ROUTED.min(methods.count() * routes.names().places()),
            durations: buckets.durations.series(),
            long: buckets.long.series(),
            sizes: buckets.sizes.series(),
            batches: buckets.batches.series(),
        };
        let limit = self.max_series.unwrap_or_else(|| default_limit(sets, &methods));
        let projected = shape.series(sets);
        if projected > limit {
            return Err(Error::new(Kind::TooManySeries { projected, limit }));
        }
        let session_limits = Limits { most: self.max_sessions, idle: self.session_idle };
        let http = sets
            .http_conventions
            .then(|| HttpConventions::new(methods.clone(), self.network_labels, shards));
        let metrics = McpMetrics {
            inner: Arc::new(Inner {
                namespace,
                const_labels,
                sets,
                shape,
                max_series: limit,
                birth: Birth::now(),
                shards,
                registry,
                descs,
                sink: Sink::new(),
                tools: Tools::new(tool_names.places(), shards),
                methods,
                tool_names,
                prompts,
                routes,
                client_types: Names::new(free("client type"), [UNKNOWN_CLIENT_TYPE])?,
                error_types: Names::new(free("error type"), [])?,
                components: Names::new(free("component"), [])?,
                operations: Series::new(self.max_combinations),
                exchanges: Series::new(most_requests),
                exchange_durations: Series::new(shape.routed),
                errors: Series::new(MOST_ERRORS),
                token_bytes: self.token_bytes,
                clients: Clients::new(shards),
                revisions: Counters::new(<Revision as ClosedSet>::ALL.len(), shards),
                sessions: Sessions::new(session_limits, &buckets.long, shards),
                streams: Streams::new(&buckets, shards),
                lists: Lists::new(shards),
                batches: Cell::new(&buckets.batches, shards),
                in_flight: InFlight::new(shards),
                auth_attempts: AuthAttempts::new(shards),
                // One more, for `_OTHER`.
                rate_limit_hits: Counters::new(MOST_FREE + 1, shards),
                unknown_targets: Counters::new(Unknown::ALL.len(), shards),
                clamps: Clamps::new(shards),
                inspections: Inspections::new(shards),
                health: Health::default(),
                conventions: sets
                    .conventions
                    .then(|| Conventions::new(shape.tools, self.network_labels, shards)),
                http_conventions: http.transpose()?,
                registry_counts: Mutex::new(None),
                service_info: Mutex::new(None),
                buckets,
            }),
        };
        if join {
            if let Some(registry) = &metrics.inner.registry {
                collector::register(&metrics, registry)?;
            }
        }
        Ok(metrics)
    }

    fn sets(&self) -> Sets {
        Sets {
            groups: self.groups,
            conventions: self.conventions,
            http_conventions: self.http_conventions,
        }
    }
}

fn check_namespace(namespace: &str, sets: Sets) -> Result<(), Error> {
    // It can be such that one of ours has the name of one of a convention.
    let mut names = HashSet::new();
    let mut are_distinct =
        || sets.families().all(|family| names.insert(family.full_name(namespace)));
    if is_identifier(namespace) && are_distinct() {
        return Ok(());
    }
    Err(Error::new(Kind::Namespace(namespace.to_owned())))
}

fn default_limit(sets: Sets, methods: &HttpMethods) -> usize {
    let conventions = if sets.conventions { MOST_OF_CONVENTIONS } else { 0 };
    let http = if sets.http_conventions { MOST_OF_HTTP_CONVENTIONS } else { 0 };
    MOST_SERIES + conventions + http + methods.beyond_default() * MOST_OF_METHOD
}

/// First come, first served.
fn free(what: &'static str) -> Rules {
    Rules { what, most: MOST_FREE, most_learned: MOST_FREE, listed: false, check: check_name }
}

fn strs(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}
