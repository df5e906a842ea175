//! Judges the rows of a file by the processor's own decoding and validation, without Kafka.
//!
//! In: a [`Reader`], the rules (or none: then only what the contract itself demands), the time of receipt. Out: a
//! [`Judged`] per row and a [`Summary`] in which every row is counted once.

use super::tally::Tally;
use super::within::{Warning, Within};
use super::{Content, ContentType, Fault, Kind, Message, Reader};
use crate::model::outcome::{Reject, RejectCode};
use crate::model::record::{Position, Record};
use crate::model::time::Timestamp;
use crate::pipeline::view::ResultView;
use crate::pipeline::{decode, json, validate};
use crate::policy::Rules;
use crate::proto::v1;
use std::collections::BTreeMap;
use std::io;

/// What a file is held against.
pub struct Checker<'a> {
    /// What the rows are.
    pub kind: Kind,
    /// The rules in force; without them areas, labs, purposes and times of receipt are not checked.
    pub rules: Option<&'a Rules>,
    /// Largest record, in bytes of key and payload.
    pub limit: usize,
    /// When the rows count as received.
    pub received: Received,
}

/// When rows count as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// All at one time.
    At(Timestamp),
    /// Each when it arrived in the past: as the map says, or when it was reported.
    OnArrival,
}

/// A row and what was found.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Line it begins on.
    pub line: u64,
    /// What was found.
    pub verdict: Verdict,
    /// The record, where there is one; also of rows refused by validation.
    pub parcel: Option<Parcel<'a>>,
}

/// What was found of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would be taken.
    Valid,
    /// It would end in `dead-letters`.
    Refused(Fault),
    /// Left out by the map's rule of this number.
    Skipped(usize),
}

/// A record that can be sent.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// Key; empty when the message could not be read.
    pub key: String,
    /// Payload and what it is.
    pub message: &'a Message,
    /// When it counts as received; `None` when that could not be told.
    pub received_at: Option<Timestamp>,
}

/// Counts over a file. Rows = valid + refused + skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows read.
    pub rows: u64,
    /// Rows that would be taken.
    pub valid: u64,
    /// Rows that would be refused, by code number.
    pub refused: BTreeMap<i32, u64>,
    /// Rows left out, by number of the map's rule.
    pub skipped: BTreeMap<usize, u64>,
    /// What valid results of the file say to each other.
    pub warnings: Vec<Warning>,
    /// What the lines of the file were.
    pub file: Tally,
}

impl Summary {
    /// All rows refused.
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }

    fn count(&mut self, verdict: &Verdict) {
        self.rows += 1;
        match verdict {
            Verdict::Valid => self.valid += 1,
            Verdict::Refused(fault) => *self.refused.entry(fault.reject.code as i32).or_default() += 1,
            Verdict::Skipped(rule) => *self.skipped.entry(*rule).or_default() += 1,
        }
    }
}

impl Checker<'_> {
    /// Judges every row, in order of the file.
    pub fn run(&self, reader: &mut Reader, take: &mut dyn FnMut(Judged<'_>)) -> io::Result<Summary> {
        let (mut summary, mut within) = (Summary::default(), Within::new());
        while let Some(item) = reader.next_item()? {
            let judged = match &item.content {
                Content::Message(message) => self.judge(item.line, message, &mut within),
                Content::Refused(fault) => {
                    Judged { line: item.line, verdict: Verdict::Refused(fault.clone()), parcel: None }
                }
                Content::Skipped(rule) => Judged { line: item.line, verdict: Verdict::Skipped(*rule), parcel: None },
            };
            summary.count(&judged.verdict);
            take(judged);
        }
        summary.warnings = within.warnings();
        summary.file = reader.tally();
        Ok(summary)
    }

    fn judge<'m>(&self, line: u64, message: &'m Message, within: &mut Within) -> Judged<'m> {
        let mut parcel = Parcel { key: String::new(), message, received_at: self.received_at(message, None) };
        let found = match self.kind {
            Kind::Results => self.result(line, &mut parcel, within),
            Kind::Contacts => self.contact(&mut parcel),
        };
        let verdict = match found {
            Ok(()) => Verdict::Valid,
            Err(reject) => Verdict::Refused(Fault { detail: self.detail(message, &reject), reject }),
        };
        Judged { line, verdict, parcel: Some(parcel) }
    }

    fn result(&self, line: u64, parcel: &mut Parcel<'_>, within: &mut Within) -> Result<(), Reject> {
        let wire = decode::result(&self.record(parcel.message), self.limit)?;
        parcel.key = wire.pool.as_ref().map_or(&wire.person_id, |pool| &pool.pool_id).clone();
        parcel.received_at = self.received_at(parcel.message, wire.reported_at.as_ref());
        self.fits(parcel)?;
        self.has_arrived(parcel)?;
        let view = ResultView::of(&wire);
        let result = match (self.rules, parcel.received_at) {
            (Some(rules), Some(received_at)) => validate::result(&view, received_at, rules)?.0,
            _ => validate::well_formed(&view)?,
        };
        within.take(line, &result);
        Ok(())
    }

    fn contact(&self, parcel: &mut Parcel<'_>) -> Result<(), Reject> {
        let wire: v1::ContactRecord = decode::contact(&self.record(parcel.message), self.limit)?;
        parcel.key.clone_from(&wire.person_id);
        parcel.received_at = self.received_at(parcel.message, wire.reported_at.as_ref());
        self.fits(parcel)?;
        self.has_arrived(parcel)?;
        let record = validate::contact(&wire)?;
        self.rules.map_or(Ok(None), |rules| validate::contact_target(&record, rules)).map(drop)
    }

    /// As the processor will see it. Where it will lie makes no difference to either check.
    fn record<'m>(&self, message: &'m Message) -> Record<'m> {
        Record {
            position: Position { topic: self.kind.topic(), partition: 0, offset: 0 },
            received_at: Timestamp::default(),
            key: None,
            payload: Some(&message.payload),
            content_type: Some(message.content_type.header().as_bytes()),
        }
    }

    /// The key is known only once the message is read, and counts too.
    fn fits(&self, parcel: &Parcel<'_>) -> Result<(), Reject> {
        let fits = parcel.key.len() + parcel.message.payload.len() <= self.limit;
        if fits { Ok(()) } else { Err(Reject::new(RejectCode::TooLarge, "")) }
    }

    fn has_arrived(&self, parcel: &Parcel<'_>) -> Result<(), Reject> {
        parcel.received_at.map(drop).ok_or_else(|| Reject::new(RejectCode::MissingField, "reported_at"))
    }

    fn received_at(&self, message: &Message, reported_at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
        match self.received {
            Received::At(at) => Some(at),
            Received::OnArrival => message.arrived_at.or_else(|| reported_at.and_then(Timestamp::from_wire)),
        }
    }

    /// What is known of a fault beyond code and field. Never a value, nor a name that the contract does not have.
    fn detail(&self, message: &Message, reject: &Reject) -> String {
        let arrival = self.received == Received::OnArrival && message.arrived_at.is_none();
        match (message.content_type, reject.code) {
            (ContentType::Json, RejectCode::Malformed) => place_in(&message.payload, self.kind),
            (_, RejectCode::MissingField) if arrival && reject.field == "reported_at" => {
                "of past data a message arrived when it was reported".to_owned()
            }
            _ => String::new(),
        }
    }
}

/// Where in a line JSON ends to be JSON, or to be the message.
fn place_in(line: &[u8], kind: Kind) -> String {
    let broken = serde_json::from_slice::<serde::de::IgnoredAny>(line).err();
    let no_json = broken.map(|error| format!("no JSON from column {} on", error.column()));
    let no_message = || {
        let column = json::column_of_fault(line, kind.message()).filter(|column| *column > 0)?;
        Some(format!("at column {column}"))
    };
    no_json.or_else(no_message).unwrap_or_default()
}
