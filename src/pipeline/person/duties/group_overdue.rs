//! Who of a key group has missed its tests: which alerts about that must be live.
//!
//! In: a person's memberships and rows, the rules, and how far time has passed. Out: one alert for each group and target.
//! Whoever is not swabbed is due again each day, so a test is no news by itself: there is one alert for all of them, as long
//! as one is overdue and no swab was taken since. It is named after the day of entry, and not after that of the
//! first test missed: what that was is forgotten while it goes on. It rests on tests of the last days alone, all of whose
//! swabs are held, so it is a function of what is held, whatever was published before.

use super::group::{self, SAID_DAYS};
use super::group_run::{self, Run};
use super::said::Said;
use crate::model::time::Day;
use crate::pipeline::alerting::families;
use crate::pipeline::person::alerts::Grounds;
use crate::pipeline::person::cases::episodes;
use crate::pipeline::person::cases::management::CaseDays;
use crate::pipeline::person::overdue;
use crate::pipeline::times::Passed;
use crate::policy::{CasePolicy, Frequency, GroupTests, Rules, TargetIndex};
use crate::proto::v1::{self, AlertFamily};
use crate::state::person::case_file::CaseFile;
use std::collections::BTreeMap;

/// Whether somebody is in a group of which a policy wants alerts, or was on days whose tests are still said.
pub fn is_watched(file: &CaseFile, rules: &Rules, passed: Passed) -> bool {
    let wants = |group: &str| rules.cases.iter().any(|policy| tests_of(policy, group).is_some());
    let is_over = |last: Day| passed.due.is_some_and(|due| last.plus(SAID_DAYS) < rules.day(due));
    let mut watched = file.groups.iter().filter(|one| one.is_active() && !one.last.is_some_and(is_over));
    watched.any(|membership| wants(&membership.group))
}

/// Whether an alert is about a group that no record held is about.
pub fn is_of_no_record(alert: &v1::Alert, file: &CaseFile) -> bool {
    is_group_overdue(alert) && !file.groups.iter().any(|membership| membership.group == alert.group)
}

/// Whether an alert is about missed tests of a group.
pub fn is_group_overdue(alert: &v1::Alert) -> bool {
    alert.family() == AlertFamily::GroupOverdue
}

/// The alerts about missed tests of groups that must be live, in order of target and group. `area` says where the person counts.
pub fn wanted(grounds: &Grounds<'_>, passed: Passed, area: impl Fn() -> String) -> Vec<v1::Alert> {
    let Grounds { file, rules, names, .. } = *grounds;
    let Some(today) = passed.due.map(|due| rules.day(due)).filter(|_| is_watched(file, rules, passed)) else {
        return Vec::new();
    };
    let runs = group_run::runs(file);
    let positives = episodes::positives(grounds.rows.iter(), rules, names);
    let mut wanted = Vec::new();
    for (target, tests) in group::tests(grounds, passed, overdue::first_kept(passed, rules)) {
        let last_swab = group::swabs(grounds, target).last().copied();
        let cases = CaseDays::of(&positives, target, rules);
        let is_new = |day: Day| day > today.plus(-SAID_DAYS) && last_swab.is_none_or(|swab| swab < day);
        let open = tests.iter().filter(|said| is_new(said.day) && !cases.is_case(said.day));
        let mut missed: BTreeMap<&str, Vec<Missed<'_>>> = BTreeMap::new();
        for said in open {
            let one = missed_test(said, today, &runs, rules);
            missed.entry(&said.group).or_default().extend(one);
        }
        missed.retain(|_, tests| !tests.is_empty());
        wanted.extend(missed.into_iter().map(|(group, tests)| alert(grounds, target, group, &tests)));
    }
    if !wanted.is_empty() {
        let area = area();
        wanted.iter_mut().for_each(|alert| alert.area.clone_from(&area));
    }
    wanted
}

/// A test that was missed, and in which days of a group.
struct Missed<'a> {
    day: Day,
    policy: &'a CasePolicy,
    run: &'a Run<'a>,
}

/// A test as a missed one, if it is overdue, the policy of its day wants alerts, and it is still asked for.
fn missed_test<'a>(said: &Said, today: Day, runs: &'a [Run<'a>], rules: &'a Rules) -> Option<Missed<'a>> {
    said.test.and_then(|(_, overdue)| overdue)?;
    let policy = rules.case_policy(said.target, said.day)?;
    let tests = tests_of(policy, &said.group)?;
    let run = runs.iter().find(|run| run.group == said.group && run.covers(said.day))?;
    // Of whoever has left, another swab is asked for no more; a test after entry was that of its day.
    let is_asked = match tests.frequency {
        Frequency::EveryDays(_) => run.last.is_none_or(|last| today <= last),
        Frequency::AfterEntry(_) => true,
    };
    is_asked.then_some(Missed { day: said.day, policy, run })
}

/// How often a policy has a group tested, if it wants alerts of it.
fn tests_of<'a>(policy: &'a CasePolicy, group: &str) -> Option<&'a GroupTests> {
    policy.group_tests(group).filter(|tests| tests.alert)
}

/// The alert about missed tests, of which there is one at least, in order of their days.
fn alert(grounds: &Grounds<'_>, target: TargetIndex, group: &str, missed: &[Missed<'_>]) -> v1::Alert {
    let Grounds { file, rules, .. } = *grounds;
    let is_old = |test: &Missed<'_>| {
        let old = rules.overdue_from(test.policy, test.day).plus_hours(test.policy.historic_after_hours);
        test.run.of(test.day).all(|record| record.received_at.minute() > old.minute())
    };
    let policy = missed[missed.len() - 1].policy;
    let historic = missed.iter().all(is_old);
    let first_day = missed.iter().map(|test| test.run.first).min().unwrap_or_default().to_string();
    let (subject, stored) = ([file.person_id.as_str(), group], rules.stored_target(target));
    v1::Alert {
        alert_id: families::id(grounds.secret, AlertFamily::GroupOverdue, &subject, &first_day, stored),
        family: AlertFamily::GroupOverdue as i32,
        severity: if historic { policy.severity.historic } else { policy.severity.group_overdue } as i32,
        historic,
        person_id: file.person_id.clone(),
        target: stored.to_owned(),
        policy: policy.name.clone(),
        last_day: first_day.clone(),
        first_day,
        group: group.to_owned(),
        ..v1::Alert::default()
    }
}
