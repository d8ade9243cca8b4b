use std::{any, fmt};

use http::{HeaderName, request::Parts};
use tower::Layer;

use super::{ClientRequestId, MakeRequestId, MakeRequestUuid, RequestId, SetRequestId};
use crate::exchange::RequestContext;

/// Gives every exchange a request id.
///
/// See the [module docs](crate::request_id) for what is accepted, and for what wins over what.
#[derive(Clone)]
#[must_use]
pub struct RequestIdLayer<M = MakeRequestUuid> {
    header: HeaderName,
    inbound: Inbound,
    make: M,
}

/// What is done with a valid id that came with the request.
///
/// An id that is not valid is replaced, whatever is chosen here.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Inbound {
    /// It becomes the id of the exchange, so that a request keeps one id from service to service.
    #[default]
    Accept,
    /// It is dropped, and a new id takes its place.
    Replace,
    /// A new id takes its place, and the inner service finds it in the request extensions, as a
    /// [`ClientRequestId`].
    KeepAsClientId,
}

impl RequestIdLayer {
    /// A layer that uses the header `x-request-id`, accepts inbound ids, and makes UUIDs of version 4.
    pub const fn new() -> Self {
        Self {
            header: HeaderName::from_static("x-request-id"),
            inbound: Inbound::Accept,
            make: MakeRequestUuid,
        }
    }
}

impl<M> RequestIdLayer<M> {
    /// The header that carries the id, on requests and on responses. `x-request-id` by default.
    pub fn header(mut self, header: HeaderName) -> Self {
        self.header = header;
        self
    }

    /// What is done with ids that clients send. [`Inbound::Accept`] by default.
    ///
    /// Choose another one where requests come from strangers: they can send any id, also one that
    /// somebody else uses.
    pub fn inbound(mut self, inbound: Inbound) -> Self {
        self.inbound = inbound;
        self
    }

    /// What makes new ids. [`MakeRequestUuid`] by default.
    ///
    /// Takes [`MakeRequestUuidV7`](super::MakeRequestUuidV7), a closure, or any other
    /// [`MakeRequestId`]. Servers clone their services, some for each connection, so cloning it
    /// should be cheap, and clones must not repeat each other's ids.
    pub fn make<N>(self, make: N) -> RequestIdLayer<N>
    where
        N: MakeRequestId,
    {
        self.map_make(|_| make)
    }

    pub(crate) fn map_make<N>(self, map: impl FnOnce(M) -> N) -> RequestIdLayer<N> {
        let Self { header, inbound, make } = self;
        RequestIdLayer { header, inbound, make: map(make) }
    }

    pub(crate) const fn header_name(&self) -> &HeaderName {
        &self.header
    }
}

impl<M: MakeRequestId> RequestIdLayer<M> {
    /// Settles the id of a request and makes header and extensions say so.
    ///
    /// The other half, for the response, is [`RequestId::stamp`].
    pub(crate) fn stamp_request(&self, parts: &mut Parts) -> RequestId {
        let kept = parts.extensions.get::<RequestId>().cloned();
        let id = kept.unwrap_or_else(|| {
            let id = self.choose(parts);
            parts.extensions.insert(id.clone());
            id
        });
        id.stamp(&self.header, &mut parts.headers);
        // A layer outside has opened the exchange already; one further in finds the extension.
        if let Some(context) = parts.extensions.get::<RequestContext>() {
            context.exchange().set_request_id(&id);
        }
        id
    }

    fn choose(&self, parts: &mut Parts) -> RequestId {
        match self.inbound {
            Inbound::Accept => {
                if let Some(id) = self.inbound_id(parts) {
                    return id;
                }
            }
            Inbound::KeepAsClientId => {
                if let Some(id) = self.inbound_id(parts) {
                    parts.extensions.insert(ClientRequestId::new(id));
                }
            }
            Inbound::Replace => {}
        }
        self.make.make_request_id(parts)
    }

    fn inbound_id(&self, parts: &Parts) -> Option<RequestId> {
        let mut values = parts.headers.get_all(&self.header).iter();
        let value = values.next()?;
        // Of two ids nobody can tell which one the other services on the way have logged.
        if values.next().is_some() {
            return None;
        }
        RequestId::try_from(value).ok()
    }
}

impl<S, M: Clone> Layer<S> for RequestIdLayer<M> {
    type Service = SetRequestId<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        SetRequestId::new(inner, self.clone())
    }
}

impl Default for RequestIdLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<M> fmt::Debug for RequestIdLayer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { header, inbound, make: _ } = self;
        f.debug_struct("RequestIdLayer")
            .field("header", header)
            .field("inbound", inbound)
            // Closures have a name, but no `Debug`.
            .field("make", &format_args!("{}", any::type_name::<M>()))
            .finish()
    }
}
