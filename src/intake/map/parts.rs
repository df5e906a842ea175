//! A value of several cells: a template's texts and cells, joined.
//!
//! In: the cells of a row. Out: their text, or nothing as soon as one of them is empty. What stands around a cell hides
//! what it is: `L1-5.00103E+17` is an id at first sight, and the same one for many people. So each cell that enters an
//! id is judged alone, as one that is the whole id.

use super::{Column, Field, Piece, cell};
use crate::intake::{Fault, ids};
use crate::model::nobody;
use crate::model::outcome::RejectCode;

impl Field {
    /// The text of a template; `None` as soon as one of its cells is empty.
    pub(super) fn joined(&self, pieces: &[Piece], cells: &::csv::ByteRecord) -> Result<Option<String>, Fault> {
        let (mut text, mut fault) = (String::new(), None);
        for piece in pieces {
            match piece {
                Piece::Text(fixed) => text.push_str(fixed),
                Piece::Column(column) => match cell::text(cells, column, self.name())? {
                    cell if cell.is_empty() || self.target.is_none(cell) => return Ok(None),
                    cell => {
                        fault = fault.or_else(|| self.of_nobody(column, cell));
                        text.push_str(cell);
                    }
                },
            }
        }
        match fault {
            // The map says itself what these cells mean.
            Some(fault) if !self.target.values.contains_key(&text) => Err(fault),
            _ => Ok(Some(text)),
        }
    }

    /// Why no id can be made of a cell.
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
