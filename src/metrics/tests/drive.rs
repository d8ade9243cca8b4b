//! Traffic, as the layer would tell of it.

use std::time::{Duration, Instant, SystemTime};

use http::{Method as HttpVerb, Version};

use crate::{
    exchange::{Component, Inspection, Outcome, Reason},
    mcp::{Method, Revision},
    metrics::{
        McpMetrics, McpMetricsBuilder,
        clients::ClientId,
        http_conventions::{GrpcCall, HttpServerRequest},
        labels::{
            AuthFailure, AuthKind, CancelCause, ClosedSet, Direction, ListKind, SessionEvent,
            StreamKind, UrlScheme,
        },
        lists::{ListItem, ListPage},
        operation::{HttpExchange, MethodLabel, Operation, Target},
    },
};

pub(super) const MILLI: Duration = Duration::from_millis(1);

/// A successful call of `echo`, of 300 bytes for 100.
pub(super) const CALL: Operation<'_> = Operation {
    method: MethodLabel::Known(Method::ToolsCall),
    target: Target::Tool(b"echo"),
    proves: true,
    outcome: Outcome::Success,
    code: None,
    component: None,
    revision: Some(Revision::V2025_11_25),
    duration: Some(Duration::from_millis(30)),
    reason: None,
    cancelled: None,
    client: ClientId::NONE,
    arguments_bytes: Some(100),
    result_bytes: Some(300),
    version: Version::HTTP_2,
};

pub(super) const EXCHANGE: HttpExchange<'_> = HttpExchange {
    method: &HttpVerb::POST,
    path: "/mcp",
    matched: None,
    status: 200,
    duration: Some(Duration::from_millis(30)),
    answered: true,
};

pub(super) const REQUEST: HttpServerRequest<'_> = HttpServerRequest {
    method: &HttpVerb::POST,
    scheme: UrlScheme::Https,
    version: Version::HTTP_2,
    path: "/mcp",
    matched: None,
    status: Some(200),
    broken: false,
    duration: Duration::from_millis(30),
    grpc: None,
};

/// Every family that there is, and everything a label can say of it.
pub(super) fn everything() -> McpMetricsBuilder {
    let all = McpMetrics::builder().semantic_conventions(true).http_conventions(true);
    all.network_labels(true).tools(["echo"])
}

/// Something for every family.
pub(super) fn full_traffic(metrics: &McpMetrics) {
    let now = Instant::now();
    metrics.set_service_info("1.0", [("zone", "a")]).unwrap();
    let client = metrics.client("claude-code", Some("2.0"), now);
    for revision in <Revision as ClosedSet>::ALL {
        metrics.record_operation(&Operation { client, revision: Some(*revision), ..CALL });
    }
    for outcome in Outcome::ALL {
        let failed = outcome.is_error();
        let code = match outcome {
            Outcome::CallerError => Some(-32602),
            Outcome::ServerError => Some(-32603),
            Outcome::InputRequired => Some(-32042),
            _ => None,
        };
        for target in [Target::Tool(b"echo"), Target::Tool(b"unheard_of"), Target::None] {
            metrics.record_operation(&Operation {
                target,
                outcome,
                code,
                component: failed.then_some(Component::Tool),
                reason: code.map(Reason::Code),
                client: ClientId::NONE,
                ..CALL
            });
        }
    }
    for &cause in CancelCause::ALL {
        let (outcome, cancelled) = (Outcome::Cancelled, Some(cause));
        metrics.record_operation(&Operation { outcome, cancelled, result_bytes: None, ..CALL });
    }
    let reads = MethodLabel::Known(Method::ResourcesRead);
    let target = Target::Resource(b"file:///a");
    metrics.record_operation(&Operation { method: reads, target, ..CALL });
    let prompts = MethodLabel::Known(Method::PromptsGet);
    let target = Target::Prompt(b"greeting");
    metrics.record_operation(&Operation { method: prompts, target, ..CALL });

    metrics.in_flight().enter();
    for status in [200, 404, 503] {
        metrics.record_exchange(&HttpExchange { status, ..EXCHANGE });
        metrics.http_entered(REQUEST.method, REQUEST.scheme);
        metrics.record_http(&HttpServerRequest { status: Some(status), ..REQUEST });
    }
    for status in [Some(0), Some(5), Some(13), Some(200), None] {
        let grpc = Some(GrpcCall { method: "grpc.health.v1.Health/Check", status });
        metrics.record_http(&HttpServerRequest { grpc, ..REQUEST });
    }
    metrics.record_http(&HttpServerRequest { status: None, broken: true, ..REQUEST });
    metrics.http_left(REQUEST.method, REQUEST.scheme);
    metrics.record_auth(AuthKind::Bearer, None);
    metrics.record_auth(AuthKind::Bearer, Some(AuthFailure::Invalid));
    metrics.record_rate_limited();
    metrics.record_error("timeout", "database");
    metrics.record_inspection(Direction::Request, Inspection::Complete);

    metrics.session_created(1, client, CALL.revision, now);
    metrics.session_created(2, client, CALL.revision, now);
    metrics.session_ended(2, now + 90 * MILLI);
    metrics.session_event(SessionEvent::Rejected);
    metrics.session_event(SessionEvent::Unknown);
    for &kind in StreamKind::ALL {
        metrics.stream_opened(kind);
        metrics.stream_first_event(kind, MILLI);
        metrics.stream_messages(kind, &[1, 2, 3, 4, 5]);
        metrics.stream_closed(kind, 5 * MILLI);
    }
    metrics.stream_refused(405);
    for &kind in ListKind::ALL {
        list(metrics, kind, &["echo", "listed"], 0, now);
        list(metrics, kind, &["echo", "listed", "late"], 0, now);
        list(metrics, kind, &["echo"], 1, now);
    }
    metrics.record_batch(3);
    metrics.record_spans_dropped(2);
    metrics.record_span_export(SystemTime::now());
}

/// A complete list of items of 50 bytes, whose definitions have this hash.
pub(super) fn list(metrics: &McpMetrics, kind: ListKind, names: &[&str], hash: u64, now: Instant) {
    let items = names.len() as u64;
    let page = ListPage { items, bytes: 50 * items + 2, after: None, next: None };
    let items = names.iter().map(|&name| ListItem { name, truncated: false, bytes: 50, hash });
    metrics.record_list(kind, page, items, now);
}
