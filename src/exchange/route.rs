//! Routes: paths in which every identifier is one.

use std::ops::Deref;

use smallvec::SmallVec;

/// The route of a path: the path, with `{id}` for each segment that looks like an identifier.
///
/// It is short, so it is kept without an allocation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Route(SmallVec<[u8; 128]>);

/// A route is longer than it may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooLong;

impl Route {
    /// The route of `path`, which may have `longest` bytes.
    pub(crate) fn of(path: &str, longest: usize) -> Result<Self, TooLong> {
        let mut route = Self(SmallVec::new());
        for (index, segment) in path.split('/').enumerate() {
            if index > 0 {
                route.push("/", longest)?;
            }
            route.push(if is_identifier(segment) { IDENTIFIER } else { segment }, longest)?;
        }
        Ok(route)
    }

    fn push(&mut self, text: &str, longest: usize) -> Result<(), TooLong> {
        if self.0.len() + text.len() > longest {
            return Err(TooLong);
        }
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Whether a path is one of plain characters, as the paths of servers are. Anything else was thought up
/// by a client.
pub(crate) fn is_plain_path(path: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'/' | b'_' | b'.' | b'-' | b'~' | b':' | b'{' | b'}')
    };
    path.starts_with('/') && path.bytes().all(fits)
}

impl Deref for Route {
    type Target = str;

    fn deref(&self) -> &str {
        // Only whole texts are pushed. Without `unsafe` the compiler must be shown again.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Whether a path of a router's ends in a wildcard, as `/files/{*path}` does. It says who answers, and
/// nothing of what was asked for.
pub(crate) fn ends_in_wildcard(matched: &str) -> bool {
    matched.rsplit('/').next().is_some_and(|last| last.starts_with("{*"))
}

/// Takes the place of a path segment that looks like an identifier.
const IDENTIFIER: &str = "{id}";

/// A segment that is longer is taken for an identifier, since words seldom are.
const LONGEST_WORD: usize = 20;

/// Whether a segment is rather a value than a word: long, escaped, or a number in base ten or
/// sixteen. A word that only happens to be hexadecimal, such as `feed`, has no digit.
fn is_identifier(segment: &str) -> bool {
    segment.len() > LONGEST_WORD
        || segment.contains('%')
        || (segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
            && segment.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_become_one_segment() {
        for (path, expected) in [
            ("/mcp", "/mcp"),
            ("/", "/"),
            ("", ""),
            ("/feed/cafe", "/feed/cafe"),
            ("/v1/mcp/", "/v1/mcp/"),
            ("/tenants/42/mcp", "/tenants/{id}/mcp"),
            ("/3f2a9c/mcp", "/{id}/mcp"),
            ("/t/0b5dc7a2-6f0e-4c8e-9a55-2f2f7c0ab111", "/t/{id}"),
            ("/t/0b5dc7a2-6f0e", "/t/{id}"),
            ("/caf%C3%A9/x", "/{id}/x"),
            ("/a-word-of-twenty-chr", "/a-word-of-twenty-chr"),
            ("/a-word-of-more-than-20", "/{id}"),
        ] {
            assert_eq!(Route::of(path, 128).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn a_route_is_measured_after_its_identifiers_are_one() {
        let long = format!("/t/{}", "7".repeat(500));
        assert_eq!(Route::of(&long, 7).as_deref(), Ok("/t/{id}"));
        assert_eq!(Route::of(&long, 6), Err(TooLong));
        assert_eq!(Route::of(&"/word".repeat(30), 128), Err(TooLong));
    }

    #[test]
    fn plain_routes_begin_with_a_slash_and_need_no_escape() {
        let plain = |path: &str| is_plain_path(&Route::of(path, 128).unwrap());
        assert!(plain("/mcp"));
        assert!(plain("/a_b.c-d~e:f/1/"));
        for path in ["", "*", "mcp", "/a b", "/a\"b", "/a;b=1", "/caf\u{e9}"] {
            assert!(!plain(path), "{path:?}");
        }
    }
}
