//! Each layer fits tonic's server: streams of messages and statuses in trailers pass.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{
    body::Body,
    server::NamedService,
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tower::{BoxError, Layer, Service};

use super::with_each_layer;
use crate::support::{Client, Protocol, Script, Step, data, trailers, within};

/// A service as tonic generates them, as far as the wire shows.
#[derive(Clone)]
struct Grpc;

impl NamedService for Grpc {
    const NAME: &'static str = "test.Grpc";
}

/// A gRPC message of no bytes.
const MESSAGE: &[u8] = &[0; 5];

impl Service<Request<Body>> for Grpc {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let messages = if request.uri().path().ends_with("Stream") { 3 } else { 1 };
        let script = (0..messages)
            .flat_map(|_| [data(MESSAGE), Step::Yield])
            .chain([trailers(&[("grpc-status", "0"), ("x-end", "yes")])]);
        let response = Response::builder().header("content-type", "application/grpc");
        ready(Ok(response.body(Body::new(Script::new(script))).unwrap()))
    }
}

#[tokio::test]
async fn tonic_takes_each_layer() {
    with_each_layer!(in_tonic);
}

/// The bounds are those of tonic's own `Router::serve`.
async fn in_tonic<L, R>(layer: L) -> u64
where
    L: Layer<Routes> + Clone + Send + 'static,
    L::Service: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send,
    <L::Service as Service<Request<Body>>>::Error: Into<BoxError> + Send,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::builder()
        .layer(layer)
        .add_service(Grpc)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), async { _ = stopped.await });
    let server = tokio::spawn(server);

    let mut client = Client::connect(Protocol::Http2, address).await;
    for (method, messages) in [("Unary", 1), ("Stream", 3)] {
        let request = Request::post(format!("/test.Grpc/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::from(MESSAGE))
            .unwrap();
        let response = client.send(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap();
        let trailers = body.trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "0", "{method}");
        assert_eq!(trailers["x-end"], "yes", "{method}");
        assert_eq!(body.to_bytes().len(), messages * MESSAGE.len(), "{method}");
    }
    client.leave().await;
    stop.send(()).unwrap();
    within("tonic ends", server).await.unwrap().unwrap();
    2
}
