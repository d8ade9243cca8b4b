//! `Mcp-Method` and `Mcp-Name`, which stand in where the body cannot be read, and nowhere else.

use http::Response;

use super::recordings::recorded;
use super::server::{Script, Server, json, observed, response};
use super::witness::Witness;

const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}"#;

/// A posted message with the two headers, and what is told of it.
fn told(script: Script, (method, name): (&'static str, &'static str)) -> String {
    let witness = Witness::default();
    let script = script
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .header("mcp-name", name);
    script.run(&mut observed(Server, &witness));
    let whole = witness.told_once().to_string();
    script.in_frames_of(1).run(&mut observed(Server, &witness));
    assert_eq!(witness.told_once().to_string(), whole, "however it is cut");
    whole
}

#[test]
fn a_body_that_is_encoded_is_what_its_head_says() {
    let encoded = |response: Response<_>| {
        let body = recorded("hostile_gzip").request.into_body();
        Script::post(body, response).header("content-encoding", "gzip")
    };
    for (mirror, expected) in [
        (("tools/call", "echo"), "request tools/call echo - 2026-07-28 tool_error - | -"),
        (
            ("tools/call", "=?base64?ZWNobw==?="),
            "request tools/call echo - 2026-07-28 tool_error - | -",
        ),
        (("tools/list", "echo"), "request tools/list - - 2026-07-28 tool_error - | -"),
        (("no/such", "echo"), "request _OTHER - - 2026-07-28 tool_error - | -"),
    ] {
        assert_eq!(told(encoded(json(200, ANSWER)), mirror), expected, "{mirror:?}");
    }
    assert_eq!(
        told(encoded(response(202, "text/plain", "")), ("notifications/cancelled", "")),
        "notification notifications/cancelled - - 2026-07-28 success - | -"
    );
}

#[test]
fn a_body_that_is_broken_is_what_its_head_says() {
    for body in [r#"{"jsonrpc":"#, r#"{"method":"prompts/get"} {}"#, "", "[]", "17", "\u{feff}{}"] {
        let script = Script::post(body, response(415, "text/plain", "no"));
        assert_eq!(
            told(script, ("tools/call", "echo")),
            "request tools/call echo - 2026-07-28 rejected 415 | -",
            "{body}"
        );
    }
}

/// A header is the word of a client that nobody may have compared with its message.
#[test]
fn a_body_that_is_read_is_believed() {
    let mirror = ("tools/call", "echo");
    for (body, expected) in [
        (
            r#"{"id":1,"method":"tools/call","params":{"name":"add"}}"#,
            "request tools/call add 1 2026-07-28 tool_error - | -",
        ),
        (
            // No name is no reason to look for one elsewhere.
            r#"{"id":1,"method":"tools/call","params":{}}"#,
            "request tools/call - 1 2026-07-28 tool_error - | -",
        ),
        (r#"{"id":1,"method":"tools/list"}"#, "request tools/list - 1 2026-07-28 tool_error - | -"),
        (r#"{"id":1,"method":"no/such"}"#, "request _OTHER - 1 2026-07-28 tool_error - | -"),
        (r#"{"id":2,"result":{}}"#, "response - - 2 2026-07-28 success - | -"),
        (r#"{"id":1}"#, "invalid - - 1 2026-07-28 tool_error - | -"),
        (
            r#"[{"id":1,"method":"tools/list"}]"#,
            "request tools/list - 1 2026-07-28 tool_error - | -",
        ),
    ] {
        assert_eq!(told(Script::post(body, json(200, ANSWER)), mirror), expected, "{body}");
    }
}

#[test]
fn what_is_no_json_is_no_message_but_for_its_head() {
    let plain = |response: Response<_>| {
        let mut script = Script::post("name=echo", response);
        script.request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        script
    };
    let witness = Witness::default();
    plain(response(415, "text/plain", "no")).run(&mut observed(Server, &witness));
    assert_eq!(witness.told_once().to_string(), "- - - - - rejected 415 | -");
    assert_eq!(
        told(plain(response(415, "text/plain", "no")), ("tools/call", "echo")),
        "request tools/call echo - 2026-07-28 rejected 415 | -"
    );
}
