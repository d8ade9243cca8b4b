//! What families are written to: a page, or the types of the `prometheus` crate.

use super::{cell::Sums, family::Family};

/// Takes one family after the other, with its series.
pub(super) trait Exposition {
    /// Begins a family. One without a series is left out.
    fn family(&mut self, family: &'static Family);

    /// A series of a counter or gauge. `labels` are the values of the family's labels, in their
    /// order; an empty one is left out.
    fn row(&mut self, labels: &[&str], value: u64);

    /// The same for what is shown in seconds.
    fn seconds(&mut self, labels: &[&str], nanos: u64);

    /// A series whose value is 1, with labels beyond those of the family.
    fn info(&mut self, labels: &[&str], more: &[(String, String)]);

    /// A series of a histogram.
    fn histogram(&mut self, labels: &[&str], sums: Sums<'_>);

    /// How many series were written so far, as Prometheus counts them: each bucket is one.
    fn series(&self) -> u64;
}

/// A series that appears when it first counts.
pub(super) fn expose_counter(out: &mut impl Exposition, labels: &[&str], count: u64) {
    if count > 0 {
        out.row(labels, count);
    }
}
