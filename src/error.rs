//! The crate's one set-up error.

use std::{error, fmt};

/// What can go wrong while telemetry is set up.
///
/// Nothing fails once requests are served: a value that cannot be used there is replaced or left
/// out, and counted. The `is_…` methods tell the kinds apart; the wording of the message may change.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::metrics::McpMetrics;
///
/// let error = McpMetrics::builder().namespace("9 lives").build().unwrap_err();
/// assert!(error.is_invalid_namespace());
/// ```
pub struct Error {
    // One pointer, so that a `Result` of ours stays small.
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// A metric name cannot begin with this.
    Namespace(String),
    /// These bucket bounds make no histogram, for the reason given.
    Buckets(&'static str),
    /// A name that cannot be a label value, for the reason given.
    Name { what: &'static str, name: String, why: &'static str },
    /// More names of a kind than the store keeps.
    TooManyNames { what: &'static str, limit: usize },
    /// A label that Prometheus would not take, for the reason given.
    Label { name: String, why: &'static str },
    /// A store could show more series than it may.
    TooManySeries { projected: usize, limit: usize },
    /// The registry has a family of one of our names.
    Taken(Option<String>),
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { inner: Box::new(Inner { kind, source: None }) }
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// Whether a namespace cannot begin a metric name.
    pub fn is_invalid_namespace(&self) -> bool {
        matches!(self.inner.kind, Kind::Namespace(_))
    }

    /// Whether bucket bounds were empty, too many, not in rising order, or not numbers above zero.
    pub fn is_invalid_buckets(&self) -> bool {
        matches!(self.inner.kind, Kind::Buckets(_))
    }

    /// Whether a tool, prompt, route or HTTP method cannot be a label value.
    pub fn is_invalid_name(&self) -> bool {
        matches!(self.inner.kind, Kind::Name { .. })
    }

    /// Whether there were more tools, prompts, routes or HTTP methods than are kept.
    pub fn is_too_many_names(&self) -> bool {
        matches!(self.inner.kind, Kind::TooManyNames { .. })
    }

    /// Whether settings could show more series than
    /// [`max_series`](crate::metrics::McpMetricsBuilder::max_series) allows. The message says both
    /// numbers.
    pub fn is_too_many_series(&self) -> bool {
        matches!(self.inner.kind, Kind::TooManySeries { .. })
    }

    /// Whether a label's name or value cannot be shown.
    pub fn is_invalid_label(&self) -> bool {
        matches!(self.inner.kind, Kind::Label { .. })
    }

    /// Whether a metric of the same name is registered already.
    pub fn is_already_registered(&self) -> bool {
        matches!(self.inner.kind, Kind::Taken(_))
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner.kind {
            Kind::Namespace(namespace) => {
                write!(f, "namespace {namespace:?} cannot begin a metric name")
            }
            Kind::Buckets(why) => write!(f, "invalid bucket bounds: {why}"),
            Kind::Name { what, name, why } => write!(f, "{what} {name:?} cannot be a label: {why}"),
            Kind::TooManyNames { what, limit } => write!(f, "more than {limit} {what}s"),
            Kind::TooManySeries { projected, limit } => {
                write!(f, "these settings can show {projected} series, which is above {limit}")
            }
            Kind::Label { name, why } => write!(f, "invalid label {name:?}: {why}"),
            Kind::Taken(Some(name)) => write!(f, "metric {name:?} is registered already"),
            Kind::Taken(None) => f.write_str("a metric of this namespace is registered already"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("Error");
        debug.field(&self.inner.kind);
        if let Some(source) = &self.inner.source {
            debug.field(source);
        }
        debug.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn says_its_own_level_only_and_keeps_the_cause() {
        let error =
            Error::new(Kind::Taken(Some("mcp_requests_total".to_owned()))).with_source("duplicate");
        assert_eq!(error.to_string(), r#"metric "mcp_requests_total" is registered already"#);
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("duplicate"));
        assert!(error.is_already_registered() && !error.is_invalid_label());
    }

    #[test]
    fn crosses_threads_and_stays_small() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
