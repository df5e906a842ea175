//! Reads the rows of a file, however it is written.

use super::formats::{csv, ndjson, protobuf, workbook};
use super::item::Item;
use super::looks::{self, Looks};
use super::map::Map;
use super::source::Source;
use super::table::OpenError;
use super::tally::Tally;
use std::io::{self, BufRead};

/// The rows of one file.
pub enum Reader {
    /// CSV.
    Csv(Box<csv::Rows>),
    /// A sheet of a workbook.
    Workbook(Box<workbook::Rows>),
    /// JSON by line.
    Ndjson(ndjson::Lines<Box<dyn BufRead>>),
    /// Protobuf.
    Protobuf(protobuf::Messages<Box<dyn BufRead>>),
}

impl Reader {
    /// A table by a map: a workbook or CSV, whichever its bytes are.
    pub fn table(source: Source, map: Map) -> Result<Self, OpenError> {
        if looks::at(source.head()) == Looks::Container {
            return workbook::Rows::new(source, map).map(Box::new).map(Reader::Workbook);
        }
        csv::Rows::new(source, map).map(Box::new).map(Reader::Csv)
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
