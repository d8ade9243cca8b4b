//! The `path` label: admitted routes, in which identifiers are one.

use smallvec::SmallVec;

use super::{
    admission::{NameId, Names, Rules},
    labels::{LONGEST, Reason},
};
use crate::error::{Error, Kind};

/// Takes the place of a path segment that looks like an identifier.
const IDENTIFIER: &str = "{id}";

/// A segment that is longer is taken for an identifier, since words seldom are.
const LONGEST_WORD: usize = 20;

/// Routes that a store keeps, and how many of them it may learn.
///
/// A server has few MCP endpoints, usually one. More than four learned ones are rather a fallback
/// that answers everywhere, and then the paths are the clients' choice.
const RULES: Rules = Rules { what: "route", most: 32, most_learned: 4, check: check_route };

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
        match template(path)? {
            Some(route) => self.0.admit(&route, answered),
            None => self.0.admit(path, answered),
        }
    }

    pub(super) fn names(&self) -> &Names {
        &self.0
    }
}

/// The route of a path: the path with each identifier replaced. `None` if it has none.
fn template(path: &str) -> Result<Option<Route>, Reason> {
    if !path.split('/').any(is_identifier) {
        return Ok(None);
    }
    let mut route = Route(SmallVec::new());
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            route.push("/")?;
        }
        route.push(if is_identifier(segment) { IDENTIFIER } else { segment })?;
    }
    Ok(Some(route))
}

/// A short text without an allocation.
struct Route(SmallVec<[u8; LONGEST]>);

impl Route {
    fn push(&mut self, text: &str) -> Result<(), Reason> {
        if self.0.len() + text.len() > LONGEST {
            return Err(Reason::Length);
        }
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl std::ops::Deref for Route {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only whole texts are pushed")
    }
}

/// Whether a segment is rather a value than a word: long, escaped, or a number in base ten or
/// sixteen. A word that only happens to be hexadecimal, such as `feed`, has no digit.
fn is_identifier(segment: &str) -> bool {
    segment.len() > LONGEST_WORD
        || segment.contains('%')
        || (segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
            && segment.bytes().any(|byte| byte.is_ascii_digit()))
}

/// A route that may be learned: a path of plain characters.
fn check_route(route: &str) -> Result<(), Reason> {
    if !(1..=LONGEST).contains(&route.len()) {
        return Err(Reason::Length);
    }
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'/' | b'_' | b'.' | b'-' | b'~' | b':' | b'{' | b'}')
    };
    if route.starts_with('/') && route.bytes().all(fits) { Ok(()) } else { Err(Reason::Charset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_become_one_segment() {
        let route = |path: &str| {
            template(path).unwrap().map_or_else(|| path.to_owned(), |route| route.to_owned())
        };
        for (path, expected) in [
            ("/mcp", "/mcp"),
            ("/", "/"),
            ("/feed/cafe", "/feed/cafe"),
            ("/v1/mcp", "/v1/mcp"),
            ("/tenants/42/mcp", "/tenants/{id}/mcp"),
            ("/3f2a9c/mcp", "/{id}/mcp"),
            ("/t/0b5dc7a2-6f0e-4c8e-9a55-2f2f7c0ab111", "/t/{id}"),
            ("/t/0b5dc7a2-6f0e", "/t/{id}"),
            ("/caf%C3%A9/x", "/{id}/x"),
            ("/a-word-of-twenty-chr", "/a-word-of-twenty-chr"),
            ("/a-word-of-more-than-20", "/{id}"),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

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
