//! T33: a scrape is no traffic, unless asked.

use axum::{Router, body::Body, routing::get};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use mcp_telemetry::{MetricsLayer, MetricsService, ObservabilityLayer, metrics::McpMetrics};
use std::time::Duration;
use tower::ServiceExt;

use crate::support::{Page, store};

fn app(metrics: &McpMetrics) -> Router {
    let page = || MetricsService::with_metrics(metrics.clone()).share_for(Duration::ZERO);
    Router::new()
        .route_service("/metrics", page())
        .route_service("/admin/prometheus", page())
        .route("/metrics2", get(async || "other"))
        .route("/metrics/more", get(async || "other"))
}

async fn ask(app: &Router, method: Method, path: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

/// T33: what the metrics service answers is not counted, wherever it stands; everything else is,
/// whatever its path begins with.
#[tokio::test]
async fn scrape_is_not_counted_and_nothing_else_is_left_out() {
    let metrics = store();
    for app in [
        app(&metrics).layer(MetricsLayer::with_metrics(metrics.clone())),
        app(&metrics).layer(ObservabilityLayer::new().metrics(metrics.clone())),
    ] {
        let before = Page::of(&metrics).operations();
        for path in ["/metrics", "/admin/prometheus", "/metrics?x=1"] {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(ask(&app, method, path).await.0, StatusCode::OK, "{path}");
            }
        }
        let page = Page::of(&metrics);
        assert_eq!(page.operations(), before, "scrapes are not counted");
        page.assert_idle("scrapes");

        for (index, (path, status)) in
            [("/metrics2", 200), ("/metrics/more", 200), ("/metric", 404), ("/metrics/", 404)]
                .into_iter()
                .enumerate()
        {
            assert_eq!(ask(&app, Method::GET, path).await.0, status, "{path}");
            let counted = Page::of(&metrics).operations() - before;
            assert_eq!(counted, u64::try_from(index + 1).unwrap(), "{path} is counted");
        }
    }
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_requests_total", &[("status", "200")]), 4);
    assert_eq!(page.count("mcp_requests_total", &[("status", "404")]), 4);
    page.assert_idle("the rest");
}

/// T33: the page that a scrape gets shows no trace of itself but what is in flight.
#[tokio::test]
async fn scrapes_of_a_quiet_server_show_it_quiet() {
    let metrics = store();
    let app = app(&metrics).layer(ObservabilityLayer::new().metrics(metrics.clone()));
    let (_, first) = ask(&app, Method::GET, "/metrics").await;
    let (_, second) = ask(&app, Method::GET, "/metrics").await;
    assert_eq!(first, second);
    assert_eq!(Page::parse(&second).count("mcp_requests_total", &[]), 0);
}

/// T33: who asks gets them counted.
#[tokio::test]
async fn scrapes_are_counted_when_asked() {
    let metrics = store();
    let layer = MetricsLayer::with_metrics(metrics.clone()).count_scrapes(true);
    ask(&app(&metrics).layer(layer), Method::GET, "/metrics").await;
    assert_eq!(Page::of(&metrics).operations(), 1);

    let layer = ObservabilityLayer::new().count_scrapes(true).metrics(metrics.clone());
    ask(&app(&metrics).layer(layer), Method::GET, "/metrics").await;
    let page = Page::of(&metrics);
    assert_eq!(page.operations(), 2);
    assert_eq!(page.count("mcp_requests_total", &[("method", "GET"), ("status", "200")]), 2);
    page.assert_idle("scrapes");
}
