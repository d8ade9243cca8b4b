//! Messages, requests and responses as MCP has them.

use http::{Request, Response};

/// A call of the tool `echo`.
pub(crate) const CALL: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}"#;

/// The successful answer to [`CALL`].
pub(crate) const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;

/// The length of [`CALL`].
pub(crate) const MESSAGE_LENGTH: usize = CALL.len();

/// A `POST` of one JSON message, without a declared length.
pub(crate) fn post<B>(body: B) -> Request<B> {
    let request = Request::post("/mcp").header("content-type", "application/json");
    request.header("accept", "application/json, text/event-stream").body(body).unwrap()
}

/// A [`CALL`] of a declared length.
pub(crate) fn call<B>(body: B) -> Request<B> {
    let mut request = post(body);
    request.headers_mut().insert("content-length", MESSAGE_LENGTH.into());
    request
}

/// A request without a message.
pub(crate) fn get<B>(body: B) -> Request<B> {
    Request::get("/mcp").header("accept", "text/event-stream").body(body).unwrap()
}

pub(crate) fn json<B>(body: B) -> Response<B> {
    Response::builder().header("content-type", "application/json").body(body).unwrap()
}

pub(crate) fn sse<B>(body: B) -> Response<B> {
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

/// A message as one event of a stream.
pub(crate) fn event(message: &str) -> String {
    format!("data: {message}\n\n")
}
