//! The records of a file between its check and their sending, in order of arrival, in bounded memory.
//!
//! A country's year is some gigabytes. What is more than [`RUN`] bytes goes into a file without a name, sorted in runs,
//! which are merged when they are read: nothing of it is left behind, whatever ends the process. Records that arrived
//! at one time keep the order of the file; of live data, that is all of them, and one run. At most [`RUNS`] are merged at
//! once, each through a buffer of [`READ`] bytes: of more, longer ones are made first. That is 32 MiB while records are
//! taken, and 16 MiB and a record of each run while they are given, however many there are.

use crate::intake::arrivals::Outliers;
use crate::intake::scratch::runs::{Merge, Record, Runs};
use crate::intake::{ContentType, Message};
use crate::model::time::Timestamp;
use std::io::{self, Read};

/// Records held in memory, in bytes.
const RUN: usize = 32 * 1024 * 1024;

/// Read of each run at a time: there are as many of these as runs.
const READ: usize = 64 * 1024;

/// Runs merged at once: 8 GiB that are in no order.
const RUNS: usize = 256;

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

impl Record for Parcel {
    type Key = Timestamp;

    fn key(&self) -> Timestamp {
        self.received_at
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        write(bytes, &self.key, &self.payload, self.is_json, self.received_at);
    }

    fn read(reader: &mut impl Read) -> io::Result<Option<Self>> {
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
        Ok(Some(Self { key, payload, is_json: is_json != 0, received_at: Timestamp(i64::from_le_bytes(time)) }))
    }
}

impl Parcel {
    pub fn content_type(&self) -> ContentType {
        if self.is_json { ContentType::Json } else { ContentType::Protobuf }
    }
}

/// Takes records.
pub(super) struct Spool {
    limit: usize,
    merged: usize,
    records: u64,
    /// Records as they are written, one after the other.
    bytes: Vec<u8>,
    /// When each was received, and where it stands.
    order: Vec<(Timestamp, usize)>,
    runs: Option<Runs<Parcel>>,
}

impl Spool {
    pub fn new() -> Self {
        Self::with_limits(RUN, RUNS)
    }

    fn with_limits(limit: usize, merged: usize) -> Self {
        Self { limit, merged, records: 0, bytes: Vec::new(), order: Vec::new(), runs: None }
    }

    /// Keeps a record. Key and payload have passed the size limit, or the reader's of the same size.
    pub fn push(&mut self, key: &str, message: &Message, received_at: Timestamp) -> io::Result<()> {
        if self.bytes.capacity() == 0 {
            // At once: what grows leaves smaller pieces behind. Pages that are not used yet cost nothing.
            self.bytes.reserve_exact(self.limit);
        }
        self.order.push((received_at, self.bytes.len()));
        let is_json = message.content_type == ContentType::Json;
        write(&mut self.bytes, key.as_bytes(), &message.payload, is_json, received_at);
        self.records += 1;
        if self.bytes.len() + size_of_val(&self.order[..]) < self.limit { Ok(()) } else { self.write_run() }
    }

    /// All that was kept, by time of arrival.
    pub fn finish(mut self) -> io::Result<Parcels> {
        let (records, left_out) = (self.records, Outliers::default());
        if self.runs.is_some() {
            self.write_run()?;
            (self.bytes, self.order) = (Vec::new(), Vec::new());
        } else {
            self.order.sort_by_key(|(received_at, _)| *received_at);
        }
        let source = match self.runs {
            None => Source::Memory { bytes: self.bytes, order: self.order, next: 0 },
            Some(runs) => Source::Merge(runs.merged(self.merged, || false)?),
        };
        Ok(Parcels { records, left_out, source })
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.order.sort_by_key(|(received_at, _)| *received_at);
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(Runs::new(READ)?),
        };
        self.order.first().into_iter().for_each(|(received_at, _)| runs.begin(*received_at));
        for (received_at, at) in &self.order {
            runs.push(*received_at, &self.bytes[*at..at + length(&self.bytes[*at..])])?;
        }
        self.bytes.clear();
        self.order.clear();
        Ok(())
    }
}

/// A record as it lies in memory and in the file.
fn write(out: &mut Vec<u8>, key: &[u8], payload: &[u8], is_json: bool, received_at: Timestamp) {
    out.extend(received_at.0.to_le_bytes());
    out.extend((key.len() as u32).to_le_bytes());
    out.extend((payload.len() as u32).to_le_bytes());
    out.push(u8::from(is_json));
    out.extend(key);
    out.extend(payload);
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
    Merge(Merge<Parcel>),
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
                Parcel::read(&mut &bytes[*at..])
            }
            Source::Merge(merge) => merge.next_record(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (key, payload, time) as they come out.
    fn through(limit: usize, merged: usize, records: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
        let mut spool = Spool::with_limits(limit, merged);
        for (key, payload, at) in records {
            let content_type = if payload.starts_with('{') { ContentType::Json } else { ContentType::Protobuf };
            let message =
                Message { payload: (*payload).into(), content_type, arrived_at: None, is_released_by_day: false };
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
            for merged in [2, 3, RUNS] {
                assert_eq!(through(limit, merged, &records), expected, "{limit} {merged}");
            }
        }
        assert_eq!(through(RUN, RUNS, &[]), []);
    }

    #[test]
    fn a_file_in_which_all_arrive_at_once_keeps_its_order_over_any_number_of_runs() {
        let payloads: Vec<String> = (0..500).map(|number| number.to_string()).collect();
        let records: Vec<_> = payloads.iter().map(|payload| ("p", payload.as_str(), 7)).collect();
        let read: Vec<String> = through(200, 2, &records).into_iter().map(|(_, payload, _)| payload).collect();
        assert_eq!(read, payloads);
    }

    #[test]
    fn records_in_disorder_take_many_runs_which_are_merged_a_few_at_a_time_and_live_ones_take_one() {
        let texts: Vec<String> = (0..600).map(|number| number.to_string()).collect();
        let records: Vec<_> =
            (0..).zip(&texts).map(|(at, text): (i64, _)| ("p", text.as_str(), at * 7 % 101)).collect();
        let mut expected = through(RUN, RUNS, &records);
        for merged in [2, 5, 64] {
            assert_eq!(through(100, merged, &records), expected, "{merged}");
        }
        expected.dedup_by_key(|(_, _, at)| *at);
        assert_eq!(expected.len(), 101, "by time of arrival");
        let mut spool = Spool::with_limits(100, 2);
        for text in &texts {
            let message = Message {
                payload: text.as_str().into(),
                content_type: ContentType::Json,
                arrived_at: None,
                is_released_by_day: false,
            };
            spool.push("p", &message, Timestamp(7)).expect("room");
        }
        assert_eq!(spool.runs.map(|runs| runs.count()), Some(1));
    }
}
