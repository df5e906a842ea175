//! What is told of a commit once it has ended. It is noted when the commit begins: by its end the tasks have gone on.

use crate::model::outcome::Ledger;
use crate::model::record::{Output, Topic};
use crate::model::time::Timestamp;
use crate::pipeline::half::Half;
use crate::runtime::log::Commit;
use crate::runtime::task::Task;
use std::collections::BTreeMap;
use std::time::Duration;

/// A commit that was begun.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) began: Duration,
    pub(super) consumed: Vec<(Topic, u64)>,
    pub(super) written: Vec<(Topic, u64)>,
    pub(super) tasks: Vec<News>,
}

/// What one task adds to that.
#[derive(Debug)]
pub(super) struct News {
    pub(super) task: i32,
    pub(super) now: Timestamp,
    pub(super) ledger: Ledger,
    pub(super) labs_heard: Vec<(String, Timestamp)>,
    pub(super) closed: u64,
    pub(super) reported_early: u64,
    pub(super) alerted: Vec<Timestamp>,
    /// What its state held then: by the end of the commit it may be worth nothing.
    pub(super) sizes: Vec<(&'static str, u64)>,
}

impl News {
    pub(super) fn of<H: Half>(number: i32, task: &mut Task<H>) -> Self {
        Self {
            task: number,
            now: task.now(),
            ledger: task.ledger().clone(),
            labs_heard: task.take_labs_heard(),
            closed: task.take_closed(),
            reported_early: task.take_reported_early(),
            alerted: task.take_alerted(),
            sizes: task.half().sizes(),
        }
    }
}

/// Records of each topic.
pub(super) fn written_by(commit: &Commit) -> Vec<(Topic, u64)> {
    let mut written: BTreeMap<Topic, u64> = BTreeMap::new();
    let changes = commit.tasks().iter().flat_map(|task| &task.changes);
    for Output { topic, .. } in commit.outputs().iter().chain(changes) {
        *written.entry(*topic).or_default() += 1;
    }
    written.into_iter().collect()
}
