//! What lists that pass by show of the server: how much it offers, and what has changed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    cell::{Counters, Shards},
    exposition::{Exposition, expose_counter},
    labels::{ClosedSet, ListKind, SchemaChange},
    names,
    table::Hash,
};

/// One page of a list.
#[allow(dead_code, reason = "the layer does not tell all of this yet")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListPage {
    /// How many items it has.
    pub(crate) items: u64,
    /// The bytes of the array that holds them.
    pub(crate) bytes: u64,
    /// The request had no cursor.
    pub(crate) first: bool,
    /// The result has no cursor for another page.
    pub(crate) last: bool,
}

/// One item of a page.
#[allow(dead_code, reason = "the layer does not tell all of this yet")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListItem<'a> {
    /// The name, or the URI of a resource.
    pub(crate) name: &'a str,
    /// The name goes on, but was not kept.
    pub(crate) truncated: bool,
    /// The bytes of the whole item.
    pub(crate) bytes: u64,
    /// A hash of the whole item.
    pub(crate) hash: u64,
}

/// The lists of a server, put together from their pages.
///
/// Clients list at the same time, and not every user is shown the same. So what the server offers
/// is all that was listed in the hour before the last complete list, and the size of a list is that
/// of the largest in an hour: neither goes up and down with who asks.
#[derive(Debug)]
pub(super) struct Lists {
    hash: Hash,
    born: Instant,
    /// By [`ListKind`].
    kinds: [Mutex<List>; ListKind::ALL.len()],
    changes: Counters,
}

#[derive(Debug, Default)]
struct List {
    /// The pages of a list whose last one has not come yet.
    open: Option<Totals>,
    largest: Option<Dated<Totals>>,
    /// When the last list was complete.
    completed: Option<Duration>,
    /// By a hash of the name.
    known: HashMap<u64, Known>,
    /// There was no room for an item.
    overflowed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    items: u64,
    bytes: u64,
}

/// Something and when it was seen, since the birth of the store.
#[derive(Clone, Copy, Debug)]
struct Dated<T> {
    what: T,
    at: Duration,
}

#[derive(Debug)]
struct Known {
    seen: Duration,
    /// The definitions that the item had, the latest last. Of tools only.
    definitions: Vec<u64>,
}

/// Items of a kind that are told apart. Of more than that only the sizes of lists are known.
const MOST_KNOWN: usize = 4_096;

/// Definitions of a tool that are no news: those of several users, or of versions that are rolled
/// out and back.
const MOST_DEFINITIONS: usize = 8;

const WINDOW: Duration = Duration::from_secs(3_600);

impl Lists {
    pub(super) fn new(born: Instant, shards: Shards) -> Self {
        Self {
            hash: Hash::new(),
            born,
            kinds: Default::default(),
            changes: Counters::new(SchemaChange::ALL.len(), shards),
        }
    }

    /// Takes in a page.
    pub(super) fn record<'a>(
        &self,
        kind: ListKind,
        page: ListPage,
        items: impl Iterator<Item = ListItem<'a>>,
        now: Instant,
    ) {
        let now = now.saturating_duration_since(self.born);
        let mut list = self.list(kind);
        for item in items {
            // Two long names may begin the same.
            let key = if item.truncated { item.hash } else { self.hash.of_text(item.name) };
            let change = list.know(key, (kind == ListKind::Tools).then_some(item.hash), now);
            if let Some(change) = change {
                self.changes.add(change.index(), 1);
            }
        }
        list.add(page, now);
    }

    /// How many items the server offers, `None` until there was a complete list.
    pub(super) fn offered(&self, kind: ListKind) -> Option<u64> {
        let list = self.list(kind);
        let completed = list.completed?;
        let listed = list.known.values().filter(|item| item.seen + WINDOW >= completed).count();
        let most = list.largest.filter(|_| list.overflowed).map_or(0, |largest| largest.what.items);
        Some(most.max(listed as u64))
    }

    pub(super) fn expose_changes(&self, out: &mut impl Exposition) {
        out.family(&names::TOOL_SCHEMA_CHANGES_TOTAL);
        for &change in SchemaChange::ALL {
            expose_counter(out, &[change.as_str()], self.changes.get(change.index()));
        }
    }

    pub(super) fn expose_sizes(&self, out: &mut impl Exposition) {
        let totals: Vec<_> = ListKind::ALL
            .iter()
            .filter_map(|&kind| Some((kind, self.list(kind).largest?.what)))
            .collect();
        out.family(&names::LIST_RESPONSE_BYTES);
        for (kind, totals) in &totals {
            out.row(&[kind.as_str()], totals.bytes);
        }
        out.family(&names::LIST_RESPONSE_ITEMS);
        for (kind, totals) in &totals {
            out.row(&[kind.as_str()], totals.items);
        }
    }

    fn list(&self, kind: ListKind) -> MutexGuard<'_, List> {
        self.kinds[kind.index()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    /// Notes an item with its definition, and tells what is new about it.
    fn know(&mut self, key: u64, definition: Option<u64>, now: Duration) -> Option<SchemaChange> {
        if let Some(known) = self.known.get_mut(&key) {
            known.seen = now;
            let definition = definition?;
            if known.definitions.contains(&definition) {
                return None;
            }
            if known.definitions.len() == MOST_DEFINITIONS {
                known.definitions.remove(0);
            }
            known.definitions.push(definition);
            return Some(SchemaChange::Changed);
        }
        if self.known.len() >= MOST_KNOWN {
            self.known.retain(|_, item| item.seen + WINDOW >= now);
        }
        if self.known.len() >= MOST_KNOWN {
            self.overflowed = true;
            return None;
        }
        self.known.insert(key, Known { seen: now, definitions: definition.into_iter().collect() });
        // The first list is no news.
        (definition.is_some() && self.completed.is_some()).then_some(SchemaChange::Added)
    }

    /// Adds a page to the list that it belongs to.
    fn add(&mut self, page: ListPage, now: Duration) {
        let ListPage { items, bytes, first, last } = page;
        let before = match (first, last) {
            // Whoever lists in pages meanwhile goes on after it.
            (true, true) => Some(Totals::default()),
            // What came before was somebody else's, or was given up.
            (true, false) => {
                self.open = Some(Totals::default());
                self.open
            }
            (false, _) => self.open,
        };
        // A page without a beginning continues what was not seen.
        let Some(before) = before else { return };
        let all = Totals {
            items: before.items.saturating_add(items),
            bytes: before.bytes.saturating_add(bytes),
        };
        if !last {
            self.open = Some(all);
            return;
        }
        if !first {
            self.open = None;
        }
        self.completed = Some(now);
        let larger =
            |largest: &Dated<Totals>| largest.at + WINDOW < now || largest.what.bytes <= all.bytes;
        if self.largest.as_ref().is_none_or(larger) {
            self.largest = Some(Dated { what: all, at: now });
        }
    }
}
