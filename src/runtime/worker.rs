//! A worker: one member of the group, one transactional producer, the tasks it was given.
//!
//! [`Worker::step`] is the whole loop body: take what the log has, let time pass, commit when due. It is synchronous
//! and takes the time from its caller, so tests drive many workers from one seed. [`drive`](super::drive::drive) is
//! the asynchronous shell around it.

use super::log::{Commit, CommitError, Fatal, Log, Polled, Restore};
use super::tally::Tally;
use super::task::{RulesInForce, Task};
use crate::model::ids::Secret;
use crate::model::record::{Layout, Record};
use crate::model::time::Timestamp;
use crate::pipeline::half::{Context, Half};
use crate::state::changelog::Restorer;
use std::collections::BTreeMap;

/// Records taken per poll: enough to pay for the call, few enough to stay in cache.
const POLL_RECORDS: usize = 1_000;

/// An alert waits at least this long after the last commit, or twice as long as that took.
const URGENT_GAP_MS: i64 = 5;

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
    /// Longest time between commits while there is something to commit.
    pub commit_interval_ms: i64,
    /// Most records between commits.
    pub commit_records: usize,
    /// Past data: time comes from records and marks only, never from the clock.
    pub history: bool,
}

#[derive(Debug)]
enum Slot<H> {
    /// Reading its changelog.
    Restoring(Restorer),
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
    floor: Option<Timestamp>,
    slots: BTreeMap<i32, Slot<H>>,
    tally: Tally,
    /// When the last commit began, and how long it took.
    last_commit: (Timestamp, i64),
    committing: bool,
    records: usize,
}

impl<H: Half, L: Log> Worker<H, L> {
    /// A worker without tasks.
    pub fn new(log: L, settings: Settings, rules: RulesInForce) -> Self {
        Self {
            log,
            settings,
            rules,
            floor: None,
            slots: BTreeMap::new(),
            tally: Tally::default(),
            last_commit: (Timestamp::default(), 0),
            committing: false,
            records: 0,
        }
    }

    /// One round: take, let time pass, commit when due. Says whether there was anything to do.
    pub fn step(&mut self, at: Timestamp) -> Result<bool, Fatal> {
        if std::mem::take(&mut self.committing) {
            self.last_commit.1 = at.0 - self.last_commit.0.0;
        }
        let found = self.poll()?;
        match &found {
            Polled::Nothing | Polled::Records(_) => {}
            Polled::Assigned(tasks) => self.begin(tasks),
            Polled::Revoked(tasks) => self.hand_over(tasks, at)?,
            Polled::Lost(tasks) => self.forget(tasks)?,
        }
        let restoring = self.restore()?;
        self.pass_time();
        if self.commit_due(at) {
            self.commit(at)?;
        }
        Ok(restoring || found != Polled::Nothing)
    }

    /// Completes when a step may find something.
    pub async fn ready(&self) {
        self.log.ready().await;
    }

    /// Other rules are in force.
    pub fn adopt(&mut self, rules: RulesInForce) {
        self.rules = rules;
        for slot in self.slots.values_mut() {
            match slot {
                Slot::Running(task) => task.adopt(&self.rules),
                Slot::Waiting(task) if task.may_use(&self.rules) => self.tally.rules_awaited = false,
                Slot::Waiting(_) | Slot::Restoring(_) => {}
            }
        }
    }

    /// The smallest progress of all person tasks is now this.
    pub fn set_floor(&mut self, floor: Timestamp) {
        self.floor = self.floor.max(Some(floor));
    }

    /// Commits what there is. The caller then drops the worker, which leaves the group.
    pub fn finish(&mut self, at: Timestamp) -> Result<(), Fatal> {
        self.commit(at)
    }

    /// Numbers since the last call, for metrics.
    pub fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Running tasks.
    pub fn running(&self) -> impl Iterator<Item = (i32, &Task<H>)> {
        self.slots.iter().filter_map(|(number, slot)| match slot {
            Slot::Running(task) => Some((*number, task.as_ref())),
            Slot::Restoring(_) | Slot::Waiting(_) => None,
        })
    }

    /// Tasks assigned that do not run yet.
    pub fn restoring(&self) -> usize {
        self.slots.len() - self.running().count()
    }

    /// Records not yet taken, per running task.
    pub fn lags(&mut self) -> Vec<(i32, u64)> {
        let running: Vec<i32> = self.running().map(|(number, _)| number).collect();
        running.into_iter().filter_map(|number| Some((number, self.log.lag(number)?))).collect()
    }

    fn poll(&mut self) -> Result<Polled, Fatal> {
        let Self { log, slots, tally, records: count, .. } = self;
        let mut take = |records: &[Record<'_>]| {
            let source = |record: &Record<'_>| (record.position.partition, record.position.topic);
            for group in records.chunk_by(|a, b| source(a) == source(b)) {
                let (number, topic) = source(&group[0]);
                let Some(Slot::Running(task)) = slots.get_mut(&number) else {
                    unreachable!("the log hands over records of started tasks only");
                };
                group.iter().for_each(|record| task.apply(record));
                tally.consumed(topic, group.len() as u64);
            }
            *count += records.len();
        };
        log.poll(POLL_RECORDS, &mut take)
    }

    fn begin(&mut self, tasks: &[i32]) {
        for &task in tasks {
            self.slots.insert(task, Slot::Restoring(Restorer::new(H::CHANGELOG, task, self.settings.ring)));
            tracing::info!(half = H::NAME, task, "assigned, restoring");
        }
    }

    /// Commits for the last time what is taken away, so that its next owner begins where we end.
    fn hand_over(&mut self, tasks: &[i32], at: Timestamp) -> Result<(), Fatal> {
        self.commit(at)?;
        tracing::info!(half = H::NAME, ?tasks, "revoked");
        self.drop_tasks(tasks)
    }

    /// Others own these already: a commit would be refused, or worse, not.
    fn forget(&mut self, tasks: &[i32]) -> Result<(), Fatal> {
        tracing::warn!(half = H::NAME, ?tasks, "lost");
        self.drop_tasks(tasks)
    }

    fn drop_tasks(&mut self, tasks: &[i32]) -> Result<(), Fatal> {
        self.slots.retain(|number, _| !tasks.contains(number));
        self.log.release(tasks)
    }

    /// Reads on in every changelog that is not read to its end, a piece each, so that running tasks go on meanwhile.
    fn restore(&mut self) -> Result<bool, Fatal> {
        let mut busy = false;
        let waiting: Vec<i32> = self.slots.keys().copied().collect();
        for number in waiting {
            busy |= match self.slots.remove(&number) {
                Some(Slot::Restoring(restorer)) => self.restore_some(number, restorer)?,
                Some(Slot::Waiting(task)) => {
                    self.start(number, task)?;
                    false
                }
                Some(running) => {
                    self.slots.insert(number, running);
                    false
                }
                None => false,
            };
        }
        Ok(busy)
    }

    fn restore_some(&mut self, number: i32, mut restorer: Restorer) -> Result<bool, Fatal> {
        let mut fault = None;
        let found = self.log.restore(number, &mut |records| {
            for record in records {
                let key = record.key.unwrap_or_default();
                fault = fault.take().or(restorer.take(key, record.payload).err());
            }
        })?;
        if let Some(corrupt) = fault {
            return Err(Fatal(format!("{} task {number}: {corrupt}", H::NAME)));
        }
        match found {
            Restore::Pending | Restore::Reading { .. } => {
                if let Restore::Reading { remaining } = found {
                    self.tally.restore_remaining.insert(number, remaining);
                }
                self.slots.insert(number, Slot::Restoring(restorer));
                Ok(found != Restore::Pending)
            }
            Restore::Done(committed) => {
                self.tally.restore_remaining.remove(&number);
                let context = self.context(number);
                let ring = self.settings.ring;
                let task = Task::restored(context, &self.rules, committed, restorer, ring)
                    .map_err(|corrupt| Fatal(format!("{} task {number}: {corrupt}", H::NAME)))?;
                self.start(number, Box::new(task))?;
                Ok(true)
            }
        }
    }

    /// Starts a restored task, unless its state was derived by rules that this worker has not read yet.
    fn start(&mut self, number: i32, mut task: Box<Task<H>>) -> Result<(), Fatal> {
        if !task.may_use(&self.rules) {
            if !std::mem::replace(&mut self.tally.rules_awaited, true) {
                tracing::warn!(half = H::NAME, task = number, "waiting for newer rules");
            }
            self.slots.insert(number, Slot::Waiting(task));
            return Ok(());
        }
        task.adopt(&self.rules);
        self.log.start(number, task.next())?;
        tracing::info!(half = H::NAME, task = number, commit = task.seq(), "running");
        self.slots.insert(number, Slot::Running(task));
        Ok(())
    }

    fn context(&self, task: i32) -> Context {
        Context {
            task,
            layout: self.settings.layout,
            secret: self.settings.secret,
            max_record_bytes: self.settings.max_record_bytes,
        }
    }

    fn pass_time(&mut self) {
        for (&number, slot) in &mut self.slots {
            if let Slot::Running(task) = slot {
                let idle = if self.settings.history { None } else { self.log.idle_since(number) };
                task.pass_time(idle, self.floor);
            }
        }
    }

    fn commit_due(&self, at: Timestamp) -> bool {
        let since = at.0 - self.last_commit.0.0 - self.last_commit.1;
        let urgent_gap = URGENT_GAP_MS.max(2 * self.last_commit.1);
        let (mut touched, mut urgent) = (false, false);
        for (_, task) in self.running() {
            touched |= task.touched();
            urgent |= task.urgent();
        }
        touched
            && (self.records >= self.settings.commit_records
                || since >= self.settings.commit_interval_ms
                || urgent && since >= urgent_gap)
    }

    /// Commits all touched tasks in one transaction. After a failure nothing in memory can be trusted to be what the
    /// log holds: everything is dropped and restored, and the group's commit number says what happened.
    fn commit(&mut self, at: Timestamp) -> Result<(), Fatal> {
        let (mut outputs, mut tasks) = (Vec::new(), Vec::new());
        for (&number, slot) in &mut self.slots {
            if let Slot::Running(task) = slot
                && task.touched()
            {
                let end = task.wants_changelog_end().then(|| self.log.changelog_end(number)).transpose()?;
                let (more, part) = task.commit(end);
                outputs.extend(more);
                tasks.push(part);
            }
        }
        if tasks.is_empty() {
            return Ok(());
        }
        self.last_commit = (at, 0);
        self.committing = true;
        self.records = 0;
        let result = self.log.commit(&Commit::new(outputs, tasks));
        self.tally.committed(&result);
        match result {
            Ok(()) => Ok(()),
            Err(error) => self.start_over(&error),
        }
    }

    fn start_over(&mut self, error: &CommitError) -> Result<(), Fatal> {
        tracing::warn!(half = H::NAME, %error, "commit failed, restoring all tasks");
        self.log.rewind()?;
        let tasks: Vec<i32> = self.slots.keys().copied().collect();
        self.begin(&tasks);
        Ok(())
    }
}
