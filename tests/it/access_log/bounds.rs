//! What strangers cannot do to a line.

use http::HeaderValue;
use mcp_telemetry::AccessLogLayer;

use super::*;
use crate::support::{Broken, Step, event, sse};

/// T44, T31: what is secret, or could be, is in no field and no message, at no level.
#[tokio::test]
async fn no_secret_is_in_any_line() {
    let secrets = [
        "of-authorization",
        "of-cookie",
        "of-query",
        "of-api-key",
        "of-session",
        "of-arguments",
        "of-result",
        "of-error",
        "of-resource",
        "of-set-cookie",
    ];
    let request = |method: &str| {
        let message = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"echo",
            "uri":"file:///of-resource","arguments":{{"key":"of-arguments"}}}}}}"#
        );
        let mut request = says(message);
        *request.uri_mut() = "/mcp?token=of-query".parse().unwrap();
        for (name, value) in [
            ("authorization", "Bearer of-authorization"),
            ("cookie", "id=of-cookie"),
            ("x-api-key", "of-api-key"),
            ("mcp-session-id", "of-session"),
        ] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        request
    };
    let failed = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"of-error"}}"#;
    let result = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"text":"of-result"}]}}"#;
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    let layer = AccessLogLayer::new();
    let mut exchanges = 0;
    for method in ["tools/call", "resources/read", "prompts/get", "of-arguments"] {
        for respond in [
            &(|| answers(result)) as &(dyn Fn() -> Response<Script> + Sync),
            &|| answers(failed),
            &|| sse(Script::new([data(event(result)), data(event(failed))])),
            &|| sse(Script::new([data("of-result"), Step::Error])),
            &|| status(401),
        ] {
            let respond = || {
                let mut response = respond();
                let cookie = HeaderValue::from_static("of-set-cookie");
                response.headers_mut().insert("set-cookie", cookie);
                response
            };
            exchange(&layer, request(method), respond).await;
            exchanges += 1;
        }
    }
    let failing = handler(|_: Request<Boxed>| future::ready(Err::<Response<Script>, _>(Broken)));
    assert!(layer.layer(failing).oneshot(request("tools/call")).await.is_err());
    let lines = capture.take();
    assert_eq!(lines.len(), exchanges + 1);
    for secret in secrets {
        for line in &lines {
            assert!(!line.contains(secret), "{secret} in {line:#?}");
        }
    }
    assert!(lines.iter().all(|line| line.text("session").len() == 16), "but that there is one");
}

/// No text of a client is longer than its bound, or breaks out of its line.
#[tokio::test]
async fn hostile_strings_are_bounded_and_stay_on_their_line() {
    let long = "\u{e9}x".repeat(500);
    let forged = r"a\nERROR forged line\r\u0000\u001b[31m\u2028b";
    for text in [long.as_str(), forged] {
        for (method, params) in [
            ("tools/call", format!(r#"{{"name":"{text}"}}"#)),
            ("prompts/get", format!(r#"{{"name":"{text}"}}"#)),
            ("resources/read", format!(r#"{{"uri":"{text}://x"}}"#)),
            ("initialize", format!(r#"{{"clientInfo":{{"name":"{text}","version":"{text}"}}}}"#)),
            (text, "{}".to_owned()),
        ] {
            let message =
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
            let line = line_of(says(message), || error(-32602)).await;
            for (field, value) in &line.fields {
                let bound = if field.starts_with("client") { 256 } else { 64 };
                let value = value.to_string();
                assert!(value.len() <= bound, "{field}: {} bytes", value.len());
                assert!(!value.contains(breaks_out), "{field}: {value:?}");
            }
            assert!(!line.message.contains(breaks_out) && line.message.len() < 64);
        }
    }
    let long_name =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{long}"}}}}"#);
    let line = line_of(says(long_name), || answers(ANSWER)).await;
    assert_eq!(line.text("tool"), "\u{e9}x".repeat(21), "as many characters as fit");
}

fn breaks_out(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

#[tokio::test]
async fn users_and_sessions_are_bounded_too() {
    let layer = AccessLogLayer::new()
        .log_session_ids(true)
        .user_id(|_| Some(format!("eve\n{}", "x".repeat(1000))));
    let mut request = calls();
    let id = HeaderValue::from_str(&"y".repeat(1000)).unwrap();
    request.headers_mut().insert("mcp-session-id", id);
    let line = line_under(layer.clone(), request, || answers(ANSWER)).await;
    assert_eq!(line.text("user_id"), format!("eve?{}", "x".repeat(252)));
    assert_eq!(line.text("session"), "y".repeat(256));

    let mut request = calls();
    let id = HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    request.headers_mut().insert("mcp-session-id", id);
    let line = line_under(layer, request, || answers(ANSWER)).await;
    assert_eq!(line.text("session"), "", "an id is ASCII");
}
