//! What is known of an exchange before it is over.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode, header, request, response, uri::PathAndQuery};

use super::session::{Session, Sessions};
use crate::{
    exchange::{Outcome, Reason, Settlement},
    mcp::{Method, Revision},
};

/// What the heads of request and response say.
#[derive(Debug)]
pub(super) struct Head {
    path: Option<PathAndQuery>,
    pub(super) revision: Option<Revision>,
    pub(super) session: Option<Session>,
    /// The response is an event stream.
    streams: bool,
}

impl Head {
    pub(super) fn of(request: &request::Parts, sessions: &Sessions) -> Self {
        let version = request.headers.get(&PROTOCOL_VERSION);
        Self {
            path: request.uri.path_and_query().cloned(),
            revision: version.map(|version| Revision::from_bytes(version.as_bytes())),
            session: request.headers.get(&SESSION_ID).map(|id| sessions.show(id)),
            streams: false,
        }
    }

    pub(super) fn see(&mut self, response: &response::Parts, sessions: &Sessions) {
        // The session of an `initialize` is named by its answer.
        if self.session.is_none() {
            self.session = response.headers.get(&SESSION_ID).map(|id| sessions.show(id));
        }
        self.streams = response.status.is_success() && is_event_stream(&response.headers);
    }

    pub(super) fn path(&self) -> &str {
        self.path.as_ref().map_or("", PathAndQuery::path)
    }

    /// Whether the response is a stream that stands for its own sake: a success without an answer,
    /// decided before its end.
    pub(super) fn opens_stream(&self, settlement: &Settlement<'_>) -> bool {
        let exchange = settlement.exchange;
        let method = exchange.message().and_then(|message| message.method);
        let asks_for_one =
            *exchange.method() == http::Method::GET || method == Some(Method::SubscriptionsListen);
        self.streams
            && asks_for_one
            && settlement.answer.is_none()
            && settlement.outcome == Outcome::Success
    }
}

static SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
static PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

fn is_event_stream(headers: &HeaderMap) -> bool {
    let Some(media_type) = headers.get(header::CONTENT_TYPE) else { return false };
    let essence = media_type.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
        && !headers.contains_key(header::CONTENT_ENCODING)
}

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
    /// The revision that the answer agrees on.
    pub(super) revision: Option<Revision>,
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
            code: settlement.answer.and_then(|answer| answer.error_code),
            revision: settlement.answer.and_then(|answer| answer.protocol_version),
            not_counted: settlement.not_counted,
        }
    }
}
