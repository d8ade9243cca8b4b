//! `--demo`: real clients call the tools and write down what became of every call; then that is
//! held against the log lines and the scrape.

mod ledger;
mod lines;
mod scrape;

use std::{
    collections::{BTreeSet, HashMap},
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use http::{HeaderName, HeaderValue};

use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient, ServiceError,
    model::{
        CallToolRequestParams, CallToolResult, JsonObject, ProgressNotificationParam,
        ProtocolVersion, RequestMetaObject,
    },
    object,
    service::NotificationContext,
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};

pub(crate) use self::lines::Lines;
use self::{ledger::Ledger, lines::Sent};
use crate::BoxError;

const SHOWN: [&str; 3] = [
    "mcp_tool_calls_total{",
    "mcp_tool_call_duration_seconds_count{",
    "mcp_tool_call_duration_seconds_sum{",
];

pub(crate) async fn run(
    mcp_url: &str,
    metrics_url: &str,
    lines: &Lines,
) -> Result<ExitCode, BoxError> {
    println!("\n1. Clients with a session (initialize) call the tools\n");
    let mut sent = call_tools(mcp_url, ClientLifecycleMode::Initialize).await?;

    println!("\n2. Clients without one (server/discover, 2026-07-28) call them again\n");
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let discover = ClientLifecycleMode::Discover { preferred_versions };
    sent.extend(call_tools(mcp_url, discover).await?);

    let mut ledger = Ledger::default();
    for Sent { tool, error_type, known, .. } in &sent {
        // What the server does not offer has no series of its own.
        ledger.enter(if *known { tool } else { "_OTHER" }, error_type);
    }
    let page = page_that_covers(&ledger, metrics_url).await?;

    println!("\n3. The lines of two of these calls: the handler's own, and how the call ended\n");
    for sent in sent.iter().filter(|sent| sent.error_type == "tool_error") {
        for (line, _) in lines.of(sent)? {
            println!("   {line}");
        }
    }
    for sent in &sent {
        lines.check(sent)?;
    }
    println!("\n   {} calls: request id, trace id, tool and outcome of each agree\n", sent.len());

    println!("4. What Prometheus scrapes from {metrics_url} (without the zeros)\n");
    for line in page.lines() {
        if SHOWN.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0") {
            println!("   {line}");
        }
    }

    println!("\n5. Both, side by side\n");
    Ok(ledger.compare(&Ledger::from_page(&page)?))
}

async fn call_tools(url: &str, lifecycle: ClientLifecycleMode) -> Result<Vec<Sent>, BoxError> {
    let in_session = lifecycle == ClientLifecycleMode::Initialize;
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
    let mut all = Vec::new();
    for (number, (tool, arguments, expected)) in (1_u64..).zip(script) {
        let number = number + if in_session { 0 } else { 100 };
        let sent = Sent {
            request_id: format!("demo-{number}"),
            trace_id: format!("{:032x}", 0xde30_0000 + number),
            tool,
            error_type: expected,
            known: tool != "made_up_by_a_model",
        };
        call_tool(url, lifecycle.clone(), arguments, &sent).await?;
        all.push(sent);
    }
    Ok(all)
}

/// One call by a client of its own, whose requests have the request id of the call.
async fn call_tool(
    url: &str,
    lifecycle: ClientLifecycleMode,
    arguments: JsonObject,
    sent: &Sent,
) -> Result<(), BoxError> {
    let Sent { request_id, trace_id, tool, error_type: expected, known } = sent;
    let id = HeaderValue::from_str(request_id)?;
    let headers = HashMap::from([(HeaderName::from_static("x-request-id"), id)]);
    let config = StreamableHttpClientTransportConfig::with_uri(url).custom_headers(headers);
    let (on_progress, mut progress) = unbounded_channel();
    let client = Caller { on_progress }
        .serve_with_lifecycle(StreamableHttpClientTransport::from_config(config), lifecycle)
        .await?;
    let tools = client.list_all_tools().await?;
    let offered: BTreeSet<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(offered.contains(tool), *known, "{tool}");

    let shown = format!("{tool} {}", serde_json::to_string(&arguments)?);
    print!("   {shown:<32}");
    let mut params = CallToolRequestParams::new(*tool).with_arguments(arguments);
    let mut meta = RequestMetaObject::default();
    meta.set_traceparent(format!("00-{trace_id}-00f067aa0ba902b7-01"));
    params.meta = Some(meta);
    let call = client.call_tool(params);
    let (error_type, said) = hear_out(call, &mut progress, *expected == "cancelled").await?;
    println!("{said}");
    if error_type != *expected {
        return Err(format!("{tool}: {error_type:?} where {expected:?} was due").into());
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
