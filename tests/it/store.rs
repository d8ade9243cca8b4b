//! The store by itself: record methods, settings, several stores, registries, threads.

use std::{thread, time::Duration};

use mcp_telemetry::metrics::McpMetrics;
use prometheus::{IntCounterVec, Opts, Registry, core::Collector, proto::MetricType};

use crate::endpoint::{Sample, parse};

const MILLI: Duration = Duration::from_millis(1);

#[track_caller]
fn assert_line(metrics: &McpMetrics, line: &str) {
    let page = metrics.render();
    assert!(page.lines().any(|other| other == line), "no line {line}\n{page}");
}

fn total(metrics: &McpMetrics, sample: &str) -> u64 {
    let families = parse(&metrics.render()).unwrap();
    let samples = families.iter().flat_map(|family| &family.samples);
    samples.filter(|one| one.name == sample).map(Sample::count).sum()
}

/// T26: none of this has a runtime.
#[test]
fn each_record_method_moves_its_line() {
    let metrics = McpMetrics::builder().tools(["echo"]).routes(["/mcp"]).build().unwrap();
    metrics.record_tool_call("echo", "success", Duration::from_millis(250));
    metrics.record_tool_call("echo", "error", MILLI);
    metrics.record_tool_call("echo", "cancelled", MILLI);
    metrics.record_request("POST", "/mcp", 200, Duration::from_micros(15_230));
    metrics.record_auth_attempt("api_key", true);
    metrics.record_auth_attempt("api_key", false);
    metrics.record_rate_limit_hit("ip");
    metrics.record_error("timeout", "database");
    metrics.update_registry_counts(4, 3, 2);
    metrics.set_service_info("1.2.3", [("environment", "test")]).unwrap();
    for line in [
        r#"mcp_tool_calls_total{tool_name="echo",status="success"} 1"#,
        r#"mcp_tool_calls_total{tool_name="echo",status="error",error_type="tool_error"} 1"#,
        r#"mcp_tool_calls_total{tool_name="echo",status="cancelled",error_type="cancelled"} 1"#,
        r#"mcp_tool_call_duration_seconds_bucket{tool_name="echo",le="0.2"} 2"#,
        r#"mcp_tool_call_duration_seconds_bucket{tool_name="echo",le="0.5"} 3"#,
        r#"mcp_tool_call_duration_seconds_sum{tool_name="echo"} 0.252"#,
        r#"mcp_tool_call_duration_seconds_count{tool_name="echo"} 3"#,
        r#"mcp_requests_total{method="POST",path="/mcp",status="200"} 1"#,
        r#"mcp_request_duration_seconds_sum{method="POST",path="/mcp"} 0.01523"#,
        r#"mcp_auth_attempts_total{type="api_key",status="success"} 1"#,
        r#"mcp_auth_attempts_total{type="api_key",status="failure"} 1"#,
        r#"mcp_rate_limit_hits_total{client_type="ip"} 1"#,
        r#"mcp_errors_total{type="timeout",component="database"} 1"#,
        "mcp_tools_total 4",
        "mcp_resources_total 3",
        "mcp_prompts_total 2",
        r#"mcp_service_info{version="1.2.3",environment="test"} 1"#,
    ] {
        assert_line(&metrics, line);
    }
}

#[test]
fn a_new_store_shows_the_zeros_of_rare_events_and_of_configured_tools() {
    let names = |metrics: &McpMetrics| -> Vec<String> {
        parse(&metrics.render()).unwrap().into_iter().map(|family| family.name).collect()
    };
    let plain = McpMetrics::new();
    let rare = [
        "mcp_unknown_targets_total",
        "mcp_streams_refused_total",
        "mcp_observability_labels_clamped_total",
        "mcp_observability_body_inspections_total",
        "mcp_observability_dropped_total",
        "mcp_observability_series",
        "mcp_observability_series_limit",
    ];
    assert_eq!(names(&plain), rare);

    let configured = McpMetrics::builder().tools(["b", "a"]).build().unwrap();
    assert_eq!(names(&configured)[0], "mcp_tool_calls_total");
    assert_eq!(names(&configured)[1..], rare);
    for tool in ["a", "b"] {
        for labels in [
            r#"status="success""#,
            r#"status="error",error_type="tool_error""#,
            r#"status="error",error_type="server_error""#,
        ] {
            let line = format!(r#"mcp_tool_calls_total{{tool_name="{tool}",{labels}}} 0"#);
            assert_line(&configured, &line);
        }
    }
}

/// T25: stores share nothing, not even a process.
#[test]
fn several_stores_live_side_by_side() {
    let (one, two) = (McpMetrics::new(), McpMetrics::new());
    let third = McpMetrics::builder().namespace("third").build().unwrap();
    one.record_rate_limit_hit("ip");
    one.clone().record_rate_limit_hit("ip");
    third.record_rate_limit_hit("ip");
    assert_line(&one, r#"mcp_rate_limit_hits_total{client_type="ip"} 2"#);
    assert_line(&third, r#"third_rate_limit_hits_total{client_type="ip"} 1"#);
    assert!(!two.render().contains("rate_limit"));
    assert!(!third.render().contains("mcp_rate_limit"));
}

/// T25: a name that is taken is an error, not a panic, and the registry works on.
#[test]
fn registering_twice_is_an_error_value() {
    let registry = Registry::new();
    let first = McpMetrics::builder().registry(registry.clone()).build().unwrap();
    first.record_rate_limit_hit("ip");

    let error = McpMetrics::builder().registry(registry.clone()).build().unwrap_err();
    assert!(error.is_already_registered(), "{error}");
    registry.register(Box::new(first.clone())).unwrap_err();
    registry.register(Box::new(McpMetrics::new())).unwrap_err();

    let other = McpMetrics::builder().namespace("other").registry(registry.clone()).build();
    other.unwrap().record_rate_limit_hit("ip");
    assert_eq!(registry.gather().iter().filter(|one| one.name().contains("rate_limit")).count(), 1);
}

#[test]
fn a_name_that_someone_else_registered_is_an_error_that_names_it() {
    let registry = Registry::new();
    let theirs = Opts::new("mcp_requests_total", "Requests, as someone else counts them.");
    let theirs = IntCounterVec::new(theirs, &["code"]).unwrap();
    registry.register(Box::new(theirs.clone())).unwrap();
    theirs.get_metric_with_label_values(&["200"]).unwrap().inc();

    let error = McpMetrics::builder().registry(registry.clone()).build().unwrap_err();
    assert!(error.is_already_registered());
    assert!(error.to_string().contains("mcp_requests_total"), "{error}");

    // It left no trace: a name of ours is free for them.
    let more = Opts::new("mcp_tools_total", "Tools, as someone else counts them.");
    registry.register(Box::new(IntCounterVec::new(more, &["kind"]).unwrap())).unwrap();
}

#[test]
fn a_registry_does_not_keep_a_store_alive() {
    let registry = Registry::new();
    let metrics = McpMetrics::builder().registry(registry.clone()).build().unwrap();
    assert!(!registry.gather().is_empty());
    drop(metrics);
    assert!(registry.gather().is_empty());
}

/// A registry shows the families of the page, of the same types and with the same series.
#[test]
fn a_registry_collects_what_the_page_shows() {
    let metrics = McpMetrics::builder().tools(["echo"]).duration_buckets([0.1, 1.0]).build();
    let metrics = metrics.unwrap();
    metrics.record_tool_call("echo", "success", Duration::from_millis(500));
    metrics.record_tool_call("echo", "error", Duration::from_secs(2));
    metrics.update_registry_counts(1, 0, 0);
    metrics.set_service_info("1.0", [("zone", "a")]).unwrap();
    let described: Vec<String> = metrics.desc().iter().map(|desc| desc.fq_name.clone()).collect();
    let registry = Registry::new();
    registry.register(Box::new(metrics.clone())).unwrap();

    let gathered = registry.gather();
    let mut pages: Vec<_> = parse(&metrics.render()).unwrap();
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(gathered.len(), pages.len());
    for (ours, page) in gathered.iter().zip(&pages) {
        assert_eq!(ours.name(), page.name);
        assert!(described.contains(&page.name), "{} was described", page.name);
        let kind = match ours.get_field_type() {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::HISTOGRAM => "histogram",
            _ => "another",
        };
        assert_eq!(kind, page.kind, "{}", page.name);
        let series = page.samples.iter().filter(|sample| !sample.name.ends_with("_bucket"));
        let series = series.filter(|sample| !sample.name.ends_with("_sum")).count();
        assert_eq!(ours.get_metric().len(), series, "{}", page.name);
    }
    let durations = gathered.iter().find(|one| one.name() == "mcp_tool_call_duration_seconds");
    let durations = durations.unwrap().get_metric()[0].get_histogram();
    assert_eq!((durations.get_sample_count(), durations.get_sample_sum()), (2, 2.5));
    let buckets = durations.get_bucket().iter();
    let buckets: Vec<_> = buckets.map(|one| (one.upper_bound(), one.cumulative_count())).collect();
    assert_eq!(buckets, [(0.1, 0), (1.0, 1)]);
}

/// T32: under any name a histogram is one, with the bounds that were asked for (D1: in seconds).
#[test]
fn buckets_are_exposed_under_any_namespace() {
    let metrics = McpMetrics::builder().namespace("my_server").duration_buckets([0.25, 1.0]);
    let metrics = metrics.tools(["echo"]).build().unwrap();
    metrics.record_tool_call("echo", "success", Duration::from_millis(300));
    let families = parse(&metrics.render()).unwrap();
    let name = "my_server_tool_call_duration_seconds";
    let family = families.iter().find(|family| family.name == name).unwrap();
    assert_eq!(family.kind, "histogram");
    let bucket = |sample: &Sample| (sample.label("le").map(str::to_owned), sample.count());
    let buckets: Vec<_> = family.samples.iter().take(3).map(bucket).collect();
    let expected = [("0.25", 0), ("1.0", 1), ("+Inf", 1)];
    assert_eq!(buckets, expected.map(|(le, value)| (Some(le.to_owned()), value)));
}

#[test]
fn settings_that_make_no_store_are_refused_by_kind() {
    let builder = McpMetrics::builder;
    for namespace in ["", "9a", "a-b", "a b", "é", "a:b"] {
        let error = builder().namespace(namespace).build().unwrap_err();
        assert!(error.is_invalid_namespace(), "{namespace:?}: {error}");
    }
    for buckets in [vec![], vec![1.0, 0.5], vec![f64::NAN], vec![0.0], vec![f64::INFINITY]] {
        let error = builder().duration_buckets(buckets.clone()).build().unwrap_err();
        assert!(error.is_invalid_buckets(), "{buckets:?}: {error}");
    }
    for name in ["", "a\nb", "_OTHER", &"x".repeat(65)] {
        for error in [
            builder().tools([name]).build().unwrap_err(),
            builder().prompts([name]).build().unwrap_err(),
            builder().routes([name]).build().unwrap_err(),
        ] {
            assert!(error.is_invalid_name(), "{name:?}: {error}");
        }
    }
    let slashless = builder().routes(["mcp"]).build().unwrap_err();
    assert!(slashless.is_invalid_name(), "{slashless}");
    let names = |count: u32| (0..count).map(|number| format!("name{number}"));
    let paths = |count| names(count).map(|name| format!("/{name}"));
    assert!(builder().tools(names(200)).prompts(names(64)).routes(paths(32)).build().is_ok());
    for error in [
        builder().tools(names(201)).build().unwrap_err(),
        builder().prompts(names(65)).build().unwrap_err(),
        builder().routes(paths(33)).build().unwrap_err(),
    ] {
        assert!(error.is_too_many_names(), "{error}");
    }
}

#[test]
fn no_count_is_lost_between_threads() {
    const THREADS: u32 = 8;
    const CALLS: u32 = 20_000;
    let metrics = McpMetrics::builder().routes(["/mcp"]).build().unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let metrics = &metrics;
            scope.spawn(move || {
                for call in 0..CALLS {
                    // Every thread brings up the names in an order of its own.
                    let tool = format!("tool{}", (call * 7 + thread * 13) % 80);
                    metrics.record_tool_call(&tool, "success", Duration::from_micros(10));
                    metrics.record_request("POST", "/mcp", 200, MILLI);
                    metrics.record_error(&tool, "component");
                }
            });
        }
    });
    let calls = u64::from(THREADS * CALLS);
    assert_eq!(total(&metrics, "mcp_tool_calls_total"), calls);
    assert_eq!(total(&metrics, "mcp_tool_call_duration_seconds_count"), calls);
    assert_eq!(total(&metrics, "mcp_requests_total"), calls);
    assert_eq!(total(&metrics, "mcp_errors_total"), calls);
    let families = parse(&metrics.render()).unwrap();
    let samples = families.iter().flat_map(|family| &family.samples);
    let sums = samples.filter(|one| one.name == "mcp_tool_call_duration_seconds_sum");
    let seconds: f64 = sums.map(Sample::number).sum();
    assert!((seconds - 1.6).abs() < 1e-6, "{seconds}");
}

/// T49: what a million records leave behind is what the first one did.
#[test]
fn a_million_records_without_a_scrape_leave_no_more_than_one() {
    let metrics = McpMetrics::new();
    metrics.record_tool_call("echo", "success", MILLI);
    let lines = metrics.render().lines().count();
    for _ in 0..1_000_000 {
        metrics.record_tool_call("echo", "success", MILLI);
    }
    assert_line(&metrics, r#"mcp_tool_calls_total{tool_name="echo",status="success"} 1000001"#);
    assert_eq!(metrics.render().lines().count(), lines);
}

#[test]
fn the_limit_of_tools_ends_in_other() {
    let metrics = McpMetrics::builder().max_tools(10).build().unwrap();
    for number in 0..40 {
        metrics.record_tool_call(&format!("tool{number}"), "success", MILLI);
    }
    assert_eq!(total(&metrics, "mcp_tool_calls_total"), 40);
    assert_line(&metrics, r#"mcp_tool_calls_total{tool_name="_OTHER",status="success"} 30"#);
    assert_line(
        &metrics,
        r#"mcp_observability_labels_clamped_total{label="tool_name",reason="cap"} 30"#,
    );
}

#[test]
fn the_global_store_is_one() {
    McpMetrics::global().record_rate_limit_hit("store-test");
    assert_line(&McpMetrics::global(), r#"mcp_rate_limit_hits_total{client_type="store-test"} 1"#);
}
