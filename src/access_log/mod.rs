//! One log line for each exchange.
//!
//! [`AccessLogLayer`] writes one [`tracing`] event when an exchange is over, with what an operator asks
//! of it first: who called what, how it ended, how long it took. It reads the protocol, so a tool that
//! failed behind a `200` is not a success.
//!
//! ```text
//! INFO mcp_telemetry::access: POST /mcp - 200 - 15.23ms request_id="0b2a..." method="POST" path="/mcp"
//!   status=200 duration_ms=15.23 mcp_method="tools/call" tool="search" outcome="success"
//!   client_name="inspector" client_version="1.2.0" protocol="2025-11-25" session=91b3d5f0c2a4e687
//!   bytes_in=182 bytes_out=311
//! ```
//!
//! # Example
//!
//! ```
//! use mcp_telemetry::AccessLogLayer;
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! # use std::{fmt::Debug, sync::{Arc, Mutex}};
//! # use http_body_util::{BodyExt, Full};
//! # use hyper::body::Bytes;
//! # use tracing::{Event, Subscriber, field::{Field, Visit}};
//! # use tracing_subscriber::{Layer, Registry, layer::{Context, SubscriberExt}};
//! # type Answer = http::Response<Full<Bytes>>;
//! # #[derive(Clone, Default)]
//! # struct Lines(Arc<Mutex<String>>);
//! # impl<S: Subscriber> Layer<S> for Lines {
//! #     fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
//! #         let mut line = Line(event.metadata().level().to_string());
//! #         event.record(&mut line);
//! #         *self.0.lock().unwrap() = line.0;
//! #     }
//! # }
//! # struct Line(String);
//! # impl Visit for Line {
//! #     fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
//! #         self.0.push_str(&format!(" {}={value:?}", field.name()));
//! #     }
//! # }
//! # impl Lines {
//! #     fn last(&self) -> String { self.0.lock().unwrap().clone() }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! # let lines = Lines::default();
//! # let subscriber = Registry::default().with(lines.clone());
//! # let _logging = tracing::subscriber::set_default(subscriber);
//! # let mcp = service_fn(|request: http::Request<mcp_telemetry::RequestBody<Full<Bytes>>>| async {
//! #     request.into_body().collect().await?;
//! #     let failed = r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[]}}"#;
//! #     let response = http::Response::builder().header("content-type", "application/json");
//! #     Ok::<Answer, BoxError>(response.body(Full::from(failed))?)
//! # });
//! let service = ServiceBuilder::new().layer(AccessLogLayer::new()).service(mcp);
//!
//! # let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"divide"}}"#;
//! # let request = http::Request::post("/mcp").header("content-type", "application/json");
//! # let response = service.oneshot(request.body(Full::<Bytes>::from(call))?).await?;
//! # response.into_body().collect().await?;
//! // A call of the tool `divide`, which fails:
//! let line = lines.last();
//! assert!(line.starts_with("WARN message=POST /mcp - 200 - "));
//! assert!(line.contains(r#"mcp_method="tools/call" tool="divide" outcome="tool_error""#));
//! # Ok(())
//! # }
//! ```
//!
//! # Fields
//!
//! The target of the events is `mcp_telemetry::access`. A field of which nothing is known is left out.
//!
//! | field | what it is |
//! |---|---|
//! | `request_id`, `user_id` | as the layers and handlers of the exchange have set them |
//! | `method`, `path` | the HTTP method, and the [route](AccessLogLayer::routes); `_OTHER` if unknown |
//! | `status` | the HTTP status; 499 if there was no response head |
//! | `duration_ms` | from the request's head to the answer, or to the head of a standing stream |
//! | `first_event_ms`, `stream_ms` | of an event stream: to its first message; to its end, where that came later than the answer |
//! | `mcp_method` | the JSON-RPC method; `_OTHER` if MCP has none of that name |
//! | `tool`, `prompt` or `resource` | what was asked for: at most 64 bytes of its name; of a resource the scheme only |
//! | `outcome`, `reason`, `jsonrpc_code` | the [`Outcome`](crate::Outcome), why, and the code of a JSON-RPC error |
//! | `client_name`, `client_version` | at most 256 bytes of what the client says it is |
//! | `protocol` | the revision of MCP; `_OTHER` if there is none of that name |
//! | `session` | a [keyed hash](AccessLogLayer::session_key) of the session's id |
//! | `bytes_in`, `bytes_out` | of the bodies, as far as they went |
//! | `events` | how many messages an event stream carried |
//!
//! The exchange is current while the event is written, so a layer that adds ids to every line adds
//! those of the exchange. The event's parent is the span in which the exchange began, wherever it
//! ends.
//!
//! # Levels
//!
//! | level | outcome |
//! |---|---|
//! | `ERROR` | `server_error`, `transport_error` |
//! | `WARN` | `tool_error`, `timeout`, `no_response`, and whatever was [slow](AccessLogLayer::slow) |
//! | `INFO` | `success`, `input_required`, `caller_error`, `rejected`, `cancelled`, `detached` |
//! | `DEBUG` | the same, of pings, of notifications and other messages that want no answer, of what is [skipped](AccessLogLayer::skip), and of scrapes |
//!
//! A stream that stands for its own sake, such as a `GET`, also has a line when it opens, at `DEBUG`. It
//! has no `outcome`: there is one line with an outcome for each exchange.
//!
//! # Customize
//!
//! On a busy server, a share of the successes is often enough, and strangers should not fill the disk:
//!
//! ```
//! use std::time::Duration;
//! use mcp_telemetry::AccessLogLayer;
//!
//! let layer = AccessLogLayer::new()
//!     .routes(["/mcp", "/tenants/{id}/mcp"])
//!     .slow(Duration::from_secs(5))
//!     .sample_success(100)
//!     .max_lines_per_second(50);
//! # let _ = layer;
//! ```
//!
//! # What is never written
//!
//! Headers, query strings, arguments, results and the texts of errors are not written. Session ids
//! are secrets, and only written [on demand](AccessLogLayer::log_session_ids). Names are a client's own
//! words: they are cut, and control characters in them, line breaks above all, become `?`.
//!
//! # Order
//!
//! Put it inside of [`RequestIdLayer`](crate::RequestIdLayer), and outside of everything whose answers
//! it is to log. Applied twice to one exchange, the second layer passes everything through.

mod event;
mod facts;
mod layer;
mod level;
mod limit;
mod line;
mod millis;
mod observer;
mod routes;
mod sample;
mod session;
mod settings;
mod text;

pub use self::layer::AccessLogLayer;
pub(crate) use self::observer::LogExchange;

#[cfg(test)]
mod tests;
