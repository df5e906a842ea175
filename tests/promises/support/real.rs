//! The real program against a real Kafka: topics and rules of a deployment, the processor as a process of its own,
//! and a reader of what it publishes.

use super::kafka;
use super::oracle::{self, Published};
use super::rules;
use crate::ended::ended;
use crate::waiting::wait_until;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Output as Finished, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use swabstream::config::KafkaConfig;
use swabstream::demo::city::{City, CityConfig, Message};
use swabstream::kafka::publisher::{Publication, Publisher};
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topic_name;
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Record, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use tempfile::TempDir;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_swabstream");

/// How long anything may take before a test gives up. Only a broken build comes near.
const PATIENCE: Duration = Duration::from_secs(240);

/// How many tasks there are.
pub const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };

/// Inputs of the two groups.
const CONSUMED: [(&str, Topic); 5] = [
    ("", Topic::LabResults),
    ("", Topic::ContactRecords),
    ("", Topic::PersonGroups),
    ("", Topic::PersonEvents),
    ("-areas", Topic::AreaChanges),
];

/// A deployment of its own on the shared broker.
pub struct RealDeployment {
    config: KafkaConfig,
    folder: TempDir,
    process: Option<Child>,
    starts: u32,
    history: bool,
    inputs: Vec<Input>,
}

/// A record as anybody may send it.
pub struct Raw<'a> {
    pub key: &'a str,
    pub payload: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, Option<&'a str>)],
    pub at: Timestamp,
}

/// One topic that is consumed, read along to know how far it goes.
struct Input {
    group: String,
    topic: Topic,
    reader: TopicReader,
    /// Offset after the last record, per partition.
    ends: BTreeMap<i32, i64>,
}

impl RealDeployment {
    /// Topics and rules, for past data; nothing runs yet.
    pub fn create(name: &str, rules: &Rules) -> Self {
        Self::create_with(name, rules, true)
    }

    /// The same for what happens now.
    pub fn create_live(name: &str, rules: &Rules) -> Self {
        Self::create_with(name, rules, false)
    }

    /// One that has gone through some past days of a small city by the sample rules, and was killed then.
    pub fn that_ran(name: &str, seed: u64, days: u32) -> Self {
        let rules = Arc::new(sample_rules());
        let first = Day::parse("2022-11-12").expect("a day");
        let start = Timestamp(i64::from(first.0) * 86_400_000 - 8 * 3_600_000);
        let messages: Vec<Message> = City::new(CityConfig::past(seed, 200, start, days), rules.clone()).collect();
        let end = messages.iter().map(|message| message.at).max().expect("a city sends something");
        let mut deployment = Self::create(name, &rules);
        deployment.publish(&messages);
        deployment.mark_time(end);
        deployment.start();
        deployment.settle();
        deployment.kill();
        deployment
    }

    fn create_with(name: &str, rules: &Rules, history: bool) -> Self {
        let mut config = KafkaConfig::new(kafka::brokers(), kafka::unique(name));
        config.group = format!("{}group", config.prefix);
        let wanted = Wanted { layout: LAYOUT, replication: -1, history };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(topics::create(&config, wanted)).expect("topics are created");
        rules::publish(&config, rules);
        let folder = TempDir::new().expect("a folder");
        let input = |(suffix, topic): (&str, Topic)| Input {
            group: format!("{}{suffix}", config.group),
            topic,
            reader: TopicReader::open(&config, &[topic], From::Beginning).expect("the topic is there"),
            ends: BTreeMap::new(),
        };
        let inputs = CONSUMED.map(input).into();
        let deployment = Self { config, folder, process: None, starts: 0, history, inputs };
        deployment.write_settings();
        deployment
    }

    /// Where it is.
    pub fn config(&self) -> &KafkaConfig {
        &self.config
    }

    /// Runs a command of the program with the settings of this deployment.
    pub fn command(&self, arguments: &[&str]) -> Finished {
        self.command_with(arguments, Stdio::piped())
    }

    /// The same, with its standard output somewhere else.
    pub fn command_with(&self, arguments: &[&str], stdout: Stdio) -> Finished {
        let mut command = self.prepared(arguments);
        let child = command.stdout(stdout).stderr(Stdio::piped()).spawn().expect("the program runs");
        ended(child)
    }

    /// The same, not started yet.
    pub fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).arg("--config").arg(self.settings()).env("SWABSTREAM_SECRET", SECRET);
        command
    }

    /// Sends messages with the times they arrive at.
    pub fn publish(&self, messages: &[Message]) {
        let mut publisher = Publisher::connect(&self.config).expect("connected");
        for message in messages {
            let headers = message.content_type.map(|text| ("content-type", text.as_bytes()));
            let record = Publication {
                topic: message.topic,
                partition: Some(message.partition(LAYOUT)),
                key: &message.key,
                payload: message.payload.as_deref(),
                headers: headers.as_slice(),
                timestamp: Some(message.at),
            };
            publisher.send(record).expect("sent");
        }
        assert_eq!(publisher.flush(PATIENCE).expect("delivered").failed, 0);
    }

    /// Marks of time in every partition of the inputs.
    pub fn mark_time(&self, at: Timestamp) {
        let mut publisher = Publisher::connect(&self.config).expect("connected");
        for topic in [Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups] {
            for partition in 0..LAYOUT.person_tasks {
                let mark = Publication {
                    topic,
                    partition: Some(partition),
                    key: b"mark",
                    payload: Some(b""),
                    headers: &[("content-type", b"application/vnd.swabstream.time-mark")],
                    timestamp: Some(at),
                };
                publisher.send(mark).expect("sent");
            }
        }
        assert_eq!(publisher.flush(PATIENCE).expect("delivered").failed, 0);
    }

    /// Starts the processor.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        self.starts += 1;
        let log = File::create(self.folder.path().join(format!("run-{}.log", self.starts))).expect("a file");
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--config").arg(self.settings()).env("SWABSTREAM_SECRET", SECRET);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        self.process = Some(command.spawn().expect("the program starts"));
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it runs");
            process.wait().expect("it ends");
        }
    }

    /// Waits until so many more input records have been committed past, and kills the processor in the middle of the
    /// next.
    pub fn kill_after(&mut self, records: i64) {
        let goal = self.committed(Topic::LabResults) + records;
        self.wait("records to be committed", |deployment| deployment.committed(Topic::LabResults) >= goal);
        self.kill();
    }

    /// Waits until everything is consumed, by both halves, and nothing new comes of it.
    pub fn settle(&mut self) {
        let mut quiet = 0;
        self.wait("everything to be consumed", |deployment| {
            let consumed = deployment.is_all_consumed();
            quiet = if consumed { quiet + 1 } else { 0 };
            quiet == 8
        });
    }

    /// Waits until what is published satisfies a check, at most for a while; then checks it in earnest.
    pub fn published(&self) -> Published {
        oracle::published(|topic| self.latest(topic))
    }

    /// What `swabstream audit` says: its exit code and its report.
    pub fn audit(&self) -> (Option<i32>, serde_json::Value) {
        let finished = self.command(&["audit", "--json"]);
        let report = serde_json::from_slice(&finished.stdout).unwrap_or_else(|error| {
            panic!("no report ({error}):\n{}", String::from_utf8_lossy(&finished.stderr));
        });
        (finished.status.code(), report)
    }

    /// Puts a record into a topic as nobody should.
    pub fn forge(&self, topic: Topic, partition: i32, key: &[u8], payload: &[u8]) {
        let mut publisher = Publisher::connect(&self.config).expect("connected");
        let (headers, timestamp) = (&[][..], None);
        let record = Publication { topic, partition: Some(partition), key, payload: Some(payload), headers, timestamp };
        publisher.send(record).expect("sent");
        assert_eq!(publisher.flush(PATIENCE).expect("delivered").failed, 0);
    }

    /// Commits an offset of an input as nobody should; `half` is what its group has after the name of the other.
    pub fn commit(&self, half: &str, input: Topic, partition: i32, offset: i64, mark: &str) {
        let mut settings = ClientConfig::new();
        let group = format!("{}{half}", self.config.group);
        settings.set("bootstrap.servers", &self.config.brokers).set("group.id", group);
        let consumer: BaseConsumer = settings.create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        let mut part = list.add_partition(&topic_name(&self.config.prefix, input), partition);
        part.set_offset(Offset::Offset(offset)).expect("an offset");
        part.set_metadata(mark);
        // A killed process is a member of the group until its session ends.
        let began = Instant::now();
        while let Err(error) = consumer.commit(&list, CommitMode::Sync) {
            assert!(began.elapsed() < PATIENCE, "{error}");
            sleep(Duration::from_millis(500));
        }
    }

    /// Sends a record of an input with headers as they come, of which a value may be null.
    pub fn send(&self, topic: Topic, partition: i32, record: &Raw<'_>) {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.config.brokers);
        let producer: BaseProducer = settings.create().expect("a producer");
        let name = topic_name(&self.config.prefix, topic);
        let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: value.map(str::as_bytes) })
        });
        let mut raw: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&name).partition(partition).headers(headers);
        raw = raw.timestamp(record.at.0).key(record.key.as_bytes());
        if let Some(payload) = record.payload {
            raw = raw.payload(payload);
        }
        producer.send(raw).map_err(|(error, _)| error).expect("sent");
        producer.flush(PATIENCE).expect("delivered");
    }

    /// Begins to write to a topic in a transaction, and leaves it open.
    pub fn hang(&self, topic: Topic, partition: i32) -> BaseProducer {
        let mut settings = ClientConfig::new();
        let id = format!("{}-hangs", self.config.group);
        settings.set("bootstrap.servers", &self.config.brokers).set("transactional.id", id);
        let producer: BaseProducer = settings.create().expect("a producer");
        producer.init_transactions(PATIENCE).and_then(|()| producer.begin_transaction()).expect("begun");
        let name = topic_name(&self.config.prefix, topic);
        let record: BaseRecord<'_, str, str> = BaseRecord::to(&name).partition(partition).key("hangs");
        producer.send(record).map_err(|(error, _)| error).expect("sent");
        producer.flush(PATIENCE).expect("delivered");
        producer
    }

    /// Deletes what a partition holds before an offset, as retention does.
    pub fn delete_before(&self, topic: Topic, partition: i32, offset: i64) {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.config.brokers);
        let admin: AdminClient<DefaultClientContext> = settings.create().expect("a client");
        let mut until = TopicPartitionList::new();
        let name = topic_name(&self.config.prefix, topic);
        until.add_partition_offset(&name, partition, Offset::Offset(offset)).expect("an offset");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let deleted = runtime.block_on(admin.delete_records(&until, &AdminOptions::new())).expect("asked");
        deleted.elements()[0].error().expect("deleted");
    }

    /// Deletes a topic and makes it anew, as empty as it was made at first.
    pub fn make_anew(&self, topic: Topic) {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.config.brokers);
        let admin: AdminClient<DefaultClientContext> = settings.create().expect("a client");
        let name = topic_name(&self.config.prefix, topic);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(admin.delete_topics(&[&name], &AdminOptions::new())).expect("deleted");
        let count = topics::partitions_of(topic, LAYOUT);
        let anew = NewTopic::new(&name, count, TopicReplication::Fixed(1));
        // The broker deletes in the background.
        wait_until("the topic is made anew", || {
            runtime.block_on(admin.create_topics([&anew], &AdminOptions::new())).expect("asked")[0].is_ok()
        });
    }

    /// Everything of a topic, in order per partition.
    pub fn each(&self, topic: Topic, mut take: impl FnMut(&Record<'_>)) {
        let mut reader = TopicReader::open(&self.config, &[topic], From::Beginning).expect("the topic is there");
        let read = reader.read_to_end(PATIENCE, &mut |records| records.iter().for_each(&mut take));
        read.expect("read to the end");
    }

    /// Every dead letter: its key, its bytes, its code.
    pub fn letters(&self, mut take: impl FnMut(String, Option<&[u8]>, String)) {
        let mut reader = TopicReader::open(&self.config, &[Topic::DeadLetters], From::Beginning).expect("it is there");
        while !reader.caught_up() {
            let read = reader.poll_headers(1_000, Duration::from_millis(100), &mut |record, headers| {
                let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
                take(text(record.key), record.payload, text(headers.get("swabstream-code")));
            });
            read.expect("letters can be read");
        }
    }

    /// The offset the next record of a partition of an input gets.
    pub fn next_offset(&self, topic: Topic, partition: i32) -> i64 {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.config.brokers);
        let consumer: BaseConsumer = settings.create().expect("a consumer");
        let name = topic_name(&self.config.prefix, topic);
        consumer.fetch_watermarks(&name, partition, PATIENCE).expect("the broker answers").1
    }

    /// A member of the person half's group that is no processor, once the group has given it tasks.
    pub fn join(&self) -> BaseConsumer {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.config.brokers).set("group.id", &self.config.group);
        settings.set("partition.assignment.strategy", "cooperative-sticky").set("session.timeout.ms", "6000");
        let consumer: BaseConsumer = settings.create().expect("a consumer");
        consumer.subscribe(&[&topic_name(&self.config.prefix, Topic::LabResults)]).expect("subscribed");
        let began = Instant::now();
        while consumer.assignment().expect("it is known").count() == 0 {
            assert!(began.elapsed() < PATIENCE, "the group gave it nothing");
            drop(consumer.poll(Duration::from_millis(100)));
        }
        consumer
    }

    fn latest(&self, topic: Topic) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut latest = BTreeMap::new();
        self.each(topic, |record| {
            let key = record.key.expect("records of compacted topics have keys").to_vec();
            match record.payload {
                Some(payload) => latest.insert(key, payload.to_vec()),
                None => latest.remove(&key),
            };
        });
        latest
    }

    fn wait(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            if let Some(ended) = self.process.as_mut().and_then(|process| process.try_wait().expect("it was started")) {
                panic!("the processor ended by itself ({ended}):\n{}", self.last_log());
            }
            assert!(began.elapsed() < PATIENCE, "waited too long for {what}:\n{}", self.last_log());
            sleep(Duration::from_millis(100));
        }
    }

    fn is_all_consumed(&mut self) -> bool {
        let groups: Vec<(String, Topic)> = self.inputs.iter().map(|input| (input.group.clone(), input.topic)).collect();
        let committed: Vec<BTreeMap<i32, i64>> =
            groups.iter().map(|(group, topic)| committed(&self.config, group, *topic)).collect();
        self.inputs.iter_mut().zip(committed).all(|(input, committed)| {
            let mut fresh = 0;
            let ends = &mut input.ends;
            let read = input.reader.poll(100_000, &mut |records| {
                fresh += records.len();
                for record in records {
                    ends.insert(record.position.partition, record.position.offset + 1);
                }
            });
            read.expect("inputs can be read");
            let passed = |(partition, end): (&i32, &i64)| committed.get(partition).is_some_and(|next| next >= end);
            fresh == 0 && ends.iter().all(passed)
        })
    }

    /// Where the messages between tasks end.
    pub fn ends_of_messages(&self) -> BTreeMap<(Topic, i32), i64> {
        let parts = [(Topic::PersonEvents, LAYOUT.person_tasks), (Topic::AreaChanges, LAYOUT.area_tasks)];
        let parts = parts.into_iter().flat_map(|(topic, tasks)| (0..tasks).map(move |task| (topic, task)));
        parts.map(|(topic, task)| ((topic, task), self.next_offset(topic, task))).collect()
    }

    /// Whether everything before these ends is read and committed by whoever has the tasks.
    pub fn has_read(&self, ends: &BTreeMap<(Topic, i32), i64>) -> bool {
        let known: BTreeMap<Topic, BTreeMap<i32, i64>> = CONSUMED
            .map(|(half, topic)| (topic, committed(&self.config, &format!("{}{half}", self.config.group), topic)))
            .into();
        ends.iter().all(|((topic, task), end)| known[topic].get(task).is_some_and(|next| next >= end))
    }

    fn committed(&self, topic: Topic) -> i64 {
        committed(&self.config, &self.config.group, topic).values().sum()
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("swabstream.toml")
    }

    fn write_settings(&self) {
        let KafkaConfig { brokers, prefix, group, .. } = &self.config;
        let text = format!(
            "[kafka]\nbrokers = \"{brokers}\"\nprefix = \"{prefix}\"\ngroup = \"{group}\"\n\
             [secret]\nenv = \"SWABSTREAM_SECRET\"\n\
             [processing]\ninstance = \"one\"\nperson_workers = 2\nhistory = {}\ncommit_records = 2000\n\
             [http]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"info,swabstream=debug\"\n",
            self.history
        );
        std::fs::write(self.settings(), text).expect("a file");
    }

    /// All that was logged since its first start.
    pub fn logs(&self) -> String {
        (1..=self.starts).map(|start| self.log(start)).collect()
    }

    fn log(&self, start: u32) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("run-{start}.log"))).unwrap_or_default()
    }

    fn last_log(&self) -> String {
        let text = self.log(self.starts);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for RealDeployment {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Of the tests only.
const SECRET: &str = "00112233445566778899aabbccddeeff";

/// The same, as the program reads it.
pub fn secret() -> Secret {
    Secret::new(std::array::from_fn(|at| 0x11 * at as u8))
}

/// What a group has committed of a topic.
fn committed(config: &KafkaConfig, group: &str, topic: Topic) -> BTreeMap<i32, i64> {
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", &config.brokers).set("group.id", group);
    let consumer: BaseConsumer = settings.create().expect("a consumer");
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_range(&topic_name(&config.prefix, topic), 0, topics::partitions_of(topic, LAYOUT) - 1);
    let Ok(found) = consumer.committed_offsets(wanted, Duration::from_secs(10)) else { return BTreeMap::new() };
    let offsets = found.elements().into_iter().filter_map(|part| Some((part.partition(), part.offset().to_raw()?)));
    offsets.filter(|(_, offset)| *offset >= 0).collect()
}
