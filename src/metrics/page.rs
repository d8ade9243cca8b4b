//! The text format of Prometheus, version 0.0.4.

use super::{
    buckets::Scale,
    cell::Sums,
    const_labels::ConstLabels,
    exposition::Exposition,
    family::{Family, Kind},
};

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Page<'a> {
    namespace: &'a str,
    /// What the labels of every series begin with.
    const_labels: &'a ConstLabels,
    text: String,
    series: u64,
    family: Option<&'static Family>,
    /// Whether the family's head is written, which waits for its first series.
    headed: bool,
    /// The labels of the series that is being written, kept for its buckets and for its buffer.
    labels: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(namespace: &'a str, const_labels: &'a ConstLabels) -> Self {
        let (text, labels) = (String::with_capacity(16 * 1024), String::new());
        Self { namespace, const_labels, text, series: 0, family: None, headed: false, labels }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn set_labels<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)>) {
        self.labels.clear();
        for (name, value) in self.const_labels.pairs() {
            push_label(name, value, &mut self.labels);
        }
        for (name, value) in labels.filter(|(_, value)| !value.is_empty()) {
            push_label(name, value, &mut self.labels);
        }
    }

    /// Writes a line up to its value: name, suffix and labels, with the bound of a bucket last.
    fn begin_line(&mut self, family: &Family, suffix: &str, le: Option<&str>) {
        self.series += 1;
        self.push_name(family);
        self.text.push_str(suffix);
        if le.is_some() || !self.labels.is_empty() {
            self.text.push('{');
            self.text.push_str(&self.labels);
            if let Some(le) = le {
                self.text.push_str(if self.labels.is_empty() { "le=\"" } else { ",le=\"" });
                self.text.push_str(le);
                self.text.push('"');
            }
            self.text.push('}');
        }
        self.text.push(' ');
    }

    fn line(&mut self, family: &Family, suffix: &str, le: Option<&str>, value: u64) {
        self.begin_line(family, suffix, le);
        self.push_number(value);
        self.text.push('\n');
    }

    /// The current family. Its head is written if this is its first series.
    fn family_for_series(&mut self) -> &'static Family {
        let family = self.family.expect("a family is begun before its series");
        if !std::mem::replace(&mut self.headed, true) {
            self.text.push_str("# HELP ");
            self.push_name(family);
            self.text.push(' ');
            // Our own words, without a backslash or a line feed to escape.
            self.text.push_str(family.help);
            self.text.push_str("\n# TYPE ");
            self.push_name(family);
            self.text.push(' ');
            self.text.push_str(match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            });
            self.text.push('\n');
        }
        family
    }

    fn push_name(&mut self, family: &Family) {
        if let Some(prefix) = family.prefix(self.namespace) {
            self.text.push_str(prefix);
            self.text.push('_');
        }
        self.text.push_str(family.name);
    }

    fn push_number(&mut self, number: u64) {
        self.text.push_str(itoa::Buffer::new().format(number));
    }

    /// Writes nanoseconds as seconds, to the last digit: `1.5`, `0.000000001`, `2.0`.
    fn push_seconds(&mut self, nanos: u64) {
        const NANOS: u64 = 1_000_000_000;
        self.push_number(nanos / NANOS);
        self.text.push('.');
        // Ten digits with a leading one keep the zeros that lead the fraction.
        let mut digits = itoa::Buffer::new();
        let fraction = digits.format(NANOS + nanos % NANOS)[1..].trim_end_matches('0');
        self.text.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
}

impl Exposition for Page<'_> {
    fn family(&mut self, family: &'static Family) {
        self.family = Some(family);
        self.headed = false;
    }

    fn row(&mut self, labels: &[&str], value: u64) {
        let family = self.family_for_series();
        self.set_labels(family.pairs(labels));
        self.line(family, "", None, value);
    }

    fn seconds(&mut self, labels: &[&str], nanos: u64) {
        let family = self.family_for_series();
        self.set_labels(family.pairs(labels));
        self.begin_line(family, "", None);
        self.push_seconds(nanos);
        self.text.push('\n');
    }

    fn info(&mut self, labels: &[&str], more: &[(String, String)]) {
        let family = self.family_for_series();
        let more = more.iter().map(|(name, value)| (&**name, &**value));
        self.set_labels(family.pairs(labels).chain(more));
        self.line(family, "", None, 1);
    }

    fn histogram(&mut self, labels: &[&str], sums: Sums<'_>) {
        let family = self.family_for_series();
        self.set_labels(family.pairs(labels));
        let bounds = sums.buckets().bounds().iter().map(|bound| &*bound.le).chain(["+Inf"]);
        let mut count = 0;
        for (le, within) in bounds.zip(sums.cumulated()) {
            count = within;
            self.line(family, "_bucket", Some(le), count);
        }
        self.begin_line(family, "_sum", None);
        match sums.buckets().scale() {
            Scale::Nanos => self.push_seconds(sums.sum),
            Scale::Ones => self.push_number(sums.sum),
        }
        self.text.push('\n');
        self.line(family, "_count", None, count);
    }

    fn series(&self) -> u64 {
        self.series
    }
}

fn push_label(name: &str, value: &str, labels: &mut String) {
    if !labels.is_empty() {
        labels.push(',');
    }
    labels.push_str(name);
    labels.push_str("=\"");
    escape(value, labels);
    labels.push('"');
}

/// Writes a label value, in which the format escapes three characters.
fn escape(value: &str, text: &mut String) {
    let mut rest = value;
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        text.push_str(&rest[..at]);
        text.push_str(match rest.as_bytes()[at] {
            b'\n' => r"\n",
            b'"' => r#"\""#,
            _ => r"\\",
        });
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            buckets::Buckets,
            cell,
            names::{
                BATCH_SIZE, MCP_SERVER_SESSION_DURATION_SECONDS, OPERATION_DURATION_SECONDS,
                SERVICE_INFO, TOOL_CALLS_TOTAL, TOOLS_TOTAL,
            },
        },
        *,
    };

    fn page(write: impl FnOnce(&mut Page<'_>)) -> String {
        let labels = ConstLabels::default();
        let mut page = Page::new("mcp", &labels);
        write(&mut page);
        page.finish()
    }

    #[test]
    fn a_family_without_a_series_is_left_out() {
        assert_eq!(page(|page| page.family(&TOOLS_TOTAL)), "");
    }

    #[test]
    fn an_empty_label_is_left_out_and_the_others_are_escaped() {
        let page = page(|page| {
            page.family(&TOOL_CALLS_TOTAL);
            page.row(&["a\\b\"c\nd é", "success", ""], 3);
            page.row(&["e", "error", "timeout"], 4);
            page.family(&TOOLS_TOTAL);
            page.row(&[], 5);
            page.family(&SERVICE_INFO);
            page.info(&[""], &[("a".to_owned(), "b".to_owned())]);
        });
        let lines: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                r#"mcp_tool_calls_total{tool_name="a\\b\"c\nd é",status="success"} 3"#,
                r#"mcp_tool_calls_total{tool_name="e",status="error",error_type="timeout"} 4"#,
                "mcp_tools_total 5",
                r#"mcp_service_info{a="b"} 1"#,
            ]
        );
    }

    #[test]
    fn a_histogram_is_cumulated_and_its_sum_exact() {
        let buckets = Buckets::of_our_seconds(&[0.1, 1.0]);
        let mut slots = vec![0; cell::slots(&buckets)];
        slots[..5].copy_from_slice(&[2, 1, 4, 9, 12_000_000_001]);
        let page = page(|page| {
            page.family(&OPERATION_DURATION_SECONDS);
            page.histogram(&["ping"], Sums::of(&buckets, &slots));
        });
        assert_eq!(
            page,
            r#"# HELP mcp_operation_duration_seconds Time to answer MCP operations by method.
# TYPE mcp_operation_duration_seconds histogram
mcp_operation_duration_seconds_bucket{mcp_method="ping",le="0.1"} 2
mcp_operation_duration_seconds_bucket{mcp_method="ping",le="1.0"} 3
mcp_operation_duration_seconds_bucket{mcp_method="ping",le="+Inf"} 7
mcp_operation_duration_seconds_sum{mcp_method="ping"} 12.000000001
mcp_operation_duration_seconds_count{mcp_method="ping"} 7
"#
        );
    }

    #[test]
    fn what_is_counted_in_ones_has_a_whole_sum_and_bounds_with_a_point() {
        let buckets = Buckets::of_numbers(&[1, 2]);
        let page = page(|page| {
            page.family(&BATCH_SIZE);
            page.histogram(&[], Sums::of(&buckets, &[1, 0, 2, 0, 9]));
        });
        let lines: Vec<_> = page.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                r#"mcp_batch_size_bucket{le="1.0"} 1"#,
                r#"mcp_batch_size_bucket{le="2.0"} 1"#,
                r#"mcp_batch_size_bucket{le="+Inf"} 3"#,
                "mcp_batch_size_sum 9",
                "mcp_batch_size_count 3",
            ]
        );
    }

    #[test]
    fn constant_labels_come_first_and_a_name_of_a_convention_has_no_prefix() {
        let pairs = vec![("env".to_owned(), "a\"b".to_owned())];
        let labels = ConstLabels::new(pairs).unwrap();
        let buckets = Buckets::of_our_seconds(&[1.0]);
        let mut page = Page::new("weather", &labels);
        page.family(&TOOLS_TOTAL);
        page.row(&[], 1);
        page.family(&MCP_SERVER_SESSION_DURATION_SECONDS);
        page.histogram(&["2025-11-25", ""], Sums::of(&buckets, &[1, 0, 0, 5]));
        assert_eq!(page.series(), 5);
        let page = page.finish();
        assert!(page.contains("\nweather_tools_total{env=\"a\\\"b\"} 1\n"), "{page}");
        let bucket = r#"mcp_server_session_duration_seconds_bucket{env="a\"b",mcp_protocol_version="2025-11-25",le="1.0"} 1"#;
        assert!(page.contains(bucket), "{page}");
    }

    #[test]
    fn seconds_are_exact() {
        for (nanos, text) in [
            (0, "0.0"),
            (1, "0.000000001"),
            (100_000_000, "0.1"),
            (2_000_000_000, "2.0"),
            (u64::MAX, "18446744073.709551615"),
        ] {
            assert_eq!(page(|page| page.push_seconds(nanos)), text);
        }
    }
}
