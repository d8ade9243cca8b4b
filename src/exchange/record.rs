//! What all layers on one exchange share: its facts, and the marks of who has seen it.

use std::{
    any::Any,
    fmt,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::{Extensions, Method, request::Parts, uri::PathAndQuery};
use smallvec::SmallVec;

use super::{
    common::Common,
    head::Head,
    matched::MatchedPath,
    media::Unread,
    outcome::{CallStatus, Outcome},
    reading::{Reader, Reading},
    request_id::RequestId,
    route::ends_in_wildcard,
};
use crate::mcp;

/// One HTTP exchange, as far as more than its own future has to know it: the request body, inner
/// layers, other tasks.
///
/// Everything here is written once or is atomic, so that nobody waits for anybody.
pub struct Exchange {
    started: Instant,
    method: Method,
    path: Option<PathAndQuery>,
    /// The path of its router, if a layer asks for it and stands inside of that: one without a wildcard,
    /// and one with.
    matched: [OnceLock<MatchedPath>; 2],
    head: Head,
    /// Who keeps the exchange may be what it leads to: a call in the table of those that wait.
    common: Weak<Common>,
    /// Set by the layer that reads the request body; a second one would read it again.
    claimed: AtomicBool,
    /// What reads the bodies: the request's, then as a rule the response's. It stands here so that
    /// it is never moved, and so that the response can conclude from the request; the request body's
    /// one tap and the one layer that reads the response are the only ones that lock it.
    reading: Mutex<Option<Reading>>,
    request: OnceLock<Result<mcp::Request, Unread>>,
    request_id: OnceLock<RequestId>,
    /// What the rooms above keep of the exchange for handlers and other tasks, and what makes it current
    /// until what it returns is dropped.
    attached: OnceLock<(Box<dyn Any + Send + Sync>, Surround)>,
    bytes_in: AtomicU64,
    ended: AtomicBool,
    /// What few exchanges have: nobody else is to pay for the room.
    rare: OnceLock<Box<Rare>>,
}

#[derive(Default)]
struct Rare {
    /// The message as the head tells it, once somebody had to ask there.
    mirrored: OnceLock<mcp::Message>,
    /// What handlers said of their own call.
    words: Mutex<Words>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Exchange {
    /// The exchange of a request, which begins now.
    fn open(parts: &Parts, common: &Arc<Common>) -> Arc<Self> {
        // Not for the cycle: this makes the value where it is to be, and `Arc::new` would move it there.
        let exchange = Arc::new_cyclic(|_| Self {
            started: Instant::now(),
            method: parts.method.clone(),
            path: parts.uri.path_and_query().cloned(),
            matched: [const { OnceLock::new() }; 2],
            head: Head::of(parts),
            common: Arc::downgrade(common),
            claimed: AtomicBool::new(false),
            reading: Mutex::new(None),
            request: OnceLock::new(),
            request_id: OnceLock::new(),
            attached: OnceLock::new(),
            bytes_in: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            rare: OnceLock::new(),
        });
        // Given by a layer outside. Else one further in may give it.
        if let Some(id) = parts.extensions.get::<RequestId>() {
            exchange.set_request_id(id);
        }
        exchange
    }

    #[inline]
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    #[inline]
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// The path of the request as it came, without its query: `/` where there is none, as for `CONNECT`.
    pub(crate) fn path(&self) -> &str {
        self.path.as_ref().map_or("/", PathAndQuery::path)
    }

    /// The path of the router's that has matched, if a layer has asked for it.
    #[inline]
    pub(crate) fn matched_path(&self) -> Option<&str> {
        self.matched.iter().find_map(OnceLock::get).map(MatchedPath::as_str)
    }

    /// Looks for the path of the router's that has matched. The first one that is found stands, but one
    /// with a wildcard gives way to what a router behind it says.
    pub(super) fn find_matched_path(&self, extensions: &Extensions) {
        if let Some(matched) = MatchedPath::of(extensions) {
            let place = &self.matched[usize::from(ends_in_wildcard(matched.as_str()))];
            _ = place.set(matched);
        }
    }

    /// What the head of the request says, as the outermost layer has seen it.
    #[inline]
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// What the exchange has in common with others, as long as one of the layer's services or exchanges
    /// is there.
    pub(super) fn common(&self) -> Option<Arc<Common>> {
        self.common.upgrade()
    }

    /// Claims the reading of the request body. `head` is the one that the claiming layer sees: a layer in
    /// between may have decoded the body.
    pub(super) fn claim_reading(&self, head: &Head) -> bool {
        head.body().is_ok() && !self.claimed.swap(true, Ordering::Relaxed)
    }

    /// Whether a layer reads, or has read, the request body.
    #[inline]
    pub(super) fn is_read(&self) -> bool {
        self.claimed.load(Ordering::Relaxed)
    }

    /// What the request body said, once it is known.
    #[inline]
    pub(crate) fn request(&self) -> Option<Result<&mcp::Request, Unread>> {
        self.request.get().map(|read| read.as_ref().map_err(|unread| *unread))
    }

    /// The one message of the request, if it is known to carry exactly one. Where the body cannot be
    /// read, it is what the head tells of it.
    #[inline]
    pub(crate) fn message(&self) -> Option<&mcp::Message> {
        match self.request() {
            Some(Ok(request)) if request.batch => None,
            Some(Ok(request)) => request.messages.first(),
            Some(Err(_)) => self.mirrored(),
            None if self.head.body().is_err() => self.mirrored(),
            None => None,
        }
    }

    /// The message that is operation `index` of the exchange, now that it is decided.
    #[inline]
    pub(crate) fn operation(&self, index: usize) -> Option<&mcp::Message> {
        match self.request() {
            Some(Ok(request)) => request.messages.get(index),
            // A body that nobody asked for cannot be read any more.
            Some(Err(_)) | None => self.mirrored(),
        }
    }

    /// How many operations the exchange has, as far as that is known: the messages of a batch, else one.
    #[inline]
    pub(super) fn operations(&self) -> usize {
        match self.request() {
            Some(Ok(request)) => request.messages.len(),
            Some(Err(_)) | None => 1,
        }
    }

    /// Whether the request is known to be a batch.
    #[inline]
    pub(crate) fn is_batch(&self) -> bool {
        self.request().is_some_and(|request| request.is_ok_and(|request| request.batch))
    }

    fn mirrored(&self) -> Option<&mcp::Message> {
        let mirror = self.head.mirror()?;
        Some(self.rare().mirrored.get_or_init(|| mirror.message()))
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// Reads on in the request body, which was claimed before. `false` if there is no need to read any
    /// further.
    pub(super) fn read_request(&self, read: impl FnOnce(&mut mcp::RequestReader)) -> bool {
        if self.is_request_known() {
            return false;
        }
        let mut reading = self.reading();
        // It may have become known before the lock was free.
        if reading.is_none() && self.is_request_known() {
            return false;
        }
        let Reading::Request(reader) = reading.get_or_insert_with(Reading::request) else {
            return false;
        };
        read(reader);
        !reader.is_invalid()
    }

    /// The body has been read to its end: what it said is known.
    pub(super) fn conclude(&self) {
        self.finish_request(|_| true, mcp::RequestReader::finish);
    }

    /// The body may say more, but nothing that counts if its message is complete.
    pub(super) fn conclude_if_complete(&self) {
        let is_complete = mcp::RequestReader::is_complete;
        self.finish_request(is_complete, mcp::RequestReader::finish);
    }

    /// The body cannot be read any further.
    pub(super) fn give_up(&self, unread: Unread) {
        self.finish_request(|_| true, |_| Err(unread));
    }

    /// Makes known what the reader of the request has read, if the body is still being read, by such a
    /// reader.
    #[inline]
    fn finish_request(
        &self,
        is_such: impl FnOnce(&mcp::RequestReader) -> bool,
        read: impl FnOnce(&mut mcp::RequestReader) -> Result<mcp::Request, Unread>,
    ) {
        if self.is_request_known() || !self.is_read() {
            return;
        }
        // Locked until it is known: who finds no reader here finds what it has read.
        let mut reading = self.reading();
        if self.is_request_known() {
            return;
        }
        match reading.get_or_insert_with(Reading::request) {
            Reading::Request(reader) if is_such(reader) => {
                // It is asked where it stands: a reader is too big to be moved.
                self.request.get_or_init(|| read(reader));
            }
            _ => return,
        }
        *reading = None;
        drop(reading);
        self.note_cancellations();
    }

    /// Whether the request has been read, or never will be. What reads it asks this first: from then on
    /// the response may be read where the request was, and whoever drops a request body in the middle of
    /// that must not wait for it.
    #[inline]
    fn is_request_known(&self) -> bool {
        self.request.get().is_some()
    }

    /// Begins to read the response body, if there is room.
    pub(super) fn start_response(&self, stream: bool) -> bool {
        let mut reading = self.reading();
        // A request that will be read comes first, even if nothing of it has come yet.
        let is_free = reading.is_none() && (self.is_request_known() || !self.is_read());
        // Each is made where it is to be: a reader that is one or the other would be moved there.
        if is_free && stream {
            *reading = Some(Reading::Response(Reader::sse()));
        } else if is_free {
            *reading = Some(Reading::Response(Reader::json()));
        }
        is_free
    }

    /// What reads the bodies.
    #[inline]
    pub(super) fn reading(&self) -> MutexGuard<'_, Option<Reading>> {
        // The readers do not panic, whatever they read, and neither does what they are shown to.
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish_request(&self, read: impl FnOnce() -> Result<mcp::Request, Unread>) {
        // A second answer can only come from a body that was read twice; the first one stands.
        let mut is_first = false;
        self.request.get_or_init(|| {
            is_first = true;
            read()
        });
        if is_first {
            self.note_cancellations();
        }
    }

    /// Takes note of the calls that the request cancels, before its server can: that one may end them on
    /// another thread, and what ends without an answer is asked about here.
    fn note_cancellations(&self) {
        let Some(session) = self.head.session() else { return };
        let Some(Ok(request)) = self.request() else { return };
        for id in request.messages.iter().filter_map(|message| message.cancels.as_deref()) {
            if let Some(common) = self.common() {
                common.calls.cancelled(session, id, Instant::now());
            }
        }
    }

    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether the exchange is a call of the tool `name`.
    pub(crate) fn is_tool_call(&self, name: &str) -> bool {
        self.message().is_some_and(|message| {
            message.kind == mcp::MessageKind::Request
                && message.method == Some(mcp::Method::ToolsCall)
                && message.target.as_ref().is_some_and(|target| target.as_str() == name)
        })
    }

    /// The request id, if a layer gave one.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.get().map(RequestId::as_str)
    }

    /// Sets the request id. The first one stands.
    pub(crate) fn set_request_id(&self, id: &RequestId) {
        if self.request_id.get().is_none() {
            let _ = self.request_id.set(id.clone());
        }
    }

    /// What a room above has attached.
    pub(crate) fn attached(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.attached.get().map(|(attached, _)| &**attached)
    }

    /// Attaches something, once, and says how to make it current where no observer is at hand. What was
    /// attached first stands.
    pub(crate) fn attach(&self, something: Box<dyn Any + Send + Sync>, surround: Surround) {
        let _ = self.attached.set((something, surround));
    }

    pub(super) fn surround(&self) -> Option<Box<dyn Any>> {
        self.attached.get().and_then(|(_, surround)| surround(self))
    }

    /// Bytes of the request body that were passed inward so far.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn set_bytes_in(&self, bytes: u64) {
        self.bytes_in.store(bytes, Ordering::Relaxed);
    }

    /// Lets a handler say something of its own call.
    pub(crate) fn speak<R>(&self, f: impl FnOnce(&mut Words) -> R) -> R {
        // The closures passed here are the crate's own and do not panic: a poisoned list is whole.
        f(&mut self.rare().words.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What handlers have said, if they said anything.
    #[inline]
    pub(crate) fn heard<R>(&self, f: impl FnOnce(&Words) -> R) -> Option<R> {
        let rare = self.rare.get()?;
        Some(f(&rare.words.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Lets a handler say something of its own call to `sink`.
    pub(super) fn tell<R>(&self, sink: Sink, f: impl FnOnce(&Self, &mut Said) -> R) -> R {
        self.speak(|words| {
            let said = &mut words.said;
            let index = said.iter().position(|(to, _)| *to == sink).unwrap_or_else(|| {
                said.push((sink, Said::default()));
                said.len() - 1
            });
            f(self, &mut said[index].1)
        })
    }

    /// What handlers have said to `sink`.
    pub(crate) fn said(&self, sink: Sink) -> Said {
        self.heard(|words| words.said.iter().find(|(to, _)| *to == sink).map(|(_, said)| *said))
            .flatten()
            .unwrap_or_default()
    }
}

/// See [`Exchange::attach`].
pub(crate) type Surround = fn(&Exchange) -> Option<Box<dyn Any>>;

/// What only the handler of a call knows.
///
/// Texts are cut to 256 bytes by who sets them ([`short_text`]).
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) user_id: Option<Arc<str>>,
    pub(crate) told: Told,
    said: SmallVec<[(Sink, Said); 1]>,
}

/// What a handler has told of its operation that the wire does not show, or shows otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) outcome: Option<Outcome>,
    pub(crate) tool: Option<Arc<str>>,
    pub(crate) client: Option<Arc<ToldClient>>,
}

/// What nearly all handlers tell.
pub(super) static NOTHING: Told = Told { outcome: None, tool: None, client: None };

/// A client, as a handler has named it.
#[derive(Debug)]
pub(crate) struct ToldClient {
    pub(crate) name: Arc<str>,
    pub(crate) version: Option<Arc<str>>,
}

/// At most 256 bytes of a text that a handler has set, and that may come from a token or from a client.
pub(crate) fn short_text(text: Arc<str>) -> Arc<str> {
    const LONGEST: usize = 256;
    if text.len() <= LONGEST {
        return text;
    }
    let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text[..end].into()
}

/// What a handler recorded by hand of the call that it is serving.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for something said")]
pub(crate) struct Said {
    /// How the tool call went and how long it took.
    pub(crate) call: Option<(CallStatus, Duration)>,
    /// The request was recorded by hand.
    pub(crate) request: bool,
    /// An error was recorded by hand.
    pub(crate) error: bool,
    /// The authentication was recorded by hand.
    pub(crate) auth: bool,
    /// A rate limit hit was recorded by hand.
    pub(crate) rate_limit: bool,
    /// It is a scrape, and in flight no more.
    pub(crate) scrape: bool,
}

/// The identity of what a layer writes to. The same sink records an exchange once, however many
/// layers lead to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sink(NonZeroU32);

impl Sink {
    /// A sink that is equal to no other of this process, which has four billion of them.
    pub(crate) fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        Self(NonZeroU32::MIN.saturating_add(LAST.fetch_add(1, Ordering::Relaxed)))
    }
}

/// The sinks that layers around this point of the stack write to.
///
/// It is kept beside the exchange, not in it: a retry between two layers sends a second request
/// that only the outer one has seen.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Room for more than the three that the bundle has. It is copied several times for each
    /// exchange, so it is small, and no more than a copy.
    sinks: [Option<Sink>; 4],
    /// Those of stacks with more than that.
    more: Option<Box<Applied>>,
}

impl Applied {
    /// Marks `sink` as served. `false` if a layer outside serves it already.
    pub(crate) fn claim(&mut self, sink: Sink) -> bool {
        for place in &mut self.sinks {
            match place {
                Some(other) if *other == sink => return false,
                Some(_) => {}
                None => {
                    *place = Some(sink);
                    return true;
                }
            }
        }
        self.more.get_or_insert_default().claim(sink)
    }

    pub(crate) fn contains(&self, sink: Sink) -> bool {
        self.sinks.contains(&Some(sink))
            || self.more.as_ref().is_some_and(|more| more.contains(sink))
    }
}

/// The exchange that a handler serves, as handlers and other tasks reach it.
///
/// The layers of this crate leave it in the request extensions, find each other by it, and make it
/// current around every poll of the exchange.
#[derive(Clone, Debug)]
pub struct RequestContext {
    exchange: Arc<Exchange>,
    applied: Applied,
}

impl RequestContext {
    /// The context that a layer outside has opened, else a new one. The second value tells whether
    /// it is new.
    ///
    /// An exchange that has ended is not joined: its extensions were carried into another request.
    pub(super) fn join_or_open(parts: &Parts, common: &Arc<Common>) -> (Self, bool) {
        match parts.extensions.get::<Self>() {
            Some(context) if !context.exchange.has_ended() => (context.clone(), false),
            _ => {
                let exchange = Exchange::open(parts, common);
                (Self { exchange, applied: Applied::default() }, true)
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test(parts: &Parts) -> Self {
        Self::join_or_open(parts, &Arc::default()).0
    }

    /// Leaves the context in the extensions for whoever is further in.
    pub(super) fn leave_in(&self, extensions: &mut Extensions, outermost: bool) {
        // Writing over a value that is there saves an allocation. The outermost layer has found none.
        let found = if outermost { None } else { extensions.get_mut::<Self>() };
        match found {
            Some(context) => context.clone_from(self),
            None => _ = extensions.insert(self.clone()),
        }
    }

    /// The context of an exchange, for what a signal does on its behalf after its last poll.
    pub(crate) fn new(exchange: &Arc<Exchange>, applied: &Applied) -> Self {
        Self { exchange: Arc::clone(exchange), applied: applied.clone() }
    }

    #[inline]
    pub(crate) fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    pub(super) fn applied(&self) -> &Applied {
        &self.applied
    }

    pub(super) fn applied_mut(&mut self) -> &mut Applied {
        &mut self.applied
    }
}

/// A response extension: the exchange is not to be counted, since it only reads what was counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotCounted;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_claimed_once() {
        let (one, other) = (Sink::new(), Sink::new());
        let mut applied = Applied::default();
        assert!(applied.claim(one));
        assert!(!applied.claim(one));
        assert!(applied.claim(other));
        assert!(applied.contains(one));
    }

    #[test]
    fn there_is_room_for_any_number_of_sinks() {
        let sinks: Vec<_> = (0..10).map(|_| Sink::new()).collect();
        let mut applied = Applied::default();
        for (index, sink) in sinks.iter().enumerate() {
            assert!(!applied.contains(*sink), "{index}");
            assert!(applied.claim(*sink), "{index}");
        }
        let copy = applied.clone();
        for (index, sink) in sinks.iter().enumerate() {
            assert!(copy.contains(*sink), "{index}");
            assert!(!applied.claim(*sink), "{index}");
        }
    }
}
