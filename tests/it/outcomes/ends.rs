//! What an ending must show, by the table of outcomes.

/// How an operation ended, as metrics and line must tell it.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) method: &'static str,
    pub(super) tool: Option<&'static str>,
    pub(super) outcome: &'static str,
    pub(super) reason: Option<&'static str>,
    pub(super) code: Option<i64>,
    pub(super) verb: &'static str,
    pub(super) status: u16,
    /// JSON-RPC has answered, with whatever.
    pub(super) answered: bool,
    /// The operation counts when its end is known, on another exchange.
    pub(super) later: bool,
    pub(super) quiet: bool,
}

/// A call of `tool` that was answered, by a result.
pub(super) fn call(tool: &'static str, outcome: &'static str) -> End {
    End {
        method: "tools/call",
        tool: Some(tool),
        outcome,
        reason: None,
        code: None,
        verb: "POST",
        status: 200,
        answered: true,
        later: false,
        quiet: false,
    }
}

/// An exchange of `verb` without a message.
pub(super) fn bare(verb: &'static str, outcome: &'static str) -> End {
    End { verb, ..call("", outcome) }.about("none")
}

impl End {
    pub(super) fn about(self, method: &'static str) -> Self {
        Self { method, tool: None, ..self }
    }

    pub(super) fn reason(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// The answer was an error.
    pub(super) fn code(self, code: i64) -> Self {
        Self { code: Some(code), ..self }
    }

    /// There was no answer.
    pub(super) fn unanswered(self) -> Self {
        Self { answered: false, ..self }
    }

    pub(super) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(super) fn later(self) -> Self {
        Self { later: true, ..self }
    }

    pub(super) fn quiet(self) -> Self {
        Self { quiet: true, ..self }
    }

    pub(super) fn level(&self) -> &'static str {
        match self.outcome {
            "tool_error" | "timeout" | "no_response" => "WARN",
            "server_error" | "transport_error" => "ERROR",
            _ if self.quiet => "DEBUG",
            _ => "INFO",
        }
    }

    /// What `mcp_operations_total` must count.
    pub(super) fn operations(&self) -> Vec<String> {
        let counted = !self.later;
        counted.then(|| format!("{} {}", self.method, self.outcome)).into_iter().collect()
    }

    /// What `mcp_requests_total` must count.
    pub(super) fn requests(&self) -> Vec<String> {
        vec![format!("{} /mcp {}", self.verb, self.status)]
    }

    /// What `mcp_tool_calls_total` must count.
    pub(super) fn tool_calls(&self) -> Vec<String> {
        let Some(tool) = self.tool.filter(|_| !self.later) else { return Vec::new() };
        let tool = if super::demo::TOOLS.contains(&tool) { tool } else { "_OTHER" };
        vec![match self.outcome {
            "success" | "input_required" => format!("success {tool}"),
            "cancelled" | "detached" => format!("{} cancelled {tool}", self.outcome),
            outcome => format!("{outcome} error {tool}"),
        }]
    }

    /// What `mcp_errors_total` must count.
    pub(super) fn errors(&self) -> Vec<String> {
        let component = match (self.outcome, self.status) {
            ("success" | "input_required" | "cancelled" | "detached", _) => return Vec::new(),
            ("tool_error", _) => "tool",
            ("transport_error", _) => "transport",
            ("rejected", 401 | 403) => "auth",
            ("rejected", _) => "http",
            ("no_response", _) => "jsonrpc",
            _ if self.answered => "jsonrpc",
            _ => "http",
        };
        vec![format!("{component} {}", self.outcome)]
    }
}
