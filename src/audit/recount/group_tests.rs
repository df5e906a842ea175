//! On which days whoever is in a key group is to be tested, asked day by day: is a test due then, by which records, was it
//! taken, is it overdue.

use super::groups;
use super::management::is_case;
use super::overdue::deadline;
use super::people::Person;
use crate::audit::passed::TimePassed;
use crate::audit::targets;
use crate::model::time::Day;
use crate::policy::{Frequency, Rules};
use crate::proto::v1::{Duty, DutyKind};
use std::collections::{BTreeMap, BTreeSet};

/// Days up to today of which tests at a regular distance are told.
pub const TOLD: i32 = 14;

/// Days after entry that a policy can name, at most.
const LONGEST: i32 = 60;

/// All tests of a person for a target.
pub fn of(rules: &Rules, person: &Person, target: &str, passed: TimePassed) -> Vec<Duty> {
    let mut duties = Vec::new();
    for ((day, group), records) in due(rules, person, target, passed) {
        if is_case(rules, person, target, day) {
            continue;
        }
        let policy = targets::case_policy(rules, target, day).expect("it is by one that the test is due");
        let over = deadline(rules, policy, day);
        let swab = (day, target.to_owned());
        let taken = person.swabs.contains(&swab) || person.pooled_swabs.contains(&swab);
        let overdue = !taken && passed.due.is_some_and(|due| over <= due);
        duties.push(Duty {
            day: day.to_string(),
            kind: DutyKind::GroupTest as i32,
            target: target.to_owned(),
            record_ids_omitted: records.len().saturating_sub(10) as u32,
            record_ids: records.into_iter().take(10).map(str::to_owned).collect(),
            policy: policy.name.clone(),
            taken,
            overdue_since: overdue.then(|| over.to_wire()),
            group: group.to_owned(),
            ..Duty::default()
        });
    }
    duties
}

/// Days on which records have a person tested for a target, by group, with the ids of the records.
pub fn due<'a>(
    rules: &Rules,
    person: &'a Person,
    target: &str,
    passed: TimePassed,
) -> BTreeMap<(Day, &'a str), BTreeSet<&'a str>> {
    let mut due: BTreeMap<(Day, &str), BTreeSet<&str>> = BTreeMap::new();
    let today = passed.due.map(|due| rules.day(due));
    for (record, _) in &person.groups {
        let first = Day::parse(&record.first_day).expect("a usable record has its first day");
        let last = Day::parse(&record.last_day).unwrap_or(Day(i32::MAX));
        let (entry, _) = groups::stay(&person.groups, record);
        let of_entry = (1..=LONGEST).map(|after| entry.plus(after));
        let of_weeks = today.into_iter().flat_map(|today| (0..TOLD).map(move |back| today.plus(-back)));
        for day in of_entry.chain(of_weeks).filter(|day| first <= *day && *day <= last && passed.knows(rules, *day)) {
            let policy = targets::case_policy(rules, target, day);
            let tests = policy.and_then(|policy| policy.groups.iter().find(|tests| tests.group == record.group));
            let is_due = match tests.map(|tests| &tests.frequency) {
                None => false,
                Some(Frequency::AfterEntry(days)) => days.iter().any(|after| entry.plus(*after) == day),
                Some(Frequency::EveryDays(distance)) => {
                    let since = |swab: Day| day.0 - swab.0;
                    let swabs = person.swabs.iter().chain(&person.pooled_swabs);
                    let of_target = swabs.filter(|(swab, of)| of == target && *swab < day).map(|(swab, _)| *swab);
                    let last_before = of_target.chain([entry.plus(-1)]).max().expect("entry at least");
                    let is_told = today.is_some_and(|today| (0..TOLD).contains(&(today.0 - day.0)));
                    is_told && since(last_before) >= *distance && passed.knows(rules, day.plus(1 - distance))
                }
            };
            if is_due {
                due.entry((day, &record.group)).or_default().insert(&record.record_id);
            }
        }
    }
    due
}
