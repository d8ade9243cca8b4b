//! Where the parent of a span comes from.

use http::{HeaderValue, request::Parts};
use http_body_util::BodyExt;
use mcp_telemetry::{
    Hold,
    context::RequestContext,
    trace_context::{ParentOrder, ParentSource, Trust},
};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanContext, TraceContextExt, TraceState, Tracer},
};

use super::{
    OTHER, OTHER_SPAN, PARENT, PARENT_SPAN, Sdk, TRACE, answering, call_with, call_with_meta,
    exchange, id_of, links_of, named, serving, trace_of, with,
};
use crate::support::{ANSWER, Script, data, json};

/// T38: with no propagator installed in the process, and none given.
#[tokio::test]
async fn a_header_is_the_parent() {
    let sdk = Sdk::new();
    let request = call_with(&[("traceparent", PARENT), ("tracestate", "rojo=1,congo=2")]);
    exchange(&sdk.layer(), answering(), request).await;
    let span = sdk.span();
    assert_eq!(trace_of(&span), TRACE);
    assert_eq!(span.parent_span_id.to_string(), PARENT_SPAN);
    assert!(span.parent_span_is_remote);
    assert_eq!(span.span_context.trace_state().header(), "rojo=1,congo=2");
    assert!(span.links.is_empty());
}

#[tokio::test]
async fn the_message_goes_before_the_header_which_is_linked() {
    let sdk = Sdk::new();
    let request = call_with_meta(&format!(r#""traceparent":"{PARENT}","tracestate":"rojo=1""#));
    exchange(&sdk.layer(), answering(), with(request, &[("traceparent", OTHER)])).await;
    let span = sdk.span();
    assert_eq!(trace_of(&span), TRACE);
    assert_eq!(span.parent_span_id.to_string(), PARENT_SPAN);
    assert_eq!(span.span_context.trace_state().header(), "rojo=1");
    assert_eq!(links_of(&span), [OTHER_SPAN]);
    assert!(span.links.iter().all(|link| link.span_context.is_sampled()));
}

#[tokio::test]
async fn an_ambient_span_is_linked_or_the_parent() {
    let sdk = Sdk::new();
    let tracer = sdk.tracer();
    for (headers, parent_is_ambient) in [(&[("traceparent", PARENT)][..], false), (&[], true)] {
        let ambient = Context::new().with_span(tracer.start("ambient"));
        let layer = sdk.layer();
        let exchange = exchange(&layer, answering(), call_with(headers));
        opentelemetry::context::FutureExt::with_context(exchange, ambient).await;
        let spans = sdk.spans();
        sdk.exporter.reset();
        let (ambient, span) = (named(&spans, "ambient"), named(&spans, "tools/call echo"));
        if parent_is_ambient {
            assert_eq!(span.parent_span_id, ambient.span_context.span_id());
            assert!(!span.parent_span_is_remote && span.links.is_empty());
        } else {
            assert_eq!(span.parent_span_id.to_string(), PARENT_SPAN);
            assert_eq!(links_of(span), [id_of(ambient)]);
        }
    }
}

#[tokio::test]
async fn the_order_is_a_setting() {
    let sdk = Sdk::new();
    let order = ParentOrder::new(ParentSource::Header).then(ParentSource::Meta);
    let request = call_with_meta(&format!(r#""traceparent":"{PARENT}""#));
    let request = with(request, &[("traceparent", OTHER)]);
    exchange(&sdk.layer().parent_order(order), answering(), request).await;
    let span = sdk.span();
    assert_eq!(span.parent_span_id.to_string(), OTHER_SPAN);
    assert_eq!(links_of(&span), [PARENT_SPAN]);
}

#[tokio::test]
async fn a_context_that_comes_too_late_is_linked() {
    let sdk = Sdk::new();
    let reads = serving(async |request| {
        let _ = request.into_body().collect().await;
        json(Script::new([data(ANSWER)]))
    });
    let request = call_with_meta(&format!(r#""traceparent":"{PARENT}""#));
    let request = with(request, &[("traceparent", OTHER)]);
    exchange(&sdk.layer().hold(Hold::Never), reads, request).await;
    let span = sdk.span();
    assert_eq!(span.parent_span_id.to_string(), OTHER_SPAN);
    assert_eq!(links_of(&span), [PARENT_SPAN]);
}

#[tokio::test]
async fn a_context_that_comes_twice_is_not_linked_to_itself() {
    for hold in [Hold::default(), Hold::Never] {
        let sdk = Sdk::new();
        let reads = serving(async |request| {
            let _ = request.into_body().collect().await;
            json(Script::new([data(ANSWER)]))
        });
        let request = call_with_meta(&format!(r#""traceparent":"{PARENT}""#));
        let request = with(request, &[("traceparent", PARENT)]);
        exchange(&sdk.layer().hold(hold), reads, request).await;
        let span = sdk.span();
        assert_eq!(span.parent_span_id.to_string(), PARENT_SPAN, "{hold:?}");
        assert!(span.links.is_empty(), "{hold:?}");
    }
}

/// T41: a new root, linked; no forced sample, no state, no baggage.
#[tokio::test]
async fn strangers_choose_nothing() {
    let sdk = Sdk::new();
    let request = call_with_meta(&format!(r#""traceparent":"{PARENT}","baggage":"a=1""#));
    let headers = [("traceparent", OTHER), ("tracestate", "rojo=1"), ("baggage", "b=2")];
    let told = serving(async |_| {
        let trace = RequestContext::current().unwrap().trace_context().unwrap();
        assert!(trace.baggage().is_empty() && trace.tracestate().is_empty());
        json(Script::new([data(ANSWER)]))
    });
    exchange(&sdk.layer().trust(Trust::Never), told, with(request, &headers)).await;
    let span = sdk.span();
    assert_eq!(span.parent_span_id.to_string(), "0000000000000000");
    assert_ne!(trace_of(&span), TRACE);
    assert_eq!(links_of(&span), [PARENT_SPAN, OTHER_SPAN]);
    for link in span.links.iter() {
        assert!(!link.span_context.is_sampled());
        assert_eq!(link.span_context.trace_state().header(), "");
    }
}

/// T41: what a layer of one's own further out has begun goes on.
#[tokio::test]
async fn a_local_parent_is_kept_among_strangers() {
    let sdk = Sdk::new();
    let ambient = Context::new().with_span(sdk.tracer().start("ambient"));
    let layer = sdk.layer().trust(Trust::Never);
    let exchange = exchange(&layer, answering(), call_with(&[("traceparent", PARENT)]));
    opentelemetry::context::FutureExt::with_context(exchange, ambient).await;
    let spans = sdk.spans();
    let (ambient, span) = (named(&spans, "ambient"), named(&spans, "tools/call echo"));
    assert_eq!(span.parent_span_id, ambient.span_context.span_id());
    assert_eq!(links_of(span), [PARENT_SPAN]);
}

/// T41: what a layer further out has taken from the request for a parent is a stranger's too.
#[tokio::test]
async fn a_remote_parent_is_not_kept_among_strangers() {
    let sdk = Sdk::new();
    let (trace, span) = (0x99_u128.into(), 0x77_u64.into());
    let flags = opentelemetry::TraceFlags::SAMPLED;
    let remote = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    let ambient = Context::new().with_remote_span_context(remote);
    let layer = sdk.layer().trust(Trust::Never);
    let exchange = exchange(&layer, answering(), call_with(&[]));
    opentelemetry::context::FutureExt::with_context(exchange, ambient).await;
    let span = sdk.span();
    assert_eq!(span.parent_span_id.to_string(), "0000000000000000");
    assert_ne!(span.span_context.trace_id(), trace);
    assert_eq!(links_of(&span), ["0000000000000077"]);
    assert!(!span.links.iter().any(|link| link.span_context.is_sampled()));
}

#[tokio::test]
async fn trust_can_depend_on_the_request() {
    let inside = |request: &Parts| request.headers.get("x-from").is_some_and(|f| f == "inside");
    for (from, is_child) in [("inside", true), ("outside", false)] {
        let sdk = Sdk::new();
        let request = call_with(&[("traceparent", PARENT), ("x-from", from)]);
        exchange(&sdk.layer().trust(Trust::When(inside)), answering(), request).await;
        assert_eq!(trace_of(&sdk.span()) == TRACE, is_child, "{from}");
    }
}

/// T40: never an error, and never a parent.
#[tokio::test]
async fn a_malformed_context_is_as_good_as_none() {
    const UPPER: &str = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01";
    const NO_TRACE: &str = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    const NO_SPAN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
    const TRAILING: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-";
    const VERSION: &str = "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for parent in ["", "00-1-1-1", UPPER, NO_TRACE, NO_SPAN, TRAILING, VERSION] {
        let sdk = Sdk::new();
        let headers = [("traceparent", parent), ("tracestate", "rojo=1")];
        exchange(&sdk.layer(), answering(), call_with(&headers)).await;
        let span = sdk.span();
        assert_eq!(span.parent_span_id.to_string(), "0000000000000000", "{parent}");
        assert_eq!(span.span_context.trace_state().header(), "", "{parent}");
        assert!(span.links.is_empty(), "{parent}");

        sdk.exporter.reset();
        let meta = format!(r#""traceparent":"{parent}""#);
        let request = with(call_with_meta(&meta), &[("traceparent", PARENT)]);
        exchange(&sdk.layer(), answering(), request).await;
        let found = sdk.span().parent_span_id.to_string();
        assert_eq!(found, PARENT_SPAN, "the header is next: {parent}");
    }
    let sdk = Sdk::new();
    let twice = [("traceparent", PARENT), ("traceparent", PARENT)];
    let layer = sdk.layer();
    exchange(&layer, answering(), call_with(&twice)).await;
    assert_ne!(trace_of(&sdk.span()), TRACE, "which of two is the parent?");
    assert_eq!(layer.invalid_contexts(), 1, "it is counted");
}

/// T40: the same, of what still says something.
#[tokio::test]
async fn a_context_is_read_as_far_as_it_is_valid() {
    const LATER: &str = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-ever";
    let sdk = Sdk::new();
    exchange(&sdk.layer(), answering(), call_with(&[("traceparent", LATER)])).await;
    assert_eq!(trace_of(&sdk.span()), TRACE);

    let sdk = Sdk::new();
    let states = [("traceparent", PARENT), ("tracestate", "rojo=1"), ("tracestate", "rojo=2")];
    exchange(&sdk.layer(), answering(), call_with(&states)).await;
    assert_eq!(sdk.span().parent_span_id.to_string(), PARENT_SPAN);
    assert_eq!(sdk.span().span_context.trace_state().header(), "", "a key twice");

    for meta in [r#""traceparent":7"#, r#""traceparent":null"#, r#""traceparent":["x"]"#] {
        let sdk = Sdk::new();
        let request = with(call_with_meta(meta), &[("traceparent", PARENT)]);
        exchange(&sdk.layer(), answering(), request).await;
        assert_eq!(sdk.span().parent_span_id.to_string(), PARENT_SPAN, "{meta}");
    }
}

/// T40: whatever bytes come, in headers and in the message.
#[test]
fn no_bytes_fail_a_request() {
    use proptest::prelude::*;

    let bytes = || proptest::collection::vec(any::<u8>(), 0..80);
    let near = PARENT.replace('4', "[0-9a-gA-F]");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sdk = Sdk::new();
    let layer = sdk.layer();
    let strategy = (bytes(), bytes(), bytes(), near.as_str(), ".{0,80}", ".{0,80}");
    proptest!(ProptestConfig::with_cases(200), |((parent, state, baggage, near, a, b) in strategy)| {
        let text = |text: &str| serde_json::to_string(text).unwrap();
        let (meta, a, b) = (text(&near), text(&a), text(&b));
        let meta = format!(r#""traceparent":{meta},"tracestate":{a},"baggage":{b}"#);
        let mut request = call_with_meta(&meta);
        let headers = [("traceparent", parent), ("tracestate", state), ("baggage", baggage)];
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers_mut().append(name, value);
            }
        }
        let response = runtime.block_on(exchange(&layer, answering(), request));
        prop_assert_eq!(response.body(), ANSWER);
    });
    assert!(sdk.spans().len() >= 100, "those that are sampled");
}

#[tokio::test]
async fn a_parent_that_was_not_sampled_is_exported_by_nobody() {
    let sdk = Sdk::new();
    let unsampled = PARENT.replace("-01", "-02");
    let mut request = call_with(&[]);
    request.headers_mut().insert("traceparent", unsampled.parse().unwrap());
    let told = serving(async |_| {
        let trace = RequestContext::current().unwrap().trace_context().unwrap();
        assert_eq!(trace.trace_id().to_string(), TRACE);
        assert!(!trace.is_native() && !trace.flags().is_sampled());
        assert!(trace.flags().is_random(), "the flag of the trace is kept");
        json(Script::new([data(ANSWER)]))
    });
    exchange(&sdk.layer(), told, request).await;
    assert!(sdk.spans().is_empty());
}

/// Reads one header of a form of its own.
#[derive(Debug)]
struct Foreign;

impl TextMapPropagator for Foreign {
    fn inject_context(&self, _: &Context, _: &mut dyn Injector) {}

    fn extract_with_context(&self, context: &Context, headers: &dyn Extractor) -> Context {
        let Some((trace, span)) = headers.get("x-trace").and_then(|text| text.split_once(':'))
        else {
            return context.clone();
        };
        let trace = opentelemetry::TraceId::from_hex(trace).unwrap();
        let span = opentelemetry::SpanId::from_hex(span).unwrap();
        let flags = opentelemetry::TraceFlags::SAMPLED;
        let remote = SpanContext::new(trace, span, flags, true, TraceState::NONE);
        context.with_remote_span_context(remote)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&[])
    }
}

#[tokio::test]
async fn headers_of_another_form_are_read_by_a_propagator() {
    let sdk = Sdk::new();
    let headers =
        [("x-trace", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7"), ("traceparent", OTHER)];
    exchange(&sdk.layer().propagator(Foreign), answering(), call_with(&headers)).await;
    let span = sdk.span();
    assert_eq!(span.parent_span_id.to_string(), PARENT_SPAN);
    assert!(span.links.is_empty(), "nobody has asked for the other one");
}
