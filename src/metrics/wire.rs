//! What the layer tells the store of each exchange it observes.

use super::{
    admission::NameId,
    auth::AuthResult,
    clamps::Label,
    group::Group,
    in_flight::InFlight,
    key::{OperationKey, Source, TargetKey},
    labels::{AuthFailure, AuthKind, ClosedSet, Code, Direction, Reason, Scheme, Unknown},
    operation::{HttpExchange, MethodLabel, Operation, Target},
    store::McpMetrics,
};
use crate::{
    exchange::{Inspection, Outcome, Sink},
    mcp::{Method, Revision},
};

/// The client type of a rate limit that shows on the wire, which does not say what it is on.
pub(super) const UNKNOWN_CLIENT_TYPE: &str = "unknown";

impl McpMetrics {
    /// Counts one operation at its end.
    pub(crate) fn record_operation(&self, operation: &Operation<'_>) {
        let &Operation { method, outcome, code, component, revision, duration, .. } = operation;
        if method == MethodLabel::Known(Method::Other) {
            self.clamped(Label::McpMethod, Reason::Unknown);
        }
        if revision == Some(Revision::Other) {
            self.clamped(Label::Revision, Reason::Unknown);
        }
        let target = self.target(operation);
        if method == MethodLabel::Known(Method::ToolsCall) {
            self.record_tool(operation, target);
        }
        if self.has(Group::Clients) {
            if let Some(revision) = revision {
                self.inner.revisions.add(revision.index(), 1);
            }
            if let Err(reason) = self.inner.clients.count(operation.client, outcome) {
                self.clamped(Label::ClientName, reason);
            }
        }
        if let Some(conventions) = &self.inner.conventions {
            conventions.operation(operation, target, &self.inner.clamps);
        }
        let code = code.map(Code::of);
        if let Some(unknown) = code.and_then(|code| unknown_target(code, target)) {
            self.inner.unknown_targets.add(unknown.index(), 1);
        }
        let key = OperationKey {
            source: Source::Wire,
            method,
            target,
            outcome: Some(outcome),
            code,
            component,
            cancelled: operation.cancelled,
        };
        self.count_operation(&key, duration);
    }

    /// Counts what only calls of tools have.
    fn record_tool(&self, operation: &Operation<'_>, target: TargetKey) {
        // A call whose name could not be read counts with those that are not admitted.
        let tool = match target {
            TargetKey::Tool(name) => name,
            _ => NameId::OTHER,
        };
        let tools = &self.inner.tools;
        tools.called(tool);
        if self.has(Group::Sizes) {
            let &Operation { arguments_bytes, result_bytes, .. } = operation;
            tools.sizes(tool, &self.inner.buckets.sizes, arguments_bytes, result_bytes);
        }
    }

    /// Counts one HTTP exchange at its end.
    pub(crate) fn record_exchange(&self, exchange: &HttpExchange<'_>) {
        let &HttpExchange { method, path, matched, status, duration, answered } = exchange;
        let route = self.inner.routes.of(path, matched, answered);
        self.count_exchange(self.inner.methods.of(method), route, status, duration);
    }

    pub(super) fn has(&self, group: Group) -> bool {
        self.inner.sets.groups.has(group)
    }

    /// Counts an attempt to authenticate; without a `failure` it was a success.
    pub(crate) fn record_auth(&self, kind: AuthKind, failure: Option<AuthFailure>) {
        let result = match failure {
            None => AuthResult::Success,
            Some(_) => AuthResult::Failure(failure),
        };
        self.inner.auth_attempts.count(kind, result);
    }

    /// Counts a body that was looked into.
    pub(crate) fn record_inspection(&self, direction: Direction, result: Inspection) {
        self.inner.inspections.count(direction, result);
    }

    /// Counts a request that was answered with 429.
    pub(crate) fn record_rate_limited(&self) {
        let client_type = self.inner.client_types.admit(UNKNOWN_CLIENT_TYPE, false);
        self.inner.rate_limit_hits.add(client_type.unwrap_or(NameId::OTHER).index(), 1);
    }

    /// The operations that are being served.
    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.inner.in_flight
    }

    /// Who this store is to the exchanges that it records.
    pub(crate) fn sink(&self) -> Sink {
        self.inner.sink
    }

    /// The label of a target. A tool or prompt is admitted by its own success only: a server may
    /// answer anything to a name that it does not know, but not that.
    fn target(&self, operation: &Operation<'_>) -> TargetKey {
        let succeeded = operation.outcome == Outcome::Success && operation.proves;
        match operation.target {
            Target::None => TargetKey::None,
            Target::Tool(name) => TargetKey::Tool(self.tool(name, succeeded)),
            Target::Prompt(name) => TargetKey::Prompt(self.prompt(name, succeeded)),
            Target::Resource(uri) => {
                let scheme = Scheme::of(uri);
                if scheme == Scheme::Other {
                    self.clamped(Label::ResourceType, Reason::Unknown);
                }
                TargetKey::Resource(scheme)
            }
        }
    }

    fn prompt(&self, name: &[u8], succeeded: bool) -> NameId {
        self.inner.prompts.admit_bytes(name, succeeded).unwrap_or_else(|reason| {
            self.clamped(Label::PromptName, reason);
            NameId::OTHER
        })
    }
}

/// What was not there, if that is what an error code says of its target.
///
/// Invalid params (-32602) is the answer to an unknown tool or prompt as much as to bad arguments
/// for a known one. An admitted name is known, so the error is about its arguments. For a resource
/// the code took the place of -32002 (MCP 2026-07-28), and a read has no other params.
fn unknown_target(code: Code, target: TargetKey) -> Option<Unknown> {
    match (code, target) {
        (Code::MethodNotFound, _) => Some(Unknown::Method),
        (Code::InvalidParams, TargetKey::Tool(NameId::OTHER)) => Some(Unknown::Tool),
        (Code::InvalidParams, TargetKey::Prompt(NameId::OTHER)) => Some(Unknown::Prompt),
        (Code::InvalidParams, TargetKey::Resource(_)) | (Code::ResourceNotFound, _) => {
            Some(Unknown::Resource)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method as HttpVerb;

    use super::{super::clients::ClientId, *};
    use crate::exchange::Component;

    const CALL: Operation<'_> = Operation {
        method: MethodLabel::Known(Method::ToolsCall),
        target: Target::Tool(b"echo"),
        proves: true,
        outcome: Outcome::Success,
        code: None,
        component: None,
        revision: Some(Revision::V2025_11_25),
        duration: Some(Duration::from_millis(3)),
        reason: None,
        cancelled: None,
        client: ClientId::NONE,
        arguments_bytes: None,
        result_bytes: None,
        version: http::Version::HTTP_11,
    };

    const EXCHANGE: HttpExchange<'_> = HttpExchange {
        method: &HttpVerb::POST,
        path: "/mcp",
        matched: None,
        status: 200,
        duration: Some(Duration::from_millis(3)),
        answered: true,
    };

    #[track_caller]
    fn assert_lines(metrics: &McpMetrics, lines: &[&str]) {
        let page = metrics.render();
        for line in lines {
            assert!(page.lines().any(|other| other == *line), "no line {line}\n{page}");
        }
    }

    #[track_caller]
    fn assert_no(metrics: &McpMetrics, start: &str) {
        let page = metrics.render();
        assert!(!page.lines().any(|line| line.starts_with(start)), "{start}\n{page}");
    }

    #[test]
    fn a_call_shows_in_the_tutorials_families_and_in_ours() {
        let metrics = McpMetrics::new();
        metrics.record_operation(&CALL);
        metrics.record_exchange(&EXCHANGE);
        assert_lines(
            &metrics,
            &[
                r#"mcp_tool_calls_total{tool_name="echo",status="success"} 1"#,
                r#"mcp_tool_calls_total{tool_name="echo",status="error",error_type="tool_error"} 0"#,
                r#"mcp_tool_call_duration_seconds_sum{tool_name="echo"} 0.003"#,
                r#"mcp_operations_total{mcp_method="tools/call",outcome="success"} 1"#,
                r#"mcp_operation_duration_seconds_count{mcp_method="tools/call"} 1"#,
                r#"mcp_requests_total{method="POST",path="/mcp",status="200"} 1"#,
                r#"mcp_request_duration_seconds_bucket{method="POST",path="/mcp",le="0.005"} 1"#,
            ],
        );
        assert_no(&metrics, "mcp_errors_total");
    }

    #[test]
    fn each_outcome_of_a_call_has_its_status_and_error_type() {
        let metrics = McpMetrics::builder().tools(["echo"]).build().unwrap();
        for outcome in Outcome::ALL {
            let component = outcome.is_error().then_some(Component::Tool);
            metrics.record_operation(&Operation { outcome, component, ..CALL });
        }
        let call = |labels: &str, count: u64| {
            format!(r#"mcp_tool_calls_total{{tool_name="echo",{labels}}} {count}"#)
        };
        let mut lines = vec![call(r#"status="success""#, 2)];
        for outcome in Outcome::ALL {
            let status = outcome.status().as_str();
            if status != "success" {
                lines.push(call(&format!(r#"status="{status}",error_type="{outcome}""#), 1));
            }
            lines.push(format!(
                r#"mcp_operations_total{{mcp_method="tools/call",outcome="{outcome}"}} 1"#
            ));
            if outcome.is_error() {
                lines.push(format!(r#"mcp_errors_total{{type="{outcome}",component="tool"}} 1"#));
            }
        }
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_lines(&metrics, &lines);
        assert_no(&metrics, r#"mcp_errors_total{type="cancelled""#);
    }

    #[test]
    fn a_name_that_has_not_succeeded_counts_as_other_for_good() {
        let metrics = McpMetrics::new();
        let failed = Operation { outcome: Outcome::ServerError, ..CALL };
        metrics.record_operation(&failed);
        metrics.record_operation(&CALL);
        metrics.record_operation(&failed);
        let unreadable = Operation { target: Target::None, ..failed };
        metrics.record_operation(&unreadable);
        assert_lines(
            &metrics,
            &[
                r#"mcp_tool_calls_total{tool_name="_OTHER",status="error",error_type="server_error"} 2"#,
                r#"mcp_tool_calls_total{tool_name="echo",status="error",error_type="server_error"} 1"#,
                r#"mcp_tool_calls_total{tool_name="echo",status="success"} 1"#,
                r#"mcp_observability_labels_clamped_total{label="tool_name",reason="unknown"} 1"#,
            ],
        );
    }

    #[test]
    fn without_a_duration_there_is_a_count_but_no_sample() {
        let metrics = McpMetrics::new();
        let stream = MethodLabel::None;
        metrics.record_operation(&Operation {
            method: stream,
            target: Target::None,
            duration: None,
            ..CALL
        });
        metrics.record_exchange(&HttpExchange { duration: None, ..EXCHANGE });
        assert_lines(
            &metrics,
            &[
                r#"mcp_operations_total{mcp_method="none",outcome="success"} 1"#,
                r#"mcp_requests_total{method="POST",path="/mcp",status="200"} 1"#,
            ],
        );
        assert_no(&metrics, "mcp_operation_duration_seconds");
        assert_no(&metrics, "mcp_request_duration_seconds");
    }

    #[test]
    fn resources_are_told_apart_by_scheme_and_status_only() {
        let metrics = McpMetrics::new();
        let read = |uri: &str, outcome| {
            metrics.record_operation(&Operation {
                method: MethodLabel::Known(Method::ResourcesRead),
                target: Target::Resource(uri.as_bytes()),
                outcome,
                ..CALL
            });
        };
        read("file:///etc/hosts", Outcome::Success);
        read("FILE:///etc/passwd", Outcome::CallerError);
        read("secret-scheme://x", Outcome::Success);
        assert_lines(
            &metrics,
            &[
                r#"mcp_resource_reads_total{resource_type="file",status="success"} 1"#,
                r#"mcp_resource_reads_total{resource_type="file",status="error"} 1"#,
                r#"mcp_resource_reads_total{resource_type="_OTHER",status="success"} 1"#,
                r#"mcp_observability_labels_clamped_total{label="resource_type",reason="unknown"} 1"#,
            ],
        );
        assert!(!metrics.render().contains("secret"));
    }

    #[test]
    fn what_is_not_there_is_told_by_code_and_target() {
        let metrics = McpMetrics::builder().tools(["known"]).build().unwrap();
        let fail = |method, target, code| {
            metrics.record_operation(&Operation {
                method: MethodLabel::Known(method),
                target,
                outcome: Outcome::CallerError,
                code: Some(code),
                ..CALL
            });
        };
        fail(Method::ToolsCall, Target::Tool(b"nowhere"), -32602);
        fail(Method::ToolsCall, Target::Tool(b"known"), -32602);
        fail(Method::PromptsGet, Target::Prompt(b"nowhere"), -32602);
        fail(Method::ResourcesRead, Target::Resource(b"file:///x"), -32602);
        fail(Method::ResourcesRead, Target::Resource(b"file:///x"), -32002);
        fail(Method::Other, Target::None, -32601);
        fail(Method::ToolsCall, Target::Tool(b"nowhere"), -32603);
        assert_lines(
            &metrics,
            &[
                r#"mcp_unknown_targets_total{kind="tool"} 1"#,
                r#"mcp_unknown_targets_total{kind="prompt"} 1"#,
                r#"mcp_unknown_targets_total{kind="resource"} 2"#,
                r#"mcp_unknown_targets_total{kind="method"} 1"#,
                r#"mcp_observability_labels_clamped_total{label="mcp_method",reason="unknown"} 1"#,
                r#"mcp_observability_labels_clamped_total{label="prompt_name",reason="unknown"} 1"#,
            ],
        );
    }

    #[test]
    fn what_handlers_and_the_wire_call_the_same_is_one_series() {
        let metrics = McpMetrics::new();
        metrics.record_operation(&CALL);
        metrics.record_tool_call("echo", "success", Duration::from_millis(1));
        let component = Some(Component::Tool);
        metrics.record_operation(&Operation { outcome: Outcome::ToolError, component, ..CALL });
        metrics.record_error("tool_error", "tool");
        assert_lines(
            &metrics,
            &[
                r#"mcp_tool_calls_total{tool_name="echo",status="success"} 2"#,
                r#"mcp_errors_total{type="tool_error",component="tool"} 2"#,
                // What is recorded by hand is no operation of the protocol.
                r#"mcp_operations_total{mcp_method="tools/call",outcome="success"} 1"#,
            ],
        );
    }

    #[test]
    fn authentication_and_limits_show_what_the_wire_knows() {
        let metrics = McpMetrics::new();
        metrics.record_auth(AuthKind::Bearer, None);
        metrics.record_auth(AuthKind::Bearer, Some(AuthFailure::Invalid));
        metrics.record_auth(AuthKind::None, Some(AuthFailure::NoCredentials));
        metrics.record_rate_limited();
        assert_lines(
            &metrics,
            &[
                r#"mcp_auth_attempts_total{type="bearer",status="success"} 1"#,
                r#"mcp_auth_attempts_total{type="bearer",status="failure",reason="invalid"} 1"#,
                r#"mcp_auth_attempts_total{type="none",status="failure",reason="no_credentials"} 1"#,
                r#"mcp_rate_limit_hits_total{client_type="unknown"} 1"#,
            ],
        );
    }

    #[test]
    fn the_gauge_of_a_method_appears_with_its_first_operation_and_returns_to_zero() {
        let metrics = McpMetrics::new();
        assert_no(&metrics, "mcp_requests_in_flight");
        let ping = MethodLabel::Known(Method::Ping);
        metrics.in_flight().enter();
        metrics.in_flight().know(ping);
        assert_lines(&metrics, &[r#"mcp_requests_in_flight{mcp_method="ping"} 1"#]);
        metrics.in_flight().leave(ping);
        assert_lines(&metrics, &[r#"mcp_requests_in_flight{mcp_method="ping"} 0"#]);
    }

    /// T27: 10,000 names from the wire, half of which a careless server answers with success.
    #[test]
    fn no_name_from_the_wire_makes_series_without_end() {
        let metrics = McpMetrics::new();
        let outcomes = [Outcome::Success, Outcome::CallerError];
        for number in 0..10_000 {
            let name = format!("name-{number}");
            let path = format!("/{name}");
            let uri = format!("{name}:x");
            let outcome = outcomes[number % 2];
            for (method, target) in [
                (Method::ToolsCall, Target::Tool(name.as_bytes())),
                (Method::PromptsGet, Target::Prompt(name.as_bytes())),
                (Method::ResourcesRead, Target::Resource(uri.as_bytes())),
            ] {
                let method = MethodLabel::Known(method);
                metrics.record_operation(&Operation { method, target, outcome, ..CALL });
            }
            let verb = HttpVerb::from_bytes(format!("VERB{number}").as_bytes()).unwrap();
            metrics.record_exchange(&HttpExchange { method: &verb, path: &path, ..EXCHANGE });
        }
        let page = metrics.render();
        assert!(page.lines().count() < 2_000, "{}", page.lines().count());
        let calls = page.lines().filter(|line| line.starts_with("mcp_tool_calls_total{"));
        let total: u64 =
            calls.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
        assert_eq!(total, 10_000, "sums stay true");
    }

    #[test]
    fn beyond_the_limit_of_combinations_one_more_counts_as_other() {
        let metrics = McpMetrics::builder().tools(["a", "b"]).max_combinations(1).build().unwrap();
        for name in ["a", "b"] {
            metrics.record_operation(&Operation { target: Target::Tool(name.as_bytes()), ..CALL });
        }
        metrics.record_operation(&Operation { target: Target::Tool(b"a"), ..CALL });
        assert_lines(
            &metrics,
            &[
                r#"mcp_tool_calls_total{tool_name="a",status="success"} 2"#,
                r#"mcp_tool_calls_total{tool_name="_OTHER",status="success"} 1"#,
                r#"mcp_client_protocol_total{revision="2025-11-25"} 3"#,
                r#"mcp_operations_total{mcp_method="tools/call",outcome="success"} 3"#,
                r#"mcp_observability_labels_clamped_total{label="tool_name",reason="cap"} 1"#,
            ],
        );
    }

    #[test]
    fn beyond_the_limit_of_requests_a_status_counts_with_its_class() {
        let metrics = McpMetrics::builder().routes(["/a"]).learn(false).build().unwrap();
        for status in 200..500 {
            metrics.record_exchange(&HttpExchange { path: "/a", status, ..EXCHANGE });
        }
        // A route has 132 combinations here, which end with status 331.
        assert_lines(
            &metrics,
            &[
                r#"mcp_requests_total{method="POST",path="/a",status="331"} 1"#,
                r#"mcp_requests_total{method="POST",path="_OTHER",status="3xx"} 68"#,
                r#"mcp_requests_total{method="POST",path="_OTHER",status="4xx"} 100"#,
                r#"mcp_request_duration_seconds_count{method="POST",path="/a"} 300"#,
                r#"mcp_observability_labels_clamped_total{label="path",reason="cap"} 168"#,
            ],
        );
    }
}
