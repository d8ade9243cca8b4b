//! Whose ids an access line has, where exchanges are within or after each other.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::Request;
use http_body_util::BodyExt;
use mcp_telemetry::{AccessLogLayer, ObservabilityLayer, context::RequestContext};
use tower::{Layer, ServiceExt};
use tracing::Instrument;

use super::Lines;
use crate::support::{ANSWER, Boxed, CALL, Script, call, data, handler, json, store};

fn with_id(id: &str) -> Request<Script> {
    let mut request = call(Script::new([data(CALL)]));
    request.headers_mut().insert("x-request-id", id.parse().unwrap());
    request
}

/// T39: a handler that works in a span of its own calls another service in-process.
#[tokio::test]
async fn access_line_of_an_exchange_within_another_has_its_own_ids() {
    let (lines, _capturing) = Lines::capture("info");
    let layer = ObservabilityLayer::new().metrics(store());
    let inner = layer.layer(handler(async |_: Request<Boxed>| {
        Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
    }));
    let outer = layer.layer(handler(move |_: Request<Boxed>| {
        let inner = inner.clone();
        let work = async move {
            let response = inner.oneshot(with_id("inner")).await.unwrap();
            response.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
        };
        work.instrument(tracing::info_span!("handler"))
    }));
    let response = outer.oneshot(with_id("outer")).await.unwrap();
    response.into_body().collect().await.unwrap();
    let ids: Vec<_> = lines.of_exchanges().iter().map(|line| line["request_id"].clone()).collect();
    assert_eq!(ids, ["inner", "outer"]);
    let lines = lines.of_exchanges();
    assert_ne!(lines[0]["span_id"], lines[1]["span_id"]);
}

/// A span of an exchange that is over has no ids to lend.
#[tokio::test]
async fn access_line_within_the_span_of_an_ended_exchange_has_its_own_ids() {
    let (lines, _capturing) = Lines::capture("info");
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let layer = ObservabilityLayer::new().metrics(store());
    let first = layer.layer(handler(move |_: Request<Boxed>| {
        *keep.lock().unwrap() = Some(tracing::info_span!("session"));
        std::future::ready(Ok::<_, Infallible>(json(Script::new([data(ANSWER)]))))
    }));
    first.oneshot(with_id("first")).await.unwrap().into_body().collect().await.unwrap();
    let session = kept.lock().unwrap().take().unwrap();

    let second = layer.layer(handler(async |_: Request<Boxed>| {
        tracing::info!("of the second");
        Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
    }));
    let served = async {
        second.oneshot(with_id("second")).await.unwrap().into_body().collect().await.unwrap();
    };
    served.instrument(session).await;
    assert_eq!(lines.saying("of the second")[0]["request_id"], "second");
    assert_eq!(lines.of_exchanges().last().unwrap()["request_id"], "second");
}

/// What tells of other exchanges has the ids of none.
#[tokio::test]
async fn line_about_lines_that_were_held_back_has_no_ids() {
    let (lines, _capturing) = Lines::capture("info");
    let log = AccessLogLayer::new().max_lines_per_second(1);
    let layer = ObservabilityLayer::new().metrics(store()).access_log(log.clone());
    let refuse = |status: u16| {
        layer.layer(handler(move |_: Request<Boxed>| {
            let mut response = json(Script::new([data("{}")]));
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            std::future::ready(Ok::<_, Infallible>(response))
        }))
    };
    for _ in 0..3 {
        let response = refuse(401).oneshot(with_id("refused")).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    let written = lines.of_exchanges().len();
    assert!((1..3).contains(&written), "one a second is written: {written}");
    assert_eq!(log.held_back(), 3 - written as u64);
    for line in lines.all().iter().filter(|line| line["extra"]["held_back"].is_number()) {
        assert!(line["request_id"].is_null() && line["trace_id"].is_null(), "{line}");
    }
}

/// A user id from a token may be of any length.
#[tokio::test]
async fn long_user_id_is_cut() {
    let (lines, _capturing) = Lines::capture("info");
    let layer = ObservabilityLayer::new().metrics(store());
    let service = layer.layer(handler(async |request: Request<Boxed>| {
        let exchange = RequestContext::from_parts(&request.into_parts().0).unwrap();
        exchange.set_user_id("ü".repeat(1_000));
        Ok::<_, Infallible>(json(Script::new([data(ANSWER)])))
    }));
    service.oneshot(with_id("long")).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(lines.of_exchanges()[0]["user_id"], "ü".repeat(128));
}
