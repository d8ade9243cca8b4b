//! Ids without a tracer.

use std::{cell::Cell, iter};

use uuid::Uuid;

use crate::context::{SpanId, TraceFlags, TraceId, Traceparent};

/// A span of its own, as the child of `parent` or else in a trace of its own.
pub(super) fn span_under(parent: Option<Traceparent>) -> Traceparent {
    match parent {
        Some(parent) => parent.child(span_id(), parent.flags().is_sampled()),
        // Nobody records it, so nobody has sampled it.
        None => Traceparent::new(trace_id(), span_id(), TraceFlags::default().with_random(true)),
    }
}

fn trace_id() -> TraceId {
    first(iter::repeat_with(|| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&random().to_ne_bytes());
        bytes[8..].copy_from_slice(&random().to_ne_bytes());
        TraceId::from_bytes(bytes)
    }))
}

fn span_id() -> SpanId {
    first(iter::repeat_with(|| SpanId::from_bytes(random().to_ne_bytes())))
}

/// The first id that is not zero.
fn first<T>(mut ids: impl Iterator<Item = Option<T>>) -> T {
    loop {
        if let Some(Some(id)) = ids.next() {
            return id;
        }
    }
}

/// A number of the thread's own generator, which is xoshiro256++ (Blackman and Vigna, 2019).
///
/// Ids need to differ, not to be secret. A seed of 256 bits from the system keeps the threads of all
/// machines apart, and a number costs a dozen instructions.
fn random() -> u64 {
    thread_local! {
        static STATE: Cell<[u64; 4]> = const { Cell::new([0; 4]) };
    }

    STATE.with(|state| {
        let mut s = state.get();
        while s == [0; 4] {
            s = seed();
        }
        let number = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        state.set(s);
        number
    })
}

/// The bits of two UUIDs, which the system seeds; six of each are always the same.
fn seed() -> [u64; 4] {
    let [(a, b), (c, d)] = [Uuid::new_v4().as_u64_pair(), Uuid::new_v4().as_u64_pair()];
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn ids_of_all_threads_differ() {
        let ids: Vec<Traceparent> = thread::scope(|scope| {
            let thread = || (0..5_000).map(|_| span_under(None)).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(thread)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let traces: HashSet<_> = ids.iter().map(|id| id.trace_id()).collect();
        let spans: HashSet<_> = ids.iter().map(|id| id.parent_id()).collect();
        assert_eq!((traces.len(), spans.len()), (20_000, 20_000));
    }

    #[test]
    fn every_bit_of_an_id_varies() {
        let (mut or, mut and) = (0, u64::MAX);
        for _ in 0..200 {
            let number = random();
            or |= number;
            and &= number;
        }
        assert_eq!((or, and), (u64::MAX, 0));
    }

    #[test]
    fn a_child_stays_in_its_trace_with_both_flags() {
        let parent: Traceparent =
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03".parse().unwrap();
        let child = span_under(Some(parent));
        assert_eq!((child.trace_id(), child.flags()), (parent.trace_id(), parent.flags()));
        assert_ne!(child.parent_id(), parent.parent_id());
    }

    #[test]
    fn a_root_is_random_and_not_sampled() {
        let flags = span_under(None).flags();
        assert!(flags.is_random() && !flags.is_sampled());
    }
}
