//! Saying what an inner service's error means.

use std::{
    any, fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::RequestContext;
use crate::exchange::Outcome;

/// Tells the layers around it what an error of the service inside means.
///
/// An error that a service returns instead of a response is a `transport_error`, since the layers of
/// this crate ask nothing of its type. Put this one between them and the service, and it calls
/// [`set_outcome`](RequestContext::set_outcome) for each error. Errors and responses pass unchanged.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use mcp_telemetry::{ObservabilityLayer, Outcome, context::ClassifyErrorLayer};
/// use tower::{BoxError, ServiceBuilder, timeout::{TimeoutLayer, error::Elapsed}};
///
/// fn classify(error: &BoxError) -> Outcome {
///     if error.is::<Elapsed>() { Outcome::Timeout } else { Outcome::ServerError }
/// }
///
/// let stack = ServiceBuilder::new()
///     .layer(ObservabilityLayer::new())
///     .layer(ClassifyErrorLayer::new(classify))
///     .layer(TimeoutLayer::new(Duration::from_secs(30)));
/// # let _ = stack;
/// ```
#[derive(Clone, Copy)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ClassifyErrorLayer<F> {
    classify: F,
}

impl<F> ClassifyErrorLayer<F> {
    /// `classify` is a `Fn(&E) -> Outcome` for the error type `E` of the service inside.
    pub const fn new(classify: F) -> Self {
        Self { classify }
    }
}

impl<S, F: Clone> Layer<S> for ClassifyErrorLayer<F> {
    type Service = ClassifyError<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        ClassifyError { inner, classify: self.classify.clone() }
    }
}

impl<F> fmt::Debug for ClassifyErrorLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = any::type_name::<F>();
        f.debug_struct("ClassifyErrorLayer").field("classify", &format_args!("{name}")).finish()
    }
}

/// The middleware that [`ClassifyErrorLayer`] makes.
#[derive(Clone, Copy)]
pub struct ClassifyError<S, F> {
    inner: S,
    classify: F,
}

impl<S, F> ClassifyError<S, F> {
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

impl<S, F, R> Service<R> for ClassifyError<S, F>
where
    S: Service<R>,
    F: Fn(&S::Error) -> Outcome + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ClassifyErrorFuture<S::Future, F>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let Self { inner, classify } = self;
        ClassifyErrorFuture { inner: inner.call(request), classify: classify.clone() }
    }
}

impl<S: fmt::Debug, F> fmt::Debug for ClassifyError<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifyError").field("inner", &self.inner).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`ClassifyError`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ClassifyErrorFuture<I, F> {
        #[pin]
        inner: I,
        classify: F,
    }
}

impl<I, F, T, E> Future for ClassifyErrorFuture<I, F>
where
    I: Future<Output = Result<T, E>>,
    F: Fn(&E) -> Outcome,
{
    type Output = I::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        if let Err(error) = &result {
            if let Some(exchange) = RequestContext::current() {
                exchange.set_outcome((this.classify)(error));
            }
        }
        Poll::Ready(result)
    }
}

impl<I, F> fmt::Debug for ClassifyErrorFuture<I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifyErrorFuture").finish_non_exhaustive()
    }
}
