use tracing::{Level, info, info_span, level_filters::LevelFilter, trace_span};
use tracing_subscriber::{Registry, layer::SubscriberExt};

use super::capture::{Writes, json_line, json_lines};
use crate::{context::testing::serve, logging::JsonLayer};

#[test]
fn a_line_has_the_ids_of_the_exchange_without_any_span() {
    let serving = serve("order-66");
    let line = json_line(|| info!("inside"));
    assert_eq!(line["request_id"], "order-66");
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(line["span_id"], "00f067aa0ba902b7");
    drop(serving);
    let line = json_line(|| info!("outside"));
    assert_eq!((line.get("request_id"), line.get("trace_id")), (None, None));
}

/// T36: a filter that lets no span through takes no id away.
#[test]
fn ids_do_not_depend_on_the_level_of_spans() {
    let writes = Writes::default();
    let layer = JsonLayer::new().with_writer(writes.clone());
    let subscriber = Registry::default().with(LevelFilter::INFO).with(layer);
    let _serving = serve("order-66");
    tracing::subscriber::with_default(subscriber, || {
        trace_span!("filtered out").in_scope(|| info!("inside"));
    });
    assert!(writes.all()[0].contains(r#""request_id":"order-66""#));
}

#[test]
fn a_span_keeps_the_exchange_for_lines_of_other_tasks() {
    let lines = json_lines(|| {
        let serving = serve("order-66");
        let span = info_span!("handler");
        drop(serving);
        // Another task now: no exchange is being served.
        span.in_scope(|| {
            info!("in the span");
            info_span!("child").in_scope(|| info!("in a span made later"));
        });
        info!(parent: &span, "of the span");
        info!("outside");
    });
    let ids: Vec<_> = lines.iter().map(|line| line["request_id"].as_str()).collect();
    assert_eq!(ids, [Some("order-66"), Some("order-66"), Some("order-66"), None]);
}

#[test]
fn the_exchange_being_served_goes_before_the_one_of_an_entered_span() {
    let line = json_line(|| {
        let serving = serve("first");
        let span = info_span!("long lived");
        drop(serving);
        let _serving = serve("second");
        span.in_scope(|| info!("inside"));
    });
    assert_eq!(line["request_id"], "second");
}

/// T39: the parent that an event or a span names goes before what its thread is busy with.
#[test]
fn an_explicit_parent_goes_before_the_span_of_another_task() {
    let lines = json_lines(|| {
        let spans: Vec<_> = ["first", "second"]
            .map(|id| {
                let _serving = serve(id);
                info_span!("handler")
            })
            .into();
        spans[1].in_scope(|| info!(parent: &spans[0], "entered span"));
        let _serving = serve("second");
        info!(parent: &spans[0], "served exchange");
        let child = info_span!(parent: &spans[0], "child");
        info!(parent: &child, "span with a parent");
    });
    for line in lines {
        assert_eq!(line["request_id"], "first", "{}", line["message"]);
    }
}

#[test]
fn an_event_without_a_parent_takes_nothing_from_the_entered_span() {
    let line = json_line(|| {
        let serving = serve("order-66");
        let span = info_span!("handler");
        drop(serving);
        span.in_scope(|| tracing::event!(parent: None, Level::INFO, "on its own"));
    });
    assert_eq!(line.get("request_id"), None);
}

/// `Extensions::insert` would panic at the second layer's.
#[test]
fn two_layers_keep_the_exchange_in_one_span() {
    let writes = Writes::default();
    let layer = JsonLayer::new().with_writer(writes.clone());
    let subscriber = Registry::default().with(layer.clone()).with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let serving = serve("order-66");
        let span = info_span!("handler");
        drop(serving);
        span.in_scope(|| info!("inside"));
    });
    let lines = writes.all();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.contains("order-66")));
}
