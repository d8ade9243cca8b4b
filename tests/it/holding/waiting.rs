//! What is waited for, how long, and what comes through.

use http::Request;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service};

use mcp_telemetry::{Hold, MetricsLayer, ObservabilityLayer};

use super::{Read, Reader, holding};
use crate::support::{
    Account, CALL, MESSAGE_LENGTH, Page, Script, Step, call, data, get, post, store, trailers,
};

/// The inner service is called when the message is in, not before, and gets the frames as they
/// came.
#[test]
fn slow_body_is_waited_for() {
    let metrics = store();
    let inner = Reader::default();
    let steps = [data(&CALL[..10]), Step::Wait, data(&CALL[10..40]), Step::Wait, data(&CALL[40..])];
    let body = Script::new(steps.clone()).declaring_length();
    let probe = body.probe();
    let mut future = task::spawn(holding(&metrics).layer(inner.clone()).call(call(body)));
    for _ in 0..2 {
        assert_pending!(future.poll());
        assert_eq!(inner.calls(), 0, "the message is not in");
        assert_eq!(Page::of(&metrics).in_flight(), 1, "it counts while it is held");
        probe.release();
        assert!(future.is_woken(), "the client's bytes wake us");
    }
    assert!(assert_ready_ok!(future.poll()).status().is_success());
    assert_eq!(inner.calls(), 1);
    assert_eq!(inner.frames(), Read::of(&steps), "the same frames");
    let length = u64::try_from(CALL.len()).unwrap();
    assert_eq!(inner.hint(), (length, Some(length)), "of the same length");
}

/// The message is enough: nothing that may come after it is waited for.
#[test]
fn whole_message_is_not_waited_for_longer() {
    let metrics = store();
    let inner = Reader::default();
    let body = Script::new([data(CALL), Step::Wait]);
    let probe = body.probe();
    let mut future = task::spawn(holding(&metrics).layer(inner.clone()).call(call(body)));
    assert_pending!(future.poll(), "the service waits for the end");
    assert_eq!(inner.calls(), 1, "and was called without it");
    assert_eq!(
        Page::of(&metrics).count("mcp_requests_in_flight", &[("mcp_method", "tools/call")]),
        1
    );
    probe.release();
    let _ = assert_ready_ok!(future.poll());
    assert_eq!(inner.frames(), Read::of(&[data(CALL)]));
}

/// Trailers are the end of a body, whatever length it had declared.
#[test]
fn trailers_are_not_waited_behind() {
    let inner = Reader::default();
    let mut request = post(Script::new([data(CALL), trailers(&[("x-end", "1")]), Step::Wait]));
    request.headers_mut().insert("content-length", 1_000.into());
    let mut future = task::spawn(holding(&store()).layer(inner.clone()).call(request));
    assert_pending!(future.poll(), "the service waits for None");
    assert_eq!(inner.calls(), 1, "and was called without it");
    assert_eq!(inner.frames(), Read::of(&[data(CALL), trailers(&[("x-end", "1")])]));
}

/// T1: a future that is dropped while it holds counts, and the service was never called.
#[test]
fn future_dropped_while_it_holds_is_cancelled() {
    let metrics = store();
    let inner = Reader::default();
    let body = Script::new([data(&CALL[..10]), Step::Wait]);
    let probe = body.probe();
    let mut future = task::spawn(holding(&metrics).layer(inner.clone()).call(call(body)));
    assert_pending!(future.poll());
    drop(future);
    let left = Account { method: "none", outcome: "cancelled", status: 499 };
    Page::of(&metrics).assert_only(left, 1, "while it holds");
    assert_eq!(inner.calls(), 0);
    assert!(probe.dropped(), "what was held is gone");
}

/// Frames come through in their order, whatever they are and wherever the waiting ended; and a
/// body that has ended is not asked again.
#[test]
fn what_was_held_is_replayed_in_its_place() {
    let end = || trailers(&[("x-end", "1")]);
    let cases: [(&str, usize, Vec<Step>); 10] = [
        ("one frame", MESSAGE_LENGTH, vec![data(CALL)]),
        ("empty frames", MESSAGE_LENGTH, vec![data(""), data(CALL), data("")]),
        ("an error at once", MESSAGE_LENGTH, vec![Step::Error]),
        ("an error after data", MESSAGE_LENGTH, vec![data(&CALL[..9]), Step::Error]),
        ("trailers while held", 1_000, vec![data(&CALL[..9]), data(&CALL[9..]), end()]),
        ("trailers after the message", MESSAGE_LENGTH, vec![data(CALL), end()]),
        ("an end too early", MESSAGE_LENGTH, vec![data(&CALL[..9]), data("")]),
        ("nothing at all", MESSAGE_LENGTH, vec![]),
        ("more than declared, in pieces", 10, vec![data(&CALL[..20]), data(&CALL[20..])]),
        ("more than declared, at once", 10, vec![data(CALL), data(CALL)]),
    ];
    for (what, declared, steps) in cases {
        for reports_end in [false, true] {
            let metrics = store();
            let inner = Reader::default();
            let body = Script::new(steps.clone());
            let body = if reports_end { body.reporting_end() } else { body };
            let probe = body.probe();
            let mut request = post(body);
            request.headers_mut().insert("content-length", declared.into());
            let mut future = task::spawn(holding(&metrics).layer(inner.clone()).call(request));
            assert!(assert_ready_ok!(future.poll()).status().is_success(), "{what}");
            assert_eq!(inner.frames(), Read::of(&steps), "{what}");
            assert_eq!(probe.polls_after_end(), 0, "{what}: asked again after its end");
            let page = Page::of(&metrics);
            assert_eq!(page.operations(), 1, "{what}");
            page.assert_idle(what);
        }
    }
}

/// What cannot be waited for, or is not to be, is passed on in the call itself.
#[test]
fn what_is_not_to_be_held_is_called_at_once() {
    let with = |name: &'static str, value: &str| {
        let mut request = call(Script::new([Step::Wait]));
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let without_length = {
        let mut request = with("transfer-encoding", "chunked");
        request.headers_mut().remove("content-length");
        request
    };
    let mut get = get(Script::new([Step::Wait]));
    get.headers_mut().insert("content-type", "application/json".parse().unwrap());
    get.headers_mut().insert("content-length", 10.into());
    let up_to = |bytes| ObservabilityLayer::new().metrics(store()).hold(Hold::UpTo(bytes));
    let layer = || up_to(65_536);
    let cases: [(&str, ObservabilityLayer, Request<Script>); 12] = [
        ("no length", layer(), without_length),
        ("an unreadable length", layer(), with("content-length", "ten")),
        ("a length beyond the bound", layer(), with("content-length", "65537")),
        ("a length beyond a small bound", up_to(80), with("content-length", "81")),
        ("a length beyond numbers", layer(), with("content-length", "99999999999999999999")),
        ("expect", layer(), with("expect", "100-continue")),
        ("no json", layer(), with("content-type", "text/plain")),
        ("an event stream", layer(), with("content-type", "text/event-stream")),
        ("an encoding", layer(), with("content-encoding", "gzip")),
        ("no POST", layer(), get),
        ("never", ObservabilityLayer::new().metrics(store()).hold(Hold::Never), with("a", "b")),
        (
            "nothing to wait for",
            ObservabilityLayer::new().metrics(store()).without_trace_context(),
            with("a", "b"),
        ),
    ];
    for (what, layer, request) in cases {
        let inner = Reader::default();
        let probe = request.body().probe();
        let future = layer.layer(inner.clone()).call(request);
        assert_eq!((inner.calls(), probe.polls()), (1, 0), "{what}: called without a poll");
        drop(future);
    }

    let inner = Reader::default();
    let ended = Script::new([]).reporting_end();
    drop(layer().layer(inner.clone()).call(call(ended)));
    assert_eq!(inner.calls(), 1, "a body that has ended says no more");

    let inner = Reader::default();
    drop(up_to(80).layer(inner.clone()).call(with("content-length", "80")));
    assert_eq!(inner.calls(), 0, "the bound itself is held");
}

/// An answer that needs only the head comes when the body is in, where the layer may hold; else at
/// once. So authentication belongs outside.
#[test]
fn early_refusal_waits_for_what_is_held() {
    let metrics = store();
    let inner = Reader::refusing();
    let body = Script::new([data(&CALL[..10]), Step::Wait, data(&CALL[10..])]);
    let probe = body.probe();
    let mut future = task::spawn(holding(&metrics).layer(inner.clone()).call(call(body)));
    assert_pending!(future.poll());
    assert_eq!(inner.calls(), 0, "nobody has refused it yet");
    probe.release();
    assert_eq!(assert_ready_ok!(future.poll()).status(), 401);
    let refused = Account { method: "tools/call", outcome: "rejected", status: 401 };
    Page::of(&metrics).assert_only(refused, 1, "held");

    let metrics = store();
    let mut future = task::spawn(
        holding(&metrics).layer(inner).call(post(Script::new([data(&CALL[..10]), Step::Wait]))),
    );
    assert_eq!(assert_ready_ok!(future.poll()).status(), 401, "at once, without a length");
    let refused = Account { method: "none", ..refused };
    Page::of(&metrics).assert_only(refused, 1, "not held");
}

/// A layer around, which reads the same message, does not keep this one from waiting for it.
#[test]
fn layer_around_does_not_end_the_waiting() {
    for same_store in [true, false] {
        let metrics = store();
        let outer = if same_store { metrics.clone() } else { store() };
        let inner = Reader::default();
        let body = Script::new([data(&CALL[..10]), Step::Wait, data(&CALL[10..])]);
        let probe = body.probe();
        let outer = MetricsLayer::with_metrics(outer);
        let mut service = outer.layer(holding(&metrics).layer(inner.clone()));
        let mut future = task::spawn(service.call(call(body)));
        assert_pending!(future.poll());
        assert_eq!(inner.calls(), 0, "the message is not in (same store: {same_store})");
        probe.release();
        assert!(assert_ready_ok!(future.poll()).status().is_success());
    }
}
