//! What is written on a span: its name, its attributes, its status.

use std::{borrow::Cow, time::SystemTime};

use http::{HeaderName, HeaderValue, Method as Verb, Version, request::Parts, uri::PathAndQuery};
use opentelemetry::{
    KeyValue, Value,
    trace::{Link, SpanBuilder, SpanKind, SpanRef, Status},
};

use super::attributes::{
    ERROR_TYPE, GEN_AI_OPERATION_NAME, GEN_AI_PROMPT_NAME, GEN_AI_TOOL_NAME, HTTP_REQUEST_METHOD,
    HTTP_REQUEST_METHOD_ORIGINAL, HTTP_RESPONSE_STATUS_CODE, JSONRPC_REQUEST_ID, MCP_METHOD_NAME,
    MCP_PROTOCOL_VERSION, MCP_RESOURCE_URI, NETWORK_PROTOCOL_NAME, NETWORK_PROTOCOL_VERSION,
    NETWORK_TRANSPORT, OTHER, REASON, RPC_RESPONSE_STATUS_CODE, URL_PATH, URL_SCHEME,
};
use crate::{
    exchange::{Outcome, Reason, Settlement},
    mcp::{Message, MessageKind, Method, ResponseMessage, Revision, TargetField, Text},
};

#[cfg(test)]
mod tests;

/// What the head of a request says for its span.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) started: SystemTime,
    verb: Verb,
    path: Option<PathAndQuery>,
    scheme: &'static str,
    version: Option<&'static str>,
    /// The revision that clients name in a header from 2025-06-18 on.
    pub(super) revision: Option<Revision>,
}

impl Head {
    pub(super) fn of(request: &Parts) -> Self {
        let revision = request.headers.get(&PROTOCOL_VERSION);
        Self {
            started: SystemTime::now(),
            verb: request.method.clone(),
            path: request.uri.path_and_query().cloned(),
            scheme: scheme_of(request),
            version: match request.version {
                Version::HTTP_10 => Some("1.0"),
                Version::HTTP_11 => Some("1.1"),
                Version::HTTP_2 => Some("2"),
                Version::HTTP_3 => Some("3"),
                _ => None,
            },
            revision: revision.map(|revision| Revision::from_bytes(revision.as_bytes())),
        }
    }

    /// A span for the exchange, with all that is known of it. What a sampler may want to know has to
    /// be there from the start, and is cheapest there.
    pub(super) fn span(&self, message: Option<&Message>, links: Option<Vec<Link>>) -> SpanBuilder {
        let mut attributes = Vec::with_capacity(MOST_ATTRIBUTES);
        let known = known_verb(&self.verb);
        attributes.push(KeyValue::new(HTTP_REQUEST_METHOD, known.unwrap_or(OTHER)));
        if known.is_none() {
            let original = bounded(self.verb.as_str()).to_owned();
            attributes.push(KeyValue::new(HTTP_REQUEST_METHOD_ORIGINAL, original));
        }
        // The path alone: queries carry secrets.
        let path = self.path.as_ref().map_or("/", PathAndQuery::path);
        attributes.push(KeyValue::new(URL_PATH, bounded(path).to_owned()));
        attributes.push(KeyValue::new(URL_SCHEME, self.scheme));
        attributes.push(KeyValue::new(NETWORK_PROTOCOL_NAME, "http"));
        if let Some(version) = self.version {
            attributes.push(KeyValue::new(NETWORK_PROTOCOL_VERSION, version));
        }
        let transport = if self.version == Some("3") { "quic" } else { "tcp" };
        attributes.push(KeyValue::new(NETWORK_TRANSPORT, transport));
        let mut name = None;
        if let Some(message) = message {
            name = name_of(message);
            describe(message, self.revision, &mut attributes);
        }
        SpanBuilder {
            span_kind: Some(SpanKind::Server),
            name: name.unwrap_or(Cow::Borrowed(known.unwrap_or("HTTP"))),
            start_time: Some(self.started),
            attributes: Some(attributes),
            links,
            ..SpanBuilder::default()
        }
    }
}

/// All that a span can ever get from here, so that it is not moved when it grows.
const MOST_ATTRIBUTES: usize = 16;

static PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The scheme that the client has used, if a proxy says it, else ours.
fn scheme_of(request: &Parts) -> &'static str {
    let forwarded = request.headers.get(&FORWARDED_PROTO).map(HeaderValue::as_bytes);
    let own = || request.uri.scheme_str().map(str::as_bytes);
    match forwarded.or_else(own) {
        Some(scheme) if scheme.eq_ignore_ascii_case(b"https") => "https",
        _ => "http",
    }
}

/// The methods that the HTTP conventions know by name.
fn known_verb(verb: &Verb) -> Option<&'static str> {
    Some(match *verb {
        Verb::POST => "POST",
        Verb::GET => "GET",
        Verb::DELETE => "DELETE",
        Verb::OPTIONS => "OPTIONS",
        Verb::HEAD => "HEAD",
        Verb::PUT => "PUT",
        Verb::PATCH => "PATCH",
        Verb::CONNECT => "CONNECT",
        Verb::TRACE => "TRACE",
        _ => return None,
    })
}

/// Gives a span that had to begin without its message what it would have had with it.
pub(super) fn complete(span: &SpanRef<'_>, message: &Message, revision: Option<Revision>) {
    let Some(name) = name_of(message).filter(|_| span.is_recording()) else { return };
    let mut attributes = Vec::new();
    describe(message, revision, &mut attributes);
    span.update_name(name);
    span.set_attributes(attributes);
}

/// The name of the span of a message: its method, and the tool or prompt it is about. `None` if the
/// message has no method, as answers have none.
pub(super) fn name_of(message: &Message) -> Option<Cow<'static, str>> {
    let method = message.method?;
    Some(match target_of(message) {
        Some((_, target)) if is_plain(target) => {
            Cow::Owned([method.as_str(), " ", target].concat())
        }
        _ => Cow::Borrowed(method.as_str()),
    })
}

/// The tool or prompt that a message is about, and the attribute that names it.
fn target_of(message: &Message) -> Option<(&'static str, &str)> {
    let key = match message.method? {
        Method::ToolsCall => GEN_AI_TOOL_NAME,
        Method::PromptsGet => GEN_AI_PROMPT_NAME,
        _ => return None,
    };
    message.target.as_ref().map(|target| (key, target.as_str()))
}

/// Whether a name is what the MCP specification advises for tools, and at most half as long. Span
/// names are grouped by, and a client can send any.
fn is_plain(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

pub(super) fn describe(
    message: &Message,
    revision: Option<Revision>,
    attributes: &mut Vec<KeyValue>,
) {
    let Some(method) = message.method else { return };
    attributes.push(KeyValue::new(MCP_METHOD_NAME, method.as_str()));
    if let Some((key, target)) = target_of(message) {
        attributes.push(KeyValue::new(key, bounded(target).to_owned()));
    }
    if let Some(uri) = message.target.as_ref().filter(|_| method.target() == Some(TargetField::Uri))
    {
        let uri = public_uri(uri).map(|uri| KeyValue::new(MCP_RESOURCE_URI, uri));
        attributes.extend(uri);
    }
    if method == Method::ToolsCall {
        attributes.push(KeyValue::new(GEN_AI_OPERATION_NAME, "execute_tool"));
    }
    if let Some(id) = message.id.as_ref().filter(|_| message.kind == MessageKind::Request) {
        attributes.push(KeyValue::new(JSONRPC_REQUEST_ID, id.to_string()));
    }
    // What an `initialize` agrees on is known at its end.
    if method != Method::Initialize {
        push_revision(message.revision.or(revision), attributes);
    }
}

fn push_revision(revision: Option<Revision>, attributes: &mut Vec<KeyValue>) {
    if let Some(revision) = revision.filter(|&revision| revision != Revision::Other) {
        attributes.push(KeyValue::new(MCP_PROTOCOL_VERSION, revision.as_str()));
    }
}

/// A resource's URI without what may be secret: user, password, query and fragment. `None` if that
/// leaves nothing, or if it cannot be told what is what.
fn public_uri(uri: &Text) -> Option<String> {
    let text = uri.as_str();
    let end = text.find(['?', '#']);
    let is_whole = end.is_some() || !uri.is_truncated();
    let (scheme, rest) = text[..end.unwrap_or(text.len())].split_once(':')?;
    // All of it is content (RFC 2397).
    if scheme.eq_ignore_ascii_case("data") {
        return None;
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return Some(bounded(&[scheme, ":", rest].concat()).to_owned());
    };
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.len() == rest.len() && !is_whole {
        // What is cut off may show that this was a password.
        return None;
    }
    let host = authority.rfind('@').map_or(0, |at| at + 1);
    Some(bounded(&[scheme, "://", &rest[host..]].concat()).to_owned())
}

/// The longest text of a client's on a span, in bytes.
const LONGEST: usize = 256;

fn bounded(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// How an operation was decided, as spans show it.
pub(super) struct End<'a> {
    settlement: &'a Settlement<'a>,
    outcome: Outcome,
    reason: Option<Reason>,
    /// The answer, if it is the one to the one message.
    answer: Option<&'a ResponseMessage>,
    time: SystemTime,
}

impl<'a> End<'a> {
    pub(super) fn of(settlement: &'a Settlement<'a>, started: SystemTime) -> Self {
        let Settlement { mut outcome, mut reason, mut answer, .. } = *settlement;
        // The answer to one message of a batch says nothing of the others.
        let request = settlement.exchange.request().and_then(Result::ok);
        if request.is_some_and(|request| request.batch) && answer.take().is_some() {
            let status = settlement.status.unwrap_or_default();
            outcome = Outcome::of_status(status);
            reason = (outcome != Outcome::Success).then_some(Reason::Status(status));
        }
        // The clock of the wall may have been set since; the duration is that of all other signals.
        let time = started.checked_add(settlement.duration).unwrap_or(started);
        Self { settlement, outcome, reason, answer, time }
    }

    /// Ends the span of the exchange.
    pub(super) fn exchange(&self, span: &SpanRef<'_>) {
        if span.is_recording() {
            span.set_attributes(self.attributes());
            self.status(span);
        }
        span.end_with_timestamp(self.time);
    }

    /// Ends the span of a message of a batch, whose own answer is not known.
    pub(super) fn message_of_batch(&self, span: &SpanRef<'_>) {
        if span.is_recording() {
            span.set_attributes(self.error());
            self.status(span);
        }
        span.end_with_timestamp(self.time);
    }

    fn status(&self, span: &SpanRef<'_>) {
        if let Some(description) = self.description() {
            span.set_status(Status::error(description));
        }
        if matches!(self.outcome, Outcome::Cancelled | Outcome::Detached) {
            let reason = self.reason.map(|reason| KeyValue::new(REASON, text_of(reason)));
            span.add_event(self.outcome.as_str(), reason.into_iter().collect());
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(4);
        if let Some(status) = self.settlement.status {
            let status = i64::from(status.as_u16());
            attributes.push(KeyValue::new(HTTP_RESPONSE_STATUS_CODE, status));
        }
        if let Some(code) = self.answer.and_then(|answer| answer.error_code) {
            attributes.push(KeyValue::new(RPC_RESPONSE_STATUS_CODE, number(code)));
        }
        attributes.extend(self.error());
        if let Some(message) = self.settlement.exchange.message() {
            if message.method == Some(Method::Initialize) {
                let agreed = self.answer.and_then(|answer| answer.protocol_version);
                push_revision(agreed.or(message.requested_version), &mut attributes);
            }
        }
        attributes
    }

    fn error(&self) -> Option<KeyValue> {
        error_type(self.outcome, self.reason).map(|error| KeyValue::new(ERROR_TYPE, error))
    }

    /// The text of the status `Error`, which is fixed: what a tool or a server says may be anything.
    fn description(&self) -> Option<&'static str> {
        error_type(self.outcome, self.reason)?;
        Some(match (self.outcome, self.reason) {
            (Outcome::ToolError, _) => "the tool reported an error",
            (Outcome::TransportError, _) => "the exchange broke off",
            (Outcome::NoResponse, _) => "the response held no answer",
            (_, Some(Reason::Panic)) => "the service panicked",
            // `error.type` says it.
            _ => "",
        })
    }
}

/// `error.type` by the MCP conventions. What has one has the status `Error`, and nothing else has.
fn error_type(outcome: Outcome, reason: Option<Reason>) -> Option<Value> {
    match (outcome, reason) {
        (Outcome::ToolError, _) => Some("tool_error".into()),
        (Outcome::Timeout, _) => Some("timeout".into()),
        (Outcome::TransportError | Outcome::NoResponse, _) => Some(OTHER.into()),
        (Outcome::ServerError, reason) => Some(reason.map_or(OTHER.into(), text_of)),
        // Of a caller's own faults the conventions know these.
        (Outcome::CallerError, Some(Reason::Code(-32700 | -32600 | -32601 | -32602 | -32002))) => {
            None
        }
        (Outcome::CallerError, reason) => reason.map(text_of),
        // A refusal by status has no type until the conventions settle on one.
        (
            Outcome::Rejected
            | Outcome::Success
            | Outcome::InputRequired
            | Outcome::Cancelled
            | Outcome::Detached,
            _,
        ) => None,
    }
}

fn text_of(reason: Reason) -> Value {
    match reason {
        Reason::Dropped => "dropped".into(),
        Reason::Aborted => "aborted".into(),
        Reason::Panic => "panic".into(),
        Reason::Code(code) => number(code),
        Reason::Status(status) => number(i64::from(status.as_u16())),
    }
}

fn number(number: i64) -> Value {
    itoa::Buffer::new().format(number).to_owned().into()
}
