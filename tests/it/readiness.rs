//! The contract of a service: readiness, errors, and no demands that nothing needs.

use std::{
    cell::Cell,
    convert::Infallible,
    rc::Rc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Bytes;
use mcp_telemetry::{MetricsLayer, ObservabilityLayer, RequestBody};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, ServiceExt, buffer::Buffer, limit::ConcurrencyLimit};
use tower_test::mock;

use crate::support::{
    ANSWER, Act, CALL, Page, Plan, ReadyOnce, Script, data, get, json, post, store,
};

type Asked = Request<RequestBody<Script>>;

fn ask() -> Request<Script> {
    get(Script::new([]).reporting_end())
}

fn answers(count: usize) -> Plan {
    Plan::new((0..count).map(|_| Act::Respond(json(Script::new([]).reporting_end()))))
}

/// Asks a service for its readiness, then calls it.
async fn ready_call<S: Service<Request<Script>>>(service: &mut S) -> Result<S::Response, S::Error> {
    service.ready().await?.call(ask()).await
}

/// T21: the instance that was made ready is called, by each layer.
#[tokio::test]
async fn ready_instance_is_the_one_called() {
    let metrics = store();
    let passing = MetricsLayer::with_metrics(metrics.clone());
    let mut passing = passing.layer(ReadyOnce::new(answers(3)));
    let bundle = ObservabilityLayer::new().metrics(metrics.clone());
    let mut bundle = bundle.layer(ReadyOnce::new(answers(3)));
    for _ in 0..3 {
        assert!(ready_call(&mut passing).await.unwrap().status().is_success());
        assert!(ready_call(&mut bundle).await.unwrap().status().is_success());
    }
    assert_eq!(Page::of(&metrics).operations(), 6);
}

/// T21, T22: with tower's mock, one readiness asked for is one taken, and one call is one call.
#[tokio::test]
async fn calls_reach_the_mock_one_for_one() {
    let metrics = store();
    let (mut service, mut handle) = mock::spawn_layer::<Asked, Response<Script>, _>(
        MetricsLayer::with_metrics(metrics.clone()),
    );
    handle.allow(2);
    for _ in 0..2 {
        assert_ready_ok!(service.poll_ready());
        let mut future = task::spawn(service.call(ask()));
        assert_pending!(future.poll());
        let (_, respond) = handle.next_request().await.unwrap();
        respond.send_response(json(Script::new([]).reporting_end()));
        let _ = assert_ready_ok!(future.poll());
    }
    assert_pending!(service.poll_ready(), "both are used up");
    assert_eq!(Page::of(&metrics).operations(), 2);
}

/// T21: over services whose readiness is a permit or a place in a queue.
#[tokio::test]
async fn permits_and_places_are_used_once() {
    let metrics = store();
    let limited = ConcurrencyLimit::new(answers(3), 1);
    let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(limited);
    for _ in 0..3 {
        assert!(ready_call(&mut service).await.unwrap().status().is_success());
    }

    let buffered = Buffer::new(answers(3), 1);
    let layer = ObservabilityLayer::new().metrics(metrics.clone());
    let mut service = layer.layer(buffered);
    for _ in 0..3 {
        assert!(ready_call(&mut service).await.unwrap().status().is_success());
    }
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_operations_total", &[("outcome", "success")]), 6);
    page.assert_idle("permits");
}

/// T22: readiness is the inner service's own, pending and failed alike, and to ask for it records
/// nothing.
#[test]
fn readiness_is_that_of_the_inner_service() {
    let metrics = store();
    let before = metrics.render();
    macro_rules! check {
        ($layer:expr) => {
            let (mut service, mut handle) = mock::spawn_layer::<Asked, Response<Script>, _>($layer);
            handle.allow(0);
            assert_pending!(service.poll_ready());
            handle.allow(1);
            assert!(service.is_woken(), "the inner service wakes who asked");
            assert_ready_ok!(service.poll_ready());
            assert_ready_ok!(service.poll_ready());
            handle.send_error("closed");
            assert_eq!(assert_ready_err!(service.poll_ready()).to_string(), "closed");
        };
    }
    check!(MetricsLayer::with_metrics(metrics.clone()));
    check!(ObservabilityLayer::new().metrics(metrics.clone()));
    assert_eq!(metrics.render(), before, "readiness is no request");
}

/// T23: an error of any type comes out as it went in.
#[test]
fn errors_pass_untouched() {
    #[derive(Debug, PartialEq)]
    struct Mute(Rc<u8>); // neither `Display` nor `Error`, nor can it change threads

    macro_rules! check {
        ($layer:expr) => {
            let mute = |_: Asked| async { Err::<Response<Script>, _>(Mute(Rc::new(3))) };
            let mut future = task::spawn($layer.layer(tower::service_fn(mute)).call(ask()));
            assert_eq!(assert_ready_err!(future.poll()), Mute(Rc::new(3)));

            let boxed = |_: Asked| async { Err::<Response<Script>, _>(BoxError::from("boxed")) };
            let mut future = task::spawn($layer.layer(tower::service_fn(boxed)).call(ask()));
            assert_eq!(assert_ready_err!(future.poll()).to_string(), "boxed");

            let never = |_: Asked| async { Ok::<_, Infallible>(json(Script::new([]))) };
            let mut future = task::spawn($layer.layer(tower::service_fn(never)).call(ask()));
            let Ok(_) = assert_ready!(future.poll());
        };
    }
    check!(MetricsLayer::with_metrics(store()));
    check!(ObservabilityLayer::new().metrics(store()));
}

/// T23: the inner service and its future may borrow, and stay on their thread; under
/// `MetricsLayer` it need not be `Clone` either.
#[test]
fn inner_service_may_borrow_and_stay_on_its_thread() {
    struct Counting<'a>(&'a Cell<u8>);

    impl Service<Request<RequestBody<Empty<Bytes>>>> for Counting<'_> {
        type Response = Response<Empty<Bytes>>;
        type Error = Rc<str>;
        type Future = std::future::Ready<Result<Self::Response, Rc<str>>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rc<str>>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<RequestBody<Empty<Bytes>>>) -> Self::Future {
            self.0.set(self.0.get() + 1);
            std::future::ready(Ok(Response::default()))
        }
    }

    let calls = Cell::new(0);
    let metrics = store();
    let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(Counting(&calls));
    let mut future = task::spawn(service.call(get(Empty::new())));
    assert!(assert_ready_ok!(future.poll()).status().is_success());
    assert_eq!((calls.get(), Page::of(&metrics).operations()), (1, 1));
}

/// T26: nothing needs a runtime to be entered, from the call to the end of the body.
#[test]
fn works_without_a_tokio_runtime() {
    use futures_util::FutureExt;
    use http_body_util::BodyExt;

    assert!(tokio::runtime::Handle::try_current().is_err());
    let metrics = store();
    let acts = [Act::Respond(json(Script::new([data(ANSWER)])))];
    let layer = ObservabilityLayer::new().metrics(metrics.clone());
    let layer = layer.hold(mcp_telemetry::Hold::UpTo(65_536));
    let mut service = layer.layer(Plan::new(acts));
    let body = async {
        let response = service.call(post(Script::new([data(CALL)]))).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    };
    assert_eq!(body.now_or_never().unwrap(), ANSWER);
    let answered = [("mcp_method", "tools/call"), ("outcome", "success")];
    assert_eq!(Page::of(&metrics).count("mcp_operations_total", &answered), 1);
    Page::of(&metrics).assert_idle("without a runtime");
}

/// T22: the inner service can be reached, to ask it what only it knows.
#[test]
fn inner_service_can_be_reached() {
    let mut service = MetricsLayer::with_metrics(store()).layer(1);
    *service.get_mut() += 1;
    assert_eq!((*service.get_ref(), service.into_inner()), (2, 2));
}
