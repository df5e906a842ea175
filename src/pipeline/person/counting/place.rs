//! Where and when something counts.

use crate::model::cell::{GAPS, TOTAL};
use crate::model::time::Day;
use crate::policy::areas::AreaIndex;
use crate::policy::{LONGEST_WINDOW, Rules, TargetIndex};
use std::ops::RangeInclusive;

/// The greatest gap: this long to the next test day, or none.
pub const NO_GAP: i32 = GAPS as i32;

/// Where and when something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Area in the registry.
    pub area: AreaIndex,
    /// Target of the deployment.
    pub target: TargetIndex,
    /// Purpose of the deployment, from 1; 0 is the total.
    pub purpose: u8,
    /// Day of collection.
    pub day: i32,
}

/// The periods of the registry that windows containing this day can be read with: a window is read by the hierarchy
/// of its last day.
pub fn periods(rules: &Rules, day: i32) -> RangeInclusive<usize> {
    rules.areas.period(Day(day))..=rules.areas.period(Day(day + LONGEST_WINDOW - 1))
}

/// The name of a purpose of the deployment; the total has none.
pub fn purpose_name(rules: &Rules, purpose: u8) -> &str {
    match purpose {
        TOTAL => "",
        number => &rules.deployment.purposes[usize::from(number) - 1],
    }
}
