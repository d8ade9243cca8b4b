//! The readers of an exchange's bodies, and the room that they share.

use bytes::Buf;

use super::{
    answer::{Hidden, each_slice},
    stream::StreamCounts,
};
use crate::mcp::{Event, RequestReader, ResponseReader};

/// What reads the bodies of an exchange.
///
/// A reader is big, and a body wrapper is moved many times before it comes to rest. So the readers
/// stand in the allocation that the exchange has anyway. The request has been read, as a rule, when its
/// response begins: there is room for one of them.
pub(super) enum Reading {
    Request(RequestReader),
    Response(Reader),
}

/// Reads a response body.
pub(super) struct Reader {
    scanner: ResponseReader,
    /// What an event stream has carried.
    pub(super) counts: Option<StreamCounts>,
}

impl Reading {
    #[inline]
    pub(super) fn request() -> Self {
        Self::Request(RequestReader::new())
    }
}

impl Reader {
    /// Reads an event stream if it is one, else a document.
    pub(super) fn new(stream: bool) -> Self {
        if stream { Self::sse() } else { Self::json() }
    }

    #[inline]
    pub(super) fn json() -> Self {
        Self { scanner: ResponseReader::json(), counts: None }
    }

    #[inline]
    pub(super) fn sse() -> Self {
        Self { scanner: ResponseReader::sse(), counts: Some(StreamCounts::default()) }
    }

    /// Reads what passes.
    pub(super) fn pass<D: Buf>(
        &mut self,
        data: &D,
        on: &mut impl FnMut(&mut Option<StreamCounts>, Event),
    ) -> Result<(), Hidden> {
        let Self { scanner, counts } = self;
        each_slice(data, |bytes| scanner.feed(bytes, &mut |event| on(counts, event)))
    }

    /// The body has ended well.
    pub(super) fn finish(&mut self, on: &mut impl FnMut(&mut Option<StreamCounts>, Event)) {
        let Self { scanner, counts } = self;
        scanner.finish(&mut |event| on(counts, event));
    }
}
