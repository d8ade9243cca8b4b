//! The methods of [`RequestContext`].

use std::{borrow::Cow, error::Error, fmt::Write, sync::Arc};

use http::{Extensions, request::Parts};
use opentelemetry::{Key, KeyValue, Value, trace::TraceContextExt};

use super::{Entered, RequestContext, Scoped, Trace, TraceContext};
use crate::exchange::{self, Outcome, Told, ToldClient};

/// Where it comes from.
impl RequestContext {
    /// The exchange that this thread is working for.
    ///
    /// `None` outside of the layers of this crate, in a task that a handler has spawned, and once the
    /// exchange has ended.
    pub fn current() -> Option<Self> {
        exchange::with_current(Self::clone)
    }

    /// The exchange that a request belongs to, by the request's head.
    ///
    /// It is how a handler finds the exchange that runs in another task than the layers, as the
    /// handlers of rmcp do. `None` once the exchange has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::request::Parts;
    /// use mcp_telemetry::context::RequestContext;
    ///
    /// # async fn query() -> String { String::new() }
    /// async fn tool(parts: &Parts) -> String {
    ///     match RequestContext::from_parts(parts) {
    ///         Some(exchange) => exchange.scope(query()).await,
    ///         None => query().await,
    ///     }
    /// }
    /// # let (parts, ()) = http::Request::new(()).into_parts();
    /// # assert!(RequestContext::from_parts(&parts).is_none());
    /// ```
    pub fn from_parts(parts: &Parts) -> Option<Self> {
        Self::from_extensions(&parts.extensions)
    }

    /// The same, by the request's extensions.
    pub fn from_extensions(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Self>().filter(|context| !context.has_ended()).cloned()
    }
}

/// Working for it.
impl RequestContext {
    /// Makes the exchange current on this thread, until the guard is dropped. Once the exchange has
    /// ended it does nothing.
    ///
    /// In `async` code do not hold the guard over an `.await`: other tasks that run on the thread
    /// meanwhile would work for this exchange. Use [`scope`](Self::scope) there.
    pub fn enter(&self) -> Entered {
        Entered::new(self)
    }

    /// Runs `future` with the exchange current whenever it is polled, and when it is dropped.
    ///
    /// So are the exchange's span and baggage, for OpenTelemetry. Once the exchange has ended, the
    /// future goes on without it.
    ///
    /// # Examples
    ///
    /// ```
    /// use mcp_telemetry::context::RequestContext;
    ///
    /// # async fn index() {}
    /// # fn handle() {
    /// if let Some(exchange) = RequestContext::current() {
    ///     tokio::spawn(exchange.scope(index()));
    /// }
    /// # }
    /// ```
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped::new(future, self)
    }
}

/// What it knows.
impl RequestContext {
    /// The request id, if a layer gave one.
    pub fn request_id(&self) -> Option<&str> {
        if self.has_ended() { None } else { self.exchange().request_id() }
    }

    /// The ids of the exchange's span, and what came with the request, if a
    /// [`TraceContextLayer`](crate::TraceContextLayer) is around.
    pub fn trace_context(&self) -> Option<TraceContext> {
        if self.has_ended() {
            return None;
        }
        Trace::of(self.exchange()).map(|trace| trace.context.clone())
    }

    /// The user, if somebody said who it is.
    pub fn user_id(&self) -> Option<Arc<str>> {
        if self.has_ended() {
            return None;
        }
        self.exchange().heard(|words| words.user_id.clone()).flatten()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.exchange().has_ended()
    }
}

/// What only a handler can add.
impl RequestContext {
    /// Says who the user is. Log lines of the exchange carry it from now on, at most 256 bytes of it;
    /// no metric, no span and no header does.
    pub fn set_user_id(&self, id: impl Into<Arc<str>>) {
        let id = exchange::short_text(id.into());
        if !self.has_ended() {
            let before = self.exchange().speak(|words| words.user_id.replace(id));
            drop(before);
        }
    }

    /// Says which tool the call is of, where the wire does not show it (a gRPC call, a body that is
    /// encoded), or shows another name than the tool's own (a gateway that renames tools).
    ///
    /// Metrics, span and log line take it for the name that the message has; of a call that is no
    /// `tools/call`, and of a batch, they ignore it. At most 256 bytes are kept, and it becomes a label as
    /// any other name does: if it was configured or listed, or by a success. A span's name changes, but where the
    /// message has named a tool, that one stays in the attribute `gen_ai.tool.name`: what a span has
    /// cannot be taken back.
    pub fn set_tool(&self, name: impl Into<Arc<str>>) {
        let name = exchange::short_text(name.into());
        self.tell(|told| told.tool = Some(name));
    }

    /// Says who the client is, where the message does not, or better than it does.
    ///
    /// At most 256 bytes of each are kept; what becomes a label is bounded as for clients that name
    /// themselves.
    pub fn set_client(&self, name: impl Into<Arc<str>>, version: Option<&str>) {
        let client = ToldClient {
            name: exchange::short_text(name.into()),
            version: version.map(|version| exchange::short_text(version.into())),
        };
        self.tell(|told| told.client = Some(Arc::new(client)));
    }

    /// Says how the operation ends, whatever its answer will say: a timeout that a handler reports as a
    /// result, for example.
    ///
    /// It goes before all that the wire shows, but for a panic. The last word counts. Of a batch each
    /// message has its own answer, and this is ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use mcp_telemetry::{Outcome, context::RequestContext};
    ///
    /// # async fn query() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// async fn tool() -> String {
    ///     match query().await {
    ///         Ok(rows) => rows,
    ///         Err(error) => {
    ///             if let Some(exchange) = RequestContext::current() {
    ///                 exchange.set_outcome(Outcome::Timeout);
    ///             }
    ///             error.to_string()
    ///         }
    ///     }
    /// }
    /// # drop(tool());
    /// ```
    pub fn set_outcome(&self, outcome: Outcome) {
        self.tell(|told| told.outcome = Some(outcome));
    }

    fn tell(&self, tell: impl FnOnce(&mut Told)) {
        if !self.has_ended() {
            self.exchange().speak(|words| tell(&mut words.told));
        }
    }

    /// Sets an attribute of the exchange's span.
    ///
    /// This and the two methods below write to the span that is exported. Without an OpenTelemetry
    /// SDK there is none, and they do nothing, as after the end of the operation.
    pub fn set_attribute(&self, key: impl Into<Key>, value: impl Into<Value>) {
        let attribute = KeyValue::new(key, value);
        self.with_span(|span| span.set_attribute(attribute));
    }

    /// Adds an event to the exchange's span.
    pub fn add_event(
        &self,
        name: impl Into<Cow<'static, str>>,
        attributes: impl IntoIterator<Item = KeyValue>,
    ) {
        let (name, attributes) = (name.into(), attributes.into_iter().collect());
        self.with_span(|span| span.add_event(name, attributes));
    }

    /// Adds an error to the exchange's span, as an event of the name `exception`.
    ///
    /// It says nothing of how the operation ends, which is what the answer says. Of the message the
    /// first 1,024 bytes are kept.
    pub fn record_error(&self, error: &dyn Error) {
        self.with_span(|span| {
            if span.is_recording() {
                // Formatted here, since the span is locked while it records an error by itself.
                let message = KeyValue::new("exception.message", message_of(error));
                span.add_event("exception", vec![message]);
            }
        });
    }

    fn with_span(&self, f: impl FnOnce(opentelemetry::trace::SpanRef<'_>)) {
        if self.has_ended() {
            return;
        }
        let otel = Trace::of(self.exchange()).and_then(|trace| trace.otel.as_ref());
        if let Some(otel) = otel {
            f(otel.span());
        }
    }
}

fn message_of(error: &dyn Error) -> String {
    let mut message = Bounded { text: String::new(), room: LONGEST_MESSAGE };
    // It fails when it is full, or when the error cannot be written. Both leave what there is.
    let _ = write!(message, "{error}");
    message.text
}

const LONGEST_MESSAGE: usize = 1024;

/// A text that takes no more than it has room for.
struct Bounded {
    text: String,
    room: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if text.len() <= self.room {
            self.room -= text.len();
            self.text.push_str(text);
            return Ok(());
        }
        let fits = (0..=self.room).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        self.text.push_str(&text[..fits]);
        self.room = 0;
        Err(std::fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Endless;

    impl Error for Endless {}

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("ab\u{e9}")?;
            }
        }
    }

    #[derive(Debug)]
    struct Unwritable;

    impl Error for Unwritable {}

    impl fmt::Display for Unwritable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    #[test]
    fn messages_of_errors_are_bounded_and_never_panic() {
        let message = message_of(&Endless);
        assert!((LONGEST_MESSAGE - 1..=LONGEST_MESSAGE).contains(&message.len()));
        assert_eq!(message_of(&Unwritable), "");
        assert_eq!(message_of(&fmt::Error), fmt::Error.to_string());
    }
}
