//! The readers as a whole, against documents of every kind.
//!
//! The fuzz targets in `fuzz` share `check` and what it needs.

#[cfg(test)]
mod arguments;
pub(crate) mod check;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod many;
mod oracle;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod random;
#[cfg(test)]
pub(crate) mod recording;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod responses;
mod stream;
#[cfg(test)]
mod written;

use super::{Event, Request, RequestReader, ResponseReader, Unreadable};

/// Reads a request body that came in these frames.
fn request_in<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Result<Request, Unreadable> {
    let mut reader = RequestReader::new();
    for frame in frames {
        reader.feed(frame);
    }
    reader.finish()
}

fn request(body: &[u8]) -> Result<Request, Unreadable> {
    request_in([body])
}

/// Reads a response body that came in these frames and ended well.
fn response_in<'a>(kind: Kind, frames: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut reader = match kind {
        Kind::Json => ResponseReader::json(),
        Kind::Stream => ResponseReader::sse(),
    };
    let mut events = Vec::new();
    for frame in frames {
        reader.feed(frame, &mut |event| events.push(event));
    }
    reader.finish(&mut |event| events.push(event));
    events
}

fn response(kind: Kind, body: &[u8]) -> Vec<Event> {
    response_in(kind, [body])
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Json,
    Stream,
}

/// Cuts `bytes` into frames, each as long as the next of `lengths`, which are used over and over.
fn cut<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut frames = Vec::new();
    for length in lengths.iter().cycle() {
        if bytes.is_empty() || lengths.iter().all(|length| *length == 0) {
            break;
        }
        let (frame, rest) = bytes.split_at((*length).min(bytes.len()));
        frames.push(frame);
        bytes = rest;
    }
    frames.push(bytes);
    frames
}
