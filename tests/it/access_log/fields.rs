//! What a line says.

use http::HeaderValue;
use mcp_telemetry::{AccessLogLayer, ObservabilityLayer, RequestIdLayer};

use super::*;
use crate::support::store;

/// What a server answers that could not read the request.
const PARSE_ERROR: &str =
    r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"#;

/// The message and every field of a call.
#[tokio::test]
async fn a_call_has_its_line() {
    let line = line_of(calls(), || answers(ANSWER)).await;
    assert_eq!(line.level, tracing::Level::INFO);
    assert_eq!(line.name, "access");
    let duration = line.millis("duration_ms");
    assert_eq!(line.message, format!("POST /mcp - 200 - {duration:.2}ms"));
    for (field, expected) in [
        ("method", Value::Text("POST".into())),
        ("path", Value::Text("/mcp".into())),
        ("status", Value::Whole(200)),
        ("mcp_method", Value::Text("tools/call".into())),
        ("tool", Value::Text("echo".into())),
        ("outcome", Value::Text("success".into())),
        // What a request without a version header speaks.
        ("protocol", Value::Text("2025-03-26".into())),
        ("bytes_in", Value::Whole(CALL.len().try_into().unwrap())),
        ("bytes_out", Value::Whole(ANSWER.len().try_into().unwrap())),
    ] {
        assert_eq!(*line.value(field), expected, "{field}");
    }
    assert_eq!(line.names().len(), 10, "nothing else is known: {line:#?}");
}

#[tokio::test]
async fn an_error_has_its_code_and_reason() {
    let line = line_of(calls(), || error(-32602)).await;
    assert_eq!(line.text("outcome"), "caller_error");
    assert_eq!(*line.value("reason"), Value::Shown("-32602".into()));
    assert_eq!(*line.value("jsonrpc_code"), Value::Whole(-32602));

    let line = line_of(calls(), || status(503)).await;
    assert_eq!(line.text("outcome"), "server_error");
    assert_eq!(line.text("reason"), "503");
    assert!(!line.names().contains(&"jsonrpc_code"));
}

#[tokio::test]
async fn a_prompt_and_a_resource_stand_where_a_tool_does() {
    for (method, params, field, expected) in [
        ("tools/call", r#"{"name":"echo"}"#, "tool", "echo"),
        ("prompts/get", r#"{"name":"greet"}"#, "prompt", "greet"),
        ("resources/read", r#"{"uri":"file:///etc/passwd"}"#, "resource", "file"),
        ("resources/read", r#"{"uri":"x-Notes+1.0://me@host/?key=1"}"#, "resource", "x-Notes+1.0"),
        ("resources/read", r#"{"uri":"passwd"}"#, "resource", "_OTHER"),
        ("resources/read", r#"{"uri":"1a:b"}"#, "resource", "_OTHER"),
        ("resources/read", r#"{"uri":"a b:c"}"#, "resource", "_OTHER"),
    ] {
        let message =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let line = line_of(says(message), || answers(ANSWER)).await;
        assert_eq!(line.text("mcp_method"), method);
        for other in ["tool", "prompt", "resource"] {
            assert_eq!(line.text(other), if other == field { expected } else { "" }, "{params}");
        }
        assert!(!line.contains("passwd") && !line.contains("key=1"));
    }
}

#[tokio::test]
async fn client_and_revision_are_those_of_the_message_that_names_them() {
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{
        "protocolVersion":"2026-07-28","clientInfo":{"name":"inspector","version":"1.2.0"}}}"#;
    let agreed = r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}"#;
    let line = line_of(says(initialize), || answers(agreed)).await;
    assert_eq!(line.text("client_name"), "inspector");
    assert_eq!(line.text("client_version"), "1.2.0");
    assert_eq!(line.text("protocol"), "2025-06-18", "what was agreed on");
    let line = line_of(says(initialize), || status(500)).await;
    assert_eq!(line.text("protocol"), "2026-07-28", "what was asked for");

    let modern = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{
        "io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"name":"desk"}}}}"#;
    let line = line_of(says(modern), || answers(ANSWER)).await;
    assert_eq!(line.text("client_name"), "desk");
    assert_eq!(line.text("client_version"), "");
    assert_eq!(line.text("protocol"), "2026-07-28");

    for (header, expected) in [("2025-11-25", "2025-11-25"), ("1999-01-01", "_OTHER")] {
        let mut request = calls();
        request.headers_mut().insert("mcp-protocol-version", HeaderValue::from_static(header));
        let line = line_of(request, || answers(ANSWER)).await;
        assert_eq!(line.text("protocol"), expected, "of the header");
    }
}

/// A path is shown where JSON-RPC is spoken, or where the operator says so; all others are one.
#[tokio::test]
async fn a_path_is_shown_only_if_it_is_admitted() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let layer = AccessLogLayer::new().routes(["/docs", "/users/{id}"]);
    let call_at = |path: &str| {
        let mut request = calls();
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    let mut junk = says("not JSON");
    *junk.uri_mut() = "/junk".parse().unwrap();
    for (request, answer, expected) in [
        (asks("GET", "/mcp"), "", "_OTHER"),
        (call_at("/mcp"), "no answer", "_OTHER"),
        (call_at("/mcp?key=1"), ANSWER, "/mcp"),
        (asks("GET", "/mcp?key=1"), "", "/mcp"),
        (asks("GET", "/mcp/"), "", "_OTHER"),
        (call_at("/tenants/4711/mcp"), ANSWER, "/tenants/{id}/mcp"),
        (asks("DELETE", "/tenants/0b5dc7a2-6f0e/mcp"), "", "/tenants/{id}/mcp"),
        (asks("GET", "/docs"), "", "/docs"),
        (asks("GET", "/users/42?x"), "", "/users/{id}"),
        (asks("GET", "/healthz"), "", "/healthz"),
        (asks("GET", "/.env"), ANSWER, "_OTHER"),
        (junk, PARSE_ERROR, "_OTHER"),
        (call_at("/a%20b/mcp"), ANSWER, "/{id}/mcp"),
        (call_at("/a;b"), ANSWER, "_OTHER"),
        (call_at(&"/word".repeat(26)), ANSWER, "_OTHER"),
    ] {
        let what = format!("{} {}", request.method(), request.uri());
        exchange(&layer, request, move || answers(answer)).await;
        let line = capture.only(&what);
        assert_eq!(line.text("path"), expected, "{what}");
        assert!(line.message.contains(&format!(" {expected} - ")), "{what}: {}", line.message);
        assert!(!line.contains("key=1"), "{what}");
    }
}

#[tokio::test]
async fn an_unknown_http_method_is_other() {
    let line = line_of(asks("BREW", "/pot"), || status(404)).await;
    assert_eq!(line.text("method"), "_OTHER");
    assert!(line.message.starts_with("_OTHER _OTHER - 404 - "), "{}", line.message);
}

/// T30: which methods are known is a setting.
#[tokio::test]
async fn the_http_methods_that_are_shown_can_be_replaced() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let layer = AccessLogLayer::new().known_methods(["BREW".parse().unwrap()]);
    for (method, shown) in [("BREW", "BREW"), ("GET", "_OTHER")] {
        exchange(&layer, asks(method, "/pot"), || status(200)).await;
        assert_eq!(capture.only(method).text("method"), shown);
    }
}

/// Sessions are told apart, and nobody can use what the line says of them.
#[tokio::test]
async fn a_session_is_a_keyed_hash_of_its_id() {
    let with = |layer: AccessLogLayer, id: &'static str| async move {
        let mut request = calls();
        request.headers_mut().insert("mcp-session-id", HeaderValue::from_static(id));
        line_under(layer, request, || answers(ANSWER)).await.text("session")
    };
    let keyed = || AccessLogLayer::new().session_key([7; 16]);
    let hash = with(keyed(), "s3cr3t").await;
    assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    assert_eq!(hash, with(keyed(), "s3cr3t").await, "the same id, the same key");
    assert_ne!(hash, with(keyed(), "s3cr3u").await, "another id");
    assert_ne!(hash, with(AccessLogLayer::new().session_key([8; 16]), "s3cr3t").await);
    let random = with(AccessLogLayer::new(), "s3cr3t").await;
    assert_eq!(random, with(AccessLogLayer::new(), "s3cr3t").await, "one key in a process");
    assert_ne!(hash, random);
    for layer in [keyed().log_session_ids(true), AccessLogLayer::new().log_session_ids(true)] {
        assert_eq!(with(layer, "s3cr3t").await, "s3cr3t", "on demand");
    }
    assert_eq!(with(keyed().log_session_ids(true).log_session_ids(false), "s3cr3t").await, hash);
}

#[tokio::test]
async fn the_session_that_an_answer_opens_is_its_session() {
    let layer = AccessLogLayer::new().log_session_ids(true);
    let line = line_under(layer, calls(), || {
        let mut response = answers(ANSWER);
        response.headers_mut().insert("mcp-session-id", HeaderValue::from_static("new"));
        response
    });
    assert_eq!(line.await.text("session"), "new");
}

#[tokio::test]
async fn the_user_is_whom_authentication_outside_left() {
    #[derive(Clone)]
    struct User(&'static str);
    let layer =
        AccessLogLayer::new().user_id(|head| head.extensions.get::<User>().map(|user| user.0));
    let mut request = calls();
    request.extensions_mut().insert(User("ada"));
    let line = line_under(layer.clone(), request, || answers(ANSWER)).await;
    assert_eq!(*line.value("user_id"), Value::Text("ada".into()));
    let line = line_under(layer, calls(), || answers(ANSWER)).await;
    assert!(!line.names().contains(&"user_id"));
}

/// The id is that of the exchange, wherever it was set.
#[tokio::test]
async fn the_request_id_is_that_of_the_exchange() {
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let service = tower::ServiceBuilder::new()
        .layer(ObservabilityLayer::new().metrics(store()).request_id(RequestIdLayer::new()))
        .layer(AccessLogLayer::new())
        .service(crate::support::AnyBody(service(|| answers(ANSWER))));
    let mut request = calls();
    request.headers_mut().insert("x-request-id", HeaderValue::from_static("order-66"));
    let Ok(response) = service.oneshot(request).await;
    response.into_body().collect().await.unwrap();
    let line = capture.only("inside of the bundle");
    assert_eq!(*line.value("request_id"), Value::Text("order-66".into()));
}
