//! Skipping values of no interest, at the speed of memory.

use super::block::{BLOCK, between, find, find_quotes};
use super::find::find_either;
use super::string::whole_string;
use super::unreadable::Unreadable;

/// A string that is being skipped.
#[derive(Clone, Copy)]
pub(super) struct SkipText {
    /// Whether the next byte is escaped.
    escaped: bool,
}

impl SkipText {
    /// Begins after the opening quote.
    pub(super) const fn new() -> Self {
        Self { escaped: false }
    }

    /// Gives the number of bytes up to and with the closing quote, `None` if it is yet to come.
    ///
    /// Only quotes are searched for: in text there are fewer of them than of other escapes. One is
    /// escaped if the backslashes just before it are odd in number.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        if self.escaped && !bytes.is_empty() {
            self.escaped = false;
            at = 1;
        }
        let mut close = 0;
        loop {
            let rest = &bytes[at..];
            let Some(plain) = find_either(b'"', b'"', rest) else {
                self.escaped |= ends_in_escape(rest);
                return None;
            };
            at += plain + 1;
            if !ends_in_escape(&rest[..plain]) {
                return Some(at);
            }
            // Where many quotes are close together, in JSON as text, it is better not to search
            // for each.
            close = if plain < 16 { close + 1 } else { 0 };
            let Some(block) = bytes[at..].first_chunk().filter(|_| close > 2) else {
                continue;
            };
            let (quotes, _) = find_quotes(block, &mut self.escaped);
            if quotes != 0 {
                return Some(at + quotes.trailing_zeros() as usize + 1);
            }
            at += BLOCK;
            if self.escaped && at < bytes.len() {
                self.escaped = false;
                at += 1;
            }
        }
    }
}

/// Whether the byte after these is escaped, if the first of them is not.
fn ends_in_escape(bytes: &[u8]) -> bool {
    bytes.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Gives the number of bytes before the one that ends a number or a literal.
pub(super) fn skip_scalar(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
}

/// An object or array that is being skipped.
///
/// Brackets are counted, not matched: where they do not match there is no JSON, and any end is as
/// good as another.
#[derive(Clone, Copy)]
pub(super) struct SkipContainer {
    depth: u64,
    /// The string that is under way.
    text: Option<SkipText>,
}

/// How the result of a tool goes on after the bracket of its `content`, mostly.
const CONTENT: &[u8] = br#"{"type":"text","text":""#;

/// Steps before a container is taken in blocks.
const WALK: usize = 64;

impl SkipContainer {
    /// Begins after the opening bracket.
    pub(super) const fn new() -> Self {
        Self { depth: 1, text: None }
    }

    /// Gives the number of bytes up to and with the closing bracket, `None` if it is yet to come.
    #[expect(clippy::inline_always, reason = "it is on the way of nearly every message")]
    #[inline(always)]
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
        let mut at = 0;
        if self.text.is_none() {
            at = self.walk(bytes)?;
            if self.depth == 0 {
                return Ok(Some(at));
            }
        }
        self.blocks(bytes, at)
    }

    /// Takes what comes after position `at`, a block at a time.
    #[inline(never)]
    fn blocks(&mut self, bytes: &[u8], mut at: usize) -> Result<Option<usize>, Unreadable> {
        loop {
            if let Some(text) = &mut self.text {
                let Some(length) = text.feed(&bytes[at..]) else {
                    return Ok(None);
                };
                at += length;
                self.text = None;
            }
            let rest = &bytes[at..];
            let Some(block) = rest.first_chunk() else {
                // What is left ends the block, after white space.
                let mut block = [b' '; BLOCK];
                let filler = BLOCK - rest.len();
                block[filler..].copy_from_slice(rest);
                let end = self.block(&block)?;
                return Ok(end.map(|end| at + end - filler));
            };
            if let Some(end) = self.block(block)? {
                return Ok(Some(at + end));
            }
            at += BLOCK;
        }
    }

    /// Takes the first values one by one, because most containers have no more, and strings as they are
    /// at once. Gives the number of bytes, which is that of all if the container ends with them.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn walk(&mut self, bytes: &[u8]) -> Result<usize, Unreadable> {
        let (mut at, mut depth) = (0, self.depth);
        if bytes.starts_with(CONTENT) {
            // Up to the quote before the text.
            (at, depth) = (CONTENT.len() - 1, depth + 1);
        }
        for _ in 0..WALK {
            let Some(byte) = bytes.get(at) else { break };
            at += 1;
            match byte {
                b'"' => {
                    let Some(text) = whole_string(&bytes[at..]) else {
                        at -= 1;
                        break;
                    };
                    at += text.len() + 1;
                    // What follows a string, nearly always.
                    if let Some(b':' | b',') = bytes.get(at) {
                        at += 1;
                    }
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'\\' => return Err(Unreadable::Syntax),
                _ => {}
            }
        }
        self.depth = depth;
        Ok(at)
    }

    /// Takes a block that begins outside a string. Gives the number of bytes up to and with the
    /// closing bracket, if it is there.
    fn block(&mut self, block: &[u8; BLOCK]) -> Result<Option<usize>, Unreadable> {
        let mut escaped = false;
        let (quotes, backslashes) = find_quotes(block, &mut escaped);
        let strings = between(quotes);
        // The bit makes a curly bracket of a square one.
        let mut brackets = find(block, |byte| matches!(byte | 0x20, b'{' | b'}')) & !strings;
        // There are no escapes outside strings. Where one is, the document ends.
        let strays = backslashes & !strings;
        if strays != 0 {
            brackets &= strays ^ strays.wrapping_sub(1);
        }
        while brackets != 0 {
            let at = brackets.trailing_zeros() as usize;
            brackets &= brackets - 1;
            // The bit in which closing brackets of both kinds differ from opening ones.
            if block[at] & 0x04 == 0 {
                self.depth += 1;
            } else {
                self.depth -= 1;
                if self.depth == 0 {
                    return Ok(Some(at + 1));
                }
            }
        }
        if strays != 0 {
            return Err(Unreadable::Syntax);
        }
        self.text = (strings >> 63 != 0).then_some(SkipText { escaped });
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
