//! A commit on its way to the broker, and all that can become of it.

use super::late::{Late, Request, Rest};
use super::log::{ModelLog, Task};
use super::transactions::{Membership, PendingOffset, Refused};
use std::collections::BTreeSet;
use swabstream::model::record::{Output, Topic};
use swabstream::model::time::Timestamp;
use swabstream::runtime::log::{Commit, CommitError, TaskCommit};

/// Where a commit goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The broker says so and aborts, after so many records.
    Aborted(usize),
    /// The process dies after so many records.
    Crash(usize),
    /// The process dies when all was sent.
    CrashAtEnd(End),
    /// The answer to the end of the transaction is not heard of.
    Unknown(End),
    /// The group forgets the member before the offsets are added.
    Kicked,
    /// The end of the transaction arrives once more, later.
    Repeated,
    /// The process is stopped after so many records and goes on when others have taken over.
    Frozen(usize),
    /// Time jumps before the offsets are added; the end may have been sent twice.
    Slow,
}

/// How a commit failed.
pub(super) enum Failure {
    /// The group has moved on from the member it was sent by, or does not know it: nothing was written.
    Stale(CommitError),
    Final(CommitError),
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        Self::Final(error)
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        let (Failure::Stale(error) | Failure::Final(error)) = failure;
        error
    }
}

/// What becomes of the end of a transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Received,
    Lost,
    Late,
}

impl ModelLog {
    pub(super) fn carry_out(&mut self, commit: &Commit, number: u64, of: Membership) -> Result<(), Failure> {
        assert!(!self.process.is_dead(), "a dead process does not commit");
        let began = self.broker.borrow().now;
        let records = commit.outputs().len() + commit.tasks().iter().map(|task| task.changes.len()).sum::<usize>();
        let fault = self.choose_fault(records);
        let most = match fault {
            Fault::Aborted(after) | Fault::Crash(after) | Fault::Frozen(after) => after,
            _ => usize::MAX,
        };
        if let Err(reason) = self.send(commit, number, most) {
            return Ok(self.refused(&reason)?);
        }
        match fault {
            Fault::Aborted(_) => {
                return Ok(self.abort(CommitError::Aborted("the broker said so".to_owned()), "aborted")?);
            }
            Fault::Crash(_) => return Ok(self.die("crash in a commit")?),
            Fault::Frozen(after) => return Ok(self.freeze(commit, number, of, after)?),
            Fault::Kicked => self.process.expel(),
            Fault::Slow => self.let_time_jump(),
            _ => {}
        }
        if let Err(reason) = self.send_offsets(commit, of) {
            let is_stale = matches!(reason, Refused::Member(_) | Refused::Generation(_));
            return self.refused(&reason).map_err(if is_stale { Failure::Stale } else { Failure::Final });
        }
        let disturbances = self.disturbances;
        self.end(number, fault)?;
        // What was sent more than once may still arrive, and end a later transaction.
        if self.broker.borrow().now > began || self.disturbances != disturbances {
            self.renew();
            self.note("new producer after doubt", || format!("commit {number}"));
        }
        Ok(())
    }

    /// Sends the end of the transaction, and what is heard of it.
    fn end(&mut self, number: u64, fault: Fault) -> Result<(), CommitError> {
        let what = match fault {
            Fault::Unknown(end) | Fault::CrashAtEnd(end) => end,
            _ => End::Received,
        };
        // The library repeats what was not answered at once, and tells nobody.
        if what == End::Late || fault == Fault::Repeated || fault == Fault::Slow {
            self.send_end_late(true);
        }
        if what == End::Received {
            let ended = self.broker.borrow_mut().end_transaction(&self.by, true);
            if let Err(reason) = ended {
                return self.refused(&reason);
            }
        }
        let unknown = CommitError::Unknown("no answer".to_owned());
        match (fault, what) {
            (Fault::Unknown(_), End::Received) => self.fail(unknown, "unknown, took effect"),
            (Fault::Unknown(_), _) => self.fail(unknown, "unknown, did not take effect"),
            (Fault::CrashAtEnd(_), End::Received) => self.die("crash after the end of a commit"),
            (Fault::CrashAtEnd(_), _) => self.die("crash before the end of a commit"),
            _ => {
                self.note("committed", || format!("commit {number}"));
                Ok(())
            }
        }
    }

    /// Chooses what goes wrong with a commit of so many records.
    fn choose_fault(&self, records: usize) -> Fault {
        let mut broker = self.broker.borrow_mut();
        let rates = broker.rates;
        let after = broker.random.below(records + 1);
        let at_end = broker.random.chance(50);
        let late = broker.random.chance(rates.late);
        let end = match broker.random.chance(50) {
            true => End::Received,
            false if late => End::Late,
            false => End::Lost,
        };
        let mut roll = broker.random.below(100) as u32;
        let mut falls = |rate: u32| {
            let hit = roll < rate;
            roll = if hit { u32::MAX } else { roll.saturating_sub(rate) };
            hit
        };
        if falls(rates.aborted) {
            Fault::Aborted(after)
        } else if falls(rates.unknown) {
            Fault::Unknown(end)
        } else if falls(rates.crash) {
            if at_end { Fault::CrashAtEnd(end) } else { Fault::Crash(after) }
        } else if falls(rates.kicked) {
            Fault::Kicked
        } else if falls(rates.repeated) {
            Fault::Repeated
        } else if falls(rates.frozen) {
            Fault::Frozen(after)
        } else if falls(rates.slow) {
            Fault::Slow
        } else {
            Fault::None
        }
    }

    /// Checks a commit that begins, and tells of it: its number.
    pub(super) fn announce(&mut self, commit: &Commit) -> u64 {
        self.check_commit(commit);
        let mut broker = self.broker.borrow_mut();
        broker.commits += 1;
        let number = broker.commits;
        let tasks = || -> Vec<String> {
            commit.tasks().iter().map(|task| format!("task {} at {}", task.task, task.mark.seq)).collect()
        };
        broker.say(|| {
            format!("{} sends commit {number}: {}, {} outputs", self.by.id, tasks().join(", "), commit.outputs().len())
        });
        if let Some(observer) = &broker.observer {
            observer.borrow_mut().sent(number, self.half, &self.by.id, commit);
        }
        number
    }

    fn fail(&mut self, error: CommitError, what: &'static str) -> Result<(), CommitError> {
        self.suspicious = true;
        self.note(what, || error.to_string());
        Err(error)
    }

    fn die(&mut self, what: &'static str) -> Result<(), CommitError> {
        self.process.kill();
        self.fail(CommitError::Unknown("the process died".to_owned()), what)
    }

    /// Clean abort, as far as the id still is ours.
    fn abort(&mut self, error: CommitError, what: &'static str) -> Result<(), CommitError> {
        let rate = self.broker.borrow().rates.repeated;
        if self.broker.borrow_mut().random.chance(rate) {
            self.send_end_late(false);
        }
        // An abort that is refused has been done by whoever fenced us.
        let _ = self.broker.borrow_mut().end_transaction(&self.by, false);
        self.fail(error, what)
    }

    fn refused(&mut self, reason: &Refused) -> Result<(), CommitError> {
        self.abort(CommitError::Fenced(reason.to_string()), reason.name())
    }

    /// Sends the records of a commit, up to where it goes wrong.
    fn send(&mut self, commit: &Commit, number: u64, most: usize) -> Result<(), Refused> {
        for output in records_of(commit).take(most) {
            self.broker.borrow_mut().append(&self.by, number, output.clone())?;
        }
        Ok(())
    }

    fn offsets_of(&self, commit: &Commit) -> Vec<PendingOffset> {
        let offsets = commit.tasks().iter().flat_map(|task| {
            task.next.iter().map(|(topic, next)| PendingOffset {
                group: self.half,
                topic: *topic,
                partition: task.task,
                next: *next,
                metadata: task.mark.to_text(),
            })
        });
        offsets.collect()
    }

    fn send_offsets(&mut self, commit: &Commit, of: Membership) -> Result<(), Refused> {
        let offsets = self.offsets_of(commit);
        self.broker.borrow_mut().add_offsets(&self.by, of, offsets)
    }

    /// Who commits, as the group hears it.
    pub(super) fn membership(&self) -> Membership {
        Membership { member: self.process.member.get(), generation: self.generation as i64 }
    }

    /// The process is stopped in the middle of its commit. For its worker that is its end; what it had still to send is
    /// sent when it goes on, before it notices anything.
    fn freeze(&mut self, commit: &Commit, number: u64, of: Membership, after: usize) -> Result<(), CommitError> {
        let rest = Rest {
            by: self.by.clone(),
            of,
            commit: number,
            outputs: records_of(commit).skip(after).cloned().collect(),
            offsets: self.offsets_of(commit),
        };
        self.send_late(Request::Rest(rest), 3);
        self.die("stopped in a commit")
    }

    fn send_end_late(&mut self, commit: bool) {
        self.disturbances += 1;
        self.send_late(Request::End { by: self.by.clone(), commit }, 1);
    }

    /// Up to so many sessions later.
    fn send_late(&mut self, request: Request, sessions: i64) {
        let mut broker = self.broker.borrow_mut();
        let longest = sessions * broker.timeouts.session_ms;
        let due = Timestamp(broker.now.0 + broker.random.between(0, longest));
        broker.late.push(Late { due, request });
    }

    /// Up to twice as far as a session lasts.
    fn let_time_jump(&mut self) {
        let mut broker = self.broker.borrow_mut();
        let longest = 2 * broker.timeouts.session_ms;
        let to = Timestamp(broker.now.0 + broker.random.between(0, longest)).min(broker.latest).max(broker.now);
        broker.note("time jumped in a commit", || self.by.id.clone());
        broker.advance_to(to);
    }

    /// As the adapter does before it sends a commit once more that the group has refused: the rebalance is heard of, and
    /// its tasks are still at work here.
    pub(super) fn may_try_again(&mut self, commit: &Commit) -> bool {
        let is_ours =
            |task: &TaskCommit| matches!(self.tasks.get(&task.task), Some(Task::Running { .. } | Task::Ending));
        let mut broker = self.broker.borrow_mut();
        let group = broker.group(self.half);
        let may = group.knows(self.process.member.get()) && commit.tasks().iter().all(is_ours);
        if may {
            self.generation = group.generation();
        }
        may
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

/// All records of a commit, in the order in which they are sent.
fn records_of(commit: &Commit) -> impl Iterator<Item = &Output> {
    commit.outputs().iter().chain(commit.tasks().iter().flat_map(|task| &task.changes))
}
