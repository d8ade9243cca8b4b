//! HTTP messages recorded from real servers and clients, and some made by hand.
//!
//! The integration tests share this file.

use std::{fs, path::Path};

/// A recorded message.
#[derive(Clone)]
pub(crate) struct Recording {
    pub(crate) name: String,
    /// The start line and the headers.
    pub(crate) head: String,
    /// The body in its transfer coding.
    pub(crate) coded: Vec<u8>,
}

pub(crate) const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/wire");

impl Recording {
    pub(crate) fn load(name: &str) -> Self {
        let path = Path::new(DIRECTORY).join(name);
        let bytes = fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, body) = bytes.split_at(end.expect("a message has a head"));
        let head = String::from_utf8_lossy(head).into_owned();
        Self { name: name.to_owned(), head, coded: body[4..].to_vec() }
    }

    /// All recordings whose name ends so.
    pub(crate) fn all(suffix: &str) -> Vec<Self> {
        let mut names: Vec<String> = fs::read_dir(DIRECTORY)
            .expect("the recordings are there")
            .map(|entry| entry.expect("it is readable").file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(suffix))
            .collect();
        names.sort();
        assert!(names.len() > 100, "the recordings are there");
        names.iter().map(|name| Self::load(name)).collect()
    }

    /// Whether a header is there, with a value that begins so. Both are written small.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.head.to_ascii_lowercase().contains(&format!("\r\n{name}: {value}"))
    }

    /// The body without its transfer coding, chunk by chunk. The last may have been broken off.
    pub(crate) fn chunks(&self) -> Vec<&[u8]> {
        if !self.has("transfer-encoding", "chunked") {
            return vec![&self.coded];
        }
        let mut chunks = Vec::new();
        let mut rest = &self.coded[..];
        while let Some(line) = rest.iter().position(|byte| *byte == b'\r') {
            let length = String::from_utf8_lossy(&rest[..line]);
            let length = usize::from_str_radix(&length, 16).expect("a chunk has a length");
            let chunk = &rest[line + 2..];
            chunks.push(&chunk[..length.min(chunk.len())]);
            rest = chunk.get(length + 2..).unwrap_or_default();
        }
        chunks.retain(|chunk| !chunk.is_empty());
        chunks
    }
}
