//! Whose ids a line carries.
//!
//! Those of the exchange that the thread works for, which is known without any span: a line has its
//! ids whatever the filter leaves of the spans, in libraries too. Work of an exchange that goes on
//! in another task, where the exchange is not current, is known by the span that was created for
//! it.

use std::str::from_utf8;

use tracing::{
    Event, Subscriber,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use super::{
    line::Line,
    log_context::{self, LogContext},
};
use crate::context::{self, ACCESS_HELD_BACK, ACCESS_TARGET, Ids, Kept};

/// Keeps the exchange that the new span belongs to in the span.
pub(super) fn keep_in_span<S>(attributes: &Attributes<'_>, id: &Id, spans: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = spans.span(id) else { return };
    let of_parent = || kept_in(&span.parent()?).filter(|kept| !kept.has_ended());
    let kept = if attributes.parent().is_some() {
        of_parent().or_else(context::keep)
    } else {
        context::keep().or_else(of_parent)
    };
    if let Some(kept) = kept {
        // Not `insert`, which panics where there is one: a second layer of this kind keeps it too.
        span.extensions_mut().replace(kept);
    }
}

/// Writes the ids that `event` belongs to: those of the parent that it names, else of the exchange
/// that the thread works for, else of the span that it is in.
///
/// The access log's own events are about the exchange that they are written for, whatever span they are
/// in. Of others, what the event names goes first, since the thread may work for somebody else by then.
pub(super) fn write<S>(line: &mut Line, event: &Event<'_>, spans: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if event.metadata().target() == ACCESS_TARGET {
        // It is about the exchange that was made current for it, or about many.
        return if event.metadata().name() == ACCESS_HELD_BACK {
            write_ids(line, &Ids::default());
        } else {
            context::with_ids_of_access(|ids| write_ids(line, ids));
        };
    }
    let named = event.parent().and_then(|parent| kept_in(&spans.span(parent)?));
    if let Some(named) = named.filter(|named| !named.has_ended()) {
        return named.with_ids(|ids| write_ids(line, ids));
    }
    let served = context::with_ids(|ids| {
        let has_any = ids.request_id.is_some() || ids.user_id.is_some() || ids.trace_id.is_some();
        if has_any {
            write_ids(line, ids);
        }
        has_any
    });
    if served {
        return;
    }
    let entered = if event.is_root() { None } else { spans.lookup_current() };
    match entered.and_then(|span| kept_in(&span)) {
        Some(kept) => kept.with_ids(|ids| write_ids(line, ids)),
        None => write_ids(line, &Ids::default()),
    }
}

fn kept_in<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Kept> {
    span.extensions().get::<Kept>().cloned()
}

/// Writes `ids`, as far as no context that was entered says otherwise.
fn write_ids(line: &mut Line, ids: &Ids<'_>) {
    log_context::with_entered(|entered| {
        if let Some(id) = entered.innermost(ids.request_id, LogContext::request_id) {
            line.str("request_id", id);
        }
        if let Some(id) = entered.innermost(ids.user_id, LogContext::user_id) {
            line.str("user_id", id);
        }
    });
    if let Some(id) = ids.trace_id.as_ref().and_then(|hex| from_utf8(hex).ok()) {
        line.escaped_str("trace_id", id);
    }
    if let Some(id) = ids.span_id.as_ref().and_then(|hex| from_utf8(hex).ok()) {
        line.escaped_str("span_id", id);
    }
}
