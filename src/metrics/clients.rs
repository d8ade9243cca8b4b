//! Who calls: a bounded number of clients by name and version.

use std::sync::{
    Mutex, MutexGuard, PoisonError, TryLockError,
    atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering},
};

use super::{
    cell::{Counters, Shards},
    clamps::{Clamps, Label},
    exposition::{Exposition, expose_counter},
    labels::{ClosedSet, KNOWN_CLIENTS, LONGEST, OTHER, Reason, check_client, check_version},
    moment::Moment,
    names,
    table::Hash,
};
use crate::exchange::Outcome;

/// The number of a client, as long as it is shown.
///
/// It may be kept: once its client has lost its place, what is recorded under it is `_OTHER`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ClientId {
    kind: IdKind,
    place: u16,
    /// Which of those that had the place one after the other.
    turn: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum IdKind {
    /// The client did not say who it is.
    None,
    /// It said what cannot be shown, for the [`Reason`] whose index is the place.
    Refused,
    Shown,
    /// It is not shown yet.
    Candidate,
}

impl ClientId {
    /// The client did not say who it is.
    pub(crate) const NONE: Self = Self { kind: IdKind::None, place: 0, turn: 0 };

    const fn refused(reason: Reason) -> Self {
        Self { kind: IdKind::Refused, place: reason as u16, turn: 0 }
    }

    /// Below 2^50.
    pub(super) fn packed(self) -> u64 {
        u64::from(self.turn) | u64::from(self.place) << 32 | (self.kind as u64) << 48
    }

    #[expect(clippy::cast_possible_truncation, reason = "each part is cut to its bits")]
    pub(super) fn unpacked(packed: u64) -> Self {
        let kind = match packed >> 48 & 3 {
            0 => IdKind::None,
            1 => IdKind::Refused,
            2 => IdKind::Shown,
            _ => IdKind::Candidate,
        };
        Self { kind, place: (packed >> 32) as u16, turn: packed as u32 }
    }
}

/// Clients that are shown at once.
pub(super) const MOST_SHOWN: usize = 32;

/// Places that clients can get whose names are none of [`KNOWN_CLIENTS`]: anybody makes up such names.
const MOST_UNKNOWN: usize = 16;

/// Places that known names can get together. Anybody can call itself by them, too.
const MOST_KNOWN: usize = 24;

/// Places of these for versions beyond the first of their name, so that a few names with many versions
/// leave room for the first ones of others.
const MOST_FURTHER: usize = 16;

/// Versions of one name that are shown. What is beyond shares one more place, as version `_OTHER`.
const MOST_VERSIONS: usize = 7;

/// Successful operations after which a client is shown. The first version of a known name needs only one:
/// there are a few of those, and versions without end.
const PROOF: u32 = 10;

/// How long a client has to be away until another may have its place.
const AWAY_SECONDS: u64 = 24 * 3_600;

/// Clients that are watched for their proof, in sets of which each client has one. A client that
/// calls less often than every thousandth that is made up meanwhile can be pushed out.
const SETS: usize = 128;

const PER_SET: usize = 8;

/// Turns of a place are counted in 24 bits.
const TURNS: u32 = 0xff_ffff;

/// The names of operations whose client is unknown, and of all clients that are not shown.
const NOBODY: [&str; 2] = ["none", OTHER];

/// Where they are counted, before the clients that are shown.
const NONE_ROW: usize = 0;
const OTHER_ROW: usize = 1;
const FIRST_ROW: usize = 2;

pub(super) const ROWS: usize = FIRST_ROW + MOST_SHOWN;

const OUTCOMES: usize = Outcome::ALL.len();

/// Counts of operations by client and outcome.
///
/// Who is shown is found without a lock, by a hash of name and version under a key of the process.
/// A place whose client has been away for a day can be given to another. The series of the old one
/// end then, and those of the new one begin at zero: no counter ever goes down, and what was counted
/// never moves.
#[derive(Debug)]
pub(super) struct Clients {
    hash: Hash,
    /// The latest time that anybody brought along, in seconds since the birth of the store.
    clock: AtomicU64,
    /// For some bits of a hash, the place where it is likely to be found.
    hints: [AtomicU16; 64],
    places: [Place; MOST_SHOWN],
    /// By row and outcome.
    counts: Counters,
    /// By candidate: its turn, and the place it was given plus one.
    promoted: Box<[AtomicU64]>,
    changing: Mutex<Changing>,
}

#[derive(Debug, Default)]
struct Place {
    /// The hash of who has it; zero if nobody does.
    identity: AtomicU64,
    /// The hash of its name, if the place is that of one version.
    name: AtomicU64,
    turn: AtomicU32,
    /// In seconds since the birth of the store.
    seen: AtomicU64,
}

#[derive(Debug)]
struct Changing {
    shown: [Option<Shown>; MOST_SHOWN],
    candidates: Box<[Candidate]>,
    /// Counts up, to tell which candidate has been away for the longest.
    stamp: u64,
}

#[derive(Debug)]
struct Shown {
    client: Client,
    known: bool,
    /// Its name is known, and had another place before.
    further: bool,
    /// What was counted in this place before, for others.
    before: [u64; OUTCOMES],
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Client {
    name: Box<str>,
    /// Empty if it has none.
    version: Box<str>,
}

#[derive(Debug, Default)]
struct Candidate {
    identity: u64,
    turn: u32,
    successes: u32,
    stamp: u64,
    /// `None` until the first client comes.
    client: Option<Client>,
}

impl Clients {
    pub(super) fn new(shards: Shards) -> Self {
        let candidates = (0..SETS * PER_SET).map(|_| Candidate::default()).collect();
        Self {
            hash: Hash::new(),
            clock: AtomicU64::new(0),
            hints: std::array::from_fn(|_| AtomicU16::new(0)),
            places: std::array::from_fn(|_| Place::default()),
            counts: Counters::new(ROWS * OUTCOMES, shards),
            promoted: (0..SETS * PER_SET).map(|_| AtomicU64::new(0)).collect(),
            changing: Mutex::new(Changing {
                shown: [const { None }; MOST_SHOWN],
                candidates,
                stamp: 0,
            }),
        }
    }

    /// The number of a client. One that is not shown is watched from now on.
    pub(super) fn id(
        &self,
        name: &str,
        version: Option<&str>,
        now: Moment,
        clamps: &Clamps,
    ) -> ClientId {
        // First of all, since a hash takes its time over a name of a megabyte.
        if name.len() > LONGEST {
            return ClientId::refused(Reason::Length);
        }
        let version = version.unwrap_or_default();
        if version.len() <= LONGEST {
            if let Some(id) = self.find(self.identity(name, version)) {
                self.seen(id, now);
                return id;
            }
        }
        self.candidate(name, version, now, clamps)
    }

    /// Notes that a client is there.
    pub(super) fn seen(&self, id: ClientId, now: Moment) {
        let now = now.seconds();
        if self.clock.load(Ordering::Relaxed) < now {
            self.clock.store(now, Ordering::Relaxed);
        }
        let Some((_, place)) = self.place(id) else { return };
        if place.seen.load(Ordering::Relaxed) < now {
            place.seen.store(now, Ordering::Relaxed);
        }
    }

    /// Counts an operation. An error is the reason why it is one of `_OTHER`.
    pub(super) fn count(&self, id: ClientId, outcome: Outcome) -> Result<(), Reason> {
        let (row, result) = match id.kind {
            IdKind::None => (NONE_ROW, Ok(())),
            IdKind::Refused => (OTHER_ROW, Err(Reason::ALL[usize::from(id.place)])),
            IdKind::Shown | IdKind::Candidate => match self.place(id) {
                Some((row, _)) => (row, Ok(())),
                None => match self.prove(id, outcome == Outcome::Success) {
                    Ok(row) => (row, Ok(())),
                    Err(reason) => (OTHER_ROW, Err(reason)),
                },
            },
        };
        self.counts.add(row * OUTCOMES + outcome.index(), 1);
        result
    }

    /// The row and the place of a client that is shown.
    fn place(&self, id: ClientId) -> Option<(usize, &Place)> {
        let (place, turn) = match id.kind {
            IdKind::Shown => (usize::from(id.place), id.turn),
            IdKind::Candidate => {
                // The turn of the candidate, the turn of the place, the place plus one.
                let promoted = self.promoted[usize::from(id.place)].load(Ordering::Acquire);
                let place = (promoted & 0xff) as usize;
                if place == 0 || promoted >> 32 != u64::from(id.turn) {
                    return None;
                }
                #[expect(clippy::cast_possible_truncation, reason = "it is cut to its bits")]
                let turn = (promoted >> 8) as u32 & TURNS;
                (place - 1, turn)
            }
            IdKind::None | IdKind::Refused => return None,
        };
        let is = &self.places[place];
        (is.turn.load(Ordering::Relaxed) == turn).then_some((FIRST_ROW + place, is))
    }

    /// Whether as many versions of a name are shown as can be, and are in use.
    fn has_all_versions(&self, name: &str, now: Moment) -> bool {
        let (name, now) = (self.identity(name, ""), now.seconds());
        let of_name =
            |place: &&Place| place.name.load(Ordering::Relaxed) == name && !place.is_away(now);
        self.places.iter().filter(of_name).count() >= MOST_VERSIONS
    }

    fn identity(&self, name: &str, version: &str) -> u64 {
        // Zero is nobody.
        self.hash.of_texts(name, version) | 1
    }

    fn find(&self, identity: u64) -> Option<ClientId> {
        let is = |place: &Place| place.identity.load(Ordering::Acquire) == identity;
        let hint = &self.hints[hint_of(identity)];
        let likely = usize::from(hint.load(Ordering::Relaxed));
        let place =
            if is(&self.places[likely]) { likely } else { self.places.iter().position(is)? };
        let turn = self.places[place].turn.load(Ordering::Relaxed);
        Some(ClientId { kind: IdKind::Shown, place: number(place), turn })
    }

    #[cold]
    fn candidate(&self, name: &str, version: &str, now: Moment, clamps: &Clamps) -> ClientId {
        if let Err(reason) = check_client(name) {
            return ClientId::refused(reason);
        }
        if NOBODY.contains(&name) {
            return ClientId::refused(Reason::Unknown);
        }
        let version = match version {
            "" => "",
            version => check_version(version).map_or_else(
                |reason| {
                    clamps.count(Label::ClientVersion, reason);
                    OTHER
                },
                |()| version,
            ),
        };
        let version = if version != OTHER && self.has_all_versions(name, now) {
            clamps.count(Label::ClientVersion, Reason::Cap);
            OTHER
        } else {
            version
        };
        let identity = self.identity(name, version);
        // One whose version is not shown may well be shown without it.
        if let Some(id) = self.find(identity) {
            self.seen(id, now);
            return id;
        }
        // Nobody waits for the sake of a name: who finds the table in use comes again.
        let Some(mut changing) = self.try_lock() else {
            return ClientId::refused(Reason::Unknown);
        };
        changing.stamp += 1;
        let stamp = changing.stamp;
        let first = set_of(identity) * PER_SET;
        let set = &mut changing.candidates[first..first + PER_SET];
        let index = set
            .iter()
            .position(|one| one.identity == identity)
            .or_else(|| {
                // Who has proved the least makes room, and of those who has been away longest.
                let least = |index: &usize| (set[*index].successes, set[*index].stamp);
                (0..PER_SET).min_by_key(least)
            })
            .unwrap_or_default();
        let candidate = &mut set[index];
        if candidate.identity != identity {
            let client = Client { name: name.into(), version: version.into() };
            let turn = candidate.turn.wrapping_add(1);
            *candidate = Candidate { identity, turn, client: Some(client), ..Default::default() };
        }
        candidate.stamp = stamp;
        let (place, turn) = (number(first + index), candidate.turn);
        drop(changing);
        let id = ClientId { kind: IdKind::Candidate, place, turn };
        self.seen(id, now);
        id
    }

    /// Counts a success of a client that is not shown. With enough of them it is from now on.
    #[cold]
    fn prove(&self, id: ClientId, succeeded: bool) -> Result<usize, Reason> {
        if id.kind != IdKind::Candidate || !succeeded {
            return Err(Reason::Unknown);
        }
        let Some(mut changing) = self.try_lock() else { return Err(Reason::Unknown) };
        let index = usize::from(id.place);
        let candidate = &mut changing.candidates[index];
        let Some(client) = candidate.client.clone().filter(|_| candidate.turn == id.turn) else {
            return Err(Reason::Unknown);
        };
        candidate.successes = candidate.successes.saturating_add(1);
        let (identity, successes) = (candidate.identity, candidate.successes);
        let known = KNOWN_CLIENTS.contains(&&*client.name);
        let mut shown = changing.shown.iter().flatten();
        let further = known && shown.any(|shown| shown.client.name == client.name);
        if successes < PROOF && (further || !known) {
            return Err(Reason::Unknown);
        }
        let shown = |identity| self.find(identity).map(|shown| usize::from(shown.place));
        // It may have been promoted as another candidate before.
        let place = if let Some(place) = shown(identity) {
            place
        } else {
            // One that was told before the places of its name were taken is one of the others of it.
            let rest = self.identity(&client.name, OTHER);
            let given = self.give_place(&mut changing, client, known, further, identity);
            given.or_else(|reason| shown(rest).ok_or(reason))?
        };
        let turn = self.places[place].turn.load(Ordering::Relaxed);
        let promoted = u64::from(id.turn) << 32 | u64::from(turn) << 8 | (place as u64 + 1);
        self.promoted[index].store(promoted, Ordering::Release);
        Ok(FIRST_ROW + place)
    }

    /// Gives a free place to a client, or that of one which has been away for long.
    fn give_place(
        &self,
        changing: &mut Changing,
        client: Client,
        known: bool,
        further: bool,
        identity: u64,
    ) -> Result<usize, Reason> {
        let now = self.clock.load(Ordering::Relaxed);
        let new = Shown { client, known, further, before: [0; OUTCOMES] };
        let shown = || changing.shown.iter().flatten();
        let shares = new.shares();
        // Where a share of the new one is full, it may only follow one that has a part in it.
        let full = shares.map(|share| {
            share
                .is_some_and(|(most, has)| shown().filter(|shown| has(&new, shown)).count() >= most)
        });
        let free = |place: &usize| match &changing.shown[*place] {
            None => full == [false; 3],
            Some(shown) => {
                let mut shares = full.iter().zip(shares);
                let fits = |(full, share): (&bool, Option<Share>)| {
                    !full || share.is_none_or(|(_, has)| has(&new, shown))
                };
                self.places[*place].is_away(now) && shares.all(fits)
            }
        };
        let place = (0..MOST_SHOWN)
            .filter(free)
            .min_by_key(|place| changing.shown[*place].is_some())
            .ok_or(Reason::Cap)?;
        let is = &self.places[place];
        // Numbers that were given out for the one before are invalid from here on.
        let turn = is.turn.load(Ordering::Relaxed).wrapping_add(1) & TURNS;
        is.turn.store(turn, Ordering::Relaxed);
        is.seen.store(now, Ordering::Relaxed);
        let name = if new.is_version() { self.identity(&new.client.name, "") } else { 0 };
        is.name.store(name, Ordering::Relaxed);
        changing.shown[place] = Some(Shown { before: self.row(FIRST_ROW + place), ..new });
        self.hints[hint_of(identity)].store(number(place), Ordering::Relaxed);
        is.identity.store(identity, Ordering::Release);
        Ok(place)
    }

    fn row(&self, row: usize) -> [u64; OUTCOMES] {
        std::array::from_fn(|outcome| self.counts.get(row * OUTCOMES + outcome))
    }

    fn lock(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Changing>> {
        match self.changing.try_lock() {
            Ok(changing) => Some(changing),
            Err(TryLockError::Poisoned(changing)) => Some(changing.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn expose(&self, out: &mut impl Exposition) {
        out.family(&names::CLIENT_OPERATIONS_TOTAL);
        let changing = self.lock();
        let mut shown: Vec<_> = (0..MOST_SHOWN)
            .filter_map(|place| changing.shown[place].as_ref().map(|shown| (place, shown)))
            .collect();
        shown.sort_unstable_by_key(|(_, shown)| &shown.client);
        for (row, labels) in [(NONE_ROW, [NOBODY[0], ""]), (OTHER_ROW, [OTHER; 2])] {
            expose_row(out, labels, &self.row(row), &[0; OUTCOMES]);
        }
        for (place, Shown { client, before, .. }) in shown {
            let labels = [&*client.name, &*client.version];
            expose_row(out, labels, &self.row(FIRST_ROW + place), before);
        }
    }
}

impl Place {
    /// Whether its client has been away for so long that another may have it.
    fn is_away(&self, now: u64) -> bool {
        now.saturating_sub(self.seen.load(Ordering::Relaxed)) >= AWAY_SECONDS
    }
}

/// How many places some of the clients can have, and whether one that is shown is of these.
type Share = (usize, fn(&Shown, &Shown) -> bool);

impl Shown {
    /// The shares in which it has a part.
    fn shares(&self) -> [Option<Share>; 3] {
        let of_class: Share = if self.known {
            (MOST_KNOWN, |_, shown| shown.known)
        } else {
            (MOST_UNKNOWN, |_, shown| !shown.known)
        };
        let further: Share = (MOST_FURTHER, |_, shown| shown.further);
        let of_name: Share = (MOST_VERSIONS, |new, shown| {
            shown.client.name == new.client.name && shown.is_version()
        });
        [
            Some(of_class),
            Some(further).filter(|_| self.further),
            Some(of_name).filter(|_| self.is_version()),
        ]
    }

    /// It is not the one of all other versions of its name.
    fn is_version(&self) -> bool {
        &*self.client.version != OTHER
    }
}

fn expose_row(
    out: &mut impl Exposition,
    [name, version]: [&str; 2],
    counts: &[u64; OUTCOMES],
    before: &[u64; OUTCOMES],
) {
    for (outcome, (count, before)) in Outcome::ALL.iter().zip(counts.iter().zip(before)) {
        expose_counter(out, &[name, version, outcome.as_str()], count.wrapping_sub(*before));
    }
}

const fn hint_of(identity: u64) -> usize {
    (identity >> 2) as usize % 64
}

const fn set_of(identity: u64) -> usize {
    (identity >> 8) as usize % SETS
}

/// The number of a place or a candidate.
#[expect(clippy::cast_possible_truncation, reason = "there are a thousand at most")]
const fn number(place: usize) -> u16 {
    place as u16
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{super::testing::Rows, *};

    const HOUR: u64 = 3_600;

    struct Bench {
        clients: Clients,
        clamps: Clamps,
        now: Moment,
    }

    impl Bench {
        fn new() -> Self {
            let (now, shards) = (Moment::of_test(0), Shards::for_this_machine());
            Self { clients: Clients::new(shards), clamps: Clamps::new(shards), now }
        }

        fn id(&self, name: &str, version: Option<&str>) -> ClientId {
            self.clients.id(name, version, self.now, &self.clamps)
        }

        /// One operation, from the naming of the client to its end.
        fn call(&self, name: &str, version: &str, outcome: Outcome) -> Result<(), Reason> {
            self.clients.count(self.id(name, Some(version)), outcome)
        }

        fn succeed(&self, name: &str, version: &str, times: usize) {
            (0..times).for_each(|_| _ = self.call(name, version, Outcome::Success));
        }

        /// Fills all places with clients of version `1`, and tells their names.
        fn fill(&self) -> Vec<String> {
            let known = KNOWN_CLIENTS[..MOST_SHOWN - MOST_UNKNOWN].iter().map(|&name| name.into());
            let names: Vec<_> =
                known.chain((0..MOST_UNKNOWN).map(|number| format!("mine{number}"))).collect();
            for name in &names {
                self.succeed(name, "1", 10);
            }
            assert!(names.iter().all(|name| self.shown().contains_key(&format!("{name} 1"))));
            names
        }

        fn clamped(&self, reason: Reason) -> u64 {
            let mut all = self.clamps.all();
            let of_version = |&(label, of, _): &(Label, Reason, u64)| {
                label == Label::ClientVersion && of == reason
            };
            all.find(of_version).unwrap().2
        }

        /// The sums over all outcomes, by name and version.
        fn shown(&self) -> BTreeMap<String, u64> {
            let mut rows = Rows::default();
            self.clients.expose(&mut rows);
            let mut shown = BTreeMap::new();
            for (_, labels, value) in rows.0 {
                *shown.entry(labels[..2].join(" ")).or_default() += value;
            }
            shown
        }
    }

    #[test]
    fn a_known_client_is_shown_by_its_first_success_and_another_by_its_tenth() {
        let bench = Bench::new();
        assert_eq!(bench.call("claude-code", "2.0", Outcome::ToolError), Err(Reason::Unknown));
        assert_eq!(bench.call("claude-code", "2.0", Outcome::Success), Ok(()));
        for _ in 0..9 {
            assert_eq!(bench.call("mine", "1", Outcome::Success), Err(Reason::Unknown));
            assert_eq!(bench.call("mine", "1", Outcome::ToolError), Err(Reason::Unknown));
        }
        assert_eq!(bench.call("mine", "1", Outcome::Success), Ok(()));
        assert_eq!(bench.call("mine", "1", Outcome::ToolError), Ok(()));
        assert_eq!(bench.call("mine", "2", Outcome::Success), Err(Reason::Unknown));
        let expected = [("_OTHER _OTHER", 20), ("claude-code 2.0", 1), ("mine 1", 2)];
        assert_eq!(bench.shown(), expected.map(|(name, count)| (name.to_owned(), count)).into());
    }

    /// The client of a session is named once, and counts in all that follows.
    #[test]
    fn a_number_that_is_kept_counts_for_its_client_once_that_is_shown() {
        let bench = Bench::new();
        let kept = bench.id("mine", Some("1"));
        for _ in 0..9 {
            assert_eq!(bench.clients.count(kept, Outcome::Success), Err(Reason::Unknown));
        }
        assert_eq!(bench.clients.count(kept, Outcome::Success), Ok(()));
        assert_eq!(bench.clients.count(kept, Outcome::Cancelled), Ok(()));
        assert_ne!(bench.id("mine", Some("1")), kept, "it has a place of its own now");
        assert_eq!(bench.shown()["mine 1"], 2);
        assert_eq!(ClientId::unpacked(kept.packed()), kept);
    }

    #[test]
    fn who_says_nothing_is_none_and_what_cannot_be_shown_is_other() {
        let bench = Bench::new();
        assert_eq!(bench.clients.count(ClientId::NONE, Outcome::Success), Ok(()));
        for (name, reason) in [
            ("", Reason::Length),
            (&*"x".repeat(65), Reason::Length),
            (&*"x".repeat(1 << 20), Reason::Length),
            ("a\"b", Reason::Charset),
            ("a\nb", Reason::Charset),
            ("\u{fffd}", Reason::Charset),
            ("none", Reason::Unknown),
            ("_OTHER", Reason::Unknown),
        ] {
            assert_eq!(bench.call(name, "1", Outcome::Success), Err(reason), "{name:.9}");
        }
        let expected = [("_OTHER _OTHER", 8), ("none ", 1)];
        assert_eq!(bench.shown(), expected.map(|(name, count)| (name.to_owned(), count)).into());
    }

    #[test]
    fn a_version_that_cannot_be_shown_is_other_under_the_clients_name() {
        let bench = Bench::new();
        let long = "1".repeat(1 << 20);
        for version in ["1;2", "1\n", &long, &"1".repeat(33)] {
            assert_eq!(bench.call("cursor", version, Outcome::Success), Ok(()));
        }
        assert_eq!(bench.clients.count(bench.id("goose", None), Outcome::Success), Ok(()));
        assert_eq!(bench.call("goose", "", Outcome::Success), Ok(()));
        let expected = [("cursor _OTHER", 4), ("goose ", 2)];
        assert_eq!(bench.shown(), expected.map(|(name, count)| (name.to_owned(), count)).into());
        assert_eq!((bench.clamped(Reason::Charset), bench.clamped(Reason::Length)), (2, 2));
    }

    /// T27: names that are made up get half of the places at most, and memory stays as it was.
    #[test]
    fn ten_thousand_made_up_clients_leave_room_for_the_known_and_all_sums_true() {
        let bench = Bench::new();
        let (mut calls, mut refused) = (0, 0);
        let mut call = |name: &str, version: &str| {
            calls += 1;
            refused += u64::from(bench.call(name, version, Outcome::Success).is_err());
        };
        for number in 0..10_000 {
            call(&format!("evil{number}"), "1");
            // A client that is as good as unknown, but real, comes through the flood.
            if number % 100 == 0 {
                call("mine", "1");
            }
        }
        for number in 0..20 {
            (0..20).for_each(|_| call(&format!("patient{number}"), "1"));
        }
        for name in &KNOWN_CLIENTS[..MOST_SHOWN - MOST_UNKNOWN] {
            call(name, "1");
        }
        let shown = bench.shown();
        assert_eq!(shown.len(), MOST_SHOWN + 1, "{shown:?}");
        let unknown = shown.keys().filter(|name| name.starts_with("patient")).count();
        assert_eq!(unknown, MOST_UNKNOWN - 1);
        assert_eq!(shown["mine 1"], 91, "nine before the proof");
        assert_eq!(shown.values().sum::<u64>(), calls);
        assert_eq!(shown["_OTHER _OTHER"], refused);
        assert_eq!(bench.clients.lock().candidates.len(), SETS * PER_SET);
    }

    /// A session knows its client from before all places of the name were taken.
    #[test]
    fn a_version_that_was_told_before_the_name_was_full_is_one_of_its_others() {
        let bench = Bench::new();
        let early = bench.id("mine", Some("early"));
        for version in 0..=MOST_VERSIONS {
            bench.succeed("mine", &version.to_string(), 10);
        }
        let before = bench.shown()["mine _OTHER"];
        for _ in 0..20 {
            _ = bench.clients.count(early, Outcome::Success);
        }
        assert_eq!(bench.shown()["mine _OTHER"], before + 11, "but for the proof");
    }

    #[test]
    fn versions_of_a_known_name_beyond_the_first_need_a_proof() {
        let bench = Bench::new();
        for version in 0..32 {
            bench.succeed("goose", &version.to_string(), 9);
        }
        let expected = [("_OTHER _OTHER", 31 * 9), ("goose 0", 9)];
        assert_eq!(bench.shown(), expected.map(|(name, count)| (name.to_owned(), count)).into());
        bench.succeed("goose", "31", 1);
        assert_eq!(bench.shown()["goose 31"], 1);
    }

    #[test]
    fn a_name_has_seven_versions_and_one_place_for_all_others() {
        let mut bench = Bench::new();
        for name in ["goose", "mine"] {
            for version in 0..40 {
                bench.succeed(name, &version.to_string(), 20);
            }
        }
        let shown = bench.shown();
        for name in ["goose", "mine"] {
            let places = shown.keys().filter(|key| key.starts_with(name)).count();
            assert_eq!(places, MOST_VERSIONS + 1, "{shown:?}");
            assert_eq!(shown[&format!("{name} _OTHER")], 33 * 20 - 9, "nine before the proof");
        }
        assert_eq!(bench.clamped(Reason::Cap), 2 * 33 * 20);
        assert_eq!(shown.values().sum::<u64>(), 2 * 40 * 20);

        // Versions come and go: the next one follows one of its name that nobody has any more.
        bench.now = Moment::of_test(25 * HOUR);
        bench.succeed("goose", "40", 10);
        let shown = bench.shown();
        assert_eq!(shown["goose 40"], 1);
        let places = shown.keys().filter(|key| key.starts_with("goose")).count();
        assert_eq!(places, MOST_VERSIONS + 1, "{shown:?}");
    }

    /// A hostile client can call itself by known names, and make versions up.
    #[test]
    fn made_up_versions_of_known_names_leave_room_for_others() {
        let bench = Bench::new();
        let (hostile, others) = KNOWN_CLIENTS.split_at(4);
        for name in hostile {
            for version in 0..32 {
                bench.succeed(name, &version.to_string(), 20);
            }
        }
        let first = MOST_KNOWN - MOST_FURTHER;
        assert_eq!(bench.shown().len(), MOST_FURTHER + hostile.len() + 1, "{:?}", bench.shown());
        for (index, name) in others.iter().take(first).enumerate() {
            let expected = if index < first - hostile.len() { Ok(()) } else { Err(Reason::Cap) };
            assert_eq!(bench.call(name, "1", Outcome::Success), expected, "{name}");
        }
        let left = MOST_SHOWN - MOST_KNOWN;
        for number in 0..=left {
            let name = format!("mine{number}");
            bench.succeed(&name, "1", 10);
            let expected = if number < left { Ok(()) } else { Err(Reason::Cap) };
            assert_eq!(bench.call(&name, "1", Outcome::Success), expected, "{name}");
        }
        assert_eq!(bench.shown().len(), MOST_SHOWN + 1);
    }

    /// No counter goes down: the series of the old client end, and those of the new one start at
    /// zero.
    #[test]
    fn a_place_is_given_on_after_a_day_away_and_counts_from_zero() {
        let mut bench = Bench::new();
        let names = bench.fill();
        let numbers: Vec<_> = names.iter().map(|name| bench.id(name, Some("1"))).collect();
        let new = KNOWN_CLIENTS[MOST_SHOWN - MOST_UNKNOWN];
        let new_row = format!("{new} 9");
        bench.now = Moment::of_test(23 * HOUR);
        bench.id(&names[0], Some("1"));
        bench.succeed(new, "9", 1);
        assert!(!bench.shown().contains_key(&new_row), "nobody was away for long");

        bench.now = Moment::of_test(25 * HOUR);
        bench.succeed(new, "9", 1);
        let shown = bench.shown();
        assert_eq!(shown[&new_row], 1);
        assert_eq!(shown[&format!("{} 1", names[0])], 10, "it was there two hours ago");
        assert_eq!(shown.len(), MOST_SHOWN + 1, "{shown:?}");
        // A number of the old client, kept for longer than a day, counts for nobody.
        let gone = names.iter().position(|name| !shown.contains_key(&format!("{name} 1")));
        let late = bench.clients.count(numbers[gone.unwrap()], Outcome::Success);
        assert_eq!(late, Err(Reason::Unknown));
        assert_eq!(bench.shown()[&new_row], 1);
    }

    #[test]
    fn clients_are_found_though_their_hints_are_taken() {
        let bench = Bench::new();
        let names = bench.fill();
        let before = bench.shown();
        for name in &names {
            let id = bench.id(name, Some("1"));
            assert_eq!(id.kind, IdKind::Shown);
            assert_eq!(bench.clients.count(id, Outcome::Success), Ok(()));
        }
        let shown = bench.shown();
        for row in names.iter().map(|name| format!("{name} 1")) {
            assert_eq!(shown[&row], before[&row] + 1, "{row}");
        }
    }
}
