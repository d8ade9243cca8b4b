//! The ids of an exchange, for log lines.

use super::{RequestContext, Trace};

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
        let exchange = self.0.exchange();
        if exchange.has_ended() {
            return f(&Ids::default());
        }
        let trace = Trace::of(exchange).map(|trace| &trace.context);
        let user_id = self.0.user_id();
        f(&Ids {
            request_id: exchange.request_id(),
            user_id: user_id.as_deref(),
            trace_id: trace.map(|trace| trace.trace_id().to_hex()),
            span_id: trace.map(|trace| trace.span_id().to_hex()),
        })
    }
}
