//! Waiting for the request's message before the inner service is called.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use http::Request;
use http_body::Body;
use tower::Service;

use super::{head::Head, request_body::RequestBody};

/// Whether a layer may wait for a request's message before it calls the inner service.
///
/// What a span starts with (its parent, its name) stands in the message. A layer that holds waits
/// for the client's own bytes, and only for a `POST` with a JSON body of a declared, small length,
/// without `Expect` and without a content encoding. Everything else is passed on at once, and what
/// its body says is known later.
///
/// Holding delays what an inner service would have answered from the head alone. Put
/// authentication and concurrency limits of a public server outside the layer that holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Hold {
    /// Never wait.
    Never,
    /// Wait for bodies whose `content-length` is at most this many bytes.
    UpTo(u64),
}

impl Default for Hold {
    /// Bodies of at most 64 KiB.
    fn default() -> Self {
        Self::UpTo(64 * 1024)
    }
}

/// The mode of a service that may hold, with the bytes it holds over all its exchanges.
#[derive(Clone, Debug)]
pub struct Holding {
    hold: Hold,
    held: Arc<AtomicU64>,
}

/// Bytes that all exchanges of one stack may hold together.
const HELD_IN_ALL: u64 = 16 * 1024 * 1024;

impl Holding {
    pub(crate) fn new(hold: Hold) -> Self {
        Self { hold, held: Arc::new(AtomicU64::new(0)) }
    }

    /// Leave to hold the body of a request, if it is one to wait for.
    pub(super) fn permit(&self, head: &Head, ended: bool) -> Option<Permit> {
        let Hold::UpTo(limit) = self.hold else { return None };
        if ended || head.body().is_err() || head.expects() {
            return None;
        }
        let bytes = head.length().filter(|&bytes| bytes <= limit)?;
        let reserve = |held: u64| held.checked_add(bytes).filter(|&sum| sum <= HELD_IN_ALL);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, reserve).ok()?;
        Some(Permit { bytes, held: Arc::clone(&self.held) })
    }
}

/// Leave to hold some bytes; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    bytes: u64,
    held: Arc<AtomicU64>,
}

impl Permit {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a future may wait for before it calls the inner service.
pub trait Wait {
    /// The inner service's future.
    type Future;

    /// Ready when the wait is over: the message is known, or waiting gives nothing more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Calls the inner service, once. `None` if that was done before.
    fn dispatch(&mut self) -> Option<Self::Future>;
}

/// A request that waits for its message, with the instance of the service that was made ready for
/// it.
#[derive(Debug)]
pub struct Held<S, B: Body>(pub(super) Option<(S, Request<RequestBody<B>>)>);

impl<S, B> Wait for Held<S, B>
where
    S: Service<Request<RequestBody<B>>>,
    B: Body + Unpin,
{
    type Future = S::Future;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some((_, request)) = &mut self.0 {
            ready!(Pin::new(request.body_mut()).poll_message(cx));
        }
        Poll::Ready(())
    }

    fn dispatch(&mut self) -> Option<Self::Future> {
        let (mut service, request) = self.0.take()?;
        Some(service.call(request))
    }
}
