//! The families of the OpenTelemetry conventions for HTTP and gRPC servers, in the spelling of
//! Prometheus.
//!
//! Semantic conventions 1.44: `http.server.request.duration` (stable),
//! `http.server.active_requests` (development), `rpc.server.call.duration` (release candidate). They
//! have cells of their own, which nothing touches unless they are switched on.

use std::{borrow::Cow, time::Duration};

use http::{Method as HttpVerb, Version};

use super::{
    admission::{NameId, Names, Rules},
    buckets::Buckets,
    cell::{Cell, Counters, Shards},
    clamps::{Clamps, Label},
    conventions::Http,
    exposition::Exposition,
    family::Shape,
    labels::{ClosedSet, GrpcStatus, OTHER, Reason, UrlScheme, check_rpc},
    methods::{HttpMethod, HttpMethods},
    names,
    series::{Key, Series},
    snapshot::NamesByNumber,
};
use crate::error::Error;

/// An HTTP exchange that is over, body and all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpServerRequest<'a> {
    pub(crate) method: &'a HttpVerb,
    pub(crate) scheme: UrlScheme,
    pub(crate) version: Version,
    pub(crate) path: &'a str,
    /// The path of the router's that has matched, if that is to be shown.
    pub(crate) matched: Option<&'a str>,
    /// `None` if no head was sent.
    pub(crate) status: Option<u16>,
    /// The inner service or the response body failed.
    pub(crate) broken: bool,
    /// From the head of the request to the end of the response.
    pub(crate) duration: Duration,
    pub(crate) grpc: Option<GrpcCall<'a>>,
}

/// What makes an exchange a call of gRPC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GrpcCall<'a> {
    /// `package.Service/Method`.
    pub(crate) method: &'a str,
    /// `grpc-status`, if there was one.
    pub(crate) status: Option<u32>,
}

/// The bounds that the conventions advise, in seconds.
const BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Combinations of attributes that are told apart. Beyond it only method, scheme and whether there
/// was an error are.
const MOST_REQUESTS: usize = 192;

/// The same of gRPC, where the status is told apart beyond it.
const MOST_CALLS: usize = 64;

const HISTOGRAM: usize = BUCKETS.len() + 3;

// How many series each family can have.
pub(super) fn request_series(shape: &Shape) -> usize {
    (MOST_REQUESTS + 2 * active_series(shape)) * HISTOGRAM
}

pub(super) fn active_series(shape: &Shape) -> usize {
    shape.methods * UrlScheme::ALL.len()
}

pub(super) const CALL_SERIES: usize = (MOST_CALLS + GrpcStatus::ALL.len()) * HISTOGRAM;

/// gRPC methods that have a series of their own, after a call of theirs has succeeded.
const RPC_RULES: Rules =
    Rules { what: "gRPC method", most: 32, most_learned: 32, listed: false, check: check_rpc };

#[derive(Debug)]
pub(super) struct HttpConventions {
    buckets: Buckets,
    shards: Shards,
    methods: HttpMethods,
    /// Whether the version of HTTP is shown.
    network: bool,
    requests: Series<RequestKey, Cell>,
    calls: Series<CallKey, Cell>,
    rpc_methods: Names,
    /// By method and scheme. Opened and closed apart, as in
    /// [`InFlight`](super::in_flight::InFlight).
    opened: Counters,
    closed: Counters,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct RequestKey {
    method: HttpMethod,
    scheme: UrlScheme,
    error: HttpError,
    /// Zero if there was none.
    status: u16,
    route: NameId,
    version: Option<Http>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum HttpError {
    None,
    /// The status says it.
    Status,
    Other,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct CallKey {
    method: NameId,
    status: GrpcStatus,
}

impl HttpConventions {
    pub(super) fn new(methods: HttpMethods, network: bool, shards: Shards) -> Result<Self, Error> {
        let rows = methods.count() * UrlScheme::ALL.len();
        Ok(Self {
            buckets: Buckets::of_our_seconds(&BUCKETS),
            shards,
            methods,
            network,
            requests: Series::new(MOST_REQUESTS),
            calls: Series::new(MOST_CALLS),
            rpc_methods: Names::new(RPC_RULES, [])?,
            opened: Counters::new(rows, shards),
            closed: Counters::new(rows, shards),
        })
    }

    pub(super) fn enter(&self, method: &HttpVerb, scheme: UrlScheme) {
        self.opened.add(method_and_scheme(self.methods.of(method), scheme), 1);
    }

    pub(super) fn leave(&self, method: &HttpVerb, scheme: UrlScheme) {
        self.closed.add(method_and_scheme(self.methods.of(method), scheme), 1);
    }

    /// Records an exchange that is over. `route` is the admitted route, or `_OTHER`.
    pub(super) fn record(&self, request: &HttpServerRequest<'_>, route: NameId, clamps: &Clamps) {
        let status = request.status.filter(|status| (100..=999).contains(status)).unwrap_or(0);
        let error = match status {
            500.. => HttpError::Status,
            _ if request.broken => HttpError::Other,
            _ => HttpError::None,
        };
        let key = RequestKey {
            method: self.methods.of(request.method),
            scheme: request.scheme,
            error,
            status,
            route,
            version: Http::of(request.version).filter(|_| self.network),
        };
        let duration = Some(request.duration);
        let (cell, own) = self.requests.get(&key, || Cell::new(&self.buckets, self.shards));
        cell.value.record_duration(&self.buckets, duration);
        if !own {
            clamps.count(Label::HttpRoute, Reason::Cap);
        }
        let Some(GrpcCall { method, status }) = request.grpc else { return };
        let status = GrpcStatus::of(status);
        let admitted = self.rpc_methods.admit(method, status == GrpcStatus::Ok);
        let method = admitted.unwrap_or_else(|reason| {
            clamps.count(Label::RpcMethod, reason);
            NameId::OTHER
        });
        let key = CallKey { method, status };
        let (cell, own) = self.calls.get(&key, || Cell::new(&self.buckets, self.shards));
        cell.value.record_duration(&self.buckets, duration);
        if !own {
            clamps.count(Label::RpcMethod, Reason::Cap);
        }
    }

    pub(super) fn expose(&self, routes: &NamesByNumber, out: &mut impl Exposition) {
        out.family(&names::HTTP_SERVER_REQUEST_DURATION_SECONDS);
        for series in self.requests.iter() {
            let RequestKey { method, scheme, error, status, route, version } = series.key;
            let status = match status {
                0 => Cow::Borrowed(""),
                status => status.to_string().into(),
            };
            let error = match error {
                HttpError::None => "",
                HttpError::Status => &*status,
                HttpError::Other => OTHER,
            };
            // A route that is not known is no route to the convention.
            let route = if route == NameId::OTHER { "" } else { routes.name(route.index()) };
            let version = version.map_or("", Http::text);
            let method = self.methods.text(method);
            let labels = [method, scheme.as_str(), error, &*status, route, version];
            series.value.expose(&self.buckets, out, &labels);
        }
        out.family(&names::HTTP_SERVER_ACTIVE_REQUESTS);
        for method in self.methods.all() {
            for &scheme in UrlScheme::ALL {
                // In this order: what opens and closes in between cannot make it negative.
                let closed = self.closed.get(method_and_scheme(method, scheme));
                let opened = self.opened.get(method_and_scheme(method, scheme));
                if opened > 0 {
                    out.row(
                        &[self.methods.text(method), scheme.as_str()],
                        opened.saturating_sub(closed),
                    );
                }
            }
        }
        out.family(&names::RPC_SERVER_CALL_DURATION_SECONDS);
        let methods = NamesByNumber::of(&self.rpc_methods);
        for series in self.calls.iter() {
            let CallKey { method, status } = series.key;
            let error = if status.is_error() { status.as_str() } else { "" };
            let shown = if status == GrpcStatus::None { "" } else { status.as_str() };
            let labels = ["grpc", methods.name(method.index()), error, shown];
            series.value.expose(&self.buckets, out, &labels);
        }
    }
}

fn method_and_scheme(method: HttpMethod, scheme: UrlScheme) -> usize {
    method.index() * UrlScheme::ALL.len() + scheme.index()
}

impl Key for RequestKey {
    fn packed(&self) -> u64 {
        u64::from(self.route.number())
            | u64::from(self.status) << 32
            | self.method.number() << 48
            | (self.scheme as u64) << 53
            | (self.error as u64) << 55
            | self.version.map_or(0, |version| version as u64 + 1) << 57
    }

    fn folded(self) -> Self {
        let error = if self.error == HttpError::None { HttpError::None } else { HttpError::Other };
        Self { error, status: 0, route: NameId::OTHER, version: None, ..self }
    }
}

impl Key for CallKey {
    fn packed(&self) -> u64 {
        u64::from(self.method.number()) | (self.status as u64) << 32
    }

    fn folded(self) -> Self {
        Self { method: NameId::OTHER, ..self }
    }
}
