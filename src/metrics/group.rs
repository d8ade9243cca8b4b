//! [`Group`]: families that can be left out together.

/// A group of families that a store keeps by default, and that
/// [`McpMetricsBuilder::without`](super::McpMetricsBuilder::without) leaves out.
///
/// A group that is left out costs nothing: it is neither recorded nor shown.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Group {
    /// Who calls: `mcp_client_operations_total`, `mcp_client_protocol_total`.
    Clients,
    /// `mcp_sessions_active`, `mcp_sessions_oldest_idle_seconds`, `mcp_session_events_total`,
    /// `mcp_session_duration_seconds`.
    Sessions,
    /// `mcp_streams_active`, `mcp_stream_duration_seconds`, `mcp_stream_first_event_seconds`,
    /// `mcp_stream_messages_total`, `mcp_streams_refused_total`.
    Streams,
    /// What lists show of the server: `mcp_list_response_bytes`, `mcp_list_response_items`,
    /// `mcp_tool_definition_bytes`, `mcp_tool_schema_changes_total`. The numbers of tools, resources
    /// and prompts stay; without this group they are only what
    /// [`update_registry_counts`](super::McpMetrics::update_registry_counts) says, and a tool that
    /// was listed is not admitted by that.
    Lists,
    /// `mcp_tool_arguments_bytes`, `mcp_tool_result_bytes`,
    /// `mcp_tool_result_tokens_estimate_total`.
    Sizes,
}

/// A set of groups.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Groups(u8);

impl Groups {
    pub(super) const ALL: Self = Self(u8::MAX);

    pub(super) const fn without(self, group: Group) -> Self {
        Self(self.0 & !bit(group))
    }

    pub(super) const fn has(self, group: Group) -> bool {
        self.0 & bit(group) != 0
    }
}

const fn bit(group: Group) -> u8 {
    1 << group as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_left_out_alone() {
        let groups = [Group::Clients, Group::Sessions, Group::Streams, Group::Lists, Group::Sizes];
        for without in groups {
            let rest = Groups::ALL.without(without);
            for group in groups {
                assert_eq!(rest.has(group), group != without);
            }
        }
    }
}
