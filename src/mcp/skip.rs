//! Skipping values of no interest, at the speed of memory.

use super::string::find_special;

/// A string that is being skipped.
#[derive(Clone, Copy)]
pub(super) struct SkipText {
    escaped: bool,
}

impl SkipText {
    /// Begins after the opening quote.
    pub(super) const fn new() -> Self {
        Self { escaped: false }
    }

    /// Gives the number of bytes up to and with the closing quote, `None` if it is yet to come.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = usize::from(self.escaped && !bytes.is_empty());
        self.escaped &= bytes.is_empty();
        while let Some(length) = find_special(bytes.get(at..)?) {
            at += length + 1;
            if bytes[at - 1] == b'"' {
                return Some(at);
            }
            // Whatever is escaped, a quote above all, it is not the end.
            self.escaped = at == bytes.len();
            at += 1;
        }
        None
    }
}

/// Gives the number of bytes before the one that ends a number or a literal.
pub(super) fn skip_scalar(bytes: &[u8]) -> Option<usize> {
    bytes
        .iter()
        .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
}

/// An object or array that is being skipped.
///
/// Brackets are counted, not matched: where they do not match there is no JSON, and any end is as
/// good as another.
#[derive(Clone, Copy)]
pub(super) struct SkipContainer {
    depth: u64,
    text: Option<SkipText>,
}

impl SkipContainer {
    /// Begins after the opening bracket.
    pub(super) const fn new() -> Self {
        Self {
            depth: 1,
            text: None,
        }
    }

    /// Gives the number of bytes up to and with the closing bracket, `None` if it is yet to come.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            if let Some(text) = &mut self.text {
                at += text.feed(&bytes[at..])?;
                self.text = None;
            }
            match bytes.get(at)? {
                b'"' => self.text = Some(SkipText::new()),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}
