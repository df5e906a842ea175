//! The JSON form of an input, and every code it could rightly be refused with.
//!
//! The mapping itself is the library's. Added is what the contract demands beyond it: no field twice, no name it does
//! not know, times with an offset.

use super::faults::Faults;
use crate::model::outcome::RejectCode as Code;
use crate::model::written;
use crate::proto::DESCRIPTORS;
use prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, Kind, MessageDescriptor};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

static CONTRACT: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the embedded descriptors were made by our build"));

/// Reads a message of the contract by its full name.
pub fn read<M: Message + Default>(text: &[u8], name: &str) -> Result<M, Faults> {
    let malformed = || Faults::from([Code::Malformed]);
    let value = tree(text)?;
    let descriptor = CONTRACT.get_message_by_name(name).expect("a message of the contract");
    let mut faults = Faults::new();
    look_at_message(&value, &descriptor, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut json: serde_json::Value = serde_json::from_slice(text).map_err(|_| malformed())?;
    write_times_out(&mut json, &descriptor);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let message = DynamicMessage::deserialize_with_options(descriptor, json, &options);
    message.map_err(|_| malformed())?.transcode_to().map_err(|_| malformed())
}

/// The text as a tree. The library takes a number beyond every double for a broken text; here it is infinite.
fn tree(text: &[u8]) -> Result<Value, Faults> {
    let mut text = text.to_vec();
    let mut faults = Faults::from([Code::Malformed]);
    loop {
        let error = match serde_json::from_slice(&text) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(number) = vast_number(&text, &error) else { return Err(faults) };
        faults.insert(Code::OutOfRange);
        text.splice(number, VAST.bytes());
    }
}

/// Stands for a number that no double holds.
const VAST: &str = "1.7976931348623157e308";

/// Where the number lies that the library found too large, if that is what it found.
fn vast_number(text: &[u8], error: &serde_json::Error) -> Option<Range<usize>> {
    let line_start: usize = text.split_inclusive(|byte| *byte == b'\n').take(error.line() - 1).map(<[u8]>::len).sum();
    let of_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let near = (line_start + error.column()).min(text.len());
    let start = text[..near].iter().rposition(|byte| !of_number(byte)).map_or(0, |before| before + 1);
    let length = text[start..].iter().take_while(|byte| of_number(byte)).count();
    let number = std::str::from_utf8(&text[start..start + length]).ok()?.parse::<f64>().ok()?;
    number.is_infinite().then_some(start..start + length)
}

fn look_at_message(value: &Value, message: &MessageDescriptor, faults: &mut Faults) {
    let Value::Object(entries) = value else {
        faults.insert(Code::Malformed);
        return;
    };
    let mut seen = BTreeSet::new();
    for (name, value) in entries {
        let known = message.fields().find(|field| field.name() == name || field.json_name() == name);
        let Some(field) = known.filter(|field| seen.insert(field.number())) else {
            faults.insert(Code::Malformed);
            continue;
        };
        match value {
            Value::Null => {}
            Value::List(items) if field.is_list() => items.iter().for_each(|item| look_at(item, &field.kind(), faults)),
            _ if field.is_list() => drop(faults.insert(Code::Malformed)),
            value => look_at(value, &field.kind(), faults),
        }
    }
}

fn look_at(value: &Value, kind: &Kind, faults: &mut Faults) {
    match (kind, value) {
        (_, Value::Null) => drop(faults.insert(Code::Malformed)),
        (Kind::Message(message), value) if message.full_name() == "google.protobuf.Timestamp" => {
            faults.extend(fault_of_time(value));
        }
        (Kind::Message(message), value) => look_at_message(value, message, faults),
        (Kind::Enum(names), Value::Text(name)) if names.values().all(|known| known.name() != name) => {
            faults.insert(Code::UnknownEnum);
        }
        (Kind::Enum(_), Value::Number(number)) if *number != f64::from(*number as i32) => {
            faults.insert(if number.fract() == 0.0 { Code::UnknownEnum } else { Code::Malformed });
        }
        (Kind::Uint32, Value::Number(number)) if *number != f64::from(*number as u32) => {
            faults.insert(if number.fract() == 0.0 { Code::OutOfRange } else { Code::Malformed });
        }
        (Kind::Uint32, Value::Text(text)) if text.parse::<u32>().is_err() => {
            let digits = text.trim_start_matches('-');
            let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit());
            faults.insert(if is_number { Code::OutOfRange } else { Code::Malformed });
        }
        (Kind::Double, Value::Number(number)) if number.abs() == f64::MAX => drop(faults.insert(Code::OutOfRange)),
        _ => {}
    }
}

fn fault_of_time(value: &Value) -> Option<Code> {
    let Value::Text(text) = value else { return Some(Code::InvalidTime) };
    written::instant(text).err()
}

/// Puts every time into the one form that the library reads. All of them can be read.
fn write_times_out(json: &mut serde_json::Value, message: &MessageDescriptor) {
    for field in message.fields() {
        let Kind::Message(inner) = field.kind() else { continue };
        for name in [field.name(), field.json_name()] {
            match json.get_mut(name) {
                Some(serde_json::Value::String(text)) => {
                    if let Ok(at) = written::instant(text) {
                        *text = at.to_string();
                    }
                }
                Some(serde_json::Value::Array(items)) => {
                    items.iter_mut().for_each(|item| write_times_out(item, &inner));
                }
                Some(value) => write_times_out(value, &inner),
                None => {}
            }
        }
    }
}

/// JSON as it stands: usual trees drop a field that is given twice.
enum Value {
    Null,
    Text(String),
    Truth,
    Number(f64),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Truth)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Value::Object(object))
    }
}
