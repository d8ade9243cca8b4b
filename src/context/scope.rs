//! Being inside of an exchange where no layer sees to it.

use std::{
    fmt,
    future::{Future, pending},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use opentelemetry::ContextGuard;
use pin_project_lite::pin_project;

use super::{RequestContext, Trace};
use crate::exchange;

/// An exchange is current on this thread as long as this guard lives. Made by
/// [`RequestContext::enter`].
///
/// Guards are to be dropped in the reverse order of their making. It is not `Send`: what was entered
/// on one thread is left on the same.
#[must_use = "the exchange is left as soon as the guard is dropped"]
pub struct Entered {
    // In this order: what was entered last is left first.
    _otel: Option<ContextGuard>,
    _stay: Option<Stay>,
}

impl Entered {
    pub(super) fn new(context: &RequestContext) -> Self {
        if context.has_ended() {
            return Self { _otel: None, _stay: None };
        }
        let stay = Stay::begin(context.clone());
        let otel = Trace::of(context.exchange()).and_then(Trace::attach);
        Self { _otel: otel, _stay: Some(stay) }
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").finish_non_exhaustive()
    }
}

/// Owns a context together with the guard that borrows it, which only a future can: it enters when
/// it is polled first, never comes to its end, and leaves when it is dropped.
struct Stay(#[expect(dead_code, reason = "held for its drop")] Pin<Box<dyn Future<Output = ()>>>);

impl Stay {
    fn begin(context: RequestContext) -> Self {
        let mut stay = Box::pin(async move {
            let mut home = Some(context);
            let _entered = exchange::enter(&mut home);
            pending::<()>().await;
        });
        let _ = stay.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        Self(stay)
    }
}

pin_project! {
    /// A future that works for an exchange. Made by [`RequestContext::scope`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        // `None` only while this is dropped.
        #[pin]
        future: Option<F>,
        // `None` only while it is current.
        context: Option<RequestContext>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            within(this.context, || this.future.set(None));
        }
    }
}

impl<F> Scoped<F> {
    pub(super) fn new(future: F, context: RequestContext) -> Self {
        Self { future: Some(future), context: Some(context) }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        within(this.context, || match this.future.as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Pending,
        })
    }
}

/// Runs something with a context current, unless the exchange has ended. The context is moved there
/// and back, not cloned.
fn within<R>(home: &mut Option<RequestContext>, f: impl FnOnce() -> R) -> R {
    let Some(context) = home.as_ref().filter(|context| !context.has_ended()) else { return f() };
    let otel = Trace::of(context.exchange()).and_then(Trace::attach);
    let entered = exchange::enter(home);
    let result = f();
    drop(otel);
    drop(entered);
    result
}

impl<F: fmt::Debug> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("future", &self.future).finish_non_exhaustive()
    }
}
