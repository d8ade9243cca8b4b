//! What is on a span.

use std::{convert::Infallible, time::Duration};

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{
    Hold, RequestBody,
    trace_context::{ParentOrder, ParentSource},
};
use opentelemetry::trace::{SpanKind, Status};
use tower::{Layer, ServiceExt, service_fn};

use super::{
    PARENT, PARENT_SPAN, Sdk, answering, attribute, call_with, exchange, id_of, links_of,
    message_of, named, serving, trace_of, with,
};
use crate::support::{
    ANSWER, Act, Boxed, CALL, Plan, Script, data, get, handler, hold_back, json, post, store,
};

#[tokio::test]
async fn a_call_is_one_span_with_its_facts() {
    let sdk = Sdk::new();
    exchange(&sdk.layer(), answering(), call_with(&[("mcp-protocol-version", "2025-06-18")])).await;
    let span = sdk.span();
    assert_eq!(span.name, "tools/call echo");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.status, Status::Unset);
    assert!(span.end_time >= span.start_time);
    for (key, value) in [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.tool.name", "echo"),
        ("gen_ai.operation.name", "execute_tool"),
        ("jsonrpc.request.id", "1"),
        ("mcp.protocol.version", "2025-06-18"),
        ("http.request.method", "POST"),
        ("url.path", "/mcp"),
        ("url.scheme", "http"),
        ("network.protocol.name", "http"),
        ("network.protocol.version", "1.1"),
        ("network.transport", "tcp"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(span.attributes.len(), 12, "and nothing else: {:?}", span.attributes);
    assert!(span.events.is_empty() && span.links.is_empty());
}

/// Not held back, the span learns later what it is.
#[tokio::test]
async fn a_span_that_begins_without_its_message_is_completed() {
    let sdk = Sdk::new();
    let reads = serving(async |request| {
        let _ = request.into_body().collect().await;
        json(Script::new([data(ANSWER)]))
    });
    exchange(&sdk.layer().hold(Hold::Never), reads, call_with(&[])).await;
    let span = sdk.span();
    assert_eq!(span.name, "tools/call echo");
    assert_eq!(attribute(&span, "gen_ai.tool.name").as_deref(), Some("echo"));
    assert_eq!(attribute(&span, "http.request.method").as_deref(), Some("POST"));
}

#[tokio::test]
async fn what_is_not_mcp_is_an_http_span() {
    let sdk = Sdk::new();
    let plain = || serving(async |_| http::Response::new(Script::new([data("plain")])));
    exchange(&sdk.layer(), plain(), get(Full::default())).await;
    let span = sdk.span();
    assert_eq!((span.name.as_ref(), &span.span_kind), ("GET", &SpanKind::Server));
    assert_eq!(attribute(&span, "mcp.method.name"), None);

    let sdk = Sdk::new();
    exchange(&sdk.layer(), plain(), post(Full::from("no json"))).await;
    assert_eq!(sdk.span().name, "POST");
}

#[tokio::test]
async fn an_initialize_shows_the_revision_that_was_agreed_on() {
    let sdk = Sdk::new();
    let asks = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
    let agrees = r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}"#;
    let service = serving(move |_| async move { json(Script::new([data(agrees)])) });
    exchange(&sdk.layer(), service, message_of(asks.to_owned())).await;
    let span = sdk.span();
    assert_eq!(span.name, "initialize");
    assert_eq!(attribute(&span, "mcp.protocol.version").as_deref(), Some("2025-06-18"));
}

/// T44
#[tokio::test]
async fn secrets_are_on_no_span() {
    let sdk = Sdk::new();
    let secrets = [
        ("authorization", "Bearer s3cret"),
        ("cookie", "session=s3cret"),
        ("x-api-key", "s3cret"),
        ("mcp-session-id", "s3cret"),
        ("baggage", "token=s3cret"),
        ("user-agent", "s3cret"),
        ("traceparent", PARENT),
    ];
    let read = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"https://ada:s3cret@host/a?token=s3cret#s3cret"}}"#;
    let fails = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"s3cret"}}"#;
    let called = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":"s3cret"}}}"#;
    for message in [read, called] {
        let mut request = with(message_of(message.to_owned()), &secrets);
        *request.uri_mut() = "http://ada:s3cret@host/mcp?token=s3cret".parse().unwrap();
        let service = serving(move |_| async move {
            let mut response = json(Script::new([data(fails)]));
            response.headers_mut().insert("set-cookie", "s3cret".parse().unwrap());
            response
        });
        exchange(&sdk.layer(), service, request).await;
    }
    let spans = sdk.spans();
    assert_eq!(spans.len(), 2);
    let written = format!("{spans:?}");
    assert!(!written.contains("s3cret"), "{written}");
    let uri = attribute(named(&spans, "resources/read"), "mcp.resource.uri");
    assert_eq!(uri.as_deref(), Some("https://host/a"));
}

/// T24: applied twice, in whatever way, one span.
#[tokio::test]
async fn two_layers_make_one_span() {
    let (outer, inner) = (Sdk::new(), Sdk::new());
    let plan = Plan::new([Act::Respond(json(Script::new([data(ANSWER)])))]);
    let twice = inner.layer().layer(plan);
    let service = outer.layer().layer(twice);
    let response = service.oneshot(call_with(&[("traceparent", PARENT)])).await.unwrap();
    response.into_body().collect().await.unwrap();
    let span = outer.span();
    assert_eq!(span.parent_span_id.to_string(), PARENT_SPAN);
    assert!(inner.spans().is_empty());
}

/// T44: a password may have any character, and stand in any URI.
#[tokio::test]
async fn a_uri_that_is_not_plain_is_not_shown() {
    for uri in [
        "jdbc:postgresql://bob:hunter2@db/x",
        "https:/bob:hunter2@db/x",
        "https://bob:hun/ter2@db/x",
        "https://bob:hun?ter2@db/x",
        "s k:hunter2",
        "data:text/plain,hunter2",
    ] {
        let sdk = Sdk::new();
        let read = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"URI"}}"#;
        exchange(&sdk.layer(), answering(), message_of(read.replace("URI", uri))).await;
        let shown = attribute(&sdk.span(), "mcp.resource.uri");
        assert_eq!(shown, None, "{uri}");
    }
}

/// The time before this layer was reached belongs to the layers around it.
#[tokio::test]
async fn a_span_ends_when_its_exchange_does_whoever_began_it() {
    let sdk = Sdk::new();
    let inner = sdk.layer().layer(handler(async |_: Request<Boxed>| {
        Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
    }));
    let slow = service_fn(move |request: Request<RequestBody<Full<Bytes>>>| {
        hold_back(Duration::from_millis(30));
        inner.clone().oneshot(request)
    });
    let outer = mcp_telemetry::MetricsLayer::with_metrics(store()).layer(slow);
    let response = outer.oneshot(call_with(&[])).await.unwrap();
    response.into_body().collect().await.unwrap();
    let after = std::time::SystemTime::now();
    let span = sdk.span();
    assert!(span.end_time <= after, "{:?} after its end", span.end_time.duration_since(after));
    assert!(span.end_time >= span.start_time);
}

#[tokio::test]
async fn a_batch_keeps_to_the_order_of_parents() {
    let sdk = Sdk::new();
    let traced = CALL
        .replace(r#""arguments""#, &format!(r#""_meta":{{"traceparent":"{PARENT}"}},"arguments""#));
    let layer = sdk.layer().parent_order(ParentOrder::new(ParentSource::Header));
    exchange(&layer, answering(), message_of(format!("[{traced}]"))).await;
    let spans = sdk.spans();
    let called = named(&spans, "tools/call echo");
    assert_eq!(called.parent_span_id.to_string(), id_of(named(&spans, "POST")));
    assert_eq!(links_of(called), [PARENT_SPAN]);
}

#[tokio::test]
async fn a_batch_is_a_span_and_one_for_each_message() {
    let sdk = Sdk::new();
    let ping = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
    let traced = CALL
        .replace(r#""arguments""#, &format!(r#""_meta":{{"traceparent":"{PARENT}"}},"arguments""#));
    let answers = r#"[{"jsonrpc":"2.0","id":2,"result":{}},{"jsonrpc":"2.0","id":1,"result":{"isError":true}}]"#;
    let service = serving(move |_| async move { json(Script::new([data(answers)])) });
    exchange(&sdk.layer(), service, message_of(format!("[{traced},{ping}]"))).await;
    let spans = sdk.spans();
    assert_eq!(spans.len(), 3);
    let post = named(&spans, "POST");
    let ping = named(&spans, "ping");
    assert_eq!(ping.parent_span_id.to_string(), id_of(post));
    let called = named(&spans, "tools/call echo");
    assert_eq!(called.parent_span_id.to_string(), PARENT_SPAN);
    assert_eq!(links_of(called), [id_of(post)]);
    assert_ne!(trace_of(called), trace_of(post));
    assert!(matches!(called.status, Status::Error { .. }), "it has failed");
    assert_eq!(ping.status, Status::Unset);
    assert_eq!(post.status, Status::Unset, "all messages were answered");
}
