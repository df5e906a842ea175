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
mod process;
mod series;

use crate::clock;
use crate::model::record::{HalfKind, Topic};
use crate::model::time::Timestamp;
use crate::view::overview::Overview;
use crate::view::status::ProcessStatus;
use exposition::Format;
use meter::Meter;
use process::Process;
use series::Series;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// All metrics of this process. One per process, shared.
#[derive(Debug)]
pub struct Telemetry {
    series: Series,
    process: Process,
}

impl Telemetry {
    /// Nothing counted yet. Workers that get a [`Meter`] here also show in `status`.
    pub fn new(status: Arc<ProcessStatus>) -> Arc<Self> {
        let process = Process { status, started: clock::now(), event_clients: AtomicUsize::new(0) };
        Arc::new(Self { series: Series::new(), process })
    }

    /// What one worker reports to. `half` is its half, `inputs` are the topics it consumes.
    pub fn worker(&self, half: HalfKind, inputs: &[Topic]) -> Meter {
        Meter::new(&self.series, self.process.status.worker(half), half, inputs)
    }

    /// The workers of this process.
    pub fn status(&self) -> &Arc<ProcessStatus> {
        &self.process.status
    }

    /// When this process started.
    pub fn started(&self) -> Timestamp {
        self.process.started
    }

    /// Folds what the histograms have gathered: to be called every few seconds, also when nobody scrapes.
    pub fn upkeep(&self) {
        self.series.upkeep();
    }

    /// Everything, in a format that Prometheus reads: of this process, and of the outputs as the view knows them.
    pub fn render(&self, overview: &Overview, format: Format) -> String {
        let now = Series::new();
        gauges::of_process(&now, &self.process, clock::now());
        gauges::of_the_system(&now, &metrics_process::collector::collect());
        gauges::of_outputs(&now, overview, self.status());
        exposition::lay_out(&(self.series.render() + &now.render()), format)
    }

    /// How many pages follow the events.
    pub fn event_clients(&self) -> &AtomicUsize {
        &self.process.event_clients
    }
}
