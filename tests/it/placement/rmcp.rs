//! Each layer fits rmcp's own service: bare, and in every place of a router.

use std::{convert::Infallible, sync::Arc};

use axum::{Router, extract::Request, response::IntoResponse};
use http_body_util::{BodyExt, Full};
use mcp_telemetry::{Hold, MetricsLayer, ObservabilityLayer, RequestIdLayer};
use rmcp::{
    ClientLifecycleMode, ClientServiceExt,
    model::{CallToolRequestParams, ProtocolVersion},
    tool, tool_router,
    transport::{
        StreamableHttpClientTransport,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
        },
    },
};
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceExt};

use super::{hyper::Http, with_each_layer};
use crate::support::{CALL, Client, Page, Protocol, Server, post, store, until, within};

#[derive(Clone)]
struct Demo;

#[tool_router(server_handler)]
impl Demo {
    #[tool(description = "Say it again")]
    async fn echo(&self) -> String {
        "again".to_owned()
    }
}

type Rmcp = StreamableHttpService<Demo, LocalSessionManager>;

/// A server without sessions, that answers in one JSON document or by events.
fn rmcp(json: bool) -> Rmcp {
    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false);
    Rmcp::new(|| Ok(Demo), Arc::default(), config.with_json_response(json))
}

/// Sends a call to a service without a server.
async fn call<S, B>(service: S)
where
    S: Service<http::Request<Full<hyper::body::Bytes>>, Response = http::Response<B>>,
    S::Error: std::fmt::Debug,
    B: http_body::Body<Error: std::fmt::Debug>,
{
    let mut request = post(Full::from(CALL));
    request.headers_mut().insert("host", "localhost".parse().unwrap());
    let response = service.oneshot(request).await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body);
    assert!(body.contains("again"), "{body}");
}

#[tokio::test]
async fn rmcp_is_observed_bare() {
    for json in [false, true] {
        let metrics = store();
        call(RequestIdLayer::new().layer(rmcp(json))).await;
        call(MetricsLayer::with_metrics(metrics.clone()).layer(rmcp(json))).await;
        call(ObservabilityLayer::new().metrics(metrics.clone()).layer(rmcp(json))).await;
        let tool = [("tool_name", "echo"), ("status", "success")];
        assert_eq!(Page::of(&metrics).count("mcp_tool_calls_total", &tool), 2, "json: {json}");
        super::assert_counted(&metrics, 2, "bare");
    }
}

/// Around rmcp's service where hyper or axum serve it.
#[tokio::test]
async fn rmcp_takes_each_layer() {
    with_each_layer!(around_rmcp);
}

async fn around_rmcp<L, R>(layer: L) -> u64
where
    L: Layer<Rmcp>,
    L::Service: Http<Error = Infallible> + Clone + Send + Sync + 'static,
    L::Service: Service<Request, Response = R, Error = Infallible, Future: Send + 'static>,
    R: IntoResponse,
{
    call_over_hyper(layer.layer(rmcp(true))).await;
    let apps = [
        Router::new().nest_service("/mcp", layer.layer(rmcp(true))),
        Router::new().route_service("/mcp", layer.layer(rmcp(false))),
        Router::new().nest("/mcp", Router::new().fallback_service(layer.layer(rmcp(true)))),
    ];
    for app in apps {
        call(app).await;
    }
    4
}

async fn call_over_hyper<S: Http>(service: S) {
    let server = Server::start(Protocol::Http1, service).await;
    let mut client = Client::connect(Protocol::Http1, server.address).await;
    let response = client.send(post(Full::from(CALL))).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("again"), "{body:?}");
    client.leave().await;
    server.stop().await;
}

/// rmcp's own client notices nothing, with a session and without one.
#[tokio::test]
async fn rmcp_client_calls_through_the_layer() {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let discover = ClientLifecycleMode::Discover { preferred_versions };
    for lifecycle in [ClientLifecycleMode::Initialize, discover] {
        let metrics = store();
        let service = Rmcp::new(|| Ok(Demo), Arc::default(), StreamableHttpServerConfig::default());
        let app = Router::new()
            .nest_service("/mcp", service)
            .layer(ObservabilityLayer::new().metrics(metrics.clone()).hold(Hold::UpTo(65_536)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let server = tokio::spawn(axum::serve(listener, app).into_future());

        let transport = StreamableHttpClientTransport::from_uri(url);
        let client = within("a client", ().serve_with_lifecycle(transport, lifecycle.clone()));
        let client = client.await.unwrap();
        for _ in 0..3 {
            let call = client.call_tool(CallToolRequestParams::new("echo"));
            let answer = within("an answer", call).await.unwrap();
            assert_ne!(answer.is_error, Some(true));
        }
        within("the client leaves", client.cancel()).await.unwrap();
        let tool = [("tool_name", "echo"), ("status", "success")];
        let page = Page::of(&metrics);
        assert_eq!(page.count("mcp_tool_calls_total", &tool), 3, "{lifecycle:?}");
        assert_eq!(page.count("mcp_tool_calls_total", &[]), 3, "{lifecycle:?}");
        until("all ends", || Page::of(&metrics).in_flight() == 0).await;
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled(), "it has not panicked");
    }
}
