//! Which dead letters were sent again: remembered in the transaction that sends them.
//!
//! `retried` has a record for each, by where the letter lies. It is written with the record that is sent, in one transaction,
//! under one transactional id: whoever opens that has first ended what its last holder left open, and reads here then what was
//! sent and what was not. So nothing is sent twice, wherever whoever sent it was killed, and nothing is taken for sent that was
//! not. Offsets of a group would not do: they expire, and letters are sent again in any order.
//!
//! It is taken back only when no letter of the record lies there any more. Retention deletes letters one by one, and a record that
//! was set aside twice has two.

use super::letter::Letter;
use super::place;
use crate::config::{Config, KafkaConfig};
use crate::kafka::publisher::Exclusive;
use crate::kafka::reader::{From, TopicReader};
use crate::model::record::{Origin, Output, Position, Record, Topic};
use crate::model::time::Timestamp;
use crate::proto::v1;
use anyhow::{Context as _, ensure};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Names the dead letter that a record was sent again from.
const RETRY_HEADER: &str = "swabstream-retry-of";

/// How long the broker may send nothing of what was sent again.
const READ_LIMIT: Duration = Duration::from_secs(60);

/// Taken back at most in one go.
const FORGOTTEN: usize = 1_000;

/// Letters that were sent again, and the records they are about. A processor that starts anew sets the same record aside once
/// more, as another letter: it was sent again all the same. A topic that is made anew has other records at the same places.
#[derive(Debug, Default)]
pub(super) struct Retried {
    letters: BTreeMap<Position, Origin>,
    origins: BTreeSet<Origin>,
}

impl Retried {
    /// Of one letter, for tests.
    #[cfg(test)]
    pub(super) fn of(letter: &Letter<'_>) -> Self {
        let mut retried = Self::default();
        if let Some(origin) = letter.as_origin() {
            retried.add(letter.record.position, origin);
        }
        retried
    }

    /// As the topic holds them now.
    pub(super) fn read(kafka: &KafkaConfig) -> anyhow::Result<Self> {
        let mut retried = Self::default();
        let mut topic = TopicReader::open(kafka, &[Topic::Retried], From::Beginning)?;
        let mut taken = Ok(());
        topic.read_to_end(READ_LIMIT, &mut |records| {
            for record in records {
                if taken.is_ok() {
                    taken = retried.take(record);
                }
            }
        })?;
        taken.map(|()| retried)
    }

    /// One that cannot be read is not taken for a letter that was not sent: it would be sent twice.
    fn take(&mut self, record: &Record<'_>) -> anyhow::Result<()> {
        let place = record.position;
        let unreadable = || {
            format!(
                "the record at {} cannot be read, by which a letter was sent again: a newer version may have written it; nothing more \
                 is sent",
                place::shown(place)
            )
        };
        let key = record.key.and_then(|key| std::str::from_utf8(key).ok());
        let letter = key.and_then(|key| place::parse(key).ok()).with_context(unreadable)?;
        if record.payload.is_none() {
            if let Some(origin) = self.letters.remove(&letter) {
                // Another letter of the same record may have been sent too, by an earlier version.
                if !self.letters.values().any(|other| *other == origin) {
                    self.origins.remove(&origin);
                }
            }
            return Ok(());
        }
        let origin = record.message().and_then(|said: v1::Retried| Origin::from_wire(&said.origin?).ok());
        self.add(letter, origin.with_context(unreadable)?);
        Ok(())
    }

    fn add(&mut self, letter: Position, origin: Origin) {
        self.letters.insert(letter, origin);
        self.origins.insert(origin);
    }

    /// Whether the record of a letter was sent again.
    pub(super) fn has(&self, letter: &Letter<'_>) -> bool {
        letter.as_origin().is_some_and(|origin| self.origins.contains(&origin))
    }

    /// What is remembered of records that no letter is about any more; `held` are those that letters are about, of those that
    /// [`has`](Self::has) knows, by a look at all letters that began after this was read.
    pub(super) fn forgotten(&self, held: &BTreeSet<Origin>) -> Vec<Position> {
        let gone = self.letters.iter().filter(|(_, origin)| !held.contains(origin));
        gone.map(|(letter, _)| *letter).take(FORGOTTEN).collect()
    }
}

fn of_letter(letter: Position, said: Option<v1::Retried>) -> Output {
    Output {
        topic: Topic::Retried,
        partition: 0,
        key: place::shown(letter).into_bytes(),
        payload: said.map(|said| said.encode_to_vec()),
        headers: Vec::new(),
    }
}

/// What is sent of a letter.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    origin: Origin,
    /// Where the letter lies.
    letter: Position,
    /// The record once more, and that it was sent.
    records: [Output; 2],
}

impl Sending {
    /// The record of a letter, into the partition where it lay and under its key. `edited` is what stands in the place of its
    /// payload, with its content type. `None` of a letter that does not say where its record lay.
    pub(super) fn new(letter: &Letter<'_>, edited: Option<(&[u8], &str)>, at: Timestamp) -> Option<Self> {
        let Letter { record, .. } = letter;
        let origin = letter.as_origin()?;
        let (payload, content_type) = match edited {
            Some((payload, content_type)) => (Some(payload), Some(content_type.as_bytes())),
            None => (record.payload, record.content_type),
        };
        let mut headers = vec![(RETRY_HEADER, place::shown(record.position).into_bytes())];
        headers.extend(content_type.map(|value| ("content-type", value.to_vec())));
        let again = Output {
            topic: origin.position.topic,
            partition: origin.position.partition,
            key: record.key.unwrap_or_default().to_vec(),
            payload: payload.map(<[u8]>::to_vec),
            headers,
        };
        let said = v1::Retried { origin: Some(origin.to_wire()), at: Some(at.to_wire()), edited: edited.is_some() };
        let records = [again, of_letter(record.position, Some(said))];
        Some(Self { origin, letter: record.position, records })
    }

    /// Bytes of it.
    pub(super) fn bytes(&self) -> usize {
        self.records.iter().map(|record| record.key.len() + record.payload.as_ref().map_or(0, Vec::len)).sum()
    }
}

/// Sends letters again in one transaction, but for those that were sent before, by whomever; how many were sent. Of the letters
/// `forgotten` it is taken back that they were.
///
/// One transaction to a producer: a request of it that was delayed can end no other one.
pub(super) fn send(kafka: &KafkaConfig, all: &[Sending], forgotten: &[Position]) -> anyhow::Result<u64> {
    let writer = Exclusive::open(kafka, &format!("{}deadletters-retry", kafka.prefix))?;
    // After it: what whoever had the right before has left open has an end now, and it can send nothing more.
    let retried = Retried::read(kafka)?;
    let mut here = BTreeSet::new();
    let is_new = |sending: &&Sending| !retried.origins.contains(&sending.origin) && here.insert(sending.origin);
    let new: Vec<&Sending> = all.iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(0);
    }
    let mut records: Vec<Output> = new.iter().flat_map(|sending| sending.records.clone()).collect();
    let known = forgotten.iter().filter(|letter| retried.letters.contains_key(letter));
    records.extend(known.map(|letter| of_letter(*letter, None)));
    writer.write(&records).with_context(|| named(&new))?;
    Ok(new.len() as u64)
}

/// Which letters a transaction was of: the first and the last of it, so that those can be tried one by one.
fn named(all: &[&Sending]) -> String {
    match all {
        [] => "no letter".to_owned(),
        [one] => format!("{}, of {}", place::shown(one.letter), place::shown(one.origin.position)),
        [first, .., last] => {
            format!("{} letters, {} to {}", all.len(), place::shown(first.letter), place::shown(last.letter))
        }
    }
}

/// Past data have their time from their publisher: a record that is sent again now would move the time of all.
pub(super) fn require_live(config: &Config) -> anyhow::Result<()> {
    ensure!(
        !config.processing.history,
        "this deployment has `history = true` in [processing]: what is sent again would arrive now, and end the past; publish the \
         record with `swabstream publish --history`"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::outcome::{Reject, RejectCode};

    fn as_record(output: &Output) -> Record<'_> {
        Record {
            position: Position { topic: Topic::Retried, partition: 0, offset: 0 },
            received_at: Timestamp(0),
            key: Some(&output.key),
            payload: output.payload.as_deref(),
            content_type: None,
        }
    }

    #[test]
    fn a_letter_is_sent_again_where_it_lay_and_that_is_remembered() {
        let output = set_aside(Topic::LabResults, "{}", &Reject::new(RejectCode::UnknownArea, "area"));
        let letter = read(&output);
        let [again, said] = Sending::new(&letter, None, Timestamp(5)).expect("it says where it lay").records;
        assert_eq!((again.topic, again.partition), (Topic::LabResults, 3));
        assert_eq!((again.key.as_slice(), again.payload.as_deref()), (&b"PERSON-ONE"[..], Some(&b"{}"[..])));
        let expected = [(RETRY_HEADER, b"dead-letters/1/7".to_vec()), ("content-type", b"application/json".to_vec())];
        assert_eq!(again.headers, expected);
        assert_eq!((said.topic, said.key.as_slice()), (Topic::Retried, &b"dead-letters/1/7"[..]));

        let mut retried = Retried::default();
        assert!(!retried.has(&letter));
        retried.take(&as_record(&said)).expect("readable");
        assert!(retried.has(&letter));
        let again = Position { offset: 99, ..letter.record.position };
        let set_aside_anew = Letter { record: Record { position: again, ..letter.record }, ..letter };
        assert!(retried.has(&set_aside_anew), "by a processor that began at the beginning");
        let of_another_topic = Letter { received_at: Some(Timestamp(1)), ..letter };
        assert!(!retried.has(&of_another_topic), "one that lies there since its topic was made anew");
    }

    #[test]
    fn that_a_letter_was_sent_is_forgotten_when_no_letter_of_its_record_lies_there_any_more() {
        let output = set_aside(Topic::LabResults, "{}", &Reject::new(RejectCode::UnknownArea, "area"));
        let letter = read(&output);
        let mut retried = Retried::of(&letter);
        let held = BTreeSet::from([letter.as_origin().expect("it says where it lay")]);
        // Though it was deleted itself: another one of the same record is there.
        assert_eq!(retried.forgotten(&held), []);
        assert_eq!(retried.forgotten(&BTreeSet::new()), [letter.record.position]);
        retried.take(&as_record(&of_letter(letter.record.position, None))).expect("readable");
        assert!(!retried.has(&letter) && retried.origins.is_empty());
    }

    #[test]
    fn what_cannot_be_read_of_letters_that_were_sent_is_an_error_and_forgets_nothing() {
        let output = set_aside(Topic::LabResults, "{}", &Reject::new(RejectCode::UnknownArea, "area"));
        let letter = read(&output);
        let mut retried = Retried::of(&letter);
        let said = of_letter(letter.record.position, None);
        for broken in
            [Output { payload: Some(vec![255]), ..said.clone() }, Output { payload: Some(Vec::new()), ..said }]
        {
            let why = retried.take(&as_record(&broken)).expect_err("unreadable").to_string();
            assert!(why.contains("retried/0/0"), "{why}");
        }
        assert!(retried.has(&letter));
    }

    #[test]
    fn an_edited_letter_keeps_its_key_and_place_and_has_another_payload() {
        let output = set_aside(Topic::ContactRecords, "{", &Reject::new(RejectCode::Malformed, ""));
        let edited = Some((&b"{}"[..], "application/json"));
        let sending = Sending::new(&read(&output), edited, Timestamp(5)).expect("it says where it lay");
        assert!(sending.bytes() > 12);
        let [again, said] = sending.records;
        assert_eq!((again.key.as_slice(), again.payload.as_deref()), (&b"PERSON-ONE"[..], Some(&b"{}"[..])));
        let said = v1::Retried::decode(&said.payload.expect("a message")[..]).expect("ours");
        assert!(said.edited && said.at == Some(Timestamp(5).to_wire()));
    }
}
