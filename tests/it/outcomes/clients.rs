//! The same endings, as rmcp's own client meets them.

use rmcp::{
    ClientLifecycleMode, ClientServiceExt, RoleClient, ServiceError,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResponse, ClientRequest, ProtocolVersion,
    },
    service::{PeerRequestOptions, RunningService},
    transport::StreamableHttpClientTransport,
};

use super::{
    App, Mode,
    ends::{bare, call},
};
use crate::support::{until, within};

/// A client in the revision that a mode is about. What it takes to begin is over, but for the stream that
/// it keeps open in a session.
async fn join(app: &App) -> RunningService<RoleClient, ()> {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let (lifecycle, exchanges) = match app.mode {
        _ if app.mode.is_modern() => (ClientLifecycleMode::Discover { preferred_versions }, 1),
        // `initialize`, `notifications/initialized`, and a `GET` where there is a session.
        _ if app.mode.has_sessions() => (ClientLifecycleMode::Initialize, 3),
        _ => (ClientLifecycleMode::Initialize, 2),
    };
    let before = app.before();
    let uri = format!("http://{}/mcp", app.server.address);
    let transport = StreamableHttpClientTransport::from_uri(uri);
    let client = within("a client", ().serve_with_lifecycle(transport, lifecycle)).await.unwrap();
    until("the client is there", || {
        app.page().risen(&before.page, "mcp_operations_total").len() == exchanges
    })
    .await;
    let stays_open = usize::from(app.mode.has_sessions());
    app.settle(before.settled() + exchanges - stays_open).await;
    client
}

#[tokio::test]
async fn a_client_of_rmcp_is_told_what_is_counted() {
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        let client = join(&app).await;
        let asks = if mode.is_modern() {
            call("asks", "input_required")
        } else {
            call("asks", "caller_error").reason("-32600").code(-32600)
        };
        for end in [
            call("echo", "success"),
            call("fails", "tool_error"),
            call("breaks", "server_error").reason("-32603").code(-32603),
            call("refuses", "caller_error").reason("-32602").code(-32602),
            call("made-up", "caller_error").reason("-32602").code(-32602),
            call("times_out", "timeout"),
            asks,
        ] {
            let tool = end.tool.unwrap();
            let before = app.before();
            let called = client.peer().call_tool_once(CallToolRequestParams::new(tool));
            match (within("an answer", called).await, end.outcome) {
                (Ok(CallToolResponse::Complete(result)), outcome) => {
                    assert_eq!(result.is_error == Some(true), outcome == "tool_error", "{tool}");
                }
                (Ok(CallToolResponse::InputRequired(_)), "input_required") => {}
                (Err(ServiceError::McpError(error)), _) => {
                    assert_eq!(Some(error.code.0.into()), end.code, "{tool}");
                }
                other => panic!("{tool}, {mode:?}: {other:?}"),
            }
            app.assert_ended(&before, &[end], tool).await;
        }
        let before = app.before();
        within("the client leaves", client.cancel()).await.unwrap();
        if mode.has_sessions() {
            // The stream has counted when it opened.
            app.settle(before.settled() + 2).await;
            let ended = bare("DELETE", "success").status(202);
            before.assert_operations(&app.page(), &[ended], "it leaves");
        }
        app.stop().await;
    }
}

/// A client that gives up its call says so by a notification, or, since 2026-07-28, by leaving.
#[tokio::test]
async fn a_call_that_a_client_of_rmcp_gives_up_is_cancelled() {
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        let client = join(&app).await;
        let before = app.before();
        let hangs = CallToolRequest::new(CallToolRequestParams::new("hangs"));
        let hangs = ClientRequest::CallToolRequest(hangs);
        let options = PeerRequestOptions::no_options();
        let handle = client.peer().send_cancellable_request(hangs, options).await.unwrap();
        until("the handler runs", || app.demo.started() == 1).await;
        within("it is given up", handle.cancel(None)).await.unwrap();
        let notified = call("", "success").about("notifications/cancelled").status(202).quiet();
        let cancelled = call("hangs", "cancelled").unanswered();
        match mode {
            Mode::SessionSse => {
                // The client closes its stream as well, and the server may see that first: the line is
                // of what is known by then. What counts is the same.
                app.settle(before.settled() + 2).await;
                before.assert_operations(&app.page(), &[cancelled, notified], "given up");
                let lines = app.lines.of_exchanges();
                let line = lines.iter().find(|line| line["extra"]["tool"] == "hangs").unwrap();
                let outcome = line["extra"]["outcome"].as_str().unwrap();
                assert!(["cancelled", "detached"].contains(&outcome), "{line}");
            }
            Mode::StatelessSse => {
                let ends = [cancelled.reason("aborted"), notified];
                app.assert_ended(&before, &ends, "given up").await;
            }
            Mode::StatelessJson => {
                let ends = [cancelled.reason("dropped").status(499), notified];
                app.assert_ended(&before, &ends, "given up").await;
            }
            Mode::ModernSse | Mode::ModernJson => {
                let ends = [cancelled.reason("dropped").status(499)];
                app.assert_ended(&before, &ends, "given up").await;
            }
        }
        within("the client leaves", client.cancel()).await.unwrap();
        app.stop().await;
    }
}
