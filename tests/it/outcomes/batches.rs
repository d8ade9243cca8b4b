//! Batches (MCP 2025-03-26): each message counts by itself, and the line shows how the gravest ended.

use std::convert::Infallible;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde_json::Value;

use super::{App, Mode, app::Boxing};
use crate::support::{
    Boxed, Client, Protocol, Script, Step, data, event, handler, json, post, sse, until,
};

/// A batch, what a script answers to it, and what of it must be told.
struct Row {
    name: &'static str,
    asks: Vec<String>,
    answers: fn() -> Response<Script>,
    operations: &'static [&'static str],
    tool_calls: &'static [&'static str],
    /// Level, outcome and reason.
    line: (&'static str, &'static str, Option<&'static str>),
}

const DONE: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
const FAILED: &str = r#"{"jsonrpc":"2.0","id":2,"result":{"isError":true}}"#;
const BROKEN: &str = r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32603,"message":"broken"}}"#;

fn call(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo"}}}}"#)
}

fn calls(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| call(id)).collect()
}

fn notification() -> String {
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned()
}

fn response() -> String {
    r#"{"jsonrpc":"2.0","id":"s-1","result":{"roots":[]}}"#.to_owned()
}

fn array(answers: &[&str]) -> Response<Script> {
    json(Script::new([data(format!("[{}]", answers.join(",")))]))
}

fn events(answers: &[&str]) -> Response<Script> {
    sse(Script::new(answers.iter().map(|answer| data(event(answer)))))
}

fn status(status: u16) -> Response<Script> {
    let mut response = Response::new(Script::new([]).reporting_end());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn rows() -> Vec<Row> {
    const SUCCESS: &str = "success echo";
    vec![
        Row {
            name: "each has its own answer, in any order",
            asks: calls(&["1", "2", "3"]),
            answers: || array(&[BROKEN, DONE, FAILED]),
            operations: &["tools/call server_error", "tools/call success", "tools/call tool_error"],
            tool_calls: &["server_error error echo", SUCCESS, "tool_error error echo"],
            line: ("ERROR", "server_error", Some("-32603")),
        },
        Row {
            name: "one event for each",
            asks: calls(&["1", "2"]),
            answers: || events(&[FAILED, DONE]),
            operations: &["tools/call success", "tools/call tool_error"],
            tool_calls: &[SUCCESS, "tool_error error echo"],
            line: ("WARN", "tool_error", None),
        },
        Row {
            name: "all went well",
            asks: calls(&["2", "1"]),
            answers: || events(&[DONE, r#"{"jsonrpc":"2.0","id":2,"result":{}}"#]),
            operations: &["tools/call success", "tools/call success"],
            tool_calls: &[SUCCESS, SUCCESS],
            line: ("INFO", "success", None),
        },
        Row {
            name: "what asks for nothing is no failure",
            asks: vec![notification(), call("1"), response()],
            answers: || array(&[DONE]),
            operations: &[
                "notifications/initialized success",
                "response success",
                "tools/call success",
            ],
            tool_calls: &[SUCCESS],
            line: ("INFO", "success", None),
        },
        Row {
            name: "nothing asks for anything",
            asks: vec![notification(), response()],
            answers: || status(202),
            operations: &["notifications/initialized success", "response success"],
            tool_calls: &[],
            line: ("DEBUG", "success", None),
        },
        Row {
            name: "one is not answered",
            asks: calls(&["1", "4"]),
            answers: || array(&[DONE, FAILED]),
            operations: &["tools/call no_response", "tools/call success"],
            tool_calls: &["no_response error echo", SUCCESS],
            line: ("WARN", "no_response", None),
        },
        Row {
            name: "a status answers all",
            asks: vec![call("1"), notification(), call("2")],
            answers: || status(503),
            operations: &[
                "notifications/initialized server_error",
                "tools/call server_error",
                "tools/call server_error",
            ],
            tool_calls: &["server_error error echo", "server_error error echo"],
            line: ("ERROR", "server_error", Some("503")),
        },
        Row {
            name: "an error without an id answers all",
            asks: calls(&["1", "2"]),
            answers: || json(Script::new([data(r#"{"jsonrpc":"2.0","error":{"code":-32600}}"#)])),
            operations: &["tools/call caller_error", "tools/call caller_error"],
            tool_calls: &["caller_error error echo", "caller_error error echo"],
            line: ("INFO", "caller_error", Some("-32600")),
        },
        Row {
            name: "an id comes twice, and its answer once",
            asks: calls(&["1", "1"]),
            answers: || array(&[DONE]),
            operations: &["tools/call no_response", "tools/call success"],
            tool_calls: &["no_response error echo", SUCCESS],
            line: ("WARN", "no_response", None),
        },
        Row {
            name: "an id comes twice, and its answer three times",
            asks: calls(&["1", "1"]),
            answers: || array(&[DONE, DONE, DONE]),
            operations: &["tools/call success", "tools/call success"],
            tool_calls: &[SUCCESS, SUCCESS],
            line: ("INFO", "success", None),
        },
        Row {
            name: "ids of different types",
            asks: calls(&["1", r#""1""#, "1.5e1"]),
            answers: || {
                array(&[r#"{"id":"1","result":{"isError":true}}"#, r#"{"id":15,"result":{}}"#])
            },
            operations: &["tools/call no_response", "tools/call success", "tools/call tool_error"],
            tool_calls: &["no_response error echo", SUCCESS, "tool_error error echo"],
            line: ("WARN", "no_response", None),
        },
        Row {
            name: "the body breaks off",
            asks: calls(&["1", "2"]),
            answers: || sse(Script::new([data(event(DONE)), Step::Error])),
            operations: &["tools/call success", "tools/call transport_error"],
            tool_calls: &[SUCCESS, "transport_error error echo"],
            line: ("ERROR", "transport_error", None),
        },
        Row {
            name: "sixty-four",
            asks: vec![notification(); 64],
            answers: || status(202),
            operations: &["notifications/initialized success"; 64],
            tool_calls: &[],
            line: ("DEBUG", "success", None),
        },
        Row {
            name: "of more than that, the first",
            asks: vec![notification(); 70],
            answers: || status(400),
            operations: &["notifications/initialized rejected"; 64],
            tool_calls: &[],
            line: ("INFO", "rejected", Some("400")),
        },
        Row {
            name: "none at all",
            asks: Vec::new(),
            answers: || status(400),
            operations: &["none rejected"],
            tool_calls: &[],
            line: ("INFO", "rejected", Some("400")),
        },
    ]
}

/// A server that answers as a row says.
async fn serve(answers: fn() -> Response<Script>) -> App {
    let service = handler(move |request: Request<Boxed>| async move {
        request.into_body().collect().await.unwrap();
        Ok::<_, Infallible>(answers())
    });
    App::start_with(Mode::StatelessJson, |layer| layer, |_: Boxing| service).await
}

fn batch(asks: &[String]) -> Request<Full<Bytes>> {
    post(Full::from(format!("[{}]", asks.join(","))))
}

#[tokio::test]
async fn each_message_of_a_batch_counts_and_the_line_shows_the_gravest() {
    for row in rows() {
        let app = serve(row.answers).await;
        let before = app.before();
        // A body that breaks off may be seen by the client before the head is.
        if let Ok(asked) = app.try_ask(batch(&row.asks)).await {
            let _whole_or_not = asked.try_read().await;
        }
        app.settle(1).await;
        let page = app.page();
        let name = row.name;
        assert_eq!(page.risen(&before.page, "mcp_operations_total"), row.operations, "{name}");
        assert_eq!(page.risen(&before.page, "mcp_tool_calls_total"), row.tool_calls, "{name}");
        assert_eq!(page.risen(&before.page, "mcp_requests_total").len(), 1, "{name}");
        page.assert_idle(name);

        let line = &app.lines.of_exchanges()[0];
        let told = (&line["level"], &line["extra"]["outcome"], &line["extra"]["reason"]);
        let (level, outcome, reason) = row.line;
        assert_eq!(told, (&level.into(), &outcome.into(), &reason.into()), "{name}: {line}");
        // No message speaks for all of them.
        for key in ["mcp_method", "tool", "jsonrpc_code"] {
            assert_eq!(line["extra"][key], Value::Null, "{name}: {line}");
        }
        app.stop().await;
    }
}

/// A client that leaves midway has cancelled what was not answered by then.
#[tokio::test]
async fn what_was_answered_before_the_client_left_stays_answered() {
    let app = serve(|| sse(Script::new([data(event(DONE)), Step::Wait]))).await;
    let before = app.before();
    let mut client = Client::connect(Protocol::Http1, app.server.address).await;
    let mut response = client.send(batch(&calls(&["1", "2"]))).await.unwrap();
    response.frame().await.unwrap().unwrap();
    let counted = || app.page().risen(&before.page, "mcp_operations_total");
    until("the answer counts", || counted() == ["tools/call success"]).await;
    client.leave().await;
    app.settle(1).await;
    assert_eq!(counted(), ["tools/call cancelled", "tools/call success"]);
    let line = &app.lines.of_exchanges()[0];
    assert_eq!(
        (&line["extra"]["outcome"], &line["extra"]["reason"]),
        (&"cancelled".into(), &"aborted".into())
    );
    app.stop().await;
}
