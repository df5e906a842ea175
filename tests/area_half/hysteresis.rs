//! Tiers that follow from several days: published rules, what a late result changes, when a tier steps down.

use crate::bench::Bench;
use crate::city::{Finding, Test, batch};
use crate::numbers::{day, live_alerts};
use crate::tiers::{policy, positive, series, tallies, with_tiers};
use std::path::Path;
use std::sync::Arc;
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::area::tier::Subject;
use swabstream::pipeline::area::tier::published::Published;
use swabstream::pipeline::half::Half as _;
use swabstream::pipeline::times::Times;
use swabstream::policy::sample::sample_rules;
use swabstream::policy::source::{self, SourceFile};
use swabstream::policy::{Measure, MeasureKind, Rules, Threshold, TierEngine, TierPolicy};
use swabstream::proto::v1::{AreaTier, MeasuredDays};

/// One case a day makes a district high, on days enough in a row.
fn by_cases(rise_days: i32, fall_days: i32) -> TierPolicy {
    by(MeasureKind::CasesPer100k, 0, rise_days, fall_days)
}

fn by(kind: MeasureKind, least_denominator: i64, rise_days: i32, fall_days: i32) -> TierPolicy {
    let measures = vec![Measure { kind, window_days: 1, lower_bounds: vec![0.5], least_denominator }];
    let engine = TierEngine::Threshold(Threshold { measures, rise_days, fall_days });
    policy("rows", &[1], &["low", "high"], engine)
}

/// Changes of a district's tier: day, from, to.
fn changes(bench: &Bench) -> Vec<(String, String, String)> {
    let of_district = live_alerts(bench).into_iter().filter(|(area, ..)| area == "D1");
    of_district.map(|(_, day, before, after)| (day, before, after)).collect()
}

fn change(on: Day, before: &str, after: &str) -> (String, String, String) {
    (on.to_string(), before.to_owned(), after.to_owned())
}

fn case(on: Day) -> [Test; 1] {
    [positive("D1S1", on)]
}

#[test]
fn a_district_rises_and_falls_after_days_in_a_row_and_says_so_day_by_day() {
    let rules = with_tiers(vec![by_cases(3, 5)], "3-5");
    let on = day("2022-10-10");
    let mut bench = Bench::new(&rules);
    bench.commit(Some(on.plus(-1)));
    // The last of these breaks the way down.
    let mut cases = [0, 1, 2, 5].into_iter().peekable();
    for at in 0..14 {
        if let Some(seq) = cases.next_if_eq(&at) {
            bench.read(&batch(&rules, 0, seq as u64 + 1, &[], &case(on.plus(at))));
        }
        bench.commit(Some(on.plus(at)));
        let tier = &bench.tiers()["D1"];
        let high = (2..11).contains(&at);
        assert_eq!(tier.tier, if high { "high" } else { "low" }, "{at} days on");
        // As far as is known by then: when five days after the last case are over.
        let step_down = if at < 5 { on.plus(8) } else { on.plus(11) };
        assert_eq!(tier.earliest_step_down, if high { step_down.to_string() } else { String::new() }, "{at} days on");
        let alone_says_so = tier.reasons[0].tier == tier.tier;
        assert_eq!(tier.reasons[0].decided, alone_says_so, "{at} days on: a day that others overrule decides nothing");
    }
    assert_eq!(changes(&bench), [change(on.plus(2), "low", "high"), change(on.plus(11), "high", "low")]);
    let said = bench.tiers()["D1"].hysteresis.clone().expect("more than one day decides");
    assert_eq!((said.rise_days, said.fall_days), (3, 5));
    let stretch = |first: i32, last: i32, tier: &str| MeasuredDays {
        first_day: on.plus(first).to_string(),
        last_day: on.plus(last).to_string(),
        tier: tier.to_owned(),
    };
    // Two weeks, the row of days that a fall before them took, and as many as may be without a value.
    let expected = [(-24, -1, "low"), (0, 2, "high"), (3, 4, "low"), (5, 5, "high"), (6, 13, "low")];
    assert_eq!(said.days, expected.map(|(first, last, tier)| stretch(first, last, tier)));
}

#[test]
fn a_late_result_changes_the_tiers_of_days_after_it_in_any_order() {
    let rules = with_tiers(vec![by_cases(3, 5)], "3-5");
    let on = day("2022-10-10");
    let today = on.plus(12);
    let read = |bench: &mut Bench, at: i32| {
        bench.read(&batch(&rules, 0, bench.offset as u64 + 1, &[], &case(on.plus(at))));
        bench.commit(Some(today));
    };
    let mut bench = Bench::new(&rules);
    bench.commit(Some(on.plus(-1)));
    [0, 2].into_iter().for_each(|at| read(&mut bench, at));
    assert_eq!(changes(&bench), [], "two days of three");
    read(&mut bench, 1);
    let all = [change(on.plus(2), "low", "high"), change(on.plus(8), "high", "low")];
    assert_eq!(changes(&bench), all, "the day between makes three in a row, and five more end them");
    let tier = bench.tiers()["D1"].clone();
    for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut other = Bench::new(&rules);
        order.into_iter().for_each(|at| read(&mut other, at));
        assert_eq!((changes(&other), &other.tiers()["D1"]), (all.to_vec(), &tier), "{order:?}");
    }
    // Taken back, it was never there.
    bench.read(&batch(&rules, 0, bench.offset as u64 + 1, &case(on.plus(1)), &[]));
    bench.commit(Some(today));
    assert_eq!(changes(&bench), []);
}

#[test]
fn a_tier_holds_over_days_without_a_value_as_far_as_the_policy_looks() {
    let rules = with_tiers(vec![by(MeasureKind::TestsOverTests, 3, 1, 3)], "shares");
    let on = day("2022-10-10");
    let tier_of = |days: &[(i32, i32, i32)], at: i32| {
        let cells: Vec<_> = days.iter().map(|(at, found, not)| (on.plus(*at), tallies(0, *found, *not))).collect();
        let series = series(&rules, "D1", &cells);
        let subject = Subject::new(&rules, &series).expect("in the registry");
        subject.decide(on.plus(at)).map(|decision| decision.tier().to_owned())
    };
    // Two weeks, as many again that may have no value, and the three days and two more that a fall takes.
    for (at, tier) in [(1, Some("high")), (33, Some("high")), (34, None)] {
        assert_eq!(tier_of(&[(0, 3, 0)], at).as_deref(), tier, "{at} days after the last value");
    }
    // Two tests are no value: they are no day on the way down.
    let days = [(0, 3, 0), (1, 0, 9), (2, 0, 2), (3, 0, 9), (4, 0, 9), (5, 0, 9)];
    for (at, tier) in [(3, "high"), (4, "high"), (5, "low")] {
        assert_eq!(tier_of(&days, at).as_deref(), Some(tier), "on day {at}");
    }
}

#[test]
fn a_new_version_of_a_policy_decides_by_itself_from_its_first_day_on() {
    let on = day("2022-10-10");
    let begins = on.plus(4);
    let old = TierPolicy { effective_until: Some(begins), ..by_cases(1, 9) };
    let new = TierPolicy { version: "2".to_owned(), effective_from: begins, ..by_cases(1, 2) };
    let rules = with_tiers(vec![old, new], "versions");
    let series = series(&rules, "D1", &[(on, tallies(1, 1, 0))]);
    let subject = Subject::new(&rules, &series).expect("in the registry");
    let eve = subject.decide(begins.plus(-1)).expect("decided");
    assert_eq!((eve.tier(), eve.policy.version.as_str()), ("high", "1"));
    let step_down = subject.earliest_step_down(&eve, begins.plus(-1));
    assert_eq!(step_down, None, "another version decides before nine days are over");
    let first = subject.decide(begins).expect("decided");
    assert_eq!((first.tier(), first.policy.version.as_str()), ("low", "2"), "its two days lie behind");
}

#[test]
fn a_policy_that_comes_to_ask_for_days_in_a_row_ends_as_if_it_always_had() {
    let [one, rows] =
        [(1, 1), (3, 5)].map(|(rise, fall)| with_tiers(vec![by_cases(rise, fall)], &format!("{rise}-{fall}")));
    let on = day("2022-10-10");
    let today = on.plus(20);
    let say = |bench: &mut Bench| {
        for at in [0, 1, 2, 5, 8, 14] {
            bench.read(&batch(&one, 0, at as u64 + 1, &[], &case(on.plus(at))));
            bench.commit(Some(on.plus(at)));
        }
        bench.commit(Some(today));
    };
    let (mut always, mut since) = (Bench::new(&rows), Bench::new(&one));
    say(&mut always);
    say(&mut since);
    assert_eq!(changes(&always), [change(on.plus(2), "low", "high"), change(on.plus(14), "high", "low")]);
    assert_eq!(changes(&since).len(), 8, "it flapped");
    since.adopt(&rows);
    since.commit(Some(today));
    assert_eq!((changes(&since), since.tiers()), (changes(&always), always.tiers()));
}

/// A person task stands still since the second day, and an operator lets days close without it.
#[test]
fn while_something_is_missing_days_in_a_row_bring_nothing_down() {
    let rules = with_tiers(vec![by_cases(2, 3)], "2-3");
    let on = day("2022-10-10");
    let noon = |at: i32| Timestamp(i64::from(on.plus(at).0) * 86_400_000 + 4 * 3_600_000);
    let mut bench = Bench::new(&rules);
    let go_on = |bench: &mut Bench, own: i32, closing: i32| {
        let (own, closing) = (noon(own), noon(closing));
        let times = Times { own, everywhere: Some(own), closing: Some(closing), ..Times::default() };
        bench.commit_at(times);
        while bench.half.owes(&times) {
            bench.commit_at(times);
        }
    };
    go_on(&mut bench, -1, -1);
    [0, 1].into_iter().for_each(|at| {
        bench.read(&batch(&rules, 0, at as u64 + 1, &[], &case(on.plus(at))));
    });
    go_on(&mut bench, 1, 1);
    let tier = |bench: &Bench| {
        let tier = bench.tiers()["D1"].clone();
        (tier.tier, day(&tier.day), tier.earliest_step_down)
    };
    assert_eq!(tier(&bench), ("high".into(), on.plus(1), on.plus(5).to_string()));
    // Three days milder go by, of which nobody knows whether they are.
    go_on(&mut bench, 1, 9);
    assert_eq!(tier(&bench), ("high".into(), on.plus(4), String::new()), "the last day on which it was still high");
    assert_eq!(changes(&bench), [change(on.plus(1), "low", "high")]);
    go_on(&mut bench, 9, 9);
    assert_eq!(tier(&bench), ("low".into(), on.plus(9), String::new()));
    assert_eq!(changes(&bench), [change(on.plus(1), "low", "high"), change(on.plus(5), "high", "low")]);
}

/// What the outputs say of an area's tier on the day they come to.
fn explained(rules: &Rules, bench: &Bench, area: &str, on: Day) -> AreaTier {
    let numbers = bench.numbers().into_iter().filter(|(_, numbers)| numbers.area == area);
    let numbers = numbers.map(|(_, numbers)| (day(&numbers.day), numbers)).collect();
    let area = rules.areas.index(area).expect("in the sample");
    let published = Published { rules, area, target: 0, numbers: &numbers };
    let decision = published.decide(on).expect("decided");
    AreaTier {
        tier: decision.tier().to_owned(),
        rank: decision.rank,
        policy_id: decision.policy.id.clone(),
        policy_version: decision.policy.version.clone(),
        reasons: decision.reasons,
        hysteresis: decision.hysteresis,
        ..bench.tiers()[&rules.areas.list[area as usize].code].clone()
    }
}

#[test]
fn whoever_has_the_outputs_alone_finds_every_tier_with_its_reasons() {
    let shares = by(MeasureKind::TestsOverTests, 2, 2, 4);
    let people = TierPolicy { target: 0, ..by(MeasureKind::PeopleOverPeople, 1, 1, 3) };
    for rules in [
        Arc::new(sample_rules()),
        with_tiers(vec![by_cases(3, 5)], "cases"),
        with_tiers(vec![shares], "shares"),
        with_tiers(vec![people], "people"),
    ] {
        let on = day("2022-10-10");
        let mut bench = Bench::new(&rules);
        bench.commit(Some(on.plus(-1)));
        let mut compared = 0;
        for at in 0..18 {
            if [0, 1, 2, 5, 9].contains(&at) {
                let tests = [
                    positive("D1S1", on.plus(at)),
                    Test { finding: Finding::Negative, ..positive("D1S1", on.plus(at)) },
                ];
                bench.read(&batch(&rules, 0, at as u64 + 1, &[], &tests));
            }
            bench.commit(Some(on.plus(at)));
            for (area, tier) in
                bench.tiers().into_iter().filter(|(area, _)| area.starts_with("D1") && !area.contains('/'))
            {
                assert_eq!(explained(&rules, &bench, &area, on.plus(at)), tier, "{at} days on");
                compared += 1;
            }
        }
        assert!(compared >= 17, "{compared}");
    }
}

/// The sample's city under a policy of `deploy/rules/published`.
fn published(name: &str) -> Rules {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/rules");
    let sample =
        std::fs::read_dir(rules.join("sample")).expect("the sample").map(|entry| entry.expect("an entry").path());
    let paths =
        sample.filter(|path| !path.ends_with("tier-threshold.toml")).chain([rules.join("published").join(name)]);
    let file = |path: std::path::PathBuf| SourceFile {
        name: path.file_name().expect("a file").to_string_lossy().into_owned(),
        text: std::fs::read_to_string(path).expect("a text"),
    };
    source::rules(&paths.map(file).collect::<Vec<_>>()).expect("it is right")
}

/// Days on which Germany's brake is on, by the incidence of each day from a first one on; before it was 95.
fn braked(first: Day, incidence: &[i32]) -> Vec<Day> {
    let mut rules = published("tier-de-28b.toml");
    let district = rules.areas.index("D1").expect("in the sample") as usize;
    rules.areas.list[district].facts[0].population = 100_000;
    let rules = Arc::new(rules);
    // Each day has as many cases as it takes: what leaves the window, and what the sum grows by.
    let (mut cases, mut sum) = ([14, 14, 14, 14, 13, 13, 13].repeat(6), 95);
    for of_day in incidence {
        cases.push(of_day - sum + cases[cases.len() - 7]);
        sum = *of_day;
    }
    assert!(cases.iter().all(|cases| *cases >= 0), "{cases:?}");
    let begins = first.plus(-42);
    let cells: Vec<_> = (0..).zip(&cases).map(|(at, cases)| (begins.plus(at), tallies(*cases, 0, 0))).collect();
    let series = series(&rules, "D1", &cells);
    let subject = Subject::new(&rules, &series).expect("in the registry");
    let days = (0..).zip(incidence).map(|(at, incidence)| (first.plus(at), *incidence));
    days.filter(|(day, incidence)| {
        let decision = subject.decide(*day).expect("there are numbers");
        assert_eq!(decision.reasons[0].numerator, i64::from(*incidence), "{day}");
        decision.rank == 1
    })
    .map(|(day, _)| day)
    .collect()
}

/// Which days were above 100 is published; by how much is made up.
#[test]
fn braunschweig_was_never_braked_by_the_numbers_first_published_and_would_have_been_by_later_ones() {
    let first = day("2021-04-27");
    //                    27. 28. 29. 30.  1.   2.  3.  4.   5.   6.  7.  8.  9. 10. 11. 12. 13.
    let first_published = [95, 96, 98, 101, 102, 99, 98, 101, 103, 97, 96, 95, 94, 93, 92, 91, 90];
    assert_eq!(braked(first, &first_published), [], "above on 30 April and 1 May, on 4 and 5 May: never on three days");
    let late = [95, 98, 102, 104, 105, 103, 102, 104, 105, 101, 98, 97, 96, 95, 94, 93, 92];
    // From the third day above until the sixth below is over.
    let days: Vec<Day> = (day("2021-05-01").0..day("2021-05-13").0).map(Day).collect();
    assert_eq!(braked(first, &late), days, "above on eight days in a row");
}

#[test]
fn an_area_that_is_negative_all_along_stays_as_mild_as_it_is() {
    let rules = with_tiers(vec![by_cases(3, 5)], "3-5");
    let on = day("2022-10-10");
    let mut bench = Bench::new(&rules);
    bench.read(&batch(&rules, 0, 1, &[], &[Test { finding: Finding::Negative, ..positive("D1S1", on) }]));
    for at in 0..4 {
        bench.commit(Some(on.plus(at)));
        assert_eq!((bench.tiers()["D1"].tier.as_str(), bench.alerts().len()), ("low", 0));
    }
}
