//! What tests read of a part of a store.

use std::collections::BTreeMap;

use super::{cell::Sums, exposition::Exposition, family::Family};

/// The series that were written: family, labels and value. A histogram has two, its count and,
/// labelled `sum`, its sum.
#[derive(Debug, Default)]
pub(super) struct Rows(pub(super) Vec<(&'static str, Vec<String>, u64)>, Option<&'static Family>);

impl Rows {
    /// The values by family and label values, in words.
    pub(super) fn by_labels(self) -> BTreeMap<String, u64> {
        let words = |family: &str, labels: Vec<String>| {
            let labels = labels.into_iter().filter(|label| !label.is_empty());
            [family.to_owned()].into_iter().chain(labels).collect::<Vec<_>>().join(" ")
        };
        self.0.into_iter().map(|(family, labels, value)| (words(family, labels), value)).collect()
    }
}

impl Exposition for Rows {
    fn family(&mut self, family: &'static Family) {
        self.1 = Some(family);
    }

    fn row(&mut self, labels: &[&str], value: u64) {
        let family = self.1.expect("a family is begun before its series");
        assert_eq!(family.labels.len(), labels.len(), "{}", family.name);
        self.0.push((family.name, labels.iter().map(|&label| label.to_owned()).collect(), value));
    }

    fn seconds(&mut self, labels: &[&str], nanos: u64) {
        self.row(labels, nanos);
    }

    fn info(&mut self, labels: &[&str], _: &[(String, String)]) {
        self.row(labels, 1);
    }

    fn histogram(&mut self, labels: &[&str], sums: Sums<'_>) {
        self.row(labels, sums.samples());
        let (family, mut labels, _) = self.0.last().expect("it was just pushed").clone();
        labels.push("sum".to_owned());
        self.0.push((family, labels, sums.sum));
    }

    fn series(&self) -> u64 {
        self.0.len() as u64
    }
}
