//! A model of Kafka for tests: deterministic, in memory, single-threaded, with faults from a seed.
//!
//! It keeps what exactly-once rests on: partitions with control markers (so offsets have gaps), transactions with
//! open, committed and aborted ranges, the last stable offset, transactional ids with epochs that fence, groups with
//! generations and cooperative rebalances, offset commits inside transactions. It leaves out replication, fetch
//! sessions and bytes on a wire. Where a worker breaks the rules of the seam, the model panics and says which.

mod group;
mod log;
mod partition;
mod transactions;

pub use log::{ModelLog, Process};
pub use partition::{Isolation, Stored};

use crate::support::random::Random;
use group::Group;
use partition::Partition;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use swabstream::audit::Cut;
use swabstream::model::record::{Layout, Output, Topic};
use swabstream::model::time::Timestamp;
use swabstream::runtime::log::CommitMark;
use transactions::Producer;

/// The broker as its clients share it.
pub type Shared = Rc<RefCell<Broker>>;

/// How often what goes wrong, in hundredths.
#[derive(Clone, Copy, Debug, Default)]
pub struct FaultRates {
    /// Commits that are aborted, cleanly.
    pub aborted: u32,
    /// Commits whose end is not heard of; half of them took effect.
    pub unknown: u32,
    /// Commits in which the process dies.
    pub crash: u32,
    /// Commits before which the group loses its member without telling it.
    pub kicked: u32,
    /// Polls that hand over less than there is, or do not hear of a rebalance yet.
    pub partial: u32,
}

/// All there is.
pub struct Broker {
    layout: Layout,
    now: Timestamp,
    partitions: BTreeMap<(Topic, i32), Partition>,
    groups: HashMap<&'static str, Group>,
    producers: HashMap<String, Producer>,
    transactions: u64,
    members: u64,
    rates: FaultRates,
    random: Random,
    happened: BTreeMap<&'static str, u64>,
}

/// Transactions open for longer are aborted and their producer is fenced.
const TRANSACTION_TIMEOUT_MS: i64 = 10_000;

impl Broker {
    pub fn new(layout: Layout, now: Timestamp, seed: u64) -> Shared {
        Rc::new(RefCell::new(Self {
            layout,
            now,
            partitions: BTreeMap::new(),
            groups: HashMap::new(),
            producers: HashMap::new(),
            transactions: 0,
            members: 0,
            rates: FaultRates::default(),
            random: Random::new(seed),
            happened: BTreeMap::new(),
        }))
    }

    /// From now on this goes wrong so often.
    pub fn set_faults(&mut self, rates: FaultRates) {
        self.rates = rates;
    }

    /// Faults and other turns that really came about, by name: a run that met none proves nothing.
    pub fn happened(&self) -> &BTreeMap<&'static str, u64> {
        &self.happened
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Time passes: transactions that were left open run out.
    pub fn advance_to(&mut self, now: Timestamp) {
        assert!(now >= self.now, "the broker's clock does not run backwards");
        self.now = now;
        self.expire_transactions(TRANSACTION_TIMEOUT_MS);
    }

    /// Appends as a plain producer does, outside any transaction. Returns the offset.
    pub fn publish(&mut self, output: Output, at: Timestamp) -> i64 {
        let place = (output.topic, output.partition);
        self.check_partition(place);
        self.partition_mut(place).append(Stored::of(output, at), None)
    }

    /// How many partitions a topic has.
    pub fn partitions_of(&self, topic: Topic) -> i32 {
        match topic {
            Topic::LabResults
            | Topic::ContactRecords
            | Topic::PersonEvents
            | Topic::PersonState
            | Topic::Alerts
            | Topic::DeadLetters => self.layout.person_tasks,
            Topic::Rules | Topic::AreaIndicators | Topic::Progress | Topic::LabStatus => 1,
            _ => self.layout.area_tasks,
        }
    }

    /// What a `read_committed` reader gets of a whole topic, partition by partition.
    pub fn committed(&self, topic: Topic) -> Vec<Stored> {
        let of_topic = self.partitions.range((topic, 0)..=(topic, i32::MAX));
        of_topic.flat_map(|(_, partition)| partition.read(0, Isolation::Committed, usize::MAX).0).collect()
    }

    /// What a `read_committed` reader gets of a partition from an offset on, and the offset to go on from.
    pub fn read_on(&self, topic: Topic, partition: i32, from: i64) -> (Vec<Stored>, i64) {
        let place = self.partitions.get(&(topic, partition));
        place.map_or((Vec::new(), from), |place| place.read(from, Isolation::Committed, usize::MAX))
    }

    /// What a `read_committed` reader of a compacted topic ends up with.
    pub fn latest(&self, topic: Topic) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut latest = BTreeMap::new();
        for record in self.committed(topic) {
            let key = record.key.clone().expect("records of compacted topics have keys");
            match record.payload {
                Some(payload) => latest.insert(key, payload),
                None => latest.remove(&key),
            };
        }
        latest
    }

    /// Where everything stands, with nobody at work.
    pub fn cut(&self) -> Cut {
        let mut cut = Cut { in_flight: [(Topic::PersonEvents, 0), (Topic::AreaChanges, 0)].into(), ..Cut::default() };
        for (&place, partition) in &self.partitions {
            assert_eq!(partition.stable_end(), partition.end(), "nobody is at work");
            cut.first.insert(place, 0);
            cut.end.insert(place, partition.end());
        }
        for (half, group) in &self.groups {
            let changelog = if *half == "person" { Topic::PersonState } else { Topic::AreaState };
            for ((topic, task), (offset, mark)) in group.committed() {
                let mark = CommitMark::parse(mark).expect("offsets are committed by workers");
                cut.committed.insert((topic, task), offset);
                cut.commits.insert((changelog, task), mark.seq);
                cut.restore_from.insert((changelog, task), mark.restore_from);
            }
        }
        cut
    }

    /// Does what Kafka's cleaner may do to a compacted topic at any time: drops committed records with a newer
    /// one of their key.
    pub fn compact(&mut self, topic: Topic) {
        for (_, partition) in self.partitions.range_mut((topic, 0)..=(topic, i32::MAX)) {
            partition.compact();
        }
    }

    fn check_partition(&self, (topic, number): (Topic, i32)) {
        assert!((0..self.partitions_of(topic)).contains(&number), "{} has no partition {number}", topic.name());
    }

    fn partition_mut(&mut self, place: (Topic, i32)) -> &mut Partition {
        self.partitions.entry(place).or_default()
    }

    fn note(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }
}
