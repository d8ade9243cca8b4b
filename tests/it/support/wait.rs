//! Waiting for what must come, never for what might.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// Long enough for anything here on a busy machine. A test that meets it has failed.
const DEADLINE: Duration = Duration::from_secs(5);

/// Waits until a condition is met.
pub(crate) async fn until(what: &str, mut met: impl FnMut() -> bool) {
    let met = async {
        while !met() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(what, met).await;
}

/// Waits for a future that must not hang.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let output = tokio::time::timeout(DEADLINE, future).await;
    output.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"))
}

/// Lets the clock run for a known time, which is what the caller measures. Returns how much has
/// passed.
pub(crate) fn hold_back(time: Duration) -> Duration {
    let start = Instant::now();
    loop {
        let passed = Instant::now().saturating_duration_since(start);
        if passed >= time {
            return passed;
        }
        std::hint::spin_loop();
    }
}

/// Whether a call panics.
pub(crate) fn panics<T>(f: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}
