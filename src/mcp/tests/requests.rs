//! Request bodies, one by one: what clients send, and what they should not.

use super::{cut, request, request_in};
use crate::mcp::{Message, MessageKind, Method, Request, RequestReader, Revision, Unreadable};

fn read(body: &str) -> Request {
    request(body.as_bytes()).unwrap_or_else(|why| panic!("{why:?}: {body}"))
}

fn only(body: &str) -> Message {
    let mut request = read(body);
    assert_eq!(request.messages.len(), 1, "{body}");
    request.messages.remove(0)
}

fn target(body: &str) -> Option<String> {
    only(body).target.map(|target| target.as_str().to_owned())
}

#[test]
fn a_tool_call_has_method_id_and_target() {
    let message =
        only(r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}"#);
    assert_eq!(message.kind, MessageKind::Request);
    assert!(message.jsonrpc);
    assert_eq!(message.method, Some(Method::ToolsCall));
    assert_eq!(message.id.expect("it has an id").to_string(), "7");
    assert_eq!(message.target.expect("it has a target").as_str(), "echo");
}

#[test]
fn the_kind_follows_from_method_id_and_answer() {
    for (body, kind) in [
        (r#"{"id":1,"method":"ping"}"#, MessageKind::Request),
        (r#"{"id":"","method":"ping"}"#, MessageKind::Request),
        (r#"{"id":1,"method":"ping","result":{}}"#, MessageKind::Request),
        (r#"{"method":"ping"}"#, MessageKind::Notification),
        (r#"{"id":null,"method":"ping"}"#, MessageKind::Notification),
        (r#"{"id":1,"result":{}}"#, MessageKind::Response),
        (r#"{"id":1,"result":null}"#, MessageKind::Response),
        (r#"{"id":1,"error":{"code":-1}}"#, MessageKind::Response),
        (r#"{"error":{"code":-1}}"#, MessageKind::Response),
        (r#"{"id":null,"error":{"code":-1}}"#, MessageKind::Response),
        (r#"{"id":1,"error":null}"#, MessageKind::Invalid),
        (r#"{"result":{}}"#, MessageKind::Invalid),
        (r#"{"id":true,"method":"ping"}"#, MessageKind::Invalid),
        (r#"{"id":{},"method":"ping"}"#, MessageKind::Invalid),
        (r#"{"id":[1],"method":"ping"}"#, MessageKind::Invalid),
        (r#"{"id":1}"#, MessageKind::Invalid),
        (r#"{"id":1,"method":5}"#, MessageKind::Invalid),
        (r"{}", MessageKind::Invalid),
    ] {
        assert_eq!(only(body).kind, kind, "{body}");
    }
}

#[test]
fn the_method_says_where_the_target_is_wherever_it_stands() {
    let params = r#""params":{"uri":"file:///a","name":"b","taskId":"c"}"#;
    for (method, expected) in [
        ("tools/call", Some("b")),
        ("prompts/get", Some("b")),
        ("resources/read", Some("file:///a")),
        ("tasks/get", Some("c")),
        ("notifications/tasks", Some("c")),
        ("tools/list", None),
        ("no/such", None),
    ] {
        let before = target(&format!(r#"{{"method":"{method}",{params}}}"#));
        let after = target(&format!(r#"{{{params},"method":"{method}"}}"#));
        assert_eq!(before.as_deref(), expected, "{method}");
        assert_eq!(after.as_deref(), expected, "{method}");
    }
}

#[test]
fn a_target_that_is_no_string_is_none() {
    for params in [r#"{"name":5}"#, r#"{"name":{}}"#, r#"["name"]"#, r#""name""#, "null", "{}"] {
        assert_eq!(target(&format!(r#"{{"method":"tools/call","params":{params}}}"#)), None);
    }
    assert_eq!(target(r#"{"method":"tools/call"}"#), None);
}

#[test]
fn initialize_tells_version_and_client() {
    let message = only(
        r#"{"id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",
            "capabilities":{},"clientInfo":{"version":"1.0","title":"x","name":"probe"}}}"#,
    );
    assert_eq!(message.requested_version, Some(Revision::V2025_11_25));
    assert_eq!(message.revision, None);
    let client = message.client.expect("it has a client");
    assert_eq!(client.name.as_str(), "probe");
    assert_eq!(client.version.expect("it has a version").as_str(), "1.0");
}

#[test]
fn any_request_may_tell_them_in_its_metadata() {
    let message = only(
        r#"{"id":0,"method":"tools/list","params":{"protocolVersion":"2025-11-25",
            "clientInfo":{"name":"not here"},
            "_meta":{"io.modelcontextprotocol/clientInfo":{"name":"probe"},
            "io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
    );
    assert_eq!(message.requested_version, None, "only `initialize` asks for a version");
    assert_eq!(message.revision, Some(Revision::V2026_07_28));
    assert_eq!(message.client.expect("it has a client").name.as_str(), "probe");
}

#[test]
fn a_client_without_a_name_is_none() {
    let body = r#"{"method":"initialize","params":{"clientInfo":{"version":"1"}}}"#;
    assert_eq!(only(body).client, None);
}

#[test]
fn trace_context_is_taken_as_it_is() {
    let message = only(
        r#"{"method":"ping","params":{"_meta":{"baggage":"a=b","traceparent":"00-\u0061","tracestate":7}}}"#,
    );
    let trace = message.trace.expect("it has trace context");
    assert_eq!(trace.traceparent.expect("it is a string").as_str(), "00-a");
    assert_eq!(trace.baggage.expect("it is a string").as_str(), "a=b");
    assert_eq!(trace.tracestate, None);
}

#[test]
fn a_cancellation_names_its_request() {
    let body = r#"{"method":"notifications/cancelled","params":{"requestId":"r-1"}}"#;
    let id = only(r#"{"id":"r-1","method":"ping"}"#).id;
    assert_eq!(only(body).cancels.map(|id| *id), id);
    assert_eq!(only(r#"{"method":"ping","params":{"requestId":"r-1"}}"#).cancels, None);
}

#[test]
fn escapes_in_keys_and_values_change_nothing() {
    let message = only(
        r#"{"\u006dethod":"tools\/call","par\u0061ms":{"n\u0061me":"\ud83e\udd80\n\"\\"},"\u0069d":1}"#,
    );
    assert_eq!(message.method, Some(Method::ToolsCall));
    assert_eq!(message.target.expect("it has a target").as_str(), "\u{1f980}\n\"\\");
    assert!(message.id.is_some());
}

#[test]
fn only_members_of_the_message_itself_are_read() {
    let message = only(
        r#"{"extra":{"method":"tools/call","id":5,"params":{"name":"no"}},"list":[{"id":6}],
            "method":"ping","params":{"arguments":{"name":"no","_meta":{"traceparent":"no"}}}}"#,
    );
    assert_eq!(message.method, Some(Method::Ping));
    assert_eq!(message.id, None);
    assert_eq!(message.trace, None);
}

#[test]
fn the_last_of_duplicate_keys_holds() {
    for (body, expected) in [
        (r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#, Some("b")),
        (r#"{"method":"tools/call","params":{"name":"a","name":1}}"#, None),
        (r#"{"method":"tools/call","params":{"name":"a"},"params":{}}"#, None),
        (r#"{"method":"tools/call","params":{"name":"a"},"params":7}"#, None),
        (r#"{"method":"tools/call","params":{"uri":"u","name":"a","uri":1}}"#, Some("a")),
        (r#"{"method":"ping","params":{"name":"a"},"method":"tools/call"}"#, Some("a")),
        (r#"{"method":"tools/call","params":{"name":"a"},"m\u0065thod":null}"#, None),
    ] {
        assert!(read(body).duplicate_keys, "{body}");
        assert_eq!(target(body).as_deref(), expected, "{body}");
    }
}

#[test]
fn all_that_a_duplicate_held_is_forgotten() {
    let full = r#"{"name":"a","requestId":1,"protocolVersion":"2025-11-25","clientInfo":{"name":"c"},
        "_meta":{"traceparent":"t","io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"name":"c"}}}"#;
    for method in ["tools/call", "initialize", "notifications/cancelled"] {
        let body = format!(r#"{{"method":"{method}","params":{full},"params":{{}}}}"#);
        let empty = format!(r#"{{"method":"{method}","params":{{}}}}"#);
        assert_eq!(only(&body), only(&empty));
    }
}

#[test]
fn keys_are_only_duplicates_in_the_same_object() {
    for body in [
        r#"{"method":"initialize","params":{"name":"a","clientInfo":{"name":"b"},
            "_meta":{"io.modelcontextprotocol/clientInfo":{"name":"c"}}}}"#,
        r#"[{"id":1,"method":"ping","params":{"name":"a"}},{"id":1,"method":"ping","params":{"name":"a"}}]"#,
        r#"{"x":1,"x":2,"method":"ping","params":{"arguments":1,"arguments":2}}"#,
    ] {
        assert!(!read(body).duplicate_keys, "{body}");
    }
}

#[test]
fn a_batch_is_read_message_by_message() {
    let request = read(r#"[{"id":1,"method":"ping"}, 5, {"method":"notifications/initialized"}]"#);
    assert!(request.batch);
    let kinds: Vec<_> = request.messages.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [MessageKind::Request, MessageKind::Invalid, MessageKind::Notification]);
}

#[test]
fn messages_beyond_the_limit_are_counted() {
    let body = format!("[{}]", vec![r#"{"id":1,"method":"ping"}"#; 70].join(","));
    let request = read(&body);
    assert_eq!((request.messages.len(), request.beyond), (64, 6));
}

#[test]
fn what_is_no_message_says_why() {
    for (body, why) in [
        ("", Unreadable::Empty),
        (" \r\n\t", Unreadable::Empty),
        ("{", Unreadable::Truncated),
        ("{\"id\":1", Unreadable::Truncated),
        ("[{}", Unreadable::Truncated),
        ("5", Unreadable::NotJsonRpc),
        ("\"tools/call\"", Unreadable::NotJsonRpc),
        ("null", Unreadable::NotJsonRpc),
        ("[]", Unreadable::NotJsonRpc),
        ("{} x", Unreadable::Trailing),
        ("{}{}", Unreadable::Trailing),
        ("{}]", Unreadable::Trailing),
        ("\u{feff}{}", Unreadable::Syntax),
        ("{'id':1}", Unreadable::Syntax),
        ("{\"id\" 1}", Unreadable::Syntax),
        ("{\"id\":1,}", Unreadable::Syntax),
        ("{,}", Unreadable::Syntax),
        ("{\"id\":1]", Unreadable::Syntax),
        ("[{},]", Unreadable::Syntax),
        ("{\"id\":01}", Unreadable::Syntax),
        ("{\"id\":1.}", Unreadable::Syntax),
        ("{\"id\":tru}", Unreadable::Syntax),
        ("{\"id\":nullx}", Unreadable::Syntax),
        ("{\"id\":\"\\x\"}", Unreadable::Syntax),
        ("{\"id\":\"\\ud800\"}", Unreadable::Syntax),
        ("{\"id\":\"\\ud800\\u0041\"}", Unreadable::Syntax),
        ("{\"id\":\"\\ud800x\"}", Unreadable::Syntax),
        ("{\"id\":\"\\udc00\"}", Unreadable::Syntax),
        ("{\"id\":\"\\u12g4\"}", Unreadable::Syntax),
    ] {
        assert_eq!(request(body.as_bytes()), Err(why), "{body}");
        let bytewise = request_in(cut(body.as_bytes(), &[1]));
        assert_eq!(bytewise, Err(why), "{body}, byte by byte");
    }
}

#[test]
fn bytes_that_are_no_text_matter_only_where_they_are_read() {
    let body = |name: &[u8]| [b"{\"method\":\"tools/call\",\"params\":{", name, b"}}"].concat();
    assert_eq!(request(&body(b"\"name\":\"\xff\"")), Err(Unreadable::Utf8));
    assert_eq!(request(&body(b"\"name\":\"\xed\xa0\x80\"")), Err(Unreadable::Utf8));
    assert!(request(&body(b"\"arguments\":\"\xff\"")).is_ok());
    assert!(request(&body(b"\"\xff\":1")).is_ok());
}

#[test]
fn no_depth_is_too_deep() {
    let depth = 100_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = [&open.repeat(depth), "1", &close.repeat(depth)].concat();
        let body =
            format!(r#"{{"params":{{"arguments":{nested},"name":"a"}},"method":"tools/call"}}"#);
        assert_eq!(target(&body).as_deref(), Some("a"));
        let message = only(&format!(r#"{{"x":{nested},"method":"ping"}}"#));
        assert_eq!(message.method, Some(Method::Ping));
    }
    let brackets = "[".repeat(depth);
    assert_eq!(request(brackets.as_bytes()), Err(Unreadable::Truncated));
}

#[test]
fn long_values_are_cut_at_a_character() {
    let name = "\u{e9}".repeat(100_000);
    let body = format!(r#"{{"method":"tools/call","params":{{"name":"a{name}"}}}}"#);
    for frames in [vec![body.as_bytes()], cut(body.as_bytes(), &[1000])] {
        let request = request_in(frames).expect("it is a message");
        let target = request.messages[0].target.as_ref().expect("it has a target");
        assert!(target.is_truncated());
        assert_eq!(target.as_str().len(), 255, "256 would cut a character in two");
    }
}

#[test]
fn the_reader_knows_when_it_is_done() {
    let mut reader = RequestReader::new();
    assert!(!reader.is_complete() && !reader.is_invalid());
    reader.feed(b"{\"id\":1");
    assert!(!reader.is_complete() && !reader.is_invalid());
    reader.feed(b"}");
    assert!(reader.is_complete() && !reader.is_invalid());
    reader.feed(b" \n");
    assert!(reader.is_complete());
    reader.feed(b"x");
    assert!(!reader.is_complete() && reader.is_invalid());
    assert_eq!(reader.finish(), Err(Unreadable::Trailing));
}
