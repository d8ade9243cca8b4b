//! The path of its router by which a request was matched.

use http::Extensions;

/// The path of axum's router that has matched: `/users/{id}` for `/users/42`.
///
/// It is the server's own text, and there are as many as its routers have routes.
#[derive(Clone, Debug)]
pub(super) struct MatchedPath(Inner);

#[cfg(feature = "axum")]
type Inner = axum::extract::MatchedPath;

/// Without the feature there is none.
#[cfg(not(feature = "axum"))]
#[derive(Clone, Debug)]
enum Inner {}

impl MatchedPath {
    /// What a router further out has left in the extensions of a request.
    pub(super) fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().cloned().map(Self)
    }

    pub(super) fn as_str(&self) -> &str {
        #[cfg(feature = "axum")]
        return self.0.as_str();
        #[cfg(not(feature = "axum"))]
        match self.0 {}
    }
}
