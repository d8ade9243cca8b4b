//! Sessions: how many there are, what happens to them, how long they last.

use std::{
    num::NonZeroU32,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    buckets::Buckets,
    cell::{Cell, Counters, Shards},
    clients::ClientId,
    exposition::{Exposition, expose_counter},
    labels::{ClosedSet, SessionEvent},
    moment::{Moment, whole_millis},
    names,
    table::Hash,
};
use crate::mcp::Revision;

/// How many sessions are kept, and for how long without a request or an open stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) most: usize,
    pub(super) idle: Duration,
}

/// A bounded table of sessions, by a keyed hash of their ids.
///
/// A session has its place in one of two sets of eight, whichever had more room. A request finds it
/// there without a lock and leaves the time behind. Changes take a lock; they come with an
/// `initialize` or a `DELETE`. Sets come into being when they are needed and stay.
#[derive(Debug)]
pub(super) struct Sessions {
    limits: Limits,
    hash: Hash,
    sets: Box<[OnceLock<Box<Set>>]>,
    changing: Mutex<Changing>,
    events: Counters,
    durations: Cell,
}

const PER_SET: usize = 8;

/// How many sets are looked at for a session without a stream that can make room. They are enough to
/// find one where there are some, and few enough to be looked at each time where there are none.
const LOOKS: usize = 64;

/// The keys stand together, so that a lookup reads one cache line.
#[derive(Debug, Default)]
struct Set {
    /// Zero is no session.
    keys: [AtomicU64; PER_SET],
    sessions: [Session; PER_SET],
}

/// Times are in milliseconds since the birth of the store.
#[derive(Debug, Default)]
struct Session {
    seen: AtomicU64,
    created: AtomicU64,
    /// A [`SessionFacts`], packed.
    facts: AtomicU64,
    /// How many event streams are open, in the lower half. In the upper one, which of those that had the
    /// place one after the other it is.
    streams: AtomicU64,
}

/// Where a session was found.
///
/// It may be kept: once the session is over, it leads to none. It is small, since all exchanges have room
/// for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionPlace {
    /// The number of the place in the table, from one.
    number: NonZeroU32,
    /// Which of those that had the place one after the other.
    turn: u32,
    /// When it was in use before.
    before: u64,
}

/// What is kept of the request that began a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SessionFacts {
    pub(crate) client: ClientId,
    pub(crate) revision: Option<Revision>,
}

/// A session that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) facts: SessionFacts,
    pub(super) duration: Duration,
}

#[derive(Debug)]
struct Changing {
    /// Sessions in the table.
    live: usize,
    /// When to look for idle ones again, at the latest.
    next_sweep: u64,
    /// Where to look for one that makes room, if its own sets have none.
    hand: usize,
}

impl Sessions {
    pub(super) fn new(limits: Limits, buckets: &Buckets, shards: Shards) -> Self {
        // Twice the room: with a choice of two sets, none is full before the table is.
        let sets = (2 * limits.most).div_ceil(PER_SET).next_power_of_two();
        Self {
            limits,
            hash: Hash::new(),
            sets: (0..sets).map(|_| OnceLock::new()).collect(),
            changing: Mutex::new(Changing { live: 0, next_sweep: 0, hand: 0 }),
            events: Counters::new(SessionEvent::ALL.len(), shards),
            durations: Cell::new(buckets, shards),
        }
    }

    /// Begins a session. `ended` is told of each that is over because of it.
    pub(super) fn create(
        &self,
        key: u64,
        facts: SessionFacts,
        now: Moment,
        mut ended: impl FnMut(Ended),
    ) {
        let key = key.max(1);
        let now = now.millis();
        self.count(SessionEvent::Created);
        let mut changing = self.lock();
        if now >= changing.next_sweep {
            self.sweep(&mut changing, now, &mut ended);
        }
        if let Some((_, set, place)) = self.find(key) {
            // The server gave the same id out again: what had it before is over.
            ended(changing.end(set, place, now));
        }
        if changing.live >= self.limits.most.max(1) {
            let evicted = self.evict(&mut changing, key, now);
            evicted.into_iter().for_each(&mut ended);
        }
        let sets = self.homes(key).map(|home| self.sets[home].get_or_init(Box::default));
        let room = |set: &Set| set.keys.iter().filter(|key| is_free(key)).count();
        let set = if room(sets[1]) > room(sets[0]) { sets[1] } else { sets[0] };
        if room(set) == 0 {
            self.count(SessionEvent::Expired);
            ended(changing.end_idlest(set, now));
        }
        let Some(place) = set.keys.iter().position(is_free) else { return };
        let session = &set.sessions[place];
        session.seen.store(now, Ordering::Relaxed);
        session.created.store(now, Ordering::Relaxed);
        session.facts.store(facts.packed(), Ordering::Relaxed);
        set.keys[place].store(key, Ordering::Release);
        changing.live += 1;
    }

    /// Notes a request of a session, and tells how it began and where it is. `None` if that was not
    /// seen, or the session is over.
    pub(super) fn seen(&self, key: u64, now: Moment) -> Option<(SessionFacts, SessionPlace)> {
        let key = key.max(1);
        let (home, set, place) = self.find(key)?;
        let session = &set.sessions[place];
        let before = session.seen.load(Ordering::Relaxed);
        session.see(now.millis());
        let facts = SessionFacts::unpacked(session.facts.load(Ordering::Relaxed));
        let turn = turn_of(session.streams.load(Ordering::Acquire));
        // The place may have been given to another meanwhile.
        let is_here = set.keys[place].load(Ordering::Acquire) == key;
        let number = u32::try_from(home * PER_SET + place + 1).ok().and_then(NonZeroU32::new)?;
        is_here.then_some((facts, SessionPlace { number, turn, before }))
    }

    /// Notes that a session opens an event stream. As long as one is open the session is not idle.
    pub(super) fn stream_opened(&self, place: SessionPlace) {
        if let Some((set, at)) = self.at(place) {
            set.sessions[at].count_streams(place.turn, |streams| streams + 1);
        }
    }

    /// Notes that a stream has ended which its session had opened. Since then the session may be idle.
    pub(super) fn stream_closed(&self, place: SessionPlace, now: Moment) {
        let Some((set, at)) = self.at(place) else { return };
        let session = &set.sessions[at];
        if turn_of(session.streams.load(Ordering::Relaxed)) == place.turn {
            // First: who finds no stream open is to find the end of the last one.
            session.see(now.millis());
            session.count_streams(place.turn, |streams| streams - 1);
        }
    }

    /// Ends a session at the client's wish.
    pub(super) fn terminate(&self, key: u64, now: Moment) -> Option<Ended> {
        let mut changing = self.lock();
        let (_, set, place) = self.find(key.max(1))?;
        self.count(SessionEvent::Terminated);
        Some(changing.end(set, place, now.millis()))
    }

    /// Ends a session that its server does not know any more, as a request has found out. Nobody knows
    /// since when; it lasted until it was in use before that request, which one with an open stream was
    /// until now.
    pub(super) fn forgotten(&self, place: SessionPlace, now: Moment) -> Option<Ended> {
        let (set, at) = self.at(place)?;
        let mut changing = self.lock();
        let streams = set.sessions[at].streams.load(Ordering::Relaxed);
        // Another request may have found it out before.
        let is_here = turn_of(streams) == place.turn;
        is_here.then(|| {
            self.count(SessionEvent::Expired);
            let end = if open_of(streams) > 0 { now.millis() } else { place.before };
            changing.end(set, at, end)
        })
    }

    pub(super) fn count(&self, event: SessionEvent) {
        self.events.add(event.index(), 1);
    }

    /// Ends the sessions that have been idle for too long.
    pub(super) fn expire(&self, now: Moment, mut ended: impl FnMut(Ended)) {
        self.sweep(&mut self.lock(), now.millis(), &mut ended);
    }

    pub(super) fn record_duration(&self, buckets: &Buckets, duration: Duration) {
        self.durations.record_duration(buckets, Some(duration));
    }

    pub(super) fn expose(&self, now: Moment, buckets: &Buckets, out: &mut impl Exposition) {
        let now = now.millis();
        let live = self.lock().live;
        out.family(&names::SESSIONS_ACTIVE);
        let created = self.events.get(SessionEvent::Created.index());
        if created > 0 {
            out.row(&[], live as u64);
        }
        out.family(&names::SESSIONS_OLDEST_IDLE_SECONDS);
        let oldest = self
            .all()
            .filter(|(set, place)| !is_free(&set.keys[*place]))
            .filter_map(|(set, place)| set.sessions[place].idle_since())
            .min();
        if created > 0 {
            let idle = oldest.map_or(0, |seen| now.saturating_sub(seen));
            out.seconds(&[], idle.saturating_mul(1_000_000));
        }
        out.family(&names::SESSION_EVENTS_TOTAL);
        for &event in SessionEvent::ALL {
            expose_counter(out, &[event.as_str()], self.events.get(event.index()));
        }
        out.family(&names::SESSION_DURATION_SECONDS);
        self.durations.expose(buckets, out, &[]);
    }

    fn sweep(&self, changing: &mut Changing, now: u64, ended: &mut impl FnMut(Ended)) {
        let idle = whole_millis(self.limits.idle);
        for (set, place) in self.all().filter(|(set, place)| !is_free(&set.keys[*place])) {
            let Some(since) = set.sessions[place].idle_since() else { continue };
            if now.saturating_sub(since) >= idle {
                self.count(SessionEvent::Expired);
                ended(changing.end(set, place, since));
            }
        }
        // A scrape sees to it that none is shown for longer; without scrapes this is soon enough.
        changing.next_sweep = now.saturating_add(idle / 16 + 1);
    }

    /// Makes room for `key`: the session that has been idle the longest near its place is over. One with
    /// an open stream makes room only if nothing else was found.
    fn evict(&self, changing: &mut Changing, key: u64, now: u64) -> Option<Ended> {
        let is_used = |set: &&Set| !set.keys.iter().all(is_free);
        let least = |set: &Set| set.sessions[idlest(set)].idleness();
        let own = self.homes(key).into_iter().filter_map(|home| self.sets[home].get());
        let mut found = own.map(|set| &**set).filter(is_used).min_by_key(|set| least(set));
        let mut looks = 0;
        for _ in 0..self.sets.len() {
            if found.is_some_and(|set| looks == LOOKS || !least(set).0) {
                break;
            }
            let next = self.sets[changing.hand].get().map(|set| &**set).filter(is_used);
            changing.hand = (changing.hand + 1) & (self.sets.len() - 1);
            looks += usize::from(next.is_some());
            found = found.into_iter().chain(next).min_by_key(|set| least(set));
        }
        let set = found?;
        self.count(SessionEvent::Expired);
        Some(changing.end_idlest(set, now))
    }

    fn find(&self, key: u64) -> Option<(usize, &Set, usize)> {
        self.homes(key).into_iter().find_map(|home| {
            let set = self.sets[home].get()?;
            let place = set.keys.iter().position(|one| one.load(Ordering::Acquire) == key)?;
            Some((home, &**set, place))
        })
    }

    fn at(&self, place: SessionPlace) -> Option<(&Set, usize)> {
        let index = place.number.get() as usize - 1;
        Some((self.sets[index / PER_SET].get()?, index % PER_SET))
    }

    /// The two sets in which a key may be.
    #[expect(clippy::cast_possible_truncation, reason = "some bits are enough")]
    fn homes(&self, key: u64) -> [usize; 2] {
        let (mask, hash) = (self.sets.len() - 1, self.hash.of_number(key));
        let (one, other) = (hash as usize & mask, (hash >> 32) as usize & mask);
        [one, if one == other { other ^ (mask & 1) } else { other }]
    }

    fn all(&self) -> impl Iterator<Item = (&Set, usize)> {
        let sets = self.sets.iter().filter_map(|set| set.get());
        sets.flat_map(|set| (0..PER_SET).map(move |place| (&**set, place)))
    }

    fn lock(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Notes that it is in use. Clocks were read before; of two that come at once, either will do.
    fn see(&self, now: u64) {
        if self.seen.load(Ordering::Relaxed) < now {
            self.seen.store(now, Ordering::Relaxed);
        }
    }

    /// Changes how many streams are open, unless the session is over.
    fn count_streams(&self, turn: u32, change: impl Fn(u64) -> u64) {
        let change = |streams| (turn_of(streams) == turn).then(|| change(streams));
        // Nothing to do if it is over.
        _ = self.streams.fetch_update(Ordering::AcqRel, Ordering::Relaxed, change);
    }

    /// Whether it has an open stream, and when it was seen last. The least is the most idle.
    fn idleness(&self) -> (bool, u64) {
        let has_stream = open_of(self.streams.load(Ordering::Acquire)) > 0;
        (has_stream, self.seen.load(Ordering::Relaxed))
    }

    /// `None` as long as it has an open stream.
    fn idle_since(&self) -> Option<u64> {
        let (has_stream, seen) = self.idleness();
        (!has_stream).then_some(seen)
    }
}

impl Changing {
    /// Takes a session out of the table, which was over at a time.
    fn end(&mut self, set: &Set, place: usize, at: u64) -> Ended {
        let session = &set.sessions[place];
        let created = session.created.load(Ordering::Relaxed);
        let facts = SessionFacts::unpacked(session.facts.load(Ordering::Relaxed));
        set.keys[place].store(0, Ordering::Release);
        // After the key: who finds the new turn does not find the old session. Streams that are still
        // open are nobody's from here on.
        let turn = turn_of(session.streams.load(Ordering::Relaxed)).wrapping_add(1);
        session.streams.store(u64::from(turn) << 32, Ordering::Release);
        self.live -= 1;
        Ended { facts, duration: Duration::from_millis(at.saturating_sub(created)) }
    }

    /// Takes the session out that has been idle the longest of a set.
    fn end_idlest(&mut self, set: &Set, now: u64) -> Ended {
        let place = idlest(set);
        // One with an open stream was in use until now.
        self.end(set, place, set.sessions[place].idle_since().unwrap_or(now))
    }
}

impl SessionFacts {
    fn packed(self) -> u64 {
        let revision = self.revision.map_or(0, |revision| revision.index() as u64 + 1);
        self.client.packed() | revision << 50
    }

    fn unpacked(packed: u64) -> Self {
        let revision = ((packed >> 50) as usize).checked_sub(1);
        Self {
            client: ClientId::unpacked(packed),
            revision: revision.and_then(|index| <Revision as ClosedSet>::ALL.get(index).copied()),
        }
    }
}

/// The place of a session that has been idle the longest; a free place is not looked at.
fn idlest(set: &Set) -> usize {
    let used = (0..PER_SET).filter(|&place| !is_free(&set.keys[place]));
    used.min_by_key(|&place| set.sessions[place].idleness()).unwrap_or_default()
}

/// The halves of [`Session::streams`].
const fn turn_of(streams: u64) -> u32 {
    (streams >> 32) as u32
}

const fn open_of(streams: u64) -> u64 {
    streams & 0xffff_ffff
}

fn is_free(key: &AtomicU64) -> bool {
    key.load(Ordering::Relaxed) == 0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{
        super::{buckets, testing::Rows},
        *,
    };

    const SECOND: Duration = Duration::from_secs(1);

    const FACTS: SessionFacts =
        SessionFacts { client: ClientId::NONE, revision: Some(Revision::V2025_06_18) };

    fn at(seconds: u32) -> Moment {
        Moment::of_test(seconds.into())
    }

    struct Bench {
        sessions: Sessions,
        buckets: Buckets,
    }

    impl Bench {
        fn new(most: usize) -> Self {
            let limits = Limits { most, idle: 1_800 * SECOND };
            let buckets = Buckets::of_our_seconds(&buckets::LONG);
            let sessions = Sessions::new(limits, &buckets, Shards::for_this_machine());
            Self { sessions, buckets }
        }

        fn create(&self, key: u64, seconds: u32) {
            let now = at(seconds);
            let record =
                |ended: Ended| self.sessions.record_duration(&self.buckets, ended.duration);
            self.sessions.create(key, FACTS, now, record);
        }

        fn seen(&self, key: u64, seconds: u32) -> Option<SessionFacts> {
            self.sessions.seen(key, at(seconds)).map(|(facts, _)| facts)
        }

        /// A request of a session that is answered by an event stream.
        fn open_stream(&self, key: u64, seconds: u32) -> SessionPlace {
            let (_, place) = self.sessions.seen(key, at(seconds)).unwrap();
            self.sessions.stream_opened(place);
            place
        }

        /// All values but the buckets, by family and label.
        fn shown(&self, seconds: u32) -> BTreeMap<String, u64> {
            let now = at(seconds);
            let record =
                |ended: Ended| self.sessions.record_duration(&self.buckets, ended.duration);
            self.sessions.expire(now, record);
            let mut rows = Rows::default();
            self.sessions.expose(now, &self.buckets, &mut rows);
            rows.by_labels()
        }

        fn active(&self, seconds: u32) -> u64 {
            self.shown(seconds)["sessions_active"]
        }
    }

    #[test]
    fn a_session_lasts_from_its_birth_to_its_end() {
        let bench = Bench::new(10);
        assert!(bench.shown(0).is_empty());
        bench.create(7, 0);
        bench.create(8, 10);
        assert_eq!(bench.seen(7, 20), Some(FACTS));
        let shown = bench.shown(30);
        assert_eq!(shown["sessions_active"], 2);
        assert_eq!(
            shown["sessions_oldest_idle_seconds"], 20_000_000_000,
            "session 8, in nanoseconds"
        );
        assert_eq!(shown["session_events_total created"], 2);

        let ended = bench.sessions.terminate(7, at(60)).unwrap();
        assert_eq!((ended.duration, ended.facts), (60 * SECOND, FACTS));
        assert_eq!(bench.seen(7, 61), None);
        assert!(bench.sessions.terminate(7, at(61)).is_none(), "it ends once");
        let shown = bench.shown(70);
        assert_eq!(shown["sessions_active"], 1);
        assert_eq!(shown["session_events_total terminated"], 1);
    }

    #[test]
    fn a_session_without_requests_expires_at_a_scrape() {
        let bench = Bench::new(10);
        bench.create(7, 0);
        bench.create(8, 0);
        bench.sessions.seen(8, at(100));
        assert_eq!(bench.active(1_799), 2);
        let shown = bench.shown(1_800);
        assert_eq!(shown["sessions_active"], 1);
        assert_eq!(shown["session_events_total expired"], 1);
        assert_eq!(bench.active(1_900), 0);
        let shown = bench.shown(10_000);
        assert_eq!(shown["session_events_total expired"], 2);
        assert_eq!(shown["sessions_oldest_idle_seconds"], 0);
        // They lasted to their last request: one no time at all, the other 100 seconds.
        assert_eq!(shown["session_duration_seconds"], 2);
        assert_eq!(shown["session_duration_seconds sum"], 100_000_000_000);
    }

    #[test]
    fn without_scrapes_the_idle_ones_go_when_others_come() {
        let bench = Bench::new(10_000);
        (0..100).for_each(|key| bench.create(key, 0));
        for turn in 1..100 {
            bench.create(1_000 + u64::from(turn), turn * 100);
        }
        assert!(bench.sessions.lock().live < 30, "{}", bench.sessions.lock().live);
    }

    #[test]
    fn a_request_that_comes_back_in_time_keeps_its_session() {
        let bench = Bench::new(10);
        bench.create(7, 0);
        for seconds in (1_000..100_000).step_by(1_000) {
            assert_eq!(bench.seen(7, seconds), Some(FACTS));
            assert_eq!(bench.active(seconds), 1);
        }
        // Clocks are read before, and arrive in any order.
        bench.sessions.seen(7, at(10));
        assert_eq!(bench.active(100_000), 1);
    }

    /// Clients that only listen send no request for hours.
    #[test]
    fn a_session_with_an_open_stream_is_not_idle() {
        let bench = Bench::new(10);
        bench.create(7, 0);
        let first = bench.open_stream(7, 10);
        let second = bench.open_stream(7, 20);
        let shown = bench.shown(10_000);
        assert_eq!(shown["sessions_active"], 1);
        assert_eq!(shown["sessions_oldest_idle_seconds"], 0);

        bench.sessions.stream_closed(first, at(10_000));
        assert_eq!(bench.active(20_000), 1, "the other one is open");
        bench.sessions.stream_closed(second, at(20_000));
        let shown = bench.shown(20_030);
        assert_eq!(shown["sessions_oldest_idle_seconds"], 30_000_000_000);
        assert_eq!(bench.active(21_799), 1);
        let shown = bench.shown(21_800);
        assert_eq!(shown["sessions_active"], 0);
        assert_eq!(shown["session_duration_seconds sum"], 20_000_000_000_000);
    }

    #[test]
    fn a_stream_of_a_session_that_is_over_is_nobodys() {
        let bench = Bench::new(10);
        bench.create(7, 0);
        let old = bench.open_stream(7, 1);
        let late = bench.sessions.seen(7, at(1)).unwrap().1;
        bench.sessions.terminate(7, at(2)).unwrap();
        bench.create(7, 3);
        bench.sessions.stream_opened(late);
        let new = bench.open_stream(7, 4);
        assert_eq!(old.number, new.number);
        bench.sessions.stream_closed(old, at(5));
        bench.sessions.stream_closed(late, at(5));
        assert_eq!(bench.active(5_000), 1, "its own stream is open");
        bench.sessions.stream_closed(new, at(5_000));
        assert_eq!(bench.active(6_800), 0, "it had no other");
    }

    #[test]
    fn sessions_without_an_open_stream_make_room_first() {
        let bench = Bench::new(100);
        for key in 1..=50 {
            bench.create(key, 0);
            bench.open_stream(key, 0);
        }
        for key in 51..5_000 {
            bench.create(key, 1);
        }
        assert!((1..=50).all(|key| bench.seen(key, 2).is_some()));
        // Where all of them have one, the table is bounded all the same.
        for key in 5_000..6_000 {
            bench.create(key, 3);
            bench.open_stream(key, 3);
        }
        assert_eq!(bench.active(3), 100);
    }

    /// A server keeps its sessions for a shorter time than the table, or was started anew.
    #[test]
    fn a_session_that_its_server_has_forgotten_ends_once_and_when_it_was_last_in_use() {
        let bench = Bench::new(10);
        bench.create(7, 0);
        bench.seen(7, 60);
        let (_, place) = bench.sessions.seen(7, at(900)).unwrap();
        let (_, again) = bench.sessions.seen(7, at(901)).unwrap();
        assert_eq!(bench.sessions.forgotten(place, at(910)).unwrap().duration, 60 * SECOND);
        assert!(bench.sessions.forgotten(again, at(910)).is_none());
        assert_eq!(bench.seen(7, 902), None);
        // The server gives the same id out again, and an old request is answered late.
        bench.create(7, 903);
        assert!(bench.sessions.forgotten(again, at(910)).is_none());
        let shown = bench.shown(904);
        assert_eq!(shown["sessions_active"], 1);
        assert_eq!(shown["session_events_total expired"], 1);
    }

    #[test]
    fn a_session_that_is_forgotten_with_an_open_stream_was_in_use_until_then() {
        let bench = Bench::new(10);
        bench.create(7, 0);
        bench.open_stream(7, 2);
        let (_, place) = bench.sessions.seen(7, at(900)).unwrap();
        let ended = bench.sessions.forgotten(place, at(901)).unwrap();
        assert_eq!(ended.duration, 901 * SECOND);
    }

    #[test]
    fn an_id_that_is_given_out_again_is_one_session() {
        let bench = Bench::new(10);
        bench.create(7, 0);
        bench.create(7, 5);
        let shown = bench.shown(5);
        assert_eq!(shown["sessions_active"], 1);
        assert_eq!(shown["session_events_total created"], 2);
        assert_eq!(shown["session_duration_seconds"], 1);
    }

    /// T27: 10,000 sessions and more; those that are in use stay.
    #[test]
    fn a_flood_of_sessions_ends_those_that_nobody_uses() {
        let bench = Bench::new(1_000);
        bench.create(1, 0);
        for number in 2..20_000_u64 {
            let seconds = u32::try_from(number / 100).unwrap();
            bench.create(number, seconds);
            assert_eq!(bench.seen(1, seconds + 1), Some(FACTS));
        }
        let shown = bench.shown(200);
        assert_eq!(shown["sessions_active"], 1_000);
        assert_eq!(shown["session_events_total created"], 19_999);
        assert_eq!(shown["session_events_total expired"], 18_999);
        assert_eq!(shown["session_duration_seconds"], 18_999);
        assert_eq!(bench.sessions.all().count() / PER_SET, bench.sessions.sets.len());
    }

    #[test]
    fn a_table_of_one_has_one() {
        for most in [0, 1] {
            let bench = Bench::new(most);
            for key in 0..100 {
                bench.create(key, 0);
                assert_eq!(bench.seen(key, 0), Some(FACTS));
            }
            assert_eq!(bench.active(0), 1);
        }
    }

    #[test]
    fn sessions_come_and_go_on_many_threads() {
        let bench = Bench::new(10_000);
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let bench = &bench;
                scope.spawn(move || {
                    for number in 0..500 {
                        let key = thread << 40 | number << 8 | 1;
                        bench.create(key, 1);
                        let stream = bench.open_stream(key, 2);
                        if number % 2 == 0 {
                            assert!(bench.sessions.terminate(key, at(3)).is_some());
                        }
                        bench.sessions.stream_closed(stream, at(3));
                    }
                });
            }
        });
        assert_eq!(bench.active(3), 1_000);
        assert_eq!(bench.active(1_803), 0, "no stream is left open");
    }

    #[test]
    fn facts_are_kept_whole() {
        let clients = [ClientId::NONE, ClientId::unpacked(u64::MAX >> 14)];
        for client in clients {
            let revisions = <Revision as ClosedSet>::ALL.iter().copied().map(Some);
            for revision in revisions.chain([None]) {
                let facts = SessionFacts { client, revision };
                assert_eq!(SessionFacts::unpacked(facts.packed()), facts);
            }
        }
    }
}
