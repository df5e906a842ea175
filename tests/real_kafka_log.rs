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
use swabstream::kafka::embedded::Embedded;
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
    Settings::new(config, &config.group, format!("{}{id}", config.prefix), INPUTS, Topic::PersonState)
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
    /// Changelog records that restores read.
    restored: u64,
    /// Changelog offset that later restores start from.
    restore_from: i64,
}

impl Node {
    fn join(settings: Settings) -> Self {
        let log = KafkaLog::join(settings).expect("joined");
        Self { log, restoring: BTreeMap::new(), running: BTreeMap::new(), lost: 0, restored: 0, restore_from: 0 }
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
            let restored = &mut self.restored;
            let done = self.log.restore(task, &mut |records| {
                *restored += records.len() as u64;
                for record in records {
                    *state = State::parse(&String::from_utf8_lossy(record.payload.unwrap_or_default()));
                }
            })?;
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
            self.turn();
        }
    }

    /// One step, and a commit.
    fn turn(&mut self) {
        if self.step().expect("no fatal error") == Polled::Nothing {
            std::thread::sleep(Duration::from_millis(2));
        }
        if self.commit().is_err() {
            self.recover().expect("recovered");
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

/// Waits until the alerts of these records are all there, and nothing else. Markers are written after the broker has
/// said that a transaction is committed: readers see it a moment later.
fn assert_raised(config: &KafkaConfig, records: std::ops::Range<usize>) {
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
        let worker = Worker::spawn("killed_again_and_again_it_raises_each_alert_once", &config, "w");
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
    let zombie = Worker::spawn("a_zombie_that_wakes_up_writes_nothing", &config, "zombie");
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
fn a_transaction_that_never_ends_stops_the_restore_at_its_bound() {
    let config = config(&kafka::unique("hanging"));
    create_topics(&config);
    leave_transaction_open(&config, "dead", 600_000);
    let mut settings = settings(&config, "w");
    settings.restore_wait = Duration::from_secs(1);
    let mut node = Node::join(settings);
    let began = Instant::now();
    let error = loop {
        assert!(began.elapsed() < LIMIT, "the restore waits without end");
        match node.step() {
            Ok(_) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => break error,
        }
    };
    let place = format!("{}person-state [0]", config.prefix);
    assert!(error.0.contains(&place) && error.0.contains("offset 0"), "{error}");
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
    let ends: Vec<i64> = (0..4).map(|task| first.log.changelog_end(task).expect("it has an end")).collect();
    first.restore_from = *ends.iter().min().expect("four tasks");
    publish(&config, 80..88);
    first.run_until(|node| node.count() == 88);
    drop(first);
    let mut second = Node::join(settings(&config, "w"));
    second.run_until(|node| node.count() == 88);
    assert!(second.restored < 4 * 10, "{} records were read again", second.restored);
}

#[test]
fn state_without_offsets_and_offsets_without_state_are_refused() {
    let config = config(&kafka::unique("torn"));
    create_topics(&config);
    publish(&config, 0..100);
    let mut node = Node::join(settings(&config, "w"));
    node.run_until(|node| node.count() == 100);
    drop(node);

    let mut without_offsets = settings(&config, "w");
    without_offsets.group.push_str("-other");
    let error = refusal(without_offsets);
    assert!(error.contains("holds state, but group"), "{error}");
    assert!(error.contains("swabstream topics create"), "{error}");

    let mut without_state = settings(&config, "w");
    without_state.changelog = Topic::PersonEvents;
    let error = refusal(without_state);
    assert!(error.contains("has committed offsets, but"), "{error}");
}

/// What a restore that must not succeed says.
fn refusal(settings: Settings) -> String {
    let mut node = Node::join(settings);
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < LIMIT && node.running.is_empty(), "it was taken");
        if let Err(error) = node.step() {
            return error.0;
        }
    }
}

#[test]
fn a_task_is_idle_only_once_it_has_read_what_was_there() {
    let config = config(&kafka::unique("idle"));
    create_topics(&config);
    publish(&config, 0..100);
    let mut node = Node::join(settings(&config, "w"));
    node.run_until(|node| node.running.len() == 4);
    let before = swabstream::clock::now();
    node.run_until(|node| node.count() == 100);
    let idle = |node: &mut Node, after| {
        let mut since = BTreeMap::new();
        let began = Instant::now();
        while since.len() < 4 {
            assert!(began.elapsed() < LIMIT, "idle since {since:?}");
            node.step().expect("no fatal error");
            for task in 0..4 {
                since.extend(node.log.idle_since(task).filter(|at| *at > after).map(|at| (task, at)));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        (0..4).map(|task| node.log.lag(task).expect("it has fetched")).sum::<u64>()
    };
    assert_eq!(idle(&mut node, before), 0);

    publish(&config, 100..200);
    let published = swabstream::clock::now();
    // Nothing is taken, so nobody is idle since then, however often it is asked.
    for _ in 0..100 {
        for task in 0..4 {
            assert!(node.log.idle_since(task).is_none_or(|at| at <= published), "task {task} is behind");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(idle(&mut node, published), 0);
    assert_eq!(node.count(), 200);
}

#[test]
fn a_worker_runs_on_the_embedded_broker_as_the_demo_does() {
    let broker = Embedded::start(LAYOUT).expect("started");
    let config = broker.config();
    publish(&config, 0..100);
    let mut node = Node::join(settings(&config, "w"));
    node.run_until(|node| node.count() == 100);
    publish(&config, 100..1_000);
    node.run_until(|node| node.count() == 1_000);
    let before = swabstream::clock::now();
    while (0..4).any(|task| node.log.idle_since(task).is_none_or(|at| at <= before)) {
        node.turn();
    }
    assert_raised(&config, 0..1_000);
}
