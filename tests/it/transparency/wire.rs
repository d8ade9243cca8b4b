//! The bytes on the wire, with and without the layers.

use std::{convert::Infallible, fmt::Write as _};

use http::{Request, Response, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{Hold, MetricsLayer, ObservabilityLayer, RequestIdLayer};
use tower::{Layer, ServiceBuilder};

use crate::support::{
    ANSWER, Boxed, CALL, Client, Page, Protocol, Raw, Script, Server, Step, data, event, handler,
    json, sse, store, trailers,
};

/// Raw requests, each for a connection of its own, and whether it is MCP.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let post = |path: &str, headers: &str, body: &[u8]| {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    let bare = |method: &str, path: &str, headers: &str| {
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n")
            .into_bytes()
    };
    let json = "content-type: application/json\r\n";
    let mut requests = vec![
        ("json", post("/json", json, CALL.as_bytes())),
        ("declared", post("/declared", json, CALL.as_bytes())),
        ("events", post("/events", json, CALL.as_bytes())),
        ("trailers", post("/trailers", &format!("{json}te: trailers\r\n"), CALL.as_bytes())),
        ("empty", post("/empty", json, CALL.as_bytes())),
        ("encoded answer", post("/encoded", json, CALL.as_bytes())),
        ("torn answer", post("/torn", json, CALL.as_bytes())),
        ("odd answer", post("/odd", json, CALL.as_bytes())),
        ("get", bare("GET", "/json", "")),
        ("head", bare("HEAD", "/declared", "")),
        ("head of an unknown length", bare("HEAD", "/events", "")),
        ("no content", bare("GET", "/204", "")),
        ("not modified", bare("GET", "/304", "")),
        ("standing stream", bare("GET", "/events", "accept: text/event-stream\r\n")),
        ("an unknown method", bare("BREW", "/json", "")),
        ("options of all", bare("OPTIONS", "*", "")),
        ("no body", post("/echo", json, b"")),
        ("wrong type", post("/echo", "content-type: text/plain\r\n", CALL.as_bytes())),
        ("no type", post("/echo", "", CALL.as_bytes())),
        ("encoded", post("/echo", &format!("{json}content-encoding: gzip\r\n"), b"\x1f\x8b\x08")),
        ("an empty encoding", post("/echo", &format!("{json}content-encoding:\r\n"), b"{}")),
        (
            "chunked",
            [
                bare("POST", "/echo", &format!("{json}transfer-encoding: chunked\r\n")).as_slice(),
                b"3\r\n{\"j\r\n5;ext=1\r\nsonrp\r\n0\r\nx-end: 1\r\n\r\n",
            ]
            .concat(),
        ),
        (
            "hostile headers",
            post(
                "/echo?a=%00&b={}&c=''",
                "content-type: application/json; charset=\"\r\nmcp-session-id: a\r\n\
                 mcp-session-id: b\r\nmcp-protocol-version: 9999-99-99\r\nmcp-method: \r\n\
                 mcp-name: =?base64?!!!?=\r\ntraceparent: 00-0-0-0\r\nbaggage: =,=,\r\n\
                 x-request-id: a b\r\nx-high: \u{e9}\u{1f600}\r\ncookie:\r\nauthorization: ;\r\n",
                CALL.as_bytes(),
            ),
        ),
    ];
    let bodies: [(&str, &[u8]); 15] = [
        ("no json", b"no json"),
        ("half of a message", &CALL.as_bytes()[..30]),
        ("two messages", br#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#),
        ("a batch", br#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0"}]"#),
        ("no utf-8", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("utf-16", b"\xff\xfe{\0}\0"),
        ("zeros", b"\0\0\0"),
        ("an id of null", br#"{"jsonrpc":"2.0","id":null,"method":"tools/call"}"#),
        ("an id of true", br#"{"jsonrpc":"2.0","id":true,"method":"tools/call"}"#),
        ("an id of a fraction", br#"{"jsonrpc":"2.0","id":-1.5e300,"method":"tools/call"}"#),
        ("a huge id", br#"{"jsonrpc":"2.0","id":99999999999999999999999,"method":"ping"}"#),
        ("an id of an object", br#"{"jsonrpc":"2.0","id":{"a":[1]},"method":"ping"}"#),
        ("an id of escapes", br#"{"jsonrpc":"2.0","id":"\u0000\ud83d\ude00\"","method":"ping"}"#),
        ("names twice", br#"{"id":1,"id":2,"method":"ping","method":"x","params":7,"params":8}"#),
    ];
    requests.extend(bodies.map(|(name, body)| (name, post("/echo", json, body))));
    requests.push(("depth", post("/echo", json, "[".repeat(20_000).as_bytes())));
    requests.push(("size", post("/echo", json, "x".repeat(300_000).as_bytes())));
    requests
}

/// T16, T20: a raw client sees the same bytes: heads, declared lengths, the chunks that the
/// frames became, trailers, and what the service saw of the request.
#[tokio::test]
async fn wire_is_the_same_with_and_without_the_layers() {
    let metrics = store();
    let bundle = || ObservabilityLayer::new().metrics(metrics.clone());
    let bare = Server::start(Protocol::Http1, handler(answer)).await;
    let h1 = Protocol::Http1;
    let layered = [
        ("metrics", {
            let layer = MetricsLayer::with_metrics(metrics.clone());
            Server::start(h1, layer.layer(handler(answer))).await
        }),
        ("bundle", Server::start(h1, bundle().layer(handler(answer))).await),
        ("holding bundle", {
            let layer = bundle().hold(Hold::UpTo(65_536));
            Server::start(h1, layer.layer(handler(answer))).await
        }),
        ("each twice", {
            let layer = ServiceBuilder::new()
                .layer(RequestIdLayer::new())
                .layer(MetricsLayer::with_metrics(metrics.clone()))
                .layer(bundle())
                .layer(MetricsLayer::with_metrics(store()));
            Server::start(h1, layer.service(handler(answer))).await
        }),
    ];
    let requests = requests();
    for (what, request) in &requests {
        let (bare, id) = comparable(&Raw::exchange(bare.address, request).await);
        assert!(bare.starts_with("HTTP/1.1 ") && id.is_none(), "{what}: {bare}");
        assert!(!bare.starts_with("HTTP/1.1 400"), "{what}: it does not reach the service");
        for (name, server) in &layered {
            let (ours, id) = comparable(&Raw::exchange(server.address, request).await);
            assert_eq!(ours, bare, "{what}, under {name}");
            assert_eq!(id.is_some(), *name != "metrics", "{what}, under {name}: the request id");
        }
    }
    bare.stop().await;
    for (_, server) in layered {
        server.stop().await;
    }
    let page = Page::of(&metrics);
    // The batch is an operation for each of its two messages.
    let expected = u64::try_from((requests.len() + 1) * 4).unwrap();
    assert_eq!(page.operations(), expected, "and all of it was counted");
    page.assert_idle("the wire");
}

/// T16: the same over HTTP/2, as a client sees it.
#[tokio::test]
async fn http2_is_the_same_with_and_without_the_layers() {
    let h2 = Protocol::Http2;
    let bundle = || ObservabilityLayer::new().metrics(store());
    let servers = [
        ("no layer", Server::start(h2, handler(answer)).await),
        ("metrics", {
            let layer = MetricsLayer::with_metrics(store());
            Server::start(h2, layer.layer(handler(answer))).await
        }),
        ("bundle", Server::start(h2, bundle().layer(handler(answer))).await),
        ("holding bundle", {
            let layer = bundle().hold(Hold::UpTo(65_536));
            Server::start(h2, layer.layer(handler(answer))).await
        }),
    ];
    for path in ["json", "declared", "events", "trailers", "empty", "encoded", "odd", "echo"] {
        let mut seen = Vec::new();
        for (name, server) in &servers {
            let mut client = Client::connect(h2, server.address).await;
            let request = Request::post(format!("/{path}")).header("x-hostile", "\"{}\\");
            let request = request.header("content-type", "application/json");
            let response = client.send(request.body(Full::from(CALL)).unwrap()).await.unwrap();
            let (mut head, body) = response.into_parts();
            head.headers.remove(header::DATE);
            let id = head.headers.remove("x-request-id");
            assert_eq!(id.is_some(), name.contains("bundle"), "{path} under {name}");
            let body = body.collect().await.unwrap();
            let trailers = body.trailers().cloned();
            seen.push((*name, head.status, head.headers, body.to_bytes(), trailers));
            client.leave().await;
        }
        let bare = seen.remove(0);
        for ours in seen {
            let facts = |seen: &(_, _, _, _, _)| {
                let (_, status, headers, body, trailers) = seen.clone();
                (status, headers, body, trailers)
            };
            assert_eq!(facts(&ours), facts(&bare), "{path} under {}", ours.0);
        }
    }
    for (_, server) in servers {
        server.stop().await;
    }
}

/// Answers by path. `/echo` tells all that a service can see of a request.
async fn answer(request: Request<Boxed>) -> Result<Response<Script>, Infallible> {
    let (head, body) = request.into_parts();
    if head.uri.path() != "/torn" && head.uri.path() != "/echo" {
        let _ = body.collect().await;
        return Ok(of_path(head.uri.path()));
    }
    if head.uri.path() == "/torn" {
        return Ok(json(Script::new([data("{"), Step::Yield, Step::Error])));
    }
    let size = http_body::Body::size_hint(&body);
    let mut told = format!("{} {} {:?}\n", head.method, head.uri, head.version);
    for (name, value) in &head.headers {
        if name != "x-request-id" {
            writeln!(told, "{name}: {:?}", value.as_bytes()).unwrap();
        }
    }
    writeln!(told, "{:?} {}", size.exact(), http_body::Body::is_end_stream(&body)).unwrap();
    let body = body.collect().await.unwrap();
    writeln!(told, "{:?}", body.trailers()).unwrap();
    Ok(Response::new(Script::new([data(told), Step::Data(body.to_bytes())]).reporting_end()))
}

fn of_path(path: &str) -> Response<Script> {
    let answer = || data(ANSWER);
    match path {
        "/declared" => json(Script::new([answer()]).declaring_length()),
        "/events" => {
            let half = ANSWER.len() / 2;
            let event = event(ANSWER);
            let (first, second) = event.split_at(half);
            let (first, second) = (first.to_owned(), second.to_owned());
            sse(Script::new([data(": x\n\n"), data(first), data(second), data("data: x\n\n")]))
        }
        "/trailers" => {
            let mut response = json(Script::new([answer(), trailers(&[("x-end", "1")])]));
            response.headers_mut().insert("trailer", "x-end".parse().unwrap());
            response
        }
        "/empty" | "/204" | "/304" => {
            let mut response = Response::new(Script::new([]).reporting_end());
            let status = match path {
                "/empty" => 202,
                "/204" => 204,
                _ => 304,
            };
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            response
        }
        "/encoded" => {
            let mut response = json(Script::new([data("\x1f\x08no gzip")]));
            response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
            response
        }
        "/odd" => {
            let odd = Bytes::from_static(b"\xff{[\"");
            let mut response = json(Script::new([Step::Data(odd), data(""), data("]}")]));
            response.headers_mut().append("content-type", "text/event-stream".parse().unwrap());
            response.headers_mut().insert("x-odd", "\"{}\\".parse().unwrap());
            *response.version_mut() = Version::HTTP_11;
            response
        }
        _ => json(Script::new([data(&ANSWER[..10]), data(&ANSWER[10..])])),
    }
}

/// A response without what may differ, and the request id.
pub(super) fn comparable(response: &[u8]) -> (String, Option<String>) {
    let text: String = response.iter().map(|&byte| char::from(byte)).collect();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let mut id = None;
    let mut lines = Vec::new();
    for line in head.split("\r\n") {
        if let Some(value) = line.strip_prefix("x-request-id: ") {
            assert!(id.replace(value.to_owned()).is_none(), "two request ids");
        } else if !line.starts_with("date: ") {
            lines.push(line);
        }
    }
    (format!("{}\r\n\r\n{body}", lines.join("\r\n")), id)
}
