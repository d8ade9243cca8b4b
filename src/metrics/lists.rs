//! What lists that pass by show of the server: how much it offers, and what has changed.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    cell::{Counters, Shards},
    exposition::{Exposition, expose_counter},
    labels::{ClosedSet, ListKind, SchemaChange},
    moment::Moment,
    names,
    table::Hash,
};
use crate::mcp::Cursor;

/// One page of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListPage {
    /// How many items it has.
    pub(crate) items: u64,
    /// The bytes of the array that holds them.
    pub(crate) bytes: u64,
    /// The cursor of the request. The first page has none.
    pub(crate) after: Option<Cursor>,
    /// The cursor of the result. The last page has none.
    pub(crate) next: Option<Cursor>,
}

/// One item of a page.
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
/// of the largest in an hour: neither goes up and down with who asks. A page goes on with the list that
/// its cursor names, whoever asks for it and however often. Users whose lists differ and whose cursors are
/// the same cannot be told apart.
#[derive(Debug)]
pub(super) struct Lists {
    hash: Hash,
    /// By [`ListKind`].
    kinds: [Mutex<List>; ListKind::ALL.len()],
    changes: Counters,
}

#[derive(Debug, Default)]
struct List {
    /// Lists whose last page has not come yet, the latest last.
    open: VecDeque<Open>,
    largest: Option<Dated<Totals>>,
    /// When the last list was complete.
    completed: Option<u64>,
    /// By a hash of the name.
    known: HashMap<u64, Known>,
    /// There was no room for an item, or it came without a name.
    overflowed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    items: u64,
    bytes: u64,
}

/// The pages of a list up to one that has a cursor.
#[derive(Clone, Copy, Debug)]
struct Open {
    next: Cursor,
    so_far: Totals,
}

/// Something and when it was seen, in seconds since the birth of the store.
#[derive(Clone, Copy, Debug)]
struct Dated<T> {
    what: T,
    at: u64,
}

#[derive(Debug)]
struct Known {
    seen: u64,
    /// The definitions that the item had, the latest last. Of tools only.
    definitions: Vec<u64>,
}

/// Pages that are waited for. A server that makes up a cursor for each request must not push out more.
const MOST_OPEN: usize = 64;

/// Items of a kind that are told apart. Of more than that only the sizes of lists are known.
const MOST_KNOWN: usize = 4_096;

/// Definitions of a tool that are no news: those of several users, or of versions that are rolled
/// out and back.
const MOST_DEFINITIONS: usize = 8;

/// How long what was listed stands, in seconds.
pub(super) const WINDOW: u64 = 3_600;

impl Lists {
    pub(super) fn new(shards: Shards) -> Self {
        Self {
            hash: Hash::new(),
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
        now: Moment,
    ) {
        let now = now.seconds();
        let mut list = self.list(kind);
        let mut named = 0;
        for item in items {
            named += 1;
            // Two long names may begin the same.
            let key = if item.truncated { item.hash } else { self.hash.of_text(item.name) };
            let change = list.know(key, (kind == ListKind::Tools).then_some(item.hash), now);
            if let Some(change) = change {
                self.changes.add(change.index(), 1);
            }
        }
        // Of resources, and of what is beyond the bound of a document, only the number is known.
        list.overflowed |= named < page.items;
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

    /// Since when things of a kind must have been listed to be offered still, in seconds since the birth of
    /// the store.
    pub(super) fn offered_since(&self, kind: ListKind) -> u64 {
        self.list(kind).completed.unwrap_or_default().saturating_sub(WINDOW)
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
    fn know(&mut self, key: u64, definition: Option<u64>, now: u64) -> Option<SchemaChange> {
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
    fn add(&mut self, page: ListPage, now: u64) {
        let ListPage { items, bytes, after, next } = page;
        let before = match after {
            None => Totals::default(),
            Some(after) => match self.open.iter().find(|open| open.next == after) {
                Some(open) => open.so_far,
                // It continues what was not seen.
                None => return,
            },
        };
        let all = Totals {
            items: before.items.saturating_add(items),
            bytes: before.bytes.saturating_add(bytes),
        };
        if let Some(next) = next {
            // Who lists at the same time may be given the same cursor.
            self.open.retain(|open| open.next != next);
            if self.open.len() == MOST_OPEN {
                self.open.pop_front();
            }
            self.open.push_back(Open { next, so_far: all });
            return;
        }
        self.completed = Some(now);
        let larger =
            |largest: &Dated<Totals>| largest.at + WINDOW < now || largest.what.bytes <= all.bytes;
        if self.largest.as_ref().is_none_or(larger) {
            self.largest = Some(Dated { what: all, at: now });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::Rows, *};

    struct Bench {
        lists: Lists,
    }

    impl Bench {
        fn new() -> Self {
            Self { lists: Lists::new(Shards::for_this_machine()) }
        }

        /// The page that comes after a cursor and has another one, if they are not empty. Each item is a
        /// name and a definition.
        fn page(&self, [after, next]: [&str; 2], items: &[(&str, u64)], seconds: u64) {
            let items_here = items.len() as u64;
            let [after, next] = [after, next].map(Cursor::of_test);
            let page = ListPage { items: items_here, bytes: 50 * items_here, after, next };
            let items = items.iter().map(|&(name, hash)| ListItem {
                name,
                truncated: false,
                bytes: 10,
                hash,
            });
            let now = Moment::of_test(seconds);
            self.lists.record(ListKind::Tools, page, items, now);
        }

        fn list(&self, items: &[(&str, u64)], seconds: u64) {
            self.page(["", ""], items, seconds);
        }

        fn tools(&self) -> Option<u64> {
            self.lists.offered(ListKind::Tools)
        }

        /// Bytes and items of the largest list.
        fn size(&self) -> [u64; 2] {
            let mut rows = Rows::default();
            self.lists.expose_sizes(&mut rows);
            let rows = rows.by_labels();
            ["bytes", "items"].map(|of| rows[&format!("list_response_{of} tools")])
        }

        /// Tools added and definitions changed.
        fn changes(&self) -> [u64; 2] {
            [SchemaChange::Added, SchemaChange::Changed]
                .map(|change| self.lists.changes.get(change.index()))
        }
    }

    #[test]
    fn pages_are_one_list_which_counts_when_its_last_one_has_come() {
        let bench = Bench::new();
        bench.page(["", "2"], &[("a", 1), ("b", 2)], 0);
        bench.page(["2", "3"], &[("c", 3)], 1);
        assert_eq!(bench.tools(), None);
        bench.page(["3", ""], &[("d", 4)], 2);
        assert_eq!(bench.tools(), Some(4));
        assert_eq!(bench.size(), [200, 4]);
        assert_eq!(bench.changes(), [0, 0], "the first list is no news");
    }

    #[test]
    fn a_list_without_its_beginning_or_its_end_is_none() {
        let bench = Bench::new();
        bench.page(["2", "3"], &[("a", 1)], 0);
        bench.page(["3", ""], &[("b", 2)], 0);
        bench.page(["", "4"], &[("a", 1)], 1);
        assert_eq!(bench.tools(), None);
        // Who begins again, begins at the beginning.
        bench.page(["", "4"], &[("a", 1)], 2);
        bench.page(["4", ""], &[("b", 2)], 3);
        assert_eq!((bench.tools(), bench.size()), (Some(2), [100, 2]));
    }

    /// With cursors of each client's own, and with those that all share.
    #[test]
    fn clients_that_list_at_the_same_time_do_not_add_up() {
        let pages: [&[_]; 3] = [&[("a", 1), ("b", 2)], &[("c", 3)], &[("d", 4)]];
        for clients in [["x", "y"], ["x", "x"]] {
            let bench = Bench::new();
            for (page, items) in pages.into_iter().enumerate() {
                for client in clients {
                    let after = if page == 0 { String::new() } else { format!("{client}{page}") };
                    let next =
                        if page == 2 { String::new() } else { format!("{client}{}", page + 1) };
                    bench.page([&after, &next], items, 0);
                }
            }
            assert_eq!((bench.tools(), bench.size()), (Some(4), [200, 4]), "{clients:?}");
        }
    }

    #[test]
    fn a_page_that_is_asked_for_again_counts_once() {
        let bench = Bench::new();
        bench.page(["", "2"], &[("a", 1)], 0);
        for _ in 0..3 {
            bench.page(["2", "3"], &[("b", 2)], 0);
        }
        for _ in 0..3 {
            bench.page(["3", ""], &[("c", 3)], 0);
        }
        assert_eq!((bench.tools(), bench.size()), (Some(3), [150, 3]));
    }

    #[test]
    fn lists_that_are_given_up_are_forgotten_for_newer_ones() {
        let bench = Bench::new();
        for number in 0..=MOST_OPEN {
            bench.page(["", &format!("cursor {number}")], &[("a", 1)], 0);
        }
        assert_eq!(bench.lists.list(ListKind::Tools).open.len(), MOST_OPEN);
        bench.page(["cursor 0", ""], &[("b", 2)], 0);
        assert_eq!(bench.tools(), None);
        bench.page([&format!("cursor {MOST_OPEN}"), ""], &[("b", 2)], 0);
        assert_eq!((bench.tools(), bench.size()), (Some(2), [100, 2]));
    }

    /// Each user is shown other tools; the numbers are those of all users.
    #[test]
    fn lists_of_several_users_do_not_flap() {
        let bench = Bench::new();
        bench.list(&[("a", 1), ("b", 2), ("c", 3)], 0);
        for turn in 1..100 {
            bench.list(&[("a", 1)], turn);
            assert_eq!((bench.tools(), bench.size()), (Some(3), [150, 3]));
            bench.list(&[("a", 1), ("b", 2), ("c", 3)], turn);
            assert_eq!((bench.tools(), bench.size()), (Some(3), [150, 3]));
        }
        assert_eq!(bench.changes(), [0, 0]);
        // Somebody lists in pages meanwhile.
        bench.page(["", "2"], &[("d", 4)], 100);
        bench.list(&[("a", 1)], 100);
        bench.page(["2", ""], &[("e", 5)], 100);
        assert_eq!((bench.tools(), bench.size()), (Some(5), [150, 3]));
        assert_eq!(bench.changes(), [2, 0]);
    }

    #[test]
    fn what_nobody_is_shown_any_more_is_gone_after_an_hour() {
        let bench = Bench::new();
        bench.list(&[("a", 1), ("b", 2)], 0);
        bench.list(&[("a", 1)], 3_600);
        assert_eq!(bench.tools(), Some(2), "an hour is not over");
        bench.list(&[("a", 1)], 3_601);
        assert_eq!((bench.tools(), bench.size()), (Some(1), [50, 1]));
        // Without a list, nobody knows better.
        assert_eq!(bench.tools(), Some(1));
        bench.list(&[("a", 1), ("b", 2)], 9_999);
        assert_eq!((bench.tools(), bench.changes()), (Some(2), [0, 0]), "b is known");
    }

    #[test]
    fn a_definition_is_news_unless_it_is_one_of_the_last_eight() {
        let bench = Bench::new();
        bench.list(&[("a", 0)], 0);
        // A user of each version, by turns.
        for turn in 0..50 {
            bench.list(&[("a", turn % 8)], turn);
        }
        assert_eq!(bench.changes(), [0, 7]);
        bench.list(&[("a", 8)], 50);
        bench.list(&[("a", 1)], 50);
        assert_eq!(bench.changes(), [0, 8], "one of the last eight");
        bench.list(&[("a", 0)], 50);
        assert_eq!(bench.changes(), [0, 9], "the first one is forgotten");
        bench.list(&[("a", 0), ("b", 0)], 51);
        assert_eq!(bench.changes(), [1, 9]);
    }

    #[test]
    fn names_that_were_cut_are_told_apart_by_their_items() {
        let bench = Bench::new();
        let page = ListPage { items: 3, bytes: 100, after: None, next: None };
        let cut = |hash| ListItem { name: "a", truncated: true, bytes: 10, hash };
        bench.lists.record(
            ListKind::Prompts,
            page,
            [1, 2, 2].map(cut).into_iter(),
            Moment::of_test(0),
        );
        assert_eq!(bench.lists.offered(ListKind::Prompts), Some(2));
        assert_eq!(bench.tools(), None, "each kind by itself");
    }

    #[test]
    fn of_more_items_than_are_kept_the_number_is_that_of_the_largest_list() {
        let bench = Bench::new();
        let page = ListPage { items: 10_000, bytes: 100, after: None, next: None };
        let names: Vec<_> = (0..10_000).map(|number| format!("file:///{number}")).collect();
        for _ in 0..3 {
            let items = names.iter().zip(0..);
            let items =
                items.map(|(name, hash)| ListItem { name, truncated: false, bytes: 10, hash });
            bench.lists.record(ListKind::Resources, page, items, Moment::of_test(0));
        }
        assert_eq!(bench.lists.offered(ListKind::Resources), Some(10_000));
        assert_eq!(bench.lists.list(ListKind::Resources).known.len(), MOST_KNOWN);
    }
}
