use http::HeaderValue;
use proptest::prelude::*;

use super::{InvalidTraceparent as Invalid, *};

/// `T` and `P` stand for a trace id and a parent id.
fn expand(text: &str) -> String {
    text.replace('T', "4bf92f3577b34da6a3ce929d0e0e4736").replace('P', "00f067aa0ba902b7")
}

/// Section of Trace Context Level 2 or test of its test suite, fact, text, and what is sent for it.
type Case = (&'static str, &'static str, &'static str, Result<&'static str, Invalid>);

/// Sent as it came.
const SAME: Result<&str, Invalid> = Ok("");

/// The same ids and flags, as version `00`.
const SENT: Result<&str, Invalid> = Ok("00-T-P-01");

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("3.2.3 examples", "sampled", "00-T-P-01", SAME),
    ("3.2.3 examples", "not sampled", "00-T-P-00", SAME),
    ("3.2.2 field values", "nothing", "", Err(Invalid::Length)),
    ("3.2.2 field values", "a dash is missing", "00T-P-01", Err(Invalid::Length)),
    ("3.2.2 field values", "the dashes are underscores", "00_T_P_01", Err(Invalid::Version)),
    ("3.2.2 field values", "only the version", "00-", Err(Invalid::Length)),
    ("3.2.2 field values", "no flags", "00-T-P", Err(Invalid::Length)),
    ("3.2.2 field values", "space inside", "00-T- P01", Err(Invalid::ParentId)),

    ("3.2.2.1 version", "two digits, not one", "0-T-P-01", Err(Invalid::Length)),
    ("3.2.2.1 version", "two digits, not three", "000-T-P-01", Err(Invalid::Version)),
    ("3.2.2.1 version", "two digits, not four", "0000-T-P-01", Err(Invalid::Version)),
    ("3.2.2.1 version", "a sign is no digit", "+0-T-P-01", Err(Invalid::Version)),
    ("3.2.2.1 version", "a dot is no digit", ".0-T-P-01", Err(Invalid::Version)),
    ("3.2.2.1 version", "a dot is no second digit", "0.-T-P-01", Err(Invalid::Version)),
    ("3.2.2.1 version", "g is no digit", "0g-T-P-01", Err(Invalid::Version)),
    ("3.2.2.1 version", "ff is no version", "ff-T-P-01", Err(Invalid::Version)),
    ("3.2.2.1 version", "ff is no version of more fields", "ff-T-P-01-what", Err(Invalid::Version)),
    ("3.2.2.1 version", "upper case is no version", "FE-T-P-01", Err(Invalid::Version)),
    ("3.2.2.1 version", "upper case makes ff no better", "FF-T-P-01", Err(Invalid::Version)),

    ("3.2.2.2 version-format", "a dash after the flags", "00-T-P-01-", Err(Invalid::Trailing)),
    ("3.2.2.2 version-format", "a field more", "00-T-P-01-what", Err(Invalid::Trailing)),
    ("3.2.2.2 version-format", "a dot after the flags", "00-T-P-01.", Err(Invalid::Trailing)),
    ("3.2.2.2 version-format", "two values in one header", "00-T-P-01,00-T-P-01", Err(Invalid::Trailing)),

    ("3.2.2.3 trace-id", "all digits are in use", "00-0123456789abcdeffedcba9876543210-P-01", SAME),
    ("3.2.2.3 trace-id", "only the first half is zero", "00-00000000000000000000000000000001-P-01", SAME),
    ("3.2.2.3 trace-id", "only the last half is zero", "00-80000000000000000000000000000000-P-01", SAME),
    ("3.2.2.3 trace-id", "ones everywhere", "00-ffffffffffffffffffffffffffffffff-P-01", SAME),
    ("3.2.2.3 trace-id", "zero", "00-00000000000000000000000000000000-P-01", Err(Invalid::TraceId)),
    ("3.2.2.3 trace-id", "upper case", "00-4BF92F3577B34DA6A3CE929D0E0E4736-P-01", Err(Invalid::TraceId)),
    ("3.2.2.3 trace-id", "one upper-case digit", "00-4bf92f3577b34da6a3ce929d0e0E4736-P-01", Err(Invalid::TraceId)),
    ("3.2.2.3 trace-id", "dot first", "00-.2345678901234567890123456789012-P-01", Err(Invalid::TraceId)),
    ("3.2.2.3 trace-id", "dot last", "00-1234567890123456789012345678901.-P-01", Err(Invalid::TraceId)),
    ("3.2.2.3 trace-id", "plus sign", "00-+bf92f3577b34da6a3ce929d0e0e4736-P-01", Err(Invalid::TraceId)),
    ("3.2.2.3 trace-id", "a digit too many", "00-123456789012345678901234567890123-P-01", Err(Invalid::TraceId)),
    ("3.2.2.3 trace-id", "a digit too few", "00-1234567890123456789012345678901-P-01", Err(Invalid::Length)),
    ("3.2.2.3 trace-id", "a digit too few, one too many later", "00-1234567890123456789012345678901-P-011", Err(Invalid::TraceId)),
    ("3.2.2.3 trace-id", "short fields", "00-1-1-1", Err(Invalid::Length)),

    ("3.2.2.4 parent-id", "all digits are in use", "00-T-0123456789abcdef-01", SAME),
    ("3.2.2.4 parent-id", "one bit", "00-T-8000000000000000-01", SAME),
    ("3.2.2.4 parent-id", "zero", "00-T-0000000000000000-01", Err(Invalid::ParentId)),
    ("3.2.2.4 parent-id", "upper case", "00-T-00F067AA0BA902B7-01", Err(Invalid::ParentId)),
    ("3.2.2.4 parent-id", "dot first", "00-T-.234567890123456-01", Err(Invalid::ParentId)),
    ("3.2.2.4 parent-id", "dot last", "00-T-123456789012345.-01", Err(Invalid::ParentId)),
    ("3.2.2.4 parent-id", "a digit too many", "00-T-12345678901234567-01", Err(Invalid::ParentId)),
    ("3.2.2.4 parent-id", "a digit too few", "00-T-123456789012345-01", Err(Invalid::Length)),

    ("3.2.2.5 trace-flags", "dot first", "00-T-P-.0", Err(Invalid::Flags)),
    ("3.2.2.5 trace-flags", "dot last", "00-T-P-0.", Err(Invalid::Flags)),
    ("3.2.2.5 trace-flags", "upper case", "00-T-P-0A", Err(Invalid::Flags)),
    ("3.2.2.5 trace-flags", "a digit too many", "00-T-P-001", Err(Invalid::Trailing)),
    ("3.2.2.5 trace-flags", "a digit too few", "00-T-P-1", Err(Invalid::Length)),
    ("3.2.2.5.2 random trace id flag", "it is sent on", "00-T-P-02", SAME),
    ("3.2.2.5.2 random trace id flag", "it is sent on beside the other", "00-T-P-03", SAME),
    ("3.2.2.5.3 other flags", "they are not sent", "00-T-P-ff", Ok("00-T-P-03")),
    ("3.2.2.5.3 other flags", "they do not hide a flag", "00-T-P-09", SENT),
    ("3.2.2.5.3 other flags", "they set no flag", "00-T-P-fc", Ok("00-T-P-00")),

    ("3.2.4 versioning", "the next version", "01-T-P-01", SENT),
    ("3.2.4 versioning", "the last version", "fe-T-P-01", SENT),
    ("3.2.4 versioning", "later versions may have more fields", "cc-T-P-01-what-the-future-will-be-like", SENT),
    ("3.2.4 versioning", "later versions may end in a dash", "cc-T-P-01-", SENT),
    ("3.2.4 versioning", "more fields begin with a dash", "cc-T-P-01.what-the-future-will-be-like", Err(Invalid::Trailing)),
    ("3.2.4 versioning", "flags have two digits in later versions", "cc-T-P-011", Err(Invalid::Trailing)),
    ("3.2.4 versioning", "later versions are no shorter", "cc-T-P-1", Err(Invalid::Length)),
    ("3.2.4 versioning", "later versions have no zero ids", "cc-T-0000000000000000-01", Err(Invalid::ParentId)),
    ("3.2.4 versioning", "later versions are in lower case", "cc-T-P-0A", Err(Invalid::Flags)),

    ("test suite, ows_handling", "space before", " 00-T-P-01", SENT),
    ("test suite, ows_handling", "tab before", "\t00-T-P-01", SENT),
    ("test suite, ows_handling", "space after", "00-T-P-01 ", SENT),
    ("test suite, ows_handling", "tab after", "00-T-P-01\t", SENT),
    ("test suite, ows_handling", "both around", "\t 00-T-P-01 \t", SENT),
    ("test suite, ows_handling", "spaces do not make up the length", "   00-T-P-1    ", Err(Invalid::Length)),
    ("3.2.2 field values", "a line break is no space", "00-T-P-01\n", Err(Invalid::Trailing)),
    ("3.2.2 field values", "only spaces", " \t ", Err(Invalid::Length)),
];

#[test]
fn vectors_are_read_as_the_specification_says() {
    for &(section, fact, text, expected) in CASES {
        let read = Traceparent::parse(expand(text).as_bytes());
        let sent = read.map(|read| read.to_string());
        let expected = expected.map(|sent| expand(if sent.is_empty() { text } else { sent }));
        assert_eq!(sent, expected, "Trace Context Level 2, {section}: {fact}");
    }
}

#[test]
fn every_byte_in_every_place_is_read_as_the_grammar_says() {
    // The grammar once more, without a thought of speed.
    fn grammar(text: &[u8]) -> bool {
        let is_hex = |text: &[u8]| {
            text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) && text.len() % 2 == 0
        };
        let fields: Vec<_> = text.split(|&byte| byte == b'-').collect();
        let lengths: Vec<_> = fields.iter().map(|field| field.len()).collect();
        lengths == [2, 32, 16, 2]
            && fields.iter().all(|field| is_hex(field))
            && fields[0] != b"ff"
            && fields[1..3].iter().all(|id| id.iter().any(|&digit| digit != b'0'))
    }

    for valid in ["00-T-P-01", "fe-T-P-00", "0f-T-P-02"].map(expand) {
        for place in 0..LEN {
            for byte in 0..=u8::MAX {
                let mut text = valid.clone().into_bytes();
                text[place] = byte;
                let shown = text.escape_ascii();
                assert_eq!(Traceparent::parse(&text).is_ok(), grammar(&text), "{shown}");
            }
        }
    }
}

#[test]
fn one_header_is_read_and_two_are_invalid() {
    let [first, second] =
        ["00-T-P-01", "00-T-P-00"].map(|text| HeaderValue::try_from(expand(text)).unwrap());

    let mut headers = HeaderMap::new();
    assert_eq!(Traceparent::from_headers(&headers), Ok(None), "no header is no error");

    headers.append("TraceParent", first.clone());
    assert_eq!(Traceparent::from_headers(&headers).unwrap().unwrap().to_string(), first);

    headers.append("traceparent", first.clone());
    assert_eq!(Traceparent::from_headers(&headers), Err(Invalid::Repeated), "the same value twice");

    headers.insert("traceparent", HeaderValue::from_static("00-"));
    headers.append("traceparent", second);
    assert_eq!(
        Traceparent::from_headers(&headers),
        Err(Invalid::Repeated),
        "an invalid and a valid one"
    );

    headers.insert("traceparent", HeaderValue::from_static(""));
    assert_eq!(
        Traceparent::from_headers(&headers),
        Err(Invalid::Length),
        "an empty header is a header"
    );
}

#[test]
fn child_keeps_the_trace_and_its_random_flag() {
    let own = SpanId::from_bytes([1; 8]).unwrap();
    for (parent, sampled, child) in [
        ("00-T-P-03", true, "00-T-0101010101010101-03"),
        ("00-T-P-03", false, "00-T-0101010101010101-02"),
        ("00-T-P-00", true, "00-T-0101010101010101-01"),
        ("cc-T-P-ff-what", false, "00-T-0101010101010101-02"),
    ] {
        let parent: Traceparent = expand(parent).parse().unwrap();
        assert_eq!(parent.child(own, sampled).to_string(), expand(child));
    }
}

#[test]
fn ids_are_never_zero() {
    assert_eq!(TraceId::from_bytes([0; 16]), None);
    assert_eq!(SpanId::from_bytes([0; 8]), None);
    // And the compiler knows, which makes an optional one free.
    assert_eq!(size_of::<Option<TraceId>>(), 16);
    assert_eq!(size_of::<Option<SpanId>>(), 8);
    assert_eq!(size_of::<Option<Traceparent>>(), size_of::<Traceparent>());
}

#[test]
fn ids_are_read_from_all_of_their_text() {
    for text in
        ["", "0", "00f067aa0ba902b", "00f067aa0ba902b70", " 00f067aa0ba902b7", "00f067aa0ba902bé"]
    {
        assert_eq!(text.parse::<SpanId>(), Err(InvalidId(())), "{text:?}");
    }
    for text in [expand("P"), expand("T "), expand("PP").to_uppercase(), "0".repeat(32)] {
        assert_eq!(text.parse::<TraceId>(), Err(InvalidId(())), "{text:?}");
    }
}

#[test]
fn ids_read_and_sort_as_their_text_does() {
    let [low, high]: [SpanId; 2] =
        ["0fffffffffffffff", "f000000000000000"].map(|id| id.parse().unwrap());
    assert!(low < high);
    assert_eq!(low.to_bytes(), [0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(
        format!("{high} {high:>17} {high:?}"),
        "f000000000000000  f000000000000000 SpanId(f000000000000000)"
    );

    let trace: TraceId = expand("T").parse().unwrap();
    assert_eq!(format!("{trace:?}"), format!("TraceId({trace})"));
}

#[test]
fn flags_are_bits() {
    for bits in 0..=u8::MAX {
        let flags = TraceFlags::from_byte(bits);
        assert_eq!((flags.is_sampled(), flags.is_random()), (bits & 1 != 0, bits & 2 != 0));
        assert_eq!(flags.to_byte(), bits & 3);
        assert_eq!(flags.with_sampled(true).with_random(false).to_byte(), 1);
        assert_eq!(flags.with_sampled(false).to_byte(), bits & 2);
        assert_eq!(flags.with_random(true).to_byte(), bits & 1 | 2);
    }
    assert_eq!(TraceFlags::default().to_byte(), 0);
}

#[test]
fn errors_say_what_is_wrong() {
    for error in [
        Invalid::Length,
        Invalid::Version,
        Invalid::TraceId,
        Invalid::ParentId,
        Invalid::Flags,
        Invalid::Trailing,
        Invalid::Repeated,
    ] {
        let text = error.to_string();
        assert!(text.contains("traceparent") && !text.ends_with('.'), "{text}");
    }
    assert!(InvalidId(()).to_string().starts_with("id is not"));
}

proptest! {
    #[test]
    fn what_is_sent_is_read_as_what_it_was(
        trace_id: [u8; 16],
        parent_id: [u8; 8],
        flags: u8,
        version in 0..=0xfe_u8,
        more in "|-[!-~]{0,40}",
    ) {
        let (Some(trace_id), Some(parent_id)) =
            (TraceId::from_bytes(trace_id), SpanId::from_bytes(parent_id))
        else {
            return Ok(());
        };
        let value = Traceparent::new(trace_id, parent_id, TraceFlags::from_byte(flags));
        prop_assert_eq!(Traceparent::parse(&value.to_bytes()), Ok(value));
        prop_assert_eq!(value.to_string().into_bytes(), value.to_bytes());
        prop_assert_eq!(trace_id.to_string().parse(), Ok(trace_id));
        prop_assert_eq!(parent_id.to_string().parse(), Ok(parent_id));
        prop_assert_eq!(TraceId::from_bytes(trace_id.to_bytes()), Some(trace_id));

        // The formatter of the standard library agrees.
        let text = format!("{:032x}", u128::from_be_bytes(trace_id.to_bytes()));
        prop_assert_eq!(trace_id.to_hex(), text.as_bytes());
        let text = format!("{version:02x}-{trace_id}-{parent_id}-{flags:02x}");
        let text = if version > 0 { text + &more } else { text };
        prop_assert_eq!(text.parse(), Ok(value));
    }

    #[test]
    fn no_bytes_are_too_much(text: Vec<u8>) {
        let _ = Traceparent::parse(&text);
    }

    #[test]
    fn what_is_read_is_sent_in_one_form(
        text in "[ \t]?[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?[ \t]?",
    ) {
        if let Ok(value) = Traceparent::parse(text.as_bytes()) {
            prop_assert_eq!(Traceparent::parse(&value.to_bytes()), Ok(value));
            prop_assert_eq!(&value.to_bytes()[3..52], &text.trim().as_bytes()[3..52]);
        }
    }
}
