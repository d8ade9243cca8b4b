//! A page, read back.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::McpMetrics;

/// A line that is a series.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The name of its family.
    pub(super) family: String,
    /// What follows that name: `_bucket`, `_sum`, `_count` or nothing.
    pub(super) suffix: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

impl Line {
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The value, without a fraction.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a count")]
    pub(super) fn whole(&self) -> u64 {
        self.value as u64
    }
}

/// The series of a page, and the types of its families in their order.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) kinds: Vec<(String, String)>,
    pub(super) helps: Vec<(String, String)>,
    pub(super) lines: Vec<Line>,
}

impl Page {
    pub(super) fn of(metrics: &McpMetrics) -> Self {
        let mut page = Self::default();
        let mut seen = BTreeSet::new();
        for line in metrics.render().lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                page.helps.push((name.to_owned(), help.to_owned()));
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                page.kinds.push((name.to_owned(), kind.to_owned()));
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(seen.insert(series.to_owned()), "there twice: {line}");
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                let (family, _) = page.kinds.last().unwrap();
                page.lines.push(Line {
                    family: family.clone(),
                    suffix: name.strip_prefix(&**family).unwrap().to_owned(),
                    labels: labels_of(labels.strip_suffix('}').unwrap()),
                    value: value.parse().unwrap(),
                });
            }
        }
        page
    }

    pub(super) fn family<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p Line> {
        self.lines.iter().filter(move |line| line.family == name)
    }

    /// The sum over all series of a family, or over the counts of a histogram.
    pub(super) fn total(&self, family: &str) -> u64 {
        self.sum(family, &[])
    }

    /// The same over the series that have these labels.
    pub(super) fn sum(&self, family: &str, labels: &[(&str, &str)]) -> u64 {
        let of = self.family(family).filter(|line| matches!(&*line.suffix, "" | "_count"));
        let has = |line: &&Line| labels.iter().all(|(name, value)| line.label(name) == *value);
        of.filter(has).map(Line::whole).sum()
    }

    /// The bounds of a family's first histogram, as they are written.
    pub(super) fn bounds(&self, family: &str) -> Vec<String> {
        let mut bounds: Vec<String> = Vec::new();
        for line in self.family(family).filter(|line| line.suffix == "_bucket") {
            let bound = line.label("le").to_owned();
            if bounds.contains(&bound) {
                break;
            }
            bounds.push(bound);
        }
        bounds
    }
}

/// No value of these tests has a comma or a quote in it.
fn labels_of(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.trim_matches('"').to_owned())
    };
    pairs.map(pair).collect()
}
