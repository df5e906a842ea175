//! The records of a file, held close together: a country's year is some gigabytes of CSV.

use crate::intake::arrivals::Outliers;
use crate::intake::{ContentType, Message};
use crate::model::record::Topic;
use crate::model::time::Timestamp;

/// Records to be sent, in order of the file.
pub(super) struct Parcels {
    /// Where they go.
    pub topic: Topic,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    key_bytes: u32,
    payload_bytes: u32,
    content_type: ContentType,
    received_at: Timestamp,
}

/// One record.
pub(super) struct Parcel<'a> {
    pub key: &'a [u8],
    pub payload: &'a [u8],
    pub content_type: ContentType,
    pub received_at: Timestamp,
}

impl Parcels {
    pub fn new(topic: Topic) -> Self {
        Self { topic, bytes: Vec::new(), entries: Vec::new() }
    }

    /// Keeps a record. Key and payload have passed the size limit, or the reader's of the same size.
    pub fn push(&mut self, key: &str, message: &Message, received_at: Timestamp) {
        self.entries.push(Entry {
            start: self.bytes.len(),
            key_bytes: key.len() as u32,
            payload_bytes: message.payload.len() as u32,
            content_type: message.content_type,
            received_at,
        });
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(&message.payload);
    }

    /// Takes out what must not be sent.
    pub fn leave_out(&mut self, outliers: &Outliers) {
        self.entries.retain(|entry| !outliers.hold(entry.received_at));
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn get(&self, number: usize) -> Parcel<'_> {
        let entry = self.entries[number];
        let (key, rest) = self.bytes[entry.start..].split_at(entry.key_bytes as usize);
        let payload = &rest[..entry.payload_bytes as usize];
        Parcel { key, payload, content_type: entry.content_type, received_at: entry.received_at }
    }

    /// When each was received, in order.
    pub fn arrivals(&self) -> Vec<Timestamp> {
        self.entries.iter().map(|entry| entry.received_at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in() {
        let mut parcels = Parcels::new(Topic::LabResults);
        for (at, (key, payload)) in [("", "{}"), ("p1", ""), ("p2", "abc")].into_iter().enumerate() {
            let message = Message { payload: payload.into(), content_type: ContentType::Json, arrived_at: None };
            parcels.push(key, &message, Timestamp(at as i64));
        }
        assert_eq!((parcels.len(), parcels.get(2).key, parcels.get(2).payload), (3, &b"p2"[..], &b"abc"[..]));
        assert_eq!((parcels.get(0).key, parcels.get(0).payload), (&b""[..], &b"{}"[..]));
        assert_eq!((parcels.get(1).key, parcels.get(1).payload), (&b"p1"[..], &b""[..]));
        assert_eq!(parcels.arrivals(), [Timestamp(0), Timestamp(1), Timestamp(2)]);
    }
}
