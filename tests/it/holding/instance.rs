//! T21: the instance that was made ready is the one that is called, however late.

use http::{Request, Response};
use mcp_telemetry::RequestBody;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, limit::ConcurrencyLimitLayer};
use tower_test::mock;

use super::{Reader, holding};
use crate::support::{CALL, Page, ReadyOnce, Script, Step, call, data, get, store};

type Mocked = Request<RequestBody<Script>>;

/// T21: with a service that has its readiness in the instance, held or not.
#[test]
fn ready_instance_is_called_though_it_waited() {
    let metrics = store();
    let mut service = task::spawn(holding(&metrics).layer(ReadyOnce::new(Reader::default())));
    for _ in 0..3 {
        for steps in [vec![data(CALL)], vec![data(&CALL[..5]), Step::Yield, data(&CALL[5..])]] {
            assert_ready_ok!(service.enter(|cx, mut service| {
                Service::<Request<Script>>::poll_ready(&mut *service, cx)
            }));
            let mut held = task::spawn(service.call(call(Script::new(steps))));
            assert_ready_ok!(service.enter(|cx, mut service| {
                Service::<Request<Script>>::poll_ready(&mut *service, cx)
            }));
            let mut passed = task::spawn(service.call(get(Script::new([]))));
            assert!(assert_ready_ok!(passed.poll()).status().is_success(), "not held");
            while held.poll().is_pending() {}
        }
    }
    Page::of(&metrics).assert_idle("ready");
    assert_eq!(Page::of(&metrics).operations(), 12);
}

/// T21, T22: with tower's mock: one readiness asked for is one taken, and the call comes late.
#[tokio::test]
async fn mock_is_called_when_the_message_is_in() {
    let (mut service, mut handle) =
        mock::spawn_layer::<Mocked, Response<Script>, _>(holding(&store()));
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let body = Script::new([Step::Wait, data(CALL)]);
    let probe = body.probe();
    let mut future = task::spawn(service.call(call(body)));
    assert_pending!(future.poll());
    {
        let mut next = task::spawn(handle.next_request());
        assert_pending!(next.poll(), "nothing is sent before the message is in");
    }
    probe.release();
    assert_pending!(future.poll());
    let (_, respond) = handle.next_request().await.unwrap();
    assert_pending!(service.poll_ready(), "the one readiness is used up");
    respond.send_response(Response::new(Script::new([])));
    assert!(assert_ready_ok!(future.poll()).status().is_success());
}

/// A permit belongs to the instance that was made ready: it waits with it, and is given back with
/// it.
#[test]
fn permit_of_a_concurrency_limit_waits_with_the_request() {
    let metrics = store();
    let inner = Reader::default();
    let limited = ConcurrencyLimitLayer::new(1).layer(inner.clone());
    let mut service = task::spawn(holding(&metrics).layer(limited));
    macro_rules! ready {
        () => {
            service
                .enter(|cx, mut service| Service::<Request<Script>>::poll_ready(&mut *service, cx))
        };
    }

    let body = || Script::new([Step::Wait, data(CALL)]);
    assert_ready_ok!(ready!());
    let mut first = task::spawn(service.call(call(body())));
    assert_pending!(first.poll());
    assert_pending!(ready!(), "the one permit is held while the request is");
    drop(first);
    assert_eq!(inner.calls(), 0);
    assert_ready_ok!(ready!(), "dropped while held, it gives the permit back");

    let body = body();
    let probe = body.probe();
    let mut second = task::spawn(service.call(call(body)));
    assert_pending!(second.poll());
    assert_pending!(ready!());
    probe.release();
    let response = assert_ready_ok!(second.poll());
    assert_eq!((response.status().as_u16(), inner.calls()), (200, 1));
    drop(second);
    assert_ready_ok!(ready!(), "answered, it gives the permit back");
}
