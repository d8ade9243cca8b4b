use std::{error::Error, fmt, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};
use tracing::{
    Event, Level, Metadata,
    callsite::{Callsite, Identifier},
    error,
    field::FieldSet,
    info, info_span,
    metadata::Kind,
    subscriber::Interest,
    warn,
};

use super::capture::{json_line, json_lines, parse, raw_lines, text_lines};

#[test]
fn a_line_has_the_documented_fields_in_their_order() {
    let _serving = crate::context::testing::serve("order-66");
    let root: &(dyn Error + 'static) = &failure("timed out");
    let [line] = raw_lines(|| {
        let _in_user = crate::logging::context(None, Some("ada"), &[]).enter();
        error!(target: "mcp_gateway.http", attempts = 3, error = root, "no answer");
    })
    .try_into()
    .unwrap();
    let here = module_path!();
    let Value::Object(parsed) = parse(&line).unwrap() else { panic!("{line}") };
    let (time, number) = (&parsed["timestamp"], &parsed["location"]["line"]);
    assert_eq!(
        line,
        [
            r#"{"timestamp":"#,
            &time.to_string(),
            r#","level":"ERROR","logger":"mcp_gateway.http","message":"no answer""#,
            r#","location":{"file":"events.rs","line":"#,
            &number.to_string(),
            r#","function":""#,
            here,
            r#""},"request_id":"order-66","user_id":"ada""#,
            r#","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7""#,
            r#","exception":{"type":"Error","message":"timed out","traceback":[]}"#,
            r#","extra":{"attempts":3}}"#,
        ]
        .concat()
    );
    let time = time.as_str().unwrap();
    assert!(time.len() == 27 && time.starts_with("20") && time.ends_with('Z'), "{time}");
}

#[test]
fn what_an_event_does_not_have_is_left_out() {
    let line = json_line(|| info!("bare"));
    let mut keys: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["level", "location", "logger", "message", "timestamp"]);
    assert_eq!(line["logger"], module_path!());
    let line = json_line(|| info!(only = "a field"));
    assert_eq!(line["message"], "");
}

#[test]
fn a_field_keeps_its_type() {
    let bytes: &[u8] = b"ab\xff\xfe\"c";
    let line = json_line(|| {
        info!(
            int = -1_i8,
            unsigned = u64::MAX,
            yes = true,
            float = 0.5,
            none = f64::NAN,
            endless = f64::INFINITY,
            millis = Duration::from_secs(2).as_millis(),
            wide = u128::MAX,
            wide_negative = i128::MIN,
            text = "x\u{1b}[0m",
            bytes,
            display = %"shown",
            debug = ?Some("x"),
            absent = None::<u8>,
            dotted.name = 1,
        );
    });
    assert_eq!(
        line["extra"],
        json!({
            "int": -1,
            "unsigned": u64::MAX,
            "yes": true,
            "float": 0.5,
            "none": "NaN",
            "endless": "inf",
            "millis": 2000,
            "wide": u128::MAX.to_string(),
            "wide_negative": i128::MIN.to_string(),
            "text": "x\u{1b}[0m",
            "bytes": "ab\u{fffd}\u{fffd}\"c",
            "display": "shown",
            "debug": r#"Some("x")"#,
            "dotted.name": 1,
        })
    );
}

#[test]
fn a_field_never_replaces_one_of_the_line() {
    let line = json_line(|| {
        info!(timestamp = 0, level = "x", request_id = "forged", extra = 1, truncated = 2, "told");
    });
    assert_eq!(line["level"], "INFO");
    assert_eq!(line.get("request_id"), None);
    let extra =
        json!({ "timestamp": 0, "level": "x", "request_id": "forged", "extra": 1, "truncated": 2 });
    assert_eq!(line["extra"], extra);
}

#[test]
fn a_message_that_is_no_text_becomes_one() {
    assert_eq!(json_line(|| info!(message = 5))["message"], "5");
    let line = json_line(|| info!(message = &failure("both") as &(dyn Error + 'static)));
    assert_eq!((&line["message"], line.get("exception")), (&json!("both"), None));
}

#[test]
fn an_error_becomes_the_exception_with_its_causes() {
    let middle = failure("no upstream").caused_by(failure("connection \"refused\""));
    let error: &(dyn Error + 'static) = &failure("no answer").caused_by(middle);
    let second: &(dyn Error + 'static) = &failure("and another");
    let line = json_line(|| {
        error!(error, second, exception.type = "UpstreamError", tool = "add", "gave up");
    });
    assert_eq!(
        line["exception"],
        json!({
            "type": "UpstreamError",
            "message": "no answer",
            "traceback": ["no upstream", "connection \"refused\""],
        })
    );
    assert_eq!(line["extra"], json!({ "second": "and another", "tool": "add" }));

    let line = json_line(|| error!(exception.type = "NoError", "not an exception"));
    assert_eq!(line.get("exception"), None);
    assert_eq!(line["extra"], json!({ "exception.type": "NoError" }));
}

#[test]
fn a_chain_of_causes_that_never_ends_is_cut() {
    #[derive(Debug)]
    struct Ouroboros;
    impl fmt::Display for Ouroboros {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("because")
        }
    }
    impl Error for Ouroboros {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }
    let line = json_line(|| error!(error = &Ouroboros as &(dyn Error + 'static), "why"));
    let causes = line["exception"]["traceback"].as_array().unwrap().len();
    assert!((100..1000).contains(&causes), "{causes}");
    assert_eq!(line["truncated"], true);
}

#[test]
fn fields_of_spans_are_in_no_line() {
    let line = json_line(|| info_span!("outer", secret = "hunter2").in_scope(|| info!("inside")));
    assert_eq!(line.get("extra"), None);
    assert!(!line.to_string().contains("hunter2"));
}

#[test]
fn a_text_line_is_one_line_of_words() {
    let [line] = text_lines(|| {
        let message = "POST /mcp - 200\n\u{1b}[31m";
        warn!(target: "mcp_gateway.http", tool = "add", why = "too slow", "{message}");
    })
    .try_into()
    .unwrap();
    let (_, line) = line.split_once("Z - ").unwrap();
    assert_eq!(
        line,
        r#"mcp_gateway.http - WARN - POST /mcp - 200\n\u001b[31m tool=add why="too slow""#
    );
}

#[test]
fn a_value_that_fails_to_format_is_shown_as_far_as_it_came() {
    struct Unfinished;
    impl fmt::Debug for Unfinished {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half of")?;
            Err(fmt::Error)
        }
    }
    let line = json_line(|| info!(value = ?Unfinished, after = 1, "said"));
    assert_eq!(line["extra"], json!({ "value": "half of", "after": 1 }));
    assert_eq!(line.get("truncated"), None);
}

#[test]
fn a_value_that_panics_takes_no_line_but_its_own() {
    struct Bomb;
    impl fmt::Debug for Bomb {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("boom")
        }
    }
    let lines = json_lines(|| {
        std::panic::catch_unwind(|| info!(value = ?Bomb, "lost")).unwrap_err();
        info!("after");
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["message"], "after");
}

proptest! {
    #[test]
    fn any_event_is_one_line_of_json_within_the_bound(
        names in prop::array::uniform4(prop_oneof![any::<String>(), "message|a|error|log\\.x"]),
        text in any::<String>(),
        times in 0..300_usize,
        bytes in any::<Vec<u8>>(),
        float in any::<f64>(),
        error in any::<String>(),
        target in any::<String>(),
        path in any::<String>(),
    ) {
        let text = text.repeat(times);
        let error = failure(&error);
        let callsite = callsite(names, target, path);
        let metadata = callsite.metadata();
        let fields: Vec<_> = metadata.fields().iter().collect();
        let fields: [_; 4] = fields.try_into().unwrap();
        let lines = raw_lines(|| {
            Event::dispatch(metadata, &metadata.fields().value_set(&[
                (&fields[0], Some(&text.as_str() as &dyn tracing::Value)),
                (&fields[1], Some(&bytes.as_slice() as &dyn tracing::Value)),
                (&fields[2], Some(&float as &dyn tracing::Value)),
                (&fields[3], Some(&(&error as &(dyn Error + 'static)) as &dyn tracing::Value)),
            ]));
        });
        prop_assert_eq!(lines.len(), 1);
        prop_assert!(lines[0].len() < 16 * 1024);
        let parsed = parse(&lines[0]);
        prop_assert!(parsed.is_ok(), "{:?} in {}", parsed, lines[0]);
        let first = metadata.fields().iter().next().unwrap().name();
        if text.len() < 300 && first != "message" && first != "error" {
            prop_assert_eq!(&parsed.unwrap()["extra"][first], &text);
        }
    }
}

/// A place in somebody's source, with fields of any names, be they the same.
fn callsite(names: [String; 4], target: String, path: String) -> &'static AnyCallsite {
    fn leak(text: String) -> &'static str {
        Box::leak(text.into_boxed_str())
    }
    let names: &'static [&'static str] = Box::leak(Box::new(names.map(leak)));
    let (target, path) = (leak(target), leak(path));
    let callsite: &'static AnyCallsite = Box::leak(Box::default());
    let fields = FieldSet::new(names, Identifier(callsite));
    let (file, line, module) = (Some(path), Some(7), Some(path));
    callsite.0.get_or_init(|| {
        Metadata::new("event", target, Level::INFO, file, line, module, fields, Kind::EVENT)
    });
    callsite
}

#[derive(Default)]
struct AnyCallsite(std::sync::OnceLock<Metadata<'static>>);

impl Callsite for AnyCallsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'static> {
        self.0.get().unwrap()
    }
}

#[derive(Debug)]
struct Failure {
    what: String,
    cause: Option<Box<Failure>>,
}

fn failure(what: &str) -> Failure {
    Failure { what: what.to_owned(), cause: None }
}

impl Failure {
    fn caused_by(self, cause: Self) -> Self {
        Self { cause: Some(Box::new(cause)), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}
