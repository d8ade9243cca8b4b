//! What signals are told at the end: how an operation was decided, and how its exchange ended.

use std::{sync::Arc, time::Duration};

use http::StatusCode;

use super::{
    grpc::GrpcStatus,
    media::Inspection,
    outcome::{Component, Outcome, Reason},
    record::{Exchange, Told, ToldClient},
    stream::{Stream, StreamKind},
};
use crate::mcp::{Client, Message, Method, ResponseMessage, Revision, Text};

/// How an operation was decided.
#[derive(Debug)]
pub struct Settlement<'a> {
    pub(crate) exchange: &'a Arc<Exchange>,
    /// The message that asked for it, as far as it is known.
    pub(crate) message: Option<&'a Message>,
    /// Which of the exchange's operations it is. 0 for the exchange as a whole.
    pub(crate) index: usize,
    /// The status of the response head, if one was sent.
    pub(crate) status: Option<StatusCode>,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<Reason>,
    /// The answer, if one was seen.
    pub(crate) answer: Option<&'a ResponseMessage>,
    /// The status of a gRPC call, if it has ended.
    pub(crate) grpc: Option<GrpcStatus>,
    /// The response is an event stream.
    pub(crate) stream: Option<StreamKind>,
    /// From the request head to the answer; to the head, for a standing stream.
    pub(crate) duration: Duration,
    /// The response says that it is not to be counted.
    pub(crate) not_counted: bool,
    /// What the handler has told of it.
    pub(crate) told: &'a Told,
}

/// A client, by its own words or by a handler's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientName<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: Option<&'a str>,
}

impl<'a> Settlement<'a> {
    pub(crate) fn method(&self) -> Option<Method> {
        self.message?.method
    }

    /// The tool, prompt, resource or task that the message is about. A handler knows best which tool it
    /// is. It is UTF-8.
    pub(crate) fn target(&self) -> Option<&'a [u8]> {
        let told = self.told_tool().map(str::as_bytes);
        told.or_else(|| self.message?.target.as_ref().map(Text::as_bytes))
    }

    /// Whether the target is more than a header's word, which nobody may have compared with the body, and
    /// was not said twice: a server may have read the other one.
    pub(crate) fn is_target_certain(&self) -> bool {
        let read = matches!(self.exchange.request(), Some(Ok(request)) if !request.duplicate_keys);
        read || self.told_tool().is_some()
    }

    /// The tool that a handler has named. Of a batch nobody knows which call it meant.
    fn told_tool(&self) -> Option<&'a str> {
        let is_one_call = self.method() == Some(Method::ToolsCall) && !self.exchange.is_batch();
        self.told.tool.as_deref().filter(|_| is_one_call)
    }

    /// Who the client is, if the handler or the message says so.
    pub(crate) fn client(&self) -> Option<ClientName<'a>> {
        if let Some(told) = &self.told.client {
            return Some((&**told).into());
        }
        self.message?.client.as_deref().map(ClientName::from)
    }

    /// The revision that the operation speaks: the one that an `initialize` agrees on, else the one in
    /// the message, else the one in the head, else the one that has no header yet (MCP 2025-11-25,
    /// Transports, protocol version header). `None` for what is no message.
    pub(crate) fn revision(&self) -> Option<Revision> {
        let message = self.message?;
        if message.method == Some(Method::Initialize) {
            let agreed = self.answer.and_then(|answer| answer.protocol_version);
            return agreed.or(message.requested_version);
        }
        if self.exchange.head().is_grpc() {
            return None;
        }
        let named = message.revision.or(self.exchange.head().revision());
        Some(named.unwrap_or(Revision::V2025_03_26))
    }

    /// The code of a JSON-RPC error.
    pub(crate) fn code(&self) -> Option<i64> {
        let beside = || self.grpc.and_then(GrpcStatus::mcp_code);
        self.answer.and_then(|answer| answer.error_code).or_else(beside)
    }

    /// Where the error showed, if the operation failed.
    pub(crate) fn component(&self) -> Option<Component> {
        Component::of(self.outcome, self.status, self.answer.is_some())
    }
}

impl<'a> From<&'a Client> for ClientName<'a> {
    fn from(client: &'a Client) -> Self {
        Self { name: client.name.as_str(), version: client.version.as_ref().map(Text::as_str) }
    }
}

impl<'a> From<&'a ToldClient> for ClientName<'a> {
    fn from(client: &'a ToldClient) -> Self {
        Self { name: &client.name, version: client.version.as_deref() }
    }
}

/// How an exchange ended.
#[derive(Debug)]
pub struct Closing<'a> {
    pub(crate) exchange: &'a Exchange,
    /// From the request head to the end of the exchange.
    pub(crate) duration: Duration,
    /// The inner service or the body of its response failed, or panicked.
    pub(crate) broken: bool,
    /// Bytes of the response body that were handed to the server.
    pub(crate) bytes_out: u64,
    /// What an event stream carried.
    pub(crate) stream: Option<Stream>,
    /// How far the request body was read, by this layer or another one, if there can be a message.
    pub(crate) request: Option<Inspection>,
    /// How far the response body was read, if an answer could be expected in it.
    pub(crate) response: Option<Inspection>,
}
