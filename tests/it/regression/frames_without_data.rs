//! A held body of frames without data was read ahead without end.

use mcp_telemetry::{Hold, ObservabilityLayer};
use tokio_test::{assert_ready_ok, task};
use tower::{Layer, Service};

use crate::support::{ANSWER, Act, Plan, Script, call, data, json, store};

#[test]
fn empty_frames_end_the_waiting() {
    for (frame, count) in [("", 10_000), ("{", 200)] {
        let body = Script::new((0..count).map(|_| data(frame)));
        let probe = body.probe();
        let layer = ObservabilityLayer::new().metrics(store()).hold(Hold::UpTo(65_536));
        let inner = Plan::new([Act::Respond(json(Script::new([data(ANSWER)])))]);
        let mut request = call(body);
        request.headers_mut().insert("content-length", 60_000.into());
        let mut service = layer.layer(inner.clone());
        let future = service.call(request);
        assert!(probe.polls() <= 64, "held back without end: {} polls", probe.polls());
        assert_ready_ok!(task::spawn(future).poll());
        assert_eq!(inner.calls(), 1, "and every frame went in");
        assert!(probe.polls() > count, "{} of {count} frames", probe.polls());
    }
}
