//! What a page shows: all series read once, added up for each family.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Instant,
};

use super::{
    admission::Names,
    cell::{self, Sums},
    exposition::{Exposition, expose_counter},
    family::Family,
    group::Group,
    key::{ErrorKey, ExchangeKey, OperationKey, RouteKey, Source, TargetKey},
    labels::{CancelCause, ClosedSet, Code, Fault, ListKind, OTHER, Scheme, Unknown},
    methods::HttpMethod,
    moment::Moment,
    names,
    operation::MethodLabel,
    store::{Inner, RegistryCounts},
};
use crate::{
    exchange::{CallStatus, Component, Outcome},
    mcp::{Method, Revision},
};

/// The sums of one moment. Families that show the same operations in different ways agree, since
/// each series was read once for all of them.
pub(super) struct Snapshot<'a> {
    store: &'a Inner,
    /// When it was taken.
    now: Moment,
    tools: NamesByNumber,
    routes: NamesByNumber,
    /// By tool and [`ending`].
    tool_calls: Grid,
    /// The slots of a cell, by tool.
    tool_durations: Grid,
    /// By scheme and status.
    resource_reads: Grid,
    /// By method and outcome.
    operations: Grid,
    /// The slots of a cell, by method.
    operation_durations: Grid,
    /// By method, and by code and fault; the last column of a code is nobody's fault.
    jsonrpc_errors: Grid,
    /// By method and cause.
    cancellations: Grid,
    /// By outcome and component.
    errors: Grid,
    errors_by_hand: Vec<(ErrorKey, u64)>,
    /// Sorted as they are shown.
    requests: Vec<(ExchangeKey, u64)>,
    /// The slots of a cell, by HTTP method and route.
    request_durations: Grid,
}

impl<'a> Snapshot<'a> {
    pub(super) fn of(store: &'a Inner) -> Self {
        let now = store.birth.moment(Instant::now());
        store.expire_sessions(now);
        // The series go before the names: a name is admitted before it has a series.
        let operations: Vec<_> = store.operations.iter().collect();
        let exchanges: Vec<_> = store.exchanges.iter().collect();
        let durations: Vec<_> = store.exchange_durations.iter().collect();
        let errors = store.errors.iter();
        let errors_by_hand =
            errors.map(|error| (error.key, error.value.load(Ordering::Relaxed))).collect();
        let tools = NamesByNumber::of(&store.tool_names);
        let routes = NamesByNumber::of(store.routes.names());

        let buckets = &store.buckets.durations;
        let slots = cell::slots(buckets);
        let mut snapshot = Self {
            store,
            now,
            tool_calls: Grid::new(tools.len(), ENDINGS),
            tool_durations: Grid::new(tools.len(), slots),
            resource_reads: Grid::new(Scheme::ALL.len(), CallStatus::ALL.len()),
            operations: Grid::new(MethodLabel::COUNT, Outcome::ALL.len()),
            operation_durations: Grid::new(MethodLabel::COUNT, slots),
            jsonrpc_errors: Grid::new(MethodLabel::COUNT, Code::ALL.len() * FAULTS),
            cancellations: Grid::new(MethodLabel::COUNT, CancelCause::ALL.len()),
            errors: Grid::new(Outcome::ALL.len(), Component::ALL.len()),
            errors_by_hand,
            requests: Vec::with_capacity(exchanges.len()),
            request_durations: Grid::new(store.methods.count() * routes.len(), slots),
            tools,
            routes,
        };
        let mut sums = vec![0; slots];
        for series in operations {
            series.value.read(&mut sums);
            snapshot.add_operation(&series.key, &sums);
        }
        for series in exchanges {
            snapshot.requests.push((series.key, series.value.count.get(0)));
        }
        for series in durations {
            series.value.read(&mut sums);
            let RouteKey { method, route } = series.key;
            let row = snapshot.route_row(method, route.index());
            snapshot.request_durations.add_row(row, &sums);
        }
        snapshot.sort_requests();
        snapshot
    }

    fn add_operation(&mut self, key: &OperationKey, slots: &[u64]) {
        let count = Sums::of(&self.store.buckets.durations, slots).counted();
        if key.method == MethodLabel::Known(Method::ToolsCall) {
            let tool = match key.target {
                TargetKey::Tool(name) => name.index(),
                // A call whose name could not be read counts with those that are not admitted.
                _ => 0,
            };
            self.tool_calls.add(tool, ending(key.outcome), count);
            self.tool_durations.add_row(tool, slots);
        }
        let (Source::Wire, Some(outcome)) = (key.source, key.outcome) else { return };
        self.operations.add(key.method.index(), outcome.index(), count);
        self.operation_durations.add_row(key.method.index(), slots);
        if let Some(code) = key.code {
            let fault = Fault::of(outcome).map_or(FAULTS - 1, ClosedSet::index);
            let column = code.index() * FAULTS + fault;
            self.jsonrpc_errors.add(key.method.index(), column, count);
        }
        if let Some(cause) = key.cancelled {
            self.cancellations.add(key.method.index(), cause.index(), count);
        }
        if key.method == MethodLabel::Known(Method::ResourcesRead) {
            let scheme = match key.target {
                TargetKey::Resource(scheme) => scheme,
                _ => Scheme::Other,
            };
            self.resource_reads.add(scheme.index(), outcome.status().index(), count);
        }
        if let Some(component) = key.component {
            self.errors.add(outcome.index(), component.index(), count);
        }
    }

    fn route_row(&self, method: HttpMethod, route: usize) -> usize {
        method.index() * self.routes.len() + route
    }

    fn sort_requests(&mut self) {
        let routes = &self.routes;
        self.requests.sort_unstable_by_key(|(key, _)| {
            (key.method.index(), routes.rank(key.route.index()), key.status)
        });
    }

    /// Writes every family that has a series.
    pub(super) fn expose(&self, out: &mut impl Exposition) {
        let Inner { sets, buckets, .. } = self.store;
        let has = |group| sets.groups.has(group);
        self.expose_service(out);
        self.expose_requests(out);
        let [tools, resources, prompts] = self.offered();
        expose_gauge(out, &names::TOOLS_TOTAL, tools);
        expose_gauge(out, &names::RESOURCES_TOTAL, resources);
        expose_gauge(out, &names::PROMPTS_TOTAL, prompts);
        self.expose_tool_calls(out);
        self.expose_resource_reads(out);
        self.expose_auth(out);
        self.expose_rate_limits(out);
        self.expose_errors(out);
        self.expose_operations(out);
        self.expose_in_flight(out);
        self.expose_jsonrpc_errors(out);
        self.expose_unknown_targets(out);
        self.expose_cancellations(out);
        if has(Group::Sizes) {
            let Inner { tools, token_bytes, .. } = self.store;
            tools.expose_sizes(self.tools.by_name(), &buckets.sizes, *token_bytes, out);
        }
        self.store.tools.expose_last_calls(self.tools.by_name(), out);
        if has(Group::Lists) {
            let since = self.store.lists.offered_since(ListKind::Tools);
            self.store.tools.expose_definitions(self.tools.by_name(), since, out);
            self.store.lists.expose_changes(out);
            self.store.lists.expose_sizes(out);
        }
        expose_gauge(out, &names::SERVER_TOOLS, tools);
        expose_gauge(out, &names::SERVER_RESOURCES, resources);
        expose_gauge(out, &names::SERVER_PROMPTS, prompts);
        if has(Group::Sessions) {
            self.store.sessions.expose(self.now, &buckets.long, out);
        }
        if has(Group::Clients) {
            self.store.clients.expose(out);
            self.expose_revisions(out);
        }
        if has(Group::Streams) {
            self.store.streams.expose(buckets, out);
        }
        out.family(&names::BATCH_SIZE);
        self.store.batches.expose(&buckets.batches, out, &[]);
        self.expose_clamps(out);
        self.expose_inspections(out);
        self.store.health.expose(out);
        if let Some(conventions) = &self.store.conventions {
            let prompts = NamesByNumber::of(&self.store.prompts);
            conventions.expose(&self.tools, &prompts, out);
        }
        if let Some(conventions) = &self.store.http_conventions {
            conventions.expose(&self.routes, out);
        }
        // These two are the last ones, and count themselves.
        let series = out.series() + 2;
        out.family(&names::SERIES);
        out.row(&[], series);
        out.family(&names::SERIES_LIMIT);
        out.row(&[], self.store.max_series as u64);
    }

    fn expose_service(&self, out: &mut impl Exposition) {
        out.family(&names::SERVICE_INFO);
        let info = self.store.service_info.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(info) = info {
            out.info(&[&info.version], &info.labels);
        }
    }

    fn expose_requests(&self, out: &mut impl Exposition) {
        out.family(&names::REQUESTS_TOTAL);
        for (ExchangeKey { method, route, status }, count) in &self.requests {
            let method = self.store.methods.text(*method);
            let labels = [method, self.routes.name(route.index()), &*status.text()];
            out.row(&labels, *count);
        }
        out.family(&names::REQUEST_DURATION_SECONDS);
        for method in self.store.methods.all() {
            for (route, name) in self.routes.by_name() {
                let slots = self.request_durations.row(self.route_row(method, route));
                self.expose_durations(out, &[self.store.methods.text(method), name], slots);
            }
        }
    }

    /// How many tools, resources and prompts the server offers, as far as it is known.
    fn offered(&self) -> [Option<u64>; 3] {
        let counts = *self.store.registry_counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts {
            // The server knows better than any list.
            Some(RegistryCounts { tools, resources, prompts }) => {
                [tools, resources, prompts].map(Some)
            }
            None => [ListKind::Tools, ListKind::Resources, ListKind::Prompts]
                .map(|kind| self.store.lists.offered(kind)),
        }
    }

    fn expose_tool_calls(&self, out: &mut impl Exposition) {
        out.family(&names::TOOL_CALLS_TOTAL);
        for (tool, name) in self.tools.by_name() {
            for (ending, &count) in self.tool_calls.row(tool).iter().enumerate() {
                let (status, error_type) = match Outcome::ALL.get(ending) {
                    Some(outcome) if outcome.status() == CallStatus::Success => ("success", ""),
                    Some(outcome) => (outcome.status().as_str(), outcome.as_str()),
                    None => (OTHER, ""),
                };
                // An admitted tool has zeros from the start: a rate needs the zero before the
                // first error.
                if count > 0 || (tool > 0 && EXPECTED_ENDINGS.contains(&ending)) {
                    out.row(&[name, status, error_type], count);
                }
            }
        }
        out.family(&names::TOOL_CALL_DURATION_SECONDS);
        for (tool, name) in self.tools.by_name() {
            self.expose_durations(out, &[name], self.tool_durations.row(tool));
        }
    }

    fn expose_resource_reads(&self, out: &mut impl Exposition) {
        out.family(&names::RESOURCE_READS_TOTAL);
        for &scheme in Scheme::ALL {
            for &status in CallStatus::ALL {
                let count = self.resource_reads.get(scheme.index(), status.index());
                expose_counter(out, &[scheme.as_str(), status.as_str()], count);
            }
        }
    }

    fn expose_auth(&self, out: &mut impl Exposition) {
        out.family(&names::AUTH_ATTEMPTS_TOTAL);
        for (kind, result, count) in self.store.auth_attempts.all() {
            expose_counter(out, &[kind.as_str(), result.status(), result.reason()], count);
        }
    }

    fn expose_rate_limits(&self, out: &mut impl Exposition) {
        out.family(&names::RATE_LIMIT_HITS_TOTAL);
        for (client_type, name) in NamesByNumber::of(&self.store.client_types).by_name() {
            expose_counter(out, &[name], self.store.rate_limit_hits.get(client_type));
        }
    }

    fn expose_errors(&self, out: &mut impl Exposition) {
        // What a handler called by the words of the wire is the same series.
        let mut errors = BTreeMap::new();
        for outcome in Outcome::ALL {
            for &component in Component::ALL {
                let count = self.errors.get(outcome.index(), component.index());
                *errors.entry((outcome.as_str(), component.as_str())).or_default() += count;
            }
        }
        let (types, components) =
            (NamesByNumber::of(&self.store.error_types), NamesByNumber::of(&self.store.components));
        for (ErrorKey { kind, component }, count) in &self.errors_by_hand {
            let labels = (types.name(kind.index()), components.name(component.index()));
            *errors.entry(labels).or_default() += count;
        }
        out.family(&names::ERRORS_TOTAL);
        for ((kind, component), count) in errors {
            expose_counter(out, &[kind, component], count);
        }
    }

    fn expose_operations(&self, out: &mut impl Exposition) {
        out.family(&names::OPERATIONS_TOTAL);
        for method in MethodLabel::all() {
            for outcome in Outcome::ALL {
                let count = self.operations.get(method.index(), outcome.index());
                expose_counter(out, &[method.as_str(), outcome.as_str()], count);
            }
        }
        out.family(&names::OPERATION_DURATION_SECONDS);
        for method in MethodLabel::all() {
            let slots = self.operation_durations.row(method.index());
            self.expose_durations(out, &[method.as_str()], slots);
        }
    }

    fn expose_in_flight(&self, out: &mut impl Exposition) {
        out.family(&names::REQUESTS_IN_FLIGHT);
        for method in MethodLabel::all() {
            if let Some(count) = self.store.in_flight.get(method) {
                out.row(&[method.as_str()], count);
            }
        }
    }

    fn expose_jsonrpc_errors(&self, out: &mut impl Exposition) {
        out.family(&names::JSONRPC_ERRORS_TOTAL);
        for method in MethodLabel::all() {
            let row = self.jsonrpc_errors.row(method.index());
            for (&code, counts) in Code::ALL.iter().zip(row.chunks_exact(FAULTS)) {
                let faults = Fault::ALL.iter().map(|fault| fault.as_str()).chain([""]);
                for (fault, &count) in faults.zip(counts) {
                    expose_counter(out, &[method.as_str(), code.as_str(), fault], count);
                }
            }
        }
    }

    fn expose_cancellations(&self, out: &mut impl Exposition) {
        out.family(&names::CANCELLATIONS_TOTAL);
        for method in MethodLabel::all() {
            for &cause in CancelCause::ALL {
                let count = self.cancellations.get(method.index(), cause.index());
                expose_counter(out, &[method.as_str(), cause.as_str()], count);
            }
        }
    }

    fn expose_revisions(&self, out: &mut impl Exposition) {
        out.family(&names::CLIENT_PROTOCOL_TOTAL);
        for &revision in <Revision as ClosedSet>::ALL {
            let count = self.store.revisions.get(revision.index());
            expose_counter(out, &[ClosedSet::as_str(revision)], count);
        }
    }

    fn expose_durations(&self, out: &mut impl Exposition, labels: &[&str], slots: &[u64]) {
        Sums::of(&self.store.buckets.durations, slots).expose(out, labels);
    }

    fn expose_unknown_targets(&self, out: &mut impl Exposition) {
        out.family(&names::UNKNOWN_TARGETS_TOTAL);
        for &kind in Unknown::ALL {
            out.row(&[kind.as_str()], self.store.unknown_targets.get(kind.index()));
        }
    }

    fn expose_clamps(&self, out: &mut impl Exposition) {
        out.family(&names::LABELS_CLAMPED_TOTAL);
        for (label, reason, count) in self.store.clamps.all() {
            out.row(&[label.as_str(), reason.as_str()], count);
        }
    }

    fn expose_inspections(&self, out: &mut impl Exposition) {
        out.family(&names::BODY_INSPECTIONS_TOTAL);
        for (direction, result, count) in self.store.inspections.all() {
            out.row(&[direction.as_str(), result.result(), result.reason()], count);
        }
    }
}

/// A series of a family that has one at most.
fn expose_gauge(out: &mut impl Exposition, family: &'static Family, value: Option<u64>) {
    out.family(family);
    if let Some(value) = value {
        out.row(&[], value);
    }
}

/// Whose fault an error is, the last one being nobody's.
const FAULTS: usize = Fault::ALL.len() + 1;

/// How a tool call can end as its labels tell it: each outcome, and a status outside the set.
pub(super) const ENDINGS: usize = Outcome::ALL.len() + 1;

const EXPECTED_ENDINGS: [usize; 3] =
    [Outcome::Success as usize, Outcome::ToolError as usize, Outcome::ServerError as usize];

fn ending(outcome: Option<Outcome>) -> usize {
    match outcome {
        // All that is no failure has the same labels.
        Some(outcome) if outcome.status() == CallStatus::Success => Outcome::Success.index(),
        Some(outcome) => outcome.index(),
        None => Outcome::ALL.len(),
    }
}

/// Names by number, and the numbers by name.
pub(super) struct NamesByNumber {
    names: Vec<Arc<str>>,
    sorted: Vec<usize>,
    ranks: Vec<usize>,
}

impl NamesByNumber {
    pub(super) fn of(names: &Names) -> Self {
        let names = names.all();
        let mut sorted: Vec<_> = (0..names.len()).collect();
        sorted.sort_unstable_by_key(|&index| &names[index]);
        let mut ranks = vec![0; names.len()];
        for (rank, &index) in sorted.iter().enumerate() {
            ranks[index] = rank;
        }
        Self { names, sorted, ranks }
    }

    fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, index: usize) -> &str {
        &self.names[index]
    }

    fn rank(&self, index: usize) -> usize {
        self.ranks[index]
    }

    fn by_name(&self) -> impl Iterator<Item = (usize, &str)> + Clone {
        self.sorted.iter().map(|&index| (index, &*self.names[index]))
    }
}

/// Sums in rows and columns.
struct Grid {
    columns: usize,
    sums: Vec<u64>,
}

impl Grid {
    fn new(rows: usize, columns: usize) -> Self {
        Self { columns, sums: vec![0; rows * columns] }
    }

    fn row(&self, row: usize) -> &[u64] {
        &self.sums[row * self.columns..][..self.columns]
    }

    fn get(&self, row: usize, column: usize) -> u64 {
        self.row(row)[column]
    }

    fn add(&mut self, row: usize, column: usize, count: u64) {
        self.sums[row * self.columns + column] += count;
    }

    fn add_row(&mut self, row: usize, counts: &[u64]) {
        let sums = &mut self.sums[row * self.columns..][..self.columns];
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum = sum.wrapping_add(*count);
        }
    }
}
