//! The names of the access log's events, by which the log lines know them.

/// The target of all of them.
pub(crate) const ACCESS_TARGET: &str = "mcp_telemetry::access";

/// The event that is about no exchange, but about lines that were not written.
pub(crate) const ACCESS_HELD_BACK: &str = "access.held_back";
