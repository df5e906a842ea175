//! swabstream as a contender: a whole processor in this process.

use super::figures::process_time;
use super::site::{LIMIT, Site};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use swabstream::config::ProcessingConfig;
use swabstream::model::ids::Secret;
use swabstream::model::record::HalfKind;
use swabstream::processor::{Job, Processor};
use swabstream::telemetry::Telemetry;
use swabstream::view::status::ProcessStatus;

/// One pass over the topic.
#[derive(Clone, Copy)]
pub struct Run {
    pub records: u64,
    pub wall: Duration,
    /// Of the contender's process, all threads: its client's among them, the broker's not.
    pub cpu: Duration,
}

impl Run {
    pub fn per_second(self) -> f64 {
        self.records as f64 / self.wall.as_secs_f64()
    }

    pub fn cpu_ns(self) -> f64 {
        self.cpu.as_nanos() as f64 / self.records as f64
    }
}

/// A processor at work.
pub struct Ours {
    processor: Processor,
    status: Arc<ProcessStatus>,
    started: Instant,
}

impl Ours {
    /// Starts one on a site; with a worker per core unless said.
    pub fn start(site: &Site, workers: Option<usize>) -> anyhow::Result<Self> {
        let status = Arc::new(ProcessStatus::default());
        let telemetry = Telemetry::new(status.clone());
        let person_workers = workers.and_then(NonZeroUsize::new);
        let processing = ProcessingConfig { person_workers, ..ProcessingConfig::default() };
        let formats = processing.formats();
        let job =
            Job { kafka: site.config.clone(), processing, secret: Secret::new([7; 16]), layout: site.layout, formats };
        let started = Instant::now();
        Ok(Self { processor: Processor::start(&job, &telemetry)?, status, started })
    }

    /// Records committed by the person half since it started.
    pub fn consumed(&self) -> u64 {
        let persons = self.status.snapshot().into_iter().filter(|worker| worker.half == HalfKind::Person);
        persons.map(|worker| worker.records).sum()
    }

    /// Waits until so many results are committed since it started, and those among them that had to be sent on once
    /// more. Timed from the first commit on.
    pub fn process(&self, results: u64, sent_on: u64) -> anyhow::Result<Run> {
        let all = results + sent_on;
        let mut first = None;
        loop {
            std::thread::sleep(Duration::from_millis(2));
            let so_far = self.consumed();
            match first {
                None if so_far > 0 => first = Some((Instant::now(), process_time(), so_far)),
                Some((began, cpu, already)) if so_far >= all => {
                    let records = results.saturating_sub(already);
                    return Ok(Run { records, wall: began.elapsed(), cpu: process_time() - cpu });
                }
                _ => anyhow::ensure!(self.started.elapsed() < LIMIT, "swabstream stalled at {so_far} of {all}"),
            }
        }
    }

    /// How long the tasks of the person half were restored, the slowest of them: from when the group gave it until it
    /// runs.
    pub fn restored(&self) -> anyhow::Result<Duration> {
        let mut given = None;
        loop {
            std::thread::sleep(Duration::from_millis(1));
            let persons: Vec<_> =
                self.status.snapshot().into_iter().filter(|worker| worker.half == HalfKind::Person).collect();
            let tasks = || persons.iter().flat_map(|worker| worker.tasks.values());
            if given.is_none() && tasks().count() > 0 {
                given = Some(Instant::now());
            }
            if let Some(given) = given.filter(|_| tasks().count() > 0 && tasks().all(|task| task.restoring.is_none())) {
                return Ok(given.elapsed());
            }
            anyhow::ensure!(self.started.elapsed() < LIMIT, "a restore stalled");
        }
    }

    pub fn shut_down(self) -> anyhow::Result<()> {
        Ok(self.processor.shut_down()?)
    }
}
