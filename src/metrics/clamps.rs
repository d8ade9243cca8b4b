//! How often a value was replaced, for each label and reason.

use super::{
    cell::{Counters, Shards},
    labels::{ClosedSet, Reason, closed_set},
};

closed_set! {
    /// The labels whose values can be replaced.
    pub(super) enum Label {
        ToolName = "tool_name",
        PromptName = "prompt_name",
        ResourceType = "resource_type",
        McpMethod = "mcp_method",
        Method = "method",
        Path = "path",
        Status = "status",
        Type = "type",
        Component = "component",
        ClientType = "client_type",
        ClientName = "client_name",
        ClientVersion = "client_version",
        Revision = "revision",
        // Those of the families by conventions.
        ErrorType = "error_type",
        GenAiToolName = "gen_ai_tool_name",
        GenAiPromptName = "gen_ai_prompt_name",
        HttpRoute = "http_route",
        RpcMethod = "rpc_method",
    }
}

impl Label {
    /// The reasons that can occur with the label.
    const fn reasons(self) -> &'static [Reason] {
        use Reason::{Cap, Charset, Length, Unknown};
        match self {
            Self::ToolName
            | Self::PromptName
            | Self::Path
            | Self::Type
            | Self::ClientName
            | Self::RpcMethod => &[Unknown, Length, Charset, Cap],
            // First come, first served: no value is unknown as long as there is room.
            Self::Component | Self::ClientType | Self::ClientVersion => &[Length, Charset, Cap],
            Self::ErrorType | Self::GenAiToolName | Self::GenAiPromptName | Self::HttpRoute => {
                &[Cap]
            }
            Self::ResourceType | Self::McpMethod | Self::Method | Self::Status | Self::Revision => {
                &[Unknown]
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Clamps(Counters);

impl Clamps {
    pub(super) fn new(shards: Shards) -> Self {
        Self(Counters::new(Label::ALL.len() * Reason::ALL.len(), shards))
    }

    pub(super) fn count(&self, label: Label, reason: Reason) {
        debug_assert!(label.reasons().contains(&reason), "{label:?} has no {reason:?}");
        self.0.add(slot(label, reason), 1);
    }

    /// How many combinations can occur.
    pub(super) fn combinations() -> usize {
        Label::ALL.iter().map(|label| label.reasons().len()).sum()
    }

    /// Every combination that can occur, zeros included: an alert on a rise needs the zero before.
    pub(super) fn all(&self) -> impl Iterator<Item = (Label, Reason, u64)> {
        let combinations = Label::ALL
            .iter()
            .flat_map(|&label| label.reasons().iter().map(move |&reason| (label, reason)));
        combinations.map(|(label, reason)| (label, reason, self.0.get(slot(label, reason))))
    }
}

fn slot(label: Label, reason: Reason) -> usize {
    label.index() * Reason::ALL.len() + reason.index()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_combination_has_its_own_count() {
        let clamps = Clamps::new(Shards::for_this_machine());
        for (index, &label) in Label::ALL.iter().enumerate() {
            for (reason, times) in label.reasons().iter().zip(index..) {
                (0..times).for_each(|_| clamps.count(label, *reason));
            }
        }
        for (label, reason, count) in clamps.all() {
            let position = label.reasons().iter().position(|other| *other == reason).unwrap();
            assert_eq!(count, (label.index() + position) as u64, "{label:?} {reason:?}");
        }
    }
}
