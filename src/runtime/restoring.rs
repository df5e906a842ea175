//! One restore under way: what was read so far, and what is said of it meanwhile.
//!
//! In: records of a task's changelog. Out: a [`Restorer`] that knows them, and now and then a line in the log, so that
//! a restore of minutes is not silence. Nothing here waits.

use super::log::CommitMark;
use crate::model::record::{HalfKind, Record, Topic};
use crate::model::time::Timestamp;
use crate::state::changelog::Restorer;
use crate::state::paged::Unusable;

/// How often a restore says how far it is.
const LOG_EVERY_MS: i64 = 5_000;

/// A restore.
#[derive(Debug)]
pub struct Restoring {
    half: HalfKind,
    task: i32,
    changelog: Restorer,
    began: Timestamp,
    /// When it was last logged.
    logged: Timestamp,
    records: u64,
    bytes: u64,
    /// The commit that the group knew when what was read could not be used, 0 for none; if that was so.
    unusable_at: Option<u64>,
    /// It follows a failure: what was applied and not committed was dropped.
    dropped: bool,
}

impl Restoring {
    /// Begins now. What was applied before may have been dropped, by a failure.
    pub fn new(half: HalfKind, changelog: Topic, task: i32, ring: u64, now: Timestamp, dropped: bool) -> Self {
        let changelog = Restorer::new(changelog, task, ring);
        let (began, logged) = (now, now);
        Self { half, task, changelog, began, logged, records: 0, bytes: 0, unusable_at: None, dropped }
    }

    /// Whether what was applied before was dropped, and is not there again yet.
    pub fn has_dropped(&self) -> bool {
        self.dropped
    }

    /// Begins anew where what was read cannot be used because somebody else owns the task by now and has committed
    /// since the offsets were asked for; says whether it does. If the group has not moved since the last time, it is no
    /// race but damage: then nothing is begun again.
    pub fn begin_anew(&mut self, why: &Unusable, mark: Option<CommitMark>) -> bool {
        let known = Some(mark.map_or(0, |mark| mark.seq));
        let again = why.may_be_overtaken() && self.unusable_at != known;
        if again {
            tracing::info!(
                half = self.half.name(),
                task = self.task,
                "read anew, another owner may have gone on: {why}"
            );
            (self.unusable_at, self.records, self.bytes) = (known, 0, 0);
        }
        again
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
            let (half, task, records, bytes) = (self.half.name(), self.task, self.records, self.bytes);
            tracing::info!(half, task, records, bytes, remaining, "restoring");
        }
    }

    /// Says what it waits for, if it has been silent for long enough.
    pub fn tell_stuck(&mut self, now: Timestamp, why: &str) {
        if self.is_due(now) {
            tracing::warn!(
                half = self.half.name(),
                task = self.task,
                seconds = self.seconds(now),
                "a restore waits: {why}"
            );
        }
    }

    fn is_due(&mut self, now: Timestamp) -> bool {
        // A clock that was set back is due as well.
        let due = (now.0 - self.logged.0).abs() >= LOG_EVERY_MS;
        if due {
            self.logged = now;
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

    /// All that was read; the next record is the first of the changelog again.
    pub fn read(&mut self) -> Restorer {
        let anew = self.changelog.anew();
        std::mem::replace(&mut self.changelog, anew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::paged::Corrupt;

    #[test]
    fn what_cannot_be_used_is_a_race_once_and_damage_when_the_group_has_not_moved() {
        let mark = |seq| Some(CommitMark { seq, restore_from: 0 });
        let mut restoring = Restoring::new(HalfKind::Person, Topic::PersonState, 0, 8, Timestamp(0), false);
        let corrupt = Unusable::Corrupt(Corrupt("delta 2 is missing".to_owned()));
        assert!(restoring.begin_anew(&Unusable::WithoutOffsets, None), "the first commit of all");
        assert!(restoring.begin_anew(&corrupt, mark(2)), "somebody has committed since");
        assert!(restoring.begin_anew(&corrupt, mark(3)), "and once more");
        assert!(!restoring.begin_anew(&corrupt, mark(3)), "the group has not moved: that is no race");
        let foreign = Unusable::Foreign("it was written with another secret".to_owned());
        assert!(!restoring.begin_anew(&foreign, mark(4)), "it stays so, whoever goes on with it");
    }
}
