//! rmcp's handlers, which run in tasks of their own.

use std::sync::{Arc, Mutex};

use axum::Router;
use http::request::Parts;
use mcp_telemetry::context::{RequestContext, TraceContext};
use opentelemetry::trace::{Span, Tracer};
use opentelemetry_sdk::trace::SdkTracer;
use rmcp::{
    ClientLifecycleMode, ClientServiceExt,
    handler::server::tool::Extension,
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

use super::{Sdk, id_of};
use crate::support::{until, within};

#[derive(Clone)]
struct Demo {
    tracer: SdkTracer,
    seen: Arc<Mutex<Vec<String>>>,
}

#[tool_router(server_handler)]
impl Demo {
    #[tool(description = "Say it again")]
    async fn echo(&self, Extension(parts): Extension<Parts>) -> String {
        let Some(exchange) = RequestContext::from_parts(&parts) else {
            return "no exchange".to_owned();
        };
        let work = async {
            tokio::task::yield_now().await;
            let trace = TraceContext::current().unwrap();
            self.seen.lock().unwrap().push(trace.span_id().to_string());
            self.tracer.start("work").end();
        };
        exchange.scope(work).await;
        "again".to_owned()
    }
}

/// T45: with a session, whose task has seen other requests before, and without one.
#[tokio::test]
async fn a_tool_reaches_its_exchange_by_the_request_parts() {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let discover = ClientLifecycleMode::Discover { preferred_versions };
    for lifecycle in [ClientLifecycleMode::Initialize, discover] {
        let sdk = Sdk::new();
        let demo = Demo { tracer: sdk.tracer(), seen: Arc::default() };
        let seen = Arc::clone(&demo.seen);
        let service: StreamableHttpService<Demo, LocalSessionManager> = StreamableHttpService::new(
            move || Ok(demo.clone()),
            Arc::default(),
            StreamableHttpServerConfig::default(),
        );
        let app = Router::new().nest_service("/mcp", service).layer(sdk.layer());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let server = tokio::spawn(axum::serve(listener, app).into_future());

        let transport = StreamableHttpClientTransport::from_uri(url);
        let client = within("a client", ().serve_with_lifecycle(transport, lifecycle.clone()));
        let client = client.await.unwrap();
        for _ in 0..3 {
            let call = client.call_tool(CallToolRequestParams::new("echo"));
            within("an answer", call).await.unwrap();
        }
        within("the client leaves", client.cancel()).await.unwrap();
        let calls = || {
            let spans = sdk.spans().into_iter();
            spans.filter(|span| span.name == "tools/call echo").collect::<Vec<_>>()
        };
        until("the calls have ended", || calls().len() == 3).await;
        let own: Vec<_> = calls().iter().map(id_of).collect();
        assert_eq!(*seen.lock().unwrap(), own, "{lifecycle:?}");
        let spans = sdk.spans();
        let parents = spans.iter().filter(|span| span.name == "work");
        let parents: Vec<_> = parents.map(|span| span.parent_span_id.to_string()).collect();
        assert_eq!(parents, own, "{lifecycle:?}");
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled(), "it has not panicked");
    }
}
