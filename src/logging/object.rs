//! The objects in a line.

/// An object in a line. They do not nest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Object {
    /// Where in the source the event stands. Not in text lines.
    Location,
    /// The error that the event reports.
    Exception,
    /// Every field that has no place of its own.
    Extra,
}

impl Object {
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Exception => "exception",
            Self::Extra => "extra",
        }
    }

    /// What the keys of its members begin with in a text line, where there are no objects.
    pub(super) const fn text_prefix(self) -> Option<&'static str> {
        match self {
            Self::Location => None,
            Self::Exception => Some("exception."),
            Self::Extra => Some(""),
        }
    }
}
