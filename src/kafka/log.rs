//! [`KafkaLog`]: a worker's access to a real Kafka.

use super::commit::Committer;
use super::group::Group;
use super::idle::Idle;
use super::names::Names;
use super::native::{End, Query};
use super::remedy::{damaged_state, start_anew, without_offsets, without_state};
use super::restore::{Pumped, Restored, Restorer};
use crate::clock;
use crate::model::record::{Record, Topic};
use crate::model::time::Timestamp;
use crate::runtime::log::{Commit, Ended, Fatal, Log, Polled, Restore};
use crate::state::paged::Unusable;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

pub use super::settings::Settings;

/// How long the broker may take to answer a question; then it is asked again.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);

/// How long one poll asks the broker to take a new producer; the next asks on.
const PRODUCER_STEP: Duration = Duration::from_millis(10);

/// A member of the group with its producer. Dropping it leaves Kafka, in bounded time.
#[derive(Debug)]
pub struct KafkaLog {
    restorer: Restorer,
    committer: Committer,
    idle: Idle,
    /// Questions under way for ends of changelogs, by task. Before the group, whose client they were asked with.
    changelog_ends: BTreeMap<i32, Query>,
    group: Group,
    names: Names,
    settings: Settings,
    notify: Arc<Notify>,
    joined: Instant,
}

impl KafkaLog {
    /// Joins the group. Blocks until the broker has reported the inputs.
    pub fn join(settings: Settings) -> Result<Self, Fatal> {
        let notify = Arc::new(Notify::new());
        let Settings { config, group, id, inputs, .. } = &settings;
        let restorer = Restorer::new(&settings, &notify);
        let committer = Committer::new(config, id, &notify)?;
        let group = Group::join(config, group, inputs, &notify)?;
        let names = Names::new(&config.prefix);
        let (idle, changelog_ends, joined) = (Idle::default(), BTreeMap::new(), clock::monotonic());
        Ok(Self { restorer, committer, idle, changelog_ends, group, names, notify, settings, joined })
    }
}

impl Log for KafkaLog {
    async fn ready(&self) {
        self.notify.notified().await;
    }

    fn poll(&mut self, limit: usize, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Polled, Fatal> {
        self.committer.get_ready(PRODUCER_STEP)?;
        Ok(self.group.poll(limit, take)?)
    }

    fn restore(&mut self, task: i32, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Restore, Fatal> {
        // Revoked meanwhile: the worker is about to be told. Or the new producer does not yet fence the old one, nor
        // has it ended what a predecessor of the id left open.
        if !self.group.is_waiting(task) || !self.committer.is_ready() {
            return Ok(Restore::Pending);
        }
        match self.restorer.pump(task, self.group.handle(), take)? {
            Pumped::More(restore) => Ok(restore),
            Pumped::Done(Restored { mut committed, starts }) => {
                match committed.mark {
                    None => committed.next = starts,
                    Some(_) => committed.begin = committed.unknown_of(starts),
                }
                Ok(Restore::Done(committed))
            }
        }
    }

    fn explain(&self, task: i32, why: &Unusable) -> String {
        let Settings { config, changelog, group, .. } = &self.settings;
        match why {
            Unusable::Corrupt(_) => format!("{why}; {}", damaged_state(config, *changelog, task, group)),
            Unusable::WithoutOffsets => without_offsets(config, *changelog, task, group),
            Unusable::WithoutState => without_state(config, *changelog, task, group),
            Unusable::OtherTasks(_) => format!("{why}; {}", start_anew(config)),
            Unusable::Foreign(_) => why.to_string(),
        }
    }

    fn start(&mut self, task: i32, next: &[(Topic, i64)]) -> Result<(), Fatal> {
        let offset_of = |topic: &Topic| next.iter().find(|(known, _)| known == topic).map(|(_, offset)| *offset);
        let starts: Option<Vec<i64>> = self.settings.inputs.iter().map(offset_of).collect();
        Ok(self.group.start(task, starts.expect("a restore tells the next offsets of all inputs"))?)
    }

    fn release(&mut self, tasks: &[i32]) -> Result<(), Fatal> {
        for task in tasks {
            self.restorer.forget(*task)?;
            self.changelog_ends.remove(task);
        }
        self.idle.forget(tasks);
        Ok(self.group.release(tasks)?)
    }

    fn begin_commit(&mut self, commit: Commit) {
        self.committer.begin(&self.names, commit, &mut self.group);
    }

    fn end_commit(&mut self, wait: Duration) -> Option<Ended> {
        let (result, at) = self.committer.end(&self.names, &mut self.group, wait)?;
        Some(Ended { result, at: at.saturating_duration_since(self.joined) })
    }

    fn rewind(&mut self) -> Result<(), Fatal> {
        self.restorer.forget_all()?;
        self.idle.forget_all();
        self.changelog_ends.clear();
        self.group.stop_all()?;
        Ok(self.committer.renew()?)
    }

    fn changelog_end(&mut self, task: i32) -> Option<i64> {
        let asked = self.changelog_ends.entry(task).or_insert_with(|| {
            let changelog = [(CString::from(self.names.of(self.settings.changelog)), task)];
            Query::ends(self.group.handle(), changelog, End::Last, QUESTION_LIMIT)
        });
        let answer = asked.poll(Duration::ZERO)?;
        self.changelog_ends.remove(&task);
        let Ok(answers) = answer else {
            // Asked again with the next call: the cycle of images begins later, and nothing else waits. For a leader
            // that was away the library looks only when told to.
            self.group.handle().refresh(self.names.of(self.settings.changelog));
            return None;
        };
        answers.first().map(|answer| answer.offset)
    }

    fn idle_since(&mut self, task: i32) -> Option<Timestamp> {
        self.idle.since(task, &self.group, &self.names, self.settings.inputs)
    }

    fn reached(&mut self, task: i32) -> Option<Vec<(Topic, i64)>> {
        let positions = self.group.positions(task)?;
        Some(self.settings.inputs.iter().copied().zip(positions).collect())
    }

    fn lag(&mut self, task: i32) -> Option<u64> {
        let (positions, ends) = (self.group.positions(task)?, self.group.known_ends(task)?);
        Some(positions.iter().zip(&ends).map(|(position, end)| end.saturating_sub(*position).max(0) as u64).sum())
    }

    fn elapsed(&self) -> Duration {
        self.joined.elapsed()
    }
}
