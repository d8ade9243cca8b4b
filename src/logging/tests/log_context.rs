use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, Waker},
};

use serde_json::{Value, json};
use tracing::info;

use super::capture::{json_line, json_lines};
use crate::{
    context::testing::serve,
    logging::{LogContext, context},
};

#[test]
fn lines_carry_the_ids_and_fields_until_the_guard_is_dropped() {
    let lines = json_lines(|| {
        let entered = context(Some("job-7"), Some("cron"), &[("queue", "mail")]).enter();
        info!(n = 1, "inside");
        drop(entered);
        info!("outside");
    });
    assert_eq!((&lines[0]["request_id"], &lines[0]["user_id"]), (&json!("job-7"), &json!("cron")));
    assert_eq!(lines[0]["extra"], json!({ "n": 1, "queue": "mail" }));
    assert_eq!((lines[1].get("request_id"), lines[1].get("extra")), (None, None));
}

#[test]
fn of_nested_contexts_the_inner_one_wins_field_by_field() {
    let line = json_line(|| {
        let inner = context(None, Some("inner"), &[("a", "inner"), ("b", "inner")]);
        let outer = context(Some("outer"), Some("outer"), &[("b", "outer"), ("c", "outer")]);
        let _outer = outer.enter();
        let _inner = inner.enter();
        info!(a = "event", "inside");
    });
    assert_eq!((&line["request_id"], &line["user_id"]), (&json!("outer"), &json!("inner")));
    assert_eq!(line["extra"], json!({ "a": "event", "b": "inner", "c": "outer" }));
}

#[test]
fn of_pairs_with_one_name_the_last_counts() {
    let line = json_line(|| {
        let _entered = context(None, None, &[("a", "1"), ("b", "2"), ("a", "3")]).enter();
        info!("inside");
    });
    assert_eq!(line["extra"], json!({ "a": "3", "b": "2" }));
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    let ids = ids_of(|| {
        let first = context(Some("first"), None, &[]).enter();
        let second = context(Some("second"), None, &[]).enter();
        drop(first);
        info!("in the second");
        drop(second);
        info!("in none");
    });
    assert_eq!(ids, [json!("second"), Value::Null]);
}

#[test]
fn a_context_and_an_exchange_nest_as_they_were_entered() {
    let ids = ids_of(|| {
        let _around = context(Some("around"), None, &[]).enter();
        let _serving = serve("exchange");
        info!("an exchange inside of a context");
        let _inside = context(Some("inside"), None, &[]).enter();
        info!("a context inside of the exchange");
    });
    assert_eq!(ids, [json!("exchange"), json!("inside")]);
}

#[test]
fn a_context_of_a_request_keeps_the_other_ids() {
    let line = json_line(|| {
        let _serving = serve("exchange");
        let _inside = context(None, Some("ada"), &[]).enter();
        info!("inside");
    });
    assert_eq!((&line["request_id"], &line["user_id"]), (&json!("exchange"), &json!("ada")));
    assert_eq!(line["span_id"], "00f067aa0ba902b7");
}

#[test]
fn a_future_is_in_its_context_at_each_poll_and_in_between_nobody_is() {
    let ids = ids_of(|| {
        let mut polls = 0;
        let mut future = pin!(context(Some("job-8"), None, &[]).scope(poll_fn(move |_| {
            info!("polled");
            polls += 1;
            if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
        })));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(cx).is_pending());
        info!("in between");
        assert!(future.as_mut().poll(cx).is_ready());
    });
    assert_eq!(ids, [json!("job-8"), Value::Null, json!("job-8")]);
}

#[test]
fn a_future_is_in_its_context_when_it_is_dropped() {
    struct Farewell;
    impl Drop for Farewell {
        fn drop(&mut self) {
            info!("dropped");
        }
    }
    let ids = ids_of(|| {
        let farewell = Farewell;
        drop(context(Some("job-9"), None, &[]).scope(async move {
            let _farewell = farewell;
            std::future::pending::<()>().await;
        }));
    });
    assert_eq!(ids, [json!("job-9")]);
}

#[test]
fn a_panic_leaves_the_context() {
    let ids = ids_of(|| {
        std::panic::catch_unwind(|| {
            let _entered = context(Some("job-10"), None, &[]).enter();
            panic!("in the job");
        })
        .unwrap_err();
        info!("afterwards");
    });
    assert_eq!(ids, [Value::Null]);
}

#[test]
fn a_scoped_future_of_a_task_can_change_threads() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    let job: LogContext = context(None, None, &[]);
    check(&job);
    check(&job.scope(async {}));
}

fn ids_of(work: impl FnOnce()) -> Vec<Value> {
    json_lines(work).into_iter().map(|mut line| line["request_id"].take()).collect()
}
