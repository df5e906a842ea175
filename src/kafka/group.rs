//! Placement: the group's member, and the consumer of the co-partitioned inputs.
//!
//! The group subscribes to one topic, the first input; whoever owns its partition p owns task p and reads partition p
//! of the other, co-partitioned inputs by hand. In: what the broker assigns. Out: records of running tasks, and changes
//! of placement, one at a time. Nothing is given back before the worker says so, and nothing is fetched of a task
//! before it is started.

use super::client::{Role, properties};
use super::error::Error;
use super::names::Names;
use super::native::{Batch, Consumer, ErrorCode, Handle, Membership, Message, PartitionList};
use super::reader::{event, record_of};
use super::remedy::missing;
use crate::clock;
use crate::config::KafkaConfig;
use crate::model::record::{Record, Topic};
use crate::runtime::log::{CommitError, Polled};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a commit waits for a rebalance under way to be reported.
const REBALANCE_LIMIT: Duration = Duration::from_secs(1);

/// Most records set aside while a commit waits for a rebalance.
const STASH_LIMIT: usize = 20_000;

/// How many looks, a millisecond apart, the fetch of a partition may take to stop.
const STOP_LOOKS: usize = 10_000;

/// A task of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Task {
    state: State,
    /// Where its inputs began (in order of the inputs), while they are fetched.
    starts: Option<Vec<i64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Assigned; its state is being restored.
    Waiting,
    /// Its records are handed over.
    Running,
    /// To be given back: may commit once more.
    Revoked,
    /// Gone: must not commit.
    Lost,
}

impl Task {
    fn is_gone(&self) -> bool {
        matches!(self.state, State::Revoked | State::Lost)
    }
}

/// The member of the group with its tasks.
#[derive(Debug)]
pub(super) struct Group {
    batch: Batch,
    /// Taken from the member's queue while a commit waited, not yet handed over.
    stash: VecDeque<Message>,
    co_partitioned: Option<Consumer>,
    member: Consumer,
    names: Names,
    inputs: &'static [Topic],
    tasks: BTreeMap<i32, Task>,
    /// By task: whether it runs. Asked for every record.
    running: Vec<bool>,
    /// Released, and still fetched until all that were revoked with them are released.
    released: Vec<i32>,
    events: VecDeque<Polled>,
    /// As whom the member saw itself in the last rebalance that was reported to it.
    served: (String, i32),
    co_partitioned_first: bool,
}

impl Group {
    /// Joins the group.
    pub(super) fn join(
        config: &KafkaConfig,
        group: &str,
        inputs: &'static [Topic],
        notify: &Arc<Notify>,
    ) -> Result<Self, Error> {
        let role = Role::Member { group: group.to_owned() };
        let member = Consumer::new(&properties(config, &role)?, notify.clone())?;
        let co_partitioned = match inputs.len() {
            1 => None,
            _ => {
                let role = Role::CoPartitioned { group: group.to_owned() };
                Some(Consumer::new(&properties(config, &role)?, notify.clone())?)
            }
        };
        let names = Names::new(&config.prefix);
        for topic in inputs {
            if member.handle().partitions(names.of(*topic), Duration::from_secs(30))? == 0 {
                return Err(missing(config, *topic));
            }
        }
        member.subscribe(names.of(inputs[0]))?;
        Ok(Self {
            batch: Batch::default(),
            stash: VecDeque::new(),
            co_partitioned,
            member,
            names,
            inputs,
            tasks: BTreeMap::new(),
            running: Vec::new(),
            released: Vec::new(),
            events: VecDeque::new(),
            served: (String::new(), -1),
            co_partitioned_first: false,
        })
    }

    /// A client to ask the broker with.
    pub(super) fn handle(&self) -> &Handle {
        self.member.handle()
    }

    /// See [`Log::poll`](crate::runtime::log::Log::poll).
    pub(super) fn poll(&mut self, limit: usize, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Polled, Error> {
        for consumer in std::iter::once(&self.member).chain(&self.co_partitioned) {
            if let Some(why) = consumer.handle().fatal() {
                return Err(Error::new(why));
            }
        }
        self.note_rebalances()?;
        if let Some(event) = self.events.pop_front() {
            return Ok(event);
        }
        let mut count = self.hand_over_stash(take)?;
        // Turn about, so that a full queue of results never keeps the co-partitioned inputs waiting, nor the reverse.
        self.co_partitioned_first = !self.co_partitioned_first;
        for co_partitioned in [self.co_partitioned_first, !self.co_partitioned_first] {
            if count < limit {
                count += self.hand_over_from(co_partitioned, limit - count, take)?;
            }
        }
        match count {
            0 => Ok(self.events.pop_front().unwrap_or(Polled::Nothing)),
            count => Ok(Polled::Records(count)),
        }
    }

    fn hand_over_from(
        &mut self,
        co_partitioned: bool,
        limit: usize,
        take: &mut dyn FnMut(&[Record<'_>]),
    ) -> Result<usize, Error> {
        let mut batch = std::mem::take(&mut self.batch);
        match (co_partitioned, &self.co_partitioned) {
            (true, Some(consumer)) => consumer.fill(&mut batch, limit, 0),
            (true, None) => {}
            (false, _) => self.member.fill(&mut batch, limit, 0),
        }
        // A rebalance may have been reported on the way: records behind it are of tasks that no longer run.
        self.note_rebalances()?;
        let result = self.hand_over(batch.as_slice(), take);
        batch.clear();
        self.batch = batch;
        result
    }

    fn hand_over_stash(&mut self, take: &mut dyn FnMut(&[Record<'_>])) -> Result<usize, Error> {
        if self.stash.is_empty() {
            return Ok(0);
        }
        let messages: Vec<Message> = std::mem::take(&mut self.stash).into();
        self.hand_over(&messages, take)
    }

    /// Hands over the records of running tasks. Others are dropped: such a task is restored, and its records are
    /// fetched again, before it runs.
    fn hand_over(&self, messages: &[Message], take: &mut dyn FnMut(&[Record<'_>])) -> Result<usize, Error> {
        let mut records = Vec::with_capacity(messages.len());
        let mut last = (0, None);
        for message in messages {
            if message.error() != ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR {
                event(message)?;
                continue;
            }
            if last.0 != message.topic_id() {
                last = (message.topic_id(), message.topic().and_then(|name| self.names.topic(name)));
            }
            let Some(topic) = last.1 else { continue };
            if self.running.get(message.partition() as usize) == Some(&true) {
                records.push(record_of(message, topic));
            }
        }
        if !records.is_empty() {
            take(&records);
        }
        Ok(records.len())
    }

    /// Takes over what the rebalance callback noted.
    fn note_rebalances(&mut self) -> Result<(), Error> {
        while let Some(rebalance) = self.member.take_rebalance() {
            self.served = rebalance.identity;
            let tasks = rebalance.partitions;
            let state = match (rebalance.assigned, rebalance.lost) {
                (true, _) => State::Waiting,
                (false, false) => State::Revoked,
                (false, true) => State::Lost,
            };
            for task in &tasks {
                self.set(*task, state);
            }
            match state {
                // Nothing to wait for.
                State::Revoked | State::Lost if tasks.is_empty() => self.member.unassign(&PartitionList::new())?,
                State::Revoked => self.events.push_back(Polled::Revoked(tasks)),
                State::Lost => self.events.push_back(Polled::Lost(tasks)),
                // Also none: the group has more members than tasks, and this one is placed all the same.
                State::Waiting | State::Running => self.events.push_back(Polled::Assigned(tasks)),
            }
        }
        Ok(())
    }

    fn set(&mut self, task: i32, state: State) {
        self.tasks.entry(task).or_insert(Task { state, starts: None }).state = state;
        self.note_running(task, state == State::Running);
    }

    fn note_running(&mut self, task: i32, runs: bool) {
        let at = usize::try_from(task).unwrap_or(0);
        if self.running.len() <= at {
            self.running.resize(at + 1, false);
        }
        self.running[at] = runs;
    }

    /// Whether a task is ours, to be restored or started.
    pub(super) fn is_waiting(&self, task: i32) -> bool {
        self.tasks.get(&task).is_some_and(|task| task.state == State::Waiting)
    }

    /// All running tasks.
    pub(super) fn running(&self) -> impl Iterator<Item = i32> + '_ {
        self.tasks.iter().filter(|(_, task)| task.state == State::Running).map(|(number, _)| *number)
    }

    /// Whether somebody waits for tasks of ours.
    pub(super) fn is_revoking(&self) -> bool {
        self.tasks.values().any(|task| task.state == State::Revoked)
    }

    /// Begins to fetch a task's inputs, from offsets in order of the inputs.
    pub(super) fn start(&mut self, task: i32, starts: Vec<i64>) -> Result<(), Error> {
        self.note_rebalances()?;
        // Revoked meanwhile: the worker is about to hear of it.
        if !self.is_waiting(task) {
            return Ok(());
        }
        self.await_stopped(task)?;
        let mut first = PartitionList::new();
        first.add(self.names.of(self.inputs[0]), task, starts[0]);
        self.member.assign(&first)?;
        if let Some(co_partitioned) = &self.co_partitioned {
            let mut rest = PartitionList::new();
            for (topic, start) in self.inputs.iter().zip(&starts).skip(1) {
                rest.add(self.names.of(*topic), task, *start);
            }
            co_partitioned.assign(&rest)?;
        }
        self.tasks.insert(task, Task { state: State::Running, starts: Some(starts) });
        self.note_running(task, true);
        Ok(())
    }

    /// Waits until positions of an earlier time are forgotten: they would pass for progress, and the offsets committed
    /// by them would skip records. Nothing is asked of the broker, so this takes moments.
    fn await_stopped(&self, task: i32) -> Result<(), Error> {
        let fetching = || (0..self.inputs.len()).find(|input| self.consumed(task, *input).is_some());
        // Counted, not timed: a process that is suspended meanwhile has not waited.
        for _ in 0..STOP_LOOKS {
            if fetching().is_none() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        match fetching() {
            None => Ok(()),
            Some(input) => {
                let name = self.names.of(self.inputs[input]).to_string_lossy();
                Err(Error::new(format!("the client did not stop fetching {name} [{task}]")))
            }
        }
    }

    fn consumer_of(&self, input: usize) -> &Consumer {
        match (&self.co_partitioned, input) {
            (Some(co_partitioned), 1..) => co_partitioned,
            _ => &self.member,
        }
    }

    fn consumed(&self, task: i32, input: usize) -> Option<i64> {
        self.consumer_of(input).position(self.names.of(self.inputs[input]), task)
    }

    /// Next offset of each input of a running task, transaction markers included. `None` while records wait in the
    /// stash: positions are then ahead of what was handed over.
    pub(super) fn positions(&self, task: i32) -> Option<Vec<i64>> {
        let starts = self.tasks.get(&task).filter(|task| task.state == State::Running)?.starts.as_ref()?;
        let position = |(input, start): (usize, &i64)| self.consumed(task, input).unwrap_or(*start);
        self.stash.is_empty().then(|| starts.iter().enumerate().map(position).collect())
    }

    /// End of each input of a task, as of the last fetch. `None` before the first.
    pub(super) fn known_ends(&self, task: i32) -> Option<Vec<i64>> {
        let end = |(input, topic): (usize, &Topic)| self.consumer_of(input).last_known_end(self.names.of(*topic), task);
        self.inputs.iter().enumerate().map(end).collect()
    }

    /// See [`Log::release`](crate::runtime::log::Log::release). The group goes on when the last one is released.
    pub(super) fn release(&mut self, tasks: &[i32]) -> Result<(), Error> {
        let mut released = Vec::new();
        for task in tasks {
            if self.tasks.get(task).is_some_and(Task::is_gone) {
                released.extend(self.tasks.remove_entry(task));
            }
        }
        self.stash.retain(|message| !tasks.contains(&message.partition()));
        self.unassign_by_hand(&released)?;
        let fetched = released.iter().filter(|(_, state)| state.starts.is_some());
        self.released.extend(fetched.map(|(task, _)| *task));
        if self.tasks.values().any(Task::is_gone) { Ok(()) } else { self.unassign_released() }
    }

    /// Answers a revocation: all of it at once, since the first answer lets the group go on.
    fn unassign_released(&mut self) -> Result<(), Error> {
        let mut list = PartitionList::new();
        for task in self.released.drain(..) {
            list.add(self.names.of(self.inputs[0]), task, 0);
        }
        self.member.unassign(&list)
    }

    fn unassign_by_hand(&self, tasks: &[(i32, Task)]) -> Result<(), Error> {
        let Some(co_partitioned) = &self.co_partitioned else { return Ok(()) };
        let mut list = PartitionList::new();
        for (task, _) in tasks.iter().filter(|(_, state)| state.starts.is_some()) {
            for topic in &self.inputs[1..] {
                list.add(self.names.of(*topic), *task, 0);
            }
        }
        if list.is_empty() { Ok(()) } else { co_partitioned.unassign(&list) }
    }

    /// Stops fetching all tasks. Those still assigned wait to be restored and started.
    ///
    /// If a revocation is open, this answers it. That is early but safe: no state is left here to commit.
    pub(super) fn stop_all(&mut self) -> Result<(), Error> {
        self.stash.clear();
        let all: Vec<(i32, Task)> = self.tasks.clone().into_iter().collect();
        self.unassign_by_hand(&all)?;
        for (number, task) in all {
            if task.starts.is_some() {
                self.released.push(number);
            }
            let state = if task.is_gone() { State::Lost } else { State::Waiting };
            self.tasks.insert(number, Task { state, starts: None });
            self.note_running(number, false);
        }
        if self.released.is_empty() { Ok(()) } else { self.unassign_released() }
    }

    /// The fence of a commit: the member's identity in the group, fresh, and the same as in the last rebalance served.
    ///
    /// The broker takes any offsets of a member without id and generation, and those of a generation whose
    /// assignment we have not seen: neither may leave here.
    pub(super) fn fence(&mut self, tasks: &[i32]) -> Result<Membership, CommitError> {
        let fenced = |why: &str| CommitError::Fenced(why.to_owned());
        let began = clock::monotonic();
        loop {
            self.note_rebalances().map_err(|error| CommitError::Aborted(error.0))?;
            // A task whose start met a revocation counts as revoked: it may commit once more like the others.
            let ours = |task: &Task| matches!(task.state, State::Running | State::Revoked);
            if !tasks.iter().all(|task| self.tasks.get(task).is_some_and(ours)) {
                return Err(fenced("a task is no longer ours"));
            }
            let membership = self.member.membership().ok_or_else(|| fenced("the client is in no group"))?;
            let identity = membership.identity();
            if identity.0.is_empty() || identity.1 < 0 || self.member.assignment_lost() {
                return Err(fenced("the group no longer knows us"));
            }
            if identity == self.served {
                return Ok(membership);
            }
            if began.elapsed() > REBALANCE_LIMIT || self.stash.len() > STASH_LIMIT {
                return Err(CommitError::Aborted("a rebalance took too long".to_owned()));
            }
            self.serve();
        }
    }

    /// Lets the rebalance callback run; records that come first are set aside.
    fn serve(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        self.member.fill(&mut batch, 500, 5);
        self.stash.extend(batch.drain());
        self.batch = batch;
    }
}
