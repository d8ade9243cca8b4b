//! `--demo`: real clients call the tools and write down what became of every call; then that is
//! held against the scrape.

mod ledger;
mod scrape;

use std::{collections::BTreeSet, pin::pin, process::ExitCode, time::Duration};

use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient, ServiceError,
    model::{CallToolRequestParams, CallToolResult, ProgressNotificationParam, ProtocolVersion},
    object,
    service::NotificationContext,
    transport::StreamableHttpClientTransport,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};

use self::ledger::Ledger;
use crate::BoxError;

const SHOWN: [&str; 3] = [
    "mcp_tool_calls_total{",
    "mcp_tool_call_duration_seconds_count{",
    "mcp_tool_call_duration_seconds_sum{",
];

pub(crate) async fn run(mcp_url: &str, metrics_url: &str) -> Result<ExitCode, BoxError> {
    let mut ledger = Ledger::default();

    println!("\n1. A client with a session (initialize) calls the tools\n");
    call_tools(mcp_url, ClientLifecycleMode::Initialize, &mut ledger).await?;

    println!("\n2. A client without one (server/discover, 2026-07-28) calls them again\n");
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let discover = ClientLifecycleMode::Discover { preferred_versions };
    call_tools(mcp_url, discover, &mut ledger).await?;

    println!("\n3. What Prometheus scrapes from {metrics_url} (without the zeros)\n");
    let page = page_that_covers(&ledger, metrics_url).await?;
    for line in page.lines() {
        if SHOWN.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0") {
            println!("   {line}");
        }
    }

    println!("\n4. Both, side by side\n");
    Ok(ledger.compare(&Ledger::from_page(&page)?))
}

async fn call_tools(
    url: &str,
    lifecycle: ClientLifecycleMode,
    ledger: &mut Ledger,
) -> Result<(), BoxError> {
    let in_session = lifecycle == ClientLifecycleMode::Initialize;
    let (on_progress, mut progress) = unbounded_channel();
    let transport = StreamableHttpClientTransport::from_uri(url);
    let caller = Caller { on_progress };
    let client = caller.serve_with_lifecycle(transport, lifecycle).await?;
    let tools = client.list_all_tools().await?;
    let known: BTreeSet<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();

    let mut script = vec![
        ("add", object!({ "a": 19, "b": 23 }), ""),
        ("add", object!({ "a": 0.5, "b": 0.25 }), ""),
        ("add", object!({ "a": -1, "b": 1 }), ""),
        ("divide", object!({ "a": 1, "b": 8 }), ""),
        ("divide", object!({ "a": 1, "b": 0 }), "tool_error"),
        ("lookup", object!({ "key": "japan" }), ""),
        ("lookup", object!({ "key": "atlantis" }), "server_error"),
        ("count", object!({ "steps": 3 }), ""),
        ("made_up_by_a_model", object!({}), "caller_error"),
    ];
    if !in_session {
        // Here, to leave is to cancel. In a session a cancel is a message of its own.
        script.push(("count", object!({ "steps": 1000 }), "cancelled"));
    }
    for (tool, arguments, expected) in script {
        let shown = format!("{tool} {}", serde_json::to_string(&arguments)?);
        print!("   {shown:<32}");
        let params = CallToolRequestParams::new(tool).with_arguments(arguments);
        let call = client.call_tool(params);
        let (error_type, said) = hear_out(call, &mut progress, expected == "cancelled").await?;
        println!("{said}");
        if error_type != expected {
            return Err(format!("{tool}: {error_type:?} where {expected:?} was due").into());
        }
        // What the server does not offer has no series of its own.
        let tool = known.get(tool).unwrap_or(&"_OTHER");
        ledger.enter(tool, error_type);
    }
    client.cancel().await?;
    Ok(())
}

/// Awaits the answer, or gives the call up at its first progress: rmcp closes the response of a
/// call that is dropped.
async fn hear_out(
    call: impl Future<Output = Result<CallToolResult, ServiceError>>,
    progress: &mut UnboundedReceiver<String>,
    give_up: bool,
) -> Result<(&'static str, String), BoxError> {
    let mut call = pin!(call);
    loop {
        tokio::select! {
            biased;
            Some(step) = progress.recv() => print!("{step} "),
            answer = &mut call => return outcome(answer),
        }
        if give_up {
            return Ok(("cancelled", "given up".into()));
        }
    }
}

/// The `error_type` of an answer, empty for a success, and what it says.
fn outcome(
    answer: Result<CallToolResult, ServiceError>,
) -> Result<(&'static str, String), BoxError> {
    match answer {
        Ok(result) => {
            let texts = result.content.iter().filter_map(|block| block.as_text());
            let said: String = texts.map(|block| block.text.as_str()).collect();
            match result.is_error {
                Some(true) => Ok(("tool_error", format!("isError: {said}"))),
                _ => Ok(("", said)),
            }
        }
        Err(ServiceError::McpError(error)) => {
            let code = error.code.0;
            let said = format!("JSON-RPC error {code}: {}", error.message);
            // These codes blame the request, all others the server.
            match code {
                -32700 | -32602..=-32600 | -32022..=-32020 | -32002 => Ok(("caller_error", said)),
                _ => Ok(("server_error", said)),
            }
        }
        Err(unanswered) => Err(unanswered.into()),
    }
}

/// A client that passes on what it hears of progress.
struct Caller {
    on_progress: UnboundedSender<String>,
}

impl ClientHandler for Caller {
    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let step = format!("{}/{}", progress.progress, progress.total.unwrap_or(f64::NAN));
        // Fails once the last call is over, and then nobody wants to know.
        let _ = self.on_progress.send(step);
    }
}

/// A server notices a moment later that a client has left, so its count may come a moment later.
async fn page_that_covers(ledger: &Ledger, url: &str) -> Result<String, BoxError> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let page = scrape::fetch(url).await?;
        if Ledger::from_page(&page)?.covers(ledger) || Instant::now() > deadline {
            return Ok(page);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
