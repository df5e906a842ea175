//! The one seam to Kafka. A [`Commit`] is outputs + state changes + next offsets, and none can be sent without the
//! others. Real Kafka is one implementation, the seeded broker model of the tests the other.

use crate::model::record::{HalfKind, Output, Position, Record, Topic};
use crate::model::time::Timestamp;
use crate::pipeline::formats::Newer;
use crate::state::paged::Unusable;
use crate::telemetry::meter::CommitEnd;
use std::error::Error;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A worker's access to the log: one member of the group with one transactional producer.
///
/// Calls may block for as long as the broker needs; a worker has a thread of its own.
pub trait Log {
    /// Completes when [`Log::poll`] may have something. May complete for nothing, and a wake-up may get lost:
    /// callers bound the wait.
    fn ready(&self) -> impl Future<Output = ()>;

    /// Hands over records of running tasks, if there are any, or tells of a change of placement.
    ///
    /// Records of one call come in partition order, at most `limit`. None is handed over of a task that was not
    /// [`started`](Log::start), nor between a revocation and its [`release`](Log::release).
    fn poll(&mut self, limit: usize, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Polled, Fatal>;

    /// Reads the next part of a task's changelog, up to its *end as of the assignment read uncommitted*: a
    /// predecessor's open transaction is waited out (bounded), never passed by.
    ///
    /// Returns at once with [`Restore::Pending`] when nothing is there yet. After [`Restore::Done`] the next call
    /// begins anew, with the offsets committed by then.
    fn restore(&mut self, task: i32, take: &mut dyn FnMut(&[Record<'_>])) -> Result<Restore, Fatal>;

    /// The text of an error about restored state that cannot be used, with what an operator can do about it: what holds
    /// the state is known on this side alone.
    fn explain(&self, task: i32, why: &Unusable) -> String;

    /// Starts handing over records of a restored task, from these next offsets.
    fn start(&mut self, task: i32, next: &[(Topic, i64)]) -> Result<(), Fatal>;

    /// Gives revoked or lost tasks back; only then does the group go on.
    fn release(&mut self, tasks: &[i32]) -> Result<(), Fatal>;

    /// Begins to write all of a commit in one transaction, or nothing of it. Records are handed over meanwhile; no other
    /// commit begins before [`Log::end_commit`] has told how this one ended, or a [`Log::rewind`].
    fn begin_commit(&mut self, commit: Commit);

    /// How the commit under way has ended, or ends within `wait`; `None` while it has not.
    ///
    /// After any error the caller drops the state of *all* its tasks and calls [`Log::rewind`].
    fn end_commit(&mut self, wait: Duration) -> Option<Ended>;

    /// Begins a commit and waits for its end.
    fn commit(&mut self, commit: Commit) -> Result<(), CommitError> {
        self.begin_commit(commit);
        loop {
            if let Some(ended) = self.end_commit(Duration::MAX) {
                return ended.result;
            }
        }
    }

    /// After a failed commit, or in the middle of one: a new producer that fences the old one's late requests. All tasks
    /// still assigned must then be restored and started again.
    fn rewind(&mut self) -> Result<(), Fatal>;

    /// An end of a task's changelog, read uncommitted: nothing written from now on lies before it. `None` until the
    /// broker has answered, which is not waited for: it is asked then, and the next call looks again.
    fn changelog_end(&mut self, task: i32) -> Option<i64>;

    /// The latest wall time t such that the task has been handed every record that its inputs held at t;
    /// `None` while it is behind.
    fn idle_since(&mut self, task: i32) -> Option<Timestamp>;

    /// Next offset of each input of a running task: everything before was handed over, or is no record, as the markers
    /// that end transactions and what was aborted. `None` while unknown.
    fn reached(&mut self, task: i32) -> Option<Vec<(Topic, i64)>>;

    /// Records not yet handed over, per running task.
    fn lag(&mut self, task: i32) -> Option<u64>;

    /// Time gone by since some fixed moment, by which a worker measures how long a commit takes. It is the log's, so
    /// that over a model everything is repeatable.
    fn elapsed(&self) -> Duration;
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Nothing.
    Nothing,
    /// So many records were handed over.
    Records(usize),
    /// New tasks, or none for this worker: restore each, then start it.
    Assigned(Vec<i32>),
    /// Tasks to be given back: commit within 2 s, drop their state, release them.
    Revoked(Vec<i32>),
    /// Tasks already given to others: drop their state without a commit, release them.
    Lost(Vec<i32>),
}

/// How far a restore is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restore {
    /// Nothing new; waiting for a fetch or an answer.
    Pending,
    /// Nothing has come for long, for this reason. It goes on by itself once the reason is gone: the other tasks are
    /// not to suffer from it.
    Stuck(String),
    /// Records were handed over; `remaining` offsets are left at most.
    Reading {
        /// Offsets left, at most.
        remaining: u64,
    },
    /// Read to the end.
    Done(Committed),
}

/// What the group knows of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Committed next offsets of all inputs but those that `begin`; where none was ever committed, the earliest offset there is.
    pub next: Vec<(Topic, i64)>,
    /// Where inputs begin that this version reads and the one that committed last did not know.
    pub begin: Vec<(Topic, i64)>,
    /// Metadata of the commit, see [`CommitMark`]; `None` when the task never committed.
    pub mark: Option<CommitMark>,
}

impl Committed {
    /// Those of these inputs of which no offset was committed.
    pub fn unknown_of(&self, starts: Vec<(Topic, i64)>) -> Vec<(Topic, i64)> {
        let is_known = |topic: Topic| self.next.iter().any(|(known, _)| *known == topic);
        starts.into_iter().filter(|(topic, _)| !is_known(*topic)).collect()
    }
}

/// What goes into the metadata of a committed offset: it decides whether an unknown commit happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitMark {
    /// The task's commit number.
    pub seq: u64,
    /// Changelog offset that a restore may start from.
    pub restore_from: i64,
}

impl CommitMark {
    /// As text, e.g. `seq=41 from=1023`.
    pub fn to_text(self) -> String {
        format!("seq={} from={}", self.seq, self.restore_from)
    }

    /// From [`CommitMark::to_text`].
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, from) = text.split_once(' ')?;
        Some(Self {
            seq: seq.strip_prefix("seq=")?.parse().ok()?,
            restore_from: from.strip_prefix("from=")?.parse().ok()?,
        })
    }
}

/// One atomic step: outputs + state changes + next offsets. There is no way to send one without the others.
#[derive(Clone, Debug)]
pub struct Commit {
    outputs: Vec<Output>,
    tasks: Vec<TaskCommit>,
}

/// What one task adds to a commit.
#[derive(Clone, Debug)]
pub struct TaskCommit {
    /// The task.
    pub task: i32,
    /// Its delta and page images.
    pub changes: Vec<Output>,
    /// Next offsets of all its inputs, unchanged ones too: they carry the fencing.
    pub next: Vec<(Topic, i64)>,
    /// Goes into the metadata of the offsets.
    pub mark: CommitMark,
}

impl Commit {
    /// A commit of at least one task, each with the offsets of its inputs.
    ///
    /// # Panics
    /// When there is no task, or a task without offsets: such a transaction would not be fenced.
    pub fn new(outputs: Vec<Output>, tasks: Vec<TaskCommit>) -> Self {
        assert!(!tasks.is_empty(), "a commit has at least one task");
        assert!(tasks.iter().all(|task| !task.next.is_empty()), "every task commits offsets");
        Self { outputs, tasks }
    }

    /// What readers see.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// What each task adds.
    pub fn tasks(&self) -> &[TaskCommit] {
        &self.tasks
    }
}

/// How a commit has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whether it was written.
    pub result: Result<(), CommitError>,
    /// When it ended, by [`Log::elapsed`]: a worker that was busy learns of it later, and the broker is no slower for that.
    pub at: Duration,
}

/// Why a commit did not return success. The caller's answer is always the same: drop state, rewind, restore.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Nothing was written.
    #[error("the transaction was aborted: {0}")]
    Aborted(String),
    /// Somebody else owns the tasks (or our transactional id): nothing was written.
    #[error("fenced: {0}")]
    Fenced(String),
    /// It may or may not have been written; the commit number in the group's offsets tells after a restore.
    #[error("the commit's end is unknown: {0}")]
    Unknown(String),
}

impl From<&CommitError> for CommitEnd {
    fn from(error: &CommitError) -> Self {
        match error {
            CommitError::Aborted(_) => CommitEnd::Aborted,
            CommitError::Fenced(_) => CommitEnd::Fenced,
            CommitError::Unknown(_) => CommitEnd::Unknown,
        }
    }
}

/// The worker cannot go on; the process ends and the log recovers it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fatal {
    /// The log cannot be read or written.
    #[error(transparent)]
    Log(Arc<dyn Error + Send + Sync>),
    /// What comes next in an input is for a newer version to read.
    #[error(
        "{half} task {} stops before {} [{}] at offset {}: {newer}",
        .at.partition, .at.topic.name(), .at.partition, .at.offset
    )]
    NewerRecord {
        /// Of whose task.
        half: HalfKind,
        /// Where it lies.
        at: Position,
        /// Its format.
        newer: Newer,
    },
    /// How far a task has come was published by a newer version.
    #[error("how far a task has come cannot be read from {topic}: {0}", topic = Topic::Progress.name())]
    NewerProgress(Newer),
    /// Stored state cannot be used; what an operator can do about it.
    #[error("{0}")]
    State(String),
    /// A partition that there was not when the work began.
    #[error(
        "the group has given out partition {partition} of {}, which had {known} when the processor started: partitions \
         were added, and people are kept by their number; swabstream topics check says more",
        .input.name()
    )]
    Repartitioned {
        /// The topic.
        input: Topic,
        /// The partition.
        partition: i32,
        /// How many there were.
        known: i32,
    },
    /// Not all was committed before the end.
    #[error(
        "the last commit of the {half} half failed ({why}); nothing is lost, what it held is read again after the next \
         start"
    )]
    LastCommit {
        /// Whose.
        half: HalfKind,
        /// How it failed.
        why: String,
    },
    /// Threads that were asked to end do not.
    #[error(
        "{threads} did not end within {seconds} s: nothing is lost, what is not committed is read again after the next start"
    )]
    NotEnded {
        /// Their names.
        threads: String,
        /// How long they were waited for.
        seconds: u64,
    },
    /// The system has no means for a thread to work with.
    #[error("no runtime for a worker: {0}")]
    Runtime(Arc<io::Error>),
    /// A fault of the program.
    #[error("{0} panicked, see above")]
    Panicked(String),
}

impl Fatal {
    /// The log cannot be read or written, for this reason.
    pub fn log(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Log(Arc::from(why.into()))
    }
}

/// How long a revoked task's last commit may take before it is given up.
pub const REVOKE_COMMIT_LIMIT: Duration = Duration::from_secs(2);
