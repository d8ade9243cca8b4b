//! Clients that leave, and clients that cancel.

use http::Method;
use serde_json::json;

use super::{
    App, End, Mode, Peer,
    ends::{bare, call},
};
use crate::support::{Page, until};

/// The end of a call that its client has left.
fn left(mode: Mode, tool: &'static str) -> End {
    match mode {
        Mode::SessionSse => call(tool, "detached").unanswered().reason("aborted").later(),
        Mode::StatelessSse => call(tool, "cancelled").unanswered().reason("aborted"),
        _ => call(tool, "cancelled").unanswered().reason("dropped").status(499),
    }
}

/// A request that only a client's own notification can have cancelled.
fn cancelled(tool: &'static str) -> End {
    call(tool, "cancelled").unanswered().reason("notification")
}

fn notified() -> End {
    call("", "success").about("notifications/cancelled").status(202).quiet()
}

fn ended() -> End {
    bare("DELETE", "success").unanswered().status(202)
}

/// A handler that panics in rmcp is one that is never heard of again. Only in a legacy session is a
/// disconnect no cancellation.
#[tokio::test]
async fn a_client_that_leaves_has_cancelled_unless_its_session_goes_on() {
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        for tool in ["hangs", "panics"] {
            let peer = Peer::join(&app).await;
            let before = app.before();
            peer.abandon(&app, "1", tool).await;
            app.assert_ended(&before, &[left(mode, tool)], tool).await;

            if mode.has_sessions() {
                let before = app.before();
                app.ask(peer.bare(Method::DELETE)).await.read().await;
                app.settle(before.settled() + 1).await;
                let counted = [End { later: false, ..left(mode, tool) }];
                before.assert_operations(&app.page(), &[ended(), counted[0]], tool);
            }
        }
        app.stop().await;
    }
}

/// The answer to a call whose client has left comes when that takes up the stream again. It counts once.
#[tokio::test]
async fn an_answer_that_comes_on_another_exchange_counts_once() {
    let app = App::start(Mode::SessionSse).await;
    let peer = Peer::join(&app).await;
    let before = app.before();
    let event_id = peer.abandon(&app, "1", "waits").await.unwrap();
    app.assert_ended(&before, &[left(app.mode, "waits")], "it goes on").await;

    for (time, counted) in [("first", &[call("waits", "success")][..]), ("second", &[])] {
        let before = app.before();
        let fetched = peer.resume(&app, &event_id).await;
        // rmcp gives an answer out once.
        assert_eq!(fetched.contains("again"), !counted.is_empty(), "{time}: {fetched:?}");
        app.settle(before.settled() + 1).await;
        let stream = bare("GET", "success");
        let ends: Vec<_> = counted.iter().copied().chain([stream]).collect();
        before.assert_operations(&app.page(), &ends, time);
        assert_eq!(app.page().risen(&before.page, "mcp_requests_total"), ["GET /mcp 200"]);
    }
    app.stop().await;
}

/// What was still waited for when the layer goes counts then, as what is known of it.
#[tokio::test]
async fn calls_that_nothing_is_heard_of_count_when_the_server_ends() {
    let app = App::start(Mode::SessionSse).await;
    let peer = Peer::join(&app).await;
    let before = app.before();
    peer.abandon(&app, "1", "hangs").await;
    app.assert_ended(&before, &[left(app.mode, "hangs")], "it goes on").await;
    let metrics = app.metrics.clone();
    app.stop().await;
    let counted = End { later: false, ..left(Mode::SessionSse, "hangs") };
    before.assert_counted(&Page::of(&metrics), &[counted], "at the end");
}

/// A call that the client has cancelled ends without an answer, which is no fault of anybody's.
#[tokio::test]
async fn a_call_that_a_notification_names_is_cancelled_by_it() {
    let app = App::start(Mode::SessionSse).await;
    for id in ["1", r#""a""#, r#""\u0061\"""#, "100"] {
        let peer = Peer::join(&app).await;
        let before = app.before();
        let asked = app.ask(peer.call(id, "hangs")).await;
        until("the handler runs", || app.page().in_flight() == 1 && app.demo.started() > 0).await;
        app.ask(peer.cancels(if id == "100" { "1e2" } else { id })).await.read().await;
        asked.read().await;
        app.assert_ended(&before, &[cancelled("hangs"), notified()], id).await;
    }
    app.stop().await;
}

/// The notification may come when the client has left already.
#[tokio::test]
async fn a_call_can_be_cancelled_after_its_client_has_left() {
    let app = App::start(Mode::SessionSse).await;
    let peer = Peer::join(&app).await;
    let before = app.before();
    peer.abandon(&app, "1", "hangs").await;
    app.assert_ended(&before, &[left(app.mode, "hangs")], "it goes on").await;

    let before = app.before();
    app.ask(peer.cancels("1")).await.read().await;
    app.settle(before.settled() + 1).await;
    before.assert_operations(&app.page(), &[cancelled("hangs"), notified()], "cancelled");
    app.stop().await;
}

/// Without a session nobody knows which call a notification is about: it cancels none.
#[tokio::test]
async fn a_notification_without_a_session_cancels_nothing() {
    for mode in [Mode::StatelessSse, Mode::StatelessJson, Mode::ModernSse, Mode::ModernJson] {
        let app = App::start(mode).await;
        let peer = Peer::join(&app).await;
        let before = app.before();
        let call_goes_on = app.ask(peer.cancels("1"));
        call_goes_on.await.read().await;
        peer.abandon(&app, "1", "hangs").await;
        app.assert_ended(&before, &[left(mode, "hangs"), notified()], "unmatched").await;

        let before = app.before();
        let params = json!({"requestId": 2});
        app.ask(peer.notification("notifications/cancelled", &params)).await.read().await;
        app.ask(peer.call("2", "echo")).await.read().await;
        app.assert_ended(&before, &[call("echo", "success"), notified()], "answered").await;
        app.stop().await;
    }
}

/// A session that is ended under a call has cut it off.
#[tokio::test]
async fn a_call_whose_session_ends_first_is_not_answered() {
    let app = App::start(Mode::SessionSse).await;
    let peer = Peer::join(&app).await;
    let before = app.before();
    let asked = app.ask(peer.call("1", "hangs")).await;
    until("the handler runs", || app.demo.started() == 1).await;
    app.ask(peer.bare(Method::DELETE)).await.read().await;
    asked.read().await;
    app.settle(before.settled() + 2).await;
    let cut_off = call("hangs", "no_response").unanswered();
    before.assert_operations(&app.page(), &[cut_off, ended()], "cut off");
    app.stop().await;
}
