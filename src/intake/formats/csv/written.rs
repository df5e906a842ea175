//! Any table that is written well is read as it was written: whatever its cells hold, whatever ends its lines, stands
//! between its cells or encodes its text.

use super::*;
use crate::intake::item::Content;
use crate::proto::v1::LabResult;
use ::csv::{QuoteStyle, Terminator, WriterBuilder};
use encoding_rs::{BIG5, Encoding, GB18030, SHIFT_JIS, UTF_8, WINDOWS_1252};
use flate2::{Compression, write::GzEncoder};
use prost::Message as _;
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use std::io::{Cursor, Write};

/// What cells are made of, quotes and line ends among it.
const PIECES: [&str; 14] = ["a", "b", "7", " ", "\"", "\"\"", ",", ";", "\t", "\n", "\r", "\r\n", "|", "-"];

struct Table {
    delimiter: u8,
    /// (id, finding, kit)
    rows: Vec<[String; 3]>,
    bytes: Vec<u8>,
}

/// An id that is not empty, a finding that the map reads, and a kit that is anything.
fn row(random: &mut ChaCha8Rng, number: usize) -> [String; 3] {
    let pieces = random.random_range(0..6);
    let kit: String = (0..pieces).map(|_| *PIECES.choose(random).expect("pieces")).collect();
    let finding = ["positive", "negative"].choose(random).expect("two");
    [format!("{number}{}", ["", "\"", ", x", "\n2"].choose(random).expect("ends")), (*finding).to_owned(), kit]
}

fn table(random: &mut ChaCha8Rng) -> Table {
    let delimiter = *b",;\t|".choose(random).expect("delimiters");
    let end = [Terminator::CRLF, Terminator::Any(b'\n'), Terminator::Any(b'\r')].choose(random).copied().expect("ends");
    let style =
        [QuoteStyle::Necessary, QuoteStyle::Always, QuoteStyle::NonNumeric].choose(random).copied().expect("styles");
    let mut writer =
        WriterBuilder::new().delimiter(delimiter).terminator(end).quote_style(style).from_writer(Vec::new());
    writer.write_record(["id", "finding", "kit"]).expect("memory");
    let rows: Vec<_> = (0..random.random_range(0..30)).map(|number| row(random, number)).collect();
    rows.iter().for_each(|row| writer.write_record(row).expect("memory"));
    Table { delimiter, rows, bytes: writer.into_inner().expect("memory") }
}

/// The text in some encoding, and the name of it in the map; packed or not.
fn encoded(text: &[u8], random: &mut ChaCha8Rng) -> (String, Vec<u8>) {
    let text = std::str::from_utf8(text).expect("as written");
    let marked = |bytes_of: fn(u16) -> [u8; 2]| format!("\u{feff}{text}").encode_utf16().flat_map(bytes_of).collect();
    let others: [&'static Encoding; 5] = [UTF_8, GB18030, BIG5, SHIFT_JIS, WINDOWS_1252];
    let (name, bytes): (&str, Vec<u8>) = match random.random_range(0..8) {
        0 => ("utf-16", marked(u16::to_le_bytes)),
        1 => ("utf-16", marked(u16::to_be_bytes)),
        2 => ("utf-16le", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        other => (others[other - 3].name(), others[other - 3].encode(text).0.into_owned()),
    };
    if random.random_bool(0.8) {
        return (name.to_owned(), bytes);
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&bytes).expect("memory");
    (name.to_owned(), packed.finish().expect("memory"))
}

#[test]
fn every_row_that_was_written_is_read() {
    let mut several_lines = 0;
    for seed in 0..2_000 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let table = table(&mut random);
        let (encoding, bytes) = encoded(&table.bytes, &mut random);
        let map = format!(
            "kind = \"results\"\nencoding = \"{encoding}\"\ndelimiter = \"{}\"\n[fields]\nresult_id = {{ column = \"id\" }}\n\
             finding = {{ column = \"finding\" }}\nkit = {{ column = \"kit\" }}\n",
            header::shown(table.delimiter)
        );
        let map = Map::parse("map.toml", &map).expect("right");
        let source = Source::of(Cursor::new(bytes)).expect("memory");
        let mut rows = Rows::new(source, map).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let mut read = Vec::new();
        while let Some(item) = rows.next_item().expect("memory") {
            let Content::Message(message) = item.content else { panic!("seed {seed}: {item:?}") };
            let LabResult { result_id, kit, .. } = LabResult::decode(&message.payload[..]).expect("as encoded");
            read.push((result_id, kit));
        }
        let trimmed = |text: &str| text.trim().to_owned();
        let written: Vec<_> = table.rows.iter().map(|[id, _, kit]| (trimmed(id), trimmed(kit))).collect();
        assert_eq!(read, written, "seed {seed}");
        let tally = rows.tally();
        assert!(tally.balances() && tally.rows == written.len() as u64, "seed {seed}: {tally:?}");
        assert_eq!(tally.lines, scan::line_ends(&table.bytes), "seed {seed}");
        several_lines += u64::from(tally.of_rows > tally.rows);
    }
    assert!(several_lines > 500, "{several_lines} tables with rows of several lines");
}
