//! The bridge to the `prometheus` crate, in both directions: our families for a registry, and a
//! registry's other families for our page.

use std::{
    cell::Cell,
    sync::{Arc, Weak},
};

use prometheus::{
    Registry,
    core::{Collector, Desc},
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use super::{
    buckets::Scale,
    cell::Sums,
    const_labels::ConstLabels,
    exposition::Exposition,
    family::{Family, Kind, Sets},
    snapshot::Snapshot,
    store::{Inner, McpMetrics},
};
use crate::{
    error::{Error, Kind as ErrorKind},
    exchange::Sink,
};

/// For those who serve a registry themselves. [`MetricsService`](super::MetricsService) needs no
/// registration.
///
/// A store can be registered once in a registry; a second time is an error of the registry. One
/// that was built with [`registry`](super::McpMetricsBuilder::registry) is registered in it.
impl Collector for McpMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.inner.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.inner.collect()
    }
}

impl Inner {
    fn collect(&self) -> Vec<MetricFamily> {
        // Our own page has these families already.
        if SERVING.get() == Some(self.sink) {
            return Vec::new();
        }
        let mut families = Families::new(self);
        Snapshot::of(self).expose(&mut families);
        families.finish()
    }
}

/// What a registry is told of every family that a store can ever show.
pub(super) fn descs(
    namespace: &str,
    sets: Sets,
    const_labels: &ConstLabels,
) -> prometheus::Result<Vec<Desc>> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let desc = |family: &'static Family| {
        let labels = family.labels.iter().map(|&label| label.to_owned()).collect();
        let const_labels = const_labels.pairs().map(owned).collect();
        Desc::new(family.full_name(namespace), family.help.to_owned(), labels, const_labels)
    };
    sets.families().map(desc).collect()
}

/// Registers a store that also serves the registry.
///
/// # Errors
///
/// If the registry has a metric of one of our names.
pub(super) fn register(metrics: &McpMetrics, registry: &Registry) -> Result<(), Error> {
    // A registration that fails leaves the names that came before the taken one in the registry
    // for good, so look first. What has no series yet cannot be seen, and shows only then.
    let others = gather_others(metrics, registry);
    if let Some(taken) = others.iter().find(|family| is_ours(&metrics.inner, family)) {
        return Err(Error::new(ErrorKind::Taken(Some(taken.name().to_owned()))));
    }
    let registered =
        Registered { store: Arc::downgrade(&metrics.inner), descs: metrics.inner.descs.clone() };
    registry
        .register(Box::new(registered))
        .map_err(|cause| Error::new(ErrorKind::Taken(None)).with_source(cause))
}

/// What a registry holds of a store that holds the registry. A reference would be a circle, and
/// neither would ever be freed.
struct Registered {
    store: Weak<Inner>,
    descs: Vec<Desc>,
}

impl Collector for Registered {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.store.upgrade().map_or_else(Vec::new, |store| store.collect())
    }
}

thread_local! {
    /// The store whose page this thread is writing.
    static SERVING: Cell<Option<Sink>> = const { Cell::new(None) };
}

/// The families of a registry, without those of `metrics`.
pub(super) fn gather_others(metrics: &McpMetrics, registry: &Registry) -> Vec<MetricFamily> {
    /// Put back even if a foreign collector panics.
    struct Restore(Option<Sink>);

    impl Drop for Restore {
        fn drop(&mut self) {
            SERVING.set(self.0);
        }
    }

    let _restore = Restore(SERVING.replace(Some(metrics.inner.sink)));
    registry.gather()
}

/// Whether a family has a name that our page uses.
pub(super) fn is_ours(store: &Inner, family: &MetricFamily) -> bool {
    let namespace = &*store.namespace;
    store.sets.families().any(|ours| {
        let name = match ours.prefix(namespace) {
            None => Some(family.name()),
            Some(prefix) => {
                family.name().strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'))
            }
        };
        match name.and_then(|name| name.strip_prefix(ours.name)) {
            Some("") => true,
            Some("_bucket" | "_sum" | "_count") => ours.kind == Kind::Histogram,
            _ => false,
        }
    })
}

/// Our families in the types of the `prometheus` crate.
struct Families<'a> {
    namespace: &'a str,
    const_labels: &'a ConstLabels,
    written: u64,
    done: Vec<MetricFamily>,
    current: Option<&'static Family>,
    /// The series of the current family.
    series: Vec<Metric>,
}

impl<'a> Families<'a> {
    fn new(store: &'a Inner) -> Self {
        let Inner { namespace, const_labels, .. } = store;
        Self {
            namespace,
            const_labels,
            written: 0,
            done: Vec::new(),
            current: None,
            series: Vec::new(),
        }
    }

    fn finish(mut self) -> Vec<MetricFamily> {
        self.end_family();
        self.done
    }

    fn end_family(&mut self) {
        let series = std::mem::take(&mut self.series);
        let Some(family) = self.current.take().filter(|_| !series.is_empty()) else { return };
        let mut proto = MetricFamily::default();
        proto.set_name(family.full_name(self.namespace));
        proto.set_help(family.help.to_owned());
        proto.set_field_type(match family.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        proto.set_metric(series);
        self.done.push(proto);
    }

    fn current(&self) -> &'static Family {
        self.current.expect("a family is begun before its series")
    }

    fn push<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)>, value: f64) {
        self.written += 1;
        let mut metric = Metric::from_label(self.pairs(labels));
        if self.current().kind == Kind::Counter {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.series.push(metric);
    }

    fn pairs<'l>(&self, labels: impl Iterator<Item = (&'l str, &'l str)>) -> Vec<LabelPair> {
        let pair = |(name, value): (&str, &str)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value.to_owned());
            pair
        };
        let labels = labels.filter(|(_, value)| !value.is_empty()).map(pair);
        self.const_labels.pairs().map(pair).chain(labels).collect()
    }
}

impl Exposition for Families<'_> {
    fn family(&mut self, family: &'static Family) {
        self.end_family();
        self.current = Some(family);
    }

    fn row(&mut self, labels: &[&str], value: u64) {
        self.push(self.current().pairs(labels), float(value));
    }

    fn seconds(&mut self, labels: &[&str], nanos: u64) {
        self.push(self.current().pairs(labels), seconds(nanos));
    }

    fn info(&mut self, labels: &[&str], more: &[(String, String)]) {
        let more = more.iter().map(|(name, value)| (&**name, &**value));
        self.push(self.current().pairs(labels).chain(more), 1.0);
    }

    fn histogram(&mut self, labels: &[&str], sums: Sums<'_>) {
        let bounds = sums.buckets().bounds().iter();
        let buckets = bounds.zip(sums.cumulated()).map(|(bound, within)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound.value);
            bucket.set_cumulative_count(within);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(sums.samples());
        histogram.set_sample_sum(match sums.buckets().scale() {
            Scale::Nanos => seconds(sums.sum),
            Scale::Ones => float(sums.sum),
        });
        let mut metric = Metric::from_label(self.pairs(self.current().pairs(labels)));
        metric.set_histogram(histogram);
        self.written += sums.buckets().series() as u64;
        self.series.push(metric);
    }

    fn series(&self) -> u64 {
        self.written
    }
}

fn seconds(nanos: u64) -> f64 {
    float(nanos) / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "the crate's counts are doubles")]
fn float(value: u64) -> f64 {
    value as f64
}
