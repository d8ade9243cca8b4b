//! How loud a line is.

use tracing::Level;

use crate::{
    exchange::{Exchange, Outcome},
    mcp::{Message, MessageKind, Method},
};

/// The level of an outcome. Level `INFO` is lowered for what is `quiet`, and raised for what was
/// `slow`; what failed is as loud as ever, so that nobody who tries credentials with pings is unheard.
pub(super) fn of(outcome: Outcome, quiet: bool, slow: bool) -> Level {
    let refused = matches!(outcome, Outcome::CallerError | Outcome::Rejected);
    match of_outcome(outcome) {
        Level::INFO if quiet && !refused => Level::DEBUG,
        Level::INFO if slow => Level::WARN,
        level => level,
    }
}

/// Callers' mistakes are for the caller to mend, so they are no louder than a success.
fn of_outcome(outcome: Outcome) -> Level {
    match outcome {
        Outcome::Success
        | Outcome::InputRequired
        | Outcome::CallerError
        | Outcome::Rejected
        | Outcome::Cancelled
        | Outcome::Detached => Level::INFO,
        Outcome::ToolError | Outcome::Timeout | Outcome::NoResponse => Level::WARN,
        Outcome::ServerError | Outcome::TransportError => Level::ERROR,
    }
}

/// Whether an exchange carries nothing that asks the server to do something.
pub(super) fn is_quiet(exchange: &Exchange) -> bool {
    exchange
        .request()
        .and_then(Result::ok)
        .is_some_and(|request| request.messages.iter().all(asks_nothing))
}

fn asks_nothing(message: &Message) -> bool {
    match message.kind {
        MessageKind::Notification | MessageKind::Response => true,
        MessageKind::Request | MessageKind::Invalid => message.method == Some(Method::Ping),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_info_is_lowered_or_raised() {
        for outcome in Outcome::ALL {
            let level = of_outcome(outcome);
            let (quiet, slow) = (of(outcome, true, false), of(outcome, false, true));
            if matches!(outcome, Outcome::CallerError | Outcome::Rejected) {
                assert_eq!((quiet, slow), (Level::INFO, Level::WARN), "{outcome}");
            } else if level == Level::INFO {
                assert_eq!((quiet, slow), (Level::DEBUG, Level::WARN), "{outcome}");
            } else {
                assert_eq!((quiet, slow), (level, level), "{outcome}");
            }
            if quiet != Level::INFO {
                assert_eq!(of(outcome, true, true), quiet, "{outcome}: quiet goes before slow");
            }
        }
    }
}
