//! The families of the OpenTelemetry conventions for MCP, in the spelling of Prometheus.
//!
//! Semantic conventions for MCP: `mcp.server.operation.duration`, `mcp.server.session.duration`,
//! with their attributes, buckets and rules for errors. They have cells of their own, which nothing
//! touches unless they are switched on.

use std::{borrow::Cow, time::Duration};

use http::Version;

use super::{
    admission::NameId,
    buckets::Buckets,
    cell::{Cell, Shards},
    clamps::{Clamps, Label},
    exposition::Exposition,
    family::Shape,
    key::TargetKey,
    labels::{self, ClosedSet, OTHER},
    names,
    operation::{MethodLabel, Operation},
    series::{Key, Series},
    snapshot::NamesByNumber,
};
use crate::{
    exchange::{Outcome, Reason},
    mcp::{Method, Revision},
};

/// The bounds that the convention advises, in seconds.
const BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Combinations of attributes that are told apart, of a store that shows so many tools. Beyond it only
/// the method and whether there was an error are.
fn most(tools: usize) -> usize {
    // A success and an error of each, and some for what is no call.
    (2 * tools).max(400)
}

/// How many series the durations of operations can be.
pub(super) fn operation_series(shape: &Shape) -> usize {
    (most(shape.tools) + 2 * Method::COUNT) * HISTOGRAM
}

/// How many series the durations of sessions can be: by revision, known or not.
pub(super) const SESSION_SERIES: usize = (<Revision as ClosedSet>::ALL.len() + 1) * HISTOGRAM;

const HISTOGRAM: usize = BUCKETS.len() + 3;

#[derive(Debug)]
pub(super) struct Conventions {
    buckets: Buckets,
    shards: Shards,
    /// Whether the revision and the network are shown.
    network: bool,
    operations: Series<OperationKey, Cell>,
    sessions: Series<SessionKey, Cell>,
}

/// All that the convention tells apart of operations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct OperationKey {
    method: Method,
    target: Option<TargetId>,
    error: Option<ErrorType>,
    code: Option<Code>,
    network: Option<Network>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum TargetId {
    Tool(NameId),
    Prompt(NameId),
}

/// `error.type`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ErrorType {
    ToolError,
    Timeout,
    Panic,
    /// The code of the JSON-RPC error.
    Code(Code),
    /// The HTTP status.
    Status(u16),
    Other,
}

/// A JSON-RPC error code, as it is; one that no server would use is shown as [`OTHER`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Code {
    Is(i16),
    Other,
}

/// What the network and the protocol are, where that is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    revision: Option<Revision>,
    version: Option<Http>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Http {
    V1_0,
    V1_1,
    V2,
    V3,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct SessionKey {
    network: Option<Network>,
}

impl Conventions {
    pub(super) fn new(tools: usize, network: bool, shards: Shards) -> Self {
        Self {
            buckets: Buckets::of_our_seconds(&BUCKETS),
            shards,
            network,
            operations: Series::new(most(tools)),
            sessions: Series::new(usize::MAX),
        }
    }

    /// Records an operation, if it is one to the convention: a message with a method.
    pub(super) fn operation(&self, operation: &Operation<'_>, target: TargetKey, clamps: &Clamps) {
        let MethodLabel::Known(method) = operation.method else { return };
        let Some(duration) = operation.duration else { return };
        let code = operation.code.map(Code::of);
        let key = OperationKey {
            method,
            target: match target {
                TargetKey::Tool(name) => Some(TargetId::Tool(name)),
                TargetKey::Prompt(name) => Some(TargetId::Prompt(name)),
                TargetKey::None | TargetKey::Resource(_) => None,
            },
            error: ErrorType::of(operation.outcome, operation.reason),
            code,
            network: self.network(operation.revision, Some(operation.version)),
        };
        if !self.record(&self.operations, key, duration) {
            let label = match key.target {
                None => Label::ErrorType,
                Some(TargetId::Tool(_)) => Label::GenAiToolName,
                Some(TargetId::Prompt(_)) => Label::GenAiPromptName,
            };
            clamps.count(label, labels::Reason::Cap);
        }
    }

    /// Records a session that is over. None ends in an error: a client ends it, or stays away.
    pub(super) fn session(&self, revision: Option<Revision>, duration: Duration) {
        let key = SessionKey { network: self.network(revision, None) };
        self.record(&self.sessions, key, duration);
    }

    /// `false` if the key was folded.
    fn record<K: Key>(&self, series: &Series<K, Cell>, key: K, duration: Duration) -> bool {
        let (cell, own) = series.get(&key, || Cell::new(&self.buckets, self.shards));
        cell.value.record_duration(&self.buckets, Some(duration));
        own
    }

    fn network(&self, revision: Option<Revision>, version: Option<Version>) -> Option<Network> {
        self.network.then(|| Network { revision, version: version.and_then(Http::of) })
    }

    pub(super) fn expose(
        &self,
        tools: &NamesByNumber,
        prompts: &NamesByNumber,
        out: &mut impl Exposition,
    ) {
        out.family(&names::MCP_SERVER_OPERATION_DURATION_SECONDS);
        for series in self.operations.iter() {
            let OperationKey { method, target, error, code, network } = series.key;
            let error = error.map_or(Cow::Borrowed(""), ErrorType::text);
            let code = code.map_or(Cow::Borrowed(""), Code::text);
            let (operation, tool, prompt) = match target {
                _ if method == Method::ToolsCall => match target {
                    Some(TargetId::Tool(name)) => ("execute_tool", tools.name(name.index()), ""),
                    _ => ("execute_tool", "", ""),
                },
                Some(TargetId::Prompt(name)) => ("", "", prompts.name(name.index())),
                _ => ("", "", ""),
            };
            let [revision, protocol, version, transport] = Network::texts(network);
            series.value.expose(
                &self.buckets,
                out,
                &[
                    MethodLabel::Known(method).as_str(),
                    &error,
                    operation,
                    tool,
                    prompt,
                    &code,
                    revision,
                    protocol,
                    version,
                    transport,
                ],
            );
        }
        out.family(&names::MCP_SERVER_SESSION_DURATION_SECONDS);
        for series in self.sessions.iter() {
            // A session may use several connections, so only the name of their protocol is known.
            let [revision, protocol, ..] = Network::texts(series.key.network);
            series.value.expose(&self.buckets, out, &[revision, protocol]);
        }
    }
}

impl ErrorType {
    /// The class of an error by the convention, the same as on the operation's span.
    ///
    /// The caller's faults that the convention knows are none of the server's.
    pub(super) fn of(outcome: Outcome, reason: Option<Reason>) -> Option<Self> {
        match (outcome, reason) {
            (Outcome::ToolError, _) => Some(Self::ToolError),
            (Outcome::Timeout, _) => Some(Self::Timeout),
            (Outcome::CallerError, Some(Reason::Code(code))) => {
                let known = matches!(code, -32700 | -32600 | -32601 | -32602 | -32002);
                (!known).then(|| Self::Code(Code::of(code)))
            }
            (Outcome::ServerError, Some(Reason::Code(code))) => Some(Self::Code(Code::of(code))),
            (Outcome::ServerError, Some(Reason::Status(status))) => {
                Some(Self::Status(status.as_u16()))
            }
            (Outcome::ServerError, Some(Reason::Panic)) => Some(Self::Panic),
            (Outcome::ServerError | Outcome::TransportError | Outcome::NoResponse, _) => {
                Some(Self::Other)
            }
            _ => None,
        }
    }

    pub(super) fn text(self) -> Cow<'static, str> {
        match self {
            Self::ToolError => "tool_error".into(),
            Self::Timeout => "timeout".into(),
            Self::Panic => "panic".into(),
            Self::Code(code) => code.text(),
            Self::Status(status) => status.to_string().into(),
            Self::Other => OTHER.into(),
        }
    }

    /// Below 2^21: a kind in three bits, then what belongs to it.
    fn packed(self) -> u64 {
        match self {
            Self::ToolError => 1,
            Self::Timeout => 2,
            Self::Panic => 3,
            Self::Code(code) => 4 | code.packed() << 3,
            Self::Status(status) => 5 | u64::from(status) << 3,
            Self::Other => 6,
        }
    }
}

impl Code {
    pub(super) fn of(code: i64) -> Self {
        i16::try_from(code).map_or(Self::Other, Self::Is)
    }

    fn text(self) -> Cow<'static, str> {
        match self {
            Self::Is(code) => code.to_string().into(),
            Self::Other => OTHER.into(),
        }
    }

    /// Above zero, and below 2^18.
    fn packed(self) -> u64 {
        match self {
            Self::Other => 1,
            #[expect(clippy::cast_sign_loss, reason = "every number keeps a number of its own")]
            Self::Is(code) => u64::from(code as u16) + 2,
        }
    }
}

impl Network {
    const NONE: Self = Self { revision: None, version: None };

    /// The revision, then `network.protocol.name`, its version and `network.transport`.
    fn texts(network: Option<Self>) -> [&'static str; 4] {
        let Some(Self { revision, version }) = network else { return [""; 4] };
        let revision = revision.map_or("", ClosedSet::as_str);
        let transport = if version == Some(Http::V3) { "quic" } else { "tcp" };
        [revision, "http", version.map_or("", Http::text), transport]
    }

    /// Below 2^7.
    fn packed(self) -> u64 {
        let revision = self.revision.map_or(0, |revision| revision.index() as u64 + 1);
        let version = self.version.map_or(0, |version| version as u64 + 1);
        1 | revision << 1 | version << 4
    }
}

impl Http {
    pub(super) fn of(version: Version) -> Option<Self> {
        match version {
            Version::HTTP_10 => Some(Self::V1_0),
            Version::HTTP_11 => Some(Self::V1_1),
            Version::HTTP_2 => Some(Self::V2),
            Version::HTTP_3 => Some(Self::V3),
            _ => None,
        }
    }

    /// Whole versions have no point: `2`, not `2.0`.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V2 => "2",
            Self::V3 => "3",
        }
    }
}

impl Key for OperationKey {
    /// A method in 6 bits, a target in 2 and 10, an error in 21, a code in 18 and a network in 7.
    fn packed(&self) -> u64 {
        let target = match self.target {
            None => 0,
            Some(TargetId::Tool(name)) => 1 | u64::from(name.number()) << 2,
            Some(TargetId::Prompt(name)) => 2 | u64::from(name.number()) << 2,
        };
        self.method as u64
            | target << 6
            | self.error.map_or(0, ErrorType::packed) << 18
            | self.code.map_or(0, Code::packed) << 39
            | self.network.map_or(0, Network::packed) << 57
    }

    fn folded(self) -> Self {
        Self {
            method: self.method,
            target: None,
            error: self.error.map(|_| ErrorType::Other),
            code: None,
            network: self.network.map(|_| Network::NONE),
        }
    }
}

impl Key for SessionKey {
    fn packed(&self) -> u64 {
        self.network.map_or(0, Network::packed)
    }

    fn folded(self) -> Self {
        self
    }
}
