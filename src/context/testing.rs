//! An exchange for unit tests of other rooms.

use http::Request;

use super::{Baggage, Entered, RequestContext, Trace, TraceContext, Traceparent, Tracestate};

/// An exchange that is current until the guard is dropped. It has this request id, a trace and a
/// span, and does not end.
pub(crate) fn serve(request_id: &str) -> Entered {
    let (parts, ()) = Request::new(()).into_parts();
    let context = RequestContext::for_test(&parts);
    let id = request_id.parse().expect("a request id");
    context.exchange().set_request_id(&id);
    let own = Traceparent::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let own = own.expect("the example of the specification");
    let trace = TraceContext::native(own, None, Tracestate::default(), Baggage::default());
    Trace { context: trace, otel: None }.leave_with(context.exchange());
    context.enter()
}
