//! What must not leave the process.

use std::convert::Infallible;

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{ObservabilityLayer, TraceContextLayer};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tower::{Layer, ServiceExt};

use super::Lines;
use crate::support::{Boxed, Script, data, handler, json, store};

/// T44: known strings in every place where secrets are, at default settings. None of them is in any line,
/// of any level, or on any span.
#[tokio::test]
async fn no_secret_is_in_any_line_or_span() {
    let (lines, _capturing) = Lines::capture("trace");
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let tracing = TraceContextLayer::new().tracer_provider(provider.clone());
    let metrics = store();
    let layer = ObservabilityLayer::new().metrics(metrics.clone()).trace_context(&tracing);

    let calls = [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"key":"s3cret-argument"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p","arguments":{"key":"s3cret-argument"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"https://u:s3cret-user@host/a?t=s3cret-uri#s3cret-uri"}}"#,
    ];
    let answers = [
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"s3cret-result"}]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[{"type":"text","text":"s3cret-result"}]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"s3cret-message","data":"s3cret-data"}}"#,
    ];
    for call in calls {
        for answer in answers {
            let service = layer.layer(handler(move |_: Request<Boxed>| {
                let mut response = json(Script::new([data(answer)]));
                let headers = response.headers_mut();
                headers.insert("set-cookie", "sid=s3cret-set-cookie".parse().unwrap());
                headers.insert("mcp-session-id", "s3cret-session".parse().unwrap());
                std::future::ready(Ok::<_, Infallible>(response))
            }));
            let request = Request::post("http://s3cret-user@host/mcp?token=s3cret-query")
                .header("content-type", "application/json")
                .header("content-length", call.len())
                .header("authorization", "Bearer s3cret-token")
                .header("cookie", "sid=s3cret-cookie")
                .header("x-api-key", "s3cret-key")
                .header("mcp-session-id", "s3cret-session")
                .body(Full::<Bytes>::from(call))
                .unwrap();
            service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        }
    }
    provider.force_flush().unwrap();

    let spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 9);
    assert_eq!(lines.of_exchanges().len(), 9);
    let shown = [format!("{spans:?}"), format!("{:?}", lines.all()), metrics.render()];
    for text in shown {
        let found = text.find("s3cret").map(|at| &text[at..text.len().min(at + 24)]);
        assert_eq!(found, None);
    }
}
