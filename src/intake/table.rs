//! The rows of a table, whatever it lies in: by its header, each becomes a message, a fault or nothing.
//!
//! In: a map and the header; cells of one row after the other. Out: what each is. Here is decided what is no row at all
//! (no cell has anything in it, the header stands there again) and what does not fit the header. Every row handed in is
//! counted once.

use super::encoding::{Guess, TextEncoding};
use super::item::{Content, ContentType, Fault, Message};
use super::map::{Cells, Made, Map, MapError, Place, Row};
use super::tally::{Tally, Unit};
use crate::model::outcome::RejectCode;
use ::csv::ByteRecord;
use std::io;

/// A table whose header was found.
pub struct Table {
    map: Map,
    header: Vec<String>,
    /// Cells that a row must have: those of the header, without nameless ones at its end.
    least: usize,
    places: Vec<Place>,
    /// What the text of a cell should be in.
    encoding: TextEncoding,
    /// Whether the file itself says so, by a byte order mark: then the map does not.
    pub is_marked: bool,
    /// What the bytes of rows that are not look like.
    guess: Guess,
    not_text: u64,
    /// Where a header of other columns stands among the rows.
    other_header: Option<u64>,
    /// The ledger of lines; what reads the file counts those that are no rows.
    pub tally: Tally,
}

/// Why a file cannot even be begun.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The map is wrong, or does not fit the header.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Map(Vec<MapError>),
    /// The file is none that can be read, in words.
    #[error("{0}")]
    File(String),
}

/// What a row is, but for what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Data,
    Blank,
    HeaderAgain,
    OtherHeader,
}

impl Table {
    /// Finds the map's columns in the header.
    pub fn new(mut map: Map, header: Vec<String>, encoding: TextEncoding, tally: Tally) -> Result<Self, Vec<MapError>> {
        map.bind(&header)?;
        let least = header.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        let places = map.places();
        let guess = Guess::default();
        let is_marked = false;
        Ok(Self { map, header, least, places, encoding, is_marked, guess, not_text: 0, other_header: None, tally })
    }

    /// What a row is; `None` if it is none. It begins on `line` and takes `lines` of them.
    pub fn row(&mut self, cells: Cells<'_>, line: u64, lines: u64) -> Option<Content> {
        match self.sort(cells.texts) {
            Sort::Blank => {
                self.tally.blank += lines;
                return None;
            }
            Sort::HeaderAgain => {
                self.tally.headers_again += lines;
                return None;
            }
            Sort::OtherHeader => self.other_header = self.other_header.or(Some(line)),
            Sort::Data => {}
        }
        let content = match self.content(cells) {
            Ok(Row::Message(Made { payload, arrived_at, is_released_by_day })) => {
                let content_type = ContentType::Protobuf;
                Content::Message(Message { payload, content_type, arrived_at, is_released_by_day })
            }
            Ok(Row::Skipped(rule)) => Content::Skipped(rule),
            Err(fault) => Content::Refused(fault),
        };
        self.count(lines);
        Some(content)
    }

    /// Adds cells to a row up to those of the header, where ones of nothing at its end are not written.
    pub fn complete(&self, cells: &mut ByteRecord) {
        (cells.len()..self.header.len()).for_each(|_| cells.push_field(b""));
    }

    /// A row that is none of the table's, for a reason of the file.
    pub fn refused(&mut self, fault: Fault, lines: u64) -> Content {
        self.count(lines);
        Content::Refused(fault)
    }

    /// Whether cells would be a row of the table, with all that a row needs.
    pub fn reads(&self, cells: &ByteRecord) -> bool {
        self.sort(cells) == Sort::Data && self.fits(cells).is_ok() && self.map.fills(Cells::of_text(cells))
    }

    /// The map it is read by.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The map's columns that lie at this place.
    pub fn place(&self, at: usize) -> Option<&Place> {
        self.places.iter().find(|place| place.at == at)
    }

    /// The ledger, with what is worth knowing; `lines` are all of the file.
    pub fn tally(&self, lines: u64) -> Tally {
        let mut tally = Tally { lines, ..self.tally.clone() };
        if tally.headers_again > 0 {
            let note = format!("the header stands there again ({}): files were joined", tally.headers_again);
            tally.notes.push(note);
        }
        if let Some(line) = self.other_header {
            let unit = if tally.unit == Unit::SheetRow { "row" } else { "line" };
            tally.notes.push(format!(
                "{unit} {line} is a header with the columns in another order: what follows is of another file; split it there"
            ));
        }
        if self.not_text > 0 {
            tally.notes.push(self.about_encoding());
        }
        if tally.rows == 0 {
            tally.notes.push("there is no row behind the header".to_owned());
        }
        tally
    }

    fn about_encoding(&self) -> String {
        let (rows, is) = (self.not_text, self.encoding.called());
        if self.is_marked {
            let looks = self.guess.encoding().unwrap_or(self.encoding);
            return format!("{} (rows that are not: {rows})", against_its_mark(self.encoding, looks));
        }
        if !self.encoding.is_utf_8() {
            return format!("rows that hold bytes which are no text in {is}: {rows}; is `encoding` right?");
        }
        let looks = self.guess.encoding().map_or_else(String::new, |guess| {
            let (looks, name) = (guess.called(), guess.name());
            format!("; it looks like {looks}: write `encoding = \"{name}\"` in {}, or export as UTF-8", self.map.file)
        });
        format!("the file is not UTF-8 (rows that are not: {rows}){looks}")
    }

    fn count(&mut self, lines: u64) {
        self.tally.rows += 1;
        self.tally.of_rows += lines;
    }

    fn sort(&self, cells: &ByteRecord) -> Sort {
        if cells.iter().all(|cell| trimmed(cell).is_empty()) {
            return Sort::Blank;
        }
        let Some(first) = self.places.first() else { return Sort::Data };
        // Of most cells the first byte tells that they are not the name.
        let may_be = |cell: &[u8], name: &str| {
            let first = cell.first().copied().unwrap_or_default();
            name.as_bytes().first() == Some(&first) || first.is_ascii_whitespace() || !first.is_ascii()
        };
        let has = |name: &str| cells.iter().any(|cell| may_be(cell, name) && trimmed(cell) == name.as_bytes());
        if !has(&first.column) {
            return Sort::Data;
        }
        let named = &self.header[..self.least];
        if cells.len() >= self.least && named.iter().zip(cells).all(|(name, cell)| trimmed(cell) == name.as_bytes()) {
            return Sort::HeaderAgain;
        }
        let all = self.places.len() > 1 && self.places.iter().all(|place| has(&place.column));
        if all { Sort::OtherHeader } else { Sort::Data }
    }

    fn content(&mut self, cells: Cells<'_>) -> Result<Row, Fault> {
        if let Some(line) = self.other_header {
            let detail =
                format!("it stands at or behind line {line}, which is a header with the columns in another order");
            let fault = Fault::new(RejectCode::Malformed, "", detail);
            return Err(fault.with_action(
                "split the file before that header, and check each part: columns are found by their names, so one map does",
            ));
        }
        self.is_text(cells.texts)?;
        self.fits(cells.texts)?;
        self.map.row(cells)
    }

    /// Every cell must be text, also one that the map does not use: where bytes are taken for others, cells are too.
    fn is_text(&mut self, cells: &ByteRecord) -> Result<(), Fault> {
        if cells.as_slice().is_ascii() && !cells.as_slice().contains(&0) {
            return Ok(());
        }
        let wrong = |cell: &[u8]| std::str::from_utf8(cell).is_err() || cell.contains(&0);
        let Some(at) = cells.iter().position(wrong) else { return Ok(()) };
        let (field, column) = match self.place(at) {
            Some(place) => (place.field.clone(), format!("column `{}`", place.column)),
            None => (String::new(), format!("cell {}", at + 1)),
        };
        if cells[at].contains(&0) {
            let fault = Fault::new(RejectCode::Malformed, field, format!("{column} holds a zero byte"));
            return Err(fault.with_action("export the file anew: a text holds no zero bytes"));
        }
        self.not_text += 1;
        for cell in cells.iter().filter(|cell| wrong(cell)) {
            self.guess.feed(cell);
            // Cells that do not follow each other are no words together.
            self.guess.feed(b"\n");
        }
        let fault = Fault::new(RejectCode::Malformed, field, format!("{column} is not {}", self.encoding.called()));
        Err(fault.with_action(if self.is_marked {
            "export the file again, all of it in the encoding that its byte order mark says, or without the mark"
        } else {
            "check `encoding` in the map, or export the file as UTF-8"
        }))
    }

    /// As many cells as the header has; empty ones may be more.
    fn fits(&self, cells: &ByteRecord) -> Result<(), Fault> {
        let surplus = || cells.iter().skip(self.header.len()).all(|cell| trimmed(cell).is_empty());
        if cells.len() >= self.least && surplus() {
            return Ok(());
        }
        let detail = format!("{} cells where the header has {}", cells.len(), self.least);
        let fault = Fault::new(RejectCode::Malformed, "", detail);
        Err(match self.tally.unit {
            Unit::SheetRow => {
                fault.with_action("clear the cells beyond the header's last column, or name their columns there")
            }
            _ => fault,
        })
    }
}

/// What is reported of bytes that are not what the byte order mark before them says: no key of the map stands above it.
pub fn against_its_mark(says: TextEncoding, looks: TextEncoding) -> String {
    let (says, name, looks) = (says.called(), looks.name(), (looks != says).then(|| looks.called()));
    let are = looks.map_or_else(|| format!("are no {says}"), |looks| format!("look like {looks}"));
    let or = looks
        .map_or_else(String::new, |_| format!(", or without the mark and with `encoding = \"{name}\"` in the map"));
    format!(
        "the file begins with a byte order mark, which says that it is {says} and stands above `encoding`, and its bytes {are}: \
         export it again as {says}{or}"
    )
}

/// Whether a row may be a header all the same: it has one of the columns in other letters.
pub fn is_alike(columns: &[String], names: &[String]) -> bool {
    let lower = |name: &String| name.to_lowercase();
    columns.iter().any(|column| names.iter().any(|name| lower(name) == lower(column)))
}

/// What is reported of a row that has none of the map's columns: nothing of what stands there.
pub fn not_the_header(map: &Map, place: &str, cells: usize) -> String {
    format!(
        "this does not look like the header: {place} has {cells} cells, and none is a column that {} names ({}); is there a \
         header? `skip_lines` in the map leaves out lines before it, and `delimiter` says what separates cells",
        map.file,
        map.columns().join(", "),
    )
}

/// The cells of a header as names; what is no text is shown as such and fits no name.
pub fn names(cells: &ByteRecord) -> Vec<String> {
    cells.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect()
}

/// A cell without spaces around it, as the map takes it.
pub fn trimmed(cell: &[u8]) -> &[u8] {
    match std::str::from_utf8(cell) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => cell.trim_ascii(),
    }
}
