//! Log lines as JSON, with the ids of the exchange they belong to.
//!
//! [`init()`] sets up logging for a program in one call. [`JsonLayer`] and [`TextLayer`] are for
//! programs that put their own subscriber together. [`context`] gives ids to the lines of work
//! outside of any request.
//!
//! # Example
//!
//! ```
//! use mcp_telemetry::logging;
//!
//! logging::init()?;
//! tracing::warn!(target: "mcp_gateway.http", attempts = 3, "upstream is slow");
//! # Ok::<_, logging::InitError>(())
//! ```
//!
//! writes to standard output, in one line, within a request:
//!
//! ```json
//! {
//!   "timestamp": "2026-11-23T12:34:56.789012Z",
//!   "level": "WARN",
//!   "logger": "mcp_gateway.http",
//!   "message": "upstream is slow",
//!   "location": {"file": "main.rs", "line": 5, "function": "mcp_gateway"},
//!   "request_id": "0b2a4f6e-8f0c-4f0e-9d3c-6a1b2c3d4e5f",
//!   "user_id": "ada",
//!   "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
//!   "span_id": "00f067aa0ba902b7",
//!   "extra": {"attempts": 3}
//! }
//! ```
//!
//! # Fields
//!
//! | field | what it is | there |
//! | --- | --- | --- |
//! | `timestamp` | RFC 3339, UTC, to the microsecond | always |
//! | `level` | `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE` | always |
//! | `logger` | the target of the event | always |
//! | `message` | text; empty if the event has none | always |
//! | `location` | `file` (without folders), `line`, `function` (the module's path) | if known |
//! | `request_id`, `user_id`, `trace_id`, `span_id` | of the exchange | if known |
//! | `exception` | `type`, `message`, `traceback` (an array of causes) | if there is an error |
//! | `extra` | all other fields of the event | if there are any |
//! | `truncated` | `true` | if something had to be cut |
//!
//! They come in this order, and no object has a key twice: of two fields of one name, the first
//! that has a value is written. Fields of an event never replace those of the line: one that is
//! called `request_id` is found under `extra`.
//!
//! An *error* is a field recorded as one, the first if there are several; the field
//! `exception.type` names its type, which is `Error` otherwise.
//!
//! ```
//! # let error = std::fmt::Error;
//! let error: &(dyn std::error::Error + 'static) = &error;
//! tracing::error!(error, exception.type = "UpstreamError", "no answer");
//! ```
//!
//! Numbers and truth values stay what they are. An integer beyond 64 bits and a float that is no
//! number are written as text. Bytes are written as text too, with U+FFFD for what is not UTF-8.
//!
//! # Where the ids come from
//!
//! From the exchange that is being served on the thread, not from the fields of spans. So they do
//! not depend on which spans a filter lets through, and lines of libraries have them too. A span
//! that was created meanwhile keeps them for lines in it that come from other tasks; an event that
//! names its parent has the ids of that span.
//!
//! Fields of spans are in no line. A line holds what its event says, and spans are for a tracing
//! backend, where the ids lead.
//!
//! # Bounds
//!
//! A line is at most 16 KiB long, and a field in it 2 KiB, both as written. What is longer is cut
//! between two characters, and what finds no room is left out; the line says `"truncated":true`,
//! and is valid JSON all the same. Control characters are escaped, and so is what turns the
//! direction of writing: no value can break a line or steer the terminal that shows it.
//!
//! Each line is one `write_all`, of a buffer that the thread reuses. A line that cannot be written
//! is lost, and counted in [`lost_lines`].

mod buffer;
mod error;
mod escape;
mod event;
mod ids;
mod init;
mod key;
mod layer;
mod line;
mod log_context;
mod lost;
mod object;
mod printer;
mod shape;
mod timestamp;
mod value;

#[cfg(test)]
mod tests;

pub use self::{
    error::InitError,
    init::{Builder, builder, init},
    layer::{JsonLayer, TextLayer},
    log_context::{ContextFuture, EnteredContext, LogContext, context},
    lost::lost_lines,
};
