//! Which paths are shown.

use std::{ops::Deref, sync::OnceLock};

use crate::exchange::{Route, ends_in_wildcard, is_plain_path};

/// What is shown instead of what is not.
pub(super) const OTHER: &str = "_OTHER";

/// The routes that a server is known to have.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    /// In order, so that one is found without looking at all.
    configured: Vec<String>,
    /// Filled from the front. A server has few MCP endpoints, usually one. More are rather a fallback
    /// that answers everywhere, and then the paths are the clients' choice.
    learned: [OnceLock<Route>; 4],
}

/// The route of one exchange.
#[derive(Debug)]
pub(super) enum Shown<'a> {
    Kept(&'a str),
    OfPath(Route),
}

impl Routes {
    pub(super) fn configure(&mut self, routes: impl IntoIterator<Item = String>) {
        self.configured.extend(routes);
        self.configured.sort_unstable();
    }

    /// What is shown of a path, where JSON-RPC was `answered` or not: the path of the router's that has
    /// `matched`, if that is known.
    pub(super) fn show<'a>(
        &self,
        path: &'a str,
        matched: Option<&'a str>,
        answered: bool,
    ) -> Shown<'a> {
        let Some(matched) = matched else { return self.show_path(path, answered) };
        // A wildcard says who answers, and nothing of what was asked for.
        let known = ends_in_wildcard(matched).then(|| self.show_path(path, false));
        known.filter(|known| **known != *OTHER).unwrap_or(Shown::Kept(matched))
    }

    fn show_path<'a>(&self, path: &'a str, answered: bool) -> Shown<'a> {
        // The path as it is goes first: an operator may have configured one that looks like an
        // identifier.
        if self.is_configured(path) {
            return Shown::Kept(path);
        }
        match Route::of(path, LONGEST) {
            Ok(route) if self.is_configured(&route) || self.knows(&route, answered) => {
                Shown::OfPath(route)
            }
            _ => Shown::Kept(OTHER),
        }
    }

    fn is_configured(&self, route: &str) -> bool {
        self.configured.binary_search_by(|known| known.as_str().cmp(route)).is_ok()
    }

    /// Whether JSON-RPC is spoken on a route. One where it was `answered` just now is learned, if
    /// there is room.
    fn knows(&self, route: &Route, answered: bool) -> bool {
        let is_learned = |slot: &OnceLock<Route>| {
            let known =
                if answered { Some(slot.get_or_init(|| route.clone())) } else { slot.get() };
            known == Some(route)
        };
        (!answered || is_plain_path(route)) && (self.learned.iter().any(is_learned) || answered)
    }
}

/// The longest route that is shown, in bytes. Configured ones may be longer.
const LONGEST: usize = 128;

impl Deref for Shown<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Kept(kept) => kept,
            Self::OfPath(route) => route,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_shown_once_json_rpc_was_spoken_there() {
        let routes = Routes::default();
        assert_eq!(&*routes.show("/mcp", None, false), OTHER);
        assert_eq!(&*routes.show("/mcp", None, true), "/mcp");
        assert_eq!(&*routes.show("/mcp", None, false), "/mcp");
        assert_eq!(&*routes.show("/t/42/mcp", None, true), "/t/{id}/mcp");
        assert_eq!(&*routes.show("/t/43/mcp", None, false), "/t/{id}/mcp");
    }

    #[test]
    fn four_routes_are_learned_and_a_fifth_is_shown_where_it_was_answered() {
        let routes = Routes::default();
        for path in ["/a", "/b", "/c", "/d", "/e"] {
            assert_eq!(&*routes.show(path, None, true), path);
        }
        assert_eq!(&*routes.show("/d", None, false), "/d");
        assert_eq!(&*routes.show("/e", None, false), OTHER);
    }

    #[test]
    fn configured_routes_match_as_they_are_and_by_their_identifiers() {
        let mut routes = Routes::default();
        routes.configure(["/users/{id}", "/2024"].map(String::from));
        routes.configure(["/mcp".to_owned()]);
        assert_eq!(&*routes.show("/users/12345", None, false), "/users/{id}");
        assert_eq!(&*routes.show("/2024", None, false), "/2024");
        assert_eq!(&*routes.show("/mcp", None, false), "/mcp");
        assert_eq!(&*routes.show("/2025", None, false), OTHER);
    }

    /// T29: a wildcard swallows literal routes.
    #[test]
    fn what_a_router_has_matched_goes_first_but_for_a_wildcard_that_says_less() {
        let mut routes = Routes::default();
        routes.configure(["/files/readme".to_owned()]);
        for (path, matched, shown) in [
            ("/users/ada", "/users/{name}", "/users/{name}"),
            ("/files/readme", "/files/{name}", "/files/{name}"),
            ("/files/readme", "/files/{*path}", "/files/readme"),
            ("/files/other", "/files/{*path}", "/files/{*path}"),
        ] {
            assert_eq!(&*routes.show(path, Some(matched), true), shown, "{path} {matched}");
        }
        assert_eq!(&*routes.show("/users/ada", None, false), OTHER, "nothing was learned");
    }

    #[test]
    fn what_is_no_plain_or_short_path_is_other_even_where_it_was_answered() {
        let routes = Routes::default();
        for path in ["", "*", "/a b", "/caf\u{e9}", &"/word".repeat(26)] {
            assert_eq!(&*routes.show(path, None, true), OTHER, "{path}");
        }
        assert_eq!(&*routes.show(&"/word".repeat(25), None, true), "/word".repeat(25));
    }
}
