//! What lines look like, and how long they may be.

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    Json,
    Text,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    format: Format,
    max_line: usize,
}

impl Shape {
    /// The bound of a line, unless told otherwise.
    pub(super) const MAX_LINE: usize = 16 * 1024;

    pub(super) const fn new(format: Format) -> Self {
        Self { format, max_line: Self::MAX_LINE }
    }

    /// The bound of a line in bytes, its end included, and with it the bound of a field.
    pub(super) fn with_max_line(self, bytes: usize) -> Self {
        Self { max_line: bytes.max(MIN_LINE), ..self }
    }

    pub(super) const fn format(self) -> Format {
        self.format
    }

    pub(super) const fn max_line(self) -> usize {
        self.max_line
    }

    /// Eight fields fill a line, so that none of the few that matter most, which come first, is
    /// crowded out by another.
    pub(super) const fn max_field(self) -> usize {
        self.max_line / 8
    }
}

/// There is always room for time, level and the start of a message.
const MIN_LINE: usize = 1024;
