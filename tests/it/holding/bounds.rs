//! At most 16 MiB are held over all exchanges of a layer.

use http::Request;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service};

use super::{Reader, holding};
use crate::support::{CALL, Page, Script, Step, data, post, store};

/// Bytes declared by each request here: the most that one exchange may hold.
const EACH: usize = 65_536;

/// Exchanges of that size that are held together.
const MOST: usize = 16 * 1024 * 1024 / EACH;

fn request(steps: impl IntoIterator<Item = Step>) -> Request<Script> {
    let mut request = post(Script::new(steps));
    request.headers_mut().insert("content-length", EACH.into());
    request
}

/// Over the bound, the service is called at once. What was held is given back when it is dropped,
/// and when it has been read.
#[test]
fn bytes_over_all_exchanges_are_bounded() {
    let metrics = store();
    let layer = holding(&metrics);
    let inner = Reader::default();
    let mut services = [layer.layer(inner.clone()), layer.layer(inner.clone())];
    let mut held = Vec::new();
    for index in 0..MOST {
        let padded = format!("{CALL}{}", " ".repeat(EACH - CALL.len()));
        let body = Script::new([Step::Wait, data(padded)]);
        let probe = body.probe();
        let request = request([]).map(|_| body);
        let mut future = task::spawn(services[index % 2].call(request));
        assert_pending!(future.poll());
        held.push((future, probe));
    }
    assert_eq!(inner.calls(), 0, "all of them are held, over both services of the layer");

    let mut calls = 0;
    let mut is_held = || {
        let future = services[0].call(request([Step::Wait]));
        let held = inner.calls() == calls;
        calls = inner.calls();
        drop(future);
        held
    };
    assert!(!is_held(), "no byte is left: called at once");
    assert!(!is_held(), "what is called at once holds nothing");

    drop(held.pop());
    assert!(is_held(), "a dropped exchange gives back what it held");
    assert!(is_held(), "and so does the one that was tried");

    let another = holding(&store());
    let apart = Reader::default();
    drop(another.layer(apart.clone()).call(request([Step::Wait])));
    assert_eq!(apart.calls(), 0, "another layer has a bound of its own");

    let refill = task::spawn(services[1].call(request([Step::Wait])));
    assert_eq!(inner.calls(), calls, "the last place is taken");
    let (mut future, probe) = held.pop().unwrap();
    probe.release();
    let response = assert_ready_ok!(future.poll());
    calls = inner.calls();
    let again = task::spawn(services[1].call(request([Step::Wait])));
    assert_eq!(inner.calls(), calls, "an exchange whose body was read holds no more");

    drop((refill, again, future, response, held));
    Page::of(&metrics).assert_idle("the bound");
    assert_eq!(
        Page::of(&metrics).operations(),
        u64::try_from(MOST + 6).unwrap(),
        "each was counted, held or not"
    );
}

/// The bound is on bytes, not on exchanges: what no longer fits is called at once, what is small
/// enough is still held.
#[test]
fn bound_is_on_bytes() {
    let metrics = store();
    let inner = Reader::default();
    let mut service = holding(&metrics).layer(inner.clone());
    let mut call = |length: usize| {
        let mut request = request([Step::Wait]);
        request.headers_mut().insert("content-length", length.into());
        service.call(request)
    };
    let held: Vec<_> = (1..MOST).map(|_| call(EACH)).collect();
    let nearly = call(EACH - 100);
    assert_eq!(inner.calls(), 0);
    let too_much = call(101);
    assert_eq!(inner.calls(), 1, "100 bytes are left");
    let the_rest = call(100);
    assert_eq!(inner.calls(), 1, "and can be held");
    let one_more = call(1);
    assert_eq!(inner.calls(), 2, "but no more");
    drop((held, nearly, too_much, the_rest, one_more));
    Page::of(&metrics).assert_idle("the bound");
}
