//! Whatever fails, every record counts once and every step is told once: workers over the model, with the smallest
//! half there is, from many seeds.

use crate::support::broker::{Broker, FaultRates, Shared};
use crate::support::counting::{Counting, POISON};
use crate::support::fleet::Fleet;
use crate::support::random::Random;
use crate::support::seeds::each_seed;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Output, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::formats::Formats;
use swabstream::policy::sample::sample_rules;
use swabstream::runtime::task::RulesInForce;
use swabstream::runtime::worker::Settings;

const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };
const RECORDS: usize = 400;

const FAULTS: FaultRates =
    FaultRates { aborted: 10, unknown: 10, crash: 4, kicked: 4, partial: 40, slow_answer: 10, ..FaultRates::NONE };

#[test]
fn every_record_counts_once_whatever_fails() {
    each_seed(|seed| {
        let (broker, counted) = run(seed, FAULTS);
        assert_eq!(counted, published(&broker), "counters");
        assert_steps_are_told_once(&broker);
    });
}

#[test]
fn every_kind_of_fault_really_happens() {
    let mut happened = BTreeMap::new();
    for seed in 0..20 {
        for (what, times) in run(seed, FAULTS).0.borrow().happened() {
            *happened.entry(*what).or_insert(0) += times;
        }
    }
    for what in [
        "committed",
        "aborted",
        "fenced as no member",
        "unknown, took effect",
        "unknown, did not take effect",
        "crash in a commit",
        "crash before the end of a commit",
        "crash after the end of a commit",
        "expelled",
        "lost",
        "revoked",
        "transaction timed out",
        "restore waited for offsets",
        "restore waited for a transaction",
        "read on beside a commit",
        "revocation ran out of time",
        "stale commit tried again",
    ] {
        assert!(happened.contains_key(what), "{what} never happened: {happened:?}");
    }
}

#[test]
fn a_worker_whose_last_commit_fails_says_so() {
    let broker = Broker::new(LAYOUT, Timestamp(1_668_000_000_000), 1);
    let mut fleet: Fleet<Counting> = Fleet::start(&broker, &settings(), &rules(), 1);
    settle(&broker, &mut fleet);
    publish_some(&broker, &mut Random::new(1));
    fleet.round();
    broker.borrow_mut().set_faults(FaultRates { aborted: 100, ..FaultRates::NONE });
    let error = fleet.leave(0).expect_err("it could not be committed");
    assert!(error.to_string().contains("last commit of the person half failed"), "{error}");

    broker.borrow_mut().set_faults(FaultRates::NONE);
    assert_nothing_is_lost(&broker, &mut fleet);
}

#[test]
fn a_worker_that_ends_before_it_has_recovered_says_so() {
    let broker = Broker::new(LAYOUT, Timestamp(1_668_000_000_000), 1);
    let mut fleet: Fleet<Counting> = Fleet::start(&broker, &settings(), &rules(), 1);
    settle(&broker, &mut fleet);
    publish_some(&broker, &mut Random::new(1));
    broker.borrow_mut().set_faults(FaultRates { unknown: 100, ..FaultRates::NONE });
    while !broker.borrow().happened().keys().any(|what| what.starts_with("unknown")) {
        let now = broker.borrow().now();
        broker.borrow_mut().advance_to(Timestamp(now.0 + 10));
        fleet.round();
    }
    broker.borrow_mut().set_faults(FaultRates::NONE);
    let error = fleet.leave(0).expect_err("nobody knows whether it was committed");
    assert!(error.to_string().contains("last commit of the person half failed"), "{error}");

    assert_nothing_is_lost(&broker, &mut fleet);
}

#[test]
fn a_record_the_core_panics_on_is_set_aside_and_the_stream_goes_on() {
    each_seed(|seed| {
        let mut random = Random::new(seed);
        let broker = Broker::new(LAYOUT, Timestamp(1_668_000_000_000), seed);
        let mut fleet: Fleet<Counting> = Fleet::start(&broker, &settings(), &rules(), 2);
        broker.borrow_mut().set_faults(FAULTS);
        let mut poisoned = Vec::new();
        for step in 0..200 {
            match step % 40 {
                7 => poisoned.push(publish_record(&broker, Topic::LabResults, step % LAYOUT.person_tasks, POISON)),
                _ => publish_some(&broker, &mut random),
            }
            fleet.turn(&mut random, true);
        }
        broker.borrow_mut().set_faults(FaultRates::NONE);
        fleet.recover();
        let mut expected = published(&broker);
        assert_eq!(expected.remove(POISON), Some(poisoned.len() as u64));
        assert_eq!(settle(&broker, &mut fleet), expected);
        let mut aside: Vec<(i32, i64)> = Vec::new();
        for letter in broker.borrow().committed(Topic::DeadLetters) {
            assert_eq!(letter.header("swabstream-code"), Some(&b"internal"[..]));
            let number = |name: &str| -> i64 {
                let value = letter.header(name).expect("a dead letter says where it lay");
                std::str::from_utf8(value).expect("text").parse().expect("a number")
            };
            aside.push((number("swabstream-partition") as i32, number("swabstream-offset")));
        }
        aside.sort_unstable();
        poisoned.sort_unstable();
        assert_eq!(aside, poisoned, "each of them once");
    });
}

#[test]
fn an_alert_goes_out_at_once_and_alone() {
    let broker = Broker::new(LAYOUT, Timestamp(1_668_000_000_000), 1);
    let mut fleet: Fleet<Counting> = Fleet::start(&broker, &settings(), &rules(), 1);
    settle(&broker, &mut fleet);
    let other = ["b", "c", "d", "e", "f"].into_iter().find(|name| LAYOUT.person_task(name) != LAYOUT.person_task("a"));
    let other = other.expect("a name of another task");
    let told_after = |fleet: &mut Fleet<Counting>, milliseconds: i64| {
        for _ in 0..milliseconds {
            let now = broker.borrow().now();
            broker.borrow_mut().advance_to(Timestamp(now.0 + 1));
            fleet.round();
        }
        let alerts = broker.borrow().committed(Topic::Alerts);
        let told = alerts.into_iter().map(|alert| String::from_utf8(alert.key.expect("keyed")).expect("a name"));
        told.fold(BTreeMap::new(), |mut told: BTreeMap<String, usize>, name| {
            *told.entry(name).or_default() += 1;
            told
        })
    };
    // After a rest whatever comes is committed at once; from then on all tasks are every 100 ms.
    publish_record(&broker, Topic::LabResults, LAYOUT.person_task(other), other);
    assert_eq!(told_after(&mut fleet, 5).get(other), Some(&1));
    // Each seventh step of a counter is urgent.
    for _ in 0..7 {
        publish_record(&broker, Topic::LabResults, LAYOUT.person_task("a"), "a");
    }
    publish_record(&broker, Topic::LabResults, LAYOUT.person_task(other), other);
    let soon = told_after(&mut fleet, 30);
    assert_eq!((soon.get("a"), soon.get(other)), (Some(&7), Some(&1)), "only the task with an alert");
    let later = told_after(&mut fleet, 100);
    assert_eq!(later.get(other), Some(&2), "the others when their time has come");
}

#[test]
fn beside_a_commit_no_more_is_read_than_may_wait() {
    let broker = Broker::new(LAYOUT, Timestamp(1_668_000_000_000), 1);
    let mut fleet: Fleet<Counting> = Fleet::start(&broker, &settings(), &rules(), 1);
    settle(&broker, &mut fleet);
    let mut random = Random::new(1);
    for _ in 0..1_000 {
        // At home: each is consumed once, and told of once.
        let name = &"abcdefghij"[..1 + random.below(10)];
        publish_record(&broker, Topic::LabResults, LAYOUT.person_task(name), name);
    }
    // No commit ends while there is anything else to do.
    broker.borrow_mut().set_faults(FaultRates { partial: 100, ..FaultRates::NONE });
    let (mut most, mut reads_on) = (0, false);
    for _ in 0..1_000 {
        fleet.round();
        let consumed: u64 = fleet.each(|_, ledger| ledger.consumed).into_values().sum();
        let open = consumed - broker.borrow().committed(Topic::Alerts).len() as u64;
        most = most.max(open);
        reads_on |= broker.borrow().happened().contains_key("read on beside a commit");
    }
    assert!(reads_on, "records are read while a commit is under way");
    // Of 50 that may wait: as many once more under way, and beyond each what a poll brought that began below it.
    assert!(most < 300, "{most} records were read and not committed");
    broker.borrow_mut().set_faults(FaultRates::NONE);
    assert_eq!(settle(&broker, &mut fleet), published(&broker));
}

#[test]
fn a_commit_takes_as_long_as_it_took_and_not_until_somebody_looks() {
    let (broker, mut fleet) = beside_a_commit();
    broker.borrow_mut().set_faults(FaultRates::NONE);
    let now = broker.borrow().now();
    broker.borrow_mut().advance_to(Timestamp(now.0 + 5_000));
    fleet.round();
    assert_eq!(fleet.told()[0].last_commit, Some(Duration::ZERO));
}

#[test]
fn a_commit_beside_which_the_core_panics_is_counted() {
    let (broker, mut fleet) = beside_a_commit();
    publish_record(&broker, Topic::LabResults, LAYOUT.person_task("a"), POISON);
    while fleet.told()[0].tasks.values().all(|task| task.restoring.is_none()) {
        fleet.round();
    }
    broker.borrow_mut().set_faults(FaultRates::NONE);
    settle(&broker, &mut fleet);
    let consumed: u64 = fleet.each(|_, ledger| ledger.consumed).into_values().sum();
    assert_eq!(fleet.told()[0].records, consumed);
}

/// A worker that has read on while a commit is under way.
fn beside_a_commit() -> (Shared, Fleet<Counting>) {
    let broker = Broker::new(LAYOUT, Timestamp(1_668_000_000_000), 1);
    let mut fleet: Fleet<Counting> = Fleet::start(&broker, &settings(), &rules(), 1);
    settle(&broker, &mut fleet);
    broker.borrow_mut().set_faults(FaultRates { partial: 100, ..FaultRates::NONE });
    while !broker.borrow().happened().contains_key("read on beside a commit") {
        publish_record(&broker, Topic::LabResults, LAYOUT.person_task("a"), "a");
        fleet.round();
    }
    (broker, fleet)
}

/// Another takes over what the first one held, and ends well.
fn assert_nothing_is_lost(broker: &Shared, fleet: &mut Fleet<Counting>) {
    fleet.recover();
    let counted = settle(broker, fleet);
    assert_eq!(counted, published(broker), "nothing is lost");
    assert!(fleet.leave(0).is_ok());
}

/// Runs one seed to its end; what the counters of the last owners say.
fn run(seed: u64, faults: FaultRates) -> (Shared, BTreeMap<String, u64>) {
    let mut random = Random::new(seed);
    let broker = Broker::new(LAYOUT, Timestamp(1_668_000_000_000), seed);
    let mut fleet: Fleet<Counting> = Fleet::start(&broker, &settings(), &rules(), 3);
    broker.borrow_mut().set_faults(faults);
    let mut published = 0;
    while published < RECORDS {
        if random.chance(30) {
            publish_some(&broker, &mut random);
            published += 1;
        }
        let now = broker.borrow().now();
        broker.borrow_mut().advance_to(Timestamp(now.0 + random.between(0, 60)));
        if random.chance(2) {
            broker.borrow_mut().compact(Topic::PersonState);
        }
        fleet.turn(&mut random, true);
    }
    broker.borrow_mut().set_faults(FaultRates::NONE);
    fleet.recover();
    let before = settle(&broker, &mut fleet);
    fleet.replace_all();
    assert_eq!(settle(&broker, &mut fleet), before, "what is restored is what was live");
    (broker, before)
}

fn settle(broker: &Shared, fleet: &mut Fleet<Counting>) -> BTreeMap<String, u64> {
    let mut quiet = 0;
    for _ in 0..5_000 {
        let now = broker.borrow().now();
        broker.borrow_mut().advance_to(Timestamp(now.0 + 200));
        quiet = if fleet.round() { 0 } else { quiet + 1 };
        if quiet > 80 {
            assert_books_balance(broker, fleet);
            return fleet.each(|half, _| half.counters()).into_values().flatten().collect();
        }
    }
    panic!("the workers never come to rest");
}

fn assert_books_balance(broker: &Shared, fleet: &Fleet<Counting>) {
    let books = fleet.each(|_, ledger| ledger.clone());
    assert_eq!(books.len() as i32, LAYOUT.person_tasks, "every task runs");
    assert!(books.values().all(|ledger| ledger.balances()), "consumed = sum of outcomes");
    let sum = |side: fn(&swabstream::model::outcome::Ledger) -> u64| books.values().map(side).sum::<u64>();
    assert_eq!(sum(|ledger| ledger.sent), sum(|ledger| ledger.received), "sent = received");
    let inputs = [Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups, Topic::PersonEvents];
    let there: usize = inputs.iter().map(|topic| broker.borrow().committed(*topic).len()).sum();
    assert_eq!(sum(|ledger| ledger.consumed), there as u64, "every record was consumed once");
}

fn publish_some(broker: &Shared, random: &mut Random) {
    let name = &"abcdefghij"[..1 + random.below(10)];
    let topic = *random.pick(&[Topic::LabResults, Topic::ContactRecords]);
    publish_record(broker, topic, random.below(LAYOUT.person_tasks as usize) as i32, name);
}

/// Where the record lies.
fn publish_record(broker: &Shared, topic: Topic, partition: i32, name: &str) -> (i32, i64) {
    let (key, payload) = (name.as_bytes().to_vec(), Some(name.as_bytes().to_vec()));
    let mut broker = broker.borrow_mut();
    let now = broker.now();
    let position = broker.publish(Output { topic, partition, key, payload, headers: Vec::new() }, now);
    (partition, position)
}

fn published(broker: &Shared) -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    for topic in [Topic::LabResults, Topic::ContactRecords] {
        for record in broker.borrow().committed(topic) {
            let name = String::from_utf8(record.payload.expect("counted")).expect("a name");
            *counters.entry(name).or_insert(0) += 1;
        }
    }
    counters
}

/// A reader of the outputs sees each counter go 1, 2, 3, … to its end.
fn assert_steps_are_told_once(broker: &Shared) {
    let mut steps: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for alert in broker.borrow().committed(Topic::Alerts) {
        let step = steps.entry(alert.key.expect("keyed")).or_insert(0);
        *step += 1;
        let told = String::from_utf8(alert.payload.expect("told")).expect("a number");
        assert_eq!(told, step.to_string(), "each step is told once, in order");
    }
}

fn settings() -> Settings {
    Settings {
        layout: LAYOUT,
        secret: Secret::new([7; 16]),
        max_record_bytes: 1_000_000,
        ring: 8,
        commit_interval_ms: 100,
        commit_records: 50,
        commit_floor: 1,
        due_at_most: 2,
        history: false,
        formats: Formats::default(),
    }
}

/// Counters need no rules; a worker does.
fn rules() -> RulesInForce {
    RulesInForce { rules: Arc::new(sample_rules()), offset: 0 }
}
