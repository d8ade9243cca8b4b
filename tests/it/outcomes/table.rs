//! The table: each ending, in each form of answer.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::{Method, Request};
use http_body_util::Full;
use hyper::body::Bytes;
use mcp_telemetry::Hold;
use serde_json::json;

use super::{
    App, End, Mode, Peer,
    ends::{bare, call},
};

/// One way for an exchange to end, that a client sees to its end.
struct Row {
    name: &'static str,
    ask: fn(&Peer) -> Request<Full<Bytes>>,
    /// `None` where the server cannot end that way.
    end: fn(Mode) -> Option<End>,
}

const ROWS: &[Row] = &[
    Row { name: "success", ask: |it| it.call("1", "echo"), end: |_| Some(call("echo", "success")) },
    Row {
        name: "isError",
        ask: |it| it.call("1", "fails"),
        end: |_| Some(call("fails", "tool_error")),
    },
    Row {
        name: "the server's fault",
        ask: |it| it.call("1", "breaks"),
        end: |_| Some(call("breaks", "server_error").reason("-32603").code(-32603)),
    },
    Row {
        name: "the caller's fault",
        ask: |it| it.call("1", "refuses"),
        end: |_| Some(call("refuses", "caller_error").reason("-32602").code(-32602)),
    },
    Row {
        name: "unknown tool",
        ask: |it| it.call("1", "made-up"),
        end: |_| Some(call("made-up", "caller_error").reason("-32602").code(-32602)),
    },
    Row {
        name: "unknown method",
        ask: |it| it.request("1", "tools/invent", &json!({})),
        end: |mode| {
            let end = call("", "caller_error").about("_OTHER").reason("-32601").code(-32601);
            Some(if mode.is_modern() { end.status(404) } else { end })
        },
    },
    Row {
        name: "a URL is to be visited first",
        ask: |it| it.call("1", "visits"),
        end: |_| Some(call("visits", "input_required").reason("-32042").code(-32042)),
    },
    Row {
        name: "input is required",
        ask: |it| it.call("1", "asks"),
        end: |mode| {
            let end = call("asks", "input_required");
            // rmcp does not let it out to older clients.
            let refused = call("asks", "caller_error").reason("-32600").code(-32600);
            Some(if mode.is_modern() { end } else { refused })
        },
    },
    Row {
        name: "the handler says that it timed out",
        ask: |it| it.call("1", "times_out"),
        end: |_| Some(call("times_out", "timeout")),
    },
    Row {
        name: "the stream ends without an answer",
        ask: |it| acting(it, "silence"),
        end: |_| Some(call("echo", "no_response").unanswered()),
    },
    Row {
        name: "500",
        ask: |it| acting(it, "500"),
        end: |_| Some(refused("server_error", "500", 500)),
    },
    Row {
        name: "503",
        ask: |it| acting(it, "503"),
        end: |_| Some(refused("server_error", "503", 503)),
    },
    Row { name: "504", ask: |it| acting(it, "504"), end: |_| Some(refused("timeout", "504", 504)) },
    Row { name: "408", ask: |it| acting(it, "408"), end: |_| Some(refused("timeout", "408", 408)) },
    Row {
        name: "401",
        ask: |it| acting(it, "401"),
        end: |_| Some(refused("rejected", "401", 401)),
    },
    Row {
        name: "403",
        ask: |it| acting(it, "403"),
        end: |_| Some(refused("rejected", "403", 403)),
    },
    Row {
        name: "429",
        ask: |it| acting(it, "429"),
        end: |_| Some(refused("rejected", "429", 429)),
    },
    Row {
        name: "405",
        ask: |it| it.bare(Method::PUT),
        end: |_| Some(nameless("PUT", "405").status(405)),
    },
    Row {
        name: "406",
        ask: |it| with(it.call("1", "echo"), "accept", "text/html"),
        end: |_| Some(refused("rejected", "406", 406)),
    },
    Row {
        name: "413",
        ask: |it| it.post(vec![b' '; 4 * 1024 * 1024 + 1]),
        end: |_| Some(nameless("POST", "413").status(413)),
    },
    Row {
        name: "415, of another type",
        ask: |it| with(it.call("1", "echo"), "content-type", "text/plain"),
        end: |mode| {
            let end = nameless("POST", "415").status(415);
            // Where the body cannot be read, modern headers say what it is.
            Some(if mode.is_modern() {
                call("echo", "rejected").unanswered().reason("415").status(415)
            } else {
                end
            })
        },
    },
    Row {
        name: "415, no JSON",
        ask: |it| it.post("{"),
        end: |_| Some(nameless("POST", "415").status(415)),
    },
    Row {
        name: "404, of a session that never was",
        ask: |it| with(it.call("1", "echo"), "mcp-session-id", "made-up"),
        end: |mode| if mode.has_sessions() { Some(refused("rejected", "404", 404)) } else { None },
    },
    Row {
        name: "400, without a session",
        ask: |it| {
            let mut request = it.call("1", "echo");
            request.headers_mut().remove("mcp-session-id");
            request
        },
        end: |mode| if mode.has_sessions() { Some(refused("rejected", "400", 400)) } else { None },
    },
    Row {
        name: "a notification",
        ask: |it| {
            it.notification("notifications/progress", &json!({"progressToken": 1, "progress": 1}))
        },
        end: |_| {
            let end = call("", "success").about("notifications/progress").quiet();
            Some(end.status(202))
        },
    },
];

fn acting(peer: &Peer, act: &'static str) -> Request<Full<Bytes>> {
    with(peer.call("1", "echo"), "x-act", act)
}

fn with(
    mut request: Request<Full<Bytes>>,
    name: &'static str,
    value: &'static str,
) -> Request<Full<Bytes>> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

/// A call of `echo` that was answered by a status alone.
fn refused(outcome: &'static str, reason: &'static str, status: u16) -> End {
    call("echo", outcome).unanswered().reason(reason).status(status)
}

/// A refusal of what is no message.
fn nameless(verb: &'static str, reason: &'static str) -> End {
    bare(verb, "rejected").unanswered().reason(reason)
}

/// D2, D3: `isError` is no success, and what is refused before its method is known counts too.
#[tokio::test]
async fn each_ending_has_its_one_outcome_in_each_form() {
    let mut wrong = Vec::new();
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        for row in ROWS {
            let Some(end) = (row.end)(mode) else { continue };
            // All cells are looked at, whatever is wrong with one.
            if AssertUnwindSafe(check(&app, row, end)).catch_unwind().await.is_err() {
                wrong.push((row.name, mode));
            }
        }
        app.stop().await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn check(app: &App, row: &Row, end: End) {
    let peer = Peer::join(app).await;
    let before = app.before();
    app.ask((row.ask)(&peer)).await.read().await;
    app.assert_ended(&before, &[end], row.name).await;
}

/// D3: a refusal counts where the layer asks for nothing to be read, and the inner service reads nothing.
#[tokio::test]
async fn what_is_refused_unread_counts_without_a_method() {
    for mode in Mode::ALL {
        let app = App::start_with(mode, |layer| layer.hold(Hold::Never), |rmcp| rmcp).await;
        let peer = Peer::join(&app).await;
        for (act, outcome) in [
            ("401", "rejected"),
            ("403", "rejected"),
            ("404", "rejected"),
            ("413", "rejected"),
            ("429", "rejected"),
            ("500", "server_error"),
            ("503", "server_error"),
            ("504", "timeout"),
        ] {
            let before = app.before();
            app.ask(acting(&peer, act)).await.read().await;
            let end = bare("POST", outcome).unanswered().reason(act).status(act.parse().unwrap());
            // Modern headers tell what the body would.
            let named = End { method: "tools/call", tool: Some("echo"), ..end };
            let end = if mode.is_modern() { named } else { end };
            app.assert_ended(&before, &[end], act).await;
        }
        app.stop().await;
    }
}
