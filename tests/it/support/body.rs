//! A body that does what a script says, and tells what was done to it.

use std::{
    collections::VecDeque,
    error, fmt,
    marker::PhantomPinned,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;
use pin_project_lite::pin_project;

/// What a scripted body does in one poll.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Data(Bytes),
    /// Pending, until [`Probe::release`] was called once more.
    Wait,
    /// Pending once.
    Yield,
    Trailers(HeaderMap),
    Error,
    Panic,
}

pub(crate) fn data(text: impl Into<Bytes>) -> Step {
    Step::Data(text.into())
}

pub(crate) fn trailers(pairs: &[(&'static str, &'static str)]) -> Step {
    let pairs = pairs.iter();
    Step::Trailers(
        pairs
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect(),
    )
}

/// The error of scripted bodies and services.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken, as the script says")
    }
}

impl error::Error for Broken {}

/// A body that follows a script. It is done after the last step or an error.
#[derive(Debug)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    /// `None` or an error was yielded.
    done: bool,
    reports_end: bool,
    declares_length: bool,
    probe: Probe,
}

impl Script {
    /// A body that tells neither its end nor its length before they are there.
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            done: false,
            reports_end: false,
            declares_length: false,
            probe: Probe::default(),
        }
    }

    /// Lets `is_end_stream` tell that no step is left.
    pub(crate) fn reporting_end(mut self) -> Self {
        self.reports_end = true;
        self
    }

    /// Lets `size_hint` tell the exact length.
    pub(crate) fn declaring_length(mut self) -> Self {
        self.declares_length = true;
        self
    }

    /// A handle that outlives the body.
    pub(crate) fn probe(&self) -> Probe {
        self.probe.clone()
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        this.probe.0.polls.fetch_add(1, SeqCst);
        if this.done {
            this.probe.0.polls_after_end.fetch_add(1, SeqCst);
            return Poll::Ready(None);
        }
        loop {
            match this.steps.front() {
                Some(Step::Wait) if this.probe.pass(cx) => this.steps.pop_front(),
                Some(Step::Wait) => return Poll::Pending,
                Some(Step::Yield) => {
                    this.steps.pop_front();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                _ => break,
            };
        }
        let step = this.steps.pop_front();
        this.done = matches!(step, None | Some(Step::Error));
        Poll::Ready(step.map(|step| match step {
            Step::Data(data) => Ok(Frame::data(data)),
            Step::Trailers(trailers) => Ok(Frame::trailers(trailers)),
            Step::Error => Err(Broken),
            Step::Panic => panic!("the body panics, as the script says"),
            Step::Wait | Step::Yield => unreachable!("waits are passed above"),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.reports_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.declares_length {
            return SizeHint::default();
        }
        let length = |step: &Step| if let Step::Data(data) = step { data.len() as u64 } else { 0 };
        SizeHint::with_exact(self.steps.iter().map(length).sum())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.probe.0.dropped.store(true, SeqCst);
    }
}

/// What happened to a scripted body, and the way to let it go on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    polls: AtomicUsize,
    polls_after_end: AtomicUsize,
    dropped: AtomicBool,
    /// Waits that may be passed, and who waits.
    gate: Mutex<(usize, Option<Waker>)>,
}

impl Probe {
    /// How often the body was polled.
    pub(crate) fn polls(&self) -> usize {
        self.0.polls.load(SeqCst)
    }

    /// How often it was polled after it had yielded its last.
    pub(crate) fn polls_after_end(&self) -> usize {
        self.0.polls_after_end.load(SeqCst)
    }

    pub(crate) fn dropped(&self) -> bool {
        self.0.dropped.load(SeqCst)
    }

    /// Lets one [`Step::Wait`] pass.
    pub(crate) fn release(&self) {
        let mut gate = self.0.gate.lock().unwrap();
        gate.0 += 1;
        if let Some(waker) = gate.1.take() {
            waker.wake();
        }
    }

    fn pass(&self, cx: &Context<'_>) -> bool {
        let mut gate = self.0.gate.lock().unwrap();
        let passes = gate.0 > 0;
        if passes {
            gate.0 -= 1;
        } else {
            gate.1 = Some(cx.waker().clone());
        }
        passes
    }
}

pin_project! {
    /// A body that must not be moved once it was polled.
    #[derive(Debug, Default)]
    pub(crate) struct Pinned<B> {
        #[pin]
        inner: B,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl<B> Pinned<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self { inner, pinned: PhantomPinned }
    }
}

impl<B: Body> Body for Pinned<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
