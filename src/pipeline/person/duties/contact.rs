//! What has to be done with a contact, day by day: to isolate, to manage, to test it.
//!
//! In: a person's contact records, rows and positives, and how far time has passed. Out: the list that is published of the
//! person, and what of it counts in areas. Both are functions of what is held, the rules and the time up to which
//! deadlines have been passed: a calendar, with days to come. Of days whose rows may be gone nothing is said any more: what
//! was counted of them stays.

use super::said::{Duties, Member, Said};
use super::{group, group_run};
use crate::model::duty::DutyKind;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::person::alerts::Grounds;
use crate::pipeline::person::cases::episodes;
use crate::pipeline::person::cases::management::{self, CaseDays, Run};
use crate::pipeline::person::cases::matching;
use crate::pipeline::person::overdue::{self, DueTest};
use crate::pipeline::person::specimen::{self, Verdict};
use crate::pipeline::times::Passed;
use crate::policy::TargetIndex;
use crate::state::person::case_file::{CaseFile, Contact};
use crate::state::person::duties::Where;
use crate::state::person::groups::Membership;
use crate::state::person::row::{Row, minute_start};
use std::collections::{BTreeMap, BTreeSet};

/// All that has to be done with a person, by all rows and among them those `about_positives`. `before` is where the person
/// counted until now.
pub fn of(grounds: &Grounds<'_>, about_positives: &[Row], passed: Passed, before: &Where) -> Duties {
    let Grounds { file, rules, .. } = *grounds;
    let first_kept = overdue::first_kept(passed, rules);
    let positives = episodes::positives(about_positives.iter(), rules, grounds.names);
    let tests = tests(grounds, passed, first_kept);
    let mut of_groups = group::tests(grounds, passed, first_kept);
    let mut said = Vec::new();
    for target in (0..rules.deployment.targets.len()).map(|target| target as TargetIndex) {
        let stays = management::stays(file, target, rules);
        let mut due = tests.iter().filter(|((_, of), _)| *of == target).peekable();
        let of_group = of_groups.remove(&target).unwrap_or_default();
        if stays.is_empty() && due.peek().is_none() && of_group.is_empty() {
            continue;
        }
        let cases = CaseDays::of(&positives, target, rules);
        said.extend(of_group.into_iter().filter(|said| !cases.is_case(said.day)));
        for run in management::runs(&stays, &cases).iter().filter(|run| run.last >= first_kept) {
            said.push(managed(run, target, grounds));
            said.extend(isolated(run, target, grounds).filter(|said| said.day >= first_kept));
        }
        said.extend(due.filter(|((day, _), _)| !cases.is_case(*day)).map(|(_, test)| test.clone()));
    }
    let mut groups = group_run::standing(file);
    let counted = group::counted(&groups, &said, passed, rules);
    let place = place(grounds, passed, before);
    groups.retain(|membership| group::is_kept(membership, first_kept));
    Duties::of(Member { person_id: &file.person_id, place, groups, counted }, said, first_kept, rules)
}

/// Code of the area where a person counts, by what is held of it; empty where none is known.
pub fn area(grounds: &Grounds<'_>, passed: Passed) -> String {
    let before = grounds.file.duties.as_deref().map(|held| held.place.clone()).unwrap_or_default();
    place(grounds, passed, &before).area
}

/// Where a person counts. `before` is where it did until now.
pub fn place(grounds: &Grounds<'_>, passed: Passed, before: &Where) -> Where {
    let held_from = passed.held_from.unwrap_or(Timestamp(i64::MIN));
    // What it went by was not taken back, but is forgotten.
    let before = Some(before).filter(|before| before.minute > 0 && minute_start(before.minute) < held_from);
    let swabbed = last_swabbed(grounds, held_from).or_else(|| before.cloned());
    swabbed.unwrap_or_else(|| registered(&group_run::standing(grounds.file)))
}

fn said(grounds: &Grounds<'_>, target: TargetIndex, kind: DutyKind, day: Day) -> Said {
    let policy = grounds.rules.case_policy(target, day).map(|policy| policy.name.clone());
    Said {
        day,
        last: day,
        kind,
        target,
        records: BTreeSet::new(),
        policy: policy.unwrap_or_default(),
        group: String::new(),
        test: None,
    }
}

fn managed(run: &Run<'_>, target: TargetIndex, grounds: &Grounds<'_>) -> Said {
    Said { last: run.last, records: records(run), ..said(grounds, target, DutyKind::Managed, run.first) }
}

/// Whoever is under management begins to be on the first day, or when that was known of.
fn isolated(run: &Run<'_>, target: TargetIndex, grounds: &Grounds<'_>) -> impl Iterator<Item = Said> {
    let known = run.stays.iter().map(|stay| stay.contact.received_at).min().unwrap_or_default();
    let day = run.first.max(grounds.rules.day(known));
    let duty = Said { records: records(run), ..said(grounds, target, DutyKind::Isolate, day) };
    Some(duty).filter(|_| day <= run.last).into_iter()
}

fn records(run: &Run<'_>) -> BTreeSet<String> {
    run.stays.iter().map(|stay| stay.contact.record_id.clone()).collect()
}

/// Tests by day and target, whether or not the person is a case by then.
fn tests(grounds: &Grounds<'_>, passed: Passed, first_kept: Day) -> BTreeMap<(Day, TargetIndex), Said> {
    let Grounds { file, rules, .. } = *grounds;
    let due = file.contacts.iter().flat_map(|contact| due_tests(contact, file, grounds));
    let mut tests: BTreeMap<(Day, TargetIndex), Vec<DueTest<'_>>> = BTreeMap::new();
    for test in due.filter(|test| test.day >= first_kept) {
        tests.entry((test.day, test.target)).or_default().push(test);
    }
    let taken = overdue::taken(grounds, &tests.keys().map(|(day, _)| *day).collect());
    let one = |((day, target), asking): ((Day, TargetIndex), Vec<DueTest<'_>>)| {
        let deadline = asking[0].deadline(rules);
        let is_taken = taken.contains(&(day, target));
        let overdue = !is_taken && passed.due.is_some_and(|due| deadline <= due);
        let records = asking.iter().map(|test| test.contact.record_id.clone()).collect();
        let test = Some((is_taken, overdue.then_some(deadline)));
        ((day, target), Said { records, test, ..said(grounds, target, DutyKind::TestDue, day) })
    };
    tests.into_iter().map(one).collect()
}

fn due_tests<'a>(
    contact: &'a Contact,
    file: &CaseFile,
    grounds: &Grounds<'a>,
) -> impl Iterator<Item = DueTest<'a>> + use<'a> {
    overdue::due_tests(contact, matching::kind_now(contact, file), grounds.rules)
}

/// Where the last of these records says that the person is, which counts for whom no swab says it.
fn registered(groups: &[&Membership]) -> Where {
    let last = groups.iter().rev().find(|membership| !membership.area.is_empty());
    last.map_or_else(Where::default, |membership| Where { area: membership.area.clone(), minute: 0 })
}

/// Where the person was swabbed last by what counts, of what is surely still held.
fn last_swabbed(grounds: &Grounds<'_>, held_from: Timestamp) -> Option<Where> {
    let Grounds { rows, names, .. } = *grounds;
    let last = |verdicts: &[Verdict]| {
        let known = verdicts.iter().filter(|verdict| minute_start(verdict.minute) >= held_from);
        known.map(|verdict| (verdict.minute, &names.areas[verdict.area as usize])).max()
    };
    let counted = || rows.iter().filter(|row| row.counts());
    let newest = counted().map(Row::minute).max()?;
    // Mostly the specimens of the newest minute tell: there may be very many others.
    let of_newest: BTreeSet<u64> = counted().filter(|row| row.minute() == newest).map(Row::specimen).collect();
    let mut verdicts = Vec::new();
    specimen::verdicts(rows.iter().filter(|row| of_newest.contains(&row.specimen())), names, &mut verdicts);
    if !verdicts.iter().any(|verdict| verdict.minute == newest) {
        specimen::verdicts(rows.iter(), names, &mut verdicts);
    }
    last(&verdicts).map(|(minute, area)| Where { area: area.clone(), minute })
}
