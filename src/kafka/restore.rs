//! Reads a task's changelog back, in the only order that loses nothing:
//!
//! 1. the committed offsets, once no open transaction can change them;
//! 2. then the changelog's end, read uncommitted: a dead owner's open transaction pins the *stable* end below state
//!    that its successor committed later;
//! 3. then the changelog, `read_committed`, until past that end, waiting open transactions out.
//!
//! Nothing blocks: each call takes what is there, so running tasks go on meanwhile. A broker that is away and a
//! transaction that nobody ends are waited for without bound, and named; what waiting cannot mend is an error.

use super::client::{Role, properties};
use super::error::Error;
use super::lost::Lost;
use super::names::{Names, topic_name};
use super::native::{Answer, Batch, Consumer, End, ErrorCode, Handle, Message, NoAnswer, PartitionList, Query};
use super::reader::{event, record_of};
use super::remedy::{hint, lost_records, start_anew, tool};
use super::settings::Settings;
use crate::clock;
use crate::config::KafkaConfig;
use crate::model::record::{Record, Topic};
use crate::runtime::log::{CommitMark, Committed, Restore};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long one question may take. An offset that an open transaction may still change is no answer.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);

/// Pause before a question that was refused is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Leaders are looked for at most so often: the look waits for an answer.
const REFRESH_PACE: Duration = Duration::from_secs(2);

/// What is waited for is named after so long, and again as often.
const NAME_AGAIN: Duration = Duration::from_secs(2);

/// Bytes of other tasks set aside while one is read.
const BUFFERED_LIMIT: usize = 64 << 20;

/// Messages taken from the queue at once; each may hold half a megabyte.
const TAKEN_AT_ONCE: usize = 64;

/// Restores tasks of one half.
#[derive(Debug)]
pub(super) struct Restorer {
    batch: Batch,
    jobs: BTreeMap<i32, Job>,
    reader: Option<Consumer>,
    names: Names,
    config: KafkaConfig,
    group: String,
    inputs: &'static [Topic],
    changelog: Topic,
    given_up: Vec<Lost>,
    wait: Duration,
    /// When leaders were last looked for.
    refreshed: Option<Instant>,
    notify: Arc<Notify>,
}

#[derive(Debug)]
struct Job {
    step: Step,
    /// The question under way: that of the step, or while reading, why nothing comes.
    query: Option<Query>,
    /// When the last question was refused.
    refused: Option<Instant>,
    /// When something last moved, or nobody was there to move it.
    moved: Instant,
    /// When it was last said, or could have been, what is waited for.
    named: Instant,
    /// Its messages, taken from the queue while another task was read.
    buffer: Vec<Message>,
}

/// What is under way, with what the steps before brought.
#[derive(Debug)]
enum Step {
    /// Asks for the committed offsets.
    Offsets,
    /// Asks where the inputs begin: a task that never committed starts there, any other not before.
    Starts { committed: Committed },
    /// Asks for the changelog's end, and those of the inputs, which must not lie before what was read of them.
    End { committed: Committed, starts: Vec<(Topic, i64)> },
    /// Reads.
    Reading { committed: Committed, starts: Vec<(Topic, i64)>, next: i64, end: i64 },
}

impl Step {
    fn what(&self) -> &'static str {
        match self {
            Step::Offsets => "the committed offsets",
            Step::Starts { .. } => "the beginnings of the inputs",
            Step::End { .. } | Step::Reading { .. } => "the end of the changelog",
        }
    }
}

impl Job {
    /// Says now and then what is waited for.
    fn stuck(&mut self, why: impl FnOnce() -> String) -> Restore {
        if self.named.elapsed() < NAME_AGAIN {
            return Restore::Pending;
        }
        self.named = clock::monotonic();
        Restore::Stuck(why())
    }
}

/// A restored task: what was committed, and where its inputs begin if it never committed.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) committed: Committed,
    pub(super) starts: Vec<(Topic, i64)>,
}

/// What a call brought.
#[derive(Debug)]
pub(super) enum Pumped {
    More(Restore),
    Done(Restored),
}

impl Restorer {
    pub(super) fn new(settings: &Settings, notify: &Arc<Notify>) -> Self {
        let Settings { config, group, inputs, changelog, restore_wait, given_up, .. } = settings.clone();
        Self {
            batch: Batch::default(),
            jobs: BTreeMap::new(),
            reader: None,
            names: Names::new(&config.prefix),
            config,
            group,
            inputs,
            changelog,
            given_up,
            wait: restore_wait,
            refreshed: None,
            notify: notify.clone(),
        }
    }

    /// Takes the next part of a task's changelog. `asked` is a client to ask the broker with.
    pub(super) fn pump(
        &mut self,
        task: i32,
        asked: &Handle,
        take: &mut dyn FnMut(&[Record<'_>]),
    ) -> Result<Pumped, Error> {
        if !self.jobs.contains_key(&task) {
            let query = self.ask(task, &Step::Offsets, asked);
            let now = clock::monotonic();
            let job = Job { step: Step::Offsets, query, refused: None, moved: now, named: now, buffer: Vec::new() };
            self.jobs.insert(task, job);
        }
        match self.jobs.get(&task).map(|job| &job.step) {
            Some(Step::Reading { .. }) => self.read(task, asked, take),
            _ => self.hear(task, asked),
        }
    }

    /// Forgets a task.
    pub(super) fn forget(&mut self, task: i32) -> Result<(), Error> {
        let Some(job) = self.jobs.remove(&task) else { return Ok(()) };
        match (job.step, &self.reader) {
            (Step::Reading { .. }, Some(reader)) => {
                let mut list = PartitionList::new();
                list.add(self.names.of(self.changelog), task, 0);
                reader.unassign(&list)
            }
            _ => Ok(()),
        }
    }

    /// Forgets all tasks.
    pub(super) fn forget_all(&mut self) -> Result<(), Error> {
        let all: Vec<i32> = self.jobs.keys().copied().collect();
        all.into_iter().try_for_each(|task| self.forget(task))
    }

    /// The question of a step.
    fn ask(&self, task: i32, step: &Step, asked: &Handle) -> Option<Query> {
        let inputs = self.inputs.iter().map(|topic| (CString::from(self.names.of(*topic)), task));
        match step {
            Step::Offsets => Some(Query::committed(asked, inputs, QUESTION_LIMIT)),
            Step::Starts { .. } => Some(Query::ends(asked, inputs, End::First, QUESTION_LIMIT)),
            Step::End { .. } => {
                let changelog = (CString::from(self.names.of(self.changelog)), task);
                Some(Query::ends(asked, inputs.chain([changelog]), End::Last, QUESTION_LIMIT))
            }
            Step::Reading { .. } => None,
        }
    }

    /// Takes an answer, if there is one, and goes on with the next question, or with the same: an open transaction
    /// may still change offsets, and a partition may have no leader for a moment.
    fn hear(&mut self, task: i32, asked: &Handle) -> Result<Pumped, Error> {
        let Some(mut job) = self.jobs.remove(&task) else { return Ok(Pumped::More(Restore::Pending)) };
        if job.query.is_none() && job.refused.is_none_or(|refused| refused.elapsed() > ASK_AGAIN) {
            self.refresh(&job.step, asked);
            job.query = self.ask(task, &job.step, asked);
        }
        let mut found = Restore::Pending;
        match job.query.as_mut().and_then(|query| query.poll(Duration::ZERO)) {
            None => {}
            Some(Err(refused)) => {
                job.query = None;
                job.refused = Some(clock::monotonic());
                found = self.refused(task, &mut job, &refused)?;
            }
            Some(Ok(answers)) => {
                job.step = self.after(task, job.step, &answers)?;
                job.query = self.ask(task, &job.step, asked);
                job.moved = clock::monotonic();
            }
        }
        self.jobs.insert(task, job);
        Ok(Pumped::More(found))
    }

    /// What a refusal means: wait for who is away, name what hangs, end where waiting does not mend it.
    fn refused(&self, task: i32, job: &mut Job, refused: &NoAnswer) -> Result<Restore, Error> {
        let why = format!("{} of task {task} cannot be had: {refused}", job.step.what());
        if refused.is_denied() {
            return Err(Error::new(format!("{why} (group {})", self.group)));
        } else if refused.is_away() {
            job.moved = clock::monotonic();
        } else if job.moved.elapsed() > self.wait {
            match refused.is_unstable() {
                true => return Ok(job.stuck(|| format!("{why}; {}", self.end_transactions()))),
                false => {
                    return Err(Error::new(format!("{why} (for {} s, group {})", self.wait.as_secs(), self.group)));
                }
            }
        }
        Ok(job.stuck(|| why))
    }

    /// Learns anew who leads the partitions that a step asks of.
    fn refresh(&mut self, step: &Step, asked: &Handle) {
        if self.refreshed.is_some_and(|refreshed| refreshed.elapsed() < REFRESH_PACE) {
            return;
        }
        let topics = match step {
            Step::Offsets => &[][..], // asked of the group's coordinator
            Step::Starts { .. } => self.inputs,
            Step::End { .. } | Step::Reading { .. } => &[self.changelog],
        };
        for topic in topics {
            asked.refresh(self.names.of(*topic));
        }
        self.refreshed = Some(clock::monotonic());
    }

    /// The step after an answered question. The order is the point: see the head of this file.
    fn after(&mut self, task: i32, step: Step, answers: &[Answer]) -> Result<Step, Error> {
        match step {
            Step::Offsets => Ok(Step::Starts { committed: self.committed_of(task, answers)? }),
            Step::Starts { committed } => {
                let named = |answer: &Answer| Some((self.names.topic(&answer.topic)?, answer.offset));
                let starts: Vec<(Topic, i64)> = answers.iter().filter_map(named).collect();
                self.require_unread_kept(task, &committed, &starts)?;
                Ok(Step::End { committed, starts })
            }
            Step::End { committed, starts } => {
                let end_of = |topic| answers.iter().find(|answer| self.names.topic(&answer.topic) == Some(topic));
                let end_of = |topic| end_of(topic).map_or(0, |answer| answer.offset);
                for (topic, next) in &committed.next {
                    self.require_reaches(*topic, task, *next, end_of(*topic))?;
                }
                let end = end_of(self.changelog);
                self.require_reaches(self.changelog, task, committed.mark.map_or(0, |mark| mark.restore_from), end)?;
                self.begin_reading(task, committed, starts, end)
            }
            reading @ Step::Reading { .. } => Ok(reading),
        }
    }

    /// What the group knows: all inputs or none, each with the same mark. Of an input that came later than the version that
    /// committed there is none: it is read from its beginning. What the task itself knew is held against that.
    fn committed_of(&self, task: i32, answers: &[Answer]) -> Result<Committed, Error> {
        let known: Vec<&Answer> = answers.iter().filter(|answer| answer.offset >= 0).collect();
        if known.is_empty() {
            return Ok(Committed::default());
        }
        let is_known = |topic| known.iter().any(|answer| self.names.topic(&answer.topic) == Some(topic));
        if let Some(topic) = self.inputs.iter().find(|topic| !is_known(**topic) && !topic.came_later()) {
            return Err(Error::new(format!(
                "task {task}: group {} has committed offsets, but none of {} [{task}]; all are committed together, so \
                 the topic was made anew, or its offsets expired (offsets.retention.minutes) or were deleted; {}",
                self.group,
                topic_name(&self.config.prefix, *topic),
                start_anew(&self.config),
            )));
        }
        let mark = CommitMark::parse(&known[0].text).ok_or_else(|| {
            Error::new(format!(
                "task {task}: the committed offsets of group {} were not written by this program (metadata {:?})",
                self.group, known[0].text
            ))
        })?;
        let next = known.iter().filter_map(|answer| Some((self.names.topic(&answer.topic)?, answer.offset))).collect();
        Ok(Committed { next, begin: Vec::new(), mark: Some(mark) })
    }

    /// What was not read must still be there: going on behind a gap would pass lost results off as none.
    fn require_unread_kept(&self, task: i32, committed: &Committed, starts: &[(Topic, i64)]) -> Result<(), Error> {
        let gap = |&(topic, from): &(Topic, i64)| {
            let to = starts.iter().find(|(known, _)| *known == topic).map_or(0, |(_, start)| *start);
            (to > from).then_some(Lost { topic, task, from, to })
        };
        // All of them, in the order in which they are listed: none can be given up without the others.
        let mut lost: Vec<Lost> = committed.next.iter().filter_map(gap).collect();
        lost.sort_unstable();
        match lost.iter().all(|lost| self.given_up.contains(lost)) {
            true => Ok(()),
            false => Err(lost_records(&self.config, &lost)),
        }
    }

    /// What the last commit knew of a partition must be there.
    fn require_reaches(&self, topic: Topic, task: i32, known: i64, end: i64) -> Result<(), Error> {
        if known <= end {
            return Ok(());
        }
        Err(Error::new(format!(
            "{} [{task}] ends at offset {end}, but the last commit knew it up to {known}: the topic was truncated, or \
             deleted and made anew; {}",
            topic_name(&self.config.prefix, topic),
            start_anew(&self.config),
        )))
    }

    fn begin_reading(
        &mut self,
        task: i32,
        committed: Committed,
        starts: Vec<(Topic, i64)>,
        end: i64,
    ) -> Result<Step, Error> {
        let from = committed.mark.map_or(0, |mark| mark.restore_from);
        if self.reader.is_none() {
            let role = Role::Reader { group: self.group.clone() };
            self.reader = Some(Consumer::new(&properties(&self.config, &role)?, self.notify.clone())?);
        }
        if let Some(reader) = &self.reader {
            let mut list = PartitionList::new();
            list.add(self.names.of(self.changelog), task, from);
            reader.assign(&list)?;
        }
        Ok(Step::Reading { committed, starts, next: from, end })
    }

    fn read(&mut self, task: i32, asked: &Handle, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Pumped, Error> {
        self.sort_into_buffers(task)?;
        let changelog = self.changelog;
        let Some(Job { step: Step::Reading { next, end, .. }, moved, buffer, .. }) = self.jobs.get_mut(&task) else {
            return Ok(Pumped::More(Restore::Pending));
        };
        let messages = std::mem::take(buffer);
        let mut found = Vec::with_capacity(messages.len());
        for message in &messages {
            let reached = match message.error() {
                // The end event's own offset: positions are wrong after it.
                ErrorCode::RD_KAFKA_RESP_ERR__PARTITION_EOF => message.offset(),
                ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => {
                    // Beyond the end lie commits of somebody else, later than the offsets that were asked for.
                    found.extend((message.offset() < *end).then(|| record_of(message, changelog)));
                    message.offset() + 1
                }
                _ => {
                    event(message)?;
                    continue;
                }
            };
            if reached > *next {
                (*next, *moved) = (reached, clock::monotonic());
            }
        }
        if !found.is_empty() {
            take(&found);
        }
        let (reached, end, moved, any) = (*next, *end, *moved, !found.is_empty());
        if reached >= end {
            return self.finish(task);
        }
        if moved.elapsed() > self.wait {
            return self.look_into(task, asked).map(Pumped::More);
        }
        let remaining = (end - reached).unsigned_abs();
        Ok(Pumped::More(if any { Restore::Reading { remaining } } else { Restore::Pending }))
    }

    /// Nothing has come for long: an open transaction holds it up, or nobody is there, or it is only slow.
    fn look_into(&mut self, task: i32, asked: &Handle) -> Result<Restore, Error> {
        let Some(mut job) = self.jobs.remove(&task) else { return Ok(Restore::Pending) };
        let Step::Reading { next, end, .. } = job.step else { return Ok(Restore::Pending) };
        let changelog = || [(CString::from(self.names.of(self.changelog)), task)];
        let query = job.query.get_or_insert_with(|| Query::ends(asked, changelog(), End::Stable, QUESTION_LIMIT));
        let mut found = Restore::Pending;
        if let Some(answer) = query.poll(Duration::ZERO) {
            job.query = None;
            match answer.map(|answers| answers.first().map_or(0, |answer| answer.offset)) {
                Ok(stable) if stable <= next => found = job.stuck(|| self.hangs(task, stable, end)),
                Ok(_) => job.moved = clock::monotonic(),
                Err(refused) => {
                    self.refresh(&job.step, asked);
                    found = self.refused(task, &mut job, &refused)?;
                }
            }
        }
        self.jobs.insert(task, job);
        Ok(found)
    }

    /// Takes messages from the queue until there are some of the task, or none.
    fn sort_into_buffers(&mut self, task: i32) -> Result<(), Error> {
        let Some(reader) = &self.reader else { return Ok(()) };
        if let Some(why) = reader.handle().fatal() {
            return Err(Error::new(why));
        }
        let size = |message: &Message| message.payload().map_or(0, <[u8]>::len);
        while self.jobs.get(&task).is_some_and(|job| job.buffer.is_empty()) {
            let others: usize = self.jobs.values().flat_map(|job| &job.buffer).map(size).sum();
            if others > BUFFERED_LIMIT {
                break;
            }
            reader.fill(&mut self.batch, TAKEN_AT_ONCE, 0);
            if self.batch.as_slice().is_empty() {
                break;
            }
            for message in self.batch.drain() {
                if message.topic().is_none() {
                    event(&message)?;
                } else if let Some(job) = self.jobs.get_mut(&message.partition()) {
                    job.buffer.push(message);
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, task: i32) -> Result<Pumped, Error> {
        let Some(Job { step: Step::Reading { committed, starts, .. }, .. }) = self.jobs.get_mut(&task) else {
            return Ok(Pumped::More(Restore::Pending));
        };
        let (committed, starts) = (std::mem::take(committed), std::mem::take(starts));
        self.forget(task)?;
        Ok(Pumped::Done(Restored { committed, starts }))
    }

    /// What holds a restore up, and how to end it.
    fn hangs(&self, task: i32, stable: i64, end: i64) -> String {
        format!(
            "{name} [{task}]: the state ends at offset {end}, but a transaction that began at offset {stable} was not \
             ended within {} s; if whoever began it is gone, end it with {tool} abort --topic {name} --partition {task} \
             --start-offset {stable}{hint}",
            self.wait.as_secs(),
            name = topic_name(&self.config.prefix, self.changelog),
            tool = tool(&self.config, "kafka-transactions.sh"),
            hint = hint(&self.config),
        )
    }

    fn end_transactions(&self) -> String {
        format!(
            "an open transaction may still change them; if whoever began it is gone, find it with \
             {} find-hanging --topic __consumer_offsets, and end it with abort{}",
            tool(&self.config, "kafka-transactions.sh"),
            hint(&self.config)
        )
    }
}
