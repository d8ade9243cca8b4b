//! A result beside HTTP status 500 counted as a success.

use http::StatusCode;
use http_body_util::BodyExt;
use mcp_telemetry::MetricsLayer;
use tower::{Layer, ServiceExt};

use crate::support::{ANSWER, Account, Act, CALL, Page, Plan, Script, call, data, json, store};

#[tokio::test]
async fn status_500_is_a_server_error_whatever_comes_with_it() {
    let metrics = store();
    let mut failed = json(Script::new([data(ANSWER)]));
    *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let service =
        MetricsLayer::with_metrics(metrics.clone()).layer(Plan::new([Act::Respond(failed)]));
    let response = service.oneshot(call(Script::new([data(CALL)]))).await.unwrap();
    response.into_body().collect().await.unwrap();
    let account = Account { method: "tools/call", outcome: "server_error", status: 500 };
    Page::of(&metrics).assert_only(account, 1, "500");
}
