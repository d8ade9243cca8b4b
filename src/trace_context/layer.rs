//! The layer and its settings.

use std::{fmt, sync::Arc};

use http::Method;
use opentelemetry::{
    propagation::TextMapPropagator,
    trace::{Tracer, TracerProvider},
};
use tower::Layer;

use super::{
    inbound::Invalid,
    observer::TraceExchange,
    parent::{ParentOrder, Trust},
    tracer::Tracers,
};
use crate::exchange::{Common, Faults, Hold, Holding, KnownMethods, Observe};

/// Gives every exchange a place in a trace: ids, and a span if an OpenTelemetry SDK is installed.
///
/// See the [module](crate::trace_context) for what is on a span, and for where its parent comes from.
///
/// It may wait for a request's message before it calls the inner service, see [`Hold`]; so the inner
/// service has to be `Clone`.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct TraceContextLayer {
    settings: Settings,
    mode: Holding,
    common: Arc<Common>,
}

impl TraceContextLayer {
    /// Spans by the global tracer provider, under parents from messages and headers, all of which are
    /// believed.
    pub fn new() -> Self {
        Self {
            settings: Settings {
                tracers: Arc::new(Tracers::global()),
                parent_order: ParentOrder::default(),
                trust: Trust::default(),
                known_methods: KnownMethods::default(),
                propagator: None,
                strict_errors: false,
                invalid: Arc::default(),
            },
            mode: Holding::new(Hold::default()),
            common: Arc::default(),
        }
    }

    /// Whose spans they are. By default those of the global provider, which may be installed later:
    /// it is found within a second.
    ///
    /// The layer keeps a tracer, and with it the provider. Shut the provider down to end it.
    pub fn tracer_provider<P>(mut self, provider: P) -> Self
    where
        P: TracerProvider + Send + Sync + 'static,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        self.settings.tracers = Arc::new(Tracers::of(provider));
        self
    }

    /// Where parents come from. By default the message, then the headers, then the ambient span.
    pub fn parent_order(mut self, order: ParentOrder) -> Self {
        self.settings.parent_order = order;
        self
    }

    /// Whose word counts. [`Trust::Always`] by default; choose another one where requests come from
    /// strangers.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.settings.trust = trust;
        self
    }

    /// Whether the inner service is called only when the request's message is known. By default it
    /// is, for messages of at most 64 KiB.
    ///
    /// With [`Hold::Never`] parents come from headers only, and a context in the message becomes a
    /// link.
    pub fn hold(mut self, hold: Hold) -> Self {
        self.mode = Holding::new(hold);
        self
    }

    /// The HTTP methods that a span shows; any other is `_OTHER`, and stands in
    /// `http.request.method_original`. A call replaces the list.
    ///
    /// Default: those of the OpenTelemetry conventions, which are `CONNECT`, `DELETE`, `GET`, `HEAD`,
    /// `OPTIONS`, `PATCH`, `POST`, `PUT`, `QUERY` and `TRACE`. Methods are case-sensitive (RFC 9110, section
    /// 9.1).
    pub fn known_methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.settings.known_methods = KnownMethods::new(methods);
        self
    }

    /// Reads the headers of the request by other rules than those of the W3C, such as B3.
    ///
    /// Messages are read by those of the W3C in any case, and
    /// [`TraceContext::inject`](crate::context::TraceContext::inject) writes what they want. To hand
    /// on the context in another form, inject the current OpenTelemetry context by a propagator.
    pub fn propagator<P>(mut self, propagator: P) -> Self
    where
        P: TextMapPropagator + Send + Sync + 'static,
    {
        self.settings.propagator = Some(Arc::new(propagator));
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

    /// Whether a span has the path by which axum's router has matched a request, `/users/{id}` for
    /// `/users/42`, as `http.route`, and in its name if there is no message. Default: `false`.
    ///
    /// [`MetricsLayer::matched_path`](crate::MetricsLayer::matched_path) says where it is known. Elsewhere
    /// a span has no route.
    #[cfg(feature = "axum")]
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn matched_path(mut self, show: bool) -> Self {
        self.common = self.common.with_matched_path(show);
        self
    }

    /// Whether spans show JSON-RPC errors by the letter of the OpenTelemetry conventions for MCP, whatever
    /// [`caller_faults`](Self::caller_faults) says. Default: `false`.
    ///
    /// By the letter, -32700, -32600, -32601, -32602 and -32002 leave a span without an error, and any
    /// other code is one. Otherwise a span has an error where the outcome is a server's, and for -32020,
    /// -32021 and -32022.
    pub fn strict_semconv_errors(mut self, strict: bool) -> Self {
        self.settings.strict_errors = strict;
        self
    }

    /// How many contexts that requests brought were invalid, and so ignored, over all clones of the layer.
    pub fn invalid_contexts(&self) -> u64 {
        self.settings.invalid.get()
    }

    /// The signal, for the bundle.
    pub(crate) fn observer(&self) -> TraceExchange {
        TraceExchange::new(self.settings.clone())
    }
}

impl Default for TraceContextLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for TraceContextLayer {
    type Service = Observe<S, TraceExchange, Holding>;

    fn layer(&self, inner: S) -> Self::Service {
        Observe::new(inner, self.observer(), self.mode.clone(), &self.common)
    }
}

/// How exchanges are traced. Clones share the tracer, and the count of what was invalid.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) tracers: Arc<Tracers>,
    pub(super) parent_order: ParentOrder,
    pub(super) trust: Trust,
    pub(super) known_methods: KnownMethods,
    pub(super) propagator: Option<Arc<dyn TextMapPropagator + Send + Sync>>,
    pub(super) strict_errors: bool,
    pub(super) invalid: Arc<Invalid>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tracers, parent_order, trust, known_methods, .. } = self;
        let Self { propagator, strict_errors, invalid, .. } = self;
        f.debug_struct("Settings")
            .field("tracers", tracers)
            .field("parent_order", parent_order)
            .field("trust", trust)
            .field("known_methods", known_methods)
            .field("propagator", propagator)
            .field("strict_errors", strict_errors)
            .field("invalid", &invalid.get())
            .finish()
    }
}
