//! The exchange that this thread is working for.

use std::cell::Cell;

use super::record::{Exchange, Said, Scope, Sink};

thread_local! {
    static CURRENT: Cell<Option<Scope>> = const { Cell::new(None) };
}

/// Makes the scope in `home` current until the guard is dropped, then puts it back.
///
/// The scope is moved, not cloned, and nothing is borrowed meanwhile: an inner service may open
/// exchanges of its own.
pub(super) fn enter(home: &mut Option<Scope>) -> Entered<'_> {
    let outer = exchange_current(home.take());
    Entered { home, outer }
}

pub(super) struct Entered<'a> {
    home: &'a mut Option<Scope>,
    outer: Option<Scope>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        *self.home = exchange_current(self.outer.take());
    }
}

/// Lets a handler say something of its own call to `sink`.
///
/// `None`, without calling `f`, if this thread is not working for an exchange that `sink` records.
pub(crate) fn tell_current<R>(
    sink: Sink,
    f: impl FnOnce(&Exchange, &mut Said) -> R,
) -> Option<R> {
    let scope = exchange_current(None)?;
    let told = (scope.applied.contains(sink) && !scope.exchange.has_ended())
        .then(|| scope.exchange.tell(sink, f));
    exchange_current(Some(scope));
    told
}

/// Swaps the current scope. A thread that is being torn down has none.
fn exchange_current(scope: Option<Scope>) -> Option<Scope> {
    CURRENT.try_with(|current| current.replace(scope)).unwrap_or_default()
}
