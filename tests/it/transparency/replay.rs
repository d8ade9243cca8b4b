//! Recorded exchanges, once more over real sockets, with and without the layers.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use mcp_telemetry::{Hold, ObservabilityLayer};
use tower::Layer;

use super::wire::comparable;
use crate::support::{
    Boxed, Page, Protocol, Raw, Recording, Script, Server, Step, handler, store, until,
};

/// T16, T20: a client gets the recorded answer with the same bytes, and the service gets the same
/// request, whatever was recorded: real servers of every revision, hostile clients, broken streams.
#[tokio::test]
async fn recorded_exchanges_are_the_same_with_and_without_the_layers() {
    let metrics = store();
    let stage = Stage::default();
    let service = || {
        let stage = stage.clone();
        handler(move |request| stage.clone().answer(request))
    };
    let bare = Server::start(Protocol::Http1, service()).await;
    let layered = [("as it is", None), ("holding", Some(65_536)), ("not holding", Some(0))];
    let mut servers = Vec::new();
    for (name, hold) in layered {
        let layer = ObservabilityLayer::new().metrics(metrics.clone());
        let layer = match hold {
            None => layer,
            Some(0) => layer.hold(Hold::Never),
            Some(bytes) => layer.hold(Hold::UpTo(bytes)),
        };
        let server = Server::start(Protocol::Http1, layer.layer(service())).await;
        servers.push((name, server));
    }
    let exchanges = exchanges();
    assert!(exchanges.len() > 150, "the recordings are there");
    let mut reached = 0;
    for exchange in &exchanges {
        let name = &exchange.request.name;
        let (expected, seen) = stage.replay(exchange, &bare).await;
        reached += u64::from(seen.is_some());
        for (layer, server) in &servers {
            let (ours, seen_by_ours) = stage.replay(exchange, server).await;
            assert_eq!(seen_by_ours, seen, "{name}, under the layer {layer}: the request");
            if exchange.response.is_none() {
                continue;
            }
            let (expected, _) = comparable(&expected);
            let (ours, id) = comparable(&ours);
            assert_eq!(ours, expected, "{name}, under the layer {layer}");
            assert_eq!(id.is_some(), seen.is_some(), "{name}, under the layer {layer}: the id");
        }
    }
    bare.stop().await;
    for (_, server) in servers {
        server.stop().await;
    }
    let page = Page::of(&metrics);
    assert_eq!(page.operations(), reached * 3, "and all of it was counted");
    page.assert_idle("the recordings");
}

/// A recorded request, and the recorded answer if there was one.
struct Exchange {
    request: Recording,
    response: Option<Recording>,
}

fn exchanges() -> Vec<Exchange> {
    const CALL: &str = "2025-11-25_session_sse_tools_call_ok.req.http";

    let mut responses = Recording::all(".res.http");
    let mut exchanges: Vec<_> = Recording::all(".req.http")
        .into_iter()
        .map(|request| {
            let name = request.name.replace(".req.http", ".res.http");
            let twin = responses.iter().position(|response| response.name == name);
            Exchange { request, response: twin.map(|at| responses.remove(at)) }
        })
        .collect();
    // Answers that were made by hand are to no request of their own.
    exchanges.extend(
        responses
            .into_iter()
            .map(|response| Exchange { request: Recording::load(CALL), response: Some(response) }),
    );
    exchanges
}

impl Exchange {
    /// The recorded bytes.
    fn request_bytes(&self) -> Vec<u8> {
        [self.request.head.as_bytes(), b"\r\n\r\n", &self.request.coded].concat()
    }

    /// The recorded answer as a service gives it. It closes the connection, so that its end can be
    /// seen, or stays open if the recording broke off.
    fn answer(response: &Recording) -> Response<Script> {
        let mut lines = response.head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap();
        let mut answer = Response::builder().status(status);
        let ours = ["transfer-encoding", "connection", "x-request-id"];
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            if !ours.contains(&name.to_ascii_lowercase().as_str()) {
                answer = answer.header(name, value);
            }
        }
        let chunks =
            response.chunks().into_iter().map(|chunk| Step::Data(Bytes::copy_from_slice(chunk)));
        let end = is_broken_off(response).then_some(Step::Wait);
        let body = Script::new(chunks.chain(end));
        answer.header(header::CONNECTION, "close").body(body).unwrap()
    }
}

fn is_broken_off(response: &Recording) -> bool {
    response.has("transfer-encoding", "chunked") && !response.coded.ends_with(b"0\r\n\r\n")
}

/// What the service is to answer next, and what it has been asked.
#[derive(Clone, Default)]
struct Stage(Arc<Mutex<Scene>>);

#[derive(Default)]
struct Scene {
    response: Option<Recording>,
    seen: Option<Bytes>,
}

impl Stage {
    /// Reads a request to its end and then answers, or never does if there is no answer.
    async fn answer(self, request: Request<Boxed>) -> Result<Response<Script>, Infallible> {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let response = {
            let mut scene = self.0.lock().unwrap();
            scene.seen = Some(body);
            scene.response.take()
        };
        match response {
            Some(response) => Ok(Exchange::answer(&response)),
            None => std::future::pending().await,
        }
    }

    /// What the client got, and the body that the service saw.
    async fn replay(&self, exchange: &Exchange, server: &Server) -> (Vec<u8>, Option<Bytes>) {
        let response = exchange.response.clone();
        *self.0.lock().unwrap() = Scene { response, seen: None };
        let mut raw = Raw::connect(server.address).await;
        raw.write(exchange.request_bytes()).await;
        let got = match &exchange.response {
            Some(response) if is_broken_off(response) => {
                let coded = String::from_utf8(response.coded.clone()).unwrap();
                raw.read_until(&format!("\r\n\r\n{coded}")).await.into_bytes()
            }
            Some(_) => raw.read_to_end().await,
            None => {
                until("the service is called", || self.0.lock().unwrap().seen.is_some()).await;
                Vec::new()
            }
        };
        drop(raw);
        (got, self.0.lock().unwrap().seen.take())
    }
}
