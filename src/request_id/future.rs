use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderName, Response};
use pin_project_lite::pin_project;

use super::RequestId;

pin_project! {
    /// The response of [`SetRequestId`](super::SetRequestId), with the id on it.
    ///
    /// See the [module docs](crate::request_id).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        header: HeaderName,
        id: RequestId,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, header: HeaderName, id: RequestId) -> Self {
        Self { inner, header, id }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        this.id.stamp(this.header, response.headers_mut());
        Poll::Ready(Ok(response))
    }
}
