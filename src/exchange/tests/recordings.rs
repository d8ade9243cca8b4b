//! What observers are told of each recorded exchange, against a table that was made from the
//! recordings and the protocol, not from the engine: `tests/data/wire/expected.txt`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

use super::server::{Script, Server, observed};
use super::witness::Witness;
use crate::mcp::tests::recording::{DIRECTORY, Recording};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/wire/expected.txt");

const REQUEST: &str = ".req.http";
const RESPONSE: &str = ".res.http";

#[test]
fn every_recording_is_what_the_table_says() {
    let expected = table();
    let names = names();
    let known: BTreeSet<_> = expected.keys().cloned().collect();
    assert_eq!(known, names, "each recording has its row");
    let mut wrong = Vec::new();
    for (name, expected) in &expected {
        for frame in [0, 1] {
            let witness = Witness::default();
            recorded(name).in_frames_of(frame).run(&mut observed(Server, &witness));
            let found = witness.told_once().to_string();
            if found != *expected {
                wrong.push(format!(
                    "{name}, frames of {frame}\n    is  {found}\n    not {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The rows of the table, each with one space between its columns.
fn table() -> BTreeMap<String, String> {
    let text = fs::read_to_string(TABLE).expect("the table is there");
    let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let row = |line: &str| {
        let mut columns = line.split_whitespace();
        let name = columns.next().expect("a row has a name").to_owned();
        (name, columns.collect::<Vec<_>>().join(" "))
    };
    rows.map(row).collect()
}

/// The names of all recorded exchanges.
fn names() -> BTreeSet<String> {
    let name = |suffix| move |it: Recording| it.name.trim_end_matches(suffix).to_owned();
    let requests = Recording::all(REQUEST).into_iter().map(name(REQUEST));
    requests.chain(Recording::all(RESPONSE).into_iter().map(name(RESPONSE))).collect()
}

/// A recorded exchange, as it happened.
pub(super) fn recorded(name: &str) -> Script {
    let mut script = match load(name, REQUEST) {
        Some(recording) => {
            Script { request: request(&recording), response: None, whole: true, frame: 0 }
        }
        None => asking(name),
    };
    if let Some(recording) = load(name, RESPONSE) {
        script.response = Some(response(&recording));
        script.whole = recording.is_whole();
    }
    script
}

fn load(name: &str, suffix: &str) -> Option<Recording> {
    let name = format!("{name}{suffix}");
    Path::new(DIRECTORY).join(&name).exists().then(|| Recording::load(&name))
}

/// A request for a response that was made by hand: calls of `echo`, of the revision in its name.
fn asking(name: &str) -> Script {
    assert!(name.starts_with("synthetic_"), "{name} has a request");
    let call = |id| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo"}}}}"#)
    };
    let batch = name.contains("batched");
    let message = if batch { format!("[{},{}]", call(1), call(2)) } else { call(1) };
    let revision = ["2025-03-26", "2026-07-28"].into_iter().find(|it| name.ends_with(it));
    Script::post(message, None).header("mcp-protocol-version", revision.unwrap_or("2025-11-25"))
}

fn request(recording: &Recording) -> Request<Bytes> {
    let mut words = recording.head.split(' ');
    let mut request = Request::new(Bytes::from(recording.body()));
    let verb = words.next().expect("a request has a method");
    *request.method_mut() = Method::from_bytes(verb.as_bytes()).expect("a method");
    *request.uri_mut() = words.next().expect("a request has a target").parse().expect("a path");
    *request.headers_mut() = headers(&recording.head);
    request
}

fn response(recording: &Recording) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(recording.body()));
    let status = recording.head.split(' ').nth(1).expect("a response has a status");
    *response.status_mut() = StatusCode::from_bytes(status.as_bytes()).expect("a status");
    *response.headers_mut() = headers(&recording.head);
    response
}

fn headers(head: &str) -> HeaderMap {
    let header = |line: &str| {
        let (name, value) = line.split_once(':').expect("a header has a colon");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        (name, HeaderValue::from_str(value.trim()).expect("a header's value"))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in head.lines().skip(1).map(header) {
        headers.append(name, value);
    }
    headers
}

impl Recording {
    /// Whether the message has its end. One that has not was broken off.
    fn is_whole(&self) -> bool {
        !self.has("transfer-encoding", "chunked") || self.coded.ends_with(b"0\r\n\r\n")
    }
}
