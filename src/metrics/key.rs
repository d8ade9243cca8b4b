//! The keys of the series: whole tuples, so that two series never share counts.

use std::borrow::Cow;

use super::{
    admission::NameId,
    labels::{CancelCause, Code, OTHER, Scheme},
    methods::HttpMethod,
    operation::MethodLabel,
    series::Key,
};
use crate::exchange::{Component, Outcome};

/// All that is told apart of operations. Each family shows a part of it and adds up the rest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct OperationKey {
    pub(super) source: Source,
    pub(super) method: MethodLabel,
    pub(super) target: TargetKey,
    /// `None` for a call recorded with a status outside the closed set.
    pub(super) outcome: Option<Outcome>,
    pub(super) code: Option<Code>,
    pub(super) component: Option<Component>,
    pub(super) cancelled: Option<CancelCause>,
}

/// Who recorded an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// The layer, from an exchange.
    Wire,
    /// A handler. It says nothing of MCP operations, so only the families on tools show it.
    Hand,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TargetKey {
    None,
    Tool(NameId),
    Prompt(NameId),
    Resource(Scheme),
}

impl Key for OperationKey {
    /// Each part has bits of its own: a target 36, in which a name has 32, and the others from one
    /// to eight. An absent part is one more value.
    #[inline]
    fn packed(&self) -> u64 {
        let target = match self.target {
            TargetKey::None => 0,
            TargetKey::Tool(name) => 1 | u64::from(name.number()) << 4,
            TargetKey::Prompt(name) => 2 | u64::from(name.number()) << 4,
            TargetKey::Resource(scheme) => 3 | (scheme as u64) << 4,
        };
        target
            | (self.source as u64) << 36
            | (self.method.index() as u64) << 37
            | optional(self.outcome.map(|outcome| outcome as u8)) << 45
            | optional(self.code.map(|code| code as u8)) << 50
            | optional(self.component.map(|component| component as u8)) << 55
            | optional(self.cancelled.map(|cause| cause as u8)) << 59
    }

    fn folded(self) -> Self {
        let target = match self.target {
            TargetKey::Tool(_) => TargetKey::Tool(NameId::OTHER),
            TargetKey::Prompt(_) => TargetKey::Prompt(NameId::OTHER),
            target @ (TargetKey::None | TargetKey::Resource(_)) => target,
        };
        // What the families sum over stays, so that they agree.
        Self { target, ..self }
    }
}

/// All that is told apart of HTTP exchanges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ExchangeKey {
    pub(super) method: HttpMethod,
    pub(super) route: NameId,
    pub(super) status: StatusKey,
}

/// An HTTP status as a label: itself, its class where there is no room, or none.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct StatusKey(u16);

impl StatusKey {
    /// Stands for what is no HTTP status.
    pub(super) const OTHER: Self = Self(0);

    /// How many classes there are, [`OTHER`](Self::OTHER) included.
    pub(super) const CLASSES: usize = 10;

    /// `None` for what is no HTTP status.
    pub(super) fn of(status: u16) -> Option<Self> {
        (100..=999).contains(&status).then_some(Self(status))
    }

    fn class(self) -> Self {
        Self(if self.0 < 100 { self.0 } else { self.0 / 100 })
    }

    /// `404`, or `4xx` for the class, which queries for `4..` find too.
    pub(super) fn text(self) -> Cow<'static, str> {
        match self.0 {
            0 => OTHER.into(),
            class @ 1..=9 => format!("{class}xx").into(),
            status => status.to_string().into(),
        }
    }
}

impl Key for ExchangeKey {
    fn packed(&self) -> u64 {
        u64::from(self.route.number()) | u64::from(self.status.0) << 32 | self.method.number() << 48
    }

    fn folded(self) -> Self {
        Self { route: NameId::OTHER, status: self.status.class(), ..self }
    }
}

/// What the durations of HTTP exchanges are told apart by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct RouteKey {
    pub(super) method: HttpMethod,
    pub(super) route: NameId,
}

impl Key for RouteKey {
    fn packed(&self) -> u64 {
        u64::from(self.route.number()) | self.method.number() << 32
    }

    fn folded(self) -> Self {
        Self { route: NameId::OTHER, ..self }
    }
}

/// An error that was recorded by hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ErrorKey {
    pub(super) kind: NameId,
    pub(super) component: NameId,
}

impl Key for ErrorKey {
    fn packed(&self) -> u64 {
        u64::from(self.kind.number()) | u64::from(self.component.number()) << 32
    }

    fn folded(self) -> Self {
        Self { kind: NameId::OTHER, component: NameId::OTHER }
    }
}

/// One more than the value, so that none is zero.
fn optional(value: Option<u8>) -> u64 {
    value.map_or(0, |value| u64::from(value) + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{
        super::{labels::ClosedSet, methods::HttpMethods},
        *,
    };
    use crate::mcp::Method;

    fn options<T: Copy>(values: impl IntoIterator<Item = T>) -> Vec<Option<T>> {
        [None].into_iter().chain(values.into_iter().map(Some)).collect()
    }

    /// Every part at each of its values while the others are at their largest, whose bits are most
    /// likely to spill over.
    #[test]
    fn no_two_operations_have_the_same_number() {
        let largest = OperationKey {
            source: Source::Hand,
            method: MethodLabel::Known(Method::Other),
            target: TargetKey::Prompt(NameId::of_test(u32::MAX)),
            outcome: Some(Outcome::NoResponse),
            code: Some(Code::Other),
            component: Some(Component::Transport),
            cancelled: Some(CancelCause::Notification),
        };
        let mut keys = vec![OperationKey { source: Source::Wire, ..largest }];
        keys.extend(MethodLabel::all().map(|method| OperationKey { method, ..largest }));
        let names = [NameId::OTHER, NameId::of_test(1), NameId::of_test(u32::MAX)];
        let targets = names
            .into_iter()
            .flat_map(|name| [TargetKey::Tool(name), TargetKey::Prompt(name)])
            .chain(Scheme::ALL.iter().copied().map(TargetKey::Resource))
            .chain([TargetKey::None]);
        keys.extend(targets.map(|target| OperationKey { target, ..largest }));
        for outcome in options(Outcome::ALL) {
            for code in options(Code::ALL.iter().copied()) {
                for component in options(Component::ALL.iter().copied()) {
                    for cancelled in options(CancelCause::ALL.iter().copied()) {
                        let key = OperationKey { outcome, code, component, ..largest };
                        keys.push(OperationKey { cancelled, ..key });
                    }
                }
            }
        }
        let mut distinct: Vec<OperationKey> = Vec::new();
        let mut packed = HashSet::new();
        for key in keys {
            if packed.insert(key.packed()) {
                distinct.push(key);
            } else {
                assert_eq!(distinct.iter().find(|one| one.packed() == key.packed()), Some(&key));
            }
        }
    }

    #[test]
    fn no_two_exchanges_or_errors_have_the_same_number() {
        let (zero, one, most) = (NameId::OTHER, NameId::of_test(1), NameId::of_test(u32::MAX));
        let methods = HttpMethods::of_test(31);
        let mut packed = HashSet::new();
        for method in methods.all() {
            for route in [zero, one, most] {
                for status in [0, 9, 200, u16::MAX].map(StatusKey) {
                    assert!(packed.insert(ExchangeKey { method, route, status }.packed()));
                }
            }
        }
        packed.clear();
        for method in methods.all() {
            for route in [zero, one, most] {
                assert!(packed.insert(RouteKey { method, route }.packed()));
            }
        }
        packed.clear();
        for kind in [zero, one, most] {
            for component in [zero, one, most] {
                assert!(packed.insert(ErrorKey { kind, component }.packed()));
            }
        }
    }

    #[test]
    fn a_status_without_room_is_its_class() {
        for (status, text, class) in [(100, "100", "1xx"), (404, "404", "4xx"), (999, "999", "9xx")]
        {
            let status = StatusKey::of(status).unwrap();
            assert_eq!((&*status.text(), &*status.class().text()), (text, class));
            assert_eq!(status.class().class(), status.class());
        }
        assert_eq!(StatusKey::of(99), None);
        assert_eq!(StatusKey::of(1000), None);
        assert_eq!(StatusKey::OTHER.class().text(), OTHER);
    }
}
