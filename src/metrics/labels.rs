//! Label values: closed sets, and what any other text must be like to become one.

use crate::{
    exchange::{CallStatus, Component, Credentials, Outcome},
    mcp::Revision,
};

/// Stands for every value that is not admitted.
pub(super) const OTHER: &str = "_OTHER";

/// The longest label value, in bytes.
pub(super) const LONGEST: usize = 64;

/// A label with a fixed list of values.
pub(super) trait ClosedSet: Copy + 'static {
    /// All values, each at its own [`index`](Self::index).
    const ALL: &'static [Self];

    fn as_str(self) -> &'static str;

    fn index(self) -> usize;

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.as_str() == text)
    }
}

macro_rules! closed_set {
    ($(#[$docs:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_docs:meta])* $variant:ident = $text:expr,)*
    }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        $vis enum $name { $($(#[$variant_docs])* $variant),* }

        impl ClosedSet for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

pub(super) use closed_set;

closed_set! {
    /// The kind of a resource: its URI's scheme, where that says what lies behind it.
    pub(super) enum Scheme {
        File = "file",
        Http = "http",
        Https = "https",
        Data = "data",
        Git = "git",
        Github = "github",
        S3 = "s3",
        Gs = "gs",
        Postgres = "postgres",
        Mysql = "mysql",
        Sqlite = "sqlite",
        Mongodb = "mongodb",
        Redis = "redis",
        Ftp = "ftp",
        Ssh = "ssh",
        Mailto = "mailto",
        Urn = "urn",
        Memory = "memory",
        Config = "config",
        Ui = "ui",
        Other = OTHER,
    }
}

impl Scheme {
    /// The scheme of a URI, in any case (RFC 3986, section 3.1).
    pub(super) fn of(uri: &[u8]) -> Self {
        let Some(end) = uri.iter().position(|&byte| byte == b':') else { return Self::Other };
        let is = |known: &&Self| known.as_str().as_bytes().eq_ignore_ascii_case(&uri[..end]);
        let known = Self::ALL.iter().find(is);
        known.copied().unwrap_or(Self::Other)
    }
}

closed_set! {
    /// JSON-RPC error codes with a meaning of their own, and two classes for all others.
    pub(super) enum Code {
        ParseError = "-32700",
        InvalidRequest = "-32600",
        MethodNotFound = "-32601",
        InvalidParams = "-32602",
        Internal = "-32603",
        ResourceNotFound = "-32002",
        HeaderMismatch = "-32020",
        MissingCapability = "-32021",
        UnsupportedVersion = "-32022",
        UrlElicitation = "-32042",
        /// What JSON-RPC leaves to servers: -32099 to -32000.
        ServerRange = "server_range",
        Other = "other",
    }
}

impl Code {
    pub(super) const fn of(code: i64) -> Self {
        match code {
            -32700 => Self::ParseError,
            -32600 => Self::InvalidRequest,
            -32601 => Self::MethodNotFound,
            -32602 => Self::InvalidParams,
            -32603 => Self::Internal,
            -32002 => Self::ResourceNotFound,
            -32020 => Self::HeaderMismatch,
            -32021 => Self::MissingCapability,
            -32022 => Self::UnsupportedVersion,
            -32042 => Self::UrlElicitation,
            -32099..=-32000 => Self::ServerRange,
            _ => Self::Other,
        }
    }
}

closed_set! {
    /// How a client said who it is.
    pub(crate) enum AuthKind {
        Bearer = "bearer",
        Basic = "basic",
        ApiKey = "api_key",
        Other = "other",
        /// Not at all.
        None = "none",
    }
}

impl AuthKind {
    pub(crate) fn of(credentials: Option<Credentials>) -> Self {
        match credentials {
            None => Self::None,
            Some(Credentials::Bearer) => Self::Bearer,
            Some(Credentials::Basic) => Self::Basic,
            Some(Credentials::ApiKey) => Self::ApiKey,
            Some(Credentials::Other) => Self::Other,
        }
    }
}

closed_set! {
    /// Why a client was not let in.
    pub(crate) enum AuthFailure {
        /// It sent no credentials.
        NoCredentials = "no_credentials",
        /// It sent credentials that were not accepted (401).
        Invalid = "invalid",
        /// Its credentials do not allow this (403).
        Forbidden = "forbidden",
    }
}

closed_set! {
    /// The way a body goes.
    pub(crate) enum Direction {
        Request = "request",
        Response = "response",
    }
}

closed_set! {
    /// What a client asked for that is not there.
    pub(super) enum Unknown {
        Tool = "tool",
        Prompt = "prompt",
        Resource = "resource",
        Method = "method",
    }
}

closed_set! {
    /// What cut an operation short.
    pub(crate) enum CancelCause {
        /// The client left before the head of the response.
        Dropped = "dropped",
        /// The client left after the head.
        Aborted = "aborted",
        /// A `notifications/cancelled` named the request.
        Notification = "notification",
    }
}

closed_set! {
    /// Whose fault a JSON-RPC error is.
    pub(super) enum Fault {
        Caller = "caller",
        Server = "server",
    }
}

impl Fault {
    /// The fault that an outcome tells. What waits for input or was cancelled is nobody's.
    pub(super) const fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::CallerError | Outcome::Rejected => Some(Self::Caller),
            _ if outcome.is_error() => Some(Self::Server),
            _ => None,
        }
    }
}

closed_set! {
    /// What a list is of.
    pub(crate) enum ListKind {
        Tools = "tools",
        Prompts = "prompts",
        Resources = "resources",
        Templates = "templates",
    }
}

closed_set! {
    /// What became of a tool's definition.
    pub(super) enum SchemaChange {
        /// The tool is new.
        Added = "added",
        /// Its definition is.
        Changed = "changed",
    }
}

closed_set! {
    /// What happens to sessions.
    pub(crate) enum SessionEvent {
        /// The server gave one out.
        Created = "created",
        /// The client ended it.
        Terminated = "terminated",
        /// It was idle too long, had to make room, or its server did not know it any more.
        Expired = "expired",
        /// A request came without the id that it needs (400).
        Rejected = "rejected",
        /// A request named a session that the server does not know (404).
        Unknown = "unknown",
    }
}

closed_set! {
    /// What an event stream answers.
    pub(crate) enum StreamKind {
        /// A `GET`.
        Get = "get",
        /// A request in a `POST`.
        PostSse = "post_sse",
        /// `subscriptions/listen`.
        Listen = "listen",
    }
}

closed_set! {
    /// What an event stream carries.
    pub(crate) enum StreamMessage {
        Response = "response",
        Request = "request",
        /// Any notification but one of progress.
        Notification = "notification",
        Progress = "progress",
        /// A comment, which keeps a stream alive.
        Comment = "comment",
    }
}

closed_set! {
    /// The status with which a stream was refused.
    pub(super) enum Refusal {
        BadRequest = "400",
        Unauthorized = "401",
        Forbidden = "403",
        NotFound = "404",
        MethodNotAllowed = "405",
        NotAcceptable = "406",
        Conflict = "409",
        Gone = "410",
        UnsupportedMediaType = "415",
        TooManyRequests = "429",
        Internal = "500",
        NotImplemented = "501",
        BadGateway = "502",
        Unavailable = "503",
        GatewayTimeout = "504",
        Other = OTHER,
    }
}

impl Refusal {
    pub(super) const fn of(status: u16) -> Self {
        match status {
            400 => Self::BadRequest,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            406 => Self::NotAcceptable,
            409 => Self::Conflict,
            410 => Self::Gone,
            415 => Self::UnsupportedMediaType,
            429 => Self::TooManyRequests,
            500 => Self::Internal,
            501 => Self::NotImplemented,
            502 => Self::BadGateway,
            503 => Self::Unavailable,
            504 => Self::GatewayTimeout,
            _ => Self::Other,
        }
    }
}

closed_set! {
    /// A signal other than these metrics.
    pub(crate) enum Signal {
        Log = "log",
        Span = "span",
    }
}

closed_set! {
    /// The scheme that a request came by.
    pub(crate) enum UrlScheme {
        Http = "http",
        Https = "https",
    }
}

closed_set! {
    /// The status of a gRPC call, in the words of the protocol.
    pub(super) enum GrpcStatus {
        Ok = "OK",
        Cancelled = "CANCELLED",
        Unknown = "UNKNOWN",
        InvalidArgument = "INVALID_ARGUMENT",
        DeadlineExceeded = "DEADLINE_EXCEEDED",
        NotFound = "NOT_FOUND",
        AlreadyExists = "ALREADY_EXISTS",
        PermissionDenied = "PERMISSION_DENIED",
        ResourceExhausted = "RESOURCE_EXHAUSTED",
        FailedPrecondition = "FAILED_PRECONDITION",
        Aborted = "ABORTED",
        OutOfRange = "OUT_OF_RANGE",
        Unimplemented = "UNIMPLEMENTED",
        Internal = "INTERNAL",
        Unavailable = "UNAVAILABLE",
        DataLoss = "DATA_LOSS",
        Unauthenticated = "UNAUTHENTICATED",
        /// There was no status, or none of the protocol.
        None = OTHER,
    }
}

impl GrpcStatus {
    pub(super) fn of(status: Option<u32>) -> Self {
        let index = status.and_then(|status| usize::try_from(status).ok());
        index.and_then(|index| Self::ALL.get(index).copied()).unwrap_or(Self::None)
    }

    /// Whether it is the server's error (semantic conventions for gRPC, server spans).
    pub(super) const fn is_error(self) -> bool {
        matches!(
            self,
            Self::Unknown
                | Self::DeadlineExceeded
                | Self::Unimplemented
                | Self::Internal
                | Self::Unavailable
                | Self::DataLoss
                | Self::None
        )
    }
}

closed_set! {
    /// Why a value was replaced by [`OTHER`].
    pub(super) enum Reason {
        /// Not in the closed set, or not admitted.
        Unknown = "unknown",
        /// Empty, or longer than [`LONGEST`].
        Length = "length",
        /// A character that a label does not show.
        Charset = "charset",
        /// No room for more values.
        Cap = "cap",
    }
}

macro_rules! as_closed_set {
    ($name:ty, $all:expr) => {
        impl ClosedSet for $name {
            const ALL: &'static [Self] = $all;

            fn as_str(self) -> &'static str {
                <$name>::as_str(self)
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

as_closed_set!(Outcome, &Outcome::ALL);
as_closed_set!(
    Revision,
    &[
        Revision::V2024_11_05,
        Revision::V2025_03_26,
        Revision::V2025_06_18,
        Revision::V2025_11_25,
        Revision::V2026_07_28,
        Revision::Other,
    ]
);
as_closed_set!(CallStatus, &[CallStatus::Success, CallStatus::Error, CallStatus::Cancelled]);
as_closed_set!(
    Component,
    &[Component::Http, Component::JsonRpc, Component::Tool, Component::Auth, Component::Transport]
);

/// Whether a name that a client or a handler brought up may become a label value: what the MCP
/// specification advises for tool names, and at most half as long.
pub(super) fn check_name(name: &str) -> Result<(), Reason> {
    check_length(name)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.bytes().all(fits) { Ok(()) } else { Err(Reason::Charset) }
}

/// Whether a text of the operator's own may become a label value: any script, but nothing that
/// moves a cursor or breaks a line.
pub(super) fn check_value(value: &str) -> Result<(), Reason> {
    check_length(value)?;
    if value.chars().any(char::is_control) { Err(Reason::Charset) } else { Ok(()) }
}

/// Whether this may be a gRPC method: `package.Service/Method`.
pub(super) fn check_rpc(name: &str) -> Result<(), Reason> {
    check_length(name)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/');
    if name.bytes().all(fits) { Ok(()) } else { Err(Reason::Charset) }
}

/// Whether a client may be shown by the name that it gives itself. Many have spaces in it.
pub(super) fn check_client(name: &str) -> Result<(), Reason> {
    check_length(name)?;
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'.' | b'-' | b'/' | b'@')
    };
    if name.bytes().all(fits) { Ok(()) } else { Err(Reason::Charset) }
}

/// Whether a client's version may be shown.
pub(super) fn check_version(version: &str) -> Result<(), Reason> {
    if !(1..=LONGEST_VERSION).contains(&version.len()) {
        return Err(Reason::Length);
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'+');
    if version.bytes().all(fits) { Ok(()) } else { Err(Reason::Charset) }
}

/// The longest version of a client, in bytes.
const LONGEST_VERSION: usize = 32;

/// Clients that are in wide use, by the name they send. Places are kept for them, so that names
/// which somebody makes up cannot take all. Anybody can send these too, so they cannot take all either.
pub(super) const KNOWN_CLIENTS: &[&str] = &[
    "claude-ai",
    "claude-code",
    "Visual Studio Code",
    "Visual Studio Code - Insiders",
    "cursor-vscode",
    "cursor",
    "windsurf-client",
    "Zed",
    "goose",
    "Cline",
    "Roo Code",
    "codex-mcp-client",
    "gemini-cli-mcp-client",
    "openai-mcp",
    "continue-client",
    "librechat",
    "mcp-inspector",
    "mcp-remote",
    "mcp",
    "rmcp",
];

fn check_length(value: &str) -> Result<(), Reason> {
    if (1..=LONGEST).contains(&value.len()) { Ok(()) } else { Err(Reason::Length) }
}

/// Whether Prometheus takes this as a name: letters, digits and `_`, not beginning with a digit.
pub(super) fn is_identifier(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_a_closed_set_is_at_its_index_and_can_be_parsed() {
        fn check<T: ClosedSet + std::fmt::Debug + PartialEq>() {
            for (index, &value) in T::ALL.iter().enumerate() {
                assert_eq!(value.index(), index, "{value:?}");
                assert_eq!(T::parse(value.as_str()), Some(value));
            }
            assert_eq!(T::parse("no such value"), None);
        }
        check::<Scheme>();
        check::<Code>();
        check::<AuthKind>();
        check::<AuthFailure>();
        check::<Unknown>();
        check::<Direction>();
        check::<Reason>();
        check::<Outcome>();
        check::<CallStatus>();
        check::<Component>();
        check::<Revision>();
        check::<CancelCause>();
        check::<Fault>();
        check::<ListKind>();
        check::<SchemaChange>();
        check::<SessionEvent>();
        check::<StreamKind>();
        check::<StreamMessage>();
        check::<Refusal>();
        check::<Signal>();
        check::<UrlScheme>();
        check::<GrpcStatus>();
    }

    #[test]
    fn a_status_of_grpc_is_at_its_number() {
        for (number, text) in [(0, "OK"), (4, "DEADLINE_EXCEEDED"), (16, "UNAUTHENTICATED")] {
            assert_eq!(GrpcStatus::of(Some(number)).as_str(), text);
        }
        for status in [None, Some(17), Some(u32::MAX)] {
            assert_eq!(GrpcStatus::of(status), GrpcStatus::None);
        }
        // UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS.
        let errors = (0..17).filter(|number| GrpcStatus::of(Some(*number)).is_error());
        assert_eq!(errors.collect::<Vec<_>>(), [2, 4, 12, 13, 14, 15]);
    }

    #[test]
    fn a_refusal_is_shown_by_its_status() {
        for &refusal in Refusal::ALL {
            let status = refusal.as_str().parse().unwrap_or(0);
            assert_eq!(Refusal::of(status), refusal);
        }
        assert_eq!(Refusal::of(418), Refusal::Other);
    }

    #[test]
    fn what_fails_is_the_callers_fault_or_the_servers_and_the_rest_is_nobodys() {
        for outcome in Outcome::ALL {
            assert_eq!(Fault::of(outcome).is_some(), outcome.is_error(), "{outcome}");
        }
        assert_eq!(Fault::of(Outcome::CallerError), Some(Fault::Caller));
        assert_eq!(Fault::of(Outcome::ServerError), Some(Fault::Server));
    }

    #[test]
    fn clients_and_their_versions_are_short_and_plain() {
        for name in KNOWN_CLIENTS {
            assert_eq!(check_client(name), Ok(()));
        }
        assert_eq!(check_client(""), Err(Reason::Length));
        assert_eq!(check_client(&"a".repeat(65)), Err(Reason::Length));
        assert_eq!(check_client("a\"b"), Err(Reason::Charset));
        assert_eq!(check_version("1.2.3-rc.1+build_7"), Ok(()));
        assert_eq!(check_version(&"1".repeat(33)), Err(Reason::Length));
        for version in ["1 2", "1;2", "1\n", "\u{661}"] {
            assert_eq!(check_version(version), Err(Reason::Charset), "{version:?}");
        }
    }

    #[test]
    fn schemes_and_codes_outside_their_set_are_other() {
        assert_eq!(Scheme::of(b"FILE:///etc/hosts"), Scheme::File);
        for uri in ["", "no-scheme", "://", "evil\n:x", "filex:///"] {
            assert_eq!(Scheme::of(uri.as_bytes()), Scheme::Other, "{uri}");
        }
        assert_eq!(Code::of(-32602), Code::InvalidParams);
        assert_eq!(Code::of(-32001), Code::ServerRange);
        assert_eq!(Code::of(-32099), Code::ServerRange);
        assert_eq!(Code::of(i64::MIN), Code::Other);
    }

    #[test]
    fn names_are_short_and_plain() {
        assert_eq!(check_name("get_weather.v2-beta"), Ok(()));
        assert_eq!(check_name(""), Err(Reason::Length));
        assert_eq!(check_name(&"a".repeat(64)), Ok(()));
        assert_eq!(check_name(&"a".repeat(65)), Err(Reason::Length));
        for name in ["a b", "a\"b", "a\nb", "天気", "a/b", "a\0"] {
            assert_eq!(check_name(name), Err(Reason::Charset), "{name:?}");
        }
    }

    #[test]
    fn an_operators_values_may_be_of_any_script() {
        assert_eq!(check_value("天気 \"quoted\" \\"), Ok(()));
        assert_eq!(check_value("a\nb"), Err(Reason::Charset));
        assert_eq!(check_value("a\u{85}b"), Err(Reason::Charset));
        assert_eq!(check_value(""), Err(Reason::Length));
    }

    #[test]
    fn identifiers_are_what_prometheus_takes() {
        for name in ["mcp", "_x", "a9"] {
            assert!(is_identifier(name), "{name}");
        }
        for name in ["", "9a", "a-b", "a:b", "ä", "a b"] {
            assert!(!is_identifier(name), "{name}");
        }
    }
}
