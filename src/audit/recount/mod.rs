//! What must come out, counted again from all records at once: naively, with maps and sorts, for clarity.
//!
//! In: every usable record with the time it was received, in any order. Out: standing results, episodes, live alerts,
//! every number of every area, tiers. It knows no streams, no differences and no state.

mod alerts;
mod areas;
mod cells;
mod held;
mod people;
mod reasons;
mod tiers;

pub use alerts::{Listed, LiveAlert};
pub use areas::wilson;
pub use held::Held;
pub use people::{other_replaced, taken};
pub use tiers::{Tier, TierChange};

use super::stored::Cells;
use crate::model::ids::Secret;
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{AreaPositivity, ContactRecord, LabResult};
use std::collections::{BTreeMap, BTreeSet};

/// One usable record.
#[derive(Clone, Debug)]
pub enum Record {
    /// Of `lab-results`.
    Result(LabResult),
    /// Of `contact-records`.
    Contact(ContactRecord),
}

impl Record {
    /// The result, if it is one.
    pub fn as_result(&self) -> Option<&LabResult> {
        match self {
            Record::Result(result) => Some(result),
            Record::Contact(_) => None,
        }
    }
}

/// A record and when it was received.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// When it was received.
    pub at: Timestamp,
    /// What was received.
    pub record: Record,
    /// Keyed hash of its content: of two versions that say different things at one rank the greater stands. Whoever
    /// has none such may leave it 0.
    pub content: u64,
    /// It was moved from somebody else, who has not been told yet.
    pub untold: bool,
}

/// What must be true once all records were read.
#[derive(Debug)]
pub struct Truth {
    /// Live alerts about people.
    pub alerts: BTreeSet<LiveAlert>,
    /// Numbers by area and last day.
    pub positivity: BTreeMap<(String, Day), AreaPositivity>,
    /// Today's tiers by area.
    pub tiers: BTreeMap<String, Tier>,
    /// Days on which tiers changed, by area and day.
    pub tier_changes: BTreeMap<(String, Day), TierChange>,
    /// What area tasks must have counted.
    pub cells: Cells,
}

/// Counts everything again. `secret` is the key of ids, `today` the last day a window ends on.
pub fn recount(rules: &Rules, secret: &Secret, records: &[Arrived], today: Day) -> Truth {
    let people = people::of(rules, records);
    let counts = areas::Counts::of(rules, &people);
    let positivity = counts.positivity(today);
    let (tiers, tier_changes) = tiers::of(&counts, &positivity, today, |_| true);
    let cells = cells::of(rules, &people);
    Truth { alerts: alerts::of(rules, secret, &people), positivity, tiers, tier_changes, cells }
}

/// What area tasks must have counted, alone.
pub fn cells(rules: &Rules, records: &[Arrived]) -> Cells {
    cells::of(rules, &people::of(rules, records))
}

/// The minute of a time: specimens are not known more exactly.
fn minute(time: Option<&prost_types::Timestamp>) -> i64 {
    time.expect("usable records have their times").seconds.div_euclid(60)
}
