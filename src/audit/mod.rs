//! The judge: counts again, from the inputs alone, what must have come out, and says where it did not.
//!
//! It shares nothing with the processor but the generated messages and the parsed rules: what both had in common would
//! be wrong on both sides and look right. So it has its own reading of inputs, its own counting, its own reading of
//! stored state, all of it naive: maps, sorts, everything counted anew, no streams, no differences, no state. A test
//! reads the sources and fails if anything here names `pipeline`, `state` or `runtime`.
//!
//! In: records, as a reader found them up to a [`Cut`]. Out: a [`Report`](report::Report) that never names a person.
//! Nothing here talks to Kafka, reads a clock or writes.

use crate::model::record::Topic;
use crate::policy::Rules;
use std::collections::BTreeMap;
use std::sync::Arc;

mod bytes;

pub mod stored;

mod json;

pub mod inputs;

pub mod content;

pub mod recount;

pub mod compare;

pub mod report;

pub mod histories;

mod books;

mod letters;

mod numbers;

pub mod evidence;

/// Where everything stood at one moment at which no commit was under way: what was consumed up to the committed offsets
/// is exactly what the outputs up to their ends came of.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// Per partition, the first offset there still is.
    pub first: BTreeMap<(Topic, i32), i64>,
    /// Per partition of an input, the next offset its task will read.
    pub committed: BTreeMap<(Topic, i32), i64>,
    /// Per partition of anything else, where it ended.
    pub end: BTreeMap<(Topic, i32), i64>,
    /// Per task that ever committed, by its changelog: the number of its last commit.
    pub commits: BTreeMap<(Topic, i32), u64>,
    /// Per task, from where in its changelog its whole state can be read.
    pub restore_from: BTreeMap<(Topic, i32), i64>,
    /// Per partition of messages between tasks, where it ended.
    pub sent: BTreeMap<(Topic, i32), i64>,
    /// Messages between tasks that were sent and not yet received.
    pub in_flight: BTreeMap<Topic, u64>,
}

impl Cut {
    /// The offset before which records of a partition count.
    pub fn end_of(&self, topic: Topic, partition: i32) -> Option<i64> {
        self.committed.get(&(topic, partition)).or_else(|| self.end.get(&(topic, partition))).copied()
    }
}

/// The rules in force.
#[derive(Clone, Debug)]
pub struct RulesFound {
    /// What they say.
    pub rules: Arc<Rules>,
    /// Whether others were in force before.
    pub changed: bool,
}
