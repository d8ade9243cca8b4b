//! What is current while an exchange is served.

use std::{
    future::{Future, poll_fn},
    sync::{Arc, Mutex},
    task::Poll,
};

use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Bytes;
use mcp_telemetry::{
    TraceContextLayer,
    context::{RequestContext, TraceContext},
};
use opentelemetry::{
    Context, KeyValue,
    baggage::BaggageExt,
    trace::{Span, Status, TraceContextExt, Tracer},
};
use tower::{Layer, ServiceExt};
use tracing_subscriber::layer::SubscriberExt;

use super::{
    PARENT, PARENT_SPAN, Sdk, TRACE, attribute, call_with, exchange, id_of, named, names, serving,
    value,
};
use crate::support::{ANSWER, Boxed, CALL, Script, Step, data, handler, json, listen, post};

/// The current span of OpenTelemetry, and that of the current exchange.
type Current = (String, Option<String>);

fn current() -> Current {
    let otel = Context::current().span().span_context().span_id().to_string();
    (otel, TraceContext::current().map(|trace| trace.span_id().to_string()))
}

/// T34, T35
#[tokio::test]
async fn the_span_is_current_in_the_call_in_the_future_and_in_the_body() {
    let sdk = Sdk::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = {
        let seen = Arc::clone(&seen);
        move || seen.lock().unwrap().push(current())
    };
    let service = handler(move |_| {
        see();
        let see = see.clone();
        async move {
            tokio::task::yield_now().await;
            see();
            let frames = futures_util::stream::poll_fn({
                let mut frames = [&ANSWER[..10], &ANSWER[10..]].into_iter();
                move |_| {
                    see();
                    let frame = frames.next().map(|text| Frame::data(Bytes::from(text)));
                    Poll::Ready(frame.map(Ok::<_, std::convert::Infallible>))
                }
            });
            Ok::<_, std::convert::Infallible>(json(StreamBody::new(frames)))
        }
    });
    let none = current();
    exchange(&sdk.layer(), service, call_with(&[])).await;
    let span = sdk.span();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 5, "call, future, two frames and the end");
    for (place, seen) in seen.iter().enumerate() {
        assert_eq!(*seen, (id_of(&span), Some(id_of(&span))), "{place}");
    }
    assert_eq!(current(), none, "and nowhere else");
}

/// T35: the request's body too, whoever reads it.
#[tokio::test]
async fn the_span_is_current_in_the_request_body_that_another_task_reads() {
    let sdk = Sdk::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = Arc::clone(&seen);
    let frames = futures_util::stream::poll_fn({
        let mut frames = [&CALL[..10], &CALL[10..]].into_iter();
        move |_| {
            see.lock().unwrap().push(current());
            let frame = frames.next().map(|text| Frame::data(Bytes::from(text)));
            Poll::Ready(frame.map(Ok::<_, std::convert::Infallible>))
        }
    });
    let service = handler(async |request: http::Request<Boxed>| {
        let reading =
            tokio::spawn(async { request.into_body().collect().await.unwrap().to_bytes() });
        assert_eq!(reading.await.unwrap(), CALL);
        Ok::<_, std::convert::Infallible>(json(Script::new([data(ANSWER)])))
    });
    let response = sdk.layer().layer(service).oneshot(post(StreamBody::new(frames))).await.unwrap();
    response.into_body().collect().await.unwrap();
    let span = sdk.span();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3, "two frames and the end");
    for (place, seen) in seen.iter().enumerate() {
        assert_eq!(*seen, (id_of(&span), Some(id_of(&span))), "{place}");
    }
}

/// T39: spans of handlers are children, whatever span of `tracing` the task is in.
#[tokio::test]
async fn spans_of_handlers_are_children() {
    let sdk = Sdk::new();
    let layer = tracing_opentelemetry::layer().with_tracer(sdk.tracer());
    let _subscriber = listen(tracing_subscriber::registry().with(layer));
    let service = serving(async |_| {
        let outer = tracing::info_span!("query");
        tracing::Instrument::instrument(
            async {
                tracing::info_span!("fetch").in_scope(|| {});
                tokio::task::yield_now().await;
                tracing::info_span!("parse").in_scope(|| {});
            },
            outer,
        )
        .await;
        json(Script::new([data(ANSWER)]))
    });
    let session = tracing::info_span!("session");
    let exchange = tracing::Instrument::instrument(
        async { exchange(&sdk.layer(), service, call_with(&[("traceparent", PARENT)])).await },
        session,
    );
    exchange.await;
    let spans = sdk.spans();
    assert_eq!(spans.len(), 5, "none twice: {:?}", names(&spans));
    let (own, query) = (named(&spans, "tools/call echo"), named(&spans, "query"));
    assert_eq!(own.parent_span_id.to_string(), PARENT_SPAN);
    assert_eq!(query.parent_span_id.to_string(), id_of(own));
    for inner in ["fetch", "parse"] {
        assert_eq!(named(&spans, inner).parent_span_id.to_string(), id_of(query), "{inner}");
    }
}

/// T36: there is no subscriber, no filter that could switch it off, and no SDK.
#[tokio::test]
async fn a_remote_parent_is_current_without_any_tracing() {
    let service = serving(async |_| {
        let otel = Context::current().span().span_context().clone();
        assert_eq!(otel.trace_id().to_string(), TRACE);
        assert_eq!(otel.span_id().to_string(), PARENT_SPAN, "nobody made a span in between");
        assert!(otel.is_remote() && otel.is_sampled());
        json(Script::new([data(ANSWER)]))
    });
    exchange(&TraceContextLayer::new(), service, call_with(&[("traceparent", PARENT)])).await;
}

/// T36: `tracing` spans are made by a provider that is not the layer's, nor the global one.
#[tokio::test]
async fn a_remote_parent_reaches_spans_of_another_provider() {
    let sdk = Sdk::new();
    let layer = tracing_opentelemetry::layer().with_tracer(sdk.tracer());
    let _subscriber = listen(tracing_subscriber::registry().with(layer));
    let service = serving(async |_| {
        tracing::info_span!("query").in_scope(|| {});
        json(Script::new([data(ANSWER)]))
    });
    exchange(&TraceContextLayer::new(), service, call_with(&[("traceparent", PARENT)])).await;
    assert_eq!(sdk.span().parent_span_id.to_string(), PARENT_SPAN);
}

#[tokio::test]
async fn handlers_write_on_the_span() {
    let sdk = Sdk::new();
    let service = serving(async |_| {
        let exchange = RequestContext::current().unwrap();
        exchange.set_user_id("user-7");
        assert_eq!(exchange.user_id().as_deref(), Some("user-7"));
        exchange.set_attribute("rows", 3);
        exchange.add_event("found", [KeyValue::new("in", "cache")]);
        exchange.record_error(&std::fmt::Error);
        json(Script::new([data(ANSWER)]))
    });
    exchange(&sdk.layer(), service, call_with(&[])).await;
    let span = sdk.span();
    assert_eq!(attribute(&span, "rows").as_deref(), Some("3"));
    let [found, error] = &span.events[..] else { panic!("two events: {:?}", span.events) };
    assert_eq!(found.name, "found");
    assert_eq!(value(&found.attributes, "in").unwrap().to_string(), "cache");
    assert_eq!(error.name, "exception");
    let message = value(&error.attributes, "exception.message").unwrap().to_string();
    assert_eq!(message, std::fmt::Error.to_string());
    assert_eq!(span.status, Status::Unset, "the answer decides");
    assert!(!format!("{span:?}").contains("user-7"));
}

/// An error that writes on the span itself while it is being written.
#[tokio::test]
async fn an_error_that_reaches_for_the_span_is_recorded() {
    #[derive(Debug)]
    struct Reaching;
    impl std::error::Error for Reaching {}
    impl std::fmt::Display for Reaching {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            RequestContext::current().unwrap().set_attribute("reached", true);
            Context::current().span().add_event("reached", Vec::new());
            f.write_str("reaching")
        }
    }
    let sdk = Sdk::new();
    let service = serving(async |_| {
        RequestContext::current().unwrap().record_error(&Reaching);
        json(Script::new([data(ANSWER)]))
    });
    exchange(&sdk.layer(), service, call_with(&[])).await;
    let span = sdk.span();
    assert_eq!(attribute(&span, "reached").as_deref(), Some("true"));
    assert_eq!(span.events.len(), 2);
}

#[tokio::test]
async fn baggage_is_current_for_opentelemetry() {
    let sdk = Sdk::new();
    for layer in [sdk.layer(), TraceContextLayer::new()] {
        let service = serving(async |_| {
            let user = Context::current().baggage().get("user").map(ToString::to_string);
            assert_eq!(user.as_deref(), Some("Am\u{e9}lie"));
            let trace = TraceContext::current().unwrap();
            assert_eq!(trace.baggage().as_str(), "user=Am%C3%A9lie;ttl=3");
            json(Script::new([data(ANSWER)]))
        });
        let headers = [("baggage", "user=Am%C3%A9lie;ttl=3")];
        exchange(&layer, service, call_with(&headers)).await;
    }
}

/// Another task is given the exchange, and loses it at its end.
#[tokio::test]
async fn another_task_can_work_for_the_exchange_until_its_end() {
    let sdk = Sdk::new();
    let tracer = sdk.tracer();
    let (ended, is_over) = tokio::sync::oneshot::channel::<()>();
    let (task_of, task) = tokio::sync::oneshot::channel();
    let slots = Arc::new(Mutex::new(Some((is_over, task_of))));
    let service = serving(move |_| {
        let (is_over, task_of) = slots.lock().unwrap().take().unwrap();
        let tracer = tracer.clone();
        async move {
            let (working, works) = tokio::sync::oneshot::channel();
            let exchange = RequestContext::current().unwrap();
            let kept = exchange.clone();
            let work = exchange.scope(async move {
                let (otel, own) = current();
                assert_eq!(Some(otel), own);
                tracer.start("work").end();
                working.send(()).unwrap();
                is_over.await.unwrap();
                assert_eq!(current(), ("0000000000000000".to_owned(), None));
                assert!(RequestContext::current().is_none());
                drop(kept.enter());
                assert!(kept.trace_context().is_none() && kept.user_id().is_none());
                kept.set_user_id("late");
                kept.set_attribute("late", true);
            });
            task_of.send(tokio::spawn(work)).unwrap();
            works.await.unwrap();
            json(Script::new([data(ANSWER)]))
        }
    });
    exchange(&sdk.layer(), service, call_with(&[])).await;
    ended.send(()).unwrap();
    task.await.unwrap().await.unwrap();
    let spans = sdk.spans();
    let own = named(&spans, "tools/call echo");
    assert_eq!(named(&spans, "work").parent_span_id.to_string(), id_of(own));
    assert_eq!(attribute(own, "late"), None);
}

#[tokio::test]
async fn a_guard_enters_and_leaves() {
    let sdk = Sdk::new();
    let service = serving(async |request| {
        let (parts, _) = request.into_parts();
        let own = current();
        let thread = std::thread::spawn(move || {
            let before = current();
            let exchange = RequestContext::from_parts(&parts).unwrap();
            let entered = exchange.enter();
            let inside = current();
            let again = exchange.enter();
            assert_eq!(current(), inside);
            drop(again);
            assert_eq!(current(), inside);
            drop(entered);
            assert_eq!(current(), before);
            inside
        });
        assert_eq!(thread.join().unwrap(), own);
        json(Script::new([data(ANSWER)]))
    });
    exchange(&sdk.layer(), service, call_with(&[])).await;
    assert_eq!(sdk.spans().len(), 1);
}

/// Nor does an exchange that has ended hide the one that has not.
#[tokio::test]
async fn an_exchange_that_has_ended_is_not_entered() {
    let sdk = Sdk::new();
    let kept = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&kept);
    let service = serving(move |_| {
        let ended = slot.lock().unwrap().replace(RequestContext::current().unwrap());
        async {
            if let Some(ended) = ended {
                let own = current();
                let entered = ended.enter();
                assert_eq!(current(), own);
                drop(entered);
                assert_eq!(ended.scope(async { current() }).await, own);
            }
            json(Script::new([data(ANSWER)]))
        }
    });
    for _ in 0..2 {
        exchange(&sdk.layer(), service.clone(), call_with(&[])).await;
    }
    assert_eq!(sdk.spans().len(), 2);
}

/// Work that is given up is given up inside of the exchange.
#[tokio::test]
async fn a_scoped_future_is_dropped_in_its_scope() {
    struct Tell(Arc<Mutex<Option<Current>>>);
    impl Drop for Tell {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(current());
        }
    }
    let sdk = Sdk::new();
    let told = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&told);
    let service = serving(move |_| {
        let tell = Tell(Arc::clone(&slot));
        async move {
            let work = RequestContext::current().unwrap().scope(async move {
                let _tell = tell;
                std::future::pending::<()>().await;
            });
            let thread = std::thread::spawn(move || {
                let mut work = Box::pin(work);
                let waker = std::task::Waker::noop();
                let mut cx = std::task::Context::from_waker(waker);
                assert!(work.as_mut().poll(&mut cx).is_pending());
            });
            thread.join().unwrap();
            json(Script::new([data(ANSWER)]))
        }
    });
    exchange(&sdk.layer(), service, call_with(&[])).await;
    let own = id_of(&sdk.span());
    assert_eq!(told.lock().unwrap().clone(), Some((own.clone(), Some(own))));
}

/// A service within a service: the inner exchange is current while it lasts, then the outer one.
#[tokio::test]
async fn exchanges_nest() {
    let (sdk, inner) = (Sdk::new(), Sdk::new());
    let inner_layer = inner.layer();
    let service = serving(move |_| {
        let inner_layer = inner_layer.clone();
        async move {
            let own = current();
            let nested = serving(async |_| {
                assert!(TraceContext::current().is_some());
                json(Script::new([data(ANSWER)]))
            });
            exchange(&inner_layer, nested, call_with(&[])).await;
            assert_eq!(current(), own);
            json(Script::new([data(ANSWER)]))
        }
    });
    exchange(&sdk.layer(), service, call_with(&[])).await;
    let (outer, inner) = (sdk.span(), inner.span());
    assert_eq!(inner.parent_span_id.to_string(), id_of(&outer));
}

/// A retry between two layers: each attempt has a span, and the latest is shown.
#[tokio::test]
async fn each_attempt_shows_its_own_span() {
    let sdk = Sdk::new();
    let shown = Arc::new(Mutex::new(Vec::new()));
    let see = Arc::clone(&shown);
    let attempts = sdk.layer().layer(serving(move |_| {
        see.lock().unwrap().push(current());
        async { json(Script::new([data(ANSWER)])) }
    }));
    let twice = handler(move |request: http::Request<crate::support::Boxed>| {
        let attempts = attempts.clone();
        async move {
            let (parts, _) = request.into_parts();
            for _ in 0..2 {
                let request = http::Request::from_parts(
                    parts.clone(),
                    http_body_util::Full::from(crate::support::CALL),
                );
                let response = attempts.clone().oneshot(request).await.unwrap();
                response.into_body().collect().await.unwrap();
            }
            Ok::<_, std::convert::Infallible>(json(Script::new([data(ANSWER)])))
        }
    });
    let metrics = mcp_telemetry::MetricsLayer::with_metrics(crate::support::store());
    metrics.layer(twice).oneshot(call_with(&[])).await.unwrap();
    let spans = sdk.spans();
    assert_eq!(spans.len(), 2);
    for (span, shown) in spans.iter().zip(shown.lock().unwrap().iter()) {
        assert_eq!(*shown, (id_of(span), Some(id_of(span))));
    }
}

#[tokio::test]
async fn a_service_that_waits_is_polled_once_per_poll() {
    let sdk = Sdk::new();
    let polls = Arc::new(Mutex::new(0));
    let count = Arc::clone(&polls);
    let service = serving(move |_| {
        let count = Arc::clone(&count);
        async move {
            let mut left = 3;
            poll_fn(move |cx| {
                *count.lock().unwrap() += 1;
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            json(Script::new([data(ANSWER), Step::Yield]))
        }
    });
    exchange(&sdk.layer(), service, call_with(&[])).await;
    assert_eq!(*polls.lock().unwrap(), 4);
}
