use std::{collections::HashSet, fmt::Write};

use proptest::prelude::*;

use super::*;

/// Section of W3C Baggage or test of its test suite, fact, headers, what is kept of them, and how many
/// members are invalid.
type Case = (&'static str, &'static str, &'static [&'static str], &'static str, u32);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("3.3.3 example", "three members", &["key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue"],
        "key1=value1;property1;property2,key2 = value2,key3=value3; propertyKey=propertyValue", 0),
    ("3.4 examples", "one header", &["userId=alice,serverNode=DF%2028,isProduction=false"], "userId=alice,serverNode=DF%2028,isProduction=false", 0),
    ("3.4 examples", "two headers", &["userId=alice", "serverNode=DF%2028,isProduction=false"], "userId=alice,serverNode=DF%2028,isProduction=false", 0),
    ("3.4 examples", "spaces in two headers", &["userId =   alice", "serverNode = DF%2028, isProduction = false"], "userId =   alice,serverNode = DF%2028,isProduction = false", 0),

    ("3 format", "no header is no baggage", &[], "", 0),
    ("3 format", "nor is an empty one", &[""], "", 0),
    ("3 format", "nor is a blank one", &[" \t"], "", 0),
    ("RFC 9110, 5.6.1.2", "empty members are nothing", &["a=1,, ,b=2,", ",c=3"], "a=1,b=2,c=3", 0),

    ("3.3.1 definition", "a member has an equals sign", &["a"], "", 1),
    ("3.3.1 definition", "even if it has properties with one", &["a;b=1"], "", 1),
    ("3.3.1 definition", "the others stay", &["a,b=2,c", "d=4"], "b=2,d=4", 2),
    ("3.3.1 definition", "spaces around the signs", &["k \t = \t v \t ; \t p \t = \t w \t , \t l=w"], "k \t = \t v \t ; \t p \t = \t w,l=w", 0),
    ("3.3.1 definition", "no line break is a space", &["a=1,\nb=2"], "a=1", 1),

    ("3.3.1.1 baggage-string", "a key may come twice, in order", &["a=1,b=2,a=3"], "a=1,b=2,a=3", 0),

    ("3.3.1.2 key", "a token", &["!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ=1"],
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ=1", 0),
    ("3.3.1.2 key", "not empty", &["=1"], "", 1),
    ("3.3.1.2 key", "not blank", &[" =1"], "", 1),
    ("3.3.1.2 key", "no space inside", &["a b=1"], "", 1),
    ("3.3.1.2 key", "no quotes", &["\"a\"=1"], "", 1),
    ("3.3.1.2 key", "no brackets", &["a(b)=1,a[b]=1,a{b}=1,a<b>=1"], "", 4),
    ("3.3.1.2 key", "none of the other separators", &["a:b=1,a/b=1,a?b=1,a@b=1,a\\b=1"], "", 5),
    ("3.3.1.2 key", "no letters but those of ASCII", &["é=1"], "", 1),
    ("3.3.1.2 key", "no control character", &["a\u{7f}=1,a\0=1"], "", 2),

    ("3.3.1.3 value", "may be empty", &["a="], "a=", 0),
    ("3.3.1.3 value", "may be blank, which is empty", &["a= ;p"], "a= ;p", 0),
    ("3.3.1.3 value", "may have equals signs", &["a=b=c==,d=="], "a=b=c==,d==", 0),
    ("3.3.1.3 value", "all octets", &["a=!#$%&'()*+-./0123456789:<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"],
        "a=!#$%&'()*+-./0123456789:<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~", 0),
    ("3.3.1.3 value", "no space inside", &["a=b c"], "", 1),
    ("3.3.1.3 value", "no quote", &["a=\"b\""], "", 1),
    ("3.3.1.3 value", "no backslash", &["a=b\\c"], "", 1),
    ("3.3.1.3 value", "no control character", &["a=b\u{1}"], "", 1),
    ("3.3.1.3 value", "no letters but those of ASCII", &["userId=Amélie"], "", 1),
    ("3.3.1.3 value", "a percent sign of nothing is no reason", &["a=100%,b=%zz"], "a=100%,b=%zz", 0),

    ("3.3.1.4 property", "with and without a value", &["a=1;p;q=2;r="], "a=1;p;q=2;r=", 0),
    ("3.3.1.4 property", "its value may have equals signs", &["a=1;p=b=c"], "a=1;p=b=c", 0),
    ("3.3.1.4 property", "the same one twice", &["a=1;p;p"], "a=1;p;p", 0),
    ("3.3.1.4 property", "not empty", &["a=1;"], "", 1),
    ("3.3.1.4 property", "not empty between others", &["a=1;p;;q"], "", 1),
    ("3.3.1.4 property", "its key is a token", &["a=1;p q"], "", 1),
    ("3.3.1.4 property", "it has a key", &["a=1;=2"], "", 1),
    ("3.3.1.4 property", "its value is one", &["a=1;p=b c"], "", 1),
];

#[test]
fn vectors_are_read_as_the_specification_says() {
    for &(section, fact, headers, expected, invalid) in CASES {
        let read = Baggage::parse_headers(headers.iter().map(|header| header.as_bytes()));
        assert_eq!(read.as_str(), expected, "W3C Baggage, {section}: {fact}");
        assert_eq!(
            (read.invalid(), read.dropped()),
            (invalid, 0),
            "W3C Baggage, {section}: {fact}"
        );
    }
}

#[test]
fn members_are_those_of_the_text() {
    let baggage =
        Baggage::parse(b"userId = Am%C3%A9lie ; trust = a%3Bb ; seen,isProduction=,userId=x=y");
    let members: Vec<_> = baggage
        .iter()
        .map(|member| {
            let properties: Vec<_> = member
                .properties()
                .map(|(key, value)| format!("{key}:{}", value.as_deref().unwrap_or("none")))
                .collect();
            format!("{}:{}:{}", member.key(), member.value(), properties.join("&"))
        })
        .collect();
    assert_eq!(members, ["userId:Amélie:trust:a;b&seen:none", "isProduction::", "userId:x=y:"]);
    assert_eq!((&baggage).into_iter().count(), 3);

    assert_eq!(baggage.get("userId").as_deref(), Some("x=y"), "the last of a key");
    assert_eq!(baggage.get("isProduction").as_deref(), Some(""));
    assert_eq!(baggage.get("isproduction"), None, "keys have a case");
    assert!(!baggage.is_empty() && Baggage::default().is_empty());
    assert_eq!(Baggage::default().iter().next(), None);
}

#[test]
fn values_are_decoded() {
    for (fact, value, expected) in [
        ("3.3.1.3: all of them may be encoded", "%61%62%63", "abc"),
        ("3.3.1.3: a percent sign is encoded", "100%25", "100%"),
        ("3.3.1.3: once only", "%2541", "%41"),
        ("3.4: letters not of ASCII", "Am%C3%A9lie", "Amélie"),
        ("3.4: a space", "DF%2028", "DF 28"),
        ("RFC 3986, 2.1: digits of either case", "%c3%A9%C3%a9", "éé"),
        ("a plus sign is no space", "a+b", "a+b"),
        ("3.3.1.3: what is no UTF-8 is replaced", "a%FFb", "a\u{fffd}b"),
        ("3.3.1.3: half a character is replaced", "a%C3", "a\u{fffd}"),
        ("3.3.1.3: each on its own", "%FF%FE", "\u{fffd}\u{fffd}"),
        ("3.3.1.3: a surrogate is no UTF-8", "%ED%A0%80", "\u{fffd}\u{fffd}\u{fffd}"),
        ("a percent sign without digits stays", "%zz%", "%zz%"),
        ("a percent sign with one digit stays", "%4", "%4"),
        (
            "test suite, parse_percent_encoded",
            "%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29",
            "\t \"';=asdf!@#$%^&*()",
        ),
    ] {
        let text = format!("key={value};p={value}");
        let baggage = Baggage::parse(text.as_bytes());
        assert_eq!(baggage.get("key").as_deref(), Some(expected), "W3C Baggage, {fact}");
        assert_eq!(baggage.as_str(), text, "what is sent on is encoded");

        let property = baggage.iter().next().and_then(|member| member.properties().next());
        assert_eq!(property, Some(("p", Some(Cow::Borrowed(expected)))));
    }
    assert!(matches!(decode("plain"), Cow::Borrowed("plain")), "no allocation for most values");
}

#[test]
fn members_that_are_no_text_are_invalid() {
    let baggage = Baggage::parse(b"a=1,b=\xff,\xc3,c=3");
    assert_eq!((baggage.as_str(), baggage.invalid()), ("a=1,c=3", 2));
}

#[test]
fn baggage_has_up_to_64_members() {
    let members: Vec<_> = (0..70).map(|number| format!("key{number}=value")).collect();
    for count in [63, 64, 65, 70] {
        // In two headers, and with something invalid between them, which takes no room.
        let (first, second) = members[..count].split_at(20);
        let headers = [first.join(","), "?".to_owned(), second.join(" , ")];
        let baggage = Baggage::parse_headers(headers.iter().map(std::string::String::as_bytes));
        assert_eq!(baggage.as_str(), members[..count.min(64)].join(","), "3.3.2, condition 1");
        assert_eq!(baggage.dropped() as usize, count.saturating_sub(64), "{count} members");
        assert_eq!(baggage.invalid(), 1);
    }
}

#[test]
fn baggage_has_up_to_8192_bytes() {
    let member = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - key.len() - 1));
    for (fact, lengths, kept, dropped) in [
        ("one member", &[8192][..], "0", 0),
        ("one that is too long", &[8193], "", 1),
        ("two with a comma", &[4096, 4095], "01", 0),
        ("two with a comma too many", &[4096, 4096], "0", 1),
        ("a smaller one finds the room that a larger one did not", &[8000, 400, 191], "02", 1),
        ("and a larger one does not find it again", &[8000, 191, 2], "01", 1),
        ("one that is too long does not use up room", &[9000, 8192], "1", 1),
    ] {
        let members: Vec<_> = lengths
            .iter()
            .enumerate()
            .map(|(key, &length)| member(&key.to_string(), length))
            .collect();
        for headers in [vec![members.join(" ,\t")], members.clone()] {
            let baggage = Baggage::parse_headers(headers.iter().map(std::string::String::as_bytes));
            let keys: String = baggage.iter().map(|member| member.key()).collect();
            assert_eq!((&*keys, baggage.dropped()), (kept, dropped), "3.3.2, condition 2: {fact}");
            assert!(baggage.as_str().len() <= 8192);
            assert!(
                baggage.iter().all(|kept| members.contains(&format!(
                    "{}={}",
                    kept.key(),
                    kept.value()
                ))),
                "3.3.2: no part of a member"
            );
        }
    }
}

#[test]
fn headers_are_found_whatever_their_case() {
    let mut headers = HeaderMap::new();
    assert!(Baggage::from_headers(&headers).is_empty());
    headers.append("Baggage", HeaderValue::from_static("a=1"));
    headers.append("baggage", HeaderValue::from_static("b=2"));
    assert_eq!(Baggage::from_headers(&headers).as_str(), "a=1,b=2");
}

#[test]
fn baggage_is_compared_by_its_text() {
    let [a, b, c] = ["a=1", "?, a=1", "a =1"].map(|text| Baggage::parse(text.as_bytes()));
    assert!(a == b && a != c);
    assert_eq!(HashSet::from([a.clone(), b, c]).len(), 2);
    assert_eq!(format!("{a} {a:>4}"), "a=1  a=1");
    assert_eq!(a.as_ref(), "a=1");
}

fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

const TOKEN: &str = "[!#-'*+.0-9A-Z^-z|~-]{1,12}";
const VALUE: &str = "[!#-+./:<-\\[\\]-~0-9-]{0,24}";
const NOISE: &str = "[ \t]{0,2}";

proptest! {
    #[test]
    fn members_are_read_in_whatever_headers_they_come(
        members in prop::collection::vec(
            (TOKEN, VALUE, prop::collection::vec((TOKEN, prop::option::of(VALUE)), 0..3), any::<bool>()),
            0..=20,
        ),
        noise in NOISE,
    ) {
        let mut headers = vec![String::new()];
        for (key, value, properties, new_header) in &members {
            if *new_header {
                headers.push(String::new());
            }
            let header = headers.last_mut().unwrap();
            write!(header, ",{noise}{key}{noise}={noise}{value}{noise}").unwrap();
            for (key, value) in properties {
                write!(header, ";{noise}{key}{noise}").unwrap();
                if let Some(value) = value {
                    write!(header, "={noise}{value}{noise}").unwrap();
                }
            }
        }

        let baggage = Baggage::parse_headers(headers.iter().map(std::string::String::as_bytes));
        prop_assert_eq!(baggage.invalid(), 0);
        prop_assert!(baggage.as_str().len() <= 8192);
        if baggage.dropped() == 0 {
            prop_assert_eq!(baggage.iter().count(), members.len());
            for (read, (key, value, properties, _)) in baggage.iter().zip(&members) {
                prop_assert_eq!((read.key(), read.value), (&**key, &**value));
                let properties = properties.iter().map(|(key, value)| (&**key, value.as_deref()));
                prop_assert!(read.raw_properties().eq(properties));
            }
        }

        let again = Baggage::parse(baggage.as_str().as_bytes());
        prop_assert_eq!((again.invalid(), again.dropped()), (0, 0));
        prop_assert_eq!(again, baggage);
    }

    #[test]
    fn every_text_is_read_as_what_it_was_before_it_was_encoded(text: String) {
        let baggage = Baggage::parse(format!("key={}", encode(text.as_bytes())).as_bytes());
        prop_assert_eq!(baggage.get("key"), Some(Cow::Borrowed(&*text)));
    }

    #[test]
    fn every_byte_is_read_as_what_it_was_before_it_was_encoded(bytes: Vec<u8>) {
        let encoded = encode(&bytes);
        prop_assert_eq!(decode(&encoded), String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_bytes_are_too_much(headers: Vec<Vec<u8>>) {
        let _ = Baggage::parse_headers(headers.iter().map(Vec::as_slice));
    }

    #[test]
    fn what_is_read_stays_as_it_is(
        headers in prop::collection::vec("([a-c0-9;%,= \t\"]|[ab]=[a-z],|\\PC){0,24}", 0..4),
    ) {
        let baggage = Baggage::parse_headers(headers.iter().map(std::string::String::as_bytes));
        for member in &baggage {
            prop_assert!(is_token(member.key()) && is_value(member.value));
            let _ = (member.value(), member.properties().count());
            prop_assert!(baggage.get(member.key()).is_some());
        }
        let members = headers.join(",").split(',').filter(|text| !trim(text).is_empty()).count();
        prop_assert_eq!(baggage.iter().count() + baggage.invalid() as usize, members);

        let again = Baggage::parse(baggage.as_str().as_bytes());
        prop_assert_eq!(again.invalid(), 0);
        prop_assert_eq!(again, baggage);
    }
}
