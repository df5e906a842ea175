//! What has to be done in areas, as numbers that add up.

use crate::model::time::Day;
use crate::proto::v1::{AreaDuties, DutyKind, GroupDuties};
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

/// Numbers of a key group, by their names in `area-duties`, in the order of the contract.
pub const GROUP_NAMES: [&str; 4] = ["members", "tests due", "tests taken", "tests overdue"];

/// Numbers of an area and day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DutyCounts {
    /// Of each kind there is, in the order of their names.
    pub numbers: [i64; NAMES.len()],
    /// Of key groups, likewise; of none are all 0.
    pub groups: BTreeMap<String, [i64; GROUP_NAMES.len()]>,
}

/// Numbers by area (with its target) and day.
pub type DutySums = BTreeMap<(String, Day), DutyCounts>;

impl DutyCounts {
    /// One number of a kind, if there is one of it.
    pub fn of(kind: DutyKind, number: i64) -> Option<Self> {
        let mut counts = Self::default();
        *counts.numbers.get_mut(usize::try_from(kind as i32).ok()?.checked_sub(1)?)? = number;
        Some(counts)
    }

    /// Those of a group.
    pub fn of_group(group: &str, numbers: [i64; GROUP_NAMES.len()]) -> Self {
        let mut counts = Self::default();
        counts.add_group(group, numbers);
        counts
    }

    fn add_group(&mut self, group: &str, numbers: [i64; GROUP_NAMES.len()]) {
        let mut sum = self.groups.remove(group).unwrap_or_default();
        sum.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
        self.groups.extend((sum != [0; GROUP_NAMES.len()]).then(|| (group.to_owned(), sum)));
    }

    /// Adds others.
    pub fn add(&mut self, others: &Self) {
        self.numbers.iter_mut().zip(others.numbers).for_each(|(sum, number)| *sum += number);
        others.groups.iter().for_each(|(group, numbers)| self.add_group(group, *numbers));
    }

    /// The same so many times.
    pub fn times(&self, factor: i64) -> Self {
        let groups = self.groups.iter().map(|(group, numbers)| (group.clone(), numbers.map(|one| one * factor)));
        Self { numbers: self.numbers.map(|one| one * factor), groups: groups.collect() }
    }

    /// Every number that is not 0, with its name.
    pub fn named(&self) -> Vec<(String, i64)> {
        let numbers = NAMES.iter().zip(self.numbers).map(|(name, number)| ((*name).to_owned(), number));
        let of_groups = self.groups.iter().flat_map(|(group, numbers)| {
            GROUP_NAMES.iter().zip(numbers).map(move |(name, number)| (format!("{name} of {group}"), *number))
        });
        numbers.chain(of_groups).filter(|(_, number)| *number != 0).collect()
    }
}

/// Adds to the numbers of an area and day; where all are 0 there are none.
pub fn bump(sums: &mut DutySums, (area, day): (&str, Day), counts: &DutyCounts) {
    let key = (area.to_owned(), day);
    let mut sum = sums.remove(&key).unwrap_or_default();
    sum.add(counts);
    if sum != DutyCounts::default() {
        sums.insert(key, sum);
    }
}

/// Those that were published.
pub fn counts_of(duties: &AreaDuties) -> DutyCounts {
    let numbers = [
        duties.to_isolate,
        duties.managed,
        duties.to_release,
        duties.tests_due,
        duties.tests_taken,
        duties.tests_overdue,
        duties.pools_to_recall,
        duties.members_to_recall,
    ];
    let mut counts = DutyCounts { numbers, groups: BTreeMap::new() };
    for GroupDuties { group, members, tests_due, tests_taken, tests_overdue } in &duties.groups {
        counts.add_group(group, [*members, *tests_due, *tests_taken, *tests_overdue]);
    }
    counts
}

/// The numbers that are not 0, for whoever reads what differs.
pub fn told(counts: &DutyCounts) -> String {
    counts.named().into_iter().map(|(name, number)| format!("{name} {number}")).collect::<Vec<_>>().join(", ")
}
