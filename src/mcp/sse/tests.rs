use super::*;

/// The pieces of a stream, the data of each event in one.
fn pieces<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut scanner = StreamScanner::new();
    let mut pieces = Vec::new();
    let mut data = Vec::new();
    for frame in frames {
        scanner.feed(frame, &mut |piece| {
            if let Piece::Data(bytes) = piece {
                data.extend_from_slice(bytes);
                return;
            }
            let data = String::from_utf8(std::mem::take(&mut data)).expect("the data is text");
            pieces.push(format!("{piece:?} {data}").trim_end_matches(' ').to_owned());
        });
    }
    pieces
}

/// The same for the stream cut at each byte, and cut into bytes.
fn all_ways(stream: &str) -> Vec<String> {
    let bytes = stream.as_bytes();
    let whole = pieces([bytes]);
    for at in 0..=bytes.len() {
        assert_eq!(pieces([&bytes[..at], &bytes[at..]]), whole, "{stream:?} cut at {at}");
    }
    assert_eq!(pieces(bytes.chunks(1)), whole, "{stream:?} byte by byte");
    whole
}

#[test]
fn a_blank_line_dispatches_what_came_before_it() {
    assert_eq!(all_ways("data: a\n\ndata: b\n\n"), ["Message a", "Message b"]);
    assert_eq!(all_ways("data: a\n"), [""; 0], "an event without its blank line is discarded");
    assert_eq!(all_ways("\n\n\n"), [""; 0]);
}

#[test]
fn a_line_ends_in_any_of_three_ways() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = "data: a|data: b||: c|data: d||".replace('|', end);
        assert_eq!(all_ways(&stream), ["Message a\nb", "Comment", "Message d"], "{end:?}");
    }
    assert_eq!(all_ways("data: a\r\n\rdata: b\n\r"), ["Message a", "Message b"]);
    assert_eq!(all_ways("data: a\n\r\ndata: b\r\n\n"), ["Message a", "Message b"]);
}

#[test]
fn one_space_after_the_colon_is_not_part_of_the_value() {
    assert_eq!(
        all_ways("data:a\n\ndata: a\n\ndata:  a\n\n"),
        ["Message a", "Message a", "Message  a"]
    );
    assert_eq!(all_ways("data: \n\n"), ["Priming"]);
    assert_eq!(all_ways("data:a: b\n\n"), ["Message a: b"]);
}

#[test]
fn an_event_needs_data_to_be_dispatched() {
    assert_eq!(all_ways("id: 1\nretry: 5\n\n"), [""; 0]);
    assert_eq!(all_ways("event: message\n\ndata: a\n\n"), ["Message a"]);
    assert_eq!(all_ways("data\n\n"), ["Priming"], "a name alone is a field with an empty value");
    assert_eq!(all_ways("data\ndata\n\n"), ["Message \n"]);
}

#[test]
fn fields_come_in_any_order() {
    assert_eq!(all_ways("data: a\nid: 1\nretry: 5\nevent: message\n\n"), ["Message a"]);
    assert_eq!(all_ways("data:\nid: 0\nretry: 3000\n\n"), ["Priming"]);
    assert_eq!(all_ways("data: a\nevent: endpoint\n\n"), ["Foreign a"]);
}

#[test]
fn the_last_type_of_an_event_is_its_type_and_of_no_other() {
    assert_eq!(all_ways("event: endpoint\ndata: a\n\ndata: b\n\n"), ["Foreign a", "Message b"]);
    assert_eq!(all_ways("event: x\nevent: message\ndata: a\n\n"), ["Message a"]);
    assert_eq!(all_ways("event: x\nevent\ndata: a\n\n"), ["Message a"]);
    for other in ["Message", "messag", "messages", "message ", "a long name of a type", "\0message"]
    {
        assert_eq!(all_ways(&format!("event: {other}\ndata: a\n\n")), ["Foreign a"], "{other}");
    }
}

#[test]
fn names_are_compared_exactly() {
    for other in
        ["Data", "dat", "datas", " data", "da ta", "\0data", "adata", "a long name of a field"]
    {
        assert_eq!(all_ways(&format!("{other}: a\n\n")), [""; 0], "{other}");
    }
}

#[test]
fn a_comment_is_a_line_that_begins_with_a_colon() {
    assert_eq!(all_ways(":\n\n: data: a\n:x\n"), ["Comment", "Comment", "Comment"]);
    assert_eq!(all_ways("data: a\n:keep alive\ndata: b\n\n"), ["Comment a", "Message \nb"]);
}

#[test]
fn one_byte_order_mark_may_open_a_stream() {
    assert_eq!(all_ways("\u{feff}data: a\n\n"), ["Message a"]);
    assert_eq!(all_ways("\u{feff}\n"), [""; 0]);
    assert_eq!(all_ways("\u{feff}\u{feff}data: a\n\n"), [""; 0], "a second one is part of a name");
    assert_eq!(all_ways("data: a\n\n\u{feff}data: b\n\n"), ["Message a"]);
    let cut_short = [&b"\xef\xbbdata: a\n\ndata: b\n\n"[..]];
    assert_eq!(pieces(cut_short), ["Message b"]);
}
