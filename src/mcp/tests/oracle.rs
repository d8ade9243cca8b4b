//! What the readers must find, computed from a `serde_json::Value`.

use std::collections::HashMap;

use serde_json::{Value, json, value::RawValue};

use crate::mcp::cursor::Cursor;
use crate::mcp::{
    self, Client, Event, Id, List, ListEntry, ListKind, Message, MessageKind, Method, Request,
    ResponseKind, ResponseMessage, ResultType, Revision, TargetField, Text, TraceFields,
    Unreadable,
    number::{Number, NumberReader},
    string::{Content, Keep},
};

/// Whether a number of the document may be more exact than what `serde_json` makes of it: it is
/// neither an integer of 64 bits nor one with so few digits and so small an exponent that a float
/// surely gives it back.
pub(super) fn rounds(document: &[u8]) -> bool {
    let mut in_string = false;
    let mut escaped = false;
    // Outside strings only numbers have these bytes, but for the `e` of `true` and `false`.
    let mut tokens = document.split(|&byte| {
        let quote = byte == b'"' && !escaped;
        escaped = in_string && !escaped && byte == b'\\';
        in_string ^= quote;
        in_string || !matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')
    });
    tokens.any(|token| {
        let token = std::str::from_utf8(token).unwrap_or_default();
        let (digits, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
        let small = exponent.parse().is_ok_and(|exponent: i32| (-8..=22).contains(&exponent));
        let exact = token.len() < 2
            || token.parse::<u64>().is_ok()
            || token.parse::<i64>().is_ok()
            || (digits.len() <= 15 && small);
        !exact
    })
}

/// The facts of a request body, but for [`Request::duplicate_keys`] and the sizes of arguments,
/// which a value does not show.
pub(super) fn request(root: &Value) -> Result<Request, Unreadable> {
    let (elements, batch) = elements(root)?;
    Ok(Request {
        messages: elements.iter().take(64).map(message).collect(),
        batch,
        beyond: u32::try_from(elements.len().saturating_sub(64)).expect("a test is not that long"),
        duplicate_keys: false,
    })
}

/// The same, but for sizes and hashes.
fn response(root: &Value) -> Vec<Event> {
    match elements(root) {
        Ok((elements, _)) => {
            elements.iter().take(64).map(|root| Event::Message(response_message(root))).collect()
        }
        Err(why) => vec![Event::Invalid(why)],
    }
}

/// The events of a response body or of the data of an event.
pub(super) fn sized_response(root: &Value, document: &[u8]) -> Vec<Event> {
    let mut events = response(root);
    for (event, element) in events.iter_mut().zip(raw_elements(root, document)) {
        let members: Option<HashMap<String, &RawValue>> = serde_json::from_str(element.get()).ok();
        if let (Event::Message(message), Some(members)) = (event, members) {
            message.result_bytes = members.get("result").map_or(0, |raw| raw.get().len() as u64);
        }
    }
    events
}

fn raw_elements<'a>(root: &Value, document: &'a [u8]) -> Vec<&'a RawValue> {
    if root.is_array() {
        serde_json::from_slice(document).expect("it was read before")
    } else {
        vec![serde_json::from_slice(document).expect("it was read before")]
    }
}

fn elements(root: &Value) -> Result<(&[Value], bool), Unreadable> {
    match root {
        Value::Object(_) => Ok((std::slice::from_ref(root), false)),
        Value::Array(elements) if !elements.is_empty() => Ok((elements, true)),
        _ => Err(Unreadable::NotJsonRpc),
    }
}

fn message(root: &Value) -> Message {
    let params = &root["params"];
    let meta = &params["_meta"];
    let method = root["method"].as_str().map(|name| Method::from_bytes(name.as_bytes()));
    let id = id(&root["id"]);
    let unusable_id = id.is_none() && !root["id"].is_null();
    let has_error = !root["error"].is_null();
    let answers = has_error || root.get("result").is_some();
    let kind = match (method, &id) {
        (_, None) if unusable_id => MessageKind::Invalid,
        (Some(_), Some(_)) => MessageKind::Request,
        (Some(_), None) => MessageKind::Notification,
        (None, Some(_)) if answers => MessageKind::Response,
        (None, None) if has_error => MessageKind::Response,
        (None, _) => MessageKind::Invalid,
    };
    let initialize = method == Some(Method::Initialize);
    let trace = TraceFields {
        traceparent: text(&meta["traceparent"], 256),
        tracestate: text(&meta["tracestate"], 8192),
        baggage: text(&meta["baggage"], 8192),
    };
    Message {
        kind,
        jsonrpc: root["jsonrpc"] == json!("2.0"),
        method,
        id,
        target: method.and_then(Method::target).and_then(|field| match field {
            TargetField::Name => text(&params["name"], 256),
            TargetField::Uri => text(&params["uri"], 256),
            TargetField::TaskId => text(&params["taskId"], 256),
        }),
        cancels: (method == Some(Method::NotificationsCancelled))
            .then(|| self::id(&params["requestId"]).map(Box::new))
            .flatten(),
        arguments_bytes: params.get("arguments").map(|_| 0),
        cursor: params["cursor"].as_str().and_then(Cursor::of_test),
        revision: revision(&meta["io.modelcontextprotocol/protocolVersion"]),
        requested_version: initialize.then(|| revision(&params["protocolVersion"])).flatten(),
        client: initialize
            .then(|| client(&params["clientInfo"]))
            .flatten()
            .or_else(|| client(&meta["io.modelcontextprotocol/clientInfo"])),
        trace: (trace != TraceFields::default()).then(|| Box::new(trace)),
    }
}

fn response_message(root: &Value) -> ResponseMessage {
    let result = &root["result"];
    let error = &root["error"];
    let method = root["method"].as_str().map(|name| Method::from_bytes(name.as_bytes()));
    let id = id(&root["id"]);
    let kind = match (method, &id) {
        (Some(_), Some(_)) => ResponseKind::Request,
        (Some(_), None) => ResponseKind::Notification,
        (None, _) if !error.is_null() => ResponseKind::Error,
        (None, _) if root.get("result").is_some() => ResponseKind::Result,
        (None, _) => ResponseKind::Unknown,
    };
    ResponseMessage {
        kind,
        id,
        method,
        error_code: number(&error["code"]).and_then(|number| number.as_i64()),
        is_error: result["isError"] == json!(true),
        result_type: match result["resultType"].as_str() {
            None | Some("complete") => ResultType::Complete,
            Some("input_required") => ResultType::InputRequired,
            Some("task") => ResultType::Task,
            Some(_) => ResultType::Other,
        },
        protocol_version: revision(&result["protocolVersion"]),
        next_cursor: result["nextCursor"].as_str().and_then(Cursor::of_test),
        result_bytes: 0,
        list: [
            ("tools", ListKind::Tools),
            ("prompts", ListKind::Prompts),
            ("resources", ListKind::Resources),
            ("resourceTemplates", ListKind::Templates),
        ]
        .into_iter()
        .find_map(|(key, kind)| Some(Box::new(list(kind, result[key].as_array()?)))),
    }
}

/// A list that shares its document with no other.
fn list(kind: ListKind, elements: &[Value]) -> List {
    let has_entries = matches!(kind, ListKind::Tools | ListKind::Prompts);
    let names = elements.iter().filter(|_| has_entries).filter_map(|item| text(&item["name"], 64));
    let entries = names.map(|name| ListEntry { name, bytes: 0, hash: 0 }).take(256).collect();
    List { kind, items: elements.len() as u64, bytes: 0, entries }
}

fn id(value: &Value) -> Option<Id> {
    match value {
        Value::String(text) => {
            Some(Id::text(&Content::of(text.as_bytes(), mcp::id::KEEP)).expect("it is UTF-8"))
        }
        _ => number(value).map(Id::number),
    }
}

/// The number by its value. A float is taken for the shortest decimal that gives it.
fn number(value: &Value) -> Option<Number> {
    let Value::Number(number) = value else {
        return None;
    };
    if let Some(value) = number.as_i64() {
        return Some(Number::Integer { negative: value < 0, magnitude: value.unsigned_abs() });
    }
    if let Some(magnitude) = number.as_u64() {
        return Some(Number::Integer { negative: false, magnitude });
    }
    let mut reader = NumberReader::new();
    assert_eq!(reader.feed(number.to_string().as_bytes()), None, "a number is all digits");
    reader.finish()
}

fn client(value: &Value) -> Option<Box<Client>> {
    let name = text(&value["name"], 256)?;
    Some(Box::new(Client { name, version: text(&value["version"], 256) }))
}

fn revision(value: &Value) -> Option<Revision> {
    value.as_str().map(|name| Revision::from_bytes(name.as_bytes()))
}

fn text(value: &Value, keep: usize) -> Option<Text> {
    let text = value.as_str()?;
    Some(Text::new(&Content::of(text.as_bytes(), Keep::first(keep))).expect("it is UTF-8"))
}

/// The same without what the oracle does not know.
pub(super) fn without_duplicates(
    request: Result<Request, Unreadable>,
) -> Result<Request, Unreadable> {
    request.map(|mut request| {
        for message in &mut request.messages {
            message.arguments_bytes = message.arguments_bytes.map(|_| 0);
        }
        Request { duplicate_keys: false, ..request }
    })
}

/// The same without what the oracle does not know: the tests of lists do.
pub(super) fn without_list_sizes(mut events: Vec<Event>) -> Vec<Event> {
    for event in &mut events {
        let Event::Message(message) = event else { continue };
        if let Some(list) = &mut message.list {
            list.bytes = 0;
            list.entries.iter_mut().for_each(|entry| (entry.bytes, entry.hash) = (0, 0));
        }
    }
    events
}
