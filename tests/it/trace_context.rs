//! Spans, their parents, and what is current while an exchange is served.

mod current;
mod endings;
mod native;
mod parents;
mod rmcp;
mod spans;
mod travel;

use std::convert::Infallible;

use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::TraceContextLayer;
use opentelemetry::{KeyValue, Value, trace::TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use tower::{BoxError, Layer, Service, ServiceExt};

use crate::support::{ANSWER, Boxed, CALL, Script, call, data, handler, json};

/// A sampled parent, in its two parts.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const PARENT_SPAN: &str = "00f067aa0ba902b7";

/// Another one.
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER_SPAN: &str = "b7ad6b7169203331";

/// An OpenTelemetry SDK of the test's own.
struct Sdk {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
}

impl Sdk {
    fn new() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone());
        Self { exporter, provider: provider.build() }
    }

    fn layer(&self) -> TraceContextLayer {
        TraceContextLayer::new().tracer_provider(self.provider.clone())
    }

    fn tracer(&self) -> SdkTracer {
        self.provider.tracer("handlers")
    }

    /// The spans that have ended so far, in the order of their ends.
    fn spans(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }

    /// The one span that has ended.
    #[track_caller]
    fn span(&self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "one span: {:?}", names(&spans));
        spans.remove(0)
    }
}

fn names(spans: &[SpanData]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_ref()).collect()
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name:?} among {:?}", names(spans)))
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let mut values = attributes.iter().filter(|attribute| attribute.key.as_str() == key);
    let value = values.next().map(|attribute| &attribute.value);
    assert!(values.next().is_none(), "{key} is there twice");
    value
}

/// An attribute of a span as text.
fn attribute(span: &SpanData, key: &str) -> Option<String> {
    value(&span.attributes, key).map(ToString::to_string)
}

fn trace_of(span: &SpanData) -> String {
    span.span_context.trace_id().to_string()
}

fn id_of(span: &SpanData) -> String {
    span.span_context.span_id().to_string()
}

/// The spans that a span is linked to.
fn links_of(span: &SpanData) -> Vec<String> {
    span.links.iter().map(|link| link.span_context.span_id().to_string()).collect()
}

/// Answers each call.
fn answering() -> impl Serve<Body = Script> {
    serving(async |_| json(Script::new([data(ANSWER)])))
}

/// A service that cannot fail.
fn serving<F, Fut, R>(mut serve: F) -> impl Serve<Body = R>
where
    F: FnMut(Request<Boxed>) -> Fut + Clone,
    Fut: Future<Output = Response<R>>,
{
    handler(move |request| {
        let response = serve(request);
        async { Ok::<_, Infallible>(response.await) }
    })
}

/// What can be wrapped in the layer.
trait Serve: Clone
where
    Self:
        Service<Request<mcp_telemetry::RequestBody<Full<Bytes>>>, Response = Response<Self::Body>>,
    Self: Service<Request<mcp_telemetry::RequestBody<Full<Bytes>>>, Error = Infallible>,
{
    type Body;
}

impl<S, R> Serve for S
where
    S: Service<
            Request<mcp_telemetry::RequestBody<Full<Bytes>>>,
            Response = Response<R>,
            Error = Infallible,
        > + Clone,
{
    type Body = R;
}

/// Sends a request through the layer and reads the response to its end.
async fn exchange<S>(
    layer: &TraceContextLayer,
    service: S,
    request: Request<Full<Bytes>>,
) -> Response<Bytes>
where
    S: Serve<Body: http_body::Body<Error: Into<BoxError>>>,
{
    let Ok(response) = layer.layer(service).oneshot(request).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(Into::into).unwrap().to_bytes();
    Response::from_parts(head, body)
}

/// A [`CALL`] with these headers.
fn call_with(headers: &[(&'static str, &'static str)]) -> Request<Full<Bytes>> {
    with(call(Full::from(CALL)), headers)
}

/// A call with this in its `_meta`.
fn call_with_meta(meta: &str) -> Request<Full<Bytes>> {
    let message = CALL.replace(r#""arguments""#, &format!(r#""_meta":{{{meta}}},"arguments""#));
    assert_ne!(message, CALL);
    message_of(message)
}

fn message_of(message: String) -> Request<Full<Bytes>> {
    let length = message.len();
    let mut request = call(Full::from(message));
    request.headers_mut().insert("content-length", length.into());
    request
}

fn with<B>(mut request: Request<B>, headers: &[(&'static str, &'static str)]) -> Request<B> {
    let to: &mut HeaderMap = request.headers_mut();
    for &(name, value) in headers {
        to.append(name, value.parse().unwrap());
    }
    request
}

/// What axum and tonic ask of a layer and of its service.
#[test]
fn the_layer_fits_where_layers_are_put() {
    fn is_shared<T: Clone + Send + Sync + Unpin + 'static>(_: &T) {}
    fn is_send<T: Send + 'static>(_: &T) {}

    let layer = TraceContextLayer::new();
    is_shared(&layer);
    let plan = crate::support::Plan::new([]);
    let mut service = layer.layer(plan);
    is_shared(&service);
    is_send(&Service::call(&mut service, call_with(&[])));
}
