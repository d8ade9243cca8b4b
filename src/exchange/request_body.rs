//! The request body on its way in.

use std::{
    collections::VecDeque,
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{
    answer::each_slice,
    current,
    hold::Permit,
    media::Unread,
    record::{Exchange, RequestContext},
};

pin_project! {
    /// The body that the layers of this crate hand to the inner service: the request's own, read
    /// as it passes.
    ///
    /// It yields the frames of the body it wraps, unchanged and in order, and forwards its size
    /// hint and its end, so that lengths stay declared.
    pub struct RequestBody<B>
    where
        B: Body,
    {
        #[pin]
        inner: B,
        held: Option<HeldFrames<B::Data, B::Error>>,
        // The body has yielded `None` while it was read ahead, and must not be asked again.
        exhausted: bool,
        tap: Option<Tap>,
    }
}

impl<B: Body> RequestBody<B> {
    /// A body that is passed on without being looked at.
    pub(super) fn untapped(inner: B) -> Self {
        Self { inner, held: None, exhausted: false, tap: None }
    }

    /// A body whose bytes are counted and, if it is to be, read.
    pub(super) fn tapped(inner: B, tap: Tap) -> Self {
        Self { inner, held: None, exhausted: false, tap: Some(tap) }
    }

    /// A shared reference to the body that is wrapped.
    pub fn get_ref(&self) -> &B {
        &self.inner
    }

    /// The body that is wrapped. Frames that were read ahead are lost.
    pub fn into_inner(self) -> B {
        self.inner
    }

    pub(super) fn hold(&mut self, exchange: Arc<Exchange>, permit: Permit) {
        self.held = Some(HeldFrames { exchange, first: None, rest: None, permit });
    }
}

impl<B: Body + Unpin> RequestBody<B> {
    /// Reads ahead until the message is known, or it is clear that waiting gives nothing more.
    ///
    /// What was read is kept, in order, errors included, and yielded first.
    pub(super) fn poll_message(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let mut inner = this.inner;
        let Some(held) = this.held else { return Poll::Ready(()) };
        let mut tap = this.tap.as_mut();
        loop {
            let Some(frame) = ready!(inner.as_mut().poll_frame(cx)) else {
                *this.exhausted = true;
                if let Some(tap) = tap {
                    tap.end();
                }
                return Poll::Ready(());
            };
            let mut last = true;
            if let Ok(frame) = &frame {
                let ended = inner.is_end_stream();
                if let Some(tap) = &mut tap {
                    tap.see(frame);
                    if ended {
                        tap.end();
                    }
                }
                // Known by this layer's reading, or by that of a layer outside.
                let known = held.exchange.request().is_some();
                last = known || ended || frame.is_trailers();
            }
            held.push(frame);
            if last || held.is_full() {
                return Poll::Ready(());
            }
        }
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        if let Some(held) = this.held {
            if let Some(frame) = held.pop() {
                return Poll::Ready(Some(frame));
            }
            *this.held = None;
        }
        if *this.exhausted {
            return Poll::Ready(None);
        }
        let Some(tap) = this.tap else { return this.inner.poll_frame(cx) };
        let frame = ready!(tap.enter(|| this.inner.as_mut().poll_frame(cx)));
        match &frame {
            None => tap.end(),
            Some(Err(_)) => {}
            Some(Ok(frame)) => {
                tap.see(frame);
                if frame.is_trailers() || this.inner.is_end_stream() {
                    tap.end();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let holds = self.held.as_ref().is_some_and(|held| !held.is_empty());
        !holds && (self.exhausted || self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.inner.size_hint();
        if let Some(held) = &self.held {
            let bytes = held.bytes();
            let (lower, upper) = (hint.lower().saturating_add(bytes), hint.upper());
            hint = SizeHint::new();
            hint.set_lower(lower);
            if let Some(upper) = upper.and_then(|upper| upper.checked_add(bytes)) {
                hint.set_upper(upper);
            }
        }
        hint
    }
}

impl<B: Body + Default> Default for RequestBody<B> {
    fn default() -> Self {
        Self::untapped(B::default())
    }
}

impl<B: Body + fmt::Debug> fmt::Debug for RequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Frames that were read ahead. Nearly every message arrives in one frame, which needs no queue. It is
/// small, since each body is moved with room for it.
struct HeldFrames<D, E> {
    exchange: Arc<Exchange>,
    /// Its data alone: a frame has room for trailers.
    first: Option<D>,
    rest: Option<Box<Queue<D, E>>>,
    permit: Permit,
}

type Queue<D, E> = VecDeque<Result<Frame<D>, E>>;

/// Frames that an exchange may hold. A message of many small ones costs more in frames than in bytes.
const MOST_FRAMES: usize = 64;

impl<D: Buf, E> HeldFrames<D, E> {
    fn push(&mut self, frame: Result<Frame<D>, E>) {
        let frame = match frame {
            Ok(frame) if self.is_empty() => match frame.into_data() {
                Ok(data) => {
                    self.first = Some(data);
                    return;
                }
                Err(frame) => Ok(frame),
            },
            frame => frame,
        };
        self.rest.get_or_insert_default().push_back(frame);
    }

    fn pop(&mut self) -> Option<Result<Frame<D>, E>> {
        let first = self.first.take().map(|data| Ok(Frame::data(data)));
        first.or_else(|| self.rest.as_mut()?.pop_front())
    }

    /// Whether no more may be held: a length that was declared can be a lie.
    fn is_full(&self) -> bool {
        self.bytes() > self.permit.bytes() || self.frames() >= MOST_FRAMES
    }

    fn is_empty(&self) -> bool {
        self.frames() == 0
    }

    /// Bytes of data in the frames.
    fn bytes(&self) -> u64 {
        let first = self.first.as_ref().map_or(0, |data| data.remaining() as u64);
        first + self.rest.iter().flat_map(|rest| rest.iter()).map(data_bytes).sum::<u64>()
    }

    fn frames(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }
}

fn data_bytes<D: Buf, E>(frame: &Result<Frame<D>, E>) -> u64 {
    frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, |data| data.remaining() as u64)
}

/// The part of a request body that looks at what passes.
#[derive(Debug)]
pub(super) struct Tap {
    context: RequestContext,
    /// Whether this tap reads the message, and there is more to read.
    reads: bool,
    /// More than there can be, if no length is declared.
    declared: u64,
    seen: u64,
}

impl Tap {
    #[inline]
    pub(super) fn new(context: &RequestContext, declared: Option<u64>, reads: bool) -> Self {
        Self { context: context.clone(), reads, declared: declared.unwrap_or(u64::MAX), seen: 0 }
    }

    /// Polls the body for its exchange. Within a poll of the exchange that is so already, and a span that
    /// the handler is in stays current.
    fn enter<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        let exchange = self.context.exchange();
        if current::is_current(exchange) && !exchange.has_ended() {
            return poll();
        }
        let mut context = Some(self.context.clone());
        let _entered = current::enter(&mut context);
        let _surrounding = exchange.surround();
        poll()
    }

    fn see<D: Buf>(&mut self, frame: &Frame<D>) {
        let Some(data) = frame.data_ref() else { return };
        self.seen += data.remaining() as u64;
        let exchange = self.context.exchange();
        exchange.set_bytes_in(self.seen);
        if !self.reads {
            return;
        }
        let mut shown = Ok(());
        let more = exchange.read_request(|reader| {
            shown = each_slice(data, |bytes| reader.feed(bytes));
        });
        if shown.is_err() {
            self.reads = false;
            exchange.give_up(Unread::Hidden);
        } else if !more || self.seen >= self.declared {
            // A consumer that counts stops here, without asking for the end.
            self.end();
        }
    }

    /// The body has said all it has to say.
    #[inline]
    fn end(&mut self) {
        if mem::take(&mut self.reads) {
            self.context.exchange().conclude();
        }
    }
}

impl Drop for Tap {
    /// A body that is dropped early may still have shown its whole message: a consumer of a
    /// document needs no end of the stream.
    fn drop(&mut self) {
        if self.reads {
            let exchange = self.context.exchange();
            exchange.conclude_if_complete();
            exchange.give_up(Unread::Partial);
        }
    }
}
