//! Sessions, streams, clients and sizes, as rmcp's own client and server make them.

use std::sync::Arc;

use axum::Router;
use mcp_telemetry::{ObservabilityLayer, metrics::McpMetrics};
use rmcp::{
    ClientLifecycleMode, ClientServiceExt, RoleServer,
    handler::server::wrapper::Parameters,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation,
        ProgressNotificationParam, ProtocolVersion,
    },
    schemars,
    service::RequestContext,
    tool, tool_router,
    transport::{
        StreamableHttpClientTransport,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
        },
    },
};
use tokio::net::TcpListener;

use crate::support::{Page, until, within};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Text {
    text: String,
}

#[derive(Clone)]
struct Demo;

#[tool_router(server_handler)]
impl Demo {
    #[tool(description = "Say it again")]
    async fn echo(&self, Parameters(Text { text }): Parameters<Text>) -> String {
        text
    }

    #[tool(description = "Tell how far it is")]
    async fn steps(&self, context: RequestContext<RoleServer>) -> String {
        if let Some(token) = context.meta.get_progress_token() {
            for step in 1..=3 {
                let progress = ProgressNotificationParam::new(token.clone(), f64::from(step));
                context.peer.notify_progress(progress).await.unwrap();
            }
        }
        "done".to_owned()
    }
}

/// D7, D9, D14: what a client says of itself counts for its own requests, tools and revisions are told
/// without any tracing, and sessions and streams rise and fall.
#[tokio::test]
async fn sessions_streams_and_clients_are_counted_as_they_come_and_go() {
    let metrics = McpMetrics::new();
    let service: StreamableHttpService<Demo, LocalSessionManager> = StreamableHttpService::new(
        || Ok(Demo),
        Arc::default(),
        StreamableHttpServerConfig::default(),
    );
    let layer = ObservabilityLayer::new().metrics(metrics.clone()).without_trace_context();
    let app = Router::new().route_service("/mcp", service).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    let connect = |name: &str, lifecycle| {
        let implementation = Implementation::new(name.to_owned(), "1.2");
        let config = ClientConfig::new(ClientCapabilities::default(), implementation);
        let transport = StreamableHttpClientTransport::from_uri(url.clone());
        async move {
            within("a client", config.serve_with_lifecycle(transport, lifecycle)).await.unwrap()
        }
    };
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let discover = ClientLifecycleMode::Discover { preferred_versions };
    let legacy = connect("claude-ai", ClientLifecycleMode::Initialize).await;
    let modern = connect("unheard-of", discover).await;
    until("the standing stream", || {
        Page::of(&metrics).count("mcp_streams_active", &[("kind", "get")]) == 1
    })
    .await;
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_sessions_active", &[]), 1, "the modern one has none");

    let echo = |text: &str| {
        let arguments = serde_json::json!({"text": text}).as_object().cloned();
        CallToolRequestParams::new("echo").with_arguments(arguments.unwrap())
    };
    for client in [&legacy, &modern] {
        for _ in 0..10 {
            within("an answer", client.call_tool(echo("0123456789"))).await.unwrap();
        }
        within("an answer", client.call_tool(CallToolRequestParams::new("steps"))).await.unwrap();
    }
    let page = Page::of(&metrics);
    let echoed = [("tool_name", "echo")];
    assert_eq!(
        page.count("mcp_tool_calls_total", &[("tool_name", "echo"), ("status", "success")]),
        20
    );
    assert_eq!(page.count("mcp_tool_arguments_bytes_count", &echoed), 20);
    let arguments = r#"{"text":"0123456789"}"#.len() as u64;
    assert_eq!(page.count("mcp_tool_arguments_bytes_sum", &echoed), 20 * arguments);
    assert_eq!(page.count("mcp_tool_result_bytes_count", &echoed), 20);
    let results = page.count("mcp_tool_result_bytes_sum", &echoed);
    let tokens = page.count("mcp_tool_result_tokens_estimate_total", &echoed);
    assert!(
        results > 0 && (results / 4).abs_diff(tokens) <= 20,
        "{results} bytes, {tokens} tokens"
    );
    assert!(page.sum("mcp_tool_last_call_timestamp_seconds", &echoed) > 1.7e9);

    let known = [("client_name", "claude-ai"), ("outcome", "success")];
    assert!(page.count("mcp_client_operations_total", &known) >= 11, "{page:#?}");
    for (revision, least) in [("2025-11-25", 11), ("2026-07-28", 11)] {
        let spoken = page.count("mcp_client_protocol_total", &[("revision", revision)]);
        assert!(spoken >= least, "{revision}: {spoken}");
    }
    let posted = [("kind", "post_sse"), ("message", "progress")];
    assert_eq!(page.count("mcp_stream_messages_total", &posted), 6);

    within("the client leaves", legacy.cancel()).await.unwrap();
    within("the client leaves", modern.cancel()).await.unwrap();
    until("all is over", || {
        let page = Page::of(&metrics);
        page.count("mcp_sessions_active", &[]) == 0 && page.count("mcp_streams_active", &[]) == 0
    })
    .await;
    let page = Page::of(&metrics);
    let event = |event| page.count("mcp_session_events_total", &[("event", event)]);
    assert_eq!((event("created"), event("terminated"), event("expired")), (1, 1, 0));
    assert_eq!(page.count("mcp_session_duration_seconds_count", &[]), 1);
    assert_eq!(page.count("mcp_stream_duration_seconds_count", &[("kind", "get")]), 1);
    page.assert_idle("after all");
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled(), "it has not panicked");
}
