//! The names of span attributes and events, by the OpenTelemetry semantic conventions: those for MCP
//! of `semantic-conventions-genai` at ce7dd80d, for HTTP and RPC of v1.44.0.

pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(super) const HTTP_REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
pub(super) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(super) const HTTP_ROUTE: &str = "http.route";
pub(super) const NETWORK_PROTOCOL_NAME: &str = "network.protocol.name";
pub(super) const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
pub(super) const NETWORK_TRANSPORT: &str = "network.transport";
pub(super) const URL_PATH: &str = "url.path";
pub(super) const URL_SCHEME: &str = "url.scheme";

pub(super) const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
pub(super) const GEN_AI_PROMPT_NAME: &str = "gen_ai.prompt.name";
pub(super) const GEN_AI_TOOL_NAME: &str = "gen_ai.tool.name";
pub(super) const JSONRPC_REQUEST_ID: &str = "jsonrpc.request.id";
pub(super) const MCP_METHOD_NAME: &str = "mcp.method.name";
pub(super) const MCP_PROTOCOL_VERSION: &str = "mcp.protocol.version";
pub(super) const MCP_RESOURCE_URI: &str = "mcp.resource.uri";
/// Later versions of the RPC conventions call it `rpc.status_code`; those for MCP do not.
pub(super) const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";

/// Of the events `cancelled` and `detached`; no convention has a name for it.
pub(super) const REASON: &str = "reason";

/// Stands for every value outside of a closed set.
pub(super) const OTHER: &str = "_OTHER";
