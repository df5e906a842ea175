//! Due tests of contacts: on which days a contact is to be tested, by when that must be known, and which were missed.
//!
//! In: a person's contact records, rows and positives, and the time up to which deadlines have been passed. Out: the
//! alerts about missed tests that must be live, and the next deadline. Day n of a record is the n-th civil day after that
//! on which its exposure ended: protocols count days of quarantine, of which a record knows nothing, and the days of
//! observation are counted from there too. A day goes by the case policy that holds on it. A test is taken with the swab,
//! whatever it says, unless it is invalid, or one of a pool: contacts are to be sampled alone. A contact who was found
//! positive is a case from the day of that swab on, and due no tests for as long as another positive would belong to the
//! same episode.

use super::alerts::{self, Grounds};
use super::cases::episodes;
use super::cases::management::{self, CaseDays, Stay};
use super::cases::matching::{self, Sought};
use crate::model::contact::ContactKind;
use crate::model::result::Finding;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::alerting::families;
use crate::pipeline::times::Passed;
use crate::policy::{CasePolicy, Rules, TargetIndex};
use crate::proto::v1::{self, AlertFamily, MatchedContact};
use crate::state::person::case_file::{CaseFile, Contact};
use crate::state::person::held_alert::HeldAlert;
use crate::state::person::row::{Row, minute_start};
use std::collections::{BTreeMap, BTreeSet};

/// Days after an exposure for which policies can have anybody observed.
const LONGEST_OBSERVATION: i32 = 60;

/// A day on which a contact record has its person tested.
#[derive(Clone, Copy, Debug)]
pub struct DueTest<'a> {
    /// The record.
    pub contact: &'a Contact,
    /// How close the contact is.
    pub kind: ContactKind,
    /// For what.
    pub target: TargetIndex,
    /// On which day.
    pub day: Day,
    /// The policy of that day.
    pub policy: &'a CasePolicy,
}

impl DueTest<'_> {
    /// From when on it is overdue.
    pub fn deadline(&self, rules: &Rules) -> Timestamp {
        rules.overdue_from(self.policy, self.day)
    }
}

/// Every test that a record makes due.
pub fn due_tests<'a>(contact: &'a Contact, kind: ContactKind, rules: &'a Rules) -> impl Iterator<Item = DueTest<'a>> {
    let ended = rules.day(contact.end);
    let policies = rules.cases.iter().filter(move |_| contact.is_active());
    policies.flat_map(move |policy| {
        let about = policy.targets.iter().copied();
        let about = about.filter(move |target| Sought { rules, target: *target, policy }.is_subject_of(contact));
        about.flat_map(move |target| {
            let days = policy.test_days.of(kind).iter().map(move |day| ended.plus(*day));
            let days = days.filter(move |day| holds(policy, target, *day, rules));
            days.map(move |day| DueTest { contact, kind, target, day, policy })
        })
    })
}

/// Whether a policy is that of a target on a day.
fn holds(policy: &CasePolicy, target: TargetIndex, day: Day, rules: &Rules) -> bool {
    rules.case_policy(target, day).is_some_and(|holds| std::ptr::eq(holds, policy))
}

/// The next deadline of a record after those that have been passed.
pub fn next_of(contact: &Contact, file: &CaseFile, rules: &Rules, passed: Passed) -> Option<Timestamp> {
    let deadlines = due_tests(contact, matching::kind_now(contact, file), rules).map(|test| test.deadline(rules));
    deadlines.filter(|at| passed.due.is_none_or(|due| *at > due)).min()
}

/// The next deadline of a person.
pub fn next(file: &CaseFile, rules: &Rules, passed: Passed) -> Option<Timestamp> {
    file.contacts.iter().filter_map(|contact| next_of(contact, file, rules, passed)).min()
}

/// Whether a row says of a day on which a record may have made a test due that a swab was taken, or that it was not.
pub fn is_about(row: &Row, file: &CaseFile) -> bool {
    let at = minute_start(row.minute());
    let days = i64::from(LONGEST_OBSERVATION + 1);
    let mut active = file.contacts.iter().filter(|contact| contact.is_active());
    active.any(|contact| contact.end <= at && at <= contact.end.plus_days(days))
}

/// The alerts about missed tests that must be live, in order of day and target. Of days whose rows may be gone they are
/// those that are: whether a test was taken is not known any more. `area` says where the person counts.
pub fn wanted(grounds: &Grounds<'_>, passed: Passed, area: impl Fn() -> String) -> Vec<v1::Alert> {
    let Grounds { file, rules, .. } = *grounds;
    let Some(due) = passed.due else { return Vec::new() };
    let settled = passed.held_from.map(|from| first_whole_day(from, rules));
    let mut missed: BTreeMap<(Day, TargetIndex), Vec<DueTest<'_>>> = BTreeMap::new();
    // One that ended only now can have made nothing due.
    for contact in file.contacts.iter().filter(|contact| contact.end < due) {
        let tests = due_tests(contact, matching::kind_now(contact, file), rules);
        let open = tests.filter(|test| settled.is_none_or(|settled| test.day >= settled));
        for test in open.filter(|test| test.deadline(rules) <= due) {
            missed.entry((test.day, test.target)).or_default().push(test);
        }
    }
    let is_settled = |alert: &v1::Alert| {
        let settled = settled.map(|day| day.to_string());
        is_overdue(alert) && alerts::is_live(alert) && settled.is_some_and(|settled| alert.first_day < settled)
    };
    let stay = file.alerts.iter().map(HeldAlert::message).filter(is_settled);
    let mut wanted: Vec<v1::Alert> = stay.collect();
    if missed.is_empty() {
        return wanted;
    }
    let taken = taken(grounds, &missed.keys().map(|(day, _)| *day).collect());
    missed.retain(|due, _| !taken.contains(due));
    if missed.is_empty() {
        return wanted;
    }
    let positives = episodes::positives(grounds.rows.iter(), rules, grounds.names);
    let cases = |target: TargetIndex| CaseDays::of(&positives, target, rules);
    missed.retain(|(day, target), _| !cases(*target).is_case(*day));
    let area = if missed.is_empty() { String::new() } else { area() };
    let alerts = missed.into_values().map(|tests| alert(grounds, &tests, &cases(tests[0].target)));
    wanted.extend(alerts.map(|alert| v1::Alert { area: area.clone(), ..alert }));
    wanted
}

/// Whether somebody may be told of for a missed test: what is said of it goes by where the person is swabbed.
pub fn may_be_told_of(file: &CaseFile) -> bool {
    !file.alerts.is_empty() && file.contacts.iter().any(Contact::is_active)
}

/// Whether an alert is about a missed test.
pub fn is_overdue(alert: &v1::Alert) -> bool {
    alert.family() == AlertFamily::ContactOverdue
}

/// The first day of which all is known that will ever be: of those before, rows may be gone.
pub fn first_kept(passed: Passed, rules: &Rules) -> Day {
    passed.held_from.map_or(Day(i32::MIN), |from| first_whole_day(from, rules))
}

/// The first day none of whose rows were collected before a moment.
fn first_whole_day(from: Timestamp, rules: &Rules) -> Day {
    let day = rules.day(from);
    if rules.span(day).0 < from { day.plus(1) } else { day }
}

/// Of these days, those on which a swab was taken, for each target.
pub fn taken(grounds: &Grounds<'_>, days: &BTreeSet<Day>) -> BTreeSet<(Day, TargetIndex)> {
    let alone = grounds.rows.iter().filter(|row| !row.is_pooled());
    let tests = alone.filter(|row| !row.is_withdrawn() && row.finding() != Finding::Invalid);
    let of = |row: &Row| {
        let day = grounds.rules.day(minute_start(row.minute()));
        let target = grounds.rules.target_stored_as(grounds.names.target(row.purpose()))?;
        days.contains(&day).then_some((day, target))
    };
    tests.filter_map(of).collect()
}

/// The alert of a day's test that records make due. There is one record at least.
fn alert(grounds: &Grounds<'_>, tests: &[DueTest<'_>], cases: &CaseDays<'_>) -> v1::Alert {
    let Grounds { file, rules, .. } = *grounds;
    let DueTest { target, day, policy, .. } = tests[0];
    let old = tests[0].deadline(rules).plus_hours(policy.historic_after_hours);
    let historic = tests.iter().all(|test| test.contact.received_at.minute() > old.minute());
    let first_day = day.to_string();
    let (subject, stored) = ([file.person_id.as_str()], rules.stored_target(target));
    let matched = |test: &DueTest<'_>| MatchedContact {
        record_id: test.contact.record_id.clone(),
        person_id: test.contact.other.clone(),
        kind: test.kind as i32,
        exposure_start: Some(test.contact.start.to_wire()),
        exposure_end: Some(test.contact.end.to_wire()),
    };
    v1::Alert {
        alert_id: families::id(grounds.secret, AlertFamily::ContactOverdue, &subject, &first_day, stored),
        family: AlertFamily::ContactOverdue as i32,
        severity: if historic { policy.severity.historic } else { policy.severity.overdue } as i32,
        historic,
        person_id: file.person_id.clone(),
        target: stored.to_owned(),
        policy: policy.name.clone(),
        last_day: first_day.clone(),
        first_day,
        exposed_to: tests.iter().map(matched).collect(),
        release_day: release(file, target, day, cases, rules).to_string(),
        ..v1::Alert::default()
    }
}

/// The day on which a contact who is under management on a day is released.
fn release(file: &CaseFile, target: TargetIndex, day: Day, cases: &CaseDays<'_>, rules: &Rules) -> Day {
    let follows = |last: Day, stay: &Stay<'_>| if stay.first <= last.plus(1) { last.max(stay.last) } else { last };
    let last = management::stays(file, target, rules).iter().fold(day, follows);
    cases.next_after(day).map_or(last, |found| found.min(last))
}
