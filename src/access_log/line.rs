//! What a line says, worked out when it is asked for.

use std::{borrow::Cow, cell::OnceCell, sync::Arc};

use http::StatusCode;
use tracing::field::{DisplayValue, display};

use super::{
    facts::{Decided, Head},
    millis::Millis,
    routes::{OTHER, Shown},
    session::Session,
    settings::Settings,
    text::{LONGEST_NAME, LONGEST_TEXT, clean},
};
use crate::{
    exchange::{ClientName, Closing, Exchange, Reason, Stream},
    mcp::{Message, Method as McpMethod, Revision, Text},
};

/// One line. Nobody may want it, so it costs nothing before its fields are asked for.
pub(super) struct Line<'a> {
    settings: &'a Settings,
    exchange: &'a Exchange,
    head: &'a Head,
    decided: &'a Decided,
    path: OnceCell<Shown<'a>>,
    user_id: OnceCell<Option<Arc<str>>>,
}

/// The status of an exchange that ended before its response head, as nginx has it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

impl<'a> Line<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        exchange: &'a Exchange,
        head: &'a Head,
        decided: &'a Decided,
    ) -> Self {
        let (path, user_id) = (OnceCell::new(), OnceCell::new());
        Self { settings, exchange, head, decided, path, user_id }
    }

    pub(super) fn request_id(&self) -> Option<&str> {
        self.exchange.request_id()
    }

    pub(super) fn user_id(&self) -> Option<Cow<'_, str>> {
        let heard = || self.exchange.heard(|words| words.user_id.clone()).flatten();
        // A clone, so that the words are not locked while a subscriber runs.
        let user_id = self.user_id.get_or_init(heard);
        user_id.as_deref().map(|id| clean(id, LONGEST_TEXT))
    }

    /// The HTTP method, out of a closed set: any other is a client's own word.
    pub(super) fn method(&self) -> &str {
        let method = self.exchange.method();
        if self.settings.known_methods.knows(method) { method.as_str() } else { OTHER }
    }

    pub(super) fn path(&self) -> &str {
        self.path.get_or_init(|| {
            let path = self.exchange.path();
            if self.settings.skips(path) {
                return Shown::Kept(path);
            }
            let answered = self.decided.answered && self.message().is_some();
            self.settings.routes.show(path, self.exchange.matched_path(), answered)
        })
    }

    pub(super) fn status(&self) -> u16 {
        self.decided.status.as_ref().map_or(CLIENT_CLOSED_REQUEST, StatusCode::as_u16)
    }

    pub(super) fn duration(&self) -> Millis {
        self.decided.duration.into()
    }

    pub(super) fn mcp_method(&self) -> Option<&'static str> {
        self.message()?.method.map(McpMethod::as_str)
    }

    pub(super) fn tool(&self) -> Option<Cow<'a, str>> {
        let told = self.decided.told.tool.as_deref().filter(|_| self.is(McpMethod::ToolsCall));
        told.or_else(|| self.target(McpMethod::ToolsCall)).map(|name| clean(name, LONGEST_NAME))
    }

    pub(super) fn prompt(&self) -> Option<Cow<'a, str>> {
        self.target(McpMethod::PromptsGet).map(|name| clean(name, LONGEST_NAME))
    }

    /// The scheme of the resource's URI, and nothing that follows: a URI can hold secrets.
    pub(super) fn resource(&self) -> Option<&'a str> {
        let uri = self.target(McpMethod::ResourcesRead)?;
        let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
        Some(scheme.filter(|scheme| is_scheme(scheme)).unwrap_or(OTHER))
    }

    pub(super) fn outcome(&self) -> &'static str {
        self.decided.outcome.as_str()
    }

    pub(super) fn reason(&self) -> Option<DisplayValue<Reason>> {
        self.decided.reason.map(display)
    }

    pub(super) fn code(&self) -> Option<i64> {
        self.decided.code
    }

    pub(super) fn client_name(&self) -> Option<Cow<'a, str>> {
        self.client().map(|client| clean(client.name, LONGEST_TEXT))
    }

    pub(super) fn client_version(&self) -> Option<Cow<'a, str>> {
        self.client()?.version.map(|version| clean(version, LONGEST_TEXT))
    }

    pub(super) fn protocol(&self) -> Option<&'static str> {
        self.decided.revision.map(Revision::as_str)
    }

    pub(super) fn session(&self) -> Option<DisplayValue<&'a Session>> {
        self.head.session.as_ref().map(display)
    }

    pub(super) fn bytes_in(&self) -> u64 {
        self.exchange.bytes_in()
    }

    fn message(&self) -> Option<&'a Message> {
        self.exchange.message()
    }

    fn client(&self) -> Option<ClientName<'a>> {
        let told = self.decided.told.client.as_deref().map(ClientName::from);
        told.or_else(|| self.message()?.client.as_deref().map(ClientName::from))
    }

    fn is(&self, method: McpMethod) -> bool {
        self.message().is_some_and(|message| message.method == Some(method))
    }

    /// What a message of this method is about.
    fn target(&self, of: McpMethod) -> Option<&'a str> {
        let message = self.message().filter(|message| message.method == Some(of))?;
        message.target.as_ref().map(Text::as_str)
    }
}

/// RFC 3986, section 3.1, and no longer than any that is registered.
fn is_scheme(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.len() <= 32
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(fits)
}

/// What is known once an exchange is over.
pub(super) struct End<'a> {
    pub(super) line: &'a Line<'a>,
    pub(super) closing: &'a Closing<'a>,
    /// The stream stood for its own sake.
    pub(super) stood: bool,
}

impl End<'_> {
    pub(super) fn first_event(&self) -> Option<Millis> {
        self.stream()?.first_event.map(Millis::from)
    }

    /// How long a stream lasted. Not where its end came with the answer.
    pub(super) fn stream_duration(&self) -> Option<Millis> {
        self.stream()?;
        let lasted = Millis::from(self.closing.duration);
        (self.stood || lasted != self.line.duration()).then_some(lasted)
    }

    pub(super) fn bytes_out(&self) -> u64 {
        self.closing.bytes_out
    }

    pub(super) fn events(&self) -> Option<u64> {
        self.stream().map(|stream| stream.counts.messages())
    }

    fn stream(&self) -> Option<Stream> {
        self.closing.stream
    }
}
