//! What a task finds again: all that was committed, nothing that was not, or a refusal that says what is wrong.

use crate::kafka;
use crate::node::{LIMIT, Node, assert_raised, config, create_topics, publish, settings};
use std::time::{Duration, Instant};
use swabstream::config::KafkaConfig;
use swabstream::model::record::Topic;
use swabstream::runtime::log::Log;

/// What a process killed in the middle of a transaction leaves: records written, no end.
fn leave_transaction_open(config: &KafkaConfig, id: &str, timeout_ms: u32) {
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    let producer: BaseProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &config.brokers)
        .set("transactional.id", format!("{}{id}", config.prefix))
        .set("transaction.timeout.ms", timeout_ms.to_string())
        .create()
        .expect("a producer");
    producer.init_transactions(LIMIT).expect("initialised");
    producer.begin_transaction().expect("begun");
    for (topic, text) in [(Topic::PersonState, "999 999 "), (Topic::Alerts, "ghost")] {
        let topic = format!("{}{}", config.prefix, topic.name());
        producer.send(BaseRecord::to(&topic).partition(0).key("state").payload(text)).expect("sent");
    }
    producer.flush(LIMIT).expect("written");
    // Dropped without an end, as by a kill.
}

/// Whoever gets the id aborts what it left open.
fn end_transaction(config: &KafkaConfig, id: &str) {
    use rdkafka::producer::{BaseProducer, Producer};
    let producer: BaseProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &config.brokers)
        .set("transactional.id", format!("{}{id}", config.prefix))
        .create()
        .expect("a producer");
    producer.init_transactions(LIMIT).expect("initialised");
}

#[test]
fn a_transaction_cut_off_in_the_middle_leaves_nothing() {
    let config = config(&kafka::unique("cut"));
    create_topics(&config);
    publish(&config, 0..100);
    let mut first = Node::join(settings(&config, "w"));
    first.run_until(|node| node.count() == 100);
    drop(first);
    // Its own restart ends it at once, however long the broker would wait for it.
    leave_transaction_open(&config, "w", 600_000);
    publish(&config, 100..200);
    let mut second = Node::join(settings(&config, "w"));
    second.run_until(|node| node.count() == 200);
    assert_raised(&config, 0..200);
}

#[test]
fn a_restore_waits_out_the_open_transaction_of_a_dead_predecessor() {
    let config = config(&kafka::unique("open"));
    create_topics(&config);
    publish(&config, 0..100);
    let mut first = Node::join(settings(&config, "first"));
    first.run_until(|node| node.count() == 100);
    // Open below what is committed next: the stable end stays there, the state does not.
    leave_transaction_open(&config, "dead", 5_000);
    publish(&config, 100..200);
    first.run_until(|node| node.count() == 200);
    drop(first);
    let mut second = Node::join(settings(&config, "second"));
    // The harness compares restored state and committed offsets: a restore to the stable end fails there.
    second.run_until(|node| node.running.len() == 4);
    assert_eq!(second.count(), 200);
    assert_raised(&config, 0..200);
}

#[test]
fn a_transaction_that_nobody_ends_is_named_and_holds_up_its_task_alone() {
    let config = config(&kafka::unique("hanging"));
    create_topics(&config);
    publish(&config, 0..100);
    leave_transaction_open(&config, "dead", 600_000);
    let mut settings = settings(&config, "w");
    settings.restore_wait = Duration::from_secs(1);
    let mut node = Node::join(settings);
    node.run_until(|node| !node.stuck.is_empty() && node.running.len() == 3);
    assert_eq!(node.stuck.keys().collect::<Vec<_>>(), [&0]);
    let topic = format!("{}person-state", config.prefix);
    let abort = format!(
        "kafka-transactions.sh --bootstrap-server {} abort --topic {topic} --partition 0 --start-offset 0",
        config.brokers
    );
    let why = &node.stuck[&0];
    assert!(why.contains(&format!("{topic} [0]")) && why.contains("ends at offset 1") && why.contains(&abort), "{why}");

    // As the command would: the transaction is aborted.
    end_transaction(&config, "dead");
    node.run_until(|node| node.count() == 100);
    assert_raised(&config, 0..100);
}

#[test]
fn a_restore_starts_where_the_last_commit_says() {
    let config = config(&kafka::unique("from"));
    create_topics(&config);
    let mut first = Node::join(settings(&config, "w"));
    for round in 0..10 {
        publish(&config, round * 8..(round + 1) * 8);
        first.run_until(|node| node.count() == (round as u64 + 1) * 8);
    }
    let ends = (0..4).map(|task| changelog_end(&mut first, task));
    first.restore_from = ends.min().expect("four tasks");
    publish(&config, 80..88);
    first.run_until(|node| node.count() == 88);
    drop(first);
    let mut second = Node::join(settings(&config, "w"));
    second.run_until(|node| node.count() == 88);
    assert!(second.restored < 4 * 10, "{} records were read again", second.restored);
}

/// The end of a task's changelog, once it was answered.
fn changelog_end(node: &mut Node, task: i32) -> i64 {
    let began = Instant::now();
    loop {
        if let Some(end) = node.log.changelog_end(task) {
            return end;
        }
        assert!(began.elapsed() < LIMIT, "nobody answers");
        std::thread::sleep(Duration::from_millis(1));
    }
}
