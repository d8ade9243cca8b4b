//! The layer's signal.

use std::sync::{Arc, OnceLock};

use http::{request, response};
use tracing::{Level, Span};

use super::{
    event,
    facts::{Decided, Head},
    level,
    limit::Limiter,
    line::{End, Line},
    settings::Settings,
};
use crate::exchange::{
    self, Applied, Closing, Exchange, Observer, Outcome, RequestContext, Settlement, Sink,
    StreamKind,
};

/// The signal of [`AccessLogLayer`](super::AccessLogLayer).
#[derive(Clone, Debug)]
pub struct LogExchange(Arc<Settings>);

impl LogExchange {
    pub(super) fn new() -> Self {
        Self(Arc::new(Settings::new()))
    }

    pub(super) fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }

    /// How many lines the limit has held back.
    pub(super) fn held_back(&self) -> u64 {
        self.0.refusals.as_ref().map_or(0, Limiter::held_back)
    }

    /// Tells `report` of each line that is held back from now on, unless somebody is told already.
    pub(crate) fn report_held_back(&self, report: impl Fn() + Send + Sync + 'static) {
        self.0.reports.to(report);
    }

    /// The level of the line, unless it is not to be written.
    fn admit(&self, decided: &Decided, closing: &Closing<'_>) -> Option<Level> {
        let Self(settings) = self;
        let quiet = decided.not_counted
            || level::is_quiet(closing.exchange)
            || settings.skips(closing.exchange.path());
        let slow = settings.slow.is_some_and(|from| decided.duration >= from);
        let level = level::of(decided.outcome, quiet, slow);
        let sampled = level == Level::INFO && decided.outcome == Outcome::Success;
        if sampled && !settings.successes.takes() {
            return None;
        }
        if let Some(refusals) = settings.refusals.as_ref().filter(|_| level != Level::DEBUG) {
            // When the exchange ended, without another look at the clock.
            let now = closing.exchange.started() + closing.duration;
            let refused = matches!(decided.outcome, Outcome::CallerError | Outcome::Rejected);
            if refused && !refusals.admits(now) {
                settings.reports.held_back();
                return None;
            }
            if let Some(lines) = refusals.tell_held_back(now) {
                event::held_back(lines);
            }
        }
        Some(level)
    }
}

/// All lines go to the same place, whatever layer writes them.
fn sink() -> Sink {
    static SINK: OnceLock<Sink> = OnceLock::new();
    *SINK.get_or_init(Sink::new)
}

/// What is kept of an exchange until its line is written.
#[derive(Debug)]
pub struct State {
    /// Makes the exchange current while its line is written; `None` only meanwhile.
    context: Option<RequestContext>,
    /// The span in which the exchange began. It ends anywhere: its body may be dropped under the
    /// span of another.
    span: Span,
    head: Head,
    decided: Option<Decided>,
    /// The response is a stream that stands for its own sake.
    stands: bool,
}

impl Observer for LogExchange {
    type State = State;
    type Guard = ();

    fn begin(
        &self,
        request: &mut request::Parts,
        exchange: &Arc<Exchange>,
        applied: &mut Applied,
    ) -> Option<State> {
        if !applied.claim(sink()) {
            return None;
        }
        let Self(settings) = self;
        if let Some(user_id) = settings.user_id.as_ref().and_then(|tell| tell.of(request)) {
            let user_id = exchange::short_text(user_id);
            exchange.speak(|words| _ = words.user_id.get_or_insert(user_id));
        }
        Some(State {
            context: Some(RequestContext::new(exchange, applied)),
            span: Span::current(),
            head: Head::of(request, &settings.sessions),
            decided: None,
            stands: false,
        })
    }

    fn enter(&self, _: &State) {}

    fn head(&self, state: &mut State, _: &Exchange, response: &mut response::Parts) {
        state.head.see(response, &self.0.sessions);
    }

    fn conclude(&self, state: &mut State, settlement: &Settlement<'_>) {
        let State { context, span, head, decided, stands } = state;
        let decided = decided.insert(settlement.into());
        *stands = settlement.stream.is_some_and(StreamKind::stands)
            && settlement.answer.is_none()
            && settlement.outcome == Outcome::Success;
        if *stands {
            let line = Line::new(&self.0, settlement.exchange, head, decided);
            let _current = exchange::enter(context);
            event::opened(span, &line);
        }
    }

    fn close(&self, state: &mut State, closing: &Closing<'_>) {
        let State { context, span, head, decided, stands } = state;
        // An exchange is settled before it is closed.
        let Some(decided) = decided else { return };
        let Some(level) = self.admit(decided, closing) else { return };
        let line = Line::new(&self.0, closing.exchange, head, decided);
        let _current = exchange::enter(context);
        event::over(level, span, &End { line: &line, closing, stood: *stands });
    }
}
