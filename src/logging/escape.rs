//! Text made safe for one line, for a JSON string and for a terminal.

use std::fmt;

/// Whether quotes and backslashes have a meaning where the text goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Between quotes: they are escaped.
    Quoted,
    /// Not between quotes: they stay as they are.
    Bare,
}

/// Takes text, whole or piece by piece as it is formatted, and appends it escaped as in JSON.
///
/// More is escaped than JSON asks for. A log is read on terminals, so nothing that could steer one
/// passes: neither the control characters above ASCII, nor what reorders the text around it.
///
/// Once there is no room it takes nothing more, and says so with an error, so that a long value is
/// not formatted to its end for nothing.
pub(super) struct Escaped<'a> {
    buffer: &'a mut Vec<u8>,
    place: Place,
    end: usize,
    full: bool,
}

impl<'a> Escaped<'a> {
    /// Text for the end of `buffer`, which may grow up to `end`.
    pub(super) fn new(buffer: &'a mut Vec<u8>, place: Place, end: usize) -> Self {
        Self { buffer, place, end, full: false }
    }

    /// Whether a part of the text found no room.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }
}

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.full = self.full || escape(self.buffer, text, self.place, self.end).is_err();
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}

/// There was no room for all of the text.
struct Full;

fn escape(buffer: &mut Vec<u8>, text: &str, place: Place, end: usize) -> Result<(), Full> {
    let mut rest = text;
    loop {
        let plain = plain_prefix(rest.as_bytes());
        let room = end.saturating_sub(buffer.len());
        if plain > room {
            // Plain text is ASCII, and may be cut anywhere.
            buffer.extend_from_slice(&rest.as_bytes()[..room]);
            return Err(Full);
        }
        buffer.extend_from_slice(&rest.as_bytes()[..plain]);
        if plain == rest.len() {
            return Ok(());
        }
        let mut special = rest[plain..].chars();
        if let Some(character) = special.next() {
            let spelled = &mut [0; LONGEST];
            let spelled = spell(character, place, spelled);
            if spelled.len() > room - plain {
                return Err(Full);
            }
            buffer.extend_from_slice(spelled);
        }
        rest = special.as_str();
    }
}

/// `\u001b`
const LONGEST: usize = 6;

fn spell(character: char, place: Place, spelled: &mut [u8; LONGEST]) -> &[u8] {
    let short = match character {
        '"' | '\\' if place == Place::Bare => return character.encode_utf8(spelled).as_bytes(),
        '"' => b'"',
        '\\' => b'\\',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        _ if is_harmless(character) => return character.encode_utf8(spelled).as_bytes(),
        _ => {
            *spelled = unicode_escape(character);
            return spelled;
        }
    };
    spelled[..2].copy_from_slice(&[b'\\', short]);
    &spelled[..2]
}

/// What is neither a control character nor one of those that turn the direction of writing or break
/// the line (Unicode's `Bidi_Control`, line and paragraph separator).
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The four digits are enough: whatever is harmful lies below U+FFFF.
fn unicode_escape(character: char) -> [u8; LONGEST] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let code = u32::from(character);
    let digit = |shift: u32| DIGITS[(code >> shift) as usize & 15];
    [b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]
}

/// How many bytes at the start of `text` are ASCII that needs no escape anywhere.
fn plain_prefix(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let plain = plain_bytes(*word);
        if plain < word.len() {
            return text.len() - rest.len() + plain;
        }
        rest = behind;
    }
    let mut word = [b' '; 8];
    word[..rest.len()].copy_from_slice(rest);
    text.len() - rest.len() + plain_bytes(word).min(rest.len())
}

/// The same for eight bytes at once: where the first is that is above ASCII, a control character, a
/// quote or a backslash.
fn plain_bytes(word: [u8; 8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    // Each of these sets the high bit of the bytes it is about, if of no byte that is above ASCII:
    // those have it already. No sum or difference leaves its byte, so there is no carry or borrow.
    let below_space = !((word | HIGH) - ONES * u64::from(b' '));
    let equals = |byte: u8| !(((word ^ (ONES * u64::from(byte))) | HIGH) - ONES);
    let delete = (word & !HIGH) + ONES;
    let special = (word | below_space | equals(b'"') | equals(b'\\') | delete) & HIGH;
    special.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str, place: Place, end: usize) -> (String, bool) {
        let mut buffer = Vec::new();
        let whole = escape(&mut buffer, text, place, end).is_ok();
        (String::from_utf8(buffer).expect("only whole characters are written"), whole)
    }

    #[test]
    fn what_could_break_the_line_or_steer_a_terminal_is_spelled_out() {
        for (text, quoted) in [
            ("plain", "plain"),
            ("a\"b\\c", r#"a\"b\\c"#),
            ("\r\n\t\0", r"\r\n\t\u0000"),
            ("\u{1b}[2J\u{7f}", r"\u001b[2J\u007f"),
            // C1: `CSI` in one character.
            ("\u{9b}2J", r"\u009b2J"),
            ("\u{202e}txt.exe\u{2028}", r"\u202etxt.exe\u2028"),
            ("日志 é 🦀", "日志 é 🦀"),
        ] {
            assert_eq!(escaped(text, Place::Quoted, 100), (quoted.to_owned(), true));
        }
        assert_eq!(escaped("say \"hi\\\"\n", Place::Bare, 100).0, r#"say "hi\"\n"#);
    }

    #[test]
    fn every_byte_is_told_apart_at_every_place_of_a_word_and_behind_it() {
        for byte in 0..=u8::MAX {
            let special = matches!(byte, 0..b' ' | b'"' | b'\\' | 0x7f..);
            for length in 1..20 {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    let expected = if special { place } else { length };
                    assert_eq!(plain_prefix(&text), expected, "{byte:#x} in {place} of {length}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_json_parser_reads_back_what_was_written(text in any::<String>()) {
            let (quoted, whole) = escaped(&text, Place::Quoted, usize::MAX);
            prop_assert!(whole);
            let read: String = serde_json::from_str(&format!("\"{quoted}\"")).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn a_cut_leaves_whole_characters_and_escapes(
            text in any::<String>(),
            end in 0..64_usize,
        ) {
            let (quoted, whole) = escaped(&text, Place::Quoted, end);
            prop_assert!(quoted.len() <= end);
            let read: String = serde_json::from_str(&format!("\"{quoted}\"")).unwrap();
            prop_assert!(text.starts_with(&read));
            prop_assert_eq!(whole, read == text);
        }
    }
}
