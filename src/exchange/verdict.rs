//! How an operation ended: by its answer, by the status of its response, or by how its exchange ended.

use http::StatusCode;

use super::{
    common::Faults,
    grpc::GrpcStatus,
    outcome::{Outcome, Reason},
};
use crate::mcp::{ResponseKind, ResponseMessage, ResultType};

/// An outcome, with the reason where the outcome does not say it.
pub(super) type Verdict = (Outcome, Option<Reason>);

/// The outcome that an answer tells. Some statuses say more than the answer beside them.
pub(super) fn by_answer(
    faults: &Faults,
    status: Option<StatusCode>,
    answer: &ResponseMessage,
) -> Verdict {
    if let Some(status) = status {
        if matches!(status.as_u16(), 401 | 403 | 408 | 429 | 500..) {
            return (Outcome::of_status(status), Some(Reason::Status(status)));
        }
    }
    match (answer.kind, answer.error_code) {
        (ResponseKind::Error, Some(code)) => (faults.outcome_of(code), Some(Reason::Code(code))),
        (ResponseKind::Error, None) => (Outcome::ServerError, None),
        _ if answer.is_error => (Outcome::ToolError, None),
        _ if answer.result_type == ResultType::InputRequired => (Outcome::InputRequired, None),
        _ => (Outcome::Success, None),
    }
}

/// The outcome of a gRPC call that ended well. What ends without a status has failed.
pub(super) fn by_grpc(faults: &Faults, status: GrpcStatus) -> Verdict {
    let outcome = status.outcome(faults);
    let reason = match status.mcp_code() {
        _ if outcome == Outcome::Success => None,
        Some(code) => Some(Reason::Code(code)),
        None => Some(Reason::Grpc(status)),
    };
    (outcome, reason)
}

/// The outcome of a response that ended well, and held no answer. Who `asked` for one has none: a success
/// that nobody could read is not believed, since a tool's failure looks the same.
pub(super) fn by_status(status: StatusCode, asked: bool) -> Verdict {
    match Outcome::of_status(status) {
        Outcome::Success if asked => (Outcome::NoResponse, None),
        Outcome::Success => (Outcome::Success, None),
        outcome => (outcome, Some(Reason::Status(status))),
    }
}
