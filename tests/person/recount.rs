//! The numbers of all areas, counted naively from everything that was sent: no state, no differences.

use std::collections::{BTreeMap, BTreeSet};
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::{EpisodeForm, Rules};
use swabstream::proto::v1::{AreaChanges, ContactRecord, ContactStatus, Finding, LabResult, ResultStatus};

/// Per area, first day of the registry's period, purpose ("" is the total), day and what is counted.
pub type Numbers = BTreeMap<(String, i32, String, i32, String), i64>;

type Swab = (i64, String, String);

/// The greatest version so far: rank, and the result unless it was moved away.
type Ranked = ((u32, i32, i32), Option<LabResult>);

/// Adds a message of signed changes.
pub fn add(numbers: &mut Numbers, changes: &AreaChanges) {
    assert!(!changes.cells.is_empty(), "nothing is sent when nothing changed");
    for cell in &changes.cells {
        let purpose = cell.purpose.checked_sub(1).map_or("", |at| &changes.purposes[at as usize]);
        let area = changes.areas[cell.area as usize].clone();
        let mut count = |what: String, number: i32| {
            bump(numbers, (area.clone(), cell.registry_from, purpose.to_owned(), cell.day, what), i64::from(number));
        };
        count("positive".into(), cell.positive);
        count("negative".into(), cell.negative);
        count("inconclusive".into(), cell.inconclusive);
        count("invalid".into(), cell.invalid);
        count("cases".into(), cell.cases);
        count("community".into(), cell.community_cases);
        cell.tested.iter().for_each(|change| count(format!("tested {}", change.gap), change.people));
        cell.found_positive.iter().for_each(|change| count(format!("found {}", change.gap), change.people));
    }
}

fn bump(numbers: &mut Numbers, key: (String, i32, String, i32, String), number: i64) {
    let sum = numbers.get(&key).copied().unwrap_or(0) + number;
    if sum == 0 {
        numbers.remove(&key);
    } else {
        numbers.insert(key, sum);
    }
}

/// Everything at once.
pub fn numbers(results: &[LabResult], contacts: &[ContactRecord], rules: &Rules) -> Numbers {
    let mut numbers = Numbers::new();
    for (person, specimens) in people(results) {
        let verdicts: Vec<(Swab, Finding)> = specimens.values().filter_map(|rows| verdict(rows)).collect();
        count_tests(&mut numbers, &verdicts, rules);
        count_people(&mut numbers, &verdicts, rules, Finding::Negative, "tested");
        count_people(&mut numbers, &verdicts, rules, Finding::Positive, "found");
        count_cases(&mut numbers, &person, &verdicts, contacts, rules);
    }
    numbers
}

/// Per person and specimen: standing results that count.
fn people(results: &[LabResult]) -> BTreeMap<String, BTreeMap<(String, String), Vec<LabResult>>> {
    // What a version does to (person, lab, result id), with its rank; a move outranks all of its revision.
    let mut standing: BTreeMap<(String, String, String), Ranked> = BTreeMap::new();
    let mut offer = |person: &str, result: &LabResult, rank, version: Option<LabResult>| {
        let held = standing.entry((person.into(), result.lab_id.clone(), result.result_id.clone()));
        let held = held.or_insert((rank, version.clone()));
        if rank > held.0 {
            *held = (rank, version);
        }
    };
    for result in results {
        offer(&result.person_id, result, (result.revision, result.status, result.finding), Some(result.clone()));
        if !result.previous_person_id.is_empty() && result.previous_person_id != result.person_id {
            offer(&result.previous_person_id, result, (result.revision, 9, 0), None);
        }
    }
    let mut people: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
    for (_, version) in standing.into_values() {
        let counts = |result: &LabResult| matches!(result.status(), ResultStatus::Final | ResultStatus::Corrected);
        let Some(result) = version.filter(counts) else { continue };
        let specimens: &mut BTreeMap<_, Vec<_>> = people.entry(result.person_id.clone()).or_default();
        specimens.entry((result.specimen_id.clone(), result.target.clone())).or_default().push(result);
    }
    people
}

fn verdict(rows: &[LabResult]) -> Option<(Swab, Finding)> {
    let finding = rows.iter().map(LabResult::finding).max()?;
    let swab = |row: &LabResult| (minute(row.collected_at.as_ref()), row.area.clone(), row.purpose.clone());
    rows.iter().filter(|row| row.finding() == finding).map(swab).min().map(|swab| (swab, finding))
}

fn minute(at: Option<&prost_types::Timestamp>) -> i64 {
    at.and_then(Timestamp::from_wire).expect("a time").minute()
}

fn day(rules: &Rules, minute: i64) -> i32 {
    rules.day(Timestamp(minute * 60_000)).0
}

/// The areas a place lies in, with the first day of each period that a window over the day may be read with.
fn nodes(rules: &Rules, area: &str, day: i32) -> BTreeSet<(u32, usize)> {
    let area = rules.areas.index(area).expect("a known area");
    let periods: BTreeSet<usize> = (day..day + 14).map(|day| rules.areas.period(Day(day))).collect();
    let of_period = |period| rules.areas.lineage(period, area).iter().map(move |node| (*node, period));
    periods.into_iter().flat_map(of_period).collect()
}

fn key(rules: &Rules, node: (u32, usize), purpose: &str, day: i32, what: String) -> (String, i32, String, i32, String) {
    let from = rules.areas.periods[node.1].0;
    (rules.areas.list[node.0 as usize].code.clone(), from, purpose.to_owned(), day, what)
}

fn count_tests(numbers: &mut Numbers, verdicts: &[(Swab, Finding)], rules: &Rules) {
    for ((minute, area, purpose), finding) in verdicts {
        let day = day(rules, *minute);
        let what = finding.as_str_name().trim_start_matches("FINDING_").to_lowercase();
        for node in nodes(rules, area, day) {
            bump(numbers, key(rules, node, purpose, day, what.clone()), 1);
        }
    }
}

/// Per area, period and purpose: the days with a finding of at least `least`, each by the gap to the next.
fn count_people(numbers: &mut Numbers, verdicts: &[(Swab, Finding)], rules: &Rules, least: Finding, what: &str) {
    let mut days: BTreeMap<(u32, usize, &str), BTreeSet<i32>> = BTreeMap::new();
    for ((minute, area, purpose), _) in verdicts.iter().filter(|(_, finding)| *finding >= least) {
        let area = rules.areas.index(area).expect("a known area");
        for period in 0..rules.areas.periods.len() {
            for node in rules.areas.lineage(period, area) {
                for purpose in ["", purpose] {
                    days.entry((*node, period, purpose)).or_default().insert(day(rules, *minute));
                }
            }
        }
    }
    for ((node, period, purpose), days) in days {
        for &day in &days {
            let readable = (day..day + 14).any(|day| rules.areas.period(Day(day)) == period);
            let gap = days.range(day + 1..).next().map_or(15, |next| (next - day).min(15));
            if readable {
                bump(numbers, key(rules, (node, period), purpose, day, format!("{what} {gap}")), 1);
            }
        }
    }
}

fn count_cases(
    numbers: &mut Numbers,
    person: &str,
    verdicts: &[(Swab, Finding)],
    contacts: &[ContactRecord],
    rules: &Rules,
) {
    let mut positives: Vec<&Swab> = Vec::new();
    positives.extend(verdicts.iter().filter(|(_, finding)| *finding == Finding::Positive).map(|(swab, _)| swab));
    positives.sort();
    let mut anchor = None;
    for swab in positives {
        let (minute, area, purpose) = swab;
        let day = day(rules, *minute);
        let policy = rules.case_policy(Day(day));
        if anchor.is_some_and(|anchor| day - anchor <= policy.episode_gap_days) {
            if policy.episode_form == EpisodeForm::FromLastPositive {
                anchor = Some(day);
            }
            continue;
        }
        anchor = Some(day);
        for node in nodes(rules, area, day) {
            bump(numbers, key(rules, node, purpose, day, "cases".into()), 1);
            if !is_managed(person, *minute, contacts) {
                bump(numbers, key(rules, node, purpose, day, "community".into()), 1);
            }
        }
    }
}

fn is_managed(person: &str, minute: i64, contacts: &[ContactRecord]) -> bool {
    let mut standing: BTreeMap<&str, &ContactRecord> = BTreeMap::new();
    for contact in contacts.iter().filter(|contact| contact.person_id == person) {
        let held = standing.entry(&contact.record_id).or_insert(contact);
        if (contact.revision, contact.status) > (held.revision, held.status) {
            *held = contact;
        }
    }
    let at = |time: &Option<prost_types::Timestamp>| time.as_ref().and_then(Timestamp::from_wire).expect("a time");
    standing.values().any(|contact| {
        let now = Timestamp(minute * 60_000);
        let holds = contact
            .order
            .as_ref()
            .is_some_and(|order| at(&order.from).max(at(&order.ordered_at)) <= now && now <= at(&order.to));
        contact.status() == ContactStatus::Active && holds
    })
}
