//! What a layer was told, and what it has learned since.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::request::Parts;

use super::{limit::Limiter, routes::Routes, sample::Sampler, session::Sessions};
use crate::exchange::KnownMethods;

/// A clone counts and learns on its own.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) routes: Routes,
    pub(super) known_methods: KnownMethods,
    /// Paths that are nothing to write about.
    pub(super) skip: Vec<String>,
    pub(super) slow: Option<Duration>,
    pub(super) successes: Sampler,
    pub(super) refusals: Option<Limiter>,
    pub(super) sessions: Sessions,
    pub(super) user_id: Option<UserId>,
    /// Who else counts the lines that are held back.
    pub(super) reports: Reports,
}

impl Settings {
    pub(super) fn new() -> Self {
        Self {
            routes: Routes::default(),
            known_methods: KnownMethods::default(),
            skip: SKIPPED.map(str::to_owned).into(),
            slow: None,
            successes: Sampler::new(1),
            refusals: None,
            sessions: Sessions::of_process(),
            user_id: None,
            reports: Reports::default(),
        }
    }

    pub(super) fn skips(&self, path: &str) -> bool {
        self.skip.iter().any(|skipped| skipped == path)
    }
}

/// Where health checks and scrapes usually go.
const SKIPPED: [&str; 5] = ["/health", "/healthz", "/ready", "/livez", "/metrics"];

/// How to tell the user from the head of a request.
#[derive(Clone)]
pub(super) struct UserId(Arc<Tell>);

type Tell = dyn Fn(&Parts) -> Option<Arc<str>> + Send + Sync;

impl UserId {
    pub(super) fn new<U: Into<Arc<str>>>(
        tell: impl Fn(&Parts) -> Option<U> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |head| tell(head).map(Into::into)))
    }

    pub(super) fn of(&self, head: &Parts) -> Option<Arc<str>> {
        self.0(head)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserId").finish_non_exhaustive()
    }
}

/// Told of each line that is held back, if anybody wants to be. The first who does is.
#[derive(Default)]
pub(super) struct Reports(OnceLock<Box<Report>>);

type Report = dyn Fn() + Send + Sync;

impl Reports {
    pub(super) fn to(&self, report: impl Fn() + Send + Sync + 'static) {
        // One that came before is told, and stays.
        let _ = self.0.set(Box::new(report));
    }

    pub(super) fn held_back(&self) {
        if let Some(report) = self.0.get() {
            report();
        }
    }
}

/// A clone reports to nobody, as it counts on its own.
impl Clone for Reports {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports").finish_non_exhaustive()
    }
}
