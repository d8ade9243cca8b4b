//! The status of a gRPC call, which stands in trailers, or in the head of a response without a body.
//!
//! gRPC over HTTP2, responses; status codes by the gRPC core concepts. Which of them are a server's
//! fault: OpenTelemetry's RPC conventions v1.44.0, server side.

use http::{HeaderMap, HeaderName};

use super::{common::Faults, outcome::Outcome};

/// How a gRPC call ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct GrpcStatus {
    /// 0 to 16. A response that ends without a status has the code `UNKNOWN`, as gRPC has it, and so has
    /// one whose status cannot be read.
    code: Option<u8>,
    /// The JSON-RPC code that MCP servers put beside it. All codes that mean something have 32 bits.
    mcp_code: Option<i32>,
}

static STATUS: HeaderName = HeaderName::from_static("grpc-status");
static MCP_CODE: HeaderName = HeaderName::from_static("mcp-error-code");

const UNKNOWN: u8 = 2;

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl GrpcStatus {
    /// The status in the head of a response, or in trailers. `None` if there is none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let status = headers.get(&STATUS)?.to_str().ok();
        let code = status.and_then(|status| status.parse().ok()).filter(|&code| code <= 16);
        let mcp_code = headers.get(&MCP_CODE).and_then(|code| code.to_str().ok()?.parse().ok());
        Some(Self { code: Some(code.unwrap_or(UNKNOWN)), mcp_code })
    }

    pub(crate) fn code(self) -> u8 {
        self.code.unwrap_or(UNKNOWN)
    }

    pub(crate) fn name(self) -> &'static str {
        NAMES[usize::from(self.code().min(16))]
    }

    /// The JSON-RPC code beside the status.
    pub(super) fn mcp_code(self) -> Option<i64> {
        self.mcp_code.map(i64::from)
    }

    /// Whether the conventions count the status as an error of the server.
    pub(crate) fn is_server_error(self) -> bool {
        matches!(self.code(), 2 | 4 | 12..=15)
    }

    /// The outcome of a call with this status. A JSON-RPC code beside it says more.
    pub(super) fn outcome(self, faults: &Faults) -> Outcome {
        match (self.code(), self.mcp_code()) {
            (0, _) => Outcome::Success,
            (_, Some(code)) => faults.outcome_of(code),
            (1, _) => Outcome::Cancelled,
            (4, _) => Outcome::Timeout,
            (7 | 8 | 16, _) => Outcome::Rejected,
            (3 | 5 | 6 | 9..=11, _) => Outcome::CallerError,
            _ => Outcome::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(pairs: &[(&'static str, &str)]) -> Option<GrpcStatus> {
        let pairs = pairs.iter().map(|(name, value)| {
            (HeaderName::from_static(name), value.parse().expect("a value for a test"))
        });
        GrpcStatus::of(&pairs.collect())
    }

    fn outcome(code: &str) -> Outcome {
        status(&[("grpc-status", code)]).unwrap().outcome(&Faults::default())
    }

    /// T43: which codes are errors of the server, and that no status is none.
    #[test]
    fn each_status_has_its_outcome() {
        for (code, name, expected) in [
            ("0", "OK", Outcome::Success),
            ("1", "CANCELLED", Outcome::Cancelled),
            ("2", "UNKNOWN", Outcome::ServerError),
            ("3", "INVALID_ARGUMENT", Outcome::CallerError),
            ("4", "DEADLINE_EXCEEDED", Outcome::Timeout),
            ("5", "NOT_FOUND", Outcome::CallerError),
            ("6", "ALREADY_EXISTS", Outcome::CallerError),
            ("7", "PERMISSION_DENIED", Outcome::Rejected),
            ("8", "RESOURCE_EXHAUSTED", Outcome::Rejected),
            ("9", "FAILED_PRECONDITION", Outcome::CallerError),
            ("10", "ABORTED", Outcome::CallerError),
            ("11", "OUT_OF_RANGE", Outcome::CallerError),
            ("12", "UNIMPLEMENTED", Outcome::ServerError),
            ("13", "INTERNAL", Outcome::ServerError),
            ("14", "UNAVAILABLE", Outcome::ServerError),
            ("15", "DATA_LOSS", Outcome::ServerError),
            ("16", "UNAUTHENTICATED", Outcome::Rejected),
            ("17", "UNKNOWN", Outcome::ServerError),
            ("", "UNKNOWN", Outcome::ServerError),
            ("-1", "UNKNOWN", Outcome::ServerError),
            ("zero", "UNKNOWN", Outcome::ServerError),
        ] {
            let found = status(&[("grpc-status", code)]).expect("there is a status");
            assert_eq!((found.name(), outcome(code)), (name, expected), "{code}");
            let is_server = matches!(expected, Outcome::ServerError | Outcome::Timeout);
            assert_eq!(found.is_server_error(), is_server, "{code}");
        }
        assert_eq!(status(&[]), None);
        assert_eq!(GrpcStatus::default().name(), "UNKNOWN", "a response without one");
    }

    #[test]
    fn a_json_rpc_code_beside_the_status_says_more() {
        let with = |grpc, mcp| {
            let status = status(&[("grpc-status", grpc), ("mcp-error-code", mcp)]).unwrap();
            status.outcome(&Faults::default())
        };
        assert_eq!(with("12", "-32601"), Outcome::CallerError);
        assert_eq!(with("3", "-32000"), Outcome::ServerError);
        assert_eq!(with("0", "-32601"), Outcome::Success);
        assert_eq!(with("13", "x"), Outcome::ServerError);
    }
}
