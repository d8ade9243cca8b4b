//! Calls of legacy sessions that go on without their exchange.
//!
//! In a session of a legacy revision a client that disconnects cancels nothing (MCP 2025-11-25,
//! Transports, sending messages to the server, item 6), and a server may close a stream before the
//! answer: it comes on another exchange then, a `GET` that resumes the stream. And a client may cancel
//! a call by a notification, which comes on another exchange as well. Nothing of this can be told from
//! one exchange alone, so this is the one place where exchanges meet.
//!
//! Every table here is bounded, in number and in time, and only sessions get into it that a server has
//! opened under this layer: ids that a client made up find nothing and leave nothing.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use smallvec::SmallVec;

use super::{
    head::SessionKey,
    outcome::{Outcome, Reason},
};
use crate::mcp::{Id, ResponseMessage};

/// Calls that wait for their end, and what is known of those that will end without an answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    table: Mutex<Table>,
    /// The numbers of entries, for those who need not look.
    detached: AtomicUsize,
    cancelled: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    /// When each session was opened, as a number that rises.
    born: HashMap<SessionKey, u64>,
    births: u64,
    /// The oldest first, as in the next.
    detached: VecDeque<Detached>,
    cancelled: VecDeque<(Call, Instant)>,
}

/// A call, as other exchanges name it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Call {
    pub(super) session: SessionKey,
    pub(super) id: Id,
}

/// The message of an exchange that began a call. Clients may use an id more than once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Origin {
    pub(super) started: Instant,
    pub(super) index: usize,
}

/// A call that goes on without its exchange.
struct Detached {
    call: Call,
    since: Instant,
    origin: Origin,
    /// How it counts if nothing more is heard of it.
    fallback: Outcome,
    later: Later,
}

/// What a signal does when it is known how a detached call ended. It may wait for minutes, and so must not
/// keep the exchange, with all that a client has sent.
pub(crate) type Later = Box<dyn FnOnce(&Late<'_>) + Send>;

/// How a detached call ended.
#[derive(Debug)]
pub struct Late<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<Reason>,
    pub(crate) answer: Option<&'a ResponseMessage>,
    /// From the head of its request.
    pub(crate) duration: Duration,
}

/// Calls that are remembered, detached or cancelled.
const MOST_CALLS: usize = 1024;

/// Those of one session. Who leaves call after call pushes out its own.
const MOST_OF_SESSION: usize = 256;

/// How long they are.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Sessions whose birth is remembered.
const MOST_SESSIONS: usize = 10_000;

impl Calls {
    /// A server has opened a session.
    pub(super) fn born(&self, session: SessionKey) {
        let mut table = self.table();
        if table.born.len() >= MOST_SESSIONS && !table.born.contains_key(&session) {
            table.forget_oldest_sessions();
        }
        let birth = table.births;
        table.births += 1;
        table.born.insert(session, birth);
    }

    /// A session is over. What went on in it will not be heard of.
    pub(super) fn ended(&self, session: SessionKey) {
        let over = {
            let mut table = self.table();
            table.born.remove(&session);
            let (over, on) = table
                .detached
                .drain(..)
                .partition::<VecDeque<_>, _>(|detached| detached.call.session == session);
            table.detached = on;
            table.cancelled.retain(|(call, _)| call.session != session);
            self.count(&table);
            over
        };
        for detached in over {
            detached.forget();
        }
    }

    /// Whether calls of the session are remembered.
    pub(super) fn knows(&self, session: SessionKey) -> bool {
        self.table().born.contains_key(&session)
    }

    /// Keeps a call until more is heard of it. If it is too old or too many others come, `later` is told
    /// `fallback`.
    pub(super) fn detach(
        &self,
        call: Call,
        origin: Origin,
        now: Instant,
        fallback: Outcome,
        later: Later,
    ) {
        self.forget_old(now);
        let detached = Detached { call, since: now, origin, fallback, later };
        let oldest = {
            let mut table = self.table();
            let calls = table.detached.iter().map(|detached| &detached.call);
            let oldest = one_too_many(calls, detached.call.session);
            let oldest = oldest.and_then(|index| table.detached.remove(index));
            table.detached.push_back(detached);
            self.count(&table);
            oldest
        };
        if let Some(oldest) = oldest {
            oldest.forget();
        }
    }

    /// An answer has passed on another exchange than the call's own. `tell` says how it went.
    pub(super) fn answered(
        &self,
        session: SessionKey,
        answer: &ResponseMessage,
        now: Instant,
        tell: impl Fn() -> (Outcome, Option<Reason>),
    ) {
        let Some(id) = &answer.id else { return };
        for detached in self.take(session, id) {
            let (outcome, reason) = tell();
            detached.end(outcome, reason, Some(answer), now);
        }
    }

    /// A notification has cancelled a call: one that is detached, or one whose exchange will end without
    /// an answer.
    pub(super) fn cancelled(&self, session: SessionKey, id: &Id, now: Instant) {
        for detached in self.take(session, id) {
            detached.end(Outcome::Cancelled, Some(Reason::Notification), None, now);
        }
        self.forget_old(now);
        let mut table = self.table();
        if !table.born.contains_key(&session) {
            return;
        }
        let call = Call { session, id: id.clone() };
        // A client may use an id again, and cancel it again.
        table.cancelled.retain(|(other, _)| *other != call);
        if let Some(oldest) = one_too_many(table.cancelled.iter().map(|(call, _)| call), session) {
            table.cancelled.remove(oldest);
        }
        table.cancelled.push_back((call, now));
        self.count(&table);
    }

    /// Whether a notification has cancelled the call since it `started`: before, it was another one of
    /// the same id. The note stays, since each layer asks.
    pub(super) fn is_cancelled(&self, session: SessionKey, id: &Id, started: Instant) -> bool {
        // Who asks has been told of the cancellation by way of the server.
        if self.cancelled.load(Ordering::Acquire) == 0 {
            return false;
        }
        let is_it = |(call, since): &(Call, Instant)| {
            call.session == session && call.id == *id && *since >= started
        };
        self.table().cancelled.iter().any(is_it)
    }

    /// Lets calls go of which nothing was heard for too long.
    pub(super) fn forget_old(&self, now: Instant) {
        if self.detached.load(Ordering::Relaxed) + self.cancelled.load(Ordering::Relaxed) == 0 {
            return;
        }
        let over = {
            let mut table = self.table();
            let over = table.expire(now);
            self.count(&table);
            over
        };
        for detached in over {
            detached.forget();
        }
    }

    /// Takes out the oldest call of that name, once for each of the layers that wait for it. A client may
    /// have left more of them under one id, of which one message ends one.
    fn take(&self, session: SessionKey, id: &Id) -> SmallVec<[Detached; 1]> {
        let mut found = SmallVec::new();
        if self.detached.load(Ordering::Relaxed) == 0 {
            return found;
        }
        let mut table = self.table();
        let mut index = 0;
        while let Some(Detached { call, origin, .. }) = table.detached.get(index) {
            let is_same = found.first().is_none_or(|first: &Detached| first.origin == *origin);
            if is_same && call.session == session && call.id == *id {
                found.extend(table.detached.remove(index));
            } else {
                index += 1;
            }
        }
        self.count(&table);
        found
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing that can panic runs under the lock.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, table: &Table) {
        self.detached.store(table.detached.len(), Ordering::Relaxed);
        self.cancelled.store(table.cancelled.len(), Ordering::Release);
    }
}

/// Which of the calls, the oldest first, makes room for another one of a session, if there is none.
fn one_too_many<'a>(
    calls: impl ExactSizeIterator<Item = &'a Call>,
    session: SessionKey,
) -> Option<usize> {
    let is_full = calls.len() >= MOST_CALLS;
    let mut own = calls.enumerate().filter(|(_, call)| call.session == session);
    let oldest = own.next().map(|(index, _)| index);
    let others = own.count();
    oldest.filter(|_| others + 1 >= MOST_OF_SESSION).or(is_full.then_some(0))
}

impl Table {
    /// Takes out what is too old.
    fn expire(&mut self, now: Instant) -> Vec<Detached> {
        let is_old = |since: Instant| now.saturating_duration_since(since) >= LONGEST;
        let old = self.detached.iter().take_while(|detached| is_old(detached.since)).count();
        let cancelled = self.cancelled.iter().take_while(|(_, since)| is_old(*since)).count();
        self.cancelled.drain(..cancelled);
        self.detached.drain(..old).collect()
    }

    /// Makes room for an eighth of all sessions at once, so that a flood of them costs little for each.
    #[cold]
    fn forget_oldest_sessions(&mut self) {
        let mut births: Vec<u64> = self.born.values().copied().collect();
        births.sort_unstable();
        let first_kept = births.get(MOST_SESSIONS / 8).copied().unwrap_or(u64::MAX);
        self.born.retain(|_, birth| *birth >= first_kept);
    }
}

impl Detached {
    fn end(
        self,
        outcome: Outcome,
        reason: Option<Reason>,
        answer: Option<&ResponseMessage>,
        now: Instant,
    ) {
        let duration = now.saturating_duration_since(self.origin.started);
        (self.later)(&Late { outcome, reason, answer, duration });
    }

    /// Nothing more will be heard of it: it counts with the time that its exchange lasted.
    fn forget(self) {
        let (since, fallback) = (self.since, self.fallback);
        self.end(fallback, None, None, since);
    }
}

impl Drop for Calls {
    /// The layer is gone, and with it whatever could still be heard.
    fn drop(&mut self) {
        let table = self.table.get_mut().unwrap_or_else(PoisonError::into_inner);
        for detached in table.detached.drain(..) {
            detached.forget();
        }
    }
}

impl fmt::Debug for Detached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detached").field("call", &self.call).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
