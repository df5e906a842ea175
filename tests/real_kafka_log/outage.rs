//! A broker that goes and comes back.

use crate::node::{LIMIT, Node, assert_raised, config_of, create_topics, publish, settings};
use crate::own_kafka::OwnKafka;
use std::time::{Duration, Instant};
use swabstream::runtime::log::Log;

#[test]
fn a_broker_that_ends_and_comes_back_is_gone_on_with() {
    let mut kafka = OwnKafka::start(None);
    let config = config_of(kafka.address(), "restarted.");
    create_topics(&config);
    publish(&config, 0..1_000);
    let mut node = Node::join(settings(&config, "w"));
    node.run_until(|node| node.count() == 1_000);
    for (round, (away, back)) in [("pause", "resume"), ("kill", "start"), ("stop", "start")].into_iter().enumerate() {
        kafka.tell(away);
        kafka.tell(back);
        let (from, to) = ((round + 1) * 1_000, (round + 2) * 1_000);
        publish(&config, from..to);
        node.run_until(|node| node.count() == to as u64);
        assert_raised(&config, 0..to);
    }
}

#[test]
fn an_end_that_nobody_tells_is_not_waited_for() {
    let mut kafka = OwnKafka::start(None);
    let config = config_of(kafka.address(), "asked.");
    create_topics(&config);
    publish(&config, 0..100);
    let mut node = Node::join(settings(&config, "w"));
    node.run_until(|node| node.count() == 100);
    kafka.tell("pause");
    for _ in 0..1_000 {
        assert_eq!(node.log.changelog_end(0), None);
    }
    kafka.tell("resume");
    let began = Instant::now();
    while node.log.changelog_end(0).is_none_or(|end| end == 0) {
        assert!(began.elapsed() < LIMIT, "it is asked again");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Longer than the member's session, the transaction and any single wait for an answer.
const AWAY: Duration = Duration::from_secs(40);

#[test]
fn a_broker_that_is_away_for_long_finds_the_worker_waiting() {
    for (away, back) in [("pause", "resume"), ("kill", "start")] {
        let mut kafka = OwnKafka::start(None);
        let config = config_of(kafka.address(), "outage.");
        create_topics(&config);
        let mut node = Node::join(settings(&config, "w"));
        publish(&config, 0..1_000);
        node.run_until(|node| node.count() == 1_000);
        publish(&config, 1_000..2_000);
        kafka.tell(away);
        let began = Instant::now();
        while began.elapsed() < AWAY {
            node.turn();
        }
        kafka.tell(back);
        publish(&config, 2_000..3_000);
        node.run_until(|node| node.count() == 3_000);
        assert_raised(&config, 0..3_000);
    }
}
