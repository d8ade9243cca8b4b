//! The size of a call's arguments, and the cursor of a list.

use proptest::prelude::*;

use super::generate::{Choices, Json};
use super::lists::{element, key};
use super::written::{member, string};
use super::{cut, request, request_in};
use crate::mcp::Message;
use crate::mcp::cursor::Cursor;

fn only(body: &str) -> Message {
    let whole = request(body.as_bytes()).unwrap_or_else(|why| panic!("{why:?}: {body}"));
    assert_eq!(request_in(cut(body.as_bytes(), &[1])).as_ref(), Ok(&whole), "{body}");
    assert_eq!(whole.messages.len(), 1, "{body}");
    whole.messages.into_iter().next().expect("there is one")
}

#[test]
fn arguments_take_the_bytes_they_are_written_in_whatever_they_are() {
    for arguments in [
        "{}",
        r#"{ "a" : [1, {"arguments":2}] }"#,
        "[]",
        "null",
        "0",
        "-1.50e2",
        r#""\u0061b""#,
        "true",
    ] {
        for method in ["tools/call", "prompts/get", "no/such"] {
            let body = format!(
                r#"{{"params":{{"arguments": {arguments} ,"name":"a"}},"id":1,"method":"{method}"}}"#
            );
            assert_eq!(only(&body).arguments_bytes, Some(arguments.len() as u64), "{body}");
        }
    }
    for (body, expected) in [
        (r#"{"method":"tools/call","params":{"name":"a"}}"#, None),
        (r#"{"method":"tools/call","arguments":{}}"#, None),
        (r#"{"method":"tools/call","params":{"_meta":{"arguments":{}}}}"#, None),
        (r#"{"method":"tools/call","params":[{"arguments":{}}]}"#, None),
        (r#"{"method":"tools/call","params":{"argument\u0073":{}}}"#, Some(2)),
        (r#"{"method":"tools/call","params":{"arguments":{},"arguments":{"a":1}}}"#, Some(7)),
        (r#"{"method":"tools/call","params":{"arguments":{"a":1},"arguments":0}}"#, Some(1)),
        (r#"{"method":"tools/call","params":{"arguments":{}},"params":{}}"#, None),
    ] {
        assert_eq!(only(body).arguments_bytes, expected, "{body}");
    }
}

#[test]
fn a_later_page_is_asked_for_with_a_cursor() {
    let long = "c".repeat(1_000);
    for (params, expected) in [
        (r#"{"cursor":"c"}"#, Some("c")),
        (r#"{"cursor":""}"#, None),
        (r#"{"cursor":"\u0063\n"}"#, Some("c\n")),
        (&format!(r#"{{"cursor":"{long}"}}"#), Some(&*long)),
        (&format!(r#"{{"cursor":"\u0063{}"}}"#, &long[1..]), Some(&*long)),
        (r#"{"cursor":null}"#, None),
        (r#"{"cursor":5}"#, None),
        (r#"{"cursor":{"cursor":"c"}}"#, None),
        (r#"{"cursor":["c"]}"#, None),
        (r#"{"cursor":"c","cursor":null}"#, None),
        (r#"{"cursor":"c","cursor":1.5}"#, None),
        (r#"{"cursor":"c","cursor":{}}"#, None),
        (r#"{"cursor":false,"cursor":"c"}"#, Some("c")),
        (r#"{"cursor":"c"},"params":{}"#, None),
        ("{}", None),
        (r#""cursor""#, None),
    ] {
        let message = only(&format!(r#"{{"id":1,"method":"tools/list","params":{params}}}"#));
        assert_eq!(message.cursor, expected.and_then(Cursor::of_test), "{params}");
    }
}

#[test]
fn that_arguments_or_a_cursor_come_twice_is_not_reported() {
    let body = r#"{"method":"x","params":{"arguments":1,"cursor":"c","arguments":2,"cursor":"d"}}"#;
    assert!(!request(body.as_bytes()).expect("it is a message").duplicate_keys);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn arguments_are_what_their_text_says(
        members in prop::collection::vec((key(&["arguments", "cursor", "name"]), element()), 0..5),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let params = Json::Object(members);
        let method = Json::Text("tools/call".to_owned());
        let message = [("params".to_owned(), params), ("method".to_owned(), method)];
        let body = Choices::new(bytes).write(&Json::Object(message.into()));
        let params = member(body.trim(), "params").expect("it has params");
        let message = only(&body);
        let arguments = member(params, "arguments").map(|arguments| arguments.len() as u64);
        prop_assert_eq!(message.arguments_bytes, arguments, "{}", body);
        let cursor = member(params, "cursor").and_then(string);
        let cursor = cursor.and_then(|cursor| Cursor::of_test(&cursor));
        prop_assert_eq!(message.cursor, cursor, "{}", body);
    }
}
