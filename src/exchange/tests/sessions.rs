//! Recorded exchanges that belong together, one after the other through one service.

use http::{HeaderValue, header::HeaderName};

use super::recordings::recorded;
use super::server::{Script, Server, finish, observed};
use super::witness::{Late, Told, Witness, id_of};
use crate::exchange::{
    Observe, Outcome,
    Outcome::{CallerError, Cancelled, Detached, NoResponse, Success},
    Pass, Reason,
};

const INITIALIZE: &str = "2025-11-25_session_sse_initialize";
const BROKEN_OFF: &str = "2025-11-25_session_sse_slow_broken_off";
const RESUMED: &str = "2025-11-25_session_resume_get_carries_response";
const CANCELLED: &str = "2025-11-25_session_sse_cancelled_call";
const CANCELLATION: &str = "2025-11-25_session_cancelled_notification";
const ANOTHER_CALL: &str = "2025-11-25_session_sse_tools_call_ok";
const DELETE: &str = "2025-11-25_session_delete";

/// A server that has opened a session under its observer.
struct Session {
    service: Observe<Server, Witness, Pass>,
    witness: Witness,
    id: HeaderValue,
}

static SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

impl Session {
    fn open() -> Self {
        let witness = Witness::default();
        let mut service = observed(Server, &witness);
        let initialize = recorded(INITIALIZE);
        initialize.run(&mut service);
        assert_eq!(verdict(&witness.told_once()), (Success, None));
        let response = initialize.response.expect("it is answered");
        Self { service, witness, id: response.headers()[&SESSION_ID].clone() }
    }

    /// A recording, as one of this session.
    fn recorded(&self, name: &str) -> Script {
        let mut script = recorded(name);
        let id = script.request.headers_mut().get_mut(&SESSION_ID);
        id.expect("it belongs to a session").clone_from(&self.id);
        script
    }

    /// The recorded cancellation, of the request with that id.
    fn cancellation(&self, id: u32) -> Script {
        let mut script = self.recorded(CANCELLATION);
        let body = String::from_utf8(script.request.body().to_vec()).expect("it is JSON");
        let other = body.replace(r#""requestId":22"#, &format!(r#""requestId":{id}"#));
        *script.request.body_mut() = other.into();
        script
    }

    fn run(&mut self, script: &Script) -> (Outcome, Option<Reason>) {
        script.run(&mut self.service);
        verdict(&self.witness.told_once())
    }

    fn run_recorded(&mut self, name: &str) -> (Outcome, Option<Reason>) {
        self.run(&self.recorded(name))
    }
}

fn verdict(told: &Told) -> (Outcome, Option<Reason>) {
    told.whole.expect("it is decided")
}

fn late(id: u32, outcome: Outcome, reason: Option<Reason>, answered: bool) -> Late {
    (id_of(&id.to_string()).expect("an id"), outcome, reason, answered)
}

#[test]
fn a_call_that_broke_off_gets_its_answer_from_the_stream_that_resumes_it() {
    let mut session = Session::open();
    assert_eq!(session.run_recorded(BROKEN_OFF), (Detached, Some(Reason::Aborted)));
    assert_eq!(session.run_recorded(ANOTHER_CALL), (Success, None));
    assert_eq!(session.witness.late(), [], "that was another call's answer");
    assert_eq!(session.run_recorded(RESUMED), (Success, None));
    assert_eq!(session.witness.late(), [late(21, Success, None, true)]);
    assert_eq!(session.run_recorded(RESUMED), (Success, None));
    assert_eq!(session.witness.late(), [], "once");
}

#[test]
fn a_call_whose_stream_ends_after_its_cancellation_is_cancelled() {
    assert_cancelled_while_open(CANCELLED, 23);
}

#[test]
fn a_call_that_breaks_off_after_its_cancellation_is_cancelled() {
    assert_cancelled_while_open(BROKEN_OFF, 21);
}

fn assert_cancelled_while_open(name: &str, id: u32) {
    let mut session = Session::open();
    let call = session.recorded(name).begin(&mut session.service);
    session.cancellation(id).run(&mut session.service);
    finish(call.expect("it has a head"));
    let told = session.witness.told();
    let verdicts: Vec<_> = told.iter().map(verdict).collect();
    assert_eq!(verdicts, [(Cancelled, Some(Reason::Notification)), (Success, None)]);
    assert_eq!(session.witness.late(), []);
}

/// It was about another call, of the same id.
#[test]
fn a_cancellation_before_the_call_says_nothing_of_it() {
    let mut session = Session::open();
    session.run(&session.cancellation(21));
    assert_eq!(session.run_recorded(BROKEN_OFF), (Detached, Some(Reason::Aborted)));
}

#[test]
fn the_cancellation_of_another_call_changes_nothing() {
    let mut session = Session::open();
    session.run_recorded(CANCELLATION);
    assert_eq!(session.run_recorded(BROKEN_OFF), (Detached, Some(Reason::Aborted)));
    assert_eq!(session.witness.late(), []);
}

#[test]
fn a_detached_call_can_be_cancelled() {
    let mut session = Session::open();
    session.run_recorded(BROKEN_OFF);
    session.run(&session.cancellation(21));
    let expected = late(21, Cancelled, Some(Reason::Notification), false);
    assert_eq!(session.witness.late(), [expected]);
}

#[test]
fn a_stream_that_the_server_closed_may_go_on_until_its_session_ends() {
    let mut session = Session::open();
    assert_eq!(session.run_recorded(CANCELLED), (Detached, None), "it can be resumed");
    assert_eq!(session.witness.late(), []);
    session.run_recorded(DELETE);
    assert_eq!(session.witness.late(), [late(23, NoResponse, None, false)]);
}

#[test]
fn nothing_is_heard_of_calls_in_sessions_that_nobody_saw_open() {
    let mut session = Session::open();
    session.id = HeaderValue::from_static("of-another-server");
    assert_eq!(session.run_recorded(BROKEN_OFF), (Detached, Some(Reason::Aborted)));
    assert_eq!(session.run_recorded(CANCELLED), (NoResponse, None));
    session.run_recorded(RESUMED);
    session.run(&session.cancellation(23));
    assert_eq!(session.run_recorded(CANCELLED), (NoResponse, None));
    session.run_recorded(DELETE);
    assert_eq!(session.witness.late(), []);
}

#[test]
fn stacked_layers_hear_the_same_of_a_call_that_outlived_its_exchange() {
    let (inner, outer) = (Witness::default(), Witness::default());
    let mut service = observed(observed(Server, &inner), &outer);
    let session = Session::open();
    for name in [INITIALIZE, BROKEN_OFF, RESUMED] {
        let script = if name == INITIALIZE { recorded(name) } else { session.recorded(name) };
        script.run(&mut service);
    }
    assert_eq!(inner.late(), [late(21, Success, None, true)]);
    assert_eq!(outer.late(), [late(21, Success, None, true)]);
    assert_eq!(inner.told(), outer.told());
}

/// The client of `rmcp`, from the opening of its session to its end.
#[test]
fn a_recorded_session_leaves_nothing_behind() {
    let witness = Witness::default();
    let mut service = observed(Server, &witness);
    let run = |service: &mut _, name: &str| recorded(name).run(service);
    run(&mut service, "rmcp_client_init_1_initialize");
    run(&mut service, "rmcp_client_init_2_notifications_initialized");
    run(&mut service, "rmcp_client_init_3_tools_list");
    let stream = recorded("rmcp_client_init_4_get").begin(&mut service);
    run(&mut service, "rmcp_client_init_5_tools_call");
    run(&mut service, "rmcp_client_init_6_tools_call");
    run(&mut service, "rmcp_client_init_7_delete");
    finish(stream.expect("it has a head"));
    let outcomes: Vec<_> = witness.told().iter().map(|told| verdict(told).0).collect();
    assert_eq!(outcomes, [Success, Success, Success, Success, Success, CallerError, Success]);
    assert_eq!(witness.late(), []);
}
