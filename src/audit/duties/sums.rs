//! What has to be done in areas, as numbers that add up.

use crate::model::time::Day;
use crate::proto::v1::{AreaDuties, DutyKind};
use std::collections::BTreeMap;

/// Numbers of kinds there are, by their names in `area-duties`, in the order of the contract's kinds.
pub const NAMES: [&str; 8] = [
    "to isolate",
    "managed",
    "to release",
    "tests due",
    "tests taken",
    "tests overdue",
    "pools to recall",
    "members to recall",
];

/// Numbers of an area and day, in that order.
pub type DutyCounts = [i64; NAMES.len()];

/// Numbers by area (with its target) and day.
pub type DutySums = BTreeMap<(String, Day), DutyCounts>;

/// Where the number of a kind lies.
pub fn place_of(kind: DutyKind) -> Option<usize> {
    usize::try_from(kind as i32).ok()?.checked_sub(1).filter(|at| *at < NAMES.len())
}

/// Adds to the numbers of an area and day; where all are 0 there are none.
pub fn bump(sums: &mut DutySums, (area, day): (&str, Day), counts: DutyCounts) {
    let key = (area.to_owned(), day);
    let mut sum = sums.remove(&key).unwrap_or_default();
    sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    if sum != DutyCounts::default() {
        sums.insert(key, sum);
    }
}

/// Those that were published.
pub fn counts_of(duties: &AreaDuties) -> DutyCounts {
    [
        duties.to_isolate,
        duties.managed,
        duties.to_release,
        duties.tests_due,
        duties.tests_taken,
        duties.tests_overdue,
        duties.pools_to_recall,
        duties.members_to_recall,
    ]
}

/// The numbers that are not 0, for whoever reads what differs.
pub fn told(counts: &DutyCounts) -> String {
    let there = NAMES.iter().zip(counts).filter(|(_, count)| **count != 0);
    there.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}
