//! What the head of a request says of its exchange, read in one pass.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU64,
    sync::LazyLock,
};

use http::{HeaderValue, Method, Version, request::Parts};

use super::media::{Media, Unread, accepts_event_stream, is_identity, length, media_type};
use crate::mcp;

/// The facts of a head that the engine and the signals ask for.
///
/// A look-up by name hashes the name each time, and the layers together would ask for some twenty. One
/// walk over the headers that are there costs a quarter of it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Head {
    /// Whether the request body can be read, and if not, why.
    body: Result<(), Unread>,
    /// More than there can be, if none is declared.
    length: u64,
    expects: bool,
    wants_stream: bool,
    revision: Option<mcp::Revision>,
    session: Option<SessionKey>,
    credentials: Option<Credentials>,
    version: Version,
    https: bool,
    grpc: bool,
    mirror: Option<Mirror>,
}

/// The kind of credentials that came with a request. Nothing else of them is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Credentials {
    Bearer,
    Basic,
    ApiKey,
    Other,
}

/// A session, by a hash of its id under a key that is random for each process. It is not
/// zero, so that an exchange without a session needs no room to say so.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct SessionKey(NonZeroU64);

/// What a head tells of the message: by the headers that mirror it (MCP 2026-07-28, Streamable HTTP,
/// standard request headers), or by the path of a gRPC call.
///
/// Headers can lie: the body is the truth wherever it can be read.
#[derive(Clone, Debug)]
pub(super) struct Mirror {
    pub(super) method: mcp::Method,
    pub(super) name: Option<HeaderValue>,
}

impl Head {
    pub(super) fn of(request: &Parts) -> Self {
        let mut head = Self {
            body: Err(Unread::MediaType),
            length: u64::MAX,
            expects: false,
            wants_stream: false,
            revision: None,
            session: None,
            credentials: None,
            version: request.version,
            https: false,
            grpc: false,
            mirror: None,
        };
        let mut found = Found::default();
        for (name, value) in &request.headers {
            head.see(&mut found, name.as_str(), value);
        }
        // Only who asks for a stream of its own can be refused one.
        if request.method == Method::GET {
            let mut accepted = request.headers.get_all(http::header::ACCEPT).iter();
            head.wants_stream = accepted.any(accepts_event_stream);
        }
        let own = || request.uri.scheme_str().map(str::as_bytes);
        let scheme = found.forwarded.map(HeaderValue::as_bytes).or_else(own);
        head.https = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https"));
        let media = found.content_type.and_then(media_type);
        head.body = readable(&request.method, media, found.encoded);
        head.grpc = media == Some(Media::Grpc);
        head.mirror = if head.grpc { Mirror::of_path(request.uri.path()) } else { found.mirror() };
        // Modern requests have no session, and servers ignore the header (MCP 2026-07-28, Streamable
        // HTTP).
        let modern = head.revision.is_some_and(mcp::Revision::is_modern);
        head.session = found.session.filter(|_| !modern).map(SessionKey::of);
        head
    }

    fn see<'a>(&mut self, found: &mut Found<'a>, name: &str, value: &'a HeaderValue) {
        // Of a header that may come once, the first counts, as in a look-up.
        match name {
            "content-type" => _ = found.content_type.get_or_insert(value),
            "content-length" => {
                self.length = self.length().or_else(|| length(value)).unwrap_or(u64::MAX);
            }
            "content-encoding" => found.encoded |= !is_identity(value),
            "expect" => self.expects = true,
            "authorization" => self.credentials = Some(Credentials::of(value)),
            // Where gateways expect a key that is no `Authorization`; there is no standard.
            "x-api-key" | "api-key" => {
                self.credentials = self.credentials.or(Some(Credentials::ApiKey));
            }
            "mcp-session-id" => _ = found.session.get_or_insert(value),
            "mcp-protocol-version" => {
                let revision = || mcp::Revision::from_bytes(value.as_bytes());
                self.revision = self.revision.or_else(|| Some(revision()));
            }
            "x-forwarded-proto" => _ = found.forwarded.get_or_insert(value),
            "mcp-method" => found.method.see(value),
            "mcp-name" => found.name.see(value),
            _ => {}
        }
    }

    /// Whether the request body can be read, and if not, why.
    pub(super) fn body(&self) -> Result<(), Unread> {
        self.body
    }

    /// The declared length of the request body.
    pub(super) fn length(&self) -> Option<u64> {
        Some(self.length).filter(|&bytes| bytes != u64::MAX)
    }

    /// Whether the client waits for leave to send its body.
    pub(super) fn expects(&self) -> bool {
        self.expects
    }

    /// Whether the request is a `GET` that takes an event stream for an answer.
    pub(crate) fn wants_stream(&self) -> bool {
        self.wants_stream
    }

    /// The revision that the `MCP-Protocol-Version` header names.
    pub(crate) fn revision(&self) -> Option<mcp::Revision> {
        self.revision
    }

    /// The session of a legacy revision that the request belongs to.
    pub(crate) fn session(&self) -> Option<SessionKey> {
        self.session
    }

    pub(crate) fn credentials(&self) -> Option<Credentials> {
        self.credentials
    }

    /// The version of HTTP that the request came by.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Whether the client has used TLS, as a proxy in front says, else as the request itself does.
    pub(crate) fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the request is a gRPC call.
    pub(crate) fn is_grpc(&self) -> bool {
        self.grpc
    }

    pub(super) fn mirror(&self) -> Option<&Mirror> {
        self.mirror.as_ref()
    }
}

impl Mirror {
    fn of_path(path: &str) -> Option<Self> {
        mcp::method_of_rpc(path).map(|method| Self { method, name: None })
    }

    /// The message as far as the head tells it.
    pub(super) fn message(&self) -> mcp::Message {
        let name = self.name.as_ref().and_then(|name| mcp::Text::of_header(name.as_bytes()));
        mcp::Message::mirrored(self.method, name)
    }
}

/// What has been found before it is weighed.
#[derive(Default)]
struct Found<'a> {
    content_type: Option<&'a HeaderValue>,
    encoded: bool,
    session: Option<&'a HeaderValue>,
    forwarded: Option<&'a HeaderValue>,
    method: Once<'a>,
    name: Once<'a>,
}

impl Found<'_> {
    fn mirror(&self) -> Option<Mirror> {
        let method = mcp::Method::from_bytes(self.method.value()?.as_bytes());
        Some(Mirror { method, name: self.name.value().cloned() })
    }
}

/// A header that says nothing if it comes twice.
#[derive(Default)]
enum Once<'a> {
    #[default]
    Absent,
    One(&'a HeaderValue),
    Several,
}

impl<'a> Once<'a> {
    fn see(&mut self, value: &'a HeaderValue) {
        *self = match self {
            Self::Absent => Self::One(value),
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    fn value(&self) -> Option<&'a HeaderValue> {
        match self {
            Self::One(value) => Some(value),
            Self::Absent | Self::Several => None,
        }
    }
}

/// MCP sends messages by POST only (MCP 2025-11-25, Transports, sending messages to the server).
fn readable(method: &Method, media: Option<Media>, encoded: bool) -> Result<(), Unread> {
    if *method != Method::POST || media != Some(Media::Json) {
        return Err(Unread::MediaType);
    }
    if encoded { Err(Unread::Encoded) } else { Ok(()) }
}

impl Credentials {
    fn of(authorization: &HeaderValue) -> Self {
        let bytes = authorization.as_bytes();
        let scheme = bytes.split(|&byte| byte == b' ').next().unwrap_or_default();
        // A scheme may be written in any case (RFC 9110, section 11.1).
        match scheme {
            _ if scheme.eq_ignore_ascii_case(b"bearer") => Self::Bearer,
            _ if scheme.eq_ignore_ascii_case(b"basic") => Self::Basic,
            _ if scheme.eq_ignore_ascii_case(b"apikey") => Self::ApiKey,
            _ => Self::Other,
        }
    }
}

impl SessionKey {
    pub(crate) fn of(id: &HeaderValue) -> Self {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self(NonZeroU64::new(KEY.hash_one(id.as_bytes())).unwrap_or(NonZeroU64::MIN))
    }

    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }

    #[cfg(test)]
    pub(super) fn of_test(number: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(number))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, Request};

    use super::*;

    fn head(verb: Method, path: &str, pairs: &[(&'static str, &str)]) -> Head {
        let mut request = Request::builder().method(verb).uri(path).body(()).unwrap();
        for (name, value) in pairs {
            request.headers_mut().append(HeaderName::from_static(name), value.parse().unwrap());
        }
        Head::of(&request.into_parts().0)
    }

    fn post(pairs: &[(&'static str, &str)]) -> Head {
        head(Method::POST, "/mcp", pairs)
    }

    #[test]
    fn only_plain_json_that_is_posted_can_be_read() {
        let json = ("content-type", "application/json");
        assert_eq!(post(&[json]).body(), Ok(()));
        assert_eq!(post(&[json, ("content-encoding", "identity")]).body(), Ok(()));
        assert_eq!(post(&[json, ("content-encoding", "gzip")]).body(), Err(Unread::Encoded));
        assert_eq!(post(&[]).body(), Err(Unread::MediaType));
        assert_eq!(post(&[("content-type", "text/plain"), json]).body(), Err(Unread::MediaType));
        assert_eq!(head(Method::PUT, "/", &[json]).body(), Err(Unread::MediaType));
        let stream = ("content-type", "text/event-stream");
        assert_eq!(post(&[stream]).body(), Err(Unread::MediaType));
    }

    #[test]
    fn an_unreadable_length_is_no_length() {
        for value in ["", "-1", "1e3", "99999999999999999999", "1, 1"] {
            assert_eq!(post(&[("content-length", value)]).length(), None, "{value:?}");
        }
        assert_eq!(post(&[("content-length", "17")]).length(), Some(17));
    }

    #[test]
    fn modern_requests_have_no_session() {
        let session = ("mcp-session-id", "0b2a");
        let key = post(&[session]).session();
        assert_eq!(key, Some(SessionKey::of(&HeaderValue::from_static("0b2a"))));
        assert_ne!(key, Some(SessionKey::of(&HeaderValue::from_static("0b2b"))));
        let version = |version| post(&[session, ("mcp-protocol-version", version)]);
        assert_eq!(version("2025-11-25").session(), key);
        assert_eq!(version("unheard of").session(), key);
        assert_eq!(version("2026-07-28").session(), None);
        assert_eq!(version("2025-06-18").revision(), Some(mcp::Revision::V2025_06_18));
    }

    #[test]
    fn credentials_are_told_apart_by_their_scheme() {
        for (name, value, kind) in [
            ("authorization", "Bearer abc", Some(Credentials::Bearer)),
            ("authorization", "BEARER abc", Some(Credentials::Bearer)),
            ("authorization", "basic YTpi", Some(Credentials::Basic)),
            ("authorization", "ApiKey abc", Some(Credentials::ApiKey)),
            ("authorization", "Bearerabc", Some(Credentials::Other)),
            ("authorization", "", Some(Credentials::Other)),
            ("x-api-key", "abc", Some(Credentials::ApiKey)),
            ("api-key", "abc", Some(Credentials::ApiKey)),
            ("accept", "*/*", None),
        ] {
            assert_eq!(post(&[(name, value)]).credentials(), kind, "{name}: {value}");
        }
        let both = [("x-api-key", "abc"), ("authorization", "Basic abc")];
        assert_eq!(post(&both).credentials(), Some(Credentials::Basic));
    }

    #[test]
    fn a_mirrored_message_is_that_of_one_pair_of_headers() {
        let method = ("mcp-method", "tools/call");
        let target = |pairs: &[_]| {
            let message = post(pairs).mirror()?.message();
            Some((message.method, message.target.map(|target| target.to_string())))
        };
        let call = Some(mcp::Method::ToolsCall);
        assert_eq!(target(&[]), None);
        assert_eq!(target(&[("mcp-name", "echo")]), None);
        assert_eq!(target(&[method, method]), None, "one of them lies");
        assert_eq!(target(&[method]), Some((call, None)));
        let named = [method, ("mcp-name", "echo")];
        assert_eq!(target(&named), Some((call, Some("echo".to_owned()))));
        let twice = [method, ("mcp-name", "echo"), ("mcp-name", "echo")];
        assert_eq!(target(&twice), Some((call, None)));
        assert_eq!(target(&[("mcp-method", "Tools/Call")]), Some((Some(mcp::Method::Other), None)));
    }

    #[test]
    fn a_grpc_call_is_named_by_its_path() {
        let grpc = |path| head(Method::POST, path, &[("content-type", "application/grpc+proto")]);
        let call = grpc("/model_context_protocol.Mcp/CallTool");
        assert!(call.is_grpc());
        let message = call.mirror().map(Mirror::message);
        assert_eq!(message.and_then(|message| message.method), Some(mcp::Method::ToolsCall));
        assert!(grpc("/grpc.health.v1.Health/Check").mirror().is_none());
        assert!(!post(&[("content-type", "application/grpc-web")]).is_grpc());
    }

    #[test]
    fn a_client_that_takes_streams_says_so() {
        for (accept, wants) in [
            ("application/json, text/event-stream", true),
            ("Text/Event-Stream;q=0.5", true),
            ("*/*", false),
            ("application/json", false),
        ] {
            let get = head(Method::GET, "/mcp", &[("accept", accept)]);
            assert_eq!(get.wants_stream(), wants, "{accept}");
            assert!(!post(&[("accept", accept)]).wants_stream(), "it posts");
        }
    }

    #[test]
    fn the_scheme_is_the_clients_and_one_of_two() {
        for (uri, forwarded, https) in [
            ("/mcp", None, false),
            ("/mcp", Some("HTTPS"), true),
            ("https://host/mcp", None, true),
            ("http://host/mcp", Some("https"), true),
            ("https://host/mcp", Some("http"), false),
            ("/mcp", Some("javascript"), false),
        ] {
            let forwarded = forwarded.map(|forwarded| ("x-forwarded-proto", forwarded));
            let head = head(Method::POST, uri, forwarded.as_slice());
            assert_eq!(head.is_https(), https, "{uri} {forwarded:?}");
        }
    }
}
