//! The smallest worker that shows a loss: it counts records per task, keeps the count and the offsets in the
//! changelog, and writes one alert per record, whose id says which record it was.

use crate::kafka;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use swabstream::config::{KafkaConfig, Property};
use swabstream::kafka::log::{KafkaLog, Settings};
use swabstream::kafka::publisher::{Publication, Publisher};
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::record::{Layout, Output, Record, Topic};
use swabstream::runtime::log::{Commit, CommitError, CommitMark, Fatal, Log, Polled, Restore, TaskCommit};

pub const INPUTS: &[Topic] = &[Topic::LabResults, Topic::ContactRecords];
pub const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 1 };
pub const LIMIT: Duration = Duration::from_secs(60);

pub fn config(prefix: &str) -> KafkaConfig {
    config_of(kafka::brokers(), prefix)
}

pub fn config_of(brokers: &str, prefix: &str) -> KafkaConfig {
    let mut config = KafkaConfig::new(brokers, prefix);
    config.group = format!("{prefix}group");
    for (name, value) in
        [("session.timeout.ms", 3_000), ("heartbeat.interval.ms", 300), ("transaction.timeout.ms", 5_000)]
    {
        config.properties.insert(name.to_owned(), Property::Number(value));
    }
    config
}

pub fn create_topics(config: &KafkaConfig) {
    let wanted = Wanted { layout: LAYOUT, replication: -1, history: false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(topics::create(config, wanted)).expect("created");
}

pub fn publish(config: &KafkaConfig, records: std::ops::Range<usize>) {
    let mut publisher = Publisher::connect(config).expect("connected");
    // A broker that has just come back, on a machine with other work, may let the first question run out of time.
    let began = Instant::now();
    while publisher.partitions(INPUTS[0]).is_err() && began.elapsed() < LIMIT {}
    let wanted = records.len() as u64;
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
    let delivered = publisher.flush(LIMIT).expect("flushed");
    assert_eq!((delivered.confirmed, delivered.failed), (wanted, 0));
}

pub fn settings(config: &KafkaConfig, id: &str) -> Settings {
    Settings::new(config, &config.group, format!("{}{id}", config.prefix), INPUTS, Topic::PersonState)
}

/// What a task knows: as many records as it has seen, and where it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub seq: u64,
    pub count: u64,
    pub next: BTreeMap<Topic, i64>,
    pub alerts: Vec<String>,
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

pub struct Node {
    pub log: KafkaLog,
    pub restoring: BTreeMap<i32, State>,
    pub running: BTreeMap<i32, State>,
    pub lost: usize,
    /// What restores wait for, by task, as far as they said so.
    pub stuck: BTreeMap<i32, String>,
    /// Changelog records that restores read.
    pub restored: u64,
    /// Changelog offset that later restores start from.
    pub restore_from: i64,
}

impl Node {
    pub fn join(settings: Settings) -> Self {
        let log = KafkaLog::join(settings).expect("joined");
        let (restoring, running, stuck) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { log, restoring, running, lost: 0, stuck, restored: 0, restore_from: 0 }
    }

    pub fn step(&mut self) -> Result<Polled, Fatal> {
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
            let restored = &mut self.restored;
            let done = self.log.restore(task, &mut |records| {
                *restored += records.len() as u64;
                for record in records {
                    *state = State::parse(&String::from_utf8_lossy(record.payload.unwrap_or_default()));
                }
            })?;
            if let Restore::Stuck(why) = &done {
                self.stuck.insert(task, why.clone());
            }
            if let Restore::Done(committed) = done {
                let state = self.restoring.remove(&task).expect("it is restoring");
                assert_eq!(committed.mark.map_or(0, |mark| mark.seq), state.seq, "offsets and changelog agree");
                let next: BTreeMap<Topic, i64> = committed.next.iter().copied().collect();
                let anew = INPUTS.iter().map(|topic| (*topic, 0)).collect();
                let known = if committed.mark.is_some() { &state.next } else { &anew };
                assert_eq!(next, *known, "offsets and changelog agree");
                self.log.start(task, &committed.next)?;
                self.running.insert(task, state);
            }
        }
        Ok(())
    }

    /// Commits tasks with something new; offsets that never moved are the earliest.
    pub fn commit(&mut self) -> Result<(), CommitError> {
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
        if tasks.is_empty() { Ok(()) } else { self.log.commit(Commit::new(outputs, tasks)) }
    }

    /// The one answer to a failed commit.
    pub fn recover(&mut self) -> Result<(), Fatal> {
        self.log.rewind()?;
        let all: Vec<i32> =
            std::mem::take(&mut self.running).into_keys().chain(self.restoring.keys().copied()).collect();
        self.restoring = all.into_iter().map(|task| (task, State::default())).collect();
        Ok(())
    }

    /// Where every task is, as the harness and as the log know it.
    fn tell(&mut self) -> String {
        let tasks: Vec<i32> = self.running.keys().copied().collect();
        let log: Vec<_> = tasks.iter().map(|task| (*task, self.log.reached(*task), self.log.lag(*task))).collect();
        format!(
            "{:?} running, {:?} restoring; by the log they have reached, and lack: {log:?}",
            self.running, self.restoring
        )
    }

    /// Steps and commits until something holds.
    pub fn run_until(&mut self, mut holds: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < LIMIT, "not within a minute: {}", self.tell());
            self.turn();
        }
    }

    /// One step, and a commit.
    pub fn turn(&mut self) {
        if self.step().expect("no fatal error") == Polled::Nothing {
            std::thread::sleep(Duration::from_millis(2));
        }
        if self.commit().is_err() {
            self.recover().expect("recovered");
        }
    }

    pub fn count(&self) -> u64 {
        self.running.values().map(|state| state.count).sum()
    }
}

pub fn output(topic: Topic, partition: i32, key: &str, payload: &str) -> Output {
    Output { topic, partition, key: key.into(), payload: Some(payload.into()), headers: Vec::new() }
}

/// Ids of all alerts a `read_committed` reader sees; each must be there once.
pub fn alerts(config: &KafkaConfig) -> BTreeSet<String> {
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

/// Waits until the alerts of these records are all there, and nothing else. Markers are written after the broker has
/// said that a transaction is committed: readers see it a moment later.
pub fn assert_raised(config: &KafkaConfig, records: std::ops::Range<usize>) {
    let expected: BTreeSet<String> = records.map(|n| format!("r{n}")).collect();
    let began = Instant::now();
    let mut seen = alerts(config);
    while seen != expected && began.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(100));
        seen = alerts(config);
    }
    let missing: Vec<&String> = expected.difference(&seen).take(10).collect();
    let unexpected: Vec<&String> = seen.difference(&expected).take(10).collect();
    assert!(missing.is_empty() && unexpected.is_empty(), "missing {missing:?}, unexpected {unexpected:?}");
}
