//! A model of Kafka for tests: deterministic, in memory, single-threaded, with faults from a seed.
//!
//! It keeps what exactly-once rests on: partitions with control markers (so offsets have gaps), transactions with open,
//! committed and aborted ranges, the last stable offset, markers that are written one after the other, transactional
//! ids with epochs that fence, groups with generations, cooperative rebalances and sessions that time out, offset
//! commits inside transactions, requests that arrive late, twice or never, answers that are waited for in vain. An end
//! that arrives late ends whatever its producer has open by then: that is all the protocol that librdkafka speaks lets a
//! broker know. It leaves out replication, fetch sessions and bytes on a wire. Where a worker breaks the rules of the
//! seam, the model panics and says which.

mod commit;
mod group;
mod late;
mod log;
mod partition;
mod process;
mod transactions;
mod under_way;

pub use log::ModelLog;
pub use partition::{Isolation, Stored};
pub use process::Process;

use crate::support::random::Random;
use group::Group;
use late::Late;
use partition::Partition;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::rc::Rc;
use swabstream::audit::Cut;
use swabstream::kafka::topics;
use swabstream::model::record::{HalfKind, Layout, Output, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::pipeline::person::PersonHalf;
use swabstream::runtime::log::{Commit, CommitMark};
use transactions::{Identity, Producer};

/// The broker as its clients share it.
pub type Shared = Rc<RefCell<Broker>>;

/// How often what goes wrong, in hundredths.
#[derive(Clone, Copy, Debug)]
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
    /// Commits whose end arrives late, when the worker has long given it up.
    pub late: u32,
    /// Commits and aborts whose end arrives once more, later.
    pub repeated: u32,
    /// Commits in which the process is stopped, to go on where it was when nobody waits for it any more.
    pub frozen: u32,
    /// Commits in which time jumps.
    pub slow: u32,
    /// Ends of transactions that are known in one place long before they are in another.
    pub slow_markers: u32,
    /// Pieces of a restore in which the process dies.
    pub failed_restore: u32,
    /// Pieces of a restore that are not there yet when they are asked for.
    pub slow_restore: u32,
    /// Commits whose worker hears for long nothing of how they ended.
    pub slow_answer: u32,
}

impl FaultRates {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        aborted: 0,
        unknown: 0,
        crash: 0,
        kicked: 0,
        partial: 0,
        late: 0,
        repeated: 0,
        frozen: 0,
        slow: 0,
        slow_markers: 0,
        failed_restore: 0,
        slow_restore: 0,
        slow_answer: 0,
    };
}

/// After which silence the broker acts.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Transactions open for longer are aborted and their producer is fenced.
    pub transaction_ms: i64,
    /// Members not heard of for longer are dropped from their group.
    pub session_ms: i64,
    /// Restores to which nothing came for longer say what they wait for.
    pub stuck_ms: i64,
}

/// Somebody who hears what workers send and what comes of it.
pub trait Observer {
    /// A worker with this transactional id begins to send a commit, which has this number from now on.
    fn sent(&mut self, number: u64, half: HalfKind, id: &str, commit: &Commit);

    /// A commit counts.
    fn took_effect(&mut self, number: u64);

    /// A task was read to its end and is what it was after this commit.
    fn restored(&mut self, half: HalfKind, task: i32, mark: Option<CommitMark>);
}

/// All there is.
pub struct Broker {
    layout: Layout,
    now: Timestamp,
    partitions: BTreeMap<(Topic, i32), Partition>,
    groups: BTreeMap<HalfKind, Group>,
    producers: BTreeMap<String, Producer>,
    transactions: u64,
    /// Foreign transactions that hang, and when somebody ends them.
    hanging: Vec<(Identity, Timestamp)>,
    commits: u64,
    members: u64,
    late: Vec<Late>,
    timeouts: Timeouts,
    /// A jump of time ends here.
    latest: Timestamp,
    rates: FaultRates,
    random: Random,
    happened: BTreeMap<&'static str, u64>,
    observer: Option<Rc<RefCell<dyn Observer>>>,
    /// What happens is written out as it happens.
    telling: bool,
}

impl Broker {
    pub fn new(layout: Layout, now: Timestamp, seed: u64) -> Shared {
        Rc::new(RefCell::new(Self {
            layout,
            now,
            partitions: BTreeMap::new(),
            groups: BTreeMap::new(),
            producers: BTreeMap::new(),
            transactions: 0,
            hanging: Vec::new(),
            commits: 0,
            members: 0,
            late: Vec::new(),
            timeouts: Timeouts { transaction_ms: 10_000, session_ms: 10_000, stuck_ms: 10_000 },
            latest: Timestamp(i64::MAX),
            rates: FaultRates::NONE,
            random: Random::new(seed),
            happened: BTreeMap::new(),
            observer: None,
            telling: false,
        }))
    }

    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// No jump of time goes beyond this moment.
    pub fn set_latest(&mut self, latest: Timestamp) {
        self.latest = latest;
    }

    pub fn latest_moment(&self) -> Timestamp {
        self.latest
    }

    /// Time of the newest record of a topic that was ever read committed.
    pub fn newest(&self, topic: Topic) -> Option<Timestamp> {
        self.read_all(topic).iter().map(|record| record.at).max()
    }

    /// Somebody hears everything from now on.
    pub fn set_observer(&mut self, observer: Rc<RefCell<dyn Observer>>) {
        self.observer = Some(observer);
    }

    /// What happens is written out as it happens.
    pub fn tell(&mut self) {
        self.telling = true;
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

    /// Time passes: markers are written, what was late arrives, transactions that were left open run out, and members
    /// that were not heard of are dropped.
    pub fn advance_to(&mut self, now: Timestamp) {
        assert!(now >= self.now, "the broker's clock does not run backwards");
        self.now = now;
        self.write_markers();
        self.receive_late();
        self.expire_transactions();
        self.end_hanging(now);
        let limit = Timestamp(now.0 - self.timeouts.session_ms);
        let gone: usize = self.groups.values_mut().map(|group| group.expire(limit)).sum();
        if gone > 0 {
            self.note("session timed out", || format!("{gone} members"));
        }
    }

    /// Appends as a plain producer does, outside any transaction. Returns the offset.
    pub fn publish(&mut self, output: Output, at: Timestamp) -> i64 {
        let place = (output.topic, output.partition);
        self.check_partition(place);
        self.partition_mut(place).append(Stored::of(output, at), None)
    }

    /// How many partitions a topic has.
    pub fn partitions_of(&self, topic: Topic) -> i32 {
        topics::partitions_of(topic, self.layout)
    }

    /// What a `read_committed` reader gets of a whole topic, partition by partition.
    pub fn committed(&self, topic: Topic) -> Vec<Stored> {
        self.read_all(topic).iter().map(|record| Stored::clone(record)).collect()
    }

    /// The same, not copied.
    pub fn read_all(&self, topic: Topic) -> Vec<Rc<Stored>> {
        let of_topic = self.partitions.range((topic, 0)..=(topic, i32::MAX));
        of_topic.flat_map(|(_, partition)| partition.read(0, Isolation::Committed, usize::MAX).0).collect()
    }

    /// What a `read_committed` reader gets of a partition from an offset on, and the offset to go on from.
    pub fn read_on(&self, topic: Topic, partition: i32, from: i64) -> (Vec<Rc<Stored>>, i64) {
        let place = self.partitions.get(&(topic, partition));
        place.map_or((Vec::new(), from), |place| place.read(from, Isolation::Committed, usize::MAX))
    }

    /// What a `read_committed` reader of a compacted topic ends up with.
    pub fn latest(&self, topic: Topic) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut latest = BTreeMap::new();
        for record in self.read_all(topic) {
            let key = record.key.clone().expect("records of compacted topics have keys");
            match &record.payload {
                Some(payload) => latest.insert(key, payload.clone()),
                None => latest.remove(&key),
            };
        }
        latest
    }

    /// Whether no partition has anything that may still be committed or aborted.
    pub fn is_stable(&self) -> bool {
        self.partitions.values().all(|partition| partition.stable_end() == partition.end())
    }

    /// Whether records of an input were committed that no task has committed to have read.
    pub fn has_unread(&self) -> bool {
        let inputs = [(HalfKind::Person, PersonHalf::INPUTS), (HalfKind::Area, AreaHalf::INPUTS)];
        let mut places = inputs.into_iter().flat_map(|(half, topics)| topics.iter().map(move |topic| (half, *topic)));
        places.any(|(half, topic)| {
            (0..self.partitions_of(topic)).any(|partition| {
                let read = self.groups.get(&half).and_then(|group| group.offset(topic, partition)).unwrap_or(0);
                !self.read_on(topic, partition, read).0.is_empty()
            })
        })
    }

    /// Where everything stands now, whoever is at work.
    pub fn cut(&self) -> Cut {
        let mut cut = Cut::default();
        for (&place, partition) in &self.partitions {
            let between = [Topic::PersonEvents, Topic::AreaChanges].contains(&place.0);
            cut.first.insert(place, 0);
            if between { &mut cut.sent } else { &mut cut.end }.insert(place, partition.end());
        }
        for (half, group) in &self.groups {
            let changelog = match half {
                HalfKind::Person => Topic::PersonState,
                HalfKind::Area => Topic::AreaState,
            };
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
    /// one of their key, in as much of each partition as it has come to.
    pub fn compact(&mut self, topic: Topic) {
        let Self { partitions, random, .. } = self;
        let mut dropped = 0;
        for (_, partition) in partitions.range_mut((topic, 0)..=(topic, i32::MAX)) {
            let stable = partition.stable_end();
            let end = if random.chance(50) { stable } else { random.between(0, stable) };
            dropped += partition.compact(end);
        }
        if dropped > 0 {
            self.note("compaction", || format!("{} records of {}", dropped, topic.name()));
        }
    }

    fn check_partition(&self, (topic, number): (Topic, i32)) {
        assert!((0..self.partitions_of(topic)).contains(&number), "{} has no partition {number}", topic.name());
    }

    fn partition_mut(&mut self, place: (Topic, i32)) -> &mut Partition {
        self.partitions.entry(place).or_default()
    }

    fn took_effect(&mut self, commits: &BTreeSet<u64>) {
        if let Some(observer) = &self.observer {
            commits.iter().for_each(|commit| observer.borrow_mut().took_effect(*commit));
        }
    }

    /// Something came about that a run may be asked for.
    pub fn note(&mut self, what: &'static str, about: impl FnOnce() -> String) {
        *self.happened.entry(what).or_default() += 1;
        self.say(|| format!("{what}: {}", about()));
    }

    /// One line of the history, if it is written out. Past the capture of the test's output: who asks for one seed
    /// wants to read it also when it passes.
    pub fn say(&self, line: impl FnOnce() -> String) {
        if self.telling {
            let at = jiff::Timestamp::from_millisecond(self.now.0).unwrap_or_default();
            writeln!(std::io::stdout(), "{at:.3}  {}", line()).expect("the history can be written");
        }
    }
}
