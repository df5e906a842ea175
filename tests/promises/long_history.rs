//! Past data of many months, all there at once and read at full speed.

use crate::support::broker::FaultRates;
use crate::support::deployment::Deployment;
use crate::support::story::{Story, result, sample_rules_with, time};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::model::record::Topic;
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::Rules;
use swabstream::proto::v1::{AreaPositivity, CasePolicy, Finding, LabResult, rule::Rule};

const DAYS: i32 = 150;
const PEOPLE: i32 = 5;

/// Numbers are kept for 24 days.
fn short_memory() -> Rules {
    sample_rules_with(|rule| match rule {
        Rule::CasePolicy(policy) => vec![Rule::CasePolicy(CasePolicy { episode_gap_days: 3, ..policy })],
        rule => vec![rule],
    })
}

fn first() -> Day {
    Day::parse("2022-03-01").expect("a day")
}

/// Everybody is tested every day.
fn story(rules: &Rules) -> Story {
    let days = (0..DAYS).map(|after| first().plus(after));
    let tests = days.flat_map(|day| (0..PEOPLE).map(move |person| (day, person)));
    tests.fold(Story::by(rules.clone()), |story, (day, person)| {
        let (id, person) = (format!("R{day}-{person}"), format!("P{person}"));
        story.result(&format!("{day} 12:0{}", person.len()), swab(&id, &person, day))
    })
}

fn swab(id: &str, person: &str, day: Day) -> LabResult {
    result(id, person, Finding::Negative, &format!("{day} 08:00"))
}

/// Tests of the city on each day, as published last before the number was taken back.
fn told(deployment: &Deployment) -> BTreeMap<String, i64> {
    let records = deployment.history(Topic::AreaPositivity);
    let numbers = records.iter().filter_map(|record| record.payload.as_deref());
    let numbers = numbers.map(|payload| AreaPositivity::decode(payload).expect("numbers"));
    let of_city = numbers.filter(|numbers| numbers.area == "C");
    let per_day = of_city.map(|numbers| (numbers.day, numbers.purposes[0].windows[0].conclusive_tests));
    per_day.filter(|(_, tests)| *tests > 0).collect()
}

fn every_day() -> BTreeMap<String, i64> {
    (0..DAYS).map(|after| (first().plus(after).to_string(), i64::from(PEOPLE))).collect()
}

fn start(seed: u64, rules: &Rules, faults: bool) -> Deployment {
    let deployment = Deployment::start(seed, Arc::new(rules.clone()));
    if faults {
        let rates = FaultRates { aborted: 15, unknown: 15, crash: 5, kicked: 5, partial: 30, ..FaultRates::NONE };
        deployment.broker.borrow_mut().set_faults(rates);
    }
    deployment
}

#[test]
fn every_day_of_a_history_gets_its_number_however_fast_it_goes() {
    let rules = short_memory();
    for (seed, faults) in [(1, false), (2, true), (3, true)] {
        let mut deployment = start(seed, &rules, faults);
        for message in story(&rules).messages() {
            deployment.publish(message);
        }
        deployment.mark_time(time("2022-07-30 20:00"));
        (0..3_000).for_each(|_| deployment.turn(faults));
        deployment.settle();
        assert_eq!(told(&deployment), every_day(), "seed {seed}");
    }
}

#[test]
fn one_record_of_a_year_to_come_closes_nothing_that_was_sent_before_it() {
    let rules = short_memory();
    let ahead = time("2022-03-01 12:00").plus_days(180 * 365);
    for marked in [false, true] {
        let mut deployment = start(4, &rules, false);
        for (at, message) in story(&rules).messages().iter().enumerate() {
            deployment.publish(message);
            if at == 300 {
                let mut mistyped = message.clone();
                mistyped.at = ahead;
                deployment.publish(&mistyped);
            }
        }
        deployment.mark_time(if marked { ahead } else { time("2022-07-30 20:00") });
        (0..3_000).for_each(|_| deployment.turn(false));
        deployment.settle();
        assert_eq!(told(&deployment), every_day(), "marked: {marked}");
        // What comes late, after time was taken along, stops nobody.
        let late = Story::by(rules.clone()).result("2022-07-30 21:00", swab("R-late", "P9", first().plus(DAYS)));
        deployment.publish(&late.messages()[0]);
        (0..500).for_each(|_| deployment.turn(false));
        deployment.settle();
        let day = first().plus(DAYS).to_string();
        assert_eq!(told(&deployment).contains_key(&day), !marked, "closed only where time is said to have come so far");
    }
}

/// Time goes on as far as it was said, over any number of days.
#[test]
fn a_rest_of_years_is_passed() {
    let rules = short_memory();
    let mut deployment = start(5, &rules, false);
    for message in &story(&rules).messages()[..50] {
        deployment.publish(message);
    }
    let much_later = Timestamp(time("2022-03-20 12:00").0).plus_days(20 * 365);
    deployment.mark_time(much_later);
    (0..1_000).for_each(|_| deployment.turn(false));
    deployment.settle();
    assert_eq!(deployment.today(), rules.day(much_later));
    assert_eq!(told(&deployment).len(), 10);
    assert!(deployment.published().positivity.is_empty(), "all of it was taken back");
}
