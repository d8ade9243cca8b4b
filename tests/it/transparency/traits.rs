//! T19: our parts are `Send`, `Sync` and `Unpin` exactly when the parts inside are.

use std::{
    cell::Cell,
    convert::Infallible,
    marker::{PhantomData, PhantomPinned},
    rc::Rc,
    task::{Context, Poll},
};

use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Bytes;
use mcp_telemetry::{Hold, MetricsLayer, MetricsService, ObservabilityLayer, RequestBody};
use tower::{Layer, Service};

use crate::support::{ANSWER, CALL, Page, Pinned, Script, data, handler, json, post, store};

/// Tells of any type whether it has a trait.
macro_rules! has {
    ($type:ty: $bound:path) => {{
        #[allow(dead_code, reason = "one of the two is looked up")]
        trait No {
            const HAS: bool = false;
        }
        impl<T: ?Sized> No for T {}

        #[allow(dead_code, reason = "only its constant is looked up")]
        struct Yes<T: ?Sized>(std::marker::PhantomData<T>);

        #[allow(dead_code, reason = "one of the two is looked up")]
        impl<T: ?Sized + $bound> Yes<T> {
            const HAS: bool = true;
        }

        <Yes<$type>>::HAS
    }};
}

/// A service and a body of which a marker decides what they are.
struct Marked<M>(PhantomData<M>);

impl<M, B> Service<Request<B>> for Marked<M> {
    type Response = Response<Marked<M>>;
    type Error = Infallible;
    type Future = MarkedFuture<M>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> MarkedFuture<M> {
        MarkedFuture(PhantomData)
    }
}

impl<M> Clone for Marked<M> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

struct MarkedFuture<M>(PhantomData<M>);

impl<M> Future for MarkedFuture<M> {
    type Output = Result<Response<Marked<M>>, Infallible>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(Response::new(Marked(PhantomData))))
    }
}

impl<M> Body for Marked<M> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}

type Service_<L, M> = <L as Layer<Marked<M>>>::Service;
type Call<L, M> = <Service_<L, M> as Service<Request<Full<Bytes>>>>::Future;
type Reply<L, M> = <Service_<L, M> as Service<Request<Full<Bytes>>>>::Response;

/// T19: in each of the three traits, for services, futures, and the bodies of both directions.
#[test]
fn auto_traits_are_those_of_the_parts_inside() {
    type Sent = Cell<u8>; // `Send`, not `Sync`
    type Local = Rc<u8>; // neither

    macro_rules! check {
        ($layer:ty, $marker:ty) => {
            check!($layer, $marker, Send, Marked);
            check!($layer, $marker, Sync, Marked);
            check!($layer, $marker, Unpin, Marked);
        };
        ($layer:ty, $marker:ty, $bound:path, $_part:ident) => {
            let inside = has!(Marked<$marker>: $bound);
            let name = stringify!($layer of $marker: $bound);
            assert_eq!(has!(Service_<$layer, $marker>: $bound), inside, "service: {name}");
            assert_eq!(has!(Reply<$layer, $marker>: $bound), inside, "response: {name}");
            assert_eq!(
                has!(RequestBody<Marked<$marker>>: $bound),
                inside,
                "request body: {name}"
            );
            assert_eq!(
                has!(Call<$layer, $marker>: $bound),
                has!(MarkedFuture<$marker>: $bound) && inside,
                "future: {name}"
            );
        };
    }
    check!(MetricsLayer, ());
    check!(MetricsLayer, Sent);
    check!(MetricsLayer, Local);
    check!(MetricsLayer, PhantomPinned);
    check!(ObservabilityLayer, ());
    check!(ObservabilityLayer, Sent);
    check!(ObservabilityLayer, Local);
    assert!(!has!(Marked<Local>: Send) && has!(Marked<Sent>: Send), "the check can tell");
    assert!(!has!(Marked<PhantomPinned>: Unpin) && !has!(Marked<Sent>: Sync));
}

#[test]
fn layers_and_leaf_services_go_anywhere() {
    const fn check<T: Clone + Send + Sync + Unpin + std::fmt::Debug + 'static>() {}
    check::<MetricsLayer>();
    check::<ObservabilityLayer>();
    check::<MetricsService>();
    check::<mcp_telemetry::RequestIdLayer>();
    check::<mcp_telemetry::metrics::McpMetrics>();
    check::<Hold>();
}

/// T19: bodies that must not be moved, on both sides.
#[test]
fn pinned_bodies_pass() {
    let metrics = store();
    let mut service = MetricsLayer::with_metrics(metrics.clone()).layer(handler(async |request| {
        let request: Request<crate::support::Boxed> = request;
        let sent = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(sent, CALL);
        Ok::<_, Infallible>(json(Pinned::new(Script::new([data(ANSWER)]))))
    }));
    let request = post(Pinned::new(Script::new([data(CALL)])));
    let response = service.call(request).now_or_never().unwrap().unwrap();
    let body = response.into_body().collect().now_or_never().unwrap().unwrap();
    assert_eq!(body.to_bytes(), ANSWER);
    let answered = [("mcp_method", "tools/call"), ("outcome", "success")];
    assert_eq!(Page::of(&metrics).count("mcp_operations_total", &answered), 1);
}

/// T19: bodies that may cross threads but not be shared, as boxed ones are, cross threads.
#[tokio::test]
async fn unsync_boxed_bodies_cross_threads() {
    assert!(!has!(UnsyncBoxBody<Bytes, Infallible>: Sync));
    let metrics = store();
    let mut service = ObservabilityLayer::new().metrics(metrics.clone()).layer(handler(
        async |request: Request<crate::support::Boxed>| {
            request.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(json(Full::<Bytes>::from(ANSWER).boxed_unsync()))
        },
    ));
    let call = service.call(post(Full::from(CALL).boxed_unsync()));
    let response = tokio::spawn(call).await.unwrap().unwrap();
    let body = tokio::spawn(response.into_body().collect()).await.unwrap().unwrap();
    assert_eq!(body.to_bytes(), ANSWER);
    assert_eq!(Page::of(&metrics).operations(), 1);
}

/// T19: a body that has a default has one in our wrappers too, as middleware that answers by
/// itself needs it.
#[test]
fn wrapped_bodies_have_a_default() {
    type Observed = <MetricsLayer as Layer<Echo>>::Service;
    type Reply = <Observed as Service<Request<Full<Bytes>>>>::Response;

    #[derive(Clone)]
    struct Echo;

    impl<B> Service<Request<B>> for Echo {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<B>) -> Self::Future {
            std::future::ready(Ok(Response::default()))
        }
    }

    assert!(Reply::default().into_body().is_end_stream());
    assert!(RequestBody::<Full<Bytes>>::default().is_end_stream());
    assert_eq!(RequestBody::<Full<Bytes>>::default().size_hint().exact(), Some(0));
}
