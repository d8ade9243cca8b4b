//! The `path` label: admitted routes, in which identifiers are one.

use super::{
    admission::{NameId, Names, Rules},
    labels::{LONGEST, Reason},
};
use crate::{
    error::{Error, Kind},
    exchange::{Route, TooLong, is_plain_path},
};

/// Routes that a store keeps, and how many of them it may learn.
///
/// A server has few MCP endpoints, usually one. More than four learned ones are rather a fallback
/// that answers everywhere, and then the paths are the clients' choice.
const RULES: Rules =
    Rules { what: "route", most: 32, most_learned: 4, listed: false, check: check_route };

#[derive(Debug)]
pub(super) struct Routes(Names);

impl Routes {
    pub(super) fn new<'a>(
        configured: impl IntoIterator<Item = &'a str>,
        learn: bool,
    ) -> Result<Self, Error> {
        let rules = if learn { RULES } else { Rules { most_learned: 0, ..RULES } };
        let configured: Vec<_> = configured.into_iter().collect();
        // No path could ever match it.
        if let Some(name) = configured.iter().find(|route| !route.starts_with('/')) {
            let why = "it must begin with a slash";
            return Err(Error::new(Kind::Name { what: RULES.what, name: (*name).to_owned(), why }));
        }
        Names::new(rules, configured).map(Self)
    }

    /// The number of a path's route. One that `answered` a JSON-RPC request may be learned.
    pub(super) fn admit(&self, path: &str, answered: bool) -> Result<NameId, Reason> {
        // The path as it is goes first: most are admitted so, and an operator may have configured
        // one that looks like an identifier.
        if let Ok(route) = self.0.admit(path, false) {
            return Ok(route);
        }
        let route = Route::of(path, LONGEST).map_err(|TooLong| Reason::Length)?;
        self.0.admit(&route, answered)
    }

    pub(super) fn names(&self) -> &Names {
        &self.0
    }
}

/// A route that may be learned: a path of plain characters.
fn check_route(route: &str) -> Result<(), Reason> {
    if !(1..=LONGEST).contains(&route.len()) {
        return Err(Reason::Length);
    }
    if is_plain_path(route) { Ok(()) } else { Err(Reason::Charset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_learned_by_an_answer_and_at_most_four_are() {
        let routes = Routes::new([], true).unwrap();
        assert_eq!(routes.admit("/mcp", false), Err(Reason::Unknown));
        let mcp = routes.admit("/mcp", true).unwrap();
        assert_eq!(routes.admit("/mcp", false), Ok(mcp));
        let tenant = routes.admit("/t/1/mcp", true).unwrap();
        assert_eq!(routes.admit("/t/2/mcp", false), Ok(tenant));
        routes.admit("/x", true).unwrap();
        routes.admit("/y", true).unwrap();
        assert_eq!(routes.admit("/z", true), Err(Reason::Cap));
        assert_eq!(routes.admit("/a b", true), Err(Reason::Charset));
        assert_eq!(routes.admit("*", true), Err(Reason::Charset));
        assert_eq!(routes.admit(&"/word".repeat(20), true), Err(Reason::Length));
        assert_eq!(routes.admit(&"/1".repeat(40), true), Err(Reason::Length));
    }

    #[test]
    fn configured_routes_match_as_they_are_and_by_their_identifiers() {
        let routes = Routes::new(["/users/{id}", "/users/{name}/x", "/2024"], false).unwrap();
        let users = routes.admit("/users/{id}", false).unwrap();
        assert_eq!(routes.admit("/users/12345", false), Ok(users));
        assert!(routes.admit("/users/{name}/x", false).is_ok());
        assert!(routes.admit("/2024", false).is_ok());
        assert_eq!(routes.admit("/mcp", true), Err(Reason::Unknown));
    }
}
