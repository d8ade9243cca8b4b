//! Finding the answer in a response, whoever reads it.

use std::{
    io::IoSlice,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Buf;
use http::{Extensions, Method, response};

use super::{
    media::{Inspection, Media, Unread, readable},
    record::Exchange,
};
use crate::mcp::{self, Event, ResponseKind, ResponseMessage, ResponseReader};

/// Where a layer learns the answer from.
#[expect(clippy::large_enum_variant, reason = "it is made once, where it is used")]
pub(super) enum Source {
    /// No answer is expected.
    Nowhere,
    /// It reads the response body itself.
    Own(Reader),
    /// A layer further in reads it.
    Inner(Arc<Shared>),
    /// Nobody can.
    Unread(Unread),
}

impl Source {
    /// Decides at the response head. `outermost` layers have nobody to share with.
    pub(super) fn choose(
        exchange: &Exchange,
        response: &mut response::Parts,
        outermost: bool,
    ) -> Self {
        // A reader that was dropped has read a body that somebody replaced since.
        if let Some(inner) = response.extensions.get::<Arc<Shared>>() {
            if !inner.gone.load(Ordering::Acquire) {
                return Self::Inner(Arc::clone(inner));
            }
        }
        let media = readable(&response.headers);
        // A stream may carry answers to requests of other exchanges (MCP 2025-11-25, Transports,
        // resumability), so it is read after a GET too.
        let resumed = *exchange.method() == Method::GET && media == Ok(Media::EventStream);
        if !exchange.is_read() && !resumed {
            return Self::Nowhere;
        }
        match media {
            Ok(media) => Self::Own(Reader::new(media, &mut response.extensions, outermost)),
            Err(unread) => Self::Unread(unread),
        }
    }

    /// How far the response was read. `whole` tells whether it passed whole.
    pub(super) fn inspection(&self, whole: bool) -> Option<Inspection> {
        let answered = match self {
            Self::Nowhere => return None,
            Self::Unread(unread) => return Some((*unread).into()),
            Self::Own(reader) if reader.invalid => return Some(Inspection::Invalid),
            Self::Own(reader) => reader.answered,
            Self::Inner(shared) => shared.answer.get().is_some(),
        };
        Some(if whole || answered { Inspection::Complete } else { Inspection::Prefix })
    }

    /// Reads what passes. Returns the answer once, when it has been seen.
    pub(super) fn pass<D: Buf>(
        &mut self,
        data: &D,
        exchange: &Exchange,
    ) -> Option<ResponseMessage> {
        let Self::Own(reader) = self else { return None };
        if reader.pass(data, exchange).is_err() {
            *self = Self::Unread(Unread::Hidden);
            return None;
        }
        reader.found.take()
    }

    /// The body has ended well.
    pub(super) fn finish(&mut self, exchange: &Exchange) -> Option<ResponseMessage> {
        let Self::Own(reader) = self else { return None };
        reader.finish(exchange);
        reader.found.take()
    }

    /// How many messages an event stream has carried. `None` if the response is none.
    pub(super) fn events(&self) -> Option<u64> {
        match self {
            Self::Own(reader) => reader.events,
            Self::Inner(shared) if shared.stream => Some(shared.events.load(Ordering::Relaxed)),
            Self::Inner(_) | Self::Nowhere | Self::Unread(_) => None,
        }
    }

    /// The answer that a layer further in has seen.
    pub(super) fn shared(&self) -> Option<&ResponseMessage> {
        match self {
            Self::Inner(shared) => shared.answer.get(),
            Self::Nowhere | Self::Own(_) | Self::Unread(_) => None,
        }
    }
}

/// The answer as one layer's reader shares it with the layers around it, in the response's
/// extensions.
#[derive(Debug, Default)]
pub(super) struct Shared {
    answer: OnceLock<ResponseMessage>,
    /// Whether the response is an event stream, and how many messages it has carried.
    stream: bool,
    events: AtomicU64,
    /// The reader was dropped: what it has not found it will not find.
    gone: AtomicBool,
}

pub(super) struct Reader {
    scanner: ResponseReader,
    found: Option<ResponseMessage>,
    events: Option<u64>,
    answered: bool,
    invalid: bool,
    shared: Option<Arc<Shared>>,
}

impl Reader {
    fn new(media: Media, extensions: &mut Extensions, outermost: bool) -> Self {
        let stream = media == Media::EventStream;
        let shared = (!outermost).then(|| {
            let shared = Arc::new(Shared { stream, ..Shared::default() });
            extensions.insert(Arc::clone(&shared));
            shared
        });
        Self {
            scanner: if stream { ResponseReader::sse() } else { ResponseReader::json() },
            found: None,
            events: stream.then_some(0),
            answered: false,
            invalid: false,
            shared,
        }
    }

    fn pass<D: Buf>(&mut self, data: &D, exchange: &Exchange) -> Result<(), Hidden> {
        let Self { scanner, found, events, answered, invalid, shared } = self;
        let mut take =
            Taker { exchange, found, events, answered, invalid, shared: shared.as_deref() };
        each_slice(data, |bytes| scanner.feed(bytes, &mut |event| take.event(event)))
    }

    fn finish(&mut self, exchange: &Exchange) {
        let Self { scanner, found, events, answered, invalid, shared } = self;
        let mut take =
            Taker { exchange, found, events, answered, invalid, shared: shared.as_deref() };
        scanner.finish(&mut |event| take.event(event));
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.gone.store(true, Ordering::Release);
        }
    }
}

/// Takes the first answer among the messages of a response.
struct Taker<'a> {
    exchange: &'a Exchange,
    found: &'a mut Option<ResponseMessage>,
    events: &'a mut Option<u64>,
    answered: &'a mut bool,
    invalid: &'a mut bool,
    shared: Option<&'a Shared>,
}

impl Taker<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::Message(message) => self.message(message),
            Event::Invalid(_) => *self.invalid = true,
            Event::Priming | Event::Comment => {}
        }
    }

    fn message(&mut self, message: ResponseMessage) {
        if let Some(events) = self.events {
            *events += 1;
            if let Some(shared) = self.shared {
                shared.events.store(*events, Ordering::Relaxed);
            }
        }
        if *self.answered || !answers(&message, self.exchange) {
            return;
        }
        *self.answered = true;
        if let Some(shared) = self.shared {
            // This reader is the only one that writes there.
            let _ = shared.answer.set(message.clone());
        }
        *self.found = Some(message);
    }
}

/// Whether a message of the response is the answer to the request (JSON-RPC 2.0, section 5): a
/// result or an error with the request's id. A server's own requests can carry the same id, and
/// have a method. An error without an id answers a request whose id the server could not read; it
/// has a code, which tells it from other things that call themselves `error`.
fn answers(message: &ResponseMessage, exchange: &Exchange) -> bool {
    match message.kind {
        ResponseKind::Result | ResponseKind::Error => {}
        ResponseKind::Request | ResponseKind::Notification | ResponseKind::Unknown => return false,
    }
    match (exchange.message(), &message.id) {
        (Some(request), Some(id)) if request.kind == mcp::MessageKind::Request => {
            request.id.as_ref() == Some(id)
        }
        // Nothing can be an answer to a notification; what is known not to be one message is
        // matched by nothing but order.
        (Some(_), Some(_)) => false,
        (None, Some(_)) => true,
        (_, None) => message.kind == ResponseKind::Error && message.error_code.is_some(),
    }
}

/// A buffer that does not show its bytes without being consumed.
#[derive(Debug)]
pub(super) struct Hidden;

/// Shows a buffer's bytes without consuming it.
pub(super) fn each_slice<D: Buf>(data: &D, mut f: impl FnMut(&[u8])) -> Result<(), Hidden> {
    let first = data.chunk();
    if first.len() == data.remaining() {
        f(first);
        return Ok(());
    }
    let mut slices = [IoSlice::new(&[]); 16];
    let count = data.chunks_vectored(&mut slices);
    let slices = &slices[..count.min(16)];
    if slices.iter().map(|slice| slice.len()).sum::<usize>() != data.remaining() {
        return Err(Hidden);
    }
    for slice in slices {
        f(slice);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A buffer in pieces that shows only its first.
    struct Rope(Vec<Bytes>);

    impl Buf for Rope {
        fn remaining(&self) -> usize {
            self.0.iter().map(Bytes::len).sum()
        }

        fn chunk(&self) -> &[u8] {
            self.0.first().map_or(&[], |piece| piece)
        }

        fn advance(&mut self, _: usize) {
            unreachable!("an observer does not consume");
        }
    }

    fn collect<D: Buf>(data: &D) -> Result<Vec<u8>, Hidden> {
        let mut all = Vec::new();
        each_slice(data, |bytes| all.extend_from_slice(bytes)).map(|()| all)
    }

    #[test]
    fn a_buffer_in_pieces_is_shown_whole_or_not_at_all() {
        let chained = Bytes::from_static(b"ab").chain(Bytes::from_static(b"cd"));
        assert_eq!(collect(&chained).unwrap(), b"abcd");
        let rope = Rope(vec![Bytes::from_static(b"ab"), Bytes::from_static(b"cd")]);
        assert!(collect(&rope).is_err());
        assert_eq!(collect(&Rope(vec![Bytes::from_static(b"ab")])).unwrap(), b"ab");
        assert_eq!(collect(&Bytes::new()).unwrap(), b"");
    }
}
