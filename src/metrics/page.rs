//! The text format of Prometheus, version 0.0.4.

use super::{
    buckets::Buckets,
    cell::Sums,
    exposition::Exposition,
    names::{Family, Kind},
};

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Page<'a> {
    namespace: &'a str,
    buckets: &'a Buckets,
    text: String,
    family: Option<&'static Family>,
    /// Whether the family's head is written, which waits for its first series.
    headed: bool,
    /// The labels of the series that is being written, kept for its buckets and for its buffer.
    labels: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(namespace: &'a str, buckets: &'a Buckets) -> Self {
        let (text, labels) = (String::with_capacity(16 * 1024), String::new());
        Self { namespace, buckets, text, family: None, headed: false, labels }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn set_labels<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)>) {
        self.labels.clear();
        for (name, value) in labels.filter(|(_, value)| !value.is_empty()) {
            if !self.labels.is_empty() {
                self.labels.push(',');
            }
            self.labels.push_str(name);
            self.labels.push_str("=\"");
            escape(value, &mut self.labels);
            self.labels.push('"');
        }
    }

    /// Writes a line up to its value: name, suffix and labels, with the bound of a bucket last.
    fn begin_line(&mut self, family: &Family, suffix: &str, le: Option<&str>) {
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
        self.text.push_str(self.namespace);
        self.text.push('_');
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

    fn info(&mut self, labels: &[&str], more: &[(String, String)]) {
        let family = self.family_for_series();
        let more = more.iter().map(|(name, value)| (&**name, &**value));
        self.set_labels(family.pairs(labels).chain(more));
        self.line(family, "", None, 1);
    }

    fn histogram(&mut self, labels: &[&str], sums: Sums<'_>) {
        let family = self.family_for_series();
        self.set_labels(family.pairs(labels));
        let buckets = self.buckets;
        let mut cumulated = 0;
        let bounds = buckets.bounds().iter().map(|bound| &*bound.le).chain(["+Inf"]);
        for (le, count) in bounds.zip(sums.buckets) {
            cumulated += count;
            self.line(family, "_bucket", Some(le), cumulated);
        }
        self.begin_line(family, "_sum", None);
        self.push_seconds(sums.nanos);
        self.text.push('\n');
        self.line(family, "_count", None, cumulated);
    }
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
            cell,
            names::{OPERATION_DURATION_SECONDS, SERVICE_INFO, TOOL_CALLS_TOTAL, TOOLS_TOTAL},
        },
        *,
    };

    fn page(write: impl FnOnce(&mut Page<'_>)) -> String {
        let buckets = Buckets::new(&[0.1, 1.0]).unwrap();
        let mut page = Page::new("mcp", &buckets);
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
        let buckets = Buckets::new(&[0.1, 1.0]).unwrap();
        let mut slots = vec![0; cell::slots(&buckets)];
        slots[..5].copy_from_slice(&[2, 1, 4, 9, 12_000_000_001]);
        let page = page(|page| {
            page.family(&OPERATION_DURATION_SECONDS);
            page.histogram(&["ping"], Sums::of(&slots));
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
