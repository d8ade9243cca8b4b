//! Sessions, as time goes by.

use std::time::{Duration, Instant};

use super::{
    drive::{CALL, everything},
    read::Page,
};
use crate::metrics::{McpMetrics, clients::ClientId, operation::Operation};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Whether a session is still known after so long without a request, at the next time that idle ones
/// are looked for.
fn outlasts(metrics: &McpMetrics, idle: Duration) -> bool {
    let now = Instant::now();
    metrics.session_created(1, ClientId::NONE, None, now);
    metrics.session_created(2, ClientId::NONE, None, now + idle);
    metrics.session_seen(1, now + idle).is_some()
}

#[test]
fn a_session_is_over_after_half_an_hour_without_requests() {
    for (setting, minutes) in [(None, 30), (Some(5 * MINUTE), 5)] {
        let store = || {
            let builder = McpMetrics::builder();
            setting.map_or(builder.clone(), |idle| builder.session_idle(idle)).build().unwrap()
        };
        assert!(outlasts(&store(), (minutes - 1) * MINUTE), "{setting:?}");
        assert!(!outlasts(&store(), minutes * MINUTE), "{setting:?}");
    }
}

/// A client says who it is once in a session, and is there with each request of it.
#[test]
fn a_client_in_a_session_does_not_lose_its_place() {
    /// Those of clients that are not widely known, and the successes that one of them needs.
    const PLACES: u64 = 16;
    const PROOF: u64 = 10;
    for seen in [true, false] {
        let metrics = everything().session_idle(48 * HOUR).build().unwrap();
        let start = Instant::now();
        let call = |name: &str, now: Instant| {
            let client = metrics.client(name, None, now);
            for _ in 0..PROOF {
                metrics.record_operation(&Operation { client, ..CALL });
            }
            client
        };
        // All places are taken. Who has come first is the first to go.
        for number in 1..=PLACES {
            let client = call(&format!("client{number}"), start);
            metrics.session_created(number, client, None, start);
        }
        if seen {
            assert!(metrics.session_seen(1, start + 23 * HOUR).is_some());
        }
        call("new", start + 25 * HOUR);
        let page = Page::of(&metrics);
        let shows = |name| page.sum("mcp_client_operations_total", &[("client_name", name)]) > 0;
        assert!(shows("new"));
        assert_eq!(shows("client1"), seen);
    }
}
