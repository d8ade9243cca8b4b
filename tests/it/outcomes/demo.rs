//! A server of rmcp whose tools end in every way that a handler can.

use std::{
    future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use http::request::Parts;
use mcp_telemetry::{Outcome, context::RequestContext};
use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
        ErrorData, InputRequiredResult, ServerCapabilities, ServerConfig,
    },
    service,
};
use tokio::sync::Semaphore;

/// The tools, by what their names say.
pub(super) const TOOLS: [&str; 10] = [
    "echo",
    "fails",
    "breaks",
    "refuses",
    "visits",
    "asks",
    "times_out",
    "hangs",
    "waits",
    "panics",
];

#[derive(Clone, Debug)]
pub(super) struct Demo(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: AtomicUsize,
    waiting: Semaphore,
}

impl Demo {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner { started: AtomicUsize::new(0), waiting: Semaphore::new(0) }))
    }

    /// How many calls have begun.
    pub(super) fn started(&self) -> usize {
        self.0.started.load(SeqCst)
    }

    /// Lets a call of `waits` go on, now or later.
    pub(super) fn release(&self) {
        self.0.waiting.add_permits(1);
    }
}

impl ServerHandler for Demo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: service::RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.0.started.fetch_add(1, SeqCst);
        let answer = || vec![ContentBlock::text("again")];
        match &*request.name {
            "echo" => {}
            "fails" => return Ok(CallToolResult::error(answer()).into()),
            "breaks" => return Err(ErrorData::internal_error("broken", None)),
            "refuses" => return Err(ErrorData::invalid_params("not these", None)),
            "visits" => return Err(ErrorData::new(ErrorCode(-32042), "go there first", None)),
            "asks" => return Ok(InputRequiredResult::from_request_state("asked").into()),
            "times_out" => {
                let parts = context.extensions.get::<Parts>().unwrap();
                RequestContext::from_parts(parts).unwrap().set_outcome(Outcome::Timeout);
            }
            "hangs" => future::pending().await,
            "waits" => self.0.waiting.acquire().await.unwrap().forget(),
            "panics" => panic!("the handler panics, as its name says"),
            _ => return Err(ErrorData::invalid_params("tool not found", None)),
        }
        Ok(CallToolResult::success(answer()).into())
    }
}
