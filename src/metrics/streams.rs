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
