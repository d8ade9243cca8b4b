//! Lines, caught where they are written.

use std::{
    fmt, io,
    sync::{Arc, Mutex},
};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use tracing_subscriber::{Layer, Registry, fmt::MakeWriter, layer::SubscriberExt};

use crate::logging::{JsonLayer, TextLayer};

/// What each call of a writer was given.
#[derive(Clone, Default)]
pub(super) struct Writes(Arc<Mutex<Vec<String>>>);

impl Writes {
    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl io::Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8(bytes.to_vec()).expect("a line is UTF-8");
        self.0.lock().unwrap().push(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Writes {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// The lines of text that `work` leads to, each one call of the writer.
pub(super) fn text_lines(work: impl FnOnce()) -> Vec<String> {
    let writes = Writes::default();
    lines(TextLayer::new().with_writer(writes.clone()), &writes, work)
}

/// The same of JSON, as it was written.
pub(super) fn raw_lines(work: impl FnOnce()) -> Vec<String> {
    let writes = Writes::default();
    lines(JsonLayer::new().with_writer(writes.clone()), &writes, work)
}

/// The same, read by another parser.
pub(super) fn json_lines(work: impl FnOnce()) -> Vec<Value> {
    raw_lines(work).iter().map(|line| parse(line).expect(line)).collect()
}

/// The one line that `work` leads to.
pub(super) fn json_line(work: impl FnOnce()) -> Value {
    let [line] = json_lines(work).try_into().expect("one event, one line");
    line
}

fn lines(
    layer: impl Layer<Registry> + Send + Sync,
    writes: &Writes,
    work: impl FnOnce(),
) -> Vec<String> {
    tracing::subscriber::with_default(Registry::default().with(layer), work);
    let mut written = writes.0.lock().unwrap();
    for line in &mut *written {
        assert_eq!(line.pop(), Some('\n'), "each write ends a line");
        assert!(!line.contains('\n'), "and only one: {line}");
    }
    std::mem::take(&mut *written)
}

/// Reads a document in which no object has a key twice.
pub(super) fn parse(line: &str) -> serde_json::Result<Value> {
    serde_json::from_str(line).map(|Strict(value)| value)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrictVisitor;
        impl<'de> Visitor<'de> for StrictVisitor {
            type Value = Strict;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Strict, A::Error> {
                let mut values = Vec::new();
                while let Some(Strict(value)) = array.next_element()? {
                    values.push(value);
                }
                Ok(Strict(values.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Strict, A::Error> {
                let mut members = serde_json::Map::new();
                while let Some((key, Strict(value))) = object.next_entry::<String, _>()? {
                    if let Some(twice) = members.insert(key, value) {
                        return Err(A::Error::custom(format_args!("a key twice, once of {twice}")));
                    }
                }
                Ok(Strict(members.into()))
            }
        }
        deserializer.deserialize_any(StrictVisitor)
    }
}
