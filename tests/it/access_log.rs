//! The log line of an exchange: that there is one, what it says, and what it does not.

mod admission;
mod bounds;
mod capture;
mod endings;
mod fields;
mod levels;
mod streams;

use std::{convert::Infallible, future};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::AccessLogLayer;
use tower::{Layer, Service, ServiceExt};
use tracing::level_filters::LevelFilter;

use self::capture::{Capture, Line, Value};
use crate::support::{ANSWER, Boxed, CALL, Script, data, handler, json, post};

type Body = Full<Bytes>;

/// A request that says `message`.
fn says(message: impl Into<Bytes>) -> Request<Body> {
    post(Full::from(message.into()))
}

fn calls() -> Request<Body> {
    says(CALL)
}

/// A request of some method for a path, without a body.
fn asks(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::default()).unwrap()
}

/// A whole JSON document as a response.
fn answers(document: impl Into<Bytes>) -> Response<Script> {
    json(Script::new([data(document)]))
}

fn status(status: u16) -> Response<Script> {
    let mut response = Response::new(Script::new([]).reporting_end());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// An error as the answer to [`CALL`].
fn error(code: i64) -> Response<Script> {
    answers(format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"it broke"}}}}"#))
}

/// A service that reads its request and responds with what `respond` makes.
fn service<R>(
    respond: R,
) -> impl Service<Request<Boxed>, Response = Response<Script>, Error = Infallible, Future: Send> + Clone
where
    R: Fn() -> Response<Script> + Clone + Send,
{
    tower::service_fn(move |request: Request<Boxed>| {
        let response = respond();
        async move {
            let _ = request.into_body().collect().await;
            Ok(response)
        }
    })
}

/// Sends a request through a layer and reads the response to its end.
async fn exchange<R>(layer: &AccessLogLayer, request: Request<Body>, respond: R)
where
    R: Fn() -> Response<Script> + Clone + Send,
{
    let inner = crate::support::AnyBody(service(respond));
    let Ok(response) = layer.layer(inner).oneshot(request).await;
    let _ = response.into_body().collect().await;
}

/// The only line that an exchange writes under a layer with default settings, at any level.
#[track_caller]
fn line_of<R>(request: Request<Body>, respond: R) -> impl Future<Output = Line>
where
    R: Fn() -> Response<Script> + Clone + Send,
{
    line_under(AccessLogLayer::new(), request, respond)
}

async fn line_under<R>(layer: AccessLogLayer, request: Request<Body>, respond: R) -> Line
where
    R: Fn() -> Response<Script> + Clone + Send,
{
    let what = format!("{request:?}");
    let (capture, _guard) = Capture::start(LevelFilter::TRACE);
    exchange(&layer, request, respond).await;
    capture.only(&what)
}
