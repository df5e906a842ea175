//! The moment that an audit judges: how far it reads, and which commits lie before it.

use crate::model::record::{COMMIT_HEADER, HalfKind, Position, Topic};
use crate::proto::v1::Origin;
use std::collections::BTreeMap;

/// One moment of the processor, at work or not: how far each task had come, by the commit that its group knew. What was
/// written later is recognised by the commit that wrote it.
///
/// It is a moment only if no task had received what its sender had not sent: offsets of the area half are asked for
/// before those of the person half, and a reader of the messages between tasks sees whether it was in vain.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// Per partition, the first offset there still is.
    pub first: BTreeMap<(Topic, i32), i64>,
    /// Per partition of an input, the next offset its task will read.
    pub committed: BTreeMap<(Topic, i32), i64>,
    /// Per partition of anything else, an offset after all that was written by then.
    pub end: BTreeMap<(Topic, i32), i64>,
    /// Per task that ever committed, by its changelog: the number of its last commit.
    pub commits: BTreeMap<(Topic, i32), u64>,
    /// Per task, from where in its changelog its whole state can be read.
    pub restore_from: BTreeMap<(Topic, i32), i64>,
    /// Per partition of messages between tasks, an offset after all that was sent by then.
    pub sent: BTreeMap<(Topic, i32), i64>,
}

impl Cut {
    /// The offset before which records of a partition count.
    pub fn end_of(&self, topic: Topic, partition: i32) -> Option<i64> {
        let place = (topic, partition);
        [&self.sent, &self.committed, &self.end].into_iter().find_map(|ends| ends.get(&place)).copied()
    }

    /// Whether a task had read a record of its input.
    pub fn is_read(&self, record: &Position) -> bool {
        lies_before(&self.committed, record)
    }

    /// Whether retention has deleted a record.
    pub fn is_gone(&self, record: &Position) -> bool {
        lies_before(&self.first, record)
    }

    /// Whether the cut lies before a commit.
    pub fn is_before(&self, commit: &Commit) -> bool {
        let last = self.commits.get(&(commit.changelog, commit.task));
        last.is_none_or(|last| commit.seq > *last)
    }
}

/// Whether a record lies before the offset known of its partition.
pub fn lies_before(offsets: &BTreeMap<(Topic, i32), i64>, record: &Position) -> bool {
    offsets.get(&(record.topic, record.partition)).is_some_and(|offset| record.offset < *offset)
}

/// A commit of a task, as the header of a record names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Changelog of the task's half.
    pub changelog: Topic,
    /// The task.
    pub task: i32,
    /// Number of the commit.
    pub seq: u64,
}

impl Commit {
    /// The commit that wrote a record; `None` where it does not say so: an earlier version wrote none, others do not
    /// know of it.
    pub fn of<'a>(header: impl Fn(&str) -> Option<&'a [u8]>) -> Option<Self> {
        let text = std::str::from_utf8(header(COMMIT_HEADER)?).ok()?;
        let [half, task, seq] = text.split('/').collect::<Vec<_>>()[..] else { return None };
        let changelog = match HalfKind::named(half)? {
            HalfKind::Person => Topic::PersonState,
            HalfKind::Area => Topic::AreaState,
        };
        Some(Self { changelog, task: task.parse().ok()?, seq: seq.parse().ok()? })
    }
}

/// Where a record lies that a message or an alert names; `None` when there is no topic of that name.
pub fn place(origin: &Origin) -> Option<Position> {
    Some(Position { topic: Topic::named(&origin.topic)?, partition: origin.partition, offset: origin.offset })
}
