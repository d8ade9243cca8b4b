//! Any JSON object with an `error` counted as a JSON-RPC answer, and taught its path as a route.

use http::StatusCode;
use http_body_util::BodyExt;
use mcp_telemetry::MetricsLayer;
use tower::{Layer, ServiceExt};

use crate::support::{Account, Act, CALL, Page, Plan, Script, call, data, json, store};

#[tokio::test]
async fn error_of_another_kind_is_a_rejection_and_teaches_no_route() {
    for body in [
        r#"{"error":"not found"}"#,
        r#"{"error":"invalid_token","error_description":"expired"}"#,
        r#"{"error":{"message":"x"}}"#,
    ] {
        let metrics = store();
        let mut refused = json(Script::new([data(body)]));
        *refused.status_mut() = StatusCode::NOT_FOUND;
        let service =
            MetricsLayer::with_metrics(metrics.clone()).layer(Plan::new([Act::Respond(refused)]));
        let mut request = call(Script::new([data(CALL)]));
        *request.uri_mut() = "/wp-login.php".parse().unwrap();
        let response = service.oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap();
        let page = Page::of(&metrics);
        page.assert_only(
            Account { method: "tools/call", outcome: "rejected", status: 404 },
            1,
            body,
        );
        assert_eq!(page.count("mcp_requests_total", &[("path", "_OTHER")]), 1, "{body}");
    }
}

#[tokio::test]
async fn error_without_an_id_but_with_a_code_is_an_answer() {
    let metrics = store();
    let body = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"x"}}"#;
    let mut refused = json(Script::new([data(body)]));
    *refused.status_mut() = StatusCode::BAD_REQUEST;
    let service =
        MetricsLayer::with_metrics(metrics.clone()).layer(Plan::new([Act::Respond(refused)]));
    let response = service.oneshot(call(Script::new([data(CALL)]))).await.unwrap();
    response.into_body().collect().await.unwrap();
    let answered = Account { method: "tools/call", outcome: "caller_error", status: 400 };
    Page::of(&metrics).assert_only(answered, 1, body);
}
