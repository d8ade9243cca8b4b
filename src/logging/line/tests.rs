use std::{cell::Cell, iter};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::logging::key::Name;

const JSON: Shape = Shape::new(Format::Json);
const TEXT: Shape = Shape::new(Format::Text);

/// The text of a line that `fill` puts its members into.
fn written(shape: Shape, fill: impl FnOnce(&mut Line)) -> String {
    let mut line = Line::begin(shape, Level::INFO, "mcp_gateway.http").unwrap();
    line.message(format_args!("served"));
    fill(&mut line);
    let mut text = String::new();
    line.finish(|bytes| {
        text.push_str(str_from(bytes));
        Ok(())
    });
    let text = text.strip_suffix('\n').expect("a line ends");
    assert!(!text.contains('\n'), "it is one line");
    text.to_owned()
}

fn str_from(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("a line is UTF-8")
}

/// What was put into a line, read by another parser.
fn json(fill: impl FnOnce(&mut Line)) -> Value {
    serde_json::from_str(&written(JSON, fill)).expect("a line is JSON")
}

/// What a text line has behind its message.
fn text(fill: impl FnOnce(&mut Line)) -> String {
    let line = written(TEXT, fill);
    let (head, fields) = line.split_once("served").unwrap();
    assert!(head.ends_with("Z - mcp_gateway.http - INFO - "), "{head}");
    fields.to_owned()
}

#[test]
fn every_kind_of_member_is_of_its_own_json_type() {
    let line = json(|line| {
        line.str("str", "a \"b\"\n");
        line.escaped_str("escaped_str", r"a\nb");
        line.fmt("fmt", format_args!("{:?}", Some(1)));
        line.list("list", ["a", "b c"]);
        line.integer("integer", -7);
        line.f64("whole", 1.0);
        line.f64("large", 1e300);
        line.f64("none", f64::NAN);
        line.f64("endless", f64::NEG_INFINITY);
        line.bool("bool", true);
    });
    assert_eq!(line["str"], "a \"b\"\n");
    assert_eq!(line["escaped_str"], "a\nb");
    assert_eq!(line["fmt"], "Some(1)");
    assert_eq!(line["list"], json!(["a", "b c"]));
    assert_eq!(line["integer"], -7);
    assert_eq!(line["whole"], 1.0);
    assert_eq!(line["large"], 1e300);
    assert_eq!(line["none"], "NaN");
    assert_eq!(line["endless"], "-inf");
    assert_eq!(line["bool"], true);
    assert_eq!(line.get("truncated"), None);
}

#[test]
fn an_object_holds_its_members_and_vanishes_without_any() {
    let line = json(|line| {
        line.begin_object(Object::Location);
        line.str("file", "main.rs");
        line.end_object();
        line.begin_object(Object::Exception);
        line.end_object();
        line.bool("after", true);
    });
    assert_eq!(line["location"], json!({ "file": "main.rs" }));
    assert_eq!(line.get("exception"), None);
    assert_eq!(line["after"], true);
}

#[test]
fn a_text_line_has_words_and_quotes_whatever_is_not_one_word() {
    let fields = text(|line| {
        line.begin_object(Object::Location);
        line.str("file", "not for people");
        line.end_object();
        line.str("request_id", "0b2a4f6e");
        line.begin_object(Object::Exception);
        line.list("traceback", ["a", "b"]);
        line.end_object();
        line.begin_object(Object::Extra);
        line.str("empty", "");
        line.str("forged", "x admin=true");
        line.str("steering", "\u{1b}[2J\nERROR");
        line.str("quote", "\"");
        line.str(Name("odd key"), "v");
        line.integer("n", 1);
        line.end_object();
    });
    assert_eq!(
        fields,
        concat!(
            r#" request_id=0b2a4f6e exception.traceback=["a","b"] empty="" forged="x admin=true""#,
            r#" steering=\u001b[2J\nERROR quote="\"" "odd key"=v n=1"#,
        )
    );
}

#[test]
fn a_long_value_is_cut_and_the_line_says_so() {
    let long = "日".repeat(10_000);
    let line = json(|line| {
        line.str("long", &long);
        line.integer("next", 1);
    });
    let cut = line["long"].as_str().unwrap();
    assert!(cut.len() > 2000 && cut.len() <= 2048 && long.starts_with(cut), "{}", cut.len());
    assert_eq!((&line["next"], &line["truncated"]), (&json!(1), &json!(true)));
    assert!(text(|line| line.str("long", &long)).ends_with(" truncated=true"));
}

#[test]
fn a_value_that_goes_on_after_the_cut_adds_nothing() {
    struct Stubborn;
    impl fmt::Display for Stubborn {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for _ in 0..1000 {
                let _ = f.write_str("wide 日");
            }
            let _ = f.write_str("!");
            Ok(())
        }
    }
    let line = json(|line| line.fmt("stubborn", format_args!("{Stubborn}")));
    let cut = line["stubborn"].as_str().unwrap();
    assert!("wide 日".repeat(1000).starts_with(cut), "{cut}");
}

#[test]
fn formatting_stops_where_the_value_is_cut() {
    let formatted = Cell::new(0);
    let count = |f: &mut fmt::Formatter<'_>| {
        formatted.set(formatted.get() + 1);
        f.write_str("item")
    };
    let items: Vec<_> = iter::repeat_with(|| Counted(&count)).take(100_000).collect();
    json(|line| line.fmt("items", format_args!("{items:?}")));
    assert!((100..1000).contains(&formatted.get()), "{} items", formatted.get());
}

struct Counted<'a>(&'a dyn Fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Debug for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

#[test]
fn a_number_or_a_key_is_never_cut_but_left_out() {
    for rest in 0..64 {
        let line = json(|line| {
            fill_but_for(line, rest);
            line.begin_object(Object::Extra);
            line.integer("integer", 1_234_567_890);
            line.f64("float", 12345.5);
            line.str(Name("a \"key\""), "");
            line.end_object();
        });
        for (key, value) in line["extra"].as_object().into_iter().flatten() {
            let whole = [("integer", json!(1_234_567_890)), ("float", json!(12345.5))];
            let whole = whole.into_iter().chain([("a \"key\"", json!(""))]);
            assert!(
                whole.into_iter().any(|whole| whole == (&**key, value.clone())),
                "{key} {value}"
            );
        }
    }
}

#[test]
fn members_of_an_object_that_found_no_room_do_not_land_in_the_line() {
    for rest in 0..32 {
        let line = json(|line| {
            fill_but_for(line, rest);
            line.begin_object(Object::Exception);
            line.bool("a", true);
            line.end_object();
        });
        assert_eq!(line.get("a"), None);
        let left_out = line["exception"].get("a").is_none();
        assert_eq!(left_out, line.get("truncated").is_some(), "{rest} bytes of room");
    }
}

/// Leaves room for `rest` bytes of members.
fn fill_but_for(line: &mut Line, rest: usize) {
    let room = |line: &Line| line.end - line.buffer.len() - r#","filler":"""#.len();
    while room(line) > 2000 {
        line.str("filler", &"x".repeat(1000));
    }
    line.str("filler", &"x".repeat(room(line) - rest));
}

#[test]
fn an_endless_list_ends() {
    for (item, least) in [("", 300), ("cause of a cause", 50), ("\u{1b}", 100)] {
        let line = json(|line| line.list("list", iter::repeat(item)));
        let items = line["list"].as_array().unwrap().len();
        assert!((least..1000).contains(&items), "{items} times {item:?}");
        assert_eq!(line["truncated"], true);
    }
}

#[test]
fn a_setting_that_is_too_small_for_a_line_is_raised() {
    let line = written(JSON.with_max_line(1), |line| line.str("long", &"x".repeat(10_000)));
    assert!((200..1024).contains(&line.len()), "{line}");
}

proptest! {
    #[test]
    fn whatever_is_put_in_comes_out_as_json_within_the_bound(
        members in prop::collection::vec((any::<String>(), any::<String>(), 0..200_usize), 0..14),
        max_line in 0..20_000_usize,
    ) {
        let shape = JSON.with_max_line(max_line);
        let line = written(shape, |line| {
            line.begin_object(Object::Extra);
            for (key, value, times) in &members {
                line.str(Name(key), &value.repeat(*times));
            }
            line.end_object();
        });
        prop_assert!(line.len() < shape.max_line());
        prop_assert!(serde_json::from_str::<Value>(&line).is_ok(), "{}", line);
    }

    #[test]
    fn a_text_line_has_no_control_characters_and_keeps_its_bound(
        members in prop::collection::vec((any::<String>(), any::<String>(), 0..200_usize), 0..14),
    ) {
        let line = written(TEXT, |line| {
            for (key, value, times) in &members {
                line.str(Name(key), &value.repeat(*times));
            }
        });
        prop_assert!(line.len() < TEXT.max_line());
        prop_assert!(!line.contains(char::is_control), "{}", line);
    }
}
