//! What all exchanges of one layer have in common.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{calls::Calls, outcome::Outcome};

/// What all services of one layer share. Of stacked layers, the outermost one's counts, but where it says
/// otherwise.
#[derive(Debug, Default)]
pub(crate) struct Common {
    pub(super) faults: Faults,
    /// Whether the path that a router has matched is asked for. Of stacked layers, each one's own counts:
    /// the router may stand between them.
    pub(super) matched_path: bool,
    pub(super) calls: Calls,
}

impl Common {
    /// The same settings, but for these.
    pub(crate) fn with_faults(&self, faults: Faults) -> Arc<Self> {
        Arc::new(Self { faults, calls: Calls::default(), ..*self })
    }

    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "there is no such setting"))]
    pub(crate) fn with_matched_path(&self, matched_path: bool) -> Arc<Self> {
        Arc::new(Self { matched_path, faults: self.faults.clone(), calls: Calls::default() })
    }
}

/// The JSON-RPC error codes that are the caller's fault.
#[derive(Clone, Debug)]
pub(crate) struct Faults(SmallVec<[i64; 8]>);

/// Codes of the protocol: JSON-RPC 2.0 section 5.1 but for the internal error; the resource that is not
/// found, of MCP up to 2025-11-25; the three of MCP 2026-07-28, Streamable HTTP.
const CALLERS: [i64; 8] = [-32700, -32600, -32601, -32602, -32002, -32020, -32021, -32022];

/// The answer of MCP 2025-11-25 that wants the user to visit a URL first.
const URL_ELICITATION_REQUIRED: i64 = -32042;

impl Faults {
    pub(crate) fn new(codes: impl IntoIterator<Item = i64>) -> Self {
        Self(codes.into_iter().collect())
    }

    /// The outcome that a JSON-RPC error code tells.
    pub(super) fn outcome_of(&self, code: i64) -> Outcome {
        match code {
            URL_ELICITATION_REQUIRED => Outcome::InputRequired,
            _ if self.0.contains(&code) => Outcome::CallerError,
            _ => Outcome::ServerError,
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self(SmallVec::from_buf(CALLERS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_faults_are_the_codes_that_the_protocol_blames_on_the_caller() {
        let faults = Faults::default();
        for code in CALLERS {
            assert_eq!(faults.outcome_of(code), Outcome::CallerError, "{code}");
        }
        for code in [-32603, -32000, -32001, -32023, 0, 1, i64::MIN, i64::MAX] {
            assert_eq!(faults.outcome_of(code), Outcome::ServerError, "{code}");
        }
        assert_eq!(faults.outcome_of(-32042), Outcome::InputRequired);
    }

    #[test]
    fn the_list_is_replaced_as_a_whole() {
        let faults = Faults::new([-32001]);
        assert_eq!(faults.outcome_of(-32001), Outcome::CallerError);
        assert_eq!(faults.outcome_of(-32602), Outcome::ServerError);
    }
}
