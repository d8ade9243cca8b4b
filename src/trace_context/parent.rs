//! Which of the contexts that a request brings is the parent, and what becomes of the others.

use std::fmt;

use http::request::Parts;
use opentelemetry::trace::{Link, SpanContext};

use super::inbound::{Inbound, Remote};
use crate::context::{Baggage, Traceparent, Tracestate, span_context_from, span_context_of};

/// A place where the parent of an exchange's span may come from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ParentSource {
    /// `params._meta` of the message (SEP-414).
    Meta,
    /// The headers of the request.
    Header,
    /// The OpenTelemetry span that is current where the layer is called: one of another layer,
    /// further out.
    Ambient,
}

/// In which order the places are asked for a parent.
///
/// The first that has a valid context gives the parent. The valid contexts of all other places become
/// links, also of places that are not in the order. Where none has one, a trace begins.
///
/// The default order is that of the OpenTelemetry conventions for MCP: the message, then the headers,
/// then the ambient span.
///
/// # Examples
///
/// A server behind a gateway whose headers count for more than what clients say in their messages:
///
/// ```
/// use mcp_telemetry::trace_context::{ParentOrder, ParentSource, TraceContextLayer};
///
/// let order = ParentOrder::new(ParentSource::Header).then(ParentSource::Meta);
/// let layer = TraceContextLayer::new().parent_order(order);
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ParentOrder {
    // As many as there are sources: asking one twice finds nothing new.
    sources: [Option<ParentSource>; 3],
}

impl ParentOrder {
    /// This place, and no other.
    pub const fn new(first: ParentSource) -> Self {
        Self { sources: [Some(first), None, None] }
    }

    /// Then that place, if the ones before have nothing.
    ///
    /// There are three places, so a fourth call changes nothing.
    #[must_use]
    pub const fn then(mut self, next: ParentSource) -> Self {
        match self.sources {
            [_, None, _] => self.sources[1] = Some(next),
            [_, Some(_), None] => self.sources[2] = Some(next),
            [_, Some(_), Some(_)] => {}
        }
        self
    }
}

impl ParentOrder {
    /// Whether a message of a batch adopts its own parent: whether messages come first, or before all
    /// that the exchange has found.
    pub(super) fn adopts_meta(self, exchange_has_parent: bool) -> bool {
        let place = self.sources.iter().position(|source| *source == Some(ParentSource::Meta));
        place.is_some_and(|place| place == 0 || !exchange_has_parent)
    }
}

impl Default for ParentOrder {
    fn default() -> Self {
        Self::new(ParentSource::Meta).then(ParentSource::Header).then(ParentSource::Ambient)
    }
}

/// Whether what a request says of its trace is believed.
///
/// A context that is not believed is linked, so that traces can still be joined by hand. Its sampled
/// flag and its `tracestate` count for nothing, and its baggage is dropped: on a server that strangers
/// can reach, a forced sampled flag fills your tracing backend, and baggage is text of their choice.
/// A span of your own further out stays the parent.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub enum Trust {
    /// All are. For servers that only your own systems reach.
    #[default]
    Always,
    /// None is.
    Never,
    /// Those for which the function says so, by the head of the request.
    When(fn(&Parts) -> bool),
}

impl Trust {
    pub(super) fn covers(self, request: &Parts) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::When(trusts) => trusts(request),
        }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "Always",
            Self::Never => "Never",
            Self::When(_) => "When(..)",
        })
    }
}

/// What a request brings.
pub(super) struct Candidates<'a> {
    pub(super) meta: Inbound,
    pub(super) header: Inbound,
    pub(super) ambient: &'a SpanContext,
    /// Whether what comes from other processes is believed.
    pub(super) trusted: bool,
}

/// What is made of it.
pub(super) struct Family {
    pub(super) parent: Parent,
    pub(super) baggage: Baggage,
    /// Contexts of other processes that are not the parent.
    pub(super) others: [Option<Remote>; 2],
}

/// The parent of a span.
#[derive(Debug, PartialEq)]
pub(super) enum Parent {
    Remote(Remote),
    Ambient,
    None,
}

impl ParentOrder {
    pub(super) fn choose(self, candidates: Candidates<'_>) -> Family {
        let Candidates { mut meta, mut header, ambient, trusted } = candidates;
        let adopts_ambient = ambient.is_valid() && (trusted || !ambient.is_remote());
        let sources = || self.sources.into_iter().flatten();
        let parent = sources().find_map(|source| match source {
            ParentSource::Meta if trusted => meta.remote.take().map(Parent::Remote),
            ParentSource::Header if trusted => header.remote.take().map(Parent::Remote),
            ParentSource::Ambient if adopts_ambient => Some(Parent::Ambient),
            _ => None,
        });
        let baggage = sources().find_map(|source| match source {
            ParentSource::Meta if trusted => some(&mut meta.baggage),
            ParentSource::Header if trusted => some(&mut header.baggage),
            _ => None,
        });
        Family {
            parent: parent.unwrap_or(Parent::None),
            baggage: baggage.unwrap_or_default(),
            others: [meta.remote, header.remote],
        }
    }
}

fn some(baggage: &mut Baggage) -> Option<Baggage> {
    (!baggage.is_empty()).then(|| std::mem::take(baggage))
}

impl Family {
    /// The links of a span that is the child of `parent`: all contexts that are neither it nor linked
    /// already.
    pub(super) fn links(
        &mut self,
        ambient: &SpanContext,
        parent: &SpanContext,
        trusted: bool,
    ) -> Option<Vec<Link>> {
        let remotes = self.others.iter_mut().filter_map(Option::take);
        let remotes = remotes.map(|remote| linked(remote, trusted));
        let ambient = (self.parent != Parent::Ambient).then(|| ambient_link(ambient, trusted));
        let mut links = None::<Vec<Link>>;
        for context in remotes.chain(ambient.flatten()) {
            let is_same = |other: &SpanContext| {
                other.trace_id() == context.trace_id() && other.span_id() == context.span_id()
            };
            let known = links.iter().flatten().any(|link| is_same(&link.span_context));
            if !known && !is_same(parent) {
                links.get_or_insert_default().push(Link::with_context(context));
            }
        }
        links
    }
}

/// A context of another process, as it is linked.
pub(super) fn linked(remote: Remote, trusted: bool) -> SpanContext {
    let Remote { parent, state } = remote;
    if trusted {
        return span_context_of(parent, &state);
    }
    let flags = parent.flags().with_sampled(false);
    let parent = Traceparent::new(parent.trace_id(), parent.parent_id(), flags);
    span_context_of(parent, &Tracestate::default())
}

fn ambient_link(ambient: &SpanContext, trusted: bool) -> Option<SpanContext> {
    if !ambient.is_valid() {
        return None;
    }
    if trusted || !ambient.is_remote() {
        return Some(ambient.clone());
    }
    let (parent, state) = span_context_from(ambient)?;
    Some(linked(Remote { parent, state }, trusted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(span: u8) -> Remote {
        let text = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000{span:02x}-03");
        Remote { parent: text.parse().unwrap(), state: "a=1".parse().unwrap() }
    }

    fn inbound(span: Option<u8>, baggage: &str) -> Inbound {
        Inbound { remote: span.map(remote), baggage: Baggage::parse(baggage.as_bytes()) }
    }

    /// The span of the parent, and those of the links.
    fn family(
        order: ParentOrder,
        (meta, header, ambient): (Option<u8>, Option<u8>, Option<SpanContext>),
        trusted: bool,
    ) -> (Parent, Vec<u64>) {
        let ambient = ambient.unwrap_or(SpanContext::NONE);
        let (meta, header) = (inbound(meta, ""), inbound(header, ""));
        let mut family = order.choose(Candidates { meta, header, ambient: &ambient, trusted });
        let parent = match &family.parent {
            Parent::Remote(remote) => span_context_of(remote.parent, &remote.state),
            Parent::Ambient => ambient.clone(),
            Parent::None => SpanContext::NONE,
        };
        let links = family.links(&ambient, &parent, trusted).unwrap_or_default();
        let ids =
            links.iter().map(|link| u64::from_be_bytes(link.span_context.span_id().to_bytes()));
        (family.parent, ids.collect())
    }

    fn local(span: u8) -> SpanContext {
        let (trace, id) = (0x99_u128.into(), u64::from(span).into());
        let flags = opentelemetry::TraceFlags::SAMPLED;
        SpanContext::new(trace, id, flags, false, opentelemetry::trace::TraceState::NONE)
    }

    fn foreign(span: u8) -> SpanContext {
        span_context_of(remote(span).parent, &remote(span).state)
    }

    #[test]
    fn the_first_valid_context_is_the_parent_and_all_others_are_links() {
        let order = ParentOrder::default();
        let is = |span| Parent::Remote(remote(span));
        for (candidates, parent, links) in [
            ((Some(1), Some(2), Some(local(3))), is(1), vec![2, 3]),
            ((None, Some(2), Some(local(3))), is(2), vec![3]),
            ((None, None, Some(local(3))), Parent::Ambient, vec![]),
            ((None, None, None), Parent::None, vec![]),
            ((Some(1), Some(1), None), is(1), vec![]),
            ((Some(1), None, Some(foreign(1))), is(1), vec![]),
        ] {
            let what = format!("{candidates:?}");
            assert_eq!(family(order, candidates, true), (parent, links), "{what}");
        }
    }

    #[test]
    fn a_place_that_is_not_asked_gives_links_alone() {
        let order = ParentOrder::new(ParentSource::Header).then(ParentSource::Meta);
        let (parent, links) = family(order, (Some(1), Some(2), Some(local(3))), true);
        assert_eq!((parent, links), (Parent::Remote(remote(2)), vec![1, 3]));
        let (parent, links) = family(order, (None, None, Some(local(3))), true);
        assert_eq!((parent, links), (Parent::None, vec![3]));
    }

    /// T41
    #[test]
    fn what_is_not_trusted_is_linked_and_a_local_parent_is_kept() {
        let order = ParentOrder::default();
        for (candidates, parent, links) in [
            ((Some(1), Some(2), Some(local(3))), Parent::Ambient, vec![1, 2]),
            ((Some(1), Some(1), Some(foreign(3))), Parent::None, vec![1, 3]),
            ((Some(1), None, Some(foreign(1))), Parent::None, vec![1]),
        ] {
            let what = format!("{candidates:?}");
            assert_eq!(family(order, candidates, false), (parent, links), "{what}");
        }
        let link = linked(remote(1), false);
        assert!(!link.is_sampled(), "nobody can force a sample");
        assert_eq!(link.trace_state().header(), "");
        let link = ambient_link(&foreign(1), false).unwrap();
        assert!(!link.is_sampled());
    }

    #[test]
    fn baggage_comes_from_the_first_trusted_place_that_has_some() {
        let chosen = |meta, header, trusted| {
            let (meta, header) = (inbound(None, meta), inbound(Some(2), header));
            let ambient = &SpanContext::NONE;
            let candidates = Candidates { meta, header, ambient, trusted };
            ParentOrder::default().choose(candidates).baggage.to_string()
        };
        assert_eq!(chosen("a=1", "b=2", true), "a=1");
        assert_eq!(chosen("", "b=2", true), "b=2");
        assert_eq!(chosen("a=1", "b=2", false), "");
    }

    #[test]
    fn an_order_has_at_most_all_places() {
        let order = ParentOrder::default().then(ParentSource::Meta);
        assert_eq!(order, ParentOrder::default());
    }
}
