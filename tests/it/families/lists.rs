//! What a listing shows of its server: a real one of rmcp's, with two hundred tools in pages.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::Router;
use http::Request;
use http_body_util::{BodyExt, Full};
use mcp_telemetry::{MetricsLayer, metrics::McpMetrics};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool},
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Client, Page, Protocol, within};

const TOOLS: usize = 200;
const PER_PAGE: usize = 30;

/// Lists its tools in pages; one of them changes when it is told so.
#[derive(Clone)]
struct Library {
    changed: Arc<AtomicBool>,
}

impl Library {
    fn tool(&self, number: usize) -> Tool {
        let changed = number == 7 && self.changed.load(Ordering::SeqCst);
        let words = "word ".repeat(number % 40 + usize::from(changed));
        let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}});
        let Value::Object(schema) = schema else { unreachable!("it is an object") };
        Tool::new(format!("tool_{number:03}"), format!("Says {words}\u{e9}."), Arc::new(schema))
    }
}

impl ServerHandler for Library {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        let first: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let end = (first + PER_PAGE).min(TOOLS);
        let tools = (first..end).map(|number| self.tool(number)).collect();
        let mut result = ListToolsResult::with_all_items(tools);
        result.next_cursor = (end < TOOLS).then(|| end.to_string());
        Ok(result)
    }
}

/// Lists all pages. Returns the bytes of each tool's definition by name, and of the arrays together.
async fn list(client: &mut Client) -> (BTreeMap<String, usize>, usize) {
    let (mut definitions, mut arrays, mut cursor) = (BTreeMap::new(), 0, None::<String>);
    loop {
        let params = cursor.as_ref().map_or(json!({}), |cursor| json!({"cursor": cursor}));
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params});
        let request = Request::post("/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Full::from(message.to_string()))
            .unwrap();
        let response = client.send(request).await.unwrap();
        let body = within("a page", response.into_body().collect()).await.unwrap().to_bytes();
        let text = std::str::from_utf8(&body).unwrap();
        // Cut out of the text as it was sent, by what it says and not by a reader.
        let begin = text.find(r#""tools":["#).unwrap() + r#""tools":"#.len();
        let page: Value = serde_json::from_str(text).unwrap();
        let tools = page["result"]["tools"].as_array().unwrap();
        let mut at = begin + 1;
        for tool in tools {
            let value = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
            let mut value = value;
            assert_eq!(value.next().unwrap().unwrap(), *tool);
            let length = value.byte_offset();
            definitions.insert(tool["name"].as_str().unwrap().to_owned(), length);
            // A comma, or the end of the array.
            at += length + 1;
        }
        assert_eq!(&text[at - 1..at], "]", "that was the array");
        arrays += at - begin;
        cursor = page["result"]["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return (definitions, arrays);
        }
    }
}

#[tokio::test]
async fn two_hundred_tools_in_pages_are_counted_as_they_are_sent() {
    let metrics = McpMetrics::new();
    let library = Library { changed: Arc::default() };
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let service_library = library.clone();
    let service: StreamableHttpService<Library, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(service_library.clone()), Arc::default(), config);
    let app = Router::new()
        .route_service("/mcp", service)
        .layer(MetricsLayer::with_metrics(metrics.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = Client::connect(Protocol::Http1, listener.local_addr().unwrap()).await;
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    assert!(!metrics.render().contains("mcp_tools_total"), "nothing was listed yet");
    let (definitions, arrays) = list(&mut client).await;
    assert_eq!(definitions.len(), TOOLS);

    let page = Page::of(&metrics);
    let tools = [("list", "tools")];
    assert_eq!(page.count("mcp_tools_total", &[]), TOOLS as u64);
    assert_eq!(page.count("mcp_server_tools", &[]), TOOLS as u64);
    assert_eq!(page.count("mcp_list_response_items", &tools), TOOLS as u64);
    assert_eq!(page.count("mcp_list_response_bytes", &tools), arrays as u64);
    for (name, bytes) in &definitions {
        let shown = page.count("mcp_tool_definition_bytes", &[("tool_name", name)]);
        assert_eq!(shown, *bytes as u64, "{name}");
    }
    assert_eq!(page.count("mcp_tool_schema_changes_total", &[]), 0, "the first list is no news");

    // A change counts once, and the same list again is no news.
    library.changed.store(true, Ordering::SeqCst);
    let (changed, _) = list(&mut client).await;
    list(&mut client).await;
    let page = Page::of(&metrics);
    let change = |what| page.count("mcp_tool_schema_changes_total", &[("change", what)]);
    assert_eq!((change("changed"), change("added")), (1, 0));
    let shown = page.count("mcp_tool_definition_bytes", &[("tool_name", "tool_007")]);
    assert_eq!(shown, changed["tool_007"] as u64);

    // A list that differs from user to user does not flap.
    for turn in 0..4 {
        library.changed.store(turn % 2 == 0, Ordering::SeqCst);
        list(&mut client).await;
    }
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_tool_schema_changes_total", &[]), 1);
    assert_eq!(page.count("mcp_tools_total", &[]), TOOLS as u64);

    client.leave().await;
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled(), "it has not panicked");
}
