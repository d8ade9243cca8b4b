//! Frames, lengths and ends, as the body inside has them.

use std::{
    cell::RefCell,
    convert::Infallible,
    fmt::Debug,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use futures_util::FutureExt;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::{Buf, Bytes};
use mcp_telemetry::{MetricsLayer, RequestBody};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{Layer, Service, service_fn};

use crate::support::{
    ANSWER, Account, Broken, CALL, Page, Script, Step, call, data, get, json, post, sse, store,
    trailers,
};

const ANSWERED: Account = Account { method: "tools/call", outcome: "success", status: 200 };

/// T20: one poll of ours is one poll of the body inside, and yields what that poll yielded: each
/// frame when it comes, and nothing before.
#[test]
fn each_frame_passes_in_the_poll_that_gave_it() {
    let metrics = store();
    let answer = format!("data: {ANSWER}\n\n");
    let (first, second) = (answer[..20].to_owned(), answer[20..].to_owned());
    let script = Script::new([
        data(": x\n\n"),
        Step::Wait,
        data(first.clone()),
        Step::Wait,
        Step::Wait,
        data(second.clone()),
        trailers(&[("x-end", "1")]),
    ]);
    let probe = script.probe();
    let mut script = Some(sse(script));
    let service = service_fn(move |request: Request<RequestBody<Script>>| {
        let response = script.take().unwrap();
        async move {
            request.into_body().collect().await?;
            Ok::<_, Broken>(response)
        }
    });
    let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(service);
    let mut future = task::spawn(service.call(post(Script::new([data(CALL)]))));
    let response = assert_ready_ok!(future.poll());
    assert_eq!(probe.polls(), 0, "the head does not wait for a frame");
    let mut body = task::spawn(response.into_body());

    let mut polls = 0;
    let mut poll = || {
        polls += 1;
        let polled = body.enter(|cx, body| body.poll_frame(cx));
        assert_eq!(probe.polls(), polls, "one poll for one");
        polled.map(|frame| frame.transpose().unwrap())
    };
    let data_of =
        |polled: Poll<Option<Frame<Bytes>>>| assert_ready!(polled).unwrap().into_data().unwrap();
    assert_eq!(data_of(poll()), ": x\n\n");
    assert_pending!(poll());
    probe.release();
    assert_eq!(data_of(poll()), first, "the same frame");
    assert_pending!(poll());
    assert_pending!(poll(), "a poll that nobody asked for is passed on too");
    probe.release();
    assert_pending!(poll());
    probe.release();
    assert_eq!(data_of(poll()), second);
    Page::of(&metrics).assert_only(ANSWERED, 1, "at the event's end");
    let frame = assert_ready!(poll()).unwrap();
    assert_eq!(frame.into_trailers().unwrap()["x-end"], "1");
    assert!(assert_ready!(poll()).is_none());
}

/// Bodies that tell more or less of themselves.
fn shapes() -> Vec<impl Fn() -> Script + Clone> {
    let mut shapes = Vec::new();
    for frames in [vec![data(&CALL[..20]), data(&CALL[20..])], vec![]] {
        for (length, end) in [(false, false), (false, true), (true, false), (true, true)] {
            let frames = frames.clone();
            shapes.push(move || {
                let script = Script::new(frames.clone());
                let script = if length { script.declaring_length() } else { script };
                if end { script.reporting_end() } else { script }
            });
        }
    }
    shapes
}

/// T16: length and end of a response body are those of the body inside, at every frame.
#[test]
fn response_body_forwards_length_and_end() {
    for make in shapes() {
        let service =
            service_fn(async |_: Request<RequestBody<Script>>| Ok::<_, Infallible>(json(make())));
        let mut service = MetricsLayer::with_metrics(store()).layer(service);
        let mut future = task::spawn(service.call(post(Script::new([]))));
        let ours = assert_ready_ok!(future.poll()).into_body();
        assert_same_lengths(pin!(make()), pin!(ours));
    }
}

/// T16: so are those of a request body.
#[test]
fn request_body_forwards_length_and_end() {
    for make in shapes() {
        let seen = RefCell::new(None);
        let service = service_fn(async |request: Request<RequestBody<Script>>| {
            seen.replace(Some(request.into_body()));
            Ok::<_, Infallible>(Response::new(Script::new([])))
        });
        let mut service = MetricsLayer::with_metrics(store()).layer(service);
        let mut future = task::spawn(service.call(call(make())));
        assert!(assert_ready_ok!(future.poll()).status().is_success());
        assert_same_lengths(pin!(make()), pin!(seen.take().unwrap()));
    }
}

fn assert_same_lengths<A, B>(mut bare: Pin<&mut A>, mut ours: Pin<&mut B>)
where
    A: Body<Data = Bytes, Error: Debug>,
    B: Body<Data = Bytes, Error: Debug>,
{
    let facts = |hint: SizeHint, end| (hint.lower(), hint.upper(), end);
    loop {
        let expected = facts(bare.size_hint(), bare.is_end_stream());
        assert_eq!(facts(ours.size_hint(), ours.is_end_stream()), expected);
        let mut cx = Context::from_waker(Waker::noop());
        let bare = assert_ready!(bare.as_mut().poll_frame(&mut cx));
        let ours = assert_ready!(ours.as_mut().poll_frame(&mut cx));
        let data = ours.map(|frame| frame.unwrap().into_data().unwrap());
        assert_eq!(data, bare.map(|frame| frame.unwrap().into_data().unwrap()));
        if data.is_none() {
            return;
        }
    }
}

/// T18: bytes are what a buffer has left, not its first piece: an answer in pieces is read, and a
/// declared length is reached by all of them.
#[test]
fn buffers_in_pieces_are_read_and_counted_whole() {
    let in_pieces = |bytes: Bytes| {
        let (first, rest) = bytes.split_at(bytes.len() / 3);
        let (first, rest) = (Bytes::copy_from_slice(first), Bytes::copy_from_slice(rest));
        first.chain(rest)
    };
    let no_message = Account { method: "none", ..ANSWERED };
    for (request, account) in [(post(CALL), ANSWERED), (get(CALL), no_message)] {
        let metrics = store();
        let service = service_fn(async |request: Request<RequestBody<_>>| {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, CALL, "the request arrives whole");
            let script = Script::new([data(ANSWER)]);
            let mut response = json(script.map_frame(|frame| frame.map_data(in_pieces)));
            response.headers_mut().insert("content-length", ANSWER.len().into());
            Ok::<_, Infallible>(response)
        });
        let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(service);
        let request = request
            .map(|body| Script::new([data(body)]).map_frame(|frame| frame.map_data(in_pieces)));
        let mut future = task::spawn(service.call(request));
        let mut body = task::spawn(assert_ready_ok!(future.poll()).into_body());
        let frame = assert_ready!(body.enter(|cx, body| body.poll_frame(cx))).unwrap().unwrap();
        let mut frame = frame.into_data().unwrap();
        assert_eq!(frame.chunk().len(), ANSWER.len() / 3, "it is still in pieces");
        assert_eq!(frame.copy_to_bytes(frame.remaining()), ANSWER);
        drop(body);
        Page::of(&metrics).assert_only(account, 1, "pieces");
    }
}

/// T18: a buffer that does not show itself whole passes unread. What nobody could read is no
/// success.
#[test]
fn buffers_that_hide_their_pieces_pass_unread() {
    /// Shows its first byte only.
    struct Shy(Bytes);

    impl Buf for Shy {
        fn remaining(&self) -> usize {
            self.0.len()
        }

        fn chunk(&self) -> &[u8] {
            &self.0[..self.0.len().min(1)]
        }

        fn advance(&mut self, count: usize) {
            self.0.advance(count);
        }
    }

    let metrics = store();
    let service = service_fn(async |request: Request<RequestBody<Script>>| {
        request.into_body().collect().await.unwrap();
        let script = Script::new([data(ANSWER)]);
        Ok::<_, Infallible>(json(script.map_frame(|frame: Frame<Bytes>| frame.map_data(Shy))))
    });
    let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(service);
    let mut future = task::spawn(service.call(post(Script::new([data(CALL)]))));
    let body = assert_ready_ok!(future.poll()).into_body();
    let collected = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    assert_eq!(collected, ANSWER, "it passes whole");
    let unread = Account { outcome: "no_response", ..ANSWERED };
    Page::of(&metrics).assert_only(unread, 1, "hidden");
}

/// T17: an unknown length stays unknown; it is not zero, and nothing is waited for to learn it.
#[test]
fn unknown_length_stays_unknown() {
    let service = service_fn(async |_: Request<RequestBody<Script>>| {
        Ok::<_, Infallible>(json(Script::new([data("1")])))
    });
    let mut service = MetricsLayer::with_metrics(store()).layer(service);
    let mut future = task::spawn(service.call(post(Script::new([]))));
    let body = assert_ready_ok!(future.poll()).into_body();
    assert_eq!((body.size_hint().lower(), body.size_hint().upper()), (0, None));
    assert_eq!(body.size_hint().exact(), None);
    assert!(!body.is_end_stream());
}
