//! What is written on a span when it begins: its name, and its first attributes.

use std::{
    borrow::Cow,
    time::{Instant, SystemTime},
};

use http::{Method as Verb, Version};
use opentelemetry::{
    KeyValue,
    trace::{Link, SpanBuilder, SpanKind, SpanRef},
};

use super::attributes::{
    GEN_AI_OPERATION_NAME, GEN_AI_PROMPT_NAME, GEN_AI_TOOL_NAME, HTTP_REQUEST_METHOD,
    HTTP_REQUEST_METHOD_ORIGINAL, HTTP_ROUTE, JSONRPC_REQUEST_ID, MCP_METHOD_NAME,
    MCP_PROTOCOL_VERSION, MCP_RESOURCE_URI, NETWORK_PROTOCOL_NAME, NETWORK_PROTOCOL_VERSION,
    NETWORK_TRANSPORT, OTHER, URL_PATH, URL_SCHEME,
};
use crate::{
    exchange::{Exchange, KnownMethods, ends_in_wildcard},
    mcp::{Message, MessageKind, Method, Revision, TargetField, Text},
};

#[cfg(test)]
mod tests;

/// When an exchange began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) started: SystemTime,
    /// When the exchange began, by the same clock: a layer further out may have begun it long before.
    /// Durations count from there.
    pub(super) epoch: SystemTime,
}

impl Head {
    pub(super) fn of(exchange: &Exchange) -> Self {
        let started = SystemTime::now();
        let since = Instant::now().saturating_duration_since(exchange.started());
        Self { started, epoch: started.checked_sub(since).unwrap_or(started) }
    }

    /// A span for the exchange, with all that is known of it. What a sampler may want to know has to
    /// be there from the start, and is cheapest there.
    pub(super) fn span(
        self,
        exchange: &Exchange,
        known: &KnownMethods,
        links: Option<Vec<Link>>,
    ) -> SpanBuilder {
        let mut attributes = Vec::with_capacity(MOST_ATTRIBUTES);
        let (verb, head) = (exchange.method(), exchange.head());
        if known.knows(verb) {
            attributes.push(KeyValue::new(HTTP_REQUEST_METHOD, text_of(verb)));
        } else {
            attributes.push(KeyValue::new(HTTP_REQUEST_METHOD, OTHER));
            let original = bounded(verb.as_str()).to_owned();
            attributes.push(KeyValue::new(HTTP_REQUEST_METHOD_ORIGINAL, original));
        }
        if let Some(route) = settled_route(exchange) {
            attributes.push(KeyValue::new(HTTP_ROUTE, bounded(route).to_owned()));
        }
        // The path alone: queries carry secrets.
        attributes.push(KeyValue::new(URL_PATH, bounded(exchange.path()).to_owned()));
        let scheme = if head.is_https() { "https" } else { "http" };
        attributes.push(KeyValue::new(URL_SCHEME, scheme));
        attributes.push(KeyValue::new(NETWORK_PROTOCOL_NAME, "http"));
        if let Some(version) = version_of(head.version()) {
            attributes.push(KeyValue::new(NETWORK_PROTOCOL_VERSION, version));
        }
        let transport = if head.version() == Version::HTTP_3 { "quic" } else { "tcp" };
        attributes.push(KeyValue::new(NETWORK_TRANSPORT, transport));
        let mut name = None;
        if let Some(message) = exchange.message() {
            name = name_of(message);
            describe(message, head.revision(), &mut attributes);
        }
        SpanBuilder {
            span_kind: Some(SpanKind::Server),
            name: name.unwrap_or_else(|| name_of_request(known, exchange)),
            start_time: Some(self.started),
            attributes: Some(attributes),
            links,
            ..SpanBuilder::default()
        }
    }
}

/// All that a span can ever get from here, so that it is not moved when it grows.
const MOST_ATTRIBUTES: usize = 17;

fn version_of(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// The name of a method. One that is no standard method has to be copied.
fn text_of(verb: &Verb) -> Cow<'static, str> {
    Cow::Borrowed(match *verb {
        Verb::POST => "POST",
        Verb::GET => "GET",
        Verb::DELETE => "DELETE",
        Verb::OPTIONS => "OPTIONS",
        Verb::HEAD => "HEAD",
        Verb::PUT => "PUT",
        Verb::PATCH => "PATCH",
        Verb::CONNECT => "CONNECT",
        Verb::TRACE => "TRACE",
        _ => return Cow::Owned(verb.as_str().to_owned()),
    })
}

/// The name of a span without a message, by the conventions for HTTP: the method, and the route if it is
/// known.
fn name_of_request(known: &KnownMethods, exchange: &Exchange) -> Cow<'static, str> {
    let verb = exchange.method();
    let verb = if known.knows(verb) { text_of(verb) } else { Cow::Borrowed("HTTP") };
    match exchange.matched_path() {
        Some(route) => Cow::Owned(format!("{verb} {route}")),
        None => verb,
    }
}

/// The path that a router has matched, if no router further in can say more.
pub(super) fn settled_route(exchange: &Exchange) -> Option<&str> {
    exchange.matched_path().filter(|route| !ends_in_wildcard(route))
}

/// Gives a span that had to begin outside of the router what it would have had further in.
pub(super) fn complete_route(span: &SpanRef<'_>, known: &KnownMethods, exchange: &Exchange) {
    let Some(route) = exchange.matched_path().filter(|_| span.is_recording()) else { return };
    span.set_attribute(KeyValue::new(HTTP_ROUTE, bounded(route).to_owned()));
    if exchange.message().and_then(name_of).is_none() {
        span.update_name(name_of_request(known, exchange));
    }
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
    Some(name(message.method?, target_of(message).map(|(_, target)| target)))
}

/// The name of the span of a method and its target.
pub(super) fn name(method: Method, target: Option<&str>) -> Cow<'static, str> {
    match target {
        Some(target) if is_plain(target) => Cow::Owned([method.as_str(), " ", target].concat()),
        _ => Cow::Borrowed(method.as_str()),
    }
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

pub(super) fn push_revision(revision: Option<Revision>, attributes: &mut Vec<KeyValue>) {
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
    // All of it is content (RFC 2397). What has no scheme (RFC 3986, section 3.1) is no URI.
    if scheme.eq_ignore_ascii_case("data") || !is_scheme(scheme) {
        return None;
    }
    let authority = rest.strip_prefix("//").map(|rest| rest.split('/').next().unwrap_or_default());
    // A password may have any character, and so end up where none belongs.
    let stray = match authority {
        Some(authority) => text[scheme.len() + "://".len() + authority.len()..].contains('@'),
        None => text.contains('@') || text.contains("//"),
    };
    if stray {
        return None;
    }
    let (Some(authority), Some(rest)) = (authority, rest.strip_prefix("//")) else {
        return Some(bounded(&[scheme, ":", rest].concat()).to_owned());
    };
    if authority.len() == rest.len() && !is_whole {
        // What is cut off may show that this was a password.
        return None;
    }
    let host = authority.rfind('@').map_or(0, |at| at + 1);
    Some(bounded(&[scheme, "://", &rest[host..]].concat()).to_owned())
}

fn is_scheme(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(rest)
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
