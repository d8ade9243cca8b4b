//! A document as it is written: its values, cut out of the text by `serde_json`.

use serde::de::IgnoredAny;

/// A value at the beginning of a text, as it is written, and what follows it.
fn value(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next().expect("there is a value").expect("it is JSON");
    text.split_at(values.byte_offset())
}

/// The elements of a text that is an array.
pub(super) fn elements(array: &str) -> Option<Vec<&str>> {
    let mut rest = array.strip_prefix('[')?.trim_start();
    let mut found = Vec::new();
    while !rest.starts_with(']') {
        let (element, after) = value(rest);
        found.push(element);
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Some(found)
}

/// The last member of that key in a text that is an object.
pub(super) fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = object.strip_prefix('{')?.trim_start();
    let mut found = None;
    while !rest.starts_with('}') {
        let (name, after) = value(rest);
        let (member, after) = value(after.trim_start().strip_prefix(':')?);
        if string(name).as_deref() == Some(key) {
            found = Some(member);
        }
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    found
}

pub(super) fn string(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}
