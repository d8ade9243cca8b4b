//! What an exchange holds and allocates does not grow with its bodies.
//!
//! A process of its own, since it owns the allocator. The bodies are not in the heap: they are the
//! same frame over and over.

#![expect(clippy::print_stdout, reason = "it shows what was counted")]

#[allow(dead_code, reason = "only the driver is needed here")]
#[path = "../benches/support/mod.rs"]
mod support;

use std::{
    convert::Infallible,
    iter,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use mcp_telemetry::{MetricsLayer, RequestBody, metrics::McpMetrics};
use tower::{Layer, service_fn};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const JSON: &str = "application/json";
const STREAM: &str = "text/event-stream";

/// The bounds of MCP messages as this crate reads them: 64 of a batch, of each a `tracestate` and a
/// `baggage` of 8 KiB, and some hundred bytes of the rest.
const BATCH_BOUND: usize = 64 * (2 * 8192 + 2048);

/// T51. One test, since what others do at the same time would be counted too.
#[test]
fn an_exchange_holds_and_allocates_no_more_for_a_larger_body() {
    large_results_allocate_what_small_ones_do();
    hostile_bodies_hold_no_more_than_their_facts();
}

/// A large result costs as many allocations and bytes as a small one.
fn large_results_allocate_what_small_ones_do() {
    let results = [
        (
            "text",
            r#""content":[{"type":"text","text":""#,
            r#"a \"word\",\n\tand an \u00e9. "#,
            r#""}]"#,
        ),
        ("json", r#""structuredContent":{"a":["#, r#"{"id":1,"b":[true,null,{"c":"d"}]},"#, "{}]}"),
        (
            "base64",
            r#""content":[{"type":"image","data":""#,
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB",
            r#""}]"#,
        ),
    ];
    for (name, before, repeated, after) in results {
        let before = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{{before}"#);
        let after = format!("{after}}}}}");
        for (kind, before, after) in [
            (JSON, before.clone(), after.clone()),
            (STREAM, format!("data: {before}"), format!("{after}\n\n")),
        ] {
            let used =
                |bytes| used(&CALL.into(), kind, &Pattern::new(&before, repeated, &after, bytes));
            let small = used(1 << 10);
            println!("{name:<8} {kind:<18} {small:?}");
            for bytes in [64 << 10, 1 << 20] {
                assert_eq!(used(bytes), small, "{name} as {kind}, {bytes} bytes");
            }
        }
    }
}

/// No body, however hostile, makes an exchange hold more than the facts that are read of it.
fn hostile_bodies_hold_no_more_than_their_facts() {
    const KIB: usize = 1024;
    let name = "x".repeat(300);
    let long = "x".repeat(8200);
    let message = format!(
        r#"{{"id":"{name}","method":"tools/call","params":{{"name":"{name}","uri":"{name}","taskId":"{name}","_meta":{{"tracestate":"{long}","baggage":"{long}"}}}}}},"#
    );
    let fields = message.trim_end_matches(',').trim_matches(['{', '}']);
    let requests = [
        ("brackets", "", "[", 16 * KIB),
        ("nesting", r#"{"params":"#, r#"{"a":["#, 16 * KIB),
        ("white space", "", " \n", 16 * KIB),
        ("a name", r#"{"method":"tools/call","params":{"name":""#, "name", 16 * KIB),
        ("an escaped name", r#"{"method":"tools/call","params":{"name":""#, r"\u0061", 16 * KIB),
        ("an id", r#"{"id":""#, "id", 16 * KIB),
        ("digits", r#"{"id":1"#, "9", 16 * KIB),
        ("a fraction", r#"{"id":1."#, "19", 16 * KIB),
        ("a key", r#"{""#, "key", 16 * KIB),
        ("an escaped key", r#"{""#, r"\n", 16 * KIB),
        ("keys", "{", r#""a":1,"b":[2],"c":{"d":3},"#, 16 * KIB),
        (
            "the same keys",
            "{",
            r#""id":1,"method":"ping","params":{"name":"a","uri":"b"},"#,
            16 * KIB,
        ),
        ("baggage", r#"{"params":{"_meta":{"baggage":""#, "a=b,", 32 * KIB),
        ("the same long members", "{", &format!("{fields}}}}},"), 64 * KIB),
        ("a batch", "[", r#"{"id":1,"method":"ping"},"#, BATCH_BOUND),
        ("a batch of long messages", "[", &message, BATCH_BOUND),
    ];
    for (name, before, repeated, bound) in requests {
        let of = |bytes| {
            let request = Pattern::new(before, repeated, "", bytes);
            used(&request, JSON, &Bytes::from_static(b"{}").into())
        };
        bounded(name, of, bound);
    }
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
    let long_answer = format!(r#"{{"id":"{long}","result":{{"nextCursor":"{long}"}}}},"#);
    let responses = [
        (JSON, "brackets", "", "[", 16 * KIB),
        (JSON, "a result", r#"{"id":1,"result":{"content":["#, r#"{"a":[1,"]"]},"#, 16 * KIB),
        (JSON, "a cursor", r#"{"id":1,"result":{"nextCursor":""#, r"\\", 16 * KIB),
        (JSON, "keys", r#"{"id":1,"result":{"#, r#""isError":true,"x":[{}],"#, 16 * KIB),
        (JSON, "a batch", "[", &format!("{answer},"), BATCH_BOUND),
        (JSON, "a batch of long messages", "[", &long_answer, BATCH_BOUND),
        (STREAM, "a line", "data", "data", 16 * KIB),
        (STREAM, "comments", "", ":\n", 16 * KIB),
        (STREAM, "empty events", "", "data\n\n", 16 * KIB),
        (STREAM, "empty lines of data", "", "data:\n", 16 * KIB),
        (STREAM, "foreign events", "", "event: x\r\ndata: {\r\n\r\n", 16 * KIB),
        (STREAM, "broken events", "", "data: {\"id\":\r\r", 16 * KIB),
        (STREAM, "answers", "", &format!("data: {answer}\n\n"), 16 * KIB),
        (STREAM, "an event", "data: {\"result\":[", "\ndata: 1,", 16 * KIB),
        (STREAM, "batches", "", &format!("data: [{answer},{answer}]\n\n"), 16 * KIB),
    ];
    for (kind, name, before, repeated, bound) in responses {
        let of = |bytes| used(&CALL.into(), kind, &Pattern::new(before, repeated, "", bytes));
        bounded(name, of, bound);
    }
}

fn bounded(name: &str, of: impl Fn(usize) -> Used, bound: usize) {
    let bytes = if bound == BATCH_BOUND { 3 << 19 } else { 1 << 18 };
    let small = of(bytes);
    println!("{name:<24} {} bytes at most", small.peak);
    assert!(small.peak <= bound, "{name} holds {} bytes", small.peak);
    assert_eq!(of(2 * bytes).peak, small.peak, "{name} holds more if there is more of it");
}

const CALL: Bytes = Bytes::from_static(
    br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{}}}"#,
);

/// What one exchange took of the heap.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Used {
    blocks: u64,
    bytes: u64,
    peak: usize,
}

fn used(request: &Pattern, kind: &'static str, response: &Pattern) -> Used {
    let metrics = McpMetrics::builder().tools(["echo"]).build().expect("valid settings");
    let service = service_fn(async |mut request: Request<RequestBody<Pattern>>| {
        let mut body = pin!(request.body_mut());
        while std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await.is_some() {}
        let response = request.extensions_mut().remove::<Answer>().expect("it was put there").0;
        let mut response = Response::new(response);
        response.headers_mut().insert("content-type", http::HeaderValue::from_static(kind));
        Ok::<_, Infallible>(response)
    });
    let mut service = MetricsLayer::with_metrics(metrics).layer(service);
    let mut exchange = |request: Pattern, response: Pattern| {
        let mut request = Request::new(request);
        *request.method_mut() = http::Method::POST;
        request.headers_mut().insert("content-type", http::HeaderValue::from_static(JSON));
        request.extensions_mut().insert(Answer(response));
        support::drive(&mut service, request);
    };
    // The first one makes the series.
    exchange(request.clone(), response.clone());
    let mut measured = || {
        let (request, response) = (request.clone(), response.clone());
        let _profiler = dhat::Profiler::builder().testing().build();
        exchange(request, response);
        let heap = dhat::HeapStats::get();
        Used { blocks: heap.total_blocks, bytes: heap.total_bytes, peak: heap.max_bytes }
    };
    // The test harness's own thread, once it has started the test, allocates 900 bytes when it gets
    // to run. That can only add, and only once: the least of some is the exchange's own.
    (0..3).map(|_| measured()).min().expect("there are some")
}

/// A response on its way to the service that gives it.
#[derive(Clone)]
struct Answer(Pattern);

/// A body that begins, goes on in frames that are all alike, and ends.
#[derive(Clone)]
struct Pattern {
    before: Bytes,
    repeated: Bytes,
    times: usize,
    after: Bytes,
}

impl Pattern {
    /// A body of about so many bytes.
    fn new(before: &str, repeated: &str, after: &str, bytes: usize) -> Self {
        // About as much as a read from a socket yields.
        let frame = repeated.repeat((bytes.min(16 << 10) / repeated.len()).max(1));
        let [before, after] = [before, after].map(|text| Bytes::copy_from_slice(text.as_bytes()));
        Self { before, times: bytes / frame.len(), repeated: frame.into(), after }
    }
}

impl From<Bytes> for Pattern {
    fn from(whole: Bytes) -> Self {
        Self { before: whole, repeated: Bytes::new(), times: 0, after: Bytes::new() }
    }
}

impl Body for Pattern {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let repeated = iter::from_fn(|| {
            this.times = this.times.checked_sub(1)?;
            Some(this.repeated.clone())
        });
        let mut frames = iter::once_with(|| std::mem::take(&mut this.before))
            .filter(|frame| !frame.is_empty())
            .chain(repeated)
            .chain(iter::once_with(|| std::mem::take(&mut this.after)));
        Poll::Ready(frames.find(|frame| !frame.is_empty()).map(|data| Ok(Frame::data(data))))
    }
}
