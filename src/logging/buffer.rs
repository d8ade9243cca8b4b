//! The bytes of a line, before they are written in one go.

use std::{
    cell::Cell,
    mem,
    ops::{Deref, DerefMut},
};

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static NESTED: Cell<usize> = const { Cell::new(0) };
}

/// A value may log while it is formatted, and so may a value in that line. Further in there is no
/// telling from a value that logs itself.
const MAX_NESTED: usize = 4;

/// The memory of this thread's lines, lent to one line.
///
/// It is taken out of the thread-local, so that a line begun while another is formatted gets memory
/// of its own. Dropped, by a panic too, it is given back.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    outside: usize,
}

impl Buffer {
    /// An empty buffer; `None` if too many lines of this thread are being formatted, or one is
    /// being written.
    pub(super) fn take() -> Option<Self> {
        // A thread that is being torn down has lines too, if no memory to spare.
        let outside = NESTED.try_with(Cell::get).unwrap_or_default();
        if outside >= MAX_NESTED {
            return None;
        }
        let mut bytes = SPARE.try_with(Cell::take).unwrap_or_default();
        bytes.clear();
        nest(outside + 1);
        Some(Self { bytes, outside })
    }

    /// Shows the bytes to `write`, and refuses every line that `write` itself would log: a writer
    /// that logs each line it writes would never end.
    pub(super) fn show<R>(self, write: impl FnOnce(&[u8]) -> R) -> R {
        nest(MAX_NESTED);
        write(&self.bytes)
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Self::Target {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        nest(self.outside);
        let bytes = mem::take(&mut self.bytes);
        // Without a thread-local to go back to, the memory is freed.
        let _ = SPARE.try_with(|spare| spare.set(bytes));
    }
}

fn nest(lines: usize) {
    let _ = NESTED.try_with(|nested| nested.set(lines));
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn the_memory_is_reused() {
        let mut first = Buffer::take().unwrap();
        first.extend_from_slice(&[b'x'; 1000]);
        let memory = first.as_ptr();
        drop(first);
        let second = Buffer::take().unwrap();
        assert!(second.is_empty());
        assert_eq!(second.as_ptr(), memory);
    }

    #[test]
    fn a_line_inside_a_line_has_memory_of_its_own_up_to_a_depth() {
        let mut lines: Vec<_> = (0..MAX_NESTED).map(|_| Buffer::take().unwrap()).collect();
        assert!(Buffer::take().is_none(), "too deep");
        for (line, byte) in lines.iter_mut().zip(0..) {
            line.push(byte);
        }
        assert!(lines.iter().zip(0..).all(|(line, byte)| **line == [byte]));
        while lines.pop().is_some() {}
        assert!(Buffer::take().is_some());
    }

    #[test]
    fn a_writer_that_logs_gets_no_line_and_a_panic_in_it_changes_nothing() {
        let buffer = Buffer::take().unwrap();
        buffer.show(|_| assert!(Buffer::take().is_none()));
        let buffer = Buffer::take().unwrap();
        catch_unwind(AssertUnwindSafe(|| buffer.show(|_| panic!("disk on fire")))).unwrap_err();
        assert!(Buffer::take().is_some());
    }
}
