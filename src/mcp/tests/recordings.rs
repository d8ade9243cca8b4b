//! Exchanges recorded from real servers and clients, and some made by hand.
//!
//! Each body is read whole, in two frames cut anywhere, broken off anywhere, and with a byte of it
//! changed.

use std::collections::BTreeMap;

use super::random::Random;
use super::recording::Recording;
use super::{Kind, check, request, request_in, response, response_in};
use crate::mcp::{Event, MessageKind, Method, ResponseKind, Unreadable};

impl Recording {
    /// The body without its transfer coding.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.chunks().concat()
    }

    fn kind(&self) -> Option<Kind> {
        if self.has("content-type", "text/event-stream") {
            Some(Kind::Stream)
        } else if self.has("content-type", "application/json") {
            Some(Kind::Json)
        } else {
            None
        }
    }

    /// One for each body that is among the recordings.
    fn distinct(suffix: &str) -> Vec<(Self, Vec<u8>)> {
        let mut distinct = BTreeMap::new();
        for recording in Self::all(suffix) {
            let is_stream = matches!(recording.kind(), Some(Kind::Stream));
            distinct.entry((is_stream, recording.body())).or_insert(recording);
        }
        distinct.into_iter().map(|((_, body), recording)| (recording, body)).collect()
    }

    /// Checks a body that is like the one recorded. Tells whether `serde_json` could read it.
    fn check(&self, body: &[u8], lengths: &[usize]) -> bool {
        match self.kind() {
            _ if self.name.ends_with(".req.http") => check::request(body, lengths),
            Some(Kind::Stream) => check::event_stream(body, lengths),
            // An answer of another type is not read as this, but could come as this.
            Some(Kind::Json) | None => check::response(body, lengths),
        }
    }
}

/// What `serde_json` cannot read, for something in a value that is skipped here.
const LENIENT: [&str; 3] =
    ["hostile_bad_utf8.req.http", "hostile_depth_2000.req.http", "hostile_lone_surrogate.req.http"];

#[test]
fn bodies_read_as_their_values_do() {
    for recording in [Recording::all(".req.http"), Recording::all(".res.http")].concat() {
        let Recording { name, .. } = &recording;
        let body = &recording.body()[..];
        let is_json = recording.check(body, &[1]);
        if name.ends_with(".req.http") && !is_json {
            assert_eq!(request(body).is_ok(), LENIENT.contains(&&name[..]), "{name}");
        } else if let Some(Kind::Json) = recording.kind() {
            assert!(is_json, "{name}: a server sends JSON");
        }
    }
}

#[test]
fn request_bodies_may_be_cut_anywhere() {
    for (Recording { name, .. }, body) in Recording::distinct(".req.http") {
        let whole = request(&body);
        for at in 0..=body.len() {
            let (first, second) = body.split_at(at);
            assert_eq!(request_in([first, second]), whole, "{name} cut at {at}");
        }
    }
}

#[test]
fn response_bodies_may_be_cut_anywhere() {
    for (recording, body) in Recording::distinct(".res.http") {
        let name = &recording.name;
        let kind = recording.kind().unwrap_or(Kind::Json);
        let whole = response(kind, &body);
        for at in 0..=body.len() {
            let (first, second) = body.split_at(at);
            assert_eq!(response_in(kind, [first, second]), whole, "{name} cut at {at}");
        }
    }
}

#[test]
fn request_bodies_may_break_off_anywhere() {
    broken_off_anywhere(".req.http");
}

#[test]
fn response_bodies_may_break_off_anywhere() {
    broken_off_anywhere(".res.http");
}

/// Each beginning of a body reads as its value does if it has one, and the same byte by
/// byte, or in some more bytes where it is long.
fn broken_off_anywhere(suffix: &str) {
    for (recording, body) in Recording::distinct(suffix) {
        let frame = 1 + body.len() / 1000 * 40;
        for end in 0..body.len() {
            let is_json = recording.check(&body[..end], &[frame]);
            if !is_json && suffix == ".req.http" {
                let name = &recording.name;
                assert!(request(&body[..end]).is_err(), "{name} broken off at {end}");
            }
        }
    }
}

#[test]
fn request_bodies_may_have_any_byte_changed() {
    changed_anywhere(".req.http");
}

#[test]
fn response_bodies_may_have_any_byte_changed() {
    changed_anywhere(".res.http");
}

fn changed_anywhere(suffix: &str) {
    const ROUNDS: usize = 60;

    let mut random = Random::new(1);
    for (recording, recorded) in Recording::distinct(suffix) {
        if recorded.is_empty() {
            continue;
        }
        for _ in 0..ROUNDS {
            let mut body = recorded.clone();
            let at = random.below(body.len());
            // Half of the time something that means something to the reader.
            body[at] = match random.below(2) {
                0 => random.byte(),
                _ => recorded[random.below(body.len())],
            };
            recording.check(&body, &random.lengths());
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
        let request = request(&Recording::load(&format!("{name}.req.http")).body());
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
        assert_eq!(request(&recording.body()), Err(why), "{name}");
    }
    for name in ["dup_id", "dup_name", "dup_params", "dup_method_last_list"] {
        let recording = Recording::load(&format!("hostile_{name}.req.http"));
        let request = request(&recording.body()).expect("it is a message");
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
        let request = request(&recording.body()).expect("it is a message");
        assert_eq!(request.messages[0].kind, kind, "{name}");
    }
}

#[test]
fn ids_are_equal_as_their_server_says() {
    for name in ["id_exp", "id_float_int", "id_neg", "id_str_escaped", "id_str_num", "id_u64max"] {
        let asked = Recording::load(&format!("hostile_{name}.req.http"));
        let answer = Recording::load(&format!("hostile_{name}.res.http"));
        let asked = request(&asked.body()).expect("it is a message").messages.remove(0).id;
        let Some(kind) = answer.kind() else { continue };
        let events = response(kind, &answer.body());
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
        let found: Vec<_> = response(Kind::Stream, &recording.body()).iter().map(word).collect();
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
