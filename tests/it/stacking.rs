//! Several layers on one exchange: each store counts it once, and nothing is read twice.

use std::{
    convert::Infallible,
    future,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, routing::post_service};
use futures_util::FutureExt;
use http::{Extensions, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{Hold, MetricsLayer, ObservabilityLayer, metrics::McpMetrics};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, retry::Policy, service_fn};
use tower_http::{compression::CompressionLayer, decompression::RequestDecompressionLayer};

use crate::support::{
    ANSWER, Account, Boxed, CALL, Page, Script, call, data, handler, json, post, store,
};

const ANSWERED: Account = Account { method: "tools/call", outcome: "success", status: 200 };

/// Reads the call and answers it, in two frames.
async fn answer(request: Request<Boxed>) -> Result<Response<Script>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, CALL, "the call arrives whole");
    Ok(json(Script::new([data(&ANSWER[..20]), data(&ANSWER[20..])])))
}

/// Sends a call and reads its answer to the end.
async fn exchange<S, R>(service: S) -> Response<Bytes>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = Infallible>,
    R: http_body::Body<Error: Into<BoxError>>,
{
    send(service, call(Full::from(CALL))).await
}

async fn send<S, R>(service: S, request: Request<Full<Bytes>>) -> Response<Bytes>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = Infallible>,
    R: http_body::Body<Error: Into<BoxError>>,
{
    let Ok(response) = service.oneshot(request).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(Into::into).unwrap().to_bytes();
    Response::from_parts(head, body)
}

/// T24: layers of one store, stacked in any way, count once.
#[tokio::test]
async fn layers_of_one_store_count_once() {
    macro_rules! check {
        ($($outer:expr => $inner:expr),* $(,)?) => {$(
            let metrics = store();
            let service = ServiceBuilder::new()
                .layer($outer(&metrics))
                .layer($inner(&metrics))
                .service(handler(answer));
            assert_eq!(exchange(service).await.body(), ANSWER);
            let what = concat!(stringify!($outer), " around ", stringify!($inner));
            Page::of(&metrics).assert_only(ANSWERED, 1, what);
        )*};
    }
    let one = |metrics: &McpMetrics| MetricsLayer::with_metrics(metrics.clone());
    let bundle = |metrics: &McpMetrics| ObservabilityLayer::new().metrics(metrics.clone());
    let holding = |metrics: &McpMetrics| bundle(metrics).hold(Hold::UpTo(65_536));
    check!(
        one => one,
        one => bundle,
        one => holding,
        bundle => one,
        bundle => bundle,
        bundle => holding,
        holding => one,
        holding => bundle,
        holding => holding,
    );
}

/// T24: a layer around the router and one on the route count once, and so do those of a nest.
#[tokio::test]
async fn layers_around_and_on_a_route_count_once() {
    let layer = |metrics: &McpMetrics| ObservabilityLayer::new().metrics(metrics.clone());
    for nested in [false, true] {
        let metrics = store();
        let on_route = post_service(handler(answer)).layer(layer(&metrics));
        let app = if nested {
            let inner = Router::new().route("/", on_route).layer(layer(&metrics));
            Router::new().nest("/mcp", inner)
        } else {
            Router::new().route("/mcp", on_route).route_layer(layer(&metrics))
        };
        let app = app.layer(layer(&metrics)).layer(layer(&metrics));
        let request = post(Body::from(CALL));
        let response = app.oneshot(request).await.unwrap();
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(answer, ANSWER, "nested: {nested}");
        Page::of(&metrics).assert_only(ANSWERED, 1, "around and on");
    }
}

/// T24: two stores count the same exchange once each, with the same account.
#[tokio::test]
async fn two_stores_count_once_each() {
    let (first, second) = (store(), store());
    let service = ServiceBuilder::new()
        .layer(MetricsLayer::with_metrics(first.clone()))
        .layer(ObservabilityLayer::new().metrics(second.clone()))
        .layer(MetricsLayer::with_metrics(first.clone()))
        .layer(MetricsLayer::with_metrics(second.clone()))
        .service(handler(answer));
    assert_eq!(exchange(service).await.body(), ANSWER);
    Page::of(&first).assert_only(ANSWERED, 1, "the outer store");
    Page::of(&second).assert_only(ANSWERED, 1, "the inner store");
}

/// Tries again when the service is unavailable.
#[derive(Clone)]
struct Again;

impl<B> Policy<Request<Full<Bytes>>, Response<B>, Infallible> for Again {
    type Future = future::Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Full<Bytes>>,
        result: &mut Result<Response<B>, Infallible>,
    ) -> Option<Self::Future> {
        let unavailable = |response: &Response<B>| response.status() == 503;
        result.as_ref().is_ok_and(unavailable).then(|| future::ready(()))
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}

/// T24: a retry between two layers is one exchange outside and two inside.
#[tokio::test]
async fn retry_is_counted_where_it_is_seen() {
    let (outer, inner) = (store(), store());
    let calls = Arc::new(Mutex::new(0));
    let flaky = handler(move |request: Request<Boxed>| {
        *calls.lock().unwrap() += 1;
        let first = *calls.lock().unwrap() == 1;
        async move {
            let mut response = answer(request).await?;
            if first {
                *response.body_mut() = Script::new([]).reporting_end();
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            Ok::<_, Infallible>(response)
        }
    });
    let retried = ServiceBuilder::new()
        .retry(Again)
        .layer(MetricsLayer::with_metrics(inner.clone()))
        .service(flaky);
    // A request has to be in memory to be sent again.
    let buffering = handler(move |request: Request<Boxed>| {
        let retried = retried.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = Full::new(body.collect().await.unwrap().to_bytes());
            retried.oneshot(Request::from_parts(head, body)).await
        }
    });
    let service = MetricsLayer::with_metrics(outer.clone()).layer(buffering);
    assert_eq!(exchange(service).await.body(), ANSWER);

    Page::of(&outer).assert_only(ANSWERED, 1, "outside of the retry");
    let page = Page::of(&inner);
    assert_eq!(page.operations(), 2);
    for (outcome, status) in [("success", "200"), ("server_error", "503")] {
        let labels = [("mcp_method", "tools/call"), ("outcome", outcome)];
        assert_eq!(page.count("mcp_operations_total", &labels), 1, "{outcome}");
        assert_eq!(page.count("mcp_requests_total", &[("status", status)]), 1, "{status}");
    }
    page.assert_idle("inside of the retry");
}

/// An answer that is compressed between two layers cannot be read by the outer one, which learns
/// it from the inner one.
#[tokio::test]
async fn answer_compressed_between_layers_is_known_to_both() {
    let (outer, inner) = (store(), store());
    let service = ServiceBuilder::new()
        .layer(MetricsLayer::with_metrics(outer.clone()))
        .layer(CompressionLayer::new())
        .layer(MetricsLayer::with_metrics(inner.clone()))
        .service(handler(answer));
    let mut request = call(Full::from(CALL));
    request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    let response = send(service, request).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert!(!response.headers().contains_key("content-length"));
    assert!(response.body().starts_with(b"\x1f\x8b"), "it is compressed");
    Page::of(&inner).assert_only(ANSWERED, 1, "inside");
    Page::of(&outer).assert_only(ANSWERED, 1, "outside");
}

/// Alone outside, a layer does not believe in a success that it could not read.
#[tokio::test]
async fn answer_compressed_inside_is_no_success() {
    let metrics = store();
    let service = ServiceBuilder::new()
        .layer(MetricsLayer::with_metrics(metrics.clone()))
        .layer(CompressionLayer::new())
        .service(handler(answer));
    let mut request = call(Full::from(CALL));
    request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    assert_eq!(send(service, request).await.headers()["content-encoding"], "gzip");
    let unread = Account { outcome: "no_response", ..ANSWERED };
    Page::of(&metrics).assert_only(unread, 1, "unread");
}

/// A request that is decompressed between two layers is read by the inner one, for both.
#[tokio::test]
async fn request_decompressed_between_layers_is_known_to_both() {
    let compress = CompressionLayer::new().layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(CALL)))
    }));
    let request = Request::get("/").header("accept-encoding", "gzip").body(()).unwrap();
    let compressed = compress.oneshot(request).await.unwrap().into_body();
    let compressed = compressed.collect().await.unwrap().to_bytes();
    assert!(compressed.starts_with(b"\x1f\x8b"));

    let (outer, inner) = (store(), store());
    let service = ServiceBuilder::new()
        .layer(ObservabilityLayer::new().metrics(outer.clone()).hold(Hold::UpTo(65_536)))
        .layer(RequestDecompressionLayer::new())
        .layer(MetricsLayer::with_metrics(inner.clone()))
        .service(handler(answer));
    let mut request = post(Full::new(compressed));
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(send(service, request).await.status(), StatusCode::OK);
    Page::of(&inner).assert_only(ANSWERED, 1, "inside");
    Page::of(&outer).assert_only(ANSWERED, 1, "outside");
}

/// An answer that a layer in between replaces is read anew outside.
#[tokio::test]
async fn answer_replaced_between_layers_is_read_by_each() {
    let failed = ANSWER.replace("\"content\"", "\"isError\":true,\"content\"");
    let (outer, inner) = (store(), store());
    let replaced = failed.clone();
    let service = ServiceBuilder::new()
        .layer(MetricsLayer::with_metrics(outer.clone()))
        .and_then(move |response: Response<_>| {
            let replaced = replaced.clone();
            async move {
                let (mut head, body) = response.into_parts();
                let body: Collected = BodyExt::collect(body).await.unwrap();
                assert_eq!(body.to_bytes(), ANSWER);
                head.headers.remove("content-length");
                Ok(Response::from_parts(head, Full::<Bytes>::from(replaced)))
            }
        })
        .layer(MetricsLayer::with_metrics(inner.clone()))
        .service(handler(answer));
    assert_eq!(exchange(service).await.body(), &failed);
    Page::of(&inner).assert_only(ANSWERED, 1, "inside");
    Page::of(&outer).assert_only(Account { outcome: "tool_error", ..ANSWERED }, 1, "outside");
}

type Collected = http_body_util::Collected<Bytes>;

/// T24: the marks on a request are of its own exchange: a request that was made with the
/// extensions of one that has ended is another exchange.
#[tokio::test]
async fn extensions_of_an_ended_exchange_do_not_hide_another() {
    let metrics = store();
    let kept = Arc::new(Mutex::new(Extensions::new()));
    let keep = Arc::clone(&kept);
    let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(handler(
        move |request: Request<Boxed>| {
            keep.lock().unwrap().clone_from(request.extensions());
            answer(request)
        },
    ));
    let response = service.call(call(Full::from(CALL))).now_or_never().unwrap().unwrap();
    let mut again = call(Full::from(CALL));
    again.extensions_mut().clone_from(&kept.lock().unwrap());
    let inside = service.call(again.clone()).now_or_never().unwrap().unwrap();
    inside.into_body().collect().await.unwrap();
    assert_eq!(Page::of(&metrics).operations(), 0, "a request within the exchange is part of it");
    response.into_body().collect().await.unwrap();
    Page::of(&metrics).assert_only(ANSWERED, 1, "within");

    assert_eq!(send(service, again).await.body(), ANSWER);
    Page::of(&metrics).assert_only(ANSWERED, 2, "after");
}
