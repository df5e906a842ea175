//! CSV: the header names the columns, the map says what they are and how the file is laid out.
//!
//! In: a file about to be read, and a map. Out: an [`Item`] per row, and a ledger of all lines. What cannot be a header
//! is reported in words about the file, and nothing of what stands there: it may be a row.

mod header;
mod scan;
mod watched;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod written;

use crate::intake::encoding::{Decoded, TextEncoding};
use crate::intake::item::{Fault, Item};
use crate::intake::looks::{self, Looks};
use crate::intake::map::{Cells, Map};
use crate::intake::source::Source;
use crate::intake::table::{self, OpenError, Table};
use crate::intake::tally::{Tally, Unit};
use crate::model::outcome::RejectCode;
use ::csv::ByteRecord;
use header::Way;
use scan::{Broken, Found, Scanner, Span, lines_of};
use std::cell::RefCell;
use std::io::{self, BufRead, BufReader};
use std::rc::Rc;
use watched::{Utf8, Watched};

/// The most that is held of one row: what is longer is no row of a lab.
const LONGEST_ROW: usize = 4 << 20;

/// The rows of a file.
pub struct Rows {
    scanner: Scanner<Box<dyn BufRead>>,
    table: Table,
    cells: ByteRecord,
    doubt: Option<Doubt>,
    /// Byte order marks within the file.
    marks: u64,
    /// What its bytes are read in, and whether they are UTF-8 all the same; where they are read as UTF-8, nothing is seen.
    encoding: TextEncoding,
    seen: Rc<RefCell<Utf8>>,
}

/// Lines that may be rows, or text within the quotes of the first of them.
#[derive(Clone, Copy)]
struct Doubt {
    from: u64,
    to: u64,
}

impl Rows {
    /// Finds the header, and the map's columns in it.
    pub fn new(source: Source, map: Map) -> Result<Self, OpenError> {
        let head = source.head().to_vec();
        let encoding = encoding_of(&head, &map)?;
        let (of_file, mark) = encoding.of_file(&head);
        let mut tally = Tally::of(Unit::Line);
        if map.layout.sheet.is_some() {
            tally.notes.push(format!("it is no workbook, and `sheet` in {} does not count", map.file));
        }
        if of_file.name() != encoding.name() && !(encoding.is_utf_16() && of_file.is_utf_16()) {
            let (is, says) = (of_file.called(), encoding.called());
            tally.notes.push(format!("read as {is}, by the byte order mark it begins with, and not as {says}"));
        }
        let (seen, bytes) = (Rc::default(), source.without(mark));
        let text: Box<dyn BufRead> = if of_file.is_utf_8() {
            bytes
        } else {
            // Of the first bytes it was judged already; what is not ASCII may lie far behind them.
            Box::new(BufReader::new(Decoded::new(Watched::new(bytes, Rc::clone(&seen)), of_file)))
        };
        let mut scanner = Scanner::new(text, map.layout.delimiter.unwrap_or(b','), LONGEST_ROW);
        let first = skip_lines(&mut scanner, &map, &mut tally)?;
        let is_marked = mark > 0;
        let way = Way { encoding: of_file, delimiter: scanner.delimiter, skip_lines: first, is_marked };
        let header = find_header(&mut scanner, way, &map, &head, &mut tally)?;
        let mut table = Table::new(map, header, of_file, tally).map_err(OpenError::Map)?;
        table.is_marked = is_marked;
        Ok(Self { scanner, table, cells: ByteRecord::new(), doubt: None, marks: 0, encoding: of_file, seen })
    }

    /// The map it is read by.
    pub fn map(&self) -> &Map {
        self.table.map()
    }

    /// The next row.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        loop {
            let span = self.scanner.scan(&mut self.cells)?;
            let line = self.scanner.lines() + 1;
            self.marks += span.marks;
            let content = match span.found {
                Found::End => return Ok(None),
                Found::Empty => {
                    self.table.tally.empty += 1;
                    None
                }
                Found::Broken(broken) => Some(self.table.refused(fault_of(broken), 1)),
                Found::Row => {
                    if span.lines > 1 && !self.in_doubt(line) && self.is_doubtful(&span) {
                        self.doubt = Some(Doubt { from: line, to: line + span.lines - 1 });
                    }
                    if self.in_doubt(line) {
                        self.scanner.pass_first_line(&span)?;
                        let content = self.table.refused(self.doubtful(line), 1);
                        return Ok(Some(Item { line, content }));
                    }
                    self.table.row(Cells::of_text(&self.cells), line, span.lines)
                }
            };
            self.scanner.pass(&span)?;
            if let Some(content) = content {
                return Ok(Some(Item { line, content }));
            }
        }
    }

    /// What the lines so far were.
    pub fn tally(&self) -> Tally {
        let mut tally = self.table.tally(self.scanner.lines());
        if self.marks > 0 {
            tally.notes.push(format!("byte order marks stand within the file ({}): files were joined", self.marks));
        }
        // In UTF-16 zeros are among the bytes, which pass for ASCII.
        if !self.encoding.is_utf_16() && self.seen.borrow().is_certain(watched::least(self.encoding)) {
            let (is, map) = (self.encoding.called(), &self.map().file);
            tally.notes.push(format!(
                "the file looks like UTF-8 and is read as {is}: all its text that is not ASCII would be other letters; write no \
                 `encoding` in {map}, or export the file in that encoding"
            ));
        }
        tally
    }

    fn in_doubt(&self, line: u64) -> bool {
        self.doubt.is_some_and(|doubt| line <= doubt.to)
    }

    /// Whether a row of several lines has swallowed others: a quote that was meant to be a character, and another one
    /// rows later that closes it. A line within a cell that the map can read as a row is none of a note that somebody
    /// wrote.
    ///
    /// The first line always has the cells up to the quote, and the last one those behind it: they tell only if several
    /// more delimiters stand on the other side.
    fn is_doubtful(&self, span: &Span) -> bool {
        let reads = |line: &[u8]| self.table.reads(&without_quotes(line, self.scanner.delimiter));
        let ends_line = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let of_lines: Vec<usize> = (0..self.cells.len()).filter(|at| self.cells[*at].iter().any(ends_line)).collect();
        let (Some(opens), Some(closes)) = (of_lines.first(), of_lines.last()) else { return false };
        let mut lines = lines_of(self.scanner.raw(span));
        if opens + 2 < self.cells.len() && lines.next().is_some_and(reads) {
            return true;
        }
        if *closes >= 2 && lines.last().is_some_and(reads) {
            return true;
        }
        of_lines.iter().any(|at| {
            let cell = &self.cells[*at];
            let inner = cell.iter().rposition(ends_line).map_or(&cell[..0], |last| &cell[..last]);
            lines_of(inner).skip(1).any(reads)
        })
    }

    fn doubtful(&self, line: u64) -> Fault {
        let Doubt { from, to } = self.doubt.unwrap_or(Doubt { from: line, to: line });
        let detail = if line == from {
            format!("a quote opens here and closes in line {to}, and lines within are rows by themselves: is it meant?")
        } else {
            format!("within the quotes that line {from} opens and line {to} closes: a row, or text of that one?")
        };
        Fault::new(RejectCode::Malformed, "", detail)
    }
}

/// Cells by delimiters alone.
fn without_quotes(line: &[u8], delimiter: u8) -> ByteRecord {
    let bare = |cell: &'_ [u8]| -> Vec<u8> {
        let inner = cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\""));
        inner.unwrap_or(cell).to_vec()
    };
    line.split(|byte| *byte == delimiter).map(bare).collect()
}

fn fault_of(broken: Broken) -> Fault {
    let limit = LONGEST_ROW >> 20;
    let (code, detail) = match broken {
        Broken::NeverClosed(cell) => {
            (RejectCode::Malformed, format!("the quote that opens cell {cell} is never closed"))
        }
        Broken::GoesOn(cell) => (
            RejectCode::Malformed,
            format!("cell {cell} goes on behind its closing quote; a quote within quotes is doubled"),
        ),
        Broken::LongLine => (RejectCode::TooLarge, format!("the line is longer than {limit} MiB")),
        Broken::LongRow(cell) => {
            (RejectCode::TooLarge, format!("the quote that opens cell {cell} is not closed within {limit} MiB"))
        }
    };
    Fault::new(code, "", detail)
}

/// What the file is to be read in; an error if its first bytes say that it is something else.
fn encoding_of(head: &[u8], map: &Map) -> Result<TextEncoding, OpenError> {
    let not = |what: String| Err(OpenError::File(format!("this does not look like the header: {what}")));
    match (looks::at(head), map.layout.encoding) {
        (Looks::Other(what), _) => not(format!("the file is {what}; export the table as CSV or as a workbook (.xlsx)")),
        (Looks::Binary, None) => {
            not("the file holds control characters, it is no text; export the table as CSV".to_owned())
        }
        (Looks::Utf16(order, marked), None) => {
            let (by, name) =
                if marked { ("by its byte order mark", "utf-16") } else { ("by its zero bytes", order.name()) };
            not(format!("the file is not UTF-8 but UTF-16, {by}; write `encoding = \"{name}\"` in {}", map.file))
        }
        (Looks::Utf16(order, false), Some(stated)) if !stated.is_utf_16() => {
            let (is, name) = (stated.called(), order.name());
            not(format!(
                "the file is not {is} but UTF-16, by its zero bytes; write `encoding = \"{name}\"` in {}",
                map.file
            ))
        }
        (Looks::Text, Some(stated)) if !stated.is_utf_8() && is_surely_utf_8(head, stated) => {
            let name = stated.called();
            not(format!("the file is UTF-8, and not {name}; write no `encoding` in {}", map.file))
        }
        // Workbooks are opened by another reader.
        (_, stated) => Ok(stated.unwrap_or(TextEncoding::UTF_8)),
    }
}

/// Whether a text has characters of several bytes and all are UTF-8; one may be cut at the end of what was looked at.
fn is_surely_utf_8(head: &[u8], stated: TextEncoding) -> bool {
    let mut seen = Utf8::default();
    seen.feed(head);
    !head.starts_with(b"\xef\xbb\xbf") && seen.may_be(watched::least(stated))
}

/// Leaves out what stands before the header; lines left out.
fn skip_lines<R: BufRead>(scanner: &mut Scanner<R>, map: &Map, tally: &mut Tally) -> Result<u64, OpenError> {
    let wanted = map.layout.skip_lines;
    for number in 0..wanted {
        let Some(line) = scanner.skip_line()? else {
            let text = format!("the file has {number} lines, and `skip_lines` in {} is {wanted}", map.file);
            return Err(OpenError::File(text));
        };
        tally.before_header += 1;
        take_separator(&line, scanner, map, tally);
    }
    Ok(wanted)
}

/// `sep=;` in a line of its own, as Excel writes and reads it: the file says it of itself, and that stands above the
/// map.
fn take_separator<R: BufRead>(line: &[u8], scanner: &mut Scanner<R>, map: &Map, tally: &mut Tally) -> bool {
    let Some(separator) = separator(line) else { return false };
    if map.layout.delimiter.is_some_and(|stated| stated != separator) {
        let shown = header::shown(separator);
        tally.notes.push(format!("its first line says that cells are separated by `{shown}`, and so it is read"));
    }
    scanner.delimiter = separator;
    true
}

fn first_line(bytes: &[u8]) -> Vec<u8> {
    lines_of(bytes).next().unwrap_or_default().to_vec()
}

fn separator(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let (key, rest) = line.split_at_checked(4)?;
    let (separator, rest) = rest.split_first()?;
    let is_one = key.eq_ignore_ascii_case(b"sep=") && separator.is_ascii() && !matches!(separator, b'"' | 0);
    let ends = rest.iter().all(|byte| *byte == *separator || matches!(byte, b'"' | b' ' | b',' | b';'));
    (is_one && ends).then_some(*separator)
}

/// Reads as far as the header, and its names.
fn find_header<R: BufRead>(
    scanner: &mut Scanner<R>,
    way: Way,
    map: &Map,
    head: &[u8],
    tally: &mut Tally,
) -> Result<Vec<String>, OpenError> {
    let mut cells = ByteRecord::new();
    loop {
        let span = scanner.scan(&mut cells)?;
        match span.found {
            Found::End => return Err(OpenError::File("the file has no header line".to_owned())),
            Found::Empty => tally.empty += 1,
            Found::Row if take_separator(&first_line(scanner.raw(&span)), scanner, map, tally) => {
                tally.before_header += 1;
            }
            Found::Row if cells.iter().all(|cell| table::trimmed(cell).is_empty()) => tally.blank += span.lines,
            Found::Row | Found::Broken(_) => {
                let way = Way { delimiter: scanner.delimiter, skip_lines: scanner.lines(), ..way };
                let names = judge_header(&span, &cells, way, map, head)?;
                judge_lines(scanner, &span, names.len())?;
                scanner.pass(&span)?;
                tally.header += span.lines;
                return Ok(names);
            }
        }
        scanner.pass(&span)?;
    }
}

/// A header is of one line, or of some with line ends within its names: no row lies in it. A quote that somebody forgot
/// to close would take all rows up to the next one along.
fn judge_lines<R: BufRead>(scanner: &Scanner<R>, span: &Span, columns: usize) -> Result<(), OpenError> {
    let line = scanner.lines() + 1;
    let not = |what: String| Err(OpenError::File(format!("this does not look like the header: {what}")));
    let raw = scanner.raw(span);
    let is_row = |line: &[u8]| columns >= 3 && without_quotes(line, scanner.delimiter).len() == columns;
    if lines_of(raw).skip(1).any(is_row) {
        let last = line + span.lines - 1;
        return not(format!("a quote opens in line {line} and closes in line {last}, and rows lie between; close it"));
    }
    let ends_line_elsewhere = |c: char| matches!(c, '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if String::from_utf8_lossy(raw).contains(ends_line_elsewhere) {
        return not(
            "it holds form feeds or line separators; let lines end with a line feed, and export again".to_owned()
        );
    }
    Ok(())
}

/// The names of a header, if it is one as far as can be seen: the map tells which columns it lacks.
fn judge_header(span: &Span, cells: &ByteRecord, way: Way, map: &Map, head: &[u8]) -> Result<Vec<String>, OpenError> {
    let (names, columns) = (table::names(cells), map.columns());
    let found = columns.iter().filter(|column| names.contains(column)).count();
    let is_broken = matches!(span.found, Found::Broken(_));
    if found == columns.len() && !is_broken {
        return Ok(names);
    }
    let line = way.skip_lines + 1;
    let not = |what: String| Err(OpenError::File(what));
    if let Some(other) = way.elsewhere(head, &columns).filter(|other| *other != way) {
        return not(way.in_words(other, &map.file));
    }
    if let Found::Broken(broken) = span.found {
        return not(format!("this does not look like the header: line {line}: {}", fault_of(broken).detail));
    }
    if cells.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
        return not(header::not_in(way, head, &map.file));
    }
    if found == 0 && !table::is_alike(&columns, &names) {
        return not(table::not_the_header(map, &format!("line {line}"), cells.len()));
    }
    Ok(names)
}
