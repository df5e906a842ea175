//! `KafkaLog` on a real Kafka: placement, fencing, restore, under kills and zombies.
//!
//! The worker here is the smallest that shows a loss: it counts records per task, keeps the count and the offsets in
//! the changelog, and writes one alert per record, whose id says which record it was.

#[path = "support/kafka.rs"]
mod kafka;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use swabstream::config::{KafkaConfig, Property};
use swabstream::kafka::log::{KafkaLog, Settings};
use swabstream::kafka::publisher::{Publication, Publisher};
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::record::{Layout, Output, Record, Topic};
use swabstream::runtime::log::{Commit, CommitError, CommitMark, Fatal, Log, Polled, Restore, TaskCommit};

const INPUTS: &[Topic] = &[Topic::LabResults, Topic::ContactRecords];
const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 1 };
const LIMIT: Duration = Duration::from_secs(60);

fn config(prefix: &str) -> KafkaConfig {
    let mut config = KafkaConfig::new(kafka::brokers(), prefix);
    config.group = format!("{prefix}group");
    for (name, value) in
        [("session.timeout.ms", 3_000), ("heartbeat.interval.ms", 300), ("transaction.timeout.ms", 5_000)]
    {
        config.properties.insert(name.to_owned(), Property::Number(value));
    }
    config
}

fn create_topics(config: &KafkaConfig) {
    let wanted = Wanted { layout: LAYOUT, replication: -1, history: false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(topics::create(config, wanted)).expect("created");
}

fn publish(config: &KafkaConfig, records: std::ops::Range<usize>) {
    let mut publisher = Publisher::connect(config).expect("connected");
    for n in records {
        let (topic, partition) = (INPUTS[n % 2], (n / 2) as i32 % LAYOUT.person_tasks);
        let text = format!("r{n}");
        let record = Publication {
            topic,
            partition: Some(partition),
            key: b"k",
            payload: Some(text.as_bytes()),
            headers: &[],
            timestamp: None,
        };
        publisher.send(record).expect("sent");
    }
    assert_eq!(publisher.flush(LIMIT).expect("flushed").failed, 0);
}

fn settings(config: &KafkaConfig, id: &str) -> Settings {
    let mut settings =
        Settings::new(config, &config.group, format!("{}{id}", config.prefix), INPUTS, Topic::PersonState);
    settings.static_member = false;
    settings
}

/// What a task knows: as many records as it has seen, and where it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    seq: u64,
    count: u64,
    next: BTreeMap<Topic, i64>,
    alerts: Vec<String>,
}

impl State {
    fn apply(&mut self, record: &Record<'_>) {
        self.count += 1;
        self.next.insert(record.position.topic, record.position.offset + 1);
        self.alerts.push(String::from_utf8_lossy(record.payload.unwrap_or_default()).into_owned());
    }

    fn to_text(&self) -> String {
        let next: Vec<String> = self.next.iter().map(|(topic, next)| format!("{}={next}", topic.name())).collect();
        format!("{} {} {}", self.seq, self.count, next.join(","))
    }

    fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a number");
        let (seq, count) = (number(), number());
        let entry = |entry: &str| {
            let (topic, next) = entry.split_once('=')?;
            Some((Topic::named(topic)?, next.parse().ok()?))
        };
        let next = words.next().unwrap_or_default().split(',').filter_map(entry).collect();
        Self { seq, count, next, alerts: Vec::new() }
    }
}

struct Node {
    log: KafkaLog,
    restoring: BTreeMap<i32, State>,
    running: BTreeMap<i32, State>,
    lost: usize,
    /// Changelog offset that later restores start from.
    restore_from: i64,
}

impl Node {
    fn join(settings: Settings) -> Self {
        let log = KafkaLog::join(settings).expect("joined");
        Self { log, restoring: BTreeMap::new(), running: BTreeMap::new(), lost: 0, restore_from: 0 }
    }

    fn step(&mut self) -> Result<Polled, Fatal> {
        let running = &mut self.running;
        let polled = self.log.poll(1_000, &mut |records| {
            for record in records {
                running.get_mut(&record.position.partition).expect("records of running tasks only").apply(record);
            }
        })?;
        match &polled {
            Polled::Nothing | Polled::Records(_) => {}
            Polled::Assigned(tasks) => self.restoring.extend(tasks.iter().map(|task| (*task, State::default()))),
            Polled::Revoked(tasks) => {
                self.commit().expect("the tasks are still ours");
                self.give_back(tasks)?;
            }
            Polled::Lost(tasks) => {
                self.lost += tasks.len();
                self.give_back(tasks)?;
            }
        }
        self.restore()?;
        Ok(polled)
    }

    fn give_back(&mut self, tasks: &[i32]) -> Result<(), Fatal> {
        for task in tasks {
            self.running.remove(task);
            self.restoring.remove(task);
        }
        self.log.release(tasks)
    }

    fn restore(&mut self) -> Result<(), Fatal> {
        for task in self.restoring.keys().copied().collect::<Vec<_>>() {
            let state = self.restoring.get_mut(&task).expect("it is restoring");
            let done = self.log.restore(task, &mut |records| {
                for record in records {
                    *state = State::parse(&String::from_utf8_lossy(record.payload.unwrap_or_default()));
                }
            })?;
            if let Restore::Done(committed) = done {
                let state = self.restoring.remove(&task).expect("it is restoring");
                assert_eq!(committed.mark.map_or(0, |mark| mark.seq), state.seq, "offsets and changelog agree");
                let next: BTreeMap<Topic, i64> = committed.next.iter().copied().collect();
                assert_eq!(next, state.next, "offsets and changelog agree");
                self.log.start(task, &committed.next)?;
                self.running.insert(task, state);
            }
        }
        Ok(())
    }

    /// Commits tasks with something new; offsets that never moved are the earliest.
    fn commit(&mut self) -> Result<(), CommitError> {
        let mut outputs = Vec::new();
        let mut tasks = Vec::new();
        for (task, state) in self.running.iter_mut().filter(|(_, state)| !state.alerts.is_empty()) {
            for topic in INPUTS {
                state.next.entry(*topic).or_insert(0);
            }
            state.seq += 1;
            outputs.extend(state.alerts.drain(..).map(|id| output(Topic::Alerts, *task, &id, &id)));
            let changes = vec![output(Topic::PersonState, *task, "state", &state.to_text())];
            let next = state.next.iter().map(|(topic, next)| (*topic, *next)).collect();
            let mark = CommitMark { seq: state.seq, restore_from: self.restore_from };
            tasks.push(TaskCommit { task: *task, changes, next, mark });
        }
        if tasks.is_empty() { Ok(()) } else { self.log.commit(&Commit::new(outputs, tasks)) }
    }

    /// The one answer to a failed commit.
    fn recover(&mut self) -> Result<(), Fatal> {
        self.log.rewind()?;
        let all: Vec<i32> =
            std::mem::take(&mut self.running).into_keys().chain(self.restoring.keys().copied()).collect();
        self.restoring = all.into_iter().map(|task| (task, State::default())).collect();
        Ok(())
    }

    /// Steps and commits until something holds.
    fn run_until(&mut self, mut holds: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(
                began.elapsed() < LIMIT,
                "not within a minute: {:?} running, {:?} restoring",
                self.running,
                self.restoring
            );
            if self.step().expect("no fatal error") == Polled::Nothing {
                std::thread::sleep(Duration::from_millis(2));
            }
            if self.commit().is_err() {
                self.recover().expect("recovered");
            }
        }
    }

    fn count(&self) -> u64 {
        self.running.values().map(|state| state.count).sum()
    }
}

fn output(topic: Topic, partition: i32, key: &str, payload: &str) -> Output {
    Output { topic, partition, key: key.into(), payload: Some(payload.into()), headers: Vec::new() }
}

/// Ids of all alerts a `read_committed` reader sees; each must be there once.
fn alerts(config: &KafkaConfig) -> BTreeSet<String> {
    let mut reader = TopicReader::open(config, &[Topic::Alerts], From::Beginning).expect("there are alerts");
    let mut seen = BTreeSet::new();
    reader
        .read_to_end(LIMIT, &mut |records| {
            for record in records {
                let id = String::from_utf8_lossy(record.payload.unwrap_or_default()).into_owned();
                assert!(seen.insert(id.clone()), "{id} was raised twice");
            }
        })
        .expect("read to the end");
    seen
}

fn ids(records: std::ops::Range<usize>) -> BTreeSet<String> {
    records.map(|n| format!("r{n}")).collect()
}

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
        first.run_until(|_| true);
        second.run_until(|_| true);
        for node in [&mut first, &mut second] {
            node.step().expect("no fatal error");
        }
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
    assert_eq!(alerts(&config), ids(0..3_000));

    // The first leaves; the second takes over what it had.
    drop(first);
    publish(&config, 3_000..3_100);
    second.run_until(|node| node.count() == 3_100);
    assert_eq!(alerts(&config), ids(0..3_100));
}
