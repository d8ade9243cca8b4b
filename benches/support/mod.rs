//! The exchanges that benches and budgets measure, and the means to drive them without an executor.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::Service;

/// What is asked, and what is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    method: Verb,
    content_type: &'static str,
    arguments: usize,
    result: usize,
}

/// `http::Method` cannot stand in a constant list of `Copy` cases.
#[derive(Clone, Copy, Debug)]
enum Verb {
    Get,
    Post,
}

impl Case {
    /// A request that has nothing to do with MCP.
    pub(crate) const GET: Self = Self {
        name: "get",
        method: Verb::Get,
        content_type: "text/plain",
        arguments: 0,
        result: 0,
    };
    /// A `tools/call` of 200 bytes, answered with 300 bytes of JSON.
    pub(crate) const JSON: Self = Self {
        name: "call_json",
        method: Verb::Post,
        content_type: "application/json",
        arguments: 200,
        result: 300,
    };
    /// The same, answered with an event stream of one event.
    pub(crate) const SSE: Self =
        Self { name: "call_sse", content_type: "text/event-stream", ..Self::JSON };
    /// 16 KiB in, 64 KiB out.
    pub(crate) const LARGE: Self =
        Self { name: "call_large", arguments: 16 * 1024, result: 64 * 1024, ..Self::JSON };

    pub(crate) const ALL: [Self; 4] = [Self::GET, Self::JSON, Self::SSE, Self::LARGE];

    /// The request body, of exactly `arguments` bytes.
    fn request_bytes(&self) -> Bytes {
        if self.arguments == 0 {
            return Bytes::new();
        }
        let head = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":""#;
        let tail = r#""},"_meta":{"progressToken":7}}}"#;
        filled(head, tail, self.arguments)
    }

    /// The answer, of exactly `result` bytes, framed as the content type says.
    fn response_bytes(&self) -> Bytes {
        if self.result == 0 {
            return Bytes::from_static(b"ok");
        }
        let head = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":""#;
        let tail = r#""}],"isError":false}}"#;
        let json = filled(head, tail, self.result);
        if self.content_type == "text/event-stream" {
            let mut event = b"data: ".to_vec();
            event.extend_from_slice(&json);
            event.extend_from_slice(b"\n\n");
            return event.into();
        }
        json
    }

    /// Makes requests as a router hands them over: with something in their extensions.
    pub(crate) fn requests(&self) -> impl Fn() -> Request<Full<Bytes>> + use<> {
        let body = self.request_bytes();
        let method = match self.method {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
        };
        move || {
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = method.clone();
            *request.uri_mut() = http::Uri::from_static("/mcp");
            let headers = request.headers_mut();
            headers.insert("host", http::HeaderValue::from_static("127.0.0.1:3000"));
            headers.insert(
                "accept",
                http::HeaderValue::from_static("application/json, text/event-stream"),
            );
            headers.insert("content-type", http::HeaderValue::from_static("application/json"));
            headers.insert("content-length", body.len().into());
            request.extensions_mut().insert(MatchedPath);
            request
        }
    }

    /// The bare service: reads its request to the end, as an MCP server has to, and answers.
    pub(crate) fn service<B>(
        &self,
    ) -> impl Service<
        Request<B>,
        Response = Response<Full<Bytes>>,
        Error = Infallible,
        Future: Future<Output = Result<Response<Full<Bytes>>, Infallible>>,
    > + Clone
    + use<B>
    where
        B: Body<Data = Bytes>,
    {
        let answer = self.response_bytes();
        let content_type = http::HeaderValue::from_static(self.content_type);
        tower::service_fn(move |request: Request<B>| {
            let answer = answer.clone();
            let content_type = content_type.clone();
            async move {
                let mut body = pin!(request.into_body());
                while std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await.is_some() {}
                let mut response = Response::new(Full::new(answer));
                response.headers_mut().insert("content-type", content_type);
                Ok(response)
            }
        })
    }
}

/// Stands for what a router leaves in the extensions.
#[derive(Clone)]
struct MatchedPath;

/// `head`, then letters, then `tail`: `bytes` in all.
fn filled(head: &str, tail: &str, bytes: usize) -> Bytes {
    let fill = bytes.checked_sub(head.len() + tail.len()).expect("room for head and tail");
    let mut all = Vec::with_capacity(bytes);
    all.extend_from_slice(head.as_bytes());
    all.resize(head.len() + fill, b'x');
    all.extend_from_slice(tail.as_bytes());
    all.into()
}

/// Sends one request through a service that is always ready and never waits, and takes the response
/// to its end. Returns the bytes of its body.
pub(crate) fn drive<S, B, R>(service: &mut S, request: Request<B>) -> usize
where
    S: Service<Request<B>, Response = Response<R>, Error: std::fmt::Debug>,
    R: Body<Data = Bytes>,
{
    let cx = &mut Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = service.poll_ready(cx) else { panic!("the service is not ready") };
    let future = pin!(service.call(request));
    let Poll::Ready(response) = future.poll(cx) else { panic!("the service waits") };
    let mut body = pin!(response.expect("the service answers").into_body());
    let mut bytes = 0;
    while !body.is_end_stream() {
        match Pin::as_mut(&mut body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Poll::Ready(None) => break,
            _ => panic!("the body fails or waits"),
        }
    }
    bytes
}
