//! The sample line of an access log: `POST /mcp - 200 - 15.23ms`, with its four ids.

use std::convert::Infallible;

use http::Request;
use http_body_util::BodyExt;
use mcp_telemetry::{
    ObservabilityLayer,
    context::{RequestContext, TraceContext},
};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

use super::Lines;
use crate::support::{ANSWER, Boxed, CALL, Script, call, data, handler, json as answer, store};

#[tokio::test]
async fn line_of_a_call_has_the_fields_of_the_sample() {
    let (lines, _capturing) = Lines::capture("info");
    let service = ObservabilityLayer::new().metrics(store()).layer(handler(
        async |request: Request<Boxed>| {
            let exchange = RequestContext::from_parts(&request.into_parts().0).unwrap();
            exchange.set_user_id("user-42");
            let trace = TraceContext::current().unwrap();
            assert_eq!(trace.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
            Ok::<_, Infallible>(answer(Script::new([data(ANSWER)])))
        },
    ));
    let mut request = call(Script::new([data(CALL)]));
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request.headers_mut().insert("traceparent", traceparent.parse().unwrap());
    let response = service.oneshot(request).await.unwrap();
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    response.into_body().collect().await.unwrap();

    let line = &lines.all()[..];
    let [line] = line else { panic!("one line: {line:?}") };
    let keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "timestamp",
        "level",
        "logger",
        "message",
        "location",
        "request_id",
        "user_id",
        "trace_id",
        "span_id",
        "extra",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["request_id"], *request_id);
    assert_eq!(request_id.len(), 36, "a UUID with dashes");
    assert_eq!(line["user_id"], "user-42");
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(line["span_id"].as_str().unwrap().len(), 16);
    let location: Vec<_> = line["location"].as_object().unwrap().keys().collect();
    assert_eq!(location, ["file", "function", "line"]);

    let message = line["message"].as_str().unwrap();
    let millis = message.strip_prefix("POST /mcp - 200 - ").unwrap().strip_suffix("ms").unwrap();
    let (_, decimals) = millis.split_once('.').unwrap();
    assert_eq!(decimals.len(), 2, "{message}");
    let duration: f64 = millis.parse().unwrap();
    assert_eq!(line["extra"]["duration_ms"], json!(duration));
    let told = |key: &str| &line["extra"][key];
    for (key, value) in [
        ("method", json!("POST")),
        ("path", json!("/mcp")),
        ("status", json!(200)),
        ("mcp_method", json!("tools/call")),
        ("tool", json!("echo")),
        ("outcome", json!("success")),
        ("bytes_out", json!(ANSWER.len())),
    ] {
        assert_eq!(*told(key), value, "{key} of {line}");
    }
    assert_eq!(*told("request_id"), Value::Null, "an id stands in one place");
}
