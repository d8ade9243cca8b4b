//! Documents that look like messages, made from arbitrary bytes.
//!
//! The bytes decide about everything: members and their order, values of the right and the wrong
//! type, duplicate keys, how each string is escaped, where there is white space. So a property test
//! that varies and shrinks the bytes varies and shrinks the document.

use std::{borrow::Cow, fmt::Write as _};

/// Bytes that decide. When they have run out, every decision is the first choice.
pub(super) struct Choices(std::vec::IntoIter<u8>);

/// A document, before it is written down.
#[derive(Clone, Debug)]
pub(super) enum Json {
    /// A literal or number, as it is to be written.
    Plain(Cow<'static, str>),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Makes a value.
type Generate = fn(&mut Choices) -> Json;

impl Choices {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into_iter())
    }

    /// A number below `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(byte) % count)
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A request body.
    pub(super) fn request(&mut self) -> Json {
        self.document(Self::message)
    }

    /// A response body, or the data of an event.
    pub(super) fn response(&mut self) -> Json {
        self.document(Self::answer)
    }

    fn document(&mut self, message: Generate) -> Json {
        match self.below(8) {
            0..=5 => message(self),
            6 => {
                let count = self.below(5);
                Json::Array((0..count).map(|_| message(self)).collect())
            }
            _ => self.anything(3),
        }
    }

    fn message(&mut self) -> Json {
        const METHODS: [&str; 6] = [
            "tools/call",
            "initialize",
            "notifications/cancelled",
            "resources/read",
            "tasks/get",
            "no/such/method",
        ];
        self.object(&[
            ("jsonrpc", |choices| choices.text(&["2.0", "2.0", "1.0"])),
            ("id", Self::id),
            ("method", |choices| choices.text(&METHODS)),
            ("params", Self::params),
            ("result", |choices| choices.anything(1)),
            ("error", |choices| choices.anything(1)),
        ])
    }

    fn params(&mut self) -> Json {
        self.object(&[
            ("name", Self::name),
            ("uri", Self::name),
            ("taskId", Self::name),
            ("arguments", |choices| choices.anything(4)),
            ("requestId", Self::id),
            ("protocolVersion", Self::version),
            ("clientInfo", Self::client),
            ("_meta", |choices| {
                choices.object(&[
                    ("traceparent", Self::name),
                    ("tracestate", Self::name),
                    ("baggage", Self::name),
                    ("io.modelcontextprotocol/protocolVersion", Self::version),
                    ("io.modelcontextprotocol/clientInfo", Self::client),
                    ("progressToken", Self::id),
                ])
            }),
        ])
    }

    fn client(&mut self) -> Json {
        self.object(&[("name", Self::name), ("version", Self::name), ("title", Self::name)])
    }

    fn answer(&mut self) -> Json {
        self.object(&[
            ("jsonrpc", |choices| choices.text(&["2.0", "1.0"])),
            ("id", Self::id),
            ("result", |choices| {
                choices.object(&[
                    ("content", |choices| choices.anything(4)),
                    ("isError", Self::boolean),
                    ("resultType", |choices| {
                        choices.text(&["complete", "input_required", "task", "other"])
                    }),
                    ("protocolVersion", Self::version),
                    ("nextCursor", Self::name),
                ])
            }),
            ("error", |choices| {
                choices.object(&[
                    ("code", Self::id),
                    ("message", Self::name),
                    ("data", |choices| choices.anything(2)),
                ])
            }),
            ("method", |choices| choices.text(&["notifications/progress", "roots/list"])),
            ("params", |choices| choices.anything(3)),
        ])
    }

    /// An object with some of the members, in any order and some more than once.
    fn object(&mut self, members: &[(&str, Generate)]) -> Json {
        if self.below(12) == 11 {
            return self.anything(2);
        }
        let count = self.below(members.len() + 3);
        let members = (0..count).map(|_| match self.below(10) {
            0..=7 => {
                let (key, value) = members[self.below(members.len())];
                (key.to_owned(), value(self))
            }
            8 => (self.one_of(&["extra", "", "i", "idx"]).to_owned(), self.anything(3)),
            _ => (members[self.below(members.len())].0.to_owned(), self.anything(2)),
        });
        Json::Object(members.collect())
    }

    fn id(&mut self) -> Json {
        const NUMBERS: [&str; 16] = [
            "1",
            "0",
            "-0",
            "7.0",
            "1e2",
            "1.50",
            "-3",
            "12E-1",
            "18446744073709551615",
            "-9223372036854775808",
            "9007199254740993",
            "0.0e5",
            "1e20",
            "1e15",
            "25e-2",
            "1E+3",
        ];
        match self.below(4) {
            0 if self.below(2) == 0 => Json::Plain(self.one_of(&NUMBERS).into()),
            0 => self.number(),
            1 => self.name(),
            2 => self.anything(1),
            _ => Json::Text("0123456789abcdef".repeat(self.below(9))),
        }
    }

    /// A number that `serde_json` reads exactly.
    fn number(&mut self) -> Json {
        let mut out = String::from(self.one_of(&["", "-"]));
        match self.below(14) {
            0 => out.push('0'),
            count => {
                out.push(self.digit(1));
                out.extend((1..count.min(9)).map(|_| self.digit(0)));
            }
        }
        if self.below(3) == 2 {
            out.push('.');
            out.extend((0..=self.below(4)).map(|_| self.digit(0)));
        }
        if self.below(3) == 2 {
            out.push_str(self.one_of(&["e", "E", "e+", "E-", "e-"]));
            out.push(self.digit(0).min('8'));
        }
        Json::Plain(out.into())
    }

    fn digit(&mut self, least: u8) -> char {
        let digit = self.below(usize::from(10 - least));
        char::from(b'0' + least + u8::try_from(digit).expect("it is below ten"))
    }

    fn boolean(&mut self) -> Json {
        Json::Plain(self.one_of(&["true", "false"]).into())
    }

    fn name(&mut self) -> Json {
        let parts = self.below(4);
        let part = |_| {
            const PARTS: [&str; 9] =
                ["echo", "", "a b", "\u{e9}", "\u{1f980}", "\"", "\\", "\n\u{1}", "\u{7f}{[}]:,"];
            self.one_of(&PARTS)
        };
        let text: String = (0..parts).map(part).collect();
        let length = match self.below(24) {
            0..=19 => 1,
            20..=22 => 9,
            _ => 300,
        };
        Json::Text(text.repeat(length))
    }

    fn version(&mut self) -> Json {
        self.text(&["2025-11-25", "2026-07-28", "1999-01-01"])
    }

    fn text(&mut self, choices: &[&str]) -> Json {
        match self.below(8) {
            7 => self.anything(1),
            _ => Json::Text(self.one_of(choices).to_owned()),
        }
    }

    /// A value of any type and of at most that depth.
    fn anything(&mut self, depth: usize) -> Json {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => Json::Plain("null".into()),
            1 => self.boolean(),
            2 => Json::Plain(self.one_of(&["0", "-1.5e3", "123456", "1e-7"]).into()),
            3 => self.number(),
            4 | 5 => self.name(),
            6 if self.below(8) == 7 => self.nested(),
            6 => {
                let count = self.below(12);
                Json::Array((0..count).map(|_| self.anything(depth - 1)).collect())
            }
            _ => {
                let count = self.below(8);
                let member = |_| {
                    let key = self.one_of(&["id", "method", "name", "k", "\"}\\", "_meta"]);
                    (key.to_owned(), self.anything(depth - 1))
                };
                Json::Object((0..count).map(member).collect())
            }
        }
    }

    /// A value below more levels than are in all the rest, and not more than `serde_json` takes.
    fn nested(&mut self) -> Json {
        let levels = self.below(100);
        let key = self.one_of(&["id", "}", "params"]);
        (0..levels).fold(self.anything(0), |inner, level| {
            if level % 3 == 0 {
                Json::Object(vec![(key.to_owned(), inner)])
            } else {
                Json::Array(vec![inner])
            }
        })
    }

    /// Writes a document down, with white space between tokens and escapes in strings.
    pub(super) fn write(&mut self, json: &Json) -> String {
        let mut out = String::new();
        self.write_value(json, &mut out);
        out
    }

    fn write_value(&mut self, json: &Json, out: &mut String) {
        self.write_space(out);
        match json {
            Json::Plain(plain) => out.push_str(plain),
            Json::Text(text) => self.write_text(text, out),
            Json::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    self.write_value(element, out);
                }
                self.write_space(out);
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    self.write_space(out);
                    self.write_text(key, out);
                    self.write_space(out);
                    out.push(':');
                    self.write_value(value, out);
                }
                self.write_space(out);
                out.push('}');
            }
        }
        self.write_space(out);
    }

    fn write_space(&mut self, out: &mut String) {
        out.push_str(match self.below(16) {
            13 => " ",
            14 => "\n",
            15 => "\t \r\n",
            _ => "",
        });
    }

    fn write_text(&mut self, text: &str, out: &mut String) {
        let escape_all = self.below(8) == 7;
        out.push('"');
        for char in text.chars() {
            match char {
                '\n' if !escape_all => out.push_str("\\n"),
                '"' | '\\' if !escape_all => out.extend(['\\', char]),
                '\0'..' ' => out.push_str(&escaped(char)),
                _ if escape_all => out.push_str(&escaped(char)),
                _ => out.push(char),
            }
        }
        out.push('"');
    }
}

fn escaped(char: char) -> String {
    let mut out = String::new();
    for unit in char.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04X}").expect("a string takes everything");
    }
    out
}

impl Json {
    /// Whether a key that is read comes twice in one of the objects that are read of a request.
    pub(super) fn repeats_a_key(&self) -> bool {
        const CLIENT: Place = Place(&["name", "version"], &[]);
        const META: Place = Place(
            &[
                "traceparent",
                "tracestate",
                "baggage",
                "io.modelcontextprotocol/protocolVersion",
                "io.modelcontextprotocol/clientInfo",
            ],
            &[("io.modelcontextprotocol/clientInfo", CLIENT)],
        );
        const PARAMS: Place = Place(
            &["name", "uri", "taskId", "requestId", "protocolVersion", "clientInfo", "_meta"],
            &[("clientInfo", CLIENT), ("_meta", META)],
        );
        const MESSAGE: Place =
            Place(&["jsonrpc", "id", "method", "params", "result", "error"], &[("params", PARAMS)]);
        match self {
            Json::Array(elements) => {
                elements.iter().take(64).any(|element| MESSAGE.repeats(element))
            }
            _ => MESSAGE.repeats(self),
        }
    }
}

/// The keys that are read of an object, and those of them whose values are read in turn.
#[derive(Clone, Copy)]
struct Place(&'static [&'static str], &'static [(&'static str, Place)]);

impl Place {
    fn repeats(self, json: &Json) -> bool {
        let Json::Object(members) = json else {
            return false;
        };
        let Self(keys, places) = self;
        let is = |key: &'static str| members.iter().filter(move |(other, _)| other == key);
        keys.iter().any(|key| is(key).count() > 1)
            || places.iter().any(|(key, place)| is(key).any(|(_, value)| place.repeats(value)))
    }
}
