//! What lies before an instance when it goes on: results as large as they may be.

use super::random::Random;
use prost::Message as _;
use std::time::Duration;
use swabstream::clock;
use swabstream::config::{KafkaConfig, Property};
use swabstream::kafka::publisher::{Publication, Publisher};
use swabstream::model::record::Topic;
use swabstream::proto::v1::{Finding, LabResult, ResultStatus};

/// Largest record taken, less what key and fields need.
const PADDING: usize = 256 * 1024 - 1_024;

/// A field that the contract does not have, with bytes: taken, and passed over.
const UNKNOWN_FIELD: u32 = 1_000;

/// How long the broker may take to store the last of them.
const STORED_LIMIT: Duration = Duration::from_secs(120);

/// Publishes so many, each of another person. Returns how many bytes that were.
pub fn publish(config: &KafkaConfig, results: u64) -> usize {
    let mut config = config.clone();
    // Or this process holds most of it.
    config.properties.insert("queue.buffering.max.kbytes".to_owned(), Property::Number(64 * 1024));
    let mut publisher = Publisher::connect(&config).expect("the settings are right");
    let mut random = Random::new(1);
    // Nothing that compression makes small.
    let padding: Vec<u8> = (0..PADDING).map(|_| random.below(256) as u8).collect();
    let mut bytes = 0;
    for number in 0..results {
        let result = result(number);
        let mut payload = result.encode_to_vec();
        prost::encoding::bytes::encode(UNKNOWN_FIELD, &padding, &mut payload);
        bytes += payload.len();
        let record = Publication {
            topic: Topic::LabResults,
            partition: None,
            key: result.person_id.as_bytes(),
            payload: Some(&payload),
            headers: &[],
            timestamp: None,
        };
        publisher.send(record).expect("the broker takes it");
    }
    let delivered = publisher.flush(STORED_LIMIT).expect("the broker stores them");
    assert_eq!(delivered.confirmed, results, "{:?}", delivered.first_error);
    bytes
}

/// A negative of somebody whom the labs of the stream do not know, under the sample rules.
fn result(number: u64) -> LabResult {
    LabResult {
        lab_id: "LAB-1".to_owned(),
        result_id: format!("BACKLOG-R{number}"),
        status: ResultStatus::Final as i32,
        person_id: format!("BACKLOG-P{number}"),
        specimen_id: format!("BACKLOG-S{number}"),
        target: "sars-cov-2".to_owned(),
        collected_at: Some(clock::now().plus_hours(-1).to_wire()),
        area: "D1S1".to_owned(),
        purpose: "screening".to_owned(),
        finding: Finding::Negative as i32,
        ..LabResult::default()
    }
}
