//! The one outcome vocabulary: how an operation ended, for metric, span and log line alike.

use std::fmt;

use http::StatusCode;

use super::grpc::GrpcStatus;

/// How an operation ended.
///
/// An operation is one JSON-RPC request, or one HTTP exchange that carries none. It ends once, with
/// one outcome, and every signal of this crate uses the same word for it.
///
/// | outcome | when |
/// |---|---|
/// | `success` | a `result` without `isError`; an HTTP status below 400 where there is no request |
/// | `input_required` | a result that asks the client for input (`resultType: input_required`), or error -32042 |
/// | `tool_error` | a result with `isError: true` |
/// | `caller_error` | a JSON-RPC error that is the caller's fault: -32700, -32600, -32601, -32602, -32002, -32020, -32021, -32022, or the codes of a [setting](crate::ObservabilityLayer::caller_faults) |
/// | `server_error` | any other JSON-RPC error, another HTTP status of 500 and above, a panic |
/// | `timeout` | HTTP 408 or 504 |
/// | `rejected` | HTTP 401, 403, 429, or another 4xx without a JSON-RPC answer, or with one whose code is the server's own |
/// | `transport_error` | the inner service returned an error, or the response body did |
/// | `cancelled` | the client left before the answer, or named the call in `notifications/cancelled` |
/// | `detached` | the exchange of a legacy session's call ended, and the call goes on without it |
/// | `no_response` | the response ended well, but held no answer |
///
/// A gRPC call has the outcome of its status: `OK` is a success; `UNKNOWN` (also where there is no
/// status), `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and `DATA_LOSS` are server errors,
/// `DEADLINE_EXCEEDED` is a timeout, `CANCELLED` is cancelled, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`
/// and `UNAUTHENTICATED` are rejected, and the rest are the caller's errors. A JSON-RPC code in a trailer
/// `mcp-error-code` goes before all but `OK`.
///
/// What a handler says of its own call
/// ([`set_outcome`](crate::context::RequestContext::set_outcome)) goes before all of these.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
#[repr(u8)]
pub enum Outcome {
    /// The operation did what it was asked for.
    Success,
    /// The server wants more input before it can answer; neither a failure nor the end of the work.
    InputRequired,
    /// The tool ran and reported a failure (`isError`).
    ToolError,
    /// The caller asked for something that is not there or not well-formed.
    CallerError,
    /// The server failed.
    ServerError,
    /// The server gave up waiting.
    Timeout,
    /// Refused by HTTP status before any method could run.
    Rejected,
    /// The exchange broke: the inner service or its response body returned an error.
    TransportError,
    /// The client left before the answer.
    Cancelled,
    /// The client left, and the call of a legacy session goes on without it.
    Detached,
    /// The response ended without an answer to the request.
    NoResponse,
}

impl Outcome {
    /// All outcomes, in the order of their declaration.
    pub(crate) const ALL: [Self; 11] = [
        Self::Success,
        Self::InputRequired,
        Self::ToolError,
        Self::CallerError,
        Self::ServerError,
        Self::Timeout,
        Self::Rejected,
        Self::TransportError,
        Self::Cancelled,
        Self::Detached,
        Self::NoResponse,
    ];

    /// The outcome as it is written in labels, log lines and span attributes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::InputRequired => "input_required",
            Self::ToolError => "tool_error",
            Self::CallerError => "caller_error",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Rejected => "rejected",
            Self::TransportError => "transport_error",
            Self::Cancelled => "cancelled",
            Self::Detached => "detached",
            Self::NoResponse => "no_response",
        }
    }

    /// Whether the operation failed. A call that was cancelled, or that waits for input, did not.
    pub const fn is_error(self) -> bool {
        matches!(self.status(), CallStatus::Error)
    }

    /// The three-valued view of the outcome that the `status` label of tool calls shows.
    pub(crate) const fn status(self) -> CallStatus {
        match self {
            Self::Success | Self::InputRequired => CallStatus::Success,
            Self::Cancelled | Self::Detached => CallStatus::Cancelled,
            Self::ToolError
            | Self::CallerError
            | Self::ServerError
            | Self::Timeout
            | Self::Rejected
            | Self::TransportError
            | Self::NoResponse => CallStatus::Error,
        }
    }

    /// How grave the outcome is: of the messages of a batch, the gravest tells how the whole went.
    pub(super) const fn gravity(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::InputRequired => 1,
            Self::Detached => 2,
            Self::Cancelled => 3,
            Self::CallerError => 4,
            Self::Rejected => 5,
            Self::ToolError => 6,
            Self::NoResponse => 7,
            Self::Timeout => 8,
            Self::TransportError => 9,
            Self::ServerError => 10,
        }
    }

    /// The outcome that an HTTP status tells where no JSON-RPC answer does.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            408 | 504 => Self::Timeout,
            500.. => Self::ServerError,
            400.. => Self::Rejected,
            _ => Self::Success,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `status` label of tool calls and resource reads.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum CallStatus {
    Success,
    Error,
    Cancelled,
}

impl CallStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The part of the server in which an error showed: the `component` label of errors.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Component {
    Http,
    JsonRpc,
    Tool,
    Auth,
    Transport,
}

impl Component {
    /// Where an outcome shows as an error, if it is one. `status` is that of the response head, and
    /// `answered` tells whether JSON-RPC has answered.
    pub(crate) fn of(outcome: Outcome, status: Option<StatusCode>, answered: bool) -> Option<Self> {
        match outcome {
            Outcome::Success | Outcome::InputRequired | Outcome::Cancelled | Outcome::Detached => {
                None
            }
            Outcome::ToolError => Some(Self::Tool),
            Outcome::TransportError => Some(Self::Transport),
            Outcome::Rejected => match status {
                Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Some(Self::Auth),
                _ => Some(Self::Http),
            },
            Outcome::NoResponse => Some(Self::JsonRpc),
            Outcome::CallerError | Outcome::ServerError | Outcome::Timeout => {
                Some(if answered { Self::JsonRpc } else { Self::Http })
            }
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::JsonRpc => "jsonrpc",
            Self::Tool => "tool",
            Self::Auth => "auth",
            Self::Transport => "transport",
        }
    }
}

/// Why an operation ended as it did, where the outcome alone does not say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reason {
    /// The future was dropped before a response head.
    Dropped,
    /// The body was dropped before the answer.
    Aborted,
    /// The inner service panicked.
    Panic,
    /// A notification of the client named it.
    Notification,
    /// The JSON-RPC error code.
    Code(i64),
    /// The HTTP status.
    Status(StatusCode),
    /// The gRPC status.
    Grpc(GrpcStatus),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped => f.write_str("dropped"),
            Self::Aborted => f.write_str("aborted"),
            Self::Panic => f.write_str("panic"),
            Self::Notification => f.write_str("notification"),
            Self::Code(code) => code.fmt(f),
            Self::Status(status) => status.as_u16().fmt(f),
            Self::Grpc(status) => f.write_str(status.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_each_outcome_at_its_own_index() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
    }

    #[test]
    fn all_have_a_gravity_of_their_own() {
        let mut gravities = Outcome::ALL.map(Outcome::gravity);
        gravities.sort_unstable();
        assert_eq!(gravities, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(Outcome::Success.gravity(), 0);
    }

    #[test]
    fn statuses_without_an_answer_map_by_class() {
        let outcome = |status: u16| Outcome::of_status(StatusCode::from_u16(status).unwrap());
        assert_eq!(outcome(200), Outcome::Success);
        assert_eq!(outcome(304), Outcome::Success);
        assert_eq!(outcome(401), Outcome::Rejected);
        assert_eq!(outcome(408), Outcome::Timeout);
        assert_eq!(outcome(500), Outcome::ServerError);
        assert_eq!(outcome(504), Outcome::Timeout);
        assert_eq!(outcome(599), Outcome::ServerError);
    }
}
