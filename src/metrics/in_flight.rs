//! How many operations are being served, by method.

use super::{
    cell::{Counters, Shards},
    operation::MethodLabel,
};

/// Operations that were entered and not yet left.
///
/// Both are counted, since one number that goes up on one thread and down on another would show
/// values below zero to a reader in between. Having been entered is also what makes a series
/// appear.
///
/// All begin without a method. One that gets to know its method moves there, which is one count: all that
/// were entered with a method have left the others.
#[derive(Debug)]
pub(crate) struct InFlight(Counters);

impl InFlight {
    pub(super) fn new(shards: Shards) -> Self {
        Self(Counters::new(2 * MethodLabel::COUNT, shards))
    }

    /// Counts an operation that begins, under [`MethodLabel::None`]. Each call of this needs one of
    /// [`leave`](Self::leave).
    pub(crate) fn enter(&self) {
        self.0.add(entered(MethodLabel::None), 1);
    }

    /// Counts an operation that was entered under the method that it turns out to have. Once for each.
    pub(crate) fn know(&self, method: MethodLabel) {
        if method != MethodLabel::None {
            self.0.add(entered(method), 1);
        }
    }

    /// Counts an operation that ends, under the method that was known of it.
    pub(crate) fn leave(&self, method: MethodLabel) {
        self.0.add(left(method), 1);
    }

    /// How many operations of `method` there are now; `None` if there never was one.
    pub(super) fn get(&self, method: MethodLabel) -> Option<u64> {
        // In this order: what is entered and left in between cannot make the difference negative.
        let left = self.0.get(left(method));
        let others = MethodLabel::all().filter(|other| *other != MethodLabel::None);
        let moved: u64 = match method {
            MethodLabel::None => others.map(|other| self.0.get(entered(other))).sum(),
            _ => 0,
        };
        let entered = self.0.get(entered(method));
        (entered > 0).then(|| entered.saturating_sub(left + moved))
    }
}

fn entered(method: MethodLabel) -> usize {
    2 * method.index()
}

fn left(method: MethodLabel) -> usize {
    2 * method.index() + 1
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::mcp::Method;

    #[test]
    fn goes_up_on_one_thread_and_down_on_another() {
        let in_flight = InFlight::new(Shards::for_this_machine());
        let (call, ping) =
            (MethodLabel::Known(Method::ToolsCall), MethodLabel::Known(Method::Ping));
        let none = MethodLabel::None;
        assert_eq!((in_flight.get(none), in_flight.get(call)), (None, None));
        for _ in 0..3 {
            in_flight.enter();
        }
        in_flight.know(none);
        assert_eq!((in_flight.get(none), in_flight.get(call)), (Some(3), None));
        in_flight.know(call);
        in_flight.know(call);
        assert_eq!((in_flight.get(none), in_flight.get(call)), (Some(1), Some(2)));
        thread::scope(|scope| {
            scope.spawn(|| in_flight.leave(call));
            scope.spawn(|| in_flight.leave(call));
        });
        assert_eq!((in_flight.get(none), in_flight.get(call)), (Some(1), Some(0)));
        in_flight.leave(none);
        assert_eq!(in_flight.get(none), Some(0));
        assert_eq!(in_flight.get(ping), None);
    }
}
