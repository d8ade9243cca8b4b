//! A call whose service kept the request body lost its name.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::Request;
use http_body_util::BodyExt;
use mcp_telemetry::MetricsLayer;
use tower::{Layer, ServiceExt};

use crate::support::{
    ANSWER, Account, Boxed, CALL, Page, Script, data, handler, json, post, store,
};

#[tokio::test]
async fn call_is_known_though_its_body_is_kept() {
    let metrics = store();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let service = MetricsLayer::with_metrics(metrics.clone()).layer(handler(
        move |request: Request<Boxed>| {
            let keep = Arc::clone(&keep);
            async move {
                let mut body = request.into_body();
                body.frame().await.unwrap().unwrap();
                keep.lock().unwrap().push(body);
                Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
            }
        },
    ));
    let response = service.oneshot(post(Script::new([data(CALL)]))).await.unwrap();
    response.into_body().collect().await.unwrap();
    let account = Account { method: "tools/call", outcome: "success", status: 200 };
    Page::of(&metrics).assert_only(account, 1, "kept");
    assert_eq!(kept.lock().unwrap().len(), 1);
}
