//! Who works on what: members that come, go, die and wake up.

use crate::kafka;
use crate::node::{LIMIT, Node, alerts, assert_raised, config, create_topics, publish, settings};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use swabstream::config::KafkaConfig;

#[test]
fn two_members_share_the_tasks_and_hand_over_without_loss() {
    let config = config(&kafka::unique("share"));
    create_topics(&config);
    publish(&config, 0..1_000);
    let mut first = Node::join(settings(&config, "a"));
    first.run_until(|node| node.count() == 1_000);
    assert_eq!(first.running.len(), 4);

    let mut second = Node::join(settings(&config, "b"));
    let began = Instant::now();
    while second.running.len() < 2 {
        assert!(began.elapsed() < LIMIT, "the second member got no tasks");
        first.turn();
        second.turn();
    }
    assert_eq!((first.running.len(), second.running.len(), first.lost), (2, 2, 0));
    publish(&config, 1_000..3_000);
    let began = Instant::now();
    while first.count() + second.count() < 3_000 {
        assert!(began.elapsed() < LIMIT, "{} + {} of 3,000", first.count(), second.count());
        for node in [&mut first, &mut second] {
            node.step().expect("no fatal error");
            node.commit().expect("both are members");
        }
    }
    assert_raised(&config, 0..3_000);

    // The first leaves; the second takes over what it had.
    drop(first);
    publish(&config, 3_000..3_100);
    second.run_until(|node| node.count() == 3_100);
    assert_raised(&config, 0..3_100);
}

/// The environment variable that turns this test binary into a worker to be killed: prefix and id.
const CHILD: &str = "SWABSTREAM_TEST_CHILD";

/// A worker in a process of its own, running until it is killed or this process ends.
struct Worker(Child);

impl Worker {
    /// `test` is the test that calls this; in the child it calls [`work_if_child`].
    fn spawn(test: &str, config: &KafkaConfig, id: &str) -> Self {
        let child = Command::new(std::env::current_exe().expect("this binary"))
            .args([test, "--exact"])
            .env(CHILD, format!("{} {id}", config.prefix))
            .env("SWABSTREAM_TEST_BROKERS", &config.brokers)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a second process");
        Self(child)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.0.id().to_string()]).status().expect("kill is there");
        assert!(sent.success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// In a child: works, in many small transactions, until killed.
fn work_if_child() {
    let Ok(child) = std::env::var(CHILD) else { return };
    let (prefix, id) = child.split_once(' ').expect("prefix and id");
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
    let mut node = Node::join(settings(&config(prefix), id));
    loop {
        let stepped = node.step().and_then(|_| if node.commit().is_err() { node.recover() } else { Ok(()) });
        if let Err(error) = stepped {
            eprintln!("the worker ends: {error}");
            std::process::exit(1);
        }
    }
}

fn wait_for_alerts(config: &KafkaConfig, at_least: usize) {
    let began = Instant::now();
    while alerts(config).len() < at_least {
        assert!(began.elapsed() < LIMIT, "fewer than {at_least} alerts");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn killed_again_and_again_it_raises_each_alert_once() {
    work_if_child();
    let config = config(&kafka::unique("kill"));
    create_topics(&config);
    for round in 0..5_usize {
        let worker = Worker::spawn("placement::killed_again_and_again_it_raises_each_alert_once", &config, "w");
        publish(&config, round * 2_000..(round + 1) * 2_000);
        // Somewhere in the middle of its work.
        wait_for_alerts(&config, round * 2_000 + 1 + round * 300);
        drop(worker);
    }
    let mut last = Node::join(settings(&config, "w"));
    last.run_until(|node| node.count() == 10_000);
    assert_raised(&config, 0..10_000);
}

#[test]
fn a_zombie_that_wakes_up_writes_nothing() {
    work_if_child();
    let config = config(&kafka::unique("zombie"));
    create_topics(&config);
    let zombie = Worker::spawn("placement::a_zombie_that_wakes_up_writes_nothing", &config, "zombie");
    publish(&config, 0..2_000);
    wait_for_alerts(&config, 1);
    zombie.signal("-STOP");

    // Its session ends, and the heir gets all tasks.
    let mut heir = Node::join(settings(&config, "heir"));
    publish(&config, 2_000..4_000);
    heir.run_until(|node| node.count() == 4_000);
    assert_eq!(heir.running.len(), 4);

    zombie.signal("-CONT");
    publish(&config, 4_000..5_000);
    // It may join again and get tasks: its work then counts, but only then.
    let (started, mut looked, mut seen) = (Instant::now(), Instant::now(), 0);
    while seen < 5_000 {
        assert!(started.elapsed() < LIMIT, "{seen} of 5,000 alerts");
        heir.turn();
        if looked.elapsed() > Duration::from_millis(300) {
            (looked, seen) = (Instant::now(), alerts(&config).len());
        }
    }
    assert_raised(&config, 0..5_000);
}
