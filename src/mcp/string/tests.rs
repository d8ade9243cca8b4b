use super::*;

/// Unescapes the string that `bytes` begin with, cut in two at `at`.
fn read(bytes: &[u8], at: usize, keep: Keep) -> Result<Option<(Vec<u8>, u64)>, Unreadable> {
    let mut reader = StringReader::new();
    reader.begin(keep);
    let (first, second) = bytes.split_at(at);
    let end = match reader.feed(first)? {
        None => reader.feed(second)?,
        end => end,
    };
    Ok(end.map(|_| (reader.content().kept.to_vec(), reader.content().length)))
}

#[test]
fn escapes_are_undone_wherever_the_string_is_cut() {
    for (written, expected) in [
        (r#"plain""#, "plain"),
        (r#"""#, ""),
        (r#"\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#"a\u0041\u00e9\u20AC""#, "aA\u{e9}\u{20ac}"),
        (r#"\ud83e\udd80\uD83E\uDD80""#, "\u{1f980}\u{1f980}"),
        (r#"\u0000""#, "\0"),
        ("\u{1f980}\"", "\u{1f980}"),
    ] {
        for at in 0..=written.len() {
            let found = read(written.as_bytes(), at, Keep::first(100));
            let length = expected.len() as u64;
            assert_eq!(found, Ok(Some((expected.as_bytes().to_vec(), length))), "{written} {at}");
        }
    }
}

#[test]
fn what_is_no_escape_is_refused_wherever_it_is_cut() {
    for written in [
        r#"\x""#,
        r#"\u12""#,
        r#"\u12g0""#,
        r#"\ud800""#,
        r#"\ud800a""#,
        r#"\ud800\n""#,
        r#"\ud800\u0041""#,
        r#"\ud800\ud800""#,
        r#"\udc00""#,
    ] {
        for at in 0..=written.len() {
            let found = read(written.as_bytes(), at, Keep::first(100));
            assert_eq!(found, Err(Unreadable::Syntax), "{written} {at}");
        }
    }
}

#[test]
fn a_string_that_goes_on_has_no_end_yet() {
    for written in ["", "abc", "abc\\", "\\u12", "\\\""] {
        assert_eq!(read(written.as_bytes(), 0, Keep::first(100)), Ok(None), "{written}");
    }
}

#[test]
fn only_what_is_wanted_is_kept() {
    let written = format!("{}\"", "ab\\n".repeat(1000));
    let found = read(written.as_bytes(), 77, Keep::first(4));
    assert_eq!(found, Ok(Some((b"ab\na".to_vec(), 3000))));
}

#[test]
fn the_digest_does_not_depend_on_how_the_string_came() {
    const KEEP: Keep = Keep { bytes: 4, digest: true };

    let whole = Content::of(b"abcdefghijkl", KEEP).digest;
    assert_ne!(whole, Content::of(b"abcdefghijkm", KEEP).digest);
    for (written, at) in [("abcdefghijkl\"", 6), ("abcdefghijkl\"", 2), ("ab\\u0063defghijkl\"", 9)]
    {
        let mut reader = StringReader::new();
        reader.begin(KEEP);
        for frame in [&written.as_bytes()[..at], &written.as_bytes()[at..]] {
            reader.feed(frame).expect("it is well formed");
        }
        assert_eq!(reader.content().digest, whole, "{written} {at}");
    }
}

#[test]
fn a_whole_string_needs_its_end_and_no_escapes() {
    assert_eq!(whole_string(b"abc\", 1"), Some(&b"abc"[..]));
    assert_eq!(whole_string(b"\""), Some(&b""[..]));
    assert_eq!(whole_string(b"abc"), None);
    assert_eq!(whole_string(b"a\\n\""), None);
    assert_eq!(whole_string(b""), None);
}
