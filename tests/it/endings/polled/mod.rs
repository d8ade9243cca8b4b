//! Endings in an order that only hands can give.

use http::{Request, Response};
use http_body::Body;
use mcp_telemetry::{MetricsLayer, metrics::McpMetrics};
use tokio_test::{
    assert_ready, assert_ready_ok,
    task::{self, Spawn},
};
use tower::{Layer, Service};

use crate::support::{Account, Act, Plan, Probe, Script};

mod body;
mod future;

const SUCCESS: Account = Account { method: "none", outcome: "success", status: 200 };
const ANSWERED: Account = Account { method: "tools/call", ..SUCCESS };

type Future = <Observed as Service<Request<Script>>>::Future;
type Observed = <MetricsLayer as Layer<Plan>>::Service;

fn call(
    metrics: &McpMetrics,
    acts: impl IntoIterator<Item = Act>,
    request: Request<Script>,
) -> Future {
    MetricsLayer::with_metrics(metrics.clone()).layer(Plan::new(acts)).call(request)
}

type Answered = <<Observed as Service<Request<Script>>>::Response as IntoBody>::Body;

trait IntoBody {
    type Body: Body;
}

impl<B: Body> IntoBody for Response<B> {
    type Body = B;
}

/// The body of a response that was planned, and what becomes of the one inside.
fn answered(
    metrics: &McpMetrics,
    request: Request<Script>,
    response: Response<Script>,
) -> (Spawn<Answered>, Probe) {
    let probe = response.body().probe();
    let mut future = task::spawn(call(metrics, [Act::Respond(response)], request));
    let response = assert_ready_ok!(future.poll());
    (task::spawn(response.into_body()), probe)
}

type FrameOf<B> = http_body::Frame<<B as Body>::Data>;

/// The next frame of a body that need not wait.
fn next<B: Body>(body: &mut Spawn<B>) -> Option<Result<FrameOf<B>, B::Error>> {
    assert_ready!(body.enter(|cx, body| body.poll_frame(cx)))
}
