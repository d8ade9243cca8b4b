//! What is written on a span when it ends: how its operation was decided.

use std::time::SystemTime;

use opentelemetry::{
    KeyValue, Value,
    trace::{SpanRef, Status},
};

use super::{
    attributes::{
        ERROR_TYPE, GEN_AI_TOOL_NAME, HTTP_RESPONSE_STATUS_CODE, OTHER, REASON,
        RPC_RESPONSE_STATUS_CODE,
    },
    span::{self, push_revision},
};
use crate::{
    exchange::{Outcome, Reason, Settlement},
    mcp::Method,
};

/// How an operation was decided, as spans show it.
pub(super) struct End<'a> {
    settlement: &'a Settlement<'a>,
    outcome: Outcome,
    reason: Option<Reason>,
    /// By the letter of the conventions.
    strict: bool,
    time: SystemTime,
}

impl<'a> End<'a> {
    /// `epoch` is when the exchange began, since when the settlement's duration counts.
    pub(super) fn of(settlement: &'a Settlement<'a>, epoch: SystemTime, strict: bool) -> Self {
        let Settlement { outcome, reason, .. } = *settlement;
        // The clock of the wall may have been set since; the duration is that of all other signals.
        let time = epoch.checked_add(settlement.duration).unwrap_or(epoch);
        Self { settlement, outcome, reason, strict, time }
    }

    /// The same for the exchange as a whole. That of a batch has gone well if its messages were answered,
    /// whatever the answers: each message has a span of its own.
    pub(super) fn of_exchange(
        settlement: &'a Settlement<'a>,
        epoch: SystemTime,
        strict: bool,
    ) -> Self {
        let mut end = Self::of(settlement, epoch, strict);
        let by_answers = matches!(
            (end.outcome, end.reason),
            (Outcome::ToolError | Outcome::CallerError | Outcome::ServerError, None)
                | (Outcome::InputRequired, _)
                | (_, Some(Reason::Code(_)))
        );
        if settlement.exchange.is_batch() && by_answers {
            (end.outcome, end.reason) = (Outcome::Success, None);
        }
        end
    }

    /// Ends the span of the exchange.
    pub(super) fn exchange(&self, span: &SpanRef<'_>) {
        if span.is_recording() {
            span.set_attributes(self.attributes());
            if let Some(tool) = self.told_tool() {
                span.update_name(span::name(Method::ToolsCall, Some(tool)));
            }
            self.status(span);
        }
        span.end_with_timestamp(self.time);
    }

    /// Ends the span of a message of a batch, whose own answer is not known.
    pub(super) fn message_of_batch(&self, span: &SpanRef<'_>) {
        if span.is_recording() {
            span.set_attributes(self.error());
            self.status(span);
        }
        span.end_with_timestamp(self.time);
    }

    fn status(&self, span: &SpanRef<'_>) {
        if let Some(description) = self.description() {
            span.set_status(Status::error(description));
        }
        if matches!(self.outcome, Outcome::Cancelled | Outcome::Detached) {
            let reason = self.reason.map(|reason| KeyValue::new(REASON, text_of(reason)));
            span.add_event(self.outcome.as_str(), reason.into_iter().collect());
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(4);
        if let Some(status) = self.settlement.status {
            let status = i64::from(status.as_u16());
            attributes.push(KeyValue::new(HTTP_RESPONSE_STATUS_CODE, status));
        }
        // What a span has from the message would be there twice.
        let is_named = || self.settlement.message.is_some_and(|message| message.target.is_some());
        if let Some(tool) = self.told_tool().filter(|_| !is_named()) {
            attributes.push(KeyValue::new(GEN_AI_TOOL_NAME, tool.to_owned()));
        }
        attributes.extend(self.rpc_status());
        attributes.extend(self.error());
        let is_batch = self.settlement.exchange.is_batch();
        if self.settlement.method() == Some(Method::Initialize) && !is_batch {
            push_revision(self.settlement.revision(), &mut attributes);
        }
        attributes
    }

    /// The tool that the handler has named.
    fn told_tool(&self) -> Option<&str> {
        let tool = self.settlement.told.tool.as_deref();
        let is_call = self.settlement.method() == Some(Method::ToolsCall);
        tool.filter(|_| is_call && !self.settlement.exchange.is_batch())
    }

    /// The code of a JSON-RPC error, or the status of a gRPC call.
    fn rpc_status(&self) -> Option<KeyValue> {
        let is_batch = self.settlement.exchange.is_batch();
        let code = self.settlement.answer.filter(|_| !is_batch).and_then(|it| it.error_code);
        let status: Value = match (self.settlement.grpc, code) {
            (Some(status), _) => status.name().into(),
            (None, Some(code)) => number(code),
            (None, None) => return None,
        };
        Some(KeyValue::new(RPC_RESPONSE_STATUS_CODE, status))
    }

    fn error(&self) -> Option<KeyValue> {
        self.error_type().map(|error| KeyValue::new(ERROR_TYPE, error))
    }

    fn error_type(&self) -> Option<Value> {
        error_type(self.outcome, self.reason, self.strict)
    }

    /// The text of the status `Error`, which is fixed: what a tool or a server says may be anything.
    fn description(&self) -> Option<&'static str> {
        self.error_type()?;
        Some(match (self.outcome, self.reason) {
            (Outcome::ToolError, _) => "the tool reported an error",
            (Outcome::TransportError, _) => "the exchange broke off",
            (Outcome::NoResponse, _) => "the response held no answer",
            (_, Some(Reason::Panic)) => "the service panicked",
            // `error.type` says it.
            _ => "",
        })
    }
}

/// `error.type` by the MCP conventions. What has one has the status `Error`, and nothing else has.
fn error_type(outcome: Outcome, reason: Option<Reason>, strict: bool) -> Option<Value> {
    match (outcome, reason) {
        // By the conventions for gRPC, server side.
        (_, Some(Reason::Grpc(status))) => status.is_server_error().then(|| status.name().into()),
        (_, Some(Reason::Code(code))) if strict => (!CALLERS.contains(&code)).then(|| number(code)),
        (Outcome::ToolError, _) => Some("tool_error".into()),
        (Outcome::Timeout, _) => Some("timeout".into()),
        (Outcome::TransportError | Outcome::NoResponse, _) => Some(OTHER.into()),
        (Outcome::ServerError, reason) => Some(reason.map_or(OTHER.into(), text_of)),
        // Caller's faults of the protocol that the conventions do not know yet. What a setting adds to
        // those is meant to be none.
        (Outcome::CallerError, Some(Reason::Code(code @ -32022..=-32020))) => Some(number(code)),
        // A refusal by status has no type until the conventions settle on one.
        (
            Outcome::Rejected
            | Outcome::CallerError
            | Outcome::Success
            | Outcome::InputRequired
            | Outcome::Cancelled
            | Outcome::Detached,
            _,
        ) => None,
    }
}

/// What the conventions for MCP take for a fault of the caller.
const CALLERS: [i64; 5] = [-32700, -32600, -32601, -32602, -32002];

fn text_of(reason: Reason) -> Value {
    match reason {
        Reason::Dropped => "dropped".into(),
        Reason::Aborted => "aborted".into(),
        Reason::Panic => "panic".into(),
        Reason::Notification => "notification".into(),
        Reason::Code(code) => number(code),
        Reason::Status(status) => number(i64::from(status.as_u16())),
        Reason::Grpc(status) => status.name().into(),
    }
}

fn number(number: i64) -> Value {
    itoa::Buffer::new().format(number).to_owned().into()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn errors_have_a_type_by_the_mcp_conventions() {
        let code = |code| Some(Reason::Code(code));
        let status = |status| Some(Reason::Status(StatusCode::from_u16(status).unwrap()));
        for (outcome, reason, expected) in [
            (Outcome::Success, None, None),
            (Outcome::InputRequired, code(-32042), None),
            (Outcome::ToolError, None, Some("tool_error")),
            (Outcome::CallerError, code(-32700), None),
            (Outcome::CallerError, code(-32600), None),
            (Outcome::CallerError, code(-32601), None),
            (Outcome::CallerError, code(-32602), None),
            (Outcome::CallerError, code(-32002), None),
            (Outcome::CallerError, code(-32020), Some("-32020")),
            (Outcome::CallerError, code(-32021), Some("-32021")),
            (Outcome::CallerError, code(-32022), Some("-32022")),
            (Outcome::ServerError, code(-32603), Some("-32603")),
            (Outcome::ServerError, code(1), Some("1")),
            (Outcome::ServerError, status(500), Some("500")),
            (Outcome::ServerError, Some(Reason::Panic), Some("panic")),
            (Outcome::ServerError, None, Some("_OTHER")),
            (Outcome::Timeout, status(504), Some("timeout")),
            (Outcome::Rejected, status(401), None),
            (Outcome::TransportError, None, Some("_OTHER")),
            (Outcome::Cancelled, Some(Reason::Dropped), None),
            (Outcome::Detached, Some(Reason::Aborted), None),
            (Outcome::NoResponse, None, Some("_OTHER")),
        ] {
            let found = error_type(outcome, reason, false).map(|value| value.to_string());
            assert_eq!(found.as_deref(), expected, "{outcome} {reason:?}");
        }
    }

    #[test]
    fn a_list_of_caller_faults_changes_errors_but_not_by_the_letter() {
        let code = |code| Some(Reason::Code(code));
        for (outcome, reason, by_list, by_letter) in [
            (Outcome::CallerError, code(-32001), None, Some("-32001")),
            (Outcome::ServerError, code(-32602), Some("-32602"), None),
            (Outcome::CallerError, code(-32020), Some("-32020"), Some("-32020")),
            (Outcome::ToolError, None, Some("tool_error"), Some("tool_error")),
        ] {
            for (strict, expected) in [(false, by_list), (true, by_letter)] {
                let found = error_type(outcome, reason, strict).map(|value| value.to_string());
                assert_eq!(found.as_deref(), expected, "{outcome} {reason:?} {strict}");
            }
        }
    }
}
