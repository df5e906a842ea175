//! On which days somebody in a key group is to be tested, whether a swab was taken, since when it is overdue; and what of
//! that is counted.
//!
//! In: a person's memberships and rows, the rules, and how far time has passed. Out: tests by target and day, whether or not
//! the person is a case by then. What a day asks for rests on swabs of the days before it alone, no more of them than the
//! policy's distance: so nothing that is forgotten is needed, and of days that would need it nothing is said.

use super::group_run::{self, Run};
use super::said::Said;
use crate::model::duty::{DutyKind, GroupNumber};
use crate::model::result::Finding;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::person::alerts::Grounds;
use crate::pipeline::times::Passed;
use crate::policy::{CasePolicy, Frequency, GroupTests, LONGEST_WINDOW, Rules, TargetIndex};
use crate::state::person::case_file::CaseFile;
use crate::state::person::duties::{Counted, CountedDuty};
use crate::state::person::groups::Membership;
use crate::state::person::row::{Row, minute_start};
use std::collections::{BTreeMap, BTreeSet};

/// Days up to today of which tests at a regular distance are said.
pub const SAID_DAYS: i32 = LONGEST_WINDOW;

/// Tests of each target, in order of day and group.
pub fn tests(grounds: &Grounds<'_>, passed: Passed, first_kept: Day) -> BTreeMap<TargetIndex, Vec<Said>> {
    let Grounds { file, rules, .. } = *grounds;
    let mut tests: BTreeMap<TargetIndex, Vec<Said>> = BTreeMap::new();
    if file.groups.is_empty() {
        return tests;
    }
    let runs = group_run::runs(file);
    let days = Days { first_kept, today: passed.due.map(|due| rules.day(due)) };
    for target in (0..rules.deployment.targets.len()).map(|target| target as TargetIndex) {
        let swabs = swabs(grounds, target);
        let mut due: BTreeMap<(Day, &str), BTreeSet<String>> = BTreeMap::new();
        for run in &runs {
            for day in due_days(run, target, &swabs, days, rules) {
                due.insert((day, run.group), run.of(day).map(|membership| membership.record_id.clone()).collect());
            }
        }
        let one = |((day, group), records): ((Day, &str), BTreeSet<String>)| {
            let policy = rules.case_policy(target, day)?;
            let (taken, deadline) = (swabs.contains(&day), rules.overdue_from(policy, day));
            let overdue = !taken && passed.due.is_some_and(|due| deadline <= due);
            Some(Said {
                day,
                last: day,
                kind: DutyKind::GroupTest,
                target,
                records,
                policy: policy.name.clone(),
                group: group.to_owned(),
                test: Some((taken, overdue.then_some(deadline))),
            })
        };
        let said: Vec<Said> = due.into_iter().filter_map(one).collect();
        tests.extend((!said.is_empty()).then_some((target, said)));
    }
    tests
}

/// What is counted of groups on the last days up to today, in no area: who is in one that the policy of the day names, whose
/// tests are due, taken or overdue.
pub fn counted(standing: &[&Membership], said: &[Said], passed: Passed, rules: &Rules) -> Vec<CountedDuty> {
    let Some(today) = passed.due.map(|due| rules.day(due)) else { return Vec::new() };
    let days = today.0 - SAID_DAYS + 1..=today.0;
    let mut numbers: BTreeMap<(TargetIndex, &str, GroupNumber), BTreeSet<Day>> = BTreeMap::new();
    let mut add = |target, group, number, day| numbers.entry((target, group, number)).or_default().insert(day);
    for target in (0..rules.deployment.targets.len()).map(|target| target as TargetIndex) {
        for membership in standing {
            let last = membership.last.unwrap_or(Day(i32::MAX)).min(today);
            for day in (membership.first.0.max(*days.start())..=last.0).map(Day) {
                let names = |policy: &CasePolicy| policy.group_tests(&membership.group).is_some();
                if rules.case_policy(target, day).is_some_and(names) {
                    add(target, &membership.group, GroupNumber::Members, day);
                }
            }
        }
    }
    for test in said.iter().filter(|said| said.kind == DutyKind::GroupTest && days.contains(&said.day.0)) {
        let (taken, overdue) = test.test.unwrap_or_default();
        add(test.target, &test.group, GroupNumber::TestsDue, test.day);
        let more = [(GroupNumber::TestsTaken, taken), (GroupNumber::TestsOverdue, overdue.is_some())];
        for (number, _) in more.into_iter().filter(|(_, counts)| *counts) {
            add(test.target, &test.group, number, test.day);
        }
    }
    let one = |((target, group, number), days): ((TargetIndex, &str, GroupNumber), BTreeSet<Day>)| {
        let target = rules.stored_target(target).to_owned();
        let what = Counted::Group(group.to_owned(), number);
        let run = move |(first, last)| CountedDuty {
            area: String::new(),
            target: target.clone(),
            what: what.clone(),
            first,
            last,
            number: 1,
        };
        runs(&days).into_iter().map(run)
    };
    numbers.into_iter().flat_map(one).collect()
}

/// First and last of days that follow each other.
fn runs(days: &BTreeSet<Day>) -> Vec<(Day, Day)> {
    let mut runs: Vec<(Day, Day)> = Vec::new();
    for day in days {
        match runs.last_mut().filter(|(_, last)| last.plus(1) == *day) {
            Some((_, last)) => *last = *day,
            None => runs.push((*day, *day)),
        }
    }
    runs
}

/// The next moment at which something else may be said of somebody in a group: a day begins, or the time for a test is over.
/// None while it is not known which day it is.
pub fn next(file: &CaseFile, rules: &Rules, passed: Passed) -> Option<Timestamp> {
    let due = passed.due?;
    let today = rules.day(due);
    let longest = rules.cases.iter().map(|policy| policy.test_grace_hours).max().unwrap_or(0);
    let asked = today.plus(-(longest / 24 + 2) as i32);
    let mut next = None;
    for membership in file.groups.iter().filter(|membership| membership.is_active()) {
        let last = membership.last.unwrap_or(Day(i32::MAX - SAID_DAYS));
        let begins = today.plus(1).max(membership.first);
        let begins = Some(rules.span(begins).0).filter(|_| begins <= last.plus(SAID_DAYS));
        let tested = asked.max(membership.first).0..=today.min(last).0;
        let over = tested.flat_map(|day| rules.cases.iter().map(move |policy| rules.overdue_from(policy, Day(day))));
        next = over.filter(|at| *at > due).chain(begins).chain(next).min();
    }
    next
}

/// Days before a moment of which all swabs are needed, that day's included: those before a test at the longest distance, of
/// all days that are said.
pub fn needed_days(rules: &Rules) -> i64 {
    let distance = |tests: &GroupTests| match tests.frequency {
        Frequency::EveryDays(distance) => i64::from(distance),
        Frequency::AfterEntry(_) => 0,
    };
    let longest = rules.cases.iter().flat_map(|policy| &policy.groups).map(distance).max();
    longest.map_or(0, |longest| i64::from(SAID_DAYS) + longest)
}

/// Whether somebody is or was in a group on days that are kept.
pub fn is_kept(membership: &Membership, first_kept: Day) -> bool {
    membership.last.is_none_or(|last| last >= first_kept)
}

/// Days of which something can be said.
#[derive(Clone, Copy)]
struct Days {
    /// The first all of whose swabs are held.
    first_kept: Day,
    /// As far as time has come; none before that is known.
    today: Option<Day>,
}

/// The days of a run on which its person is to be tested.
fn due_days(run: &Run<'_>, target: TargetIndex, swabs: &BTreeSet<Day>, days: Days, rules: &Rules) -> Vec<Day> {
    let Days { first_kept, today } = days;
    let last = run.last.unwrap_or(Day(i32::MAX));
    let frequency = |day: Day| {
        let policy = rules.case_policy(target, day)?;
        policy.group_tests(run.group).map(|tests| &tests.frequency)
    };
    let after_entry = |day: Day| match frequency(day) {
        Some(Frequency::AfterEntry(days)) => days.contains(&(day.0 - run.first.0)),
        _ => false,
    };
    let longest = rules.cases.iter().flat_map(|policy| &policy.groups).filter_map(|tests| match &tests.frequency {
        Frequency::AfterEntry(days) => days.last().copied(),
        Frequency::EveryDays(_) => None,
    });
    let entry_days = (1..=longest.max().unwrap_or(0)).map(|after| run.first.plus(after));
    let mut due: Vec<Day> = entry_days.filter(|day| *day >= first_kept && *day <= last && after_entry(*day)).collect();
    let Some(today) = today else { return due };
    let from = run.first.max(first_kept).max(today.plus(1 - SAID_DAYS));
    let regular = (from.0..=last.min(today).0).map(Day).filter(|day| match frequency(*day) {
        Some(Frequency::EveryDays(distance)) => {
            let needed = day.plus(1 - distance);
            // Whoever entered since, or was swabbed, is not due yet.
            let is_new = run.first > needed;
            let is_known = needed >= first_kept;
            is_known && !is_new && swabs.range(needed..*day).next().is_none()
        }
        _ => false,
    });
    due.extend(regular);
    due
}

/// Days on which a swab was taken for a target, alone or for a pool, whatever it says, unless it is invalid.
pub fn swabs(grounds: &Grounds<'_>, target: TargetIndex) -> BTreeSet<Day> {
    let Grounds { rows, rules, names, .. } = *grounds;
    let says = |row: &Row| !matches!(row.finding(), Finding::Invalid | Finding::Unspecified);
    // Of two results of a tube one may outweigh the other: it was taken all the same.
    let shows = rows.iter().filter(|row| says(row) && (row.is_pooled() || !row.is_withdrawn()));
    let of = shows.filter(|row| rules.target_stored_as(names.target(row.purpose())) == Some(target));
    of.map(|row| rules.day(minute_start(row.minute()))).collect()
}
