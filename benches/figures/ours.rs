//! swabstream as a contender: a whole processor in this process.

use super::figures::process_time;
use super::site::{LIMIT, Site};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use swabstream::config::ProcessingConfig;
use swabstream::model::ids::Secret;
use swabstream::processor::{Job, Processor};
use swabstream::telemetry::Telemetry;
use swabstream::view::vitals::Vitals;

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
    vitals: Arc<Vitals>,
    started: Instant,
}

impl Ours {
    /// Starts one on a site; with a worker per core unless said.
    pub fn start(site: &Site, workers: Option<usize>) -> anyhow::Result<Self> {
        let vitals = Arc::new(Vitals::default());
        let telemetry = Telemetry::new(vitals.clone());
        let person_workers = workers.and_then(NonZeroUsize::new);
        let processing = ProcessingConfig { person_workers, ..ProcessingConfig::default() };
        let job = Job { kafka: site.config.clone(), processing, secret: Secret::new([7; 16]), layout: site.layout };
        let started = Instant::now();
        Ok(Self { processor: Processor::start(&job, &telemetry)?, vitals, started })
    }

    /// Records committed by the person half since it started.
    pub fn consumed(&self) -> u64 {
        let persons = self.vitals.snapshot().into_iter().filter(|worker| worker.half == "person");
        persons.map(|worker| worker.records).sum()
    }

    /// Waits until everything published is committed, messages between tasks too. Timed from the first commit on.
    pub fn process(&self, site: &Site) -> anyhow::Result<Run> {
        let all = site.loaded.records + site.loaded.away;
        let mut first = None;
        loop {
            std::thread::sleep(Duration::from_millis(2));
            let so_far = self.consumed();
            match first {
                None if so_far > 0 => first = Some((Instant::now(), process_time(), so_far)),
                Some((began, cpu, already)) if so_far >= all => {
                    let records = site.loaded.records.saturating_sub(already);
                    return Ok(Run { records, wall: began.elapsed(), cpu: process_time() - cpu });
                }
                _ => anyhow::ensure!(self.started.elapsed() < LIMIT, "swabstream stalled at {so_far} of {all}"),
            }
        }
    }

    pub fn shut_down(self) -> anyhow::Result<()> {
        Ok(self.processor.shut_down()?)
    }
}
