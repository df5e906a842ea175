//! Tests that contacts had to take and did not: which alerts about them must be live.
//!
//! Asked day by day and target by target, of everybody: does a record have the person tested then, by the policy of that
//! day, is the time for its result over, was no swab taken, and is the person no case by then.

use super::alerts::{ListedContact, LiveAlert, is_about, kind_as_known, observed};
use super::management::{at, ended, is_case, last_observed, ordered, positives};
use super::people::Person;
use super::{alert_id, people};
use crate::audit::passed::TimePassed;
use crate::audit::targets;
use crate::model::ids::Secret;
use crate::model::time::{Day, Timestamp};
use crate::policy::{CasePolicy, Rules};
use crate::proto::v1::{AlertFamily, Channel, ContactKind, ContactRecord};
use std::collections::BTreeMap;

/// No policy observes anybody for longer.
const DAYS: i32 = 60;

/// A record that has somebody tested on a day.
pub struct Asks<'a> {
    /// The record.
    pub record: &'a ContactRecord,
    received: Timestamp,
    kind: ContactKind,
}

/// Every alert about a missed test that must be live, of days all of whose swabs are known.
pub fn of(
    rules: &Rules,
    secret: &Secret,
    people: &BTreeMap<String, Person>,
    passed: impl Fn(&str) -> TimePassed,
) -> Vec<LiveAlert> {
    let mut alerts = Vec::new();
    for person in people.values() {
        let passed = passed(&person.id);
        for ((day, target), asking) in asked(rules, people, person) {
            let policy = targets::case_policy(rules, target, day).expect("it is by one that the test is due");
            let over = deadline(rules, policy, day);
            let missed = !person.swabs.contains(&(day, target.to_owned())) && !is_case(rules, person, target, day);
            if missed && passed.due.is_some_and(|due| over <= due) && passed.knows(rules, day) {
                let (area, _) = people::area(person, passed);
                let alert = alert(rules, secret, people, person, (day, target, policy), &asking);
                alerts.push(LiveAlert { area, ..alert });
            }
        }
    }
    alerts
}

/// Who is to be tested on which day for what, by which records.
pub fn asked<'a>(
    rules: &'a Rules,
    people: &BTreeMap<String, Person>,
    person: &'a Person,
) -> BTreeMap<(Day, &'a str), Vec<Asks<'a>>> {
    let mut asked: BTreeMap<(Day, &str), Vec<Asks<'_>>> = BTreeMap::new();
    for (record, received) in &person.contacts {
        let kind = kind_as_known(rules, people, record);
        for target in rules.deployment.targets.iter().map(|target| target.id.as_str()) {
            for after in 1..=DAYS {
                let day = ended(rules, record).plus(after);
                let policy = targets::case_policy(rules, target, day).filter(|_| is_about(rules, record, target, day));
                if policy.is_some_and(|policy| tested(policy, kind).contains(&after)) {
                    asked.entry((day, target)).or_default().push(Asks { record, received: *received, kind });
                }
            }
        }
    }
    asked
}

fn tested(policy: &CasePolicy, kind: ContactKind) -> &[i32] {
    match kind {
        ContactKind::Secondary => &policy.test_days.secondary,
        ContactKind::CoExposed => &policy.test_days.co_exposed,
        _ => &policy.test_days.close,
    }
}

/// From when on a test of a day is overdue.
pub fn deadline(rules: &Rules, policy: &CasePolicy, day: Day) -> Timestamp {
    Timestamp(rules.span(day.plus(1)).0.0 + policy.test_grace_hours * 3_600_000)
}

fn alert(
    rules: &Rules,
    secret: &Secret,
    people: &BTreeMap<String, Person>,
    person: &Person,
    (day, target, policy): (Day, &str, &CasePolicy),
    asking: &[Asks<'_>],
) -> LiveAlert {
    let news_until = deadline(rules, policy, day).0 / 60_000 + policy.historic_after_hours * 60;
    let historic = asking.iter().all(|asks| asks.received.0.div_euclid(60_000) > news_until);
    let further = Some(target).filter(|target| *target != targets::first(rules));
    let listed = |asks: &Asks<'_>| ListedContact::of(asks.record, &asks.record.index_person_id, asks.kind);
    let mut exposed_to: Vec<ListedContact> = asking.iter().map(listed).collect();
    exposed_to.sort();
    let first_day = day.to_string();
    LiveAlert {
        id: alert_id::contact_overdue(secret, &person.id, &first_day, further),
        person: person.id.clone(),
        family: AlertFamily::ContactOverdue,
        target: target.to_owned(),
        last_day: first_day.clone(),
        first_day,
        specimen: String::new(),
        channel: Channel::Unspecified,
        severity: if historic { policy.severity.historic } else { policy.severity.overdue },
        historic,
        preliminary: false,
        area: String::new(),
        purpose: String::new(),
        positive_specimens: 0,
        exposed_to,
        exposed_to_omitted: 0,
        to_trace: Vec::new(),
        to_trace_omitted: 0,
        positives: Vec::new(),
        positives_omitted: 0,
        policy: policy.name.clone(),
        release_day: release(rules, people, person, target, day).to_string(),
        group: String::new(),
        pool: None,
    }
}

/// The last day under management without a day between, or the day of the first positive after, if that is earlier.
fn release(rules: &Rules, people: &BTreeMap<String, Person>, person: &Person, target: &str, day: Day) -> Day {
    let spans = person.contacts.iter().flat_map(|(record, _)| {
        let kind = kind_as_known(rules, people, record);
        let begins = rules.day(at(record.exposure_start.as_ref()));
        let observed = last_observed(rules, record, target, |policy| observed(policy, kind));
        let days = ordered(rules, record).into_iter().flat_map(|(first, last)| (first.0..=last.0).map(Day));
        let days = days.filter(move |day| is_about(rules, record, target, *day)).map(|day| (day, day));
        observed.map(|last| (begins, last)).into_iter().chain(days)
    });
    let spans: Vec<(Day, Day)> = spans.collect();
    let mut last = day;
    // Until no record adds a day.
    while let Some((_, to)) = spans.iter().find(|(from, to)| *from <= last.plus(1) && *to > last) {
        last = *to;
    }
    let found = positives(person, target).map(|(_, positive)| positive.day).filter(|found| *found > day).min();
    found.map_or(last, |found| last.min(found))
}
