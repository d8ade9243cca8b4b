//! Every line of a call carries its ids, wherever the handler runs.

mod nested;
mod rmcp;
mod sample;
mod secrets;

use std::{
    io,
    sync::{Arc, Mutex},
};

use mcp_telemetry::logging::JsonLayer;
use serde_json::Value;
use tracing::{Subscriber, subscriber::DefaultGuard};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, layer::SubscriberExt, registry};

use crate::support::listen;

/// The lines that the JSON layer wrote, all of them JSON.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Writes the lines of this thread, as far as `RUST_LOG` set to `filter` lets them through.
    pub(crate) fn capture(filter: &str) -> (Self, DefaultGuard) {
        let lines = Self::default();
        let guard = listen(lines.subscriber(filter));
        (lines, guard)
    }

    fn subscriber(&self, filter: &str) -> impl Subscriber + Send + Sync + use<> {
        let json = JsonLayer::new().with_writer(self.clone());
        registry().with(EnvFilter::new(filter)).with(json)
    }

    pub(crate) fn all(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        text.lines().map(parse).collect()
    }

    /// Those that tell how an exchange ended.
    pub(crate) fn of_exchanges(&self) -> Vec<Value> {
        self.all().into_iter().filter(|line| line["extra"]["outcome"].is_string()).collect()
    }

    /// Those with this message.
    fn saying(&self, message: &str) -> Vec<Value> {
        self.all().into_iter().filter(|line| line["message"] == message).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        assert!(line.ends_with(b"\n"), "one write a line");
        self.0.lock().unwrap().extend_from_slice(line);
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
