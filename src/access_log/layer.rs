//! The middleware and its settings.

use std::{sync::Arc, time::Duration};

use http::{Method, request::Parts};
use tower::Layer;

use super::{
    limit::Limiter, observer::LogExchange, sample::Sampler, session::Sessions, settings::UserId,
};
use crate::exchange::{Common, Faults, KnownMethods, Observe, Pass};

/// Writes one log line for each exchange, when it is over.
///
/// See the [module](crate::access_log) for the line, its level and what is never in it.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct AccessLogLayer {
    observer: LogExchange,
    common: Arc<Common>,
}

impl AccessLogLayer {
    /// A layer that writes a line for every exchange.
    pub fn new() -> Self {
        Self { observer: LogExchange::new(), common: Arc::default() }
    }

    /// Routes that are shown as they are. Default: none. A second call adds to the first.
    ///
    /// A route is a path in which `{id}` stands for every segment that looks like an identifier:
    /// longer than 20 characters, with a percent sign, or a number in base ten or sixteen (dashes
    /// allowed). `/tenants/{id}/mcp` is the route of `/tenants/42/mcp`.
    ///
    /// Other paths are strangers' words. One is shown, as a route of at most 128 bytes, if JSON-RPC
    /// was spoken there: if this exchange was a message with an answer, or an earlier one was (of the
    /// first four such routes). All others are `_OTHER`.
    pub fn routes<I>(mut self, routes: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.observer.settings().routes.configure(routes.into_iter().map(Into::into));
        self
    }

    /// The HTTP methods that are shown; any other is `_OTHER`. A call replaces the list.
    ///
    /// Default: those of the OpenTelemetry conventions, which are `CONNECT`, `DELETE`, `GET`, `HEAD`,
    /// `OPTIONS`, `PATCH`, `POST`, `PUT`, `QUERY` and `TRACE`. Methods are case-sensitive (RFC 9110, section
    /// 9.1).
    pub fn known_methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.observer.settings().known_methods = KnownMethods::new(methods);
        self
    }

    /// Paths whose lines are for `DEBUG`, unless something failed there: health checks and the like.
    ///
    /// Default: `/health`, `/healthz`, `/ready`, `/livez` and `/metrics`; a call replaces them. Only
    /// the very same path is skipped, not one that begins like it.
    pub fn skip<I>(mut self, paths: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.observer.settings().skip = paths.into_iter().map(Into::into).collect();
        self
    }

    /// A duration from which on what would be at `INFO` is at `WARN`. Default: none.
    ///
    /// The duration is that of the operation. A stream that stands for hours is not slow.
    pub fn slow(mut self, from: Duration) -> Self {
        self.observer.settings().slow = Some(from);
        self
    }

    /// Writes only the first of every `n` successes at `INFO`. Default: 1, which writes all, as 0 does.
    ///
    /// What was slow, and what has any other outcome, is always written.
    pub fn sample_success(mut self, n: u32) -> Self {
        self.observer.settings().successes = Sampler::new(n);
        self
    }

    /// Writes at most `n` lines a second for the outcomes `caller_error` and `rejected`, which
    /// strangers can cause at will. Default: no limit.
    ///
    /// What is held back is counted. When a line is written again, another one before it says how
    /// many were, at most once in a second.
    pub fn max_lines_per_second(mut self, n: u32) -> Self {
        self.observer.settings().refusals = Some(Limiter::new(n));
        self
    }

    /// The key of the hash by which sessions are shown. Default: one that is random for each process.
    ///
    /// With the same key, a session has the same hash in every replica and after a restart. Keep it
    /// as secret as the logs are not: who knows it can check a guess of a session's id.
    ///
    /// The hash is SipHash-2-4 of the id, in 16 hexadecimal digits.
    pub fn session_key(mut self, key: [u8; 16]) -> Self {
        self.observer.settings().sessions = Sessions::keyed(key);
        self
    }

    /// Whether session ids are written as they are, at most 256 bytes of them. Default: `false`.
    ///
    /// Who has the id of a session may be able to use the session.
    pub fn log_session_ids(mut self, log: bool) -> Self {
        self.observer.settings().sessions.in_clear(log);
        self
    }

    /// How many lines [`max_lines_per_second`](Self::max_lines_per_second) has held back, over all clones of
    /// the layer with these settings.
    pub fn held_back(&self) -> u64 {
        self.observer.held_back()
    }

    /// How to tell the user from the head of a request, where authentication stands outside of this
    /// layer and left its result there. Default: not at all.
    ///
    /// It runs on the way of every request. A user id that is set already stays, and at most 256
    /// bytes of it are written.
    ///
    /// ```
    /// use mcp_telemetry::AccessLogLayer;
    /// # use std::sync::Arc;
    ///
    /// #[derive(Clone)]
    /// struct User(Arc<str>);
    ///
    /// let layer = AccessLogLayer::new()
    ///     .user_id(|head| head.extensions.get().map(|User(id)| Arc::clone(id)));
    /// # let _ = layer;
    /// ```
    pub fn user_id<F, U>(mut self, tell: F) -> Self
    where
        F: Fn(&Parts) -> Option<U> + Send + Sync + 'static,
        U: Into<Arc<str>>,
    {
        self.observer.settings().user_id = Some(UserId::new(tell));
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

    /// Whether the path of a line is the path by which axum's router has matched a request: `/users/{id}`
    /// for `/users/42`. Default: `false`.
    ///
    /// [`MetricsLayer::matched_path`](crate::MetricsLayer::matched_path) says where it is known, and what
    /// is shown otherwise.
    #[cfg(feature = "axum")]
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn matched_path(mut self, show: bool) -> Self {
        self.common = self.common.with_matched_path(show);
        self
    }

    /// The layer's signal, for a bundle of signals.
    pub(crate) fn into_observer(self) -> LogExchange {
        self.observer
    }
}

impl Default for AccessLogLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for AccessLogLayer {
    type Service = Observe<S, LogExchange, Pass>;

    fn layer(&self, inner: S) -> Self::Service {
        Observe::new(inner, self.observer.clone(), Pass, &self.common)
    }
}
