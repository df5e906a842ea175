//! A worker: one member of the group, one transactional producer, the tasks it was given.
//!
//! [`Worker::step`] is the whole loop body: take what the log has, let time pass, commit when due. It is synchronous
//! and takes the time from its caller, so tests drive many workers from one seed. [`drive`](super::drive::drive) is
//! the asynchronous shell around it.

mod committing;
mod failures;
mod pace;
mod restore;
mod under_way;

use super::log::{Fatal, Log, Polled};
use super::restoring::Restoring;
use super::task::clock::{Look, Watermarks};
use super::task::{RulesInForce, Task};
use crate::model::ids::Secret;
use crate::model::record::{HalfKind, Layout, Position, Record, Topic};
use crate::model::time::Timestamp;
use crate::pipeline::formats::{Formats, Newer};
use crate::pipeline::half::Half;
use crate::telemetry::meter::{CommitEnd, Meter, TaskReport};
use failures::Failures;
use pace::{Pace, Waiting};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use under_way::UnderWay;

/// Records taken per poll: enough to pay for the call, few enough to stay in cache.
const POLL_RECORDS: usize = 1_000;

/// A jump of time by more than so many days is warned of.
const LONG_JUMP_DAYS: i64 = 31;

/// How often tasks without anything to read look whether their offsets stop before a marker.
const REACH_EVERY_MS: i64 = 1_000;

/// How a worker works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many tasks there are.
    pub layout: Layout,
    /// Key of all hashes.
    pub secret: Secret,
    /// Larger records are refused.
    pub max_record_bytes: usize,
    /// R of the changelogs.
    pub ring: u64,
    /// How long what a task has read waits for its turn to be committed, while the worker keeps up.
    pub commit_interval_ms: i64,
    /// Most records that wait for a commit, of all tasks of a worker.
    pub commit_records: usize,
    /// Partitions that cost a transaction as much as it costs before it touches any.
    pub commit_floor: usize,
    /// Past data: time comes from records and marks only, never from the clock.
    pub history: bool,
    /// Of messages between tasks.
    pub formats: Formats,
    /// People looked at in one commit of a task because something of them is due.
    pub due_at_most: usize,
}

/// Where a worker is with a task that it was given.
#[derive(Debug)]
enum Phase<H> {
    /// Reading its changelog.
    Restoring(Box<Restoring>),
    /// Restored by newer rules than this worker has read: waits for them.
    Waiting(Box<Task<H>>),
    /// At work.
    Running(Box<Task<H>>),
}

/// One member of a half's group.
#[derive(Debug)]
pub struct Worker<H, L> {
    log: L,
    settings: Settings,
    rules: RulesInForce,
    /// Smallest progress of all person tasks, once known.
    slowest: Option<Watermarks>,
    /// How far each person task has come, once known.
    come_to: Arc<[Timestamp]>,
    phases: BTreeMap<i32, Phase<H>>,
    meter: Meter,
    /// Time of the last step.
    at: Timestamp,
    /// The same by the log's clock, which goes on meanwhile.
    began: Duration,
    /// When the offsets of drained tasks were last looked at.
    looked: Timestamp,
    pace: Pace,
    /// Everything there was has been read since the last commit.
    drained: bool,
    /// The commit that was begun last, until it has ended.
    under_way: Option<UnderWay>,
    /// Since when tasks have something to commit.
    waiting: BTreeMap<i32, Timestamp>,
    /// Records applied and not yet committed, by task and topic.
    consumed: BTreeMap<i32, BTreeMap<Topic, u64>>,
    /// Records on which the core panicked, until they are set aside.
    suspects: BTreeSet<Position>,
    failures: Failures,
}

impl<H: Half, L: Log> Worker<H, L> {
    /// A worker without tasks.
    pub fn new(log: L, settings: Settings, rules: RulesInForce, meter: Meter) -> Self {
        Self {
            log,
            pace: Pace::new(settings.commit_interval_ms, settings.commit_records, settings.commit_floor),
            settings,
            rules,
            slowest: None,
            come_to: Arc::default(),
            phases: BTreeMap::new(),
            meter,
            at: Timestamp::default(),
            began: Duration::default(),
            looked: Timestamp::default(),
            drained: false,
            under_way: None,
            waiting: BTreeMap::new(),
            consumed: BTreeMap::new(),
            suspects: BTreeSet::new(),
            failures: Failures::default(),
        }
    }

    /// One round: take, let time pass, commit when due. Says whether there was anything to do.
    pub fn step(&mut self, at: Timestamp) -> Result<bool, Fatal> {
        (self.at, self.began) = (at, self.log.elapsed());
        let found = if self.is_full() { None } else { Some(self.poll()?) };
        match &found {
            Some(Polled::Nothing) => self.drained = true,
            None | Some(Polled::Records(_)) => {}
            Some(Polled::Assigned(tasks)) => self.begin(tasks)?,
            Some(Polled::Revoked(tasks)) => self.hand_over(tasks)?,
            Some(Polled::Lost(tasks)) => self.forget(tasks)?,
        }
        let restoring = self.restore()?;
        self.pass_time();
        if let Some((failures, left_out)) = self.failures.over(at) {
            tracing::info!(half = H::KIND.name(), failures, left_out, "commits fail no more");
        }
        if self.under_way.is_none() {
            let due = self.due(at);
            self.begin_commit(&due);
        }
        let busy = restoring || found.is_some_and(|found| found != Polled::Nothing);
        self.look_after_commit(!busy)?;
        let owes = self.running().any(|(_, task)| task.owes());
        Ok(busy || owes || self.under_way.is_some())
    }

    /// Completes when a step may find something.
    pub async fn ready(&self) {
        self.log.ready().await;
    }

    /// Other rules are in force.
    pub fn adopt(&mut self, rules: RulesInForce) {
        self.rules = rules;
        for phase in self.phases.values_mut() {
            match phase {
                Phase::Running(task) => task.adopt(&self.rules),
                Phase::Waiting(_) | Phase::Restoring(_) => {} // they adopt when they start
            }
        }
    }

    /// The smallest progress of all person tasks is now this.
    pub fn set_slowest(&mut self, slowest: Watermarks) {
        self.tell_of_a_jump(slowest.watermark);
        self.slowest = Some(self.slowest.unwrap_or_default().max(slowest));
    }

    /// How far each person task has come, by its number: how far days may be closed follows from it by the rules in force.
    pub fn set_come_to(&mut self, come_to: Arc<[Timestamp]>) {
        self.come_to = come_to;
    }

    /// One mistyped year in past data, or a producer's clock, takes time along with it, and closes what lies between.
    fn tell_of_a_jump(&self, now: Timestamp) {
        let Some(before) = self.slowest.map(|slowest| slowest.watermark).filter(|_| H::KIND == HalfKind::Area) else {
            return;
        };
        if now > before.plus_days(LONG_JUMP_DAYS) {
            tracing::warn!(
                from = %before,
                to = %now,
                "time has jumped by more than {LONG_JUMP_DAYS} days everywhere: the days between are published and \
                 closed, and what is received of them from now on may count nowhere. If nothing was to come for so \
                 long, all is well; else look for a record with a wrong time of arrival"
            );
        }
    }

    /// Commits what there is. The caller then drops the worker, which leaves the group.
    pub fn finish(&mut self, at: Timestamp) -> Result<(), Fatal> {
        self.at = at;
        let why = match self.commit_all() {
            Ok(()) if !self.has_dropped() => return Ok(()),
            Ok(()) => "what it held was dropped".to_owned(),
            Err(error) => {
                self.meter.failed(CommitEnd::from(&error));
                error.to_string()
            }
        };
        Err(Fatal::LastCommit { half: H::KIND, why })
    }

    /// Whether a failed commit's tasks are not yet again where they were.
    fn has_dropped(&self) -> bool {
        let dropped = |phase: &Phase<H>| matches!(phase, Phase::Restoring(restoring) if restoring.has_dropped());
        self.phases.values().any(dropped)
    }

    /// Running tasks.
    pub fn running(&self) -> impl Iterator<Item = (i32, &Task<H>)> {
        self.phases.iter().filter_map(|(number, phase)| match phase {
            Phase::Running(task) => Some((*number, task.as_ref())),
            Phase::Restoring(_) | Phase::Waiting(_) => None,
        })
    }

    /// Tells the meter what tasks without commits cannot: lag and time. To be called every second or so.
    pub fn report(&mut self) {
        let Self { log, phases, meter, .. } = self;
        meter.beat();
        for (&number, phase) in phases.iter() {
            if let Phase::Running(task) = phase {
                meter.lag(number, log.lag(number), Some(task.now()));
            }
        }
    }

    /// Whether as much waits as may, and what is under way has to end before more is read.
    fn is_full(&self) -> bool {
        let records = || self.consumed.values().flat_map(BTreeMap::values).sum::<u64>();
        self.under_way.is_some() && records() >= self.settings.commit_records as u64
    }

    fn poll(&mut self) -> Result<Polled, Fatal> {
        let Self { log, phases, consumed, suspects, .. } = self;
        let mut stumbled: Option<(i32, Stumble)> = None;
        let mut take = |records: &[Record<'_>]| {
            let source = |record: &Record<'_>| (record.position.partition, record.position.topic);
            for group in records.chunk_by(|a, b| source(a) == source(b)) {
                let (number, topic) = source(&group[0]);
                let Some(Phase::Running(task)) = phases.get_mut(&number) else {
                    unreachable!("the log hands over records of started tasks only");
                };
                if stumbled.is_some() {
                    return; // all of it is read again
                }
                stumbled = apply_all(task, group, suspects).err().map(|stumble| (number, stumble));
                *consumed.entry(number).or_default().entry(topic).or_default() += group.len() as u64;
            }
        };
        let polled = log.poll(POLL_RECORDS, &mut take)?;
        match stumbled {
            None => Ok(polled),
            Some((_, Stumble::Newer(at, newer))) => Err(Fatal::NewerRecord { half: H::KIND, at, newer }),
            Some((number, Stumble::Panic)) => {
                tracing::error!(
                    half = H::KIND.name(),
                    task = number,
                    suspects = ?self.suspects,
                    "the program failed on a record, see above: it is set aside as `internal`; please report it"
                );
                self.restart_after_commit()?;
                Ok(polled)
            }
        }
    }

    fn begin(&mut self, tasks: &[i32]) -> Result<(), Fatal> {
        let known = self.settings.layout.tasks(H::KIND);
        if let Some(&partition) = tasks.iter().find(|task| **task >= known) {
            return Err(Fatal::Repartitioned { input: H::INPUTS[0], partition, known });
        }
        self.meter.assigned(tasks);
        tasks.iter().for_each(|task| self.restart(*task, false));
        Ok(())
    }

    fn restart(&mut self, task: i32, dropped: bool) {
        let restoring = Restoring::new(H::KIND, H::CHANGELOG, task, self.settings.ring, self.at, dropped);
        self.phases.insert(task, Phase::Restoring(Box::new(restoring)));
        if self.is_news(dropped) {
            tracing::info!(half = H::KIND.name(), task, "assigned, restoring");
        }
    }

    /// Commits for the last time what is taken away, so that its next owner begins where we end.
    fn hand_over(&mut self, tasks: &[i32]) -> Result<(), Fatal> {
        self.commit_now(&self.touched())?;
        self.meter.revoked(tasks);
        tracing::info!(half = H::KIND.name(), ?tasks, "revoked");
        self.drop_tasks(tasks)
    }

    /// Others own these already: a commit would be refused, or worse, not.
    fn forget(&mut self, tasks: &[i32]) -> Result<(), Fatal> {
        self.meter.lost(tasks);
        tracing::warn!(half = H::KIND.name(), ?tasks, "lost");
        // A commit of them that is still under way must not be tried again once they are ours anew: what they are then may
        // have gone on elsewhere.
        if self.under_way.as_ref().is_some_and(|commit| commit.tasks.iter().any(|news| tasks.contains(&news.task))) {
            self.restart_all()?;
        }
        self.drop_tasks(tasks)
    }

    fn drop_tasks(&mut self, tasks: &[i32]) -> Result<(), Fatal> {
        self.phases.retain(|number, _| !tasks.contains(number));
        self.consumed.retain(|number, _| !tasks.contains(number));
        self.waiting.retain(|number, _| !tasks.contains(number));
        self.log.release(tasks)
    }

    fn pass_time(&mut self) {
        let look = (self.at.0 - self.looked.0).abs() >= REACH_EVERY_MS;
        if look {
            self.looked = self.at;
        }
        for (&number, phase) in &mut self.phases {
            if let Phase::Running(task) = phase {
                let read_until = self.log.idle_since(number);
                if look && read_until.is_some() {
                    task.reach(&self.log.reached(number).unwrap_or_default());
                }
                let come_to = self.come_to.clone();
                task.pass_time(&Look { at: self.at, read_until, slowest: self.slowest, come_to });
            }
        }
    }

    /// Tasks with something to commit.
    fn touched(&self) -> Vec<i32> {
        self.running().filter(|(_, task)| task.touched()).map(|(number, _)| number).collect()
    }

    /// Tasks that are to be committed now.
    fn due(&mut self, at: Timestamp) -> Vec<i32> {
        let Self { phases, waiting: since, consumed, .. } = self;
        let of_task = |(number, phase): (&i32, &Phase<H>)| {
            let Phase::Running(task) = phase else { return None };
            task.touched().then(|| Waiting {
                task: *number,
                since: *since.entry(*number).or_insert(at),
                records: consumed.get(number).into_iter().flat_map(BTreeMap::values).sum(),
                alert: task.urgent(),
                owes: task.owes(),
                now: task.now(),
            })
        };
        let waiting: Vec<Waiting> = phases.iter().filter_map(of_task).collect();
        let shared = |number: i32| match &phases[&number] {
            Phase::Running(task) => task.shared(),
            Phase::Restoring(_) | Phase::Waiting(_) => BTreeSet::new(),
        };
        self.pace.due(at, self.drained, &waiting, &shared)
    }

    /// Whether a step of a restore is logged: not where it follows a failure that was not logged either.
    fn is_news(&self, dropped: bool) -> bool {
        !(dropped && self.failures.is_silent())
    }

    fn restart_all(&mut self) -> Result<(), Fatal> {
        self.consumed.clear();
        self.waiting.clear();
        self.under_way = None;
        self.log.rewind()?;
        let tasks: Vec<i32> = self.phases.keys().copied().collect();
        self.meter.restarted(&tasks);
        tasks.iter().for_each(|task| self.restart(*task, true));
        Ok(())
    }
}

/// Why not all records that were handed over could be applied.
enum Stumble {
    /// The core panicked: the state is worth nothing, and the record at fault is among the suspects.
    Panic,
    /// This record is for a newer version to read.
    Newer(Position, Newer),
}

/// Applies records of one input; those on which that panicked before are set aside.
fn apply_all<H: Half>(
    task: &mut Task<H>,
    records: &[Record<'_>],
    suspects: &mut BTreeSet<Position>,
) -> Result<(), Stumble> {
    let applied = catch_unwind(AssertUnwindSafe(|| {
        let mut rest = records;
        while let Some(at) = rest.iter().position(|record| suspects.contains(&record.position)) {
            task.apply_all(&rest[..at])?;
            task.set_aside(&rest[at]);
            suspects.remove(&rest[at].position);
            rest = &rest[at + 1..];
        }
        task.apply_all(rest)
    }));
    let unread = || records.iter().map(|record| record.position).find(|position| !task.has_read(*position));
    match applied {
        Ok(Ok(())) => Ok(()),
        Ok(Err(newer)) => Err(Stumble::Newer(unread().expect("it stays before a record"), newer)),
        Err(_) => {
            suspects.extend(unread());
            Err(Stumble::Panic)
        }
    }
}

fn report_of<H: Half>(number: i32, task: &Task<H>, lag: Option<u64>) -> TaskReport<'_> {
    TaskReport { task: number, now: Some(task.now()), ledger: task.ledger(), lag, sizes: task.half().sizes() }
}
