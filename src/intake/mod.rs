//! Files of labs and tracers, as they come: CSV by a map file, JSON by line, length-delimited protobuf.
//!
//! In: a file (or standard input, gzip or not) and, for CSV and workbooks, a [`map`]. Out: an [`Item`] per row, which
//! is a record as it would be published or the reason why it cannot become one, and a ledger of the file's lines. A row
//! that a [`check`] passes is judged by the processor's own decoding and validation. No value of a row gets into a
//! reason, and nothing is repaired.

pub mod advice;

pub mod source;

pub mod looks;

pub mod encoding;

pub mod tally;

pub mod map;

pub mod table;

pub mod formats;

pub mod check;

pub mod within;

pub mod history;

pub mod arrivals;

pub mod ids;

pub mod lookalikes;

pub mod damage;

pub mod notes;

pub mod scratch;

use crate::model::outcome::{Reject, RejectCode};
use crate::model::record::Topic;
use crate::model::time::Timestamp;
use looks::Looks;
use map::Map;
use source::Source;
use std::io::{self, BufRead};
use table::OpenError;
use tally::Tally;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Results of laboratories
    Results,
    /// Records of contact tracers
    Contacts,
}

impl Kind {
    /// The topic such records go to.
    pub fn topic(self) -> Topic {
        match self {
            Kind::Results => Topic::LabResults,
            Kind::Contacts => Topic::ContactRecords,
        }
    }

    /// The other one, and its name on the command line.
    pub fn other(self) -> (Self, &'static str) {
        match self {
            Kind::Results => (Kind::Contacts, "contacts"),
            Kind::Contacts => (Kind::Results, "results"),
        }
    }

    /// One of them, as people call it.
    pub fn called(self) -> &'static str {
        match self {
            Kind::Results => "result",
            Kind::Contacts => "contact record",
        }
    }

    /// Full name of the contract's message.
    pub fn message(self) -> &'static str {
        match self {
            Kind::Results => "swabstream.v1.LabResult",
            Kind::Contacts => "swabstream.v1.ContactRecord",
        }
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header line; needs a map
    Csv,
    /// A workbook (.xlsx, .xls) with a header row; needs a map
    Workbook,
    /// One JSON message (proto3 mapping) per line
    Ndjson,
    /// Protobuf messages, each after its length as a varint
    Protobuf,
}

/// One row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Line it begins on, from 1; the row of a sheet, and for protobuf the number of the message.
    pub line: u64,
    /// What it is.
    pub content: Content,
}

/// What a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A record as it would be published. Whether it is valid is not known yet.
    Message(Message),
    /// It cannot become a record.
    Refused(Fault),
    /// Left out by the rule of this number in the map.
    Skipped(usize),
}

/// A record to be published, but for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Payload.
    pub payload: Vec<u8>,
    /// What the payload is.
    pub content_type: ContentType,
    /// When it arrived in the past, where the map says.
    pub arrived_at: Option<Timestamp>,
    /// Whether the map makes its revision of a time of release, and the row has only the day of it.
    pub is_released_by_day: bool,
}

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// Protobuf.
    Protobuf,
    /// The proto3 JSON mapping.
    Json,
}

impl ContentType {
    /// Value of the header `content-type`.
    pub fn header(self) -> &'static str {
        match self {
            ContentType::Protobuf => "application/x-protobuf",
            ContentType::Json => "application/json",
        }
    }
}

/// Why a row is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Code and field, as a dead letter would have them.
    pub reject: Reject,
    /// What is known beyond that, e.g. the column. Never a value of the row.
    pub detail: String,
    /// What to do, where it is something else than of most with this code.
    pub action: Option<&'static str>,
}

impl Fault {
    /// A code about a field, with what else is known.
    pub fn new(code: RejectCode, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { reject: Reject::new(code, field), detail: detail.into(), action: None }
    }

    /// What to do about it, where the advice on its code would not help.
    pub fn with_action(self, action: &'static str) -> Self {
        Self { action: Some(action), ..self }
    }
}

impl From<Reject> for Fault {
    fn from(reject: Reject) -> Self {
        Self { reject, detail: String::new(), action: None }
    }
}

/// The rows of one file.
pub enum Reader {
    /// CSV.
    Csv(Box<formats::csv::Rows>),
    /// A sheet of a workbook.
    Workbook(Box<formats::workbook::Rows>),
    /// JSON by line.
    Ndjson(formats::ndjson::Lines<Box<dyn BufRead>>),
    /// Protobuf.
    Protobuf(formats::protobuf::Messages<Box<dyn BufRead>>),
}

impl Reader {
    /// A table by a map: a workbook or CSV, whichever its bytes are.
    pub fn table(source: Source, map: Map) -> Result<Self, OpenError> {
        if looks::at(source.head()) == Looks::Container {
            return formats::workbook::Rows::new(source, map).map(Box::new).map(Reader::Workbook);
        }
        formats::csv::Rows::new(source, map).map(Box::new).map(Reader::Csv)
    }

    /// The next row; `None` at the end. An error is one of the file itself: nothing after it can be read.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        match self {
            Reader::Csv(rows) => rows.next_item(),
            Reader::Workbook(rows) => rows.next_item(),
            Reader::Ndjson(lines) => lines.next_item(),
            Reader::Protobuf(messages) => messages.next_item(),
        }
    }

    /// The map that a table is read by.
    pub fn map(&self) -> Option<&Map> {
        match self {
            Reader::Csv(rows) => Some(rows.map()),
            Reader::Workbook(rows) => Some(rows.map()),
            Reader::Ndjson(_) | Reader::Protobuf(_) => None,
        }
    }

    /// What the lines read so far were.
    pub fn tally(&self) -> Tally {
        match self {
            Reader::Csv(rows) => rows.tally(),
            Reader::Workbook(rows) => rows.tally(),
            Reader::Ndjson(lines) => lines.tally(),
            Reader::Protobuf(messages) => messages.tally(),
        }
    }
}
