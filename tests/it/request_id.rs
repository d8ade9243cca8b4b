//! The request id: which one is taken, who sees it, and that nothing else changes.

use std::{
    cell::Cell,
    convert::Infallible,
    future,
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Extension, Router, body::Body, error_handling::HandleErrorLayer,
    extract::Request as AxumRequest, middleware, routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use mcp_telemetry::request_id::{
    ClientRequestId, Inbound, MakeRequestId, MakeRequestUuidV7, RequestId, RequestIdLayer,
    ResponseFuture, SetRequestId,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_test::mock;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

// === Which id is taken ===

/// T46: what came in is replaced unless it is one header of 1 to 128 good bytes.
#[tokio::test]
async fn unusable_inbound_id_is_replaced() {
    let long = "a".repeat(129);
    let unusable: [&[&[u8]]; 14] = [
        &[],
        &[b""],
        &[long.as_bytes()],
        &[b"two words"],
        &[b"tab\there"],
        &[b"a,b"],
        &[b"a;b"],
        &[b"quote\""],
        &[b"back\\slash"],
        &[b"{json}"],
        &[b"\xc3\xa9"],
        &[b"\xff"],
        &[b"same", b"same"],
        &[b"one", b"two"],
    ];
    for sent in unusable {
        let seen = exchange(RequestIdLayer::new(), request(sent)).await;
        assert!(is_uuid(seen.id.as_str(), '4'), "{sent:?} was taken as {}", seen.id);
        assert!(seen.everywhere_the_same(), "{sent:?}: {seen:?}");
    }
}

/// T46: a usable inbound id is the id.
#[tokio::test]
async fn usable_inbound_id_is_accepted() {
    let long = "a".repeat(128);
    let usable = [
        "a",
        long.as_str(),
        "AZaz09._~+/=:@-",
        "a8098c1a-f86e-11da-bd1a-00112444be1e",
        "1-67891233-abcdef012345678912345678",
    ];
    for sent in usable {
        let seen = exchange(RequestIdLayer::new(), request(&[sent.as_bytes()])).await;
        assert_eq!(seen.id.as_str(), sent);
        assert!(seen.everywhere_the_same(), "{sent}: {seen:?}");
        assert_eq!(seen.client_id, None);
    }
}

#[tokio::test]
async fn new_id_is_made_for_each_exchange() {
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(exchange(RequestIdLayer::new(), request(&[])).await.id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}

#[tokio::test]
async fn inbound_id_can_be_replaced_always() {
    let layer = RequestIdLayer::new().inbound(Inbound::Replace);
    let seen = exchange(layer, request(&[b"theirs"])).await;
    assert!(is_uuid(seen.id.as_str(), '4'));
    assert!(seen.everywhere_the_same(), "{seen:?}");
    assert_eq!(seen.client_id, None);
}

#[tokio::test]
async fn inbound_id_can_be_kept_beside_ours() {
    let layer = RequestIdLayer::new().inbound(Inbound::KeepAsClientId);
    let seen = exchange(layer, request(&[b"theirs"])).await;
    assert!(is_uuid(seen.id.as_str(), '4'));
    assert!(seen.everywhere_the_same(), "{seen:?}");
    assert_eq!(seen.client_id.as_ref().map(ClientRequestId::as_str), Some("theirs"));
}

/// T46: an unusable id is not kept either.
#[tokio::test]
async fn unusable_id_is_not_kept_as_client_id() {
    let unusable: [&[&[u8]]; 3] = [&[], &[b"no good"], &[b"one", b"two"]];
    for sent in unusable {
        let layer = RequestIdLayer::new().inbound(Inbound::KeepAsClientId);
        let seen = exchange(layer, request(sent)).await;
        assert_eq!(seen.client_id, None, "{sent:?}");
        assert!(seen.everywhere_the_same(), "{sent:?}: {seen:?}");
    }
}

#[tokio::test]
async fn header_can_have_another_name() {
    let name = HeaderName::from_static("x-correlation-id");
    let service = RequestIdLayer::new().header(name.clone()).layer(service_fn(echo));
    let request = Request::builder().header(&name, "ours").header(HEADER, "other").body(());
    let response = service.oneshot(request.unwrap()).await.unwrap();

    assert_eq!(response.headers()[&name], "ours");
    let seen = response.into_body();
    assert_eq!(seen.id.as_str(), "ours");
    assert_eq!(seen.headers[HEADER], "other", "a header of another name is not ours");
}

#[tokio::test]
async fn generator_can_be_changed() {
    let seen = exchange(RequestIdLayer::new().make(MakeRequestUuidV7), request(&[])).await;
    assert!(is_uuid(seen.id.as_str(), '7'));

    let layer = RequestIdLayer::new().make(|request: &http::request::Parts| {
        RequestId::try_from(request.uri.path()).expect("the path of this test is a valid id")
    });
    let seen = exchange(layer, request(&[])).await;
    assert_eq!(seen.id.as_str(), "/mcp");
    assert!(seen.everywhere_the_same(), "{seen:?}");
}

// === Precedence ===

/// T47: on the response, the layer's id replaces all that was set inside.
#[tokio::test]
async fn id_replaces_those_the_inner_service_set() {
    let service = RequestIdLayer::new().layer(service_fn(async |_: Request<()>| {
        let other = RequestId::try_from("extension").unwrap();
        let response = Response::builder()
            .header(HEADER, "first")
            .header(HEADER, "second")
            .header("x-other", "stays")
            .extension(other);
        Ok::<_, Infallible>(response.body(()).unwrap())
    }));
    let response = service.oneshot(request(&[b"ours"])).await.unwrap();

    assert_eq!(sole(response.headers()), "ours");
    assert_eq!(response.headers()["x-other"], "stays");
    let extension: &RequestId = response.extensions().get().unwrap();
    assert_eq!(extension.as_str(), "extension", "response extensions are the inner service's");
}

/// T47: an id that is in the request extensions wins over header and generator, in every mode.
#[tokio::test]
async fn id_in_the_request_extensions_is_kept() {
    for inbound in [Inbound::Accept, Inbound::Replace, Inbound::KeepAsClientId] {
        let mut request = request(&[b"theirs", b"again"]);
        request.extensions_mut().insert(RequestId::try_from("outer").unwrap());
        let seen = exchange(RequestIdLayer::new().inbound(inbound), request).await;
        assert_eq!(seen.id.as_str(), "outer");
        assert!(seen.everywhere_the_same(), "{seen:?}");
        assert_eq!(seen.client_id, None);
    }
}

#[tokio::test]
async fn layer_applied_twice_gives_one_id() {
    for inbound in [Inbound::Accept, Inbound::Replace, Inbound::KeepAsClientId] {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let layer = RequestIdLayer::new().inbound(inbound).make(move |_: &http::request::Parts| {
            let number = counter.fetch_add(1, Ordering::Relaxed);
            RequestId::try_from(number.to_string().as_str()).unwrap()
        });
        let service =
            ServiceBuilder::new().layer(layer.clone()).layer(layer).service(service_fn(echo));
        let seen = Seen::of(service.oneshot(request(&[])).await.unwrap());
        assert!(seen.everywhere_the_same(), "{seen:?}");
        assert_eq!(made.load(Ordering::Relaxed), 1, "{inbound:?}");
    }
}

#[tokio::test]
async fn layers_with_different_headers_share_one_id() {
    let inner = RequestIdLayer::new().header(HeaderName::from_static("x-correlation-id"));
    let service =
        ServiceBuilder::new().layer(RequestIdLayer::new()).layer(inner).service(service_fn(echo));
    let response = service.oneshot(request(&[])).await.unwrap();

    assert_eq!(response.headers()["x-correlation-id"], sole(response.headers()));
    let seen = response.into_body();
    assert_eq!(seen.headers["x-correlation-id"], seen.id.as_str());
    assert_eq!(sole(&seen.headers), seen.id.as_str());
}

// === Who carries it ===

/// T46: every response that passes the layer has the id, whatever its status and method.
#[tokio::test]
async fn id_is_on_every_response_that_passes() {
    for status in [100, 101, 103, 200, 202, 204, 206, 301, 304, 400, 401, 404, 405, 429, 500, 503] {
        let status = StatusCode::from_u16(status).unwrap();
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::CONNECT] {
            let service = RequestIdLayer::new().layer(service_fn(async |_: Request<()>| {
                Ok::<_, Infallible>(Response::builder().status(status).body(()).unwrap())
            }));
            let mut request = request(&[b"ours"]);
            *request.method_mut() = method.clone();
            let response = service.oneshot(request).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(sole(response.headers()), "ours", "{method} {status}");
        }
    }
}

/// T46: a response that an error inside the layer became has the id.
#[tokio::test]
async fn id_is_on_a_response_made_from_an_error_inside() {
    let service = ServiceBuilder::new()
        .layer(RequestIdLayer::new())
        .layer(HandleErrorLayer::new(async |err: BoxError| {
            (StatusCode::SERVICE_UNAVAILABLE, err.to_string())
        }))
        .service(service_fn(async |_: Request<()>| Err::<Response<Body>, _>(BoxError::from("no"))));
    let response = service.oneshot(request(&[b"ours"])).await.unwrap();

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(sole(response.headers()), "ours");
}

/// T46: a response that a panic inside the layer became has the id.
#[tokio::test]
async fn id_is_on_a_response_made_from_a_panic_inside() {
    let service = ServiceBuilder::new()
        .layer(RequestIdLayer::new())
        .layer(CatchPanicLayer::new())
        .service(service_fn(panicking));
    let response = service.oneshot(request(&[b"ours"])).await.unwrap();

    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(sole(response.headers()), "ours");
}

/// T46: what a layer outside answers does not pass ours, and so has no id, as documented.
#[tokio::test]
async fn response_made_outside_has_no_id() {
    let service = ServiceBuilder::new()
        .layer(CatchPanicLayer::new())
        .layer(RequestIdLayer::new())
        .service(service_fn(panicking));
    let response = service.oneshot(request(&[b"ours"])).await.unwrap();

    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.headers().contains_key(HEADER));
}

#[tokio::test]
async fn request_and_response_are_otherwise_untouched() {
    let service =
        RequestIdLayer::new().layer(service_fn(async |request: Request<&'static str>| {
            Ok::<_, Infallible>(Response::new(request))
        }));
    let sent = Request::put("http://host/path?query")
        .version(http::Version::HTTP_2)
        .header("a", "1")
        .header("a", "2")
        .header("b", "3")
        .extension(7_u8);
    let response = service.oneshot(sent.body("body").unwrap()).await.unwrap();

    assert_eq!(response.headers().len(), 1, "the id is the one header that was added");
    let mut got = response.into_body();
    assert!(got.headers_mut().remove(HEADER).is_some());
    let headers: Vec<_> = got.headers().iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
    assert_eq!(headers, [("a", &b"1"[..]), ("a", b"2"), ("b", b"3")]);
    assert_eq!(got.method(), Method::PUT);
    assert_eq!(*got.uri(), "http://host/path?query");
    assert_eq!(got.version(), http::Version::HTTP_2);
    assert_eq!(got.extensions().get(), Some(&7_u8));
    assert_eq!(*got.body(), "body");
}

// === The service contract ===

/// T21: the instance that was made ready is the one that is called.
#[tokio::test]
async fn ready_instance_is_the_one_called() {
    let mut service = RequestIdLayer::new().layer(ReadyOnce { ready: false });
    for _ in 0..3 {
        service.ready().await.unwrap().call(request(&[])).await.unwrap();
    }
    let mut copy = service.clone();
    copy.ready().await.unwrap().call(request(&[])).await.unwrap();
}

/// T21, T22: one readiness asked for is one readiness taken, and one call is one call.
#[tokio::test]
async fn calls_reach_the_mock_one_for_one() {
    let (mut service, mut handle) =
        mock::spawn_layer::<Request<()>, Response<()>, _>(RequestIdLayer::new());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut response = task::spawn(service.call(request(&[b"ours"])));
    assert_pending!(response.poll());

    let (request, respond) = handle.next_request().await.unwrap();
    assert_eq!(sole(request.headers()), "ours");
    respond.send_response(Response::new(()));
    let response = assert_ready_ok!(response.poll());
    assert_eq!(sole(response.headers()), "ours");

    assert_pending!(service.poll_ready(), "the one permit is used up");
}

/// T22: the inner service's readiness is ours, pending and failed alike.
#[tokio::test]
async fn readiness_is_that_of_the_inner_service() {
    let (mut service, mut handle) =
        mock::spawn_layer::<Request<()>, Response<()>, _>(RequestIdLayer::new());
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());

    handle.send_error("closed");
    assert_eq!(assert_ready_err!(service.poll_ready()).to_string(), "closed");
}

/// T23: an error of any type comes out as it went in.
#[tokio::test]
async fn errors_pass_untouched() {
    #[derive(Debug, PartialEq)]
    struct Mute(u8); // neither `Display` nor `Error`

    let mute = RequestIdLayer::new()
        .layer(service_fn(async |_: Request<()>| Err::<Response<()>, _>(Mute(3))));
    assert_eq!(mute.oneshot(request(&[])).await.unwrap_err(), Mute(3));

    let boxed = RequestIdLayer::new()
        .layer(service_fn(async |_: Request<()>| Err::<Response<()>, _>(BoxError::from("boxed"))));
    assert_eq!(boxed.oneshot(request(&[])).await.unwrap_err().to_string(), "boxed");

    let never = RequestIdLayer::new()
        .layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(()))));
    let Ok(_response) = never.oneshot(request(&[])).await;
}

/// T23: the inner service, its bodies and its future need be neither `Clone`, `Send` nor `'static`.
#[tokio::test]
async fn inner_service_may_borrow_and_stay_on_its_thread() {
    let calls = Cell::new(0);
    let mut service = RequestIdLayer::new().layer(service_fn(async |request: Request<Rc<str>>| {
        calls.set(calls.get() + 1);
        Ok::<_, Infallible>(Response::new(request.into_body()))
    }));
    let response = service.call(Request::new(Rc::from("local"))).await.unwrap();
    assert_eq!((&**response.body(), calls.get()), ("local", 1));
}

/// T19: what the inner service and its future can do, ours can.
#[tokio::test]
async fn auto_traits_are_those_of_the_inner_parts() {
    const fn check_all<T: Clone + Send + Sync + Unpin + 'static>() {}
    const fn check_future<T: Send + Sync + Unpin + 'static>() {}

    check_all::<RequestIdLayer>();
    check_all::<SetRequestId<Vec<u8>>>();
    check_all::<RequestId>();
    check_all::<ClientRequestId>();
    check_future::<ResponseFuture<future::Ready<()>>>();

    // A future that is not `Unpin` is pinned by whoever polls ours.
    let pinned = service_fn(async |_: Request<()>| {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Response::new(()))
    });
    let response = pin!(RequestIdLayer::new().layer(pinned).call(request(&[b"ours"])));
    assert_eq!(sole(response.await.unwrap().headers()), "ours");
}

#[test]
fn inner_service_can_be_reached() {
    let mut service = RequestIdLayer::new().layer(1);
    *service.get_mut() += 1;
    assert_eq!(*service.get_ref(), 2);
    assert_eq!(service.into_inner(), 2);
}

#[test]
fn debug_output_shows_the_settings() {
    let layer = RequestIdLayer::new().make(|_: &http::request::Parts| unreachable!());
    let shown = format!("{:?}", layer.layer("inner"));
    for part in ["inner: \"inner\"", "x-request-id", "Accept", "debug_output_shows_the_settings"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

/// T26: nothing here needs a runtime to be entered.
#[test]
fn works_without_a_tokio_runtime() {
    assert!(tokio::runtime::Handle::try_current().is_err());

    let mut service = RequestIdLayer::new().layer(service_fn(echo));
    let response = task::spawn(service.call(request(&[]))).poll();
    assert!(Seen::of(assert_ready_ok!(response)).everywhere_the_same());
}

// === Real frameworks ===

/// The layer fits axum wherever axum takes a layer, and handlers get the id from an extractor.
#[tokio::test]
async fn axum_takes_the_layer_everywhere() {
    async fn tell(Extension(id): Extension<RequestId>) -> String {
        id.to_string()
    }

    let route = || Router::new().route("/", get(tell));
    let apps = [
        ("router", "/", route().layer(RequestIdLayer::new())),
        ("route", "/", route().route_layer(RequestIdLayer::new())),
        ("method", "/", Router::new().route("/", get(tell).layer(RequestIdLayer::new()))),
        ("nested", "/in", Router::new().nest("/in", route().layer(RequestIdLayer::new()))),
        ("around a nest", "/in", Router::new().nest("/in", route()).layer(RequestIdLayer::new())),
        (
            "both",
            "/in",
            Router::new()
                .nest("/in", route().layer(RequestIdLayer::new().inbound(Inbound::Replace)))
                .layer(RequestIdLayer::new()),
        ),
        (
            "outside a middleware function",
            "/",
            route()
                .layer(middleware::from_fn(async |request: AxumRequest, next: middleware::Next| {
                    next.run(request).await
                }))
                .layer(RequestIdLayer::new()),
        ),
    ];
    for (place, uri, app) in apps {
        let request = Request::get(uri).header(HEADER, "ours").body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{place}");
        assert_eq!(sole(response.headers()), "ours", "{place}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "ours", "{place}");
    }
}

/// T46: the answers that axum makes by itself have the id.
#[tokio::test]
async fn axum_answers_without_a_handler_have_the_id() {
    let app = Router::new().route("/", get("found")).layer(RequestIdLayer::new());
    for (method, uri, status) in [
        (Method::GET, "/missing", StatusCode::NOT_FOUND),
        (Method::POST, "/", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let request =
            Request::builder().method(method).uri(uri).header(HEADER, "ours").body(Body::empty());
        let response = app.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(sole(response.headers()), "ours");
    }
}

/// Over a socket: new ids on a connection that is kept alive, duplicates replaced, bodies unboxed.
#[tokio::test]
async fn hyper_serves_the_layer_over_a_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let service =
            RequestIdLayer::new().layer(service_fn(async |request: Request<Incoming>| {
                let id: &RequestId = request.extensions().get().expect("the layer is applied");
                Ok::<_, Infallible>(Response::new(id.to_string()))
            }));
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service))
            .await
    });

    let socket = TcpStream::connect(address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    let connection = tokio::spawn(connection);

    let mut made = Vec::new();
    let sent: [&[&[u8]]; 5] = [&[b"ours"], &[], &[b"one", b"two"], &[b"\xff"], &[b""]];
    for values in sent {
        let mut request = request(values).map(|()| Empty::<Bytes>::new());
        request.headers_mut().insert("host", HeaderValue::from_static("localhost"));
        let response = client.send_request(request).await.unwrap();
        let id = sole(response.headers()).to_owned();
        let length = response.headers()["content-length"].to_str().unwrap().to_owned();
        assert_eq!(length, id.len().to_string(), "the body's size is still known");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), id);
        made.push(id);
    }
    assert_eq!(made.remove(0), "ours");
    assert!(made.iter().all(|id| is_uuid(id, '4')), "{made:?}");
    made.sort();
    made.dedup();
    assert_eq!(made.len(), sent.len() - 1, "each exchange has an id of its own");

    drop(client);
    connection.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
}

// === Helpers ===

/// What the inner service saw of one exchange, and what came back.
#[derive(Debug)]
struct Seen {
    id: RequestId,
    client_id: Option<ClientRequestId>,
    headers: HeaderMap,
    answer: HeaderMap,
}

impl Seen {
    fn of(response: Response<Self>) -> Self {
        let (head, seen) = response.into_parts();
        Self { answer: head.headers, ..seen }
    }

    /// Whether extension, request header and response header say the same, once each.
    fn everywhere_the_same(&self) -> bool {
        [&self.headers, &self.answer].into_iter().all(|headers| sole(headers) == self.id.as_str())
    }
}

async fn echo(request: Request<()>) -> Result<Response<Seen>, Infallible> {
    let (head, ()) = request.into_parts();
    Ok(Response::new(Seen {
        id: head.extensions.get().cloned().expect("the layer is applied"),
        client_id: head.extensions.get().cloned(),
        headers: head.headers,
        answer: HeaderMap::new(),
    }))
}

async fn exchange<M>(layer: RequestIdLayer<M>, request: Request<()>) -> Seen
where
    M: MakeRequestId + Clone,
{
    let Ok(response) = layer.layer(service_fn(echo)).oneshot(request).await;
    Seen::of(response)
}

async fn panicking(_: Request<()>) -> Result<Response<Body>, Infallible> {
    panic!("on purpose");
}

fn request(ids: &[&[u8]]) -> Request<()> {
    let mut request = Request::new(());
    *request.uri_mut() = http::Uri::from_static("/mcp");
    for id in ids {
        request.headers_mut().append(HEADER, HeaderValue::from_bytes(id).expect("a header value"));
    }
    request
}

/// The one value of the id header.
fn sole(headers: &HeaderMap) -> &str {
    let values: Vec<_> = headers.get_all(HEADER).iter().collect();
    let [value] = values[..] else {
        panic!("not one request id, but {values:?}");
    };
    value.to_str().expect("an id is ASCII")
}

fn is_uuid(id: &str, version: char) -> bool {
    let groups: Vec<_> = id.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f' | '-'))
        && id.chars().nth(14) == Some(version)
}

/// A service that must be made ready before each call, and whose clones are not ready.
struct ReadyOnce {
    ready: bool,
}

impl Clone for ReadyOnce {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl Service<Request<()>> for ReadyOnce {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = future::Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(self.ready, "called an instance that was not made ready");
        self.ready = false;
        future::ready(Ok(Response::new(())))
    }
}
