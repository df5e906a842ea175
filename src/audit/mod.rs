//! The judge: counts again, from the inputs alone, what must have come out, and says where it did not.
//!
//! What it had in common with the processor would be wrong on both sides and look right. So it has its own reading of
//! inputs, its own counting, its own reading of stored state, all of it naive: maps, sorts, everything counted anew, no
//! streams, no differences, no state. A test reads the sources and fails if anything here names `pipeline`, `state` or
//! `runtime`.
//!
//! What it does share is what somebody else has defined, or what is data, each held to that by a test of its own:
//!
//! | shared | held to |
//! |---|---|
//! | messages (`proto`) | generated from the contract by prost |
//! | codes and their texts ([`outcome`](crate::model::outcome)) | `proto/CODES.md`, row by row |
//! | the partition of a key ([`record`](crate::model::record)) | the vectors of Kafka's own `UtilsTest` |
//! | keyed hashes ([`ids`](crate::model::ids)) | the library `siphasher` at all lengths, and its published vector |
//! | instants and civil days ([`time`](crate::model::time)) | published Unix times, and days on which clocks change |
//! | times as they stand in JSON ([`written`](crate::model::written)) | the library `jiff`, wherever both read one |
//! | characters without a picture ([`unseen`](crate::model::unseen)) | Unicode's tables, as the library `regex` has them |
//! | parsed rules ([`policy`](crate::policy)) | what they say is data; what follows from it is decided here anew |
//!
//! In: records, as a reader found them up to a [`Cut`]. Out: a [`Report`](report::Report) that never names a person.
//! Nothing here talks to Kafka, reads a clock or writes.

use crate::model::record::{Position, Topic};
use crate::policy::Rules;
use on_the_way::Commit;
use std::collections::BTreeMap;
use std::sync::Arc;

mod bytes;

pub mod targets;

pub mod stored;

mod json;

mod written;

pub mod inputs;

pub mod content;

pub mod recount;

pub mod compare;

pub mod report;

pub mod changes;

pub mod histories;

pub mod on_the_way;

mod books;

mod letters;

mod causes;

pub mod ids;

mod numbers;

pub mod evidence;

/// One moment of the processor, at work or not: how far each task had come, by the commit that its group knew. What was
/// written later is told apart by the commit that wrote it.
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
fn lies_before(offsets: &BTreeMap<(Topic, i32), i64>, record: &Position) -> bool {
    offsets.get(&(record.topic, record.partition)).is_some_and(|offset| record.offset < *offset)
}

/// The rules in force.
#[derive(Clone, Debug)]
pub struct RulesFound {
    /// What they say.
    pub rules: Arc<Rules>,
    /// Whether others were in force before.
    pub changed: bool,
}
