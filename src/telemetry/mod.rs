//! Metrics and logs. Every name is in [`names`]; counters and histograms live here from start to end of the process,
//! gauges are laid out anew for each scrape ([`gauges`]), so that nothing is shown of a task that has left.
//!
//! In: what workers report per batch and commit ([`meter::Meter`]), what the view has read, what the operating system
//! says of this process. Out: Prometheus' text, or OpenMetrics.
//! Never here: a value of a record, an id of a person, a listener of its own.

pub mod exposition;
pub mod gauges;
pub mod logs;
pub mod meter;
pub mod names;

use crate::clock;
use crate::model::record::{HalfKind, Topic};
use crate::model::time::Timestamp;
use crate::view::picture::Picture;
use crate::view::vitals::Vitals;
use exposition::Format;
use meter::Meter;
use metrics::{Counter, Gauge, Histogram, Key, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use names::Metric;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Boundaries of the commit histogram, in seconds: from a commit of one alert to a broker that hangs.
const COMMIT_BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Boundaries of the restore histogram, in seconds: from a task without history to a whole province.
const RESTORE_BUCKETS: [f64; 13] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];

/// All metrics of this process. One per process, shared.
#[derive(Debug)]
pub struct Telemetry {
    series: Series,
    vitals: Arc<Vitals>,
    started: Timestamp,
    event_clients: AtomicUsize,
}

impl Telemetry {
    /// Nothing counted yet. Workers that get a [`Meter`] here also show in `vitals`.
    pub fn new(vitals: Arc<Vitals>) -> Arc<Self> {
        let series = Series::new();
        Arc::new(Self { series, vitals, started: clock::now(), event_clients: AtomicUsize::new(0) })
    }

    /// What one worker reports to. `half` is the name of its half, `inputs` are the topics it consumes.
    pub fn worker(&self, half: HalfKind, inputs: &[Topic]) -> Meter {
        Meter::new(&self.series, self.vitals.worker(half), half, inputs)
    }

    /// The workers of this process.
    pub fn vitals(&self) -> &Arc<Vitals> {
        &self.vitals
    }

    /// When this process started.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Folds what the histograms have gathered: to be called every few seconds, also when nobody scrapes.
    pub fn upkeep(&self) {
        self.series.0.handle().run_upkeep();
    }

    /// Everything, in a format that Prometheus reads: of this process, and of the outputs as the view knows them.
    pub fn render(&self, picture: &Picture, format: Format) -> String {
        let now = Series::new();
        gauges::of_process(&now, self, clock::now());
        gauges::of_the_system(&now, &metrics_process::collector::collect());
        gauges::of_outputs(&now, picture, self.vitals());
        exposition::lay_out(&(self.series.render() + &now.render()), format)
    }

    /// How many pages follow the events.
    pub fn event_clients(&self) -> &AtomicUsize {
        &self.event_clients
    }
}

/// A set of series: the only place that talks to the metrics library.
#[derive(Debug)]
pub(crate) struct Series(PrometheusRecorder);

impl Series {
    pub(crate) fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for (metric, buckets) in
            [(&names::COMMIT_DURATION, COMMIT_BUCKETS), (&names::RESTORE_DURATION, RESTORE_BUCKETS)]
        {
            let matcher = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(matcher, &buckets).expect("the buckets are not empty");
        }
        Self(builder.build_recorder())
    }

    pub(crate) fn counter(&self, metric: &Metric, labels: &[&str]) -> Counter {
        self.0.register_counter(&key(metric, labels), &METADATA)
    }

    pub(crate) fn gauge(&self, metric: &Metric, labels: &[&str]) -> Gauge {
        self.0.register_gauge(&key(metric, labels), &METADATA)
    }

    pub(crate) fn histogram(&self, metric: &Metric, labels: &[&str]) -> Histogram {
        self.0.register_histogram(&key(metric, labels), &METADATA)
    }

    /// Its samples, in no order, without a word about what they are.
    pub(crate) fn render(&self) -> String {
        self.0.handle().render()
    }
}

const METADATA: Metadata<'static> = Metadata::new("swabstream", Level::INFO, None);

fn key(metric: &Metric, values: &[&str]) -> Key {
    assert_eq!(metric.labels.len(), values.len(), "{} has other labels", metric.name);
    let label = |(label, value): (&names::Label, &&str)| metrics::Label::new(label.name(), (*value).to_owned());
    Key::from_parts(metric.name, metric.labels.iter().zip(values).map(label).collect::<Vec<_>>())
}
