//! What a task knows of the time, and the same worker on the embedded broker.

use crate::kafka;
use crate::node::{LAYOUT, LIMIT, Node, assert_raised, config, create_topics, publish, settings};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use swabstream::kafka::embedded::Embedded;
use swabstream::runtime::log::Log;

#[test]
fn a_task_is_idle_only_once_it_has_read_what_was_there() {
    let config = config(&kafka::unique("idle"));
    create_topics(&config);
    publish(&config, 0..100);
    let mut node = Node::join(settings(&config, "w"));
    node.run_until(|node| node.running.len() == 4);
    let before = swabstream::clock::now();
    node.run_until(|node| node.count() == 100);
    let idle = |node: &mut Node, after| {
        let mut since = BTreeMap::new();
        let began = Instant::now();
        while since.len() < 4 {
            assert!(began.elapsed() < LIMIT, "idle since {since:?}");
            node.step().expect("no fatal error");
            for task in 0..4 {
                since.extend(node.log.idle_since(task).filter(|at| *at > after).map(|at| (task, at)));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        (0..4).map(|task| node.log.lag(task).expect("it has fetched")).sum::<u64>()
    };
    assert_eq!(idle(&mut node, before), 0);

    publish(&config, 100..200);
    let published = swabstream::clock::now();
    // Nothing is taken, so nobody is idle since then, however often it is asked.
    for _ in 0..100 {
        for task in 0..4 {
            assert!(node.log.idle_since(task).is_none_or(|at| at <= published), "task {task} is behind");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(idle(&mut node, published), 0);
    assert_eq!(node.count(), 200);
}

#[test]
fn a_worker_runs_on_the_embedded_broker_as_the_demo_does() {
    let broker = Embedded::start(LAYOUT).expect("started");
    let config = broker.config();
    publish(&config, 0..100);
    let mut node = Node::join(settings(&config, "w"));
    node.run_until(|node| node.count() == 100);
    publish(&config, 100..1_000);
    node.run_until(|node| node.count() == 1_000);
    let before = swabstream::clock::now();
    while (0..4).any(|task| node.log.idle_since(task).is_none_or(|at| at <= before)) {
        node.turn();
    }
    assert_raised(&config, 0..1_000);
}
