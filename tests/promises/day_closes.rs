//! Days are closed for every area when their time has come everywhere, also where nothing is read any more.

use crate::support::deployment::{Deployment, LAYOUT};
use crate::support::story::{message, result, time};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::demo::city::Kind;
use swabstream::model::record::Topic;
use swabstream::model::time::Timestamp;
use swabstream::policy::Rules;
use swabstream::policy::records::record;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{AreaPositivity, AreaPublished, DayClose, DayIncomplete, Finding, rule};

fn send(deployment: &mut Deployment, id: &str, person: &str, swabbed: &str, received: &str) {
    let result = result(id, person, Finding::Negative, swabbed);
    let payload = Some(result.encode_to_vec());
    deployment.publish(&message(Topic::LabResults, person, payload, time(received), Kind::Result));
}

/// Closes of the city by day, in the order they were published; each day's is the same each time.
fn closes(deployment: &Deployment) -> Vec<(String, DayClose)> {
    let mut closes: Vec<(String, DayClose)> = Vec::new();
    for record in deployment.history(Topic::AreaPositivity) {
        let Some(payload) = record.payload.as_deref() else { continue };
        let numbers = AreaPositivity::decode(payload).expect("ours");
        let (Some(close), "C") = (numbers.close, numbers.area.as_str()) else { continue };
        match closes.iter().find(|(day, _)| *day == numbers.day) {
            Some((_, known)) => assert_eq!(*known, close, "{} is closed once", numbers.day),
            None => closes.push((numbers.day, close)),
        }
    }
    closes
}

fn days(deployment: &Deployment) -> Vec<String> {
    closes(deployment).into_iter().map(|(day, _)| day).collect()
}

/// Somebody acted on a number, and asks for it weeks later: it is there as it was, and what came later stands beside it.
#[test]
fn the_number_that_was_published_stays_and_what_is_known_now_stands_beside_it() {
    let mut deployment = Deployment::start_live(7, Arc::new(sample_rules()), time("2022-11-08 12:00"));
    send(&mut deployment, "R1", "P1", "2022-11-08 09:00", "2022-11-08 12:00");
    deployment.run_until(time("2022-11-10 00:01"));
    send(&mut deployment, "R2", "P2", "2022-11-08 09:00", "2022-11-10 08:00");
    deployment.run_until(time("2022-11-12 00:01"));
    let day = "C/2022-11-08";
    let published: Vec<AreaPublished> = deployment
        .history(Topic::AreaPublished)
        .iter()
        .filter(|record| record.key.as_deref() == Some(day.as_bytes()))
        .map(|record| AreaPublished::decode(record.payload.as_deref().expect("kept")).expect("ours"))
        .collect();
    let [AreaPublished { numbers: Some(then), .. }] = &published[..] else { panic!("once: {published:?}") };
    let tests = |numbers: &AreaPositivity| numbers.purposes[0].windows[0].conclusive_tests;
    assert_eq!((tests(then), then.close.as_ref().map(|close| close.tests)), (1, Some(1)));
    let all = deployment.history(Topic::AreaPositivity);
    let newest = all.iter().rev().find(|record| record.key.as_deref() == Some(day.as_bytes())).expect("it is live");
    let now = AreaPositivity::decode(newest.payload.as_deref().expect("numbers")).expect("ours");
    assert_eq!((tests(&now), now.close), (2, then.close.clone()));
}

/// One result is all that is ever received.
#[test]
fn with_no_input_at_all_a_day_is_closed_within_two_seconds_of_its_time() {
    let mut deployment = Deployment::start_live(7, Arc::new(sample_rules()), time("2022-11-08 12:00"));
    send(&mut deployment, "R1", "P1", "2022-11-08 09:00", "2022-11-08 12:00");
    deployment.run_until(time("2022-11-08 12:01"));
    let all = ["2022-11-08", "2022-11-09", "2022-11-10"];
    for (at, close) in ["2022-11-10 00:00", "2022-11-11 00:00", "2022-11-12 00:00"].map(time).into_iter().enumerate() {
        deployment.rest_until(Timestamp(close.0 - 20_000));
        deployment.run_until(Timestamp(close.0 - 1));
        assert_eq!(days(&deployment), all[..at]);
        deployment.run_until(Timestamp(close.0 + 2_000));
        assert_eq!(days(&deployment), all[..=at]);
    }
    let tests: Vec<i64> = closes(&deployment).iter().map(|(_, close)| close.tests).collect();
    assert_eq!(tests, [1, 0, 0]);
}

#[test]
fn after_an_outage_of_weeks_every_day_is_closed_in_order_of_days() {
    let mut deployment = Deployment::start_live(8, Arc::new(sample_rules()), time("2022-11-08 12:00"));
    send(&mut deployment, "R1", "P1", "2022-11-08 09:00", "2022-11-08 12:00");
    deployment.run_until(time("2022-11-08 12:01"));
    deployment.rest_until(time("2022-12-05 08:00"));
    send(&mut deployment, "R2", "P2", "2022-12-04 09:00", "2022-12-05 08:00");
    deployment.run_until(time("2022-12-05 08:01"));
    let closed = days(&deployment);
    assert!(closed.is_sorted() && closed.first().is_some_and(|first| first == "2022-11-08"), "{closed:?}");
    // Those have numbers whose windows reach back to a test: 14 days from the 8th; the 4th is not over for 24 hours.
    assert_eq!(closed.len(), 14, "{closed:?}");
}

/// In past data a partition stands still while the others go on for days: no day is closed without it until somebody says
/// that it may.
#[test]
fn a_day_waits_for_a_task_that_stalls_until_an_operator_lets_it_close() {
    let plain = Arc::new(sample_rules());
    let mut deployment = Deployment::start(9, plain.clone());
    let people: BTreeMap<i32, String> =
        (0..100).map(|number| format!("P{number}")).map(|person| (LAYOUT.person_task(&person), person)).collect();
    let stalled = 3;
    for (task, person) in &people {
        send(&mut deployment, &format!("R{task}"), person, "2022-11-08 09:00", "2022-11-08 12:00");
    }
    deployment.mark_time(time("2022-11-09 12:00"));
    deployment.mark_time_of(|task| task != stalled, time("2022-11-12 12:00"));
    deployment.settle();
    assert_eq!(days(&deployment), Vec::<String>::new());
    let mut records = plain.to_records();
    let mark = DayIncomplete {
        day: "2022-11-08".into(),
        without: vec![stalled],
        by: "Zhang Wei".into(),
        reason: "its disk is lost".into(),
        at: "2022-11-12T04:00:00Z".into(),
    };
    records.push(record(rule::Rule::DayIncomplete(mark)).expect("a rule"));
    deployment.adopt(Arc::new(Rules::from_records(&records).expect("valid rules")));
    deployment.settle();
    let closed = closes(&deployment);
    assert_eq!(days(&deployment), ["2022-11-08"], "the day after is not marked");
    assert_eq!((closed[0].1.tests, &closed[0].1.without), (people.len() as i64, &vec![stalled]));
    deployment.mark_time(time("2022-11-12 12:00"));
    deployment.settle();
    assert_eq!(days(&deployment), ["2022-11-08", "2022-11-09", "2022-11-10"]);
    assert!(closes(&deployment)[1..].iter().all(|(_, close)| close.without.is_empty()));
    deployment.assert_restored_equals_live();
}
