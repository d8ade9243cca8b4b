//! A list of what a server offers, as a result holds it.

use crate::mcp::fingerprint::Fingerprint;
use crate::mcp::method::Method;
use crate::mcp::text::Text;

/// One page of a list: how much it is, and what stands in it.
///
/// Where a result holds several lists, this is the first of them in the order of [`ListKind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) kind: ListKind,
    /// All elements, whatever they are.
    pub(crate) items: u64,
    /// The bytes that the array takes in the document, with its brackets.
    pub(crate) bytes: u64,
    /// The tools or prompts that have a name, in their order. The first 256 of a document: what is
    /// beyond them is in `items` alone.
    pub(crate) entries: Vec<ListEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ListKind {
    /// `result.tools`.
    Tools,
    /// `result.prompts`.
    Prompts,
    /// `result.resources`.
    Resources,
    /// `result.resourceTemplates`.
    Templates,
}

impl ListKind {
    /// The method whose answer the list is.
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Tools => Method::ToolsList,
            Self::Prompts => Method::PromptsList,
            Self::Resources => Method::ResourcesList,
            Self::Templates => Method::ResourcesTemplatesList,
        }
    }
}

/// One tool or prompt of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListEntry {
    /// Its first 64 bytes.
    pub(crate) name: Text,
    /// The bytes that the element takes in the document.
    pub(crate) bytes: u64,
    /// Of those bytes as they are written. It tells whether they have changed, in this process or
    /// another.
    pub(crate) hash: u64,
}

/// Entries of a document that are kept.
const MAX_ENTRIES: usize = 256;

/// The lists of a result while it is read.
pub(super) struct Lists {
    /// At most one of a kind. The last is the one under way, if one is.
    found: Vec<List>,
    /// How many entries each of them may have.
    room: usize,
    /// The position of the first byte of the list under way.
    start: u64,
    /// The element under way, if it is one that is looked at.
    item: Option<Item>,
}

struct Item {
    /// The position of the first byte.
    start: u64,
    name: Option<Text>,
    fingerprint: Fingerprint,
}

impl Lists {
    /// None yet, in a document of which so many entries are kept already.
    pub(super) fn after(entries: usize) -> Self {
        let room = MAX_ENTRIES.saturating_sub(entries);
        Self { found: Vec::new(), room, start: 0, item: None }
    }

    /// Forgets a list whose key has come again.
    pub(super) fn forget(&mut self, kind: ListKind) {
        self.found.retain(|list| list.kind != kind);
    }

    pub(super) fn open(&mut self, kind: ListKind, at: u64) {
        self.found.push(List { kind, items: 0, bytes: 0, entries: Vec::new() });
        self.start = at;
    }

    pub(super) fn close(&mut self, at: u64) {
        if let Some(list) = self.found.last_mut() {
            list.bytes = at - self.start;
        }
    }

    /// Counts an element. Gives whether it is to be looked at.
    pub(super) fn count(&mut self) -> bool {
        self.found.last_mut().is_some_and(|list| {
            list.items += 1;
            let has_entries = matches!(list.kind, ListKind::Tools | ListKind::Prompts);
            has_entries && list.entries.len() < self.room
        })
    }

    pub(super) fn open_item(&mut self, at: u64) {
        self.item = Some(Item { start: at, name: None, fingerprint: Fingerprint::default() });
    }

    /// Takes the name of the element under way, or forgets it.
    pub(super) fn name_item(&mut self, name: Option<Text>) {
        if let Some(item) = &mut self.item {
            item.name = name;
        }
    }

    /// Takes what `frame` has of the element under way, if one is. It ends at position `at`.
    #[cold]
    pub(super) fn show(&mut self, frame: &[u8], at: u64) {
        let Some(item) = &mut self.item else {
            return;
        };
        let missing = at - item.start - item.fingerprint.length();
        // It is never more than the frame has, since every frame is shown.
        let missing = usize::try_from(missing).unwrap_or(frame.len());
        item.fingerprint.push(&frame[frame.len().saturating_sub(missing)..]);
    }

    /// Ends the element under way, of which the last bytes have been shown.
    pub(super) fn close_item(&mut self) {
        let (Some(list), Some(item)) = (self.found.last_mut(), self.item.take()) else {
            return;
        };
        if let Some(name) = item.name {
            let bytes = item.fingerprint.length();
            list.entries.push(ListEntry { name, bytes, hash: item.fingerprint.finish() });
        }
    }

    /// The one that counts.
    pub(super) fn finish(self) -> Option<Box<List>> {
        self.found.into_iter().min_by_key(|list| list.kind).map(Box::new)
    }
}
