//! What is known of an exchange before it is over.

use std::time::Duration;

use http::{HeaderName, StatusCode, request, response};

use super::session::{Session, Sessions};
use crate::{
    exchange::{Outcome, Reason, Settlement, Told},
    mcp::Revision,
};

/// What the heads of request and response say.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) session: Option<Session>,
}

impl Head {
    pub(super) fn of(request: &request::Parts, sessions: &Sessions) -> Self {
        Self { session: request.headers.get(&SESSION_ID).map(|id| sessions.show(id)) }
    }

    pub(super) fn see(&mut self, response: &response::Parts, sessions: &Sessions) {
        // The session of an `initialize` is named by its answer.
        if self.session.is_none() {
            self.session = response.headers.get(&SESSION_ID).map(|id| sessions.show(id));
        }
    }
}

static SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// How the operation was decided.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Reason>,
    pub(super) status: Option<StatusCode>,
    pub(super) duration: Duration,
    /// JSON-RPC has answered.
    pub(super) answered: bool,
    /// The code of a JSON-RPC error.
    pub(super) code: Option<i64>,
    pub(super) revision: Option<Revision>,
    /// What the handler has told.
    pub(super) told: Told,
    pub(super) not_counted: bool,
}

impl From<&Settlement<'_>> for Decided {
    fn from(settlement: &Settlement<'_>) -> Self {
        Self {
            outcome: settlement.outcome,
            reason: settlement.reason,
            status: settlement.status,
            duration: settlement.duration,
            answered: settlement.answer.is_some(),
            code: settlement.code(),
            revision: settlement.revision().or(settlement.exchange.head().revision()),
            told: settlement.told.clone(),
            not_counted: settlement.not_counted,
        }
    }
}
