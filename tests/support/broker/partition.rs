//! One partition: records and control markers by offset, and which transactions are open, committed or aborted.

use std::collections::{BTreeMap, HashMap, HashSet};
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
    Data { record: Stored, transaction: Option<Transaction> },
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
        self.entries.push(Entry::Data { record, transaction });
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
    pub fn read(&self, from: i64, isolation: Isolation, limit: usize) -> (Vec<Stored>, i64) {
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
                    records.push(record.clone());
                }
            }
            next += 1;
        }
        (records, next)
    }

    /// Drops every stable committed record that a later one of its key replaces, and aborted ones.
    pub fn compact(&mut self) {
        let end = self.stable_end();
        let mut newest: HashMap<Vec<u8>, i64> = HashMap::new();
        for (record, _) in self.stable_data(end).filter(|(_, aborted)| !aborted) {
            newest.insert(record.key.clone().unwrap_or_default(), record.offset);
        }
        let replaced: Vec<i64> = self
            .stable_data(end)
            .filter(|(record, aborted)| *aborted || newest[record.key.as_deref().unwrap_or_default()] != record.offset)
            .map(|(record, _)| record.offset)
            .collect();
        for offset in replaced {
            self.entries[offset as usize] = Entry::Compacted;
        }
    }

    /// Records below an offset, each with whether its transaction was aborted.
    fn stable_data(&self, end: i64) -> impl Iterator<Item = (&Stored, bool)> {
        self.entries[..end as usize].iter().filter_map(|entry| match entry {
            Entry::Data { record, transaction } => {
                Some((record, transaction.is_some_and(|transaction| self.aborted.contains(&transaction))))
            }
            Entry::Marker | Entry::Compacted => None,
        })
    }
}
