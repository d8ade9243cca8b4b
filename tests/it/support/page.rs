//! The page of a store, read strictly: text format 0.0.4, as Prometheus documents it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::Chars,
};

use mcp_telemetry::metrics::McpMetrics;

/// A store of the test's own, that knows the tool and the route of the tests.
pub(crate) fn store() -> McpMetrics {
    McpMetrics::builder().tools(["echo"]).routes(["/mcp"]).build().unwrap()
}

/// What a store must show of exchanges that were all alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Account {
    /// The label `mcp_method`.
    pub(crate) method: &'static str,
    pub(crate) outcome: &'static str,
    /// The HTTP status.
    pub(crate) status: u16,
}

/// A page, parsed.
pub(crate) struct Page {
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    family: String,
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Shows what is on the page but zeros and buckets.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |sample: &&Sample| sample.value > 0.0 && !sample.name.ends_with("_bucket");
        let lines = self.samples.iter().filter(shown);
        f.debug_list()
            .entries(lines.map(|line| format!("{}{:?} {}", line.name, line.labels, line.value)))
            .finish()
    }
}

impl Page {
    /// The page that a store shows now.
    pub(crate) fn of(metrics: &McpMetrics) -> Self {
        Self::parse(&metrics.render())
    }

    /// Reads a page, and panics at the first line that is not as the format has it.
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
        let mut kinds: BTreeMap<String, String> = BTreeMap::new();
        let mut helps = BTreeSet::new();
        let mut current = String::new();
        let mut series = BTreeSet::new();
        let mut samples: Vec<Sample> = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, _) = rest.split_once(' ').unwrap_or((rest, ""));
                assert!(helps.insert(name.to_owned()), "a second help: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                let known = ["counter", "gauge", "histogram", "summary", "untyped"];
                assert!(known.contains(&kind), "no type: {line}");
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "again: {line}");
                name.clone_into(&mut current);
            } else {
                let mut sample = Sample::parse(line);
                let kind = kinds.get(&current).map_or("", String::as_str);
                let suffix = sample.name.strip_prefix(current.as_str());
                let fits = match kind {
                    "histogram" => matches!(suffix, Some("_bucket" | "_sum" | "_count")),
                    _ => suffix == Some(""),
                };
                assert!(fits, "not of the family {current}: {line}");
                let key = (sample.name.clone(), sample.labels.clone());
                assert!(series.insert(key), "the series is there twice: {line}");
                sample.family.clone_from(&current);
                samples.push(sample);
            }
        }
        let page = Self { samples };
        kinds
            .iter()
            .filter(|(_, kind)| *kind == "histogram")
            .for_each(|(name, _)| page.check(name));
        page
    }

    /// The buckets of a histogram rise to its count, in each of its series.
    fn check(&self, family: &str) {
        let count = format!("{family}_count");
        for total in self.samples.iter().filter(|sample| sample.name == count) {
            let labels: Vec<_> =
                total.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let buckets = self.all(&format!("{family}_bucket"), &labels);
            // Another series may have the same labels and more.
            let is_own = |bucket: &&Sample| bucket.labels.len() == labels.len() + 1;
            let buckets: Vec<_> = buckets.into_iter().filter(is_own).collect();
            let values: Vec<f64> = buckets.iter().map(|bucket| bucket.value).collect();
            assert!(values.is_sorted(), "{family}{labels:?}: buckets do not rise: {values:?}");
            let last = buckets.last().unwrap();
            assert_eq!(last.labels["le"], "+Inf", "{family}{labels:?}");
            assert_eq!(whole(last.value), whole(total.value), "{family}{labels:?}");
        }
    }

    fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let fits = |sample: &&Sample| {
            let has = |(label, value): &(&str, &str)| {
                sample.labels.get(*label).is_some_and(|found| found == value)
            };
            sample.name == name && labels.iter().all(has)
        };
        self.samples.iter().filter(fits).collect()
    }

    /// The sum of all series of a name that have these labels; zero without any.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.all(name, labels).iter().fold(0.0, |sum, sample| sum + sample.value)
    }

    /// The same for what is counted in ones.
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        whole(self.sum(name, labels))
    }

    /// How many operations were counted.
    pub(crate) fn operations(&self) -> u64 {
        self.count("mcp_operations_total", &[])
    }

    /// How many operations are being served.
    pub(crate) fn in_flight(&self) -> u64 {
        self.count("mcp_requests_in_flight", &[])
    }

    /// The names of labels that the samples of a family have.
    pub(crate) fn label_sets(&self, family: &str) -> BTreeSet<Vec<&str>> {
        let of_family = self.samples.iter().filter(|sample| sample.family == family);
        of_family.map(|sample| sample.labels.keys().map(String::as_str).collect()).collect()
    }

    /// The series of a name in whole numbers, each with all its labels: `name=value`, by the order of
    /// their names.
    pub(crate) fn series(&self, name: &str) -> Vec<(String, u64)> {
        let labels = |sample: &Sample| {
            let labels = sample.labels.iter().map(|(name, value)| format!("{name}={value}"));
            labels.collect::<Vec<_>>().join(" ")
        };
        let all = self.all(name, &[]).into_iter();
        let mut series: Vec<_> = all.map(|line| (labels(line), whole(line.value))).collect();
        series.sort_unstable();
        series
    }

    /// What has been counted of a family since another page: the values of its labels, by the order of
    /// their names, once for each time.
    #[cfg(feature = "logging")]
    #[track_caller]
    pub(crate) fn risen(&self, since: &Self, name: &str) -> Vec<String> {
        let mut risen = Vec::new();
        for sample in self.all(name, &[]) {
            let is_same = |other: &&&Sample| other.labels == sample.labels;
            let before = since.all(name, &[]).iter().find(is_same).map_or(0.0, |same| same.value);
            let values: Vec<_> = sample.labels.values().map(String::as_str).collect();
            for _ in 0..whole(sample.value - before) {
                risen.push(values.join(" "));
            }
        }
        risen.sort_unstable();
        risen
    }

    /// Asserts that exchanges were counted `times` times, each by this account and each once in
    /// every family, and that none is in flight.
    #[track_caller]
    pub(crate) fn assert_only(&self, account: Account, times: u64, what: &str) {
        let Account { method, outcome, status } = account;
        let status = status.to_string();
        let of_method = [("mcp_method", method)];
        for (fact, name, labels) in [
            ("operations", "mcp_operations_total", &[][..]),
            ("outcome", "mcp_operations_total", &[of_method[0], ("outcome", outcome)]),
            ("durations", "mcp_operation_duration_seconds_count", &[]),
            ("durations of the method", "mcp_operation_duration_seconds_count", &of_method),
            ("requests", "mcp_requests_total", &[]),
            ("status", "mcp_requests_total", &[("status", status.as_str())]),
            ("durations of requests", "mcp_request_duration_seconds_count", &[]),
        ] {
            let found = self.count(name, labels);
            assert_eq!(found, times, "{what}: {fact}, for {account:?}: {self:#?}");
        }
        for direction in ["request", "response"] {
            let labels = [("direction", direction)];
            let read = self.count("mcp_observability_body_inspections_total", &labels);
            assert!(read <= times, "{what}: a {direction} was read {read} times: {self:#?}");
        }
        self.assert_idle(what);
    }

    /// Asserts that no operation is in flight, under any label.
    #[track_caller]
    pub(crate) fn assert_idle(&self, what: &str) {
        for sample in self.all("mcp_requests_in_flight", &[]) {
            assert_eq!(whole(sample.value), 0, "{what}: still in flight: {sample:?}");
        }
    }
}

impl Sample {
    fn parse(line: &str) -> Self {
        let mut rest = line.chars();
        let name = identifier(&mut rest, true);
        let mut labels = BTreeMap::new();
        if rest.as_str().starts_with('{') {
            rest.next();
            while !rest.as_str().starts_with('}') {
                let label = identifier(&mut rest, false);
                assert_eq!(rest.next(), Some('='), "{line}");
                let value = quoted(&mut rest, line);
                assert!(labels.insert(label, value).is_none(), "a label twice: {line}");
                if rest.as_str().starts_with(',') {
                    rest.next();
                }
            }
            rest.next();
        }
        let value = rest.as_str().strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
        let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        Self { family: String::new(), name, labels, value }
    }
}

fn identifier(rest: &mut Chars<'_>, colon: bool) -> String {
    let text = rest.as_str();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
    let end = text.find(|c| !fits(c)).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    assert!(!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()), "no name: {text}");
    *rest = after.chars();
    name.to_owned()
}

fn quoted(rest: &mut Chars<'_>, line: &str) -> String {
    assert_eq!(rest.next(), Some('"'), "{line}");
    let mut value = String::new();
    loop {
        match rest.next().unwrap_or_else(|| panic!("open: {line}")) {
            '"' => return value,
            '\\' => value.push(match rest.next() {
                Some('n') => '\n',
                Some(c @ ('"' | '\\')) => c,
                other => panic!("no escape: {other:?} in {line}"),
            }),
            c => value.push(c),
        }
    }
}

/// A number of whole things.
fn whole(value: f64) -> u64 {
    format!("{value}").parse().unwrap_or_else(|_| panic!("{value} is no whole number"))
}

#[test]
fn reader_takes_a_page_as_it_is_written() {
    let page = Page::parse(concat!(
        "# HELP a_total Help, with \\\\ and \\n.\n",
        "# TYPE a_total counter\n",
        "a_total{x=\"1\",y=\"q\\\"u\\\\o\\nte\"} 2\n",
        "a_total{x=\"2\"} 3\n",
        "# TYPE b histogram\n",
        "b_bucket{le=\"0.5\"} 1\nb_bucket{le=\"+Inf\"} 2\nb_sum 1.5\nb_count 2\n",
        "b_bucket{x=\"1\",le=\"0.5\"} 0\nb_bucket{x=\"1\",le=\"+Inf\"} 1\nb_sum{x=\"1\"} 3\nb_count{x=\"1\"} 1\n",
    ));
    assert_eq!(page.count("a_total", &[]), 5);
    assert_eq!(page.count("a_total", &[("x", "1"), ("y", "q\"u\\o\nte")]), 2);
    assert_eq!(page.count("a_total", &[("x", "3")]), 0);
    assert_eq!(page.count("b_count", &[]), 3);
    assert_eq!(page.series("b_count"), [(String::new(), 2), ("x=1".to_owned(), 1)]);
    assert!((page.sum("b_sum", &[]) - 4.5).abs() < 1e-9);
    assert_eq!(page.label_sets("a_total").len(), 2);
}

#[test]
fn reader_refuses_what_is_no_page() {
    for text in [
        "a 1",
        "a 1\n",
        "# TYPE a counter\na 1\na 2\n",
        "# TYPE a counter\nb 1\n",
        "# TYPE a counter\n# TYPE a counter\n",
        "# TYPE a counter\na one\n",
        "# TYPE a counter\na{x=\"1\" 1\n",
        "# TYPE a counter\na{x=\"1\",x=\"2\"} 1\n",
        "# TYPE a counter\na{x=\"\\t\"} 1\n",
        "# TYPE a histogram\na 1\n",
        "# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n",
    ] {
        assert!(super::panics(|| Page::parse(text)), "{text}");
    }
}
