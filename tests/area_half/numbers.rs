//! Published numbers equal a recount, whatever the way there.

use crate::bench::Bench;
use crate::city::{Finding, Recount, Test, batch, random, recount, tests_of_somebody};
use prost::Message as _;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use std::sync::Arc;
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::record::Topic;
use swabstream::model::time::Day;
use swabstream::pipeline::formats::{CURRENT, Newer};
use swabstream::pipeline::half::Half as _;
use swabstream::policy::sample::sample_rules;
use swabstream::policy::{Rules, WINDOWS};
use swabstream::proto::v1::{AreaChanges, CellChange, GapChange, WindowNumbers};

pub fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

/// From before the border change of 2022-11-15 to after the merger of 2022-12-01.
fn first() -> Day {
    day("2022-11-01")
}

fn everybody(seed: u64) -> Vec<Vec<Test>> {
    let mut random = random(seed);
    (0..60).map(|_| tests_of_somebody(&mut random, first(), 40)).collect()
}

/// Reads one batch per change of a person; each change is (person, before, after).
fn read_all(
    bench: &mut Bench,
    rules: &Rules,
    changes: &[(usize, &[Test], &[Test])],
    mut commit: impl FnMut(&mut Bench),
) {
    for (seq, (person, before, after)) in (1..).zip(changes) {
        let outcome = bench.read(&batch(rules, *person as i32 % 2, seq, before, after));
        assert_eq!(outcome, Outcome::Used(End::ChangesApplied));
        commit(bench);
    }
}

fn counted(window: &WindowNumbers) -> Recount {
    [
        window.positive_tests,
        window.conclusive_tests,
        window.other_tests,
        window.people_positive.expect("all levels of the sample keep people"),
        window.people_tested.expect("all levels of the sample keep people"),
        window.cases,
    ]
}

/// Compares every area, day, purpose and window with a recount.
fn assert_recounted(bench: &Bench, rules: &Rules, people: &[Vec<Test>], last: Day) {
    let numbers = bench.numbers();
    let mut compared = 0;
    for area in &rules.areas.list {
        for end in (first().0 - 2..=last.0).map(Day) {
            let published = numbers.get(&format!("{}/{end}", area.code));
            for purpose in [None, Some(0), Some(1), Some(2)] {
                let name = purpose.map_or("", |at: usize| rules.deployment.purposes[at].as_str());
                let found = published.and_then(|all| all.purposes.iter().find(|numbers| numbers.purpose == name));
                for (at, days) in WINDOWS.into_iter().enumerate() {
                    let expected = recount(rules, people, &area.code, purpose, end, days);
                    let found = found.map_or([0; 6], |numbers| counted(&numbers.windows[at]));
                    assert_eq!(found, expected, "{} {name} {days} days to {end}", area.code);
                    compared += i32::from(expected != [0; 6]);
                }
            }
        }
    }
    assert!(compared > 1000, "only {compared} windows held anything");
    let beyond = numbers.values().find(|numbers| numbers.day > last.to_string());
    assert_eq!(beyond, None, "no window ends after today");
}

#[test]
fn every_window_of_every_area_and_purpose_equals_a_recount() {
    let rules = Arc::new(sample_rules());
    for seed in 0..4 {
        let people = everybody(seed);
        let mut bench = Bench::new(&rules);
        let changes: Vec<_> = people.iter().enumerate().map(|(at, tests)| (at, &[][..], tests.as_slice())).collect();
        read_all(&mut bench, &rules, &changes, |_| {});
        bench.commit(Some(first().plus(45)));
        assert_recounted(&bench, &rules, &people, first().plus(45));
    }
}

#[test]
fn corrections_and_passing_days_lead_to_the_same_numbers_as_the_last_word_alone() {
    let rules = Arc::new(sample_rules());
    for seed in 0..4 {
        let (early, last) = (everybody(seed), everybody(seed + 100));
        let mut changes: Vec<_> = early.iter().enumerate().map(|(at, tests)| (at, &[][..], tests.as_slice())).collect();
        changes.extend(early.iter().zip(&last).enumerate().map(|(at, (was, is))| (at, was.as_slice(), is.as_slice())));
        let mut bench = Bench::new(&rules);
        let mut today = first();
        let mut random = random(seed);
        read_all(&mut bench, &rules, &changes, |bench| {
            today = if random.random_bool(0.3) { today.plus(1).min(first().plus(45)) } else { today };
            if random.random_bool(0.5) {
                bench.commit(random.random_bool(0.9).then_some(today));
            }
        });
        bench.commit(Some(first().plus(45)));
        assert_recounted(&bench, &rules, &last, first().plus(45));
    }
}

#[test]
fn the_order_of_batches_does_not_matter() {
    let rules = Arc::new(sample_rules());
    let (early, last) = (everybody(1), everybody(2));
    let mut changes: Vec<_> = early.iter().enumerate().map(|(at, tests)| (at, &[][..], tests.as_slice())).collect();
    changes.extend(early.iter().zip(&last).enumerate().map(|(at, (was, is))| (at, was.as_slice(), is.as_slice())));
    let run = |seed| {
        let mut random = random(seed);
        let mut changes = changes.clone();
        changes.shuffle(&mut random);
        let mut bench = Bench::new(&rules);
        bench.commit(Some(first().plus(5)));
        read_all(&mut bench, &rules, &changes, |bench| {
            if random.random_bool(0.2) {
                bench.commit(Some(first().plus(20)));
            }
        });
        bench.commit(Some(first().plus(45)));
        let live: Vec<_> = live_alerts(&bench);
        (bench.numbers(), bench.tiers(), live)
    };
    let expected = run(0);
    assert!(!expected.2.is_empty() && expected.1.len() == 7, "tiers of both districts and all streets, and changes");
    for seed in 1..6 {
        assert!(run(seed) == expected, "seed {seed} ends differently");
    }
}

/// Live alerts: area, day, tiers before and after.
pub fn live_alerts(bench: &Bench) -> Vec<(String, String, String, String)> {
    let mut latest = std::collections::BTreeMap::new();
    for alert in bench.alerts() {
        latest.insert(alert.alert_id.clone(), alert);
    }
    let live = latest.into_values().filter(|alert| alert.state != 3);
    let mut live: Vec<_> =
        live.map(|alert| (alert.area, alert.first_day, alert.tier_before, alert.tier_after)).collect();
    live.sort();
    live
}

#[test]
fn what_is_withdrawn_was_never_there() {
    let rules = Arc::new(sample_rules());
    let people = everybody(3);
    let mut bench = Bench::new(&rules);
    let said = people.iter().enumerate().map(|(at, tests)| (at, &[][..], tests.as_slice()));
    let withdrawn = people.iter().enumerate().map(|(at, tests)| (at, tests.as_slice(), &[][..]));
    let changes: Vec<_> = said.chain(withdrawn).collect();
    read_all(&mut bench, &rules, &changes, |bench| drop(bench.commit(Some(first().plus(30)))));
    let mut silent = Bench::new(&rules);
    silent.commit(Some(first().plus(30)));
    assert!(bench.numbers().is_empty());
    assert_eq!(bench.tiers(), silent.tiers());
    assert!(live_alerts(&bench).is_empty() && !bench.alerts().is_empty());
    let cells = bench.half.sizes().into_iter().find(|(name, _)| *name == "area_cells");
    assert_eq!(cells, Some(("area_cells", 0)));
}

#[test]
fn nothing_is_published_before_everybody_published_the_time_and_all_of_it_then() {
    let rules = Arc::new(sample_rules());
    let test = Test { area: "D1S1", purpose: 0, day: first(), finding: Finding::Negative };
    let mut bench = Bench::new(&rules);
    bench.read(&batch(&rules, 0, 1, &[], std::slice::from_ref(&test)));
    assert!(bench.commit(None).is_empty());
    bench.commit(Some(first().plus(2)));
    let numbers = bench.numbers();
    let keys: Vec<_> = numbers.keys().filter(|key| key.starts_with("D1S1")).map(String::as_str).collect();
    assert_eq!(keys, ["D1S1/2022-11-01", "D1S1/2022-11-02", "D1S1/2022-11-03"]);
}

#[test]
fn only_windows_that_hold_the_changed_day_are_stated_again() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    bench.commit(Some(first().plus(40)));
    let test = Test { area: "D1S1", purpose: 0, day: first().plus(3), finding: Finding::Negative };
    bench.read(&batch(&rules, 0, 1, &[], &[test]));
    let outputs = bench.commit(Some(first().plus(40)));
    let keys = outputs.iter().filter(|output| output.topic == Topic::AreaPositivity).map(|output| &output.key);
    let street: Vec<_> = keys.filter(|key| key.starts_with(b"D1S1")).collect();
    assert_eq!(street.len(), 14);
    assert_eq!((street[0].as_slice(), street[13].as_slice()), (&b"D1S1/2022-11-04"[..], &b"D1S1/2022-11-17"[..]));
    assert!(bench.commit(Some(first().plus(40))).is_empty(), "nothing new, nothing said");
}

#[test]
fn days_no_number_needs_are_forgotten_and_their_numbers_taken_back() {
    let rules = Arc::new(sample_rules());
    let people = everybody(5);
    let mut bench = Bench::new(&rules);
    let changes: Vec<_> = people.iter().enumerate().map(|(at, tests)| (at, &[][..], tests.as_slice())).collect();
    read_all(&mut bench, &rules, &changes, |_| {});
    bench.commit(Some(first().plus(40)));
    assert!(!bench.numbers().is_empty());
    for later in (50..220).step_by(7) {
        bench.commit(Some(first().plus(later)));
    }
    assert_eq!(bench.numbers().len(), 0);
    assert!(bench.half.sizes().contains(&("area_cells", 0)));
    // Even the withdrawal of what was dropped finds nothing to take back.
    bench.read(&batch(&rules, 0, 1000, &people[0], &[]));
    bench.commit(Some(first().plus(220)));
    assert!(bench.half.sizes().contains(&("area_cells", 0)) && bench.numbers().is_empty());
}

#[test]
fn an_empty_denominator_has_no_ratio() {
    let rules = Arc::new(sample_rules());
    let test = Test { area: "D1S1", purpose: 1, day: first(), finding: Finding::Inconclusive };
    let mut bench = Bench::new(&rules);
    bench.read(&batch(&rules, 0, 1, &[], &[test]));
    bench.commit(Some(first()));
    let numbers = bench.numbers();
    let window = &numbers["D1S1/2022-11-01"].purposes[1].windows[0];
    assert_eq!((window.other_tests, window.conclusive_tests), (1, 0));
    assert_eq!((&window.tests_over_tests, &window.people_over_people), (&None, &None));
    assert_eq!((window.people_over_tests, window.cases_per_100k), (None, Some(0.0)));
}

#[test]
fn a_batch_that_cannot_be_used_is_set_aside_whole() {
    let rules = Arc::new(sample_rules());
    let good = batch(&rules, 0, 1, &[], &everybody(1)[0]);
    let with = |change: CellChange| AreaChanges { cells: vec![CellChange::default(), change], ..good.clone() };
    let bad_gap = GapChange { gap: 16, people: 1 };
    let bad = [
        AreaChanges { person_task: 3, ..good.clone() },
        AreaChanges { seq: 0, ..good.clone() },
        with(CellChange { area: 99, ..CellChange::default() }),
        with(CellChange { purpose: 4, ..CellChange::default() }),
        with(CellChange { day: i32::MAX, ..CellChange::default() }),
        with(CellChange { tested: vec![bad_gap], ..CellChange::default() }),
        with(CellChange { found_positive: vec![GapChange { gap: 0, people: 1 }], ..CellChange::default() }),
    ];
    let mut bench = Bench::new(&rules);
    for batch in &bad {
        assert_eq!(bench.read(batch), Outcome::Rejected(RejectCode::Malformed), "{batch:?}");
    }
    assert_eq!(bench.read_bytes(Some(b"\xff\xff")), Outcome::Rejected(RejectCode::Malformed));
    assert_eq!(bench.read_bytes(None), Outcome::Rejected(RejectCode::Tombstone));
    bench.commit(Some(first()));
    let dead = bench.outputs.iter().filter(|output| output.topic == Topic::DeadLetters).count();
    assert_eq!((dead, bench.numbers().len()), (bad.len() + 2, 0));
    assert!(bench.half.sizes().contains(&("area_cells", 0)));
}

#[test]
fn nothing_is_counted_of_a_batch_of_a_newer_version_and_it_is_not_set_aside() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    let batch = AreaChanges { format: CURRENT + 1, ..batch(&rules, 0, 1, &[], &everybody(1)[0]) };
    // With a field that is not known here, before the number of the format.
    let bytes = [&[0xa0, 0x06, 5][..], &batch.encode_to_vec()].concat();
    assert_eq!(bench.try_bytes(Some(&bytes)), Err(Newer { format: CURRENT + 1, newest: CURRENT }));
    bench.commit(Some(first()));
    assert!(bench.outputs.iter().all(|output| output.topic != Topic::DeadLetters));
    assert!(bench.half.sizes().contains(&("area_cells", 0)));
}

#[test]
#[should_panic(expected = "batch 1 of person task 0 came after batch 1")]
fn a_batch_that_comes_twice_stops_the_task() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    let batch = batch(&rules, 0, 1, &[], &everybody(1)[0]);
    bench.read(&batch);
    bench.read(&batch);
}
