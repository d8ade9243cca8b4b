//! Subscribers of one thread.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, Interest, set_default},
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
};

/// Tells a subscriber what happens on this thread, until the guard is dropped.
///
/// As long as a process has no more than one subscriber, `tracing` asks only the thread that comes to a
/// place in the code first whether anybody is interested in it, and keeps the answer for all threads: a
/// test without a subscriber answers for one with. So another one always stays.
pub(crate) fn listen(subscriber: impl Subscriber + Send + Sync) -> DefaultGuard {
    static STAYS: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Stays));
    // Before any other: until then every place is off, so that nobody is asked.
    LazyLock::force(&STAYS);
    set_default(subscriber)
}

/// Wants nothing, and to be asked each time.
struct Stays;

impl Subscriber for Stays {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Counts events.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_thread_that_does_not_listen_answers_for_itself() {
    let count = Count::default();
    let _listening = listen(Registry::default().with(count.clone()));
    let speak = || tracing::info!("here");
    std::thread::spawn(speak).join().unwrap();
    assert_eq!(count.0.load(SeqCst), 0, "it is another thread");
    speak();
    assert_eq!(count.0.load(SeqCst), 1, "and the first to come here");
}
