//! What handlers say of their own call.

use std::{convert::Infallible, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use http::{Request, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{
    Hold, ObservabilityLayer, Outcome, TraceContextLayer, context::RequestContext,
    metrics::McpMetrics,
};
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::{Value, json as value};
use tower::{Layer, ServiceExt};

use super::{
    App, End, Mode, Peer,
    demo::{OUTCOMES, speak},
    ends::call,
};
use crate::{
    lines::Lines,
    support::{ANSWER, Boxed, CALL, Page, Script, data, handler, json, post, until},
};

/// A tracer of the test's own.
fn tracer() -> (InMemorySpanExporter, TraceContextLayer) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    (exporter, TraceContextLayer::new().tracer_provider(provider))
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let mut found = span.attributes.iter().filter(|attribute| attribute.key.as_str() == key);
    let value = found.next().map(|attribute| attribute.value.to_string());
    assert!(found.next().is_none(), "{key} is there twice: {:?}", span.attributes);
    value
}

/// The word of a handler reaches metric, line and span, in whatever task it runs.
#[tokio::test]
async fn a_handlers_words_reach_all_signals_in_every_mode() {
    for mode in Mode::ALL {
        let (exporter, tracing) = tracer();
        let set = |layer: ObservabilityLayer| layer.trace_context(&tracing);
        let app = App::start_with(mode, set, |rmcp| rmcp).await;
        let peer = Peer::join(&app).await;
        for outcome in OUTCOMES {
            let said = value!({
                "tool": "echo", "client": "told", "version": "9.9", "outcome": outcome.as_str(),
            });
            let mut request = peer.call("1", "says");
            request.headers_mut().insert("x-says", said.to_string().parse().unwrap());
            exporter.reset();
            let before = app.before();
            app.ask(request).await.read().await;
            app.assert_ended(&before, &[call("echo", outcome.as_str())], "it says so").await;
            let line = app.lines.of_exchanges().pop().unwrap();
            let told = (&line["extra"]["client_name"], &line["extra"]["client_version"]);
            assert_eq!(told, (&"told".into(), &"9.9".into()), "{line}");

            let spans = exporter.get_finished_spans().unwrap();
            let [span] = &spans[..] else { panic!("one span: {spans:#?}") };
            assert_eq!(span.name, "tools/call echo");
            // What a span has can be added to, but not replaced.
            assert_eq!(attribute(span, "gen_ai.tool.name").as_deref(), Some("says"));
            let error = match outcome {
                Outcome::ToolError => Some("tool_error"),
                Outcome::Timeout => Some("timeout"),
                Outcome::ServerError | Outcome::TransportError | Outcome::NoResponse => {
                    Some("_OTHER")
                }
                _ => None,
            };
            assert_eq!(attribute(span, "error.type").as_deref(), error, "{outcome}");
            let is_error = matches!(span.status, Status::Error { .. });
            assert_eq!(is_error, error.is_some(), "{outcome}");
        }
        app.stop().await;
    }
}

/// A call that has ended is beyond words, and what the handler then says is nothing to anybody.
#[tokio::test]
async fn words_after_the_end_change_nothing() {
    for mode in Mode::ALL {
        let app = App::start(mode).await;
        let peer = Peer::join(&app).await;
        let before = app.before();
        app.demo.release();
        app.ask(peer.call("1", "keeps")).await.read().await;
        app.assert_ended(&before, &[call("keeps", "success")], "it ends").await;

        let before = app.before();
        let exchange = app.demo.kept().unwrap();
        let late = value!({"tool": "fails", "client": "late", "outcome": "server_error"});
        speak(&exchange, &late);
        exchange.set_user_id("late");
        assert_eq!((exchange.request_id(), exchange.user_id()), (None, None));
        assert!(exchange.scope(async { RequestContext::current() }).await.is_none());
        app.assert_ended(&before, &[], "nothing").await;

        // Nor does it to a call that was left before.
        let before = app.before();
        peer.abandon(&app, "2", "keeps").await;
        let end = End { reason: None, ..call("keeps", "cancelled").unanswered() };
        let end = match mode {
            Mode::SessionSse => End { outcome: "detached", ..end }.reason("aborted").later(),
            Mode::StatelessSse => end.reason("aborted"),
            _ => end.reason("dropped").status(499),
        };
        app.assert_ended(&before, &[end], "left").await;
        until("it was kept", || {
            app.demo.kept().is_some_and(|exchange| {
                speak(&exchange, &late);
                true
            })
        })
        .await;
        let metrics = app.metrics.clone();
        app.stop().await;
        let counted = End { later: false, ..end };
        before.assert_counted(&Page::of(&metrics), &[counted], "as if nothing was said");
    }
}

/// A handler that lives in the same task as the layer.
struct Local {
    metrics: McpMetrics,
    lines: Lines,
    spans: Vec<SpanData>,
}

/// Serves one call in this task, by a handler that says something.
async fn serve(
    hold: Hold,
    request: Request<Full<Bytes>>,
    say: impl Fn(&Parts) + Clone + Send + 'static,
) -> Local {
    let metrics = McpMetrics::builder().tools(["echo"]).routes(["/mcp"]).build().unwrap();
    let (lines, _capturing) = Lines::capture("mcp_telemetry::access=debug");
    let (exporter, tracing) = tracer();
    let layer = ObservabilityLayer::new().metrics(metrics.clone()).trace_context(&tracing);
    let service = layer.hold(hold).layer(handler(move |request: Request<Boxed>| {
        let say = say.clone();
        async move {
            let (head, body) = request.into_parts();
            body.collect().await.unwrap();
            say(&head);
            Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
        }
    }));
    let served = async { service.oneshot(request).await.unwrap().into_body().collect().await };
    let _served_or_panicked = AssertUnwindSafe(served).catch_unwind().await;
    let spans = exporter.get_finished_spans().unwrap();
    Local { metrics, lines, spans }
}

/// A handler hands on what a client or a token says. It may be anything.
#[tokio::test]
async fn words_of_any_length_and_kind_are_bounded_and_harmless() {
    let hostile = [
        "x".repeat(1024 * 1024),
        "\u{1f980}".repeat(256 * 1024),
        "a\nb\r\n{\"level\":\"ERROR\"}\0\u{1b}[31m\u{2028}".to_owned(),
        "\"} 1\nmcp_made_up_total 7\n#".to_owned(),
        String::new(),
        " ".to_owned(),
        "\u{202e}gnp.exe".to_owned(),
    ];
    for text in hostile {
        let word = text.clone();
        let local = serve(Hold::default(), post(Full::from(CALL)), move |head| {
            let exchange = RequestContext::from_parts(head).unwrap();
            exchange.set_tool(word.clone());
            exchange.set_client(word.clone(), Some(&word));
            exchange.set_outcome(Outcome::Timeout);
        })
        .await;
        let start: String = text.chars().take(8).collect();
        let page = Page::of(&local.metrics);
        let calls = [("tool_name", "_OTHER"), ("error_type", "timeout")];
        assert_eq!(page.count("mcp_tool_calls_total", &calls), 1, "{start:?}");
        assert_eq!(page.operations(), 1);
        let lines = local.lines.all();
        let [line] = &lines[..] else { panic!("one line: {lines:#?}") };
        assert_eq!(line["extra"]["outcome"], "timeout");
        for (key, longest) in [("tool", 64), ("client_name", 256), ("client_version", 256)] {
            let shown = line["extra"][key].as_str().unwrap();
            assert!(shown.len() <= longest, "{key} of {start:?}: {}", shown.len());
            assert!(!shown.chars().any(char::is_control), "{key}: {shown:?}");
        }
        let shown = format!("{:?}", local.spans);
        assert!(shown.len() < 8_000, "{start:?}: {}", shown.len());
        assert!(local.spans[0].name.len() <= "tools/call ".len() + 256);
    }
}

/// The last word counts, whichever thread has it.
#[tokio::test]
async fn the_last_word_counts() {
    for hold in [Hold::Never, Hold::default()] {
        let local = serve(hold, post(Full::from(CALL)), |head| {
            let exchange = RequestContext::from_parts(head).unwrap();
            for number in 0..1_000 {
                exchange.set_tool(format!("tool-{number}"));
                exchange.set_client(format!("client-{number}"), None);
                exchange.set_outcome(Outcome::ServerError);
            }
            let other = exchange.clone();
            std::thread::spawn(move || {
                other.set_tool("echo");
                other.set_client("last", None);
                other.set_outcome(Outcome::ToolError);
            })
            .join()
            .unwrap();
        })
        .await;
        let page = Page::of(&local.metrics);
        let calls = [("tool_name", "echo"), ("error_type", "tool_error")];
        assert_eq!(page.count("mcp_tool_calls_total", &calls), 1);
        assert_eq!(page.count("mcp_tool_calls_total", &[]), 1);
        let line = &local.lines.of_exchanges()[0];
        assert_eq!(line["extra"]["client_name"], "last");
        assert_eq!(line["extra"]["client_version"], Value::Null);
    }
}

/// A handler that has died says nothing that its death does not.
#[tokio::test]
async fn a_panic_goes_before_what_was_said() {
    let local = serve(Hold::default(), post(Full::from(CALL)), |head| {
        RequestContext::from_parts(head).unwrap().set_outcome(Outcome::Success);
        panic!("the handler panics after its word");
    })
    .await;
    let line = &local.lines.of_exchanges()[0];
    let told = (&line["extra"]["outcome"], &line["extra"]["reason"]);
    assert_eq!(told, (&"server_error".into(), &"panic".into()));
    let failed = [("mcp_method", "tools/call"), ("outcome", "server_error")];
    assert_eq!(Page::of(&local.metrics).count("mcp_operations_total", &failed), 1);
}

/// What is said of no call in particular is not said of the calls of a batch, nor of a request that is
/// no call.
#[tokio::test]
async fn words_are_of_one_call() {
    let say = |head: &Parts| {
        let exchange = RequestContext::from_parts(head).unwrap();
        exchange.set_tool("echo");
        exchange.set_outcome(Outcome::Timeout);
    };
    let local = serve(Hold::default(), post(Full::from(format!("[{CALL},{CALL}]"))), say).await;
    let page = Page::of(&local.metrics);
    let calls = |outcome| {
        page.count("mcp_operations_total", &[("mcp_method", "tools/call"), ("outcome", outcome)])
    };
    assert_eq!((calls("success"), calls("no_response"), calls("timeout")), (1, 1, 0));

    let lists = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let local = serve(Hold::default(), post(Full::from(lists)), say).await;
    let line = &local.lines.of_exchanges()[0];
    assert_eq!(
        (&line["extra"]["tool"], &line["extra"]["outcome"]),
        (&Value::Null, &"timeout".into())
    );
    assert_eq!(Page::of(&local.metrics).count("mcp_tool_calls_total", &[]), 0);
    assert_eq!(local.spans[0].name, "tools/list");
}

/// By the code of an error, what is whose fault is a setting; by the letter of the conventions it is not.
#[tokio::test]
async fn a_list_of_caller_faults_changes_all_signals_but_the_letter() {
    for (codes, strict, outcome, error) in [
        (&[-32602_i64][..], false, "server_error", Some("-32603")),
        (&[-32603], false, "caller_error", None),
        (&[-32603], true, "caller_error", Some("-32603")),
    ] {
        let (exporter, tracing) = tracer();
        let tracing = tracing.strict_semconv_errors(strict);
        let set = |layer: ObservabilityLayer| {
            layer.trace_context(&tracing).caller_faults(codes.iter().copied())
        };
        for mode in [Mode::SessionSse, Mode::ModernJson] {
            let app = App::start_with(mode, set, |rmcp| rmcp).await;
            let peer = Peer::join(&app).await;
            exporter.reset();
            let before = app.before();
            app.ask(peer.call("1", "breaks")).await.read().await;
            let end = call("breaks", outcome).reason("-32603").code(-32603);
            app.assert_ended(&before, &[end], "by the list").await;
            let spans = exporter.get_finished_spans().unwrap();
            assert_eq!(attribute(&spans[0], "error.type").as_deref(), error, "{codes:?}");
            app.stop().await;
        }
    }
}
