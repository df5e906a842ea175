//! Time that goes on by many days at once: each is published while what it is counted from is there.

use crate::bench::{Bench, context, heard};
use crate::city::{Finding, Test, batch};
use crate::numbers::day;
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use swabstream::model::record::{Output, Position, Record, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::pipeline::times::Times;
use swabstream::policy::sample::sample_rules;
use swabstream::policy::{Rules, TierEngine, records};
use swabstream::proto::v1::{Alert, AreaChanges, AreaPeriod, AreaPositivity, Severity, rule};
use swabstream::runtime::task::clock::Look;
use swabstream::runtime::task::{RulesInForce, Task};

/// Numbers are kept for 24 days.
fn short_memory() -> Rules {
    let mut rules = sample_rules();
    rules.cases.iter_mut().for_each(|policy| policy.episode_gap_days = 3);
    rules
}

fn tested(area: &'static str, on: Day) -> Test {
    Test { area, purpose: 0, day: on, finding: Finding::Negative }
}

fn noon(on: Day) -> Timestamp {
    Timestamp(i64::from(on.0) * 86_400_000 + 4 * 3_600_000)
}

/// Tests of each day that had any, by the city's numbers as published last before they were taken back.
fn published_of_the_city(outputs: &[Output]) -> BTreeMap<String, i64> {
    let of_city = outputs.iter().filter(|output| output.topic == Topic::AreaPositivity);
    let numbers = of_city.filter_map(|output| output.payload.as_deref()).map(AreaPositivity::decode);
    let numbers = numbers.map(|numbers| numbers.expect("ours")).filter(|numbers| numbers.area == "C");
    let tests = numbers.map(|numbers| (numbers.day, numbers.purposes[0].windows[0].conclusive_tests));
    tests.filter(|(_, tests)| *tests > 0).collect()
}

/// All that was received until noon of a day is there.
fn come(day: Day) -> Times {
    Times { everywhere: Some(noon(day)), closing: Some(noon(day)), ..Times::default() }
}

#[test]
fn every_day_that_time_passes_at_once_gets_its_number() {
    let rules = Arc::new(short_memory());
    let first = day("2022-03-01");
    let days: Vec<Day> = (0..150).map(|after| first.plus(after)).collect();
    let last = first.plus(149);
    let all: Vec<Test> = days.iter().map(|day| tested("D1S1", *day)).collect();
    let want: BTreeMap<String, i64> = days.iter().map(|day| (day.to_string(), 1)).collect();
    // Nothing was published before, or the first days were; with a rest of a year behind them.
    for (begun, until) in [(false, last), (true, last), (true, last.plus(365))] {
        let mut bench = Bench::new(&rules);
        if begun {
            bench.read(&batch(&rules, 0, 1, &[], &all[..1]));
            bench.commit(Some(first));
            bench.read(&batch(&rules, 0, 2, &all[..1], &all));
        } else {
            bench.read(&batch(&rules, 0, 1, &[], &all));
        }
        let mut commits = 0;
        while bench.half.owes(&come(until)) {
            bench.commit(Some(until));
            commits += 1;
        }
        assert!((6..=12).contains(&commits), "{commits} commits, begun: {begun}");
        assert_eq!(published_of_the_city(&bench.outputs), want, "begun: {begun}, until {until}");
        assert_eq!(bench.half.state().published().map(|(day, _)| day), Some(until));
        // What is left is what a task that saw every midnight has.
        let mut slowly = Bench::new(&rules);
        for (at, test) in all.iter().enumerate() {
            slowly.read(&batch(&rules, 0, at as u64 + 1, &all[..at], &all[..=at]));
            slowly.commit(Some(test.day));
        }
        while slowly.half.owes(&come(until)) {
            slowly.commit(Some(until));
        }
        let by_day = |bench: &Bench| bench.numbers().into_iter().collect::<BTreeMap<_, _>>();
        assert_eq!(by_day(&bench), by_day(&slowly), "begun: {begun}, until {until}");
        assert_eq!(bench.tiers(), slowly.tiers(), "begun: {begun}, until {until}");
    }
}

#[test]
fn a_commit_over_many_days_of_many_areas_stays_within_bounds() {
    let mut records = sample_rules().to_records();
    let streets: Vec<String> = (0..2_500).map(|number| format!("S{number:04}")).collect();
    for code in &streets {
        let (from, parent) = ("2020-01-01".to_owned(), "D1".to_owned());
        let period = AreaPeriod { effective_from: from, parent, ..AreaPeriod::default() };
        let (code, level) = (code.clone(), "street".to_owned());
        let area = swabstream::proto::v1::Area {
            name: code.clone(),
            code,
            level,
            periods: vec![period],
            ..Default::default()
        };
        records.push(records::record(rule::Rule::Area(area)).expect("no manifest"));
    }
    let rules = Arc::new(Rules::from_records(&records).expect("valid rules"));
    let streets: Vec<&'static str> = streets.into_iter().map(|code| &*code.leak()).collect();
    let (first, days) = (day("2022-03-01"), 30);
    let mut bench = Bench::new(&rules);
    let tests: Vec<Test> =
        (0..days).flat_map(|after| streets.iter().map(move |street| tested(street, first.plus(after)))).collect();
    bench.read(&batch(&rules, 0, 1, &[], &tests));
    let until = first.plus(days - 1);
    let mut published: BTreeSet<Vec<u8>> = BTreeSet::new();
    while bench.half.owes(&come(until)) {
        let outputs = bench.commit(Some(until));
        let numbers = outputs.iter().filter(|output| output.topic == Topic::AreaPositivity);
        let numbers: Vec<&Output> = numbers.collect();
        assert!(numbers.len() <= 20_000 + streets.len(), "{} numbers in one transaction", numbers.len());
        published.extend(numbers.into_iter().map(|output| output.key.clone()));
    }
    assert_eq!(
        published.len(),
        (streets.len() + 2) * days as usize,
        "every street, the district and the city, every day"
    );
}

/// The days up to which each commit goes until time has caught up, and all alerts about tiers by then.
fn caught_up(rules: &Arc<Rules>, tests: &[Test], until: Day) -> (Vec<Day>, Vec<Alert>) {
    let mut bench = Bench::new(rules);
    bench.read(&batch(rules, 0, 1, &[], tests));
    let mut days = Vec::new();
    while bench.half.owes(&come(until)) {
        bench.commit(Some(until));
        days.extend(bench.half.state().published().map(|(day, _)| day));
    }
    (days, bench.alerts())
}

#[test]
fn a_tier_of_a_day_that_time_has_passed_is_old_news_however_far_a_commit_goes() {
    let mut rules = short_memory();
    for policy in &mut rules.tiers {
        if let TierEngine::Threshold(engine) = &mut policy.engine {
            engine.measures.iter_mut().for_each(|measure| measure.least_denominator = 0);
        }
    }
    let rules = Arc::new(rules);
    let (first, last) = (day("2022-03-01"), day("2022-07-28"));
    let mut tests: Vec<Test> = (0..150).map(|after| tested("D1S1", first.plus(after))).collect();
    let (ends, _) = caught_up(&rules, &tests, last);
    assert!(ends.len() > 3, "{ends:?}");
    // A tier goes up on the very last day of a commit that is months behind, and on the day it is.
    let found = |on: Day| Test { finding: Finding::Positive, ..tested("D1S1", on) };
    tests.extend([found(ends[1]), found(last)]);
    let (again, alerts) = caught_up(&rules, &tests, last);
    assert_eq!(again, ends);
    let on = |day: Day| alerts.iter().filter(move |alert| alert.first_day == day.to_string());
    assert!(on(ends[1]).count() > 0 && on(last).count() > 0, "{alerts:?}");
    let hours = rules.cases[0].historic_after_hours;
    let old = |of: &str| rules.span(day(of)).1.plus_hours(hours) < noon(last);
    assert!(alerts.iter().all(|alert| alert.historic == old(&alert.first_day)), "{alerts:?}");
    assert!(on(ends[1]).all(|alert| alert.severity() == Severity::Info));
}

/// The whole way through a task: the time everywhere is heard of before what was sent by then is read.
#[test]
fn no_day_is_closed_before_what_was_sent_of_it_was_read() {
    let rules = RulesInForce { rules: Arc::new(short_memory()), offset: 1 };
    let first = day("2022-03-01");
    let last = first.plus(149);
    let mut task = Task::<AreaHalf>::fresh(context(), &rules, vec![(Topic::AreaChanges, 0)], 8);
    let mut outputs = Vec::new();
    let wall = |second: i64| Timestamp(1_700_000_000_000 + second * 1_000);
    let mut pass = |task: &mut Task<AreaHalf>, second, read_until| {
        task.pass_time(&Look { at: wall(second), read_until, ..heard(noon(last)) });
        if task.touched() {
            outputs.extend(task.commit(None).0);
        }
        outputs.len()
    };
    for after in 0..150 {
        // Always behind.
        pass(&mut task, i64::from(after), None);
        let batch: AreaChanges = batch(&rules.rules, 0, after as u64 + 1, &[], &[tested("D1S1", first.plus(after))]);
        let payload = batch.encode_to_vec();
        let position = Position { topic: Topic::AreaChanges, partition: 0, offset: i64::from(after) };
        let (received_at, payload) = (Timestamp(0), Some(&payload[..]));
        task.apply(&Record { position, received_at, key: None, payload, content_type: None }).expect("of this version");
    }
    assert_eq!(
        pass(&mut task, 200, Some(wall(0))),
        pass(&mut task, 201, None),
        "read only to where it had heard of it"
    );
    pass(&mut task, 202, Some(wall(202)));
    while task.owes() {
        pass(&mut task, 203, Some(wall(203)));
    }
    let published = published_of_the_city(&outputs);
    assert_eq!(published.len(), 150);
    assert!(published.values().all(|tests| *tests == 1), "{published:?}");
}
