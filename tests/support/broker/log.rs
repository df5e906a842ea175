//! The seam over the model: one member of a group with one transactional producer, as the adapter of the real Kafka is.

use super::group::{Group, News};
use super::partition::Isolation;
use super::transactions::PendingOffset;
use super::{Broker, Shared, Stored};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use swabstream::model::record::{Output, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::half::Half;
use swabstream::runtime::log::{Commit, CommitError, CommitMark, Committed, Fatal, Log, Polled, Restore};

/// One worker's access to the model.
pub struct ModelLog {
    broker: Shared,
    half: &'static str,
    inputs: &'static [Topic],
    changelog: Topic,
    transactional_id: String,
    epoch: u32,
    process: Process,
    /// Generation of the last rebalance that was served.
    generation: u64,
    tasks: BTreeMap<i32, Task>,
    /// A commit failed: nothing goes on before a new producer.
    suspicious: bool,
    /// Commit number of each task's last commit: they never run backwards.
    marks: BTreeMap<i32, u64>,
    /// Ends of changelogs, as of when they were asked for.
    asked_ends: BTreeMap<i32, i64>,
}

/// The process around a log, as others see it: the test, and the group.
#[derive(Clone)]
pub struct Process {
    broker: Shared,
    half: &'static str,
    member: Rc<Cell<u64>>,
    dead: Rc<Cell<bool>>,
}

impl Process {
    /// Whether it died: nothing of its worker may be used any more.
    pub fn is_dead(&self) -> bool {
        self.dead.get()
    }

    /// It ends without a word. An open transaction stays, its member too until the group misses it.
    pub fn kill(&self) {
        self.dead.set(true);
    }

    /// Whether the group has dropped it, although it may not know.
    pub fn is_expelled(&self) -> bool {
        !self.broker.borrow_mut().group(self.half).knows(self.member.get())
    }

    /// The group drops the member: it left, or its session has timed out.
    pub fn expel(&self) {
        let mut broker = self.broker.borrow_mut();
        broker.group(self.half).remove(self.member.get());
        broker.note("expelled");
    }
}

/// Where a task of this worker is.
enum Task {
    /// Assigned, to be restored.
    New,
    /// Being restored: from here to the end as of the assignment.
    Restoring { position: i64, end: i64, committed: Committed },
    /// Records are handed over from these positions.
    Running { next: BTreeMap<Topic, i64> },
    /// Revoked or lost, to be given back.
    Ending,
}

/// Where a commit goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The broker says so and aborts, after so many records.
    Aborted(usize),
    /// The process dies after so many records.
    Crash(usize),
    /// The process dies when all was sent; the end of the transaction was (not) received.
    CrashAtEnd {
        took_effect: bool,
    },
    /// The answer to the end of the transaction is not heard of.
    Unknown {
        took_effect: bool,
    },
    /// The group forgets the member before the offsets are added.
    Kicked,
}

impl ModelLog {
    /// A worker of a half joins under a transactional id.
    pub fn join<H: Half>(broker: &Shared, transactional_id: &str) -> Self {
        let mut log = Self {
            broker: Rc::clone(broker),
            half: H::NAME,
            inputs: H::INPUTS,
            changelog: H::CHANGELOG,
            transactional_id: transactional_id.to_owned(),
            epoch: broker.borrow_mut().init_transactions(transactional_id),
            process: Process { broker: Rc::clone(broker), half: H::NAME, member: Rc::default(), dead: Rc::default() },
            generation: 0,
            tasks: BTreeMap::new(),
            suspicious: false,
            marks: BTreeMap::new(),
            asked_ends: BTreeMap::new(),
        };
        log.enter_group();
        log
    }

    /// The process this log lives in.
    pub fn process(&self) -> Process {
        self.process.clone()
    }

    fn enter_group(&mut self) {
        let mut broker = self.broker.borrow_mut();
        broker.members += 1;
        let member = broker.members;
        broker.group(self.half).join(member);
        self.process.member.set(member);
        self.generation = broker.group(self.half).generation();
    }

    fn check_alive(&self) -> Result<(), Fatal> {
        if self.process.is_dead() { Err(Fatal("the process died".to_owned())) } else { Ok(()) }
    }

    fn task(&mut self, task: i32) -> Result<&mut Task, Fatal> {
        self.tasks.get_mut(&task).ok_or_else(|| Fatal(format!("task {task} is not assigned")))
    }

    /// Serves a rebalance, if there is one to be heard of.
    fn placement(&mut self) -> Option<Polled> {
        let mut broker = self.broker.borrow_mut();
        let partial = broker.rates.partial;
        if broker.random.chance(partial) {
            return None;
        }
        if self.tasks.values().any(|task| matches!(task, Task::Ending)) {
            return None; // the last rebalance is not over
        }
        let group = broker.group(self.half);
        let news = group.news(self.process.member.get());
        self.generation = group.generation();
        match news {
            News::None => None,
            News::Assigned(tasks) => {
                self.tasks.extend(tasks.iter().map(|task| (*task, Task::New)));
                Some(Polled::Assigned(tasks))
            }
            News::Revoked(tasks) => {
                self.tasks.extend(tasks.iter().map(|task| (*task, Task::Ending)));
                broker.note("revoked");
                Some(Polled::Revoked(tasks))
            }
            News::Expelled => {
                let tasks: Vec<i32> = self.tasks.keys().copied().collect();
                self.tasks.extend(tasks.iter().map(|task| (*task, Task::Ending)));
                drop(broker);
                broker_note(&self.broker, "lost");
                if tasks.is_empty() {
                    self.enter_group();
                    return None;
                }
                Some(Polled::Lost(tasks))
            }
        }
    }

    /// A part of what the running tasks' inputs hold, one partition at a time.
    fn fetch(&mut self, limit: usize) -> Vec<Vec<Stored>> {
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

    /// Begins a restore once no open transaction can still move the task's offsets.
    fn begin_restore(&mut self, task: i32) -> Option<Task> {
        let mut broker = self.broker.borrow_mut();
        if self.inputs.iter().any(|topic| broker.has_pending_offset(self.half, *topic, task)) {
            broker.note("restore waited for offsets");
            return None;
        }
        let end = broker.partition_mut((self.changelog, task)).end();
        let group = broker.group(self.half);
        let next: Vec<(Topic, i64)> =
            self.inputs.iter().map(|topic| (*topic, group.offset(*topic, task).unwrap_or(0))).collect();
        let mark = group.metadata(self.inputs[0], task).map(|text| CommitMark::parse(text).expect("our metadata"));
        let position = mark.map_or(0, |mark| mark.restore_from);
        Some(Task::Restoring { position, end, committed: Committed { next, mark } })
    }

    /// Chooses what goes wrong with a commit of so many records.
    fn choose_fault(&self, records: usize) -> Fault {
        let mut broker = self.broker.borrow_mut();
        let rates = broker.rates;
        let after = broker.random.below(records + 1);
        let took_effect = broker.random.chance(50);
        let at_end = broker.random.chance(50);
        let mut roll = broker.random.below(100) as u32;
        let mut falls = |rate: u32| {
            let hit = roll < rate;
            roll = if hit { u32::MAX } else { roll.saturating_sub(rate) };
            hit
        };
        if falls(rates.aborted) {
            Fault::Aborted(after)
        } else if falls(rates.unknown) {
            Fault::Unknown { took_effect }
        } else if falls(rates.crash) {
            if at_end { Fault::CrashAtEnd { took_effect } } else { Fault::Crash(after) }
        } else if falls(rates.kicked) {
            Fault::Kicked
        } else {
            Fault::None
        }
    }

    fn fail(&mut self, error: CommitError, what: &'static str) -> Result<(), CommitError> {
        self.suspicious = true;
        broker_note(&self.broker, what);
        Err(error)
    }

    fn die(&mut self, what: &'static str) -> Result<(), CommitError> {
        self.process.kill();
        self.fail(CommitError::Unknown("the process died".to_owned()), what)
    }

    /// Clean abort, as far as the id still is ours.
    fn abort(&mut self, error: CommitError, what: &'static str) -> Result<(), CommitError> {
        // An abort that is refused has been done by whoever fenced us.
        let _ = self.broker.borrow_mut().end_transaction(&self.transactional_id, self.epoch, false);
        self.fail(error, what)
    }

    /// Sends the records of a commit, up to where it goes wrong.
    fn send(&mut self, commit: &Commit, most: usize) -> Result<(), String> {
        let changes = commit.tasks().iter().flat_map(|task| &task.changes);
        for output in commit.outputs().iter().chain(changes).take(most) {
            self.broker.borrow_mut().append(&self.transactional_id, self.epoch, output.clone())?;
        }
        Ok(())
    }

    fn send_offsets(&mut self, commit: &Commit) -> Result<(), String> {
        let offsets = commit.tasks().iter().flat_map(|task| {
            task.next.iter().map(|(topic, next)| PendingOffset {
                group: self.half,
                topic: *topic,
                partition: task.task,
                next: *next,
                metadata: task.mark.to_text(),
            })
        });
        self.broker.borrow_mut().add_offsets(
            (&self.transactional_id, self.epoch),
            (self.process.member.get(), self.generation),
            offsets.collect(),
        )
    }

    /// What the seam asks of a commit, whatever becomes of it.
    fn check_commit(&mut self, commit: &Commit) {
        assert!(!self.suspicious, "a commit after a failed one, without a new producer");
        for task in commit.tasks() {
            let number = task.task;
            assert!(
                matches!(self.tasks.get(&number), Some(Task::Running { .. } | Task::Ending)),
                "task {number} commits although it does not run"
            );
            let topics: BTreeSet<Topic> = task.next.iter().map(|(topic, _)| *topic).collect();
            assert_eq!(topics, self.inputs.iter().copied().collect(), "task {number} commits all of its inputs");
            let own = |change: &Output| change.topic == self.changelog && change.partition == number;
            assert!(task.changes.iter().all(own), "changes of task {number} go to its own changelog");
            assert!(!task.changes.is_empty(), "every commit of task {number} has a delta");
            let before = self.marks.insert(number, task.mark.seq);
            assert!(before.is_none_or(|before| before < task.mark.seq), "commit numbers of task {number} count up");
        }
    }
}

impl Log for ModelLog {
    fn ready(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }

    fn poll(&mut self, limit: usize, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Polled, Fatal> {
        self.check_alive()?;
        if let Some(placement) = self.placement() {
            return Ok(placement);
        }
        let fetched = self.fetch(limit);
        for records in &fetched {
            let records: Vec<Record<'_>> = records.iter().map(Stored::as_record).collect();
            take(&records);
        }
        let count = fetched.iter().map(Vec::len).sum();
        Ok(if count == 0 { Polled::Nothing } else { Polled::Records(count) })
    }

    fn restore(&mut self, task: i32, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Restore, Fatal> {
        self.check_alive()?;
        if matches!(self.task(task)?, Task::New) {
            let Some(begun) = self.begin_restore(task) else { return Ok(Restore::Pending) };
            *self.task(task)? = begun;
        }
        let shared = Rc::clone(&self.broker);
        let mut broker = shared.borrow_mut();
        let most = 1 + broker.random.below(20);
        let place = (self.changelog, task);
        let Task::Restoring { position, end, committed } = self.task(task)? else {
            return Err(Fatal(format!("task {task} is not being restored")));
        };
        let (mut records, next) = broker.partition_mut(place).read(*position, Isolation::Committed, most);
        // Whoever has been expelled meanwhile must not see what its successor writes: half of a later commit.
        records.retain(|record| record.offset < *end);
        let stuck = next == *position;
        *position = next;
        let records: Vec<Record<'_>> = records.iter().map(Stored::as_record).collect();
        if !records.is_empty() {
            take(&records);
        }
        if next >= *end {
            return Ok(Restore::Done(committed.clone()));
        }
        if stuck {
            broker.note("restore waited for a transaction");
            return Ok(Restore::Pending);
        }
        Ok(Restore::Reading { remaining: (*end - next) as u64 })
    }

    fn start(&mut self, task: i32, next: &[(Topic, i64)]) -> Result<(), Fatal> {
        self.check_alive()?;
        let next: BTreeMap<Topic, i64> = next.iter().copied().collect();
        assert!(self.inputs.iter().all(|topic| next.contains_key(topic)), "task {task} starts all of its inputs");
        self.marks.remove(&task);
        let state = self.task(task)?;
        assert!(matches!(state, Task::Restoring { .. }), "task {task} starts only after its restore");
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

    fn commit(&mut self, commit: &Commit) -> Result<(), CommitError> {
        assert!(!self.process.is_dead(), "a dead process does not commit");
        self.check_commit(commit);
        let records = commit.outputs().len() + commit.tasks().iter().map(|task| task.changes.len()).sum::<usize>();
        let fault = self.choose_fault(records);
        let most = match fault {
            Fault::Aborted(after) | Fault::Crash(after) => after,
            _ => usize::MAX,
        };
        if let Err(reason) = self.send(commit, most) {
            return self.abort(CommitError::Fenced(reason), "fenced producer");
        }
        match fault {
            Fault::Aborted(_) => {
                return self.abort(CommitError::Aborted("the broker said so".to_owned()), "aborted");
            }
            Fault::Crash(_) => return self.die("crash in a commit"),
            Fault::Kicked => self.process.expel(),
            _ => {}
        }
        if let Err(reason) = self.send_offsets(commit) {
            return self.abort(CommitError::Fenced(reason), "fenced member");
        }
        if matches!(fault, Fault::Unknown { took_effect: false } | Fault::CrashAtEnd { took_effect: false }) {
            return match fault {
                Fault::Unknown { .. } => {
                    self.fail(CommitError::Unknown("no answer".to_owned()), "unknown, did not take effect")
                }
                _ => self.die("crash before the end of a commit"),
            };
        }
        let ended = self.broker.borrow_mut().end_transaction(&self.transactional_id, self.epoch, true);
        ended.expect("nothing else runs between two steps of the same commit");
        match fault {
            Fault::Unknown { .. } => self.fail(CommitError::Unknown("no answer".to_owned()), "unknown, took effect"),
            Fault::CrashAtEnd { .. } => self.die("crash after the end of a commit"),
            _ => {
                broker_note(&self.broker, "committed");
                Ok(())
            }
        }
    }

    fn rewind(&mut self) -> Result<(), Fatal> {
        self.check_alive()?;
        self.epoch = self.broker.borrow_mut().init_transactions(&self.transactional_id);
        self.suspicious = false;
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
    fn group(&mut self, half: &'static str) -> &mut Group {
        let tasks = match half {
            "person" => self.layout.person_tasks,
            _ => self.layout.area_tasks,
        };
        self.groups.entry(half).or_insert_with(|| Group::new(tasks))
    }
}

fn broker_note(broker: &Shared, what: &'static str) {
    broker.borrow_mut().note(what);
}
