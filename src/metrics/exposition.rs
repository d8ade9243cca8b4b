//! What families are written to: a page, or the types of the `prometheus` crate.

use super::{cell::Sums, names::Family};

/// Takes one family after the other, with its series.
pub(super) trait Exposition {
    /// Begins a family. One without a series is left out.
    fn family(&mut self, family: &'static Family);

    /// A series of a counter or gauge. `labels` are the values of the family's labels, in their
    /// order; an empty one is left out.
    fn row(&mut self, labels: &[&str], value: u64);

    /// A series whose value is 1, with labels beyond those of the family.
    fn info(&mut self, labels: &[&str], more: &[(String, String)]);

    /// A series of a histogram of durations.
    fn histogram(&mut self, labels: &[&str], sums: Sums<'_>);
}
