//! The largest record an input takes must fit its dead letter: on a real Kafka, with the topics as we create them.

#[path = "support/kafka.rs"]
mod kafka;

use std::time::Duration;
use swabstream::config::KafkaConfig;
use swabstream::kafka::publisher::{Publication, Publisher, publish_all};
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::outcome::{Reject, RejectCode};
use swabstream::model::record::{Layout, Record, Topic};
use swabstream::pipeline::decode::dead_letter;

const LIMIT: Duration = Duration::from_secs(30);

/// What cannot be compressed: a fixed sequence without repetition.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn read(config: &KafkaConfig, topic: Topic, take: &mut dyn FnMut(&Record<'_>)) {
    let mut reader = TopicReader::open(config, &[topic], From::Beginning).expect("the topic is there");
    reader.read_to_end(LIMIT, &mut |records| records.iter().for_each(&mut *take)).expect("read to the end");
}

/// Topics of one partition each, as we create them.
fn fresh(name: &str) -> KafkaConfig {
    let config = KafkaConfig::new(kafka::brokers(), kafka::unique(name));
    let wanted = Wanted { layout: Layout { person_tasks: 1, area_tasks: 1 }, replication: -1, history: false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(topics::create(&config, wanted)).expect("created");
    config
}

/// Records of `lab-results`: key, payload.
fn publish(config: &KafkaConfig, records: &[(&[u8], &[u8])]) {
    let mut publisher = Publisher::connect(config).expect("settings");
    for (key, payload) in records {
        let (topic, payload) = (Topic::LabResults, Some(*payload));
        let record = Publication { topic, partition: None, key, payload, headers: &[], timestamp: None };
        publisher.send(record).expect("sent");
    }
    assert_eq!(publisher.flush(LIMIT).expect("confirmed").confirmed, records.len() as u64);
}

#[test]
fn the_largest_record_of_an_input_fits_its_dead_letter() {
    let config = fresh("large");
    // The broker's limit of 1,048,588 bytes is of a batch: this record just fits, with its headers it would not.
    let bytes = noise(1_048_400);
    publish(&config, &[(b"p1", &bytes)]);
    let mut letters = Vec::new();
    read(&config, Topic::LabResults, &mut |record| {
        letters.push(dead_letter::output(record, &Reject::new(RejectCode::TooLarge, ""), 0));
    });
    assert_eq!(letters.len(), 1);
    publish_all(&config, &kafka::unique("large-letters"), &letters).expect("the dead letter is taken");
    let mut kept = Vec::new();
    read(&config, Topic::DeadLetters, &mut |record| kept.push(record.payload.map(<[u8]>::to_vec)));
    assert_eq!(kept, [Some(bytes)]);
}

#[test]
fn a_record_without_a_key_has_none_where_it_is_set_aside() {
    let config = fresh("keyless");
    publish(&config, &[(b"", b"x"), (b"p1", b"x")]);
    let mut letters = Vec::new();
    read(&config, Topic::LabResults, &mut |record| {
        letters.push(dead_letter::output(record, &Reject::new(RejectCode::Malformed, ""), 0));
    });
    publish_all(&config, &kafka::unique("keyless-letters"), &letters).expect("the dead letters are taken");
    let mut kept = Vec::new();
    read(&config, Topic::DeadLetters, &mut |record| kept.push(record.key.map(<[u8]>::to_vec)));
    assert_eq!(kept, [None, Some(b"p1".to_vec())]);
}
