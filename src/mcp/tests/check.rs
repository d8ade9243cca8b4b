//! What must hold of any body, for the tests and for the fuzz targets.
//!
//! Each check panics with the body if it does not, and tells whether `serde_json` could read it.

use std::fmt::Debug;

use super::oracle::{self, without_duplicates, without_list_sizes};
use super::{Kind, cut, request_in, response_in, stream};
use crate::mcp::{Event, Unreadable};

/// A request body reads the same whole and in frames of these lengths, and as its value does where
/// `serde_json` can read it.
pub(crate) fn request(body: &[u8], lengths: &[usize]) -> bool {
    let whole = super::request(body);
    same(&request_in(cut(body, lengths)), &whole, body, lengths);
    let Ok(value) = serde_json::from_slice(body) else {
        return false;
    };
    same_if_exact(&without_duplicates(whole), &oracle::request(&value), body, &[body]);
    true
}

/// The same of a response body that is one document.
pub(crate) fn response(body: &[u8], lengths: &[usize]) -> bool {
    let whole = super::response(Kind::Json, body);
    same(&response_in(Kind::Json, cut(body, lengths)), &whole, body, lengths);
    let Ok(value) = serde_json::from_slice(body) else {
        return false;
    };
    let expected = oracle::sized_response(&value, body);
    same_if_exact(&without_list_sizes(whole), &expected, body, &[body]);
    true
}

/// The same of a response body that is an event stream, of which each message must read as a body
/// of its own does.
pub(crate) fn event_stream(body: &[u8], lengths: &[usize]) -> bool {
    let whole = super::response(Kind::Stream, body);
    same(&response_in(Kind::Stream, cut(body, lengths)), &whole, body, lengths);
    let parts = stream::parts(body);
    let mut expected = Vec::new();
    let mut documents = Vec::new();
    let mut all_read = true;
    for part in &parts {
        match part {
            stream::Part::Comment => expected.push(Event::Comment),
            stream::Part::Message(data) if data.is_empty() => expected.push(Event::Priming),
            stream::Part::Message(data) => {
                let value = serde_json::from_slice(data).ok();
                all_read &= value.is_some();
                documents.push(&data[..]);
                expected.extend(match value {
                    Some(value) => oracle::sized_response(&value, data),
                    None => unread(data),
                });
            }
        }
    }
    same_if_exact(&without_list_sizes(whole), &without_list_sizes(expected), body, &documents);
    all_read
}

/// The events of an event with data that `serde_json` cannot read: those of a body like it.
fn unread(data: &[u8]) -> Vec<Event> {
    let mut events = super::response(Kind::Json, data);
    // A body has been answered from before it is known that too much follows. An event is known
    // as a whole.
    let begins_an_array = data.trim_ascii_start().starts_with(b"[");
    match events.last() {
        Some(Event::Invalid(Unreadable::Trailing)) => _ = events.drain(..events.len() - 1),
        Some(Event::Invalid(Unreadable::NotJsonRpc)) if begins_an_array => {
            events = vec![Event::Invalid(Unreadable::Trailing)];
        }
        _ => {}
    }
    events
}

/// The same facts, but for numbers of the documents of which `serde_json` knows less than we do.
fn same_if_exact<T: Debug + PartialEq>(found: &T, expected: &T, body: &[u8], documents: &[&[u8]]) {
    if found != expected && !documents.iter().any(|document| oracle::rounds(document)) {
        differ(found, expected, body, &[]);
    }
}

fn same<T: Debug + PartialEq>(found: &T, expected: &T, body: &[u8], lengths: &[usize]) {
    if found != expected {
        differ(found, expected, body, lengths);
    }
}

fn differ<T: Debug>(found: &T, expected: &T, body: &[u8], lengths: &[usize]) -> ! {
    let body = body.escape_ascii();
    panic!("found {found:#?}\nnot {expected:#?}\nframes of {lengths:?} bytes, body {body}");
}
