//! Every metric family of the crate: name, type, unit, help and labels.
//!
//! Names stand here without the namespace. The docs of each say when it is recorded and what a
//! cancelled request does to it. A page lists the families in the order of [`ALL`].

use super::{
    auth::AuthResult,
    builder::{MOST_ERRORS, MOST_FREE},
    clamps::Clamps,
    clients, conventions,
    family::{Family, Set},
    group::Group,
    http_conventions,
    key::StatusKey,
    labels::{
        AuthKind, CancelCause, ClosedSet, Code, Direction, Fault, ListKind, Refusal, SchemaChange,
        Scheme, SessionEvent, Signal, StreamKind, StreamMessage, Unknown,
    },
    operation::MethodLabel,
    snapshot::ENDINGS,
};
use crate::{
    exchange::{CallStatus, Component, Inspection, Outcome},
    mcp::Revision,
};

/// Set by `set_service_info`. Has whatever labels are set, after the version.
pub(super) const SERVICE_INFO: Family =
    Family::gauge("service_info", &["version"], "Facts about this server, always 1.", |_| 1);

/// At the end of every HTTP exchange. One that was cancelled before its head has status 499.
pub(super) const REQUESTS_TOTAL: Family = Family::counter(
    "requests_total",
    &["method", "path", "status"],
    "HTTP requests by method, route and status.",
    |shape| shape.requests + shape.methods * StatusKey::CLASSES,
);

/// At the end of every HTTP exchange: to the answer for a call, to the head for a standing stream.
/// A cancelled one counts with the time until it was cancelled.
pub(super) const REQUEST_DURATION_SECONDS: Family = Family::histogram(
    "request_duration_seconds",
    &["method", "path"],
    "Time to answer HTTP requests by method and route.",
    |shape| (shape.routed + shape.methods) * shape.durations,
)
.seconds();

/// Set by `update_registry_counts`, else by what complete lists show: every item that was listed in
/// the hour before the last of them. Absent until then. A cancelled listing is not complete.
pub(super) const TOOLS_TOTAL: Family =
    Family::gauge("tools_total", &[], "Tools that the server offers.", |_| 1);

/// Set by `update_registry_counts`, else by the largest complete list of an hour: which resources it
/// names is not read. Absent until then. A cancelled listing is not complete.
pub(super) const RESOURCES_TOTAL: Family =
    Family::gauge("resources_total", &[], "Resources that the server offers.", |_| 1);

/// Set by `update_registry_counts`, else by what complete lists show: every item that was listed in
/// the hour before the last of them. Absent until then. A cancelled listing is not complete.
pub(super) const PROMPTS_TOTAL: Family =
    Family::gauge("prompts_total", &[], "Prompts that the server offers.", |_| 1);

/// At the end of every `tools/call`. A cancelled one counts with status `cancelled`.
pub(super) const TOOL_CALLS_TOTAL: Family = Family::counter(
    "tool_calls_total",
    &["tool_name", "status", "error_type"],
    "Tool calls by tool and status; error_type is the outcome of those without success.",
    |shape| shape.tools * (ENDINGS - 1),
);

/// At the end of every `tools/call`. A cancelled one counts with the time until then.
pub(super) const TOOL_CALL_DURATION_SECONDS: Family = Family::histogram(
    "tool_call_duration_seconds",
    &["tool_name"],
    "Time to answer tool calls by tool.",
    |shape| shape.tools * shape.durations,
)
.seconds();

/// At the end of every `resources/read`. A cancelled one counts with status `cancelled`.
pub(super) const RESOURCE_READS_TOTAL: Family = Family::counter(
    "resource_reads_total",
    &["resource_type", "status"],
    "Resource reads by URI scheme and status.",
    |_| Scheme::ALL.len() * CallStatus::ALL.len(),
);

/// At the head of every response that shows how the client authenticated itself: success if it
/// sent credentials and neither 401 nor 403 came back. A request cancelled before its head does
/// not count.
pub(super) const AUTH_ATTEMPTS_TOTAL: Family = Family::counter(
    "auth_attempts_total",
    &["type", "status", "reason"],
    "Authentication attempts by kind of credentials, status and reason of failure.",
    |_| AuthKind::ALL.len() * AuthResult::COUNT,
);

/// At every response with status 429. A request cancelled before its head does not count.
pub(super) const RATE_LIMIT_HITS_TOTAL: Family = Family::counter(
    "rate_limit_hits_total",
    &["client_type"],
    "Requests turned away by a rate limit, by what the limit is on.",
    |_| MOST_FREE + 1,
);

/// At the end of every operation that failed. A cancelled one is no error.
pub(super) const ERRORS_TOTAL: Family = Family::counter(
    "errors_total",
    &["type", "component"],
    "Errors by type (the outcome) and the component in which they showed.",
    |_| MOST_ERRORS + 1 + Outcome::ALL.len() * Component::ALL.len(),
);

/// At the end of every operation: a JSON-RPC message, or an exchange without one. A cancelled one
/// counts with outcome `cancelled`.
pub(super) const OPERATIONS_TOTAL: Family = Family::counter(
    "operations_total",
    &["mcp_method", "outcome"],
    "MCP operations by method and outcome.",
    |_| MethodLabel::COUNT * Outcome::ALL.len(),
);

/// At the end of every operation, to its answer. A cancelled one counts with the time until then.
pub(super) const OPERATION_DURATION_SECONDS: Family = Family::histogram(
    "operation_duration_seconds",
    &["mcp_method"],
    "Time to answer MCP operations by method.",
    |shape| MethodLabel::COUNT * shape.durations,
)
.seconds();

/// Up at the head of every request, first as `none`, as its method once that is known; down at the
/// end of the operation, however it ends. A scrape that comes under the layer is not in flight.
pub(super) const REQUESTS_IN_FLIGHT: Family = Family::gauge(
    "requests_in_flight",
    &["mcp_method"],
    "Requests being served, by MCP method.",
    |_| MethodLabel::COUNT,
);

/// At the end of an operation that was answered with a JSON-RPC error. One that asks for input
/// (-32042) is nobody's fault. A cancelled one has no answer.
pub(super) const JSONRPC_ERRORS_TOTAL: Family = Family::counter(
    "jsonrpc_errors_total",
    &["mcp_method", "code", "fault"],
    "JSON-RPC errors by method and code, and by whose fault the outcome says it is.",
    |_| MethodLabel::COUNT * (Code::ALL.len() * Fault::ALL.len() + 1),
);

/// At the end of an operation whose answer blames its target: error -32601; error -32602 to a tool
/// or prompt that is not admitted, or to a resource; error -32002. A cancelled one has no answer.
pub(super) const UNKNOWN_TARGETS_TOTAL: Family = Family::counter(
    "unknown_targets_total",
    &["kind"],
    "Requests for a tool, prompt, resource or method that is not there.",
    |_| Unknown::ALL.len(),
);

/// At the end of an operation that was cut short: `dropped` before the head, `aborted` after it,
/// `notification` if a `notifications/cancelled` named it. Each counts in `operations_total` too.
pub(super) const CANCELLATIONS_TOTAL: Family = Family::counter(
    "cancellations_total",
    &["mcp_method", "cause"],
    "Operations cut short, by method and cause.",
    |_| MethodLabel::COUNT * CancelCause::ALL.len(),
);

/// At the end of a `tools/call` whose arguments were read to their end, a cancelled one too.
pub(super) const TOOL_ARGUMENTS_BYTES: Family = Family::histogram(
    "tool_arguments_bytes",
    &["tool_name"],
    "Size of the arguments of tool calls.",
    |shape| shape.tools * shape.sizes,
)
.bytes()
.of(Group::Sizes);

/// At the end of a `tools/call` whose result was read to its end. A cancelled one has none.
pub(super) const TOOL_RESULT_BYTES: Family = Family::histogram(
    "tool_result_bytes",
    &["tool_name"],
    "Size of the results of tool calls.",
    |shape| shape.tools * shape.sizes,
)
.bytes()
.of(Group::Sizes);

/// With `tool_result_bytes`. An estimate: the bytes of all results by a divisor.
pub(super) const TOOL_RESULT_TOKENS_ESTIMATE_TOTAL: Family = Family::counter(
    "tool_result_tokens_estimate_total",
    &["tool_name"],
    "Estimate of the tokens in the results of tool calls: their bytes by a divisor, 4 by default.",
    |shape| shape.tools,
)
.of(Group::Sizes);

/// At the end of every `tools/call`, a cancelled one too.
pub(super) const TOOL_LAST_CALL_TIMESTAMP_SECONDS: Family = Family::gauge(
    "tool_last_call_timestamp_seconds",
    &["tool_name"],
    "When a call of the tool last ended, in seconds since 1970.",
    |shape| shape.tools,
)
.seconds();

/// When a page of `tools/list` passes, for each tool on it that is admitted. Absent once the tool was
/// not listed in the hour before the last complete list. A cancelled listing counts as far as it was
/// read.
pub(super) const TOOL_DEFINITION_BYTES: Family = Family::gauge(
    "tool_definition_bytes",
    &["tool_name"],
    "Size of the largest definition of a tool in the lists of an hour.",
    |shape| shape.tools - 1,
)
.bytes()
.of(Group::Lists);

/// When a page of `tools/list` shows a tool that came after the first complete list, or a definition
/// which is none of the last eight of its tool. A cancelled listing counts as far as it was read.
pub(super) const TOOL_SCHEMA_CHANGES_TOTAL: Family = Family::counter(
    "tool_schema_changes_total",
    &["change"],
    "Tools that appeared after the first complete list, and definitions that are new.",
    |_| SchemaChange::ALL.len(),
)
.of(Group::Lists);

/// When the last page of a list passes. A cancelled listing is not complete.
pub(super) const LIST_RESPONSE_BYTES: Family = Family::gauge(
    "list_response_bytes",
    &["list"],
    "Size of the largest complete list of the last hour, all its pages.",
    |_| ListKind::ALL.len(),
)
.bytes()
.of(Group::Lists);

/// When the last page of a list passes. A cancelled listing is not complete.
pub(super) const LIST_RESPONSE_ITEMS: Family = Family::gauge(
    "list_response_items",
    &["list"],
    "Items in the largest complete list of the last hour, all its pages.",
    |_| ListKind::ALL.len(),
)
.of(Group::Lists);

/// The same as `tools_total` under a name that OpenMetrics allows a gauge.
pub(super) const SERVER_TOOLS: Family =
    Family::gauge("server_tools", &[], "Tools that the server offers.", |_| 1);

/// The same as `resources_total` under a name that OpenMetrics allows a gauge.
pub(super) const SERVER_RESOURCES: Family =
    Family::gauge("server_resources", &[], "Resources that the server offers.", |_| 1);

/// The same as `prompts_total` under a name that OpenMetrics allows a gauge.
pub(super) const SERVER_PROMPTS: Family =
    Family::gauge("server_prompts", &[], "Prompts that the server offers.", |_| 1);

/// Up when a session is given out, down when it ends, expires or makes room, or when its server answers
/// that it does not know it (404). A cancelled request leaves its session alone.
pub(super) const SESSIONS_ACTIVE: Family = Family::gauge(
    "sessions_active",
    &[],
    "Sessions that were given out and have neither ended nor been idle for long.",
    |_| 1,
)
.of(Group::Sessions);

/// At a scrape. A request counts as one when it arrives, whether it is cancelled or not; an event stream
/// until it ends, however it ends.
pub(super) const SESSIONS_OLDEST_IDLE_SECONDS: Family = Family::gauge(
    "sessions_oldest_idle_seconds",
    &[],
    "Time since the last request or open stream of the session that has had none for the longest.",
    |_| 1,
)
.seconds()
.of(Group::Sessions);

/// When it happens; an expiry when it is noticed: at a scrape, when a session is given out, or when the
/// server answers that it does not know the session, which counts as `unknown` too. A cancelled request
/// has no event.
pub(super) const SESSION_EVENTS_TOTAL: Family = Family::counter(
    "session_events_total",
    &["event"],
    "Sessions created, terminated and expired; requests rejected without one or with an unknown one.",
    |_| SessionEvent::ALL.len(),
).of(Group::Sessions);

/// When a session ends, expires, makes room or is found to be over. A cancelled request leaves its session
/// alone.
pub(super) const SESSION_DURATION_SECONDS: Family = Family::histogram(
    "session_duration_seconds",
    &[],
    "Time from the start of a session to its end, or to its last use if it expired.",
    |shape| shape.long,
)
.seconds()
.of(Group::Sessions);

/// At the end of every operation; `none` if the client did not say who it is, and version `_OTHER` if its
/// name has more versions than are shown. A cancelled one counts with outcome `cancelled`.
pub(super) const CLIENT_OPERATIONS_TOTAL: Family = Family::counter(
    "client_operations_total",
    &["client_name", "client_version", "outcome"],
    "MCP operations by client and outcome.",
    |_| clients::ROWS * Outcome::ALL.len(),
)
.of(Group::Clients);

/// At the end of every operation whose revision is known, a cancelled one too.
pub(super) const CLIENT_PROTOCOL_TOTAL: Family = Family::counter(
    "client_protocol_total",
    &["revision"],
    "MCP operations by the revision of the protocol that they were sent in.",
    |_| <Revision as ClosedSet>::ALL.len(),
)
.of(Group::Clients);

/// Up when an event stream opens, down when it ends, however it ends.
pub(super) const STREAMS_ACTIVE: Family =
    Family::gauge("streams_active", &["kind"], "Event streams that are open.", |_| {
        StreamKind::ALL.len()
    })
    .of(Group::Streams);

/// When an event stream ends. A cancelled one counts with the time until then.
pub(super) const STREAM_DURATION_SECONDS: Family = Family::histogram(
    "stream_duration_seconds",
    &["kind"],
    "Time from the request to the end of its event stream.",
    |shape| StreamKind::ALL.len() * shape.long,
)
.seconds()
.of(Group::Streams);

/// When the first message of a stream passes. One cancelled before that does not count.
pub(super) const STREAM_FIRST_EVENT_SECONDS: Family = Family::histogram(
    "stream_first_event_seconds",
    &["kind"],
    "Time from the request to the first message of its event stream.",
    |shape| StreamKind::ALL.len() * shape.durations,
)
.seconds()
.of(Group::Streams);

/// When a stream ends, for all that it carried. A cancelled one counts what had passed.
pub(super) const STREAM_MESSAGES_TOTAL: Family = Family::counter(
    "stream_messages_total",
    &["kind", "message"],
    "Messages and comments in event streams.",
    |_| StreamKind::ALL.len() * StreamMessage::ALL.len(),
)
.of(Group::Streams);

/// At the head of a response that refuses a `GET` or `subscriptions/listen`. A request cancelled
/// before it does not count.
pub(super) const STREAMS_REFUSED_TOTAL: Family = Family::counter(
    "streams_refused_total",
    &["reason"],
    "Requests for a standing stream that were refused, by status.",
    |_| Refusal::ALL.len(),
)
.of(Group::Streams);

/// When a batch was read. One cancelled before that does not count.
pub(super) const BATCH_SIZE: Family =
    Family::histogram("batch_size", &[], "Messages in a JSON-RPC batch.", |shape| shape.batches);

/// Whenever a label value is replaced by `_OTHER`, at the end of a cancelled request too.
pub(super) const LABELS_CLAMPED_TOTAL: Family = Family::counter(
    "observability_labels_clamped_total",
    &["label", "reason"],
    "Label values replaced because they were not admitted, by label and reason.",
    |_| Clamps::combinations(),
);

/// When an exchange closes: once for the body of a `POST`, once for a response body in which an
/// answer could be expected. `prefix` did not pass whole, a cancelled one for example, or for reason
/// `batch` had more messages than are kept; `skipped` could not be read, for reason `media_type`,
/// `content_encoding` or `buffer`; `invalid` is not what it says it is. A `complete` one with reason
/// `duplicate_keys` says something twice, and the last counts.
pub(super) const BODY_INSPECTIONS_TOTAL: Family = Family::counter(
    "observability_body_inspections_total",
    &["direction", "result", "reason"],
    "Bodies that were looked into, by direction, result and why they were not read.",
    |_| Direction::ALL.len() * Inspection::ALL.len(),
);

/// When a line or a span could not be handed on. A cancelled request loses none by that.
pub(super) const DROPPED_TOTAL: Family = Family::counter(
    "observability_dropped_total",
    &["signal"],
    "Log lines and spans that were lost on their way out.",
    |_| Signal::ALL.len(),
);

/// When an export has succeeded. Absent until then; a cancelled request does nothing to it.
pub(super) const LAST_EXPORT_TIMESTAMP_SECONDS: Family = Family::gauge(
    "observability_last_export_timestamp_seconds",
    &["signal"],
    "When a signal was last exported, in seconds since 1970.",
    |_| Signal::ALL.len(),
)
.seconds();

/// At the end of every operation with a JSON-RPC method. A cancelled one counts with the time until
/// then, and without `error_type`.
pub(super) const MCP_SERVER_OPERATION_DURATION_SECONDS: Family = Family::histogram(
    "mcp_server_operation_duration_seconds",
    &[
        "mcp_method_name",
        "error_type",
        "gen_ai_operation_name",
        "gen_ai_tool_name",
        "gen_ai_prompt_name",
        "rpc_response_status_code",
        "mcp_protocol_version",
        "network_protocol_name",
        "network_protocol_version",
        "network_transport",
    ],
    "Time to answer MCP requests and notifications (mcp.server.operation.duration).",
    conventions::operation_series,
)
.seconds()
.by(Set::Conventions);

/// With `session_duration_seconds`, whether that is shown or not.
pub(super) const MCP_SERVER_SESSION_DURATION_SECONDS: Family = Family::histogram(
    "mcp_server_session_duration_seconds",
    &["mcp_protocol_version", "network_protocol_name"],
    "Time from the start of an MCP session to its end (mcp.server.session.duration).",
    |_| conventions::SESSION_SERIES,
)
.seconds()
.by(Set::Conventions);

/// When an exchange closes. A cancelled one counts with the time until then, and without a status
/// if it had no head.
pub(super) const HTTP_SERVER_REQUEST_DURATION_SECONDS: Family = Family::histogram(
    "http_server_request_duration_seconds",
    &["http_request_method", "url_scheme", "error_type", "http_response_status_code", "http_route", "network_protocol_version"],
    "Time from the head of an HTTP request to the end of its response (http.server.request.duration).",
    http_conventions::request_series,
).seconds().by(Set::HttpConventions);

/// Up at the head of every request, down when the exchange closes, however it does.
pub(super) const HTTP_SERVER_ACTIVE_REQUESTS: Family = Family::gauge(
    "http_server_active_requests",
    &["http_request_method", "url_scheme"],
    "HTTP requests that are open (http.server.active_requests).",
    http_conventions::active_series,
)
.by(Set::HttpConventions);

/// When an exchange that is a gRPC call closes. A cancelled one counts with the time until then.
pub(super) const RPC_SERVER_CALL_DURATION_SECONDS: Family = Family::histogram(
    "rpc_server_call_duration_seconds",
    &["rpc_system_name", "rpc_method", "error_type", "rpc_response_status_code"],
    "Time from the head of a gRPC call to its end (rpc.server.call.duration).",
    |_| http_conventions::CALL_SERIES,
)
.seconds()
.by(Set::HttpConventions);

/// At a scrape: the series of this store, itself included.
pub(super) const SERIES: Family =
    Family::gauge("observability_series", &[], "Series on this page.", |_| 1);

/// At set-up: what `max_series` says.
pub(super) const SERIES_LIMIT: Family = Family::gauge(
    "observability_series_limit",
    &[],
    "Series that this page may have at most.",
    |_| 1,
);

/// Every family, in the order of a page.
pub(super) const ALL: [&Family; 52] = [
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
    &JSONRPC_ERRORS_TOTAL,
    &UNKNOWN_TARGETS_TOTAL,
    &CANCELLATIONS_TOTAL,
    &TOOL_ARGUMENTS_BYTES,
    &TOOL_RESULT_BYTES,
    &TOOL_RESULT_TOKENS_ESTIMATE_TOTAL,
    &TOOL_LAST_CALL_TIMESTAMP_SECONDS,
    &TOOL_DEFINITION_BYTES,
    &TOOL_SCHEMA_CHANGES_TOTAL,
    &LIST_RESPONSE_BYTES,
    &LIST_RESPONSE_ITEMS,
    &SERVER_TOOLS,
    &SERVER_RESOURCES,
    &SERVER_PROMPTS,
    &SESSIONS_ACTIVE,
    &SESSIONS_OLDEST_IDLE_SECONDS,
    &SESSION_EVENTS_TOTAL,
    &SESSION_DURATION_SECONDS,
    &CLIENT_OPERATIONS_TOTAL,
    &CLIENT_PROTOCOL_TOTAL,
    &STREAMS_ACTIVE,
    &STREAM_DURATION_SECONDS,
    &STREAM_FIRST_EVENT_SECONDS,
    &STREAM_MESSAGES_TOTAL,
    &STREAMS_REFUSED_TOTAL,
    &BATCH_SIZE,
    &LABELS_CLAMPED_TOTAL,
    &BODY_INSPECTIONS_TOTAL,
    &DROPPED_TOTAL,
    &LAST_EXPORT_TIMESTAMP_SECONDS,
    &MCP_SERVER_OPERATION_DURATION_SECONDS,
    &MCP_SERVER_SESSION_DURATION_SECONDS,
    &HTTP_SERVER_REQUEST_DURATION_SECONDS,
    &HTTP_SERVER_ACTIVE_REQUESTS,
    &RPC_SERVER_CALL_DURATION_SECONDS,
    &SERIES,
    &SERIES_LIMIT,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{
        super::{
            family::{Kind, Sets, Unit},
            group::Groups,
            labels::is_identifier,
        },
        *,
    };

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let gauges_of_the_tutorial = ["tools_total", "resources_total", "prompts_total"];
        let mut names = HashSet::new();
        for family in ALL {
            let Family { name, set, kind, unit, help, labels, .. } = family;
            assert!(is_identifier(name) && names.insert(family.full_name("mcp")), "{name}");
            assert!(!help.contains(['\n', '\\']), "{name}: {help}");
            assert!(help.ends_with('.'), "{name}: {help}");
            assert!(labels.iter().all(|label| is_identifier(label) && *label != "le"), "{name}");
            let base = name.trim_end_matches("_total");
            assert_eq!(*unit == Unit::Seconds, base.ends_with("_seconds"), "{name}");
            assert_eq!(*unit == Unit::Bytes, base.ends_with("_bytes"), "{name}");
            if !gauges_of_the_tutorial.contains(name) {
                assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            }
            let by_convention = matches!(set, Set::Conventions | Set::HttpConventions);
            assert_eq!(family.prefix("x").is_none(), by_convention, "{name}");
        }
    }

    /// D13: the tables name what there is and nothing else. A row may have several families, if
    /// they have the same type and labels.
    #[test]
    fn the_tables_list_every_family_with_its_type_and_labels() {
        for text in [include_str!("../../README.md"), include_str!("mod.rs")] {
            let rows: Vec<_> = text
                .lines()
                .map(|line| line.trim_start_matches("//! "))
                .filter(|line| line.starts_with('|'))
                .collect();
            for family in ALL {
                let name = family.full_name("mcp");
                let mut of_family = rows.iter().filter(|row| row.contains(&format!("`{name}`")));
                let row = of_family.next().unwrap_or_else(|| panic!("there is no {name}"));
                assert!(of_family.next().is_none(), "{name} is there twice");
                let cells: Vec<_> = row.split('|').map(str::trim).collect();
                let kind = format!("{:?}", family.kind).to_lowercase();
                assert!(cells[2].starts_with(&kind), "{name} is a {kind}: {row}");
                let labels: Vec<_> =
                    cells[3].split(", ").filter(|one| one.starts_with('`')).collect();
                let expected: Vec<_> =
                    family.labels.iter().map(|label| format!("`{label}`")).collect();
                assert_eq!(labels, expected, "{name}");
            }
            let listed: usize = rows
                .iter()
                .filter_map(|row| row.split('|').nth(1))
                .flat_map(|families| families.split(", "))
                .filter(|name| {
                    ["`mcp_", "`http_", "`rpc_"].iter().any(|of| name.trim().starts_with(of))
                })
                .count();
            assert_eq!(listed, ALL.len(), "none besides");
        }
    }

    #[test]
    fn a_set_that_is_left_out_has_no_family() {
        let none = [Group::Clients, Group::Sessions, Group::Streams, Group::Lists, Group::Sizes]
            .into_iter()
            .fold(Groups::ALL, Groups::without);
        let sets = Sets { groups: none, conventions: false, http_conventions: false };
        assert!(sets.families().all(|family| family.set == Set::Always));
        let all = Sets { groups: Groups::ALL, conventions: true, http_conventions: true };
        assert_eq!(all.families().count(), ALL.len());
    }
}
