//! Events in, lines out: what the layers of both formats share.

use std::{any::type_name, fmt, io::Write as _};

use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{fmt::MakeWriter, layer::Context, registry::LookupSpan};

use super::{event, ids, line::Line, log_context, object::Object, shape::Shape};

/// Makes a line of each event, and writes it with one call.
#[derive(Clone)]
pub(super) struct Printer<W> {
    pub(super) shape: Shape,
    pub(super) make_writer: W,
}

impl<W> Printer<W> {
    pub(super) fn with_writer<N>(self, make_writer: N) -> Printer<N> {
        Printer { shape: self.shape, make_writer }
    }

    pub(super) fn with_max_line(self, bytes: usize) -> Self {
        Self { shape: self.shape.with_max_line(bytes), ..self }
    }

    pub(super) fn on_event<S>(&self, event: &Event<'_>, spans: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        W: for<'w> MakeWriter<'w>,
    {
        // A record of the `log` crate has its logger and location in fields.
        let log_record = event.normalized_metadata();
        let metadata = log_record.as_ref().unwrap_or_else(|| event.metadata());

        let Some(mut line) = Line::begin(self.shape, *metadata.level(), metadata.target()) else {
            return;
        };
        let error = event::message(&mut line, event);
        event::location(&mut line, metadata);
        ids::write(&mut line, event, spans);
        if let Some(error) = error {
            event::exception(&mut line, event, error);
        }
        line.begin_object(Object::Extra);
        let said = event::extra(&mut line, event, error, log_record.is_some());
        log_context::write_extra(&mut line, &said);
        line.end_object();
        // The writer is made last: it may be a lock, and values have been formatted by now.
        line.finish(|line| self.make_writer.make_writer_for(metadata).write_all(line));
    }
}

/// Of the writer, which may be a closure, there is only the type to tell.
impl<W> fmt::Debug for Printer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shape, make_writer: _ } = self;
        f.debug_struct("Printer")
            .field("shape", shape)
            .field("make_writer", &format_args!("{}", type_name::<W>()))
            .finish()
    }
}
