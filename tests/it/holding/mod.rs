//! `ObservabilityLayer` with `Hold::UpTo`: it waits for a client's own bytes, and changes nothing.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use http::{HeaderMap, Request, Response, StatusCode};
use http_body::SizeHint;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use mcp_telemetry::{Hold, ObservabilityLayer, metrics::McpMetrics};
use tower::Service;

use crate::support::{ANSWER, Broken, Script, Step, data, json};

mod bounds;
mod instance;
mod sockets;
mod waiting;

/// The layer, holding messages of the size that the documentation names.
fn holding(metrics: &McpMetrics) -> ObservabilityLayer {
    ObservabilityLayer::new().metrics(metrics.clone()).hold(Hold::UpTo(65_536))
}

/// A service that tells when it was called and what it read, then answers.
#[derive(Clone, Debug, Default)]
struct Reader(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    calls: AtomicUsize,
    /// The size hint of the body at the call.
    hint: Mutex<Option<SizeHint>>,
    frames: Mutex<Vec<Read>>,
    refuses: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Read {
    Data(Bytes),
    Trailers(HeaderMap),
    Error(Broken),
}

impl Read {
    /// What is to be read of a script, waits left out.
    fn of(steps: &[Step]) -> Vec<Self> {
        let read = |step: &Step| match step {
            Step::Data(data) => Some(Self::Data(data.clone())),
            Step::Trailers(trailers) => Some(Self::Trailers(trailers.clone())),
            Step::Error => Some(Self::Error(Broken)),
            Step::Wait | Step::Yield | Step::Panic => None,
        };
        steps.iter().filter_map(read).collect()
    }
}

impl Reader {
    /// A service that answers 401 by the head alone.
    fn refusing() -> Self {
        Self(Arc::new(Seen { refuses: true, ..Seen::default() }))
    }

    fn calls(&self) -> usize {
        self.0.calls.load(SeqCst)
    }

    fn frames(&self) -> Vec<Read> {
        self.0.frames.lock().unwrap().clone()
    }

    fn hint(&self) -> (u64, Option<u64>) {
        let hint = self.0.hint.lock().unwrap().expect("it was called");
        (hint.lower(), hint.upper())
    }
}

impl<B> Service<Request<B>> for Reader
where
    B: Body<Data = Bytes, Error = Broken> + Unpin + Send + 'static,
{
    type Response = Response<Script>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Script>, Broken>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let seen = Arc::clone(&self.0);
        seen.calls.fetch_add(1, SeqCst);
        let mut body = request.into_body();
        *seen.hint.lock().unwrap() = Some(body.size_hint());
        Box::pin(async move {
            if seen.refuses {
                let mut response = Response::new(Script::new([]).reporting_end());
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                return Ok(response);
            }
            while let Some(frame) = body.frame().await {
                let read = match frame.map(http_body::Frame::into_data) {
                    Ok(Ok(data)) => Read::Data(data),
                    Ok(Err(frame)) => Read::Trailers(frame.into_trailers().unwrap()),
                    Err(broken) => Read::Error(broken),
                };
                let broken = matches!(read, Read::Error(_));
                seen.frames.lock().unwrap().push(read);
                if broken {
                    break;
                }
            }
            Ok(json(Script::new([data(ANSWER)]).reporting_end()))
        })
    }
}
