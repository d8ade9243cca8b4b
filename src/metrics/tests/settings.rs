//! What settings leave in and out of a page.

use std::{collections::BTreeSet, time::Instant};

use super::{
    drive::{CALL, EXCHANGE, everything, full_traffic, list},
    read::Page,
};
use crate::{
    exchange::Outcome,
    mcp::Revision,
    metrics::{
        Group, McpMetrics, McpMetricsBuilder,
        family::Set,
        labels::{ClosedSet, ListKind},
        names::ALL,
        operation::{HttpExchange, Operation, Target},
    },
};

/// Two replicas whose clients call other tools show the same tools.
#[test]
fn stores_with_the_same_tools_show_the_same_labels_whatever_their_traffic() {
    let store = || McpMetrics::builder().tools(["a", "b", "c"]).learn(false).build().unwrap();
    let (one, other) = (store(), store());
    for (metrics, called) in [(&one, ["a", "x"]), (&other, ["b", "y"])] {
        for tool in called {
            metrics.record_operation(&Operation { target: Target::Tool(tool.as_bytes()), ..CALL });
        }
        list(metrics, ListKind::Tools, &["a", called[1]], 0, Instant::now());
        metrics.record_exchange(&EXCHANGE);
    }
    let tools = |metrics: &McpMetrics| -> BTreeSet<_> {
        let page = Page::of(metrics);
        let calls = page.family("mcp_tool_calls_total");
        calls.map(|line| line.labels.clone().into_iter().collect::<Vec<_>>()).collect()
    };
    assert_eq!(tools(&one), tools(&other));
    assert_eq!(tools(&one).len(), 10, "three for each tool, and the success of `_OTHER`");
    assert_eq!(Page::of(&one).sum("mcp_tool_calls_total", &[("tool_name", "_OTHER")]), 1);
    // No family of either shows a name that was not configured.
    let known = ["", "_OTHER", "a", "b", "c"];
    for line in [&one, &other].into_iter().flat_map(|metrics| Page::of(metrics).lines) {
        assert!(known.contains(&line.label("tool_name")), "{line:?}");
        assert!(["", "_OTHER"].contains(&line.label("path")), "{line:?}");
    }
}

#[test]
fn a_group_that_is_left_out_is_neither_recorded_nor_shown_nor_described() {
    let groups = [Group::Clients, Group::Sessions, Group::Streams, Group::Lists, Group::Sizes];
    for group in groups {
        let metrics = everything().without(group).build().unwrap();
        full_traffic(&metrics);
        let shown: BTreeSet<_> =
            Page::of(&metrics).kinds.into_iter().map(|(name, _)| name).collect();
        for family in ALL {
            let name = family.full_name("mcp");
            let counts = ["tools", "resources", "prompts"].map(|of| format!("_{of}"));
            // Without lists nobody knows how much there is.
            let unknown = group == Group::Lists
                && counts.iter().any(|of| name.trim_end_matches("_total").ends_with(of))
                && family.set == Set::Always;
            let expected = family.set != Set::Of(group) && !unknown;
            assert_eq!(shown.contains(&name), expected, "{name} without {group:?}");
        }
        let described = metrics.inner.descs.iter().map(|desc| desc.fq_name.clone());
        let groups = ALL.iter().filter(|family| family.set != Set::Of(group));
        assert_eq!(
            described.collect::<Vec<_>>(),
            groups.map(|one| one.full_name("mcp")).collect::<Vec<_>>()
        );
    }
}

#[test]
fn constant_labels_are_on_every_series() {
    let metrics = everything().const_label("env", "test").const_label("shard", "7");
    let metrics = metrics.build().unwrap();
    full_traffic(&metrics);
    for line in Page::of(&metrics).lines {
        assert_eq!((line.label("env"), line.label("shard")), ("test", "7"), "{line:?}");
    }
    let error = metrics.set_service_info("1", [("env", "other")]).unwrap_err();
    assert!(error.is_invalid_label(), "{error}");
    for (name, value) in [("tool_name", "x"), ("le", "x"), ("a", "b\n"), ("gen_ai_tool_name", "x")]
    {
        let error = McpMetrics::builder().const_label(name, value).build().unwrap_err();
        assert!(error.is_invalid_label(), "{name}: {error}");
    }
}

/// T25: under any namespace, and none for what a convention names.
#[test]
fn a_namespace_is_before_all_names_but_those_of_conventions() {
    let metrics = everything().namespace("weather").build().unwrap();
    full_traffic(&metrics);
    for (name, _) in Page::of(&metrics).kinds {
        let of_convention = ["mcp_server_", "http_server_", "rpc_server_"];
        let bare = of_convention.iter().any(|prefix| name.starts_with(prefix));
        assert!(bare != name.starts_with("weather_"), "{name}");
    }
    // `mcp_server` and `_session_duration_seconds` make a name that the convention has.
    let builder = McpMetrics::builder().namespace("mcp_server");
    assert!(builder.clone().build().is_ok());
    assert!(builder.semantic_conventions(true).build().unwrap_err().is_invalid_namespace());
}

#[test]
fn settings_that_could_show_too_much_are_refused_with_both_numbers() {
    let error = McpMetrics::builder().max_series(5_000).build().unwrap_err();
    assert!(error.is_too_many_series());
    let projected = McpMetrics::new().projected_series();
    let text = error.to_string();
    assert!(text.contains("5000") && text.contains(&projected.to_string()), "{text}");

    let many = (1..=64).map(f64::from);
    assert!(McpMetrics::builder().duration_buckets(many).build().unwrap_err().is_too_many_series());
    let few = McpMetrics::builder().max_tools(20).max_series(7_700).build().unwrap();
    assert!(few.projected_series() <= 7_700);
}

/// The most that each setting allows by default stays within what the defaults promise.
#[test]
fn default_limits_project_to_twenty_thousand_series() {
    let names = |count: u32| (0..count).map(|number| format!("name{number}"));
    let paths = |count| names(count).map(|name| format!("/{name}"));
    for builder in [
        McpMetrics::builder(),
        McpMetrics::builder().routes(paths(32)),
        McpMetrics::builder().tools(names(200)).prompts(names(64)).routes(paths(32)),
        McpMetrics::builder().tools(names(100)).routes(paths(10)),
    ] {
        let projected = builder.clone().build().unwrap().projected_series();
        assert!(projected <= 20_000, "{projected}");
        let all = builder.semantic_conventions(true).http_conventions(true).network_labels(true);
        assert!(all.build().unwrap().projected_series() <= 36_000);
    }
}

/// As many as may be known, with whatever else there is.
#[test]
fn known_methods_raise_the_limit_that_is_there_by_default() {
    let methods = || (0..31).map(|number| format!("M{number}").parse().unwrap());
    let builder = McpMetrics::builder().known_methods(methods());
    assert!(builder.clone().build().is_ok());
    assert!(builder.semantic_conventions(true).http_conventions(true).build().is_ok());
}

/// Of each tool that may be configured, in each revision and however it ends.
#[test]
fn what_clients_choose_pushes_no_configured_tool_out() {
    let names: Vec<_> = (0..200).map(|number| format!("tool{number}")).collect();
    let metrics = McpMetrics::builder().tools(&names).build().unwrap();
    let ends = [
        (Outcome::Success, None),
        (Outcome::ToolError, None),
        (Outcome::ServerError, Some(-32_603)),
        (Outcome::ServerError, Some(-32_050)),
        (Outcome::CallerError, Some(-32_602)),
        (Outcome::Timeout, None),
        (Outcome::Cancelled, None),
        (Outcome::Rejected, None),
    ];
    for name in &names {
        for revision in <Revision as ClosedSet>::ALL {
            for (outcome, code) in ends {
                let (target, revision) = (Target::Tool(name.as_bytes()), Some(*revision));
                metrics.record_operation(&Operation { target, outcome, code, revision, ..CALL });
            }
        }
    }
    let page = Page::of(&metrics);
    assert_eq!(page.sum("mcp_tool_calls_total", &[("tool_name", "_OTHER")]), 0);
    assert_eq!(page.sum("mcp_observability_labels_clamped_total", &[("label", "tool_name")]), 0);
}

#[test]
fn tokens_are_the_bytes_of_results_by_a_divisor() {
    for (divisor, tokens) in [(None, "225"), (Some(3), "300"), (Some(0), "900")] {
        let builder = McpMetrics::builder();
        let builder = divisor.into_iter().fold(builder, McpMetricsBuilder::token_bytes);
        let metrics = builder.build().unwrap();
        for _ in 0..3 {
            metrics.record_operation(&CALL);
        }
        let cancelled = Operation { outcome: Outcome::Cancelled, result_bytes: None, ..CALL };
        metrics.record_operation(&cancelled);
        let page = metrics.render();
        let line =
            format!("mcp_tool_result_tokens_estimate_total{{tool_name=\"echo\"}} {tokens}\n");
        assert!(page.contains(&line), "{page}");
        assert!(page.contains("mcp_tool_arguments_bytes_count{tool_name=\"echo\"} 4\n"));
        assert!(page.contains("mcp_tool_arguments_bytes_sum{tool_name=\"echo\"} 400\n"));
        assert!(page.contains("mcp_tool_result_bytes_bucket{tool_name=\"echo\",le=\"256.0\"} 0\n"));
        assert!(
            page.contains("mcp_tool_result_bytes_bucket{tool_name=\"echo\",le=\"1024.0\"} 3\n")
        );
    }
}

/// T31: what a client may choose is a label only where it was admitted.
#[test]
fn a_path_that_nobody_answered_is_other() {
    let metrics = everything().build().unwrap();
    metrics.record_exchange(&HttpExchange { path: "/secret", answered: false, ..EXCHANGE });
    assert!(!metrics.render().contains("secret"));
}
