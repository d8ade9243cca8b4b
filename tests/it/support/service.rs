//! Services that do what a test tells them.

use std::{
    future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::body::Bytes;
use tower::{BoxError, Service, service_fn, util::ServiceFn};

use super::body::{Broken, Script};

/// Any body, where its type does not matter.
pub(crate) type Boxed = UnsyncBoxBody<Bytes, BoxError>;

/// Lets a service for boxed bodies take any other.
#[derive(Clone, Debug)]
pub(crate) struct AnyBody<S>(pub(crate) S);

impl<S, B> Service<Request<B>> for AnyBody<S>
where
    S: Service<Request<Boxed>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.0.call(request.map(|body| body.map_err(Into::into).boxed_unsync()))
    }
}

/// A function as a service that takes any body.
pub(crate) fn handler<F, Fut, R, E>(f: F) -> AnyBody<ServiceFn<F>>
where
    F: FnMut(Request<Boxed>) -> Fut,
    Fut: Future<Output = Result<Response<R>, E>>,
{
    AnyBody(service_fn(f))
}

/// What a [`Plan`] does when it is called.
#[derive(Debug)]
pub(crate) enum Act {
    Respond(Response<Script>),
    Fail,
    /// Takes the call and never answers.
    Hang,
    PanicInCall,
    PanicInPoll,
}

/// A service that reads each request to its end, then acts as it was planned.
#[derive(Clone, Debug)]
pub(crate) struct Plan(Arc<Planned>);

#[derive(Debug)]
struct Planned {
    acts: Mutex<Vec<Act>>,
    /// Calls whose request was read.
    calls: AtomicUsize,
}

impl Plan {
    /// One act for each call, in this order.
    pub(crate) fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        let mut acts: Vec<_> = acts.into_iter().collect();
        acts.reverse();
        Self(Arc::new(Planned { acts: Mutex::new(acts), calls: AtomicUsize::new(0) }))
    }

    /// How many calls have read their request.
    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(SeqCst)
    }
}

impl<B> Service<Request<B>> for Plan
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Script>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Script>, Broken>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let act = self.0.acts.lock().unwrap().pop().expect("no more calls were planned");
        assert!(!matches!(act, Act::PanicInCall), "the call panics, as planned");
        let planned = Arc::clone(&self.0);
        Box::pin(async move {
            let _ = request.into_body().collect().await;
            planned.calls.fetch_add(1, SeqCst);
            match act {
                Act::Respond(response) => Ok(response),
                Act::Fail => Err(Broken),
                Act::Hang => future::pending().await,
                Act::PanicInPoll => panic!("the future panics, as planned"),
                Act::PanicInCall => unreachable!("it did so in the call"),
            }
        })
    }
}

/// A service whose readiness belongs to the instance: a clone has none, and a call takes it.
#[derive(Debug)]
pub(crate) struct ReadyOnce<S> {
    inner: S,
    ready: bool,
}

impl<S> ReadyOnce<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, ready: false }
    }
}

impl<S: Clone> Clone for ReadyOnce<S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

impl<S: Service<R>, R> Service<R> for ReadyOnce<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx).map_ok(|()| self.ready = true)
    }

    fn call(&mut self, request: R) -> S::Future {
        assert!(std::mem::take(&mut self.ready), "called without having been made ready");
        self.inner.call(request)
    }
}
