//! What has to be done with contacts, asked day by day: is the person under management then, does it begin or end, is a
//! test due, was it taken, is it overdue.

use super::alerts::{is_about, kind_as_known, observed};
use super::management::{LONGEST, at, is_case, last_observed, ordered, was_case};
use super::overdue::{asked, deadline};
use super::people::{Person, members_of};
use super::{group_tests, groups, people};
use crate::audit::arrived::Arrived;
use crate::audit::passed::TimePassed;
use crate::audit::targets;
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{Duty, DutyKind, PersonDuties};
use std::collections::{BTreeMap, BTreeSet};

/// Duties of a message, and records of a duty.
const LISTED: usize = 1_000;
const RECORDS: usize = 10;

/// What has to be done with a person.
#[derive(Clone, Debug, PartialEq)]
pub struct ToDo {
    /// All of it.
    pub duties: PersonDuties,
    /// Where else the person may count, as results that decide on it may have been forgotten when it was decided; none
    /// where that is sure.
    pub or_in: BTreeSet<String>,
}

/// As many of a person's duties as one message has, and how many more there are.
pub fn listed(mut duties: PersonDuties) -> PersonDuties {
    duties.duties_omitted = duties.duties.len().saturating_sub(LISTED) as u32;
    duties.duties.truncate(LISTED);
    duties.groups_omitted = duties.groups.len().saturating_sub(groups::LISTED) as u32;
    duties.groups.truncate(groups::LISTED);
    duties
}

/// Of everybody of whom anything has to be done, by person.
pub fn of(
    rules: &Rules,
    people: &BTreeMap<String, Person>,
    records: &[Arrived],
    passed: impl Fn(&str) -> TimePassed,
) -> BTreeMap<String, ToDo> {
    let swabbed = swabbed_in(people, records);
    let of_one = |person: &Person| {
        let passed = passed(&person.id);
        let mut duties: Vec<Duty> = Vec::new();
        let targets = rules.deployment.targets.iter().map(|target| target.id.as_str());
        // What no policy is for has nobody managed.
        for target in targets.filter(|target| targets::case_policy(rules, target, Day(0)).is_some()) {
            duties.extend(managed(rules, people, person, target, passed));
            duties.extend(tests(rules, people, person, target, passed));
            duties.extend(group_tests::of(rules, person, target, passed));
        }
        let groups = groups::told(&person.groups, |day| passed.knows(rules, day));
        if duties.is_empty() && groups.is_empty() {
            return None;
        }
        let place = |target: &str| rules.deployment.targets.iter().position(|known| known.id == target);
        duties.sort_by_key(|duty| (duty.day.clone(), duty.kind, place(&duty.target), duty.group.clone()));
        let (area, is_sure) = people::area(person, passed);
        let registered = groups::areas(&person.groups);
        let or_in = swabbed.get(person.id.as_str()).into_iter().flatten().copied().chain(registered).chain([""]);
        let or_in = or_in.filter(|_| !is_sure).map(str::to_owned).collect();
        let person_id = person.id.clone();
        let duties = PersonDuties { person_id, area, duties, duties_omitted: 0, groups, groups_omitted: 0 };
        Some((person.id.clone(), ToDo { duties, or_in }))
    };
    people.values().filter(|person| has_records(person)).filter_map(of_one).collect()
}

fn has_records(person: &Person) -> bool {
    !person.contacts.is_empty() || !person.groups.is_empty()
}

/// Of everybody with contact records or in groups, all areas that any result ever named, and that of nobody.
fn swabbed_in<'a>(people: &BTreeMap<String, Person>, records: &'a [Arrived]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for result in records.iter().filter_map(|arrived| arrived.record.as_result()) {
        let members = members_of(result);
        let one = Some((result.person_id.as_str(), result.area.as_str())).filter(|_| members.is_empty());
        for (person, area) in members.into_iter().chain(one) {
            if people.get(person).is_some_and(has_records) {
                all.entry(person).or_insert_with(|| BTreeSet::from([""])).insert(area);
            }
        }
    }
    all
}

/// The records that have a person managed on each day, apart from those on which it is a case.
fn days<'a>(
    rules: &Rules,
    people: &BTreeMap<String, Person>,
    person: &'a Person,
    target: &str,
) -> BTreeMap<Day, BTreeMap<&'a str, Timestamp>> {
    let mut days: BTreeMap<Day, BTreeMap<&str, Timestamp>> = BTreeMap::new();
    for (record, received) in &person.contacts {
        let kind = kind_as_known(rules, people, record);
        let last = last_observed(rules, record, target, |policy| observed(policy, kind));
        let begun = rules.day(at(record.exposure_start.as_ref()));
        let of_exposure = last.map(|last| (begun.0.max(last.0 - LONGEST + 1), last.0));
        let of_order = ordered(rules, record);
        let both = of_exposure.into_iter().flat_map(|(first, last)| first..=last).map(Day);
        let ordered = of_order.into_iter().flat_map(|(first, last)| (first.0..=last.0).map(Day));
        for day in both.chain(ordered.filter(|day| is_about(rules, record, target, *day))) {
            days.entry(day).or_default().insert(&record.record_id, *received);
        }
    }
    days.retain(|day, _| !was_case(rules, person, target, *day));
    days
}

fn managed(
    rules: &Rules,
    people: &BTreeMap<String, Person>,
    person: &Person,
    target: &str,
    passed: TimePassed,
) -> Vec<Duty> {
    let days = days(rules, people, person, target);
    let mut duties = Vec::new();
    for first in days.keys().copied().filter(|day| !days.contains_key(&day.plus(-1))) {
        let run: Vec<Day> = (first.0..).map(Day).take_while(|day| days.contains_key(day)).collect();
        let last = run[run.len() - 1];
        let records: BTreeMap<&str, Timestamp> = run.iter().flat_map(|day| days[day].clone()).collect();
        let known = rules.day(records.values().copied().min().unwrap_or_default());
        if passed.knows(rules, last) {
            let of = duty(rules, target, DutyKind::Managed, first, records.keys().copied());
            duties.push(Duty { release_day: last.to_string(), ..of });
        }
        let begins = first.max(known);
        if begins <= last && passed.knows(rules, begins) {
            duties.push(duty(rules, target, DutyKind::Isolate, begins, records.keys().copied()));
        }
    }
    duties
}

fn tests(
    rules: &Rules,
    people: &BTreeMap<String, Person>,
    person: &Person,
    target: &str,
    passed: TimePassed,
) -> Vec<Duty> {
    let mut duties = Vec::new();
    for ((day, of), asking) in asked(rules, people, person) {
        if of != target || !passed.knows(rules, day) || is_case(rules, person, target, day) {
            continue;
        }
        let policy = targets::case_policy(rules, target, day).expect("it is by one that the test is due");
        let over = deadline(rules, policy, day);
        let taken = person.swabs.contains(&(day, target.to_owned()));
        let overdue = !taken && passed.due.is_some_and(|due| over <= due);
        let records: BTreeSet<&str> = asking.iter().map(|asks| asks.record.record_id.as_str()).collect();
        let of = duty(rules, target, DutyKind::TestDue, day, records.into_iter());
        duties.push(Duty { taken, overdue_since: overdue.then(|| over.to_wire()), ..of });
    }
    duties
}

fn duty<'a>(
    rules: &Rules,
    target: &str,
    kind: DutyKind,
    day: Day,
    records: impl ExactSizeIterator<Item = &'a str>,
) -> Duty {
    Duty {
        day: day.to_string(),
        kind: kind as i32,
        target: target.to_owned(),
        record_ids_omitted: records.len().saturating_sub(RECORDS) as u32,
        record_ids: records.take(RECORDS).map(str::to_owned).collect(),
        policy: targets::case_policy(rules, target, day).map(|policy| policy.name.clone()).unwrap_or_default(),
        ..Duty::default()
    }
}
