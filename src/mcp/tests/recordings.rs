//! Exchanges recorded from real servers and clients, and some made by hand.
//!
//! Each body is read whole, in two frames cut anywhere, and broken off anywhere.

use std::{fs, path::Path};

use super::oracle::{self, without_duplicates, without_sizes};
use super::{Kind, request, request_in, response, response_in};
use crate::mcp::{Event, MessageKind, Method, Request, ResponseKind, Unreadable};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/wire");

/// A recorded message: its head, and the body without its transfer coding.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether it has its end. One that has not was broken off.
    pub(crate) whole: bool,
}

impl Recording {
    pub(crate) fn load(name: &str) -> Self {
        let path = Path::new(DIRECTORY).join(name);
        let bytes = fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let end = memchr::memmem::find(&bytes, b"\r\n\r\n").expect("a message has a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let body = &bytes[end + 4..];
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let whole = !chunked || body.ends_with(b"0\r\n\r\n");
        let body = if chunked { without_chunks(body) } else { body.to_vec() };
        Self { name: name.to_owned(), head, body, whole }
    }

    pub(crate) fn exists(name: &str) -> bool {
        Path::new(DIRECTORY).join(name).exists()
    }

    /// All recordings whose name ends so.
    pub(crate) fn all(suffix: &str) -> Vec<Self> {
        let mut names: Vec<String> = fs::read_dir(DIRECTORY)
            .expect("the recordings are there")
            .map(|entry| entry.expect("it is readable").file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(suffix))
            .collect();
        names.sort();
        assert!(names.len() > 100, "the recordings are there");
        names.iter().map(|name| Self::load(name)).collect()
    }

    fn kind(&self) -> Option<Kind> {
        let head = self.head.to_ascii_lowercase();
        if head.contains("content-type: text/event-stream") {
            Some(Kind::Stream)
        } else if head.contains("content-type: application/json") {
            Some(Kind::Json)
        } else {
            None
        }
    }

    /// Where to cut the body in two: everywhere, but in the longest ones.
    fn cuts(&self) -> impl Iterator<Item = usize> + use<> {
        let step = if self.body.len() > 2000 { 61 } else { 1 };
        (0..self.body.len()).step_by(step)
    }
}

fn without_chunks(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = memchr::memmem::find(bytes, b"\r\n") {
        let length = String::from_utf8_lossy(&bytes[..line]);
        let length = usize::from_str_radix(&length, 16).expect("a chunk has a length");
        let chunk = &bytes[line + 2..];
        // A recording may break off in the middle of a chunk.
        body.extend_from_slice(&chunk[..length.min(chunk.len())]);
        bytes = chunk.get(length + 2..).unwrap_or_default();
    }
    body
}

/// What the oracle says to a request body, `None` if it cannot read it.
fn expected(body: &[u8]) -> Option<Result<Request, Unreadable>> {
    serde_json::from_slice(body).ok().map(|value| oracle::request(&value))
}

/// What `serde_json` cannot read, for something in a value that is skipped here.
const LENIENT: [&str; 3] =
    ["hostile_bad_utf8.req.http", "hostile_depth_2000.req.http", "hostile_lone_surrogate.req.http"];

#[test]
fn request_bodies_read_as_their_values_do() {
    for recording in Recording::all(".req.http") {
        let body = &recording.body[..];
        let found = request(body);
        if let Some(expected) = expected(body) {
            assert_eq!(without_duplicates(found), expected, "{}", recording.name);
        } else if !LENIENT.contains(&&recording.name[..]) {
            assert!(found.is_err(), "{}: {found:?}", recording.name);
        }
    }
}

#[test]
fn request_bodies_may_be_cut_anywhere() {
    for recording in Recording::all(".req.http") {
        let whole = request(&recording.body);
        for at in recording.cuts() {
            let (first, second) = recording.body.split_at(at);
            assert_eq!(request_in([first, second]), whole, "{} cut at {at}", recording.name);
            let broken_off = request(first);
            match expected(first) {
                Some(expected) => assert_eq!(without_duplicates(broken_off), expected),
                None => assert!(broken_off.is_err(), "{} broken off at {at}", recording.name),
            }
        }
    }
}

#[test]
fn response_bodies_may_be_cut_anywhere() {
    for recording in Recording::all(".res.http") {
        let Some(kind) = recording.kind() else {
            continue;
        };
        let whole = response(kind, &recording.body);
        for at in recording.cuts() {
            let (first, second) = recording.body.split_at(at);
            let found = response_in(kind, [first, second]);
            assert_eq!(found, whole, "{} cut at {at}", recording.name);
            response(kind, first);
        }
    }
}

#[test]
fn json_responses_read_as_their_values_do() {
    for recording in Recording::all(".res.http") {
        if let Some(Kind::Json) = recording.kind() {
            let value = serde_json::from_slice(&recording.body).expect("a server sends JSON");
            let found = response(Kind::Json, &recording.body);
            assert_eq!(without_sizes(found), oracle::response(&value), "{}", recording.name);
        }
    }
}

#[test]
fn requests_say_what_they_ask_for() {
    for (name, method, target) in [
        ("2025-11-25_session_sse_initialize", Method::Initialize, None),
        ("2025-11-25_session_sse_tools_call_ok", Method::ToolsCall, Some("echo")),
        ("2026-07-28_json_server_discover", Method::ServerDiscover, None),
        ("2026-07-28_json_tools_call_ok", Method::ToolsCall, Some("echo")),
        ("2026-07-28_json_subscriptions_listen", Method::SubscriptionsListen, None),
        ("rmcp_client_init_1_initialize", Method::Initialize, None),
        ("hostile_chunked_1byte", Method::ToolsCall, Some("echo")),
        ("hostile_escaped_key", Method::ToolsCall, Some("echo")),
        ("hostile_leading_ws", Method::ToolsCall, Some("echo")),
        ("hostile_params_before_method", Method::ToolsCall, Some("echo")),
        ("hostile_depth_2000", Method::ToolsCall, Some("echo")),
        ("hostile_name_not_string", Method::ToolsCall, None),
        ("hostile_no_params", Method::ToolsCall, None),
    ] {
        let request = request(&Recording::load(&format!("{name}.req.http")).body);
        let request = request.unwrap_or_else(|why| panic!("{name}: {why:?}"));
        let [message] = &request.messages[..] else { panic!("{name}: {request:?}") };
        let found = message.target.as_ref().map(crate::mcp::Text::as_str);
        assert_eq!((message.method, found), (Some(method), target), "{name}");
    }
}

#[test]
fn hostile_requests_are_taken_for_what_they_are() {
    for (name, why) in [
        ("hostile_bom", Unreadable::Syntax),
        ("hostile_empty_body", Unreadable::Empty),
        ("hostile_gzip", Unreadable::Syntax),
        ("hostile_invalid_json", Unreadable::Truncated),
        ("hostile_trailing_garbage", Unreadable::Trailing),
        ("hostile_two_docs", Unreadable::Trailing),
    ] {
        let recording = Recording::load(&format!("{name}.req.http"));
        assert_eq!(request(&recording.body), Err(why), "{name}");
    }
    for name in ["dup_id", "dup_name", "dup_params", "dup_method_last_list"] {
        let recording = Recording::load(&format!("hostile_{name}.req.http"));
        let request = request(&recording.body).expect("it is a message");
        assert!(request.duplicate_keys, "{name}");
    }
    for (name, kind) in [
        ("id_bool", MessageKind::Invalid),
        ("id_obj", MessageKind::Invalid),
        ("id_null", MessageKind::Notification),
        ("id_frac", MessageKind::Request),
        ("no_jsonrpc", MessageKind::Request),
        ("batch_array", MessageKind::Request),
    ] {
        let recording = Recording::load(&format!("hostile_{name}.req.http"));
        let request = request(&recording.body).expect("it is a message");
        assert_eq!(request.messages[0].kind, kind, "{name}");
    }
}

#[test]
fn ids_are_equal_as_their_server_says() {
    for name in ["id_exp", "id_float_int", "id_neg", "id_str_escaped", "id_str_num", "id_u64max"] {
        let asked = Recording::load(&format!("hostile_{name}.req.http"));
        let answer = Recording::load(&format!("hostile_{name}.res.http"));
        let asked = request(&asked.body).expect("it is a message").messages.remove(0).id;
        let Some(kind) = answer.kind() else { continue };
        let events = response(kind, &answer.body);
        let answered = events.into_iter().find_map(|event| match event {
            Event::Message(message) => message.id,
            _ => None,
        });
        assert_eq!(answered, asked, "{name}");
    }
}

#[test]
fn streams_are_read_whatever_their_framing() {
    for (name, expected) in [
        ("bom_and_comments", "comment comment result"),
        ("cr_only", "result"),
        ("event_message_crlf", "result"),
        ("last_event_without_blank_line", "notification"),
        ("multi_line_data", "result"),
        ("no_response_then_close", "priming"),
        ("other_event_type", "result"),
        ("batched_responses_2025-03-26", "result result"),
        ("prime_notify_request_response", "priming notification request result"),
        ("response_for_other_id", "result result"),
    ] {
        let recording = Recording::load(&format!("synthetic_sse_{name}.res.http"));
        let found: Vec<_> = response(Kind::Stream, &recording.body).iter().map(word).collect();
        assert_eq!(found.join(" "), expected, "{name}");
    }
}

fn word(event: &Event) -> &'static str {
    match event {
        Event::Priming => "priming",
        Event::Comment => "comment",
        Event::Invalid(_) => "invalid",
        Event::Message(message) => match message.kind {
            ResponseKind::Result => "result",
            ResponseKind::Error => "error",
            ResponseKind::Request => "request",
            ResponseKind::Notification => "notification",
            ResponseKind::Unknown => "unknown",
        },
    }
}
