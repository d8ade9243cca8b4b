//! MCP over gRPC: which remote procedures are which methods.
//!
//! No gRPC transport is part of MCP. Two are in use, and both name the method in the path: the
//! experimental transport of `mcp-grpc-transport-proto` (April 2026), and that of `turbomcp-grpc` 3.6.
//! What else a server serves by gRPC is no message of MCP.

use super::method::Method;

/// The method of the path `/{package}.{Service}/{Procedure}`.
pub(crate) fn method_of_rpc(path: &str) -> Option<Method> {
    let (service, procedure) = path.strip_prefix('/')?.split_once('/')?;
    let procedures = match service {
        "model_context_protocol.Mcp" => &PROCEDURES[..BOTH],
        "turbomcp.mcp.v1.McpService" => &PROCEDURES,
        _ => return None,
    };
    procedures.iter().find(|(name, _)| *name == procedure).map(|(_, method)| *method)
}

/// The procedures that both services have come first.
const BOTH: usize = 8;

const PROCEDURES: [(&str, Method); 15] = [
    ("CallTool", Method::ToolsCall),
    ("ListTools", Method::ToolsList),
    ("ReadResource", Method::ResourcesRead),
    ("ListResources", Method::ResourcesList),
    ("ListResourceTemplates", Method::ResourcesTemplatesList),
    ("GetPrompt", Method::PromptsGet),
    ("ListPrompts", Method::PromptsList),
    ("Complete", Method::CompletionComplete),
    ("Initialize", Method::Initialize),
    ("Ping", Method::Ping),
    ("Subscribe", Method::ResourcesSubscribe),
    ("SetLoggingLevel", Method::LoggingSetLevel),
    ("ListRoots", Method::RootsList),
    ("CreateSamplingMessage", Method::SamplingCreateMessage),
    ("Elicit", Method::ElicitationCreate),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_served_procedures_are_methods() {
        for (path, method) in [
            ("/model_context_protocol.Mcp/CallTool", Some(Method::ToolsCall)),
            ("/model_context_protocol.Mcp/Complete", Some(Method::CompletionComplete)),
            ("/model_context_protocol.Mcp/Initialize", None),
            ("/turbomcp.mcp.v1.McpService/Initialize", Some(Method::Initialize)),
            ("/turbomcp.mcp.v1.McpService/Elicit", Some(Method::ElicitationCreate)),
            ("/model_context_protocol.Mcp/calltool", None),
            ("/model_context_protocol.Mcp/CallTool/", None),
            ("/grpc.health.v1.Health/Check", None),
            ("/model_context_protocol.Mcp", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(method_of_rpc(path), method, "{path}");
        }
    }
}
