//! The exchange that this thread is working for.

use std::{cell::RefCell, mem, sync::Arc};

use super::record::{Exchange, RequestContext, Said, Sink};

thread_local! {
    // Borrowed only to swap and to compare, never while anything else runs.
    static CURRENT: RefCell<Option<RequestContext>> = const { RefCell::new(None) };
}

/// Makes the context in `home` current until the guard is dropped, then puts it back.
///
/// The context changes places with what was current before, which waits in `home` meanwhile. Nothing
/// is cloned, and nothing stays borrowed: an inner service may open exchanges of its own.
#[inline]
pub(crate) fn enter(home: &mut Option<RequestContext>) -> Entered<'_> {
    swap(home);
    Entered { home }
}

/// Puts back what was current before.
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    home: &'a mut Option<RequestContext>,
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.home);
    }
}

/// Whether this thread is working for `exchange`.
#[inline]
pub(super) fn is_current(exchange: &Arc<Exchange>) -> bool {
    let is_it = |context: &RequestContext| Arc::ptr_eq(context.exchange(), exchange);
    CURRENT
        .try_with(|current| current.try_borrow().is_ok_and(|it| it.as_ref().is_some_and(is_it)))
        .unwrap_or_default()
}

/// Shows the current context, if this thread is working for an exchange that has not ended.
pub(crate) fn with_current<R>(f: impl FnOnce(&RequestContext) -> R) -> Option<R> {
    with_current_or_ended(|context| (!context.exchange().has_ended()).then(|| f(context)))?
}

/// Shows the current context, even of an exchange that has ended: an inner layer may write of it
/// after the outer ones are done.
pub(crate) fn with_current_or_ended<R>(f: impl FnOnce(&RequestContext) -> R) -> Option<R> {
    // Taken out meanwhile, so that nothing is borrowed while `f` runs.
    let mut taken = None;
    swap(&mut taken);
    let shown = f(taken.as_ref()?);
    swap(&mut taken);
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
#[inline]
fn swap(context: &mut Option<RequestContext>) {
    let _ = CURRENT.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            mem::swap(&mut *current, context);
        }
    });
}
