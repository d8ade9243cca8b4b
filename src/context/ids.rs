//! The ids of an exchange, for log lines.

use super::{RequestContext, Trace};
use crate::exchange;

/// The ids of an exchange. None of them, outside of one.
#[expect(clippy::struct_field_names, reason = "they are the fields of a line")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ids<'a> {
    pub(crate) request_id: Option<&'a str>,
    pub(crate) user_id: Option<&'a str>,
    /// In lower-case hexadecimal digits.
    pub(crate) trace_id: Option<[u8; 32]>,
    /// The same.
    pub(crate) span_id: Option<[u8; 16]>,
}

/// Shows the ids of the current exchange.
pub(crate) fn with_ids<R>(f: impl FnOnce(&Ids<'_>) -> R) -> R {
    // A copy, so that the exchange stays current while `f` runs: what it formats may log as well.
    match keep() {
        Some(kept) => kept.with_ids(f),
        None => f(&Ids::default()),
    }
}

/// Shows the ids of the exchange that the access log writes of, which may have ended.
pub(crate) fn with_ids_of_access<R>(f: impl FnOnce(&Ids<'_>) -> R) -> R {
    match exchange::with_current_or_ended(RequestContext::clone) {
        Some(context) => show(&context, f),
        None => f(&Ids::default()),
    }
}

/// Keeps the current exchange, for lines that are written when it is not current any more.
pub(crate) fn keep() -> Option<Kept> {
    RequestContext::current().map(Kept)
}

/// An exchange whose ids are wanted later.
#[derive(Clone, Debug)]
pub(crate) struct Kept(RequestContext);

impl Kept {
    /// Shows the ids, as long as the exchange lasts.
    pub(crate) fn with_ids<R>(&self, f: impl FnOnce(&Ids<'_>) -> R) -> R {
        if self.has_ended() { f(&Ids::default()) } else { show(&self.0, f) }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.exchange().has_ended()
    }
}

fn show<R>(context: &RequestContext, f: impl FnOnce(&Ids<'_>) -> R) -> R {
    let exchange = context.exchange();
    let trace = Trace::of(exchange).map(|trace| &trace.context);
    let user_id = exchange.heard(|words| words.user_id.clone()).flatten();
    f(&Ids {
        request_id: exchange.request_id(),
        user_id: user_id.as_deref(),
        trace_id: trace.map(|trace| trace.trace_id().to_hex()),
        span_id: trace.map(|trace| trace.span_id().to_hex()),
    })
}
