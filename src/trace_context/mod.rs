//! Gives every exchange a place in a trace.
//!
//! [`TraceContextLayer`] continues the trace that a request belongs to, or begins one. With an
//! OpenTelemetry SDK each JSON-RPC message that a server is sent becomes a span, by the conventions for
//! MCP, and what handlers do becomes its children. Without one, log lines still carry the ids of the
//! trace.
//!
//! # Example
//!
//! ```standalone_crate
//! use http::{Request, Response};
//! use mcp_telemetry::TraceContextLayer;
//! use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//!
//! # async fn answer<B>(request: Request<B>) -> Result<Response<String>, BoxError>
//! # where
//! #     B: http_body::Body<Error: Into<BoxError>>,
//! # {
//! #     use http_body_util::BodyExt;
//! #     request.into_body().collect().await.map_err(Into::into)?;
//! #     let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
//! #     let head = Response::builder().header("content-type", "application/json");
//! #     Ok(head.body(answer.to_owned())?)
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let exporter = InMemorySpanExporter::default(); // or that of OTLP
//! let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
//! opentelemetry::global::set_tracer_provider(provider);
//!
//! let mcp = service_fn(answer); // or rmcp's service, or any other
//! let service = ServiceBuilder::new().layer(TraceContextLayer::new()).service(mcp);
//!
//! let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}"#;
//! let request = Request::post("/mcp")
//!     .header("content-type", "application/json")
//!     .header("content-length", call.len())
//!     .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
//! let response = service.oneshot(request.body(call.to_owned())?).await?;
//! # http_body_util::BodyExt::collect(response.into_body()).await?;
//!
//! let [span] = &exporter.get_finished_spans()?[..] else { return Err("one span".into()) };
//! assert_eq!(span.name, "tools/call search");
//! assert_eq!(span.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
//! # Ok(())
//! # }
//! ```
//!
//! # Customize
//!
//! On a server that strangers can reach, do not let them decide what you sample:
//!
//! ```
//! use http::request::Parts;
//! use mcp_telemetry::trace_context::{TraceContextLayer, Trust};
//!
//! fn is_of_our_gateway(request: &Parts) -> bool {
//!     // As an authentication further out has left it.
//!     request.extensions.get::<Gateway>().is_some()
//! }
//! # #[derive(Clone)]
//! # struct Gateway;
//!
//! let layer = TraceContextLayer::new().trust(Trust::When(is_of_our_gateway));
//! # let mut request = http::Request::new(()).into_parts().0;
//! # assert!(!is_of_our_gateway(&request));
//! # request.extensions.insert(Gateway);
//! # assert!(is_of_our_gateway(&request));
//! # let _ = layer;
//! ```
//!
//! # Parents
//!
//! A request can say in two places where it comes from: in its message (`params._meta`, SEP-414), and in
//! its headers. And there may be a span of another layer around this one. The first of them that is valid
//! is the parent, in this order or [another](ParentOrder); the others are linked.
//!
//! The message is known only once it was read. The layer waits for it before it calls the inner service,
//! if it is small and its length declared, see [`Hold`](crate::Hold). Put authentication and concurrency
//! limits outside of the layer, so that nothing waits that would be turned away.
//!
//! Contexts are read by the letter of W3C Trace Context Level 2 and of Baggage. What is malformed is as
//! good as not there, and nobody's request fails for it.
//!
//! # Spans
//!
//! | | |
//! |---|---|
//! | name | the method, and the tool or prompt: `tools/call search`; for what is no message `POST` and the like, and the route if it is known |
//! | kind | server |
//! | from the message | `mcp.method.name`, `gen_ai.tool.name`, `gen_ai.prompt.name`, `gen_ai.operation.name`, `jsonrpc.request.id`, `mcp.protocol.version`, `mcp.resource.uri` |
//! | from HTTP | `http.request.method`, `http.route` (feature `axum`, if asked for), `url.path`, `url.scheme`, `network.*`, `http.response.status_code` |
//! | from the end | `error.type`, `rpc.response.status_code`, the status |
//! | events | `cancelled` or `detached` with a `reason`, if the client left |
//!
//! A span lasts as long as the operation: up to the answer, even where the stream it comes in goes on, and
//! up to the head for a stream that stands for its own sake. A batch is a span, and one more for each of
//! its messages.
//!
//! No header gets onto a span (`x-forwarded-proto` tells the scheme, and `mcp-protocol-version` the
//! revision), and no query, no argument, no result and no message of an error does. `url.path` is the
//! path as it came: keep secrets out of paths. A resource's URI is shown without user, query and fragment,
//! and not at all where these cannot be told apart. Texts of clients are cut after 256 bytes.
//!
//! # What is current
//!
//! While the inner service works (in its call, in its future, in the body of its response), the
//! [`RequestContext`](crate::context::RequestContext) is current, and so is the span, for OpenTelemetry.
//! Spans that handlers make with OpenTelemetry are its children. So are those that they make with
//! `tracing`, if `tracing-opentelemetry` exports them; no span of `tracing` is needed for that, and none is
//! made here.
//!
//! For tasks that a handler spawns, see [`context`](crate::context).
//!
//! # Without an SDK
//!
//! The ids are made by this crate, and OpenTelemetry is asked for a tracer once a second at most. One that
//! is installed later is found, and one that was shut down is forgotten. What came with a request is
//! current, so that it can travel on.

mod attributes;
mod batch;
mod end;
mod inbound;
mod layer;
mod native;
mod observer;
mod parent;
mod span;
mod tracer;

pub(crate) use self::observer::TraceExchange;
pub use self::{
    layer::TraceContextLayer,
    parent::{ParentOrder, ParentSource, Trust},
};
