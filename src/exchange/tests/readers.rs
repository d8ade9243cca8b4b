//! Where a response is read: with the exchange, if there is room.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, request};
use http_body_util::{BodyExt, Full};
use tower::{Service, service_fn};

use super::{
    server::{Frames, Script, Server, finish, json, observed},
    witness::{Told, Witness},
};
use crate::exchange::{
    Applied, Exchange, Observe, Observer, Outcome, Pass, RequestBody, Settlement,
};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
const FAILED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true}}"#;
const DONE: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

fn outcome(told: &Told) -> Option<Outcome> {
    told.whole.map(|(outcome, _)| outcome)
}

/// A server that reads one frame, and puts the rest of its request where the test finds it.
fn hasty(
    rest: &Rest,
) -> impl Service<
    Request<RequestBody<Frames>>,
    Response = Response<Frames>,
    Error = Infallible,
    Future: Future<Output = Result<Response<Frames>, Infallible>>,
> + use<> {
    let rest = Arc::clone(rest);
    service_fn(move |request: Request<RequestBody<Frames>>| {
        let rest = Arc::clone(&rest);
        async move {
            let script: Option<&Script> = request.extensions().get();
            let response = script.and_then(|script| script.response.clone()).unwrap();
            let mut body = request.into_body();
            body.frame().await;
            *rest.lock().unwrap() = Some(body);
            Ok(response.map(all))
        }
    })
}

fn all(bytes: Bytes) -> Frames {
    Full::new(bytes).boxed_unsync()
}

type Rest = Arc<Mutex<Option<RequestBody<Frames>>>>;

#[test]
fn a_response_is_read_while_its_request_still_is() {
    let (witness, rest) = (Witness::default(), Rest::default());
    let mut service = observed(hasty(&rest), &witness);
    Script::post(CALL, json(200, FAILED)).in_frames_of(20).run(&mut service);
    assert_eq!(outcome(&witness.told_once()), Some(Outcome::ToolError));
    assert!(rest.lock().unwrap().is_some(), "it was not read to its end");
}

#[test]
fn each_attempt_at_an_exchange_is_read() {
    let (outer, inner) = (Witness::default(), Witness::default());
    let attempts = observed(Server, &inner);
    let retry = service_fn(move |request: Request<RequestBody<Frames>>| {
        let mut attempts = attempts.clone();
        async move {
            // What the outer layer has left goes along. The body has been read by the second time.
            let again = request.extensions().clone();
            let Ok(response) = attempts.call(request).await;
            finish(response);
            let script = Script::post("", json(200, DONE));
            let second = script.request.clone().map(|bytes| RequestBody::untapped(all(bytes)));
            let (mut parts, body) = second.into_parts();
            parts.extensions = again;
            parts.extensions.insert(script);
            attempts.call(Request::from_parts(parts, body)).await
        }
    });
    Script::post(CALL, json(200, FAILED)).run(&mut observed(retry, &outer));
    let told = inner.told();
    let outcomes: Vec<_> = told.iter().filter_map(outcome).collect();
    assert_eq!(outcomes, [Outcome::ToolError, Outcome::Success]);
    assert_eq!(outcome(&outer.told_once()), Some(Outcome::Success));
}

/// Drops the rest of a request when its answer is seen.
#[derive(Clone)]
struct Dropping(Rest);

impl Observer for Dropping {
    type State = ();
    type Guard = ();

    fn begin(&self, _: &mut request::Parts, _: &Arc<Exchange>, _: &mut Applied) -> Option<()> {
        Some(())
    }

    fn enter(&self, (): &()) {}

    fn settle(&self, (): &mut (), _: &Settlement<'_>) {
        *self.0.lock().unwrap() = None;
    }
}

#[test]
fn a_request_body_that_is_dropped_while_the_response_is_read_waits_for_nobody() {
    let (over, is_over) = mpsc::channel();
    thread::spawn(move || {
        let (witness, rest) = (Witness::default(), Rest::default());
        let observer = (witness.clone(), Dropping(Arc::clone(&rest)));
        let mut service = Observe::new(hasty(&rest), observer, Pass, &Arc::default());
        // The whole message in one frame, after which the end is yet to come.
        Script::post(CALL, json(200, DONE)).in_frames_of(CALL.len()).run(&mut service);
        let _ = over.send((outcome(&witness.told_once()), rest.lock().unwrap().is_none()));
    });
    let told = is_over.recv_timeout(Duration::from_secs(60));
    assert_eq!(told, Ok((Some(Outcome::Success), true)));
}
