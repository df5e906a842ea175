//! What a result costs in the core alone: both halves with their changelogs, one thread, no Kafka.
//!
//!     cargo bench --bench core
//!     SWABSTREAM_BENCH_RECORDS=1000000 cargo bench --bench core
//!
//! Records are made beforehand; what is timed is applying them and preparing commits, as a worker does. Prints
//! nanoseconds of processor time and bytes written, per result.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Output, Position, Record, Topic, partition_of};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::{Context, Half};
use swabstream::pipeline::person::PersonHalf;
use swabstream::runtime::task::{RulesInForce, Task, Time};
use workload::{Sent, Shape, Workload};

mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };
const RING: u64 = 1_024;
const NOW: Timestamp = Timestamp(1_670_000_000_000);
/// Results of one task between two commits: 50 ms at a million results a second.
const COMMIT: usize = 12_500;
/// Commits of the person half for each of the area half.
const AREA_PACE: u64 = 40;
/// Results made at once.
const CHUNK: usize = 100_000;

fn main() {
    let records = std::env::var("SWABSTREAM_BENCH_RECORDS").map_or(4_000_000, |text| text.parse().expect("a number"));
    let shape = Shape::default();
    let mut city = City::new(shape);
    let mut workload = Workload::new(shape, NOW, 1);
    println!("{records} results, {shape:?}, {LAYOUT:?}, a commit every {COMMIT} results of a task");
    let mut done = 0;
    while done < records {
        let sent: Vec<Sent> = workload.by_ref().take(CHUNK).collect();
        city.read(&sent);
        done += CHUNK;
        if done.is_multiple_of(1_000_000) || done >= records {
            city.report(done);
        }
    }
}

/// Time by what it was spent on, since the last report.
#[derive(Default)]
struct Spent {
    results: usize,
    apply: Duration,
    commit: Duration,
    area_apply: Duration,
    area_commit: Duration,
    bytes: BTreeMap<Topic, usize>,
}

struct City {
    person: Vec<Task<PersonHalf>>,
    area: Vec<Task<AreaHalf>>,
    offsets: BTreeMap<(Topic, i32), i64>,
    commits: u64,
    spent: Spent,
}

impl City {
    fn new(shape: Shape) -> Self {
        let rules = RulesInForce { rules: Arc::new(workload::rules(shape)), offset: 1 };
        Self {
            person: (0..LAYOUT.person_tasks).map(|task| fresh(task, &rules)).collect(),
            area: (0..LAYOUT.area_tasks).map(|task| fresh(task, &rules)).collect(),
            offsets: BTreeMap::new(),
            commits: 0,
            spent: Spent::default(),
        }
    }

    fn read(&mut self, sent: &[Sent]) {
        self.spent.results += sent.len();
        let mut tasks: Vec<Vec<&Sent>> = (0..LAYOUT.person_tasks).map(|_| Vec::new()).collect();
        for one in sent {
            tasks[partition_of(&one.key, LAYOUT.person_tasks) as usize].push(one);
        }
        for (task, sent) in (0..).zip(&tasks) {
            for part in sent.chunks(COMMIT) {
                self.read_part(task, part);
            }
        }
    }

    fn read_part(&mut self, task: i32, sent: &[&Sent]) {
        let first = *self.offsets.entry((Topic::LabResults, task)).or_insert(0);
        self.offsets.insert((Topic::LabResults, task), first + sent.len() as i64);
        let running = &mut self.person[task as usize];
        let began = processor_time();
        for (offset, one) in (first..).zip(sent) {
            running.apply(&record(Topic::LabResults, task, offset, &one.key, &one.payload));
        }
        let applied = processor_time();
        let (outputs, part) = running.commit(running.wants_changelog_end().then_some(0));
        self.spent.apply += applied - began;
        self.spent.commit += processor_time() - applied;
        self.count(outputs.iter().chain(&part.changes));
        for output in outputs {
            self.hand_on(&output);
        }
        self.commits += 1;
        if self.commits.is_multiple_of(AREA_PACE) {
            self.commit_areas();
        }
    }

    /// What one task sends to another; messages between people's tasks are applied at once, as a part of their cost.
    fn hand_on(&mut self, output: &Output) {
        let offset = self.offsets.entry((output.topic, output.partition)).or_insert(0);
        let payload = output.payload.as_deref().unwrap_or_default();
        let record = record(output.topic, output.partition, *offset, &output.key, payload);
        *offset += 1;
        let began = processor_time();
        match output.topic {
            Topic::AreaChanges => {
                self.area[output.partition as usize].apply(&record);
                self.spent.area_apply += processor_time() - began;
            }
            Topic::PersonEvents => {
                self.person[output.partition as usize].apply(&record);
                self.spent.apply += processor_time() - began;
            }
            _ => {}
        }
    }

    fn commit_areas(&mut self) {
        for task in 0..self.area.len() {
            let began = processor_time();
            let running = &mut self.area[task];
            running.pass_time(&Time { floor: Some(NOW), ..Time::default() });
            let (outputs, part) = running.commit(running.wants_changelog_end().then_some(0));
            self.spent.area_commit += processor_time() - began;
            self.count(outputs.iter().chain(&part.changes));
        }
    }

    fn count<'o>(&mut self, outputs: impl Iterator<Item = &'o Output>) {
        for output in outputs {
            let bytes = output.key.len() + output.payload.as_ref().map_or(0, Vec::len);
            *self.spent.bytes.entry(output.topic).or_default() += bytes;
        }
    }

    fn report(&mut self, done: usize) {
        let spent = std::mem::take(&mut self.spent);
        let per_result = |time: Duration| time.as_nanos() as f64 / spent.results as f64;
        let bytes: Vec<String> = spent
            .bytes
            .iter()
            .map(|(topic, bytes)| format!("{} {:.1}", topic.name(), *bytes as f64 / spent.results as f64))
            .collect();
        println!(
            "after {done}: ns per result: apply {:.0}, commit {:.0}, area apply {:.0}, area commit {:.0}; bytes: {}",
            per_result(spent.apply),
            per_result(spent.commit),
            per_result(spent.area_apply),
            per_result(spent.area_commit),
            bytes.join(", ")
        );
    }
}

/// Time this thread has run: others on the machine do not count.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells a thread's time");
    let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.expect("nanoseconds"))
}

fn fresh<H: Half>(task: i32, rules: &RulesInForce) -> Task<H> {
    let secret = Secret::new([7; 16]);
    let context = Context { task, layout: LAYOUT, secret, max_record_bytes: 1_000_000 };
    let next = H::INPUTS.iter().map(|topic| (*topic, 0)).collect();
    Task::fresh(context, rules, next, RING)
}

fn record<'a>(topic: Topic, partition: i32, offset: i64, key: &'a [u8], payload: &'a [u8]) -> Record<'a> {
    Record {
        position: Position { topic, partition, offset },
        received_at: NOW,
        key: Some(key),
        payload: Some(payload),
        content_type: None,
    }
}
