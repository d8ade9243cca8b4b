//! What handlers send on to other services.

use std::sync::{Arc, Mutex};

use http::HeaderMap;
use mcp_telemetry::{TraceContextLayer, context::TraceContext, trace_context::Trust};
use opentelemetry::{
    Context,
    context::FutureExt,
    trace::{TraceContextExt, Tracer},
};

use super::{PARENT, PARENT_SPAN, Sdk, TRACE, call_with, exchange, id_of, named, serving, with};
use crate::support::{ANSWER, Script, data, json};

/// What a handler sends on, right away.
async fn sent(
    layer: &TraceContextLayer,
    request: http::Request<http_body_util::Full<hyper::body::Bytes>>,
) -> HeaderMap {
    let sent = Arc::new(Mutex::new(HeaderMap::new()));
    let headers = Arc::clone(&sent);
    let service = serving(move |_| {
        TraceContext::current().unwrap().inject(&mut headers.lock().unwrap());
        async { json(Script::new([data(ANSWER)])) }
    });
    exchange(layer, service, request).await;
    std::mem::take(&mut sent.lock().unwrap())
}

#[tokio::test]
async fn others_become_children_of_the_exchange() {
    let sdk = Sdk::new();
    let random = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
    let request = call_with(&[
        ("traceparent", random),
        ("tracestate", "rojo=1, congo=2"),
        ("baggage", "a=%20;p,b=1"),
    ]);
    let headers = sent(&sdk.layer(), request).await;
    let own = id_of(&sdk.span());
    assert_ne!(own, PARENT_SPAN);
    assert_eq!(headers["traceparent"], format!("00-{TRACE}-{own}-03"));
    assert_eq!(headers["tracestate"], "rojo=1, congo=2");
    assert_eq!(headers["baggage"], "a=%20;p,b=1");
    assert_eq!(headers.len(), 3);
}

/// Each client span that a handler makes is the parent of its own request.
#[tokio::test]
async fn others_become_children_of_the_current_span() {
    let sdk = Sdk::new();
    let tracer = sdk.tracer();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let headers = Arc::clone(&sent);
    let service = serving(move |_| {
        let (tracer, headers) = (tracer.clone(), Arc::clone(&headers));
        async move {
            for name in ["one", "two"] {
                let span = Context::current_with_span(tracer.start(name));
                let inject = async {
                    let mut map = HeaderMap::new();
                    TraceContext::current().unwrap().inject(&mut map);
                    headers.lock().unwrap().push(map);
                };
                inject.with_context(span).await;
            }
            json(Script::new([data(ANSWER)]))
        }
    });
    let request = call_with(&[("traceparent", PARENT), ("baggage", "a=1")]);
    exchange(&sdk.layer(), service, request).await;
    let spans = sdk.spans();
    for (headers, name) in sent.lock().unwrap().iter().zip(["one", "two"]) {
        let id = id_of(named(&spans, name));
        assert_eq!(headers["traceparent"], format!("00-{TRACE}-{id}-01"), "{name}");
        assert_eq!(headers["baggage"], "a=1", "{name}");
    }
}

#[tokio::test]
async fn without_an_sdk_what_came_travels_on() {
    let layer = TraceContextLayer::new();
    let came = [("traceparent", PARENT), ("tracestate", "rojo=1"), ("baggage", "a=1,b=2;p")];
    let headers = sent(&layer, call_with(&came)).await;
    for (name, value) in came {
        assert_eq!(headers[name], value);
    }
    assert_eq!(headers.len(), 3);
}

#[tokio::test]
async fn without_an_sdk_nothing_is_invented() {
    let layer = TraceContextLayer::new();
    assert!(sent(&layer, call_with(&[])).await.is_empty());
    assert!(sent(&layer, call_with(&[("tracestate", "rojo=1")])).await.is_empty());
    let alone = sent(&layer, call_with(&[("baggage", "a=1")])).await;
    assert_eq!((alone.len(), &alone["baggage"]), (1, &"a=1".parse().unwrap()));
}

/// T41
#[tokio::test]
async fn what_is_not_trusted_does_not_travel_on() {
    let came = [("traceparent", PARENT), ("tracestate", "rojo=1"), ("baggage", "a=1")];
    let native = TraceContextLayer::new().trust(Trust::Never);
    assert!(sent(&native, call_with(&came)).await.is_empty());

    let sdk = Sdk::new();
    let headers = sent(&sdk.layer().trust(Trust::Never), with(call_with(&[]), &came)).await;
    assert!(!headers["traceparent"].to_str().unwrap().contains(TRACE));
    assert_eq!(headers.len(), 1);
}
