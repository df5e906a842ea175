//! Transactional ids: epochs that fence, one open transaction each, offsets that count only when it commits.
//!
//! The end of a transaction is decided at once and written to its partitions and to the group one after the other, as
//! Kafka writes its markers: for a while a reader of one place sees what a reader of another does not.

use super::Broker;
use super::partition::{Stored, Transaction};
use std::collections::BTreeSet;
use std::fmt;
use swabstream::model::record::{HalfKind, Output, Topic};
use swabstream::model::time::Timestamp;

/// What the broker knows of a transactional id.
#[derive(Default)]
pub struct Producer {
    epoch: u32,
    open: Option<Open>,
    ending: Option<Ending>,
}

struct Open {
    transaction: Transaction,
    began: Timestamp,
    places: BTreeSet<(Topic, i32)>,
    offsets: Vec<PendingOffset>,
    /// Which commits of workers are in it.
    commits: BTreeSet<u64>,
}

/// A transaction whose end is decided and not yet known everywhere.
struct Ending {
    transaction: Transaction,
    commit: bool,
    places: Vec<(Topic, i32)>,
    offsets: Vec<PendingOffset>,
    due: Timestamp,
}

/// An offset that is committed when its transaction is.
#[derive(Clone, Debug)]
pub struct PendingOffset {
    pub group: HalfKind,
    pub topic: Topic,
    pub partition: i32,
    pub next: i64,
    pub metadata: String,
}

/// A producer as it names itself.
#[derive(Clone, Debug)]
pub struct Identity {
    pub id: String,
    pub epoch: u32,
}

/// A group member as it names itself, in the generation it knows of.
#[derive(Clone, Copy, Debug)]
pub struct Membership {
    pub member: u64,
    pub generation: i64,
}

/// Why the broker refuses.
#[derive(Debug)]
pub enum Refused {
    /// The group no longer has this member.
    Member(String),
    /// The group has moved on from this generation.
    Generation(String),
    /// Somebody newer has the transactional id.
    Epoch(String),
}

impl Refused {
    /// By its cause, for the counts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Member(_) => "fenced as no member",
            Self::Generation(_) => "fenced by generation",
            Self::Epoch(_) => "fenced by epoch",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Member(why) | Self::Generation(why) | Self::Epoch(why)) = self;
        f.write_str(why)
    }
}

impl Broker {
    /// A producer begins under its id: what an earlier one left open is aborted, and that one is fenced.
    pub(super) fn init_transactions(&mut self, id: &str) -> u32 {
        self.close(id, false);
        self.finish_ending(id);
        let producer = self.producers.entry(id.to_owned()).or_default();
        producer.epoch += 1;
        producer.epoch
    }

    /// Appends inside the producer's transaction, which begins with its first record.
    pub(super) fn append(&mut self, by: &Identity, commit: u64, output: Output) -> Result<(), Refused> {
        let place = (output.topic, output.partition);
        self.check_partition(place);
        let at = self.now;
        let transaction = self.open(by)?;
        transaction.places.insert(place);
        transaction.commits.insert(commit);
        let number = transaction.transaction;
        self.partition_mut(place).append(Stored::of(output, at), Some(number));
        Ok(())
    }

    /// Adds offsets to the transaction. Its coordinator checks who asks, and after it the group.
    pub(super) fn add_offsets(
        &mut self,
        by: &Identity,
        of: Membership,
        offsets: Vec<PendingOffset>,
    ) -> Result<(), Refused> {
        self.check_epoch(by)?;
        for group in offsets.iter().map(|offset| offset.group) {
            self.groups[&group].check(of)?;
        }
        self.open(by)?.offsets.extend(offsets);
        Ok(())
    }

    /// Ends the producer's transaction.
    pub(super) fn end_transaction(&mut self, by: &Identity, commit: bool) -> Result<(), Refused> {
        self.check_epoch(by)?;
        self.close(&by.id, commit);
        Ok(())
    }

    pub(super) fn has_open_transaction(&self, by: &Identity) -> bool {
        self.producers.get(&by.id).is_some_and(|producer| producer.open.is_some())
    }

    /// Whether an offset of this partition may still be committed by a transaction that is not over.
    pub(super) fn has_pending_offset(&self, group: HalfKind, topic: Topic, partition: i32) -> bool {
        let pending = |producer: &'_ Producer| {
            let open = producer.open.as_ref().map_or(&[][..], |open| &open.offsets);
            let ending = producer.ending.as_ref().map_or(&[][..], |ending| &ending.offsets);
            let is_it =
                |offset: &PendingOffset| (offset.group, offset.topic, offset.partition) == (group, topic, partition);
            open.iter().chain(ending).any(is_it)
        };
        self.producers.values().any(pending)
    }

    /// Somebody else's transaction begins in a partition and is forgotten: nobody reads on there, until an operator
    /// ends it. No timeout does, which is what hanging means.
    pub fn hang(&mut self, place: (Topic, i32), until: Timestamp) {
        let id = format!("foreign-{}", self.transactions);
        let by = Identity { epoch: self.init_transactions(&id), id };
        let (topic, partition) = place;
        let output = Output { topic, partition, key: b"foreign".to_vec(), payload: None, headers: Vec::new() };
        let began = self.open(&by).map(|open| (open.places.insert(place), open.transaction));
        let (_, transaction) = began.expect("nobody fences a new id");
        let at = self.now;
        self.partition_mut(place).append(Stored::of(output, at), Some(transaction));
        self.note("foreign transaction hangs", || format!("{} {partition}", topic.name()));
        self.hanging.push((by, until));
    }

    /// Ends what has hung for long enough, as of some moment.
    pub fn end_hanging(&mut self, moment: Timestamp) {
        let (over, hanging): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.hanging).into_iter().partition(|(_, until)| *until <= moment);
        self.hanging = hanging;
        for (by, _) in over {
            self.end_transaction(&by, false).expect("nobody fences it");
        }
    }

    /// Aborts transactions that have been open for too long and fences their producers.
    pub(super) fn expire_transactions(&mut self) {
        let limit = self.now.0 - self.timeouts.transaction_ms;
        let hangs = |id: &String| self.hanging.iter().any(|(by, _)| by.id == *id);
        let expired = |producer: &Producer| producer.open.as_ref().is_some_and(|open| open.began.0 < limit);
        let expired = self.producers.iter().filter(|(id, producer)| expired(producer) && !hangs(id));
        let ids: Vec<String> = expired.map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.note("transaction timed out", || id.clone());
            self.init_transactions(&id);
        }
    }

    /// Writes some of the markers that are still to be written, and all that are overdue.
    pub(super) fn write_markers(&mut self) {
        let ids: Vec<String> =
            self.producers.iter().filter(|(_, producer)| producer.ending.is_some()).map(|(id, _)| id.clone()).collect();
        for id in ids {
            let due = self.producers[&id].ending.as_ref().is_some_and(|ending| ending.due <= self.now);
            if due {
                self.finish_ending(&id);
            } else if self.random.chance(30) {
                self.write_marker(&id);
            }
        }
    }

    fn check_epoch(&self, by: &Identity) -> Result<(), Refused> {
        let (epoch, current) = (by.epoch, self.producers[&by.id].epoch);
        if epoch == current {
            Ok(())
        } else {
            Err(Refused::Epoch(format!("producer epoch {epoch} is fenced by {current}")))
        }
    }

    fn open(&mut self, by: &Identity) -> Result<&mut Open, Refused> {
        self.check_epoch(by)?;
        // The next transaction waits until the last one is over everywhere.
        self.finish_ending(&by.id);
        let began = self.now;
        let transactions = &mut self.transactions;
        let producer = self.producers.get_mut(&by.id).expect("the epoch was checked");
        Ok(producer.open.get_or_insert_with(|| {
            *transactions += 1;
            let (places, offsets, commits) = Default::default();
            Open { transaction: *transactions, began, places, offsets, commits }
        }))
    }

    fn close(&mut self, id: &str, commit: bool) {
        let Some(open) = self.producers.get_mut(id).and_then(|producer| producer.open.take()) else { return };
        let Open { transaction, mut offsets, commits, places, .. } = open;
        if commit {
            self.took_effect(&commits);
        } else {
            offsets.clear();
        }
        let mut places: Vec<_> = places.into_iter().collect();
        self.random.shuffle(&mut places);
        let slow = self.random.chance(self.rates.slow_markers);
        let due = Timestamp(self.now.0 + if slow { self.timeouts.session_ms / 2 } else { 0 });
        if slow {
            self.note("markers were slow", || id.to_owned());
        }
        let producer = self.producers.get_mut(id).expect("it had a transaction");
        producer.ending = Some(Ending { transaction, commit, places, offsets, due });
        if !slow {
            self.finish_ending(id);
        }
    }

    fn finish_ending(&mut self, id: &str) {
        while self.write_marker(id) {}
    }

    /// Tells the end of a transaction to the group or to one more partition; says whether there was one left.
    fn write_marker(&mut self, id: &str) -> bool {
        let Some(ending) = self.producers.get_mut(id).and_then(|producer| producer.ending.as_mut()) else {
            return false;
        };
        let (transaction, commit) = (ending.transaction, ending.commit);
        if !ending.offsets.is_empty() && self.random.chance(50) {
            for offset in std::mem::take(&mut ending.offsets) {
                let group = self.groups.get_mut(&offset.group).expect("the group was checked");
                group.set_offset(offset);
            }
        } else if let Some(place) = ending.places.pop() {
            self.partition_mut(place).end_transaction(transaction, commit);
        } else if ending.offsets.is_empty() {
            self.producers.get_mut(id).expect("it is there").ending = None;
            return false;
        }
        true
    }
}
