//! A server of rmcp whose tools end in every way that a handler can.

use std::{
    future,
    sync::{
        Arc, Mutex,
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
use serde_json::Value;
use tokio::sync::Semaphore;

/// The tools, by what their names say.
pub(super) const TOOLS: [&str; 12] = [
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
    "says",
    "keeps",
];

#[derive(Clone, Debug)]
pub(super) struct Demo(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: AtomicUsize,
    waiting: Semaphore,
    kept: Mutex<Option<RequestContext>>,
}

impl Demo {
    pub(super) fn new() -> Self {
        let (started, waiting) = (AtomicUsize::new(0), Semaphore::new(0));
        Self(Arc::new(Inner { started, waiting, kept: Mutex::default() }))
    }

    /// How many calls have begun.
    pub(super) fn started(&self) -> usize {
        self.0.started.load(SeqCst)
    }

    /// The exchange of the last call of `keeps`.
    pub(super) fn kept(&self) -> Option<RequestContext> {
        self.0.kept.lock().unwrap().take()
    }

    /// Lets a call of `waits` or `keeps` go on, now or later.
    pub(super) fn release(&self) {
        self.0.waiting.add_permits(1);
    }
}

fn exchange_of(context: &service::RequestContext<RoleServer>) -> RequestContext {
    RequestContext::from_parts(context.extensions.get::<Parts>().unwrap()).unwrap()
}

/// Says of an exchange what there is to say.
pub(super) fn speak(exchange: &RequestContext, said: &Value) {
    let text = |key: &str| said[key].as_str();
    if let Some(tool) = text("tool") {
        exchange.set_tool(tool);
    }
    if let Some(client) = text("client") {
        exchange.set_client(client, text("version"));
    }
    if let Some(outcome) = text("outcome") {
        exchange.set_outcome(named(outcome));
    }
}

pub(super) const OUTCOMES: [Outcome; 11] = [
    Outcome::Success,
    Outcome::InputRequired,
    Outcome::ToolError,
    Outcome::CallerError,
    Outcome::ServerError,
    Outcome::Timeout,
    Outcome::Rejected,
    Outcome::TransportError,
    Outcome::Cancelled,
    Outcome::Detached,
    Outcome::NoResponse,
];

fn named(name: &str) -> Outcome {
    OUTCOMES.into_iter().find(|outcome| outcome.as_str() == name).unwrap()
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
            "times_out" => exchange_of(&context).set_outcome(Outcome::Timeout),
            "says" => {
                let head = context.extensions.get::<Parts>().unwrap();
                let said = head.headers["x-says"].to_str().unwrap();
                speak(&exchange_of(&context), &serde_json::from_str(said).unwrap());
            }
            "keeps" => {
                *self.0.kept.lock().unwrap() = Some(exchange_of(&context));
                self.0.waiting.acquire().await.unwrap().forget();
            }
            "hangs" => future::pending().await,
            "waits" => self.0.waiting.acquire().await.unwrap().forget(),
            "panics" => panic!("the handler panics, as its name says"),
            _ => return Err(ErrorData::invalid_params("tool not found", None)),
        }
        Ok(CallToolResult::success(answer()).into())
    }
}
