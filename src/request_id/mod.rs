//! Gives every exchange a request id, and shows it to both sides.
//!
//! [`RequestIdLayer`] takes the id that a client or a proxy sent, or makes a new one, and puts it
//!
//! - on the request header that the inner service sees,
//! - into the request extensions, as a [`RequestId`],
//! - on every response that passes the layer.
//!
//! # Example
//!
//! ```
//! use http::{Request, Response};
//! use mcp_telemetry::request_id::{RequestId, RequestIdLayer};
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//!
//! async fn tell(request: Request<String>) -> Result<Response<String>, BoxError> {
//!     let id: &RequestId = request.extensions().get().ok_or("no request id")?;
//!     Ok(Response::new(format!("this is {id}")))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let service = ServiceBuilder::new().layer(RequestIdLayer::new()).service(service_fn(tell));
//!
//! let request = Request::builder().header("x-request-id", "order-66").body(String::new())?;
//! let response = service.oneshot(request).await?;
//!
//! assert_eq!(response.headers()["x-request-id"], "order-66");
//! assert_eq!(response.body(), "this is order-66");
//! # Ok(())
//! # }
//! ```
//!
//! # Which ids are accepted
//!
//! A request id ends up in log lines, so what a client may choose is narrow: exactly one header of
//! that name, with 1 to 128 bytes of `[A-Za-z0-9._~+/=:@-]`. That admits UUIDs, ULIDs and the ids
//! that the usual proxies make. Anything else is as good as no id at all: a new one is made, and no
//! request is refused.
//!
//! On a server that strangers can reach, their ids are no better than their word: two requests may
//! share one. [`Inbound`] says what is done with them.
//!
//! ```
//! use http::{HeaderName, Request, Response};
//! use mcp_telemetry::request_id::{ClientRequestId, Inbound, MakeRequestUuidV7, RequestIdLayer};
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let layer = RequestIdLayer::new()
//!     .header(HeaderName::from_static("x-correlation-id"))
//!     .inbound(Inbound::KeepAsClientId)
//!     .make(MakeRequestUuidV7);
//!
//! let service = ServiceBuilder::new().layer(layer).service(service_fn(
//!     async |request: Request<()>| {
//!         let theirs = request.extensions().get().map(ClientRequestId::to_string);
//!         Ok::<_, BoxError>(Response::new(theirs))
//!     },
//! ));
//!
//! let request = Request::builder().header("x-correlation-id", "order-66").body(())?;
//! let response = service.oneshot(request).await?;
//!
//! assert_eq!(response.body().as_deref(), Some("order-66"));
//! assert_ne!(response.headers()["x-correlation-id"], "order-66");
//! # Ok(())
//! # }
//! ```
//!
//! # Precedence
//!
//! The client sees the id that the log lines carry, whoever else has an opinion:
//!
//! 1. A [`RequestId`] that is already in the request extensions is kept, and the request header is
//!    made equal to it. A layer applied twice therefore gives one id, and a middleware further out
//!    can choose the id by inserting one.
//! 2. Else an accepted inbound id, as far as [`Inbound`] lets it.
//! 3. Else a new id, from [`MakeRequestId`].
//!
//! On the response the layer's id replaces every header of that name that the inner service set.
//! Response extensions are left alone.
//!
//! # What does not carry an id
//!
//! An error of the inner service passes untouched: there is no response to mark. What a layer
//! *outside* of this one answers (an error handler, a panic catcher, a timeout, a load shedder) never
//! passes here. Put the request id outermost, and such layers inside of it, and those answers have
//! ids too.

mod future;
mod generate;
mod layer;
mod observer;
mod service;

pub(crate) use self::observer::StampRequestId;
pub use self::{
    future::ResponseFuture,
    generate::{MakeRequestId, MakeRequestUuid, MakeRequestUuidV7},
    layer::{Inbound, RequestIdLayer},
    service::SetRequestId,
};
pub use crate::exchange::{ClientRequestId, InvalidRequestId, RequestId};
