//! A cell becomes a value of the field it is for, or a code.

use super::spec::{Beyond, Unlisted};
use super::time::{ReadTime, Times};
use crate::intake::item::Fault;
use crate::model::outcome::RejectCode;
use crate::model::time::Timestamp;
use crate::pipeline::decode::json;
use prost_reflect::{DynamicMessage, EnumDescriptor, Value as FieldValue};
use std::collections::BTreeMap;

/// A column by its header; its place is known once the header is.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) at: usize,
    /// Whether the map reads a time from it as well.
    pub(super) holds_time: bool,
}

/// The cells of a row.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    /// As texts.
    pub texts: &'a ::csv::ByteRecord,
    /// The columns whose cells are dates by their type; of a text nobody knows.
    pub dates: &'a [usize],
}

impl<'a> Cells<'a> {
    /// Cells that have no type of their own.
    pub fn of_text(texts: &'a ::csv::ByteRecord) -> Self {
        Self { texts, dates: &[] }
    }
}

/// The text of a cell, without spaces around it.
pub(super) fn text<'a>(cells: Cells<'a>, column: &Column, path: &str) -> Result<&'a str, Fault> {
    let bytes = cells.texts.get(column.at).unwrap_or_default();
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
    /// Cells that mean the same as an empty one.
    pub none: Vec<String>,
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
    Number(Numbers),
    /// A revision made of a time of release: whole seconds since 1970-01-01 UTC.
    Release(Times),
    /// An instant.
    Time(Times),
    /// A civil day.
    Day(Times),
    /// A name of an enumeration.
    Choice(EnumDescriptor),
}

/// How numbers with a fraction are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// Signs before the fraction; a dot when none is named.
    pub decimals: Vec<char>,
    pub beyond: Beyond,
}

impl Numbers {
    /// The number; `None` when it lies beyond a limit and the map takes that for none. Signs between thousands are
    /// taken by nobody: one sign would be read as the other.
    fn read(&self, text: &str) -> Result<Option<f64>, RejectCode> {
        let Some(limit) = beyond(text) else { return self.number(text).map(Some) };
        match self.beyond {
            Beyond::Refuse => Err(RejectCode::OutOfRange),
            // What stands behind the sign must be a number all the same.
            Beyond::None => self.number(limit).map(|_| None),
            Beyond::Limit => self.number(limit).map(Some),
        }
    }

    fn number(&self, text: &str) -> Result<f64, RejectCode> {
        let is_decimal = |sign| if self.decimals.is_empty() { sign == '.' } else { self.decimals.contains(&sign) };
        let (whole, fraction) = text.split_once(is_decimal).unwrap_or((text, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole.strip_prefix('-').unwrap_or(whole)) || !is_digits(fraction) {
            return Err(RejectCode::OutOfRange);
        }
        format!("{whole}.{fraction}").parse().map_err(|_| RejectCode::OutOfRange)
    }
}

/// The limit in `>40`, `<= 5`, `≥38`.
fn beyond(text: &str) -> Option<&str> {
    let behind = text.strip_prefix(['<', '>', '≤', '≥', '＜', '＞'])?;
    Some(behind.strip_prefix('=').unwrap_or(behind).trim_start())
}

/// Whether a number has more signs than the one before its fraction: `1,024.5`, `1.024.000`, `1 024`, `1'024`.
fn has_thousands(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let is_sign = |sign: char| matches!(sign, ',' | '.' | ' ' | '\'' | '’' | '\u{a0}' | '\u{202f}');
    let is_number = digits.chars().all(|one| one.is_ascii_digit() || is_sign(one)) && !digits.starts_with(is_sign);
    let signs = digits.chars().filter(|one| is_sign(*one)).count();
    is_number && (signs > 1 || signs == 1 && !digits.contains([',', '.']))
}

/// A value for a field.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Count(u32),
    /// A revision made of a time of release, and whether only its day was known.
    Release(u32, bool),
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

    pub fn is_release_of_a_day(&self) -> bool {
        matches!(self, Value::Release(_, true))
    }

    pub fn into_wire(self) -> FieldValue {
        match self {
            Value::Text(text) => FieldValue::String(text),
            Value::Count(count) | Value::Release(count, _) => FieldValue::U32(count),
            Value::Number(number) => FieldValue::F64(number),
            Value::Time(read) => wire_time(read.at),
            Value::Choice(number) => FieldValue::EnumNumber(number),
        }
    }
}

impl Target {
    /// Cells have a type of their own: times come as RFC 3339 has them and numbers with a dot, beside what the map says
    /// of texts.
    pub fn take_typed_cells(&mut self) {
        match &mut self.form {
            Form::Time(times) | Form::Day(times) | Form::Release(times) => times.take_typed_cells(),
            // A dot is the sign of every number that is one.
            Form::Number(numbers) if !numbers.decimals.is_empty() => numbers.decimals.push('.'),
            _ => {}
        }
    }

    /// The value of a cell; `None` when it is empty and nothing stands for that.
    pub fn value(&self, cell: &str) -> Result<Option<Value>, RejectCode> {
        let cell = if self.is_none(cell) { "" } else { cell };
        let cell = match (cell, &self.empty) {
            ("", None) => return Ok(None),
            ("", Some(instead)) => return self.form.value(instead),
            (cell, _) => cell,
        };
        match self.values.get(cell) {
            Some(listed) => self.form.value(listed),
            None if self.values.is_empty() || self.unlisted == Unlisted::Keep => self.form.value(cell),
            None => Err(self.unlisted_code),
        }
    }

    /// Whether the map says itself what a text means, so that it need be nothing by itself.
    pub fn says(&self, text: &str) -> bool {
        self.is_none(text) || self.values.contains_key(text)
    }

    /// Whether a cell means that there is nothing.
    pub fn is_none(&self, cell: &str) -> bool {
        self.none.iter().any(|none| none == cell)
    }

    /// Why a cell was refused; what it says stays with it.
    pub fn explain(&self, code: RejectCode, cell: &str) -> &'static str {
        if !self.values.is_empty() && code == self.unlisted_code {
            return "the cell is not among the map's `values`";
        }
        match &self.form {
            Form::Day(_) if code == RejectCode::TimeWithoutOffset => "more than a day, and the map names no `zone`",
            Form::Time(times) | Form::Day(times) => times.explain(cell, code),
            Form::Release(_) if code == RejectCode::OutOfRange => {
                "a time before 1970 or after 2106, which no revision can hold"
            }
            Form::Release(times) => times.explain(cell, code),
            Form::Choice(_) => "no name of the contract; translate it with `values`",
            Form::Count => {
                "not a whole number from 0 to 4,294,967,295; a time of release becomes one if the map says its `format`"
            }
            Form::Number(_) if beyond(cell).is_some() => {
                "a limit and not a number; say with `beyond` what such cells mean"
            }
            Form::Number(_) if has_thousands(cell) => {
                "not a number; are signs between its thousands? they are never read: export it without"
            }
            // Where the map takes a comma already, the sign is not what is wrong.
            Form::Number(numbers) if cell.contains(',') && !numbers.decimals.contains(&',') => {
                "not a number; if the comma is its sign: decimal = \",\", or both: decimal = [\",\", \".\"]"
            }
            Form::Number(_) => "not a number; cells that mean that there is none are named by `none`",
            Form::Text => "cannot be used",
        }
    }
}

impl Form {
    /// A value from its text; `None` when the text means that there is none.
    pub fn value(&self, text: &str) -> Result<Option<Value>, RejectCode> {
        match self {
            Form::Text => Ok(Some(Value::Text(text.to_owned()))),
            Form::Count => text.parse().map(|count| Some(Value::Count(count))).map_err(|_| RejectCode::OutOfRange),
            Form::Number(numbers) => Ok(numbers.read(text)?.map(Value::Number)),
            Form::Time(times) => times.read(text).map(|read| Some(Value::Time(read))),
            Form::Day(times) => times.read_day(text).map(|day| Some(Value::Text(day.to_string()))),
            Form::Release(times) => release(times.read(text)?).map(Some),
            Form::Choice(names) => {
                choice(names, text).map(|number| Some(Value::Choice(number))).ok_or(RejectCode::UnknownEnum)
            }
        }
    }
}

/// A later release has the greater one.
fn release(read: ReadTime) -> Result<Value, RejectCode> {
    let revision = u32::try_from(read.at.0.div_euclid(1000)).map_err(|_| RejectCode::OutOfRange)?;
    Ok(Value::Release(revision, read.is_day))
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

/// An instant as the JSON mapping's library holds it.
fn wire_time(at: Timestamp) -> FieldValue {
    let instant = at.to_wire();
    let mut wire = DynamicMessage::new(json::descriptor("google.protobuf.Timestamp"));
    wire.set_field_by_name("seconds", FieldValue::I64(instant.seconds));
    wire.set_field_by_name("nanos", FieldValue::I32(instant.nanos));
    FieldValue::Message(wire)
}
