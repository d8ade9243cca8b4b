use proptest::prelude::*;

use super::*;

/// Where a container ends, told byte by byte.
fn container_end(bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
    let (mut depth, mut in_string, mut escaped) = (1, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'\\' => return Err(Unreadable::Syntax),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return Ok(Some(at + 1)),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    Ok(None)
}

/// Where a string ends, told byte by byte.
fn text_end(bytes: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Feeds the bytes in two frames.
fn in_two<E>(
    (first, second): (&[u8], &[u8]),
    mut feed: impl FnMut(&[u8]) -> Result<Option<usize>, E>,
) -> Result<Option<usize>, E> {
    match feed(first)? {
        Some(end) => Ok(Some(end)),
        None => Ok(feed(second)?.map(|end| first.len() + end)),
    }
}

fn bytes(alphabet: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(alphabet), 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_container_ends_where_a_byte_loop_says(
        bytes in bytes(b"{{{[}]\"\"\"\"\\\\,: aaaaaaaaaaaaaaaaaa"),
        opening in 0..200_usize,
        at in 0..400_usize,
    ) {
        // Without the opening brackets most would end after a few bytes.
        let bytes = [vec![b'['; opening], bytes].concat();
        let mut container = SkipContainer::new();
        let found = in_two(bytes.split_at(at.min(bytes.len())), |frame| container.feed(frame));
        prop_assert_eq!(found, container_end(&bytes));
    }

    #[test]
    fn a_container_of_strings_ends_where_a_byte_loop_says(
        texts in prop::collection::vec("[a-z{}]{0,90}(\\\\[\"n\\\\]){0,3}", 0..12),
        at in 0..400_usize,
    ) {
        let bytes = format!("\"{}\"]]", texts.join("\",[\"")).into_bytes();
        let mut container = SkipContainer::new();
        let found = in_two(bytes.split_at(at.min(bytes.len())), |frame| container.feed(frame));
        prop_assert_eq!(found, container_end(&bytes));
    }

    #[test]
    fn text_content_ends_where_a_byte_loop_says(
        text in "([a-z{}\\[]|\\\\[\"n\\\\]){0,90}",
        end in "(\"[}\\], a]{0,4}){0,2}",
        at in 0..200_usize,
    ) {
        let bytes = [CONTENT, text.as_bytes(), end.as_bytes()].concat();
        let mut container = SkipContainer::new();
        let found = in_two(bytes.split_at(at.min(bytes.len())), |frame| container.feed(frame));
        prop_assert_eq!(found, container_end(&bytes));
    }

    #[test]
    fn a_string_ends_where_a_byte_loop_says(
        bytes in bytes(b"\"\\\\\\\\aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        at in 0..400_usize,
    ) {
        let mut text = SkipText::new();
        let found = in_two(bytes.split_at(at.min(bytes.len())), |frame| {
            Ok::<_, Unreadable>(text.feed(frame))
        });
        prop_assert_eq!(found, Ok(text_end(&bytes)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn json_as_text_ends_where_a_byte_loop_says(
        text in "([a-z:]{0,12}\\\\[\"\"n\\\\]){0,60}[a-z]{0,70}\"x",
        at in 0..900_usize,
    ) {
        let bytes = text.as_bytes();
        let mut text = SkipText::new();
        let found = in_two(bytes.split_at(at.min(bytes.len())), |frame| {
            Ok::<_, Unreadable>(text.feed(frame))
        });
        prop_assert_eq!(found, Ok(text_end(bytes)));
    }
}

#[test]
fn a_quote_is_escaped_by_an_odd_number_of_backslashes_wherever_they_are_cut() {
    for count in 0..140 {
        let bytes = [&b"a".repeat(3), &b"\\".repeat(count)[..], b"\" \""].concat();
        for at in 0..=bytes.len() {
            let mut text = SkipText::new();
            let found = in_two(bytes.split_at(at), |frame| Ok::<_, Unreadable>(text.feed(frame)));
            assert_eq!(found, Ok(text_end(&bytes)), "{count} backslashes, cut at {at}");
        }
    }
}

#[test]
fn an_escape_outside_strings_ends_the_document_there() {
    for spaces in [0, 100, 150] {
        let spaces = b" ".repeat(spaces);
        let closed_before = [&spaces[..], b"}\\"].concat();
        let end = SkipContainer::new().feed(&closed_before);
        assert_eq!(end, Ok(Some(spaces.len() + 1)));
        let closed_after = [&spaces[..], b"\\}"].concat();
        assert_eq!(SkipContainer::new().feed(&closed_after), Err(Unreadable::Syntax));
    }
}

#[test]
fn a_scalar_ends_before_what_separates_it() {
    for end in [",", "}", "]", " ", "\t", "\n", "\r"] {
        assert_eq!(skip_scalar(format!("-1.5e3{end}").as_bytes()), Some(6), "{end:?}");
    }
    assert_eq!(skip_scalar(b"12"), None, "it may go on");
}

#[test]
fn an_escape_is_known_over_a_frame_without_bytes() {
    let mut text = SkipText::new();
    assert_eq!(text.feed(b"a\\"), None);
    assert_eq!(text.feed(b""), None);
    assert_eq!(text.feed(b"\"\""), Some(2));
}
