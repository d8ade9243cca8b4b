//! Event streams: how many are open, how long they last, what they carry.

use std::time::Duration;

use super::{
    buckets::AllBuckets,
    cell::{Cell, Counters, Shards},
    exposition::{Exposition, expose_counter},
    labels::{ClosedSet, Refusal, StreamKind, StreamMessage},
    names,
};

const KINDS: usize = StreamKind::ALL.len();

const MESSAGES: usize = StreamMessage::ALL.len();

#[derive(Debug)]
pub(super) struct Streams {
    /// By kind. Opened and closed apart, as in [`InFlight`](super::in_flight::InFlight).
    opened: Counters,
    closed: Counters,
    durations: [Cell; KINDS],
    first_events: [Cell; KINDS],
    /// By kind and message.
    messages: Counters,
    refused: Counters,
}

impl Streams {
    pub(super) fn new(buckets: &AllBuckets, shards: Shards) -> Self {
        let cells = |buckets| std::array::from_fn(|_| Cell::new(buckets, shards));
        Self {
            opened: Counters::new(KINDS, shards),
            closed: Counters::new(KINDS, shards),
            durations: cells(&buckets.long),
            first_events: cells(&buckets.durations),
            messages: Counters::new(KINDS * MESSAGES, shards),
            refused: Counters::new(Refusal::ALL.len(), shards),
        }
    }

    pub(super) fn open(&self, kind: StreamKind) {
        self.opened.add(kind.index(), 1);
    }

    pub(super) fn first_event(&self, kind: StreamKind, buckets: &AllBuckets, after: Duration) {
        self.first_events[kind.index()].record_duration(&buckets.durations, Some(after));
    }

    pub(super) fn close(&self, kind: StreamKind, buckets: &AllBuckets, after: Duration) {
        self.durations[kind.index()].record_duration(&buckets.long, Some(after));
        self.closed.add(kind.index(), 1);
    }

    pub(super) fn messages(&self, kind: StreamKind, counts: &[u64; MESSAGES]) {
        for (message, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            self.messages.add(kind.index() * MESSAGES + message, count);
        }
    }

    pub(super) fn refuse(&self, status: u16) {
        self.refused.add(Refusal::of(status).index(), 1);
    }

    pub(super) fn expose(&self, buckets: &AllBuckets, out: &mut impl Exposition) {
        out.family(&names::STREAMS_ACTIVE);
        for &kind in StreamKind::ALL {
            // In this order: what opens and closes in between cannot make it negative.
            let closed = self.closed.get(kind.index());
            let opened = self.opened.get(kind.index());
            if opened > 0 {
                out.row(&[kind.as_str()], opened.saturating_sub(closed));
            }
        }
        out.family(&names::STREAM_DURATION_SECONDS);
        for &kind in StreamKind::ALL {
            self.durations[kind.index()].expose(&buckets.long, out, &[kind.as_str()]);
        }
        out.family(&names::STREAM_FIRST_EVENT_SECONDS);
        for &kind in StreamKind::ALL {
            self.first_events[kind.index()].expose(&buckets.durations, out, &[kind.as_str()]);
        }
        out.family(&names::STREAM_MESSAGES_TOTAL);
        for &kind in StreamKind::ALL {
            for &message in StreamMessage::ALL {
                let count = self.messages.get(kind.index() * MESSAGES + message.index());
                expose_counter(out, &[kind.as_str(), message.as_str()], count);
            }
        }
        out.family(&names::STREAMS_REFUSED_TOTAL);
        // Zeros included: refusals are rare, and an alert on a rise needs the zero before.
        for &refusal in Refusal::ALL {
            out.row(&[refusal.as_str()], self.refused.get(refusal.index()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{buckets, testing::Rows},
        *,
    };

    /// D4: a stream has its own histogram, and is in no other.
    #[test]
    fn a_stream_is_open_until_it_closes_and_says_what_it_carried() {
        let buckets = AllBuckets::new(&buckets::DEFAULT).unwrap();
        let streams = Streams::new(&buckets, Shards::for_this_machine());
        let shown = || {
            let mut rows = Rows::default();
            streams.expose(&buckets, &mut rows);
            rows.by_labels()
        };
        let refused = shown();
        assert!(refused.keys().all(|key| key.starts_with("streams_refused_total")), "{refused:?}");
        assert_eq!(refused.len(), Refusal::ALL.len(), "zeros from the start");

        streams.open(StreamKind::Get);
        streams.open(StreamKind::Get);
        streams.open(StreamKind::Listen);
        streams.first_event(StreamKind::Get, &buckets, Duration::from_millis(7));
        streams.messages(StreamKind::Get, &[0, 1, 0, 4, 0]);
        streams.close(StreamKind::Get, &buckets, Duration::from_secs(7_200));
        streams.refuse(405);
        streams.refuse(418);
        let shown = shown();
        for (key, value) in [
            ("streams_active get", 1),
            ("streams_active listen", 1),
            ("stream_duration_seconds get", 1),
            ("stream_duration_seconds get sum", 7_200_000_000_000),
            ("stream_first_event_seconds get sum", 7_000_000),
            ("stream_messages_total get request", 1),
            ("stream_messages_total get progress", 4),
            ("streams_refused_total 405", 1),
            ("streams_refused_total _OTHER", 1),
        ] {
            assert_eq!(shown.get(key), Some(&value), "{key} in {shown:?}");
        }
        let absent = ["streams_active post_sse", "stream_messages_total get response"];
        assert!(absent.iter().all(|key| !shown.contains_key(*key)), "{shown:?}");
    }
}
