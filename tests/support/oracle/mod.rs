//! What must come out, counted again from all records at once: naively, with maps and sorts, for clarity.
//!
//! It shares nothing with the pipeline but the generated messages and the parsed rules. In: every usable record with
//! the time it was received, in any order. Out: standing results, episodes, live alerts, every number of every area,
//! tiers. It knows no streams, no differences and no state.

mod alerts;
mod areas;
mod compare;
mod people;
mod tiers;

pub use alerts::LiveAlert;
pub use areas::wilson;
pub use compare::{Published, assert_same};

use std::collections::{BTreeMap, BTreeSet};
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::Rules;
use swabstream::proto::v1::{AreaPositivity, ContactRecord, LabResult};

/// One usable record.
#[derive(Clone, Debug)]
pub enum Record {
    Result(LabResult),
    Contact(ContactRecord),
}

/// A record and when it was received.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub at: Timestamp,
    pub record: Record,
}

/// What must be true once all records were read.
#[derive(Debug)]
pub struct Truth {
    /// Live alerts about people.
    pub alerts: BTreeSet<LiveAlert>,
    /// Numbers by area and last day.
    pub positivity: BTreeMap<(String, Day), AreaPositivity>,
    /// Today's tiers by area.
    pub tiers: BTreeMap<String, tiers::Tier>,
    /// Days on which tiers changed, by area and day.
    pub tier_changes: BTreeMap<(String, Day), tiers::TierChange>,
}

/// Counts everything again. `today` is the last day a window ends on.
pub fn recount(rules: &Rules, records: &[Arrived], today: Day) -> Truth {
    let people = people::of(rules, records);
    let counts = areas::Counts::of(rules, &people);
    let positivity = counts.positivity(today);
    let (tiers, tier_changes) = tiers::of(&counts, &positivity, today);
    Truth { alerts: alerts::of(rules, &people), positivity, tiers, tier_changes }
}

/// The minute of a time: specimens are not known more exactly.
fn minute(time: Option<&prost_types::Timestamp>) -> i64 {
    time.expect("usable records have their times").seconds.div_euclid(60)
}

fn wire_day(text: &str) -> Day {
    Day::parse(text).expect("published days are days")
}
