//! [`McpMetrics`]: the counts, and the methods that a server calls by hand.

use std::{
    fmt,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use prometheus::{Registry, core::Desc};

use super::{
    admission::{NameId, Names},
    auth::{AuthAttempts, AuthResult},
    buckets::AllBuckets,
    builder::McpMetricsBuilder,
    cell::{Cell, Counters, Shards},
    clamps::{Clamps, Label},
    clients::Clients,
    const_labels::{ConstLabels, check_label, invalid},
    conventions::Conventions,
    family::{Sets, Shape},
    health::Health,
    http_conventions::HttpConventions,
    in_flight::InFlight,
    inspections::Inspections,
    key::{ErrorKey, ExchangeKey, OperationKey, RouteKey, Source, StatusKey, TargetKey},
    labels::{self, AuthKind, ClosedSet, Reason, Signal},
    lists::Lists,
    methods::{HttpMethod, HttpMethods},
    moment::{Birth, Moment},
    operation::MethodLabel,
    page::Page,
    routes::Routes,
    series::Series,
    sessions::{Ended, Sessions},
    snapshot::Snapshot,
    streams::Streams,
    tools::Tools,
};
use crate::{
    error::Error,
    exchange::{CallStatus, Outcome, Sink, tell_current},
    mcp::Method,
};

/// The metrics of one MCP server: what the layer fills from the wire, and what handlers add.
///
/// Cloning is one reference count; all clones are the same store. [`global`](Self::global) is the
/// store that everything uses which is not given one. Others are for servers with their own names
/// or buckets, for several servers in one process, and for tests; they share nothing.
///
/// # Recording by hand
///
/// The layer counts what passes over HTTP. The `record_…` methods are for what does not: a tool
/// that is called from within, a limit that is enforced elsewhere. Inside a request that the layer
/// observes nothing is counted twice: what a handler says of its own call takes the place of what
/// the wire would have said. A handler that runs in a task of its own, as those of rmcp do, takes
/// the request along with [`RequestContext::scope`](crate::context::RequestContext::scope); without
/// it, nobody can know that the two belong together.
///
/// They take any text and never fail. A text that is not in a label's closed set, or for which
/// there is no room, counts as `_OTHER` (an unknown kind of authentication as `other`), and
/// `mcp_observability_labels_clamped_total` tells how often that was.
///
/// # Cardinality
///
/// Nothing that a client sends makes a series of its own. A tool or prompt has one if it was
/// configured, if the server has listed it, or after a successful call; a route, if it was configured
/// or has answered a JSON-RPC request; a client, if its name is widely known or after ten successful
/// operations. A store keeps at most 200 tools, 64 prompts, 32 routes and 32 clients, of which it
/// learns 50 tools, 50 prompts and 4 routes by success; each of those limits ends in `_OTHER`.
/// [`projected_series`](Self::projected_series) tells how many series that can be at most.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use mcp_telemetry::metrics::McpMetrics;
///
/// let metrics = McpMetrics::new();
/// metrics.record_tool_call("echo", "success", Duration::from_millis(3));
///
/// let page = metrics.render();
/// assert!(page.contains(r#"mcp_tool_calls_total{tool_name="echo",status="success"} 1"#));
/// assert!(page.contains(r#"mcp_tool_call_duration_seconds_bucket{tool_name="echo",le="0.005"} 1"#));
/// ```
#[derive(Clone)]
pub struct McpMetrics {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) namespace: String,
    pub(super) const_labels: ConstLabels,
    pub(super) sets: Sets,
    pub(super) shape: Shape,
    pub(super) max_series: usize,
    pub(super) birth: Birth,
    pub(super) buckets: AllBuckets,
    pub(super) shards: Shards,
    /// Whose other families [`MetricsService`](super::MetricsService) serves.
    pub(super) registry: Option<Registry>,
    /// What a registry is told of our families.
    pub(super) descs: Vec<Desc>,
    /// Who we are to the exchanges that we record.
    pub(super) sink: Sink,

    pub(super) methods: HttpMethods,
    pub(super) tool_names: Names,
    pub(super) prompts: Names,
    pub(super) routes: Routes,
    pub(super) client_types: Names,
    pub(super) error_types: Names,
    pub(super) components: Names,

    pub(super) operations: Series<OperationKey, Cell>,
    pub(super) exchanges: Series<ExchangeKey, Exchanges>,
    pub(super) exchange_durations: Series<RouteKey, Arc<Cell>>,
    pub(super) errors: Series<ErrorKey, AtomicU64>,
    pub(super) tools: Tools,
    /// Bytes that are taken for a token.
    pub(super) token_bytes: u64,

    pub(super) clients: Clients,
    /// By [`Revision`]. Not with the operations, whose combinations it would multiply by the client's choice.
    pub(super) revisions: Counters,
    pub(super) sessions: Sessions,
    pub(super) streams: Streams,
    pub(super) lists: Lists,
    pub(super) batches: Cell,

    pub(super) in_flight: InFlight,
    pub(super) auth_attempts: AuthAttempts,
    /// By client type.
    pub(super) rate_limit_hits: Counters,
    /// By [`labels::Unknown`].
    pub(super) unknown_targets: Counters,
    pub(super) clamps: Clamps,
    pub(super) inspections: Inspections,
    pub(super) health: Health,

    pub(super) conventions: Option<Conventions>,
    pub(super) http_conventions: Option<HttpConventions>,

    pub(super) registry_counts: Mutex<Option<RegistryCounts>>,
    pub(super) service_info: Mutex<Option<ServiceInfo>>,
}

/// HTTP exchanges that have their labels in common.
#[derive(Debug)]
pub(super) struct Exchanges {
    pub(super) count: Counters,
    /// Shared with the other statuses of the route.
    durations: Arc<Cell>,
}

/// What the server offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct RegistryCounts {
    pub(super) tools: u64,
    pub(super) resources: u64,
    pub(super) prompts: u64,
}

/// The version, then the other labels.
#[derive(Clone, Debug)]
pub(super) struct ServiceInfo {
    pub(super) version: String,
    pub(super) labels: Vec<(String, String)>,
}

/// Labels beside the version that a service info may have.
const MOST_INFO_LABELS: usize = 16;

impl McpMetrics {
    /// The store that is shared by everything in the process which is not given another one.
    ///
    /// [`MetricsService`](super::MetricsService) serves with it what is registered in
    /// [`prometheus::default_registry`].
    pub fn global() -> Self {
        static GLOBAL: LazyLock<McpMetrics> = LazyLock::new(|| {
            let builder = McpMetrics::builder().gathering(prometheus::default_registry().clone());
            builder.build().expect("the defaults are valid, and nothing is registered")
        });
        GLOBAL.clone()
    }

    /// A store of its own, with all settings at their defaults.
    #[expect(clippy::missing_panics_doc, reason = "a test builds the defaults")]
    #[expect(clippy::new_without_default, reason = "a default store would be the global one")]
    pub fn new() -> Self {
        Self::builder().build().expect("the defaults are valid")
    }

    /// A store of its own, with settings.
    pub fn builder() -> McpMetricsBuilder {
        McpMetricsBuilder::new()
    }

    /// Records one call of a tool: `mcp_tool_calls_total`, `mcp_tool_call_duration_seconds`.
    ///
    /// `status` is `success`, `error` or `cancelled`. A success admits the tool's name.
    ///
    /// Inside an observed `tools/call` of this tool it does not count another call. The one that is
    /// counted at its end has this duration then, and is an error if this says so.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let metrics = McpMetrics::builder().tools(["echo"]).build()?;
    /// let started = Instant::now();
    /// let result: Result<&str, &str> = Err("no such voice");
    /// let status = if result.is_ok() { "success" } else { "error" };
    /// metrics.record_tool_call("echo", status, started.elapsed());
    ///
    /// assert!(metrics.render().contains(
    ///     r#"mcp_tool_calls_total{tool_name="echo",status="error",error_type="tool_error"} 1"#
    /// ));
    /// # Ok::<(), mcp_telemetry::Error>(())
    /// ```
    pub fn record_tool_call(&self, tool_name: &str, status: &str, duration: Duration) {
        let status = CallStatus::parse(status);
        if status.is_none() {
            self.clamped(Label::Status, Reason::Unknown);
        }
        let of_this_call = tell_current(self.inner.sink, |exchange, said| {
            let of_this_call = exchange.is_tool_call(tool_name);
            if of_this_call {
                // Without a status of the set, the wire's own stands.
                said.call = status.map(|status| (status, duration)).or(said.call);
            }
            of_this_call
        });
        if of_this_call == Some(true) {
            return;
        }
        let outcome = status.map(|status| match status {
            CallStatus::Success => Outcome::Success,
            CallStatus::Error => Outcome::ToolError,
            CallStatus::Cancelled => Outcome::Cancelled,
        });
        let tool = self.tool(tool_name.as_bytes(), outcome == Some(Outcome::Success));
        let key = OperationKey {
            source: Source::Hand,
            method: MethodLabel::Known(Method::ToolsCall),
            target: TargetKey::Tool(tool),
            outcome,
            code: None,
            component: None,
            cancelled: None,
        };
        self.inner.tools.called(tool);
        self.count_operation(&key, Some(duration));
    }

    /// Records one HTTP request: `mcp_requests_total`, `mcp_request_duration_seconds`.
    ///
    /// `path` is shown if it is an admitted route, see
    /// [`routes`](McpMetricsBuilder::routes); `status` from 100 to 999.
    ///
    /// Inside an observed exchange it adds nothing: that one is counted at its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let metrics = McpMetrics::builder().routes(["/mcp"]).build()?;
    /// metrics.record_request("POST", "/mcp", 200, Duration::from_millis(15));
    ///
    /// let page = metrics.render();
    /// assert!(page.contains(r#"mcp_requests_total{method="POST",path="/mcp",status="200"} 1"#));
    /// # Ok::<(), mcp_telemetry::Error>(())
    /// ```
    pub fn record_request(&self, method: &str, path: &str, status: u16, duration: Duration) {
        if tell_current(self.inner.sink, |_, said| said.request = true).is_some() {
            return;
        }
        let method = self.inner.methods.parse(method);
        let route = self.inner.routes.of(path, None, false);
        self.count_exchange(method, route, status, Some(duration));
    }

    /// Records one attempt to authenticate: `mcp_auth_attempts_total`.
    ///
    /// `kind` is `bearer`, `basic`, `api_key` or `none`; anything else counts as `other`.
    ///
    /// Inside an observed exchange it takes the place of the attempt that the wire shows.
    ///
    /// # Examples
    ///
    /// ```
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let metrics = McpMetrics::new();
    /// metrics.record_auth_attempt("bearer", false);
    ///
    /// let page = metrics.render();
    /// assert!(page.contains(r#"mcp_auth_attempts_total{type="bearer",status="failure"} 1"#));
    /// ```
    pub fn record_auth_attempt(&self, kind: &str, success: bool) {
        tell_current(self.inner.sink, |_, said| said.auth = true);
        let kind = AuthKind::parse(kind).unwrap_or_else(|| {
            self.clamped(Label::Type, Reason::Unknown);
            AuthKind::Other
        });
        let result = if success { AuthResult::Success } else { AuthResult::Failure(None) };
        self.inner.auth_attempts.count(kind, result);
    }

    /// Records one request turned away by a limit: `mcp_rate_limit_hits_total`.
    ///
    /// `client_type` says what the limit is on, such as `ip` or `user`, never who it was. The first
    /// 31 different texts are shown, of letters, digits, `_`, `.` and `-` and up to 64 bytes.
    ///
    /// Inside an observed exchange it takes the place of the hit that the wire shows.
    ///
    /// # Examples
    ///
    /// ```
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let metrics = McpMetrics::new();
    /// metrics.record_rate_limit_hit("ip");
    ///
    /// assert!(metrics.render().contains(r#"mcp_rate_limit_hits_total{client_type="ip"} 1"#));
    /// ```
    pub fn record_rate_limit_hit(&self, client_type: &str) {
        tell_current(self.inner.sink, |_, said| said.rate_limit = true);
        let client_type = self.admit(&self.inner.client_types, client_type, Label::ClientType);
        self.inner.rate_limit_hits.add(client_type.index(), 1);
    }

    /// Records one error: `mcp_errors_total`.
    ///
    /// `kind` is a kind of error, never its message; `component` the part of the server in which it
    /// showed. The first 32 different texts of each are shown, of letters, digits, `_`, `.` and
    /// `-` and up to 64 bytes.
    ///
    /// Inside an observed exchange it takes the place of the error that the wire shows.
    ///
    /// # Examples
    ///
    /// ```
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let metrics = McpMetrics::new();
    /// metrics.record_error("timeout", "database");
    ///
    /// let page = metrics.render();
    /// assert!(page.contains(r#"mcp_errors_total{type="timeout",component="database"} 1"#));
    /// ```
    pub fn record_error(&self, kind: &str, component: &str) {
        tell_current(self.inner.sink, |_, said| said.error = true);
        let kind = self.admit(&self.inner.error_types, kind, Label::Type);
        let component = self.admit(&self.inner.components, component, Label::Component);
        let key = ErrorKey { kind, component };
        let (errors, own) = self.inner.errors.get(&key, AtomicU64::default);
        errors.value.fetch_add(1, Ordering::Relaxed);
        if !own {
            self.clamped(Label::Type, Reason::Cap);
        }
    }

    /// Counts spans that were lost on their way out: `mcp_observability_dropped_total`.
    ///
    /// For who exports them: a processor whose queue is full, an exporter that gives up.
    ///
    /// # Examples
    ///
    /// ```
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let metrics = McpMetrics::new();
    /// metrics.record_spans_dropped(512);
    ///
    /// let page = metrics.render();
    /// assert!(page.contains(r#"mcp_observability_dropped_total{signal="span"} 512"#));
    /// ```
    pub fn record_spans_dropped(&self, count: u64) {
        self.inner.health.dropped(Signal::Span, count);
    }

    /// Notes that spans were exported: `mcp_observability_last_export_timestamp_seconds`. The latest
    /// time counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let metrics = McpMetrics::new();
    /// metrics.record_span_export(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    ///
    /// let family = "mcp_observability_last_export_timestamp_seconds";
    /// assert!(metrics.render().contains(&format!(r#"{family}{{signal="span"}} 1800000000"#)));
    /// ```
    pub fn record_span_export(&self, at: SystemTime) {
        self.inner.health.exported(Signal::Span, at);
    }

    /// Sets what the server offers: `mcp_tools_total`, `mcp_resources_total`, `mcp_prompts_total`,
    /// and the same as `mcp_server_tools`, `mcp_server_resources`, `mcp_server_prompts`.
    ///
    /// Without it they say what lists that pass by have shown, and are absent until one was complete.
    /// Once this was called it alone counts: a server knows better than any list what it offers.
    ///
    /// # Examples
    ///
    /// ```
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let metrics = McpMetrics::new();
    /// metrics.update_registry_counts(4, 2, 0);
    ///
    /// assert!(metrics.render().contains("mcp_tools_total 4\n"));
    /// ```
    pub fn update_registry_counts(&self, tools: u64, resources: u64, prompts: u64) {
        let counts = RegistryCounts { tools, resources, prompts };
        *self.inner.registry_counts.lock().unwrap_or_else(PoisonError::into_inner) = Some(counts);
    }

    /// Sets the version of this server and other facts about it: `mcp_service_info`.
    ///
    /// A second call replaces what the first one set. An empty value is left out.
    ///
    /// # Errors
    ///
    /// If a label's name is none in Prometheus, is reserved (`le`, a leading `__`), or occurs
    /// twice; if a value has a control character or more than 64 bytes; if there are more than 16
    /// labels. What was set before stays then.
    ///
    /// # Examples
    ///
    /// ```
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let metrics = McpMetrics::new();
    /// metrics.set_service_info("1.4.0", [("environment", "staging")])?;
    ///
    /// let page = metrics.render();
    /// assert!(page.contains(r#"mcp_service_info{version="1.4.0",environment="staging"} 1"#));
    /// # Ok::<(), mcp_telemetry::Error>(())
    /// ```
    pub fn set_service_info<K, V>(
        &self,
        version: &str,
        labels: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), Error>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let labels = labels.into_iter().map(|(name, value)| (name.into(), value.into()));
        let info = ServiceInfo::new(version.to_owned(), labels.collect(), &self.inner)?;
        *self.inner.service_info.lock().unwrap_or_else(PoisonError::into_inner) = Some(info);
        Ok(())
    }

    /// The page of these metrics, in the text format of Prometheus, version 0.0.4.
    ///
    /// It shows what was recorded when it was called. Metrics of others, from a registry, are
    /// added by [`MetricsService`](super::MetricsService).
    pub fn render(&self) -> String {
        let mut page = Page::new(&self.inner.namespace, &self.inner.const_labels);
        Snapshot::of(&self.inner).expose(&mut page);
        page.finish()
    }

    /// The media type of [`render`](Self::render)'s page.
    pub const fn content_type() -> &'static str {
        "text/plain; version=0.0.4; charset=utf-8"
    }

    /// How many series this store can ever show: every line of a page that is no comment, so each
    /// bucket of a histogram is one. With default settings it is below 20,000.
    ///
    /// What is in a [`registry`](McpMetricsBuilder::registry) beside it is not included.
    ///
    /// # Examples
    ///
    /// ```
    /// use mcp_telemetry::metrics::McpMetrics;
    ///
    /// let defaults = McpMetrics::new();
    /// assert!(defaults.projected_series() <= 20_000);
    ///
    /// let configured = McpMetrics::builder().tools(["echo"]).learn(false).build()?;
    /// assert!(configured.projected_series() < 6_000);
    /// # Ok::<(), mcp_telemetry::Error>(())
    /// ```
    pub fn projected_series(&self) -> usize {
        self.inner.shape.series(self.inner.sets)
    }

    #[cold]
    pub(super) fn clamped(&self, label: Label, reason: Reason) {
        self.inner.clamps.count(label, reason);
    }

    /// The number of a tool's name, admitted if a call of it succeeded.
    pub(super) fn tool(&self, name: &[u8], succeeded: bool) -> NameId {
        self.inner.tool_names.admit_bytes(name, succeeded).unwrap_or_else(|reason| {
            self.clamped(Label::ToolName, reason);
            NameId::OTHER
        })
    }

    /// The number of a text that a handler chose: first come, first served.
    fn admit(&self, names: &Names, name: &str, label: Label) -> NameId {
        names.admit(name, true).unwrap_or_else(|reason| {
            self.clamped(label, reason);
            NameId::OTHER
        })
    }

    pub(super) fn count_operation(&self, key: &OperationKey, duration: Option<Duration>) {
        let Inner { operations, buckets, shards, .. } = &*self.inner;
        let buckets = &buckets.durations;
        let (series, own) = operations.get(key, || Cell::new(buckets, *shards));
        series.value.record_duration(buckets, duration);
        if !own {
            let label = match key.target {
                TargetKey::Prompt(_) => Label::PromptName,
                _ => Label::ToolName,
            };
            self.clamped(label, Reason::Cap);
        }
    }

    pub(super) fn count_exchange(
        &self,
        method: HttpMethod,
        route: Result<NameId, Reason>,
        status: u16,
        duration: Option<Duration>,
    ) -> NameId {
        let Inner { methods, exchanges, exchange_durations, buckets, shards, .. } = &*self.inner;
        let buckets = &buckets.durations;
        if !methods.knows(method) {
            self.clamped(Label::Method, Reason::Unknown);
        }
        let route = route.unwrap_or_else(|reason| {
            self.clamped(Label::Path, reason);
            NameId::OTHER
        });
        let status = StatusKey::of(status).unwrap_or_else(|| {
            self.clamped(Label::Status, Reason::Unknown);
            StatusKey::OTHER
        });
        let key = ExchangeKey { method, route, status };
        let (series, own) = exchanges.get(&key, || {
            let key = RouteKey { method, route };
            let new = || Arc::new(Cell::new(buckets, *shards));
            let (durations, _) = exchange_durations.get(&key, new);
            let durations = Arc::clone(&durations.value);
            Exchanges { count: Counters::new(1, *shards), durations }
        });
        series.value.count.add(0, 1);
        if duration.is_some() {
            series.value.durations.record_duration(buckets, duration);
        }
        if !own {
            self.clamped(Label::Path, Reason::Cap);
        }
        route
    }
}

impl Inner {
    /// Ends the sessions that have been idle for too long.
    pub(super) fn expire_sessions(&self, now: Moment) {
        self.sessions.expire(now, |ended| self.session_over(ended));
    }

    pub(super) fn session_over(&self, Ended { facts, duration }: Ended) {
        self.sessions.record_duration(&self.buckets.long, duration);
        if let Some(conventions) = &self.conventions {
            conventions.session(facts.revision, duration);
        }
    }
}

impl fmt::Debug for McpMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpMetrics")
            .field("namespace", &self.inner.namespace)
            .finish_non_exhaustive()
    }
}

impl ServiceInfo {
    fn new(version: String, labels: Vec<(String, String)>, store: &Inner) -> Result<Self, Error> {
        if let Some((name, _)) = labels.get(MOST_INFO_LABELS) {
            return Err(invalid(name, "there are more than 16"));
        }
        for (index, (name, value)) in labels.iter().enumerate() {
            check_label(name)?;
            let before = labels[..index].iter().any(|(other, _)| other == name);
            if before || name == "version" || store.const_labels.has(name) {
                return Err(invalid(name, "it occurs twice"));
            }
            if !value.is_empty() && labels::check_value(value).is_err() {
                return Err(invalid(name, "its value is too long or has a control character"));
            }
        }
        if !version.is_empty() && labels::check_value(&version).is_err() {
            return Err(invalid("version", "its value is too long or has a control character"));
        }
        Ok(Self { version, labels })
    }
}
