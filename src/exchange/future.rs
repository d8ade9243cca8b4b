//! The future of an observed call.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower::Service;

use super::{
    account::{Account, Inside},
    ending::Ending,
    hold::Wait,
    observer::Observer,
    response_body::ResponseBody,
};

pin_project! {
    /// Waits for the request's message, if it may, then for the inner service.
    ///
    /// The account stands beside the state, not in it: a future that is dropped while it waits
    /// counts too.
    pub struct ResponseFuture<F, O, W>
    where
        O: Observer,
    {
        #[pin]
        state: State<F, W>,
        account: Option<Account<O>>,
    }

    impl<F, O, W> PinnedDrop for ResponseFuture<F, O, W>
    where
        O: Observer,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What a handler does while it is dropped, it does for its exchange.
            if let Some(account) = this.account {
                let _lent = account.lend();
                this.state.set(State::Gone);
            }
        }
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, W> {
        Waiting { wait: W },
        Calling { #[pin] future: F },
        Gone,
    }
}

impl<F, O: Observer, W> ResponseFuture<F, O, W> {
    /// Waits before it calls.
    pub(super) fn waiting(wait: W, account: Option<Account<O>>) -> Self {
        Self { state: State::Waiting { wait }, account }
    }

    /// Waits for a call that has been made.
    #[inline]
    pub(super) fn calling(future: F, account: Option<Account<O>>) -> Self {
        Self { state: State::Calling { future }, account }
    }
}

/// Calls a service that is ready, for the exchange of that account.
#[inline]
pub(super) fn call<S, B, O>(
    service: &mut S,
    request: Request<B>,
    mut account: Option<&mut Account<O>>,
) -> S::Future
where
    S: Service<Request<B>>,
    O: Observer,
{
    if let Some(account) = &mut account {
        account.dispatch();
    }
    let inside = account.map(Account::enter);
    let future = service.call(request);
    leave(inside);
    future
}

impl<F, O, W, B, E> Future for ResponseFuture<F, O, W>
where
    F: Future<Output = Result<Response<B>, E>>,
    O: Observer,
    W: Wait<Future = F>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B, O>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let result = loop {
            match this.state.as_mut().project() {
                StateProjection::Waiting { wait } => {
                    let inside = this.account.as_mut().map(Account::enter);
                    let polled = wait.poll(cx);
                    leave(inside);
                    ready!(polled);
                    if let Some(account) = this.account {
                        account.dispatch();
                    }
                    let inside = this.account.as_mut().map(Account::enter);
                    let future = wait.dispatch();
                    leave(inside);
                    let future = future.expect("dispatched once: the state changes with it");
                    this.state.set(State::Calling { future });
                }
                StateProjection::Calling { future } => {
                    let inside = this.account.as_mut().map(Account::enter);
                    let polled = future.poll(cx);
                    leave(inside);
                    if polled.is_pending() {
                        if let Some(account) = this.account {
                            account.notice();
                        }
                    }
                    break ready!(polled);
                }
                StateProjection::Gone => unreachable!("polled after it was dropped"),
            }
        };
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                if let Some(mut account) = this.account.take() {
                    account.close(Ending::ServiceError);
                }
                return Poll::Ready(Err(error));
            }
        };
        let (mut head, body) = response.into_parts();
        if let Some(account) = this.account {
            account.head(&mut head, &body);
            if account.is_closed() {
                *this.account = None;
            }
        }
        let body = ResponseBody::new(body, this.account.take());
        Poll::Ready(Ok(Response::from_parts(head, body)))
    }
}

/// A part of the inner service has run for the exchange, if it is observed.
#[inline]
fn leave<O: Observer>(inside: Option<Inside<'_, O>>) {
    if let Some(inside) = inside {
        inside.leave();
    }
}

impl<F, O: Observer, W> fmt::Debug for ResponseFuture<F, O, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
