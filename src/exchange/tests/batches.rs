//! Requests of several messages, and how their answers may come.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, request::Parts};

use super::server::{Script, Server, events, json, observed, response};
use super::witness::{Told, Witness, id_of};
use crate::{
    exchange::{
        Applied, Closing, Exchange, Observe, Observer,
        Outcome::{
            self, CallerError, Cancelled, NoResponse, Rejected, ServerError, Success, Timeout,
            ToolError,
        },
        Pass, Reason, Settlement,
        common::Common,
    },
    mcp::{MessageKind, RequestReader},
};

/// Two calls, and two messages that ask for nothing.
const MIXED: &str = r#"[
    {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}},
    {"jsonrpc":"2.0","method":"notifications/initialized"},
    {"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"echo"}},
    {"jsonrpc":"2.0","id":9,"result":{}}
]"#;

const FIRST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}"#;
const THIRD: &str = r#"{"jsonrpc":"2.0","id":"1","result":{"content":[]}}"#;
const WITHOUT_ID: &str = r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"}}"#;

fn told(message: &str, answer: Response<Bytes>) -> Told {
    let witness = Witness::default();
    let script = Script::post(message.to_owned(), answer);
    script.run(&mut observed(Server, &witness));
    let whole = witness.told_once();
    script.in_frames_of(1).run(&mut observed(Server, &witness));
    assert_eq!(witness.told_once(), whole, "however it is cut");
    whole
}

/// How each message ended, by its place in the batch.
fn outcomes(told: &Told) -> Vec<Outcome> {
    let mut operations: Vec<_> = told.operations.iter().collect();
    operations.sort_by_key(|operation| operation.index);
    let places: Vec<_> = operations.iter().map(|operation| operation.index).collect();
    assert_eq!(places, (0..operations.len()).collect::<Vec<_>>(), "each once");
    operations.into_iter().map(|operation| operation.outcome).collect()
}

fn array(messages: &[&str]) -> String {
    format!("[{}]", messages.join(","))
}

#[test]
fn each_message_of_a_batch_is_an_operation_of_its_own() {
    let told = told(MIXED, json(200, array(&[FIRST, THIRD])));
    let rows: Vec<_> = told.operations.iter().map(ToString::to_string).collect();
    assert_eq!(
        rows,
        [
            "request tools/call add 1 2025-03-26 tool_error -",
            r#"request tools/call echo "1" 2025-03-26 success -"#,
            "notification notifications/initialized - - 2025-03-26 success -",
            "response - - 9 2025-03-26 success -",
        ]
    );
    assert_eq!(told.whole, Some((ToolError, None)), "the gravest");
}

#[test]
fn answers_come_in_any_order_and_any_framing() {
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;
    let foreign = r#"{"jsonrpc":"2.0","id":77,"result":{}}"#;
    for answer in [
        json(200, array(&[FIRST, THIRD])),
        json(200, array(&[THIRD, foreign, FIRST])),
        events(&[FIRST, THIRD]),
        events(&[THIRD, FIRST]),
        events(&[request, &array(&[THIRD]), foreign, &array(&[request, FIRST])]),
        events(&[&array(&[THIRD, FIRST])]),
    ] {
        let told = told(MIXED, answer.clone());
        assert_eq!(outcomes(&told), [ToolError, Success, Success, Success], "{answer:?}");
    }
}

#[test]
fn a_request_without_an_answer_has_none_whatever_the_others_have() {
    for answer in [json(200, array(&[THIRD])), json(200, THIRD), events(&[THIRD])] {
        let told = told(MIXED, answer.clone());
        assert_eq!(outcomes(&told), [NoResponse, Success, Success, Success], "{answer:?}");
        assert_eq!(told.whole, Some((NoResponse, None)));
    }
}

#[test]
fn a_batch_of_messages_that_ask_for_nothing_is_accepted() {
    let notified = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let told = told(&array(&[notified, notified]), response(202, "text/plain", ""));
    assert_eq!(outcomes(&told), [Success, Success]);
}

#[test]
fn an_error_without_an_id_is_about_all_that_wait() {
    for answer in [json(200, WITHOUT_ID), events(&[WITHOUT_ID])] {
        let told = told(MIXED, answer);
        assert_eq!(outcomes(&told), [CallerError, Success, CallerError, Success]);
        assert_eq!(told.whole, Some((CallerError, Some(Reason::Code(-32600)))));
    }
    let rest = told(MIXED, json(200, array(&[FIRST, WITHOUT_ID])));
    assert_eq!(outcomes(&rest), [ToolError, Success, CallerError, Success]);
}

#[test]
fn an_error_without_an_id_is_about_all_where_all_is_refused() {
    let told = told(MIXED, json(400, WITHOUT_ID));
    assert_eq!(outcomes(&told), [CallerError; 4]);
    assert!(told.operations.iter().all(|operation| operation.code == Some(-32600)));
}

/// What cannot be read well enough to know its id is answered without one (JSON-RPC 2.0, section 5).
#[test]
fn an_error_without_an_id_answers_what_is_no_message() {
    let invalid = r#"{"jsonrpc":"2.0","id":true,"method":"tools/call","params":{"name":"add"}}"#;
    let only = told(invalid, json(200, WITHOUT_ID));
    assert_eq!(outcomes(&only), [CallerError]);
    let call = r#"{"jsonrpc":"2.0","id":"1","method":"ping"}"#;
    let both = told(&array(&[invalid, call]), json(200, array(&[THIRD, WITHOUT_ID])));
    assert_eq!(outcomes(&both), [CallerError, Success]);
}

/// D3: an error that is answered to a message that asks for nothing is one all the same.
#[test]
fn a_refused_notification_is_an_error() {
    let notified = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
    for (message, status) in [(notified, 400), (notified, 200), (r#"{"id":1,"result":{}}"#, 400)] {
        let told = told(message, json(status, WITHOUT_ID));
        assert_eq!(told.whole, Some((CallerError, Some(Reason::Code(-32600)))), "{message}");
        assert_eq!(told.operations[0].code, Some(-32600));
    }
}

#[test]
fn a_status_tells_how_messages_ended_that_have_no_answer() {
    for (status, outcome) in [(415, Rejected), (503, ServerError), (504, Timeout)] {
        let told = told(MIXED, response(status, "text/plain", "no batches here"));
        assert_eq!(outcomes(&told), [outcome; 4], "{status}");
    }
}

#[test]
fn the_client_that_leaves_cancels_what_is_open_alone() {
    let mut script = Script::post(MIXED, events(&[FIRST]));
    script.whole = false;
    let witness = Witness::default();
    script.run(&mut observed(Server, &witness));
    assert_eq!(outcomes(&witness.told_once()), [ToolError, Cancelled, Cancelled, Cancelled]);
}

#[test]
fn a_batch_has_64_operations_and_the_rest_is_counted() {
    let calls = (0..65).map(|id| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
    let calls: Vec<_> = calls.collect();
    let answers = (0..65).rev().map(|id| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
    let answers: Vec<_> = answers.collect();
    let answers: Vec<_> = answers.iter().map(String::as_str).collect();
    let told = told(&format!("[{}]", calls.join(",")), events(&answers));
    assert_eq!(outcomes(&told), [Success; 64]);
    assert_eq!(told.beyond, 1);
    let last = told.operations.iter().find(|operation| operation.index == 63).unwrap();
    assert_eq!(last.id, id_of("63"));
}

#[test]
fn of_two_requests_with_one_id_the_first_is_answered_first() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let good = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let both = array(&[call, call]);
    assert_eq!(outcomes(&told(&both, events(&[FIRST, good]))), [ToolError, Success]);
    assert_eq!(outcomes(&told(&both, events(&[FIRST]))), [ToolError, NoResponse]);
}

#[test]
fn a_second_answer_to_a_message_says_nothing() {
    let again = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"late"}}"#;
    for answer in [events(&[FIRST, again, THIRD]), events(&[FIRST, THIRD, again])] {
        let told = told(MIXED, answer);
        assert_eq!(outcomes(&told), [ToolError, Success, Success, Success]);
    }
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let told = told(one, events(&[FIRST, again]));
    assert_eq!(told.whole, Some((ToolError, None)));
}

#[test]
fn a_batch_of_one_has_one_operation() {
    let told = told(&array(&[r#"{"id":1,"method":"ping"}"#]), json(200, FIRST));
    let [operation] = &told.operations[..] else { panic!("{told:?}") };
    assert_eq!((operation.kind, operation.outcome), (Some(MessageKind::Request), ToolError));
}

#[test]
fn stacked_layers_are_told_the_same() {
    let answers = [
        json(200, array(&[THIRD, FIRST])),
        events(&[&array(&[THIRD]), FIRST]),
        events(&[WITHOUT_ID]),
        json(400, WITHOUT_ID),
        events(&[THIRD]),
        response(415, "text/plain", ""),
    ];
    for answer in answers.map(Some).into_iter().chain([None]) {
        let (inner, outer) = (Witness::default(), Witness::default());
        let mut service = observed(observed(Server, &inner), &outer);
        for frame in [0, 1] {
            Script::post(MIXED, answer.clone()).in_frames_of(frame).run(&mut service);
            let (inner, outer) = (inner.told_once(), outer.told_once());
            assert_eq!(inner.operations.len(), 4);
            assert_eq!(inner, outer, "{answer:?}");
        }
    }
}

/// A witness to an exchange of which the request is read while its first operation is settled, as another
/// task may do.
#[derive(Clone)]
struct ReadMeanwhile(Witness);

impl Observer for ReadMeanwhile {
    type State = usize;
    type Guard = ();

    fn begin(&self, parts: &mut Parts, of: &Arc<Exchange>, marks: &mut Applied) -> Option<usize> {
        self.0.begin(parts, of, marks)
    }

    fn enter(&self, _: &usize) {}

    fn settle(&self, state: &mut usize, settlement: &Settlement<'_>) {
        self.0.settle(state, settlement);
        let mut reader = RequestReader::new();
        reader.feed(MIXED.as_bytes());
        settlement.exchange.publish_request(|| reader.finish());
    }

    fn conclude(&self, state: &mut usize, settlement: &Settlement<'_>) {
        self.0.conclude(state, settlement);
    }

    fn close(&self, state: &mut usize, closing: &Closing<'_>) {
        self.0.close(state, closing);
    }
}

#[test]
fn messages_that_are_found_while_the_exchange_ends_are_settled_too() {
    let witness = Witness::default();
    // Nobody else reads the body of a `GET`.
    let mut script = Script::post(MIXED, response(200, "text/plain", ""));
    *script.request.method_mut() = Method::GET;
    let observer = ReadMeanwhile(witness.clone());
    script.run(&mut Observe::new(Server, observer, Pass, &Arc::new(Common::default())));
    assert_eq!(outcomes(&witness.told_once()), [Success, Success, NoResponse, Success]);
}
