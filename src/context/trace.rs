//! The trace of an exchange, as it is kept for handlers and other tasks.

use std::{iter, sync::OnceLock};

use opentelemetry::ContextGuard;

use super::TraceContext;
use crate::exchange::Exchange;

/// What an exchange knows of its trace.
#[derive(Debug)]
pub(crate) struct Trace {
    /// The ids, as they are shown.
    pub(crate) context: TraceContext,
    /// What is current for OpenTelemetry while the exchange is served. `None` where that would
    /// change nothing.
    pub(crate) otel: Option<opentelemetry::Context>,
}

impl Trace {
    /// The trace of the latest attempt at the exchange.
    pub(crate) fn of(exchange: &Exchange) -> Option<&Self> {
        Attempt::all(exchange).last().map(|attempt| &attempt.trace)
    }

    /// Leaves the trace with the exchange.
    pub(crate) fn leave_with(self, exchange: &Exchange) {
        let mut attempt = Box::new(Attempt { trace: self, later: OnceLock::new() });
        let Some(mut last) = Attempt::all(exchange).last() else {
            // Of two attempts that begin at the very same time, one is shown.
            exchange.attach(attempt, |exchange| Some(Box::new(Self::of(exchange)?.attach()?)));
            return;
        };
        while let Err(back) = last.later.set(attempt) {
            attempt = back;
            last = last.later.get().map_or(last, |later| &**later);
        }
    }

    /// Makes the trace current for OpenTelemetry.
    pub(crate) fn attach(&self) -> Option<ContextGuard> {
        self.otel.clone().map(opentelemetry::Context::attach)
    }
}

/// The trace of one attempt at an exchange: a retry between two layers makes the inner one trace the
/// same exchange again.
#[derive(Debug)]
struct Attempt {
    trace: Trace,
    later: OnceLock<Box<Attempt>>,
}

impl Attempt {
    /// All attempts so far, in their order.
    fn all(exchange: &Exchange) -> impl Iterator<Item = &Self> {
        let first = exchange.attached().and_then(|attached| attached.downcast_ref());
        iter::successors(first, |attempt: &&Self| Some(&**attempt.later.get()?))
    }
}
