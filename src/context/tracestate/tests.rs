use std::collections::HashSet;

use proptest::prelude::*;

use super::{InvalidTracestate as Invalid, *};

/// Section of Trace Context Level 2 or test of its test suite, fact, headers, and their list.
type Case = (&'static str, &'static str, &'static [&'static str], Result<&'static str, Invalid>);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("3.3.2 field values", "no header is an empty list", &[], Ok("")),
    ("3.3.2 field values", "an empty header is accepted", &[""], Ok("")),
    ("3.3.2 field values", "a blank header is accepted", &[" \t "], Ok("")),
    ("3.3.2 field values", "empty members are allowed", &["a=1,,b=2"], Ok("a=1,,b=2")),
    ("3.3.2 field values", "blank members are allowed", &["a=1, \t ,b=2"], Ok("a=1, \t ,b=2")),
    ("3.3.2 field values", "empty members may be all there is", &[",, ,"], Ok("")),
    ("3.3.2 field values", "empty members may be outermost", &[",a=1,"], Ok(",a=1,")),
    ("3.3.2 field values", "headers make one list, in order", &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], Ok("foo=1,bar=2,rojo=1,congo=2,baz=3")),
    ("3.3.2 field values", "empty header after another", &["foo=1", ""], Ok("foo=1")),
    ("3.3.2 field values", "empty header before another", &["", "foo=1"], Ok("foo=1")),
    ("3.3.2 field values", "an invalid header makes the list invalid", &["foo=1", "BAR=2"], Err(Invalid::Key)),

    ("3.3.2.1 list", "one member", &["rojo=00f067aa0ba902b7"], Ok("rojo=00f067aa0ba902b7")),
    ("3.3.2.1 list", "two members", &["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], Ok("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")),
    ("3.3.2.1 list", "optional space stays where it is", &["foo=1 \t , \t bar=2, \t baz=3"], Ok("foo=1 \t , \t bar=2, \t baz=3")),
    ("3.3.2.1 list", "space around the list is not of it", &["\t foo=1 \t"], Ok("foo=1")),
    ("3.3.2.1 list", "members are not divided by semicolons", &["foo=1;bar=2"], Err(Invalid::Value)),

    ("3.3.2.2 list-members", "a member has a value", &["foo"], Err(Invalid::Key)),
    ("3.3.2.2 list-members", "every member has a value", &["foo=1,bar"], Err(Invalid::Key)),
    ("3.3.2.2 list-members", "a value has a key", &["=1"], Err(Invalid::Key)),

    ("3.3.2.2.1 key", "a letter is enough", &["z=1"], Ok("z=1")),
    ("3.3.2.2.1 key", "a digit may be first", &["0a=1"], Ok("0a=1")),
    ("3.3.2.2.1 key", "tenant and system", &["fw529a3039@dt=FfffffB"], Ok("fw529a3039@dt=FfffffB")),
    ("3.3.2.2.1 key", "an at sign may be anywhere but first", &["a@@b@=1"], Ok("a@@b@=1")),
    ("3.3.2.2.1 key", "all characters", &["abcdefghijklmnopqrstuvwxyz0123456789_-*/@=1"], Ok("abcdefghijklmnopqrstuvwxyz0123456789_-*/@=1")),
    ("3.3.2.2.1 key", "no upper case", &["FOO=1"], Err(Invalid::Key)),
    ("3.3.2.2.1 key", "no upper case later on", &["fooBar=1"], Err(Invalid::Key)),
    ("3.3.2.2.1 key", "no dot", &["foo.bar=1"], Err(Invalid::Key)),
    ("3.3.2.2.1 key", "no underscore first", &["_foo=1"], Err(Invalid::Key)),
    ("3.3.2.2.1 key", "no at sign first", &["@foo=1,bar=2"], Err(Invalid::Key)),
    ("3.3.2.2.1 key", "no space before the equals sign", &["foo =1"], Err(Invalid::Key)),
    ("3.3.2.2.1 key", "no tab before the equals sign", &["foo\t=1"], Err(Invalid::Key)),
    ("3.3.2.2.1 key", "no letters but those of ASCII", &["fö=1"], Err(Invalid::Key)),

    ("3.3.2.2.2 value", "all characters", &["a= !\"#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"],
        Ok("a= !\"#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~")),
    ("3.3.2.2.2 value", "not empty", &["foo=,bar=3"], Err(Invalid::Value)),
    ("3.3.2.2.2 value", "not only of spaces", &["foo=  "], Err(Invalid::Value)),
    ("3.3.2.2.2 value", "no equals sign", &["foo=bar=baz"], Err(Invalid::Value)),
    ("3.3.2.2.2 value", "no tab", &["foo=a\tb"], Err(Invalid::Value)),
    ("3.3.2.2.2 value", "no tab first", &["foo=\tb"], Err(Invalid::Value)),
    ("3.3.2.2.2 value", "no line break", &["foo=a\n"], Err(Invalid::Value)),
    ("3.3.2.2.2 value", "no control character", &["foo=a\u{7f}"], Err(Invalid::Value)),
    ("3.3.2.2.2 value", "no letters but those of ASCII", &["foo=bär"], Err(Invalid::Value)),
    ("3.3.2.2.2 value", "no non-breaking space at the end", &["foo=a\u{a0}"], Err(Invalid::Value)),

    ("3.3.3 combined header value", "no key twice", &["foo=1,foo=1"], Err(Invalid::RepeatedKey)),
    ("3.3.3 combined header value", "no key twice with different values", &["foo=1,foo=2"], Err(Invalid::RepeatedKey)),
    ("3.3.3 combined header value", "no key in two headers", &["foo=1", "foo=1"], Err(Invalid::RepeatedKey)),
    ("3.3.3 combined header value", "a key may begin as another does", &["foo=1,foobar=2,fo=3"], Ok("foo=1,foobar=2,fo=3")),
];

#[test]
fn vectors_are_read_as_the_specification_says() {
    for &(section, fact, headers, expected) in CASES {
        let read = Tracestate::parse_headers(headers.iter().map(|header| header.as_bytes()));
        let list = read.as_ref().map(Tracestate::as_str);
        assert_eq!(list, expected.as_ref().copied(), "Trace Context Level 2, {section}: {fact}");
        assert_eq!(read.map_or(0, |read| read.dropped()), 0, "{section}: {fact}: dropped");
    }
}

#[test]
fn members_are_those_of_the_text() {
    let state = Tracestate::parse(b" foo=1 , ,\tbar=  two  ,t@s=3:4;5").unwrap();
    let members = [("foo", "1"), ("bar", "  two"), ("t@s", "3:4;5")];
    assert!(state.iter().eq(members), "leading spaces belong to a value (3.3.2.2.2)");
    assert!((&state).into_iter().eq(members));
    assert_eq!((state.get("bar"), state.get("b"), state.get("")), (Some("  two"), None, None));

    assert!(!state.is_empty());
    assert!(Tracestate::default().is_empty());
    assert_eq!(Tracestate::default().iter().next(), None);
}

#[test]
fn only_text_is_read() {
    assert_eq!(Tracestate::parse(b"foo=\xff"), Err(Invalid::Encoding));
    assert_eq!(Tracestate::parse_headers([b"foo=1".as_slice(), b"\xc3"]), Err(Invalid::Encoding));
}

#[test]
fn keys_and_values_have_1_to_256_characters() {
    for (key, value, expected) in [
        (256, 1, Ok(())),
        (257, 1, Err(Invalid::Key)),
        (1, 256, Ok(())),
        (1, 257, Err(Invalid::Value)),
        (255, 256, Ok(())),
        (256, 255, Ok(())),
    ] {
        let text = format!("{}={}", "k".repeat(key), "v".repeat(value));
        let read = text.parse::<Tracestate>();
        assert_eq!(read.map(|list| assert_eq!(list.as_str(), text)), expected, "{key} and {value}");
    }
    // Leading spaces count, since they are of the value, and trailing ones do not.
    assert!(format!("k={}v", " ".repeat(255)).parse::<Tracestate>().is_ok());
    assert!(format!("k={}v", " ".repeat(256)).parse::<Tracestate>().is_err());
    assert!(format!("k=v{}", " ".repeat(256)).parse::<Tracestate>().is_ok());
}

#[test]
fn list_has_up_to_32_members() {
    let members = |count| {
        let members: Vec<_> =
            (0..count).map(|number| format!("bar{number:02}={number:02}")).collect();
        members.join(",")
    };
    let list: Tracestate = members(32).parse().unwrap();
    assert_eq!((list.as_str(), list.iter().count()), (&*members(32), 32));
    assert_eq!(members(33).parse::<Tracestate>(), Err(Invalid::TooManyMembers));

    // Empty ones are none, and those of all headers count together.
    let list = members(32).replace(',', ", ,");
    assert!(list.parse::<Tracestate>().is_ok());
    let full = members(32);
    let headers = [&*full, "", " ,", "foo=1"].map(str::as_bytes);
    assert!(Tracestate::parse_headers(headers.into_iter().take(3)).is_ok());
    assert_eq!(Tracestate::parse_headers(headers), Err(Invalid::TooManyMembers));
}

/// A member of this key, of `length` bytes.
fn member(key: &str, length: usize) -> String {
    format!("{key}={}", "v".repeat(length - key.len() - 1))
}

fn list(members: &[(&str, usize)]) -> String {
    members.iter().map(|&(key, length)| member(key, length)).collect::<Vec<_>>().join(",")
}

/// The keys that are left of these members, and how many are not.
fn keys_left(members: &[(&str, usize)]) -> (String, u32) {
    let state: Tracestate = list(members).parse().unwrap();
    assert!(state.as_str().len() <= 512, "{members:?}");
    for (key, value) in &state {
        let &(_, length) = members.iter().find(|member| member.0 == key).unwrap();
        assert_eq!(key.len() + 1 + value.len(), length, "{key} is whole");
    }
    (state.iter().map(|(key, _)| key).collect(), state.dropped())
}

#[test]
fn whole_members_are_dropped_beyond_512_bytes() {
    type Case = (&'static str, &'static [(&'static str, usize)], (&'static str, u32));
    #[rustfmt::skip]
    let cases: &[Case] = &[
        ("512 characters are passed on", &[("a", 100), ("b", 154), ("c", 256)], ("abc", 0)),
        ("one more are not", &[("a", 101), ("b", 154), ("c", 256)], ("ab", 1)),
        ("those of more than 128 go first", &[("a", 129), ("b", 128), ("c", 128), ("d", 128)], ("bcd", 1)),
        ("and no more of them than need be", &[("a", 200), ("b", 200), ("c", 100), ("d", 100)], ("acd", 1)),
        ("of those the last go first", &[("a", 200), ("b", 10), ("c", 200), ("d", 200)], ("abc", 1)),
        ("others go from the right", &[("a", 128), ("b", 128), ("c", 128), ("d", 128)], ("abc", 1)),
        ("as many as need be", &[("a", 128), ("b", 128), ("c", 128), ("d", 100), ("e", 100)], ("abcd", 1)),
        ("even if smaller ones are left of them", &[("a", 3), ("b", 128), ("c", 128), ("d", 128), ("e", 128)], ("abcd", 1)),
        ("large ones, then others", &[("a", 258), ("b", 128), ("c", 128), ("d", 128), ("e", 128)], ("bcd", 2)),
    ];
    for &(fact, members, (keys, dropped)) in cases {
        let left = keys_left(members);
        assert_eq!(left, (keys.to_owned(), dropped), "Trace Context Level 2, 3.3.3.1: {fact}");
    }

    let longest = format!("{}={}", "k".repeat(256), "v".repeat(256));
    let state: Tracestate = longest.parse().unwrap();
    assert_eq!((state.as_str(), state.dropped()), ("", 1), "a valid member may be too long");
}

#[test]
fn spaces_are_dropped_before_members() {
    let text = list(&[("a", 128), ("b", 128), ("c", 128), ("d", 125)]);
    assert_eq!(text.len(), 512);
    let spaced = text.replace(',', &format!(" , {},", " ".repeat(200)));
    let state: Tracestate = spaced.parse().unwrap();
    assert_eq!((state.as_str(), state.dropped()), (&*text, 0));

    // Over several headers too, which are measured with the commas between them.
    for (length, dropped) in [(254, 0), (255, 0), (256, 1)] {
        let headers = [member("a", 256), member("b", length)];
        let state =
            Tracestate::parse_headers(headers.iter().map(std::string::String::as_bytes)).unwrap();
        assert_eq!(state.dropped(), dropped, "256 and {length} bytes");
    }
}

#[test]
fn headers_are_found_whatever_their_case() {
    let mut headers = HeaderMap::new();
    assert_eq!(Tracestate::from_headers(&headers), Ok(Tracestate::default()));
    headers.append("TraceState", HeaderValue::from_static("foo=1"));
    headers.append("tracestate", HeaderValue::from_static("bar=2"));
    headers.append("trace-state", HeaderValue::from_static("baz=3"));
    assert_eq!(Tracestate::from_headers(&headers).unwrap().as_str(), "foo=1,bar=2");
    headers.append("tracestate", HeaderValue::from_bytes(b"\xff").unwrap());
    assert_eq!(Tracestate::from_headers(&headers), Err(Invalid::Encoding));
}

#[test]
fn new_member_comes_first() {
    let state: Tracestate = "foo=1 , bar=2,,baz=3".parse().unwrap();
    let with = |key, value| state.with(key, value).map(|state| state.to_string());
    for (section, key, value, expected) in [
        ("3.5, add", "new", "0", Ok("new=0,foo=1,bar=2,baz=3")),
        ("3.5, update", "bar", "9", Ok("bar=9,foo=1,baz=3")),
        ("3.5, update", "foo", "9", Ok("foo=9,bar=2,baz=3")),
        ("3.3.2.2.1", "New", "0", Err(Invalid::Key)),
        ("3.3.2.2.1", "", "0", Err(Invalid::Key)),
        ("3.3.2.2.2", "new", "", Err(Invalid::Value)),
        ("3.3.2.2.2", "new", "0 ", Err(Invalid::Value)),
        ("3.3.2.2.2", "new", " 0", Ok("new= 0,foo=1,bar=2,baz=3")),
        ("3.3.2.2.2", "new", "0,x=1", Err(Invalid::Value)),
    ] {
        let expected = expected.map(str::to_owned);
        assert_eq!(with(key, value), expected, "Trace Context Level 2, {section}: {key}={value}");
    }
    assert_eq!(Tracestate::default().with("a", "1").unwrap().as_str(), "a=1");
}

#[test]
fn new_member_finds_room() {
    let full: Vec<_> = (0..32).map(|number| format!("k{number:02}=1")).collect();
    let full: Tracestate = full.join(",").parse().unwrap();
    let state = full.with("new", "0").unwrap();
    assert_eq!((state.iter().count(), state.dropped()), (32, 1), "32 members");
    assert!(state.as_str().starts_with("new=0,k00=1,") && state.as_str().ends_with(",k30=1"));
    assert_eq!(full.with("k31", "0").unwrap().dropped(), 0, "the last one moves to the left");

    let full: Tracestate = list(&[("a", 200), ("b", 100), ("c", 210)]).parse().unwrap();
    let state = full.with("new", &"v".repeat(150)).unwrap();
    let keys: String = state.iter().map(|(key, _)| key).collect();
    assert_eq!((&*keys, state.dropped()), ("newab", 1), "512 bytes, though it is large itself");

    let key = "k".repeat(256);
    let state = full.with(&key, &"v".repeat(255)).unwrap();
    assert_eq!((state.as_str().len(), state.dropped()), (512, 3), "all of the room");
    assert_eq!(full.with(&key, &"v".repeat(256)), Err(Invalid::Length));
}

#[test]
fn lists_are_compared_by_their_text() {
    let [a, b, c] = ["a=1", " a=1", "a=1,"].map(|text| text.parse::<Tracestate>().unwrap());
    assert!(a == b && a != c);
    assert_eq!(HashSet::from([a.clone(), b, c]).len(), 2);
    assert_eq!(format!("{a} {a:>4}"), "a=1  a=1");
    assert_eq!(a.as_ref(), "a=1");
}

#[test]
fn errors_say_what_is_wrong() {
    for error in [
        Invalid::Encoding,
        Invalid::Key,
        Invalid::Value,
        Invalid::RepeatedKey,
        Invalid::TooManyMembers,
        Invalid::Length,
    ] {
        let text = error.to_string();
        assert!(text.starts_with("tracestate ") && !text.ends_with('.'), "{text}");
    }
}

const KEY: &str = "[a-z0-9][a-z0-9_*/@-]{0,30}";
const VALUE: &str = "[ -+\\--<>-~]{0,40}[!-+\\--<>-~]";
const NOISE: &str = "[ \t]{0,3}(,[ \t]{0,3}){0,2}";

proptest! {
    #[test]
    fn members_are_read_in_whatever_headers_they_come(
        members in prop::collection::hash_map(KEY, (VALUE, NOISE, any::<bool>()), 0..=32),
    ) {
        let mut headers = vec![String::new()];
        let mut expected = Vec::new();
        for (key, (value, noise, new_header)) in &members {
            if *new_header {
                headers.push(String::new());
            }
            let header = headers.last_mut().unwrap();
            *header = format!("{header},{noise}{key}={value}{noise}");
            expected.push((&**key, &**value));
        }

        let state = Tracestate::parse_headers(headers.iter().map(std::string::String::as_bytes)).unwrap();
        // None is so large that it would be dropped before one to the left of it.
        let kept = expected.len() - usize::try_from(state.dropped()).unwrap();
        prop_assert!(state.iter().eq(expected[..kept].iter().copied()), "{state:?}");
        prop_assert!(state.as_str().len() <= 512);
        let whole: usize = expected.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
        prop_assert_eq!(kept == expected.len(), whole <= 513);

        let again: Tracestate = state.to_string().parse().unwrap();
        prop_assert_eq!(again.dropped(), 0);
        prop_assert_eq!(again, state);
    }

    #[test]
    fn new_member_is_there_and_the_others_stay_in_order(
        members in prop::collection::hash_map("[a-e]{1,2}", VALUE, 0..=20),
        key in "[a-e]{1,2}",
        value in VALUE,
    ) {
        let text: Vec<_> = members.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let before: Tracestate = text.join(" ,").parse().unwrap();
        let after = before.with(&key, &value).unwrap();
        prop_assert_eq!(after.iter().next(), Some((&*key, &*value)));

        let others: Vec<_> = before.iter().filter(|member| member.0 != key).collect();
        let kept = others.len() - usize::try_from(after.dropped()).unwrap();
        prop_assert!(after.iter().skip(1).eq(others[..kept].iter().copied()));
        prop_assert_eq!(Tracestate::parse(after.as_str().as_bytes()), Ok(after));
    }

    #[test]
    fn no_bytes_are_too_much(headers: Vec<Vec<u8>>) {
        let _ = Tracestate::parse_headers(headers.iter().map(Vec::as_slice));
    }

    #[test]
    fn what_is_read_stays_as_it_is(
        headers in prop::collection::vec("([a-z0-9@,= \t]|[ab]=[a-z],|\\PC){0,24}", 0..4),
    ) {
        let state = Tracestate::parse_headers(headers.iter().map(std::string::String::as_bytes));
        if let Ok(state) = state {
            let keys: HashSet<_> = state.iter().map(|(key, _)| key).collect();
            prop_assert_eq!(keys.len(), state.iter().count(), "no key twice");
            for (key, value) in &state {
                prop_assert_eq!(check(key, value), Ok(()));
                prop_assert_eq!(state.get(key), Some(value));
            }
            prop_assert_eq!(state.is_empty(), keys.is_empty());
            prop_assert_eq!(Tracestate::parse(state.as_str().as_bytes()), Ok(state));
        }
    }
}
