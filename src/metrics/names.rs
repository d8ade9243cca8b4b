//! Every metric family of the crate: name, type, unit, help and labels.
//!
//! Names stand here without the namespace. The docs of each say when it is recorded and what a
//! cancelled request does to it. A page lists the families in the order of [`ALL`].

/// A metric family.
#[derive(Debug)]
pub(super) struct Family {
    /// The name without the namespace.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Of the values, and the end of the name before a `_total`.
    #[cfg_attr(not(test), expect(dead_code, reason = "a page of this format does not show units"))]
    pub(super) unit: Option<Unit>,
    pub(super) help: &'static str,
    /// In the order in which a page shows them. Every series has all of them; one with an empty
    /// value is left out, which is the same to Prometheus (OpenMetrics 1.0, section on labels).
    pub(super) labels: &'static [&'static str],
}

impl Family {
    /// The family's labels with their values.
    pub(super) fn pairs<'v>(&self, values: &[&'v str]) -> impl Iterator<Item = (&'v str, &'v str)> {
        debug_assert_eq!(self.labels.len(), values.len(), "{}", self.name);
        self.labels.iter().copied().zip(values.iter().copied())
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
    Seconds,
}

/// Set by `set_service_info`. Has whatever labels are set, after the version.
pub(super) const SERVICE_INFO: Family = Family {
    name: "service_info",
    kind: Kind::Gauge,
    unit: None,
    help: "Facts about this server, always 1.",
    labels: &["version"],
};

/// At the end of every HTTP exchange. One that was cancelled before its head has status 499.
pub(super) const REQUESTS_TOTAL: Family = Family {
    name: "requests_total",
    kind: Kind::Counter,
    unit: None,
    help: "HTTP requests by method, route and status.",
    labels: &["method", "path", "status"],
};

/// At the end of every HTTP exchange: to the answer for a call, to the head for a standing stream.
/// A cancelled one counts with the time until it was cancelled.
pub(super) const REQUEST_DURATION_SECONDS: Family = Family {
    name: "request_duration_seconds",
    kind: Kind::Histogram,
    unit: Some(Unit::Seconds),
    help: "Time to answer HTTP requests by method and route.",
    labels: &["method", "path"],
};

/// Set by `update_registry_counts`.
pub(super) const TOOLS_TOTAL: Family = Family {
    name: "tools_total",
    kind: Kind::Gauge,
    unit: None,
    help: "Tools that the server offers.",
    labels: &[],
};

/// Set by `update_registry_counts`.
pub(super) const RESOURCES_TOTAL: Family = Family {
    name: "resources_total",
    kind: Kind::Gauge,
    unit: None,
    help: "Resources that the server offers.",
    labels: &[],
};

/// Set by `update_registry_counts`.
pub(super) const PROMPTS_TOTAL: Family = Family {
    name: "prompts_total",
    kind: Kind::Gauge,
    unit: None,
    help: "Prompts that the server offers.",
    labels: &[],
};

/// At the end of every `tools/call`. A cancelled one counts with status `cancelled`.
pub(super) const TOOL_CALLS_TOTAL: Family = Family {
    name: "tool_calls_total",
    kind: Kind::Counter,
    unit: None,
    help: "Tool calls by tool and status; error_type is the outcome of those without success.",
    labels: &["tool_name", "status", "error_type"],
};

/// At the end of every `tools/call`. A cancelled one counts with the time until then.
pub(super) const TOOL_CALL_DURATION_SECONDS: Family = Family {
    name: "tool_call_duration_seconds",
    kind: Kind::Histogram,
    unit: Some(Unit::Seconds),
    help: "Time to answer tool calls by tool.",
    labels: &["tool_name"],
};

/// At the end of every `resources/read`. A cancelled one counts with status `cancelled`.
pub(super) const RESOURCE_READS_TOTAL: Family = Family {
    name: "resource_reads_total",
    kind: Kind::Counter,
    unit: None,
    help: "Resource reads by URI scheme and status.",
    labels: &["resource_type", "status"],
};

/// At the head of every response that shows how the client authenticated itself: success if it
/// sent credentials and neither 401 nor 403 came back. A request cancelled before its head does
/// not count.
pub(super) const AUTH_ATTEMPTS_TOTAL: Family = Family {
    name: "auth_attempts_total",
    kind: Kind::Counter,
    unit: None,
    help: "Authentication attempts by kind of credentials, status and reason of failure.",
    labels: &["type", "status", "reason"],
};

/// At every response with status 429. A request cancelled before its head does not count.
pub(super) const RATE_LIMIT_HITS_TOTAL: Family = Family {
    name: "rate_limit_hits_total",
    kind: Kind::Counter,
    unit: None,
    help: "Requests turned away by a rate limit, by what the limit is on.",
    labels: &["client_type"],
};

/// At the end of every operation that failed. A cancelled one is no error.
pub(super) const ERRORS_TOTAL: Family = Family {
    name: "errors_total",
    kind: Kind::Counter,
    unit: None,
    help: "Errors by type (the outcome) and the component in which they showed.",
    labels: &["type", "component"],
};

/// At the end of every operation: a JSON-RPC message, or an exchange without one. A cancelled one
/// counts with outcome `cancelled`.
pub(super) const OPERATIONS_TOTAL: Family = Family {
    name: "operations_total",
    kind: Kind::Counter,
    unit: None,
    help: "MCP operations by method and outcome.",
    labels: &["mcp_method", "outcome"],
};

/// At the end of every operation, to its answer. A cancelled one counts with the time until then.
pub(super) const OPERATION_DURATION_SECONDS: Family = Family {
    name: "operation_duration_seconds",
    kind: Kind::Histogram,
    unit: Some(Unit::Seconds),
    help: "Time to answer MCP operations by method.",
    labels: &["mcp_method"],
};

/// Up at the head of every request, first as `none`, as its method once that is known; down at the
/// end of the operation, however it ends. A scrape that comes under the layer is not in flight.
pub(super) const REQUESTS_IN_FLIGHT: Family = Family {
    name: "requests_in_flight",
    kind: Kind::Gauge,
    unit: None,
    help: "Requests being served, by MCP method.",
    labels: &["mcp_method"],
};

/// At the end of an operation whose answer blames its target: error -32601; error -32602 to a tool
/// or prompt that is not admitted, or to a resource; error -32002. A cancelled one has no answer.
pub(super) const UNKNOWN_TARGETS_TOTAL: Family = Family {
    name: "unknown_targets_total",
    kind: Kind::Counter,
    unit: None,
    help: "Requests for a tool, prompt, resource or method that is not there.",
    labels: &["kind"],
};

/// Whenever a label value is replaced by `_OTHER`, at the end of a cancelled request too.
pub(super) const LABELS_CLAMPED_TOTAL: Family = Family {
    name: "observability_labels_clamped_total",
    kind: Kind::Counter,
    unit: None,
    help: "Label values replaced because they were not admitted, by label and reason.",
    labels: &["label", "reason"],
};

/// When an exchange closes: once for the body of a `POST`, once for a response body in which an
/// answer could be expected. `prefix` did not pass whole, a cancelled one for example; `skipped`
/// could not be read; `invalid` is not what it says it is.
pub(super) const BODY_INSPECTIONS_TOTAL: Family = Family {
    name: "observability_body_inspections_total",
    kind: Kind::Counter,
    unit: None,
    help: "Bodies that were looked into, by direction and result.",
    labels: &["direction", "result"],
};

/// Every family, in the order of a page.
pub(super) const ALL: [&Family; 18] = [
    &SERVICE_INFO,
    &REQUESTS_TOTAL,
    &REQUEST_DURATION_SECONDS,
    &TOOLS_TOTAL,
    &RESOURCES_TOTAL,
    &PROMPTS_TOTAL,
    &TOOL_CALLS_TOTAL,
    &TOOL_CALL_DURATION_SECONDS,
    &RESOURCE_READS_TOTAL,
    &AUTH_ATTEMPTS_TOTAL,
    &RATE_LIMIT_HITS_TOTAL,
    &ERRORS_TOTAL,
    &OPERATIONS_TOTAL,
    &OPERATION_DURATION_SECONDS,
    &REQUESTS_IN_FLIGHT,
    &UNKNOWN_TARGETS_TOTAL,
    &LABELS_CLAMPED_TOTAL,
    &BODY_INSPECTIONS_TOTAL,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{super::labels::is_identifier, *};

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let gauges_of_the_tutorial = ["tools_total", "resources_total", "prompts_total"];
        let mut names = HashSet::new();
        for family in ALL {
            let Family { name, kind, unit, help, labels } = family;
            assert!(is_identifier(name) && names.insert(name), "{name}");
            assert!(help.ends_with('.') && !help.contains(['\n', '\\']), "{name}: {help}");
            assert!(labels.iter().all(|label| is_identifier(label) && *label != "le"), "{name}");
            assert_eq!(*unit == Some(Unit::Seconds), name.ends_with("_seconds"), "{name}");
            if !gauges_of_the_tutorial.contains(name) {
                assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            }
        }
    }

    /// The row of a family in the README, where the three gauges of the tutorial share one.
    #[test]
    fn the_readme_lists_every_family_with_its_labels() {
        let readme = include_str!("../../README.md");
        for Family { name, kind, labels, .. } in ALL {
            let row = readme
                .lines()
                .find(|line| line.starts_with('|') && line.contains(&format!("`mcp_{name}`")))
                .unwrap_or_else(|| panic!("the README does not have {name}"));
            let kind = format!("{kind:?}").to_lowercase();
            assert!(row.contains(&kind), "{name} is a {kind}: {row}");
            for label in *labels {
                assert!(row.contains(&format!("`{label}`")), "{name} has {label}: {row}");
            }
        }
        let rows = readme.lines().filter(|line| line.starts_with("| `mcp_")).count();
        assert_eq!(rows, ALL.len() - 2, "a row for each family and none besides");
    }
}
