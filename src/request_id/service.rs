use std::{
    fmt,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::Service;

use super::{MakeRequestId, MakeRequestUuid, RequestIdLayer, ResponseFuture};

/// The middleware that [`RequestIdLayer`] makes.
///
/// See the [module docs](crate::request_id).
#[derive(Clone)]
pub struct SetRequestId<S, M = MakeRequestUuid> {
    inner: S,
    settings: RequestIdLayer<M>,
}

impl<S, M> SetRequestId<S, M> {
    pub(super) const fn new(inner: S, settings: RequestIdLayer<M>) -> Self {
        Self { inner, settings }
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without this middleware.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, M, ReqBody, ResBody> Service<Request<ReqBody>> for SetRequestId<S, M>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    M: MakeRequestId,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let Self { inner, settings } = self;
        let (mut parts, body) = request.into_parts();
        let id = settings.stamp_request(&mut parts);
        let response = inner.call(Request::from_parts(parts, body));
        ResponseFuture::new(response, settings.header_name().clone(), id)
    }
}

impl<S, M> fmt::Debug for SetRequestId<S, M>
where
    S: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, settings } = self;
        f.debug_struct("SetRequestId").field("inner", inner).field("settings", settings).finish()
    }
}
