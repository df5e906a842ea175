//! Workbooks (.xlsx, .xls): one sheet of one, read as a table.
//!
//! In: a file whose bytes are those of a workbook, and a map. Out: an [`Item`] per row of the sheet, by its number
//! there, and a ledger of all its rows. Cells are taken as they are stored, not as they are shown; `cell` says how each
//! kind becomes text. A row of an .xlsx is let go of when the next is read; its texts are one list for the whole
//! workbook, which is held, as is an .xls. How much may come of a file is looked at before: a megabyte can be packed
//! from gigabytes.

mod cell;
mod sheet;

#[cfg(test)]
mod tests;

use crate::intake::encoding::TextEncoding;
use crate::intake::item::{Fault, Item};
use crate::intake::map::{Cells, Map};
use crate::intake::source::Source;
use crate::intake::table::{self, OpenError, Table};
use crate::intake::tally::{Tally, Unit};
use crate::model::outcome::RejectCode;
use sheet::{Merged, Sheet, SheetRow};
use std::io;

/// Where the header is looked for when it is not where the map says.
const ROWS_LOOKED_AT: usize = 50;

/// Sheets named where another one may be meant.
const SHEETS_NAMED: usize = 20;

/// The rows of a sheet.
pub struct Rows {
    sheet: Sheet,
    table: Table,
    /// Rows of the sheet seen or passed over.
    seen: u64,
    merged: Merged,
}

impl Rows {
    /// Opens the sheet, and finds the map's columns in its header.
    pub fn new(source: Source, mut map: Map) -> Result<Self, OpenError> {
        let (mut sheet, merged) = Sheet::open(source, map.layout.sheet.as_deref(), &map.file)?;
        let mut tally = Tally::of(Unit::SheetRow);
        tally.notes.append(&mut sheet.notes);
        tally.notes.extend(in_vain(&map));
        let mut seen = map.layout.skip_lines;
        tally.before_header = seen;
        let header = loop {
            let Some(row) = sheet.next()? else {
                return Err(OpenError::File(without_header(&sheet.others, &map.file)));
            };
            if row.number <= map.layout.skip_lines {
                continue;
            }
            tally.empty += row.number - 1 - seen;
            seen = row.number;
            if row.cells.iter().any(|cell| !table::trimmed(cell).is_empty()) {
                break row;
            }
            tally.blank += 1;
        };
        tally.header = 1;
        let names = judge_header(&header, &mut sheet, &map)?;
        map.take_typed_cells();
        let table = Table::new(map, names, TextEncoding::UTF_8, tally).map_err(OpenError::Map)?;
        Ok(Self { sheet, table, seen, merged })
    }

    /// The map it is read by.
    pub fn map(&self) -> &Map {
        self.table.map()
    }

    /// The next row.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        while let Some(mut row) = self.sheet.next()? {
            self.table.tally.empty += row.number - 1 - self.seen;
            self.seen = row.number;
            self.table.complete(&mut row.cells);
            let content = match self.fault_of(&row) {
                Some(fault) => Some(self.table.refused(fault, 1)),
                None => self.table.row(Cells { texts: &row.cells, dates: &row.dates }, row.number, 1),
            };
            if let Some(content) = content {
                return Ok(Some(Item { line: row.number, content }));
            }
        }
        Ok(None)
    }

    /// What the rows of the sheet so far were.
    pub fn tally(&self) -> Tally {
        self.table.tally(self.seen)
    }

    /// What is wrong with a row as such.
    fn fault_of(&mut self, row: &SheetRow) -> Option<Fault> {
        if row.is_too_long {
            let fault = Fault::new(RejectCode::TooLarge, "", "the row is longer than 4 MiB");
            return Some(fault.with_action("leave columns of long texts out of the sheet"));
        }
        let table = &self.table;
        let (column, field, region) = self
            .merged
            .hides(row.number, &mut |at| table.place(at).map(|place| (place.column.clone(), place.field.clone())))?;
        let (from, to) = (region.start.0 + 1, region.end.0 + 1);
        let detail = format!(
            "column `{column}`: the cell is merged with others of rows {from} to {to}, and holds nothing itself"
        );
        let fault = Fault::new(RejectCode::Malformed, field, detail);
        Some(fault.with_action("unmerge the cells in the sheet, fill each of them, and save it anew"))
    }
}

/// A name of a sheet is what somebody called it, and no cell: it is shown, as without it nobody could write it.
fn without_header(others: &[String], map: &str) -> String {
    let names: Vec<_> = others.iter().take(SHEETS_NAMED).map(|name| format!("`{name}`")).collect();
    match others.len() {
        0 => "the sheet has no header row".to_owned(),
        all => {
            let more = if all > names.len() { ", …" } else { "" };
            let names = names.join(", ");
            format!(
                "the sheet has no header row; others of the workbook: {names}{more}; name the one to read by `sheet` in {map}"
            )
        }
    }
}

/// Keys of the map that are for text.
fn in_vain(map: &Map) -> Option<String> {
    let keys = [("`delimiter`", map.layout.delimiter.is_some()), ("`encoding`", map.layout.encoding.is_some())];
    let stated: Vec<_> = keys.iter().filter(|(_, stated)| *stated).map(|(key, _)| *key).collect();
    let does = if stated.len() == 1 { "does" } else { "do" };
    (!stated.is_empty())
        .then(|| format!("it is a workbook, and {} in {} {does} not count", stated.join(" and "), map.file))
}

/// The names of a header, if it is one as far as can be seen: the map tells which columns it lacks.
fn judge_header(header: &SheetRow, sheet: &mut Sheet, map: &Map) -> Result<Vec<String>, OpenError> {
    let (names, columns) = (table::names(&header.cells), map.columns());
    let found = columns.iter().filter(|column| names.contains(column)).count();
    if found == columns.len() {
        return Ok(names);
    }
    for _ in 0..ROWS_LOOKED_AT {
        let Some(row) = sheet.next()? else { break };
        let names = table::names(&row.cells);
        if columns.iter().all(|column| names.contains(column)) {
            let (line, before) = (row.number, row.number - 1);
            return Err(OpenError::File(format!(
                "this does not look like the header: the map's columns stand in row {line}; write `skip_lines = {before}` \
                 in {}",
                map.file
            )));
        }
    }
    if found == 0 && !table::is_alike(&columns, &names) {
        let place = format!("row {} of the sheet", header.number);
        let sheets = match sheet.sheets {
            1 => String::new(),
            sheets => format!("; the workbook has {sheets} sheets, and `sheet` in the map names another one"),
        };
        return Err(OpenError::File(table::not_the_header(map, &place, header.cells.len()) + &sheets));
    }
    Ok(names)
}
