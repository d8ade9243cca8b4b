//! A message as the head of its request tells it, where the body cannot be read.
//!
//! MCP 2026-07-28, Streamable HTTP: `Mcp-Method` repeats the method and `Mcp-Name` the target, as it is
//! or, if it would not make a header, as `=?base64?...?=`.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::method::Method;
use super::request::{Message, MessageKind};
use super::text::Text;

impl Message {
    /// A message of which only the head has told. Its id is not known.
    pub(crate) fn mirrored(method: Method, target: Option<Text>) -> Self {
        let is_notification = method.as_str().starts_with("notifications/");
        let kind = if is_notification { MessageKind::Notification } else { MessageKind::Request };
        let target = target.filter(|_| method.target().is_some());
        Self { kind, method: Some(method), target, ..Self::new() }
    }
}

/// Room for what a [`Text`] keeps, and for a character more, which tells that there was more.
const KEPT: usize = 260;

impl Text {
    /// The text of an `Mcp-Name` header, `None` if it is not one.
    pub(crate) fn of_header(value: &[u8]) -> Option<Self> {
        let encoded = value.strip_prefix(b"=?base64?").and_then(|rest| rest.strip_suffix(b"?="));
        let Some(encoded) = encoded else {
            return Self::beginning(value, value.len());
        };
        // Whole groups of four characters are three bytes each.
        let kept = &encoded[..encoded.len().min(KEPT.div_ceil(3) * 4)];
        let mut decoded = [0; KEPT + 4];
        let length = BASE64_STANDARD.decode_slice(kept, &mut decoded).ok()?;
        let whole = if kept.len() == encoded.len() { length } else { encoded.len() };
        Self::beginning(&decoded[..length], whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_they_are_or_decoded() {
        for (value, name) in [
            (&b"echo"[..], Some("echo")),
            (b"", Some("")),
            (b"=?base64?ZWNobw==?=", Some("echo")),
            (b"=?base64?5aSp5rCX?=", Some("\u{5929}\u{6c17}")),
            (b"=?base64??=", Some("")),
            // Not the marker, so a literal value.
            (b"=?BASE64?ZWNobw==?=", Some("=?BASE64?ZWNobw==?=")),
            (b"=?base64?ZWNobw==", Some("=?base64?ZWNobw==")),
            // No base64, or no text in it.
            (b"=?base64?ZWNobw=?=", None),
            (b"=?base64?_w==?=", None),
            (b"=?base64?/w==?=", None),
            (b"\xff", None),
        ] {
            let found = Text::of_header(value);
            assert_eq!(found.as_ref().map(Text::as_str), name, "{value:?}");
        }
    }

    #[test]
    fn long_names_are_cut() {
        let long = "\u{20ac}".repeat(1000);
        for value in [long.clone(), format!("=?base64?{}?=", BASE64_STANDARD.encode(&long))] {
            let text = Text::of_header(value.as_bytes()).expect("it is text");
            assert!(text.is_truncated());
            assert_eq!(text.as_str(), &long[..255], "85 characters of three bytes");
        }
        let fits = "x".repeat(256);
        let value = format!("=?base64?{}?=", BASE64_STANDARD.encode(&fits));
        let text = Text::of_header(value.as_bytes()).expect("it is text");
        assert_eq!((text.as_str(), text.is_truncated()), (&fits[..], false));
    }

    #[test]
    fn only_methods_with_a_target_have_one() {
        let name = || Text::of_header(b"echo");
        assert!(Message::mirrored(Method::ToolsCall, name()).target.is_some());
        assert!(Message::mirrored(Method::ToolsList, name()).target.is_none());
        let cancelled = Message::mirrored(Method::NotificationsCancelled, None);
        assert_eq!(cancelled.kind, MessageKind::Notification);
    }
}
