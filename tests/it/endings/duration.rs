//! What a duration is: from the request to its answer, not to the head and not to the close.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use mcp_telemetry::{MetricsLayer, ObservabilityLayer};
use tower::Layer;

use crate::support::{
    ANSWER, Account, Act, CALL, Client, Page, Plan, Protocol, Script, Server, Step, data, event,
    get, hold_back, post, sse, store, within,
};

const FAMILIES: [&str; 3] = [
    "mcp_operation_duration_seconds",
    "mcp_request_duration_seconds",
    "mcp_tool_call_duration_seconds",
];

/// T12: a call that is answered by an event is timed to that event: not to the head that came
/// long before, and not to the end of the stream that comes long after.
#[tokio::test]
async fn call_on_a_stream_lasts_until_its_answer() {
    for protocol in Protocol::BOTH {
        let metrics = store();
        let script = Script::new([data(": open\n\n"), Step::Wait, data(event(ANSWER)), Step::Wait]);
        let probe = script.probe();
        let layer = MetricsLayer::with_metrics(metrics.clone());
        let plan = Plan::new([Act::Respond(sse(script))]);
        let server = Server::start(protocol, layer.layer(plan)).await;

        let mut client = Client::connect(protocol, server.address).await;
        let mut response = client.send(post(Full::from(CALL))).await.unwrap();
        response.frame().await.unwrap().unwrap();
        let page = Page::of(&metrics);
        for family in FAMILIES {
            assert_eq!(page.count(&format!("{family}_count"), &[]), 0, "{family}: only the head");
        }
        let of_calls = [("mcp_method", "tools/call")];
        assert_eq!(page.count("mcp_requests_in_flight", &of_calls), 1, "it is being served");

        let held = hold_back(Duration::from_millis(20));
        probe.release();
        response.frame().await.unwrap().unwrap();
        let at_answer = Page::of(&metrics);
        let answered = Account { method: "tools/call", outcome: "success", status: 200 };
        at_answer.assert_only(answered, 1, "while the stream is open");
        assert!(!probe.dropped(), "the stream is open");
        for family in FAMILIES {
            let sum = at_answer.sum(&format!("{family}_sum"), &[]);
            assert!(sum >= held.as_secs_f64(), "{family}: {sum} s, held for {held:?}");
        }

        hold_back(Duration::from_millis(20));
        probe.release();
        let rest = within("the end of the stream", response.into_body().collect()).await.unwrap();
        assert_eq!(rest.to_bytes(), "");
        client.leave().await;
        server.stop().await;
        let at_close = Page::of(&metrics);
        at_close.assert_only(answered, 1, "after the stream has closed");
        for family in FAMILIES {
            let name = format!("{family}_sum");
            let (answer, close) = (at_answer.sum(&name, &[]), at_close.sum(&name, &[]));
            assert!((answer - close).abs() < 1e-9, "{family}: {answer} s, at the close {close} s");
        }
    }
}

/// T12, T13: a standing stream is counted when it opens. Its life is no latency.
#[tokio::test]
async fn standing_stream_is_counted_at_its_head() {
    for protocol in Protocol::BOTH {
        let metrics = store();
        let script = Script::new([data(": open\n\n"), Step::Wait]);
        let probe = script.probe();
        let layer = ObservabilityLayer::new().metrics(metrics.clone());
        let plan = Plan::new([Act::Respond(sse(script))]);
        let server = Server::start(protocol, layer.layer(plan)).await;

        let mut client = Client::connect(protocol, server.address).await;
        let mut response = client.send(get(Full::<hyper::body::Bytes>::default())).await.unwrap();
        response.frame().await.unwrap().unwrap();
        let opened = Account { method: "none", outcome: "success", status: 200 };
        let at_head = Page::of(&metrics);
        at_head.assert_only(opened, 1, "while the stream stands");
        assert!(!probe.dropped(), "the stream stands");

        let stood = hold_back(Duration::from_millis(20));
        drop(response);
        client.leave().await;
        server.stop().await;
        let page = Page::of(&metrics);
        page.assert_only(opened, 1, "after the client has left it");
        let name = "mcp_operation_duration_seconds_sum";
        let (head, end) = (at_head.sum(name, &[]), page.sum(name, &[]));
        assert!((head - end).abs() < 1e-9, "{head} s at the head, {end} s after {stood:?}");
    }
}
