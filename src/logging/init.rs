//! Logging for a whole program, in one call.

use std::{
    any::type_name,
    env,
    ffi::OsString,
    fmt,
    io::{self, Stdout},
    sync::{Mutex, PoisonError},
};

use tracing::{
    dispatcher::{self, Dispatch},
    level_filters::LevelFilter,
    subscriber::NoSubscriber,
};
use tracing_log::{AsLog, LogTracer};
use tracing_subscriber::{
    EnvFilter, Registry, filter::Directive, fmt::MakeWriter, layer::SubscriberExt,
};

use super::{
    JsonLayer, TextLayer,
    error::{InitError, Kind},
    shape::{Format, Shape},
};

/// The environment variable for levels.
pub(super) const LEVEL: &str = "RUST_LOG";

/// The environment variable for the format.
pub(super) const FORMAT: &str = "LOG_FORMAT";

/// Writes every event of the program to standard output, as the environment asks for.
///
/// `RUST_LOG` says from which level on, as a list of [`EnvFilter`] directives, such as `info` (the
/// default) or `warn,mcp_gateway=debug`. `LOG_FORMAT` is `json` (the default) or `text`. A variable
/// that is empty counts as one that is not set. What libraries log through the `log` crate is
/// written too.
///
/// A program that adds layers of its own does without this, and adds a [`JsonLayer`] to them.
///
/// # Errors
///
/// If a variable cannot be understood, if there is a subscriber or a logger already, or if this was
/// called before. Then nothing is changed.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::logging;
///
/// logging::init()?;
/// tracing::info!(port = 8080, "listening");
///
/// assert!(logging::init().is_err_and(|error| error.is_repeated()));
/// # Ok::<_, logging::InitError>(())
/// ```
pub fn init() -> Result<(), InitError> {
    builder().init()
}

/// Settings for [`init()`]. What is not set here is left to the environment.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::logging;
/// use tracing::Level;
///
/// logging::builder().level(Level::INFO).logger("h2", Level::WARN).json(true).init()?;
/// # Ok::<_, logging::InitError>(())
/// ```
pub fn builder() -> Builder {
    Builder {
        level: None,
        loggers: Vec::new(),
        format: None,
        max_line_bytes: Shape::MAX_LINE,
        make_writer: io::stdout,
    }
}

/// Settings of logging for a whole program. Made by [`builder`].
#[must_use = "nothing is set before `init`"]
#[derive(Clone)]
pub struct Builder<W = fn() -> Stdout> {
    level: Option<LevelFilter>,
    loggers: Vec<(String, LevelFilter)>,
    format: Option<Format>,
    max_line_bytes: usize,
    make_writer: W,
}

impl<W> Builder<W> {
    /// Writes what is at least as severe as `level`. `RUST_LOG` is not looked at then.
    ///
    /// Default: what `RUST_LOG` says, else `INFO`.
    pub fn level(self, level: impl Into<LevelFilter>) -> Self {
        Self { level: Some(level.into()), ..self }
    }

    /// Sets the level of one logger and of those whose names begin with its name, whatever the
    /// level of the others is. The name of a logger is the target of its events: for a library, the
    /// name of its crate.
    pub fn logger(mut self, name: impl Into<String>, level: impl Into<LevelFilter>) -> Self {
        self.loggers.push((name.into(), level.into()));
        self
    }

    /// Writes JSON if `json`, else text. `LOG_FORMAT` is not looked at then.
    ///
    /// Default: what `LOG_FORMAT` says, else JSON.
    pub fn json(self, json: bool) -> Self {
        Self { format: Some(if json { Format::Json } else { Format::Text }), ..self }
    }

    /// How long a line may be, as in [`JsonLayer::max_line_bytes`].
    pub fn max_line_bytes(self, bytes: usize) -> Self {
        Self { max_line_bytes: bytes, ..self }
    }

    /// Writes to `make_writer`, as in [`JsonLayer::with_writer`].
    ///
    /// Default: standard output.
    pub fn with_writer<N>(self, make_writer: N) -> Builder<N>
    where
        N: for<'w> MakeWriter<'w>,
    {
        let Self { level, loggers, format, max_line_bytes, make_writer: _ } = self;
        Builder { level, loggers, format, max_line_bytes, make_writer }
    }

    /// Sets the program's subscriber for `tracing`, and its logger for the `log` crate.
    ///
    /// # Errors
    ///
    /// As [`init()`], and if the name of a [`logger`](Self::logger) has characters that no target
    /// has.
    pub fn init(self) -> Result<(), InitError>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        static INITIALIZED: Mutex<bool> = Mutex::new(false);
        let mut initialized = INITIALIZED.lock().unwrap_or_else(PoisonError::into_inner);
        if *initialized {
            return Err(Kind::Repeated.into());
        }
        let filter = self.filter(env::var_os(LEVEL))?;
        let format = self.format(env::var_os(FORMAT))?;
        let max_level = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
        let filtered = Registry::default().with(filter);
        let subscriber = match format {
            Format::Json => {
                let layer = JsonLayer::new().with_writer(self.make_writer);
                Dispatch::new(filtered.with(layer.max_line_bytes(self.max_line_bytes)))
            }
            Format::Text => {
                let layer = TextLayer::new().with_writer(self.make_writer);
                Dispatch::new(filtered.with(layer.max_line_bytes(self.max_line_bytes)))
            }
        };
        set(subscriber, max_level)?;
        *initialized = true;
        Ok(())
    }

    fn filter(&self, variable: Option<OsString>) -> Result<EnvFilter, InitError> {
        let directives = match variable {
            Some(text) if self.level.is_none() => {
                text.into_string().map_err(|_| Kind::Directives)?
            }
            _ => String::new(),
        };
        // The parser, too, overlooks white space, but counts its positions without it: behind a
        // space it would cut in the wrong place, and panic where that is within a character.
        let directives = directives.split(',').map(str::trim).collect::<Vec<_>>().join(",");
        let filter = EnvFilter::builder()
            .with_default_directive(self.level.unwrap_or(LevelFilter::INFO).into())
            .parse(directives)
            .map_err(|error| InitError::from(Kind::Directives).with_source(error))?;
        self.loggers.iter().try_fold(filter, |filter, (name, level)| {
            Ok(filter.add_directive(directive(name, *level)?))
        })
    }

    fn format(&self, variable: Option<OsString>) -> Result<Format, InitError> {
        match (self.format, variable) {
            (Some(format), _) => Ok(format),
            (None, None) => Ok(Format::Json),
            (None, Some(text)) if text.is_empty() || text == "json" => Ok(Format::Json),
            (None, Some(text)) if text == "text" => Ok(Format::Text),
            (None, Some(_)) => Err(Kind::Format.into()),
        }
    }
}

impl<W> fmt::Debug for Builder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, loggers, format, max_line_bytes, make_writer: _ } = self;
        f.debug_struct("Builder")
            .field("level", level)
            .field("loggers", loggers)
            .field("format", format)
            .field("max_line_bytes", max_line_bytes)
            .field("make_writer", &format_args!("{}", type_name::<W>()))
            .finish()
    }
}

fn directive(logger: &str, level: LevelFilter) -> Result<Directive, InitError> {
    let invalid = || InitError::from(Kind::Name(logger.to_owned()));
    // What has a meaning to the parser would make a directive for something else.
    if !logger.chars().all(|c| c.is_alphanumeric() || "_-:./".contains(c)) {
        return Err(invalid());
    }
    format!("{logger}={level}").parse().map_err(|error| invalid().with_source(error))
}

/// Sets the subscriber and the logger, or neither.
fn set(subscriber: Dispatch, max_level: LevelFilter) -> Result<(), InitError> {
    // Looked at first, since a logger cannot be taken back once the subscriber turns out to be
    // there.
    if !dispatcher::get_default(Dispatch::is::<NoSubscriber>) {
        return Err(Kind::Subscriber.into());
    }
    LogTracer::init_with_filter(max_level.as_log())
        .map_err(|error| InitError::from(Kind::Logger).with_source(error))?;
    dispatcher::set_global_default(subscriber)
        .map_err(|error| InitError::from(Kind::Subscriber).with_source(error))
}
