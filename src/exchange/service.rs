//! The middleware: passes at once, or holds.

use std::{
    convert::Infallible,
    fmt,
    marker::PhantomData,
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::{
    account::Account,
    common::Common,
    future::{ResponseFuture, call},
    hold::{Held, Holding, Wait},
    observer::Observer,
    request_body::RequestBody,
    response_body::ResponseBody,
};

/// A service whose exchanges are observed.
///
/// `M` is the mode: [`Pass`] calls the inner service at once and asks nothing of it; [`Holding`]
/// may wait for the request's message first, and needs a service that can be cloned.
#[derive(Clone)]
pub struct Observe<S, O, M> {
    inner: S,
    observer: O,
    mode: M,
    common: Arc<Common>,
}

/// Calls the inner service at once.
#[derive(Clone, Copy, Debug)]
pub struct Pass;

impl<S, O, M> Observe<S, O, M> {
    pub(crate) fn new(inner: S, observer: O, mode: M, common: &Arc<Common>) -> Self {
        Self { inner, observer, mode, common: Arc::clone(common) }
    }

    /// A shared reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// A mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, O, B, R> Service<Request<B>> for Observe<S, O, Pass>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>>,
    O: Observer,
    B: Body,
    R: Body,
{
    type Response = Response<ResponseBody<R, O>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, O, Never<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let mut account = Account::open(&self.observer, &self.common, &mut parts);
        let body = Account::tap(account.as_ref(), &parts, body);
        let request = Request::from_parts(parts, body);
        let future = call(&mut self.inner, request, account.as_mut());
        ResponseFuture::calling(future, account)
    }
}

impl<S, O, B, R> Service<Request<B>> for Observe<S, O, Holding>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>> + Clone,
    O: Observer,
    B: Body + Unpin,
    R: Body,
{
    type Response = Response<ResponseBody<R, O>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, O, Held<S, B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let mut account = Account::open(&self.observer, &self.common, &mut parts);
        let mut body = Account::tap(account.as_ref(), &parts, body);
        let exchange = account.as_ref().map(Account::exchange);
        let permit = exchange.and_then(|exchange| {
            let permit = self.mode.permit(exchange.head(), body.is_end_stream());
            permit.filter(|_| exchange.request().is_none())
        });
        let (Some(permit), Some(exchange)) = (permit, exchange) else {
            let request = Request::from_parts(parts, body);
            let future = call(&mut self.inner, request, account.as_mut());
            return ResponseFuture::calling(future, account);
        };
        body.hold(Arc::clone(exchange), permit);
        // The instance that was made ready is the one that is called, later; what stays is a clone
        // that has yet to be asked.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        let held = Held(Some((ready, Request::from_parts(parts, body))));
        ResponseFuture::waiting(held, account)
    }
}

/// The wait of a service that does not wait: there is none.
#[derive(Debug)]
pub struct Never<F> {
    never: Infallible,
    _future: PhantomData<fn() -> F>,
}

impl<F> Wait for Never<F> {
    type Future = F;

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        match self.never {}
    }

    fn dispatch(&mut self) -> Option<Self::Future> {
        match self.never {}
    }
}

impl<S: fmt::Debug, O, M> fmt::Debug for Observe<S, O, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observe").field("inner", &self.inner).finish_non_exhaustive()
    }
}
