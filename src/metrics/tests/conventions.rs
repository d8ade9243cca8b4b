//! The families of the conventions, beside the facts that the conventions state.

use std::{collections::BTreeMap, time::Instant};

use http::{Method as HttpVerb, StatusCode, Version};

use super::{
    drive::{CALL, EXCHANGE, MILLI, REQUEST, everything},
    read::{Line, Page},
};
use crate::{
    exchange::{Outcome, Reason},
    mcp::Method,
    metrics::{
        McpMetrics,
        clients::ClientId,
        http_conventions::{GrpcCall, HttpServerRequest},
        labels::UrlScheme,
        operation::{HttpExchange, MethodLabel, Operation, Target},
    },
};

/// The labels of the one series that a family has.
#[track_caller]
fn labels(metrics: &McpMetrics, family: &str) -> BTreeMap<String, String> {
    let page = Page::of(metrics);
    let series: Vec<_> = page.family(family).filter(|line| line.suffix == "_count").collect();
    assert_eq!(series.len(), 1, "{series:?}");
    series[0].labels.clone()
}

#[track_caller]
fn assert_labels(found: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    assert_eq!(*found, expected.collect());
}

const OPERATION: &str = "mcp_server_operation_duration_seconds";

fn plain() -> McpMetrics {
    let builder = McpMetrics::builder().tools(["echo"]).prompts(["hi"]).routes(["/mcp"]);
    builder.semantic_conventions(true).http_conventions(true).build().unwrap()
}

/// Conventions for MCP: `mcp.server.operation.duration`, attributes by operation.
#[test]
fn an_operation_has_the_attributes_of_its_method() {
    for (method, target, expected) in [
        (
            Method::ToolsCall,
            Target::Tool(b"echo"),
            &[
                ("mcp_method_name", "tools/call"),
                ("gen_ai_tool_name", "echo"),
                ("gen_ai_operation_name", "execute_tool"),
            ][..],
        ),
        (
            Method::PromptsGet,
            Target::Prompt(b"hi"),
            &[("mcp_method_name", "prompts/get"), ("gen_ai_prompt_name", "hi")],
        ),
        (
            Method::ResourcesRead,
            Target::Resource(b"file:///secret"),
            &[("mcp_method_name", "resources/read")],
        ),
        (
            Method::NotificationsInitialized,
            Target::None,
            &[("mcp_method_name", "notifications/initialized")],
        ),
    ] {
        let metrics = plain();
        let method = MethodLabel::Known(method);
        metrics.record_operation(&Operation { method, target, ..CALL });
        assert_labels(&labels(&metrics, OPERATION), expected);
    }
}

#[test]
fn what_has_no_method_is_no_operation_of_the_convention() {
    let metrics = plain();
    for method in [MethodLabel::None, MethodLabel::Response] {
        metrics.record_operation(&Operation { method, target: Target::None, ..CALL });
    }
    assert!(!metrics.render().contains(OPERATION));
}

/// Conventions for MCP, errors and span status, on the server's side.
#[test]
fn errors_are_those_of_the_convention() {
    let status = |status| Some(Reason::Status(StatusCode::from_u16(status).unwrap()));
    for (outcome, code, reason, error, shown) in [
        (Outcome::Success, None, None, "", ""),
        // The caller's own.
        (Outcome::CallerError, Some(-32700), None, "", "-32700"),
        (Outcome::CallerError, Some(-32600), None, "", "-32600"),
        (Outcome::CallerError, Some(-32601), None, "", "-32601"),
        (Outcome::CallerError, Some(-32602), None, "", "-32602"),
        (Outcome::CallerError, Some(-32002), None, "", "-32002"),
        // Any other code.
        (Outcome::CallerError, Some(-32020), None, "-32020", "-32020"),
        (Outcome::ServerError, Some(-32603), None, "-32603", "-32603"),
        (Outcome::ServerError, Some(-32000), None, "-32000", "-32000"),
        (Outcome::ServerError, Some(1), None, "1", "1"),
        (Outcome::ServerError, Some(i64::MAX), None, "_OTHER", "_OTHER"),
        (Outcome::InputRequired, Some(-32042), None, "", "-32042"),
        // D2: a result, and a failure all the same.
        (Outcome::ToolError, None, None, "tool_error", ""),
        (Outcome::Timeout, None, status(504), "timeout", ""),
        (Outcome::ServerError, None, status(500), "500", ""),
        (Outcome::ServerError, None, Some(Reason::Panic), "panic", ""),
        (Outcome::ServerError, None, None, "_OTHER", ""),
        (Outcome::TransportError, None, None, "_OTHER", ""),
        (Outcome::NoResponse, None, None, "_OTHER", ""),
        (Outcome::Rejected, None, status(401), "", ""),
        (Outcome::Cancelled, None, Some(Reason::Dropped), "", ""),
        (Outcome::Detached, None, Some(Reason::Aborted), "", ""),
    ] {
        let metrics = plain();
        let reason = reason.or(code.map(Reason::Code));
        metrics.record_operation(&Operation { outcome, code, reason, ..CALL });
        let labels = labels(&metrics, OPERATION);
        let label = |name: &str| labels.get(name).map_or("", String::as_str);
        let found = (label("error_type"), label("rpc_response_status_code"));
        assert_eq!(found, (error, shown), "{outcome} {code:?}");
    }
}

/// `network.transport` is `tcp` or `quic`, and a version is `2`, not `2.0` (T30).
#[test]
fn the_network_and_the_revision_are_shown_when_asked_for() {
    for (version, shown, transport) in [
        (Version::HTTP_10, "1.0", "tcp"),
        (Version::HTTP_11, "1.1", "tcp"),
        (Version::HTTP_2, "2", "tcp"),
        (Version::HTTP_3, "3", "quic"),
    ] {
        let metrics = everything().build().unwrap();
        metrics.record_operation(&Operation { version, ..CALL });
        let network = [
            ("mcp_protocol_version", "2025-11-25"),
            ("network_protocol_name", "http"),
            ("network_protocol_version", shown),
            ("network_transport", transport),
        ];
        let call = [
            ("mcp_method_name", "tools/call"),
            ("gen_ai_tool_name", "echo"),
            ("gen_ai_operation_name", "execute_tool"),
        ];
        assert_labels(&labels(&metrics, OPERATION), &[&call[..], &network].concat());
    }
}

/// `mcp.server.session.duration`: the whole session.
#[test]
fn a_session_has_its_revision_if_that_is_asked_for() {
    for (metrics, expected) in [
        (plain(), &[][..]),
        (
            everything().build().unwrap(),
            &[("mcp_protocol_version", "2025-11-25"), ("network_protocol_name", "http")],
        ),
    ] {
        let now = Instant::now();
        metrics.session_created(1, ClientId::NONE, CALL.revision, now);
        metrics.session_ended(1, now + 250 * MILLI);
        let family = "mcp_server_session_duration_seconds";
        assert_labels(&labels(&metrics, family), expected);
        let page = Page::of(&metrics);
        let sum = page.family(family).find(|line| line.suffix == "_sum").unwrap().value;
        assert!((sum - 0.25).abs() < 1e-9, "{sum}");
    }
}

/// HTTP conventions: `http.server.request.duration`, attributes and errors.
#[test]
fn a_request_has_the_attributes_of_the_http_convention() {
    let post = ("http_request_method", "POST");
    let https = ("url_scheme", "https");
    let route = ("http_route", "/mcp");
    let status = |status| ("http_response_status_code", status);
    let other = HttpVerb::from_bytes(b"BREW").unwrap();
    for (request, expected) in [
        (REQUEST, &[post, https, route, status("200")][..]),
        // A caller's fault is no error of the server.
        (HttpServerRequest { status: Some(404), ..REQUEST }, &[post, https, route, status("404")]),
        (
            HttpServerRequest { status: Some(503), ..REQUEST },
            &[post, https, route, status("503"), ("error_type", "503")],
        ),
        // A body that breaks off after a good head.
        (
            HttpServerRequest { broken: true, ..REQUEST },
            &[post, https, route, status("200"), ("error_type", "_OTHER")],
        ),
        // No head, and a path that is no route.
        (HttpServerRequest { status: None, path: "/.env", ..REQUEST }, &[post, https]),
        (
            HttpServerRequest { method: &other, scheme: UrlScheme::Http, ..REQUEST },
            &[("http_request_method", "_OTHER"), ("url_scheme", "http"), route, status("200")],
        ),
    ] {
        let metrics = plain();
        metrics.record_http(&request);
        assert_labels(&labels(&metrics, "http_server_request_duration_seconds"), expected);
    }
    let metrics = everything().routes(["/mcp"]).build().unwrap();
    metrics.record_http(&REQUEST);
    let expected = [post, https, route, status("200"), ("network_protocol_version", "2")];
    assert_labels(&labels(&metrics, "http_server_request_duration_seconds"), &expected);
}

/// HTTP conventions: `http.server.active_requests`, by method and scheme.
#[test]
fn active_requests_go_up_and_down() {
    let metrics = plain();
    let active = |expected: &str| {
        let line = "http_server_active_requests{http_request_method=\"GET\",url_scheme=\"http\"}";
        assert!(metrics.render().contains(&format!("{line} {expected}\n")), "{expected}");
    };
    assert!(!metrics.render().contains("http_server_active_requests"));
    metrics.http_entered(&HttpVerb::GET, UrlScheme::Http);
    metrics.http_entered(&HttpVerb::GET, UrlScheme::Http);
    active("2");
    metrics.http_left(&HttpVerb::GET, UrlScheme::Http);
    metrics.http_left(&HttpVerb::GET, UrlScheme::Http);
    active("0");
}

/// gRPC conventions: `rpc.server.call.duration`, and what is the server's error.
#[test]
fn a_grpc_call_has_its_method_and_status() {
    for (status, shown, is_error) in [
        (0, "OK", false),
        (1, "CANCELLED", false),
        (2, "UNKNOWN", true),
        (3, "INVALID_ARGUMENT", false),
        (4, "DEADLINE_EXCEEDED", true),
        (5, "NOT_FOUND", false),
        (12, "UNIMPLEMENTED", true),
        (13, "INTERNAL", true),
        (14, "UNAVAILABLE", true),
        (15, "DATA_LOSS", true),
        (16, "UNAUTHENTICATED", false),
    ] {
        let metrics = plain();
        let method = "grpc.health.v1.Health/Check";
        let call = |status| {
            let grpc = Some(GrpcCall { method, status: Some(status) });
            metrics.record_http(&HttpServerRequest { grpc, ..REQUEST });
        };
        // A method is not known before it has succeeded.
        call(0);
        call(status);
        let page = Page::of(&metrics);
        let mut lines = page.family("rpc_server_call_duration_seconds");
        let found = lines.find(|line| {
            line.label("rpc_response_status_code") == shown && line.label("rpc_method") == method
        });
        let found = found.unwrap_or_else(|| panic!("{shown} in {page:?}"));
        assert_eq!(found.label("rpc_system_name"), "grpc");
        assert_eq!(found.label("error_type"), if is_error { shown } else { "" });
    }
}

/// What has no room keeps its method, and whether it failed; how often that was is counted.
#[test]
fn what_is_folded_is_counted_as_clamped() {
    let names: Vec<_> = (0..240).map(|number| format!("tool{number}")).collect();
    let metrics = everything().max_tools(250).tools(&names).max_series(60_000).build().unwrap();
    for name in &names {
        let call = Operation { target: Target::Tool(name.as_bytes()), ..CALL };
        metrics.record_operation(&call);
        for code in [-32_603, -32_050] {
            let reason = Some(Reason::Code(code));
            let code = Some(code);
            let outcome = Outcome::ServerError;
            metrics.record_operation(&Operation { outcome, code, reason, ..call });
        }
        let grpc = Some(GrpcCall { method: name, status: Some(0) });
        metrics.record_http(&HttpServerRequest { grpc, ..REQUEST });
    }
    let page = Page::of(&metrics);
    let calls = page.family(OPERATION).filter(|line| line.suffix == "_count");
    let (shown, folded): (Vec<_>, Vec<_>) =
        calls.partition(|line| !line.label("gen_ai_tool_name").is_empty());
    let sum = |lines: Vec<&Line>| lines.into_iter().map(Line::whole).sum::<u64>();
    let (shown, folded) = (sum(shown), sum(folded));
    assert_eq!(shown + folded, 720);
    assert!(shown >= 480, "two for each: {shown}");
    let clamped = |label| page.sum("mcp_observability_labels_clamped_total", &[("label", label)]);
    assert_eq!(clamped("gen_ai_tool_name"), folded);
    assert_eq!(clamped("tool_name"), 0, "the others have room for them");
    let other = [("rpc_method", "_OTHER")];
    assert_eq!(clamped("rpc_method"), page.sum("rpc_server_call_duration_seconds", &other));
    assert_eq!(clamped("rpc_method"), 240 - 32);
}

/// T30: the list of known methods is a setting, for all families that show methods.
#[test]
fn which_methods_are_known_is_a_setting() {
    let known = HttpVerb::from_bytes(b"BREW").unwrap();
    let metrics = everything().known_methods([known.clone()]).routes(["/mcp"]).build().unwrap();
    for method in [&known, &HttpVerb::POST] {
        metrics.http_entered(method, UrlScheme::Http);
        metrics.record_exchange(&HttpExchange { method, ..EXCHANGE });
        metrics.record_http(&HttpServerRequest { method, ..REQUEST });
    }
    metrics.record_request("BREW", "/mcp", 200, MILLI);
    let page = Page::of(&metrics);
    for (family, suffix, label, brewed) in [
        ("mcp_requests_total", "", "method", 2),
        ("mcp_request_duration_seconds", "_count", "method", 2),
        ("http_server_request_duration_seconds", "_count", "http_request_method", 1),
        ("http_server_active_requests", "", "http_request_method", 1),
    ] {
        let lines = page.family(family).filter(|line| line.suffix == suffix);
        let shown: BTreeMap<_, _> = lines.map(|line| (line.label(label), line.whole())).collect();
        assert_eq!(shown, BTreeMap::from([("BREW", brewed), ("_OTHER", 1)]), "{family}");
    }
}

#[test]
fn without_their_switch_they_are_neither_recorded_nor_described() {
    let metrics = McpMetrics::new();
    assert!(!metrics.has_http_conventions());
    metrics.record_operation(&CALL);
    metrics.http_entered(&HttpVerb::GET, UrlScheme::Http);
    metrics.record_http(&REQUEST);
    let page = metrics.render();
    for name in ["mcp_server_operation", "mcp_server_session", "http_server", "rpc_server"] {
        assert!(!page.contains(name), "{name}");
        assert!(metrics.inner.descs.iter().all(|desc| !desc.fq_name.starts_with(name)));
    }
}
