use std::{error::Error, fmt};

use super::init::{FORMAT, LEVEL};

/// Why logging could not be initialized.
///
/// Nothing has been set or replaced then. The `is_…` methods tell the reasons apart; the wording of
/// the message may change. It names an environment variable, but never repeats its value.
#[derive(Debug)]
pub struct InitError {
    kind: Kind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// By this very function.
    Repeated,
    /// Somebody else's subscriber is there.
    Subscriber,
    /// Somebody else's logger of the `log` crate is there.
    Logger,
    /// The variable for levels holds no directives.
    Directives,
    /// The variable for the format holds no format.
    Format,
    /// The program gave a level to a logger that cannot be.
    Name(String),
}

impl InitError {
    /// Whether [`init()`](super::init()) was called before, and was successful.
    pub fn is_repeated(&self) -> bool {
        matches!(self.kind, Kind::Repeated)
    }

    /// Whether the program already has a subscriber for `tracing`, or a logger for the `log` crate,
    /// that is not of this crate's making.
    pub fn is_already_set(&self) -> bool {
        matches!(self.kind, Kind::Subscriber | Kind::Logger)
    }

    /// Whether `RUST_LOG` is no list of directives.
    pub fn is_invalid_level(&self) -> bool {
        matches!(self.kind, Kind::Directives)
    }

    /// Whether `LOG_FORMAT` is no format.
    pub fn is_invalid_format(&self) -> bool {
        matches!(self.kind, Kind::Format)
    }

    /// Whether [`Builder::logger`](super::Builder::logger) was given a name that no logger has.
    pub fn is_invalid_logger(&self) -> bool {
        matches!(self.kind, Kind::Name(_))
    }

    pub(super) fn with_source(self, source: impl Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(source)), ..self }
    }
}

impl From<Kind> for InitError {
    fn from(kind: Kind) -> Self {
        Self { kind, source: None }
    }
}

impl Error for InitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Repeated => f.write_str("logging is initialized already"),
            Kind::Subscriber => f.write_str("a subscriber for `tracing` is set already"),
            Kind::Logger => f.write_str("a logger for the `log` crate is set already"),
            Kind::Directives => write!(f, "{LEVEL} is not a list of filter directives"),
            Kind::Format => write!(f, "{FORMAT} is neither `json` nor `text`"),
            Kind::Name(name) => write!(f, "{name:?} is not the name of a logger"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_its_own_level_only_and_keeps_the_cause() {
        let error = InitError::from(Kind::Directives).with_source(fmt::Error);
        assert_eq!(error.to_string(), "RUST_LOG is not a list of filter directives");
        let source = error.source().expect("it was given one");
        assert!(source.is::<fmt::Error>());
    }

    #[test]
    fn crosses_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<InitError>();
    }
}
