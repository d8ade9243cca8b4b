//! Each layer fits every place in which axum takes one.

use std::convert::Infallible;

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::IntoResponse,
    routing::{Route, get, post},
};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt};

use super::with_each_layer;
use crate::support::{ANSWER, CALL, post as call};

/// A layer and an app with it come out alike.
#[tokio::test]
async fn axum_takes_each_layer_everywhere() {
    with_each_layer!(in_axum);
}

/// The bounds are those of axum's own `Router::layer`.
async fn in_axum<L>(layer: L) -> u64
where
    L: Layer<Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request>>::Response: IntoResponse + 'static,
    <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
    <L::Service as Service<Request>>::Future: Send + 'static,
{
    let route = || Router::new().route("/mcp", post(answer).get(async || "here"));
    let inner = || Router::new().route("/", post(answer).get(get(async || "here")));
    let layered = || layer.clone();
    let apps = [
        route().layer(layered()),
        route().route_layer(layered()),
        Router::new().route("/mcp", post(answer).get(async || "here").layer(layered())),
        Router::new().nest("/mcp", inner().layer(layered())),
        Router::new().nest("/mcp", inner()).layer(layered()),
        Router::new().nest("/mcp", inner().layer(layered())).layer(layered()),
        Router::new().nest_service("/mcp", route_at_root().layer(layered())),
        Router::new().fallback(answer_any).layer(layered()),
    ];
    let mut made = 0;
    for app in apps {
        let response = app.clone().oneshot(call(Body::from(CALL))).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, ANSWER);
        let request = Request::get("/mcp").body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        assert!(response.status().is_success());
        response.into_body().collect().await.unwrap();
        made += 2;
    }
    made
}

fn route_at_root() -> Router {
    Router::new().fallback(answer_any)
}

async fn answer(body: String) -> impl IntoResponse {
    assert_eq!(body, CALL);
    ([("content-type", "application/json")], ANSWER)
}

async fn answer_any(request: Request) -> impl IntoResponse {
    let _ = request.into_body().collect().await.unwrap();
    ([("content-type", "application/json")], ANSWER)
}
