//! Services that break, and services that are too slow.

use std::time::Duration;

use mcp_telemetry::{Outcome, context::ClassifyErrorLayer};
use tower::{
    BoxError, ServiceBuilder,
    timeout::{TimeoutLayer, error::Elapsed},
};

use super::{App, End, Mode, Peer, app::Front, ends::call};

/// An ending without an answer.
fn end(outcome: &'static str, status: u16) -> End {
    call("echo", outcome).unanswered().status(status)
}

#[tokio::test]
async fn a_service_that_breaks_has_an_outcome_of_its_own() {
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        for (act, end) in [
            ("panic", end("server_error", 499).reason("panic")),
            ("torn by a panic", end("server_error", 200).reason("panic")),
            ("error", end("transport_error", 499)),
            ("torn", end("transport_error", 200)),
        ] {
            let peer = Peer::join(&app).await;
            let before = app.before();
            let mut request = peer.call("1", "echo");
            request.headers_mut().insert("x-act", act.parse().unwrap());
            if let Ok(asked) = app.try_ask(request).await {
                asked.try_read().await.unwrap_err();
            }
            app.assert_ended(&before, &[end], act).await;
        }
        assert_eq!(app.stop_after_panics().await, 2, "{mode:?}");
    }
}

/// A layer inside gives up, and who knows its error says what it means.
#[tokio::test]
async fn an_error_that_is_classified_has_the_outcome_it_was_given() {
    type Classify = fn(&BoxError) -> Outcome;
    let classify: Classify = |error| {
        if error.is::<Elapsed>() { Outcome::Timeout } else { Outcome::ServerError }
    };
    for mode in Mode::ALL {
        let app = App::start_with(
            mode,
            |layer| layer,
            |front: Front| {
                ServiceBuilder::new()
                    .layer(ClassifyErrorLayer::new(classify))
                    .layer(TimeoutLayer::new(Duration::from_millis(50)))
                    .service(front)
            },
        );
        let app = app.await;
        for (tool, act, outcome) in [
            ("echo", Some("hang"), "timeout"),
            ("echo", Some("error"), "server_error"),
            ("hangs", None, "timeout"),
        ] {
            // Once the head is out, nothing waits for the future any more.
            if act.is_none() && mode.opens_at_once() {
                continue;
            }
            let peer = Peer::join(&app).await;
            let before = app.before();
            let mut request = peer.call("1", tool);
            if let Some(act) = act {
                request.headers_mut().insert("x-act", act.parse().unwrap());
            }
            assert!(app.try_ask(request).await.is_err(), "there is no head");
            let end = call(tool, outcome).unanswered().status(499);
            app.assert_ended(&before, &[end], tool).await;
        }
        app.stop().await;
    }
}
