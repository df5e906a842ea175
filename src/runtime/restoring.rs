//! One restore under way: what was read so far, and what is said of it meanwhile.
//!
//! In: records of a task's changelog. Out: a [`Restorer`] that knows them, and now and then a line in the log, so that
//! a restore of minutes is not silence. Nothing here waits.

use super::log::CommitMark;
use crate::model::record::{Record, Topic};
use crate::model::time::Timestamp;
use crate::state::changelog::Restorer;
use crate::state::paged::Unusable;

/// How often a restore says how far it is.
const TELL_EVERY_MS: i64 = 5_000;

/// A restore.
#[derive(Debug)]
pub struct Restoring {
    half: &'static str,
    task: i32,
    changelog: Restorer,
    began: Timestamp,
    /// When it last said something.
    told: Timestamp,
    records: u64,
    bytes: u64,
    /// What the group knew when its changelog was found further on, if it was.
    overtaken: Option<Option<CommitMark>>,
    /// It follows a failure: what was applied and not committed was dropped.
    dropped: bool,
}

impl Restoring {
    /// Begins now. What was applied before may have been dropped, by a failure.
    pub fn new(half: &'static str, changelog: Topic, task: i32, ring: u64, now: Timestamp, dropped: bool) -> Self {
        let changelog = Restorer::new(changelog, task, ring);
        let (began, told) = (now, now);
        Self { half, task, changelog, began, told, records: 0, bytes: 0, overtaken: None, dropped }
    }

    /// Whether what was applied before was dropped, and is not there again yet.
    pub fn has_dropped(&self) -> bool {
        self.dropped
    }

    /// Begins anew where somebody else owns the task by now and has committed since the offsets were asked for: what was
    /// read is the state of a later commit than theirs. If the group has not moved since the last time, it is no race but
    /// state that the group does not know of: then nothing is begun again.
    pub fn overtaken(&mut self, mark: Option<CommitMark>) -> bool {
        let known = mark.map_or(0, |mark| mark.seq);
        let overtaken = self.changelog.last() > Some(known) && self.overtaken != Some(mark);
        if overtaken {
            tracing::info!(half = self.half, task = self.task, "overtaken by another owner, restoring anew");
            self.changelog = self.changelog.anew();
            (self.overtaken, self.records, self.bytes) = (Some(mark), 0, 0);
        }
        overtaken
    }

    /// Takes records of the changelog; returns their bytes.
    pub fn take(&mut self, records: &[Record<'_>]) -> Result<u64, Unusable> {
        let mut bytes = 0;
        for record in records {
            let key = record.key.unwrap_or_default();
            self.changelog.take(key, record.payload)?;
            bytes += (key.len() + record.payload.map_or(0, <[u8]>::len)) as u64;
        }
        self.records += records.len() as u64;
        self.bytes += bytes;
        Ok(bytes)
    }

    /// Says how far it is, if it has been silent for long enough.
    pub fn tell(&mut self, now: Timestamp, remaining: u64) {
        if self.is_due(now) {
            let (half, task, records, bytes) = (self.half, self.task, self.records, self.bytes);
            tracing::info!(half, task, records, bytes, remaining, "restoring");
        }
    }

    /// Says what it waits for, if it has been silent for long enough.
    pub fn tell_stuck(&mut self, now: Timestamp, why: &str) {
        if self.is_due(now) {
            tracing::warn!(half = self.half, task = self.task, seconds = self.seconds(now), "a restore waits: {why}");
        }
    }

    fn is_due(&mut self, now: Timestamp) -> bool {
        // A clock that was set back is due as well.
        let due = (now.0 - self.told.0).abs() >= TELL_EVERY_MS;
        if due {
            self.told = now;
        }
        due
    }

    /// How long it has taken.
    pub fn seconds(&self, now: Timestamp) -> f64 {
        (now.0 - self.began.0).max(0) as f64 / 1_000.0
    }

    /// Records taken.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// All that was read.
    pub fn finish(self) -> Restorer {
        self.changelog
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Position;
    use crate::proto::v1::StateHead;
    use prost::Message as _;

    fn delta(seq: u64) -> Vec<u8> {
        StateHead { seq, parts: 1, ..StateHead::default() }.encode_length_delimited_to_vec()
    }

    fn take(restoring: &mut Restoring, payload: &[u8]) {
        let position = Position { topic: Topic::PersonState, partition: 0, offset: 0 };
        let record = Record {
            position,
            received_at: Timestamp(0),
            key: Some(b"d/1/0"),
            payload: Some(payload),
            content_type: None,
        };
        restoring.take(&[record]).expect("ours");
    }

    #[test]
    fn a_later_commit_than_the_groups_is_a_race_once_and_a_fault_when_nothing_moves() {
        let mark = |seq| Some(CommitMark { seq, restore_from: 0 });
        let mut restoring = Restoring::new("person", Topic::PersonState, 0, 8, Timestamp(0), false);
        take(&mut restoring, &delta(3));
        assert!(!restoring.overtaken(mark(3)), "what the group knows");
        assert!(restoring.overtaken(mark(2)), "somebody has committed since");
        assert_eq!(restoring.records(), 0, "it is read again from the beginning");
        take(&mut restoring, &delta(4));
        assert!(restoring.overtaken(mark(3)), "and once more");
        take(&mut restoring, &delta(4));
        assert!(!restoring.overtaken(mark(3)), "the group has not moved: that is no race");

        let mut first = Restoring::new("person", Topic::PersonState, 0, 8, Timestamp(0), false);
        take(&mut first, &delta(1));
        assert!(first.overtaken(None), "the first commit of all");
        take(&mut first, &delta(1));
        assert!(!first.overtaken(None), "a group whose offsets are gone");
    }
}
