//! Clients that do not say who they are, and several that do on one connection.

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::{App, Mode, Peer, ends::call};
use crate::support::{Client, Protocol};

/// D11: no `params`, none that is an object, no name, no client; and a session that was never
/// initialised. Each is an exchange like any other, and nobody panics.
#[tokio::test]
async fn what_is_missing_is_not_told() {
    let messages = [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"x"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":null}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":{"name":"echo"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":null}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/clientInfo":7}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":null}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":{"version":{}}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":null}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[1]}}"#,
    ];
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        let peer = Peer { mode, session: None };
        let mut made_up = peer.clone();
        made_up.session = Some("never-initialised".parse().unwrap());
        for peer in [peer, made_up] {
            for message in messages {
                let before = app.before();
                app.ask(peer.post(message)).await.read().await;
                app.settle(before.settled() + 1).await;
                let page = app.page();
                let counted = page.risen(&before.page, "mcp_operations_total");
                assert_eq!(counted.len(), 1, "{message}, {mode:?}: {counted:?}");
                page.assert_idle(message);
                let line = app.lines.of_exchanges().pop().unwrap();
                for key in ["tool", "client_name", "client_version"] {
                    assert_eq!(line["extra"][key], Value::Null, "{message}, {mode:?}: {line}");
                }
            }
        }
        app.stop().await;
    }
}

/// A modern call by this client.
fn call_by(peer: &Peer, client: &Value) -> Request<Full<Bytes>> {
    let mut request = peer.call("1", "echo");
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": client,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": "echo", "arguments": {}, "_meta": meta});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let message = message.to_string();
    request.headers_mut().insert("content-length", message.len().into());
    request.map(|_| Full::from(message))
}

/// D14: since 2026-07-28 each request says for itself who sends it. What came before on the connection
/// says nothing.
#[tokio::test]
async fn each_request_has_its_own_client() {
    for mode in [Mode::ModernSse, Mode::ModernJson] {
        let app = App::start(mode).await;
        let peer = Peer::join(&app).await;
        let mut connection = Client::connect(Protocol::Http1, app.server.address).await;
        let clients = [
            json!({"name": "one", "version": "1.0"}),
            json!({"name": "other", "version": "2.0"}),
            Value::Null,
            json!({"name": "one", "version": "1.1"}),
        ];
        for (index, client) in clients.iter().enumerate() {
            let response = connection.send(call_by(&peer, client)).await.unwrap();
            response.into_body().collect().await.unwrap();
            app.settle(index + 1).await;
            let line = app.lines.of_exchanges().pop().unwrap();
            let told = (&line["extra"]["client_name"], &line["extra"]["client_version"]);
            assert_eq!(told, (&client["name"], &client["version"]), "{mode:?}: {line}");
        }
        connection.leave().await;
        app.stop().await;
    }
}

/// D14, of sessions that share a connection through a proxy: neither takes the other's calls for its own.
#[tokio::test]
async fn sessions_on_one_connection_keep_apart() {
    let app = App::start(Mode::SessionSse).await;
    let peers = [Peer::join(&app).await, Peer::join(&app).await];
    let before = app.before();
    let mut connection = Client::connect(Protocol::Http1, app.server.address).await;
    for peer in peers.iter().chain(&peers) {
        let response = connection.send(peer.call("1", "echo")).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    app.assert_ended(&before, &[call("echo", "success"); 4], "each").await;
    let lines = app.lines.of_exchanges();
    let sessions: Vec<_> =
        lines[before.settled()..].iter().map(|line| &line["extra"]["session"]).collect();
    assert_eq!(sessions[0], sessions[2]);
    assert_eq!(sessions[1], sessions[3]);
    assert_ne!(sessions[0], sessions[1]);
    connection.leave().await;
    app.stop().await;
}
