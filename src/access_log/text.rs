//! Strangers' words, as a field may show them.

use std::borrow::Cow;

/// The longest name of a tool or a prompt, in bytes.
pub(super) const LONGEST_NAME: usize = 64;

/// The longest of all other texts, in bytes.
pub(super) const LONGEST_TEXT: usize = 256;

/// At most `longest` bytes of a text, on one line.
///
/// What escapes a value is the subscriber's affair, but not every one does, and a line break would
/// let a client write lines of its own.
pub(super) fn clean(text: &str, longest: usize) -> Cow<'_, str> {
    let text = cut(text, longest);
    if text.contains(breaks_out) {
        // One byte for each character, so that the text grows no longer.
        Cow::Owned(text.replace(breaks_out, "?"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Control characters, and the two line breaks of Unicode that are none.
fn breaks_out(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

fn cut(text: &str, longest: usize) -> &str {
    let mut end = longest.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_is_itself() {
        for text in ["", "echo", "caf\u{e9} \u{1f980}", "a\"b\\c{d}"] {
            assert!(matches!(clean(text, 64), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(clean("abc", 2), "ab");
        assert_eq!(clean("a\u{1f980}", 4), "a");
        assert_eq!(clean("a\u{1f980}", 5), "a\u{1f980}");
        assert_eq!(clean("\u{1f980}", 0), "");
    }

    #[test]
    fn control_characters_and_line_breaks_do_not_pass() {
        let text = "a\nb\r\0\u{1b}[31m\u{7f}\u{85}\u{2028}\u{2029}\tz";
        assert_eq!(clean(text, 64), "a?b???[31m?????z");
        assert!(clean(&"\u{2028}".repeat(100), 64).len() <= 64);
    }
}
