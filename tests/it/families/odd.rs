//! Exchanges that are not as they should be, and what they must not add.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use mcp_telemetry::{
    MetricsLayer, MetricsService,
    context::RequestContext,
    metrics::{Group, McpMetrics},
};
use serde_json::{Value, json};
use tower::{BoxError, Layer, ServiceExt};

use crate::support::{
    ANSWER, Act, AnyBody, Boxed, CALL, Page, Plan, Script, Step, data, event, get, handler,
    json as in_json, post, sse, store,
};

/// One exchange of a store: a request, and what it is answered in JSON.
async fn exchange(metrics: &McpMetrics, request: Request<Full<Bytes>>, answer: &Value) {
    let answer = Script::new([data(answer.to_string())]);
    let plan = Plan::new([Act::Respond(in_json(answer))]);
    let layer = MetricsLayer::with_metrics(metrics.clone());
    let response = layer.layer(plan).oneshot(request).await.unwrap();
    drain(response.into_body()).await;
}

async fn drain<B: Body + Unpin>(mut body: B) {
    while body.frame().await.is_some() {}
}

fn asks(method: &str) -> Request<Full<Bytes>> {
    post(Full::from(json!({"jsonrpc": "2.0", "id": 1, "method": method}).to_string()))
}

/// Of resources a listing shows how many there are, not which.
#[tokio::test]
async fn resources_are_as_many_as_the_largest_list_has() {
    let metrics = store();
    let resources: Vec<_> = (0..5).map(|n| json!({"uri": format!("file:///{n}")})).collect();
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"resources": resources}});
    exchange(&metrics, asks("resources/list"), &answer).await;
    let page = Page::of(&metrics);
    assert_eq!(page.count("mcp_resources_total", &[]), 5);
    assert_eq!(page.count("mcp_server_resources", &[]), 5);
}

/// More tools than the reader keeps of one document are counted all the same.
#[tokio::test]
async fn tools_beyond_those_that_are_read_are_counted() {
    let metrics = store();
    let tools: Vec<_> = (0..300).map(|n| json!({"name": format!("tool{n}")})).collect();
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}});
    exchange(&metrics, asks("tools/list"), &answer).await;
    assert_eq!(Page::of(&metrics).count("mcp_tools_total", &[]), 300);
}

/// Whatever else has a member of that name is no list of what the server offers.
#[tokio::test]
async fn only_the_answer_to_a_list_request_is_a_list() {
    let metrics = store();
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "made-up"}]}});
    for method in ["tools/call", "prompts/list", "vendor/search"] {
        exchange(&metrics, asks(method), &answer).await;
    }
    let page = metrics.render();
    assert!(!page.contains("mcp_tools_total") && !page.contains("made-up"), "{page}");
}

/// T27: a header that nobody has compared with the body makes no label, even if the call succeeds.
#[tokio::test]
async fn a_name_that_only_a_header_tells_is_not_learned() {
    let metrics = store();
    let answer: Value = serde_json::from_str(ANSWER).unwrap();
    for (method, name) in
        [("tools/call", "made-up"), ("prompts/get", "made-up"), ("tools/call", "echo")]
    {
        let mut request = post(Full::from(CALL));
        for (header, value) in
            [("content-encoding", "gzip"), ("mcp-method", method), ("mcp-name", name)]
        {
            request.headers_mut().insert(header, value.parse().unwrap());
        }
        exchange(&metrics, request, &answer).await;
    }
    let page = metrics.render();
    assert!(!page.contains("made-up"), "{page}");
    let page = Page::parse(&page);
    let calls = |tool| page.count("mcp_tool_calls_total", &[("tool_name", tool)]);
    assert_eq!((calls("echo"), calls("_OTHER")), (1, 1));
}

/// D12: whom a limit turned away is no label; the wire does not say what the limit is on.
#[tokio::test]
async fn a_client_that_is_turned_away_by_a_limit_is_not_named() {
    let metrics = store();
    for number in 0..50 {
        let mut request = post(Full::<Bytes>::from(CALL));
        for header in ["authorization", "x-api-key", "x-forwarded-for", "mcp-session-id"] {
            request.headers_mut().insert(header, format!("key-{number}").parse().unwrap());
        }
        let mut response = in_json(Script::new([data("limited")]));
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert("x-ratelimit-key", format!("key-{number}").parse().unwrap());
        let plan = Plan::new([Act::Respond(response)]);
        let layer = MetricsLayer::with_metrics(metrics.clone());
        drain(layer.layer(plan).oneshot(request).await.unwrap().into_body()).await;
    }
    let hits = Page::of(&metrics).series("mcp_rate_limit_hits_total");
    assert_eq!(hits, [("client_type=unknown".to_owned(), 50)]);
    assert!(!metrics.render().contains("key-"));
}

/// A stream that reads the request only after it has sent its first frame.
struct ReadsLate {
    first: Option<Bytes>,
    request: Option<Boxed>,
    last: Option<Bytes>,
}

impl Body for ReadsLate {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        while let Some(request) = &mut self.request {
            match Pin::new(request).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => self.request = None,
            }
        }
        Poll::Ready(self.last.take().map(|last| Ok(Frame::data(last))))
    }
}

/// T1: what is learned of a message after its answer comes too late to put it in flight again.
#[tokio::test]
async fn a_request_that_is_read_after_its_answer_stays_in_flight_nowhere() {
    for message in [CALL.to_owned(), format!("[{CALL},{CALL}]")] {
        let metrics = store();
        let service = handler(async |request: Request<Boxed>| {
            let first = Some(event(ANSWER).into());
            let last = Some(event(ANSWER).into());
            Ok::<_, BoxError>(sse(ReadsLate { first, request: Some(request.into_body()), last }))
        });
        let layer = MetricsLayer::with_metrics(metrics.clone());
        let request = post(Full::new(Bytes::from(message.clone())));
        let response = layer.layer(service).oneshot(request).await.unwrap();
        drain(response.into_body()).await;
        let page = Page::of(&metrics);
        page.assert_idle(&message);
        assert_eq!((page.operations(), page.count("mcp_requests_total", &[])), (1, 1), "{message}");
    }
}

/// T33: a scrape that comes under the layer is in no family.
#[tokio::test]
async fn a_scrape_is_not_a_request_of_the_conventions_either() {
    for count in [false, true] {
        let metrics = McpMetrics::builder().http_conventions(true).build().unwrap();
        let layer = MetricsLayer::with_metrics(metrics.clone()).count_scrapes(count);
        let scrapes = layer.layer(AnyBody(MetricsService::with_metrics(metrics.clone())));
        let response = scrapes.oneshot(get(Full::<Bytes>::default())).await.unwrap();
        drain(response.into_body()).await;
        let page = Page::of(&metrics);
        let of = |family| page.count(family, &[]);
        assert_eq!(of("http_server_request_duration_seconds_count"), u64::from(count));
        assert_eq!(of("mcp_requests_total"), u64::from(count));
        assert_eq!(of("http_server_active_requests"), 0);
    }
}

/// D3: a session that is not known counts as that, also where an error says so.
#[tokio::test]
async fn an_error_without_an_id_may_be_about_the_session() {
    for (id, events) in [(Value::Null, 1), (json!(1), 0)] {
        for (status, session, event) in [(404, Some("gone"), "unknown"), (400, None, "rejected")] {
            let metrics = store();
            let error = json!({"code": -32_601, "message": ""});
            let answer = json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string();
            let mut response = in_json(Script::new([data(answer)]));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            let layer = MetricsLayer::with_metrics(metrics.clone());
            let mut request = asks("tools/list");
            if let Some(session) = session {
                request.headers_mut().insert("mcp-session-id", session.parse().unwrap());
            }
            let plan = layer.layer(Plan::new([Act::Respond(response)]));
            drain(plan.oneshot(request).await.unwrap().into_body()).await;
            let page = Page::of(&metrics);
            let counted = page.count("mcp_session_events_total", &[("event", event)]);
            assert_eq!(counted, events, "{status} {id}");
        }
    }
}

/// A handler's word about one call is not about another one of the same batch.
#[tokio::test]
async fn the_tools_of_a_batch_keep_their_own_names() {
    let metrics = McpMetrics::builder().tools(["echo", "other"]).build().unwrap();
    let service = handler(async |request: Request<Boxed>| {
        let (head, body) = request.into_parts();
        drain(body).await;
        RequestContext::from_parts(&head).unwrap().set_tool("other");
        Ok::<_, BoxError>(in_json(Full::new(Bytes::from(format!("[{ANSWER}]")))))
    });
    let layer = MetricsLayer::with_metrics(metrics.clone());
    let request = post(Full::new(Bytes::from(format!("[{CALL}]"))));
    drain(layer.layer(service).oneshot(request).await.unwrap().into_body()).await;
    let page = Page::of(&metrics);
    let calls = |tool| page.count("mcp_tool_calls_total", &[("tool_name", tool)]);
    assert_eq!((calls("echo"), calls("other")), (1, 0));
}

/// Why a body was not read stands beside that it was not.
#[tokio::test]
async fn bodies_that_are_not_read_are_counted_by_reason() {
    let many = format!("[{}]", [CALL; 65].join(","));
    let twice = CALL.replace(r#""name":"echo""#, r#""name":"other","name":"echo""#);
    for (content_type, encoding, body, result, reason) in [
        ("application/json", None, CALL, "complete", None),
        ("application/json", None, &twice, "complete", Some("duplicate_keys")),
        ("application/json", None, &many, "prefix", Some("batch")),
        ("text/plain", None, CALL, "skipped", Some("media_type")),
        ("application/json", Some("gzip"), CALL, "skipped", Some("content_encoding")),
        ("application/json", None, "{", "invalid", None),
    ] {
        let metrics = store();
        let mut request = post(Full::from(body.to_owned()));
        request.headers_mut().insert("content-type", content_type.parse().unwrap());
        if let Some(encoding) = encoding {
            request.headers_mut().insert("content-encoding", encoding.parse().unwrap());
        }
        exchange(&metrics, request, &json!({"jsonrpc": "2.0", "id": 1, "result": {}})).await;
        let mut labels = vec![("direction", "request"), ("result", result)];
        labels.extend(reason.map(|reason| ("reason", reason)));
        let counted = Page::of(&metrics).count("mcp_observability_body_inspections_total", &labels);
        assert_eq!(counted, 1, "{body}");
    }
}

/// Two parsers may read two names out of one message, so neither is taught by its success.
#[tokio::test]
async fn a_name_that_is_said_twice_is_not_learned() {
    let metrics = McpMetrics::new();
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"content": []}});
    let twice = CALL.replace(r#""name":"echo""#, r#""name":"echo","name":"made_up""#);
    exchange(&metrics, post(Full::from(twice)), &answer).await;
    let other = [("tool_name", "_OTHER"), ("status", "success")];
    assert_eq!(Page::of(&metrics).count("mcp_tool_calls_total", &other), 1);
    assert!(!metrics.render().contains("made_up"));
}

/// What a server lists is known from then on, whatever becomes of it.
#[tokio::test]
async fn a_prompt_that_is_listed_is_known_by_that() {
    let metrics = McpMetrics::builder().semantic_conventions(true).build().unwrap();
    let prompts = json!([{"name": "listed"}]);
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"prompts": prompts}});
    exchange(&metrics, asks("prompts/list"), &answer).await;
    let error = json!({"code": -32_602, "message": "no such argument"});
    let answer = json!({"jsonrpc": "2.0", "id": 1, "error": error});
    for name in ["listed", "made-up"] {
        let params = json!({"name": name});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": params});
        exchange(&metrics, post(Full::from(message.to_string())), &answer).await;
    }
    let page = Page::of(&metrics);
    let family = "mcp_server_operation_duration_seconds_count";
    let of = |prompt| page.count(family, &[("gen_ai_prompt_name", prompt)]);
    assert_eq!((of("listed"), of("_OTHER")), (1, 1), "{page:?}");
}

/// A client that leaves a session's list may take it up again: it is a list on any exchange.
#[tokio::test]
async fn a_list_that_comes_on_another_exchange_counts() {
    let metrics = store();
    let tools = json!([{"name": "one"}, {"name": "two"}]);
    let list = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}).to_string();
    let mut opened = in_json(Script::new([data(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)]));
    opened.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
    let answers = [opened, sse(Script::new([Step::Wait])), sse(Script::new([data(event(&list))]))];
    let service = MetricsLayer::with_metrics(metrics.clone())
        .layer(Plan::new(answers.into_iter().map(Act::Respond)));

    let response = service.clone().oneshot(asks("initialize")).await.unwrap();
    drain(response.into_body()).await;
    let of_session = |mut request: Request<Full<Bytes>>| {
        request.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
        service.clone().oneshot(request)
    };
    drop(of_session(asks("tools/list")).await.unwrap());
    assert_eq!(Page::of(&metrics).operations(), 1, "the list goes on without its client");
    drain(of_session(get(Full::default())).await.unwrap().into_body()).await;

    let page = Page::of(&metrics);
    let lists = [("mcp_method", "tools/list"), ("outcome", "success")];
    assert_eq!(page.count("mcp_operations_total", &lists), 1);
    assert_eq!(page.count("mcp_tools_total", &[]), 2);
    assert_eq!(page.count("mcp_list_response_items", &[("list", "tools")]), 2);
    for tool in ["one", "two"] {
        let bytes = json!({"name": tool}).to_string().len() as u64;
        assert_eq!(
            page.count("mcp_tool_definition_bytes", &[("tool_name", tool)]),
            bytes,
            "{tool}"
        );
    }
}

/// T27: no more than 64 messages of a batch are kept, and all of them are counted.
#[tokio::test]
async fn a_batch_has_the_messages_that_it_has() {
    for messages in [1, 2, 64, 65, 300] {
        let metrics = store();
        let batch = format!("[{}]", vec![CALL; messages].join(","));
        exchange(&metrics, post(Full::from(batch)), &json!([])).await;
        let page = Page::of(&metrics);
        let sizes =
            (page.count("mcp_batch_size_count", &[]), page.count("mcp_batch_size_sum", &[]));
        assert_eq!(sizes, (1, messages as u64));
        assert_eq!(page.operations(), messages.min(64) as u64);
    }
    let metrics = store();
    exchange(&metrics, post(Full::from(CALL)), &json!({})).await;
    assert_eq!(Page::of(&metrics).count("mcp_batch_size_count", &[]), 0, "one alone is no batch");
}

/// Sessions tell who calls, also where nobody wants to hear of the sessions themselves.
#[tokio::test]
async fn clients_are_told_by_sessions_that_are_not_shown() {
    for (without, shown) in [
        (&[][..], (3, 1, 1)),
        (&[Group::Sessions], (3, 0, 1)),
        (&[Group::Clients], (0, 1, 1)),
        (&[Group::Clients, Group::Sessions], (0, 0, 1)),
    ] {
        let builder = McpMetrics::builder().semantic_conventions(true);
        let builder = without.iter().fold(builder, |builder, group| builder.without(*group));
        let metrics = builder.build().unwrap();
        let mut opened = in_json(Script::new([data(ANSWER)]));
        opened.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
        let answers =
            [opened, in_json(Script::new([data(ANSWER)])), Response::new(Script::new([]))];
        let service = MetricsLayer::with_metrics(metrics.clone())
            .layer(Plan::new(answers.into_iter().map(Act::Respond)));

        let params = json!({"clientInfo": {"name": "claude-code", "version": "2.0"}});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
        let mut ends = Request::delete("/mcp").body(Full::<Bytes>::default()).unwrap();
        let mut call = post(Full::from(CALL));
        for request in [&mut call, &mut ends] {
            request.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
        }
        // Nothing in the second and the third says who asks.
        for request in [post(Full::from(message.to_string())), call, ends] {
            drain(service.clone().oneshot(request).await.unwrap().into_body()).await;
        }
        let page = Page::of(&metrics);
        let of_client = [("client_name", "claude-code"), ("client_version", "2.0")];
        let ended = [("event", "terminated")];
        let found = (
            page.count("mcp_client_operations_total", &of_client),
            page.count("mcp_session_events_total", &ended),
            page.count("mcp_server_session_duration_seconds_count", &[]),
        );
        assert_eq!(found, shown, "without {without:?}");
    }
}
