//! What must hold of any document, and of any bytes, shrunk to the smallest where it does not.

use proptest::prelude::*;

use super::check;
use super::generate::{Choices, Json};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_request_reads_as_its_value_does(choices in choices(), lengths in lengths(70)) {
        check::request(write(choices, Choices::request).as_bytes(), &lengths);
    }

    #[test]
    fn a_response_reads_as_its_value_does(choices in choices(), lengths in lengths(70)) {
        check::response(write(choices, Choices::response).as_bytes(), &lengths);
    }

    #[test]
    fn an_event_reads_as_a_document_does(
        choices in choices(),
        ending in "\n|\r|\r\n",
        lengths in lengths(70),
    ) {
        let text = write(choices, Choices::response);
        let data = text.replace("\r\n", "\n").replace('\n', &format!("{ending}data:"));
        let event = format!("data:{data}{ending}id: 1{ending}{ending}");
        check::event_stream(event.as_bytes(), &lengths);
    }

    #[test]
    fn no_bytes_are_too_strange(
        bytes in prop::collection::vec(prop::sample::select(STRANGE), 0..200),
        lengths in lengths(20),
    ) {
        check::request(&bytes, &lengths);
        check::response(&bytes, &lengths);
        check::event_stream(&bytes, &lengths);
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

fn lengths(most: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..most, 1..4)
}

fn write(choices: Vec<u8>, document: fn(&mut Choices) -> Json) -> String {
    let mut choices = Choices::new(choices);
    let json = document(&mut choices);
    choices.write(&json)
}
