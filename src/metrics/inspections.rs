//! How far bodies were looked into, by direction and result.

use super::{
    cell::{Counters, Shards},
    labels::{ClosedSet, Direction},
};
use crate::exchange::Inspection;

#[derive(Debug)]
pub(super) struct Inspections(Counters);

impl Inspections {
    pub(super) fn new(shards: Shards) -> Self {
        Self(Counters::new(Direction::ALL.len() * Inspection::ALL.len(), shards))
    }

    pub(super) fn count(&self, direction: Direction, result: Inspection) {
        self.0.add(slot(direction, result), 1);
    }

    /// Every combination, zeros included: an alert on a rise needs the zero before.
    pub(super) fn all(&self) -> impl Iterator<Item = (Direction, Inspection, u64)> {
        let combinations = Direction::ALL.iter().flat_map(|&direction| {
            Inspection::ALL.into_iter().map(move |result| (direction, result))
        });
        combinations
            .map(|(direction, result)| (direction, result, self.0.get(slot(direction, result))))
    }
}

fn slot(direction: Direction, result: Inspection) -> usize {
    direction.index() * Inspection::ALL.len() + result as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_combination_has_its_own_count() {
        let inspections = Inspections::new(Shards::for_this_machine());
        let combinations: Vec<_> = inspections.all().collect();
        for (times, &(direction, result, _)) in combinations.iter().enumerate() {
            (0..times).for_each(|_| inspections.count(direction, result));
        }
        let counts: Vec<_> = inspections.all().map(|(_, _, count)| count).collect();
        assert_eq!(counts, (0..16).collect::<Vec<_>>());
    }
}
