//! The seam over the model: one member of a group with one transactional producer, as the adapter of the real Kafka is.

use super::group::{Group, News};
use super::partition::Isolation;
use super::process::Process;
use super::transactions::Identity;
use super::under_way::{Stage, UnderWay};
use super::{Broker, Shared, Stored};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use swabstream::model::record::{HalfKind, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::half::Half;
use swabstream::runtime::log::{Commit, CommitError, CommitMark, Committed, Ended, Fatal, Log, Polled, Restore};
use swabstream::state::paged::Unusable;

/// One worker's access to the model.
pub struct ModelLog {
    pub(super) broker: Shared,
    pub(super) half: HalfKind,
    pub(super) inputs: &'static [Topic],
    pub(super) changelog: Topic,
    /// Its producer.
    pub(super) by: Identity,
    pub(super) process: Process,
    /// Generation of the last rebalance that was served.
    pub(super) generation: u64,
    pub(super) tasks: BTreeMap<i32, Task>,
    /// A commit failed: nothing goes on before a new producer.
    pub(super) suspicious: bool,
    /// Requests of its producer that may have been sent more than once.
    pub(super) disturbances: u64,
    /// Commit number of each task's last commit: they never run backwards.
    pub(super) marks: BTreeMap<i32, u64>,
    /// Ends of changelogs, as of when they were asked for.
    asked_ends: BTreeMap<i32, i64>,
    pub(super) under_way: Option<UnderWay>,
}

/// Where a task of this worker is.
pub(super) enum Task {
    /// Assigned, to be restored.
    New,
    /// The committed offsets are known, and the end of the changelog is being asked for.
    Asking { committed: Committed },
    /// Being restored: from here to the end as it was when it was asked for.
    Restoring { position: i64, end: i64, committed: Committed, heard: Timestamp, stuck: bool },
    /// Read to its end, to be started; and whether the worker has gone on without starting it.
    Restored { waits: bool },
    /// Records are handed over from these positions.
    Running { next: BTreeMap<Topic, i64> },
    /// Revoked or lost, to be given back.
    Ending,
}

impl ModelLog {
    /// A worker of a half joins under a transactional id.
    pub fn join<H: Half>(broker: &Shared, transactional_id: &str) -> Self {
        let mut log = Self {
            broker: Rc::clone(broker),
            half: H::KIND,
            inputs: H::INPUTS,
            changelog: H::CHANGELOG,
            by: Identity {
                id: transactional_id.to_owned(),
                epoch: broker.borrow_mut().init_transactions(transactional_id),
            },
            process: Process::new(broker, H::KIND),
            generation: 0,
            tasks: BTreeMap::new(),
            suspicious: false,
            disturbances: 0,
            marks: BTreeMap::new(),
            asked_ends: BTreeMap::new(),
            under_way: None,
        };
        log.enter_group();
        log
    }

    /// The process this log lives in.
    pub fn process(&self) -> Process {
        self.process.clone()
    }

    /// A worker that goes on without starting what it has restored has not read the rules of that yet.
    fn note_waiting(&mut self) {
        for (task, state) in &mut self.tasks {
            if let Task::Restored { waits } = state
                && !std::mem::replace(waits, true)
            {
                self.broker.borrow_mut().note("task waits for rules", || format!("{} task {task}", self.by.id));
            }
        }
    }

    fn enter_group(&mut self) {
        let mut broker = self.broker.borrow_mut();
        broker.members += 1;
        let (member, now) = (broker.members, broker.now);
        broker.say(|| format!("{} joins as member {member}", self.by.id));
        broker.group(self.half).join(member, now);
        self.process.member.set(member);
        self.generation = broker.group(self.half).generation();
    }

    pub(super) fn note(&self, what: &'static str, about: impl FnOnce() -> String) {
        self.broker.borrow_mut().note(what, || format!("{}: {}", self.by.id, about()));
    }

    /// A new producer of its id: the broker refuses what the old one's requests still ask for.
    pub(super) fn renew(&mut self) {
        self.by.epoch = self.broker.borrow_mut().init_transactions(&self.by.id);
        self.suspicious = false;
    }

    fn falls_partial(&self) -> bool {
        let mut broker = self.broker.borrow_mut();
        let partial = broker.rates.partial;
        broker.random.chance(partial)
    }

    fn check_alive(&self) -> Result<(), Fatal> {
        if self.process.is_dead() { Err(Fatal::log("the process died")) } else { Ok(()) }
    }

    fn task(&mut self, task: i32) -> Result<&mut Task, Fatal> {
        self.tasks.get_mut(&task).ok_or_else(|| Fatal::log(format!("task {task} is not assigned")))
    }

    /// Serves a rebalance, if there is one to be heard of.
    fn placement(&mut self) -> Option<Polled> {
        let shared = Rc::clone(&self.broker);
        let mut broker = shared.borrow_mut();
        let (partial, now, member) = (broker.rates.partial, broker.now, self.process.member.get());
        broker.group(self.half).hear(member, now);
        if broker.random.chance(partial) {
            return None;
        }
        if self.tasks.values().any(|task| matches!(task, Task::Ending)) {
            return None; // the last rebalance is not over
        }
        let group = broker.group(self.half);
        let news = group.news(member);
        self.generation = group.generation();
        match news {
            News::None => None,
            News::Assigned(tasks) => {
                self.tasks.extend(tasks.iter().map(|task| (*task, Task::New)));
                broker.say(|| format!("{} gets tasks {tasks:?}", self.by.id));
                Some(Polled::Assigned(tasks))
            }
            News::Revoked(tasks) => {
                self.tasks.extend(tasks.iter().map(|task| (*task, Task::Ending)));
                broker.note("revoked", || format!("{}: tasks {tasks:?}", self.by.id));
                Some(Polled::Revoked(tasks))
            }
            // It learns so from an answer to its heartbeat, and goes on until that comes.
            News::Expelled if broker.random.chance(partial) => None,
            News::Expelled => {
                let tasks: Vec<i32> = self.tasks.keys().copied().collect();
                self.tasks.extend(tasks.iter().map(|task| (*task, Task::Ending)));
                broker.note("lost", || format!("{}: tasks {tasks:?}", self.by.id));
                if broker.group(self.half).others_own(member, tasks.iter().copied()) {
                    broker.note("zombie after take-over", || format!("{} wakes up", self.by.id));
                }
                drop(broker);
                if tasks.is_empty() {
                    self.enter_group();
                    return None;
                }
                Some(Polled::Lost(tasks))
            }
        }
    }

    /// A part of what the running tasks' inputs hold, one partition at a time.
    fn fetch(&mut self, limit: usize) -> Vec<Vec<Rc<Stored>>> {
        let mut broker = self.broker.borrow_mut();
        let partial = broker.rates.partial;
        let mut left = limit;
        let mut fetched = Vec::new();
        let mut places: Vec<(i32, Topic)> = Vec::new();
        for (number, task) in &self.tasks {
            if let Task::Running { next } = task {
                places.extend(next.keys().map(|topic| (*number, *topic)));
            }
        }
        broker.random.shuffle(&mut places);
        for (number, topic) in places {
            let Some(Task::Running { next }) = self.tasks.get_mut(&number) else { continue };
            let position = next.get_mut(&topic).expect("the place was listed");
            let most = match broker.random.chance(partial) {
                true => broker.random.below(left.min(8) + 1),
                false => left,
            };
            let (records, after) = broker.partition_mut((topic, number)).read(*position, Isolation::Committed, most);
            *position = after;
            left -= records.len();
            fetched.push(records);
        }
        fetched.retain(|records| !records.is_empty());
        fetched
    }

    /// A step of a restore takes long, or is the last of its process.
    fn is_held_up(&mut self, task: i32) -> Result<bool, Fatal> {
        let mut broker = self.broker.borrow_mut();
        let (failed, slow) = (broker.rates.failed_restore, broker.rates.slow_restore);
        if broker.random.chance(failed) {
            self.process.kill();
            broker.note("crash in a restore", || format!("{} task {task}", self.by.id));
            return Err(Fatal::log("the process died"));
        }
        let held_up = broker.random.chance(slow);
        if held_up {
            broker.note("slow restore", || format!("{} task {task}", self.by.id));
        }
        Ok(held_up)
    }

    /// What the group knows of a task, once no open transaction can still move its offsets.
    fn ask_offsets(&mut self, task: i32) -> Option<Committed> {
        let mut broker = self.broker.borrow_mut();
        if self.inputs.iter().any(|topic| broker.has_pending_offset(self.half, *topic, task)) {
            broker.note("restore waited for offsets", || format!("{} task {task}", self.by.id));
            return None;
        }
        let group = broker.group(self.half);
        let next: Vec<(Topic, i64)> =
            self.inputs.iter().map(|topic| (*topic, group.offset(*topic, task).unwrap_or(0))).collect();
        let mark = group.metadata(self.inputs[0], task).map(|text| CommitMark::parse(text).expect("our metadata"));
        Some(Committed { next, begin: Vec::new(), mark })
    }

    /// The steps before anything is read. Others may commit between them, as they may while it is read.
    fn begin_restore(&mut self, task: i32) -> Result<(), Fatal> {
        if matches!(self.task(task)?, Task::Restored { .. }) {
            self.note("restore overtaken", || format!("task {task}"));
        }
        let next = match self.task(task)? {
            Task::New | Task::Restored { .. } => {
                self.ask_offsets(task).map(|committed| Task::Asking { committed }).unwrap_or(Task::New)
            }
            Task::Asking { committed } => {
                let committed = committed.clone();
                let mut broker = self.broker.borrow_mut();
                let (position, heard) = (committed.mark.map_or(0, |mark| mark.restore_from), broker.now);
                let end = broker.partition_mut((self.changelog, task)).end();
                Task::Restoring { position, end, committed, heard, stuck: false }
            }
            Task::Restoring { .. } | Task::Running { .. } | Task::Ending => return Ok(()),
        };
        *self.task(task)? = next;
        Ok(())
    }
}

impl Log for ModelLog {
    fn ready(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }

    fn poll(&mut self, limit: usize, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Polled, Fatal> {
        self.check_alive()?;
        self.note_waiting();
        if let Some(placement) = self.placement() {
            return Ok(placement);
        }
        let fetched = self.fetch(limit);
        for records in &fetched {
            let records: Vec<Record<'_>> = records.iter().map(|record| record.as_record()).collect();
            take(&records);
        }
        let count = fetched.iter().map(Vec::len).sum();
        Ok(if count == 0 { Polled::Nothing } else { Polled::Records(count) })
    }

    fn restore(&mut self, task: i32, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Restore, Fatal> {
        self.check_alive()?;
        if self.is_held_up(task)? {
            return Ok(Restore::Pending);
        }
        self.begin_restore(task)?;
        if matches!(self.task(task)?, Task::New | Task::Asking { .. }) {
            return Ok(Restore::Pending);
        }
        let shared = Rc::clone(&self.broker);
        let mut broker = shared.borrow_mut();
        let most = 1 + broker.random.below(20);
        let place = (self.changelog, task);
        let Task::Restoring { position, end, committed, heard, stuck } = self.task(task)? else {
            return Err(Fatal::log(format!("task {task} is not being restored")));
        };
        let (mut records, next) = broker.partition_mut(place).read(*position, Isolation::Committed, most);
        // Beyond the end lie commits of somebody else, later than the offsets that were asked for.
        records.retain(|record| record.offset < *end);
        let waits = next == *position;
        *position = next;
        let records: Vec<Record<'_>> = records.iter().map(|record| record.as_record()).collect();
        if !records.is_empty() {
            take(&records);
        }
        if next >= *end {
            let committed = committed.clone();
            if committed.mark.is_some() {
                broker.note("restored", || format!("{} task {task}: {:?}", self.by.id, committed.mark));
            }
            if let Some(observer) = &broker.observer {
                observer.borrow_mut().restored(self.half, task, committed.mark);
            }
            drop(broker);
            self.tasks.insert(task, Task::Restored { waits: false });
            return Ok(Restore::Done(committed));
        }
        if !waits {
            (*heard, *stuck) = (broker.now, false);
            return Ok(Restore::Reading { remaining: (*end - next) as u64 });
        }
        if broker.now.0 - heard.0 < broker.timeouts.stuck_ms {
            broker.note("restore waited for a transaction", || format!("{} task {task}", self.by.id));
            return Ok(Restore::Pending);
        }
        if !std::mem::replace(stuck, true) {
            broker.note("restore stuck", || format!("{} task {task}", self.by.id));
        }
        Ok(Restore::Stuck("a transaction is open in the changelog".to_owned()))
    }

    fn explain(&self, _: i32, why: &Unusable) -> String {
        why.to_string()
    }

    fn start(&mut self, task: i32, next: &[(Topic, i64)]) -> Result<(), Fatal> {
        self.check_alive()?;
        let next: BTreeMap<Topic, i64> = next.iter().copied().collect();
        assert!(self.inputs.iter().all(|topic| next.contains_key(topic)), "task {task} starts all of its inputs");
        self.marks.remove(&task);
        let state = self.task(task)?;
        assert!(matches!(state, Task::Restored { .. }), "task {task} starts only after its restore");
        *state = Task::Running { next };
        Ok(())
    }

    fn release(&mut self, tasks: &[i32]) -> Result<(), Fatal> {
        self.check_alive()?;
        for task in tasks {
            let ended = self.tasks.remove(task);
            assert!(matches!(ended, Some(Task::Ending)), "task {task} is released although nobody asked for it");
        }
        let known = {
            let mut broker = self.broker.borrow_mut();
            let group = broker.group(self.half);
            group.release(self.process.member.get(), tasks);
            group.knows(self.process.member.get())
        };
        if !known && self.tasks.is_empty() {
            self.enter_group();
        }
        Ok(())
    }

    fn begin_commit(&mut self, commit: Commit) {
        assert!(self.under_way.is_none(), "one commit ends before the next begins");
        if self.tasks.values().any(|task| matches!(task, Task::Restoring { stuck: true, .. })) {
            self.note("commit beside a stuck restore", || format!("{} tasks", commit.tasks().len()));
        }
        let (number, of, due) = (self.announce(&commit), self.membership(), self.answered_at());
        self.under_way = Some(UnderWay { stage: Stage::Begun { commit, number, of, attempts: 1 }, due });
        if self.falls_partial() {
            self.carry_on();
        }
    }

    fn end_commit(&mut self, wait: Duration) -> Option<Ended> {
        if self.process.is_dead() {
            self.under_way = None;
            let result = Err(CommitError::Unknown("the process died".to_owned()));
            return Some(Ended { result, at: self.elapsed() });
        }
        // Whoever does not wait goes on without the answer, more often than not.
        if (wait.is_zero() && self.falls_partial()) || !self.hears_within(wait) {
            self.note("read on beside a commit", String::new);
            self.note_out_of_time(wait);
            return None;
        }
        self.carry_on();
        match self.under_way.take() {
            Some(UnderWay { stage: Stage::Ended(ended), .. }) => Some(ended),
            again => {
                self.under_way = again;
                None
            }
        }
    }

    fn rewind(&mut self) -> Result<(), Fatal> {
        self.check_alive()?;
        // Of what is under way nobody hears any more, and the broker may have it all the same.
        if self.under_way.is_some() && self.falls_partial() {
            self.carry_on();
            self.check_alive()?;
        }
        self.under_way = None;
        self.renew();
        for task in self.tasks.values_mut() {
            if !matches!(task, Task::Ending) {
                *task = Task::New;
            }
        }
        Ok(())
    }

    /// The first call asks and a later one brings the answer, as of when it was asked.
    fn changelog_end(&mut self, task: i32) -> Option<i64> {
        let mut broker = self.broker.borrow_mut();
        let now = broker.partition_mut((self.changelog, task)).end();
        let partial = broker.rates.partial;
        let answered = !broker.random.chance(partial);
        let asked = *self.asked_ends.entry(task).or_insert(now);
        if answered && asked < now { self.asked_ends.remove(&task) } else { None }
    }

    fn idle_since(&mut self, task: i32) -> Option<Timestamp> {
        let mut broker = self.broker.borrow_mut();
        let Some(Task::Running { next }) = self.tasks.get(&task) else { return None };
        let at_end = next.iter().all(|(topic, next)| *next >= broker.partition_mut((*topic, task)).end());
        at_end.then_some(broker.now)
    }

    fn reached(&mut self, task: i32) -> Option<Vec<(Topic, i64)>> {
        let Some(Task::Running { next }) = self.tasks.get(&task) else { return None };
        Some(next.iter().map(|(topic, next)| (*topic, *next)).collect())
    }

    fn lag(&mut self, task: i32) -> Option<u64> {
        let mut broker = self.broker.borrow_mut();
        let Some(Task::Running { next }) = self.tasks.get(&task) else { return None };
        let left = next.iter().map(|(topic, next)| broker.partition_mut((*topic, task)).end() - next);
        Some(left.sum::<i64>() as u64)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.broker.borrow().now.0 as u64)
    }
}

impl Broker {
    pub(super) fn group(&mut self, half: HalfKind) -> &mut Group {
        let tasks = self.layout.tasks(half);
        self.groups.entry(half).or_insert_with(|| Group::new(tasks))
    }
}
