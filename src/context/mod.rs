//! What handlers, and tasks that work for them, can reach of the exchange they serve.
//!
//! [`RequestContext`] is the exchange: its ids, its user, its span. The layers of this crate make it
//! current around every poll, and leave it in the request extensions.
//!
//! ```
//! use http::{Request, Response};
//! use mcp_telemetry::{TraceContextLayer, context::RequestContext};
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//!
//! async fn handle<B>(_: Request<B>) -> Result<Response<String>, BoxError> {
//!     let exchange = RequestContext::current().ok_or("not under a layer")?;
//!     exchange.set_user_id("ada");
//!     exchange.set_attribute("rows", 3);
//!     let trace = exchange.trace_context().ok_or("not traced")?;
//!     Ok(Response::new(trace.trace_id().to_string()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let service = ServiceBuilder::new().layer(TraceContextLayer::new()).service(service_fn(handle));
//!
//! let request = Request::builder()
//!     .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
//!     .body(String::new())?;
//! let response = service.oneshot(request).await?;
//! # let body = http_body_util::BodyExt::collect(response.into_body()).await?.to_bytes();
//! assert_eq!(body, "4bf92f3577b34da6a3ce929d0e0e4736");
//! # Ok(())
//! # }
//! ```
//!
//! # Other tasks
//!
//! What is current belongs to a thread, and is gone in a task that a handler spawns. Take it along:
//!
//! ```
//! # use mcp_telemetry::context::RequestContext;
//! # fn spawn(_: impl Future<Output = ()>) {}
//! # async fn work() {}
//! if let Some(exchange) = RequestContext::current() {
//!     spawn(exchange.scope(work()));
//! }
//! ```
//!
//! The handlers of rmcp run in tasks of their own. They are given the head of the request, and with it
//! the exchange: [`RequestContext::from_parts`] finds it, whatever the mode of the server.
//!
//! # Calls to others
//!
//! [`TraceContext::inject`] writes the headers that continue the trace in a service that a handler
//! calls.
//!
//! # After the end
//!
//! An exchange that has ended lends nothing. Its context is not current any more, has no ids, and takes
//! nothing: what a task does after the client was answered is work of its own.

mod access_event;
mod baggage;
mod classify_error;
mod convert;
#[cfg_attr(not(feature = "logging"), allow(dead_code, reason = "for the log lines"))]
mod ids;
mod request_context;
mod scope;
#[cfg(test)]
pub(crate) mod testing;
mod trace;
mod trace_context;
mod traceparent;
mod tracestate;

#[cfg_attr(not(feature = "logging"), allow(unused_imports, reason = "for the log lines"))]
pub(crate) use self::ids::{Ids, Kept, keep, with_ids, with_ids_of_access};
pub(crate) use self::{
    access_event::{ACCESS_HELD_BACK, ACCESS_TARGET},
    convert::{baggage_from, baggage_of, span_context_from, span_context_of, trace_state_of},
    trace::Trace,
};
pub use self::{
    baggage::{Baggage, BaggageMember, BaggageMembers},
    classify_error::{ClassifyError, ClassifyErrorFuture, ClassifyErrorLayer},
    scope::{Entered, Scoped},
    trace_context::TraceContext,
    traceparent::{InvalidId, InvalidTraceparent, SpanId, TraceFlags, TraceId, Traceparent},
    tracestate::{InvalidTracestate, Tracestate, TracestateMembers},
};
pub use crate::exchange::RequestContext;
