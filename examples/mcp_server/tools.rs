//! The MCP server that is observed: four tools, each with another way to end. All that they do to be
//! observed is to say which request their lines belong to.

use std::time::Duration;

use http::request::Parts;
use mcp_telemetry::context::{self, Entered};
use rmcp::{
    ErrorData, RoleServer,
    handler::server::{tool::Extension, wrapper::Parameters},
    model::ProgressNotificationParam,
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::Deserialize;
use tracing::info;

#[derive(Clone)]
pub(crate) struct Tools;

#[derive(Deserialize, JsonSchema)]
struct Operands {
    a: f64,
    b: f64,
}

#[derive(Deserialize, JsonSchema)]
struct Steps {
    steps: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Key {
    key: String,
}

#[tool_router(server_handler, vis = "pub(crate)")]
impl Tools {
    #[tool(description = "Add two numbers")]
    fn add(
        Parameters(Operands { a, b }): Parameters<Operands>,
        Extension(head): Extension<Parts>,
    ) -> String {
        let _serving = serving(&head);
        info!(a, b, "adding");
        (a + b).to_string()
    }

    /// An `Err` with text is a result with `isError`: something the model can read and react to.
    #[tool(description = "Divide one number by another")]
    fn divide(
        Parameters(Operands { a, b }): Parameters<Operands>,
        Extension(head): Extension<Parts>,
    ) -> Result<String, String> {
        let _serving = serving(&head);
        info!(a, b, "dividing");
        if b == 0.0 {
            return Err("cannot divide by zero".into());
        }
        Ok((a / b).to_string())
    }

    /// An `Err` with `ErrorData` is a JSON-RPC error: the call itself failed.
    #[tool(description = "Look up the capital of a country")]
    fn lookup(
        Parameters(Key { key }): Parameters<Key>,
        Extension(head): Extension<Parts>,
    ) -> Result<String, ErrorData> {
        let _serving = serving(&head);
        info!(key, "looking up");
        match key.as_str() {
            "france" => Ok("Paris".into()),
            "japan" => Ok("Tokyo".into()),
            _ => Err(ErrorData::internal_error("the atlas lacks that page", None)),
        }
    }

    /// Stops when the client cancels or, where its protocol revision makes that a cancel, leaves.
    #[tool(description = "Count slowly, with a progress notification for every step")]
    async fn count(
        Parameters(Steps { steps }): Parameters<Steps>,
        request: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let exchange = request.extensions.get().and_then(context::RequestContext::from_parts);
        let counting = count_to(steps, request);
        match exchange {
            Some(exchange) => exchange.scope(counting).await,
            None => counting.await,
        }
    }
}

async fn count_to(steps: u32, request: RequestContext<RoleServer>) -> Result<String, ErrorData> {
    info!(steps, "counting");
    let failed = |reason: String| ErrorData::internal_error(reason, None);
    for step in 1..=steps {
        if let Some(token) = request.meta.get_progress_token() {
            let progress =
                ProgressNotificationParam::new(token, f64::from(step)).with_total(f64::from(steps));
            let sent = request.peer.notify_progress(progress).await;
            sent.map_err(|error| failed(error.to_string()))?;
        }
        let pause = tokio::time::sleep(Duration::from_millis(50));
        if request.ct.run_until_cancelled(pause).await.is_none() {
            return Err(failed(format!("cancelled at step {step}")));
        }
    }
    Ok(format!("counted to {steps}"))
}

/// rmcp runs handlers in tasks of their own, but hands them the head of the request, by which their
/// lines find it. Until the guard is dropped, all lines of this thread are the request's.
fn serving(head: &Parts) -> Option<Entered> {
    context::RequestContext::from_parts(head).map(|exchange| exchange.enter())
}
