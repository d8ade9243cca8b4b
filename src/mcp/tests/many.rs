//! What must hold of any document, shown for very many of them.
//!
//! Each is made from a seed of its own, which a failure tells beside the document. Batches are tests
//! of their own so that they run side by side.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::generate::{Choices, Json};
use super::random::Random;
use super::{check, request};

/// Documents of a batch.
const BATCH: u64 = 12_500;

macro_rules! batches {
    ($($name:ident: $check:ident $number:literal,)+) => {
        $(#[test]
        fn $name() {
            each($number * BATCH..($number + 1) * BATCH, $check);
        })+
    };
}

batches! {
    requests_read_as_their_values_do_1: a_request 0,
    requests_read_as_their_values_do_2: a_request 1,
    requests_read_as_their_values_do_3: a_request 2,
    requests_read_as_their_values_do_4: a_request 3,
    responses_read_as_their_values_do_1: a_response 4,
    responses_read_as_their_values_do_2: a_response 5,
    responses_read_as_their_values_do_3: a_response 6,
    events_read_as_their_values_do: a_stream 7,
    broken_documents_read_the_same_however_they_are_cut: a_broken_document 8,
}

fn each(seeds: Range<u64>, check: fn(&mut Random)) {
    for seed in seeds {
        let checked = catch_unwind(AssertUnwindSafe(|| check(&mut Random::new(seed))));
        assert!(checked.is_ok(), "it was the document of seed {seed}");
    }
}

fn a_request(random: &mut Random) {
    let (json, text) = written(random, Choices::request);
    assert!(check::request(text.as_bytes(), &random.lengths()), "it was compared: {text}");
    let found = request(text.as_bytes());
    let duplicates = found.is_ok_and(|request| request.duplicate_keys);
    assert_eq!(duplicates, json.repeats_a_key(), "a key that is read comes twice: {text}");
}

fn a_response(random: &mut Random) {
    let (_, text) = written(random, Choices::response);
    assert!(check::response(text.as_bytes(), &random.lengths()), "it was compared: {text}");
}

fn a_stream(random: &mut Random) {
    let end = ["\n", "\r", "\r\n"][random.below(3)];
    let mut stream = String::new();
    for _ in 0..=random.below(2) {
        let (_, text) = written(random, Choices::response);
        let data = text.replace("\r\n", "\n").replace('\n', &format!("{end}data:"));
        let before = ["", "event: message", ": x", "id: 1", "retry: 5"][random.below(5)];
        stream.extend([before, end, "data: ", &data, end, end]);
    }
    assert!(check::event_stream(stream.as_bytes(), &random.lengths()), "it was compared: {stream}");
}

/// A document with something wrong in it, most of the time, so that every way to fail is met.
fn a_broken_document(random: &mut Random) {
    let make = [Choices::request, Choices::response][random.below(2)];
    let mut bytes = written(random, make).1.into_bytes();
    for _ in 0..=random.below(2) {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] = STRANGE[random.below(STRANGE.len())],
            2 => _ = bytes.remove(at),
            _ => bytes.insert(at, STRANGE[random.below(STRANGE.len())]),
        }
        if bytes.is_empty() {
            break;
        }
    }
    let lengths = random.lengths();
    check::request(&bytes, &lengths);
    check::response(&bytes, &lengths);
    check::event_stream(&bytes, &lengths);
}

/// Bytes that mean something somewhere.
const STRANGE: &[u8] = b"{}[]\":,\\u0dD8e.-+1tfn \r\n\xff";

fn written(random: &mut Random, document: fn(&mut Choices) -> Json) -> (Json, String) {
    let count = random.below(200);
    let mut choices = Choices::new(random.bytes(count));
    let json = document(&mut choices);
    let text = choices.write(&json);
    (json, text)
}
