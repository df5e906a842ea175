//! A cell becomes a value of the field it is for, or a code.

use super::spec::Unlisted;
use super::time::{ReadTime, Times};
use super::{Column, wire_time};
use crate::intake::Fault;
use crate::model::outcome::RejectCode;
use crate::model::time::Timestamp;
use prost_reflect::{EnumDescriptor, Value as FieldValue};
use std::collections::BTreeMap;

/// The text of a cell, without spaces around it.
pub(super) fn text<'a>(cells: &'a ::csv::ByteRecord, column: &Column, path: &str) -> Result<&'a str, Fault> {
    let bytes = cells.get(column.at).unwrap_or_default();
    let text = std::str::from_utf8(bytes).map(str::trim);
    text.map_err(|_| Fault::new(RejectCode::Malformed, path, format!("column `{}` is not UTF-8", column.name)))
}

/// What a field takes, and how a text becomes that.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub form: Form,
    /// Cell → value.
    pub values: BTreeMap<String, String>,
    pub unlisted: Unlisted,
    /// Stands for an empty cell.
    pub empty: Option<String>,
    /// Code of a cell that `values` does not list.
    pub unlisted_code: RejectCode,
}

/// What a field takes.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Text,
    /// A whole number from 0.
    Count,
    /// A number.
    Number,
    /// A revision made of a time of release: whole seconds since 1970-01-01 UTC.
    Release(Times),
    /// An instant.
    Time(Times),
    /// A name of an enumeration.
    Choice(EnumDescriptor),
}

/// A value for a field.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Count(u32),
    Number(f64),
    Time(ReadTime),
    Choice(i32),
}

impl Value {
    pub fn time(&self) -> Option<Timestamp> {
        if let Value::Time(read) = self { Some(read.at) } else { None }
    }

    pub fn is_day(&self) -> bool {
        matches!(self, Value::Time(read) if read.is_day)
    }

    pub fn into_wire(self) -> FieldValue {
        match self {
            Value::Text(text) => FieldValue::String(text),
            Value::Count(count) => FieldValue::U32(count),
            Value::Number(number) => FieldValue::F64(number),
            Value::Time(read) => wire_time(read.at),
            Value::Choice(number) => FieldValue::EnumNumber(number),
        }
    }
}

impl Target {
    /// Cells have a type of their own: times come as RFC 3339 has them, beside what the map says of texts.
    pub fn take_typed_cells(&mut self) {
        if let Form::Time(times) = &mut self.form {
            times.take_typed_cells();
        }
    }

    /// The value of a cell; `None` when it is empty and nothing stands for that.
    pub fn value(&self, cell: &str) -> Result<Option<Value>, RejectCode> {
        let cell = match (cell, &self.empty) {
            ("", None) => return Ok(None),
            ("", Some(instead)) => return self.form.value(instead).map(Some),
            (cell, _) => cell,
        };
        match self.values.get(cell) {
            Some(listed) => self.form.value(listed).map(Some),
            None if self.values.is_empty() || self.unlisted == Unlisted::Keep => self.form.value(cell).map(Some),
            None => Err(self.unlisted_code),
        }
    }

    /// What a code means here.
    pub fn explain(&self, code: RejectCode) -> &'static str {
        if !self.values.is_empty() && code == self.unlisted_code {
            return "the cell is not among the map's `values`";
        }
        match (&self.form, code) {
            (Form::Time(_), RejectCode::TimeWithoutOffset) => "a time without offset, and the map names no `zone`",
            (Form::Time(_), _) => "no time of the map's `format`, or one the clock showed twice or never",
            (Form::Choice(_), _) => "no name of the contract; translate it with `values`",
            (Form::Count, _) => {
                "not a whole number from 0 to 4,294,967,295; a time of release becomes one if the map says its `format`"
            }
            (Form::Release(_), RejectCode::TimeWithoutOffset) => "a time without offset, and the map names no `zone`",
            (Form::Release(_), RejectCode::OutOfRange) => {
                "a time before 1970 or after 2106, which no revision can hold"
            }
            (Form::Release(_), _) => "no time of the map's `format`, or one the clock showed twice or never",
            (Form::Number, _) => "not a number",
            (Form::Text, _) => "cannot be used",
        }
    }
}

impl Form {
    /// A value from its text.
    pub fn value(&self, text: &str) -> Result<Value, RejectCode> {
        match self {
            Form::Text => Ok(Value::Text(text.to_owned())),
            Form::Count => text.parse().map(Value::Count).map_err(|_| RejectCode::OutOfRange),
            Form::Number => text.parse().map(Value::Number).map_err(|_| RejectCode::OutOfRange),
            Form::Time(times) => times.read(text).map(Value::Time),
            Form::Release(times) => release(times.read(text)?).map(Value::Count),
            Form::Choice(names) => choice(names, text).map(Value::Choice).ok_or(RejectCode::UnknownEnum),
        }
    }
}

/// A later release has the greater one.
fn release(read: ReadTime) -> Result<u32, RejectCode> {
    u32::try_from(read.at.0.div_euclid(1000)).map_err(|_| RejectCode::OutOfRange)
}

/// Number of a name, as the contract spells it (`FINDING_POSITIVE`) or short (`positive`).
fn choice(names: &EnumDescriptor, text: &str) -> Option<i32> {
    let value = names
        .get_value_by_name(text)
        .or_else(|| names.values().find(|value| short_name(names, value.name()) == text))?;
    (value.number() != 0).then_some(value.number())
}

/// All short names of an enumeration that can be meant.
pub(super) fn short_names(names: &EnumDescriptor) -> Vec<String> {
    let meant = names.values().filter(|value| value.number() != 0);
    meant.map(|value| short_name(names, value.name())).collect()
}

/// `FINDING_POSITIVE` → `positive`: the name without what all names of the enumeration share.
fn short_name(names: &EnumDescriptor, name: &str) -> String {
    let shared = names.default_value().name().trim_end_matches("UNSPECIFIED").to_owned();
    name.strip_prefix(&shared).unwrap_or(name).to_ascii_lowercase()
}
