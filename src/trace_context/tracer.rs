//! Finding the tracer, and finding out whether there is one.

use std::{
    fmt, iter,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use opentelemetry::{
    Context, InstrumentationScope, global,
    trace::{SpanBuilder, TraceContextExt, Tracer, TracerProvider},
};

use crate::context::{Traceparent, Tracestate, span_context_from};

/// The tracer of a layer: of a provider that it was given, else of the global one.
///
/// Without an SDK there is a tracer too, one that does nothing, and cannot be told from others but by
/// its spans: they are the parent's, or invalid. So a tracer is kept once it has given a span of its
/// own. Before that one is asked for at most once a second, and OpenTelemetry is left alone meanwhile.
pub(super) struct Tracers {
    provider: Option<Box<dyn GiveTracer>>,
    /// The tracers that were kept so far. The last of them may be alive.
    kept: Link,
    /// When to ask next, in milliseconds since `made`.
    next: AtomicU64,
    made: Instant,
}

/// How long to wait with the next question, in milliseconds.
const PATIENCE: u64 = 1_000;

/// How many tracers are kept, one after the other. Each is a provider that was shut down.
const MOST_KEPT: usize = 64;

impl Tracers {
    /// The global provider's.
    pub(super) fn global() -> Self {
        Self::new(None)
    }

    /// A provider's.
    pub(super) fn of<P>(provider: P) -> Self
    where
        P: TracerProvider + Send + Sync + 'static,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        Self::new(Some(Box::new(provider)))
    }

    fn new(provider: Option<Box<dyn GiveTracer>>) -> Self {
        Self { provider, kept: Link::new(), next: AtomicU64::new(0), made: Instant::now() }
    }

    /// A tracer to try, if there is one or if it is time to ask.
    pub(super) fn find(&self, now: Instant) -> Option<Found> {
        if self.alive().is_some() {
            return Some(Found::Kept);
        }
        let now = now.saturating_duration_since(self.made).as_millis();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let later = now.saturating_add(PATIENCE);
        // Of several requests at the same time, one asks.
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        if now < next || self.next.compare_exchange(next, later, success, failure).is_err() {
            return None;
        }
        Some(Found::New(match &self.provider {
            Some(provider) => provider.give(),
            None => global::tracer_provider().give(),
        }))
    }

    /// Starts a span, unless the tracer gives none of its own.
    pub(super) fn start(
        &self,
        found: Found,
        builder: SpanBuilder,
        parent: &Context,
        base: &Context,
    ) -> Option<Started> {
        match found {
            Found::Kept => {
                // It may have died since it was found.
                let kept = self.alive()?;
                let started = start(&*kept.tracer, builder, parent, base);
                if started.is_none() {
                    kept.is_dead.store(true, Ordering::Relaxed);
                }
                started
            }
            Found::New(tracer) => {
                let started = start(&*tracer, builder, parent, base)?;
                self.keep(tracer);
                Some(started)
            }
        }
    }

    fn alive(&self) -> Option<&Kept> {
        self.chain().last().filter(|kept| !kept.is_dead.load(Ordering::Relaxed))
    }

    fn keep(&self, tracer: Box<dyn StartSpan>) {
        let link = self.chain().last().map_or(&self.kept, |last| &last.next);
        if self.chain().count() < MOST_KEPT {
            // If another one was faster, theirs does as well.
            let is_dead = AtomicBool::new(false);
            let _ = link.set(Box::new(Kept { tracer, is_dead, next: Link::new() }));
        }
    }

    fn chain(&self) -> impl Iterator<Item = &Kept> {
        iter::successors(self.kept.get(), |kept| kept.next.get()).map(|kept| &**kept)
    }
}

/// A span of a tracer's.
pub(super) struct Started {
    /// What it was started in, and the span.
    pub(super) otel: Context,
    pub(super) own: Traceparent,
    pub(super) state: Tracestate,
}

/// Starts a span. `None` if it is invalid, or the parent's.
fn start(
    tracer: &dyn StartSpan,
    builder: SpanBuilder,
    parent: &Context,
    base: &Context,
) -> Option<Started> {
    let otel = tracer.start(builder, parent, base);
    let (own, state) = span_context_from(otel.span().span_context())?;
    let is_own = own.parent_id().to_bytes() != parent.span().span_context().span_id().to_bytes();
    is_own.then_some(Started { otel, own, state })
}

impl fmt::Debug for Tracers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = if self.provider.is_some() { "given" } else { "global" };
        f.debug_struct("Tracers").field("provider", &provider).finish_non_exhaustive()
    }
}

/// A tracer to try.
pub(super) enum Found {
    /// The one that is kept.
    Kept,
    /// One that may do nothing.
    New(Box<dyn StartSpan>),
}

struct Kept {
    tracer: Box<dyn StartSpan>,
    /// Its spans turned out invalid.
    is_dead: AtomicBool,
    next: Link,
}

type Link = OnceLock<Box<Kept>>;

/// A tracer of any type.
pub(super) trait StartSpan: Send + Sync {
    /// Starts a span under `parent`, and returns `base` with it.
    fn start(&self, builder: SpanBuilder, parent: &Context, base: &Context) -> Context;
}

impl<T> StartSpan for T
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn start(&self, builder: SpanBuilder, parent: &Context, base: &Context) -> Context {
        base.with_span(self.build_with_context(builder, parent))
    }
}

/// A provider of any type.
trait GiveTracer: Send + Sync {
    fn give(&self) -> Box<dyn StartSpan>;
}

impl<P> GiveTracer for P
where
    P: TracerProvider + Send + Sync,
    P::Tracer: Send + Sync + 'static,
    <P::Tracer as Tracer>::Span: Send + Sync + 'static,
{
    fn give(&self) -> Box<dyn StartSpan> {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        Box::new(self.tracer_with_scope(scope))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry::trace::noop::NoopTracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    fn start(tracers: &Tracers, found: Found) -> bool {
        let context = Context::new();
        tracers.start(found, SpanBuilder::from_name("name"), &context, &context).is_some()
    }

    #[test]
    fn a_tracer_that_does_nothing_is_asked_for_once_a_second() {
        let tracers = Tracers::of(NoopTracerProvider::new());
        let now = Instant::now();
        let found = tracers.find(now).expect("the first question is free");
        assert!(tracers.find(now).is_none(), "one asks at a time");
        assert!(!start(&tracers, found));
        assert!(tracers.find(now + Duration::from_millis(500)).is_none());
        assert!(tracers.find(now + Duration::from_millis(1_001)).is_some());
    }

    #[test]
    fn a_tracer_is_kept_while_its_spans_are_valid() {
        let provider = SdkTracerProvider::builder().build();
        let tracers = Tracers::of(provider.clone());
        let now = Instant::now();
        let found = tracers.find(now).expect("the first question is free");
        assert!(start(&tracers, found));
        let found = tracers.find(now).expect("it is kept");
        assert!(matches!(found, Found::Kept));

        provider.shutdown().unwrap();
        assert!(!start(&tracers, found));
        assert!(tracers.find(now).is_none(), "it is not kept any more");
        assert!(tracers.find(now + Duration::from_secs(2)).is_some());
    }

    #[test]
    fn a_span_that_is_the_parents_is_none() {
        let tracers = Tracers::of(NoopTracerProvider::new());
        let parent = opentelemetry::trace::SpanContext::new(
            1_u128.into(),
            2_u64.into(),
            opentelemetry::TraceFlags::SAMPLED,
            true,
            opentelemetry::trace::TraceState::NONE,
        );
        let parent = Context::new().with_remote_span_context(parent);
        let found = tracers.find(Instant::now()).expect("the first question is free");
        let builder = SpanBuilder::from_name("name");
        assert!(tracers.start(found, builder, &parent, &parent).is_none());
    }
}
