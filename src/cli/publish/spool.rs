//! The records of a file between its check and their sending, in order of arrival, in bounded memory.
//!
//! A country's year is some gigabytes. What is more than [`RUN`] bytes goes into a file without a name, sorted in runs,
//! which are merged when they are read: nothing of it is left behind, whatever ends the process. Records that arrived
//! at one time keep the order of the file; of live data, that is all of them.

use crate::intake::arrivals::Outliers;
use crate::intake::{ContentType, Message};
use crate::model::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::rc::Rc;

/// Records held in memory, in bytes.
const RUN: usize = 32 * 1024 * 1024;

/// Read of each run at a time: there are as many of these as runs.
const READ: usize = 64 * 1024;

/// Before key and payload: time, lengths, content type.
const HEAD: usize = 8 + 4 + 4 + 1;

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parcel {
    pub key: Vec<u8>,
    pub payload: Vec<u8>,
    pub is_json: bool,
    pub received_at: Timestamp,
}

impl Parcel {
    pub fn content_type(&self) -> ContentType {
        if self.is_json { ContentType::Json } else { ContentType::Protobuf }
    }
}

/// Takes records.
pub(super) struct Spool {
    limit: usize,
    records: u64,
    /// Records as they are written, one after the other.
    bytes: Vec<u8>,
    /// When each was received, and where it stands.
    order: Vec<(Timestamp, usize)>,
    file: Option<BufWriter<File>>,
    runs: Vec<std::ops::Range<u64>>,
}

impl Spool {
    pub fn new() -> Self {
        Self::with_limit(RUN)
    }

    fn with_limit(limit: usize) -> Self {
        Self { limit, records: 0, bytes: Vec::new(), order: Vec::new(), file: None, runs: Vec::new() }
    }

    /// Keeps a record. Key and payload have passed the size limit, or the reader's of the same size.
    pub fn push(&mut self, key: &str, message: &Message, received_at: Timestamp) -> io::Result<()> {
        self.order.push((received_at, self.bytes.len()));
        self.bytes.extend_from_slice(&received_at.0.to_le_bytes());
        self.bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&(message.payload.len() as u32).to_le_bytes());
        self.bytes.push(u8::from(message.content_type == ContentType::Json));
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(&message.payload);
        self.records += 1;
        if self.bytes.len() + size_of_val(&self.order[..]) < self.limit { Ok(()) } else { self.write_run() }
    }

    /// All that was kept, by time of arrival.
    pub fn finish(mut self) -> io::Result<Parcels> {
        if self.runs.is_empty() {
            self.order.sort_by_key(|(received_at, _)| *received_at);
            let records = self.records;
            let source = Source::Memory { bytes: self.bytes, order: self.order, next: 0 };
            return Ok(Parcels { records, left_out: Outliers::default(), source });
        }
        self.write_run()?;
        let Some(file) = self.file.take() else { return Err(io::Error::other("runs without a file")) };
        let file = Rc::new(file.into_inner().map_err(io::IntoInnerError::into_error)?);
        let mut merge = Merge { runs: Vec::new(), next: BinaryHeap::new() };
        for run in self.runs {
            let section = Section { file: Rc::clone(&file), at: run.start, end: run.end };
            merge.runs.push(BufReader::with_capacity(READ, section));
            merge.advance(merge.runs.len() - 1)?;
        }
        Ok(Parcels { records: self.records, left_out: Outliers::default(), source: Source::Merge(merge) })
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.order.sort_by_key(|(received_at, _)| *received_at);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::with_capacity(READ, tempfile::tempfile_in(folder())?)),
        };
        let start = self.runs.last().map_or(0, |run| run.end);
        for (_, at) in &self.order {
            file.write_all(&self.bytes[*at..at + length(&self.bytes[*at..])])?;
        }
        self.runs.push(start..start + self.bytes.len() as u64);
        self.bytes.clear();
        self.order.clear();
        Ok(())
    }
}

/// Where large files are put for a while: `/tmp` is often memory.
pub(super) fn folder() -> PathBuf {
    let large = PathBuf::from("/var/tmp");
    match std::env::var_os("TMPDIR") {
        None if large.is_dir() => large,
        _ => std::env::temp_dir(),
    }
}

/// Length of the record at the start of some bytes.
fn length(bytes: &[u8]) -> usize {
    let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
    HEAD + number(8) + number(12)
}

/// Gives records, in order of arrival.
pub(super) struct Parcels {
    records: u64,
    left_out: Outliers,
    source: Source,
}

enum Source {
    Memory { bytes: Vec<u8>, order: Vec<(Timestamp, usize)>, next: usize },
    Merge(Merge),
}

impl Parcels {
    /// How many there are in all.
    pub fn len(&self) -> u64 {
        self.records
    }

    /// Without those that were found to be wrong only when all were read; they are so many.
    pub fn without(self, outliers: &Outliers, records: u64) -> Self {
        Self { records: self.records - records, left_out: outliers.clone(), ..self }
    }

    /// The next; `None` after the last.
    pub fn next(&mut self) -> io::Result<Option<Parcel>> {
        loop {
            match self.next_read()? {
                Some(parcel) if self.left_out.hold(parcel.received_at) => {}
                next => return Ok(next),
            }
        }
    }

    fn next_read(&mut self) -> io::Result<Option<Parcel>> {
        match &mut self.source {
            Source::Memory { bytes, order, next } => {
                let Some((_, at)) = order.get(*next) else { return Ok(None) };
                *next += 1;
                read(&mut &bytes[*at..])
            }
            Source::Merge(merge) => merge.next(),
        }
    }
}

/// Sorted runs as one: of equal times, that of the earlier run comes first.
struct Merge {
    runs: Vec<BufReader<Section>>,
    next: BinaryHeap<Reverse<Head>>,
}

struct Head {
    run: usize,
    parcel: Parcel,
}

impl Head {
    fn place(&self) -> (Timestamp, usize) {
        (self.parcel.received_at, self.run)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place())
    }
}

impl Merge {
    fn next(&mut self) -> io::Result<Option<Parcel>> {
        let Some(Reverse(head)) = self.next.pop() else { return Ok(None) };
        self.advance(head.run)?;
        Ok(Some(head.parcel))
    }

    fn advance(&mut self, run: usize) -> io::Result<()> {
        let head = read(&mut self.runs[run])?;
        self.next.extend(head.map(|parcel| Reverse(Head { run, parcel })));
        Ok(())
    }
}

/// The record that a reader stands at; `None` at its end.
fn read(reader: &mut impl Read) -> io::Result<Option<Parcel>> {
    let mut head = [0; HEAD];
    if reader.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut head[1..])?;
    let [time @ .., _, _, _, _, _, _, _, _, is_json] = head;
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
    let (mut key, mut payload) = (vec![0; number(8)], vec![0; number(12)]);
    reader.read_exact(&mut key)?;
    reader.read_exact(&mut payload)?;
    Ok(Some(Parcel { key, payload, is_json: is_json != 0, received_at: Timestamp(i64::from_le_bytes(time)) }))
}

/// A stretch of a file.
struct Section {
    file: Rc<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = bytes.len().min((self.end - self.at) as usize);
        let read = self.file.read_at(&mut bytes[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (key, payload, time) as they come out.
    fn through(limit: usize, records: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
        let mut spool = Spool::with_limit(limit);
        for (key, payload, at) in records {
            let content_type = if payload.starts_with('{') { ContentType::Json } else { ContentType::Protobuf };
            let message = Message { payload: (*payload).into(), content_type, arrived_at: None };
            spool.push(key, &message, Timestamp(*at)).expect("room");
        }
        let mut parcels = spool.finish().expect("room");
        assert_eq!(parcels.len(), records.len() as u64);
        let mut all = Vec::new();
        while let Some(parcel) = parcels.next().expect("readable") {
            assert_eq!(parcel.is_json, parcel.payload.starts_with(b"{"));
            let text = |bytes| String::from_utf8(bytes).expect("text");
            all.push((text(parcel.key), text(parcel.payload), parcel.received_at.0));
        }
        all
    }

    #[test]
    fn records_come_out_as_they_went_in_by_time_and_in_the_order_of_the_file() {
        let records =
            [("", "{}", 5), ("p1", "", 5), ("p2", "abc", -3), ("p3", "{\"a\"}", 9), ("p4", "x", 5), ("p5", "y", -3)];
        let mut expected: Vec<_> =
            records.iter().map(|(key, payload, at)| ((*key).to_owned(), (*payload).to_owned(), *at)).collect();
        expected.sort_by_key(|(_, _, at)| *at);
        // All in memory; runs of one, of two, of a few.
        for limit in [RUN, 1, 70, 120, 160] {
            assert_eq!(through(limit, &records), expected, "{limit}");
        }
        assert_eq!(through(RUN, &[]), []);
    }

    #[test]
    fn a_file_in_which_all_arrive_at_once_keeps_its_order_over_any_number_of_runs() {
        let payloads: Vec<String> = (0..500).map(|number| number.to_string()).collect();
        let records: Vec<_> = payloads.iter().map(|payload| ("p", payload.as_str(), 7)).collect();
        let read: Vec<String> = through(200, &records).into_iter().map(|(_, payload, _)| payload).collect();
        assert_eq!(read, payloads);
    }
}
