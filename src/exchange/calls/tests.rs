use std::sync::{Arc, Mutex};

use super::*;

type Heard = Arc<Mutex<Vec<(Outcome, Option<Reason>, u64)>>>;

fn answer(id: u64) -> ResponseMessage {
    ResponseMessage::of_test(&format!(r#"{{"id":{id},"result":{{}}}}"#))
}

fn id(number: u64) -> Id {
    answer(number).id.expect("it has an id")
}

struct Fixture {
    calls: Calls,
    heard: Heard,
    epoch: Instant,
}

impl Fixture {
    fn new() -> Self {
        let fixture =
            Self { calls: Calls::default(), heard: Heard::default(), epoch: Instant::now() };
        fixture.calls.born(SessionKey::of_test(1));
        fixture
    }

    fn at(&self, seconds: u64) -> Instant {
        self.epoch + Duration::from_secs(seconds)
    }

    fn detach(&self, session: u64, number: u64, seconds: u64) {
        self.detach_since(session, number, seconds, 0);
    }

    fn detach_since(&self, session: u64, number: u64, seconds: u64, began: u64) {
        let heard = Arc::clone(&self.heard);
        let later: Later = Box::new(move |late| {
            let heard_now = (late.outcome, late.reason, late.duration.as_secs());
            heard.lock().unwrap().push(heard_now);
        });
        let call = Call { session: SessionKey::of_test(session), id: id(number) };
        let origin = Origin { started: self.at(began), index: 0 };
        self.calls.detach(call, origin, self.at(seconds), Outcome::Detached, later);
    }

    fn answer(&self, session: u64, number: u64, seconds: u64) {
        let session = SessionKey::of_test(session);
        let tell = || (Outcome::Success, None);
        self.calls.answered(session, &answer(number), self.at(seconds), tell);
    }

    /// Whether a call is known to be cancelled whose exchange began then.
    fn is_cancelled(&self, session: u64, number: u64, began: u64) -> bool {
        let session = SessionKey::of_test(session);
        self.calls.is_cancelled(session, &id(number), self.at(began))
    }

    fn heard(&self) -> Vec<(Outcome, Option<Reason>, u64)> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

#[test]
fn an_answer_on_another_exchange_ends_its_call_alone() {
    let fixture = Fixture::new();
    fixture.calls.born(SessionKey::of_test(2));
    fixture.detach(1, 7, 10);
    fixture.detach(1, 8, 10);
    fixture.answer(2, 7, 11);
    fixture.answer(1, 9, 11);
    assert_eq!(fixture.heard(), [], "another session's, and another call's");
    fixture.answer(1, 7, 12);
    fixture.answer(1, 7, 13);
    assert_eq!(fixture.heard(), [(Outcome::Success, None, 12)], "once");
}

#[test]
fn a_call_that_two_layers_wait_for_ends_for_both() {
    let fixture = Fixture::new();
    fixture.detach(1, 7, 10);
    fixture.detach(1, 7, 10);
    fixture.answer(1, 7, 11);
    assert_eq!(fixture.heard().len(), 2);
}

#[test]
fn a_cancellation_ends_a_detached_call_or_is_noted() {
    let fixture = Fixture::new();
    let session = SessionKey::of_test(1);
    fixture.detach(1, 7, 10);
    fixture.calls.cancelled(session, &id(7), fixture.at(20));
    let cancelled = (Outcome::Cancelled, Some(Reason::Notification), 20);
    assert_eq!(fixture.heard(), [cancelled]);
    fixture.calls.cancelled(session, &id(8), fixture.at(20));
    assert!(fixture.is_cancelled(1, 8, 0));
    assert!(fixture.is_cancelled(1, 8, 0), "for each layer that asks");
    assert!(!fixture.is_cancelled(1, 9, 0));
    fixture.calls.forget_old(fixture.at(20 + 5 * 60));
    assert!(!fixture.is_cancelled(1, 8, 0), "for five minutes");
}

#[test]
fn a_cancellation_is_of_no_later_call_with_its_id() {
    let fixture = Fixture::new();
    let session = SessionKey::of_test(1);
    fixture.calls.cancelled(session, &id(8), fixture.at(20));
    assert!(fixture.is_cancelled(1, 8, 20));
    assert!(!fixture.is_cancelled(1, 8, 21));
    fixture.calls.cancelled(session, &id(8), fixture.at(30));
    assert!(fixture.is_cancelled(1, 8, 21), "it was cancelled, too");
    assert_eq!(fixture.calls.table().cancelled.len(), 1);
}

#[test]
fn of_several_calls_with_one_id_an_answer_ends_the_oldest() {
    let fixture = Fixture::new();
    fixture.detach_since(1, 7, 10, 1);
    fixture.detach_since(1, 7, 10, 2);
    fixture.answer(1, 7, 11);
    assert_eq!(fixture.heard(), [(Outcome::Success, None, 10)]);
    fixture.answer(1, 7, 12);
    assert_eq!(fixture.heard(), [(Outcome::Success, None, 10)]);
}

#[test]
fn strangers_sessions_leave_nothing() {
    let fixture = Fixture::new();
    let stranger = SessionKey::of_test(9);
    assert!(!fixture.calls.knows(stranger));
    fixture.calls.cancelled(stranger, &id(1), fixture.at(1));
    assert!(!fixture.is_cancelled(9, 1, 0));
}

#[test]
fn a_call_is_forgotten_after_five_minutes_or_for_newer_ones() {
    let fixture = Fixture::new();
    fixture.detach(1, 0, 10);
    fixture.calls.forget_old(fixture.at(10 + 5 * 60 - 1));
    assert_eq!(fixture.heard(), []);
    fixture.calls.forget_old(fixture.at(10 + 5 * 60));
    assert_eq!(fixture.heard(), [(Outcome::Detached, None, 10)], "as long as its exchange lasted");
    let most = MOST_CALLS as u64;
    for session in 0..=most {
        fixture.detach(session, 7, 400);
    }
    assert_eq!(fixture.heard().len(), 1, "the oldest made room");
    fixture.answer(0, 7, 401);
    assert_eq!(fixture.heard(), []);
    fixture.answer(most, 7, 401);
    assert_eq!(fixture.heard().len(), 1);
}

#[test]
fn a_session_that_leaves_many_calls_pushes_out_its_own() {
    let fixture = Fixture::new();
    let [busy, other] = [1, 2].map(SessionKey::of_test);
    fixture.calls.born(other);
    fixture.detach(2, 0, 1);
    fixture.calls.cancelled(other, &id(1), fixture.at(1));
    let most = MOST_OF_SESSION as u64;
    for number in 0..=most {
        fixture.detach(1, number, 2);
        fixture.calls.cancelled(busy, &id(1_000 + number), fixture.at(2));
    }
    assert_eq!(fixture.heard().len(), 1, "the first one, for the last");
    fixture.answer(1, 0, 3);
    assert_eq!(fixture.heard(), []);
    assert!(!fixture.is_cancelled(1, 1_000, 0));
    for number in 1..=most {
        fixture.answer(1, number, 3);
        assert!(fixture.is_cancelled(1, 1_000 + number, 0));
    }
    assert_eq!(fixture.heard().len(), MOST_OF_SESSION);
    fixture.answer(2, 0, 4);
    assert_eq!(fixture.heard().len(), 1, "the other's is still there");
    assert!(fixture.is_cancelled(2, 1, 0));
}

#[test]
fn the_end_of_a_session_or_of_the_layer_ends_its_calls() {
    let fixture = Fixture::new();
    fixture.calls.born(SessionKey::of_test(2));
    fixture.detach(1, 1, 1);
    fixture.detach(2, 1, 2);
    fixture.calls.ended(SessionKey::of_test(1));
    assert_eq!(fixture.heard(), [(Outcome::Detached, None, 1)]);
    assert!(!fixture.calls.knows(SessionKey::of_test(1)));
    let heard = Arc::clone(&fixture.heard);
    drop(fixture);
    assert_eq!(*heard.lock().unwrap(), [(Outcome::Detached, None, 2)]);
}

#[test]
fn sessions_are_bounded_and_the_oldest_go_first() {
    let fixture = Fixture::new();
    for number in 0..=MOST_SESSIONS as u64 {
        fixture.calls.born(SessionKey::of_test(number));
    }
    let kept = fixture.calls.table().born.len();
    assert!(kept <= MOST_SESSIONS, "{kept}");
    assert!(!fixture.calls.knows(SessionKey::of_test(0)));
    assert!(fixture.calls.knows(SessionKey::of_test(MOST_SESSIONS as u64)));
}
