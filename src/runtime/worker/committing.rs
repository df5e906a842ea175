//! How a worker commits: a few tasks in one transaction, while it reads on.
//!
//! Writing is handed to the log, which takes as long as the broker does. What is read meanwhile goes into the next
//! commit. So what is told of a commit is noted when it begins, and told when it has ended.

use super::under_way::{News, UnderWay, written_by};
use super::{Phase, Worker};
use crate::model::time::Timestamp;
use crate::pipeline::half::Half;
use crate::runtime::log::{Commit, CommitError, Fatal, Log, REVOKE_COMMIT_LIMIT};
use crate::telemetry::meter::{CommitEnd, TaskReport};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a worker that has nothing to read waits for the end of a commit before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl<H: Half, L: Log> Worker<H, L> {
    /// Begins to commit tasks in one transaction.
    pub(super) fn begin_commit(&mut self, numbers: &[i32]) {
        if numbers.is_empty() {
            return;
        }
        let began = self.log.elapsed();
        self.drained = false;
        let (mut outputs, mut parts, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        let mut consumed = BTreeMap::new();
        for number in numbers {
            let Some(Phase::Running(task)) = self.phases.get_mut(number) else { unreachable!("only what runs is due") };
            let end = if task.wants_changelog_end() { self.log.changelog_end(*number) } else { None };
            let (more, part) = task.commit(end);
            outputs.extend(more);
            parts.push(part);
            tasks.push(News::of(*number, task));
            self.waiting.remove(number);
            for (topic, count) in self.consumed.remove(number).into_iter().flatten() {
                *consumed.entry(topic).or_default() += count;
            }
        }
        let commit = Commit::new(outputs, parts);
        let (consumed, written) = (consumed.into_iter().collect(), written_by(&commit));
        self.log.begin_commit(commit);
        self.under_way = Some(UnderWay { began, consumed, written, tasks });
    }

    /// Looks how the commit under way has ended, if there is one. After a failure nothing in memory can be trusted to be
    /// what the log holds: everything is dropped and restored, and the group's commit number says what happened.
    pub(super) fn look_after_commit(&mut self, has_nothing_else: bool) -> Result<(), Fatal> {
        let wait = if has_nothing_else { LOOK_AGAIN } else { Duration::ZERO };
        match self.end_commit(wait) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(error)) => self.start_over(&error),
        }
    }

    /// Commits tasks and what is under way, and waits for it, in the time that a revocation leaves.
    pub(super) fn commit_now(&mut self, numbers: &[i32]) -> Result<(), Fatal> {
        let began = self.log.elapsed();
        let ended = self.wait_for_commit(REVOKE_COMMIT_LIMIT).and_then(|()| {
            self.begin_commit(numbers);
            self.wait_for_commit(REVOKE_COMMIT_LIMIT.saturating_sub(self.log.elapsed().saturating_sub(began)))
        });
        ended.or_else(|error| self.start_over(&error))
    }

    /// Commits all there is and waits for it, as long as the log does.
    pub(super) fn commit_all(&mut self) -> Result<(), CommitError> {
        self.wait_for_commit(Duration::MAX)?;
        self.begin_commit(&self.touched());
        self.wait_for_commit(Duration::MAX)
    }

    /// Drops the states of all tasks, of which one is worth nothing any more, once the commit under way has ended: it has
    /// what they were before, and what it did counts.
    pub(super) fn restart_after_commit(&mut self) -> Result<(), Fatal> {
        match self.wait_for_commit(Duration::MAX) {
            Ok(()) => self.restart_all(),
            Err(error) => self.start_over(&error),
        }
    }

    fn wait_for_commit(&mut self, limit: Duration) -> Result<(), CommitError> {
        let began = self.log.elapsed();
        while self.under_way.is_some() {
            let left = limit.saturating_sub(self.log.elapsed().saturating_sub(began));
            match self.end_commit(left) {
                Some(ended) => return ended,
                None if left.is_zero() => {
                    return Err(CommitError::Unknown("it took too long for tasks that are asked back".to_owned()));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn end_commit(&mut self, wait: Duration) -> Option<Result<(), CommitError>> {
        let commit = self.under_way.take()?;
        let Some(ended) = self.log.end_commit(wait) else {
            self.under_way = Some(commit);
            return None;
        };
        let (took, done) = (ended.at.saturating_sub(commit.began), self.time_of(ended.at));
        self.pace.committed(done, took.as_millis() as i64);
        Some(ended.result.map(|()| self.report_commit(commit, took, done)))
    }

    /// What time it was by the log's clock: that of this step, and what lies between.
    fn time_of(&self, elapsed: Duration) -> Timestamp {
        Timestamp(self.at.0 + elapsed.as_millis() as i64 - self.began.as_millis() as i64)
    }

    fn report_commit(&mut self, commit: UnderWay, took: Duration, done: Timestamp) {
        self.failures.heal();
        self.meter.committed(took, &commit.consumed, &commit.written);
        for News { task: number, now, ledger, labs_heard, closed, reported_early, alerted, sizes } in commit.tasks {
            self.meter.labs_heard(&labs_heard);
            self.meter.closed(number, closed);
            self.meter.reported_early(reported_early);
            self.meter.alerted(&alerted, done);
            if let Some(Phase::Running(_)) = self.phases.get(&number) {
                let lag = self.log.lag(number);
                self.meter.task(TaskReport { task: number, now: Some(now), ledger: &ledger, lag, sizes });
            }
        }
    }

    fn start_over(&mut self, error: &CommitError) -> Result<(), Fatal> {
        if let Some(left_out) = self.failures.note(&error.to_string(), self.at) {
            tracing::warn!(half = H::KIND.name(), %error, left_out, "commit failed, restoring all tasks");
        }
        self.meter.failed(CommitEnd::from(error));
        self.restart_all()?;
        if self.failures.pauses(self.at) {
            self.phases.keys().for_each(|task| self.meter.stuck(*task, &format!("commits fail: {error}")));
        }
        Ok(())
    }
}
