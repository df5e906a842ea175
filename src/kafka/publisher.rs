//! Writes records outside of a worker: files, the demo's city (each record by itself, as fast as it goes), and rules
//! (all of them in one transaction).

use super::acl::{denied, principal};
use super::client::reach::reach;
use super::client::{Role, properties};
use super::error::Error;
use super::names::{Names, topic_name};
use super::native::{self, ErrorCode, Outgoing, TransactionError, TransactionalProducer};
use super::remedy::{missing, no_broker};
use crate::clock;
use crate::config::KafkaConfig;
use crate::model::record::{Output, Topic, partition_of};
use crate::model::time::Timestamp;
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long the broker may take to tell a topic's partitions.
const METADATA_LIMIT: Duration = Duration::from_secs(10);

/// How long a transaction of [`publish_all`] may take, and how long its producer may take to be known.
const TRANSACTION_LIMIT: Duration = Duration::from_secs(30);

/// Without any confirmation for so long, leaders are looked for anew: what had none while a broker came back, the
/// library may otherwise never send (librdkafka issue 5430).
const SILENCE: Duration = Duration::from_secs(3);

/// How long such a look may hold up whoever sends.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// How long `send` tries while the local queue is full.
const ROOM_LIMIT: Duration = Duration::from_secs(120);

/// One record to send.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// Topic.
    pub topic: Topic,
    /// Partition; `None` places by key as Java's default partitioner does.
    pub partition: Option<i32>,
    /// Key; empty for none.
    pub key: &'a [u8],
    /// Payload; `None` is a tombstone.
    pub payload: Option<&'a [u8]>,
    /// Headers.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Record timestamp; `None` is now. A topic with LogAppendTime keeps the broker's in any case.
    pub timestamp: Option<Timestamp>,
}

/// What became of what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Stored by the broker.
    pub confirmed: u64,
    /// Refused or given up.
    pub failed: u64,
    /// The first failure.
    pub first_error: Option<String>,
}

/// Sends records by themselves: idempotent, in order per partition, each delivery confirmed.
pub struct Publisher {
    producer: ThreadedProducer<Deliveries>,
    config: KafkaConfig,
    partitions: BTreeMap<Topic, i32>,
    names: BTreeMap<Topic, String>,
    /// When it was last looked whether anything is confirmed, and how much was.
    heard: (Instant, u64),
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("partitions", &self.partitions).finish_non_exhaustive()
    }
}

impl Publisher {
    /// A publisher. Errors are about settings: an unreachable broker shows in the first send.
    pub fn connect(config: &KafkaConfig) -> Result<Self, Error> {
        let mut settings = ClientConfig::new();
        let all = properties(config, &Role::Publisher)?;
        let deliveries = Deliveries { principal: principal(&all), ..Deliveries::default() };
        settings.extend(all);
        let producer = ThreadedProducer::from_config_and_context(&settings, deliveries)
            .map_err(|error| Error::new(format!("kafka settings: {error}")))?;
        let (config, heard) = (config.clone(), (clock::monotonic(), 0));
        Ok(Self { producer, config, partitions: BTreeMap::new(), names: BTreeMap::new(), heard })
    }

    /// How many partitions a topic has.
    pub fn partitions(&mut self, topic: Topic) -> Result<i32, Error> {
        if let Some(count) = self.partitions.get(&topic) {
            return Ok(*count);
        }
        let name = topic_name(&self.config.prefix, topic);
        reach(&self.config, METADATA_LIMIT)?;
        let began = clock::monotonic();
        let metadata = loop {
            match self.producer.client().fetch_metadata(Some(&name), METADATA_LIMIT) {
                Ok(metadata) => break metadata,
                Err(error) if began.elapsed() > METADATA_LIMIT => {
                    return Err(Error::new(format!("asking for topic {name}: {error}")));
                }
                // A connection that breaks, as when the broker restarts, fails at once and not after the limit.
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        };
        let error = metadata.topics().iter().find_map(|topic| topic.error()).map(RDKafkaErrorCode::from);
        if error == Some(RDKafkaErrorCode::TopicAuthorizationFailed) {
            let who = &self.producer.context().principal;
            return Err(Error::new(denied(who, "Write", &format!("--topic {name}"))));
        }
        let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len()) as i32;
        if count == 0 {
            return Err(missing(&self.config, topic));
        }
        self.partitions.insert(topic, count);
        self.names.insert(topic, name);
        Ok(count)
    }

    /// Hands a record over. Waits while the local queue is full: the broker sets the pace.
    pub fn send(&mut self, record: Publication<'_>) -> Result<(), Error> {
        self.send_unless(&|| false, record).map(drop)
    }

    /// As [`send`](Self::send), but does not wait for room once it is asked to stop; whether the record was handed over.
    pub fn send_unless(&mut self, stop: &dyn Fn() -> bool, record: Publication<'_>) -> Result<bool, Error> {
        self.listen();
        let count = self.partitions(record.topic)?;
        let partition = record.partition.unwrap_or_else(|| partition_of(record.key, count));
        let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.names[&record.topic]).partition(partition);
        message.key = Some(record.key).filter(|key| !key.is_empty());
        message.payload = record.payload;
        message.timestamp = record.timestamp.map(|at| at.0);
        if !record.headers.is_empty() {
            let add = |headers: OwnedHeaders, (key, value): &(&str, &[u8])| {
                headers.insert(Header { key, value: Some(*value) })
            };
            message.headers = Some(record.headers.iter().fold(OwnedHeaders::new(), add));
        }
        let began = clock::monotonic();
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(true),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    if stop() {
                        return Ok(false);
                    }
                    if began.elapsed() > ROOM_LIMIT {
                        return Err(Error::new("the broker took nothing for two minutes"));
                    }
                    message = back;
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err((error, _)) => return Err(Error::new(format!("{}: {error}", self.names[&record.topic]))),
            }
        }
    }

    /// What became of what was sent, so far.
    pub fn delivered(&self) -> Delivered {
        self.producer.context().sum()
    }

    /// Looks for leaders where nothing has been confirmed for long although something is on its way.
    fn listen(&mut self) {
        let (looked, before) = self.heard;
        if looked.elapsed() < SILENCE {
            return;
        }
        let confirmed = self.delivered().confirmed;
        if confirmed == before && self.producer.in_flight_count() > 0 {
            self.look_for_leaders();
        }
        self.heard = (clock::monotonic(), confirmed);
    }

    fn look_for_leaders(&self) {
        for name in self.names.values() {
            // Without an answer nobody is there to send to, and it is tried again.
            let _ = self.producer.client().fetch_metadata(Some(name), LOOK_LIMIT);
        }
    }

    /// Waits until everything sent is delivered or has failed.
    pub fn flush(&self, limit: Duration) -> Result<Delivered, Error> {
        let began = clock::monotonic();
        loop {
            let left = limit.saturating_sub(began.elapsed());
            let Err(error) = self.producer.flush(SILENCE.min(left)) else { return Ok(self.delivered()) };
            if began.elapsed() >= limit {
                return Err(Error::new(format!("not everything was confirmed in time: {error}")));
            }
            self.look_for_leaders();
        }
    }
}

/// Counts deliveries. Called from the producer's thread.
#[derive(Debug, Default)]
struct Deliveries {
    confirmed: AtomicU64,
    failed: AtomicU64,
    first_error: Mutex<Option<String>>,
    /// Who sends.
    principal: String,
}

impl Deliveries {
    fn sum(&self) -> Delivered {
        Delivered {
            confirmed: self.confirmed.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            first_error: self.first_error.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone(),
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        native::logs::write(level as i32, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("kafka: {error}: {reason}");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.confirmed.fetch_add(1, Ordering::Relaxed);
            }
            Err((error, message)) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let mut first = self.first_error.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                first.get_or_insert_with(|| match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                        denied(&self.principal, "Write", &format!("--topic {}", message.topic()))
                    }
                    _ => format!("{} [{}]: {error}", message.topic(), message.partition()),
                });
            }
        }
    }
}

/// Writes all records in one transaction, or none of them: readers never see half of them.
///
/// The id fences others of the same id: of two at once one is written, whole.
pub fn publish_all(config: &KafkaConfig, transactional_id: &str, records: &[Output]) -> Result<(), Error> {
    Exclusive::open(config, transactional_id)?.write(records)
}

/// The right to write once under a transactional id: whoever has opened it before can no longer write, so what is read
/// in between is not answered twice.
#[derive(Debug)]
pub struct Exclusive {
    producer: TransactionalProducer,
    names: Names,
    principal: String,
}

impl Exclusive {
    /// Takes the id over; what its last holder left open has an end when this returns.
    pub fn open(config: &KafkaConfig, transactional_id: &str) -> Result<Self, Error> {
        let role = Role::Transactional { id: transactional_id.to_owned() };
        let properties = properties(config, &role)?;
        let principal = principal(&properties);
        let producer = TransactionalProducer::new(&properties, Arc::new(Notify::new()))?;
        let reached = producer.handle().reach(TRANSACTION_LIMIT);
        reached.map_err(|why| no_broker(config, TRANSACTION_LIMIT.as_secs(), &why))?;
        let refused = |error: TransactionError| match error.code {
            ErrorCode::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED => {
                Error::new(denied(&principal, "Write", &format!("--transactional-id {transactional_id}")))
            }
            _ => failed("no transaction could be begun", error),
        };
        producer.init(TRANSACTION_LIMIT).map_err(refused)?;
        Ok(Self { producer, names: Names::new(&config.prefix), principal })
    }

    /// Writes all records in one transaction, or none of them.
    pub fn write(self, records: &[Output]) -> Result<(), Error> {
        let Self { mut producer, names, principal } = self;
        let failed = |what: &str, error: TransactionError| match error.code {
            ErrorCode::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => {
                let topics: BTreeSet<Topic> = records.iter().map(|record| record.topic).collect();
                let topics: Vec<String> =
                    topics.iter().map(|topic| format!("--topic {}", names.of(*topic).to_string_lossy())).collect();
                Error::new(denied(&principal, "Write", &topics.join(" ")))
            }
            _ => failed(what, error),
        };
        producer.begin().map_err(|error| failed("no transaction could be begun", error))?;
        let result = produce_all(&mut producer, &names, records)
            .map_err(|error| failed("nothing was written", error))
            .and_then(|()| producer.commit(TRANSACTION_LIMIT).map_err(|error| failed("the transaction failed", error)));
        if result.is_err() {
            // The broker aborts it in any case, when the producer is gone; this only makes it sooner.
            let _ = producer.abort(Duration::from_secs(5));
        }
        result
    }
}

fn failed(what: &str, error: TransactionError) -> Error {
    match error.code {
        ErrorCode::RD_KAFKA_RESP_ERR__FENCED
        | ErrorCode::RD_KAFKA_RESP_ERR_PRODUCER_FENCED
        | ErrorCode::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH => Error::new(format!(
            "{what}: the same command was started somewhere else meanwhile, and has the right to write now; see what it did, \
             then try again"
        )),
        _ => Error::new(format!("{what}: {}", error.text)),
    }
}

/// Hands records to a producer within its transaction.
pub(super) fn produce_all<'a>(
    producer: &mut TransactionalProducer,
    names: &Names,
    records: impl IntoIterator<Item = &'a Output>,
) -> Result<(), TransactionError> {
    for record in records {
        let outgoing = Outgoing {
            topic: names.of(record.topic),
            partition: record.partition,
            key: &record.key,
            payload: record.payload.as_deref(),
            headers: &record.headers,
        };
        let began = clock::monotonic();
        while let Err(error) = producer.produce(outgoing) {
            if error.code != ErrorCode::RD_KAFKA_RESP_ERR__QUEUE_FULL || began.elapsed() > TRANSACTION_LIMIT {
                return Err(error);
            }
            producer.wait_a_moment();
        }
    }
    Ok(())
}
