//! CSV: the header names the columns, the map says what they are. Quotes, CRLF and other delimiters as RFC 4180 and
//! the map say; empty lines are passed over.

use super::map::{Map, MapError, Row};
use super::{Content, ContentType, Fault, Item, Message};
use crate::model::outcome::RejectCode;
use ::csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use std::io::{self, BufRead};

/// The rows of a file.
pub struct Rows<R> {
    reader: Reader<io::Chain<R, &'static [u8]>>,
    map: Map,
    columns: usize,
    cells: ByteRecord,
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
    /// There is no header.
    #[error("the file has no header line")]
    NoHeader,
}

impl<R: BufRead> Rows<R> {
    /// Reads the header and finds the map's columns in it.
    pub fn new(reader: R, mut map: Map) -> Result<Self, OpenError> {
        let mut reader = ReaderBuilder::new()
            .delimiter(map.delimiter)
            .has_headers(false)
            // Rows of another length are refused by their line, they do not end the reading.
            .flexible(true)
            // Only so are lines counted right: with CRLF as terminator the LF counts for the next row. The CR left
            // over goes with the spaces around a cell.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(reader.chain(&b"\n"[..]));
        let mut cells = ByteRecord::new();
        if !reader.read_byte_record(&mut cells).map_err(io::Error::from)? {
            return Err(OpenError::NoHeader);
        }
        let header: Vec<String> = cells.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        map.bind(&header).map_err(OpenError::Map)?;
        Ok(Self { reader, map, columns: header.len(), cells })
    }

    /// The map it is read by.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The next row.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        loop {
            if !self.reader.read_byte_record(&mut self.cells)? {
                return Ok(None);
            }
            let is_empty = self.cells.len() == 1 && self.cells[0].trim_ascii().is_empty();
            if !is_empty {
                break;
            }
        }
        let line = self.line();
        let content = match self.row(line) {
            Ok(Row::Message(payload, arrived_at)) => {
                Content::Message(Message { payload, content_type: ContentType::Protobuf, arrived_at })
            }
            Ok(Row::Skipped(rule)) => Content::Skipped(rule),
            Err(fault) => Content::Refused(fault),
        };
        Ok(Some(Item { line, content }))
    }

    /// The line the row begins on: the reader tells where it went on from, empty lines included, and where it ended.
    fn line(&self) -> u64 {
        let within = self.cells.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        let went_on_from = self.cells.position().map_or(0, ::csv::Position::line);
        (self.reader.position().line() - 1).saturating_sub(within).max(went_on_from)
    }

    fn row(&self, line: u64) -> Result<Row, Fault> {
        if self.cells.len() == self.columns {
            return self.map.row(&self.cells);
        }
        let mut detail = format!("{} cells where the header has {}", self.cells.len(), self.columns);
        let end = self.reader.position().line() - 1;
        if end > line {
            detail.push_str(&format!("; the row goes on to line {end}: is a quote not closed?"));
        }
        Err(Fault::new(RejectCode::Malformed, "", detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::LabResult;
    use prost::Message as _;

    const MAP: &str = "kind = \"results\"\n[fields]\nresult_id = { column = \"id\" }\nkit = { column = \"kit\" }\n";

    /// (result id, kit) or the detail of the fault.
    type Found = Result<(String, String), String>;

    /// Every row with its line.
    fn rows(text: &str) -> Vec<(u64, Found)> {
        let map = Map::parse("map.toml", MAP).expect("right");
        let mut rows = Rows::new(text.as_bytes(), map).expect("the columns are there");
        let mut all = Vec::new();
        while let Some(item) = rows.next_item().expect("memory") {
            let found = match item.content {
                Content::Message(message) => {
                    let result = LabResult::decode(&message.payload[..]).expect("as encoded");
                    Ok((result.result_id, result.kit))
                }
                Content::Refused(fault) => Err(fault.detail),
                Content::Skipped(_) => panic!("no rule"),
            };
            all.push((item.line, found));
        }
        all
    }

    fn ok(id: &str, kit: &str) -> Found {
        Ok((id.to_owned(), kit.to_owned()))
    }

    #[test]
    fn line_ends_of_all_kinds_and_empty_lines_keep_the_numbers_right() {
        let expected = [(3, ok("1", "a")), (6, ok("2", "b"))];
        assert_eq!(rows("id,kit\n\n1,a\n\n\n2,b"), expected);
        assert_eq!(rows("id,kit\r\n\r\n1,a\r\n\r\n\r\n2,b\r\n"), expected);
    }

    #[test]
    fn quotes_hold_delimiters_quotes_and_lines() {
        let text = "id,kit\r\n\"1,2\",\"a \"\"b\"\"\"\r\n3,\"c\nd\"\n4,e\n";
        let expected = [(2, ok("1,2", "a \"b\"")), (3, ok("3", "c\nd")), (5, ok("4", "e"))];
        assert_eq!(rows(text), expected);
    }

    #[test]
    fn a_row_of_another_length_is_refused_by_its_line_and_the_next_is_read() {
        let found = rows("id,kit\n1\n2,b,c\n3,d\n");
        let wrong = |cells| Err(format!("{cells} cells where the header has 2"));
        assert_eq!(found, [(2, wrong(1)), (3, wrong(3)), (4, ok("3", "d"))]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_told_with_the_line_it_began_on() {
        let found = rows("id,kit\n1,a\n\"2,b\n3,c\n");
        assert_eq!(found[0], (2, ok("1", "a")));
        assert_eq!(found[1].0, 3);
        let detail = found[1].1.as_ref().expect_err("a row of one cell");
        assert!(detail.contains("is a quote not closed?"), "{detail}");
    }

    #[test]
    fn spaces_around_headers_and_cells_do_not_count() {
        assert_eq!(rows(" id ,kit \n 1 , a b \n"), [(2, ok("1", "a b"))]);
    }

    #[test]
    fn the_map_names_the_delimiter() {
        let map = Map::parse("map.toml", &format!("delimiter = \";\"\n{MAP}")).expect("right");
        let mut rows = Rows::new("id;kit\n1;a,b\n".as_bytes(), map).expect("the columns are there");
        let item = rows.next_item().expect("memory").expect("a row");
        let Content::Message(message) = item.content else { panic!("{item:?}") };
        assert_eq!(LabResult::decode(&message.payload[..]).map(|result| result.kit), Ok("a,b".to_owned()));
    }

    #[test]
    fn a_cell_that_is_not_text_is_refused_by_its_column() {
        let map = Map::parse("map.toml", MAP).expect("right");
        let mut rows = Rows::new(&b"id,kit\n1,\xff\n"[..], map).expect("the columns are there");
        let item = rows.next_item().expect("memory").expect("a row");
        let fault = Fault::new(RejectCode::Malformed, "kit", "column `kit` is not UTF-8");
        assert_eq!(item.content, Content::Refused(fault));
    }

    #[test]
    fn a_huge_cell_is_a_row_like_others() {
        let huge = "x".repeat(2_000_000);
        assert_eq!(rows(&format!("id,kit\n1,{huge}\n2,b\n")), [(2, ok("1", &huge)), (3, ok("2", "b"))]);
    }

    #[test]
    fn a_file_without_the_maps_columns_is_not_begun() {
        let refused = |text: &'static str| {
            let map = Map::parse("map.toml", MAP).expect("right");
            Rows::new(text.as_bytes(), map).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(refused(""), "the file has no header line");
        assert_eq!(refused("id,test\n"), "map.toml:4: fields.kit: the file has no column `kit`; it has: id, test");
        let twice = "map.toml:3: fields.result_id: the file has several columns `id`; rename one of them";
        assert_eq!(refused("id,kit,id\n"), twice);
    }
}
