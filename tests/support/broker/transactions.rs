//! Transactional ids: epochs that fence, one open transaction each, offsets that count only when it commits.

use super::Broker;
use super::partition::{Stored, Transaction};
use std::collections::BTreeSet;
use swabstream::model::record::{Output, Topic};
use swabstream::model::time::Timestamp;

/// What the broker knows of a transactional id.
#[derive(Default)]
pub struct Producer {
    epoch: u32,
    open: Option<Open>,
}

struct Open {
    transaction: Transaction,
    began: Timestamp,
    places: BTreeSet<(Topic, i32)>,
    offsets: Vec<PendingOffset>,
}

/// An offset that is committed when its transaction is.
#[derive(Clone, Debug)]
pub struct PendingOffset {
    pub group: &'static str,
    pub topic: Topic,
    pub partition: i32,
    pub next: i64,
    pub metadata: String,
}

/// Why the broker refuses: somebody newer has the id, or the group has moved on.
pub type Refused = String;

impl Broker {
    /// A producer begins under its id: what an earlier one left open is aborted, and that one is fenced.
    pub(super) fn init_transactions(&mut self, id: &str) -> u32 {
        self.close(id, false);
        let producer = self.producers.entry(id.to_owned()).or_default();
        producer.epoch += 1;
        producer.epoch
    }

    /// Appends inside the producer's transaction, which begins with its first record.
    pub(super) fn append(&mut self, id: &str, epoch: u32, output: Output) -> Result<(), Refused> {
        let place = (output.topic, output.partition);
        self.check_partition(place);
        let at = self.now;
        let transaction = self.open(id, epoch)?;
        transaction.places.insert(place);
        let number = transaction.transaction;
        self.partition_mut(place).append(Stored::of(output, at), Some(number));
        Ok(())
    }

    /// Adds offsets to the transaction. The group checks who asks.
    pub(super) fn add_offsets(
        &mut self,
        (id, epoch): (&str, u32),
        (member, generation): (u64, u64),
        offsets: Vec<PendingOffset>,
    ) -> Result<(), Refused> {
        for group in offsets.iter().map(|offset| offset.group) {
            self.groups[group].check(member, generation)?;
        }
        self.open(id, epoch)?.offsets.extend(offsets);
        Ok(())
    }

    /// Ends the producer's transaction, whichever is open: that is all the request says.
    pub(super) fn end_transaction(&mut self, id: &str, epoch: u32, commit: bool) -> Result<(), Refused> {
        self.check_epoch(id, epoch)?;
        self.close(id, commit);
        Ok(())
    }

    /// Whether a transaction that may still commit an offset of this partition is open.
    pub(super) fn has_pending_offset(&self, group: &str, topic: Topic, partition: i32) -> bool {
        let open = self.producers.values().filter_map(|producer| producer.open.as_ref());
        open.flat_map(|open| &open.offsets)
            .any(|offset| offset.group == group && offset.topic == topic && offset.partition == partition)
    }

    /// Aborts transactions that have been open for too long and fences their producers.
    pub(super) fn expire_transactions(&mut self, timeout_ms: i64) {
        let limit = self.now.0 - timeout_ms;
        let expired = |producer: &Producer| producer.open.as_ref().is_some_and(|open| open.began.0 < limit);
        let mut ids: Vec<String> =
            self.producers.iter().filter(|(_, producer)| expired(producer)).map(|(id, _)| id.clone()).collect();
        ids.sort();
        for id in ids {
            self.note("transaction timed out");
            self.init_transactions(&id);
        }
    }

    fn check_epoch(&self, id: &str, epoch: u32) -> Result<(), Refused> {
        let current = self.producers[id].epoch;
        if epoch == current { Ok(()) } else { Err(format!("producer epoch {epoch} is fenced by {current}")) }
    }

    fn open(&mut self, id: &str, epoch: u32) -> Result<&mut Open, Refused> {
        self.check_epoch(id, epoch)?;
        let began = self.now;
        let transactions = &mut self.transactions;
        let producer = self.producers.get_mut(id).expect("the epoch was checked");
        Ok(producer.open.get_or_insert_with(|| {
            *transactions += 1;
            Open { transaction: *transactions, began, places: BTreeSet::new(), offsets: Vec::new() }
        }))
    }

    fn close(&mut self, id: &str, commit: bool) {
        let Some(open) = self.producers.get_mut(id).and_then(|producer| producer.open.take()) else { return };
        for place in open.places {
            self.partition_mut(place).end_transaction(open.transaction, commit);
        }
        if commit {
            for offset in open.offsets {
                let group = self.groups.get_mut(offset.group).expect("the group was checked");
                group.set_offset(offset);
            }
        }
    }
}
