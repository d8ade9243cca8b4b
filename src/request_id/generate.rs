use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::request::Parts;
use uuid::Uuid;

use super::RequestId;

/// Makes the id of a request that brought none.
///
/// Closures that take `&Parts` are generators. So is an `Arc<dyn MakeRequestId + Send + Sync>`, for a
/// choice made at run time.
///
/// # Examples
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
///
/// use http::{Request, Response, request::Parts};
/// use mcp_telemetry::request_id::{RequestId, RequestIdLayer};
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let next = Arc::new(AtomicU64::new(1));
/// let layer = RequestIdLayer::new().make(move |_: &Parts| {
///     let number = next.fetch_add(1, Ordering::Relaxed);
///     RequestId::try_from(format!("pod-7:{number}").as_str()).expect("short, and of valid bytes")
/// });
///
/// let service = ServiceBuilder::new()
///     .layer(layer)
///     .service(service_fn(async |_: Request<()>| Ok::<_, BoxError>(Response::new(()))));
///
/// let response = service.oneshot(Request::new(())).await?;
/// assert_eq!(response.headers()["x-request-id"], "pod-7:1");
/// # Ok(())
/// # }
/// ```
pub trait MakeRequestId {
    /// Makes an id.
    ///
    /// The request is as the client sent it; its header may hold an id that was not accepted.
    fn make_request_id(&self, request: &Parts) -> RequestId;
}

impl<F> MakeRequestId for F
where
    F: Fn(&Parts) -> RequestId,
{
    fn make_request_id(&self, request: &Parts) -> RequestId {
        self(request)
    }
}

impl<M> MakeRequestId for Arc<M>
where
    M: MakeRequestId + ?Sized,
{
    fn make_request_id(&self, request: &Parts) -> RequestId {
        M::make_request_id(self, request)
    }
}

/// Makes UUIDs of version 4: 122 random bits, and nothing to learn from them.
///
/// The bits come from a generator of the current thread, which the system seeds: no lock, and no
/// system call per id.
#[derive(Clone, Copy, Debug, Default)]
pub struct MakeRequestUuid;

impl MakeRequestId for MakeRequestUuid {
    fn make_request_id(&self, _: &Parts) -> RequestId {
        RequestId::from_uuid(Uuid::new_v4())
    }
}

/// Makes UUIDs of version 7: the time first, then 62 random bits, so that ids sort by age.
///
/// The time is kept to 1/4096 of a millisecond. The ids of one thread sort strictly by age, even if
/// the clock steps back; those of different threads as their clock readings do.
///
/// Choose it where ids are keys of a store that likes them in order. They tell everybody who sees
/// them when the request came in.
#[derive(Clone, Copy, Debug, Default)]
pub struct MakeRequestUuidV7;

impl MakeRequestId for MakeRequestUuidV7 {
    fn make_request_id(&self, _: &Parts) -> RequestId {
        // A clock before 1970 reads as 1970: the ids are still unique and in order.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        RequestId::from_uuid(version_7(next_tick(now), Uuid::new_v4()))
    }
}

/// The time of an id in ticks of 1/4096 ms, each later than the one before on the same thread.
///
/// Per thread, because one counter for all (as in [`Uuid::now_v7`], behind a mutex) would have every
/// core wait for it.
fn next_tick(now: Duration) -> u64 {
    thread_local! {
        static LAST: Cell<u64> = const { Cell::new(0) };
    }

    let millis = now.as_secs() * 1_000 + u64::from(now.subsec_millis());
    let nanos = u64::from(now.subsec_nanos() % 1_000_000);
    let tick = (millis << 12) | ((nanos << 12) / 1_000_000);
    LAST.with(|last| {
        last.set(tick.max(last.get() + 1));
        last.get()
    })
}

/// Puts a time in place of the first half of a random UUID.
///
/// The layout is that of RFC 9562, section 5.7: 48 bits of milliseconds, the version, 12 bits of
/// their fraction (section 6.2, method 3). The second half is the same in versions 4 and 7, variant
/// and 62 random bits.
fn version_7(tick: u64, random: Uuid) -> Uuid {
    let (_, low) = random.as_u64_pair();
    let high = ((tick >> 12) << 16) | 0x7000 | (tick & 0x0fff);
    Uuid::from_u64_pair(high, low)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, iter, thread};

    use http::Request;
    use uuid::{Variant, Version, uuid};

    use super::*;

    fn make(make: &impl MakeRequestId) -> RequestId {
        make.make_request_id(&Request::new(()).into_parts().0)
    }

    fn uuid_of(id: &RequestId) -> Uuid {
        let uuid = Uuid::parse_str(id.as_str()).unwrap();
        assert_eq!(id.as_str(), uuid.hyphenated().to_string(), "lower case, with hyphens");
        uuid
    }

    #[test]
    fn uuids_are_of_the_version_that_was_asked_for() {
        for _ in 0..1_000 {
            let v4 = uuid_of(&make(&MakeRequestUuid));
            assert_eq!(v4.get_version(), Some(Version::Random));
            assert_eq!(v4.get_variant(), Variant::RFC4122);

            let v7 = uuid_of(&make(&MakeRequestUuidV7));
            assert_eq!(v7.get_version(), Some(Version::SortRand));
            assert_eq!(v7.get_variant(), Variant::RFC4122);
        }
    }

    #[test]
    fn ids_of_all_threads_differ() {
        let ids: HashSet<_> = thread::scope(|scope| {
            let threads: Vec<_> = iter::repeat_with(|| {
                scope.spawn(|| {
                    iter::repeat_with(|| [make(&MakeRequestUuid), make(&MakeRequestUuidV7)])
                        .take(5_000)
                        .flatten()
                        .collect::<Vec<_>>()
                })
            })
            .take(4)
            .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(ids.len(), 4 * 2 * 5_000);
    }

    #[test]
    fn version_7_has_the_layout_of_the_rfc() {
        // RFC 9562, appendix A.6.
        let tick = (0x017f_22e2_79b0 << 12) | 0x0cc3;
        let random = uuid!("00000000-0000-4000-98c4-dc0c0c07398f");
        assert_eq!(version_7(tick, random), uuid!("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"));
    }

    #[test]
    fn version_7_tells_the_time() {
        let millis = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let before = millis();
        let (seconds, nanos) =
            uuid_of(&make(&MakeRequestUuidV7)).get_timestamp().unwrap().to_unix();
        let stamped = u128::from(seconds) * 1_000 + u128::from(nanos / 1_000_000);
        assert!((before..=millis()).contains(&stamped));
    }

    #[test]
    fn version_7_ids_of_one_thread_are_in_order() {
        let ids: Vec<_> = iter::repeat_with(|| make(&MakeRequestUuidV7)).take(10_000).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn ticks_are_in_order_while_the_clock_stands_still_or_steps_back() {
        // On a thread of its own, where no other test has moved the last tick.
        let ticks = thread::spawn(|| {
            [1_000_000_000, 1_000_000_000, 0, 1_000_500_000]
                .map(Duration::from_nanos)
                .map(next_tick)
        });
        let second = 1_000 << 12;
        assert_eq!(ticks.join().unwrap(), [second, second + 1, second + 2, second + 2_048]);
    }

    #[test]
    fn closures_and_shared_generators_make_ids() {
        let fixed = |request: &Parts| RequestId::try_from(request.method.as_str()).unwrap();
        assert_eq!(make(&fixed).as_str(), "GET");

        let shared: Arc<dyn MakeRequestId + Send + Sync> = Arc::new(fixed);
        assert_eq!(make(&shared).as_str(), "GET");
    }
}
