//! Reading a response, and finding the answers in it, whoever reads it.

use std::{
    io::IoSlice,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
};

use bytes::Buf;
use http::Extensions;
use smallvec::SmallVec;

use super::{
    media::{Inspection, Media, Unread},
    reading::{Reader, Reading},
    record::Exchange,
    stream::{StreamCounts, StreamEvent},
};
use crate::mcp::{Event, ResponseMessage};

/// Where a layer learns the answers from.
#[derive(Default)]
pub(super) enum Source {
    /// No answer is expected.
    #[default]
    Nowhere,
    /// It reads the response body itself.
    Own(Own),
    /// A layer further in reads it. The number is that of the answers that were taken from there.
    Inner(Arc<Shared>, usize),
    /// Nobody can.
    Unread(Unread),
}

/// What a layer says to a message: whether it is an answer to its exchange's request.
pub(super) type IsAnswer = bool;

impl Source {
    /// Decides at the response head, by what that says of the body. `outermost` layers have nobody to
    /// share with, and nothing is to be read where nobody `expects` anything.
    pub(super) fn choose(
        media: Result<Media, Unread>,
        extensions: &mut Extensions,
        exchange: &Arc<Exchange>,
        expects: bool,
        outermost: bool,
    ) -> Self {
        // A reader that was dropped has read a body that somebody replaced since.
        if let Some(inner) = extensions.get::<Arc<Shared>>() {
            if !inner.gone.load(Ordering::Acquire) {
                return Self::Inner(Arc::clone(inner), 0);
            }
        }
        match media {
            _ if !expects => Self::Nowhere,
            Ok(media) => {
                let is_stream = media == Media::EventStream;
                let lead = (!outermost).then(|| Lead::share(is_stream, extensions));
                Self::Own(Own::new(exchange, is_stream, lead))
            }
            Err(unread) => Self::Unread(unread),
        }
    }

    /// How far the response was read. `whole` tells whether it passed whole.
    #[inline]
    pub(super) fn inspection(&self, whole: bool) -> Option<Inspection> {
        let answered = match self {
            Self::Nowhere => return None,
            Self::Unread(unread) => return Some((*unread).into()),
            Self::Own(own) if own.found.invalid => return Some(Inspection::Invalid),
            Self::Own(own) => own.found.answered,
            Self::Inner(shared, _) => shared.count.load(Ordering::Acquire) > 0,
        };
        Some(if whole || answered { Inspection::Complete } else { Inspection::Prefix })
    }

    /// Reads what passes, and shows the messages in it.
    pub(super) fn pass<D: Buf>(
        &mut self,
        data: &D,
        on: &mut impl FnMut(&ResponseMessage) -> IsAnswer,
    ) {
        match self {
            Self::Own(own) => {
                let read = own.read(
                    |reader, found, answers| {
                        reader.pass(data, &mut |counts, event| found.take(counts, event, answers))
                    },
                    on,
                );
                if read.is_some_and(|read| read.is_err()) {
                    *self = Self::Unread(Unread::Hidden);
                }
            }
            Self::Inner(shared, taken) => shared.show(taken, on),
            Self::Nowhere | Self::Unread(_) => {}
        }
    }

    /// The body has ended well: shows what is complete only now.
    pub(super) fn finish(&mut self, on: &mut impl FnMut(&ResponseMessage) -> IsAnswer) {
        match self {
            // An answer is told when its document has ended, so this one has told all it has to.
            Self::Own(own) if own.found.answered => {}
            Self::Own(own) => {
                own.read(
                    |reader, found, answers| {
                        reader.finish(&mut |counts, event| found.take(counts, event, answers));
                    },
                    on,
                );
            }
            Self::Inner(shared, taken) => shared.show(taken, on),
            Self::Nowhere | Self::Unread(_) => {}
        }
    }

    /// What an event stream has carried. `None` if the response is none, or nobody reads it.
    #[inline]
    pub(super) fn counts(&self) -> Option<StreamCounts> {
        match self {
            Self::Own(own) if own.found.stream => own.counts(),
            Self::Inner(shared, _) if shared.stream => Some(shared.counts()),
            Self::Own(_) | Self::Inner(..) | Self::Nowhere | Self::Unread(_) => None,
        }
    }
}

/// A layer's own reading of a response.
pub(super) struct Own {
    place: Place,
    found: Found,
}

/// Where the reader is.
enum Place {
    /// With the exchange.
    Exchange(Arc<Exchange>),
    /// Apart from it: the request is still being read there, or another response was.
    Apart(Box<Reader>),
}

impl Own {
    fn new(exchange: &Arc<Exchange>, is_stream: bool, lead: Option<Lead>) -> Self {
        let place = if exchange.start_response(is_stream) {
            Place::Exchange(Arc::clone(exchange))
        } else {
            Place::Apart(Box::new(Reader::new(is_stream)))
        };
        let found = Found { lead, stream: is_stream, answered: false, invalid: false };
        Self { place, found }
    }

    /// Reads on, and shows what may be an answer. Nothing is locked then: who is shown something may
    /// call code that is not ours.
    #[inline]
    fn read<R>(
        &mut self,
        read: impl FnOnce(&mut Reader, &mut Found, &mut Answers) -> R,
        on: &mut impl FnMut(&ResponseMessage) -> IsAnswer,
    ) -> Option<R> {
        let Self { place, found } = self;
        let mut answers = Answers::default();
        let read = match place {
            Place::Apart(reader) => read(reader, found, &mut answers),
            Place::Exchange(exchange) => match &mut *exchange.reading() {
                Some(Reading::Response(reader)) => read(reader, found, &mut answers),
                Some(Reading::Request(_)) | None => return None,
            },
        };
        for answer in answers.first.iter().chain(&answers.more) {
            found.show(answer, on);
        }
        Some(read)
    }

    fn counts(&self) -> Option<StreamCounts> {
        match &self.place {
            Place::Apart(reader) => reader.counts,
            Place::Exchange(exchange) => match &*exchange.reading() {
                Some(Reading::Response(reader)) => reader.counts,
                Some(Reading::Request(_)) | None => None,
            },
        }
    }
}

/// What a layer has found in the response that it reads.
struct Found {
    lead: Option<Lead>,
    /// It is an event stream, of which the events are counted.
    stream: bool,
    answered: bool,
    invalid: bool,
}

/// Results and errors of one frame: as a rule there is one, or none.
#[derive(Default)]
struct Answers {
    first: Option<ResponseMessage>,
    more: Vec<ResponseMessage>,
}

/// Twice as many as a batch has messages. A frame with more of them answers what nobody has asked.
const MOST_ANSWERS: usize = 128;

impl Answers {
    #[inline]
    fn push(&mut self, answer: ResponseMessage) {
        if self.first.is_none() {
            self.first = Some(answer);
        } else if self.more.len() < MOST_ANSWERS {
            self.more.push(answer);
        }
    }
}

impl Found {
    fn take(&mut self, counts: &mut Option<StreamCounts>, event: Event, answers: &mut Answers) {
        if let Some(counts) = counts {
            self.count(counts, &event);
        }
        match event {
            Event::Message(message) if message.is_answer() => answers.push(message),
            Event::Invalid(_) => self.invalid = true,
            Event::Message(_) | Event::Priming | Event::Comment => {}
        }
    }

    fn show(
        &mut self,
        message: &ResponseMessage,
        on: &mut impl FnMut(&ResponseMessage) -> IsAnswer,
    ) {
        if on(message) {
            self.answered = true;
            if let Some(Lead(shared)) = &self.lead {
                shared.push(message);
            }
        }
    }

    fn count(&self, counts: &mut StreamCounts, event: &Event) {
        let Some(event) = StreamEvent::of(event) else { return };
        let count = counts.add(event);
        if let Some(Lead(shared)) = &self.lead {
            // This reader is the only one that writes there.
            shared.counts[event as usize].store(count, Ordering::Relaxed);
        }
    }
}

/// Tells the layers around what the reader finds, and that it is gone.
struct Lead(Arc<Shared>);

impl Lead {
    fn share(stream: bool, extensions: &mut Extensions) -> Self {
        let shared = Arc::new(Shared { stream, ..Shared::default() });
        extensions.insert(Arc::clone(&shared));
        Self(shared)
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.0.gone.store(true, Ordering::Release);
    }
}

/// What one layer's reader shares with the layers around it, in the response's extensions: the answers
/// to the request, which are as many as it has messages at most.
#[derive(Debug, Default)]
pub(super) struct Shared {
    answers: Mutex<SmallVec<[ResponseMessage; 1]>>,
    /// How many there are.
    count: AtomicUsize,
    /// Whether the response is an event stream, and what it has carried.
    stream: bool,
    counts: [AtomicU32; StreamEvent::COUNT],
    /// The reader was dropped: what it has not found it will not find.
    gone: AtomicBool,
}

impl Shared {
    /// Shows the answers that were not taken yet.
    fn show(&self, taken: &mut usize, on: &mut impl FnMut(&ResponseMessage) -> IsAnswer) {
        while *taken < self.count.load(Ordering::Acquire) {
            // A clone, so that nothing is locked while somebody looks at it.
            let Some(answer) = self.answers().get(*taken).cloned() else { return };
            *taken += 1;
            on(&answer);
        }
    }

    fn push(&self, answer: &ResponseMessage) {
        let mut answers = self.answers();
        answers.push(answer.clone());
        self.count.store(answers.len(), Ordering::Release);
    }

    fn answers(&self) -> MutexGuard<'_, SmallVec<[ResponseMessage; 1]>> {
        // Nothing that can panic runs under the lock.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self) -> StreamCounts {
        StreamCounts::of(|event| self.counts[event as usize].load(Ordering::Relaxed))
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
