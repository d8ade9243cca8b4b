//! More names than anybody has, from clients that mean no good.

use std::time::Instant;

use http::Method as HttpVerb;

use super::{
    drive::{CALL, EXCHANGE, REQUEST, everything, full_traffic, list},
    read::{Line, Page},
};
use crate::{
    exchange::{Component, Outcome, Reason},
    mcp::{Method, Revision},
    metrics::{
        McpMetrics,
        http_conventions::{GrpcCall, HttpServerRequest},
        labels::{ClosedSet, ListKind},
        names::ALL,
        operation::{HttpExchange, MethodLabel, Operation, Target},
    },
};

const FLOOD: u64 = 10_000;

/// One of everything that a client may choose, over-long and of odd characters by turns. Half of the
/// calls are answered with success by a careless server.
fn hostile(metrics: &McpMetrics, number: u64, now: Instant) {
    let plain = format!("evil{number}");
    let name = match number % 4 {
        0 => format!("evil\"}} {number}\n\u{202e}"),
        1 => plain.repeat(20),
        _ => plain,
    };
    let revisions = <Revision as ClosedSet>::ALL;
    let revision = usize::try_from(number).unwrap() % revisions.len();
    let client = metrics.client(&name, Some(&name), now);
    let failed = number % 8 < 4;
    let base = Operation {
        outcome: if failed { Outcome::CallerError } else { Outcome::Success },
        code: failed.then_some(-32602),
        component: failed.then_some(Component::JsonRpc),
        reason: failed.then_some(Reason::Code(-32602)),
        revision: Some(revisions[revision]),
        client,
        ..CALL
    };
    let uri = format!("{name}:x");
    for (method, target) in [
        (Method::ToolsCall, Target::Tool(name.as_bytes())),
        (Method::PromptsGet, Target::Prompt(name.as_bytes())),
        (Method::ResourcesRead, Target::Resource(uri.as_bytes())),
        (Method::Other, Target::None),
    ] {
        metrics.record_operation(&Operation { method: MethodLabel::Known(method), target, ..base });
    }
    let verb = HttpVerb::from_bytes(format!("EVIL{number}").as_bytes()).unwrap();
    let path = format!("/{name}");
    let (method, status) = (&verb, u16::try_from(number % 1_100).unwrap());
    let answered = !failed;
    metrics.record_exchange(&HttpExchange { method, path: &path, status, answered, ..EXCHANGE });
    let grpc = Some(GrpcCall { method: &name, status: u32::try_from(number % 20).ok() });
    let status = Some(status);
    metrics.record_http(&HttpServerRequest { method, path: &path, status, grpc, ..REQUEST });
    metrics.session_created(number, client, base.revision, now);
    metrics.record_error(&name, &name);
    metrics.record_rate_limit_hit(&name);
}

/// T27, D8: names, URIs, methods, paths, clients and sessions without end make no series
/// without end; what is good beside them stays exact, and all sums are true.
#[test]
fn ten_thousand_of_everything_stay_within_the_projection() {
    let metrics = everything().tools(["good"]).routes(["/good"]).build().unwrap();
    let now = Instant::now();
    let good = |metrics: &McpMetrics| {
        let client = metrics.client("claude-code", Some("2.0"), now);
        metrics.record_operation(&Operation { target: Target::Tool(b"good"), client, ..CALL });
        metrics.record_exchange(&HttpExchange { path: "/good", answered: false, ..EXCHANGE });
    };
    full_traffic(&metrics);
    let before = Page::of(&metrics);
    let mut early = 0;
    for number in 0..FLOOD {
        hostile(&metrics, number, now);
        if number % 100 == 0 {
            good(&metrics);
        }
        if number == FLOOD / 2 {
            early = metrics.render().lines().count();
        }
    }
    let page = Page::of(&metrics);
    assert_eq!(metrics.render().lines().count(), early, "nothing new after the first half");
    for family in ALL {
        let name = family.full_name("mcp");
        let (lines, most) = (page.family(&name).count(), (family.most)(&metrics.inner.shape));
        assert!(lines <= most, "{name}: {lines} of {most}");
    }
    for (_, value) in page.lines.iter().flat_map(|line| &line.labels) {
        assert!(value.len() <= 64 && !value.contains(char::is_control), "{value:?}");
    }

    let (flood, goods) = (FLOOD, 100);
    let rise = |family: &str, labels: &[(&str, &str)]| {
        page.sum(family, labels) - before.sum(family, labels)
    };
    let equal = |one: u64, other: u64, what: &str| assert_eq!(one, other, "{what}");
    for (family, expected) in [
        ("mcp_operations_total", 4 * flood + goods),
        ("mcp_operation_duration_seconds", 4 * flood + goods),
        ("mcp_client_operations_total", 4 * flood + goods),
        ("mcp_client_protocol_total", 4 * flood + goods),
        ("mcp_server_operation_duration_seconds", 4 * flood + goods),
        ("mcp_tool_calls_total", flood + goods),
        ("mcp_tool_call_duration_seconds", flood + goods),
        ("mcp_tool_arguments_bytes", flood + goods),
        ("mcp_tool_result_bytes", flood + goods),
        ("mcp_resource_reads_total", flood),
        ("mcp_requests_total", flood + goods),
        ("mcp_request_duration_seconds", flood + goods),
        ("http_server_request_duration_seconds", flood),
        ("rpc_server_call_duration_seconds", flood),
        ("mcp_rate_limit_hits_total", flood),
        ("mcp_errors_total", 3 * flood),
        ("mcp_jsonrpc_errors_total", 2 * flood),
    ] {
        equal(rise(family, &[]), expected, family);
    }
    equal(rise("mcp_tool_calls_total", &[("tool_name", "good")]), goods, "the good tool");
    equal(rise("mcp_requests_total", &[("path", "/good")]), goods, "the good route");
    let client = [("client_name", "claude-code"), ("client_version", "2.0")];
    equal(rise("mcp_client_operations_total", &client), goods, "the good client");

    // Each call that counts as `_OTHER` was clamped once.
    let clamps = |label: &str| rise("mcp_observability_labels_clamped_total", &[("label", label)]);
    for (label, family, of) in [
        ("tool_name", "mcp_tool_calls_total", "tool_name"),
        ("client_name", "mcp_client_operations_total", "client_name"),
        ("resource_type", "mcp_resource_reads_total", "resource_type"),
        ("mcp_method", "mcp_operations_total", "mcp_method"),
        ("method", "mcp_requests_total", "method"),
        ("revision", "mcp_client_protocol_total", "revision"),
    ] {
        equal(clamps(label), rise(family, &[(of, "_OTHER")]), label);
    }
    let unknown = |kind| rise("mcp_unknown_targets_total", &[("kind", kind)]);
    equal(unknown("resource"), flood / 2, "unknown resources");
    let learned = page.family("mcp_tool_calls_total").filter(|line| {
        line.label("tool_name").starts_with("evil") && line.label("error_type") == "caller_error"
    });
    let known: u64 = learned.map(Line::whole).sum();
    equal(unknown("tool") + known, flood / 2, "unknown tools");
}

/// Names that the server lists take the place of those that a careless answer has let in.
#[test]
fn listed_tools_have_their_place_after_a_flood() {
    let metrics = McpMetrics::builder().max_tools(60).build().unwrap();
    for number in 0..FLOOD {
        let name = format!("evil{number}");
        metrics.record_operation(&Operation { target: Target::Tool(name.as_bytes()), ..CALL });
    }
    let tools: Vec<_> = (0..60).map(|number| format!("real{number}")).collect();
    let names: Vec<_> = tools.iter().map(String::as_str).collect();
    list(&metrics, ListKind::Tools, &names, 0, Instant::now());
    for name in &names {
        let outcome = Outcome::ServerError;
        metrics.record_operation(&Operation {
            target: Target::Tool(name.as_bytes()),
            outcome,
            ..CALL
        });
    }
    metrics.record_operation(&Operation { target: Target::Tool(b"evil0"), ..CALL });
    let page = Page::of(&metrics);
    for name in &names {
        assert_eq!(page.sum("mcp_tool_calls_total", &[("tool_name", name)]), 1, "{name}");
        assert_eq!(page.sum("mcp_tool_definition_bytes", &[("tool_name", name)]), 50, "{name}");
    }
    // What was counted stays, and what comes later is nobody's.
    assert_eq!(page.sum("mcp_tool_calls_total", &[("tool_name", "evil0")]), 1);
    assert_eq!(page.sum("mcp_tool_calls_total", &[("tool_name", "_OTHER")]), 9_951);
    assert_eq!(page.total("mcp_tool_calls_total"), 10_061);
    assert!(page.lines.len() <= metrics.projected_series());
}
