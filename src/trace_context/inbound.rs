//! What a request says of where it comes from.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName};
use opentelemetry::{
    Context,
    baggage::BaggageExt,
    propagation::{Extractor, TextMapPropagator},
    trace::TraceContextExt,
};

use crate::{
    context::{
        Baggage, InvalidTraceparent, InvalidTracestate, Traceparent, Tracestate, baggage_from,
        span_context_from,
    },
    mcp::{Text, TraceFields},
};

/// A span of another process.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Remote {
    pub(super) parent: Traceparent,
    pub(super) state: Tracestate,
}

/// What came in one place: in the headers, or in a message.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    pub(super) remote: Option<Remote>,
    pub(super) baggage: Baggage,
}

impl Inbound {
    /// Reads `traceparent`, `tracestate` and `baggage` headers. What is invalid is ignored, as the
    /// specifications want it, and counted.
    pub(super) fn from_headers(headers: &HeaderMap, invalid: &Invalid) -> Self {
        let mut inbound = Self::default();
        // Most requests have neither.
        if headers.contains_key(&TRACEPARENT) {
            let state = || Tracestate::from_headers(headers);
            inbound.remote = remote(Traceparent::from_headers(headers), state, invalid);
        }
        if headers.contains_key(&BAGGAGE) {
            inbound.baggage = invalid.count_baggage(Baggage::from_headers(headers));
        }
        inbound
    }

    /// Reads what a message carries in `params._meta` (SEP-414).
    pub(super) fn from_meta(fields: &TraceFields, invalid: &Invalid) -> Self {
        let TraceFields { traceparent, tracestate, baggage } = fields;
        let parent = traceparent.as_ref().map(|text| Traceparent::parse(text.as_bytes()));
        let state = || tracestate.as_ref().map_or(Ok(Tracestate::default()), state_of);
        let baggage = baggage.as_ref().map(|text| Baggage::parse(whole_members(text)));
        Self {
            remote: remote(parent.transpose(), state, invalid),
            baggage: baggage.map(|baggage| invalid.count_baggage(baggage)).unwrap_or_default(),
        }
    }

    /// Reads headers of any other form.
    pub(super) fn from_propagator(propagator: &dyn TextMapPropagator, headers: &HeaderMap) -> Self {
        let context = propagator.extract_with_context(&Context::new(), &Headers(headers));
        let remote = span_context_from(context.span().span_context());
        Self {
            remote: remote.map(|(parent, state)| Remote { parent, state }),
            baggage: baggage_from(context.baggage()),
        }
    }
}

// To look for a name that is known to be one is cheaper than to look for a text.
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static BAGGAGE: HeaderName = HeaderName::from_static("baggage");

fn remote(
    parent: Result<Option<Traceparent>, InvalidTraceparent>,
    state: impl FnOnce() -> Result<Tracestate, InvalidTracestate>,
    invalid: &Invalid,
) -> Option<Remote> {
    // Without a valid parent the state is not looked at (W3C Trace Context Level 2, 4.3).
    let parent = parent.inspect_err(|_| invalid.count()).ok()??;
    let state = state().inspect_err(|_| invalid.count()).unwrap_or_default();
    Some(Remote { parent, state })
}

fn state_of(text: &Text) -> Result<Tracestate, InvalidTracestate> {
    Tracestate::parse(whole_members(text))
}

/// The members of a list of which the end may be missing: the last one is not whole then.
fn whole_members(text: &Text) -> &[u8] {
    let bytes = text.as_bytes();
    if !text.is_truncated() {
        return bytes;
    }
    let end = bytes.iter().rposition(|&byte| byte == b',');
    &bytes[..end.unwrap_or(0)]
}

/// How many contexts were invalid, wholly or in part.
#[derive(Debug, Default)]
pub(super) struct Invalid(AtomicU64);

impl Invalid {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count_baggage(&self, baggage: Baggage) -> Baggage {
        if baggage.invalid() > 0 {
            self.count();
        }
        baggage
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Shows headers to a propagator.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values: Vec<_> =
            self.0.get_all(key).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for &(name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn read(pairs: &[(&'static str, &str)]) -> (Inbound, u64) {
        let invalid = Invalid::default();
        let inbound = Inbound::from_headers(&headers(pairs), &invalid);
        (inbound, invalid.get())
    }

    #[test]
    fn what_is_invalid_is_ignored_and_counted() {
        for (pairs, valid, counted) in [
            (vec![], false, 0),
            (vec![("tracestate", "a=1")], false, 0),
            (vec![("traceparent", PARENT), ("tracestate", "a=1")], true, 0),
            (vec![("traceparent", PARENT), ("tracestate", "A=1")], true, 1),
            (vec![("traceparent", "x"), ("tracestate", "A=1")], false, 1),
            (vec![("traceparent", PARENT), ("traceparent", PARENT)], false, 1),
            (vec![("traceparent", PARENT), ("baggage", "a=1,b")], true, 1),
        ] {
            let (inbound, invalid) = read(&pairs);
            assert_eq!(inbound.remote.is_some(), valid, "{pairs:?}");
            assert_eq!(invalid, counted, "{pairs:?}");
        }
    }

    #[test]
    fn baggage_needs_no_parent() {
        let (inbound, _) = read(&[("baggage", "a=1")]);
        assert_eq!(inbound.baggage.as_str(), "a=1");
    }

    #[test]
    fn a_propagator_sees_headers_as_they_are() {
        let headers = headers(&[("b3", "one"), ("b3", "two")]);
        let shown = Headers(&headers);
        assert_eq!(shown.get("B3"), Some("one"));
        assert_eq!(shown.get_all("b3"), Some(vec!["one", "two"]));
        assert_eq!(shown.get_all("b4"), None);
        assert_eq!(shown.keys(), ["b3"]);
    }
}
