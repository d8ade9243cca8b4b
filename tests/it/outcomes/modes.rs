//! The forms in which a server answers, and what a client sends in each.

use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use hyper::body::Bytes;
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use serde_json::{Value, json};

use super::{App, Asked};

/// A revision, a session or none, and the form of answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    SessionSse,
    StatelessSse,
    StatelessJson,
    ModernSse,
    ModernJson,
}

impl Mode {
    pub(super) const ALL: [Self; 5] = [
        Self::SessionSse,
        Self::StatelessSse,
        Self::StatelessJson,
        Self::ModernSse,
        Self::ModernJson,
    ];

    pub(super) fn config(self) -> StreamableHttpServerConfig {
        StreamableHttpServerConfig::default()
            .with_legacy_session_mode(!matches!(self, Self::StatelessSse | Self::StatelessJson))
            .with_json_response(!self.streams())
    }

    pub(super) fn is_modern(self) -> bool {
        matches!(self, Self::ModernSse | Self::ModernJson)
    }

    pub(super) fn has_sessions(self) -> bool {
        self == Self::SessionSse
    }

    /// Whether answers come as events.
    pub(super) fn streams(self) -> bool {
        !matches!(self, Self::StatelessJson | Self::ModernJson)
    }

    /// Whether rmcp sends the head before the handler has said anything.
    pub(super) fn opens_at_once(self) -> bool {
        matches!(self, Self::SessionSse | Self::StatelessSse)
    }
}

/// A client of a server, with a session where there are sessions.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) mode: Mode,
    pub(super) session: Option<HeaderValue>,
}

impl Peer {
    /// Begins a session, if the server has them. The exchanges that this takes are over.
    pub(super) async fn join(app: &App) -> Self {
        let mut peer = Self { mode: app.mode, session: None };
        if !app.mode.has_sessions() {
            return peer;
        }
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "probe", "version": "0.1"},
        });
        let settled = app.settled();
        let asked = app.ask(peer.request("0", "initialize", &params)).await;
        peer.session = Some(asked.response.headers()["mcp-session-id"].clone());
        asked.read().await;
        app.ask(peer.notification("notifications/initialized", &json!({}))).await.read().await;
        app.settle(settled + 2).await;
        peer
    }

    /// A request. `id` is JSON.
    pub(super) fn request(&self, id: &str, method: &str, params: &Value) -> Request<Full<Bytes>> {
        let params = self.with_meta(params.clone());
        let message =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        let mut request = self.post(message);
        if self.mode.is_modern() {
            let headers = request.headers_mut();
            headers.insert("mcp-method", method.parse().unwrap());
            if let Some(name) = params["name"].as_str() {
                headers.insert("mcp-name", name.parse().unwrap());
            }
        }
        request
    }

    /// A call of a tool. `id` is JSON.
    pub(super) fn call(&self, id: &str, tool: &str) -> Request<Full<Bytes>> {
        self.request(id, "tools/call", &json!({"name": tool, "arguments": {}}))
    }

    pub(super) fn notification(&self, method: &str, params: &Value) -> Request<Full<Bytes>> {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        let mut request = self.post(message.to_string());
        if self.mode.is_modern() {
            request.headers_mut().insert("mcp-method", method.parse().unwrap());
        }
        request
    }

    /// Cancels the request of an id, which is JSON.
    pub(super) fn cancels(&self, id: &str) -> Request<Full<Bytes>> {
        let id: Value = serde_json::from_str(id).unwrap();
        self.notification("notifications/cancelled", &json!({"requestId": id}))
    }

    /// A request without a body.
    pub(super) fn bare(&self, method: Method) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri("/mcp").body(Full::default());
        self.dress(request.as_mut().unwrap());
        request.unwrap()
    }

    pub(super) fn post(&self, message: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let message = message.into();
        let request = Request::post("/mcp")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, message.len());
        let mut request = request.body(Full::from(message)).unwrap();
        self.dress(&mut request);
        request
    }

    fn dress(&self, request: &mut Request<Full<Bytes>>) {
        let headers = request.headers_mut();
        headers.insert("accept", "application/json, text/event-stream".parse().unwrap());
        let version = if self.mode.is_modern() { "2026-07-28" } else { "2025-11-25" };
        headers.insert("mcp-protocol-version", version.parse().unwrap());
        if let Some(session) = &self.session {
            headers.insert("mcp-session-id", session.clone());
        }
    }

    fn with_meta(&self, mut params: Value) -> Value {
        if self.mode.is_modern() {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "probe", "version": "0.1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        params
    }

    /// Calls a tool, and stays only until its handler runs. Returns the id from which the stream can be
    /// resumed, if the server gave one.
    pub(super) async fn abandon(&self, app: &App, id: &str, tool: &str) -> Option<String> {
        let before = app.demo.started();
        let waits = || app.demo.started() > before;
        if app.mode.opens_at_once() {
            let mut asked = app.ask(self.call(id, tool)).await;
            let event_id = if app.mode.has_sessions() { asked.event_id().await } else { None };
            crate::support::until("the handler runs", waits).await;
            asked.leave().await;
            event_id
        } else {
            app.ask_and_leave(self.call(id, tool), waits).await;
            None
        }
    }

    /// Takes up the stream of a call to `waits`, lets that go on, and reads what then comes.
    pub(super) async fn resume(&self, app: &App, event_id: &str) -> String {
        let mut resumes = self.bare(Method::GET);
        resumes.headers_mut().insert("last-event-id", event_id.parse().unwrap());
        let stream = app.ask(resumes).await;
        app.demo.release();
        stream.read().await
    }
}

impl Asked {
    /// The id in the first event of a session's stream.
    async fn event_id(&mut self) -> Option<String> {
        let event = self.frame().await;
        let id = event.lines().find_map(|line| line.strip_prefix("id: "));
        Some(id.unwrap_or_else(|| panic!("no id in {event:?}")).to_owned())
    }
}
