//! The one outcome vocabulary: how an operation ended, for metric, span and log line alike.

use std::fmt;

use http::StatusCode;

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
/// | `caller_error` | a JSON-RPC error that is the caller's fault: -32700, -32600, -32601, -32602, -32002, -32020, -32021, -32022 |
/// | `server_error` | any other JSON-RPC error, another HTTP status of 500 and above, a panic |
/// | `timeout` | HTTP 408 or 504 |
/// | `rejected` | HTTP 401, 403, 429 or another 4xx without a JSON-RPC answer |
/// | `transport_error` | the inner service returned an error, or the response body did |
/// | `cancelled` | the client left before the answer |
/// | `detached` | the client left a legacy session's call, which goes on without it |
/// | `no_response` | the response ended well, but held no answer |
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

    /// The outcome that an HTTP status tells where no JSON-RPC answer does.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            408 | 504 => Self::Timeout,
            500.. => Self::ServerError,
            400.. => Self::Rejected,
            _ => Self::Success,
        }
    }

    /// The outcome that a JSON-RPC error code tells (MCP 2026-07-28, basic protocol, error codes).
    pub(crate) const fn of_code(code: i64) -> Self {
        match code {
            -32042 => Self::InputRequired,
            -32700 | -32600 | -32601 | -32602 | -32002 | -32020 | -32021 | -32022 => {
                Self::CallerError
            }
            _ => Self::ServerError,
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
    /// The JSON-RPC error code.
    Code(i64),
    /// The HTTP status.
    Status(StatusCode),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped => f.write_str("dropped"),
            Self::Aborted => f.write_str("aborted"),
            Self::Panic => f.write_str("panic"),
            Self::Code(code) => code.fmt(f),
            Self::Status(status) => status.as_u16().fmt(f),
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
    fn caller_faults_are_the_codes_that_the_protocol_blames_on_the_caller() {
        for code in [-32700, -32600, -32601, -32602, -32002, -32020, -32021, -32022] {
            assert_eq!(Outcome::of_code(code), Outcome::CallerError, "{code}");
        }
        for code in [-32603, -32000, -32001, -32023, 0, 1, i64::MIN, i64::MAX] {
            assert_eq!(Outcome::of_code(code), Outcome::ServerError, "{code}");
        }
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
