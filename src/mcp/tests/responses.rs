//! Response bodies, one by one.

use super::{Kind, cut, response, response_in};
use crate::mcp::cursor::Cursor;
use crate::mcp::{
    Event, Method, ResponseKind, ResponseMessage, ResponseReader, ResultType, Revision, Unreadable,
};

fn only(body: &str) -> ResponseMessage {
    let mut events = response(Kind::Json, body.as_bytes());
    match (events.pop(), events.is_empty()) {
        (Some(Event::Message(message)), true) => message,
        (event, _) => panic!("{events:?} {event:?}: {body}"),
    }
}

#[test]
fn a_result_tells_how_the_call_went() {
    let message = only(
        r#"{"jsonrpc":"2.0","id":2,"result":{"content":[{"isError":false}],"isError":true,"nextCursor":"c"}}"#,
    );
    assert_eq!(message.kind, ResponseKind::Result);
    assert_eq!(message.id.expect("it has an id").to_string(), "2");
    assert!(message.is_error);
    assert_eq!(message.next_cursor, Cursor::of_test("c"));
    assert_eq!(message.result_type, ResultType::Complete);
    let result = r#"{"content":[{"isError":false}],"isError":true,"nextCursor":"c"}"#;
    assert_eq!(message.result_bytes, result.len() as u64);
}

#[test]
fn the_size_of_a_result_is_that_of_its_bytes_whatever_it_is() {
    for result in ["null", "12.50", "\"\\u0061\"", "[1, 2]", "{ \"a\" : {} }", "true", "{}", "[]"] {
        let body = format!(r#"{{"id":1,"result": {result} ,"x":[1,2,3]}}"#);
        for frames in [vec![body.as_bytes()], cut(body.as_bytes(), &[1])] {
            let events = response_in(Kind::Json, frames);
            let [Event::Message(message)] = &events[..] else { panic!("{events:?}: {body}") };
            assert_eq!(message.result_bytes, result.len() as u64, "{body}");
            assert_eq!(message.kind, ResponseKind::Result);
        }
    }
}

#[test]
fn result_types_are_a_closed_set() {
    for (name, expected) in [
        (r#""complete""#, ResultType::Complete),
        (r#""input_required""#, ResultType::InputRequired),
        (r#""task""#, ResultType::Task),
        (r#""tasks""#, ResultType::Other),
        (r#""""#, ResultType::Other),
        ("null", ResultType::Complete),
    ] {
        let message = only(&format!(r#"{{"id":1,"result":{{"resultType":{name}}}}}"#));
        assert_eq!(message.result_type, expected, "{name}");
    }
}

#[test]
fn initialize_agrees_on_a_version() {
    let message = only(r#"{"id":0,"result":{"protocolVersion":"2025-06-18"}}"#);
    assert_eq!(message.protocol_version, Some(Revision::V2025_06_18));
}

#[test]
fn error_codes_are_integers_of_any_size_that_fits() {
    for (code, expected) in [
        ("-32602", Some(-32602)),
        ("-32602.0", Some(-32602)),
        ("-3.2602e4", Some(-32602)),
        ("0", Some(0)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("1.5", None),
        ("\"-32602\"", None),
    ] {
        let message = only(&format!(r#"{{"id":1,"error":{{"code":{code},"message":"no"}}}}"#));
        assert_eq!(message.kind, ResponseKind::Error);
        assert_eq!(message.error_code, expected, "{code}");
    }
}

#[test]
fn the_kind_follows_from_the_members() {
    for (body, kind) in [
        (r#"{"id":1,"method":"sampling/createMessage"}"#, ResponseKind::Request),
        (r#"{"method":"notifications/progress"}"#, ResponseKind::Notification),
        (r#"{"id":1,"error":{}}"#, ResponseKind::Error),
        (r#"{"id":null,"error":{"code":-32700}}"#, ResponseKind::Error),
        (r#"{"error":{"code":-32700}}"#, ResponseKind::Error),
        (r#"{"id":1,"result":{},"error":null}"#, ResponseKind::Result),
        (r#"{"id":1,"result":{},"error":{}}"#, ResponseKind::Error),
        (r#"{"id":1}"#, ResponseKind::Unknown),
    ] {
        assert_eq!(only(body).kind, kind, "{body}");
    }
    let body = r#"{"id":1,"method":"sampling/createMessage","params":{"method":"no"}}"#;
    assert_eq!(only(body).method, Some(Method::SamplingCreateMessage));
}

#[test]
fn the_last_of_duplicate_keys_holds() {
    let message = only(r#"{"id":1,"result":{"isError":true,"nextCursor":"c"},"result":{}}"#);
    assert!(!message.is_error && message.next_cursor.is_none());
    assert_eq!(message.result_bytes, 2);
    let message = only(r#"{"id":1,"error":{"code":1,"code":null},"id":null}"#);
    assert_eq!((message.error_code, message.id), (None, None));
}

#[test]
fn a_message_is_told_with_the_last_bracket() {
    let mut reader = ResponseReader::json();
    let mut count = 0;
    reader.feed(br#"{"id":1,"result":{}"#, &mut |_| count += 1);
    assert_eq!(count, 0);
    reader.feed(b"}", &mut |_| count += 1);
    assert_eq!(count, 1);
    reader.feed(b"\n", &mut |_| count += 1);
    reader.finish(&mut |_| count += 1);
    assert_eq!(count, 1, "and not again");
}

#[test]
fn what_is_wrong_is_told_once() {
    for (body, why) in [
        ("", Unreadable::Empty),
        ("{\"id\":1", Unreadable::Truncated),
        ("{\"id\"}}}}", Unreadable::Syntax),
        ("[]", Unreadable::NotJsonRpc),
        ("<html>", Unreadable::Syntax),
    ] {
        for frames in [vec![body.as_bytes()], cut(body.as_bytes(), &[1])] {
            assert_eq!(response_in(Kind::Json, frames), [Event::Invalid(why)], "{body}");
        }
    }
}

#[test]
fn what_follows_a_message_does_not_undo_it() {
    let events = response(Kind::Json, br#"{"id":1,"result":{}} trailing {"#);
    assert!(
        matches!(&events[..], [Event::Message(_), Event::Invalid(Unreadable::Trailing)]),
        "{events:?}"
    );
}

#[test]
fn an_event_stream_tells_of_all_its_events() {
    let body = b"data:\nid: 0\nretry: 3000\n\n: ping\n\n\
        event: endpoint\ndata: /messages\n\n\
        data: {\"method\":\"notifications/progress\"}\nid: 1\n\n\
        data: {nonsense}\n\n\
        event: message\ndata: {\"id\":1,\ndata: \"result\":{}}\n\n\
        data: {\"id\":2,\"result\":{}}\n";
    for frames in [vec![&body[..]], cut(body, &[1]), cut(body, &[3, 5])] {
        let events = response_in(Kind::Stream, frames);
        let [
            Event::Priming,
            Event::Comment,
            Event::Message(progress),
            Event::Invalid(Unreadable::Syntax),
            Event::Message(answer),
        ] = &events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!(progress.method, Some(Method::NotificationsProgress));
        assert_eq!(answer.kind, ResponseKind::Result);
    }
}

#[test]
fn an_event_of_a_stream_may_be_a_batch() {
    let body = b"data: [{\"id\":1,\"result\":{}},{\"id\":2,\"error\":{\"code\":5}}]\n\n";
    let events = response(Kind::Stream, body);
    let [Event::Message(first), Event::Message(second)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!((first.kind, second.kind), (ResponseKind::Result, ResponseKind::Error));
    assert_eq!(second.error_code, Some(5));
}

#[test]
fn a_batch_tells_of_64_messages_at_most() {
    let body = format!("[{}]", vec![r#"{"id":1,"result":{}}"#; 70].join(","));
    assert_eq!(response(Kind::Json, body.as_bytes()).len(), 64);
}

#[test]
fn an_event_with_more_than_a_document_is_no_message() {
    let events = response(Kind::Stream, b"data: {\"id\":1,\"result\":{}} x\n\n");
    assert_eq!(events, [Event::Invalid(Unreadable::Trailing)]);
    let events = response(Kind::Stream, b"data: {\"id\":1,\n\n");
    assert_eq!(events, [Event::Invalid(Unreadable::Truncated)]);
}
