//! Each layer fits plain hyper, over a service with any error and with body types of its own.

use std::{convert::Infallible, error, fmt};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tower::{BoxError, Layer, Service};

use super::with_each_layer;
use crate::support::{
    ANSWER, AnyBody, Boxed, CALL, Client, Protocol, Script, Server, data, handler, json, post,
};

/// An error that is a unit, and no more than hyper asks of one.
#[derive(Debug)]
struct Unit;

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unit")
    }
}

impl error::Error for Unit {}

/// T23: with no error, with a boxed one, and with one that is a unit struct.
#[tokio::test]
async fn hyper_takes_each_layer_with_any_error() {
    with_each_layer!(without_error);
    with_each_layer!(with_boxed_error);
    with_each_layer!(with_unit_error);
}

type Reply<E> = Result<Response<Script>, E>;
type Handler<E> = AnyBody<tower::util::ServiceFn<fn(Request<Boxed>) -> Answering<E>>>;
type Answering<E> = std::pin::Pin<Box<dyn Future<Output = Reply<E>> + Send>>;

async fn without_error<L>(layer: L) -> u64
where
    L: Layer<Handler<Infallible>>,
    L::Service: Http<Error = Infallible>,
{
    over_hyper(layer.layer(answering())).await
}

async fn with_boxed_error<L>(layer: L) -> u64
where
    L: Layer<Handler<BoxError>>,
    L::Service: Http<Error = BoxError>,
{
    over_hyper(layer.layer(answering())).await
}

async fn with_unit_error<L>(layer: L) -> u64
where
    L: Layer<Handler<Unit>>,
    L::Service: Http<Error = Unit>,
{
    over_hyper(layer.layer(answering())).await
}

fn answering<E: 'static>() -> Handler<E> {
    let answer: fn(Request<Boxed>) -> Answering<E> = |request| {
        Box::pin(async {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, CALL);
            Ok(json(Script::new([data(ANSWER)])))
        })
    };
    handler(answer)
}

/// What hyper asks of a service.
pub(super) trait Http:
    Service<
        Request<Incoming>,
        Response = Response<Self::Body>,
        Error: Into<BoxError>,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    type Body: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> Http for S
where
    S: Service<
            Request<Incoming>,
            Response = Response<B>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static,
    B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
}

async fn over_hyper<S: Http>(service: S) -> u64 {
    let mut made = 0;
    for protocol in Protocol::BOTH {
        let server = Server::start(protocol, service.clone()).await;
        let mut client = Client::connect(protocol, server.address).await;
        for _ in 0..2 {
            let response = client.send(post(Full::from(CALL))).await.unwrap();
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), ANSWER);
            made += 1;
        }
        client.leave().await;
        server.stop().await;
    }
    made
}
