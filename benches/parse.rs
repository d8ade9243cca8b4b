//! How fast is a large tool result read, beside parsers that could do it instead?
//!
//! `own` is the reader that the layers feed with response bodies. `value` makes a
//! `serde_json::Value` of the same bytes in the same run, `borrowed` deserializes the same facts
//! into a struct that borrows what it keeps and ignores the rest. `own_in_frames` gets the bytes in
//! frames of 16 KiB, as they come from a socket.
//!
//! `cargo bench --bench parse` runs it. How many times faster `own` was, at 1 MiB (a busy x86-64 of
//! two cores, rustc 1.95, November 2026):
//!
//! | result | `borrowed` | `value` |
//! | --- | --- | --- |
//! | text with escapes | 2.7 | 4.9 |
//! | JSON as text | 3.1 | 5.5 |
//! | structured JSON | 4.1 | 69 |
//! | base64 | 6.3 | 10.5 |

#[allow(dead_code, unused_imports, reason = "the library needs more of it than this bench")]
#[path = "../src/mcp/mod.rs"]
mod mcp;

use std::{borrow::Cow, hint::black_box};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use mcp::{Event, ResponseReader};

/// What the reader keeps of an answer.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is read, as the reader reads it, and not looked at")]
struct Answer<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    result: Option<Facts<'a>>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "as above")]
struct Facts<'a> {
    #[serde(default)]
    is_error: bool,
    #[serde(borrow)]
    result_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    protocol_version: Option<Cow<'a, str>>,
    next_cursor: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "as above")]
struct Failure {
    code: i64,
}

fn parse(criterion: &mut Criterion) {
    for (name, item) in &SHAPES {
        for (size, bytes) in [("64KiB", 64 << 10), ("1MiB", 1 << 20)] {
            let body = result(item, bytes);
            let body = body.as_bytes();
            assert_alike(body);
            let mut group = criterion.benchmark_group(format!("parse/{name}_{size}"));
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_function("own", |bencher| bencher.iter(|| own([black_box(body)])));
            group.bench_function("own_in_frames", |bencher| {
                bencher.iter(|| own(black_box(body).chunks(16 << 10)));
            });
            group.bench_function("borrowed", |bencher| bencher.iter(|| borrowed(black_box(body))));
            group.bench_function("value", |bencher| bencher.iter(|| value(black_box(body))));
            group.finish();
        }
    }
}

/// What is in a result over and over: text as tools write it, JSON as text, JSON as
/// `structuredContent` has it, and an image.
const SHAPES: [(&str, Item); 4] = [
    (
        "text",
        Item {
            before: r#""content":[{"type":"text","text":""#,
            repeated: r#"2026-07-28 INFO the query \"tower\" found 17 pages in src/mcp/scan.rs, line 204:\n\tlet next = self.token(bytes, at)?;\n"#,
            after: r#""}]"#,
        },
    ),
    (
        "json_as_text",
        Item {
            before: r#""content":[{"type":"text","text":""#,
            repeated: r#"{\"id\":48213,\"name\":\"A. Turing\",\"tags\":[\"a\",\"bc\"],\"city\":\"London\"},\n"#,
            after: r#""}]"#,
        },
    ),
    (
        "json",
        Item {
            before: r#""content":[],"structuredContent":{"rows":["#,
            repeated: r#"{"id":48213,"name":"A. Turing","score":0.97,"tags":["a","bc"],"active":true,"parent":null,"address":{"city":"London","zip":"W9 2HP"}},"#,
            after: "{}]}",
        },
    ),
    (
        "base64",
        Item {
            before: r#""content":[{"type":"image","mimeType":"image/png","data":""#,
            repeated: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
            after: r#""}]"#,
        },
    ),
];

struct Item {
    before: &'static str,
    repeated: &'static str,
    after: &'static str,
}

/// A tool result of about so many bytes.
fn result(item: &Item, bytes: usize) -> String {
    let Item { before, repeated, after } = item;
    let filling = repeated.repeat(bytes / repeated.len());
    format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{{before}{filling}{after},"isError":true}}}}"#)
}

/// All of them tell the id, and that the tool failed.
fn assert_alike(body: &[u8]) {
    assert_eq!(own([body]), Some((7, true)));
    assert_eq!(own(body.chunks(16 << 10)), Some((7, true)));
    assert_eq!(borrowed(body), Some((7, true)));
    assert_eq!(value(body), Some((7, true)));
}

fn own<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Option<(u64, bool)> {
    let mut reader = ResponseReader::json();
    let mut facts = None;
    let mut on = |event| {
        if let Event::Message(message) = event {
            facts = Some(message);
        }
    };
    for frame in frames {
        reader.feed(frame, &mut on);
    }
    reader.finish(&mut on);
    let facts = facts?;
    Some((facts.id?.to_string().parse().ok()?, facts.is_error))
}

fn borrowed(body: &[u8]) -> Option<(u64, bool)> {
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    let result = black_box(&answer).result.as_ref()?;
    Some((answer.id?, result.is_error))
}

fn value(body: &[u8]) -> Option<(u64, bool)> {
    let value: Value = serde_json::from_slice(body).ok()?;
    Some((value["id"].as_u64()?, value["result"]["isError"].as_bool()?))
}

criterion_group!(benches, parse);
criterion_main!(benches);
