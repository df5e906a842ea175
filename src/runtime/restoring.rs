//! One restore under way: what was read so far, and what is said of it meanwhile.
//!
//! In: records of a task's changelog. Out: a [`Restorer`] that knows them, and now and then a line in the log, so that
//! a restore of minutes is not silence. Nothing here waits.

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
}

impl Restoring {
    /// Begins now.
    pub fn new(half: &'static str, changelog: Topic, task: i32, ring: u64, now: Timestamp) -> Self {
        let changelog = Restorer::new(changelog, task, ring);
        Self { half, task, changelog, began: now, told: now, records: 0, bytes: 0 }
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
