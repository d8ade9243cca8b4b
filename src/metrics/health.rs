//! What became of the other signals: lines and spans that were lost, and the last export.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use super::{
    exposition::Exposition,
    labels::{ClosedSet, Signal},
    names,
    tools::nanos_since_1970,
};

/// By [`Signal`].
#[derive(Debug, Default)]
pub(super) struct Health {
    dropped: [AtomicU64; Signal::ALL.len()],
    /// Nanoseconds since 1970; zero if there was no export.
    exported: [AtomicU64; Signal::ALL.len()],
}

impl Health {
    pub(super) fn dropped(&self, signal: Signal, count: u64) {
        self.dropped[signal.index()].fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn exported(&self, signal: Signal, at: SystemTime) {
        self.exported[signal.index()].fetch_max(nanos_since_1970(at), Ordering::Relaxed);
    }

    pub(super) fn expose(&self, out: &mut impl Exposition) {
        out.family(&names::DROPPED_TOTAL);
        // Zeros included: losses are rare, and an alert on a rise needs the zero before.
        for &signal in Signal::ALL {
            out.row(&[signal.as_str()], self.dropped[signal.index()].load(Ordering::Relaxed));
        }
        out.family(&names::LAST_EXPORT_TIMESTAMP_SECONDS);
        for &signal in Signal::ALL {
            match self.exported[signal.index()].load(Ordering::Relaxed) {
                0 => {}
                nanos => out.seconds(&[signal.as_str()], nanos),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{super::testing::Rows, *};

    #[test]
    fn losses_add_up_and_the_last_export_is_the_latest() {
        let health = Health::default();
        health.dropped(Signal::Span, 3);
        health.dropped(Signal::Span, 4);
        for seconds in [100, 300, 200] {
            health.exported(Signal::Span, UNIX_EPOCH + Duration::from_secs(seconds));
        }
        let mut rows = Rows::default();
        health.expose(&mut rows);
        let shown: Vec<_> = rows.by_labels().into_iter().collect();
        let expected = [
            ("observability_dropped_total log", 0),
            ("observability_dropped_total span", 7),
            ("observability_last_export_timestamp_seconds span", 300_000_000_000),
        ];
        assert_eq!(shown, expected.map(|(key, value)| (key.to_owned(), value)));
    }
}
