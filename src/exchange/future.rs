//! The future of an observed call.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::{
    account::Account, answer::Source, ending::Ending, hold::Wait, observer::Observer,
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
                account.lend(|| this.state.set(State::Gone));
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
    pub(super) fn waiting(wait: W, account: Account<O>) -> Self {
        Self { state: State::Waiting { wait }, account: Some(account) }
    }

    pub(super) fn calling(future: F, account: Option<Account<O>>) -> Self {
        Self { state: State::Calling { future }, account }
    }
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
                    ready!(within(this.account, || wait.poll(cx)));
                    if let Some(account) = this.account {
                        account.dispatch();
                    }
                    let future = within(this.account, || wait.dispatch())
                        .expect("dispatched once: the state changes with it");
                    this.state.set(State::Calling { future });
                }
                StateProjection::Calling { future } => {
                    let polled = within(this.account, || future.poll(cx));
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
        let account = this.account.take();
        Poll::Ready(match result {
            Ok(response) => Ok(match account {
                Some(mut account) => {
                    let (response, source) = account.head(response);
                    response.map(|body| ResponseBody::observed(body, account, source))
                }
                None => response.map(ResponseBody::unobserved),
            }),
            Err(error) => {
                if let Some(mut account) = account {
                    account.close(Ending::ServiceError, &mut Source::Nowhere);
                }
                Err(error)
            }
        })
    }
}

/// Runs a part of the inner service for the exchange, if it is observed.
fn within<O: Observer, R>(account: &mut Option<Account<O>>, f: impl FnOnce() -> R) -> R {
    match account {
        Some(account) => account.enter(f),
        None => f(),
    }
}

impl<F, O: Observer, W> fmt::Debug for ResponseFuture<F, O, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
