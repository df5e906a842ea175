//! Topics of a deployment, and one worker on them that counts.

use crate::counting::Counting;
use crate::kafka;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use swabstream::clock;
use swabstream::config::KafkaConfig;
use swabstream::kafka::log::{self, KafkaLog};
use swabstream::kafka::publisher::{Publication, Publisher};
use swabstream::kafka::topic_name;
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Topic};
use swabstream::pipeline::formats::Formats;
use swabstream::pipeline::half::{DUE_AT_MOST, Half};
use swabstream::policy::sample::sample_rules;
use swabstream::runtime::log::Fatal;
use swabstream::runtime::task::RulesInForce;
use swabstream::runtime::worker::{Settings, Worker};
use swabstream::telemetry::Telemetry;

pub const LAYOUT: Layout = Layout { person_tasks: 2, area_tasks: 1 };
pub const LIMIT: Duration = Duration::from_secs(60);

/// Topics, and what was published to them.
pub struct Deployment {
    pub config: KafkaConfig,
}

impl Deployment {
    /// On the broker of all tests.
    pub fn create(name: &str) -> Self {
        let mut config = KafkaConfig::new(kafka::brokers(), kafka::unique(name));
        config.group = format!("{}group", config.prefix);
        let wanted = Wanted { layout: LAYOUT, replication: -1, history: false };
        block_on(topics::create(&config, wanted)).expect("created");
        Self { config }
    }

    /// One that was at work: so many results were counted, and its worker has left.
    pub fn that_counted(name: &str, results: u64) -> Self {
        let deployment = Self::create(name);
        deployment.publish((0..results).map(|_| "a".to_owned()));
        let mut first = deployment.start();
        first.run_until_counted(results);
        first.stop();
        deployment
    }

    /// Publishes names to be counted, all to partition 0 of the results: those that live in task 1 are sent on.
    pub fn publish(&self, names: impl IntoIterator<Item = String>) {
        let mut publisher = Publisher::connect(&self.config).expect("connected");
        for name in names {
            let record = Publication {
                topic: Topic::LabResults,
                partition: Some(0),
                key: b"k",
                payload: Some(name.as_bytes()),
                headers: &[],
                timestamp: None,
            };
            publisher.send(record).expect("sent");
        }
        assert_eq!(publisher.flush(LIMIT).expect("flushed").failed, 0);
    }

    /// A worker that joins the group.
    pub fn start(&self) -> Running {
        self.start_as("worker", LAYOUT)
    }

    /// A worker of a name that takes the topics for those of a layout.
    pub fn start_as(&self, name: &str, layout: Layout) -> Running {
        let id = format!("{}{name}", self.config.prefix);
        let log = log::Settings::new(&self.config, &self.config.group, id, Counting::INPUTS, Counting::CHANGELOG);
        let telemetry = Telemetry::new(Arc::default());
        let meter = telemetry.worker(Counting::KIND, Counting::INPUTS);
        let rules = RulesInForce { rules: Arc::new(sample_rules()), offset: 0 };
        let worker = Worker::new(KafkaLog::join(log).expect("joined"), settings(layout), rules, meter);
        Running { worker, telemetry }
    }

    /// What the group has committed of a partition.
    pub fn committed(&self, topic: Topic, partition: i32) -> Option<i64> {
        let consumer: BaseConsumer = self.client().set("group.id", &self.config.group).create().expect("a consumer");
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition(&self.topic(topic), partition);
        let found = consumer.committed_offsets(wanted, LIMIT).expect("the group answers");
        found.elements()[0].offset().to_raw().filter(|offset| *offset >= 0)
    }

    /// Moves what the group has committed of a partition; what else is known of the commit stays.
    pub fn move_committed(&self, topic: Topic, partition: i32, to: i64) {
        let consumer: BaseConsumer = self.client().set("group.id", &self.config.group).create().expect("a consumer");
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition(&self.topic(topic), partition);
        let mut offsets = consumer.committed_offsets(wanted, LIMIT).expect("the group answers");
        offsets.set_partition_offset(&self.topic(topic), partition, Offset::Offset(to)).expect("an offset");
        consumer.commit(&offsets, CommitMode::Sync).expect("committed");
    }

    /// Start and end of a partition.
    pub fn ends(&self, topic: Topic, partition: i32) -> (i64, i64) {
        self.served(topic, partition).expect("the broker answers")
    }

    /// The same, where the broker may not know the partition yet, or no more.
    pub fn served(&self, topic: Topic, partition: i32) -> KafkaResult<(i64, i64)> {
        let consumer: BaseConsumer = self.client().create().expect("a consumer");
        consumer.fetch_watermarks(&self.topic(topic), partition, LIMIT)
    }

    /// Does what retention does to a partition that was silent for long: everything in it is deleted.
    pub fn delete_all_records(&self, topic: Topic, partition: i32) {
        self.delete_records(topic, partition, Offset::End).expect("deleted");
    }

    /// Deletes what a partition holds before an offset. The broker refuses where its settings say that it is kept.
    pub fn delete_records(&self, topic: Topic, partition: i32, before: Offset) -> KafkaResult<()> {
        let mut until = TopicPartitionList::new();
        until.add_partition_offset(&self.topic(topic), partition, before)?;
        let deleted = block_on(self.admin().delete_records(&until, &Default::default()))?;
        deleted.elements()[0].error()
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("an admin client")
    }

    pub fn topic(&self, topic: Topic) -> String {
        topic_name(&self.config.prefix, topic)
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.config.brokers);
        client
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn settings(layout: Layout) -> Settings {
    Settings {
        layout,
        secret: Secret::new([7; 16]),
        max_record_bytes: 1_000_000,
        ring: 64,
        commit_interval_ms: 20,
        commit_records: 10_000,
        commit_floor: 10,
        due_at_most: DUE_AT_MOST,
        history: false,
        formats: Formats::default(),
    }
}

/// A worker at work.
pub struct Running {
    worker: Worker<Counting, KafkaLog>,
    telemetry: Arc<Telemetry>,
}

impl Running {
    /// One step, and a rest where there was nothing to do.
    pub fn turn(&mut self) -> Result<(), Fatal> {
        if !self.worker.step(clock::now())? {
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Works until something holds.
    pub fn run_until(&mut self, mut holds: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < LIMIT, "not within a minute: {:?}", self.counters());
            self.turn().expect("no fatal error");
        }
    }

    /// Works until all tasks run and so many records are counted.
    pub fn run_until_counted(&mut self, records: u64) {
        self.run_until(|running| {
            running.worker.running().count() == LAYOUT.person_tasks as usize
                && running.counters().values().sum::<u64>() == records
        });
    }

    /// Ends it after its last commit.
    pub fn stop(mut self) {
        self.worker.finish(clock::now()).expect("no fatal error");
    }

    /// Works until it must not go on; what it says then.
    pub fn run_until_refused(&mut self) -> String {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < LIMIT, "it goes on: {:?}", self.counters());
            if let Err(fatal) = self.turn() {
                return fatal.to_string();
            }
        }
    }

    /// Whether the group has told it which tasks it has, if any; and how many those are.
    pub fn placed(&self) -> Option<usize> {
        let status = self.telemetry.status().snapshot();
        status[0].placed.then_some(status[0].tasks.len())
    }

    /// Tasks that run, with the number of the last commit of each.
    pub fn commits(&self) -> BTreeMap<i32, u64> {
        self.worker.running().map(|(task, running)| (task, running.seq())).collect()
    }

    /// All counters of its tasks.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        self.worker.running().flat_map(|(_, task)| task.half().counters()).collect()
    }
}
