//! The page over HTTP: what it says, who shares it, and what of others is on it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use mcp_telemetry::metrics::{McpMetrics, MetricsBody, MetricsService};
use prometheus::{
    IntCounter, Registry, TextEncoder,
    core::{Collector, Desc},
    proto::{Metric, MetricFamily, MetricType},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Service, ServiceExt};

use crate::support::listen;

const PAGE_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Asks without a runtime: the service is ready at once and so is its answer (T26).
fn ask(service: &MetricsService, method: Method) -> Response<String> {
    let request = Request::builder().method(method).uri("/metrics").body(()).unwrap();
    let response = service.clone().oneshot(request).now_or_never();
    let (head, body) = response.expect("ready").unwrap().into_parts();
    let body = body.collect().now_or_never().expect("ready").unwrap();
    Response::from_parts(head, String::from_utf8(body.to_bytes().into()).unwrap())
}

fn scrape(service: &MetricsService) -> String {
    let response = ask(service, Method::GET);
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body()
}

fn fresh(metrics: &McpMetrics) -> MetricsService {
    MetricsService::with_metrics(metrics.clone()).share_for(Duration::ZERO)
}

/// What is in prometheus's default registry comes beside the global store, and beside one that is given it.
#[cfg(all(feature = "process", target_os = "linux"))]
#[test]
fn the_process_shows_with_its_feature() {
    let page = scrape(&MetricsService::new());
    for family in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"]
    {
        assert!(page.contains(&format!("\n{family} ")), "{family}: {page}");
    }
    assert!(!scrape(&fresh(&McpMetrics::new())).contains("process_"), "nobody has asked");
    let builder = McpMetrics::builder().namespace("with_process");
    let metrics = builder.registry(prometheus::default_registry().clone()).build().unwrap();
    assert!(scrape(&fresh(&metrics)).contains("\nprocess_cpu_seconds_total "));
}

#[test]
fn get_has_the_page_and_head_the_same_headers_without_it() {
    let metrics = McpMetrics::new();
    metrics.record_rate_limit_hit("ip");
    let service = fresh(&metrics);

    let get = ask(&service, Method::GET);
    assert_eq!(get.headers()[header::CONTENT_TYPE], PAGE_TYPE);
    assert_eq!(McpMetrics::content_type(), PAGE_TYPE);
    assert_eq!(get.headers()[header::CONTENT_LENGTH], get.body().len().to_string());
    assert_eq!(*get.body(), metrics.render());

    let head = ask(&service, Method::HEAD);
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers(), get.headers());
    assert_eq!(head.body(), "");
}

/// T48: nothing else is answered.
#[test]
fn other_methods_are_told_which_are_allowed() {
    let service = fresh(&McpMetrics::new());
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE] {
        let response = ask(&service, method.clone());
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()[header::ALLOW], "GET, HEAD", "{method}");
    }
}

#[test]
fn the_body_is_one_frame_of_a_known_length() {
    let service = fresh(&McpMetrics::new());
    let request = Request::new(());
    let response = service.oneshot(request).now_or_never();
    let mut body = response.expect("ready").unwrap().into_body();
    let length = body.size_hint().exact().expect("exact");
    assert!(!body.is_end_stream());
    let frame = body.frame().now_or_never().flatten().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap().len() as u64, length);
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
}

/// T50: a parser that is not ours reads the page back, whatever the values.
#[test]
fn the_page_parses_and_labels_read_back_as_they_were() {
    let odd = ["quo\"te", "back\\slash", "{brace},=", "ends with \\", "天気 é 🌦", " "];
    let metrics = McpMetrics::builder().tools(odd).build().unwrap();
    for (name, millis) in odd.into_iter().zip(1..) {
        metrics.record_tool_call(name, "error", Duration::from_millis(millis));
    }
    metrics.set_service_info("1.0 \"rc\\1\"", [("zone", "a\\n")]).unwrap();
    metrics.record_request("POST", "/mcp", 200, Duration::from_secs(400));
    metrics.record_error("kind", "component");
    metrics.record_auth_attempt("none", false);
    metrics.update_registry_counts(1, 2, 3);

    let families = parse(&scrape(&fresh(&metrics))).unwrap();
    let calls = families.iter().find(|family| family.name == "mcp_tool_calls_total").unwrap();
    for name in odd {
        let of_name = |sample: &&Sample| {
            sample.label("tool_name") == Some(name)
                && sample.label("error_type") == Some("tool_error")
        };
        let counts: Vec<_> = calls.samples.iter().filter(of_name).map(Sample::count).collect();
        assert_eq!(counts, [1], "{name:?}");
    }
    let info = &families.iter().find(|family| family.name == "mcp_service_info").unwrap().samples;
    assert_eq!(info[0].label("version"), Some("1.0 \"rc\\1\""));
    assert_eq!(info[0].label("zone"), Some("a\\n"), "a backslash and an n, no line feed");
}

#[test]
fn scrapes_share_a_page_for_as_long_as_they_are_told() {
    let metrics = McpMetrics::new();
    let sharing = MetricsService::with_metrics(metrics.clone()).share_for(Duration::from_secs(600));
    let (first, clone) = (scrape(&sharing), sharing.clone());
    metrics.record_rate_limit_hit("ip");
    assert_eq!(scrape(&sharing), first);
    assert_eq!(scrape(&clone), first, "clones share too");
    assert_ne!(scrape(&sharing.clone().share_for(Duration::ZERO)), first);
    assert_ne!(scrape(&MetricsService::with_metrics(metrics.clone())), first);
    assert_ne!(metrics.render(), first, "a direct render is always fresh");
}

/// T49: every page that is written while counts change is one that a parser accepts, in which a
/// histogram's count equals its last bucket.
#[test]
fn pages_written_while_counts_change_are_whole() {
    let metrics = McpMetrics::new();
    let service = fresh(&metrics);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for recorder in 0..2 {
            let (metrics, done) = (&metrics, &done);
            scope.spawn(move || {
                for turn in 0_u64.. {
                    let name = format!("tool{}", turn % 60);
                    metrics.record_tool_call(&name, "success", Duration::from_micros(turn % 9_999));
                    if recorder == 1 {
                        metrics.record_error(&name, "component");
                    }
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let scrapers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| (0..30).for_each(|_| _ = parse(&scrape(&service)).unwrap())))
            .collect();
        for scraper in scrapers {
            scraper.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_registrys_other_families_follow_ours_which_are_on_the_page_once() {
    let registry = Registry::new();
    let hits = IntCounter::new("cache_hits_total", "Answers from the cache.").unwrap();
    registry.register(Box::new(hits.clone())).unwrap();
    hits.inc();
    let metrics = McpMetrics::builder().registry(registry.clone()).build().unwrap();
    let neighbour =
        McpMetrics::builder().namespace("other").registry(registry.clone()).build().unwrap();
    metrics.record_rate_limit_hit("ip");
    neighbour.record_rate_limit_hit("ip");

    let page = scrape(&fresh(&metrics));
    assert!(page.starts_with(&metrics.render()), "{page}");
    let families = parse(&page).unwrap();
    for name in ["cache_hits_total", "mcp_rate_limit_hits_total", "other_rate_limit_hits_total"] {
        assert_eq!(families.iter().filter(|family| family.name == name).count(), 1, "{name}");
    }

    // Who serves the registry elsewhere has all of them as well.
    let theirs = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    for name in ["cache_hits_total 1", "mcp_rate_limit_hits_total{", "other_rate_limit_hits_total{"]
    {
        assert!(theirs.contains(name), "{theirs}");
    }
}

#[test]
fn the_global_page_has_what_is_in_the_default_registry() {
    let hits = IntCounter::new("endpoint_test_hits_total", "Hits.").unwrap();
    prometheus::register(Box::new(hits.clone())).unwrap();
    hits.inc_by(3);
    McpMetrics::global().record_rate_limit_hit("endpoint-test");
    let page = scrape(&MetricsService::new());
    assert!(page.contains("endpoint_test_hits_total 3\n"), "{page}");
    assert!(page.contains(r#"mcp_rate_limit_hits_total{client_type="endpoint-test"} 1"#), "{page}");
}

/// A collector of whatever a careless user might write.
struct Foreign {
    families: Vec<(&'static str, MetricType)>,
    descs: Vec<Desc>,
}

impl Foreign {
    fn new(families: &[(&'static str, MetricType)]) -> Self {
        // One description under another name, as of a collector that does not say what it does.
        let desc = Desc::new("foreign".into(), "Foreign.".into(), vec![], HashMap::default());
        Self { families: families.to_vec(), descs: vec![desc.unwrap()] }
    }
}

impl Collector for Foreign {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let family = |&(name, kind): &(&str, MetricType)| {
            let mut family = MetricFamily::default();
            family.set_name(name.to_owned());
            family.set_help("Foreign.".to_owned());
            family.set_field_type(kind);
            family.set_metric(vec![Metric::default()]);
            family
        };
        self.families.iter().map(family).collect()
    }
}

#[test]
fn a_foreign_family_that_cannot_be_shown_is_left_out_and_reported_once() {
    let registry = Registry::new();
    let metrics = McpMetrics::builder().registry(registry.clone()).build().unwrap();
    metrics.record_tool_call("echo", "success", Duration::from_millis(1));
    let foreign = [
        ("mcp_tool_calls_total", MetricType::COUNTER),
        ("mcp_tool_call_duration_seconds_count", MetricType::COUNTER),
        ("typeless", MetricType::UNTYPED),
        ("mcp_tool_calls_total_of_mine", MetricType::GAUGE),
    ];
    registry.register(Box::new(Foreign::new(&foreign))).unwrap();

    let service = fresh(&metrics);
    let warnings = Warnings::default();
    let _listening = listen(warnings.clone());
    let pages = [scrape(&service), scrape(&service), scrape(&service.clone())];
    for page in pages {
        let families = parse(&page).unwrap();
        assert!(families.iter().any(|family| family.name == "mcp_tool_calls_total_of_mine"));
        assert!(page.contains(r#"mcp_tool_calls_total{tool_name="echo",status="success"} 1"#));
        assert!(!page.contains("typeless"));
    }
    assert_eq!(warnings.0.load(Ordering::Relaxed), 3, "one for each of the three, ever");
}

/// T48: a failure is a 500 with a text, not half a page.
#[test]
fn a_registry_that_cannot_be_encoded_is_a_500() {
    let registry = Registry::new();
    let metrics = McpMetrics::builder().registry(registry.clone()).build().unwrap();
    registry.register(Box::new(Foreign::new(&[("", MetricType::COUNTER)]))).unwrap();
    let service = fresh(&metrics);
    let get = ask(&service, Method::GET);
    assert_eq!(get.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(get.body().contains("cannot be shown"), "{}", get.body());
    let head = ask(&service, Method::HEAD);
    assert_eq!((head.status(), &**head.body()), (StatusCode::INTERNAL_SERVER_ERROR, ""));
}

/// Counts warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn fits_axum_as_a_route() {
    let service = fresh(&McpMetrics::new());
    let app = Router::new().route_service("/metrics", service);
    let request = Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], PAGE_TYPE);
    parse(
        &String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into())
            .unwrap(),
    )
    .unwrap();
}

/// On the wire a `HEAD` response has the length of the page and nothing of it.
#[tokio::test]
async fn fits_hyper_which_keeps_the_length_for_head() {
    let service = TowerToHyperService::new(fresh(&McpMetrics::new()));
    let (client, server) = tokio::io::duplex(64 * 1024);
    let connection =
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), service));
    let (mut incoming, mut outgoing) = tokio::io::split(client);
    let requests = "HEAD /metrics HTTP/1.1\r\nhost: a\r\n\r\n\
                    GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    outgoing.write_all(requests.as_bytes()).await.unwrap();
    let mut text = String::new();
    incoming.read_to_string(&mut text).await.unwrap();
    connection.await.unwrap().unwrap();

    let (head, get) = text.split_once("\r\n\r\n").unwrap();
    let (get, page) = get.split_once("\r\n\r\n").unwrap();
    let length = format!("content-length: {}\r\n", page.len());
    assert!(format!("{head}\r\n").contains(&length), "{head}");
    assert!(format!("{get}\r\n").contains(&length), "{get}");
    assert!(get.starts_with("HTTP/1.1 200"), "nothing between the two heads: {get}");
}

#[test]
fn takes_any_request_body_and_can_be_shared() {
    fn check<B>()
    where
        MetricsService: Service<Request<B>, Response = Response<MetricsBody>, Error = Infallible>,
    {
    }
    fn is_shareable<T: Clone + Send + Sync + Unpin + 'static>() {}
    fn is_a_body<T: Body<Data = Bytes> + Send + Sync + Unpin + 'static>() {}
    check::<()>();
    check::<Incoming>();
    check::<Full<Bytes>>();
    check::<axum::body::Body>();
    is_shareable::<MetricsService>();
    is_shareable::<McpMetrics>();
    is_a_body::<MetricsBody>();
}

// A strict reader of the text format, version 0.0.4, written from the specification
// (prometheus.io/docs/instrumenting/exposition_formats) and not from our writer.

#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    /// A number, as it is written.
    value: String,
}

type Labels = Vec<(String, String)>;

impl Sample {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    pub(crate) fn number(&self) -> f64 {
        self.value.parse().unwrap()
    }

    pub(crate) fn count(&self) -> u64 {
        self.value.parse().unwrap()
    }
}

/// Reads a page, or says what is wrong with it.
pub(crate) fn parse(page: &str) -> Result<Vec<Family>, String> {
    if !page.is_empty() && !page.ends_with('\n') {
        return Err("no line feed at the end".into());
    }
    let mut families: Vec<Family> = Vec::new();
    let mut help = None;
    for line in page.split_terminator('\n') {
        let result = if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, _) = rest.split_once(' ').ok_or("no help text")?;
            help = Some(name.to_owned());
            Ok(())
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            begin_family(&mut families, help.take(), rest)
        } else {
            add_sample(&mut families, line)
        };
        result.map_err(|error: String| format!("{error}: {line}"))?;
    }
    families.iter().try_for_each(check_family)?;
    Ok(families)
}

fn begin_family(
    families: &mut Vec<Family>,
    help: Option<String>,
    rest: &str,
) -> Result<(), String> {
    let (name, kind) = rest.split_once(' ').ok_or("no type")?;
    if !is_name(name) || help.is_none_or(|help| help != name) {
        return Err("a type without its help".into());
    }
    if !["counter", "gauge", "histogram"].contains(&kind) {
        return Err("no such type".into());
    }
    if families.iter().any(|family| family.name == name) {
        return Err("a second family of that name".into());
    }
    families.push(Family { name: name.into(), kind: kind.into(), samples: Vec::new() });
    Ok(())
}

fn add_sample(families: &mut [Family], line: &str) -> Result<(), String> {
    let family = families.last_mut().ok_or("a sample without a family")?;
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, rest) = line.split_at(end);
    let suffix = name.strip_prefix(&family.name).ok_or("a sample of another family")?;
    let allowed: &[&str] =
        if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
    if !allowed.contains(&suffix) {
        return Err("a suffix that the type does not have".into());
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    value.parse::<f64>().map_err(|_| "no number")?;
    family.samples.push(Sample { name: name.to_owned(), labels, value: value.to_owned() });
    Ok(())
}

/// Reads `name="value",...}` and returns what follows it.
fn parse_labels(mut rest: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    loop {
        let (name, after) = rest.split_once("=\"").ok_or("no label value")?;
        if !is_name(name) || name.contains(':') || labels.iter().any(|(other, _)| other == name) {
            return Err(format!("label name {name:?}"));
        }
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().ok_or("an open label value")? {
                (end, '"') => break end,
                (_, '\\') => value.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, escaped @ ('\\' | '"'))) => escaped,
                    _ => return Err("no such escape".into()),
                }),
                (_, char) => value.push(char),
            }
        };
        if value.is_empty() {
            return Err(format!("label {name} without a value"));
        }
        labels.push((name.to_owned(), value));
        rest = &after[end + 1..];
        match rest.split_at_checked(1).ok_or("open labels")? {
            ("}", after) => return Ok((labels, after)),
            (",", after) => rest = after,
            _ => return Err("neither a comma nor a brace".into()),
        }
    }
}

fn check_family(family: &Family) -> Result<(), String> {
    let name = &family.name;
    if family.samples.is_empty() {
        return Err(format!("{name} has no samples"));
    }
    let mut series = HashSet::new();
    if !family.samples.iter().all(|sample| series.insert((&sample.name, &sample.labels))) {
        return Err(format!("a series of {name} twice"));
    }
    if family.kind != "histogram" {
        return Ok(());
    }
    let mut histograms = BTreeMap::<Vec<_>, Vec<&Sample>>::new();
    for sample in &family.samples {
        let identity = sample.labels.iter().filter(|(name, _)| name != "le").collect();
        histograms.entry(identity).or_default().push(sample);
    }
    histograms.values().try_for_each(|samples| check_histogram(name, samples))
}

/// Buckets that rise to `+Inf`, then the sum, then a count that is that of the last bucket.
fn check_histogram(name: &str, samples: &[&Sample]) -> Result<(), String> {
    let [buckets @ .., sum, count] = samples else {
        return Err(format!("{name} is not whole"));
    };
    let bounds: Vec<_> = buckets.iter().map(|bucket| bucket.label("le").unwrap_or("")).collect();
    if buckets.iter().any(|bucket| !bucket.name.ends_with("_bucket"))
        || !bounds.iter().map(|le| le.parse().unwrap_or(f64::NAN)).is_sorted()
        || !buckets.iter().map(|bucket| bucket.count()).is_sorted()
        || bounds.last() != Some(&"+Inf")
        || bounds.iter().any(|le| !le.contains('.') && *le != "+Inf")
    {
        return Err(format!("the buckets of {name} do not rise to +Inf: {bounds:?}"));
    }
    if !sum.name.ends_with("_sum")
        || !count.name.ends_with("_count")
        || buckets.last().map(|last| last.count()) != Some(count.count())
    {
        return Err(format!("the count of {name} is not that of its last bucket"));
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    let letter = |char: char| char.is_ascii_alphabetic() || char == '_' || char == ':';
    chars.next().is_some_and(letter) && chars.all(|char| letter(char) || char.is_ascii_digit())
}

#[test]
fn the_reader_refuses_what_the_format_does() {
    let head = "# HELP a A.\n# TYPE a counter\n";
    for (samples, ok) in [
        ("a 1\n", true),
        ("a{b=\"c\\\\\\\"\\n\"} 1\n", true),
        ("a 1", false),
        ("a{b=\"c\\x\"} 1\n", false),
        ("a{b=\"c} 1\n", false),
        ("a{b=\"\"} 1\n", false),
        ("a{b=\"c\"}1\n", false),
        ("a{9=\"c\"} 1\n", false),
        ("a 1\na 2\n", false),
        ("b 1\n", false),
        ("a x\n", false),
        ("", false),
    ] {
        assert_eq!(parse(&format!("{head}{samples}")).is_ok(), ok, "{samples}");
    }
}
