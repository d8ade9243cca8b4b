//! Label values: who gets one, and that nothing grows without an end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mcp_telemetry::metrics::McpMetrics;

use crate::endpoint::{Sample, parse};

const MILLI: Duration = Duration::from_millis(1);

fn samples(metrics: &McpMetrics, name: &str) -> Vec<Sample> {
    let families = parse(&metrics.render()).unwrap();
    let family = families.into_iter().find(|family| family.name == name);
    family.map_or_else(Vec::new, |family| family.samples)
}

/// The sum over all series with this label value.
fn sum(metrics: &McpMetrics, name: &str, label: (&str, &str)) -> u64 {
    let samples = samples(metrics, name);
    let with_label = samples.iter().filter(|sample| sample.label(label.0) == Some(label.1));
    with_label.map(Sample::count).sum()
}

fn clamps(metrics: &McpMetrics, label: &str, reason: &str) -> u64 {
    let samples = samples(metrics, "mcp_observability_labels_clamped_total");
    let is = |sample: &&Sample| {
        sample.label("label") == Some(label) && sample.label("reason") == Some(reason)
    };
    samples.iter().find(is).expect("every combination that can occur is shown").count()
}

/// T27: whatever the names, and however many, the page stays small and its sums true.
#[test]
fn ten_thousand_hostile_names_make_a_bounded_page() {
    let metrics = McpMetrics::new();
    let flood = |rounds: std::ops::Range<u32>| {
        for number in rounds {
            let evil = format!("x{number}\"}} 1\n# TYPE evil counter\nevil{{a=\"");
            let long = format!("{number}-{}", "y".repeat(10_000));
            let plain = format!("plain{number}");
            for name in [&evil, &long, &plain] {
                metrics.record_tool_call(name, "success", MILLI);
                metrics.record_tool_call(name, name, MILLI);
                metrics.record_request(name, name, 200, MILLI);
                metrics.record_request("GET", &format!("/{name}"), u16::MAX, MILLI);
                metrics.record_auth_attempt(name, true);
                metrics.record_rate_limit_hit(name);
                metrics.record_error(name, name);
            }
        }
    };
    flood(0..1_000);
    let early = metrics.render().lines().count();
    flood(1_000..10_000);
    let late = metrics.render();
    assert_eq!(late.lines().count(), early, "no series came after the first thousand names");
    assert!(early < 2_500, "{early} lines");
    for family in parse(&late).unwrap() {
        for (_, value) in family.samples.iter().flat_map(|sample| &sample.labels) {
            assert!(value.len() <= 64 && !value.contains(char::is_control), "{value:?}");
        }
    }
    let total = |name| samples(&metrics, name).iter().map(Sample::count).sum::<u64>();
    assert_eq!(total("mcp_tool_calls_total"), 60_000);
    assert_eq!(total("mcp_requests_total"), 60_000);
    assert_eq!(total("mcp_auth_attempts_total"), 30_000);
    assert_eq!(total("mcp_rate_limit_hits_total"), 30_000);
    assert_eq!(total("mcp_errors_total"), 30_000);
}

#[test]
fn every_clamp_is_counted_under_its_reason() {
    let metrics = McpMetrics::new();
    metrics.record_tool_call("unproven", "error", MILLI);
    metrics.record_tool_call(&"long".repeat(20), "success", MILLI);
    metrics.record_tool_call("sp ace", "success", MILLI);
    for number in 0..51 {
        metrics.record_tool_call(&format!("tool{number}"), "success", MILLI);
    }
    metrics.record_tool_call("tool0", "no such status", MILLI);
    metrics.record_request("BREW", "/coffee", 99, MILLI);
    metrics.record_auth_attempt("kerberos", true);
    metrics.record_rate_limit_hit("per user");
    metrics.record_error("", "comp\nonent");
    for (label, reason) in [
        ("tool_name", "unknown"),
        ("tool_name", "length"),
        ("tool_name", "charset"),
        ("tool_name", "cap"),
        ("status", "unknown"),
        ("method", "unknown"),
        ("path", "unknown"),
        ("type", "unknown"),
        ("type", "length"),
        ("client_type", "charset"),
        ("component", "charset"),
    ] {
        let expected = if label == "status" { 2 } else { 1 };
        assert_eq!(clamps(&metrics, label, reason), expected, "{label} {reason}");
    }
    assert_eq!(sum(&metrics, "mcp_auth_attempts_total", ("type", "other")), 1);
    assert_eq!(sum(&metrics, "mcp_tool_calls_total", ("status", "_OTHER")), 1);
}

/// What was counted before a name was admitted stays where it was.
#[test]
fn a_name_counts_as_other_until_its_own_success() {
    let metrics = McpMetrics::new();
    metrics.record_tool_call("echo", "error", MILLI);
    metrics.record_tool_call("echo", "success", MILLI);
    metrics.record_tool_call("echo", "error", MILLI);
    assert_eq!(sum(&metrics, "mcp_tool_calls_total", ("tool_name", "_OTHER")), 1);
    assert_eq!(sum(&metrics, "mcp_tool_calls_total", ("tool_name", "echo")), 2);
}

#[test]
fn with_learning_off_only_configured_names_are_shown() {
    let metrics = McpMetrics::builder().tools(["echo"]).routes(["/mcp"]).learn(false);
    let metrics = metrics.build().unwrap();
    metrics.record_tool_call("echo", "success", MILLI);
    metrics.record_tool_call("other", "success", MILLI);
    let calls = samples(&metrics, "mcp_tool_calls_total");
    let names: BTreeSet<_> = calls.iter().filter_map(|sample| sample.label("tool_name")).collect();
    assert_eq!(names, BTreeSet::from(["_OTHER", "echo"]));
}

#[test]
fn a_route_has_identifiers_replaced_and_any_other_path_is_other() {
    let metrics = McpMetrics::builder().routes(["/mcp", "/tenants/{id}/mcp"]).build().unwrap();
    for path in ["/mcp", "/tenants/42/mcp", "/tenants/9f3b/mcp", "/tenants/acme/mcp", "/.env"] {
        metrics.record_request("POST", path, 200, MILLI);
    }
    let requests = samples(&metrics, "mcp_requests_total");
    let counts: BTreeMap<_, _> =
        requests.iter().map(|sample| (sample.label("path").unwrap(), sample.count())).collect();
    let expected = [("/mcp", 1), ("/tenants/{id}/mcp", 2), ("_OTHER", 2)];
    assert_eq!(counts, BTreeMap::from(expected));
}

/// The `prometheus` crate keeps a series by a 64-bit hash of its joined label values. These pairs
/// share one there; here each has its own.
#[test]
fn names_whose_joined_labels_collide_are_two_series() {
    let metrics = McpMetrics::builder().tools(["77kepQFQ8Kl", "!0IC=VloaY"]).build().unwrap();
    metrics.record_error("ab", "c");
    metrics.record_error("a", "bc");
    metrics.record_error("a", "bc");
    assert_eq!(sum(&metrics, "mcp_errors_total", ("type", "ab")), 1);
    assert_eq!(sum(&metrics, "mcp_errors_total", ("type", "a")), 2);
    metrics.record_tool_call("77kepQFQ8Kl", "success", MILLI);
    metrics.record_tool_call("!0IC=VloaY", "success", MILLI);
    metrics.record_tool_call("!0IC=VloaY", "success", MILLI);
    assert_eq!(sum(&metrics, "mcp_tool_calls_total", ("tool_name", "77kepQFQ8Kl")), 1);
    assert_eq!(sum(&metrics, "mcp_tool_calls_total", ("tool_name", "!0IC=VloaY")), 2);
}

/// T28: every series of a family has the same labels. One without a value is left out, which is
/// the same to Prometheus and keeps the tutorial's lines as they were.
#[test]
fn a_family_has_the_same_labels_in_every_outcome() {
    let metrics = McpMetrics::new();
    for status in ["success", "error", "cancelled", "odd"] {
        metrics.record_tool_call("echo", status, MILLI);
    }
    for success in [true, false] {
        metrics.record_auth_attempt("basic", success);
    }
    for status in [200, 404, 500, 7] {
        metrics.record_request("GET", "/", status, MILLI);
    }
    let optional = BTreeSet::from(["error_type", "reason"]);
    for family in parse(&metrics.render()).unwrap() {
        // Other reasons are another family's label.
        let optional =
            if family.name.contains("clamped") { BTreeSet::new() } else { optional.clone() };
        let mut shapes = BTreeSet::new();
        for sample in &family.samples {
            let names = sample.labels.iter().map(|(name, _)| &**name);
            let shape: Vec<_> = names.filter(|name| !optional.contains(name)).collect();
            shapes.insert((sample.name.clone(), shape));
        }
        let names: BTreeSet<_> = shapes.iter().map(|(name, _)| name).collect();
        assert_eq!(shapes.len(), names.len(), "{}: {shapes:?}", family.name);
    }
}

/// T31: no text that was not admitted is anywhere on the page.
#[test]
fn error_texts_paths_and_addresses_never_reach_the_page() {
    let metrics = McpMetrics::new();
    let secret = "connect to postgres://user:hunter2@10.0.0.7 failed";
    metrics.record_error(secret, secret);
    metrics.record_tool_call(secret, "success", MILLI);
    metrics.record_tool_call("echo", secret, MILLI);
    metrics.record_request(secret, "/users/alice?token=hunter2", 200, MILLI);
    metrics.record_auth_attempt(secret, false);
    metrics.record_rate_limit_hit(secret);
    let page = metrics.render();
    for part in ["hunter2", "alice", "10.0.0.7", "postgres"] {
        assert!(!page.contains(part), "{part} in {page}");
    }
}

#[test]
fn a_service_info_that_cannot_be_shown_is_refused_and_changes_nothing() {
    let metrics = McpMetrics::new();
    metrics.set_service_info("1.0", [("zone", "a")]).unwrap();
    let too_long = "x".repeat(65);
    for (name, value) in [
        ("", "a"),
        ("9", "a"),
        ("le", "a"),
        ("__name__", "a"),
        ("version", "a"),
        ("a-b", "a"),
        ("zone", "a\nb"),
        ("zone", &too_long),
    ] {
        let error = metrics.set_service_info("2.0", [(name, value)]).unwrap_err();
        assert!(error.is_invalid_label(), "{name:?}: {error}");
    }
    assert!(metrics.set_service_info("2.0", [("a", "b"), ("a", "c")]).is_err());
    assert!(metrics.set_service_info("2\n0", [("a", "b")]).is_err());
    assert!(metrics.render().contains("mcp_service_info{version=\"1.0\",zone=\"a\"} 1\n"));
    metrics.set_service_info("2.0", [("zone", "")]).unwrap();
    assert!(metrics.render().contains("mcp_service_info{version=\"2.0\"} 1\n"), "replaced");
}
