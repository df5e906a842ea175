//! What must come out, counted again from all records at once: naively, with maps and sorts, for clarity.
//!
//! In: every usable record with the time it was received, in any order. Out: standing results, episodes, live alerts,
//! every number of every area, tiers. It knows no streams, no differences and no state.

pub mod alert_id;
mod alerts;
mod areas;
mod cells;
mod duties;
mod group_overdue;
mod group_tests;
pub mod groups;
mod held;
mod management;
mod measures;
mod overdue;
mod people;
mod pool_said;
mod pools;
mod prevalence;
mod tiers;
mod truth;
mod versions;

pub use alerts::{ListedContact, LiveAlert};
pub use areas::{lineage, wilson};
pub use duties::{ToDo, listed};
pub use held::Held;
pub use people::{members_of, other_replaced, taken};
pub use prevalence::is_estimated;
pub use tiers::{Tier, TierChange, Until};
pub use truth::Truth;

use super::arrived::Arrived;
use super::cells::Cells;
use crate::audit::passed::TimePassed;
use crate::model::ids::Secret;
use crate::policy::Rules;
use std::collections::BTreeMap;

/// Counts everything again. `secret` is the key of ids, `until` has the last day a window ends on, `passed` how far time
/// has come for a person.
pub fn recount(
    rules: &Rules,
    secret: &Secret,
    records: &[Arrived],
    until: impl Into<Until>,
    passed: impl Fn(&str) -> TimePassed,
) -> Truth {
    let until = until.into();
    let people = everybody(rules, records);
    let tubes = pools::tubes::counted(rules, records);
    let counts = areas::ItemsByDay::of(rules, &people, &tubes);
    let positivity = counts.positivity(until.today);
    let (tiers, tier_changes) = tiers::of(&counts, &positivity, until, |_| true);
    let cells = cells::of(rules, &people, &tubes);
    let mut alerts = alerts::of(rules, secret, &people);
    let duties = duties::of(rules, &people, records, &passed);
    alerts.extend(pools::alerts::of(rules, secret, &people, records, &passed));
    alerts.extend(group_overdue::of(rules, secret, &people, &passed));
    alerts.extend(overdue::of(rules, secret, &people, passed));
    Truth { alerts, positivity, tiers, tier_changes, cells, duties }
}

/// What area tasks must have counted, alone.
pub fn cells(rules: &Rules, records: &[Arrived]) -> Cells {
    cells::of(rules, &everybody(rules, records), &pools::tubes::counted(rules, records))
}

/// People with their single results and what pools say of them.
fn everybody(rules: &Rules, records: &[Arrived]) -> BTreeMap<String, people::Person> {
    let mut people = people::of(rules, records);
    pools::members::add(&mut people, rules, records);
    people
}
