//! Which names become label values: those that the operator configured, and a few that proved
//! themselves.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
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
    /// Whether a name that nobody configured is fit for a label.
    pub(super) check: fn(&str) -> Result<(), Reason>,
}

/// A table of names, append-only and bounded.
///
/// A name that is not in it counts as [`OTHER`], at once and for good: what was counted never moves
/// to another series, so sums over a label are always true.
#[derive(Debug)]
pub(super) struct Names {
    rules: Rules,
    hash: Hash,
    table: Table<Name>,
    /// Names in the table, without [`OTHER`].
    count: AtomicUsize,
    learned: AtomicUsize,
    growing: Mutex<()>,
}

#[derive(Debug)]
struct Name {
    id: NameId,
    text: Arc<str>,
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
        let names = Self {
            rules,
            hash: Hash::new(),
            table: Table::new(buckets),
            count: AtomicUsize::new(0),
            learned: AtomicUsize::new(0),
            growing: Mutex::new(()),
        };
        // In the table from the start, so that a client cannot have it learned.
        names.table.add(names.hash.of_text(OTHER), Name { id: NameId::OTHER, text: OTHER.into() });
        for name in configured {
            let unusable = |why| Error::new(Kind::Name { what, name: name.to_owned(), why });
            match check_value(name) {
                Ok(()) if name == OTHER => return Err(unusable("it stands for all other names")),
                Ok(()) => {}
                Err(Reason::Length) => return Err(unusable("it must have 1 to 64 bytes")),
                Err(_) => return Err(unusable("it has a control character")),
            }
            let hash = names.hash.of_text(name);
            if names.find(hash, name).is_some() {
                continue;
            }
            if names.count.load(Ordering::Relaxed) == names.rules.most {
                return Err(Error::new(Kind::TooManyNames { what, limit: names.rules.most }));
            }
            names.add(hash, name);
        }
        Ok(names)
    }

    /// The number of a name, or the reason why it is [`OTHER`]. A name that is `proven` is admitted
    /// now if there is room.
    pub(super) fn admit(&self, name: &str, proven: bool) -> Result<NameId, Reason> {
        // First of all, since a hash takes its time over a name of a megabyte.
        if name.len() > LONGEST {
            return Err(Reason::Length);
        }
        let hash = self.hash.of_text(name);
        match self.find(hash, name) {
            Some(id) => Ok(id),
            None => self.learn(hash, name, proven),
        }
    }

    #[cold]
    fn learn(&self, hash: u64, name: &str, proven: bool) -> Result<NameId, Reason> {
        (self.rules.check)(name)?;
        if !proven || self.rules.most_learned == 0 {
            return Err(Reason::Unknown);
        }
        // Before the lock: with a full table this is the way of every new name.
        if !self.has_room() {
            return Err(Reason::Cap);
        }
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster.
        if let Some(id) = self.find(hash, name) {
            return Ok(id);
        }
        if !self.has_room() {
            return Err(Reason::Cap);
        }
        self.learned.fetch_add(1, Ordering::Relaxed);
        Ok(self.add(hash, name))
    }

    fn has_room(&self) -> bool {
        self.learned.load(Ordering::Relaxed) < self.rules.most_learned
            && self.count.load(Ordering::Relaxed) < self.rules.most
    }

    fn find(&self, hash: u64, name: &str) -> Option<NameId> {
        self.table.find(hash, |known| *known.text == *name).map(|known| known.id)
    }

    fn add(&self, hash: u64, name: &str) -> NameId {
        // Numbers are given in turn, from one on, by whoever may add.
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let id = NameId(u32::try_from(number).expect("a table holds hundreds of names at most"));
        self.table.add(hash, Name { id, text: name.into() }).id
    }

    /// All names by their number. The first is [`OTHER`].
    pub(super) fn all(&self) -> Vec<Arc<str>> {
        // Without the lock, one that is added meanwhile could be seen and the one before it not.
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> = self.table.iter().collect();
        names.sort_unstable_by_key(|name| name.id);
        names.into_iter().map(|name| Arc::clone(&name.text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{super::labels::check_name, *};

    const RULES: Rules = Rules { what: "tool", most: 5, most_learned: 3, check: check_name };

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
