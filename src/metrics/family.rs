//! What a metric family is, and which of them a store has.

use super::{
    group::{Group, Groups},
    names::ALL,
};

/// A metric family.
#[derive(Debug)]
pub(super) struct Family {
    /// The name without the namespace.
    pub(super) name: &'static str,
    pub(super) set: Set,
    pub(super) kind: Kind,
    /// Of the values, and the end of the name before a `_total`.
    #[cfg_attr(not(test), expect(dead_code, reason = "a page of this format does not show units"))]
    pub(super) unit: Unit,
    pub(super) help: &'static str,
    /// In the order in which a page shows them. Every series has all of them; one with an empty
    /// value is left out, which is the same to Prometheus (OpenMetrics 1.0, section on labels).
    pub(super) labels: &'static [&'static str],
    /// How many series it can have at most.
    pub(super) most: Most,
}

type Most = fn(&Shape) -> usize;

/// What of a store decides how many series it can have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Names that the `tool_name` label can show, `_OTHER` included.
    pub(super) tools: usize,
    /// Values that the `method` label of HTTP can have, `_OTHER` included.
    pub(super) methods: usize,
    /// Combinations of method, route and status that are told apart.
    pub(super) requests: usize,
    /// Combinations of method and route that have a histogram.
    pub(super) routed: usize,
    // How many series a histogram is, by its buckets.
    pub(super) durations: usize,
    pub(super) long: usize,
    pub(super) sizes: usize,
    pub(super) batches: usize,
}

impl Shape {
    /// How many series the families of these sets can have together.
    pub(super) fn series(&self, sets: Sets) -> usize {
        sets.families().map(|family| (family.most)(self)).fold(0, usize::saturating_add)
    }
}

/// Which families are kept together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Set {
    Always,
    Of(Group),
    /// Those of the OpenTelemetry conventions for MCP.
    Conventions,
    /// Those of the OpenTelemetry conventions for HTTP and RPC.
    HttpConventions,
}

/// The sets that a store keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sets {
    pub(super) groups: Groups,
    pub(super) conventions: bool,
    pub(super) http_conventions: bool,
}

impl Sets {
    /// The families that a store can ever show, in the order of a page.
    pub(super) fn families(self) -> impl Iterator<Item = &'static Family> {
        ALL.into_iter().filter(move |family| match family.set {
            Set::Always => true,
            Set::Of(group) => self.groups.has(group),
            Set::Conventions => self.conventions,
            Set::HttpConventions => self.http_conventions,
        })
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unit {
    None,
    Seconds,
    Bytes,
}

impl Family {
    const fn new(
        kind: Kind,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        most: Most,
    ) -> Self {
        Self { name, set: Set::Always, kind, unit: Unit::None, help, labels, most }
    }

    pub(super) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        most: Most,
    ) -> Self {
        Self::new(Kind::Counter, name, labels, help, most)
    }

    pub(super) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        most: Most,
    ) -> Self {
        Self::new(Kind::Gauge, name, labels, help, most)
    }

    pub(super) const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        most: Most,
    ) -> Self {
        Self::new(Kind::Histogram, name, labels, help, most)
    }

    pub(super) const fn seconds(self) -> Self {
        Self { unit: Unit::Seconds, ..self }
    }

    pub(super) const fn bytes(self) -> Self {
        Self { unit: Unit::Bytes, ..self }
    }

    pub(super) const fn of(self, group: Group) -> Self {
        Self { set: Set::Of(group), ..self }
    }

    pub(super) const fn by(self, convention: Set) -> Self {
        Self { set: convention, ..self }
    }

    /// What the name begins with: nothing for a family that a convention names.
    pub(super) fn prefix<'n>(&self, namespace: &'n str) -> Option<&'n str> {
        match self.set {
            Set::Always | Set::Of(_) => Some(namespace),
            Set::Conventions | Set::HttpConventions => None,
        }
    }

    /// The name as it is shown.
    pub(super) fn full_name(&self, namespace: &str) -> String {
        match self.prefix(namespace) {
            Some(prefix) => format!("{prefix}_{}", self.name),
            None => self.name.to_owned(),
        }
    }

    /// The family's labels with their values.
    pub(super) fn pairs<'v>(&self, values: &[&'v str]) -> impl Iterator<Item = (&'v str, &'v str)> {
        debug_assert_eq!(self.labels.len(), values.len(), "{}", self.name);
        self.labels.iter().copied().zip(values.iter().copied())
    }
}
