//! The state of the machine, once a second: rates, lag, books, restores. Sampled once for all who look.
//!
//! In: the workers' numbers and the overview. Out: [`MachineStatus`], ready to be shown. Never here: a clock; the caller says
//! what time it is.

use super::days::WaitsFor;
use super::overview::Overview;
use super::status::{Books, ProcessStatus, WorkerStatus};
use super::texts;
use crate::model::record::HalfKind;
use crate::model::time::Timestamp;
use crate::proto::v1::Outcome;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Seconds of rates kept.
pub const SECONDS: usize = 120;

/// Labs shown at most: those not heard of for longest.
const MOST_LABS: usize = 60;

/// The machine at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MachineStatus {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Records consumed per second, the last [`SECONDS`], newest last.
    pub rates: VecDeque<u64>,
    /// Both halves, by name.
    pub halves: BTreeMap<&'static str, HalfStatus>,
    /// Whether past data are read as if they arrived now.
    pub history: bool,
    /// Whether any worker runs in this process.
    pub working: bool,
    /// Whether the page has read everything that there was when it started.
    pub caught_up: bool,
    /// Consumed records by outcome, over the tasks held here.
    pub outcomes: BTreeMap<String, u64>,
    /// Days whose close is held up, and by which person tasks.
    pub days_waiting: Vec<DayWaiting>,
    /// Dead letters by code.
    pub dead_letters: BTreeMap<String, u64>,
    /// Registered labs, those not heard of for longest first.
    pub labs: Vec<LabStatus>,
    /// Labs that are not shown.
    pub labs_omitted: usize,
}

/// One half of the machine, in this process.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HalfStatus {
    /// Its books.
    #[serde(flatten)]
    pub books: Books,
    /// Whether every record has its outcome.
    pub balances: bool,
    /// Tasks that run.
    pub running: u32,
    /// Tasks being restored.
    pub restoring: u32,
    /// Changelog records left to restore.
    pub remaining: u64,
    /// Input records not yet read.
    pub lag: u64,
    /// Age of the task furthest behind, in milliseconds; absent in history mode or when nobody is behind.
    pub lag_ms: Option<i64>,
    /// The longest of the workers' last commits, in milliseconds.
    pub commit_ms: Option<f64>,
    /// The smallest progress over all instances, in milliseconds since 1970.
    pub progress: Option<i64>,
}

/// A day that is not closed although its time has come for some tasks.
#[derive(Clone, Debug, Serialize)]
pub struct DayWaiting {
    /// The day.
    pub day: String,
    /// Person tasks that have not come so far.
    pub tasks: Vec<WaitsFor>,
}

/// One lab.
#[derive(Clone, Debug, Serialize)]
pub struct LabStatus {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Receipt of its newest result, in milliseconds since 1970; absent when none was read since the start.
    pub newest: Option<i64>,
}

/// Samples the machine.
#[derive(Debug, Default)]
pub struct Sampler {
    rates: VecDeque<u64>,
    last: Option<(Instant, u64)>,
}

impl Sampler {
    /// One sample; `wall` and `tick` are the same moment on the wall clock and on the steady one.
    pub fn sample(
        &mut self,
        status: &ProcessStatus,
        overview: &Overview,
        wall: Timestamp,
        tick: Instant,
    ) -> MachineStatus {
        let workers = status.snapshot();
        self.rate(workers.iter().map(|worker| worker.records).sum(), tick);
        let history = status.history_mode();
        let halves = HalfKind::ALL.map(|half| {
            let mut sums = HalfStatus::default();
            let here = workers.iter().filter(|worker| worker.half == half);
            here.for_each(|worker| sums.add(worker, (!history).then_some(wall)));
            sums.balances = sums.books.consumed == sums.books.outcomes;
            sums.progress = overview.min_progress(half).map(|now| now.0);
            (half.name(), sums)
        });
        let (labs, labs_omitted) = labs(&workers, overview);
        MachineStatus {
            at: wall.0,
            rates: self.rates.clone(),
            halves: halves.into(),
            history,
            working: workers.iter().any(|worker| !worker.ended),
            caught_up: overview.caught_up(),
            outcomes: outcomes(&workers),
            days_waiting: days_waiting(status, overview),
            dead_letters: overview.dead_letters.counts().clone(),
            labs,
            labs_omitted,
        }
    }

    fn rate(&mut self, records: u64, tick: Instant) {
        if let Some((before, known)) = self.last {
            let seconds = tick.duration_since(before).max(Duration::from_millis(1)).as_secs_f64();
            self.rates.push_back((records.saturating_sub(known) as f64 / seconds).round() as u64);
        }
        while self.rates.len() > SECONDS {
            self.rates.pop_front();
        }
        self.last = Some((tick, records));
    }
}

impl HalfStatus {
    fn add(&mut self, worker: &WorkerStatus, wall: Option<Timestamp>) {
        for task in worker.tasks.values() {
            self.books.add(&task.ledger);
            match task.restoring {
                Some(left) => (self.restoring, self.remaining) = (self.restoring + 1, self.remaining + left),
                None => self.running += 1,
            }
            let lag = task.lag.unwrap_or(0);
            self.lag += lag;
            if let (Some(wall), Some(now), true) = (wall, task.now, lag > 0) {
                self.lag_ms = self.lag_ms.max(Some((wall.0 - now.0).max(0)));
            }
        }
        if let Some(took) = worker.last_commit {
            let took = took.as_secs_f64() * 1000.0;
            self.commit_ms = Some(self.commit_ms.map_or(took, |longest| longest.max(took)));
        }
    }
}

fn days_waiting(status: &ProcessStatus, overview: &Overview) -> Vec<DayWaiting> {
    let Some(rules) = overview.registry().rules() else { return Vec::new() };
    let waiting = overview.days().waiting(rules, overview.person_tasks(status));
    waiting.into_iter().map(|(day, tasks)| DayWaiting { day: day.to_string(), tasks }).collect()
}

fn outcomes(workers: &[WorkerStatus]) -> BTreeMap<String, u64> {
    let mut outcomes = BTreeMap::new();
    let ledgers =
        workers.iter().filter(|worker| worker.half == HalfKind::Person).flat_map(|worker| worker.tasks.values());
    for count in ledgers.flat_map(|task| task.ledger.counts()) {
        if let Ok(outcome) = Outcome::try_from(count.outcome) {
            *outcomes.entry(texts::outcome(outcome)).or_default() += count.records;
        }
    }
    outcomes
}

fn labs(workers: &[WorkerStatus], overview: &Overview) -> (Vec<LabStatus>, usize) {
    let mut heard: HashMap<&str, Timestamp> = HashMap::new();
    for (lab, at) in workers.iter().flat_map(|worker| &worker.labs) {
        let newest = heard.entry(lab).or_insert(*at);
        *newest = (*newest).max(*at);
    }
    let lab = |(id, name): &(String, String)| {
        let newest = heard.get(id.as_str()).map(|at| at.0);
        LabStatus { id: id.clone(), name: name.clone(), newest }
    };
    let mut labs: Vec<LabStatus> = overview.registry().labs().iter().map(lab).collect();
    labs.sort_by_key(|lab| lab.newest.unwrap_or(i64::MIN));
    let omitted = labs.len().saturating_sub(MOST_LABS);
    labs.truncate(MOST_LABS);
    (labs, omitted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Layout;
    use crate::view::status::TaskStatus;

    #[test]
    fn the_rate_is_records_over_seconds() {
        let (status, overview) = (ProcessStatus::default(), Overview::default());
        let seat = status.worker(HalfKind::Person);
        let (mut sampler, start) = (Sampler::default(), Instant::now());
        let mut sample =
            |seconds: u64| sampler.sample(&status, &overview, Timestamp(0), start + Duration::from_secs(seconds)).rates;
        assert!(sample(0).is_empty(), "one look is no rate");
        seat.update(|numbers| numbers.records = 500);
        assert_eq!(sample(2), [250]);
    }

    #[test]
    fn lag_in_time_is_that_of_the_task_furthest_behind() {
        let (status, overview) = (ProcessStatus::default(), Overview::default());
        let task = |now, lag| TaskStatus { now: Some(Timestamp(now)), lag: Some(lag), ..TaskStatus::default() };
        let seat = status.worker(HalfKind::Person);
        seat.update(|numbers| numbers.tasks = [(0, task(1_000, 0)), (1, task(7_000, 3)), (2, task(9_000, 4))].into());
        let sample = || Sampler::default().sample(&status, &overview, Timestamp(10_000), Instant::now());
        let half = &sample().halves["person"];
        assert_eq!((half.lag, half.lag_ms), (7, Some(3_000)), "a task that has read everything is not behind");
        status.expect(1, Layout { person_tasks: 3, area_tasks: 1 }, true);
        assert_eq!(sample().halves["person"].lag_ms, None, "past data are not late");
    }
}
