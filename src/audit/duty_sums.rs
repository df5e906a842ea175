//! What has to be done in areas, as numbers that add up.

use crate::model::time::Day;
use crate::proto::v1::DutyKind;
use std::collections::BTreeMap;

/// Numbers of kinds there are.
const KINDS: usize = 8;

/// Numbers of an area and day, in the order of the contract's kinds.
pub type DutyCounts = [i64; KINDS];

/// Numbers by area (with its target) and day.
pub type DutySums = BTreeMap<(String, Day), DutyCounts>;

/// Where the number of a kind lies.
pub fn place_of(kind: DutyKind) -> Option<usize> {
    usize::try_from(kind as i32).ok()?.checked_sub(1).filter(|at| *at < KINDS)
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
