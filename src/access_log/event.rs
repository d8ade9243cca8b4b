//! The events themselves.

use tracing::{Level, Span, event};

use super::line::{End, Line};
use crate::context::{ACCESS_HELD_BACK, ACCESS_TARGET};

/// Writes the line of an exchange that is over, as a child of `span`.
///
/// A field is worked out only if somebody is interested in the event, and left out if it is `None`.
pub(super) fn over(level: Level, span: &Span, end: &End<'_>) {
    // The level of an event is a part of its static description, so each has one of its own.
    macro_rules! write_at {
        ($level:expr) => {{
            let line = end.line;
            event!(
                name: "access",
                target: ACCESS_TARGET,
                parent: span,
                $level,
                {
                    request_id = line.request_id(),
                    user_id = line.user_id().as_deref(),
                    method = line.method(),
                    path = line.path(),
                    status = line.status(),
                    duration_ms = line.duration().as_f64(),
                    first_event_ms = end.first_event().map(|millis| millis.as_f64()),
                    stream_ms = end.stream_duration().map(|millis| millis.as_f64()),
                    mcp_method = line.mcp_method(),
                    tool = line.tool().as_deref(),
                    prompt = line.prompt().as_deref(),
                    resource = line.resource(),
                    outcome = line.outcome(),
                    reason = line.reason(),
                    jsonrpc_code = line.code(),
                    client_name = line.client_name().as_deref(),
                    client_version = line.client_version().as_deref(),
                    protocol = line.protocol(),
                    session = line.session(),
                    bytes_in = line.bytes_in(),
                    bytes_out = end.bytes_out(),
                    events = end.events(),
                },
                "{} {} - {} - {}ms",
                line.method(),
                line.path(),
                line.status(),
                line.duration(),
            );
        }};
    }
    match level {
        Level::ERROR => write_at!(Level::ERROR),
        Level::WARN => write_at!(Level::WARN),
        Level::INFO => write_at!(Level::INFO),
        _ => write_at!(Level::DEBUG),
    }
}

/// Writes that a standing stream has opened.
pub(super) fn opened(span: &Span, line: &Line<'_>) {
    event!(
        name: "access.opened",
        target: ACCESS_TARGET,
        parent: span,
        Level::DEBUG,
        {
            request_id = line.request_id(),
            user_id = line.user_id().as_deref(),
            method = line.method(),
            path = line.path(),
            status = line.status(),
            duration_ms = line.duration().as_f64(),
            mcp_method = line.mcp_method(),
            client_name = line.client_name().as_deref(),
            client_version = line.client_version().as_deref(),
            protocol = line.protocol(),
            session = line.session(),
        },
        "{} {} - {} - stream open after {}ms",
        line.method(),
        line.path(),
        line.status(),
        line.duration(),
    );
}

/// Writes how many lines were not written.
pub(super) fn held_back(lines: u64) {
    event!(
        name: ACCESS_HELD_BACK,
        target: ACCESS_TARGET,
        // It is about exchanges of others.
        parent: None,
        Level::INFO,
        held_back = lines,
        "{lines} lines held back",
    );
}
