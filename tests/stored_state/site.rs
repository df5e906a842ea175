//! Both halves, a few tasks each, that read what the others write; and their changelogs as a broker would hold them.

use crate::history::Step;
use crate::images::images_of;
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Output, Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::formats::Formats;
use swabstream::pipeline::half::{Context, DUE_AT_MOST, Half};
use swabstream::pipeline::person::PersonHalf;
use swabstream::policy::Rules;
use swabstream::runtime::log::{Committed, TaskCommit};
use swabstream::runtime::task::clock::{Look, Watermarks};
use swabstream::runtime::task::{RulesInForce, Task};
use swabstream::state::area::AreaState;
use swabstream::state::changelog::{FORMAT, Restorer};
use swabstream::state::paged::Unusable;
use swabstream::state::person::PersonState;

pub const LAYOUT: Layout = Layout { person_tasks: 2, area_tasks: 1 };
const RING: u64 = 64;

/// Steps of a history before everything there is to read is read.
const STEPS: usize = 7;

/// Records of an input applied between two commits.
const BATCH: usize = 5;

/// A record as it lies in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub key: Vec<u8>,
    pub payload: Option<Vec<u8>>,
    at: Timestamp,
}

impl Kept {
    /// A record of a changelog, whose time means nothing.
    pub fn new(key: Vec<u8>, payload: Vec<u8>) -> Self {
        Self { key, payload: Some(payload), at: Timestamp::default() }
    }
}

/// A partition from some offset on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Partition {
    first: i64,
    records: Vec<Kept>,
}

/// What a restore needs: per changelog its records, and what the group knows of its task.
pub type Stored = BTreeMap<(Topic, i32), (Vec<Kept>, Committed)>;

pub struct Site {
    rules: RulesInForce,
    partitions: BTreeMap<(Topic, i32), Partition>,
    people: Vec<Task<PersonHalf>>,
    areas: Vec<Task<AreaHalf>>,
    committed: BTreeMap<(Topic, i32), Committed>,
    now: Timestamp,
}

impl Site {
    /// Tasks without history.
    pub fn fresh(rules: &Arc<Rules>) -> Self {
        let mut site = Self::without_tasks(rules);
        let begin = |inputs: &[Topic]| inputs.iter().map(|topic| (*topic, 0)).collect::<Vec<_>>();
        let task = |task| Task::fresh(context(task), &site.rules, begin(PersonHalf::INPUTS), RING);
        site.people = (0..LAYOUT.person_tasks).map(task).collect();
        let task = |task| Task::fresh(context(task), &site.rules, begin(AreaHalf::INPUTS), RING);
        site.areas = (0..LAYOUT.area_tasks).map(task).collect();
        site
    }

    /// Tasks as they were stored; what they had read is gone.
    pub fn restored(rules: &Arc<Rules>, stored: &Stored) -> Self {
        let mut site = Self::holding(rules, stored);
        site.people = (0..LAYOUT.person_tasks).map(|task| site.restore(task)).collect();
        site.areas = (0..LAYOUT.area_tasks).map(|task| site.restore(task)).collect();
        site
    }

    /// What was stored, without tasks.
    pub fn holding(rules: &Arc<Rules>, stored: &Stored) -> Self {
        let mut site = Self::without_tasks(rules);
        for ((changelog, task), (records, committed)) in stored {
            site.partitions.insert((*changelog, *task), Partition { first: 0, records: records.clone() });
            for (topic, first) in &committed.next {
                site.partitions.insert((*topic, *task), Partition { first: *first, records: Vec::new() });
            }
            site.committed.insert((*changelog, *task), committed.clone());
        }
        site
    }

    fn without_tasks(rules: &Arc<Rules>) -> Self {
        Self {
            rules: RulesInForce { rules: rules.clone(), offset: 1 },
            partitions: BTreeMap::new(),
            people: Vec::new(),
            areas: Vec::new(),
            committed: BTreeMap::new(),
            now: Timestamp::default(),
        }
    }

    fn restore<H: Half>(&self, task: i32) -> Task<H> {
        self.try_restore(task).expect("a whole state")
    }

    /// A task as it is stored, if that is a whole state.
    pub fn try_restore<H: Half>(&self, task: i32) -> Result<Task<H>, Unusable> {
        let mut restorer = Restorer::new(H::CHANGELOG, task, RING);
        for record in &self.partitions[&(H::CHANGELOG, task)].records {
            restorer.take(&record.key, record.payload.as_deref()).expect("a record of ours");
        }
        let mut committed = self.committed[&(H::CHANGELOG, task)].clone();
        committed.begin = committed.unknown_of(H::INPUTS.iter().map(|topic| (*topic, 0)).collect());
        Task::restored(context(task), &self.rules, committed, restorer, RING)
    }

    /// Lets a history happen.
    pub fn live(&mut self, steps: &[Step]) {
        for (number, step) in (1..).zip(steps) {
            self.step(step);
            if number % STEPS == 0 || number == steps.len() || matches!(step, Step::Time(_)) {
                while self.round() {}
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Lab(result, at) => {
                self.publish(Topic::LabResults, &result.person_id, result.encode_to_vec(), *at);
            }
            Step::Contact(record, at) => {
                self.publish(Topic::ContactRecords, &record.person_id, record.encode_to_vec(), *at);
            }
            Step::Group(record, at) => {
                self.publish(Topic::PersonGroups, &record.person_id, record.encode_to_vec(), *at);
            }
            Step::Time(at) => self.now = self.now.max(*at),
        }
    }

    fn publish(&mut self, topic: Topic, person: &str, payload: Vec<u8>, at: Timestamp) {
        self.now = self.now.max(at);
        let task = LAYOUT.person_task(person);
        self.partition(topic, task).records.push(Kept { key: person.into(), payload: Some(payload), at });
    }

    fn partition(&mut self, topic: Topic, number: i32) -> &mut Partition {
        self.partitions.entry((topic, number)).or_default()
    }

    /// Every task reads on and commits; tells whether any had something to do.
    fn round(&mut self) -> bool {
        let (mut people, mut areas) = (std::mem::take(&mut self.people), std::mem::take(&mut self.areas));
        let mut busy = false;
        for (number, task) in (0..).zip(&mut people) {
            busy |= self.turn(number, task);
        }
        for (number, task) in (0..).zip(&mut areas) {
            busy |= self.turn(number, task);
        }
        (self.people, self.areas) = (people, areas);
        busy
    }

    fn turn<H: Half>(&mut self, number: i32, task: &mut Task<H>) -> bool {
        let mut read = 0;
        for (topic, next) in task.next().to_vec() {
            let Some(partition) = self.partitions.get(&(topic, number)) else { continue };
            let unread = (next..).zip(&partition.records[(next - partition.first) as usize..]);
            for (offset, record) in unread.take(BATCH) {
                let position = Position { topic, partition: number, offset };
                let (key, payload) = (Some(&record.key[..]), record.payload.as_deref());
                task.apply(&Record { position, received_at: record.at, key, payload, content_type: None })
                    .expect("of this version");
                read += 1;
            }
        }
        let slowest = Some(Watermarks { watermark: self.now, drop_before: self.now });
        let come_to = vec![self.now; LAYOUT.person_tasks as usize].into();
        task.pass_time(&Look { at: Timestamp(0), read_until: (read == 0).then_some(self.now), slowest, come_to });
        if !task.touched() {
            return false;
        }
        let end = self.partition(H::CHANGELOG, number).records.len() as i64;
        let (outputs, commit) = task.commit(task.wants_changelog_end().then_some(end));
        self.keep(H::CHANGELOG, outputs, commit);
        true
    }

    fn keep(&mut self, changelog: Topic, outputs: Vec<Output>, commit: TaskCommit) {
        let at = self.now;
        for Output { topic, partition, key, payload, .. } in outputs.into_iter().chain(commit.changes) {
            self.partition(topic, partition).records.push(Kept { key, payload, at });
        }
        let committed = Committed { next: commit.next, begin: Vec::new(), mark: Some(commit.mark) };
        self.committed.insert((changelog, commit.task), committed);
    }

    /// What is stored of every task: all its deltas, and of each page the newest image.
    pub fn stored(&self) -> Stored {
        let of = |(key, committed): (&(Topic, i32), &Committed)| {
            let records = &self.partitions[key].records;
            let newest: BTreeMap<&[u8], usize> = (0..).zip(records).map(|(at, record)| (&record.key[..], at)).collect();
            let left = (0..).zip(records).filter(|(at, record)| newest[&record.key[..]] == *at);
            (
                *key,
                (
                    left.map(|(_, record)| Kept { at: Timestamp::default(), ..record.clone() }).collect(),
                    committed.clone(),
                ),
            )
        };
        self.committed.iter().map(of).collect()
    }

    /// The people of each task, as an image of this format holds them.
    pub fn people(&self) -> Vec<PersonState> {
        let held = |task: &Task<PersonHalf>| {
            let mut state = PersonState::new();
            for (page, image) in (0..).zip(images_of(task.half())) {
                state.load(page, &image, FORMAT).expect("an image of ours");
            }
            state
        };
        self.people.iter().map(held).collect()
    }

    /// Images of all pages, task by task.
    pub fn images(&self) -> Vec<Vec<u8>> {
        let people = self.people.iter().flat_map(|task| images_of(task.half()));
        people.chain(self.areas.iter().flat_map(|task| images_of(task.half()))).collect()
    }

    /// The areas of each task, likewise.
    pub fn areas(&self) -> Vec<AreaState> {
        let held = |task: &Task<AreaHalf>| {
            let mut state = AreaState::default();
            for (page, image) in (0..).zip(images_of(task.half())) {
                state.load(page, &image, FORMAT).expect("an image of ours");
            }
            state.restored().expect("a state of ours");
            state
        };
        self.areas.iter().map(held).collect()
    }
}

fn context(task: i32) -> Context {
    Context {
        task,
        layout: LAYOUT,
        secret: Secret::new([9; 16]),
        max_record_bytes: 100_000,
        history: true,
        formats: Formats::default(),
        due_at_most: DUE_AT_MOST,
    }
}
