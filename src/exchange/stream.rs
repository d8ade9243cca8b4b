//! Event streams: what they are for, and what they have carried.

use std::time::Duration;

use http::Method;

use crate::mcp::{self, Event, ResponseKind};

/// What an event stream is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StreamKind {
    /// It answers a `GET`: a server's messages of its own, or the rest of a stream that broke off.
    Get,
    /// It answers a message.
    PostSse,
    /// It answers `subscriptions/listen`.
    Listen,
}

impl StreamKind {
    pub(super) fn of(verb: &Method, message: Option<&mcp::Message>) -> Self {
        let method = message.and_then(|message| message.method);
        match method {
            _ if *verb == Method::GET => Self::Get,
            Some(mcp::Method::SubscriptionsListen) => Self::Listen,
            _ => Self::PostSse,
        }
    }

    /// Whether the stream stands for its own sake: it is decided when it opens (MCP 2025-11-25,
    /// Transports, listening for messages; MCP 2026-07-28, Subscriptions).
    pub(crate) fn stands(self) -> bool {
        matches!(self, Self::Get | Self::Listen)
    }
}

/// An event stream, at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) kind: StreamKind,
    pub(crate) counts: StreamCounts,
    /// From the request head to the first message.
    pub(crate) first_event: Option<Duration>,
}

/// What a stream can carry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum StreamEvent {
    /// A result or an error.
    Response,
    /// The server asks the client.
    Request,
    Notification,
    /// A notification of progress, which may come by the hundred.
    Progress,
    /// Keeps the connection alive.
    Comment,
    /// Empty data, with an id from which the stream can be resumed (MCP 2025-11-25, Transports, sending
    /// messages to the server).
    Priming,
}

impl StreamEvent {
    pub(crate) const COUNT: usize = 6;

    const ALL: [Self; Self::COUNT] = [
        Self::Response,
        Self::Request,
        Self::Notification,
        Self::Progress,
        Self::Comment,
        Self::Priming,
    ];

    /// `None` for what is no event of MCP.
    pub(super) fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Comment => Self::Comment,
            Event::Priming => Self::Priming,
            Event::Message(message) => match message.kind {
                ResponseKind::Result | ResponseKind::Error => Self::Response,
                ResponseKind::Request => Self::Request,
                ResponseKind::Notification
                    if message.method == Some(mcp::Method::NotificationsProgress) =>
                {
                    Self::Progress
                }
                ResponseKind::Notification => Self::Notification,
                ResponseKind::Unknown => return None,
            },
            Event::Invalid(_) => return None,
        })
    }
}

/// How often a stream has carried what, up to four billion.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct StreamCounts([u32; StreamEvent::COUNT]);

impl StreamCounts {
    pub(super) fn of(count: impl Fn(StreamEvent) -> u32) -> Self {
        Self(StreamEvent::ALL.map(count))
    }

    /// Counts one more, and gives the number there is now.
    pub(super) fn add(&mut self, event: StreamEvent) -> u32 {
        let count = &mut self.0[event as usize];
        *count = count.saturating_add(1);
        *count
    }

    pub(crate) fn get(&self, event: StreamEvent) -> u64 {
        self.0[event as usize].into()
    }

    /// All that is a message.
    pub(crate) fn messages(&self) -> u64 {
        let [responses, requests, notifications, progress, ..] = self.0.map(u64::from);
        responses + requests + notifications + progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_listed_at_their_index() {
        for (index, event) in StreamEvent::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, index);
        }
    }

    #[test]
    fn comments_and_priming_are_no_messages() {
        let mut counts = StreamCounts::default();
        for event in StreamEvent::ALL {
            counts.add(event);
        }
        assert_eq!(counts.add(StreamEvent::Progress), 2);
        assert_eq!(counts.messages(), 5);
        assert_eq!(counts.get(StreamEvent::Comment), 1);
    }
}
