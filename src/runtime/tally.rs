//! What a worker did since somebody last asked: plain numbers, so that the loop counts without knowing metrics.

use super::log::CommitError;
use crate::model::record::Topic;
use std::collections::BTreeMap;

/// Counts since the last look.
#[derive(Debug, Default)]
pub struct Tally {
    /// Commits by result: ok, aborted, fenced, unknown.
    pub commits: [u64; 4],
    /// Changelog offsets left to read, per restoring task.
    pub restore_remaining: BTreeMap<i32, u64>,
    /// A task waits for rules that this worker has not read.
    pub rules_awaited: bool,
    /// Records consumed per topic.
    pub consumed: BTreeMap<Topic, u64>,
}

impl Tally {
    /// So many records of a topic were applied.
    pub fn consumed(&mut self, topic: Topic, records: u64) {
        *self.consumed.entry(topic).or_default() += records;
    }

    /// One commit ended.
    pub fn committed(&mut self, result: &Result<(), CommitError>) {
        let at = match result {
            Ok(()) => 0,
            Err(CommitError::Aborted(_)) => 1,
            Err(CommitError::Fenced(_)) => 2,
            Err(CommitError::Unknown(_)) => 3,
        };
        self.commits[at] += 1;
    }
}
