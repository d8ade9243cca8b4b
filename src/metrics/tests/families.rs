//! Every family as a page shows it, beside the names file.

use std::collections::BTreeSet;

use prometheus::{Registry, core::Collector};

use super::{
    drive::{everything, full_traffic, list},
    read::Page,
};
use crate::metrics::{
    McpMetrics,
    family::{Family, Kind, Unit},
    labels::ListKind,
    names::{self, ALL},
};

fn page() -> Page {
    let metrics = everything().build().unwrap();
    full_traffic(&metrics);
    Page::of(&metrics)
}

/// D13: what the names file says is what a page shows, and nothing besides.
#[test]
fn a_page_under_full_traffic_has_every_family_as_the_names_file_has_it() {
    let page = page();
    let kind = |family: &Family| format!("{:?}", family.kind).to_lowercase();
    let expected: Vec<_> = ALL.iter().map(|one| (one.full_name("mcp"), kind(one))).collect();
    assert_eq!(page.kinds, expected);
    let expected: Vec<_> =
        ALL.iter().map(|one| (one.full_name("mcp"), one.help.to_owned())).collect();
    assert_eq!(page.helps, expected);
    for family in ALL {
        let name = family.full_name("mcp");
        let known = |label: &str| {
            family.labels.contains(&label)
                || label == "le" && family.kind == Kind::Histogram
                || label == "zone" && family.name == names::SERVICE_INFO.name
        };
        let mut shown = BTreeSet::new();
        for line in page.family(&name) {
            shown.extend(line.labels.keys().cloned());
        }
        assert!(shown.iter().all(|label| known(label)), "{name}: {shown:?}");
        for label in family.labels {
            assert!(shown.contains(*label), "{name} never shows {label}");
        }
    }
}

/// D1, D10, T32: durations in seconds and sizes in bytes, to the bound on the wire.
#[test]
fn histograms_have_their_bounds_in_the_unit_of_their_name() {
    let page = page();
    let durations = "0.001 0.0025 0.005 0.01 0.02 0.05 0.1 0.2 0.5 1.0 2.0 5.0 10.0 30.0 60.0 \
                     120.0 300.0 +Inf";
    let long = "0.1 1.0 10.0 30.0 60.0 300.0 900.0 1800.0 3600.0 7200.0 14400.0 43200.0 86400.0 \
                +Inf";
    let sizes = "64.0 256.0 1024.0 4096.0 16384.0 65536.0 262144.0 1048576.0 4194304.0 +Inf";
    let batches = "1.0 2.0 4.0 8.0 16.0 32.0 64.0 +Inf";
    let mcp = "0.01 0.02 0.05 0.1 0.2 0.5 1.0 2.0 5.0 10.0 30.0 60.0 120.0 300.0 +Inf";
    let http = "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 +Inf";
    for family in ALL.iter().filter(|family| family.kind == Kind::Histogram) {
        let expected = match (family.name, family.unit) {
            ("session_duration_seconds" | "stream_duration_seconds", _) => long,
            ("batch_size", _) => batches,
            (name, _) if name.starts_with("mcp_server") => mcp,
            (name, _) if name.starts_with("http") || name.starts_with("rpc") => http,
            (_, Unit::Bytes) => sizes,
            (_, Unit::Seconds) => durations,
            (name, Unit::None) => panic!("{name} has no bounds"),
        };
        let bounds = page.bounds(&family.full_name("mcp"));
        assert_eq!(bounds.join(" "), expected, "{}", family.name);
    }
    // Thirty milliseconds, and not thirty seconds or thirty thousand of anything.
    let of = |suffix: &str| {
        let lines = page.family("mcp_tool_call_duration_seconds");
        let mut lines = lines.filter(|line| line.label("tool_name") == "echo");
        lines.find(|line| line.suffix == suffix).unwrap().value
    };
    assert!((of("_sum") / of("_count") - 0.03).abs() < 1e-9, "{}", of("_sum"));
    let now = page.sum("mcp_tool_last_call_timestamp_seconds", &[("tool_name", "echo")]);
    assert!((1_700_000_000..100_000_000_000).contains(&now), "{now} is no time in seconds");
}

/// T28: a label that a series leaves out is one that says nothing there, and the same to Prometheus
/// as an empty one.
#[test]
fn only_labels_without_a_value_are_left_out() {
    let optional = [
        ("tool_calls_total", &["error_type"][..]),
        ("auth_attempts_total", &["reason"]),
        ("jsonrpc_errors_total", &["fault"]),
        ("client_operations_total", &["client_version"]),
        (
            "mcp_server_operation_duration_seconds",
            &[
                "error_type",
                "gen_ai_operation_name",
                "gen_ai_tool_name",
                "gen_ai_prompt_name",
                "rpc_response_status_code",
            ],
        ),
        (
            "http_server_request_duration_seconds",
            &["error_type", "http_response_status_code", "http_route"],
        ),
        ("rpc_server_call_duration_seconds", &["error_type", "rpc_response_status_code"]),
        ("observability_body_inspections_total", &["reason"]),
    ];
    let page = page();
    for family in ALL {
        let may_lack = optional.iter().find(|(name, _)| *name == family.name);
        let may_lack = may_lack.map_or(&[][..], |(_, labels)| labels);
        for line in page.family(&family.full_name("mcp")) {
            for label in family.labels.iter().filter(|label| !may_lack.contains(label)) {
                assert!(line.labels.contains_key(*label), "{label} is not in {line:?}");
            }
        }
    }
}

/// A registry has the families of the page, with the same series and values.
#[test]
fn a_registry_collects_every_family_that_the_page_shows() {
    let metrics = everything().const_label("env", "test").build().unwrap();
    full_traffic(&metrics);
    assert_eq!(metrics.desc().len(), ALL.len());
    let registry = Registry::new();
    registry.register(Box::new(metrics.clone())).unwrap();
    let page = Page::of(&metrics);
    let gathered = registry.gather();
    assert_eq!(gathered.len(), ALL.len());
    for family in gathered {
        let name = family.name();
        let mut theirs = BTreeSet::new();
        for metric in family.get_metric() {
            let labels = metric.get_label().iter();
            let labels: BTreeSet<_> =
                labels.map(|one| (one.name().to_owned(), one.value().to_owned())).collect();
            assert!(labels.contains(&("env".to_owned(), "test".to_owned())), "{name}");
            theirs.insert(labels);
        }
        let ours = page.family(name).filter(|line| matches!(&*line.suffix, "" | "_count"));
        let ours: BTreeSet<_> =
            ours.map(|line| line.labels.clone().into_iter().collect::<BTreeSet<_>>()).collect();
        assert_eq!(theirs, ours, "{name}");
    }
}

#[test]
fn the_number_of_series_is_that_of_the_lines() {
    let metrics = everything().build().unwrap();
    full_traffic(&metrics);
    let page = Page::of(&metrics);
    assert_eq!(page.total("mcp_observability_series"), page.lines.len() as u64);
    assert_eq!(page.total("mcp_observability_series_limit"), 36_000);
}

/// What a server says of itself counts more than what its lists show.
#[test]
fn what_is_offered_is_told_by_hand_or_else_by_lists() {
    let metrics = McpMetrics::new();
    let lines = |expected: [&str; 2]| {
        let page = metrics.render();
        expected.iter().all(|line| page.lines().any(|other| other == *line))
    };
    assert!(!metrics.render().contains("mcp_tools_total"), "nobody knows");
    list(&metrics, ListKind::Tools, &["a", "b"], 0, std::time::Instant::now());
    assert!(lines(["mcp_tools_total 2", "mcp_server_tools 2"]));
    metrics.update_registry_counts(7, 0, 0);
    list(&metrics, ListKind::Tools, &["a", "b"], 0, std::time::Instant::now());
    assert!(lines(["mcp_tools_total 7", "mcp_server_tools 7"]));
}
