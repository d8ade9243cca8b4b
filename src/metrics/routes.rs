//! The `path` label: admitted routes, in which identifiers are one.

use std::sync::OnceLock;

use super::{
    admission::{NameId, Names, Rules},
    labels::{LONGEST, Reason},
};
use crate::{
    error::{Error, Kind},
    exchange::{Route, TooLong, ends_in_wildcard, is_plain_path},
};

/// Routes that a store keeps, and how many of them it may learn.
///
/// A server has few MCP endpoints, usually one. More than four learned ones are rather a fallback
/// that answers everywhere, and then the paths are the clients' choice.
const RULES: Rules =
    Rules { what: "route", most: 32, most_learned: 4, listed: true, check: check_route };

#[derive(Debug)]
pub(super) struct Routes {
    names: Names,
    /// The first path that was found as it is: most servers have but one. It holds as long as no route has
    /// lost its place.
    likely: OnceLock<(Box<str>, NameId)>,
}

impl Routes {
    pub(super) fn new<'a>(
        configured: impl IntoIterator<Item = &'a str>,
        learn: bool,
    ) -> Result<Self, Error> {
        let rules = if learn { RULES } else { Rules { most_learned: 0, listed: false, ..RULES } };
        let configured: Vec<_> = configured.into_iter().collect();
        // No path could ever match it.
        if let Some(name) = configured.iter().find(|route| !route.starts_with('/')) {
            let why = "it must begin with a slash";
            return Err(Error::new(Kind::Name { what: RULES.what, name: (*name).to_owned(), why }));
        }
        Ok(Self { names: Names::new(rules, configured)?, likely: OnceLock::new() })
    }

    /// The number of a request's route: the path of its router that it has `matched`, else the route of
    /// its own path. One that `answered` a JSON-RPC request may be learned.
    #[inline]
    pub(super) fn of(
        &self,
        path: &str,
        matched: Option<&str>,
        answered: bool,
    ) -> Result<NameId, Reason> {
        match matched {
            None => self.admit(path, answered),
            Some(matched) => self.admit_matched(matched, path),
        }
    }

    /// A router's own paths need no proof, as what a server lists needs none. Where nothing is learned they
    /// have to be configured.
    fn admit_matched(&self, matched: &str, path: &str) -> Result<NameId, Reason> {
        let known = if ends_in_wildcard(matched) { self.admit(path, false).ok() } else { None };
        known.map_or_else(|| self.names.list(matched), Ok)
    }

    fn admit(&self, path: &str, answered: bool) -> Result<NameId, Reason> {
        match self.likely.get() {
            Some((likely, route)) if **likely == *path && !self.names.has_displaced() => Ok(*route),
            _ => self.look_up(path, answered),
        }
    }

    fn look_up(&self, path: &str, answered: bool) -> Result<NameId, Reason> {
        // The path as it is goes first: most are admitted so, and an operator may have configured
        // one that looks like an identifier.
        if let Ok(route) = self.names.admit(path, false) {
            self.likely.get_or_init(|| (path.into(), route));
            return Ok(route);
        }
        let route = Route::of(path, LONGEST).map_err(|TooLong| Reason::Length)?;
        self.names.admit(&route, answered)
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
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
    fn what_a_router_has_matched_needs_no_proof_and_makes_room_among_the_learned() {
        let routes = Routes::new([], true).unwrap();
        let user = routes.of("/users/ada", Some("/users/{name}"), false).unwrap();
        assert_eq!(routes.of("/users/bob", Some("/users/{name}"), false), Ok(user));
        assert_eq!(routes.of("/users/ada", None, false), Err(Reason::Unknown));
        let long = "/word".repeat(20);
        assert_eq!(routes.of("/", Some(&long), true), Err(Reason::Length));

        let routes = Routes::new([], true).unwrap();
        let learned = routes.of("/mcp", None, true).unwrap();
        for route in 0..32 {
            assert!(routes.of("/", Some(&format!("/route/{{{route}}}")), false).is_ok(), "{route}");
        }
        assert_eq!(routes.of("/mcp", None, true), Err(Reason::Cap), "{learned:?} made room");
        assert_eq!(routes.of("/", Some("/one/more"), true), Err(Reason::Cap));

        let routes = Routes::new(["/users/{name}"], false).unwrap();
        assert!(routes.of("/users/ada", Some("/users/{name}"), false).is_ok());
        assert_eq!(routes.of("/teams/red", Some("/teams/{name}"), true), Err(Reason::Unknown));
    }

    /// T29: a wildcard swallows literal routes.
    #[test]
    fn a_configured_route_says_more_than_the_wildcard_that_has_matched() {
        let routes = Routes::new(["/files/readme", "/files/{id}"], true).unwrap();
        let of = |path| routes.of(path, Some("/files/{*path}"), true).unwrap();
        let [readme, numbered, rest] = ["/files/readme", "/files/42", "/files/other"].map(of);
        assert_eq!(routes.of("/files/readme", None, false), Ok(readme));
        assert_eq!(routes.of("/files/7", None, false), Ok(numbered));
        assert_eq!(&*routes.names().all()[rest.index()], "/files/{*path}");
        // What a router has matched without one is what it is, whatever is configured.
        let exact = routes.of("/files/readme", Some("/files/{name}"), false).unwrap();
        assert_eq!(&*routes.names().all()[exact.index()], "/files/{name}");
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
