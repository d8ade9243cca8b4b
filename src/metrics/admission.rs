//! Which names become label values: those that the operator configured, those that the server lists,
//! and a few that proved themselves.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

use super::{
    labels::{LONGEST, OTHER, Reason, check_value},
    table::{Hash, Table},
};
use crate::error::{Error, Kind};

/// The number of an admitted name, as long as the process lives.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct NameId(u32);

impl NameId {
    /// The name of all that is not admitted.
    pub(super) const OTHER: Self = Self(0);

    #[cfg(test)]
    pub(super) const fn of_test(number: u32) -> Self {
        Self(number)
    }

    pub(super) const fn number(self) -> u32 {
        self.0
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How many names a table keeps, and how it comes to them.
#[derive(Debug)]
pub(super) struct Rules {
    /// What a name is, for errors.
    pub(super) what: &'static str,
    /// Names in all, configured ones included.
    pub(super) most: usize,
    /// Names that prove themselves, out of those.
    pub(super) most_learned: usize,
    /// Whether the server's own word admits names, too.
    pub(super) listed: bool,
    /// Whether a name that nobody configured is fit for a label.
    pub(super) check: fn(&str) -> Result<(), Reason>,
}

impl Rules {
    /// How many names a table can ever hold, of which `configured` are there from the start.
    ///
    /// A name that was learned keeps its series when a listed one takes its place.
    pub(super) fn places(&self, configured: usize) -> usize {
        let room = self.most.saturating_sub(configured);
        let learned = self.most_learned.min(room);
        if self.listed { self.most + learned } else { configured + learned }
    }
}

/// A table of names, append-only and bounded.
///
/// A name that is not in it counts as [`OTHER`], at once and for good: what was counted never moves
/// to another series, so sums over a label are always true. So it is with a name that was learned
/// and has to make room for a listed one: its series stay as they are, and later calls are
/// [`OTHER`].
#[derive(Debug)]
pub(super) struct Names {
    rules: Rules,
    places: usize,
    hash: Hash,
    table: Table<Name>,
    /// Names in the table, without [`OTHER`]. Those of them that are not displaced are at most
    /// `most`.
    count: AtomicUsize,
    /// Names that were learned, the displaced ones included: at most `most_learned`.
    learned: AtomicUsize,
    /// Of those, the ones that had to make room.
    displaced: AtomicUsize,
    growing: Mutex<()>,
}

#[derive(Debug)]
struct Name {
    id: NameId,
    text: Arc<str>,
    /// An [`Origin`].
    origin: AtomicU8,
}

/// How a name came into the table, in the order of its right to a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
enum Origin {
    Configured,
    Listed,
    Learned,
    /// It was learned, and has made room for a name with more right.
    Displaced,
}

impl Name {
    fn is(&self, origin: Origin) -> bool {
        self.origin.load(Ordering::Relaxed) == origin as u8
    }

    /// Who calls this holds the lock on growth.
    fn becomes(&self, origin: Origin) {
        self.origin.store(origin as u8, Ordering::Relaxed);
    }
}

impl Names {
    /// # Errors
    ///
    /// If a configured name cannot be a label value, or there are too many.
    pub(super) fn new<'a>(
        rules: Rules,
        configured: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let what = rules.what;
        let buckets = rules.most.next_power_of_two();
        let mut names = Self {
            rules,
            places: 0,
            hash: Hash::new(),
            table: Table::new(buckets),
            count: AtomicUsize::new(0),
            learned: AtomicUsize::new(0),
            displaced: AtomicUsize::new(0),
            growing: Mutex::new(()),
        };
        // In the table from the start, so that a client cannot have it learned.
        let origin = AtomicU8::new(Origin::Configured as u8);
        let other = Name { id: NameId::OTHER, text: OTHER.into(), origin };
        names.table.add(names.hash.of_text(OTHER), other);
        for name in configured {
            check_configured(what, name)?;
            let hash = names.hash.of_text(name);
            if names.find(hash, name.as_bytes()).is_some() {
                continue;
            }
            if names.count.load(Ordering::Relaxed) == names.rules.most {
                return Err(Error::new(Kind::TooManyNames { what, limit: names.rules.most }));
            }
            names.add(hash, name, Origin::Configured);
        }
        names.places = names.rules.places(names.count.load(Ordering::Relaxed));
        Ok(names)
    }

    /// The number of a name, or the reason why it is [`OTHER`]. A name that is `proven` is admitted
    /// now if there is room.
    pub(super) fn admit(&self, name: &str, proven: bool) -> Result<NameId, Reason> {
        self.admit_bytes(name.as_bytes(), proven)
    }

    /// The same of a name in bytes.
    pub(super) fn admit_bytes(&self, name: &[u8], proven: bool) -> Result<NameId, Reason> {
        // First of all, since a hash takes its time over a name of a megabyte.
        if name.len() > LONGEST {
            return Err(Reason::Length);
        }
        let hash = self.hash.of_bytes(name);
        match self.find(hash, name) {
            Some(known) if known.is(Origin::Displaced) => Err(Reason::Cap),
            Some(known) => Ok(known.id),
            None => self.learn(hash, name, proven),
        }
    }

    #[cold]
    fn learn(&self, hash: u64, name: &[u8], proven: bool) -> Result<NameId, Reason> {
        let text = std::str::from_utf8(name).map_err(|_| Reason::Charset)?;
        (self.rules.check)(text)?;
        if !proven || self.rules.most_learned == 0 {
            return Err(Reason::Unknown);
        }
        // Before the lock: with a full table this is the way of every new name. The last one that
        // had room may have come since it was looked for.
        if !self.may_learn() {
            return self.find(hash, name).map(|known| known.id).ok_or(Reason::Cap);
        }
        let _growing = self.lock();
        // Another thread may have been faster.
        if let Some(known) = self.find(hash, name) {
            return Ok(known.id);
        }
        if !self.may_learn() {
            return Err(Reason::Cap);
        }
        let id = self.add(hash, text, Origin::Learned);
        self.learned.fetch_add(1, Ordering::Release);
        Ok(id)
    }

    /// The number of a name that the server lists, or the reason why it is [`OTHER`]. If there is no
    /// room, it takes the place of one that was learned.
    pub(super) fn list(&self, name: &str) -> Result<NameId, Reason> {
        if !self.rules.listed {
            return self.admit(name, false);
        }
        // The server's own words, like the operator's, may be of any script.
        check_value(name)?;
        let hash = self.hash.of_text(name);
        let by_right = |known: &Name| known.is(Origin::Configured) || known.is(Origin::Listed);
        if let Some(known) = self.find(hash, name.as_bytes()).filter(|known| by_right(known)) {
            return Ok(known.id);
        }
        let _growing = self.lock();
        let known = self.find(hash, name.as_bytes());
        if let Some(known) = known {
            if by_right(known) {
                return Ok(known.id);
            }
            if known.is(Origin::Displaced) {
                self.make_room()?;
                self.displaced.fetch_sub(1, Ordering::Relaxed);
            }
            known.becomes(Origin::Listed);
            self.learned.fetch_sub(1, Ordering::Relaxed);
            return Ok(known.id);
        }
        self.make_room()?;
        Ok(self.add(hash, name, Origin::Listed))
    }

    /// Displaces a learned name if the table is full. Who calls this holds the lock on growth.
    fn make_room(&self) -> Result<(), Reason> {
        if self.has_room() {
            return Ok(());
        }
        let learned = self.table.iter().filter(|name| name.is(Origin::Learned));
        let Some(last) = learned.max_by_key(|name| name.id) else { return Err(Reason::Cap) };
        last.becomes(Origin::Displaced);
        self.displaced.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Whether any name has lost its place.
    pub(super) fn has_displaced(&self) -> bool {
        self.displaced.load(Ordering::Relaxed) > 0
    }

    fn may_learn(&self) -> bool {
        self.learned.load(Ordering::Acquire) < self.rules.most_learned && self.has_room()
    }

    fn has_room(&self) -> bool {
        // A reader without the lock may see one of the two before the other.
        let displaced = self.displaced.load(Ordering::Relaxed);
        self.count.load(Ordering::Acquire).saturating_sub(displaced) < self.rules.most
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, hash: u64, name: &[u8]) -> Option<&Name> {
        self.table.find(hash, |known| known.text.as_bytes() == name)
    }

    fn add(&self, hash: u64, name: &str, origin: Origin) -> NameId {
        // Numbers are given in turn, from one on, by whoever may add.
        let number = self.count.load(Ordering::Relaxed) + 1;
        let id = NameId(u32::try_from(number).expect("a table holds hundreds of names at most"));
        let origin = AtomicU8::new(origin as u8);
        self.table.add(hash, Name { id, text: name.into(), origin });
        // Only now, so that who sees the table full can find what is in it.
        self.count.store(number, Ordering::Release);
        id
    }

    /// How many names there can ever be, without [`OTHER`].
    pub(super) fn places(&self) -> usize {
        self.places
    }

    /// All names by their number. The first is [`OTHER`].
    pub(super) fn all(&self) -> Vec<Arc<str>> {
        // Without the lock, one that is added meanwhile could be seen and the one before it not.
        let _growing = self.lock();
        let mut names: Vec<_> = self.table.iter().collect();
        names.sort_unstable_by_key(|name| name.id);
        names.into_iter().map(|name| Arc::clone(&name.text)).collect()
    }
}

/// Whether a name can be configured: a label can show it, and it does not stand for others.
pub(super) fn check_configured(what: &'static str, name: &str) -> Result<(), Error> {
    let why = match check_value(name) {
        Ok(()) if name == OTHER => "it stands for all other names",
        Ok(()) => return Ok(()),
        Err(Reason::Length) => "it must have 1 to 64 bytes",
        Err(_) => "it has a control character",
    };
    Err(Error::new(Kind::Name { what, name: name.to_owned(), why }))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{super::labels::check_name, *};

    const RULES: Rules =
        Rules { what: "tool", most: 5, most_learned: 3, listed: true, check: check_name };

    fn names(configured: &[&str]) -> Names {
        Names::new(RULES, configured.iter().copied()).unwrap()
    }

    #[test]
    fn a_configured_name_is_admitted_without_proof_and_may_be_of_any_script() {
        let names = names(&["echo", "天 気", "echo"]);
        let echo = names.admit("echo", false).unwrap();
        assert_eq!(&*names.all()[echo.index()], "echo");
        assert!(names.admit("天 気", false).is_ok());
        assert_eq!(names.all().len(), 3, "a name given twice is one name");
    }

    #[test]
    fn a_name_is_learned_only_by_proof_if_it_is_plain_and_there_is_room() {
        let names = names(&[]);
        assert_eq!(names.admit("a", false), Err(Reason::Unknown));
        let a = names.admit("a", true).unwrap();
        assert_eq!(names.admit("a", false), Ok(a), "admitted for good");
        assert_eq!(names.admit("b b", true), Err(Reason::Charset));
        assert_eq!(names.admit("", true), Err(Reason::Length));
        assert_eq!(names.admit(&"c".repeat(65), true), Err(Reason::Length));
        names.admit("b", true).unwrap();
        names.admit("c", true).unwrap();
        assert_eq!(names.admit("d", true), Err(Reason::Cap));
        assert_eq!(names.admit("d", false), Err(Reason::Unknown));
    }

    #[test]
    fn configured_names_leave_less_room_to_learn() {
        let names = names(&["1", "2", "3", "4"]);
        names.admit("a", true).unwrap();
        assert_eq!(names.admit("b", true), Err(Reason::Cap));
    }

    #[test]
    fn a_listed_name_needs_no_proof_and_may_be_of_any_script() {
        let names = names(&[]);
        let listed = names.list("天 気").unwrap();
        assert_eq!(names.admit("天 気", false), Ok(listed));
        assert_eq!(names.list("天 気"), Ok(listed));
        assert_eq!(names.list("a\nb"), Err(Reason::Charset));
        assert_eq!(names.list(&"c".repeat(65)), Err(Reason::Length));
        assert_eq!(names.list(OTHER), Ok(NameId::OTHER));
    }

    #[test]
    fn a_listed_name_displaces_a_learned_one_but_none_with_as_much_right() {
        let names = names(&["configured"]);
        let [a, b] = ["a", "b"].map(|name| names.admit(name, true).unwrap());
        names.list("1").unwrap();
        names.list("2").unwrap();
        // Full. The last one that was learned goes first.
        names.list("3").unwrap();
        assert_eq!(names.admit("b", true), Err(Reason::Cap), "displaced for good");
        assert_eq!(names.admit("a", false), Ok(a));
        // One that was learned and is listed cannot be displaced any more.
        assert_eq!(names.list("a"), Ok(a));
        assert_eq!(names.list("4"), Err(Reason::Cap));
        assert_eq!(names.admit("c", true), Err(Reason::Cap));
        let all = names.all();
        let texts: Vec<_> = all.iter().map(|name| &**name).collect();
        assert_eq!(texts, [OTHER, "configured", "a", "b", "1", "2", "3"]);
        assert_eq!(&*all[b.index()], "b", "its number is its own for good");
    }

    #[test]
    fn a_displaced_name_that_is_listed_comes_back_in_the_place_of_another() {
        let names = names(&[]);
        let [a, b] = ["a", "b"].map(|name| names.admit(name, true).unwrap());
        for name in ["1", "2", "3", "4"] {
            names.list(name).unwrap();
        }
        assert_eq!(names.admit("b", false), Err(Reason::Cap));
        assert_eq!(names.list("b"), Ok(b));
        assert_eq!(names.admit("a", false), Err(Reason::Cap), "{a:?} made room for it");
        assert_eq!(names.list("a"), Err(Reason::Cap), "nobody is left to make room");
    }

    #[test]
    fn there_are_never_more_names_than_places() {
        for configured in [&[][..], &["1"], &["1", "2", "3"], &["1", "2", "3", "4", "5"]] {
            for listed in [true, false] {
                let rules = Rules { listed, ..RULES };
                let names = Names::new(rules, configured.iter().copied()).unwrap();
                for round in 0..20 {
                    _ = names.admit(&format!("learned{round}"), true);
                    _ = names.list(&format!("listed{round}"));
                    _ = names.list(&format!("learned{}", round % 3));
                }
                assert!(names.all().len() <= names.places() + 1, "{configured:?} {listed}");
            }
        }
        assert_eq!(RULES.places(0), 8);
        assert_eq!(RULES.places(5), 5);
        assert_eq!(Rules { listed: false, ..RULES }.places(1), 4);
        assert_eq!(Rules { listed: false, most_learned: 0, ..RULES }.places(1), 1);
    }

    #[test]
    fn the_overflow_value_is_nobodys_name() {
        let unconfigured = names(&[]);
        assert_eq!(unconfigured.admit(OTHER, true), Ok(NameId::OTHER));
        assert_eq!(unconfigured.all().len(), 1);
        assert!(Names::new(RULES, [OTHER]).unwrap_err().is_invalid_name());
    }

    #[test]
    fn what_cannot_be_shown_cannot_be_configured() {
        for name in ["", "a\nb", &"x".repeat(65)] {
            assert!(Names::new(RULES, [name]).unwrap_err().is_invalid_name(), "{name:?}");
        }
        let error = Names::new(RULES, ["1", "2", "3", "4", "5", "6"]).unwrap_err();
        assert!(error.is_too_many_names());
        assert_eq!(error.to_string(), "more than 5 tools");
    }

    #[test]
    fn threads_that_race_for_a_place_agree_on_it() {
        let names = names(&[]);
        let ids: Vec<_> = thread::scope(|scope| {
            let race = || ["a", "b", "c", "d"].map(|name| names.admit(name, true));
            let racers: Vec<_> = (0..8).map(|_| scope.spawn(race)).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert_eq!(names.all().len(), 4);
        for (index, name) in names.all().iter().enumerate().skip(1) {
            assert_eq!(names.admit(name, false).unwrap().index(), index);
        }
        assert!(ids.iter().all(|ids| ids.iter().filter(|id| id.is_err()).count() == 1));
    }
}
