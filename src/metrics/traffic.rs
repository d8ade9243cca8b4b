//! What the layer tells the store beside operations and exchanges: clients, sessions, streams, lists,
//! and what becomes of the other signals.

use std::time::{Duration, Instant};

use http::Method as HttpVerb;

use super::{
    admission::NameId,
    clients::ClientId,
    group::Group,
    http_conventions::HttpServerRequest,
    labels::{ClosedSet, ListKind, SessionEvent, Signal, StreamKind, StreamMessage, UrlScheme},
    lists::{ListItem, ListPage},
    moment::Moment,
    sessions::{SessionFacts, SessionPlace},
    store::McpMetrics,
};
use crate::mcp::Revision;

impl McpMetrics {
    /// The number of a client, to record its operations with. It is cheap for a client that is
    /// shown, and no more than a look for any other.
    pub(crate) fn client(&self, name: &str, version: Option<&str>, now: Instant) -> ClientId {
        if !self.has(Group::Clients) {
            return ClientId::NONE;
        }
        self.inner.clients.id(name, version, self.inner.birth.moment(now), &self.inner.clamps)
    }

    /// Counts a session that was given out. `key` is a keyed hash of its id.
    pub(crate) fn session_created(
        &self,
        key: u64,
        client: ClientId,
        revision: Option<Revision>,
        now: Instant,
    ) {
        let (facts, now) = (SessionFacts { client, revision }, self.inner.birth.moment(now));
        if self.keeps_sessions() {
            self.inner.sessions.create(key, facts, now, |ended| self.inner.session_over(ended));
        }
    }

    /// Notes a request of a session, and tells what is known of it: who began it, and with which
    /// revision, and where it is. `None` if its beginning was not seen, or it is over.
    pub(crate) fn session_seen(
        &self,
        key: u64,
        now: Instant,
    ) -> Option<(SessionFacts, SessionPlace)> {
        if !self.keeps_sessions() {
            return None;
        }
        let now = self.inner.birth.moment(now);
        let (facts, place) = self.inner.sessions.seen(key, now)?;
        self.inner.clients.seen(facts.client, now);
        Some((facts, place))
    }

    /// Notes that a session opens an event stream. Each call of this needs one of
    /// [`session_stream_closed`](Self::session_stream_closed).
    pub(crate) fn session_stream_opened(&self, session: SessionPlace) {
        self.inner.sessions.stream_opened(session);
    }

    /// Notes that an event stream of a session has ended.
    pub(crate) fn session_stream_closed(&self, session: SessionPlace, now: Instant) {
        self.inner.sessions.stream_closed(session, self.inner.birth.moment(now));
    }

    /// Ends a session at the wish of its client.
    pub(crate) fn session_ended(&self, key: u64, now: Instant) {
        if !self.keeps_sessions() {
            return;
        }
        if let Some(ended) = self.inner.sessions.terminate(key, self.inner.birth.moment(now)) {
            self.inner.session_over(ended);
        }
    }

    /// Ends a session that its server does not know any more.
    pub(crate) fn session_forgotten(&self, session: SessionPlace, now: Instant) {
        let now = self.inner.birth.moment(now);
        if let Some(ended) = self.inner.sessions.forgotten(session, now) {
            self.inner.session_over(ended);
        }
    }

    /// Whether a path is one that the server is known to have.
    pub(crate) fn knows_route(&self, path: &str, matched: Option<&str>) -> bool {
        self.inner.routes.of(path, matched, false).is_ok()
    }

    /// Counts what happens to a session that is not in the table: a request was rejected without
    /// one, or named one that is not known.
    pub(crate) fn session_event(&self, event: SessionEvent) {
        if self.has(Group::Sessions) {
            self.inner.sessions.count(event);
        }
    }

    /// Sessions tell who calls, so that they are needed for clients and for the convention too.
    fn keeps_sessions(&self) -> bool {
        self.has(Group::Sessions) || self.has(Group::Clients) || self.inner.sets.conventions
    }

    /// Counts an event stream that opens. Each call of this needs one of
    /// [`stream_closed`](Self::stream_closed).
    pub(crate) fn stream_opened(&self, kind: StreamKind) {
        if self.has(Group::Streams) {
            self.inner.streams.open(kind);
        }
    }

    /// Records the first message of a stream, `after` the head of its request.
    pub(crate) fn stream_first_event(&self, kind: StreamKind, after: Duration) {
        if self.has(Group::Streams) {
            self.inner.streams.first_event(kind, &self.inner.buckets, after);
        }
    }

    /// Counts an event stream that ends, `after` the head of its request.
    pub(crate) fn stream_closed(&self, kind: StreamKind, after: Duration) {
        if self.has(Group::Streams) {
            self.inner.streams.close(kind, &self.inner.buckets, after);
        }
    }

    /// Counts what a stream carried, by [`StreamMessage`].
    pub(crate) fn stream_messages(
        &self,
        kind: StreamKind,
        counts: &[u64; StreamMessage::ALL.len()],
    ) {
        if self.has(Group::Streams) {
            self.inner.streams.messages(kind, counts);
        }
    }

    /// Counts a standing stream that was refused with this status.
    pub(crate) fn stream_refused(&self, status: u16) {
        if self.has(Group::Streams) {
            self.inner.streams.refuse(status);
        }
    }

    /// Takes in a page of a list.
    pub(crate) fn record_list<'a>(
        &self,
        kind: ListKind,
        page: ListPage,
        items: impl Iterator<Item = ListItem<'a>>,
        now: Instant,
    ) {
        if self.has(Group::Lists) {
            let now = self.inner.birth.moment(now);
            let items = items.inspect(|item| self.admit_listed(kind, item, now));
            self.inner.lists.record(kind, page, items, now);
        }
    }

    /// Admits a name by right. One that has no place is shown nowhere, so there is nothing to count: its
    /// calls are.
    fn admit_listed(&self, kind: ListKind, item: &ListItem<'_>, now: Moment) {
        let names = match kind {
            _ if item.truncated => return,
            ListKind::Tools => &self.inner.tool_names,
            ListKind::Prompts => &self.inner.prompts,
            ListKind::Resources | ListKind::Templates => return,
        };
        let Ok(name) = names.list(item.name) else { return };
        // No tool is called `_OTHER`.
        if kind == ListKind::Tools && name != NameId::OTHER {
            self.inner.tools.defined(name, item.bytes, now);
        }
    }

    /// Records how many messages a batch had.
    pub(crate) fn record_batch(&self, messages: u64) {
        self.inner.batches.record(&self.inner.buckets.batches, Some(messages));
    }

    /// Counts lines that a limit held back.
    pub(crate) fn record_lines_dropped(&self, count: u64) {
        self.inner.health.dropped(Signal::Log, count);
    }

    /// Whether the families of the HTTP and RPC conventions are shown: without them,
    /// [`http_entered`](Self::http_entered) and what follows it need not be called.
    pub(crate) fn has_http_conventions(&self) -> bool {
        self.inner.http_conventions.is_some()
    }

    /// Counts an HTTP exchange that opens. Each call of this needs one of
    /// [`http_left`](Self::http_left), with the same method and scheme.
    pub(crate) fn http_entered(&self, method: &HttpVerb, scheme: UrlScheme) {
        if let Some(conventions) = &self.inner.http_conventions {
            conventions.enter(method, scheme);
        }
    }

    /// Counts an HTTP exchange that closes.
    pub(crate) fn http_left(&self, method: &HttpVerb, scheme: UrlScheme) {
        if let Some(conventions) = &self.inner.http_conventions {
            conventions.leave(method, scheme);
        }
    }

    /// Records an HTTP exchange that is over, body and all.
    pub(crate) fn record_http(&self, request: &HttpServerRequest<'_>) {
        if let Some(conventions) = &self.inner.http_conventions {
            let route = self.inner.routes.of(request.path, request.matched, false);
            let route = route.unwrap_or(NameId::OTHER);
            conventions.record(request, route, &self.inner.clamps);
        }
    }
}
