//! An event stream, read line by line from the whole of it as WHATWG HTML section 9.2.6 says.

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Comment,
    /// The data of an event of the default type.
    Message(Vec<u8>),
}

pub(super) fn parts(stream: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut kind: &[u8] = b"";
    let mut data: Option<Vec<u8>> = None;
    for line in lines(stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream)) {
        if line.is_empty() {
            let data = data.take().filter(|_| matches!(kind, b"" | b"message"));
            parts.extend(data.map(Part::Message));
            kind = b"";
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"" => parts.push(Part::Comment),
            b"event" => kind = value,
            b"data" => match &mut data {
                Some(data) => data.extend(b"\n".iter().chain(value)),
                None => data = Some(value.to_vec()),
            },
            _ => {}
        }
    }
    parts
}

/// The lines that have an end.
fn lines(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(end) = stream.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.push(&stream[..end]);
        let after = if stream[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
        stream = &stream[after..];
    }
    lines
}
