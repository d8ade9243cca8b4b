//! `Mcp-Method` and `Mcp-Name` stand in for a body that cannot be read, and for no other.

use std::convert::Infallible;

use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::{compression::CompressionLayer, decompression::RequestDecompressionLayer};

use super::{
    App, End, Mode, Peer,
    app::Front,
    ends::{bare, call},
};
use crate::support::AnyBody;

/// A server that decodes what comes encoded.
async fn decoding(mode: Mode) -> App {
    let decodes = |front: Front| RequestDecompressionLayer::new().layer(AnyBody(front));
    App::start_with(mode, |layer| layer, decodes).await
}

/// The body of a request, encoded, by the layer that does so for responses.
async fn gzip(request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let (mut head, body) = request.into_parts();
    let echo = service_fn(|request: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    });
    let asks = Request::builder().header(header::ACCEPT_ENCODING, "gzip").body(body).unwrap();
    let layer = CompressionLayer::new()
        .compress_when(tower_http::compression::predicate::SizeAbove::new(0));
    let response = layer.layer(echo).oneshot(asks).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let Ok(body) = response.into_body().collect().await else { panic!("it is in memory") };
    let body = body.to_bytes();
    head.headers.insert(header::CONTENT_LENGTH, body.len().into());
    head.headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    Request::from_parts(head, Full::from(body))
}

fn with(mut request: Request<Full<Bytes>>, pairs: &[(&'static str, &str)]) -> Request<Full<Bytes>> {
    for (name, value) in pairs {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

/// D2: an `isError` is found even where the call is known by its headers alone.
#[tokio::test]
async fn headers_tell_of_a_body_that_a_layer_inside_decodes() {
    for mode in Mode::ALL {
        let app = decoding(mode).await;
        let peer = Peer::join(&app).await;
        for end in [
            call("echo", "success"),
            call("fails", "tool_error"),
            call("breaks", "server_error").reason("-32603").code(-32603),
            call("made-up", "caller_error").reason("-32602").code(-32602),
        ] {
            let tool = end.tool.unwrap();
            let before = app.before();
            let mut request = peer.call("1", tool);
            request.headers_mut().insert("mcp-method", "tools/call".parse().unwrap());
            request.headers_mut().insert("mcp-name", tool.parse().unwrap());
            app.ask(gzip(request).await).await.read().await;
            app.assert_ended(&before, &[end], tool).await;
        }

        let before = app.before();
        let mut named = peer.call("1", "echo");
        named.headers_mut().insert("mcp-method", "tools/call".parse().unwrap());
        named.headers_mut().insert("mcp-name", "=?base64?ZWNobw==?=".parse().unwrap());
        app.ask(gzip(named).await).await.read().await;
        app.assert_ended(&before, &[call("echo", "success")], "base64").await;

        let before = app.before();
        let mut notifies = peer.notification("notifications/initialized", &json!({}));
        notifies.headers_mut().insert("mcp-method", "notifications/initialized".parse().unwrap());
        app.ask(gzip(notifies).await).await.read().await;
        let end = call("", "success").about("notifications/initialized").status(202);
        app.assert_ended(&before, &[end], "a notification").await;
        app.stop().await;
    }
}

/// Without them nothing is known, and nothing is made up.
#[tokio::test]
async fn without_headers_an_encoded_body_is_a_request_of_no_message() {
    for mode in [Mode::SessionSse, Mode::StatelessSse, Mode::StatelessJson] {
        let app = decoding(mode).await;
        let peer = Peer::join(&app).await;
        let before = app.before();
        app.ask(gzip(peer.call("1", "echo")).await).await.read().await;
        app.assert_ended(&before, &[bare("POST", "success")], "encoded").await;
        app.stop().await;
    }
}

/// Headers that are garbage, or come twice, tell nothing or what is left of them.
#[tokio::test]
async fn headers_that_are_garbage_tell_nothing() {
    let rejected = |end: End| end.unanswered().reason("415").status(415);
    let call_of_none = End { tool: None, ..call("", "rejected") };
    let other = call("", "rejected").about("_OTHER");
    let long = "x".repeat(6_000);
    let app = App::start(Mode::StatelessJson).await;
    let peer = Peer::join(&app).await;
    for (headers, end) in [
        (&[("mcp-method", "tools/call"), ("mcp-name", "echo")][..], call("echo", "rejected")),
        (&[("mcp-method", "tools/call"), ("mcp-method", "tools/list")], bare("POST", "rejected")),
        (&[("mcp-name", "echo")], bare("POST", "rejected")),
        (&[("mcp-method", "Tools/Call"), ("mcp-name", "echo")], other),
        (&[("mcp-method", ""), ("mcp-name", "echo")], other),
        (&[("mcp-method", &*long)], other),
    ] {
        let before = app.before();
        app.ask(with(peer.post("{broken"), headers)).await.read().await;
        app.assert_ended(&before, &[rejected(end)], &format!("{headers:?}")).await;
    }
    // A call of which the name cannot be read is one of a tool nobody knows.
    for name in [&[("mcp-name", "=?base64?!?=")][..], &[("mcp-name", "a"), ("mcp-name", "b")]] {
        let before = app.before();
        let request = with(peer.post("{broken"), &[("mcp-method", "tools/call")]);
        app.ask(with(request, name)).await.read().await;
        app.settle(before.settled() + 1).await;
        let page = app.page();
        let ended = rejected(call_of_none);
        assert_eq!(page.risen(&before.page, "mcp_operations_total"), ended.operations());
        let calls = page.risen(&before.page, "mcp_tool_calls_total");
        assert_eq!(calls, ["rejected error _OTHER"], "{name:?}");
        assert!(app.lines.of_exchanges().pop().unwrap()["extra"]["tool"].is_null());
    }
    app.stop().await;
}

/// The body is the truth, wherever it can be read.
#[tokio::test]
async fn headers_that_lie_beside_a_readable_body_change_nothing() {
    let lies: [&[(&str, &str)]; 4] = [
        &[("mcp-method", "tools/list"), ("mcp-name", "breaks")],
        &[("mcp-method", "notifications/initialized")],
        &[("mcp-name", "=?base64?ZmFpbHM=?=")],
        &[("mcp-method", "made/up"), ("mcp-method", "tools/call"), ("mcp-name", "fails")],
    ];
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        let peer = Peer::join(&app).await;
        for lie in lies {
            let mut request = peer.call("1", "echo");
            for name in ["mcp-method", "mcp-name"] {
                request.headers_mut().remove(name);
            }
            let before = app.before();
            app.ask(with(request, lie)).await.read().await;
            // rmcp compares them, since 2026-07-28.
            let end = if mode.is_modern() {
                call("echo", "caller_error").reason("-32020").code(-32020).status(400)
            } else {
                call("echo", "success")
            };
            app.assert_ended(&before, &[end], &format!("{lie:?}")).await;
        }
        app.stop().await;
    }
}
