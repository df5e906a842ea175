//! The least that brings a positive to a reader exactly once: read the topic, write each positive in a transaction of
//! its own. No state, no offsets, nothing else in the transaction: what it takes, no processor can go below.

use super::site::Site;
use anyhow::Context as _;
use prost::Message as _;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topic_name;
use swabstream::model::record::Topic;
use swabstream::proto::v1::{Finding, LabResult};

/// How long the broker may take for anything.
const LIMIT: Duration = Duration::from_secs(30);

/// A relay at work. It writes what it finds to `alerts` of its site, as it is.
pub struct Relay {
    thread: JoinHandle<anyhow::Result<()>>,
    ended: Arc<AtomicBool>,
}

impl Relay {
    /// Starts one at the end of the topic.
    pub fn start(site: &Site) -> anyhow::Result<Self> {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &site.config.brokers);
        settings.set("transactional.id", format!("{}relay", site.config.prefix));
        settings.set("linger.ms", "0");
        let producer: BaseProducer = settings.create()?;
        producer.init_transactions(LIMIT)?;
        let mut reader = TopicReader::open(&site.config, &[Topic::LabResults], From::End)?;
        let (alerts, ended) = (topic_name(&site.config.prefix, Topic::Alerts), Arc::new(AtomicBool::new(false)));
        let is_over = ended.clone();
        let thread = std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let mut positive: Vec<Vec<u8>> = Vec::new();
                reader.poll_within(1_000, Duration::from_millis(5), &mut |records| {
                    let payloads = records.iter().filter_map(|record| record.payload);
                    positive.extend(payloads.filter(|payload| is_positive(payload)).map(<[u8]>::to_vec));
                })?;
                for payload in positive {
                    write(&producer, &alerts, &payload)?;
                }
            }
            Ok(())
        });
        Ok(Self { thread, ended })
    }

    /// Ends it.
    pub fn shut_down(self) -> anyhow::Result<()> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().expect("the relay does not panic")
    }
}

fn is_positive(payload: &[u8]) -> bool {
    LabResult::decode(payload).expect("a result").finding() == Finding::Positive
}

fn write(producer: &BaseProducer, topic: &str, payload: &[u8]) -> anyhow::Result<()> {
    producer.begin_transaction()?;
    // A compacted topic takes nothing without a key.
    let record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).partition(0).key(payload).payload(payload);
    producer.send(record).map_err(|(error, _)| error)?;
    commit(producer)
}

/// By the C call, which the wrapper's waits 100 ms for.
#[expect(unsafe_code, reason = "what a relay takes is what the library takes, and the crate has no other way to it")]
fn commit(producer: &BaseProducer) -> anyhow::Result<()> {
    // The library's own flush, part of the commit, looks every 10 ms only.
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(1));
    }
    // SAFETY: the client is live, and the error is destroyed once.
    let failed = unsafe {
        let error = rdkafka_sys::rd_kafka_commit_transaction(producer.client().native_ptr(), LIMIT.as_millis() as i32);
        let failed = !error.is_null();
        if failed {
            rdkafka_sys::rd_kafka_error_destroy(error);
        }
        failed
    };
    (!failed).then_some(()).context("the relay's transaction failed")
}
