//! A scrape under the layer showed itself as a request in flight.

use axum::{Router, body::Body};
use http::Request;
use http_body_util::BodyExt;
use mcp_telemetry::{MetricsLayer, MetricsService};
use tower::ServiceExt;

use crate::support::{Page, store};

/// T33: not in the gauge either.
#[tokio::test]
async fn scrape_does_not_find_itself_in_flight() {
    let metrics = store();
    let app: Router = Router::new()
        .route_service("/metrics", MetricsService::with_metrics(metrics.clone()))
        .layer(MetricsLayer::with_metrics(metrics.clone()));
    // A head can name a message even here.
    for named in [None, None, Some("tools/call"), Some("tools/call")] {
        let mut request = Request::get("/metrics").body(Body::empty()).unwrap();
        if let Some(method) = named {
            request.headers_mut().insert("mcp-method", method.parse().unwrap());
        }
        let page = app.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        let page = Page::parse(std::str::from_utf8(&page.to_bytes()).unwrap());
        assert_eq!(page.in_flight(), 0);
    }
    Page::of(&metrics).assert_idle("after the scrapes");
}
