//! The revisions of MCP, a closed set.
//!
//! Source: <https://modelcontextprotocol.io/specification/versioning>.

use std::fmt;

use super::string::Content;
use super::unreadable::Unreadable;

/// A revision of the specification, as named in a message or a header.
///
/// The order of the variants is that of time; [`Revision::Other`] stands apart, at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Revision {
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    /// Anything else: the name is client text and may be of any length.
    #[default]
    Other,
}

impl Revision {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 6] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
        Self::Other,
    ];

    /// The revision a string names; an error if it is not UTF-8.
    pub(super) fn new(name: &Content<'_>) -> Result<Self, Unreadable> {
        let revision = Self::from_bytes(name.kept);
        if revision == Self::Other {
            name.as_str()?;
        }
        Ok(revision)
    }

    pub(crate) fn from_bytes(name: &[u8]) -> Self {
        match name {
            b"2024-11-05" => Self::V2024_11_05,
            b"2025-03-26" => Self::V2025_03_26,
            b"2025-06-18" => Self::V2025_06_18,
            b"2025-11-25" => Self::V2025_11_25,
            b"2026-07-28" => Self::V2026_07_28,
            _ => Self::Other,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
            Self::Other => "_OTHER",
        }
    }

    /// Whether requests carry their own metadata, as from 2026-07-28 on, instead of relying on an
    /// `initialize` handshake. Not known of [`Revision::Other`], so `false`.
    pub(crate) const fn is_modern(self) -> bool {
        matches!(self, Self::V2026_07_28)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_revision() {
        for (index, revision) in Revision::ALL.into_iter().enumerate() {
            assert_eq!(Revision::from_bytes(revision.as_str().as_bytes()), revision);
            assert_eq!(revision as usize, index, "ALL is in the order of the discriminants");
        }
    }

    #[test]
    fn what_is_not_a_revision_is_other() {
        for name in ["", "2025-11-2", "2025-11-255", "DRAFT-2026-v1", "2025\u{2010}11-25"] {
            assert_eq!(Revision::from_bytes(name.as_bytes()), Revision::Other, "{name}");
        }
    }

    #[test]
    fn only_revisions_without_a_handshake_are_modern() {
        let modern: Vec<_> = Revision::ALL.into_iter().filter(|r| r.is_modern()).collect();
        assert_eq!(modern, [Revision::V2026_07_28]);
    }
}
