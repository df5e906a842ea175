//! Finds rows and cells in bytes.
//!
//! The csv crate reads quotes as RFC 4180 has them and tells nothing of those that it cannot: a quote that is never
//! closed makes one cell of the rest of the file, and text behind a closing quote is taken into the cell. Here both are
//! a fault of the row they begin in, and reading goes on with the next line: what lies behind is looked at again. For
//! that, the bytes of a row are held until it is judged, up to a limit.
//!
//! Lines end with LF, CRLF (or CRCRLF, its double) or CR alone, mixed as they come; within quotes a line end belongs to the cell. A quote
//! counts at the start of a cell (behind spaces, too); within a cell that does not begin with one it is a character.

use ::csv::ByteRecord;
use memchr::{memchr, memchr2, memchr3};
use std::io::{self, BufRead};

/// UTF-8's byte order mark.
const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Used-up bytes are let go of in pieces of this size: moving the rest for every row would be quadratic.
const SLACK_BYTES: usize = 256 * 1024;

/// What was found at the next line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Cells.
    Row,
    /// Nothing on the line.
    Empty,
    /// No row: this is wrong with it.
    Broken(Broken),
    /// The end of the file.
    End,
}

/// Why a line is no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The quote that opens this cell (from 1) is not closed before the end of the file.
    NeverClosed(usize),
    /// Something stands between the closing quote of this cell and the next delimiter.
    GoesOn(usize),
    /// The line is longer than what is held of a row.
    LongLine,
    /// The row is longer than what is held, by the quotes of this cell or of one before it.
    LongRow(usize),
}

/// A row or line that was found, and lies there until it is passed.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// What it is.
    pub found: Found,
    /// Its bytes, with the line's end; of a line that is too long none.
    bytes: usize,
    /// Its lines.
    pub lines: u64,
    /// Byte order marks before it.
    pub marks: u64,
}

/// A file's bytes, of which the next row lies at the front.
pub struct Scanner<R> {
    reader: R,
    /// Between cells.
    pub delimiter: u8,
    /// The most that is held of a row.
    limit: usize,
    window: Vec<u8>,
    at: usize,
    ended: bool,
    lines: u64,
    cell: Vec<u8>,
}

/// Where a line ends: before its end and behind it.
#[derive(Clone, Copy)]
struct LineEnd {
    text: usize,
    next: usize,
}

impl<R: BufRead> Scanner<R> {
    /// Rows longer than `limit` bytes are broken ones.
    pub fn new(reader: R, delimiter: u8, limit: usize) -> Self {
        Self { reader, delimiter, limit, window: Vec::new(), at: 0, ended: false, lines: 0, cell: Vec::new() }
    }

    /// Lines passed.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The bytes of a span that was found last.
    pub fn raw(&self, span: &Span) -> &[u8] {
        &self.window[self.at..self.at + span.bytes]
    }

    /// Reads the next row into `cells`. It is found again until it is passed.
    pub fn scan(&mut self, cells: &mut ByteRecord) -> io::Result<Span> {
        cells.clear();
        let mut span = Span { found: Found::End, bytes: 0, lines: 0, marks: 0 };
        if self.byte(0)?.is_none() {
            return Ok(span);
        }
        span.lines = 1;
        let start = self.marks()?;
        span.marks = (start / MARK.len()) as u64;
        let Some(end) = self.line_end(start)? else {
            span.found = Found::Broken(Broken::LongLine);
            return Ok(span);
        };
        span.bytes = end.next;
        let line = &self.window[self.at + start..self.at + end.text];
        if memchr(b'"', line).is_none() {
            line.split(|byte| *byte == self.delimiter).for_each(|cell| cells.push_field(cell));
            let is_empty = line.trim_ascii().is_empty() && cells.len() == 1;
            span.found = if is_empty { Found::Empty } else { Found::Row };
            return Ok(span);
        }
        match self.quoted(start, cells)? {
            Ok(next) => {
                span.found = Found::Row;
                span.bytes = next;
                span.lines = line_ends(&self.window[self.at..self.at + next]).max(1);
            }
            Err(broken) => span.found = Found::Broken(broken),
        }
        Ok(span)
    }

    /// Goes on behind a span; of a broken one, with its second line.
    pub fn pass(&mut self, span: &Span) -> io::Result<()> {
        self.lines += span.lines;
        if span.found == Found::Broken(Broken::LongLine) {
            return self.pass_line();
        }
        self.at += span.bytes;
        Ok(())
    }

    /// Goes on behind the first line of a span.
    pub fn pass_first_line(&mut self, span: &Span) -> io::Result<()> {
        let end = self.line_end(span.marks as usize * MARK.len())?;
        self.at += end.map_or(span.bytes, |end| end.next);
        self.lines += 1;
        Ok(())
    }

    /// Goes on behind the next line, whatever is on it; `None` at the end. The beginning of what was on it.
    pub fn skip_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.byte(0)?.is_none() {
            return Ok(None);
        }
        self.lines += 1;
        match self.line_end(0)? {
            Some(end) => {
                let line = self.window[self.at..self.at + end.text].to_vec();
                self.at += end.next;
                Ok(Some(line))
            }
            None => {
                self.pass_line()?;
                Ok(Some(Vec::new()))
            }
        }
    }

    /// Passes the rest of a line without holding it.
    fn pass_line(&mut self) -> io::Result<()> {
        loop {
            let rest = &self.window[self.at..];
            if let Some(end) = memchr2(b'\n', b'\r', rest) {
                self.at += end;
                self.at += self.end_of_line(0)?;
                return Ok(());
            }
            self.at = self.window.len();
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// How many bytes of marks stand at the front. Files that were joined have them inside.
    fn marks(&mut self) -> io::Result<usize> {
        let mut start = 0;
        while self.byte(start)? == Some(MARK[0])
            && self.byte(start + 1)? == Some(MARK[1])
            && self.byte(start + 2)? == Some(MARK[2])
        {
            start += MARK.len();
            if start > self.limit {
                break;
            }
        }
        Ok(start)
    }

    /// Cells with quotes among them, from `start` on: what is behind the row, or what is wrong with it.
    fn quoted(&mut self, start: usize, cells: &mut ByteRecord) -> io::Result<Result<usize, Broken>> {
        let mut from = start;
        loop {
            let number = cells.len() + 1;
            let first = self.behind_spaces(from)?;
            let end = if self.byte(first)? == Some(b'"') {
                match self.quoted_cell(first + 1, number)? {
                    Ok(end) => {
                        cells.push_field(&self.cell);
                        end
                    }
                    Err(broken) => return Ok(Err(broken)),
                }
            } else {
                let Some(end) = self.plain_cell(from)? else { return Ok(Err(Broken::LongRow(number))) };
                cells.push_field(&self.window[self.at + from..self.at + end]);
                end
            };
            from = match self.byte(end)? {
                Some(byte) if byte == self.delimiter => end + 1,
                Some(b'\n' | b'\r') => return Ok(Ok(end + self.end_of_line(end)?)),
                None => return Ok(Ok(end)),
                Some(_) => return Ok(Err(Broken::GoesOn(number))),
            };
        }
    }

    /// Behind spaces that stand before a cell. Tabs are, where they are not what stands between cells.
    fn behind_spaces(&mut self, from: usize) -> io::Result<usize> {
        let mut at = from;
        while let Some(byte) = self.byte(at)? {
            if byte == self.delimiter || !matches!(byte, b' ' | b'\t') || at > self.limit {
                break;
            }
            at += 1;
        }
        Ok(at)
    }

    /// Takes the text of a cell from behind its opening quote; where it goes on behind its closing one.
    fn quoted_cell(&mut self, from: usize, number: usize) -> io::Result<Result<usize, Broken>> {
        self.cell.clear();
        let mut from = from;
        loop {
            let Some(quote) = self.find(from, |bytes| memchr(b'"', bytes))? else {
                let is_long = self.held() > self.limit;
                return Ok(Err(if is_long { Broken::LongRow(number) } else { Broken::NeverClosed(number) }));
            };
            self.cell.extend_from_slice(&self.window[self.at + from..self.at + quote]);
            if self.byte(quote + 1)? != Some(b'"') {
                return Ok(Ok(quote + 1));
            }
            self.cell.push(b'"');
            from = quote + 2;
        }
    }

    /// Where a cell without quotes ends; `None` if not within the limit.
    fn plain_cell(&mut self, from: usize) -> io::Result<Option<usize>> {
        let delimiter = self.delimiter;
        let end = self.find(from, |bytes| memchr3(delimiter, b'\n', b'\r', bytes))?;
        Ok(end.or_else(|| (self.held() <= self.limit).then(|| self.held())))
    }

    /// Where the line ends on which `from` lies; `None` if not within the limit.
    fn line_end(&mut self, from: usize) -> io::Result<Option<LineEnd>> {
        match self.find(from, |bytes| memchr2(b'\n', b'\r', bytes))? {
            Some(end) => {
                let next = end + self.end_of_line(end)?;
                Ok(Some(LineEnd { text: end, next }))
            }
            None if self.held() > self.limit => Ok(None),
            None => Ok(Some(LineEnd { text: self.held(), next: self.held() })),
        }
    }

    /// Bytes of the line end that stands at a place.
    fn end_of_line(&mut self, at: usize) -> io::Result<usize> {
        // Behind a line feed nothing is waited for: the next line may be long in coming.
        for behind in 0..LONGEST_END - 1 {
            if self.byte(at + behind)? != Some(b'\r') {
                break;
            }
            self.byte(at + behind + 1)?;
        }
        Ok(end_length(&self.window[self.at + at..]))
    }

    /// Finds a byte from a place on, reading on as far as the limit.
    fn find(&mut self, from: usize, look: impl Fn(&[u8]) -> Option<usize>) -> io::Result<Option<usize>> {
        let mut from = from;
        loop {
            if let Some(found) = look(&self.window[(self.at + from).min(self.window.len())..]) {
                // What had been read before it was asked for counts as well: the limit is on rows, not on reading.
                return Ok((from + found <= self.limit).then_some(from + found));
            }
            from = from.max(self.held());
            if self.held() > self.limit || !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// The byte at a place, if the file goes on so far.
    fn byte(&mut self, at: usize) -> io::Result<Option<u8>> {
        while self.held() <= at {
            if !self.fill()? {
                return Ok(None);
            }
        }
        Ok(Some(self.window[self.at + at]))
    }

    fn held(&self) -> usize {
        self.window.len() - self.at
    }

    /// Reads on; whether there was more.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.at >= SLACK_BYTES {
            self.window.drain(..self.at);
            self.at = 0;
        }
        let bytes = self.reader.fill_buf()?;
        let length = bytes.len();
        self.window.extend_from_slice(bytes);
        self.reader.consume(length);
        self.ended = length == 0;
        Ok(!self.ended)
    }
}

/// The longest line end.
const LONGEST_END: usize = 3;

/// Bytes of the line end that bytes begin with: LF, CRLF, CR alone, or CRCRLF, which a program on Windows makes of CRLF
/// when it takes it for text.
pub fn end_length(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\r', b'\n', ..] => 3,
        [b'\r', b'\n', ..] => 2,
        _ => 1,
    }
}

/// Line ends among bytes: LF, CRLF, CRCRLF and CR alone. Bytes behind the last are a line of their own.
pub fn line_ends(bytes: &[u8]) -> u64 {
    let mut lines = 0;
    let mut rest = bytes;
    while let Some(end) = memchr2(b'\n', b'\r', rest) {
        lines += 1;
        rest = &rest[end + end_length(&rest[end..])..];
    }
    lines + u64::from(!rest.is_empty())
}

/// The lines of some bytes, without their ends.
pub fn lines_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let Some(end) = memchr2(b'\n', b'\r', bytes) else {
            rest = None;
            return (!bytes.is_empty()).then_some(bytes);
        };
        rest = Some(&bytes[end + end_length(&bytes[end..])..]);
        Some(&bytes[..end])
    })
}
