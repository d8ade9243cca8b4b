//! A request body that is not read because of its head counted as one that did not pass whole.

use http::{
    HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use mcp_telemetry::MetricsLayer;
use tower::{Layer, ServiceExt};

use crate::support::{Act, CALL, Page, Plan, Script, call, data, json, store};

#[tokio::test]
async fn request_of_another_type_is_skipped() {
    for (name, value) in [(CONTENT_TYPE, "text/plain"), (CONTENT_ENCODING, "gzip")] {
        let metrics = store();
        let answer = json(Script::new([data("{}")]));
        let service =
            MetricsLayer::with_metrics(metrics.clone()).layer(Plan::new([Act::Respond(answer)]));
        let mut request = call(Script::new([data(CALL)]));
        request.headers_mut().insert(&name, HeaderValue::from_static(value));
        service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        let page = Page::of(&metrics);
        let inspected = |result| {
            let labels = [("direction", "request"), ("result", result)];
            page.count("mcp_observability_body_inspections_total", &labels)
        };
        assert_eq!((inspected("skipped"), inspected("prefix")), (1, 0), "{name}: {value}");
    }
}
