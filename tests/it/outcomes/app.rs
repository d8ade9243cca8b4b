//! A server under the layer, what it has counted, and what it has written.

use std::{convert::Infallible, future};

use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use mcp_telemetry::{ObservabilityLayer, metrics::McpMetrics};
use rmcp::transport::streamable_http_server::{
    StreamableHttpService, session::local::LocalSessionManager,
};
use serde_json::Value;
use tower::{BoxError, Layer, Service};
use tracing::subscriber::DefaultGuard;

use super::{Demo, End, Mode, demo::TOOLS};
use crate::{
    lines::Lines,
    support::{
        AnyBody, Boxed, Client, Page, Protocol, Script, Server, Step, data, handler, json, sse,
        until, within,
    },
};

/// A server of rmcp, in one mode.
pub(super) struct App {
    pub(super) mode: Mode,
    pub(super) demo: Demo,
    pub(super) metrics: McpMetrics,
    pub(super) lines: Lines,
    _capturing: DefaultGuard,
    pub(super) server: Server,
}

impl App {
    pub(super) async fn start(mode: Mode) -> Self {
        Self::start_with(mode, |layer| layer, |rmcp| rmcp).await
    }

    /// With other settings, and another service around that of rmcp.
    pub(super) async fn start_with<S, R>(
        mode: Mode,
        set: impl FnOnce(ObservabilityLayer) -> ObservabilityLayer,
        around: impl FnOnce(Front) -> S,
    ) -> Self
    where
        S: Service<Request<Boxed>, Response = Response<R>, Error: Into<BoxError>> + Clone + Send,
        S: 'static,
        S::Future: Send + 'static,
        R: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let metrics = McpMetrics::builder().tools(TOOLS).routes(["/mcp"]).build().unwrap();
        let (lines, capturing) = Lines::capture("mcp_telemetry::access=debug");
        let demo = Demo::new();
        let layer = set(ObservabilityLayer::new().metrics(metrics.clone()));
        let service = around(front(mode, demo.clone()));
        let server = Server::start(Protocol::Http1, layer.layer(AnyBody(service))).await;
        Self { mode, demo, metrics, lines, _capturing: capturing, server }
    }

    pub(super) async fn stop(self) {
        self.server.stop().await;
    }

    /// The same after panics that were meant.
    pub(super) async fn stop_after_panics(self) -> usize {
        self.server.stop_after_panics().await
    }

    /// Sends a request on a connection of its own.
    pub(super) async fn ask<B>(&self, request: Request<B>) -> Asked
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.try_ask(request).await.unwrap()
    }

    pub(super) async fn try_ask<B>(&self, request: Request<B>) -> hyper::Result<Asked>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let mut client = Client::connect(Protocol::Http1, self.server.address).await;
        let response = client.send(request).await?;
        Ok(Asked { client, response })
    }

    /// Sends a request whose head will not come, waits for a condition, and leaves.
    pub(super) async fn ask_and_leave(
        &self,
        request: Request<Full<Bytes>>,
        met: impl FnMut() -> bool,
    ) {
        let mut client = Client::connect(Protocol::Http1, self.server.address).await;
        let sending = tokio::spawn(client.start(request));
        until("the server is at it", met).await;
        client.leave().await;
        sending.await.unwrap().unwrap_err();
    }

    /// Whether nothing is in flight: a look that costs less than a page does.
    fn is_idle(&self) -> bool {
        let page = self.metrics.render();
        let mut gauges = page.lines().filter(|line| line.starts_with("mcp_requests_in_flight"));
        gauges.all(|line| line.ends_with(" 0"))
    }

    pub(super) fn page(&self) -> Page {
        Page::of(&self.metrics)
    }

    /// How many exchanges have ended and have their line.
    pub(super) fn settled(&self) -> usize {
        self.lines.of_exchanges().len()
    }

    /// Waits until that many have, and nothing is in flight.
    pub(super) async fn settle(&self, exchanges: usize) {
        let what = format!("{exchanges} exchanges end, {:?}", self.mode);
        until(&what, || self.settled() >= exchanges && self.is_idle()).await;
        assert_eq!(self.settled(), exchanges, "{:#?}", self.lines.of_exchanges());
    }

    /// Waits for the end of exchanges since `before`, and compares them with what they must show, each
    /// and no other.
    pub(super) async fn assert_ended(&self, before: &Before, ends: &[End], what: &str) {
        self.settle(before.settled + ends.len()).await;
        let what = format!("{what}, {:?}", self.mode);
        before.assert_counted(&self.page(), ends, &what);
        let lines = &self.lines.of_exchanges()[before.settled..];
        for end in ends {
            let told = lines.iter().filter(|line| told_by(line) == expected(end)).count();
            let alike = ends.iter().filter(|other| expected(other) == expected(end)).count();
            assert_eq!(told, alike, "{what}: {:#?} of {lines:#?}", expected(end));
        }
    }

    pub(super) fn before(&self) -> Before {
        Before { page: self.page(), settled: self.settled() }
    }
}

/// What a server had shown already.
pub(super) struct Before {
    pub(super) page: Page,
    settled: usize,
}

impl Before {
    pub(super) fn settled(&self) -> usize {
        self.settled
    }

    /// Compares what operations were counted since.
    #[track_caller]
    pub(super) fn assert_operations(&self, now: &Page, ends: &[End], what: &str) {
        for (family, of) in [
            ("mcp_operations_total", End::operations as fn(&End) -> Vec<String>),
            ("mcp_tool_calls_total", End::tool_calls),
        ] {
            let mut expected: Vec<_> = ends.iter().flat_map(of).collect();
            expected.sort_unstable();
            assert_eq!(now.risen(&self.page, family), expected, "{what}: {family}");
        }
        now.assert_idle(what);
    }

    /// Compares what was counted since.
    #[track_caller]
    pub(super) fn assert_counted(&self, now: &Page, ends: &[End], what: &str) {
        type Of = fn(&End) -> Vec<String>;
        let families: [(&str, Of); 5] = [
            ("mcp_operations_total", End::operations),
            ("mcp_operation_duration_seconds_count", |end| {
                end.operations().iter().map(|_| end.method.to_owned()).collect()
            }),
            ("mcp_requests_total", End::requests),
            ("mcp_tool_calls_total", End::tool_calls),
            ("mcp_errors_total", End::errors),
        ];
        for (family, of) in families {
            let mut expected: Vec<_> = ends.iter().flat_map(of).collect();
            expected.sort_unstable();
            assert_eq!(now.risen(&self.page, family), expected, "{what}: {family}");
        }
        now.assert_idle(what);
    }
}

/// What a line tells that has to be right.
type Told = [Value; 8];

fn told_by(line: &Value) -> Told {
    let of = |key: &str| line["extra"][key].clone();
    let mcp_method = of("mcp_method");
    let tool = of("tool");
    [
        line["level"].clone(),
        of("method"),
        of("status"),
        mcp_method,
        tool,
        of("outcome"),
        of("reason"),
        of("jsonrpc_code"),
    ]
}

fn expected(end: &End) -> Told {
    let method = Some(end.method).filter(|method| *method != "none");
    [
        end.level().into(),
        end.verb.into(),
        end.status.into(),
        method.into(),
        end.tool.into(),
        end.outcome.into(),
        end.reason.into(),
        end.code.into(),
    ]
}

/// A response that has begun, and its connection.
pub(super) struct Asked {
    client: Client,
    pub(super) response: Response<Incoming>,
}

impl Asked {
    /// Reads the response to its end.
    pub(super) async fn read(self) -> String {
        self.try_read().await.unwrap()
    }

    pub(super) async fn try_read(self) -> hyper::Result<String> {
        let body = within("the end of a response", self.response.into_body().collect()).await?;
        Ok(String::from_utf8(body.to_bytes().into()).unwrap())
    }

    /// The next frame of the response.
    pub(super) async fn frame(&mut self) -> String {
        let frame = within("a frame", self.response.frame()).await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().into()).unwrap()
    }

    pub(super) async fn leave(self) {
        self.client.leave().await;
    }
}

/// What stands before rmcp's service, and does what the header `x-act` says.
pub(super) type Front = Boxing;

/// A service of boxed bodies.
pub(super) type Boxing = tower::util::BoxCloneService<Request<Boxed>, Response<Boxed>, BoxError>;

fn front(mode: Mode, demo: Demo) -> Front {
    let rmcp: StreamableHttpService<Demo, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(demo.clone()), <_>::default(), mode.config());
    let AnyBody(service) = handler(move |request: Request<Boxed>| {
        let mut rmcp = rmcp.clone();
        async move {
            let act = request.headers().get("x-act").map(|act| act.to_str().unwrap().to_owned());
            match act {
                None => {
                    let Ok::<_, Infallible>(response) = rmcp.call(request).await;
                    Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
                }
                Some(act) => act_out(mode, &act).await,
            }
        }
    });
    Front::new(service)
}

async fn act_out(mode: Mode, act: &str) -> Result<Response<Boxed>, BoxError> {
    let body = |steps: Vec<Step>| {
        let script = Script::new(steps);
        if mode.streams() { sse(script) } else { json(script) }
    };
    let response = match act {
        "hang" => future::pending().await,
        "panic" => panic!("the service panics, as it was told"),
        "error" => return Err("the service fails, as it was told".into()),
        "torn" => body(vec![data("{"), Step::Error]),
        "torn by a panic" => body(vec![data("{"), Step::Panic]),
        "silence" if mode.streams() => body(vec![data(": nothing\n\n")]),
        "silence" => body(vec![data("{}")]),
        status => {
            let mut response = Response::new(Script::new([data("no")]));
            *response.status_mut() = StatusCode::from_bytes(status.as_bytes()).unwrap();
            response
        }
    };
    Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
}
