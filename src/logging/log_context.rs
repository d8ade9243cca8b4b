//! Ids and fields for work outside of any request.

use std::{
    cell::Cell,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::{event::Names, key::Name, line::Line};

/// Makes a context for work outside of any request, such as a scheduled job.
///
/// The lines of that work carry `request_id` and `user_id` where those of a request do, and each
/// pair of `extra` under `extra`. Of two pairs with one name the last counts.
///
/// [`enter`](LogContext::enter) it around synchronous work, and put it [around a
/// future](LogContext::scope) otherwise. Both nest: what the inner one says goes before, field by
/// field. A context that is entered inside of a request goes before the ids of the request; one
/// that a request began inside of only fills in what the request does not know.
///
/// # Examples
///
/// ```
/// use mcp_telemetry::logging;
///
/// let job = logging::context(Some("job-7"), None, &[("queue", "mail")]);
/// let _entered = job.enter();
/// tracing::info!("sending"); // has "request_id":"job-7" and "extra":{"queue":"mail"}
/// ```
pub fn context(
    request_id: Option<&str>,
    user_id: Option<&str>,
    extra: &[(&str, &str)],
) -> LogContext {
    let is_last = |&(index, (name, _)): &(usize, &(&str, &str))| {
        extra[index + 1..].iter().all(|(later, _)| later != name)
    };
    LogContext(Arc::new(Fields {
        request_id: request_id.map(Into::into),
        user_id: user_id.map(Into::into),
        extra: extra
            .iter()
            .enumerate()
            .filter(is_last)
            .map(|(_, &(name, value))| (name.into(), value.into()))
            .collect(),
    }))
}

/// Ids and fields for the lines of work outside of any request. Made by [`context`].
///
/// A clone is another name for the same context.
#[derive(Clone, Debug)]
pub struct LogContext(Arc<Fields>);

#[derive(Debug)]
struct Fields {
    request_id: Option<Box<str>>,
    user_id: Option<Box<str>>,
    extra: Box<[(Box<str>, Box<str>)]>,
}

impl LogContext {
    /// Enters the context on this thread, until the guard is dropped.
    ///
    /// In `async` code do not hold the guard over an `.await`: other tasks that run on the thread
    /// meanwhile would log under this context. Use [`scope`](Self::scope) there.
    pub fn enter(&self) -> EnteredContext {
        let entry =
            Entry { context: self.clone(), inside_exchange: crate::context::keep().is_some() };
        change_entered(|entered| entered.push(entry));
        EnteredContext { context: self.clone(), on_this_thread: PhantomData }
    }

    /// Runs `future` with the context entered whenever it is polled, and when it is dropped.
    ///
    /// Tasks that the future spawns are not inside of the context, unless they are scoped too.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mcp_telemetry::logging;
    /// # let rt = tokio::runtime::Builder::new_current_thread().build()?;
    /// # rt.block_on(async {
    /// let job = logging::context(Some("job-8"), Some("cron"), &[]);
    /// let work = job.scope(async {
    ///     tracing::info!("cleaning up");
    ///     tokio::task::yield_now().await;
    ///     tracing::info!("cleaned up");
    /// });
    /// tokio::spawn(work).await?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> ContextFuture<F> {
        ContextFuture { future: Some(future), context: self.clone() }
    }

    pub(super) fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    pub(super) fn user_id(&self) -> Option<&str> {
        self.0.user_id.as_deref()
    }
}

/// A context is entered as long as this guard lives. Made by [`LogContext::enter`].
#[derive(Debug)]
#[must_use = "the context is left as soon as the guard is dropped"]
pub struct EnteredContext {
    context: LogContext,
    /// Neither `Send` nor `Sync`: what was entered on one thread is left on the same.
    on_this_thread: PhantomData<*const ()>,
}

impl Drop for EnteredContext {
    fn drop(&mut self) {
        // Guards may be dropped in any order. It is the last entry of this very context that goes:
        // two entries of one context are alike.
        let is_own = |entry: &Entry| Arc::ptr_eq(&entry.context.0, &self.context.0);
        change_entered(|entered| {
            if let Some(index) = entered.iter().rposition(is_own) {
                entered.remove(index);
            }
        });
    }
}

pin_project! {
    /// A future that runs inside of a context. Made by [`LogContext::scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ContextFuture<F> {
        // `None` only while this is dropped.
        #[pin]
        future: Option<F>,
        context: LogContext,
    }

    impl<F> PinnedDrop for ContextFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.context.enter();
            this.future.set(None);
        }
    }
}

impl<F: Future> Future for ContextFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = this.context.enter();
        this.future.as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx))
    }
}

/// The contexts that this thread is in, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Entered(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    context: LogContext,
    inside_exchange: bool,
}

impl Entered {
    /// The id that goes before all others, given the one of the exchange.
    pub(super) fn innermost<'a>(
        &'a self,
        of_exchange: Option<&'a str>,
        id: impl Fn(&'a LogContext) -> Option<&'a str>,
    ) -> Option<&'a str> {
        let of_contexts = |inside_exchange| {
            let contexts = self.0.iter().rev();
            contexts
                .filter(|entry| entry.inside_exchange == inside_exchange)
                .find_map(|entry| id(&entry.context))
        };
        of_contexts(true).or(of_exchange).or_else(|| of_contexts(false))
    }
}

/// Writes the extra fields of the contexts that this thread is in, but for those in `said`, which
/// the event says for itself.
pub(super) fn write_extra(line: &mut Line, said: &[&str]) {
    with_entered(|entered| {
        let mut written = Names::new();
        for Entry { context, .. } in entered.0.iter().rev() {
            for (name, value) in &context.0.extra {
                if !said.contains(&&**name) && !written.contains(&&**name) {
                    written.push(name);
                    line.str(Name(name), value);
                }
            }
        }
    });
}

thread_local! {
    static ENTERED: Cell<Vec<Entry>> = const { Cell::new(Vec::new()) };
}

/// Shows the contexts that this thread is in.
///
/// They are taken out meanwhile, so that nothing is borrowed. A thread that is being torn down is
/// in none.
pub(super) fn with_entered<R>(f: impl FnOnce(&Entered) -> R) -> R {
    let entered = Entered(ENTERED.try_with(Cell::take).unwrap_or_default());
    let result = f(&entered);
    let _ = ENTERED.try_with(|home| home.set(entered.0));
    result
}

fn change_entered(f: impl FnOnce(&mut Vec<Entry>)) {
    let mut entered = ENTERED.try_with(Cell::take).unwrap_or_default();
    f(&mut entered);
    let _ = ENTERED.try_with(|home| home.set(entered));
}
