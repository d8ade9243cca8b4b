//! What must hold of any document, and of any bytes.

use proptest::prelude::*;

use super::generate::{Choices, Json};
use super::oracle::{self, without_duplicates, without_sizes};
use super::{Kind, cut, request, request_in, response, response_in};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_request_reads_as_its_value_does(choices in choices()) {
        let (json, text) = write(choices, Choices::request);
        let value = serde_json::from_str(&text).expect("what is written is JSON");
        let found = request(text.as_bytes());
        let duplicates = found.as_ref().is_ok_and(|request| request.duplicate_keys);
        prop_assert_eq!(without_duplicates(found), oracle::request(&value), "{}", text);
        prop_assert_eq!(duplicates, has_duplicates(&json), "{}", text);
    }

    #[test]
    fn a_response_reads_as_its_value_does(choices in choices()) {
        let (_, text) = write(choices, Choices::response);
        let value = serde_json::from_str(&text).expect("what is written is JSON");
        let found = response(Kind::Json, text.as_bytes());
        prop_assert_eq!(without_sizes(found), oracle::response(&value), "{}", text);
    }

    #[test]
    fn an_event_reads_as_a_document_does(
        choices in choices(),
        ending in "\n|\r|\r\n",
        lengths in prop::collection::vec(0..70_usize, 1..4),
    ) {
        let (_, text) = write(choices, Choices::response);
        let data = text.replace("\r\n", "\n").replace('\n', &format!("{ending}data:"));
        let event = format!("data:{data}{ending}id: 1{ending}{ending}");
        let value = serde_json::from_str(&text).expect("what is written is JSON");
        let found = response_in(Kind::Stream, cut(event.as_bytes(), &lengths));
        prop_assert_eq!(without_sizes(found), oracle::response(&value), "{}", event);
    }

    #[test]
    fn frames_do_not_matter(
        choices in choices(),
        (at, with) in (any::<usize>(), any::<u8>()),
        lengths in prop::collection::vec(0..70_usize, 1..4),
        stream in any::<bool>(),
    ) {
        // Most documents are broken somewhere, so that every way to fail is met.
        let (_, text) = write(choices, Choices::request);
        let mut bytes = text.into_bytes();
        let at = at % (bytes.len() + 20);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = with;
        }
        let shown = String::from_utf8_lossy(&bytes);
        prop_assert_eq!(request_in(cut(&bytes, &lengths)), request(&bytes), "{}", shown);
        let kind = if stream { Kind::Stream } else { Kind::Json };
        let found = response_in(kind, cut(&bytes, &lengths));
        prop_assert_eq!(found, response(kind, &bytes), "{}", shown);
        // What serde_json can still read must still be read, and the same. (But for numbers with
        // more digits than a float has: there serde_json rounds.)
        let value = serde_json::from_slice(&bytes).ok().filter(|_| !b"0123456789.eE".contains(&with));
        if let Some(value) = value {
            prop_assert_eq!(without_duplicates(request(&bytes)), oracle::request(&value));
        }
    }

    #[test]
    fn no_bytes_are_too_strange(
        bytes in prop::collection::vec(prop::sample::select(STRANGE), 0..200),
        lengths in prop::collection::vec(0..20_usize, 1..4),
    ) {
        prop_assert_eq!(request_in(cut(&bytes, &lengths)), request(&bytes));
        for kind in [Kind::Json, Kind::Stream] {
            prop_assert_eq!(response_in(kind, cut(&bytes, &lengths)), response(kind, &bytes));
        }
    }
}

/// Bytes that mean something somewhere.
const STRANGE: &[u8] = b"{}[]\":,\\u0dD8e.-+1tfn \r\nda:\xff\xef\xbb\xbf";

/// As many cases as the environment asks for, and by default what takes about a second.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(400), failure_persistence: None, ..Default::default() }
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

fn write(choices: Vec<u8>, document: fn(&mut Choices) -> Json) -> (Json, String) {
    let mut choices = Choices::new(choices);
    let json = document(&mut choices);
    let text = choices.write(&json);
    (json, text)
}

/// Whether a key that is read comes twice in one of the objects that are read.
fn has_duplicates(root: &Json) -> bool {
    const CLIENT: Place = Place(&["name", "version"], &[]);
    const META: Place = Place(
        &[
            "traceparent",
            "tracestate",
            "baggage",
            "io.modelcontextprotocol/protocolVersion",
            "io.modelcontextprotocol/clientInfo",
        ],
        &[("io.modelcontextprotocol/clientInfo", CLIENT)],
    );
    const PARAMS: Place = Place(
        &["name", "uri", "taskId", "requestId", "protocolVersion", "clientInfo", "_meta"],
        &[("clientInfo", CLIENT), ("_meta", META)],
    );
    const MESSAGE: Place =
        Place(&["jsonrpc", "id", "method", "params", "result", "error"], &[("params", PARAMS)]);
    match root {
        Json::Array(elements) => elements.iter().take(64).any(|element| MESSAGE.repeats(element)),
        _ => MESSAGE.repeats(root),
    }
}

/// The keys that are read of an object, and those of them whose values are read in turn.
#[derive(Clone, Copy)]
struct Place(&'static [&'static str], &'static [(&'static str, Place)]);

impl Place {
    fn repeats(self, json: &Json) -> bool {
        let Json::Object(members) = json else {
            return false;
        };
        let Self(keys, places) = self;
        let is = |key: &'static str| members.iter().filter(move |(other, _)| other == key);
        keys.iter().any(|key| is(key).count() > 1)
            || places.iter().any(|(key, place)| is(key).any(|(_, value)| place.repeats(value)))
    }
}
