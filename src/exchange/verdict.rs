//! How an operation ended: by its answer, by the status of its response, or by how its exchange ended.

use std::ops::RangeInclusive;

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
#[inline]
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
        (ResponseKind::Error, Some(code)) => {
            let outcome = match faults.outcome_of(code) {
                // What a server means by a code of its own, nobody else knows. The status is plain.
                Outcome::ServerError
                    if OF_SERVERS.contains(&code)
                        && status.is_some_and(|status| status.is_client_error()) =>
                {
                    Outcome::Rejected
                }
                outcome => outcome,
            };
            (outcome, Some(Reason::Code(code)))
        }
        (ResponseKind::Error, None) => (Outcome::ServerError, None),
        _ if answer.is_error => (Outcome::ToolError, None),
        _ if answer.result_type == ResultType::InputRequired => (Outcome::InputRequired, None),
        _ => (Outcome::Success, None),
    }
}

/// The codes that JSON-RPC leaves to servers (JSON-RPC 2.0, section 5.1). SDKs answer -32000 or -32001 to
/// whoever comes without a session, or with one that is over.
const OF_SERVERS: RangeInclusive<i64> = -32099..=-32000;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i64) -> ResponseMessage {
        ResponseMessage::of_test(&format!(
            r#"{{"id":null,"error":{{"code":{code},"message":""}}}}"#
        ))
    }

    #[test]
    fn a_code_of_the_servers_own_is_what_its_status_says() {
        use Outcome::{CallerError, Rejected, ServerError, Timeout};
        for (code, status, outcome) in [
            (-32_001, 404, Rejected),
            (-32_000, 400, Rejected),
            (-32_099, 405, Rejected),
            (-32_000, 200, ServerError),
            (-32_000, 500, ServerError),
            (-32_000, 504, Timeout),
            (-32_603, 400, ServerError),
            (-32_100, 400, ServerError),
            (-32_602, 400, CallerError),
            (-32_020, 400, CallerError),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let verdict = by_answer(&Faults::default(), Some(status), &refused(code));
            assert_eq!(verdict.0, outcome, "{code} with {status}");
        }
        // On another exchange there is no status.
        let verdict = by_answer(&Faults::default(), None, &refused(-32_001));
        assert_eq!(verdict, (ServerError, Some(Reason::Code(-32_001))));
    }
}
