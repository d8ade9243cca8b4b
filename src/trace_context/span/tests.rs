use http::Request;

use super::*;
use crate::{
    context::RequestContext,
    mcp::{RequestReader, Unreadable},
};

fn message(json: &str) -> Message {
    let mut reader = RequestReader::new();
    reader.feed(json.as_bytes());
    let mut request = reader.finish::<Unreadable>().expect("the test's own message is well-formed");
    request.messages.remove(0)
}

fn about(method: &str, params: &str) -> Message {
    message(&format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{{params}}}}}"#))
}

fn described(message: &Message, revision: Option<Revision>) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    describe(message, revision, &mut attributes);
    let pair = |attribute: KeyValue| (attribute.key.to_string(), attribute.value.to_string());
    attributes.into_iter().map(pair).collect()
}

#[test]
fn a_span_is_named_by_method_and_target() {
    for (method, params, name) in [
        ("tools/call", r#""name":"get_weather.v2""#, "tools/call get_weather.v2"),
        ("prompts/get", r#""name":"greet""#, "prompts/get greet"),
        ("tools/call", "", "tools/call"),
        ("tools/call", r#""name":"""#, "tools/call"),
        ("tools/call", r#""name":"two words""#, "tools/call"),
        ("tools/call", r#""name":"a\nb""#, "tools/call"),
        ("resources/read", r#""uri":"file:///etc/hosts""#, "resources/read"),
        ("tools/list", r#""name":"x""#, "tools/list"),
        ("no/such/method", r#""name":"x""#, "_OTHER"),
    ] {
        assert_eq!(name_of(&about(method, params)).as_deref(), Some(name), "{method} {params}");
    }
    let name = |length| format!(r#""name":"{}""#, "a".repeat(length));
    let of_length = |length| name_of(&about("tools/call", &name(length))).unwrap().len();
    assert_eq!(of_length(64), "tools/call ".len() + 64);
    assert_eq!(of_length(65), "tools/call".len());
    assert_eq!(name_of(&message(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)), None);
}

#[test]
fn a_message_is_described_by_the_mcp_conventions() {
    let call = about("tools/call", r#""name":"echo""#);
    let texts = |pairs: &[(&str, &str)]| -> Vec<_> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    assert_eq!(
        described(&call, Some(Revision::V2025_06_18)),
        texts(&[
            ("mcp.method.name", "tools/call"),
            ("gen_ai.tool.name", "echo"),
            ("gen_ai.operation.name", "execute_tool"),
            ("jsonrpc.request.id", "7"),
            ("mcp.protocol.version", "2025-06-18"),
        ])
    );
    let ping = message(r#"{"jsonrpc":"2.0","method":"ping"}"#);
    let is_not_a_request = texts(&[("mcp.method.name", "ping")]);
    assert_eq!(described(&ping, Some(Revision::Other)), is_not_a_request);
}

#[test]
fn texts_of_clients_are_bounded() {
    let long = "\u{e9}".repeat(200);
    let name = format!(r#""name":"{long}""#);
    let attributes = described(&about("tools/call", &name), None);
    assert_eq!(attributes[1].1, "\u{e9}".repeat(128));
}

#[test]
fn a_resource_is_shown_without_secrets() {
    let shown = |uri: &str| {
        let read = about("resources/read", &format!(r#""uri":"{uri}""#));
        let attributes = described(&read, None);
        let uri = attributes.into_iter().find(|(key, _)| key == "mcp.resource.uri");
        uri.map(|(_, uri)| uri)
    };
    for (uri, public) in [
        ("file:///etc/hosts", Some("file:///etc/hosts")),
        ("https://host/a?token=s3cret#x", Some("https://host/a")),
        ("https://ada:s3cret@host:1/a@b", None),
        ("postgres://ada:s3@cret@host", Some("postgres://host")),
        ("urn:isbn:123", Some("urn:isbn:123")),
        ("data:text/plain,s3cret", None),
        ("no uri", None),
        ("", None),
    ] {
        assert_eq!(shown(uri).as_deref(), public, "{uri}");
    }
    let password = "s3cret".repeat(100);
    assert_eq!(shown(&format!("ftp://ada:{password}@host/")), None, "cut before the host");
    let long = format!("https://host/{}", "a".repeat(1_000));
    assert_eq!(shown(&long).map(|uri| uri.len()), Some(256));
}

fn span_of(verb: &str, known: &KnownMethods) -> SpanBuilder {
    let request = Request::builder().method(verb).uri("/pot?sugar=1").body(()).unwrap();
    let context = RequestContext::for_test(&request.into_parts().0);
    Head::of(context.exchange()).span(context.exchange(), known, None)
}

fn value(builder: &SpanBuilder, key: &str) -> Option<String> {
    let mut attributes = builder.attributes.iter().flatten();
    let found = attributes.find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| attribute.value.to_string())
}

#[test]
fn a_method_that_is_not_known_keeps_its_name_on_the_span_alone() {
    let builder = span_of("BREW", &KnownMethods::default());
    assert_eq!(builder.name, "HTTP");
    assert_eq!(value(&builder, "http.request.method").as_deref(), Some("_OTHER"));
    assert_eq!(value(&builder, "http.request.method_original").as_deref(), Some("BREW"));
    assert_eq!(value(&builder, "url.path").as_deref(), Some("/pot"));
}

/// T30: the list can be replaced.
#[test]
fn which_methods_are_known_is_a_setting() {
    let known = KnownMethods::new(["BREW".parse().unwrap()]);
    for (verb, name, method) in [("BREW", "BREW", "BREW"), ("POST", "HTTP", "_OTHER")] {
        let builder = span_of(verb, &known);
        assert_eq!(builder.name, name);
        assert_eq!(value(&builder, "http.request.method").as_deref(), Some(method));
        let original = value(&builder, "http.request.method_original");
        assert_eq!(original.is_some(), method == "_OTHER", "{verb}");
    }
}
