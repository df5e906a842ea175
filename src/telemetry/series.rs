//! The only place that talks to the metrics library.

use super::names::{self, Metric};
use metrics::{Counter, Gauge, Histogram, Key, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

/// Boundaries of the commit histogram, in seconds: from a commit of one alert to a broker that hangs.
const COMMIT_BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Boundaries of the restore histogram, in seconds: from a task without history to a whole province.
const RESTORE_BUCKETS: [f64; 13] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];

/// Boundaries of the histogram of alerts, in seconds: from a commit of one alert to a broker that was away.
const ALERT_BUCKETS: [f64; 13] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// A set of series.
#[derive(Debug)]
pub(super) struct Series(PrometheusRecorder);

impl Series {
    pub(super) fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for (metric, buckets) in [
            (&names::COMMIT_DURATION, COMMIT_BUCKETS),
            (&names::RESTORE_DURATION, RESTORE_BUCKETS),
            (&names::RESULT_TO_ALERT, ALERT_BUCKETS),
        ] {
            let matcher = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(matcher, &buckets).expect("the buckets are not empty");
        }
        Self(builder.build_recorder())
    }

    pub(super) fn counter(&self, metric: &Metric, labels: &[&str]) -> Counter {
        self.0.register_counter(&key(metric, labels), &METADATA)
    }

    pub(super) fn gauge(&self, metric: &Metric, labels: &[&str]) -> Gauge {
        self.0.register_gauge(&key(metric, labels), &METADATA)
    }

    pub(super) fn histogram(&self, metric: &Metric, labels: &[&str]) -> Histogram {
        self.0.register_histogram(&key(metric, labels), &METADATA)
    }

    /// Folds what the histograms have gathered.
    pub(super) fn upkeep(&self) {
        self.0.handle().run_upkeep();
    }

    /// Its samples, in no order, without a word about what they are.
    pub(super) fn render(&self) -> String {
        self.0.handle().render()
    }
}

const METADATA: Metadata<'static> = Metadata::new("swabstream", Level::INFO, None);

fn key(metric: &Metric, values: &[&str]) -> Key {
    assert_eq!(metric.labels.len(), values.len(), "{} has other labels", metric.name);
    let label = |(label, value): (&names::Label, &&str)| metrics::Label::new(label.name(), (*value).to_owned());
    Key::from_parts(metric.name, metric.labels.iter().zip(values).map(label).collect::<Vec<_>>())
}
