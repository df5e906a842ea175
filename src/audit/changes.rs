//! Signed changes of areas as they lie in `area-changes`, added up.

use super::cells::{Cells, CountKey, CountName, POOLED, names, people, pools};
use super::duties::sums::{self as duty_sums, DutyCounts, DutySums};
use super::targets;
use crate::model::cell::{GAPS, Tallies};
use crate::model::time::Day;
use crate::proto::v1::{AreaChanges, GapChange, GroupChange};

/// Adds a message of signed changes. What it says of areas or purposes that it does not name is passed over: the area
/// half refuses such a message whole.
pub fn add(sums: &mut Cells, changes: &AreaChanges) {
    for cell in &changes.cells {
        let purpose = match cell.purpose {
            0 => Some(""),
            number => changes.purposes.get(number as usize - 1).map(String::as_str),
        };
        let Some((area, purpose)) = changes.areas.get(cell.area as usize).zip(purpose) else { continue };
        // The first target has no name in a batch.
        let target = changes.targets.get(cell.area as usize).map_or("", String::as_str);
        let area = targets::key(area, target, "");
        let gaps = |changes: &[GapChange], positive| -> Vec<(CountName, i32)> {
            let known = changes.iter().filter(|change| (1..=GAPS as u32).contains(&change.gap));
            known.map(|change| (people(positive, change.gap as i32), change.people)).collect()
        };
        let people = [gaps(&cell.tested, false), gaps(&cell.found_positive, true)].concat();
        for (name, number) in names().zip(Tallies::read(cell).0).chain(people) {
            let (area, period) = (area.clone(), Day(cell.registry_from));
            let key = CountKey { area, period, purpose: purpose.to_owned(), day: Day(cell.day), name };
            bump(sums, key, i64::from(number));
        }
    }
    add_pools(sums, changes);
}

/// Adds what a message says of pools.
fn add_pools(sums: &mut Cells, changes: &AreaChanges) {
    for change in &changes.pools {
        let area = changes.areas.get(change.area as usize);
        let purpose = (change.purpose as usize).checked_sub(1).and_then(|at| changes.purposes.get(at));
        let Some((area, purpose)) = area.zip(purpose) else { continue };
        let target = changes.targets.get(change.area as usize).map_or("", String::as_str);
        let numbers = match change.size {
            0 => vec![(Some(POOLED), change.negative)],
            size => vec![(pools(size, true), change.positive), (pools(size, false), change.negative)],
        };
        for (name, number) in numbers.into_iter().filter_map(|(name, number)| Some((name?, number))) {
            let (area, period) = (targets::key(area, target, ""), Day(change.registry_from));
            let key = CountKey { area, period, purpose: purpose.clone(), day: Day(change.day), name };
            bump(sums, key, i64::from(number));
        }
    }
}

/// Adds what a message says has to be done, as [`add`] does the rest.
pub fn add_duties(sums: &mut DutySums, changes: &AreaChanges) {
    let mut add = |area: u32, day, counts: &DutyCounts| {
        let Some(code) = changes.areas.get(area as usize) else { return };
        let target = changes.targets.get(area as usize).map_or("", String::as_str);
        duty_sums::bump(sums, (&targets::key(code, target, ""), Day(day)), counts);
    };
    for duty in &changes.duties {
        let counts = DutyCounts::of(duty.kind(), duty.change.into());
        counts.iter().for_each(|counts| add(duty.area, duty.day, counts));
    }
    for GroupChange { area, day, group, members, tests_due, tests_taken, tests_overdue } in &changes.groups {
        let numbers = [members, tests_due, tests_taken, tests_overdue].map(|number| i64::from(*number));
        add(*area, *day, &DutyCounts::of_group(group, numbers));
    }
}

/// Adds to one count; what counts nothing is not there.
pub fn bump(sums: &mut Cells, key: CountKey, number: i64) {
    match sums.get(&key).copied().unwrap_or(0) + number {
        0 => drop(sums.remove(&key)),
        sum => drop(sums.insert(key, sum)),
    }
}
