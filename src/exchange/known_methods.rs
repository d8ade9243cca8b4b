//! The HTTP methods that are shown by name.

use std::sync::{Arc, LazyLock};

use http::Method;

/// HTTP methods that are known by name; any other is `_OTHER`. They are case-sensitive (RFC 9110, section
/// 9.1).
#[derive(Clone, Debug)]
pub(crate) struct KnownMethods(Arc<[Method]>);

impl KnownMethods {
    /// Each method counts once.
    pub(crate) fn new(methods: impl IntoIterator<Item = Method>) -> Self {
        let mut known = Vec::new();
        for method in methods {
            if !known.contains(&method) {
                known.push(method);
            }
        }
        Self(known.into())
    }

    /// Which of them a method is, if it is one.
    #[inline]
    pub(crate) fn find(&self, method: &Method) -> Option<usize> {
        self.0.iter().position(|known| known == method)
    }

    pub(crate) fn knows(&self, method: &Method) -> bool {
        self.0.contains(method)
    }

    /// All of them, without repetition.
    pub(crate) fn all(&self) -> &[Method] {
        &self.0
    }
}

/// The methods of the OpenTelemetry conventions for HTTP, `http.request.method`: those of RFC 9110, PATCH
/// (RFC 5789) and QUERY (a draft of the HTTP working group). First the one that nearly all requests of MCP
/// have.
impl Default for KnownMethods {
    fn default() -> Self {
        static DEFAULT: LazyLock<KnownMethods> = LazyLock::new(|| {
            let query = Method::from_bytes(b"QUERY").expect("it is a token");
            KnownMethods::new([
                Method::POST,
                Method::GET,
                Method::DELETE,
                Method::OPTIONS,
                Method::HEAD,
                Method::PUT,
                Method::PATCH,
                Method::CONNECT,
                Method::TRACE,
                query,
            ])
        });
        DEFAULT.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(name: &str) -> Method {
        name.parse().unwrap()
    }

    #[test]
    fn the_default_list_is_that_of_the_conventions() {
        let known = KnownMethods::default();
        let list = "CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE";
        let mut names: Vec<_> = known.all().iter().map(Method::as_str).collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), list);
        for name in ["post", "Get", "PROPFIND", "_OTHER"] {
            assert!(!known.knows(&method(name)), "{name}");
        }
    }

    #[test]
    fn a_list_takes_the_place_of_the_default() {
        let purge = method("PURGE");
        let known = KnownMethods::new([Method::GET, purge.clone(), Method::GET]);
        assert_eq!(known.all().len(), 2);
        assert_eq!(known.find(&purge), Some(1));
        assert_eq!(known.find(&Method::POST), None);
    }
}
