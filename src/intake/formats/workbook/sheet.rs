//! The rows of one sheet, one after the other.
//!
//! The library's reader of a sheet borrows its workbook, and hands out cell after cell. A thread of its own has both,
//! and sends rows in pieces, so far ahead and no farther. It ends when nobody takes them any more.

use super::cell;
use crate::intake::source::{Seekable, Source};
use crate::intake::table::OpenError;
use ::csv::ByteRecord;
use calamine::{Data, DataRef, Dimensions, Reader as _, SheetType, SheetVisible, Xls, Xlsx, XlsxError};
use std::io::{self, Read, Seek};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use zip::ZipArchive;

/// The most that is held of a workbook that is no plain file, and the largest .xls: it is held as a whole.
const LARGEST_HELD: u64 = 256 << 20;
/// How much may come of a workbook.
const UNPACKED: Unpacked = Unpacked { all: 2 << 30, texts: 512 << 20 };
/// The most that is held of one row.
const LONGEST_ROW: usize = 4 << 20;
/// Rows that go through the channel at once, and pieces that wait in it.
const PIECE: usize = 256;
const PIECES: usize = 4;

type Bytes = Box<dyn Seekable>;

/// One row of a sheet.
#[derive(Debug)]
pub struct SheetRow {
    /// Its number, from 1.
    pub number: u64,
    /// Its cells from the first column to the last that is used.
    pub cells: ByteRecord,
    /// The columns, from 0 and in order, whose cells are of the type of a date or a time of day.
    pub dates: Vec<usize>,
    /// Whether it is longer than what is held of one: then it has not all its cells.
    pub is_too_long: bool,
}

/// A sheet being read.
pub struct Sheet {
    pieces: Receiver<Piece>,
    rows: std::vec::IntoIter<SheetRow>,
    ended: bool,
    /// Sheets of cells in the workbook.
    pub sheets: usize,
    /// What the others than this one are called, those that are hidden too.
    pub others: Vec<String>,
    /// What is worth knowing of the workbook.
    pub notes: Vec<String>,
}

enum Piece {
    Rows(Vec<SheetRow>),
    /// All was sent.
    End,
}

/// The most that a workbook may be when it is unpacked, and its list of texts, which is held.
struct Unpacked {
    all: u64,
    texts: u64,
}

/// A workbook of one of two kinds.
enum Book {
    Xlsx(Box<Xlsx<Bytes>>),
    Xls(Box<Xls<Bytes>>),
}

impl Sheet {
    /// Opens the sheet of this name, or the first that is shown, and tells which of its cells are merged.
    pub fn open(source: Source, wanted: Option<&str>, map: &str) -> Result<(Self, Merged), OpenError> {
        let is_zip = source.head().starts_with(b"PK");
        let bytes = source.seekable(LARGEST_HELD)?;
        let mut book = if is_zip { zipped(bytes)? } else { old(bytes)? };
        let all = match &book {
            Book::Xlsx(book) => book.sheets_metadata(),
            Book::Xls(book) => book.sheets_metadata(),
        };
        let all: Vec<_> = all.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).cloned().collect();
        let shown: Vec<_> = all.iter().filter(|sheet| sheet.visible == SheetVisible::Visible).collect();
        let chosen = match wanted {
            Some(name) => all.iter().find(|sheet| sheet.name.trim() == name.trim()),
            None => shown.first().copied(),
        };
        let Some(chosen) = chosen else {
            return Err(OpenError::File(match wanted {
                Some(name) => {
                    format!("the workbook has no sheet `{name}` among its {}; change `sheet` in {map}", all.len())
                }
                None => "the workbook has no sheet that is shown; name one by `sheet` in the map".to_owned(),
            }));
        };
        let mut notes = Vec::new();
        if wanted.is_none() && shown.len() > 1 {
            notes.push(format!("read is the first of {} sheets; `sheet` in {map} names one", shown.len()));
        }
        let name = chosen.name.clone();
        let others = all.iter().filter(|sheet| sheet.name != name).map(|sheet| sheet.name.clone()).collect();
        let merged = match &mut book {
            Book::Xlsx(book) => book.merge_cells_by_sheet_name(&name).map_err(|_| damaged())?,
            Book::Xls(book) => book.merge_cells_by_sheet_name(&name).unwrap_or_default(),
        };
        let (sender, pieces) = sync_channel(PIECES);
        std::thread::Builder::new().name("workbook".to_owned()).spawn(move || send(book, &name, sender))?;
        let sheet = Self { pieces, rows: Vec::new().into_iter(), ended: false, sheets: all.len(), others, notes };
        Ok((sheet, Merged::new(merged)))
    }

    /// The next row that has cells.
    pub fn next(&mut self) -> io::Result<Option<SheetRow>> {
        while !self.ended {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            match self.pieces.recv() {
                Ok(Piece::Rows(rows)) => self.rows = rows.into_iter(),
                Ok(Piece::End) => self.ended = true,
                // It ended without saying so: what it read was no sheet any more.
                Err(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, DAMAGED)),
            }
        }
        Ok(None)
    }
}

const DAMAGED: &str = "the workbook is damaged; open it and save it anew";

fn damaged() -> OpenError {
    // What is called .csv and begins so may be anything.
    OpenError::File(format!("{DAMAGED} (as text, this does not look like the header of a table either)"))
}

/// An .xlsx, if it is one and unpacks to something that can be held.
fn zipped(mut bytes: Bytes) -> Result<Book, OpenError> {
    let not = |what: &str| Err(OpenError::File(format!("this does not look like the header: the file is {what}")));
    let mut archive = ZipArchive::new(&mut bytes).map_err(|_| damaged())?;
    let names: Vec<String> = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let has = |wanted: &str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    if has("content.xml") {
        return not("an OpenDocument file; save it as .xlsx or CSV");
    }
    if has("xl/workbook.bin") {
        return not("a binary workbook (.xlsb); save it as .xlsx or CSV");
    }
    if !has("xl/workbook.xml") && !has("[Content_Types].xml") {
        return not("a ZIP archive; unpack it and give the file in it");
    }
    unpacks(&mut archive, &UNPACKED)?;
    drop(archive);
    bytes.rewind()?;
    let book = Xlsx::new(bytes).map_err(|_| damaged())?;
    Ok(Book::Xlsx(Box::new(book)))
}

/// What a file says of its size need not be so: it is unpacked once, and nothing of it kept.
fn unpacks<R: Read + Seek>(archive: &mut ZipArchive<R>, most: &Unpacked) -> Result<(), OpenError> {
    let mut left = most.all;
    for number in 0..archive.len() {
        let file = archive.by_index(number).map_err(|_| damaged())?;
        let name = file.name().map_err(|_| damaged())?.to_lowercase();
        if !name.ends_with(".xml") && !name.ends_with(".rels") {
            continue;
        }
        let limit = if name.ends_with("sharedstrings.xml") { left.min(most.texts) } else { left };
        let length = io::copy(&mut file.take(limit + 1), &mut io::sink()).map_err(|_| damaged())?;
        if length > limit {
            let text = format!("the workbook unpacks to more than {} MiB; export it as CSV", limit >> 20);
            return Err(OpenError::File(text));
        }
        left -= length;
    }
    Ok(())
}

/// An .xls, or an .xlsx with a password, which lies in the same container.
fn old(mut bytes: Bytes) -> Result<Book, OpenError> {
    if bytes.seek(io::SeekFrom::End(0))? > LARGEST_HELD {
        let text = format!("the workbook is larger than {} MiB; save it as .xlsx or CSV", LARGEST_HELD >> 20);
        return Err(OpenError::File(text));
    }
    bytes.rewind()?;
    if let Err(XlsxError::Password) = Xlsx::new(&mut bytes) {
        return Err(OpenError::File("the workbook is protected by a password; save it without one".to_owned()));
    }
    bytes.rewind()?;
    let book = Xls::new(bytes).map_err(|_| damaged())?;
    Ok(Book::Xls(Box::new(book)))
}

/// Sends all rows. Whatever is wrong ends it without an end, and nothing of what was read is shown.
fn send(book: Book, name: &str, sender: SyncSender<Piece>) {
    let mut rows = Gathered { sender, rows: Vec::new(), row: None, bytes: 0 };
    let is_whole = match book {
        Book::Xlsx(mut book) => send_xlsx(&mut book, name, &mut rows),
        Book::Xls(mut book) => send_xls(&mut book, name, &mut rows),
    };
    if is_whole.and_then(|()| rows.end_row()).and_then(|()| rows.send()).is_some() {
        // Nobody listens any more: then nothing needs an end.
        let _ = rows.sender.send(Piece::End);
    }
}

fn send_xlsx(book: &mut Xlsx<Bytes>, name: &str, rows: &mut Gathered) -> Option<()> {
    let mut cells = book.worksheet_cells_reader(name).ok()?;
    while let Some(cell) = cells.next_cell_with_formula_metadata().ok()? {
        match (&cell.value, cell.formula) {
            (DataRef::Empty, None) => {}
            // Whoever wrote the workbook never computed it.
            (DataRef::Empty, Some(_)) => rows.cell(cell.pos, b"#N/A", false)?,
            (value, _) => rows.cell(cell.pos, cell::text(value).as_bytes(), cell::is_date(value))?,
        }
    }
    Some(())
}

fn send_xls(book: &mut Xls<Bytes>, name: &str, rows: &mut Gathered) -> Option<()> {
    let range = book.worksheet_range(name).ok()?;
    let (row, column) = range.start().unwrap_or_default();
    for (down, right, value) in range.used_cells() {
        let at = (row.checked_add(down as u32)?, column.checked_add(right as u32)?);
        if *value != Data::Empty {
            rows.cell(at, cell::text(value).as_bytes(), cell::is_date(value))?;
        }
    }
    Some(())
}

/// Rows on their way. A step that cannot be taken is `None`.
struct Gathered {
    sender: SyncSender<Piece>,
    rows: Vec<SheetRow>,
    row: Option<SheetRow>,
    bytes: usize,
}

impl Gathered {
    /// A cell behind all those before it.
    fn cell(&mut self, (row, column): (u32, u32), text: &[u8], is_date: bool) -> Option<()> {
        let number = u64::from(row) + 1;
        if self.row.as_ref().is_none_or(|row| row.number != number) {
            let before = self.row.as_ref().map_or(0, |row| row.number);
            self.end_row()?;
            if number <= before {
                return None;
            }
            self.row = Some(SheetRow { number, cells: ByteRecord::new(), dates: Vec::new(), is_too_long: false });
        }
        let row = self.row.as_mut()?;
        if row.cells.as_slice().len() + row.cells.len() + text.len() > LONGEST_ROW {
            row.is_too_long = true;
            return Some(());
        }
        let column = column as usize;
        if row.cells.len() > column {
            return None;
        }
        (row.cells.len()..column).for_each(|_| row.cells.push_field(b""));
        row.cells.push_field(text);
        if is_date {
            row.dates.push(column);
        }
        Some(())
    }

    fn end_row(&mut self) -> Option<()> {
        let Some(row) = self.row.take() else { return Some(()) };
        self.bytes += row.cells.as_slice().len();
        self.rows.push(row);
        if self.rows.len() < PIECE && self.bytes < LONGEST_ROW { Some(()) } else { self.send() }
    }

    fn send(&mut self) -> Option<()> {
        self.bytes = 0;
        self.sender.send(Piece::Rows(std::mem::take(&mut self.rows))).ok()
    }
}

/// Cells that are merged: the first of them holds what all show.
pub struct Merged {
    /// By the row that they begin in, the last one first.
    regions: Vec<Dimensions>,
    /// Those that have begun and not ended.
    open: Vec<Dimensions>,
}

impl Merged {
    fn new(mut regions: Vec<Dimensions>) -> Self {
        regions.sort_by_key(|region| std::cmp::Reverse(region.start));
        Self { regions, open: Vec::new() }
    }

    /// The first column of a row for which `named` has a name and which is merged with another cell that holds what it
    /// would. Rows are asked for in order.
    pub fn hides(
        &mut self,
        number: u64,
        named: &mut dyn FnMut(usize) -> Option<(String, String)>,
    ) -> Option<(String, String, Dimensions)> {
        let row = u32::try_from(number - 1).ok()?;
        while self.regions.last().is_some_and(|region| region.start.0 <= row) {
            self.open.extend(self.regions.pop());
        }
        self.open.retain(|region| region.end.0 >= row);
        self.open.iter().find_map(|region| {
            let (from, to) = (region.start.1, region.end.1.min(region.start.1.saturating_add(16_384)));
            let mut hidden = (from..=to).filter(|column| (row, *column) != region.start);
            let (column, field) = hidden.find_map(|column| named(column as usize))?;
            Some((column, field, *region))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::write::SimpleFileOptions;

    #[test]
    fn a_workbook_that_unpacks_to_too_much_is_not_opened() {
        let most = Unpacked { all: 20 << 20, texts: 5 << 20 };
        let packed = |name: &str, mebibytes: usize| {
            let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
            let deflated = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
            for name in ["xl/workbook.xml", name] {
                writer.start_file(name, deflated).expect("memory");
                writer.write_all(b"<x/>").expect("memory");
            }
            (0..mebibytes).for_each(|_| writer.write_all(&vec![b' '; 1 << 20]).expect("memory"));
            let bytes = writer.finish().expect("memory").into_inner();
            assert!(bytes.len() < 1 << 20, "a bomb is small");
            unpacks(&mut ZipArchive::new(Cursor::new(bytes)).expect("an archive"), &most)
        };
        for (name, mebibytes, limit) in [("xl/sharedStrings.xml", 5, 5), ("xl/worksheets/sheet1.xml", 20, 19)] {
            assert!(packed(name, mebibytes - 1).is_ok(), "{name}");
            let error = packed(name, mebibytes).expect_err(name).to_string();
            assert_eq!(error, format!("the workbook unpacks to more than {limit} MiB; export it as CSV"));
        }
        // Pictures are not unpacked by anybody.
        assert!(packed("xl/media/image1.png", 21).is_ok());
    }
}
