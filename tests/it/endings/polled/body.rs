//! How bodies end.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::FutureExt;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use mcp_telemetry::MetricsLayer;
use tokio_test::{assert_ready_ok, task};
use tower::{Layer, Service};

use super::{ANSWERED, SUCCESS, answered, next};
use crate::support::{
    ANSWER, Account, Broken, CALL, Page, Script, Step, data, event, get, hold_back, json, post,
    sse, store, trailers,
};

/// T6: a body that is dropped after some of its frames counts once, as cancelled.
#[test]
fn body_dropped_midway_is_cancelled() {
    for frames in 0..3 {
        let metrics = store();
        let script = Script::new([data("["), data("1,"), data("2]")]);
        let (mut body, probe) = answered(&metrics, get(Script::new([])), json(script));
        for _ in 0..frames {
            assert!(next(&mut body).is_some());
            assert_eq!(Page::of(&metrics).operations(), 0, "after a frame of more");
        }
        drop(body);
        assert!(probe.dropped(), "the inner body goes with ours");
        let aborted = Account { outcome: "cancelled", ..SUCCESS };
        Page::of(&metrics).assert_only(aborted, 1, "midway");
    }
}

/// T6: a body that is dropped short of its declared length is no complete one.
#[test]
fn body_dropped_short_of_its_length_is_cancelled() {
    let metrics = store();
    let script = Script::new([data("[1,"), data("2]")]).declaring_length();
    let (mut body, _) = answered(&metrics, get(Script::new([])), json(script));
    assert!(next(&mut body).is_some());
    drop(body);
    Page::of(&metrics).assert_only(Account { outcome: "cancelled", ..SUCCESS }, 1, "short");
}

/// T7: an error after a head of 200 is no success, and its duration counts from the request on.
#[test]
fn body_error_is_a_transport_error_since_the_request() {
    let metrics = store();
    let script = Script::new([data("{"), Step::Error]);
    let request = post(Script::new([data(CALL)]));
    let (mut body, _) = answered(&metrics, request, json(script));
    assert!(next(&mut body).unwrap().is_ok());
    let held = hold_back(Duration::from_millis(5));
    assert_eq!(next(&mut body).unwrap().unwrap_err(), Broken);

    let broken = Account { outcome: "transport_error", ..ANSWERED };
    Page::of(&metrics).assert_only(broken, 1, "at the error");
    let page = Page::of(&metrics);
    for family in ["mcp_operation_duration_seconds_sum", "mcp_request_duration_seconds_sum"] {
        assert!(page.sum(family, &[]) >= held.as_secs_f64(), "{family} begins at the request");
    }

    // T10: what is polled after an error goes to the inner body and changes nothing.
    assert!(next(&mut body).is_none());
    drop(body);
    Page::of(&metrics).assert_only(broken, 1, "after another poll");
}

/// T6, T7: what comes after the answer changes nothing: the call has succeeded by then, whether the
/// client leaves or the stream breaks.
#[test]
fn answer_decides_whatever_comes_after() {
    for last in [Step::Wait, Step::Error, data(": more\n\n")] {
        let metrics = store();
        let script = Script::new([data(event(ANSWER)), last, Step::Wait]);
        let request = post(Script::new([data(CALL)]));
        let (mut body, _) = answered(&metrics, request, sse(script));
        assert!(next(&mut body).is_some());
        Page::of(&metrics).assert_only(ANSWERED, 1, "at the answer");
        let polled = body.enter(|cx, body| body.poll_frame(cx));
        drop(body);
        Page::of(&metrics).assert_only(ANSWERED, 1, &format!("after {polled:?}"));
    }
}

/// T6: a document that has passed whole is the answer, though nobody asks for more of it.
#[test]
fn whole_document_is_the_answer_though_its_end_was_not_seen() {
    let metrics = store();
    let script = Script::new([data(&ANSWER[..20]), data(&ANSWER[20..]), Step::Wait]);
    let (mut body, _) = answered(&metrics, post(Script::new([data(CALL)])), json(script));
    assert!(next(&mut body).is_some() && next(&mut body).is_some());
    drop(body);
    Page::of(&metrics).assert_only(ANSWERED, 1, "a whole document");
}

/// T8: a body that has ended when it is wrapped is complete there, since nobody polls it.
#[test]
fn ended_body_is_complete_at_the_head() {
    let metrics = store();
    let script = Script::new([]).reporting_end();
    let (body, probe) = answered(&metrics, get(Script::new([])), json(script));
    assert!(body.is_end_stream());
    Page::of(&metrics).assert_only(SUCCESS, 1, "at the head");
    drop(body);
    Page::of(&metrics).assert_only(SUCCESS, 1, "after the drop");
    assert_eq!(probe.polls(), 0, "nobody asked it");
}

/// T9: a body is complete as soon as it knows that a frame was its last.
#[test]
fn body_is_complete_with_the_frame_it_knows_to_be_its_last() {
    let metrics = store();
    let script = Script::new([data("[1,"), data("2]")]).reporting_end();
    let (mut body, probe) = answered(&metrics, get(Script::new([])), json(script));
    assert!(next(&mut body).is_some());
    assert_eq!(Page::of(&metrics).operations(), 0, "there is more");
    assert!(next(&mut body).is_some());
    Page::of(&metrics).assert_only(SUCCESS, 1, "at the last frame");
    drop(body);
    Page::of(&metrics).assert_only(SUCCESS, 1, "after the drop");
    assert_eq!(probe.polls(), 2);
}

/// T9: and one whose declared length is out, when it is dropped.
#[test]
fn body_is_complete_when_dropped_at_its_declared_length() {
    let by_hint = json(Script::new([data("12"), data("345")]).declaring_length());
    let mut by_header = json(Script::new([data("12"), data("345")]));
    by_header.headers_mut().insert("content-length", 5.into());
    for response in [by_hint, by_header] {
        let metrics = store();
        let (mut body, probe) = answered(&metrics, get(Script::new([])), response);
        assert!(next(&mut body).is_some() && next(&mut body).is_some());
        drop(body);
        Page::of(&metrics).assert_only(SUCCESS, 1, "at the declared length");
        assert_eq!(probe.polls(), 2, "nobody asked it for its end");
    }
}

/// T10: trailers end a body. They pass untouched, and what is polled after them counts nothing.
#[test]
fn trailers_end_a_body_once() {
    let metrics = store();
    let script = Script::new([data("1"), trailers(&[("grpc-status", "0"), ("x", "y")])]);
    let (mut body, probe) = answered(&metrics, get(Script::new([])), json(script));
    assert!(next(&mut body).is_some());
    assert_eq!(Page::of(&metrics).operations(), 0, "there is more");
    let trailers = next(&mut body).unwrap().unwrap().into_trailers().unwrap();
    assert_eq!((trailers.len(), &trailers["grpc-status"]), (2, &"0".parse().unwrap()));
    Page::of(&metrics).assert_only(SUCCESS, 1, "at the trailers");

    for _ in 0..2 {
        assert!(next(&mut body).is_none());
        Page::of(&metrics).assert_only(SUCCESS, 1, "after the trailers");
    }
    assert_eq!((probe.polls(), probe.polls_after_end()), (4, 1), "each poll is one poll");
    drop(body);
    Page::of(&metrics).assert_only(SUCCESS, 1, "after the drop");
}

/// T11: the end of a body is known by its end, even if it never tells of it beforehand.
#[test]
fn body_that_never_reports_its_end_is_complete_at_none() {
    let metrics = store();
    let (mut body, probe) =
        answered(&metrics, get(Script::new([])), json(Script::new([data("1")])));
    assert!(next(&mut body).is_some());
    assert_eq!(Page::of(&metrics).operations(), 0, "there may be more");
    assert!(next(&mut body).is_none());
    Page::of(&metrics).assert_only(SUCCESS, 1, "at None");
    assert!(next(&mut body).is_none());
    assert_eq!(probe.polls_after_end(), 1, "the second None is the inner body's");
    drop(body);
    Page::of(&metrics).assert_only(SUCCESS, 1, "after a second None");
}

/// T11: a body that tells of its end too early is not cut short.
#[test]
fn body_that_reports_its_end_too_early_passes_whole() {
    struct Hasty(Script);

    impl Body for Hasty {
        type Data = <Script as Body>::Data;
        type Error = Broken;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Broken>>> {
            pin!(&mut self.0).poll_frame(cx)
        }

        fn is_end_stream(&self) -> bool {
            true
        }
    }

    let metrics = store();
    let service = tower::service_fn(async |_: Request<_>| {
        Ok::<_, Broken>(json(Hasty(Script::new([data("1"), data("2")]))))
    });
    let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(service);
    let response = task::spawn(service.call(get(Script::new([])))).poll();
    let collected = assert_ready_ok!(response).into_body().collect().now_or_never();
    assert_eq!(collected.unwrap().unwrap().to_bytes(), "12");
    Page::of(&metrics).assert_only(SUCCESS, 1, "once");
}

/// T17: a response of many frames, whose length nobody knows, is one observation.
#[test]
fn response_of_many_frames_is_one_observation() {
    let metrics = store();
    let frames = (0..100).map(|_| data("  ")).chain([data(ANSWER)]);
    let request = post(Script::new([data(CALL)]));
    let (mut body, _) = answered(&metrics, request, json(Script::new(frames)));
    while next(&mut body).is_some() {}
    Page::of(&metrics).assert_only(ANSWERED, 1, "many frames");
    assert_eq!(Page::of(&metrics).count("mcp_tool_call_duration_seconds_count", &[]), 1);
}
