//! One JSON document of a response: the whole body, or the data of one event.

use super::read::MessageReader;
use super::{Event, Unreadable};
use crate::mcp::scan::Scanner;

pub(super) struct Document {
    scanner: Scanner<MessageReader>,
    messages: MessageReader,
    told_end: bool,
    told_error: bool,
}

impl Document {
    pub(super) fn new() -> Self {
        Self {
            scanner: Scanner::new(),
            messages: MessageReader::new(),
            told_end: false,
            told_error: false,
        }
    }

    /// Begins another document.
    pub(super) fn restart(&mut self) {
        self.scanner.restart();
        self.messages = MessageReader::new();
        self.told_end = false;
        self.told_error = false;
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.scanner.feed(bytes, &mut self.messages);
    }

    /// Tells what is known of a document that may not have ended yet: its messages as soon as the
    /// last bracket is closed, then what follows and should not.
    pub(super) fn tell(&mut self, on: &mut impl FnMut(Event)) {
        let error = self.scanner.error();
        if self.scanner.is_complete() || error == Some(Unreadable::Trailing) {
            self.tell_messages(on);
        }
        if let Some(why) = error {
            self.tell_error(why, on);
        }
    }

    /// Tells what the document was, if [`Document::tell`] has not.
    pub(super) fn finish(&mut self, on: &mut impl FnMut(Event)) {
        match self.scanner.finish() {
            Ok(()) => self.tell_messages(on),
            Err(why) => self.tell_error(why, on),
        }
    }

    fn tell_messages(&mut self, on: &mut impl FnMut(Event)) {
        if self.told_end {
            return;
        }
        self.told_end = true;
        // JSON-RPC 2.0 section 6: a batch must have something in it.
        if self.messages.is_empty() {
            self.tell_error(Unreadable::NotJsonRpc, on);
        }
        self.messages.take(&mut |message| on(Event::Message(message)));
    }

    fn tell_error(&mut self, why: Unreadable, on: &mut impl FnMut(Event)) {
        if !self.told_error {
            self.told_error = true;
            on(Event::Invalid(why));
        }
    }
}
