//! Whoever of a key group has missed tests: which alerts about that must be live.
//!
//! Asked of everybody, day by day of the last two weeks: was a test due then that is overdue, does the policy of that day
//! want an alert, was no swab taken since, and does a record still ask for it?

use super::alerts::LiveAlert;
use super::group_tests::{TOLD, due};
use super::management::is_case;
use super::overdue::deadline;
use super::people::Person;
use super::{alert_id, groups, people};
use crate::audit::passed::TimePassed;
use crate::audit::targets;
use crate::model::ids::Secret;
use crate::model::time::{Day, Timestamp};
use crate::policy::{CasePolicy, Frequency, Rules};
use crate::proto::v1::{AlertFamily, Channel};
use std::collections::BTreeMap;

/// That a record had somebody tested on a day: since when in the group, by which policy, and when it was received.
struct Asked<'a> {
    entry: Day,
    received: Timestamp,
    day: Day,
    policy: &'a CasePolicy,
}

/// Every alert about missed tests of groups that must be live.
pub fn of(
    rules: &Rules,
    secret: &Secret,
    people: &BTreeMap<String, Person>,
    passed: impl Fn(&str) -> TimePassed,
) -> Vec<LiveAlert> {
    let mut alerts = Vec::new();
    for person in people.values().filter(|person| !person.groups.is_empty()) {
        let passed = passed(&person.id);
        let (area, _) = people::area(person, passed);
        for target in rules.deployment.targets.iter().map(|target| target.id.as_str()) {
            let of_group = |(group, asked): (&str, Vec<Asked<'_>>)| LiveAlert {
                area: area.clone(),
                ..alert(rules, secret, person, (group, target), &asked)
            };
            alerts.extend(missed(rules, person, target, passed).into_iter().map(of_group));
        }
    }
    alerts
}

/// Tests that a person has missed and that are still asked for, by group.
fn missed<'a>(
    rules: &'a Rules,
    person: &'a Person,
    target: &str,
    passed: TimePassed,
) -> BTreeMap<&'a str, Vec<Asked<'a>>> {
    let mut missed: BTreeMap<&str, Vec<Asked<'_>>> = BTreeMap::new();
    let Some(now) = passed.due else { return missed };
    let today = rules.day(now);
    for ((day, group), ids) in due(rules, person, target, passed) {
        let policy = targets::case_policy(rules, target, day).expect("it is by one that the test is due");
        let tests = policy.groups.iter().find(|tests| tests.group == group).expect("it names the group");
        let is_swabbed = || {
            let mut swabs = person.swabs.iter().chain(&person.pooled_swabs);
            swabs.any(|(swab, of)| of == target && *swab >= day)
        };
        let is_told = tests.alert && today.0 - day.0 < TOLD && deadline(rules, policy, day) <= now;
        if !is_told || is_swabbed() || is_case(rules, person, target, day) {
            continue;
        }
        for (record, received) in person.groups.iter().filter(|(record, _)| ids.contains(record.record_id.as_str())) {
            let (entry, last) = groups::stay(&person.groups, record);
            if !(last < today && matches!(tests.frequency, Frequency::EveryDays(_))) {
                let asked = Asked { entry, received: *received, day, policy };
                missed.entry(group).or_default().push(asked);
            }
        }
    }
    missed
}

fn alert(
    rules: &Rules,
    secret: &Secret,
    person: &Person,
    (group, target): (&str, &str),
    asked: &[Asked<'_>],
) -> LiveAlert {
    let is_old = |one: &Asked<'_>| {
        let news_until = deadline(rules, one.policy, one.day).0 / 60_000 + one.policy.historic_after_hours * 60;
        one.received.0.div_euclid(60_000) > news_until
    };
    let historic = asked.iter().all(is_old);
    let policy = asked.iter().max_by_key(|one| one.day).expect("one is missed").policy;
    let further = Some(target).filter(|target| *target != targets::first(rules));
    let first_day = asked.iter().map(|one| one.entry).min().expect("one is missed").to_string();
    LiveAlert {
        id: alert_id::group_overdue(secret, &person.id, group, &first_day, further),
        person: person.id.clone(),
        family: AlertFamily::GroupOverdue,
        target: target.to_owned(),
        last_day: first_day.clone(),
        first_day,
        specimen: String::new(),
        channel: Channel::Unspecified,
        severity: if historic { policy.severity.historic } else { policy.severity.group_overdue },
        historic,
        preliminary: false,
        area: String::new(),
        purpose: String::new(),
        positive_specimens: 0,
        exposed_to: Vec::new(),
        exposed_to_omitted: 0,
        to_trace: Vec::new(),
        to_trace_omitted: 0,
        positives: Vec::new(),
        positives_omitted: 0,
        policy: policy.name.clone(),
        release_day: String::new(),
        group: group.to_owned(),
        pool: None,
    }
}
