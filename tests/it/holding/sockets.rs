//! Clients that wait for the server while the server might wait for them.

use std::convert::Infallible;

use http::{Response, StatusCode};
use http_body_util::BodyExt;
use tower::Layer;

use super::holding;
use crate::support::{
    ANSWER, Account, CALL, Page, Protocol, Raw, Script, Server, data, handler, json, store,
};

const EXPECTING: &str = "POST /mcp HTTP/1.1\r\nhost: localhost\r\n\
    content-type: application/json\r\n\
    expect: 100-continue\r\nconnection: close\r\ncontent-length: ";

/// A client that waits for `100 Continue` gets it as soon as the service reads.
#[tokio::test]
async fn expectation_is_met_by_the_service() {
    let metrics = store();
    let service = holding(&metrics).layer(handler(async |request| {
        let request: http::Request<crate::support::Boxed> = request;
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, CALL);
        Ok::<_, Infallible>(json(Script::new([data(ANSWER)]).declaring_length()))
    }));
    let server = Server::start(Protocol::Http1, service).await;
    let mut raw = Raw::connect(server.address).await;
    raw.write(format!("{EXPECTING}{}\r\n\r\n", CALL.len())).await;
    let interim = raw.read_until("\r\n\r\n").await;
    assert_eq!(interim, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.write(CALL).await;
    let answer = String::from_utf8(raw.read_to_end().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(ANSWER), "{answer}");
    server.stop().await;
    let answered = Account { method: "tools/call", outcome: "success", status: 200 };
    Page::of(&metrics).assert_only(answered, 1, "expected");
}

/// And one that is refused by its head alone is told so at once.
#[tokio::test]
async fn expectation_is_refused_at_once() {
    let metrics = store();
    let service = holding(&metrics).layer(handler(async |_| {
        let mut response = Response::new(Script::new([]).reporting_end());
        *response.status_mut() = StatusCode::EXPECTATION_FAILED;
        Ok::<_, Infallible>(response)
    }));
    let server = Server::start(Protocol::Http1, service).await;
    let mut raw = Raw::connect(server.address).await;
    raw.write(format!("{EXPECTING}{}\r\n\r\n", CALL.len())).await;
    let answer = raw.read_until("\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 417 "), "{answer}");
    drop(raw);
    server.stop().await;
    let refused = Account { method: "none", outcome: "rejected", status: 417 };
    Page::of(&metrics).assert_only(refused, 1, "refused");
}

/// A client that sends its message in small pieces is served, over both protocols alike.
#[tokio::test]
async fn message_in_pieces_is_served() {
    let metrics = store();
    let service = holding(&metrics).layer(handler(async |request| {
        let request: http::Request<crate::support::Boxed> = request;
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, CALL);
        Ok::<_, Infallible>(json(Script::new([data(ANSWER)]).declaring_length()))
    }));
    let server = Server::start(Protocol::Http1, service).await;
    let mut raw = Raw::connect(server.address).await;
    let head = EXPECTING.replace("expect: 100-continue\r\n", "");
    raw.write(format!("{head}{}\r\n\r\n", CALL.len())).await;
    for piece in CALL.as_bytes().chunks(7) {
        raw.write(piece).await;
        tokio::task::yield_now().await;
    }
    let answer = String::from_utf8(raw.read_to_end().await).unwrap();
    assert!(answer.ends_with(ANSWER), "{answer}");
    server.stop().await;
    let answered = Account { method: "tools/call", outcome: "success", status: 200 };
    Page::of(&metrics).assert_only(answered, 1, "pieces");
}
