//! One partition: records and control markers by offset, and which transactions are open, committed or aborted.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use swabstream::model::record::{Output, Position, Record, Topic};
use swabstream::model::time::Timestamp;

/// Number of a transaction, over all producers.
pub type Transaction = u64;

/// A record as the broker keeps it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub topic: Topic,
    pub partition: i32,
    pub offset: i64,
    pub at: Timestamp,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, Vec<u8>)>,
}

impl Stored {
    pub fn of(output: Output, at: Timestamp) -> Self {
        let Output { topic, partition, key, payload, headers } = output;
        Self { topic, partition, offset: -1, at, key: Some(key), payload, headers }
    }

    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_slice())
    }

    /// Whether it is a mark of time.
    pub fn content_type_is_mark(&self) -> bool {
        self.header("content-type") == Some(b"application/vnd.swabstream.time-mark")
    }

    pub fn as_record(&self) -> Record<'_> {
        Record {
            position: Position { topic: self.topic, partition: self.partition, offset: self.offset },
            received_at: self.at,
            key: self.key.as_deref(),
            payload: self.payload.as_deref(),
            content_type: self.header("content-type"),
        }
    }
}

/// What a reader wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Nothing aborted, and nothing from the first open transaction on.
    Committed,
    /// Everything.
    Uncommitted,
}

enum Entry {
    Data { record: Rc<Stored>, transaction: Option<Transaction> },
    Marker,
    Compacted,
}

/// Entries by offset.
#[derive(Default)]
pub struct Partition {
    entries: Vec<Entry>,
    /// Where each open transaction begins.
    open: BTreeMap<Transaction, i64>,
    aborted: HashSet<Transaction>,
}

impl Partition {
    /// High watermark: the offset of the next entry.
    pub fn end(&self) -> i64 {
        self.entries.len() as i64
    }

    /// Last stable offset: where the first open transaction begins, or the end.
    pub fn stable_end(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.end())
    }

    pub fn append(&mut self, mut record: Stored, transaction: Option<Transaction>) -> i64 {
        let offset = self.end();
        record.offset = offset;
        if let Some(transaction) = transaction {
            self.open.entry(transaction).or_insert(offset);
        }
        self.entries.push(Entry::Data { record: Rc::new(record), transaction });
        offset
    }

    /// Writes the control marker that ends a transaction here; it takes an offset.
    pub fn end_transaction(&mut self, transaction: Transaction, commit: bool) {
        self.open.remove(&transaction).expect("a marker ends a transaction that wrote here");
        if !commit {
            self.aborted.insert(transaction);
        }
        self.entries.push(Entry::Marker);
    }

    /// Records from an offset on, and the offset to go on from. Both may be past markers and aborted records.
    pub fn read(&self, from: i64, isolation: Isolation, limit: usize) -> (Vec<Rc<Stored>>, i64) {
        let end = match isolation {
            Isolation::Committed => self.stable_end(),
            Isolation::Uncommitted => self.end(),
        };
        let mut records = Vec::new();
        let mut next = from;
        while next < end && records.len() < limit {
            if let Entry::Data { record, transaction } = &self.entries[next as usize] {
                let aborted = transaction.is_some_and(|transaction| self.aborted.contains(&transaction));
                if isolation == Isolation::Uncommitted || !aborted {
                    records.push(Rc::clone(record));
                }
            }
            next += 1;
        }
        (records, next)
    }

    /// Drops what is aborted, or committed with a later record of its key, of all that lies before an offset: what
    /// Kafka's cleaner does to the part of a log it has come to. Says how many.
    pub fn compact(&mut self, before: i64) -> usize {
        let Self { entries, aborted, .. } = self;
        let mut kept: HashSet<Option<Vec<u8>>> = HashSet::new();
        let mut dropped = 0;
        for entry in entries[..before as usize].iter_mut().rev() {
            let Entry::Data { record, transaction } = entry else { continue };
            let is_aborted = transaction.is_some_and(|transaction| aborted.contains(&transaction));
            if is_aborted || !kept.insert(record.key.clone()) {
                *entry = Entry::Compacted;
                dropped += 1;
            }
        }
        dropped
    }
}
