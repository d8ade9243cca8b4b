//! Attempts to authenticate, by kind of credentials and result.

use super::{
    cell::{Counters, Shards},
    labels::{AuthFailure, AuthKind, ClosedSet},
};

/// How an attempt went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AuthResult {
    Success,
    /// Without a reason if a handler told of it, who gives none.
    Failure(Option<AuthFailure>),
}

impl AuthResult {
    pub(super) const COUNT: usize = AuthFailure::ALL.len() + 2;

    fn all() -> impl Iterator<Item = Self> {
        let failures = AuthFailure::ALL.iter().map(|&reason| Self::Failure(Some(reason)));
        [Self::Success, Self::Failure(None)].into_iter().chain(failures)
    }

    fn index(self) -> usize {
        match self {
            Self::Success => 0,
            Self::Failure(None) => 1,
            Self::Failure(Some(reason)) => reason.index() + 2,
        }
    }

    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure(_) => "failure",
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Failure(Some(reason)) => reason.as_str(),
            Self::Success | Self::Failure(None) => "",
        }
    }
}

#[derive(Debug)]
pub(super) struct AuthAttempts(Counters);

impl AuthAttempts {
    pub(super) fn new(shards: Shards) -> Self {
        Self(Counters::new(AuthKind::ALL.len() * AuthResult::COUNT, shards))
    }

    pub(super) fn count(&self, kind: AuthKind, result: AuthResult) {
        self.0.add(slot(kind, result), 1);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (AuthKind, AuthResult, u64)> {
        let combinations = AuthKind::ALL
            .iter()
            .flat_map(|&kind| AuthResult::all().map(move |result| (kind, result)));
        combinations.map(|(kind, result)| (kind, result, self.0.get(slot(kind, result))))
    }
}

fn slot(kind: AuthKind, result: AuthResult) -> usize {
    kind.index() * AuthResult::COUNT + result.index()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_combination_has_its_own_count() {
        let attempts = AuthAttempts::new(Shards::for_this_machine());
        let combinations: Vec<_> = attempts.all().collect();
        for (times, &(kind, result, _)) in combinations.iter().enumerate() {
            (0..times).for_each(|_| attempts.count(kind, result));
        }
        let counts: Vec<_> = attempts.all().map(|(_, _, count)| count).collect();
        assert_eq!(counts, (0..combinations.len() as u64).collect::<Vec<_>>());
    }
}
