//! Tiers, their alerts and what new rules do.

use crate::bench::Bench;
use crate::city::{Finding, Test, batch, caused};
use crate::numbers::{day, live_alerts};
use std::sync::Arc;
use swabstream::model::cell::{Tallies, Tally};
use swabstream::model::record::Topic;
use swabstream::model::time::Day;
use swabstream::pipeline::area::positivity::period;
use swabstream::pipeline::area::tier::Subject;
use swabstream::pipeline::half::Half as _;
use swabstream::policy::sample::{chongqing_rules, sample_rules};
use swabstream::policy::{CleanDayStep, Measure, MeasureKind, Rules, Threshold, TierEngine, TierPolicy, TierSeverity};
use swabstream::proto::v1::{Alert, AlertState, AreaChanges, CauseKind, Severity};
use swabstream::state::area::cell::{Cell, CellKey};
use swabstream::state::area::series::Series;

pub fn positive(area: &'static str, on: Day) -> Test {
    Test { area, purpose: 0, day: on, finding: Finding::Positive }
}

fn negative(area: &'static str, on: Day) -> Test {
    Test { finding: Finding::Negative, ..positive(area, on) }
}

pub fn policy(name: &str, levels: &[u8], tiers: &[&str], engine: TierEngine) -> TierPolicy {
    TierPolicy {
        id: name.to_owned(),
        version: "1".to_owned(),
        effective_from: day("2020-01-01"),
        effective_until: None,
        target: 0,
        levels: levels.to_vec(),
        tiers: tiers.iter().map(|tier| (*tier).to_owned()).collect(),
        community_only: false,
        engine,
        severity: TierSeverity::default(),
    }
}

/// The bands of the CDC's community transmission, February 2021.
fn cdc() -> TierPolicy {
    let measure = |kind, lower_bounds: [f64; 3]| Measure {
        kind,
        window_days: 7,
        lower_bounds: lower_bounds.to_vec(),
        least_denominator: 0,
    };
    let measures = vec![
        measure(MeasureKind::CasesPer100k, [10.0, 50.0, 100.0]),
        measure(MeasureKind::TestsOverTests, [0.05, 0.08, 0.10]),
    ];
    policy(
        "cdc",
        &[1],
        &["low", "moderate", "substantial", "high"],
        TierEngine::Threshold(Threshold { measures, rise_days: 1, fall_days: 1 }),
    )
}

pub fn with_tiers(tiers: Vec<TierPolicy>, digest: &str) -> Arc<Rules> {
    let mut rules = sample_rules();
    (rules.tiers, rules.digest) = (tiers, digest.to_owned());
    Arc::new(rules)
}

/// The sample's rules, by which one test may decide.
fn sample_of_any_denominator() -> Rules {
    let mut rules = sample_rules();
    for policy in &mut rules.tiers {
        if let TierEngine::Threshold(engine) = &mut policy.engine {
            engine.measures.iter_mut().for_each(|measure| measure.least_denominator = 0);
        }
    }
    rules
}

pub fn tallies(cases: i32, positive: i32, negative: i32) -> Tallies {
    let mut tallies = Tallies::default();
    (tallies[Tally::Cases], tallies[Tally::Positive], tallies[Tally::Negative]) = (cases, positive, negative);
    tallies
}

/// A series of one area with cells of one purpose.
pub fn series(rules: &Rules, code: &str, cells: &[(Day, Tallies)]) -> Series {
    let key = |day| CellKey { period: period(rules, day), day, purpose: 1 };
    let cells = cells.iter().map(|(day, tallies)| (key(*day), Cell { tallies: *tallies, people: None }));
    Series { code: code.to_owned(), cells: cells.collect(), ..Series::default() }
}

#[test]
fn thresholds_give_the_published_levels_of_counties() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/tier/cdc_community_transmission_states_a.csv");
    let Ok(mut reader) = csv::Reader::from_path(path) else {
        println!("skipped: {path} is not there");
        return;
    };
    let mut rules = sample_rules();
    rules.tiers = vec![cdc()];
    let district = rules.areas.index("D1").expect("in the sample") as usize;
    // Published rates have three decimals, published percentages two: so many people and tests make them whole.
    rules.areas.list[district].facts[0].population = 100_000_000;
    let (mut compared, mut suppressed, mut by_positivity) = (0, 0, 0);
    for row in reader.records() {
        let row = row.expect("a row");
        let (rate, percent, published) = (&row[4], &row[5], &row[6]);
        let Ok(rate) = rate.parse::<f64>() else {
            assert_eq!(rate, "suppressed");
            suppressed += 1;
            continue;
        };
        let cases = (rate * 1000.0).round() as i32;
        let found = percent.parse::<f64>().ok().map(|percent| (percent * 100.0).round() as i32);
        let negative = found.map_or(0, |found| 10_000 - found);
        let tallies = tallies(cases, found.unwrap_or(0), negative);
        let on = day("2021-11-05");
        let series = series(&rules, "D1", &[(on, tallies)]);
        let decision = Subject::new(&rules, &series).and_then(|subject| subject.decide(on.plus(6)));
        let decision = decision.expect("the rate alone decides");
        assert_eq!(decision.tier(), published, "{} {}", &row[0], &row[1]);
        compared += 1;
        by_positivity += i32::from(!decision.reasons[0].decided);
    }
    assert_eq!((compared, suppressed, by_positivity), (2615, 595, 116));
}

#[test]
fn a_bound_belongs_to_the_graver_tier() {
    let mut rules = sample_rules();
    rules.tiers = vec![cdc()];
    let on = day("2022-11-01");
    for (cases, positive, negative, tier) in [
        (3, 0, 1, "low"),       // 7.5 per 100,000 of 40,000
        (4, 0, 1, "moderate"),  // 10
        (19, 0, 1, "moderate"), // 47.5
        (20, 0, 1, "substantial"),
        (40, 0, 1, "high"),
        (0, 1, 19, "moderate"),    // 5 %
        (0, 2, 23, "substantial"), // 8 %
        (0, 1, 9, "high"),         // 10 %
    ] {
        let series = series(&rules, "D1", &[(on, tallies(cases, positive, negative))]);
        let decision = Subject::new(&rules, &series).and_then(|subject| subject.decide(on)).expect("decided");
        assert_eq!(decision.tier(), tier, "{cases} cases, {positive} of {}", positive + negative);
    }
}

#[test]
fn two_tests_make_no_area_high() {
    let on = day("2022-11-01");
    let decided = |rules: &Rules, district: &str, positive, negative| {
        let series = series(rules, district, &[(on, tallies(positive, positive, negative))]);
        let subject = Subject::new(rules, &series).expect("in the registry");
        let decision = subject.decide(on).expect("the cases decide");
        (decision.tier().to_owned(), decision.reasons)
    };
    for (rules, district) in [(sample_rules(), "D1"), (chongqing_rules(), "500103")] {
        let (tier, reasons) = decided(&rules, district, 2, 0);
        assert_eq!(tier, "low", "{district}: two positives of two tests");
        let share = &reasons[1];
        assert_eq!((share.measure.as_str(), share.numerator, share.denominator), ("tests_over_tests", 2, 2));
        assert_eq!((share.value, share.tier.as_str(), share.decided, share.below_least), (None, "", false, true));
        let least = share.least_denominator as i32;
        assert!(least > 2, "{district}: the shipped policy states a least number");
        let (tier, reasons) = decided(&rules, district, 0, least - 1);
        assert!(tier == "low" && reasons[1].below_least && reasons[1].value.is_none());
        let (_, reasons) = decided(&rules, district, 2, least - 2);
        assert_eq!((reasons[1].below_least, reasons[1].value), (false, Some(2.0 / f64::from(least))));
    }
}

#[test]
fn too_few_tests_alone_decide_nothing() {
    let mut rules = sample_rules();
    let mut policy = cdc();
    let TierEngine::Threshold(engine) = &mut policy.engine else { panic!("it has bands") };
    engine.measures.remove(0);
    engine.measures[0].least_denominator = 3;
    rules.tiers = vec![policy];
    let on = day("2022-11-01");
    let series = series(&rules, "D1", &[(on, tallies(0, 2, 0))]);
    let subject = Subject::new(&rules, &series).expect("in the registry");
    assert_eq!(subject.decide(on), None, "what is unknown is never called mild, nor high");
}

#[test]
fn thresholds_step_down_when_days_leave_the_window() {
    let mut rules = sample_rules();
    rules.tiers = vec![cdc()];
    let on = day("2022-11-01");
    let series = series(&rules, "D1", &[(on, tallies(30, 0, 0)), (on.plus(2), tallies(15, 0, 0))]);
    let subject = Subject::new(&rules, &series).expect("in the registry");
    let today = on.plus(3);
    let decision = subject.decide(today).expect("decided");
    assert_eq!((decision.tier(), decision.reasons[0].numerator), ("high", 45));
    let step_down = subject.earliest_step_down(&decision, today);
    assert_eq!(step_down, Some(on.plus(7)));
    assert_eq!(subject.decide(on.plus(7)).expect("decided").tier(), "moderate");
}

#[test]
fn what_is_unknown_is_not_called_mild() {
    let mut rules = sample_rules();
    rules.tiers = vec![cdc()];
    let district = rules.areas.index("D1").expect("in the sample") as usize;
    rules.areas.list[district].facts[0].population = 0;
    let series = series(&rules, "D1", &[]);
    let subject = Subject::new(&rules, &series).expect("in the registry");
    assert_eq!(subject.decide(day("2022-11-01")), None);
}

/// Reads a batch and commits on a day.
pub fn say(bench: &mut Bench, rules: &Rules, seq: u64, (before, after): (&[Test], &[Test]), today: Day) {
    bench.read(&batch(rules, 0, seq, before, after));
    bench.commit(Some(today));
}

#[test]
fn clean_days_lead_down_step_by_step() {
    let rules = Arc::new(sample_rules());
    let on = day("2022-11-01");
    let mut bench = Bench::new(&rules);
    bench.commit(Some(on.plus(-1)));
    assert_eq!(bench.tiers()["D1S1"].tier, "low");
    assert!(bench.alerts().is_empty(), "the mildest tier is no news");
    say(&mut bench, &rules, 1, (&[], &[positive("D1S1", on)]), on);
    for (age, tier, step_down) in
        [(0, "high", 8), (7, "high", 8), (8, "medium", 11), (10, "medium", 11), (11, "low", 0)]
    {
        bench.commit(Some(on.plus(age)));
        let published = &bench.tiers()["D1S1"];
        let step_down = if step_down > 0 { on.plus(step_down).to_string() } else { String::new() };
        assert_eq!((published.tier.as_str(), &published.earliest_step_down), (tier, &step_down), "{age} days after");
        assert_eq!(published.day, on.plus(age).to_string());
    }
    let street: Vec<_> = live_alerts(&bench).into_iter().filter(|(area, ..)| area == "D1S1").collect();
    let change = |after, from: &str, to: &str| ("D1S1".to_owned(), on.plus(after).to_string(), from.into(), to.into());
    assert_eq!(street, [change(0, "low", "high"), change(8, "high", "medium"), change(11, "medium", "low")]);
}

#[test]
fn a_case_under_management_leaves_a_community_tier_alone() {
    let rules = Arc::new(sample_of_any_denominator());
    let on = day("2022-11-01");
    let mut managed = batch(&rules, 0, 1, &[], &[positive("D1S1", on)]);
    managed.cells.iter_mut().for_each(|cell| cell.community_cases = 0);
    let mut bench = Bench::new(&rules);
    bench.read(&managed);
    bench.commit(Some(on));
    let tiers = bench.tiers();
    assert_eq!((tiers["D1S1"].tier.as_str(), tiers["D1S1"].reasons[0].measure.as_str()), ("low", "community_cases"));
    assert_eq!(tiers["D1"].tier, "high", "the district's policy counts every case");
}

#[test]
fn a_case_counts_on_when_the_registry_changes_after_it() {
    // 14 clean days look further back than any registry period knows of a case.
    let steps = vec![CleanDayStep { rank: 1, clean_days: 14, next: 0 }];
    let rules = with_tiers(vec![policy("long", &[2], &["low", "high"], TierEngine::CleanDay(steps))], "long");
    let on = day("2022-11-01"); // the hierarchy changes on 2022-11-15, 14 days later
    let mut bench = Bench::new(&rules);
    say(&mut bench, &rules, 1, (&[], &[positive("D2S2", on)]), on);
    for (age, tier) in [(13, "high"), (14, "high"), (15, "low")] {
        bench.commit(Some(on.plus(age)));
        assert_eq!(bench.tiers()["D2S2"].tier, tier, "{age} days after");
    }
}

#[test]
fn an_alert_has_a_legal_history() {
    let rules = with_tiers(vec![cdc()], "cdc");
    let on = day("2022-11-01");
    let cleared = [negative("D1S1", on)];
    let mut bench = Bench::new(&rules);
    bench.commit(Some(on.plus(-1)));
    let crowd = |cases: usize| -> AreaChanges {
        let mut batch = batch(&rules, 1, cases as u64, &[], &[positive("D1S1", on)]);
        let grow = |count: &mut i32| *count *= cases as i32;
        batch.cells.iter_mut().for_each(|cell| {
            grow(&mut cell.cases);
            grow(&mut cell.positive);
        });
        batch
    };
    // 5 negatives first, so that positivity stays moderate at most: 4 cases of 40,000 are 10 per 100,000.
    for seq in 1..=5 {
        say(&mut bench, &rules, seq, (&[], &[negative("D1S1", on), negative("D1S1", on), negative("D1S2", on)]), on);
    }
    assert!(bench.alerts().is_empty());
    bench.read(&crowd(4));
    bench.commit(Some(on));
    bench.read(&crowd(40));
    bench.commit(Some(on));
    bench.commit(Some(on));
    let district: Vec<_> = bench.alerts().into_iter().filter(|alert| alert.area == "D1").collect();
    let states: Vec<_> = district.iter().map(|alert| (alert.version, alert.state, alert.tier_after.as_str())).collect();
    assert_eq!(states[0], (1, 1, "high"), "4 of 19 tests are positive");
    assert_eq!(states.len(), 1, "high stays high: {states:?}");
    assert_eq!((district[0].severity(), district[0].historic), (Severity::High, false));
    assert_eq!(district[0].alert_id.len(), 32);
    // The lab corrects itself, after midnight: the alert of its day is withdrawn, none is raised instead.
    for (seq, cases) in [(101, 4), (102, 40)] {
        let mut correction = crowd(cases);
        correction.seq = seq;
        correction.cells.iter_mut().for_each(|cell| {
            for count in [&mut cell.positive, &mut cell.cases, &mut cell.community_cases] {
                *count = -*count;
            }
        });
        bench.read(&correction);
        bench.commit(Some(on.plus(1)));
    }
    let district: Vec<_> = bench.alerts().into_iter().filter(|alert| alert.area == "D1").collect();
    let states: Vec<_> = district.iter().map(|alert| (alert.version, alert.state, alert.first_day.as_str())).collect();
    assert_eq!(states, [(1, 1, "2022-11-01"), (2, 3, "2022-11-01")]);
    let causes = &district[1].causes;
    assert_eq!(causes.iter().map(|cause| cause.state).collect::<Vec<_>>(), [1, 3]);
    assert!(causes.iter().all(|cause| cause.kind() == CauseKind::Area && cause.origin.is_some()));
    // Found again, late: the same alert holds again, for the record only.
    say(&mut bench, &rules, 200, (&cleared, &[positive("D1S1", on)]), on.plus(4));
    let last = bench.alerts().pop().expect("an alert");
    assert_eq!((last.version, last.state, last.historic, last.severity()), (3, 1, true, Severity::Info));
    assert_eq!(last.alert_id, district[0].alert_id);
}

/// Area and day of an alert about a tier, its state, and where what is behind it lies.
type Named = (String, String, AlertState, String, i64);

fn newly_named(bench: &Bench, from: usize) -> Vec<Named> {
    let named = |alert: Alert| {
        let cause = alert.causes.last().expect("every state has a cause").clone();
        let origin = cause.origin.clone().unwrap_or_default();
        (alert.area, alert.first_day, cause.state(), origin.topic, origin.offset)
    };
    let mut all: Vec<Named> = bench.alerts().into_iter().skip(from).map(named).collect();
    all.sort();
    all
}

#[test]
fn an_alert_about_a_tier_names_the_record_behind_it() {
    use AlertState::{Raised, Withdrawn};
    let rules = Arc::new(sample_of_any_denominator());
    let (early, on) = (day("2022-10-30"), day("2022-11-01"));
    let (first, second) = ([positive("D1S2", early)], [positive("D2S1", on)]);
    let mut bench = Bench::new(&rules);
    let named = |area: &str, on: Day, state, topic: &str, offset| {
        (area.to_owned(), on.to_string(), state, topic.to_owned(), offset)
    };
    // Also when it could not be published at once, as the time was not known yet.
    bench.read(&caused(batch(&rules, 0, 1, &[], &first), 41));
    bench.read(&caused(batch(&rules, 0, 2, &[], &second), 42));
    bench.commit(None);
    bench.commit(Some(on));
    let raised = [
        named("D1", early, Raised, "lab-results", 41),
        named("D1S2", early, Raised, "lab-results", 41),
        named("D2", on, Raised, "lab-results", 42),
        named("D2S1", on, Raised, "lab-results", 42),
    ];
    assert_eq!(newly_named(&bench, 0), raised);
    // What plain negatives do is named by their batch: they are too many.
    bench.read(&batch(&rules, 0, 3, &[], &vec![negative("D1S2", early); 40]));
    bench.commit(Some(on));
    assert_eq!(newly_named(&bench, 4), [named("D1", early, Withdrawn, "area-changes", 2)]);
    // Two records of one commit: each day names its own, and the later day the newest up to it.
    bench.read(&caused(batch(&rules, 0, 4, &second, &[]), 43));
    bench.read(&caused(batch(&rules, 0, 5, &first, &[positive("D1S2", on)]), 44));
    bench.commit(Some(on));
    let changed = [
        named("D1S2", early, Withdrawn, "lab-results", 44),
        named("D1S2", on, Raised, "lab-results", 44),
        named("D2", on, Withdrawn, "lab-results", 43),
        named("D2S1", on, Withdrawn, "lab-results", 43),
    ];
    assert_eq!(newly_named(&bench, 5), changed);
    // A milder tier after days without a case is the doing of time alone.
    bench.commit(Some(on.plus(8)));
    let milder = newly_named(&bench, 9);
    assert!(milder.iter().all(|(.., topic, offset)| topic.is_empty() && *offset == 0), "{milder:?}");
    assert!(!milder.is_empty());
}

#[test]
fn a_tier_is_said_again_only_when_something_in_it_changed() {
    let rules = Arc::new(sample_rules());
    let on = day("2022-11-01");
    let mut bench = Bench::new(&rules);
    bench.commit(Some(on));
    say(&mut bench, &rules, 1, (&[], &[negative("D1S1", on)]), on);
    let said = |bench: &Bench, area: &str| {
        let tiers = bench.outputs.iter().filter(|output| output.topic == Topic::AreaTiers);
        tiers.filter(|output| output.key == area.as_bytes()).count()
    };
    assert_eq!((said(&bench, "D1S1"), said(&bench, "D1"), said(&bench, "D2")), (1, 2, 1));
    bench.commit(Some(on.plus(1)));
    assert_eq!((said(&bench, "D1S1"), said(&bench, "D1"), said(&bench, "D2")), (2, 3, 2));
}

#[test]
fn rules_that_go_before_anything_was_published_are_distinguished_from_those_that_follow() {
    let first = Arc::new(sample_rules());
    let between = {
        let mut rules = sample_rules();
        let district = rules.areas.index("D1").expect("in the sample") as usize;
        rules.areas.list[district].facts[0].population = 80_000;
        rules.digest = "between".to_owned();
        Arc::new(rules)
    };
    let on = day("2022-11-01");
    let mut bench = Bench::new(&first);
    bench.read(&batch(&first, 0, 1, &[], &[negative("D1S1", on)]));
    bench.commit(None);
    bench.adopt(&between);
    bench.commit(Some(on));
    let population = |bench: &Bench| bench.numbers()["D1/2022-11-01"].population;
    assert_eq!(population(&bench), 80_000);
    bench.adopt(&first);
    bench.commit(Some(on));
    assert_eq!(population(&bench), 40_000, "what was published by other rules is stated again");
}

#[test]
fn new_rules_decide_again_what_was_said_before_days_went_by() {
    let rules = Arc::new(sample_rules());
    let on = day("2022-11-01");
    let mut bench = Bench::new(&rules);
    bench.commit(Some(on.plus(-1)));
    say(&mut bench, &rules, 1, (&[], &[positive("D1S1", on)]), on);
    let strict = {
        let steps = vec![CleanDayStep { rank: 1, clean_days: 5, next: 0 }];
        let mut rules = sample_rules();
        rules.tiers = vec![policy("strict", &[2], &["low", "locked"], TierEngine::CleanDay(steps))];
        rules.digest = "strict".to_owned();
        Arc::new(rules)
    };
    bench.adopt(&strict);
    bench.commit(Some(on.plus(40)));
    let alert = bench.alerts().into_iter().rfind(|alert| alert.first_day == on.to_string() && alert.area == "D1S1");
    assert_eq!(alert.expect("the case raised it").tier_after, "locked");
}

#[test]
fn new_rules_decide_again_and_say_that_they_did() {
    let rules = Arc::new(sample_rules());
    let on = day("2022-11-01");
    let mut bench = Bench::new(&rules);
    bench.commit(Some(on.plus(-1)));
    say(&mut bench, &rules, 1, (&[], &[negative("D1S1", on), positive("D1S1", on)]), on);
    let numbers = bench.numbers();
    let strict = {
        let steps = vec![CleanDayStep { rank: 1, clean_days: 5, next: 0 }];
        let mut rules = sample_rules();
        rules.tiers = vec![policy("strict", &[2], &["low", "locked"], TierEngine::CleanDay(steps))];
        let district = rules.areas.index("D1").expect("in the sample") as usize;
        rules.areas.list[district].facts[0].population = 80_000;
        rules.digest = "strict".to_owned();
        Arc::new(rules)
    };
    bench.adopt(&strict);
    assert_eq!(bench.half.rules_digest(), "strict");
    let outputs = bench.commit(Some(on));
    let keys =
        outputs.iter().filter(|output| output.topic == Topic::AreaPositivity).map(|output| output.key.as_slice());
    assert!(keys.eq([b"D1/2022-11-01".as_slice()]), "only the district's population changed");
    let rate = |numbers: &std::collections::BTreeMap<String, swabstream::proto::v1::AreaPositivity>| {
        numbers["D1/2022-11-01"].purposes[0].windows[0].cases_per_100k
    };
    assert_eq!((rate(&numbers), rate(&bench.numbers())), (Some(2.5), Some(1.25)));
    let tiers = bench.tiers();
    assert_eq!((tiers["D1S1"].tier.as_str(), tiers.get("D1")), ("locked", None), "no policy, no tier");
    let alert = bench.alerts().into_iter().rfind(|alert| alert.area == "D1S1").expect("an alert");
    assert_eq!((alert.version, alert.state, alert.tier_after.as_str()), (2, 2, "locked"));
    assert_eq!(alert.causes[1].kind(), CauseKind::Rules);
}
