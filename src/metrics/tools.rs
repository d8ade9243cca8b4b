//! What is kept of a tool beside its calls: sizes, its last call, its definition.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    admission::NameId,
    buckets::Buckets,
    cell::{Cell, Shards, Sums, slots},
    exposition::{Exposition, expose_counter},
    lists::WINDOW,
    moment::Moment,
    names,
};

/// Tools by their number. A tool takes memory when it first counts.
#[derive(Debug)]
pub(super) struct Tools {
    by_number: Box<[OnceLock<Box<Tool>>]>,
    shards: Shards,
}

#[derive(Debug)]
struct Tool {
    sizes: OnceLock<Sizes>,
    /// Nanoseconds since 1970; zero if there was no call.
    last_call: AtomicU64,
    /// A [`Definition`], packed; zero if it is not known.
    definition: AtomicU64,
    /// When the tool was listed last, in seconds since the birth of the store.
    listed: AtomicU64,
}

#[derive(Debug)]
struct Sizes {
    arguments: Cell,
    result: Cell,
}

impl Tools {
    /// For `places` names beside `_OTHER`.
    pub(super) fn new(places: usize, shards: Shards) -> Self {
        Self { by_number: (0..=places).map(|_| OnceLock::new()).collect(), shards }
    }

    /// Notes that a call has ended now.
    pub(super) fn called(&self, tool: NameId) {
        let Some(tool) = self.get(tool) else { return };
        let now = nanos_since_1970(SystemTime::now());
        // Calls may end on two threads in the other order than their clocks were read.
        if tool.last_call.load(Ordering::Relaxed) < now {
            tool.last_call.store(now, Ordering::Relaxed);
        }
    }

    /// Records what went in and out of a call, as far as it is known.
    pub(super) fn sizes(
        &self,
        tool: NameId,
        buckets: &Buckets,
        arguments: Option<u64>,
        result: Option<u64>,
    ) {
        if arguments.is_none() && result.is_none() {
            return;
        }
        let Some(tool) = self.get(tool) else { return };
        let sizes = tool.sizes.get_or_init(|| Sizes {
            arguments: Cell::new(buckets, self.shards),
            result: Cell::new(buckets, self.shards),
        });
        if arguments.is_some() {
            sizes.arguments.record(buckets, arguments);
        }
        if result.is_some() {
            sizes.result.record(buckets, result);
        }
    }

    /// Notes the size of a tool's definition in a list. Lists are taken in one by one.
    pub(super) fn defined(&self, tool: NameId, bytes: u64, now: Moment) {
        let Some(tool) = self.get(tool) else { return };
        let known = Definition::unpacked(tool.definition.load(Ordering::Relaxed));
        let new = Definition { bytes, at: now.seconds() };
        tool.listed.store(new.at, Ordering::Relaxed);
        if known.bytes <= bytes || known.at + WINDOW < new.at {
            tool.definition.store(new.packed(), Ordering::Relaxed);
        }
    }

    fn get(&self, tool: NameId) -> Option<&Tool> {
        let place = self.by_number.get(tool.index())?;
        Some(place.get_or_init(|| {
            Box::new(Tool {
                sizes: OnceLock::new(),
                last_call: AtomicU64::new(0),
                definition: AtomicU64::new(0),
                listed: AtomicU64::new(0),
            })
        }))
    }

    /// Writes the families on sizes; `tools` are numbers and names in the order of the page.
    pub(super) fn expose_sizes<'n>(
        &self,
        tools: impl Iterator<Item = (usize, &'n str)> + Clone,
        buckets: &Buckets,
        divisor: u64,
        out: &mut impl Exposition,
    ) {
        let sizes = tools.filter_map(|(number, name)| {
            Some((name, self.by_number.get(number)?.get()?.sizes.get()?))
        });
        out.family(&names::TOOL_ARGUMENTS_BYTES);
        for (name, sizes) in sizes.clone() {
            sizes.arguments.expose(buckets, out, &[name]);
        }
        out.family(&names::TOOL_RESULT_BYTES);
        for (name, sizes) in sizes.clone() {
            sizes.result.expose(buckets, out, &[name]);
        }
        out.family(&names::TOOL_RESULT_TOKENS_ESTIMATE_TOTAL);
        let mut slots = vec![0; slots(buckets)];
        for (name, sizes) in sizes {
            sizes.result.read(&mut slots);
            let sums = Sums::of(buckets, &slots);
            if sums.samples() > 0 {
                out.row(&[name], sums.sum / divisor);
            }
        }
    }

    /// Writes when each tool was last called.
    pub(super) fn expose_last_calls<'n>(
        &self,
        tools: impl Iterator<Item = (usize, &'n str)>,
        out: &mut impl Exposition,
    ) {
        out.family(&names::TOOL_LAST_CALL_TIMESTAMP_SECONDS);
        for (number, name) in tools {
            match self.read(number, |tool| &tool.last_call) {
                0 => {}
                nanos => out.seconds(&[name], nanos),
            }
        }
    }

    /// Writes the sizes of the definitions that were listed since some time, in seconds since the birth of
    /// the store.
    pub(super) fn expose_definitions<'n>(
        &self,
        tools: impl Iterator<Item = (usize, &'n str)>,
        since: u64,
        out: &mut impl Exposition,
    ) {
        out.family(&names::TOOL_DEFINITION_BYTES);
        for (number, name) in tools {
            let known = Definition::unpacked(self.read(number, |tool| &tool.definition));
            if self.read(number, |tool| &tool.listed) >= since {
                expose_counter(out, &[name], known.bytes);
            }
        }
    }

    fn read(&self, number: usize, of: impl Fn(&Tool) -> &AtomicU64) -> u64 {
        let tool = self.by_number.get(number).and_then(OnceLock::get);
        tool.map_or(0, |tool| of(tool).load(Ordering::Relaxed))
    }
}

/// The largest definition of a tool in an hour: users are shown different ones.
#[derive(Clone, Copy)]
struct Definition {
    bytes: u64,
    /// When it was listed, in seconds since the birth of the store.
    at: u64,
}

impl Definition {
    /// 32 bits for each, which is 4 GiB and 136 years.
    fn packed(self) -> u64 {
        let cut = |number: u64| number.min(u32::MAX.into());
        cut(self.bytes) | cut(self.at) << 32
    }

    fn unpacked(packed: u64) -> Self {
        Self { bytes: packed & u64::from(u32::MAX), at: packed >> 32 }
    }
}

/// Zero for a clock that is set before 1970.
pub(super) fn nanos_since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    super::buckets::whole_nanos(since)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{buckets, testing::Rows},
        *,
    };

    const TOOL: NameId = NameId::of_test(1);

    /// D10: bytes in, bytes out, and nothing where nothing is known.
    #[test]
    fn only_sizes_that_are_known_are_samples() {
        let buckets = Buckets::of_numbers(&buckets::SIZES);
        let tools = Tools::new(2, Shards::for_this_machine());
        let names = [(0, "_OTHER"), (1, "echo"), (2, "silent")];
        tools.sizes(NameId::OTHER, &buckets, None, None);
        tools.sizes(TOOL, &buckets, Some(100), Some(1_000));
        tools.sizes(TOOL, &buckets, Some(50), None);
        tools.defined(TOOL, 600, Moment::of_test(0));
        // A number from elsewhere is nobody's.
        tools.sizes(NameId::of_test(3), &buckets, Some(1), Some(1));
        let mut rows = Rows::default();
        tools.expose_sizes(names.into_iter(), &buckets, 4, &mut rows);
        tools.expose_last_calls(names.into_iter(), &mut rows);
        tools.expose_definitions(names.into_iter(), 0, &mut rows);
        let shown: Vec<_> = rows.by_labels().into_iter().collect();
        let expected = [
            ("tool_arguments_bytes echo", 2),
            ("tool_arguments_bytes echo sum", 150),
            ("tool_definition_bytes echo", 600),
            ("tool_result_bytes echo", 1),
            ("tool_result_bytes echo sum", 1_000),
            ("tool_result_tokens_estimate_total echo", 250),
        ];
        assert_eq!(shown, expected.map(|(key, value)| (key.to_owned(), value)));
    }

    /// Users are shown different definitions, by turns.
    #[test]
    fn the_size_of_a_definition_is_that_of_the_largest_in_an_hour() {
        let tools = Tools::new(1, Shards::for_this_machine());
        let shown = |since| {
            let mut rows = Rows::default();
            tools.expose_definitions([(1, "echo")].into_iter(), since, &mut rows);
            rows.by_labels().into_values().next()
        };
        assert_eq!(shown(0), None);
        for (bytes, seconds, largest) in [
            (700, 0, 700),
            (600, 10, 700),
            (700, 20, 700),
            (600, 3_620, 700),
            (600, 3_621, 600),
            (800, 3_622, 800),
            (u64::MAX, 3_623, u32::MAX.into()),
        ] {
            tools.defined(TOOL, bytes, Moment::of_test(seconds));
            assert_eq!(shown(0), Some(largest), "{bytes} after {seconds} s");
        }
        // It is offered as long as it is listed, even with a smaller definition.
        tools.defined(TOOL, 600, Moment::of_test(3_700));
        assert_eq!((shown(3_700), shown(3_701)), (Some(u32::MAX.into()), None));
    }

    #[test]
    fn the_last_call_is_in_this_century() {
        let tools = Tools::new(1, Shards::for_this_machine());
        let before = nanos_since_1970(SystemTime::now());
        tools.called(TOOL);
        let mut rows = Rows::default();
        tools.expose_last_calls([(1, "echo")].into_iter(), &mut rows);
        let shown = rows.by_labels()["tool_last_call_timestamp_seconds echo"];
        assert!((before..=nanos_since_1970(SystemTime::now())).contains(&shown), "{shown}");
        assert_eq!(nanos_since_1970(UNIX_EPOCH - std::time::Duration::from_secs(1)), 0);
    }
}
