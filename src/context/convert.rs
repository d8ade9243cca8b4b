//! Between the types of this crate, which are valid if they exist, and those of OpenTelemetry.

use opentelemetry::{
    Key, StringValue,
    baggage::{Baggage as OtelBaggage, BaggageMetadata},
    trace::{SpanContext, TraceState},
};

use super::{Baggage, SpanId, TraceFlags, TraceId, Traceparent, Tracestate};

/// A span of another process as OpenTelemetry has it.
pub(crate) fn span_context_of(parent: Traceparent, state: &Tracestate) -> SpanContext {
    SpanContext::new(
        opentelemetry::TraceId::from_bytes(parent.trace_id().to_bytes()),
        opentelemetry::SpanId::from_bytes(parent.parent_id().to_bytes()),
        opentelemetry::TraceFlags::new(parent.flags().to_byte()),
        true,
        trace_state_of(state),
    )
}

/// The span that a span context names, if it is valid.
pub(crate) fn span_context_from(span: &SpanContext) -> Option<(Traceparent, Tracestate)> {
    let trace_id = TraceId::from_bytes(span.trace_id().to_bytes())?;
    let span_id = SpanId::from_bytes(span.span_id().to_bytes())?;
    let flags = TraceFlags::from_byte(span.trace_flags().to_u8());
    Some((Traceparent::new(trace_id, span_id, flags), tracestate_from(span.trace_state())))
}

/// The members that OpenTelemetry takes: it reads keys with an `@` by the rules of Level 1.
pub(crate) fn trace_state_of(state: &Tracestate) -> TraceState {
    if state.is_empty() {
        return TraceState::NONE;
    }
    let taken = |&member: &(&str, &str)| TraceState::from_key_value([member]).is_ok();
    TraceState::from_key_value(state)
        .or_else(|_| TraceState::from_key_value(state.iter().filter(taken)))
        .unwrap_or_default()
}

fn tracestate_from(state: &TraceState) -> Tracestate {
    // A sampler may put in what no header may carry. Then there is none.
    Tracestate::parse(state.header().as_bytes()).unwrap_or_default()
}

/// The members that OpenTelemetry takes, of which the last of a key counts.
pub(crate) fn baggage_of(baggage: &Baggage) -> OtelBaggage {
    let properties = |member: &str| {
        let properties = member.split_once(';').map_or("", |(_, properties)| properties);
        BaggageMetadata::from(properties)
    };
    // The text has no empty members, and no commas but those between members.
    let texts = baggage.as_str().split(',').map(properties);
    let members = baggage.iter().zip(texts).map(|(member, properties)| {
        let value = StringValue::from(member.value().into_owned());
        (Key::from(member.key().to_owned()), (value, properties))
    });
    members.collect()
}

/// What OpenTelemetry would send of it, as far as it is valid.
pub(crate) fn baggage_from(baggage: &OtelBaggage) -> Baggage {
    if baggage.is_empty() {
        Baggage::default()
    } else {
        Baggage::parse(baggage.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::baggage::BaggageExt;

    use super::*;

    const PARENT: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";

    #[test]
    fn a_span_context_keeps_ids_both_flags_and_state() {
        let parent = Traceparent::parse(PARENT).unwrap();
        let state = Tracestate::parse(b"rojo=1,congo=t61").unwrap();
        let span = span_context_of(parent, &state);
        assert!(span.is_remote() && span.is_sampled());
        assert_eq!(span.trace_flags().to_u8(), 3);
        assert_eq!(span_context_from(&span), Some((parent, state)));
        assert_eq!(span_context_from(&SpanContext::NONE), None);
    }

    #[test]
    fn members_that_one_side_refuses_do_not_take_the_others_with_them() {
        // Valid by Level 2, but not by Level 1.
        let state = Tracestate::parse(b"rojo=1,a@b@c=2,congo=3").unwrap();
        assert_eq!(trace_state_of(&state).header(), "rojo=1,congo=3");

        let odd = TraceState::from_key_value([("rojo", "\n")]).unwrap();
        assert!(tracestate_from(&odd).is_empty());
    }

    #[test]
    fn baggage_keeps_values_and_properties() {
        let baggage = Baggage::parse(b"user=Am%C3%A9lie;ttl=3;x, plain=1,user=B");
        let otel = baggage_of(&baggage);
        assert_eq!(otel.len(), 2);
        assert_eq!(otel.get("user").map(StringValue::as_str), Some("B"), "the last one counts");

        let baggage = Baggage::parse(b"user=Am%C3%A9lie;ttl=3;x");
        let context = opentelemetry::Context::new().with_baggage(baggage_of(&baggage));
        assert_eq!(baggage_from(context.baggage()), baggage);
        assert!(baggage_of(&Baggage::default()).is_empty());
    }
}
