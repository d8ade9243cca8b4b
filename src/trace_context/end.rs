//! What is written on a span when it ends: how its operation was decided.

use std::time::SystemTime;

use opentelemetry::{
    KeyValue, Value,
    trace::{SpanRef, Status},
};

use super::{
    attributes::{ERROR_TYPE, HTTP_RESPONSE_STATUS_CODE, OTHER, REASON, RPC_RESPONSE_STATUS_CODE},
    span::push_revision,
};
use crate::{
    exchange::{Outcome, Reason, Settlement},
    mcp::{Method, ResponseMessage},
};

/// How an operation was decided, as spans show it.
pub(super) struct End<'a> {
    settlement: &'a Settlement<'a>,
    outcome: Outcome,
    reason: Option<Reason>,
    /// The answer, if it is the one to the one message.
    answer: Option<&'a ResponseMessage>,
    time: SystemTime,
}

impl<'a> End<'a> {
    /// `epoch` is when the exchange began, since when the settlement's duration counts.
    pub(super) fn of(settlement: &'a Settlement<'a>, epoch: SystemTime) -> Self {
        let Settlement { mut outcome, mut reason, mut answer, .. } = *settlement;
        // The answer to one message of a batch says nothing of the others.
        let request = settlement.exchange.request().and_then(Result::ok);
        if request.is_some_and(|request| request.batch) && answer.take().is_some() {
            let status = settlement.status.unwrap_or_default();
            outcome = Outcome::of_status(status);
            reason = (outcome != Outcome::Success).then_some(Reason::Status(status));
        }
        // The clock of the wall may have been set since; the duration is that of all other signals.
        let time = epoch.checked_add(settlement.duration).unwrap_or(epoch);
        Self { settlement, outcome, reason, answer, time }
    }

    /// Ends the span of the exchange.
    pub(super) fn exchange(&self, span: &SpanRef<'_>) {
        if span.is_recording() {
            span.set_attributes(self.attributes());
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
        if let Some(code) = self.answer.and_then(|answer| answer.error_code) {
            attributes.push(KeyValue::new(RPC_RESPONSE_STATUS_CODE, number(code)));
        }
        attributes.extend(self.error());
        if let Some(message) = self.settlement.exchange.message() {
            if message.method == Some(Method::Initialize) {
                let agreed = self.answer.and_then(|answer| answer.protocol_version);
                push_revision(agreed.or(message.requested_version), &mut attributes);
            }
        }
        attributes
    }

    fn error(&self) -> Option<KeyValue> {
        error_type(self.outcome, self.reason).map(|error| KeyValue::new(ERROR_TYPE, error))
    }

    /// The text of the status `Error`, which is fixed: what a tool or a server says may be anything.
    fn description(&self) -> Option<&'static str> {
        error_type(self.outcome, self.reason)?;
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
fn error_type(outcome: Outcome, reason: Option<Reason>) -> Option<Value> {
    match (outcome, reason) {
        (Outcome::ToolError, _) => Some("tool_error".into()),
        (Outcome::Timeout, _) => Some("timeout".into()),
        (Outcome::TransportError | Outcome::NoResponse, _) => Some(OTHER.into()),
        (Outcome::ServerError, reason) => Some(reason.map_or(OTHER.into(), text_of)),
        // Of a caller's own faults the conventions know these.
        (Outcome::CallerError, Some(Reason::Code(-32700 | -32600 | -32601 | -32602 | -32002))) => {
            None
        }
        (Outcome::CallerError, reason) => reason.map(text_of),
        // A refusal by status has no type until the conventions settle on one.
        (
            Outcome::Rejected
            | Outcome::Success
            | Outcome::InputRequired
            | Outcome::Cancelled
            | Outcome::Detached,
            _,
        ) => None,
    }
}

fn text_of(reason: Reason) -> Value {
    match reason {
        Reason::Dropped => "dropped".into(),
        Reason::Aborted => "aborted".into(),
        Reason::Panic => "panic".into(),
        Reason::Code(code) => number(code),
        Reason::Status(status) => number(i64::from(status.as_u16())),
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
            let found = error_type(outcome, reason).map(|value| value.to_string());
            assert_eq!(found.as_deref(), expected, "{outcome} {reason:?}");
        }
    }
}
