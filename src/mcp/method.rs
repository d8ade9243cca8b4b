//! The methods of MCP, a closed set: all of `schema.ts` from 2024-11-05 to 2026-07-28, of the tasks
//! extension (SEP-2663) and of the skills extension (SEP-2640).
//!
//! A method string is client text. Mapped to this set it can be a label.

use std::fmt;

use super::string::Content;
use super::unreadable::Unreadable;

/// Writes the enum and the two maps between it and its names from one table.
macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// A JSON-RPC method that MCP defines, for use as an index as well (`method as usize`).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub(crate) enum Method {
            $($(#[$doc])* $variant,)+
            /// Any other string.
            #[default]
            Other,
        }

        impl Method {
            pub(crate) const ALL: [Self; Self::COUNT] = [$(Self::$variant,)+ Self::Other];

            pub(crate) const COUNT: usize = Self::Other as usize + 1;

            /// The method of that name. Names are compared byte by byte, as JSON-RPC wants.
            #[expect(
                non_upper_case_globals,
                reason = "a pattern must be a literal or a constant, and the variant is at hand"
            )]
            pub(crate) fn from_bytes(name: &[u8]) -> Self {
                $(const $variant: &[u8] = $name.as_bytes();)+
                match name {
                    $($variant => Self::$variant,)+
                    _ => Self::Other,
                }
            }

            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other => "_OTHER",
                }
            }
        }
    };
}

methods! {
    // Life cycle.
    Initialize = "initialize",
    Ping = "ping",
    ServerDiscover = "server/discover",
    SubscriptionsListen = "subscriptions/listen",

    // What a server offers.
    ToolsList = "tools/list",
    ToolsCall = "tools/call",
    PromptsList = "prompts/list",
    PromptsGet = "prompts/get",
    ResourcesList = "resources/list",
    ResourcesTemplatesList = "resources/templates/list",
    ResourcesRead = "resources/read",
    ResourcesSubscribe = "resources/subscribe",
    ResourcesUnsubscribe = "resources/unsubscribe",
    CompletionComplete = "completion/complete",
    LoggingSetLevel = "logging/setLevel",

    // What a client offers.
    SamplingCreateMessage = "sampling/createMessage",
    RootsList = "roots/list",
    ElicitationCreate = "elicitation/create",

    // Tasks: core in 2025-11-25, an extension since.
    TasksGet = "tasks/get",
    TasksUpdate = "tasks/update",
    TasksCancel = "tasks/cancel",
    TasksResult = "tasks/result",
    TasksList = "tasks/list",

    // Skills, an extension.
    SkillsList = "skills/list",
    SkillsGet = "skills/get",
    ResourcesDirectoryRead = "resources/directory/read",

    NotificationsInitialized = "notifications/initialized",
    NotificationsCancelled = "notifications/cancelled",
    NotificationsProgress = "notifications/progress",
    NotificationsMessage = "notifications/message",
    NotificationsToolsListChanged = "notifications/tools/list_changed",
    NotificationsPromptsListChanged = "notifications/prompts/list_changed",
    NotificationsResourcesListChanged = "notifications/resources/list_changed",
    NotificationsResourcesUpdated = "notifications/resources/updated",
    NotificationsRootsListChanged = "notifications/roots/list_changed",
    NotificationsTasks = "notifications/tasks",
    NotificationsTasksStatus = "notifications/tasks/status",
    NotificationsElicitationComplete = "notifications/elicitation/complete",
    NotificationsSubscriptionsAcknowledged = "notifications/subscriptions/acknowledged",
}

/// The member of `params` that names what a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TargetField {
    /// `params.name`, of a tool or a prompt.
    Name,
    /// `params.uri`, of a resource.
    Uri,
    /// `params.taskId`.
    TaskId,
}

impl Method {
    /// The method a string names; an error if it is not UTF-8.
    pub(super) fn new(name: &Content<'_>) -> Result<Self, Unreadable> {
        let method = Self::from_bytes(name.kept);
        if method == Self::Other {
            name.as_str()?;
        }
        Ok(method)
    }

    /// Where the message names its target, `None` if it has none.
    ///
    /// For `tools/call`, `prompts/get`, `resources/read` and the task methods this is also what the
    /// `Mcp-Name` header mirrors (2026-07-28, Streamable HTTP).
    pub(crate) const fn target(self) -> Option<TargetField> {
        match self {
            Self::ToolsCall | Self::PromptsGet => Some(TargetField::Name),
            Self::ResourcesRead
            | Self::ResourcesSubscribe
            | Self::ResourcesUnsubscribe
            | Self::ResourcesDirectoryRead
            | Self::SkillsGet
            | Self::NotificationsResourcesUpdated => Some(TargetField::Uri),
            Self::TasksGet
            | Self::TasksUpdate
            | Self::TasksCancel
            | Self::TasksResult
            | Self::NotificationsTasks
            | Self::NotificationsTasksStatus => Some(TargetField::TaskId),
            _ => None,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_method() {
        for (index, method) in Method::ALL.into_iter().enumerate() {
            assert_eq!(Method::from_bytes(method.as_str().as_bytes()), method);
            assert_eq!(method as usize, index, "ALL is in the order of the discriminants");
        }
    }

    #[test]
    fn names_are_compared_exactly() {
        for name in ["", "tools/cal", "tools/calls", "Tools/Call", "tools\\/call", " ping"] {
            assert_eq!(Method::from_bytes(name.as_bytes()), Method::Other, "{name}");
        }
    }
}
