//! How a span ends.

use std::convert::Infallible;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use mcp_telemetry::Hold;
use opentelemetry::trace::Status;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt};

use super::{Sdk, attribute, call_with, exchange, serving, value};
use crate::support::{
    ANSWER, Act, Boxed, Plan, Script, Step, call, data, event, get, handler, json, sse,
};

fn error(description: &'static str) -> Status {
    Status::error(description)
}

#[tokio::test]
async fn an_answer_decides_status_and_error_type() {
    let result = |result: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    let code = |code: i64| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"no"}}}}"#)
    };
    let tool = error("the tool reported an error");
    for (answer, status, error_type, rpc) in [
        (result("{}"), Status::Unset, None, None),
        (result(r#"{"isError":true}"#), tool, Some("tool_error"), None),
        (code(-32602), Status::Unset, None, Some("-32602")),
        (code(-32020), error(""), Some("-32020"), Some("-32020")),
        (code(-32603), error(""), Some("-32603"), Some("-32603")),
        (code(-32042), Status::Unset, None, Some("-32042")),
    ] {
        let sdk = Sdk::new();
        let text = answer.clone();
        let service = serving(move |_| {
            let response = json(Script::new([data(text.clone())]));
            async { response }
        });
        exchange(&sdk.layer(), service, call_with(&[])).await;
        let span = sdk.span();
        assert_eq!(span.status, status, "{answer}");
        assert_eq!(attribute(&span, "error.type").as_deref(), error_type, "{answer}");
        assert_eq!(attribute(&span, "rpc.response.status_code").as_deref(), rpc, "{answer}");
    }
}

#[tokio::test]
async fn a_status_decides_where_there_is_no_answer() {
    for (code, status, error_type) in [
        (401, Status::Unset, None),
        (404, Status::Unset, None),
        (500, error(""), Some("500")),
        (504, error(""), Some("timeout")),
        (200, error("the response held no answer"), Some("_OTHER")),
    ] {
        let sdk = Sdk::new();
        let service = serving(move |_| {
            let mut response = Response::new(Script::new([data("no")]));
            *response.status_mut() = StatusCode::from_u16(code).unwrap();
            async { response }
        });
        exchange(&sdk.layer(), service, call_with(&[])).await;
        let span = sdk.span();
        assert_eq!(span.status, status, "{code}");
        assert_eq!(attribute(&span, "error.type").as_deref(), error_type, "{code}");
        let shown = attribute(&span, "http.response.status_code");
        assert_eq!(shown, Some(code.to_string()), "{code}");
    }
}

#[tokio::test]
async fn an_error_of_the_service_or_of_its_body_is_an_error() {
    let sdk = Sdk::new();
    let broken = Script::new([data(&ANSWER[..10]), Step::Error]);
    let plan = Plan::new([Act::Fail, Act::Respond(json(broken))]);
    let service = sdk.layer().layer(plan);
    service.clone().oneshot(call_with(&[])).await.unwrap_err();
    let response = service.oneshot(call_with(&[])).await.unwrap();
    response.into_body().collect().await.unwrap_err();
    let spans = sdk.spans();
    assert_eq!(spans.len(), 2);
    for span in spans {
        assert_eq!(span.status, error("the exchange broke off"));
        assert_eq!(attribute(&span, "error.type").as_deref(), Some("_OTHER"));
    }
}

#[tokio::test]
async fn a_panic_is_an_error() {
    let sdk = Sdk::new();
    let service = sdk.layer().layer(Plan::new([Act::PanicInPoll]));
    let task = tokio::spawn(service.oneshot(call_with(&[])));
    assert!(task.await.unwrap_err().is_panic());
    let span = sdk.span();
    assert_eq!(span.status, error("the service panicked"));
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("panic"));
}

/// T42: the convention has no status for it, so an event says it.
#[tokio::test]
async fn a_client_that_leaves_is_an_event() {
    let sdk = Sdk::new();
    let hangs = sdk.layer().layer(Plan::new([Act::Hang]));
    let mut future = task::spawn(hangs.oneshot(call_with(&[])));
    assert_pending!(future.poll());
    drop(future);

    let stalls = json(Script::new([data(&ANSWER[..10]), Step::Wait]));
    let stalls = sdk.layer().layer(Plan::new([Act::Respond(stalls)]));
    let response = stalls.oneshot(call_with(&[])).await.unwrap();
    let mut body = task::spawn(response.into_body());
    assert!(assert_ready!(body.enter(|cx, body| http_body::Body::poll_frame(body, cx))).is_some());
    drop(body);

    let spans = sdk.spans();
    assert_eq!(spans.len(), 2);
    for (span, reason) in spans.iter().zip(["dropped", "aborted"]) {
        assert_eq!(span.name, "tools/call echo");
        assert_eq!(span.status, Status::Unset);
        let [event] = &span.events[..] else { panic!("one event: {:?}", span.events) };
        assert_eq!(event.name, "cancelled");
        let said = value(&event.attributes, "reason").map(ToString::to_string);
        assert_eq!(said.as_deref(), Some(reason));
    }
}

/// The inner service was never called, and yet there was a request.
#[tokio::test]
async fn a_client_that_leaves_while_its_message_is_awaited_has_a_span() {
    let sdk = Sdk::new();
    let body = Script::new([data("{"), Step::Wait]);
    let mut service = sdk.layer().layer(Plan::new([]));
    let mut future = task::spawn(service.call(call(body)));
    assert_pending!(future.poll());
    drop(future);
    let span = sdk.span();
    assert_eq!(span.name, "POST");
    assert_eq!(span.events[0].name, "cancelled");
}

/// The span ends with the answer, though the stream goes on.
#[tokio::test]
async fn a_span_ends_at_the_answer() {
    let sdk = Sdk::new();
    let body = Script::new([data(event(ANSWER)), Step::Wait]);
    let service = sdk.layer().layer(Plan::new([Act::Respond(sse(body))]));
    let response = service.oneshot(call_with(&[])).await.unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(sdk.span().status, Status::Unset);
    drop(body);
    assert_eq!(sdk.spans().len(), 1);
}

/// T13: a stream that stands for its own sake is a span up to its head.
#[tokio::test]
async fn the_span_of_a_standing_stream_ends_at_its_head() {
    let sdk = Sdk::new();
    let service = sdk.layer().layer(Plan::new([Act::Respond(sse(Script::new([Step::Wait])))]));
    let response = service.oneshot(get(Full::<hyper::body::Bytes>::default())).await.unwrap();
    let span = sdk.span();
    assert_eq!((span.name.as_ref(), &span.status), ("GET", &Status::Unset));
    assert_eq!(attribute(&span, "http.response.status_code").as_deref(), Some("200"));
    drop(response);
    assert_eq!(sdk.spans().len(), 1, "it has ended already");
}

/// Whoever answers without reading is told apart by no message.
#[tokio::test]
async fn an_answer_to_an_unread_message_ends_the_span() {
    let sdk = Sdk::new();
    let refuses = handler(async |_: Request<Boxed>| {
        let mut response = Response::new(Script::new([]));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        Ok::<_, Infallible>(response)
    });
    let layer = sdk.layer().hold(Hold::Never);
    exchange(&layer, refuses, call_with(&[])).await;
    let span = sdk.span();
    assert_eq!((span.name.as_ref(), &span.status), ("POST", &Status::Unset));
}
