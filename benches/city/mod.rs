//! The core alone: all tasks of both halves with their changelogs in one thread, without Kafka. What a task sends to
//! another is applied there at once; what goes to Kafka is counted and dropped.

use super::workload::{self, Sent, Shape};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Output, Position, Record, Topic, partition_of};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::formats::Formats;
use swabstream::pipeline::half::{Context, DUE_AT_MOST, Half};
use swabstream::pipeline::person::PersonHalf;
use swabstream::runtime::task::clock::{Look, Watermarks};
use swabstream::runtime::task::{RulesInForce, Task};
use swabstream::state::paged::Changes;
use swabstream::state::person::{PersonState, Slot};

/// Tasks, as the workload has them.
pub const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };
/// Results of one task between two commits: 50 ms at a million results a second.
pub const COMMIT: usize = 12_500;
/// Records of a poll.
const POLLED: usize = 1_000;
/// R of the changelogs.
pub const RING: u64 = 4_096;
/// Commits of the person half for each of the area half.
const AREA_PACE: u64 = 40;

/// Processor time by what it was spent on, and bytes written.
#[derive(Default)]
pub struct Spent {
    pub results: usize,
    pub apply: Duration,
    pub commit: Duration,
    pub area_apply: Duration,
    pub area_commit: Duration,
    pub bytes: BTreeMap<Topic, usize>,
}

impl Spent {
    /// Nanoseconds per result.
    pub fn per_result(&self, time: Duration) -> f64 {
        time.as_nanos() as f64 / self.results as f64
    }

    /// All of it.
    pub fn total(&self) -> Duration {
        self.apply + self.commit + self.area_apply + self.area_commit
    }
}

/// Both halves.
pub struct City {
    now: Timestamp,
    person: Vec<Task<PersonHalf>>,
    area: Vec<Task<AreaHalf>>,
    offsets: BTreeMap<(Topic, i32), i64>,
    commits: u64,
    /// Since it was last taken.
    pub spent: Spent,
}

impl City {
    /// Without history.
    pub fn new(shape: Shape, now: Timestamp) -> Self {
        let rules = RulesInForce { rules: Arc::new(workload::rules(shape)), offset: 1 };
        Self {
            now,
            person: (0..LAYOUT.person_tasks).map(|task| fresh(task, &rules)).collect(),
            area: (0..LAYOUT.area_tasks).map(|task| fresh(task, &rules)).collect(),
            offsets: BTreeMap::new(),
            commits: 0,
            spent: Spent::default(),
        }
    }

    /// Time goes on, for all tasks alike.
    pub fn pass_to(&mut self, now: Timestamp) {
        self.now = now;
        let slowest = Some(Watermarks { watermark: now, drop_before: now });
        let time = Look { read_until: Some(now), slowest, ..Look::default() };
        self.person.iter_mut().for_each(|task| task.pass_time(&time));
    }

    /// Applies results, each in the task of its key, and commits as often as a worker does. Not inlined, so that a
    /// profiler can count it alone.
    #[inline(never)]
    pub fn read(&mut self, sent: &[Sent]) {
        self.spent.results += sent.iter().map(|one| one.people as usize).sum::<usize>();
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

    fn read_part<'s>(&mut self, task: i32, sent: &[&'s Sent]) {
        let first = *self.offsets.entry((Topic::LabResults, task)).or_insert(0);
        self.offsets.insert((Topic::LabResults, task), first + sent.len() as i64);
        let (running, now) = (&mut self.person[task as usize], self.now);
        let began = processor_time();
        for (at, polled) in sent.chunks(POLLED).enumerate() {
            let offsets = first + (at * POLLED) as i64..;
            let read =
                |(offset, one): (i64, &&'s Sent)| record(Topic::LabResults, task, offset, &one.key, &one.payload, now);
            let records: Vec<Record<'_>> = offsets.zip(polled).map(read).collect();
            running.apply_all(&records).expect("of this version");
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
        let record = record(output.topic, output.partition, *offset, &output.key, payload, self.now);
        *offset += 1;
        let began = processor_time();
        match output.topic {
            Topic::AreaChanges => {
                self.area[output.partition as usize].apply(&record).expect("of this version");
                self.spent.area_apply += processor_time() - began;
            }
            Topic::PersonEvents => {
                self.person[output.partition as usize].apply(&record).expect("of this version");
                self.spent.apply += processor_time() - began;
            }
            _ => {}
        }
    }

    fn commit_areas(&mut self) {
        for task in 0..self.area.len() {
            let began = processor_time();
            let running = &mut self.area[task];
            let slowest = Some(Watermarks { watermark: self.now, drop_before: self.now });
            let come_to = vec![self.now; LAYOUT.person_tasks as usize].into();
            running.pass_time(&Look { at: Timestamp::default(), read_until: Some(self.now), slowest, come_to });
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

    /// What the person half holds, by kind.
    pub fn held(&self, what: &str) -> u64 {
        let sizes = self.person.iter().flat_map(|task| task.half().sizes());
        sizes.filter(|(name, _)| *name == what).map(|(_, size)| size).sum()
    }
}

/// Everybody of one task, to be looked for; nothing else is held of them.
pub struct Residents {
    state: PersonState,
    people: u64,
}

impl Residents {
    /// As many as a task of the workload has.
    pub fn new(shape: Shape) -> Self {
        let (mut state, mut changes) = (PersonState::new(), Changes::default());
        let people = u64::from(shape.people) / LAYOUT.person_tasks as u64;
        for person in 0..people {
            state.find_or_add(hash(person), &mut changes);
            changes.clear();
        }
        Self { state, people }
    }

    /// Finds somebody; from one number to the next in an order that no cache foresees.
    pub fn find(&self, number: u64) -> Option<Slot> {
        self.state.find(hash(number * 2_654_435_761 % self.people))
    }
}

fn hash(person: u64) -> u64 {
    (person + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Time this thread has run: others on the machine do not count.
pub fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells a thread's time");
    let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.expect("nanoseconds"))
}

/// A task without history.
pub fn fresh<H: Half>(task: i32, rules: &RulesInForce) -> Task<H> {
    let secret = Secret::new([7; 16]);
    let context = Context {
        task,
        layout: LAYOUT,
        secret,
        max_record_bytes: 1_000_000,
        history: false,
        formats: Formats::default(),
        due_at_most: DUE_AT_MOST,
    };
    let next = H::INPUTS.iter().map(|topic| (*topic, 0)).collect();
    Task::fresh(context, rules, next, RING)
}

/// A result of the workload as its task reads it.
pub fn result(offset: i64, sent: &Sent, received_at: Timestamp) -> Record<'_> {
    record(Topic::LabResults, 0, offset, &sent.key, &sent.payload, received_at)
}

/// A record as a task reads it.
pub fn record<'a>(
    topic: Topic,
    partition: i32,
    offset: i64,
    key: &'a [u8],
    payload: &'a [u8],
    received_at: Timestamp,
) -> Record<'a> {
    Record {
        position: Position { topic, partition, offset },
        received_at,
        key: Some(key),
        payload: Some(payload),
        content_type: None,
    }
}
