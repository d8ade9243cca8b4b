//! The request id as a signal of the bundle.

use std::sync::Arc;

use http::{request, response};

use super::{MakeRequestId, RequestId, RequestIdLayer};
use crate::exchange::{Applied, Exchange, Observer};

/// Does inside the bundle what [`SetRequestId`](super::SetRequestId) does alone.
#[derive(Clone, Debug)]
pub struct StampRequestId {
    // One indirect call, so that the bundle does not carry the generator's type around.
    layer: RequestIdLayer<Arc<dyn MakeRequestId + Send + Sync>>,
}

impl StampRequestId {
    pub(crate) fn new<M>(layer: RequestIdLayer<M>) -> Self
    where
        M: MakeRequestId + Send + Sync + 'static,
    {
        Self { layer: layer.map_make(|make| Arc::new(make) as Arc<_>) }
    }
}

impl Observer for StampRequestId {
    type State = RequestId;
    type Guard = ();

    fn begin(
        &self,
        request: &mut request::Parts,
        exchange: &Arc<Exchange>,
        _: &mut Applied,
    ) -> Option<RequestId> {
        // Stamping twice is stamping once: the first id is found in the extensions.
        let id = self.layer.stamp_request(request);
        exchange.set_request_id(&id);
        Some(id)
    }

    fn enter(&self, _: &RequestId) {}

    fn head(&self, id: &mut RequestId, _: &Exchange, response: &mut response::Parts) {
        id.stamp(self.layer.header_name(), &mut response.headers);
    }
}
