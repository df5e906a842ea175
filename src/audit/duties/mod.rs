//! What has to be done, as it was published, against what it must be: with people by the recount, in areas by what people
//! and pools add up to.
//!
//! In: what is true, what was published, what area tasks hold. Out: two checks. Where a result that puts a person into an
//! area may be forgotten, any area that a result of the person named is taken as given; where a message about a contact is on
//! its way, all that was published of the person: then only the sum is checked.

pub mod sums;

use super::compare::{Pair, pairs};
use super::numbers::{Coverage, Observed};
use super::passed::TimePassed;
use super::recount::{ToDo, Truth, lineage, listed};
use super::report::Check;
use super::targets;
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{Alert, AlertFamily, Duty, DutyKind, Finding, Membership, PersonDuties};
use std::collections::{BTreeMap, BTreeSet};
use sums::{DutyCounts, DutySums, bump, counts_of, told};

/// Days up to today of which groups are counted.
const DAYS_OF_GROUPS: i32 = 14;

/// Why nothing can be said of what has to be done, if that is so.
fn why_not_recounted(observed: &Observed<'_>, coverage: &Coverage) -> Option<String> {
    if coverage.complete_from.is_some() {
        return Some("not recounted: inputs that duties rest on were deleted by retention".to_owned());
    }
    (observed.without_duties > 0).then(|| {
        let tasks = observed.without_duties;
        format!(
            "not recounted: {tasks} person tasks write messages in a format that says nothing of duties (write_format)"
        )
    })
}

/// What has to be done with people, and in areas.
pub fn checks(truth: &Truth, observed: &Observed<'_>, coverage: &Coverage) -> [Check; 2] {
    if let Some(why) = why_not_recounted(observed, coverage) {
        return ["duties", "area duties"].map(|name| Check { limited: Some(why.clone()), ..Check::new(name) });
    }
    let wanted = effective(truth, observed);
    [of_people(&wanted, observed), of_areas(&wanted, observed)]
}

/// What has to be done with each person.
fn of_people(effective: &BTreeMap<String, PersonDuties>, observed: &Observed<'_>) -> Check {
    let mut check = Check::new("duties");
    let wanted = effective.iter().filter(|(person, _)| !is_given(person, observed));
    let wanted: BTreeMap<String, PersonDuties> =
        wanted.map(|(person, all)| (person.clone(), listed(all.clone()))).collect();
    let kept = |(person, said): (&String, &PersonDuties)| Some((person.clone(), known_days(said, person, observed)?));
    let published: BTreeMap<String, PersonDuties> = observed
        .published
        .person_duties
        .iter()
        .filter(|(person, _)| !is_given(person, observed))
        .filter_map(kept)
        .collect();
    for pair in pairs(&wanted, &published, PartialEq::eq) {
        // Nobody is named.
        check.differs(|| match pair {
            Pair::Missing(_, said) => {
                let (duties, groups) = (said.duties.len(), said.groups.len());
                format!("somebody in {}: {duties} duties and {groups} groups are missing", said.area)
            }
            Pair::Unexpected(_, said) => format!("somebody in {}: nothing has to be done", said.area),
            Pair::Differs(_, wanted, found) => format!("somebody in {}: {}", wanted.area, difference(wanted, found)),
        });
    }
    check.compared(format!("{} people must have duties, {} have", wanted.len(), published.len()))
}

fn difference(wanted: &PersonDuties, found: &PersonDuties) -> String {
    if wanted.area != found.area {
        return format!("must be there, is in {}", found.area);
    }
    if wanted.groups != found.groups {
        return format!("must be in {} groups, is in {} or in others", wanted.groups.len(), found.groups.len());
    }
    let differing = wanted.duties.iter().zip(&found.duties).find(|(wanted, found)| wanted != found);
    match differing {
        None => format!("{} duties must be told, {} are", wanted.duties.len(), found.duties.len()),
        Some((wanted, found)) => {
            let told = |duty: &Duty| format!("{} of {}", duty.kind().as_str_name(), duty.day);
            format!("{} must be told, {} is, or says something else", told(wanted), told(found))
        }
    }
}

/// Whether what was published of a person is taken as given: a message about a contact is on its way, or it is not known
/// how far time had come, as the state of the person's task is lost.
fn is_given(person: &str, observed: &Observed<'_>) -> bool {
    observed.passed_of(person).is_none() || observed.in_flight.contacts.contains(person)
}

/// What must be published of each person: as it was recounted, and where that cannot be sure, as it was published.
fn effective(truth: &Truth, observed: &Observed<'_>) -> BTreeMap<String, PersonDuties> {
    let published = &observed.published.person_duties;
    let known = truth.duties.iter().filter(|(person, _)| !is_given(person, observed));
    let mut all: BTreeMap<String, PersonDuties> = known
        .map(|(person, ToDo { duties, or_in })| {
            let said = published.get(person).filter(|said| or_in.contains(&said.area));
            let area = said.map_or_else(|| duties.area.clone(), |said| said.area.clone());
            (person.clone(), PersonDuties { area, ..duties.clone() })
        })
        .collect();
    let given = published.iter().filter(|(person, _)| is_given(person, observed));
    all.extend(given.filter_map(|(person, said)| Some((person.clone(), known_days(said, person, observed)?))));
    all
}

/// The same without days of which the person's task knows no more; `None` where nothing is left.
fn known_days(said: &PersonDuties, person: &str, observed: &Observed<'_>) -> Option<PersonDuties> {
    let passed = observed.passed_of(person).unwrap_or_default();
    let last = |duty: &Duty| Day::parse(if duty.release_day.is_empty() { &duty.day } else { &duty.release_day });
    let is_known = |duty: &Duty| last(duty).is_none_or(|day| passed.knows(observed.rules, day));
    let mut said = said.clone();
    said.duties.retain(is_known);
    said.groups.retain(|group| Day::parse(&group.last_day).is_none_or(|last| passed.knows(observed.rules, last)));
    (!said.duties.is_empty() || !said.groups.is_empty()).then_some(said)
}

/// What has to be done in each area: what tasks hold, and what they published.
fn of_areas(effective: &BTreeMap<String, PersonDuties>, observed: &Observed<'_>) -> Check {
    let mut check = Check::new("area duties");
    // Days that every task knows all of.
    let known = |day: &Day| observed.passed.values().all(|passed| passed.knows(observed.rules, *day));
    let all: DutySums = observed.areas.values().flat_map(|task| task.duties.clone()).collect();
    let passed = |person: &str| observed.passed_of(person).unwrap_or_default();
    let mut wanted = sums_of(observed.rules, effective.values(), observed.published.live(), passed);
    for ((area, day), counts) in &observed.in_flight.duties {
        bump(&mut wanted, (area, *day), &counts.times(-1));
    }
    let kept = |sums: &DutySums| -> DutySums {
        let is_kept = |(area, day): &(String, Day)| known(day) && observed.keeps(area, *day, true);
        sums.iter().filter(|(key, _)| is_kept(key)).map(|(key, counts)| (key.clone(), counts.clone())).collect()
    };
    let (mut wanted, mut held) = (kept(&wanted), kept(&all));
    let is_lost = |person: &str| observed.passed_of(person).is_none();
    if effective.iter().any(|(person, said)| !said.groups.is_empty() && is_lost(person)) {
        check.limited =
            Some("key groups are not recounted: a task is lost, and with it how far its days have come".to_owned());
        for sums in [&mut wanted, &mut held] {
            sums.values_mut().for_each(|counts| counts.groups.clear());
            sums.retain(|_, counts| *counts != DutyCounts::default());
        }
    }
    for pair in pairs(&wanted, &held, PartialEq::eq) {
        check.differs(|| match pair {
            Pair::Missing((area, day), wanted) => format!("{area} {day}: {} must be held, nothing is", told(wanted)),
            Pair::Unexpected((area, day), held) => format!("{area} {day}: nothing must be held, {} is", told(held)),
            Pair::Differs((area, day), wanted, held) => {
                format!("{area} {day}: {} must be held, {} is", told(wanted), told(held))
            }
        });
    }
    let published = observed.published.duties.iter();
    let published: DutySums = published
        .filter(|((area, day), _)| observed.keeps(area, *day, true))
        .map(|(key, duties)| (key.clone(), counts_of(duties)))
        .collect();
    let all = all.into_iter().filter(|((area, day), _)| observed.keeps(area, *day, false)).collect();
    for pair in pairs(&all, &published, PartialEq::eq) {
        let (Pair::Missing((area, day), _) | Pair::Unexpected((area, day), _) | Pair::Differs((area, day), ..)) = pair;
        check.differs(|| format!("{area} {day}: what is published is not what is held"));
    }
    check.compared(format!("{} areas and days must have duties, {} have", wanted.len(), held.len()))
}

/// What people, and pools by their live alerts, add up to in areas. `passed` is how far time has come for a person.
pub fn sums_of<'a>(
    rules: &Rules,
    people: impl Iterator<Item = &'a PersonDuties>,
    live: impl Iterator<Item = &'a Alert>,
    passed: impl Fn(&str) -> TimePassed,
) -> DutySums {
    let mut sums = DutySums::new();
    for said in people {
        add_person(&mut sums, said, rules);
        let today = passed(&said.person_id).due.map(|due| rules.day(due));
        today.into_iter().for_each(|today| add_member(&mut sums, said, today, rules));
    }
    live.for_each(|alert| add_pool(&mut sums, alert, rules));
    sums
}

fn add_person(sums: &mut DutySums, said: &PersonDuties, rules: &Rules) {
    for duty in said.duties.iter().filter(|duty| duty.kind() != DutyKind::GroupTest) {
        let Some(day) = Day::parse(&duty.day) else { continue };
        let mut add = |kind, day| add_kind(sums, (&said.area, &duty.target, day), kind, rules);
        add(duty.kind(), day);
        if let Some(last) = Day::parse(&duty.release_day) {
            (day.0 + 1..=last.0).for_each(|day| add(DutyKind::Managed, Day(day)));
            add(DutyKind::Release, last);
        }
        if duty.taken {
            add(DutyKind::TestTaken, day);
        }
        if duty.overdue_since.is_some() {
            add(DutyKind::TestOverdue, day);
        }
    }
}

/// What is counted of the groups that somebody is in, on the last days up to today.
fn add_member(sums: &mut DutySums, said: &PersonDuties, today: Day, rules: &Rules) {
    for target in rules.deployment.targets.iter().map(|target| target.id.as_str()) {
        for day in (0..DAYS_OF_GROUPS).map(|back| today.plus(-back)) {
            let text = day.to_string();
            let is_in = |one: &&Membership| one.first_day <= text && (one.last_day.is_empty() || text <= one.last_day);
            let groups: BTreeSet<&str> = said.groups.iter().filter(is_in).map(|one| one.group.as_str()).collect();
            let policy = targets::case_policy(rules, target, day);
            let named = policy.iter().flat_map(|policy| &policy.groups).map(|tests| tests.group.as_str());
            for group in named.filter(|group| groups.contains(group)) {
                let is_of = |duty: &&Duty| {
                    duty.kind() == DutyKind::GroupTest
                        && (duty.day.as_str(), duty.target.as_str(), duty.group.as_str()) == (&text, target, group)
                };
                let test = said.duties.iter().find(is_of);
                let counts = |yes: bool| i64::from(yes);
                let numbers = [
                    1,
                    counts(test.is_some()),
                    counts(test.is_some_and(|test| test.taken)),
                    counts(test.is_some_and(|test| test.overdue_since.is_some())),
                ];
                add(sums, (&said.area, target, day), &DutyCounts::of_group(group, numbers), rules);
            }
        }
    }
}

fn add_pool(sums: &mut DutySums, alert: &Alert, rules: &Rules) {
    let by = alert.recall_by.as_ref().and_then(Timestamp::from_wire);
    let Some(by) = by.filter(|_| alert.family() == AlertFamily::PoolPositive && alert.awaited > 0) else { return };
    let day = rules.day(by);
    add_kind(sums, (&alert.area, &alert.target, day), DutyKind::PoolRecall, rules);
    for member in alert.members.iter().filter(|member| member.finding() == Finding::Unspecified) {
        add_kind(sums, (&member.area, &alert.target, day), DutyKind::MemberRecall, rules);
    }
}

fn add_kind(sums: &mut DutySums, place: (&str, &str, Day), kind: DutyKind, rules: &Rules) {
    DutyCounts::of(kind, 1).iter().for_each(|counts| add(sums, place, counts, rules));
}

/// Adds to an area and all that it lies in on the day, or to nobody's.
fn add(sums: &mut DutySums, (area, target, day): (&str, &str, Day), counts: &DutyCounts, rules: &Rules) {
    let mut areas = lineage(rules, area, day);
    if areas.is_empty() {
        areas.push("");
    }
    let first = targets::first(rules);
    areas.into_iter().for_each(|area| bump(sums, (&targets::key(area, target, first), day), counts));
}
