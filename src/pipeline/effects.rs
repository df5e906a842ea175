//! What a half wants done: values, carried out by the shell in one commit.

use crate::model::record::Output;
use crate::model::time::Timestamp;
use crate::state::paged::Changes;

/// Effects of records since the last commit.
#[derive(Debug, Default)]
pub struct Effects {
    /// Records to be written.
    pub outputs: Vec<Output>,
    /// State changes: (page, operation), in order. A restore replays them.
    pub changes: Changes,
    /// Somebody is waiting: commit at once.
    pub urgent: bool,
    /// Messages for other tasks among the outputs.
    pub sent: u64,
    /// Newest receipt per lab of the registry, for the metric of its age.
    pub labs_heard: Vec<(String, Timestamp)>,
    /// Records of which area tasks are told for receipts of labs, with the digest of their ids.
    pub tallied: (u64, u128),
    /// Changes of days that are closed: they count nowhere.
    pub closed: u64,
    /// Results that say they were reported before they were collected, for the metric of that name: they count all the
    /// same, and no outcome tells of it.
    pub reported_early: u64,
    /// When the results behind alerts among the outputs were received, for the metric of how long that took. Of past data
    /// none is noted: they were received long ago.
    pub alerted: Vec<Timestamp>,
}
