//! The two layers for `tracing-subscriber`.

use std::{
    fmt,
    io::{self, Stdout},
};

use tracing::{
    Event, Subscriber,
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::Context, registry::LookupSpan};

use super::{
    ids,
    printer::Printer,
    shape::{Format, Shape},
};

/// Writes each event as one line of JSON.
///
/// The [module](super) describes the line. The layer itself filters nothing.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::logging::JsonLayer;
/// use tracing_subscriber::{Registry, filter::LevelFilter, layer::SubscriberExt};
///
/// let subscriber = Registry::default()
///     .with(LevelFilter::INFO)
///     .with(JsonLayer::new().with_writer(std::io::stderr));
/// tracing::subscriber::with_default(subscriber, || {
///     tracing::info!(answer = 42, "thought about it");
/// });
/// ```
#[must_use = "a layer does nothing until it is added to a subscriber"]
#[derive(Clone)]
pub struct JsonLayer<W = fn() -> Stdout>(Printer<W>);

impl JsonLayer {
    /// A layer that writes to standard output.
    pub fn new() -> Self {
        Self(Printer { shape: Shape::new(Format::Json), make_writer: io::stdout })
    }
}

impl<W> JsonLayer<W> {
    /// Writes to `make_writer` instead, with one call of `write_all` for each line.
    ///
    /// A line that cannot be written is lost, and counted in [`lost_lines`](super::lost_lines).
    /// What the writer itself logs is lost too.
    pub fn with_writer<N>(self, make_writer: N) -> JsonLayer<N>
    where
        N: for<'w> MakeWriter<'w>,
    {
        JsonLayer(self.0.with_writer(make_writer))
    }

    /// How long a line may be, its end included. A field may have an eighth of it.
    ///
    /// Default: 16 KiB. What is less than 1 KiB counts as 1 KiB.
    pub fn max_line_bytes(self, bytes: usize) -> Self {
        Self(self.0.with_max_line(bytes))
    }
}

impl<S, W> Layer<S> for JsonLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, spans: Context<'_, S>) {
        ids::keep_in_span(attributes, id, &spans);
    }

    fn on_event(&self, event: &Event<'_>, spans: Context<'_, S>) {
        self.0.on_event(event, &spans);
    }
}

impl Default for JsonLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<W> fmt::Debug for JsonLayer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonLayer").field(&self.0).finish()
    }
}

/// Writes each event as one line of text, for people.
///
/// `time - logger - level - message`, then ids and fields as `key=value`. A value of more than one
/// word stands in quotes, so that it cannot pass for another field, and control characters are
/// escaped, so that nothing can pass for another line or steer the terminal. The layer itself
/// filters nothing.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::logging::TextLayer;
/// use tracing_subscriber::{Registry, layer::SubscriberExt};
///
/// let subscriber = Registry::default().with(TextLayer::new());
/// tracing::subscriber::with_default(subscriber, || {
///     // 2026-11-23T12:34:56.789012Z - deep - INFO - thought about it answer=42 mood="not amused"
///     tracing::info!(target: "deep", answer = 42, mood = "not amused", "thought about it");
/// });
/// ```
#[must_use = "a layer does nothing until it is added to a subscriber"]
#[derive(Clone)]
pub struct TextLayer<W = fn() -> Stdout>(Printer<W>);

impl TextLayer {
    /// A layer that writes to standard output.
    pub fn new() -> Self {
        Self(Printer { shape: Shape::new(Format::Text), make_writer: io::stdout })
    }
}

impl<W> TextLayer<W> {
    /// Writes to `make_writer` instead, with one call of `write_all` for each line.
    ///
    /// A line that cannot be written is lost, and counted in [`lost_lines`](super::lost_lines).
    /// What the writer itself logs is lost too.
    pub fn with_writer<N>(self, make_writer: N) -> TextLayer<N>
    where
        N: for<'w> MakeWriter<'w>,
    {
        TextLayer(self.0.with_writer(make_writer))
    }

    /// How long a line may be, its end included. A field may have an eighth of it.
    ///
    /// Default: 16 KiB. What is less than 1 KiB counts as 1 KiB.
    pub fn max_line_bytes(self, bytes: usize) -> Self {
        Self(self.0.with_max_line(bytes))
    }
}

impl<S, W> Layer<S> for TextLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, spans: Context<'_, S>) {
        ids::keep_in_span(attributes, id, &spans);
    }

    fn on_event(&self, event: &Event<'_>, spans: Context<'_, S>) {
        self.0.on_event(event, &spans);
    }
}

impl Default for TextLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<W> fmt::Debug for TextLayer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TextLayer").field(&self.0).finish()
    }
}
