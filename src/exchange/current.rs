//! The exchange that this thread is working for.

use std::cell::Cell;

use super::record::{Exchange, RequestContext, Said, Sink};

thread_local! {
    static CURRENT: Cell<Option<RequestContext>> = const { Cell::new(None) };
}

/// Makes the context in `home` current until the guard is dropped, then puts it back.
///
/// The context is moved, not cloned, and nothing is borrowed meanwhile: an inner service may open
/// exchanges of its own.
pub(crate) fn enter(home: &mut Option<RequestContext>) -> Entered<'_> {
    let outer = swap(home.take());
    Entered { home, outer }
}

/// Puts back what was current before.
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    home: &'a mut Option<RequestContext>,
    outer: Option<RequestContext>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        *self.home = swap(self.outer.take());
    }
}

/// Shows the current context, if this thread is working for an exchange that has not ended.
pub(crate) fn with_current<R>(f: impl FnOnce(&RequestContext) -> R) -> Option<R> {
    with_current_or_ended(|context| (!context.exchange().has_ended()).then(|| f(context)))?
}

/// Shows the current context, even of an exchange that has ended: an inner layer may write of it
/// after the outer ones are done.
pub(crate) fn with_current_or_ended<R>(f: impl FnOnce(&RequestContext) -> R) -> Option<R> {
    // Taken out meanwhile, so that nothing is borrowed while `f` runs.
    let context = swap(None)?;
    let shown = f(&context);
    swap(Some(context));
    Some(shown)
}

/// Lets a handler say something of its own call to `sink`.
///
/// `None`, without calling `f`, if this thread is not working for an exchange that `sink` records.
pub(crate) fn tell_current<R>(sink: Sink, f: impl FnOnce(&Exchange, &mut Said) -> R) -> Option<R> {
    with_current(|context| {
        context.applied().contains(sink).then(|| context.exchange().tell(sink, f))
    })?
}

/// Swaps the current context. A thread that is being torn down has none.
fn swap(context: Option<RequestContext>) -> Option<RequestContext> {
    CURRENT.try_with(|current| current.replace(context)).unwrap_or_default()
}
