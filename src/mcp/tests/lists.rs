//! Lists in responses.

use proptest::prelude::*;

use super::generate::{Choices, Json};
use super::written::{elements, member, string};
use super::{Kind, cut, response_in};
use crate::mcp::string::{Content, Keep};
use crate::mcp::{Event, List, ListEntry, ListKind, Text};

/// The list of the only message of a response body.
fn list(body: &str) -> Option<List> {
    list_in(Kind::Json, [body.as_bytes()])
}

fn list_in<'a>(kind: Kind, frames: impl IntoIterator<Item = &'a [u8]>) -> Option<List> {
    let mut events = response_in(kind, frames);
    match (events.pop(), events.is_empty()) {
        (Some(Event::Message(message)), true) => message.list.map(|list| *list),
        (event, _) => panic!("{events:?} {event:?}"),
    }
}

fn names(list: &List) -> Vec<&str> {
    list.entries.iter().map(|entry| entry.name.as_str()).collect()
}

/// The list that the text of a message has.
fn expected_list(message: &str) -> Option<List> {
    let result = member(message.trim(), "result")?;
    let kinds = [
        ("tools", ListKind::Tools),
        ("prompts", ListKind::Prompts),
        ("resources", ListKind::Resources),
        ("resourceTemplates", ListKind::Templates),
    ];
    let lists = kinds.into_iter().filter_map(|(key, kind)| Some((kind, member(result, key)?)));
    let (kind, array, elements) =
        lists.into_iter().find_map(|(kind, array)| Some((kind, array, elements(array)?)))?;
    let entry = |element: &&str| {
        let name = string(member(element, "name")?)?;
        let name = Text::new(&Content::of(name.as_bytes(), Keep::first(64))).expect("it is UTF-8");
        Some(ListEntry { name, bytes: element.len() as u64, hash: hash(element.as_bytes()) })
    };
    let entries = match kind {
        ListKind::Tools | ListKind::Prompts => {
            elements.iter().filter_map(entry).take(256).collect()
        }
        ListKind::Resources | ListKind::Templates => Vec::new(),
    };
    Some(List { kind, items: elements.len() as u64, bytes: array.len() as u64, entries })
}

/// The same hash, of bytes that are all there.
fn hash(bytes: &[u8]) -> u64 {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len() / 8 * 8 + 8, 0);
    padded.extend((bytes.len() as u64).to_le_bytes());
    padded.chunks(8).fold(0, |state, word| {
        let word = u64::from_le_bytes(word.try_into().expect("a word has eight bytes"));
        let product = (state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        product ^ product >> 32
    })
}

const TOOLS: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[
    {"name":"add","description":"Adds [two] {numbers} \"\\","inputSchema":{"type":"object","name":"no"}},
    {"title":"Say it back","annotations":{"name":"no"},"name":"echo\n\u00e9"},
    {}, 7, {"name":"add"}],"nextCursor":"c"}}"#;

#[test]
fn a_list_tells_what_is_in_it_wherever_it_is_cut() {
    let expected = expected_list(TOOLS).expect("it is a list");
    assert_eq!(names(&expected), ["add", "echo\n\u{e9}", "add"]);
    assert_eq!((expected.kind, expected.items), (ListKind::Tools, 5));
    assert_eq!(expected.entries[2].bytes, r#"{"name":"add"}"#.len() as u64);

    assert_eq!(list(TOOLS).as_ref(), Some(&expected));
    for length in 1..40 {
        let frames = cut(TOOLS.as_bytes(), &[length]);
        assert_eq!(list_in(Kind::Json, frames).as_ref(), Some(&expected), "{length}");
    }
    for at in 0..TOOLS.len() {
        let (first, second) = TOOLS.as_bytes().split_at(at);
        let found = list_in(Kind::Json, [first, b"", second]);
        assert_eq!(found.as_ref(), Some(&expected), "cut at {at}");
    }
}

#[test]
fn a_list_in_a_stream_is_read_as_its_document_is() {
    let document = TOOLS.replace("\n    ", "\n");
    let expected = expected_list(&document);
    assert!(expected.is_some());
    for ending in ["\n", "\r\n", "\r"] {
        let data = document.replace('\n', &format!("{ending}data: "));
        let body = format!(": ping{ending}data: {data}{ending}{ending}");
        for length in [1, 2, 7, 64, body.len()] {
            let mut events = response_in(Kind::Stream, cut(body.as_bytes(), &[length]));
            let Some(Event::Message(message)) = events.pop() else { panic!("{events:?}: {body}") };
            assert_eq!(message.list.map(|list| *list), expected, "{ending:?} {length}");
        }
    }
}

#[test]
fn each_kind_of_list_is_told_by_its_key() {
    for (key, kind, entries) in [
        ("tools", ListKind::Tools, 1),
        ("prompts", ListKind::Prompts, 1),
        ("resources", ListKind::Resources, 0),
        ("resourceTemplates", ListKind::Templates, 0),
        ("to\\u006fls", ListKind::Tools, 1),
    ] {
        let array = r#"[ {"name":"a","uri":"file:///a"}, null ]"#;
        let body = format!(r#"{{"id":1,"result":{{"{key}" : {array} }}}}"#);
        let list = list(&body).unwrap_or_else(|| panic!("{body}"));
        assert_eq!((list.kind, list.items, list.entries.len()), (kind, 2, entries), "{key}");
        assert_eq!(list.bytes, array.len() as u64, "{key}");
    }
    let empty = list(r#"{"id":1,"result":{"tools":[]}}"#).expect("an empty list is one");
    assert_eq!((empty.items, empty.bytes, empty.entries.len()), (0, 2, 0));
}

#[test]
fn what_only_looks_like_a_list_is_none() {
    for body in [
        r#"{"id":1,"result":{"content":[{"tools":[{"name":"a"}]}]}}"#,
        r#"{"id":1,"result":{"structuredContent":{"tools":[{"name":"a"}]}}}"#,
        r#"{"id":1,"result":{"_meta":{"prompts":[]},"isError":false}}"#,
        r#"{"id":1,"result":[{"tools":[]}]}"#,
        r#"{"id":1,"tools":[{"name":"a"}],"result":{}}"#,
        r#"{"id":1,"error":{"tools":[]}}"#,
        r#"{"id":1,"params":{"tools":[]},"method":"ping"}"#,
        r#"{"id":1,"result":{"tools":{"name":"a"}}}"#,
        r#"{"id":1,"result":{"tools":"[]"}}"#,
        r#"{"id":1,"result":{"tools":null,"prompts":1,"resources":true}}"#,
        r#"{"id":1,"result":{"tool":[],"toolss":[],"Tools":[]}}"#,
    ] {
        assert_eq!(list(body), None, "{body}");
    }
}

#[test]
fn of_duplicate_keys_and_of_several_lists_it_is_always_the_same_that_holds() {
    for (result, kind, expected) in [
        (r#""tools":[{"name":"a"}],"tools":[{"name":"b"}]"#, ListKind::Tools, &["b"][..]),
        (r#""tools":[{"name":"a"}],"tools":[]"#, ListKind::Tools, &[]),
        (r#""tools":[{"name":"a"},{"name":"b","name":"c"}]"#, ListKind::Tools, &["a", "c"]),
        (r#""tools":[{"name":"a","name":null},{"name":1,"name":"b"}]"#, ListKind::Tools, &["b"]),
        (r#""prompts":[{"name":"a"}],"tools":[{"name":"b"}]"#, ListKind::Tools, &["b"]),
        (r#""tools":[{"name":"b"}],"prompts":[{"name":"a"}]"#, ListKind::Tools, &["b"]),
        (r#""prompts":[{"name":"a"}],"tools":[],"tools":0"#, ListKind::Prompts, &["a"]),
        (r#""resourceTemplates":[],"prompts":{},"resources":[1]"#, ListKind::Resources, &[]),
    ] {
        let body = format!(r#"{{"id":1,"result":{{{result}}}}}"#);
        let list = list(&body).unwrap_or_else(|| panic!("{body}"));
        assert_eq!((list.kind, names(&list)), (kind, expected.to_vec()), "{body}");
        assert_eq!(Some(list), expected_list(&body), "{body}");
    }
    for result in [r#"{"tools":[1],"tools":null}"#, r#"{"tools":[1]},"result":{}"#] {
        assert_eq!(list(&format!(r#"{{"id":1,"result":{result}}}"#)), None, "{result}");
    }
}

#[test]
fn a_name_is_a_string_of_which_64_bytes_are_kept() {
    let long = "n".repeat(100_000);
    for (written, expected, truncated) in [
        ("a".repeat(64), "a".repeat(64), false),
        ("a".repeat(65), "a".repeat(64), true),
        (format!("{}\u{1f980}", "a".repeat(62)), "a".repeat(62), true),
        (long.clone(), long[..64].to_owned(), true),
        (r"\u0000\u001b[0m\\\ud83e\udd80".to_owned(), "\0\x1b[0m\\\u{1f980}".to_owned(), false),
        (String::new(), String::new(), false),
    ] {
        let body = format!(r#"{{"id":1,"result":{{"prompts":[{{"name":"{written}"}}]}}}}"#);
        for length in [1, 50, body.len()] {
            let list = list_in(Kind::Json, cut(body.as_bytes(), &[length])).expect("it is a list");
            assert_eq!(names(&list), [&expected], "{written:.80}");
            assert_eq!(list.entries[0].name.is_truncated(), truncated, "{written:.80}");
            assert_eq!(Some(list), expected_list(&body));
        }
    }
}

#[test]
fn an_element_without_a_name_is_only_counted() {
    let elements = [
        r#"{"name":7}"#,
        r#"{"name":["a"]}"#,
        r#"{"name":{"name":"a"}}"#,
        r#"{"name":null}"#,
        r#"{"title":"a"}"#,
        "[{\"name\":\"a\"}]",
        "\"name\"",
        "-1.5e3",
        "false",
        "null",
    ];
    let body = format!(r#"{{"id":1,"result":{{"tools":[{}]}}}}"#, elements.join(" , "));
    for length in [1, 3, body.len()] {
        let list = list_in(Kind::Json, cut(body.as_bytes(), &[length])).expect("it is a list");
        assert_eq!((list.items, names(&list)), (10, vec![]));
    }
}

#[test]
fn a_change_of_one_tool_shows_in_its_hash_alone() {
    let before = list(TOOLS).expect("it is a list");
    let after = list(&TOOLS.replace("Adds", "Takes")).expect("it is a list");
    let same = |at: usize| before.entries[at].hash == after.entries[at].hash;
    assert_eq!([same(0), same(1), same(2)], [false, true, true]);
    let moved = list(&TOOLS.replace("\"id\":1", "\"id\": 12345")).expect("it is a list");
    assert_eq!(moved, before, "it does not matter where the list stands");
}

/// An array of so many tools, each with a name too long to live inline.
fn many_tools(count: usize) -> String {
    let tools = (0..count).map(|n| format!(r#"{{"name":"{n:060}","inputSchema":{{}}}}"#));
    format!("[{}]", tools.collect::<Vec<_>>().join(","))
}

#[test]
fn of_ten_thousand_tools_256_are_kept_and_all_counted() {
    let body = format!(r#"{{"id":1,"result":{{"tools":{}}}}}"#, many_tools(10_000));
    let expected = expected_list(&body).expect("it is a list");
    for length in [61, 4096, body.len()] {
        let list = list_in(Kind::Json, cut(body.as_bytes(), &[length])).expect("it is a list");
        assert_eq!((list.items, list.entries.len()), (10_000, 256));
        assert_eq!(list, expected);
    }
}

#[test]
fn a_document_keeps_256_entries_however_many_lists_it_has() {
    let message = format!(
        r#"{{"id":1,"result":{{"prompts":{0},"tools":{0},"prompts":{0}}}}}"#,
        many_tools(100)
    );
    let body = format!("[{}]", vec![&message[..]; 70].join(","));
    let mut kept = Vec::new();
    for event in response_in(Kind::Json, cut(body.as_bytes(), &[1000])) {
        let Event::Message(message) = event else { panic!("{event:?}") };
        let list = message.list.expect("it has a list");
        assert_eq!((list.kind, list.items), (ListKind::Tools, 100));
        assert!(list.entries.capacity() <= 256);
        assert!(list.entries.iter().all(|entry| entry.name.as_bytes().len() <= 64));
        kept.push(list.entries.len());
    }
    assert_eq!(kept[..4], [100, 100, 56, 0]);
    assert_eq!((kept.len(), kept.iter().sum::<usize>()), (64, 256));
    // So this many bytes and the names beyond 56 bytes are all that a list can take.
    assert!(size_of::<ListEntry>() <= 96);
    // And this is all that messages without one pay for it.
    assert_eq!(size_of::<Option<Box<List>>>(), 8);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn lists_are_what_their_text_says(
        json in answer(),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        lengths in prop::collection::vec(1..70_usize, 1..4),
    ) {
        let body = Choices::new(bytes).write(&json);
        prop_assert_eq!(list_in(Kind::Json, cut(body.as_bytes(), &lengths)), expected_list(&body));
    }
}

/// A message whose result has lists, or nearly.
fn answer() -> impl Strategy<Value = Json> {
    let list = prop_oneof![
        4 => prop::collection::vec(element(), 0..8).prop_map(Json::Array),
        1 => element(),
    ];
    let key = key(&["tools", "tools", "prompts", "resources", "resourceTemplates", "content"]);
    let result = prop::collection::vec((key, list), 0..5).prop_map(Json::Object);
    prop::collection::vec(result, 1..3).prop_map(|results| {
        let results = results.into_iter().map(|result| ("result".to_owned(), result));
        Json::Object(results.collect())
    })
}

/// What stands in a list: mostly an object with a name.
pub(super) fn element() -> impl Strategy<Value = Json> {
    let plain = prop::sample::select(vec!["null", "-1.5e3", "0", "true"])
        .prop_map(|text| Json::Plain(text.into()));
    let text = "[a-z\"\\\\\u{e9}\u{1f980}\n{\\[\\]}]{0,70}".prop_map(Json::Text);
    let leaf = prop_oneof![3 => text, 1 => plain];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec((key(&["name", "name", "title", "inputSchema"]), inner.clone()), 0..5)
                .prop_map(Json::Object),
            1 => prop::collection::vec(inner, 0..4).prop_map(Json::Array),
        ]
    })
}

pub(super) fn key(keys: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    prop::sample::select(keys).prop_map(str::to_owned)
}

#[test]
fn what_follows_a_list_that_is_broken_is_ignored() {
    let frames = [r#"{"id":1,"result":{"tools":[{"name":"a" "#, "oops", r#"}],"b":[1]}}"#];
    let frames = frames.map(str::as_bytes);
    let events = response_in(Kind::Json, frames);
    assert_eq!(events, [Event::Invalid(crate::mcp::Unreadable::Syntax)]);
}
