//! Map files: which column of a lab's own CSV export is which field of the contract. A lab needs no code of ours.
//!
//! In: TOML, checked whole when it is read, so that a mistake in it is reported once with file, line and key and not once
//! per row. Out: a [`Map`], which bound to a header makes contract messages of rows. What can stand in one is written
//! in `proto/MAPS.md`.

mod cell;
mod checked;
mod compile;
mod format;
mod parts;
mod pattern;
mod said;
mod spec;
mod time;

#[cfg(test)]
mod tests;

pub use cell::Cells;
pub use checked::{Layout, Map, Place};
pub use spec::MapError;

use super::arrivals::Bounds;
use super::item::Fault;
use super::kind::Kind;
use crate::model::outcome::RejectCode;
use crate::model::time::Timestamp;
use crate::pipeline::decode::json;
use cell::{Column, Value};
use checked::{Field, Piece, Source};
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value as FieldValue};

/// What a row became.
pub enum Row {
    /// A message.
    Message(Made),
    /// Left out by this rule.
    Skipped(usize),
}

/// A message made of a row.
pub struct Made {
    /// Encoded.
    pub payload: Vec<u8>,
    /// When it arrived in the past, where the map says.
    pub arrived_at: Option<Timestamp>,
    /// Whether its revision is made of a day of release.
    pub is_released_by_day: bool,
}

/// So many required fields with something in them are no chance.
const SEVERAL: usize = 4;

impl Map {
    /// Reads a map file. All that is wrong with it is reported at once.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<MapError>> {
        compile::map(file, text)
    }

    /// Fields without which no row could be valid and that it does not fill.
    pub fn lacks(&self) -> Vec<&'static str> {
        let filled = |name: &&str| self.fields.iter().any(|field| field.path == **name);
        required(self.kind).iter().copied().filter(|name| !filled(name)).collect()
    }

    /// Whether it says when rows arrived.
    pub fn has_history(&self) -> bool {
        self.history.is_some()
    }

    /// Between which times it says that rows arrived.
    pub fn arrivals(&self) -> Bounds {
        self.history.as_ref().map_or(Bounds::default(), |history| history.bounds)
    }

    /// Why rows are left out, by number of the rule.
    pub fn skip_reasons(&self) -> impl Iterator<Item = &str> {
        self.skips.iter().map(|skip| skip.why.as_str())
    }

    /// For cells that have a type of their own: their times come as RFC 3339 has them, whatever a column's texts look
    /// like.
    pub fn take_typed_cells(&mut self) {
        let arrived_at = self.history.as_mut().map(|history| &mut history.arrived_at);
        for field in self.fields.iter_mut().chain(&mut self.ct_values).chain(arrived_at) {
            field.target.take_typed_cells();
        }
    }

    /// The columns that it names, each once, in order of their names.
    pub fn columns(&self) -> Vec<String> {
        let mut names: Vec<String> = self.places().into_iter().map(|place| place.column).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Every use of a column. [`Map::bind`] must have found them.
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        self.clone().for_each_column(&mut |_, key, column| {
            let field = key.strip_prefix("fields.").unwrap_or(if key == "skip.column" { "" } else { key });
            places.push(Place { at: column.at, column: column.name.clone(), field: field.to_owned() });
        });
        places
    }

    /// Finds the columns in a header. Every column the map names must be there, once. No cell of the header is shown:
    /// what was taken for the header may be a row.
    pub fn bind(&mut self, header: &[String]) -> Result<(), Vec<MapError>> {
        let mut errors: Vec<MapError> = Vec::new();
        let mut reported = Vec::new();
        let file = self.file.clone();
        // What the map uses already is no other column by mistake.
        let used = self.columns();
        self.for_each_column(&mut |line, key, column| {
            let mut found = header.iter().enumerate().filter(|(_, name)| **name == column.name);
            let problem = match (found.next(), found.next()) {
                (Some((at, _)), None) => {
                    column.at = at;
                    return;
                }
                (None, _) => {
                    let alike = spelled_alike(&column.name, header, &used);
                    format!("the file has no column `{}` among its {}{alike}", column.name, header.len())
                }
                (Some(_), Some(_)) => format!("the file has several columns `{}`; rename one of them", column.name),
            };
            // A column that several fields use is wrong once.
            if !reported.contains(&column.name) {
                reported.push(column.name.clone());
                errors.push(MapError { file: file.clone(), line, key: key.to_owned(), problem });
            }
        });
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn for_each_column(&mut self, visit: &mut dyn FnMut(usize, &str, &mut Column)) {
        let arrived_at = self.history.as_mut().map(|history| &mut history.arrived_at);
        for field in self.fields.iter_mut().chain(&mut self.ct_values).chain(arrived_at) {
            match &mut field.source {
                Source::Constant(_) => {}
                Source::Column(column) => visit(field.line, &field.key, column),
                Source::Template(pieces) => {
                    for piece in pieces {
                        if let Piece::Column(column) = piece {
                            visit(field.line, &field.key, column);
                        }
                    }
                }
            }
        }
        for skip in &mut self.skips {
            visit(skip.line, "skip.column", &mut skip.column);
        }
    }

    /// Makes a message of a row's cells. [`Map::bind`] must have found the columns, and the row have all of them.
    pub fn row(&self, cells: Cells<'_>) -> Result<Row, Fault> {
        for (rule, skip) in self.skips.iter().enumerate() {
            let cell = cell::text(cells, &skip.column, "")?;
            if skip.cells.iter().any(|listed| listed == cell) == skip.leaves_out {
                return Ok(Row::Skipped(rule));
            }
        }
        let mut message = DynamicMessage::new(json::descriptor(self.kind.message()));
        let (mut collected_at, mut is_released_by_day) = (None, false);
        for field in &self.fields {
            let Some(value) = field.read(cells)? else { continue };
            if field.path == "collected_at" {
                collected_at = value.time();
                if value.is_day() {
                    set_precision_of_a_day(&mut message);
                }
            }
            is_released_by_day |= value.is_release_of_a_day();
            field.set(&mut message, value.into_wire());
        }
        self.add_ct_values(cells, &mut message)?;
        let arrived_at = self.arrived_at(cells, collected_at)?;
        Ok(Row::Message(Made { payload: message.encode_to_vec(), arrived_at, is_released_by_day }))
    }

    /// Whether cells are a row by what they hold: every required field that it fills has a value. Of a map that takes
    /// several from columns it is one as well where values are wrong, or one is missing: such a row is to be refused by
    /// name, and is none of a text that somebody wrote.
    pub fn fills(&self, cells: Cells<'_>) -> bool {
        let needed = required(self.kind);
        let fields = self.fields.iter().filter(|field| needed.contains(&field.path.as_str()));
        let read: Vec<_> = fields
            .filter(|field| !matches!(field.source, Source::Constant(_)))
            .map(|field| match field.read(cells) {
                // What was an id is destroyed; that there was one tells of a row.
                Err(fault) if fault.reject.code == RejectCode::InvalidId => Ok(true),
                read => read.map(|value| value.is_some()),
            })
            .collect();
        let missing = read.iter().filter(|value| matches!(value, Ok(false))).count();
        let is_sure = read.iter().all(|value| matches!(value, Ok(true)));
        is_sure || (read.len() >= SEVERAL && missing <= 1)
    }

    /// Where a field's value comes from, in words: of one that was refused when the message was judged. `ct_values[1]`
    /// is found by its gene, as empty cells are left out of the list.
    pub fn place_of(&self, field: &str, payload: &[u8]) -> Option<String> {
        let of = |fields: &[Field], path: &str| fields.iter().find(|field| field.path == path).map(Field::from);
        if field == "history.arrived_at" {
            return self.history.as_ref().map(|history| history.arrived_at.from());
        }
        let Some((number, _)) = field.strip_prefix("ct_values[").and_then(|rest| rest.split_once(']')) else {
            return of(&self.fields, field);
        };
        let result = crate::proto::v1::LabResult::decode(payload).ok()?;
        of(&self.ct_values, &result.ct_values.get(number.parse::<usize>().ok()?)?.gene)
    }

    fn add_ct_values(&self, cells: Cells<'_>, message: &mut DynamicMessage) -> Result<(), Fault> {
        for gene in &self.ct_values {
            let Some(cycles) = gene.read(cells)? else { continue };
            let mut value = DynamicMessage::new(json::descriptor("swabstream.v1.CtValue"));
            value.set_field_by_name("gene", FieldValue::String(gene.path.clone()));
            value.set_field_by_name("cycles", cycles.into_wire());
            if let Some(list) = message.get_field_by_name_mut("ct_values").and_then(FieldValue::as_list_mut) {
                list.push(FieldValue::Message(value));
            }
        }
        Ok(())
    }

    fn arrived_at(&self, cells: Cells<'_>, collected_at: Option<Timestamp>) -> Result<Option<Timestamp>, Fault> {
        let Some(history) = &self.history else { return Ok(None) };
        let missing = || Fault::new(RejectCode::MissingField, "history.arrived_at", "the cell is empty");
        let arrived_at = history.arrived_at.read(cells)?.and_then(|value| value.time()).ok_or_else(missing)?;
        let raised = collected_at.filter(|at| history.raise_to_collection && *at > arrived_at);
        Ok(Some(raised.unwrap_or(arrived_at)))
    }
}

/// Which column may be meant, by its number: its name stays untold.
fn spelled_alike(name: &str, header: &[String], used: &[String]) -> String {
    let folded =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let wanted = folded(name);
    let position = |is_alike: &dyn Fn(&str) -> bool| {
        header.iter().position(|other| !used.contains(other) && is_alike(&folded(other)))
    };
    let near = |other: &str| other.chars().count().min(wanted.chars().count()) >= 3 && one_edit_apart(&wanted, other);
    let alike = position(&|other| other == wanted).or_else(|| position(&near));
    alike.map_or_else(String::new, |at| format!("; column {} is spelled almost so", at + 1))
}

/// Whether one letter more, less or other makes a text of the other.
fn one_edit_apart(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let same_start = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[same_start..], &other[same_start..]);
    let same_end = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    one.len() - same_end <= 1 && other.len() - same_end <= 1
}

/// A `collected_at` without a time of day is known by the day only, unless the map says otherwise: fields are set in
/// order of their names, and `collected_precision` comes after `collected_at`.
fn set_precision_of_a_day(message: &mut DynamicMessage) {
    let day = crate::proto::v1::TimePrecision::Day as i32;
    message.set_field_by_name("collected_precision", FieldValue::EnumNumber(day));
}

impl Field {
    /// The value in a row; `None` when it is empty.
    fn read(&self, cells: Cells<'_>) -> Result<Option<Value>, Fault> {
        let value = |text: &str| self.target.value(text).map_err(|code| self.fault(code, text));
        match &self.source {
            Source::Constant(value) => Ok(Some(value.clone())),
            Source::Column(column) => value(self.alone(column, cells)?),
            Source::Template(pieces) => match self.joined(pieces, cells)? {
                Some(text) => value(&text),
                None => value(""),
            },
        }
    }

    /// The field in a fault; what is no single field of the contract goes by its key in the map.
    fn name(&self) -> &str {
        if self.descriptors.is_empty() { &self.key } else { &self.path }
    }

    /// Where its value comes from, in words.
    fn from(&self) -> String {
        match &self.source {
            Source::Column(column) => format!("column `{}`", column.name),
            Source::Constant(_) => format!("`{}` of the map", self.key),
            Source::Template(pieces) => {
                let columns = pieces.iter().filter_map(|piece| match piece {
                    Piece::Column(column) => Some(format!("`{}`", column.name)),
                    Piece::Text(_) => None,
                });
                format!("`{}` of the map, of columns {}", self.key, columns.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn fault(&self, code: RejectCode, cell: &str) -> Fault {
        Fault::new(code, self.name(), format!("{}: {}", self.from(), self.target.explain(code, cell)))
    }

    fn set(&self, message: &mut DynamicMessage, value: FieldValue) {
        let Some((last, through)) = self.descriptors.split_last() else { return };
        let mut inner = message;
        for field in through {
            inner = inner.get_field_mut(field).as_message_mut().expect("the map was checked against the contract");
        }
        inner.set_field(last, value);
    }
}

/// What the contract requires of every row.
fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Results => &[
            "lab_id",
            "result_id",
            "status",
            "person_id",
            "specimen_id",
            "target",
            "collected_at",
            "area",
            "purpose",
            "finding",
        ],
        Kind::Contacts => {
            &["record_id", "status", "person_id", "index_person_id", "kind", "exposure_start", "exposure_end"]
        }
        Kind::Groups => &["record_id", "status", "person_id", "group", "first_day"],
    }
}
