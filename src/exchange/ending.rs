//! How an exchange ended, and which responses have no body.

use http::{Method, StatusCode};

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// The response went out whole.
    Complete,
    /// The response body returned an error.
    BodyError,
    /// The inner service returned an error: there was no head.
    ServiceError,
    /// The future was dropped before the head: the client left, or a layer outside gave up.
    Dropped,
    /// The body was dropped before its end.
    Aborted,
    /// The inner service or its body panicked.
    Panicked,
}

impl Ending {
    /// Whether the server is to blame.
    pub(super) fn is_failure(self) -> bool {
        matches!(self, Self::BodyError | Self::ServiceError | Self::Panicked)
    }
}

/// Whether a response is without a body whatever its body type says (RFC 9110, sections 6.4.1,
/// 9.3.2 and 9.3.6). A server drops such a body without polling it, so the exchange is complete
/// at the head.
#[inline]
pub(crate) fn has_no_body(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
        || (*method == Method::CONNECT && status.is_success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_without_a_body_are_known_by_method_and_status() {
        let none = |method: Method, status: u16| {
            has_no_body(&method, StatusCode::from_u16(status).unwrap())
        };
        assert!(none(Method::HEAD, 200));
        assert!(none(Method::GET, 101));
        assert!(none(Method::GET, 204));
        assert!(none(Method::GET, 304));
        assert!(none(Method::CONNECT, 200));
        assert!(!none(Method::CONNECT, 407));
        assert!(!none(Method::GET, 200));
        assert!(!none(Method::POST, 202));
    }
}
