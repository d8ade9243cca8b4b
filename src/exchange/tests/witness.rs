//! An observer that keeps what it is told, and insists on the order in which it is.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use http::request::Parts;

use crate::{
    exchange::{
        Applied, Closing, Exchange, Later, Observer, Outcome, Reason, Settlement, StreamEvent,
        StreamKind, stream::StreamCounts,
    },
    mcp::{Id, MessageKind, Method, RequestReader, Revision, Unreadable},
};

/// Keeps what it is told of each exchange.
#[derive(Clone, Default)]
pub(super) struct Witness {
    told: Arc<Mutex<Vec<Told>>>,
    late: Arc<Mutex<Vec<Late>>>,
}

/// What was told of one exchange.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Told {
    pub(super) operations: Vec<Operation>,
    /// How the exchange as a whole ended.
    pub(super) whole: Option<(Outcome, Option<Reason>)>,
    /// Messages of a batch that are no operations any more.
    pub(super) beyond: u32,
    pub(super) stream: Option<(StreamKind, StreamCounts)>,
    closed: bool,
}

/// What was told of one operation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operation {
    pub(super) index: usize,
    pub(super) kind: Option<MessageKind>,
    pub(super) method: Option<Method>,
    pub(super) target: Option<String>,
    pub(super) id: Option<Id>,
    pub(super) revision: Option<Revision>,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Reason>,
    pub(super) code: Option<i64>,
}

/// What was heard of a call after its exchange: its id, how it ended, and whether by an answer.
pub(super) type Late = (Id, Outcome, Option<Reason>, bool);

impl Witness {
    /// What was told of the exchanges that have ended since the last time, in the order of their
    /// beginning.
    pub(super) fn told(&self) -> Vec<Told> {
        let told = std::mem::take(&mut *self.all());
        assert!(told.iter().all(|told| told.closed), "all exchanges are closed");
        told
    }

    /// What was told of the one exchange that there was since the last time.
    pub(super) fn told_once(&self) -> Told {
        let mut told = self.told();
        assert_eq!(told.len(), 1, "one exchange");
        told.remove(0)
    }

    /// What was heard since the last time of calls that outlived their exchange.
    pub(super) fn late(&self) -> Vec<Late> {
        std::mem::take(&mut *self.late.lock().unwrap())
    }

    fn all(&self) -> MutexGuard<'_, Vec<Told>> {
        self.told.lock().unwrap()
    }
}

impl Observer for Witness {
    /// The index of the exchange.
    type State = usize;
    type Guard = ();

    fn begin(&self, _: &mut Parts, _: &Arc<Exchange>, _: &mut Applied) -> Option<usize> {
        let mut all = self.all();
        all.push(Told::default());
        Some(all.len() - 1)
    }

    fn enter(&self, _: &usize) {}

    fn detach(&self, _: &mut usize, settlement: &Settlement<'_>) -> Option<Later> {
        let id = settlement.message?.id.clone()?;
        let late = Arc::clone(&self.late);
        Some(Box::new(move |end| {
            let heard = (id, end.outcome, end.reason, end.answer.is_some());
            late.lock().unwrap().push(heard);
        }))
    }

    fn settle(&self, state: &mut usize, settlement: &Settlement<'_>) {
        let told = &mut self.all()[*state];
        assert_eq!(told.whole, None, "operations come before the whole");
        told.operations.push(Operation::of(settlement));
    }

    fn conclude(&self, state: &mut usize, settlement: &Settlement<'_>) {
        let told = &mut self.all()[*state];
        assert_eq!(told.whole, None, "there is one whole");
        told.whole = Some((settlement.outcome, settlement.reason));
        if let [operation] = &told.operations[..] {
            assert_eq!(*operation, Operation::of(settlement), "the whole is its one operation");
        }
        if let Some(Ok(request)) = settlement.exchange.request() {
            told.beyond = request.beyond;
        }
    }

    fn close(&self, state: &mut usize, closing: &Closing<'_>) {
        let told = &mut self.all()[*state];
        assert!(told.whole.is_some(), "an exchange is decided before it is over");
        assert!(!told.closed, "it is over once");
        told.closed = true;
        told.stream = closing.stream.map(|stream| (stream.kind, stream.counts));
    }
}

impl Operation {
    fn of(settlement: &Settlement<'_>) -> Self {
        let message = settlement.message;
        Self {
            index: settlement.index,
            kind: message.map(|message| message.kind),
            method: settlement.method(),
            target: settlement.target().map(|target| String::from_utf8_lossy(target).into_owned()),
            id: message.and_then(|message| message.id.clone()),
            revision: settlement.revision(),
            outcome: settlement.outcome,
            reason: settlement.reason,
            code: settlement.code(),
        }
    }
}

impl fmt::Display for Operation {
    /// Kind, method, target, id, revision, outcome and reason; `-` for what is not there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.as_ref().map(|target| target.escape_debug());
        write!(
            f,
            "{} {} {} {} {} {} {}",
            or_dash(self.kind.map(kind_name)),
            or_dash(self.method),
            or_dash(target),
            or_dash(self.id.as_ref().map(json_of)),
            or_dash(self.revision),
            self.outcome,
            or_dash(self.reason),
        )
    }
}

impl fmt::Display for Told {
    /// The operations, an `&` between them, and the stream: its kind, and how many responses, requests,
    /// notifications, notifications of progress, comments and priming events it had.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, operation) in self.operations.iter().enumerate() {
            let between = if index > 0 { " & " } else { "" };
            write!(f, "{between}{operation}")?;
        }
        let Some((kind, counts)) = self.stream else { return f.write_str(" | -") };
        let kind = match kind {
            StreamKind::Get => "get",
            StreamKind::PostSse => "post_sse",
            StreamKind::Listen => "listen",
        };
        write!(f, " | {kind}")?;
        for event in [
            StreamEvent::Response,
            StreamEvent::Request,
            StreamEvent::Notification,
            StreamEvent::Progress,
            StreamEvent::Comment,
            StreamEvent::Priming,
        ] {
            write!(f, " {}", counts.get(event))?;
        }
        Ok(())
    }
}

fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Request => "request",
        MessageKind::Notification => "notification",
        MessageKind::Response => "response",
        MessageKind::Invalid => "invalid",
    }
}

fn or_dash(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// An id as JSON has it, so that strings and numbers differ.
fn json_of(id: &Id) -> String {
    let number = id.to_string();
    if id_of(&number).as_ref() == Some(id) { number } else { format!("{number:?}") }
}

/// The id that is written so in JSON.
pub(super) fn id_of(json: &str) -> Option<Id> {
    let mut reader = RequestReader::new();
    reader.feed(format!(r#"{{"id":{json},"method":"ping"}}"#).as_bytes());
    reader.finish::<Unreadable>().ok()?.messages.remove(0).id
}
