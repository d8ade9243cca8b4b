//! Calls that outlive their exchange, and clients that try to confuse them.

use std::{
    convert::Infallible,
    future,
    sync::{Arc, Mutex},
};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{
    MetricsLayer, ObservabilityLayer, context::RequestContext, metrics::McpMetrics,
};
use tokio_test::{assert_pending, task::spawn};
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::{
    App, End, Mode, Peer,
    ends::{bare, call},
};
use crate::{
    lines::Lines,
    support::{
        Boxed, Page, Script, Step, data, event, get, handler, json, post, sse, store, until,
    },
};

fn detached(tool: &'static str) -> End {
    call(tool, "detached").unanswered().reason("aborted")
}

fn notified() -> End {
    call("", "success").about("notifications/cancelled").status(202).quiet()
}

/// D5: ids are unique within a session at best. Two that run the same id at once, one of which is
/// answered later and one cancelled, keep apart.
#[tokio::test]
async fn sessions_with_the_same_ids_do_not_mix() {
    let app = App::start(Mode::SessionSse).await;
    let (one, other) = (Peer::join(&app).await, Peer::join(&app).await);
    let before = app.before();
    let event_id = one.abandon(&app, "1", "waits").await.unwrap();
    other.abandon(&app, "1", "hangs").await;
    let both = [detached("waits").later(), detached("hangs").later()];
    app.assert_ended(&before, &both, "both have left").await;

    // The cancellation of the other session's call is not this one's.
    let before = app.before();
    app.ask(other.cancels("1")).await.read().await;
    app.settle(before.settled() + 1).await;
    let cancelled = call("hangs", "cancelled").unanswered();
    before.assert_operations(&app.page(), &[cancelled, notified()], "the other one");

    let before = app.before();
    assert!(one.resume(&app, &event_id).await.contains("again"));
    app.settle(before.settled() + 1).await;
    let answered = [call("waits", "success"), bare("GET", "success")];
    before.assert_operations(&app.page(), &answered, "this one");
    app.stop().await;
}

/// D5: at the same time, on their own exchanges, with durations of their own.
#[tokio::test]
async fn the_same_id_runs_twice_at_once() {
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        let (one, other) = (Peer::join(&app).await, Peer::join(&app).await);
        let before = app.before();
        let slow = one.call("1", "waits");
        let slow = async { app.ask(slow).await.read().await };
        let quick = async {
            until("the slow one runs", || app.demo.started() == 1).await;
            app.ask(other.call("1", "fails")).await.read().await;
            app.demo.release();
        };
        tokio::join!(slow, quick);
        let ends = [call("waits", "success"), call("fails", "tool_error")];
        app.assert_ended(&before, &ends, "side by side").await;
        let lines = app.lines.of_exchanges();
        let millis = |tool: &str| {
            let line = lines.iter().find(|line| line["extra"]["tool"] == tool).unwrap();
            line["extra"]["duration_ms"].as_f64().unwrap()
        };
        assert!(millis("waits") > millis("fails"), "{lines:#?}");
        app.stop().await;
    }
}

/// Nobody cancels the calls of a session by way of another, or without one.
#[tokio::test]
async fn strangers_cancel_nothing() {
    let app = App::start(Mode::SessionSse).await;
    let (peer, stranger) = (Peer::join(&app).await, Peer::join(&app).await);
    let before = app.before();
    let asked = app.ask(peer.call("1", "hangs")).await;
    until("the handler runs", || app.demo.started() == 1).await;
    let made_up = Peer { session: Some("made-up".parse().unwrap()), ..peer.clone() };
    let nobody = Peer { session: None, ..peer.clone() };
    for other in [&stranger, &made_up, &nobody] {
        app.ask(other.cancels("1")).await.read().await;
    }
    asked.leave().await;
    let refused = |status| {
        let reason = if status == 404 { "404" } else { "400" };
        let notification = call("", "rejected").about("notifications/cancelled").unanswered();
        notification.reason(reason).status(status)
    };
    let ends = [detached("hangs").later(), notified(), refused(404), refused(400)];
    app.assert_ended(&before, &ends, "strangers").await;
    app.stop().await;
}

/// An id that was cancelled once is no mark on the calls that have it later.
#[tokio::test]
async fn a_cancelled_id_can_be_used_again() {
    let app = App::start(Mode::SessionSse).await;
    let peer = Peer::join(&app).await;
    let before = app.before();
    let asked = app.ask(peer.call("7", "hangs")).await;
    until("the handler runs", || app.demo.started() == 1).await;
    app.ask(peer.cancels("7")).await.read().await;
    asked.read().await;
    let cancelled = call("hangs", "cancelled").unanswered().reason("notification");
    app.assert_ended(&before, &[cancelled, notified()], "cancelled").await;

    let before = app.before();
    app.ask(peer.call("7", "echo")).await.read().await;
    app.assert_ended(&before, &[call("echo", "success")], "answered").await;

    let before = app.before();
    peer.abandon(&app, "7", "waits").await;
    app.assert_ended(&before, &[detached("waits").later()], "left").await;
    app.stop().await;
}

/// An id that rmcp reads as another form of the same is the same.
#[tokio::test]
async fn an_id_in_another_form_is_answered() {
    let forms = ["1e2", "1.0", "-0", "-7", "9007199254740993", "9223372036854775807"];
    let texts = [r#""""#, r#""1""#, r#""\u0031""#, r#""\ud83e\udd80\/""#, r#""a\tb""#];
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        let peer = Peer::join(&app).await;
        for id in forms.into_iter().chain(texts) {
            let before = app.before();
            let answer = app.ask(peer.call(id, "echo")).await.read().await;
            assert!(answer.contains("again"), "{id}: {answer}");
            app.assert_ended(&before, &[call("echo", "success")], id).await;
        }
        let long = format!(r#""{}""#, "x".repeat(100_000));
        let before = app.before();
        app.ask(peer.call(&long, "echo")).await.read().await;
        app.assert_ended(&before, &[call("echo", "success")], "a long one").await;
        app.stop().await;
    }
}

/// A session that a script serves: it answers what the header `x-act` says, and nothing to anything else.
async fn serve(request: Request<Boxed>) -> Result<Response<Script>, Infallible> {
    let act = request.headers().get("x-act").map(|act| act.to_str().unwrap().to_owned());
    request.into_body().collect().await.unwrap();
    Ok(match act.as_deref() {
        None => future::pending().await,
        Some("open") => {
            let answer = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}}"#;
            let mut response = json(Script::new([data(answer)]));
            response.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
            response
        }
        Some("202") => status(202),
        Some("polls") => sse(Script::new([data("id: 7\nretry: 5\ndata:\n\n")])),
        Some("yields") => sse(Script::new([Step::Yield])),
        Some(answer) => sse(Script::new([data(event(answer))])),
    })
}

fn status(status: u16) -> Response<Script> {
    let mut response = Response::new(Script::new([]).reporting_end());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn open() -> Request<Full<Bytes>> {
    let message = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}"#;
    let mut request = post(Full::from(message));
    request.headers_mut().insert("x-act", "open".parse().unwrap());
    request
}

/// A call in the session, that is never answered.
fn hangs(id: usize) -> Request<Full<Bytes>> {
    let message = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo"}}}}"#
    );
    in_session(post(Full::from(message)))
}

/// A stream of the session on which the answer to a call comes.
fn fetches(id: usize) -> Request<Full<Bytes>> {
    let mut request = in_session(get(Full::default()));
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
    request.headers_mut().insert("x-act", answer.parse().unwrap());
    request
}

fn in_session(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
    request
}

/// Sends a request through a layer of its own exchanges, and reads the response to its end.
macro_rules! read {
    ($service:ident, $request:expr) => {
        let response = $service.clone().oneshot($request).await.unwrap();
        response.into_body().collect().await.unwrap();
    };
}

/// Sends a request, and leaves.
macro_rules! leave {
    ($service:ident, $request:expr) => {
        let mut left = spawn($service.clone().oneshot($request));
        assert_pending!(left.poll());
        drop(left);
    };
}

fn calls(metrics: &McpMetrics, outcome: &str) -> u64 {
    let labels = [("mcp_method", "tools/call"), ("outcome", outcome)];
    Page::of(metrics).count("mcp_operations_total", &labels)
}

/// Of 2,000 calls of a session that their client has left, 256 are remembered. Each counts once, whether it is
/// answered, forgotten for others, or still waited for at the end.
#[tokio::test]
async fn two_thousand_calls_that_were_left_count_once_each() {
    let metrics = store();
    let service = ObservabilityLayer::new().metrics(metrics.clone()).layer(handler(serve));
    read!(service, open());
    for id in 0..2_000 {
        leave!(service, hangs(id));
    }
    assert_eq!(calls(&metrics, "detached"), 2_000 - 256, "the oldest were given up");
    assert_eq!(Page::of(&metrics).in_flight(), 0);

    // An answer to one that is remembered counts, to one that is forgotten or unheard of it does not.
    for (id, counted) in [(1_999, 1), (1_999, 1), (3, 1), (5_000, 1), (1_998, 2)] {
        read!(service, fetches(id));
        assert_eq!(calls(&metrics, "success"), counted, "{id}");
    }
    drop(service);
    assert_eq!((calls(&metrics, "detached"), calls(&metrics, "success")), (1_998, 2));
}

/// A client that leaves several calls of one id has one of them answered by one answer.
#[tokio::test]
async fn one_answer_ends_one_call() {
    let metrics = store();
    let service = ObservabilityLayer::new().metrics(metrics.clone()).layer(handler(serve));
    read!(service, open());
    for _ in 0..3 {
        leave!(service, hangs(1));
    }
    for answered in [1, 2, 3, 3] {
        read!(service, fetches(1));
        assert_eq!(calls(&metrics, "success"), answered);
    }
    assert_eq!(calls(&metrics, "detached"), 0);
}

/// However many layers wait for a call, each counts it once in a store of its own.
#[tokio::test]
async fn each_layer_of_a_stack_counts_what_is_answered_later() {
    let (outer, inner) = (store(), store());
    let service = ServiceBuilder::new()
        .layer(ObservabilityLayer::new().metrics(outer.clone()))
        .layer(MetricsLayer::with_metrics(inner.clone()))
        .service(handler(serve));
    read!(service, open());
    for id in [1, 1, 2] {
        leave!(service, hangs(id));
    }
    read!(service, fetches(1));
    for metrics in [&outer, &inner] {
        assert_eq!((calls(metrics, "success"), calls(metrics, "detached")), (1, 0));
    }
    drop(service);
    for metrics in [&outer, &inner] {
        assert_eq!((calls(metrics, "success"), calls(metrics, "detached")), (1, 2));
    }
}

/// Nobody counts a call to a session that the server has not opened under the layer as one to wait for.
#[tokio::test]
async fn calls_of_sessions_that_were_made_up_are_not_waited_for() {
    let metrics = store();
    let service = ObservabilityLayer::new().metrics(metrics.clone()).layer(handler(serve));
    leave!(service, hangs(1));
    assert_eq!(calls(&metrics, "detached"), 1);
    read!(service, fetches(1));
    assert_eq!((calls(&metrics, "detached"), calls(&metrics, "success")), (1, 0));
}

/// What waits for an answer is a name and a number, not all that the client has sent.
#[tokio::test]
async fn a_call_that_was_left_keeps_nothing_of_its_exchange() {
    let metrics = store();
    let user: Arc<str> = "ada".into();
    let of_exchange = Arc::downgrade(&user);
    let user = Arc::new(Mutex::new(Some(user)));
    let service = handler(move |request: Request<Boxed>| {
        let exchange = RequestContext::current().unwrap();
        if request.headers().contains_key("mcp-session-id") {
            exchange.set_user_id(user.lock().unwrap().take().unwrap());
        }
        serve(request)
    });
    let service = ObservabilityLayer::new().metrics(metrics.clone()).layer(service);
    read!(service, open());
    leave!(service, hangs(1));
    assert!(of_exchange.upgrade().is_none(), "the exchange is gone");
    drop(service);
    assert_eq!(calls(&metrics, "detached"), 1, "and the call was waited for");
}

/// A server may close a stream that can be taken up again (MCP 2025-11-25, Transports). If it never goes
/// on, it has not answered.
#[tokio::test]
async fn a_stream_that_the_server_closes_to_be_taken_up_again_is_detached() {
    let (lines, _capturing) = Lines::capture("mcp_telemetry::access=debug");
    let metrics = store();
    let service = ObservabilityLayer::new().metrics(metrics.clone()).layer(handler(serve));
    read!(service, open());
    for id in [1, 2] {
        let mut request = hangs(id);
        request.headers_mut().insert("x-act", "polls".parse().unwrap());
        read!(service, request);
        assert_eq!(lines.of_exchanges().last().unwrap()["extra"]["outcome"], "detached");
    }
    assert_eq!((calls(&metrics, "detached"), calls(&metrics, "no_response")), (0, 0));
    read!(service, fetches(2));
    assert_eq!((calls(&metrics, "success"), calls(&metrics, "no_response")), (1, 0));
    drop(service);
    assert_eq!((calls(&metrics, "success"), calls(&metrics, "no_response")), (1, 1));
}

/// A flood of cancellations pushes out older ones, and no newer ones.
#[tokio::test]
async fn two_thousand_cancellations_leave_the_last_ones_known() {
    let cancel = |id: usize| {
        let params = format!(r#"{{"requestId":{id}}}"#);
        let message =
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}"#);
        let mut request = in_session(post(Full::from(message)));
        request.headers_mut().insert("x-act", "202".parse().unwrap());
        request
    };
    for (first, outcome) in [(true, "no_response"), (false, "cancelled")] {
        let metrics = store();
        let service = ObservabilityLayer::new().metrics(metrics.clone()).layer(handler(serve));
        read!(service, open());
        let mut request = hangs(1);
        request.headers_mut().insert("x-act", "yields".parse().unwrap());
        let response = service.clone().oneshot(request).await.unwrap();
        if first {
            read!(service, cancel(1));
        }
        for id in 2..2_000 {
            read!(service, cancel(id));
        }
        if !first {
            read!(service, cancel(1));
        }
        response.into_body().collect().await.unwrap();
        assert_eq!(calls(&metrics, outcome), 1, "{first}");
    }
}

/// A server's own request may have the id of the client's: it is no answer to that.
#[tokio::test]
async fn a_request_of_the_server_with_the_same_id_is_no_answer() {
    let metrics = store();
    let asks = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list","result":{},"error":{"code":1}}"#;
    let fails = r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true}}"#;
    let service = ObservabilityLayer::new().metrics(metrics.clone()).layer(handler(
        move |request: Request<Boxed>| async move {
            request.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(sse(Script::new([data(event(asks)), data(event(fails))])))
        },
    ));
    read!(service, hangs(1));
    assert_eq!((calls(&metrics, "tool_error"), Page::of(&metrics).operations()), (1, 1));
}

/// Each call of a batch is waited for by itself.
#[tokio::test]
async fn calls_of_a_batch_that_was_left_end_one_by_one() {
    let metrics = store();
    let service = ObservabilityLayer::new().metrics(metrics.clone()).layer(handler(serve));
    read!(service, open());
    let one = |id| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo"}}}}"#)
    };
    let notifies = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let batch = format!("[{},{notifies},{},{}]", one(1), one(2), one(1));
    leave!(service, in_session(post(Full::from(batch))));
    assert_eq!(
        Page::of(&metrics).count("mcp_operations_total", &[("mcp_method", "tools/call")]),
        0
    );
    for (id, answered) in [(2, 1), (2, 1), (1, 2)] {
        read!(service, fetches(id));
        assert_eq!(calls(&metrics, "success"), answered, "{id}");
    }
    drop(service);
    assert_eq!((calls(&metrics, "success"), calls(&metrics, "detached")), (2, 1));
}
