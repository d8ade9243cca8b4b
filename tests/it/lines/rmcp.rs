//! rmcp's handlers: their own lines, and those of libraries that they call.

use std::{collections::HashMap, sync::Arc};

use axum::Router;
use http::{HeaderName, HeaderValue, request::Parts};
use mcp_telemetry::{ObservabilityLayer, context::RequestContext};
use rmcp::{
    ClientLifecycleMode, ClientServiceExt,
    handler::server::tool::Extension,
    model::{CallToolRequestParams, ProtocolVersion, RequestMetaObject},
    tool, tool_router,
    transport::{
        StreamableHttpClientTransport,
        streamable_http_client::StreamableHttpClientTransportConfig,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
        },
    },
};
use tokio::net::TcpListener;

use super::Lines;
use crate::support::{store, within};

#[derive(Clone)]
struct Demo;

#[tool_router(server_handler)]
impl Demo {
    #[tool(description = "Say it again")]
    async fn echo(&self, Extension(head): Extension<Parts>) -> String {
        let exchange = RequestContext::from_parts(&head).expect("the call is being served");
        let work = async {
            tracing::info!("of the handler");
            tokio::task::yield_now().await;
            tracing::warn!(target: "library::pool", "of a library");
        };
        exchange.scope(work).await;
        "again".to_owned()
    }
}

/// T45: the handler of a session runs in a task that began with another request.
#[tokio::test]
async fn lines_of_handlers_and_libraries_carry_the_ids_in_every_mode() {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let modern = ClientLifecycleMode::Discover { preferred_versions };
    let config = StreamableHttpServerConfig::default;
    let modes = [
        ("session", config(), ClientLifecycleMode::Initialize),
        ("stateless", config().with_legacy_session_mode(false), ClientLifecycleMode::Initialize),
        ("modern", config(), modern),
    ];
    for (mode, config, lifecycle) in modes {
        for filter in ["info", "warn"] {
            let (lines, _capturing) = Lines::capture(filter);
            let service: StreamableHttpService<Demo, LocalSessionManager> =
                StreamableHttpService::new(|| Ok(Demo), Arc::default(), config.clone());
            let app = Router::new()
                .route_service("/mcp", service)
                .layer(ObservabilityLayer::new().metrics(store()));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/mcp", listener.local_addr().unwrap());
            let server = tokio::spawn(axum::serve(listener, app).into_future());

            let request_id = format!("{mode}-{filter}");
            let header = HeaderValue::from_str(&request_id).unwrap();
            let headers = HashMap::from([(HeaderName::from_static("x-request-id"), header)]);
            let transport =
                StreamableHttpClientTransportConfig::with_uri(url).custom_headers(headers);
            let transport = StreamableHttpClientTransport::from_config(transport);
            let client = ().serve_with_lifecycle(transport, lifecycle.clone());
            let client = within("a client", client).await.unwrap();
            let mut params = CallToolRequestParams::new("echo");
            let mut meta = RequestMetaObject::default();
            meta.set_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
            params.meta = Some(meta);
            within("an answer", client.call_tool(params)).await.unwrap();
            within("the client leaves", client.cancel()).await.unwrap();
            server.abort();
            assert!(server.await.unwrap_err().is_cancelled(), "it has not panicked");

            let own = lines.saying("of the handler");
            assert_eq!(own.len(), usize::from(filter == "info"), "{mode}, {filter}");
            let library = lines.saying("of a library");
            assert_eq!(library.len(), 1, "{mode}, {filter}");
            for line in own.iter().chain(&library) {
                assert_eq!(line["request_id"], *request_id, "{mode}, {filter}: {line}");
                assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736", "{mode}: {line}");
                assert_ne!(line["span_id"], "00f067aa0ba902b7", "the span is our own: {line}");
                assert_eq!(line["span_id"], library[0]["span_id"], "{mode}, {filter}: {line}");
            }
        }
    }
}
