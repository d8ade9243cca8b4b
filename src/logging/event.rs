//! The fields of an event, each written where it belongs.

use std::iter;

use smallvec::SmallVec;
use tracing::{Event, Metadata};

use super::{
    line::Line,
    object::Object,
    value::{Value, each_field},
};
use crate::context::ACCESS_TARGET;

/// The names in `extra` so far. Most events have fewer than are kept in place.
pub(super) type Names<'a> = SmallVec<[&'a str; 16]>;

/// Writes the message, and finds the field that becomes the exception: the first that is an error.
pub(super) fn message(line: &mut Line, event: &Event<'_>) -> Option<&'static str> {
    let mut has_message = false;
    let mut error = None;
    each_field(event, |name, value| {
        if name == "message" {
            if !has_message {
                line.message(format_args!("{value}"));
                has_message = true;
            }
        } else if matches!(value, Value::Error(_)) {
            error = error.or(Some(name));
        }
    });
    if !has_message {
        line.message(format_args!(""));
    }
    error
}

pub(super) fn location(line: &mut Line, metadata: &Metadata<'_>) {
    line.begin_object(Object::Location);
    if let Some(path) = metadata.file() {
        // The machine that built the program has a say in which slash it is.
        line.str("file", path.rsplit(['/', '\\']).next().unwrap_or(path));
    }
    if let Some(number) = metadata.line() {
        line.integer("line", number);
    }
    if let Some(path) = metadata.module_path() {
        line.str("function", path);
    }
    line.end_object();
}

/// Writes the field `error` as the exception.
pub(super) fn exception(line: &mut Line, event: &Event<'_>, error: &str) {
    line.begin_object(Object::Exception);
    let mut has_type = false;
    each_field(event, |name, value| {
        if name == EXCEPTION_TYPE && !has_type {
            line.fmt("type", format_args!("{value}"));
            has_type = true;
        }
    });
    if !has_type {
        line.str("type", "Error");
    }
    let mut has_message = false;
    each_field(event, |name, value| match value {
        Value::Error(value) if name == error && !has_message => {
            line.fmt("message", format_args!("{value}"));
            // A chain that leads back to itself ends where the list is full.
            line.list("traceback", iter::successors(value.source(), |&cause| cause.source()));
            has_message = true;
        }
        _ => {}
    });
    line.end_object();
}

const EXCEPTION_TYPE: &str = "exception.type";

/// Writes the fields that have no other place, and tells their names. `error` is the one that
/// became the exception.
pub(super) fn extra(
    line: &mut Line,
    event: &Event<'_>,
    error: Option<&'static str>,
    is_log_record: bool,
) -> Names<'static> {
    let mut names = Names::new();
    each_field(event, |name, value| {
        let stands_elsewhere = match (name, value) {
            ("message", _) => true,
            (_, Value::Error(_)) if error == Some(name) => true,
            (EXCEPTION_TYPE, _) => error.is_some(),
            // The ids of the access event are those of the line.
            ("request_id" | "user_id", _) if event.metadata().target() == ACCESS_TARGET => true,
            // The logger and the location of a record of the `log` crate.
            _ => is_log_record && name.starts_with("log."),
        };
        // The first that has a value wins. A key that is in an object twice is read by some as the
        // one value, by others as the other.
        if !stands_elsewhere && !names.contains(&name) {
            names.push(name);
            value.write(line, name);
        }
    });
    names
}
