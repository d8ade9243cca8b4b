//! [`MetricsService`]: the page over HTTP.

use std::{
    collections::HashSet,
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body::{Body, Frame, SizeHint};
use prometheus::{
    TextEncoder,
    proto::{MetricFamily, MetricType},
};
use tower::Service;

use super::{
    collector::{gather_others, is_ours},
    operation::MethodLabel,
    store::McpMetrics,
};
use crate::exchange::{NotCounted, tell_current};

/// Answers `GET` and `HEAD` with the page that Prometheus scrapes, at any path.
///
/// It is a leaf: a service for `Router::route_service` of axum, for hyper, or for any stack of
/// tower. Serve it on a listener of its own, or where only your Prometheus can reach it.
///
/// The page shows the store's families, then the other families of its registry: the one given to
/// [`McpMetricsBuilder::registry`](super::McpMetricsBuilder::registry), or for the
/// [global](McpMetrics::global) store [`prometheus::default_registry`]. A family there that has a
/// name of ours, or no type, is left out and reported once by a `tracing` warning.
///
/// A scrape is no request of an MCP client: the layers of this crate do not count it.
///
/// # Sharing
///
/// One page is rendered at a time. A scrape that arrives meanwhile, or within 250 ms, gets the same
/// bytes, so a client that asks in a loop costs no more than four renders a second. A scrape that
/// must see what was recorded just before needs [`share_for(Duration::ZERO)`](Self::share_for), or
/// [`McpMetrics::render`].
///
/// # Examples
///
/// ```
/// use mcp_telemetry::metrics::{McpMetrics, MetricsService};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let metrics = McpMetrics::new();
/// metrics.record_auth_attempt("bearer", true);
///
/// let request = http::Request::get("/metrics").body(())?;
/// let response = MetricsService::with_metrics(metrics).oneshot(request).await?;
/// assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
///
/// use http_body_util::BodyExt;
/// let page = response.into_body().collect().await?.to_bytes();
/// let page = std::str::from_utf8(&page)?;
/// assert!(page.contains(r#"mcp_auth_attempts_total{type="bearer",status="success"} 1"#));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MetricsService {
    metrics: McpMetrics,
    share_for: Duration,
    renders: Arc<Mutex<Renders>>,
}

#[derive(Default)]
struct Renders {
    last: Option<Render>,
    /// Names of foreign families that were left out.
    reported: HashSet<String>,
}

struct Render {
    started: Instant,
    page: Bytes,
}

impl MetricsService {
    /// Serves the [global](McpMetrics::global) store.
    pub fn new() -> Self {
        Self::with_metrics(McpMetrics::global())
    }

    /// Serves a store.
    pub fn with_metrics(metrics: McpMetrics) -> Self {
        Self { metrics, share_for: Duration::from_millis(250), renders: Arc::default() }
    }

    /// How long after its start a page is given to other scrapes too. Default: 250 ms.
    ///
    /// With zero every scrape sees all that was recorded before it arrived; those that wait while
    /// a page is rendered still share the next one.
    #[must_use]
    pub fn share_for(mut self, time: Duration) -> Self {
        self.share_for = time;
        self
    }

    /// Under one of the layers, a scrape would find itself in flight.
    fn leave_flight(&self) {
        let leaves = tell_current(self.metrics.sink(), |exchange, said| {
            // Its head can name a message, which is what it is in flight as then.
            let method = exchange.message().map_or(MethodLabel::None, MethodLabel::of);
            (!mem::replace(&mut said.scrape, true)).then_some(method)
        });
        if let Some(method) = leaves.flatten() {
            self.metrics.in_flight().leave(method);
        }
    }

    fn answer(&self, method: &Method) -> Response<MetricsBody> {
        if method != Method::GET && method != Method::HEAD {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD\n".into());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let mut response = match self.page() {
            Ok(page) => {
                let mut response = text(StatusCode::OK, page);
                let page_type = HeaderValue::from_static(McpMetrics::content_type());
                response.headers_mut().insert(CONTENT_TYPE, page_type);
                response
            }
            Err(error) => {
                let error = format!("the registry's other metrics cannot be shown: {error}\n");
                text(StatusCode::INTERNAL_SERVER_ERROR, error.into())
            }
        };
        if method == Method::HEAD {
            *response.body_mut() = MetricsBody { data: None };
        }
        response
    }

    fn page(&self) -> Result<Bytes, prometheus::Error> {
        let arrived = Instant::now();
        // Rendering takes the processor, not the network: who waits here waits for milliseconds.
        // A foreign collector that panicked has left the last page as it was.
        let mut renders = self.renders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &renders.last {
            let age = arrived.checked_duration_since(last.started);
            if age.is_none_or(|age| age < self.share_for) {
                return Ok(last.page.clone());
            }
        }
        let started = Instant::now();
        let (page, left_out) = self.render()?;
        let page = Bytes::from(page);
        renders.last = Some(Render { started, page: page.clone() });
        let news: Vec<_> =
            left_out.into_iter().filter(|name| renders.reported.insert(name.clone())).collect();
        // A subscriber is foreign code and may come back here.
        drop(renders);
        for name in news {
            tracing::warn!(
                metric = name,
                "left a registered metric off the page: its name is taken or it has no type"
            );
        }
        Ok(page)
    }

    /// The whole page, and the names of the families that cannot be on it.
    fn render(&self) -> Result<(String, Vec<String>), prometheus::Error> {
        let mut page = self.metrics.render();
        let mut left_out = Vec::new();
        let Some(registry) = &self.metrics.inner.registry else { return Ok((page, left_out)) };
        let mut others = gather_others(&self.metrics, registry);
        others.retain(|family| {
            let shown = self.can_show(family);
            if !shown {
                left_out.push(family.name().to_owned());
            }
            shown
        });
        TextEncoder::new().encode_utf8(&others, &mut page)?;
        Ok((page, left_out))
    }

    fn can_show(&self, family: &MetricFamily) -> bool {
        // The encoder panics at a family without a type.
        family.get_field_type() != MetricType::UNTYPED && !is_ours(&self.metrics.inner, family)
    }
}

impl<B> Service<Request<B>> for MetricsService {
    type Response = Response<MetricsBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.method() != Method::POST {
            self.leave_flight();
        }
        ready(Ok(self.answer(request.method())))
    }
}

impl Default for MetricsService {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MetricsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsService")
            .field("metrics", &self.metrics)
            .field("share_for", &self.share_for)
            .finish_non_exhaustive()
    }
}

/// The body of a [`MetricsService`] response: one frame, of a length that is known.
#[derive(Debug)]
pub struct MetricsBody {
    data: Option<Bytes>,
}

impl Body for MetricsBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

/// A response that says how long it is, which a `HEAD` request must learn without the body.
fn text(status: StatusCode, text: Bytes) -> Response<MetricsBody> {
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(MetricsBody { data: Some(text) });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, length);
    response.extensions_mut().insert(NotCounted);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T33: the layers know a scrape by what its response carries, not by its path.
    #[test]
    fn every_answer_is_marked_as_not_counted() {
        let service = MetricsService::with_metrics(McpMetrics::new());
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let response = service.answer(&method);
            assert!(response.extensions().get::<NotCounted>().is_some(), "{method}");
        }
    }
}
