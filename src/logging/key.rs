//! The keys of members.

/// The key of a member: a literal of this crate, or a [`Name`].
pub(crate) trait Key: Copy {
    const NEEDS_ESCAPE: bool;

    fn as_str(&self) -> &str;
}

impl Key for &'static str {
    const NEEDS_ESCAPE: bool = false;

    fn as_str(&self) -> &str {
        self
    }
}

/// The name that somebody gave to a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl Key for Name<'_> {
    const NEEDS_ESCAPE: bool = true;

    fn as_str(&self) -> &str {
        self.0
    }
}
