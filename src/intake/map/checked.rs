//! What a map file says, once it is checked.

use super::cell::{Column, Target, Value};
use crate::intake::arrivals::Bounds;
use crate::intake::encoding::TextEncoding;
use crate::intake::kind::Kind;
use prost_reflect::FieldDescriptor;

/// A map file, checked.
#[derive(Clone, Debug)]
pub struct Map {
    /// What the rows are.
    pub kind: Kind,
    /// How the file is laid out.
    pub layout: Layout,
    /// The map file itself.
    pub file: String,
    pub(super) fields: Vec<Field>,
    pub(super) ct_values: Vec<Field>,
    pub(super) skips: Vec<Skip>,
    pub(super) history: Option<History>,
}

/// What a map says of the file as such; what it leaves out is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Between cells.
    pub delimiter: Option<u8>,
    /// How its text is written.
    pub encoding: Option<TextEncoding>,
    /// Lines before the header.
    pub skip_lines: u64,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
}

/// A column that the map names, found in the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number, from 0.
    pub at: usize,
    /// As the map names it.
    pub column: String,
    /// The first field that it fills; empty for what is no field.
    pub field: String,
}

/// One field of the contract and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Where the map says so.
    pub(super) line: usize,
    pub(super) key: String,
    /// In the contract's names, e.g. `order.from`.
    pub(super) path: String,
    /// The fields to go through, the last one is set. Empty for what is no field (time of arrival).
    pub(super) descriptors: Vec<FieldDescriptor>,
    pub(super) source: Source,
    pub(super) target: Target,
}

/// Where a cell's text comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The same in every row; checked already.
    Constant(Value),
    /// One column.
    Column(Column),
    /// Texts and columns, joined. Empty as soon as one of the columns is.
    Template(Vec<Piece>),
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    Text(String),
    Column(Column),
}

/// Rows left out.
#[derive(Clone, Debug)]
pub(super) struct Skip {
    pub(super) line: usize,
    pub(super) column: Column,
    pub(super) cells: Vec<String>,
    /// Whether `cells` leave a row out, or keep it in.
    pub(super) leaves_out: bool,
    pub(super) why: String,
}

/// When rows arrived in the past.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) arrived_at: Field,
    pub(super) raise_to_collection: bool,
    pub(super) bounds: Bounds,
}
