//! T29: the path that axum's router has matched, wherever the layer stands.

use std::{convert::Infallible, fmt::Debug};

use axum::{Router, body::Body, response::IntoResponse, routing::get};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use mcp_telemetry::{AccessLogLayer, MetricsLayer, ObservabilityLayer, TraceContextLayer};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::{
    lines::Lines,
    support::{Page, store},
};

/// Where the route of an exchange shows.
struct Signals {
    metrics: mcp_telemetry::metrics::McpMetrics,
    spans: InMemorySpanExporter,
    trace: TraceContextLayer,
}

impl Signals {
    fn new() -> Self {
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let trace = TraceContextLayer::new().tracer_provider(provider);
        Self { metrics: store(), spans, trace }
    }

    /// Lines and metrics know the route `/mcp`.
    fn bundle(&self) -> ObservabilityLayer {
        let lines = AccessLogLayer::new().routes(["/mcp"]);
        let bundle = ObservabilityLayer::new().trace_context(&self.trace).access_log(lines);
        bundle.metrics(self.metrics.clone())
    }

    /// Makes one request, and looks where it is shown: under this route by the page and the line, and
    /// by the span under the same or none.
    async fn check<S>(&self, app: S, path: &str, shown: &str, on_span: Option<&str>)
    where
        S: Service<Request<Body>, Error: Debug, Response: IntoResponse>,
    {
        let (lines, _guard) = Lines::capture("mcp_telemetry::access=debug");
        self.spans.reset();
        let labels = [("method", "GET"), ("path", shown)];
        let before = Page::of(&self.metrics).count("mcp_requests_total", &labels);
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap().into_response();
        response.into_body().collect().await.unwrap();

        let page = Page::of(&self.metrics);
        assert_eq!(page.count("mcp_requests_total", &labels), before + 1, "{path}: {page:?}");
        let lines = lines.of_exchanges();
        assert_eq!(lines.len(), 1, "{path}");
        assert_eq!(lines[0]["extra"]["path"], shown, "{path}");
        let spans = self.spans.get_finished_spans().unwrap();
        let [span] = &spans[..] else { panic!("{path}: one span: {spans:?}") };
        let route = span.attributes.iter().find(|attribute| attribute.key.as_str() == "http.route");
        let route = route.map(|attribute| attribute.value.to_string());
        assert_eq!(route.as_deref(), on_span, "{path}");
        let name = on_span.map_or("GET".to_owned(), |route| format!("GET {route}"));
        assert_eq!(span.name, name, "{path}");
    }
}

fn users() -> Router {
    Router::new().route("/users/{name}", get(async || "here"))
}

#[tokio::test]
async fn a_layer_inside_of_the_router_shows_what_has_matched() {
    let signals = Signals::new();
    let layer = || signals.bundle().matched_path(true);
    let route = Some("/users/{name}");
    for app in [
        users().layer(layer()),
        users().route_layer(layer()),
        Router::new().route("/users/{name}", get(async || "here").layer(layer())),
    ] {
        signals.check(app, "/users/ada", "/users/{name}", route).await;
    }
    let api = Some("/api/users/{name}");
    for app in [
        Router::new().nest("/api", users().layer(layer())),
        Router::new().nest("/api", users()).layer(layer()),
        // The inner router knows what the outer one cannot.
        Router::new().nest_service("/api", users().layer(layer())),
    ] {
        signals.check(app, "/api/users/ada", "/api/users/{name}", api).await;
    }
    // A route that has no such method is one.
    let app = Router::new().route("/users/{name}", axum::routing::post(async || "")).layer(layer());
    let response = app.clone().oneshot(Request::get("/users/ada").body(Body::empty()).unwrap());
    assert_eq!(response.await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    signals.check(app, "/users/bob", "/users/{name}", route).await;
}

#[tokio::test]
async fn where_no_route_has_matched_the_path_is_looked_at() {
    let signals = Signals::new();
    let layer = || signals.bundle().matched_path(true);
    // In a fallback, outside of the router, below a nested service.
    let fallback = users().fallback(async || "nothing").layer(layer());
    signals.check(fallback.clone(), "/mcp", "/mcp", None).await;
    signals.check(fallback, "/users/ada/more", "_OTHER", None).await;
    let outside = ServiceBuilder::new().layer(layer()).service(users());
    signals.check(outside, "/users/ada", "_OTHER", None).await;
    let service = service_fn(async |_| Ok::<_, Infallible>("here".into_response()));
    let nested = Router::new().nest_service("/mcp", service).layer(layer());
    signals.check(nested.clone(), "/mcp", "/mcp", Some("/mcp")).await;
    signals.check(nested, "/mcp/ada", "_OTHER", None).await;
}

/// A wildcard says who answers. A literal route that was configured says more.
#[tokio::test]
async fn a_wildcard_does_not_swallow_a_route_that_is_known() {
    let signals = Signals::new();
    let app = Router::new().route("/{*path}", get(async || "here"));
    let app = app.layer(signals.bundle().matched_path(true));
    signals.check(app.clone(), "/mcp", "/mcp", Some("/{*path}")).await;
    signals.check(app, "/secret", "/{*path}", Some("/{*path}")).await;
}

/// A layer around the router is told by one inside, whichever that is.
#[tokio::test]
async fn layers_outside_are_told_what_one_inside_has_found() {
    let signals = Signals::new();
    let metrics = || MetricsLayer::with_metrics(signals.metrics.clone());
    let route = Some("/users/{name}");
    let inner = users().layer(metrics().matched_path(true));
    let outer = signals.trace.clone().hold(mcp_telemetry::Hold::Never);
    let app = ServiceBuilder::new().layer(outer).layer(AccessLogLayer::new()).service(inner);
    signals.check(app, "/users/ada", "/users/{name}", route).await;

    // What an inner layer that records nothing more has found counts, too.
    let inner = users().layer(signals.bundle().matched_path(true));
    let app = signals.bundle().layer(inner);
    signals.check(app, "/users/bob", "/users/{name}", route).await;

    let lines = AccessLogLayer::new().matched_path(true);
    let inner = users().layer(lines);
    let app = ServiceBuilder::new().layer(signals.trace.clone()).layer(metrics()).service(inner);
    signals.check(app, "/users/eve", "/users/{name}", route).await;
}

/// A router behind a wildcard knows more than the one before it.
#[tokio::test]
async fn an_inner_router_is_believed_before_a_wildcard() {
    let signals = Signals::new();
    let metrics = || MetricsLayer::with_metrics(signals.metrics.clone()).matched_path(true);
    let inner = users().layer(AccessLogLayer::new().matched_path(true));
    let app = Router::new().route_service("/{*rest}", metrics().layer(inner));
    let route = "/{*rest}/users/{name}";
    signals.check(signals.trace.layer(app), "/users/ada", route, Some(route)).await;
    // A span that begins between the two waits for the end.
    let inner = users().layer(AccessLogLayer::new().matched_path(true));
    let inner = signals.trace.clone().matched_path(true).layer(metrics().layer(inner));
    let app = Router::new().route_service("/{*rest}", inner);
    signals.check(app, "/users/eve", route, Some(route)).await;
}

#[tokio::test]
async fn it_is_asked_for_by_a_setting_only() {
    let signals = Signals::new();
    signals.check(users().layer(signals.bundle()), "/users/ada", "_OTHER", None).await;
    let trace = signals.trace.clone().matched_path(true).matched_path(false);
    let bundle = signals.bundle().trace_context(&trace);
    signals.check(users().layer(bundle), "/users/ada", "_OTHER", None).await;
}
