//! What the layer tells the store: operations, exchanges, and what the wire shows beside them.

use std::time::Duration;

use http::{Method as HttpVerb, Version};

use super::{
    clients::ClientId,
    labels::{CancelCause, OTHER},
};
use crate::{
    exchange::{Component, Outcome, Reason},
    mcp::{Message, MessageKind, Method, Revision},
};

/// One JSON-RPC message that was served, or an exchange without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation<'a> {
    pub(crate) method: MethodLabel,
    pub(crate) target: Target<'a>,
    /// Whether a success admits the name of the target. One that only a header tells may be made up.
    pub(crate) proves: bool,
    pub(crate) outcome: Outcome,
    /// The code of a JSON-RPC error.
    pub(crate) code: Option<i64>,
    /// Where an error showed. `None` leaves the operation out of the errors.
    pub(crate) component: Option<Component>,
    pub(crate) revision: Option<Revision>,
    /// `None` counts the operation without a latency sample.
    pub(crate) duration: Option<Duration>,
    /// Why it failed, as a span says it. Only the families of conventions show it.
    pub(crate) reason: Option<Reason>,
    /// What cut it short.
    pub(crate) cancelled: Option<CancelCause>,
    /// Who asked, if that is known.
    pub(crate) client: ClientId,
    /// The bytes of a tool call's `arguments`, if they were read to their end.
    pub(crate) arguments_bytes: Option<u64>,
    /// The bytes of a tool call's `result`, if it was read to its end.
    pub(crate) result_bytes: Option<u64>,
    /// Of HTTP. Only the families of conventions show it.
    pub(crate) version: Version,
}

/// The `mcp_method` label.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum MethodLabel {
    /// An exchange without a JSON-RPC message.
    None,
    /// A client's answer to a request of the server.
    Response,
    /// A method of the protocol, or [`Method::Other`].
    Known(Method),
}

impl MethodLabel {
    pub(super) fn of(message: &Message) -> Self {
        match (message.kind, message.method) {
            (MessageKind::Response, _) => Self::Response,
            (_, Some(method)) => Self::Known(method),
            (_, None) => Self::None,
        }
    }

    pub(super) const COUNT: usize = Method::ALL.len() + 2;

    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::None, Self::Response].into_iter().chain(Method::ALL.iter().copied().map(Self::Known))
    }

    pub(super) fn index(self) -> usize {
        match self {
            Self::None => 0,
            Self::Response => 1,
            Self::Known(method) => method as usize + 2,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Response => "response",
            Self::Known(Method::Other) => OTHER,
            Self::Known(method) => method.as_str(),
        }
    }
}

/// What a message is about, in the client's words. They are UTF-8, and are not asked again whether they
/// are: that costs as much as to look a name up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    None,
    Tool(&'a [u8]),
    Prompt(&'a [u8]),
    /// A resource's URI.
    Resource(&'a [u8]),
}

/// One HTTP exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpExchange<'a> {
    pub(crate) method: &'a HttpVerb,
    pub(crate) path: &'a str,
    /// The path of the router's that has matched, if that is to be shown.
    pub(crate) matched: Option<&'a str>,
    pub(crate) status: u16,
    /// `None` counts the exchange without a latency sample.
    pub(crate) duration: Option<Duration>,
    /// Whether a JSON-RPC request was answered here by JSON-RPC, which admits the route.
    pub(crate) answered: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_label_has_an_index_and_a_text_of_its_own() {
        let all: Vec<_> = MethodLabel::all().collect();
        assert_eq!(all.len(), MethodLabel::COUNT);
        for (index, label) in all.iter().enumerate() {
            assert_eq!(label.index(), index, "{label:?}");
            let same = all.iter().filter(|other| other.as_str() == label.as_str());
            assert_eq!(same.count(), 1, "{label:?}");
        }
    }
}
