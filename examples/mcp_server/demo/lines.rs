//! The log lines of the demo, kept to be shown and held against what the clients did.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use crate::BoxError;

/// One call as its client knows it.
pub(crate) struct Sent {
    pub(crate) request_id: String,
    pub(crate) trace_id: String,
    pub(crate) tool: &'static str,
    /// Empty for a success.
    pub(crate) error_type: &'static str,
    /// The server has this tool, so a handler ran and wrote a line of its own.
    pub(crate) known: bool,
}

/// Where the lines go. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// What handlers and the access log wrote of a call, as text and as JSON.
    pub(crate) fn of(&self, sent: &Sent) -> Result<Vec<(String, Value)>, BoxError> {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut ours = Vec::new();
        for line in String::from_utf8(written)?.lines() {
            let read: Value = serde_json::from_str(line)?;
            let relevant = match read["logger"].as_str() {
                Some(ACCESS) => read["extra"]["mcp_method"] == "tools/call",
                logger => logger.is_some_and(|logger| logger.starts_with("mcp_server")),
            };
            if relevant && read["request_id"] == *sent.request_id {
                ours.push((line.to_owned(), read));
            }
        }
        Ok(ours)
    }

    /// What is wrong with the lines of a call, if anything is.
    pub(crate) fn check(&self, sent: &Sent) -> Result<(), BoxError> {
        let Sent { request_id, trace_id, tool, error_type, known } = sent;
        let lines = self.of(sent)?;
        let (access, own): (Vec<_>, Vec<_>) =
            lines.iter().map(|(_, line)| line).partition(|line| line["logger"] == ACCESS);
        let outcome = if error_type.is_empty() { "success" } else { error_type };
        let wrong = match access[..] {
            [access] if access["extra"]["tool"] != *tool => "another tool in its access line",
            [access] if access["extra"]["outcome"] != outcome => "another outcome",
            [_] if *known && own.is_empty() => "no line of its handler",
            [_] if lines.iter().any(|(_, line)| line["trace_id"] != **trace_id) => "another trace",
            [_] => return Ok(()),
            _ => "not one access line",
        };
        Err(format!("{tool} ({request_id}) has {wrong}").into())
    }
}

const ACCESS: &str = "mcp_telemetry::access";

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}
