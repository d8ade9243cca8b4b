//! A subscriber that keeps the lines it is told.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::Id,
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

use crate::support::listen;

/// Keeps the events of this crate's access log.
#[derive(Clone, Debug, Default)]
pub(super) struct Capture(Arc<Mutex<Vec<Line>>>);

impl Capture {
    /// Captures what this thread logs down to the level `most`, until the guard is dropped.
    pub(super) fn start(most: LevelFilter) -> (Self, DefaultGuard) {
        let capture = Self::default();
        let guard = listen(Registry::default().with(most).with(capture.clone()));
        (capture, guard)
    }

    /// The lines since the last time.
    pub(super) fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The only line since the last time.
    #[track_caller]
    pub(super) fn only(&self, what: &str) -> Line {
        let mut lines = self.take();
        assert_eq!(lines.len(), 1, "{what}: one line: {lines:#?}");
        lines.remove(0)
    }
}

impl<S> Layer<S> for Capture
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != "mcp_telemetry::access" {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message =
            fields.0.remove("message").map_or_else(String::new, |value| value.to_string());
        let line = Line {
            level: *event.metadata().level(),
            name: event.metadata().name(),
            message,
            fields: fields.0,
            parent: context.event_span(event).map(|span| span.id()),
        };
        self.0.lock().unwrap().push(line);
    }
}

/// An event.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) name: &'static str,
    pub(super) message: String,
    pub(super) fields: BTreeMap<&'static str, Value>,
    pub(super) parent: Option<Id>,
}

impl Line {
    #[track_caller]
    pub(super) fn value(&self, field: &str) -> &Value {
        self.fields.get(field).unwrap_or_else(|| panic!("no field {field}: {self:#?}"))
    }

    /// A field, as text. Empty if it is not there.
    pub(super) fn text(&self, field: &str) -> String {
        self.fields.get(field).map_or_else(String::new, Value::to_string)
    }

    /// A field that is a number of milliseconds.
    #[track_caller]
    pub(super) fn millis(&self, field: &str) -> f64 {
        match self.value(field) {
            Value::Real(number) => *number,
            other => panic!("{field} is no real number: {other:?}"),
        }
    }

    /// Whether a text is anywhere in it.
    pub(super) fn contains(&self, text: &str) -> bool {
        format!("{self:?}").contains(text)
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.fields.keys().copied().collect()
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// What was handed over to be formatted.
    Shown(String),
    Whole(i128),
    Real(f64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Shown(text) => f.write_str(text),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number:.2}"),
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl Fields {
    fn keep(&mut self, field: &Field, value: Value) {
        assert!(self.0.insert(field.name(), value).is_none(), "{field} comes twice");
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, Value::Text(value.to_owned()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, Value::Whole(value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, Value::Whole(value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, Value::Real(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.keep(field, Value::Shown(format!("{value:?}")));
    }
}
