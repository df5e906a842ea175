//! The text of a field, of one cell or of several that a template joins, and whether an id can be made of them.
//!
//! In: the cells of a row. Out: their text; of a template nothing as soon as one of them is empty. What stands around a
//! cell hides what it is: `L1-5.00103E+17` is an id at first sight, and the same one for many people. So each cell that
//! enters an id is judged alone, as one that is the whole id. Nor is a date one, where the type of the cell is known: a
//! spreadsheet makes the same one of `3-1` and of `MAR1`, and what was entered is lost.

use super::cell::{self, Cells, Column, Form};
use super::checked::{Field, Map, Piece, Source};
use crate::intake::ids;
use crate::intake::item::Fault;
use crate::model::nobody;
use crate::model::outcome::RejectCode;

impl Map {
    /// Notes which columns hold dates because they are to: these may be part of an id.
    pub(super) fn note_times(&mut self) {
        let arrived_at = self.history.as_ref().map(|history| &history.arrived_at);
        let times = self.fields.iter().chain(arrived_at).filter(|field| matches!(field.target.form, Form::Time(_)));
        let names: Vec<String> = times
            .filter_map(|field| match &field.source {
                Source::Column(column) => Some(column.name.clone()),
                Source::Constant(_) | Source::Template(_) => None,
            })
            .collect();
        self.for_each_column(&mut |_, _, column| column.holds_time = names.contains(&column.name));
    }
}

impl Field {
    /// The text of a column. What else it says of an id is judged with the message.
    pub(super) fn alone<'a>(&self, column: &Column, cells: Cells<'a>) -> Result<&'a str, Fault> {
        let cell = cell::text(cells, column, self.name())?;
        match self.of_date(column, cells) {
            Some(fault) if !self.target.says(cell) => Err(fault),
            _ => Ok(cell),
        }
    }

    /// The text of a template; `None` as soon as one of its cells is empty.
    pub(super) fn joined(&self, pieces: &[Piece], cells: Cells<'_>) -> Result<Option<String>, Fault> {
        let (mut text, mut fault) = (String::new(), None);
        for piece in pieces {
            match piece {
                Piece::Text(fixed) => text.push_str(fixed),
                Piece::Column(column) => match cell::text(cells, column, self.name())? {
                    cell if cell.is_empty() || self.target.is_none(cell) => return Ok(None),
                    cell => {
                        let of_date = || if column.holds_time { None } else { self.of_date(column, cells) };
                        fault = fault.or_else(of_date).or_else(|| self.of_nobody(column, cell));
                        text.push_str(cell);
                    }
                },
            }
        }
        match fault {
            Some(fault) if !self.target.says(&text) => Err(fault),
            _ => Ok(Some(text)),
        }
    }

    /// Why no id can be made of a cell by its type.
    fn of_date(&self, column: &Column, cells: Cells<'_>) -> Option<Fault> {
        if !cells.dates.contains(&column.at) || !is_id_of_somebody(&self.path) {
            return None;
        }
        let why = "the spreadsheet made a date of the id, the same of different ones";
        let fault = Fault::new(RejectCode::InvalidId, self.name(), format!("column `{}`: {why}", column.name));
        Some(
            fault
                .with_action("make the column text, enter or import the ids anew, and save it: what they were is lost"),
        )
    }

    /// Why no id can be made of a cell by its text.
    fn of_nobody(&self, column: &Column, cell: &str) -> Option<Fault> {
        if !is_id_of_somebody(&self.path) {
            return None;
        }
        let why = ids::nobodys(nobody::look(cell)?);
        Some(Fault::new(RejectCode::InvalidId, self.name(), format!("column `{}`: {why}", column.name)))
    }
}

/// Whether a field holds an id which must be somebody's; of labs the registry tells.
fn is_id_of_somebody(path: &str) -> bool {
    path.ends_with("_id") && path != "lab_id"
}
