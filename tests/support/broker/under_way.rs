//! A commit under way: the broker takes it, tells late how it ended, or refuses it, and it is sent once more.

use super::commit::Failure;
use super::log::{ModelLog, Task};
use super::transactions::Membership;
use std::time::Duration;
use swabstream::model::time::Timestamp;
use swabstream::runtime::log::{Commit, CommitError, Ended, Log as _};

/// A commit whose end the worker has not heard of.
pub(super) struct UnderWay {
    pub(super) stage: Stage,
    /// When it is heard of.
    pub(super) due: Timestamp,
}

pub(super) enum Stage {
    /// By whom it was in the group when it was sent, and how often it was.
    Begun {
        commit: Commit,
        number: u64,
        of: Membership,
        attempts: usize,
    },
    Ended(Ended),
}

/// What the group refused as of another generation is sent so often, as by the adapter of the real Kafka.
const ATTEMPTS: usize = 3;

impl ModelLog {
    /// The broker takes what was begun, or refuses it, and it is sent once more.
    pub(super) fn carry_on(&mut self) {
        let Some(UnderWay { stage, due }) = self.under_way.take() else { return };
        let stage = match stage {
            Stage::Begun { commit, number, of, attempts } => match self.carry_out(&commit, number, of) {
                Err(Failure::Stale(_)) if attempts < ATTEMPTS && self.may_try_again(&commit) => {
                    self.renew();
                    self.note("stale commit tried again", || format!("commit {number}"));
                    Stage::Begun { commit, number, of: self.membership(), attempts: attempts + 1 }
                }
                result => Stage::Ended(Ended { result: result.map_err(CommitError::from), at: self.elapsed() }),
            },
            ended => ended,
        };
        self.under_way = Some(UnderWay { stage, due });
    }

    /// When the end of a commit that begins will be heard of.
    pub(super) fn answered_at(&self) -> Timestamp {
        let mut broker = self.broker.borrow_mut();
        let (slow, longest) = (broker.rates.slow_answer, broker.timeouts.session_ms / 2);
        let is_slow = slow > 0 && broker.random.chance(slow);
        let after = if is_slow { broker.random.between(0, longest) } else { 0 };
        Timestamp(broker.now.0 + after)
    }

    /// Lets the time pass for which somebody waits to hear of a commit; whether they do by then. Once faults have ended,
    /// everything is answered.
    pub(super) fn hears_within(&mut self, wait: Duration) -> bool {
        let mut broker = self.broker.borrow_mut();
        let due = self.under_way.as_ref().map(|commit| commit.due).filter(|_| broker.rates.slow_answer > 0);
        let Some(due) = due else { return true };
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let to = due.min(Timestamp(broker.now.0.saturating_add(wait))).min(broker.latest);
        if to > broker.now {
            broker.advance_to(to);
        }
        broker.now >= due.min(broker.latest)
    }

    /// Whoever was to hand tasks over goes on without having heard of its commit.
    pub(super) fn note_out_of_time(&self, wait: Duration) {
        let hands_over = self.tasks.values().any(|task| matches!(task, Task::Ending));
        if wait.is_zero() && hands_over {
            self.note("revocation ran out of time", String::new);
        }
    }
}
