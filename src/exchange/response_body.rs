//! The response body on its way out.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{account::Account, ending::Ending, observer::Observer};

pin_project! {
    /// The inner service's body, seen as it passes.
    ///
    /// One poll of it is one poll of the body inside, and yields the same frame. Length and end
    /// are those of the body inside. Dropping it closes the exchange.
    pub struct ResponseBody<B, O>
    where
        O: Observer,
    {
        // `None` only while it is dropped.
        #[pin]
        inner: Option<B>,
        // Until the exchange is over.
        account: Option<Account<O>>,
    }

    impl<B, O> PinnedDrop for ResponseBody<B, O>
    where
        O: Observer,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What a handler does while it is dropped, it does for its exchange.
            if let Some(account) = this.account {
                let _lent = account.lend();
                this.inner.set(None);
            }
        }
    }
}

impl<B, O: Observer> ResponseBody<B, O> {
    /// A body whose exchange is observed, if there is an account of it.
    #[inline]
    pub(super) fn new(inner: B, account: Option<Account<O>>) -> Self {
        Self { inner: Some(inner), account }
    }
}

impl<B: Body, O: Observer> Body for ResponseBody<B, O> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let Some(mut inner) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        let Some(account) = this.account else { return inner.poll_frame(cx) };
        let inside = account.enter();
        let polled = inner.as_mut().poll_frame(cx);
        inside.leave();
        if polled.is_pending() {
            account.notice();
        }
        let frame = ready!(polled);
        match &frame {
            None => account.close(Ending::Complete),
            Some(Err(_)) => account.close(Ending::BodyError),
            Some(Ok(frame)) => account.frame(frame, inner.is_end_stream()),
        }
        if account.is_closed() {
            *this.account = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, B::size_hint)
    }
}

impl<B: Default, O: Observer> Default for ResponseBody<B, O> {
    /// An unobserved body.
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B: fmt::Debug, O: Observer> fmt::Debug for ResponseBody<B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("inner", &self.inner).finish_non_exhaustive()
    }
}
