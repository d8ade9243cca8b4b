//! The response body on its way out.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{account::Account, answer::Source, ending::Ending, observer::Observer};

pin_project! {
    /// The inner service's body, seen as it passes.
    ///
    /// One poll of it is one poll of the body inside, and yields the same frame. Length and end
    /// are those of the body inside. Dropping it closes the exchange.
    pub struct ResponseBody<B, O>
    where
        O: Observer,
    {
        #[pin]
        inner: B,
        passing: Option<Passing<O>>,
    }
}

impl<B, O: Observer> ResponseBody<B, O> {
    pub(super) fn observed(inner: B, account: Account<O>, source: Source) -> Self {
        let open = !account.is_closed();
        Self { inner, passing: open.then_some(Passing { account, source }) }
    }

    pub(super) fn unobserved(inner: B) -> Self {
        Self { inner, passing: None }
    }
}

/// An exchange whose response body is passing.
struct Passing<O: Observer> {
    account: Account<O>,
    source: Source,
}

impl<O: Observer> Drop for Passing<O> {
    fn drop(&mut self) {
        self.account.close(self.account.ending_of_drop(), &mut self.source);
    }
}

impl<B: Body, O: Observer> Body for ResponseBody<B, O> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let Some(Passing { account, source }) = this.passing else {
            return this.inner.poll_frame(cx);
        };
        let polled = account.enter(|| this.inner.as_mut().poll_frame(cx));
        if polled.is_pending() {
            account.notice();
        }
        let frame = ready!(polled);
        match &frame {
            None => account.close(Ending::Complete, source),
            Some(Err(_)) => account.close(Ending::BodyError, source),
            Some(Ok(frame)) => account.frame(frame, this.inner.is_end_stream(), source),
        }
        if account.is_closed() {
            *this.passing = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: Default, O: Observer> Default for ResponseBody<B, O> {
    /// An unobserved body.
    fn default() -> Self {
        Self::unobserved(B::default())
    }
}

impl<B: fmt::Debug, O: Observer> fmt::Debug for ResponseBody<B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("inner", &self.inner).finish_non_exhaustive()
    }
}
