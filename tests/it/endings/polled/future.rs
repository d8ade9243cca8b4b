//! How futures end.

use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service};

use mcp_telemetry::MetricsLayer;

use super::{SUCCESS, answered, call, next};
use crate::support::{
    ANSWER, Account, Act, Broken, CALL, Page, Plan, Script, Step, data, get, json, panics, post,
    store,
};

const LEFT: Account = Account { outcome: "cancelled", status: 499, ..SUCCESS };

/// T1: a future that is dropped before the head counts as cancelled.
#[test]
fn future_dropped_before_the_head_is_cancelled() {
    let metrics = store();
    let mut future = task::spawn(call(&metrics, [Act::Hang], post(Script::new([data(CALL)]))));
    assert_pending!(future.poll());
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_requests_in_flight", &[("mcp_method", "tools/call")]), 1);
    assert_eq!((page.in_flight(), page.operations()), (1, 0), "it is still being served");
    drop(future);
    Page::of(&metrics).assert_only(Account { method: "tools/call", ..LEFT }, 1, "dropped");
}

/// T2: so does one that was never polled.
#[test]
fn future_that_was_never_polled_is_cancelled() {
    let metrics = store();
    let future = call(&metrics, [Act::Hang], get(Script::new([])));
    assert_eq!(Page::of(&metrics).in_flight(), 1, "it counts from the call on");
    drop(future);
    Page::of(&metrics).assert_only(LEFT, 1, "never polled");
}

/// T3: an error of the service is the exchange's end, and the error is the service's own.
#[test]
fn service_error_is_a_transport_error() {
    let metrics = store();
    let mut future = task::spawn(call(&metrics, [Act::Fail], post(Script::new([data(CALL)]))));
    assert_eq!(assert_ready_err!(future.poll()), Broken);
    let failed = Account { method: "tools/call", outcome: "transport_error", status: 499 };
    Page::of(&metrics).assert_only(failed, 1, "at the error");
    drop(future);
    Page::of(&metrics).assert_only(failed, 1, "after the drop");
    let errors = [("type", "transport_error"), ("component", "transport")];
    assert_eq!(Page::of(&metrics).count("mcp_errors_total", &errors), 1);
}

/// T5: a panic in the inner call leaks nothing, and the service works on.
#[test]
fn panic_in_call_leaks_nothing() {
    let metrics = store();
    let acts = [Act::PanicInCall, Act::Respond(json(Script::new([]).reporting_end()))];
    let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(Plan::new(acts));
    assert!(panics(|| service.call(get(Script::new([])))));
    let failed = Account { outcome: "server_error", status: 499, ..SUCCESS };
    Page::of(&metrics).assert_only(failed, 1, "after the panic");

    let _ = assert_ready_ok!(task::spawn(service.call(get(Script::new([])))).poll());
    let page = Page::of(&metrics);
    assert_eq!(page.operations(), 2);
    page.assert_idle("after another call");
}

/// T28: whatever the outcome, a family has the same labels. A tool's error type alone is left out
/// of a success.
#[test]
fn labels_have_the_same_names_in_every_outcome() {
    let metrics = store();
    for response in [
        json(Script::new([data(ANSWER)])),
        json(Script::new([data("{"), Step::Error])),
        json(Script::new([])),
        json(Script::new([data(ANSWER.replace("\"content\"", "\"isError\":true,\"content\""))])),
    ] {
        let (mut body, _) = answered(&metrics, post(Script::new([data(CALL)])), response);
        while next(&mut body).is_some_and(|frame| frame.is_ok()) {}
    }
    drop(call(&metrics, [Act::Hang], get(Script::new([]))));

    let page = Page::of(&metrics);
    assert_eq!(page.operations(), 5);
    for family in
        ["mcp_requests_total", "mcp_operations_total", "mcp_errors_total", "mcp_requests_in_flight"]
    {
        assert_eq!(page.label_sets(family).len(), 1, "{family}: {:?}", page.label_sets(family));
    }
    let of_tools: Vec<_> = page.label_sets("mcp_tool_calls_total").into_iter().collect();
    assert_eq!(of_tools, [vec!["error_type", "status", "tool_name"], vec!["status", "tool_name"]]);
}
