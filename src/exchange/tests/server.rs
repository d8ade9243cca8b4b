//! A server that answers as each request tells it to, and a client that takes the answer.

use std::{
    convert::Infallible,
    future::pending,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either},
    stream,
};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use tower::Service;

use super::witness::Witness;
use crate::exchange::{Observe, Pass, common::Common};

/// One exchange, as it is to happen.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) request: Request<Bytes>,
    /// Without a response, the client leaves while it waits for one.
    pub(super) response: Option<Response<Bytes>>,
    /// Whether the response has its end. If not, the client leaves after its last byte.
    pub(super) whole: bool,
    /// How many bytes each frame has, in both directions. 0 for all in one.
    pub(super) frame: usize,
}

/// A body, in frames.
pub(super) type Frames = UnsyncBoxBody<Bytes, Infallible>;

impl Script {
    /// A message in JSON that is posted, and what it is answered, if it is.
    pub(super) fn post(
        message: impl Into<Bytes>,
        response: impl Into<Option<Response<Bytes>>>,
    ) -> Self {
        let request = Request::post("/mcp").header("content-type", "application/json");
        let request = request.body(message.into()).expect("a request");
        Self { request, response: response.into(), whole: true, frame: 0 }
    }

    /// With another header in the request.
    pub(super) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.request.headers_mut().append(name, value.parse().expect("a header's value"));
        self
    }

    /// With frames of that many bytes.
    pub(super) fn in_frames_of(mut self, bytes: usize) -> Self {
        self.frame = bytes;
        self
    }

    /// Lets it happen, as far as it goes.
    pub(super) fn run<S, B>(&self, service: &mut S)
    where
        S: Service<Request<Frames>, Response = Response<B>, Error = Infallible>,
        B: Body<Data = Bytes, Error = Infallible> + Unpin,
    {
        if let Some(response) = self.begin(service) {
            finish(response);
        }
    }

    /// Lets it happen until the response head is there.
    pub(super) fn begin<S, B>(&self, service: &mut S) -> Option<Response<B>>
    where
        S: Service<Request<Frames>, Response = Response<B>, Error = Infallible>,
    {
        let mut request = self.request.clone().map(|bytes| frames(bytes, self.frame, true));
        request.extensions_mut().insert(self.clone());
        service.call(request).now_or_never().map(|Ok(response)| response)
    }
}

/// Takes what comes of the body, then leaves.
pub(super) fn finish<B>(response: Response<B>)
where
    B: Body<Data = Bytes, Error = Infallible> + Unpin,
{
    let mut body = response.into_body();
    while let Some(Some(Ok(_))) = body.frame().now_or_never() {}
}

/// A response in JSON.
pub(super) fn json(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    response(status, "application/json", body)
}

/// A response that is an event stream, with an event for each of the documents.
pub(super) fn events(documents: &[&str]) -> Response<Bytes> {
    let body = documents.join("\n\ndata: ");
    response(200, "text/event-stream", format!("data: {body}\n\n"))
}

pub(super) fn response(status: u16, media_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let response = Response::builder().status(status).header("content-type", media_type);
    response.body(body.into()).expect("a response")
}

fn frames(bytes: Bytes, length: usize, whole: bool) -> Frames {
    if length == 0 && whole {
        return Full::new(bytes).boxed_unsync();
    }
    let length = if length == 0 { bytes.len().max(1) } else { length };
    let frames: Vec<_> = bytes.chunks(length).map(|frame| bytes.slice_ref(frame)).collect();
    let frames = stream::iter(frames).map(|frame| Ok(Frame::data(frame)));
    let end = if whole { Either::Left(stream::empty()) } else { Either::Right(stream::pending()) };
    StreamBody::new(frames.chain(end)).boxed_unsync()
}

/// Around the server, what `witness` sees.
pub(super) fn observed<S>(inner: S, witness: &Witness) -> Observe<S, Witness, Pass> {
    Observe::new(inner, witness.clone(), Pass, &Arc::new(Common::default()))
}

/// Reads each request to its end, and answers as its script says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server;

impl<B> Service<Request<B>> for Server
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<Frames>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Frames>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let script: Option<Script> = request.extensions_mut().remove();
        let script = script.expect("each request has its script");
        let mut body = request.into_body();
        Box::pin(async move {
            while body.frame().await.is_some() {}
            let Some(response) = script.response else { return pending().await };
            Ok(response.map(|bytes| frames(bytes, script.frame, script.whole)))
        })
    }
}
