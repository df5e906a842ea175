//! The proto3 JSON mapping of the contract, stricter than the mapping where a lenient reader would have to guess.
//!
//! In: JSON text. Out: the contract's message, or the code and the field in the contract's names (`ct_values[1].gene`),
//! whichever of the two spellings the text uses. A name that is not in the contract is shown as `?`: it is part of
//! the record, and nothing of a record gets into a rejection.
//!
//! Times are read here ([`written`]), not by the mapping's library: that takes less than RFC 3339 and less than Java
//! and Python write, and says of the rest only that the JSON is wrong.

use crate::model::outcome::{Reject, RejectCode};
use crate::model::written;
use crate::proto::DESCRIPTORS;
use prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;
use serde_path_to_error::{Path, Segment, Track};
use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the embedded descriptors were made by our build"));

/// Descriptor of a message of the contract, by its full name.
///
/// # Panics
/// When the contract has no such message.
pub fn descriptor(message: &str) -> MessageDescriptor {
    POOL.get_message_by_name(message).expect("a message of the contract")
}

/// Reads one message. Not allowed beyond the mapping's own rules: a field given twice, under whatever spelling.
pub fn decode<M: Message + Default>(text: &[u8], message: &str) -> Result<M, Reject> {
    if text.is_empty() {
        return Err(Reject::new(RejectCode::Empty, ""));
    }
    let descriptor = descriptor(message);
    let malformed = |_| Reject::new(RejectCode::Malformed, "");
    let in_the_mappings_form = match serde_json::from_slice::<Shape<'_>>(text) {
        Ok(mut shape) => checked(&mut shape, &descriptor)?,
        Err(_) => {
            // A number that no double can hold is JSON all the same: what is wrong is the field.
            let held = with_numbers_held(text);
            let mut shape = serde_json::from_slice::<Shape<'_>>(&held).map_err(malformed)?;
            checked(&mut shape, &descriptor)?
        }
    };
    let dynamic = read(in_the_mappings_form.as_deref().unwrap_or(text), &descriptor)?;
    dynamic.transcode_to().map_err(|_| Reject::new(RejectCode::Malformed, ""))
}

/// Checks a text; where it has a time in another form than the mapping's, the text with all times in that form.
fn checked(shape: &mut Shape<'_>, descriptor: &MessageDescriptor) -> Result<Option<Vec<u8>>, Reject> {
    let mut rewritten = false;
    check_message(shape, descriptor, "", &mut rewritten)?;
    let text = rewritten.then(|| serde_json::to_vec(shape).map_err(|_| Reject::new(RejectCode::Malformed, "")));
    text.transpose()
}

/// Writes one message, with the contract's names and every field that is set.
pub fn encode<M: Message>(value: &M, message: &str) -> String {
    let mut dynamic = DynamicMessage::new(descriptor(message));
    dynamic.transcode_from(value).expect("the generated type is the one described");
    let options = prost_reflect::SerializeOptions::new().use_proto_field_name(true);
    let mut out = serde_json::Serializer::new(Vec::new());
    dynamic.serialize_with_options(&mut out, &options).expect("a message has a JSON form");
    String::from_utf8(out.into_inner()).expect("JSON is UTF-8")
}

fn read(text: &[u8], descriptor: &MessageDescriptor) -> Result<DynamicMessage, Reject> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    DynamicMessage::deserialize_with_options(descriptor.clone(), tracked, &options)
        .map_err(|_| Reject::new(RejectCode::Malformed, contract_path(&track.path(), descriptor)))
}

/// Where in a line a text ends to be the message, counted from 1; `None` where its shape is that of the message.
pub fn column_of_fault(text: &[u8], message: &str) -> Option<usize> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let read = DynamicMessage::deserialize_with_options(descriptor(message), &mut json, &options);
    read.err().map(|error| error.column())
}

/// A path of the text in the names of the contract.
fn contract_path(path: &Path, descriptor: &MessageDescriptor) -> String {
    let mut out = String::new();
    let mut inside = Some(descriptor.clone());
    for segment in path {
        match segment {
            Segment::Seq { index } => out.push_str(&format!("[{index}]")),
            Segment::Map { key } => match inside.as_ref().and_then(|message| field(message, key)) {
                Some(field) => {
                    out = join(&out, field.name());
                    inside = field.kind().as_message().cloned();
                }
                None => return join(&out, "?"),
            },
            _ => return join(&out, "?"),
        }
    }
    out
}

fn check_message(
    shape: &mut Shape<'_>,
    descriptor: &MessageDescriptor,
    path: &str,
    rewritten: &mut bool,
) -> Result<(), Reject> {
    let Shape::Object(entries) = shape else { return Err(Reject::new(RejectCode::Malformed, path)) };
    let mut seen: Vec<u32> = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        let Some(field) = field(descriptor, name) else {
            return Err(Reject::new(RejectCode::Malformed, join(path, "?")));
        };
        let path = join(path, field.name());
        if seen.contains(&field.number()) {
            return Err(Reject::new(RejectCode::Malformed, path));
        }
        seen.push(field.number());
        match value {
            Shape::Null => {}
            Shape::List(items) if field.is_list() => {
                for (at, item) in items.iter_mut().enumerate() {
                    check_value(item, &field.kind(), &format!("{path}[{at}]"), rewritten)?;
                }
            }
            _ if field.is_list() => return Err(Reject::new(RejectCode::Malformed, path)),
            value => check_value(value, &field.kind(), &path, rewritten)?,
        }
    }
    Ok(())
}

/// What the mapping's reader cannot tell apart in its errors; all else is left to it.
fn check_value(value: &mut Shape<'_>, kind: &Kind, path: &str, rewritten: &mut bool) -> Result<(), Reject> {
    match (kind, value) {
        (_, Shape::Null) => Err(Reject::new(RejectCode::Malformed, path)),
        (Kind::Message(message), value) if message.full_name() == "google.protobuf.Timestamp" => {
            let Shape::Text(text) = value else { return Err(Reject::new(RejectCode::InvalidTime, path)) };
            let at = written::instant(text).map_err(|code| Reject::new(code, path))?.to_string();
            if **text != *at {
                *text = Cow::Owned(at);
                *rewritten = true;
            }
            Ok(())
        }
        (Kind::Message(message), value) => check_message(value, message, path, rewritten),
        (Kind::Enum(known), Shape::Text(name)) if known.get_value_by_name(name).is_none() => {
            Err(Reject::new(RejectCode::UnknownEnum, path))
        }
        (Kind::Enum(_), Shape::Number(number)) if is_beyond(number, &Kind::Int32) => {
            Err(Reject::new(RejectCode::UnknownEnum, path))
        }
        (kind, Shape::Number(number)) if is_beyond(number, kind) => Err(Reject::new(RejectCode::OutOfRange, path)),
        (kind, Shape::Text(text)) if whole_number(text).is_some_and(|number| is_beyond(&number, kind)) => {
            Err(Reject::new(RejectCode::OutOfRange, path))
        }
        _ => Ok(()),
    }
}

/// Whether a field of this kind cannot hold a number. One that is not whole is no number out of range, but of another
/// type, where a whole one is asked for.
fn is_beyond(number: &Number, kind: &Kind) -> bool {
    let number = number.as_f64().unwrap_or(f64::NAN);
    let (low, high) = match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        Kind::Uint32 | Kind::Fixed32 => (0.0, f64::from(u32::MAX)),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => (i64::MIN as f64, i64::MAX as f64),
        Kind::Uint64 | Kind::Fixed64 => (0.0, u64::MAX as f64),
        Kind::Double => return number.abs() >= f64::MAX,
        _ => return false,
    };
    let whole = number.is_infinite() || number.fract() == 0.0;
    whole && !(low..=high).contains(&number)
}

/// The mapping allows numbers as texts.
fn whole_number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Beyond every double it is beyond every field.
    let number = text.parse::<f64>().ok().filter(|_| whole)?;
    Number::from_f64(number.clamp(f64::MIN, f64::MAX))
}

/// The text with the largest double in place of each number that is larger still.
fn with_numbers_held(text: &[u8]) -> Vec<u8> {
    let mut held = Vec::with_capacity(text.len());
    let (mut at, mut in_text) = (0, false);
    while let Some(byte) = text.get(at) {
        let number = text[at..].iter().take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count();
        let length = match byte {
            b'\\' if in_text => 2,
            b'-' | b'0'..=b'9' if !in_text => number,
            _ => 1,
        };
        in_text ^= *byte == b'"';
        let piece = &text[at..text.len().min(at + length)];
        let value = std::str::from_utf8(piece).ok().filter(|_| !in_text).and_then(|piece| piece.parse::<f64>().ok());
        match value {
            Some(value) if value.is_infinite() => held.extend(format!("{:e}", f64::MAX.copysign(value)).bytes()),
            _ => held.extend(piece),
        }
        at += length;
    }
    held
}

fn field(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A JSON text as it stands: in order and with fields given twice, which the usual trees would drop.
enum Shape<'a> {
    Null,
    Text(Cow<'a, str>),
    Truth(bool),
    Number(Number),
    List(Vec<Shape<'a>>),
    Object(Vec<(Cow<'a, str>, Shape<'a>)>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Shape<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor(std::marker::PhantomData))
    }
}

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Shape::Null => serializer.serialize_unit(),
            Shape::Text(text) => serializer.serialize_str(text),
            Shape::Truth(truth) => serializer.serialize_bool(*truth),
            Shape::Number(number) => number.serialize(serializer),
            Shape::List(items) => serializer.collect_seq(items),
            Shape::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (name, value) in entries {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

struct ShapeVisitor<'a>(std::marker::PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for ShapeVisitor<'a> {
    type Value = Shape<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Shape::Truth(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Shape::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Shape::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Number::from_f64(number).map(Shape::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Shape::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Shape::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Shape::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Shape::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1;

    const NAME: &str = "swabstream.v1.LabResult";

    fn refused(text: &str) -> Reject {
        decode::<v1::LabResult>(text.as_bytes(), NAME).expect_err(text)
    }

    #[test]
    fn both_spellings_and_null_are_read() {
        let text = r#"{"lab_id":"L","resultId":"r","collectedAt":"2022-11-11T08:00:00+08:00",
            "finding":"FINDING_NEGATIVE","status":2,"pool":null,"ct_values":[{"gene":"N","cycles":30.5}]}"#;
        let result: v1::LabResult = decode(text.as_bytes(), NAME).expect("valid");
        assert_eq!((result.lab_id.as_str(), result.result_id.as_str()), ("L", "r"));
        assert_eq!(result.collected_at.map(|at| at.seconds), Some(1_668_124_800));
        assert_eq!((result.finding(), result.status()), (v1::Finding::Negative, v1::ResultStatus::Final));
        assert_eq!(result.ct_values.len(), 1);
    }

    #[test]
    fn every_fault_has_its_code_and_its_field() {
        use RejectCode::*;
        for (text, code, field) in [
            ("{", Malformed, ""),
            ("[]", Malformed, ""),
            ("{}{}", Malformed, ""),
            ("{\"lab_id\":\"\u{0}\"}", Malformed, ""),
            (r#"{"lab_id":1}"#, Malformed, "lab_id"),
            (r#"{"labId":{"secret":"x"}}"#, Malformed, "lab_id"),
            (r#"{"lab_id":"a","lab_id":"b"}"#, Malformed, "lab_id"),
            (r#"{"lab_id":"a","labId":"b"}"#, Malformed, "lab_id"),
            (r#"{"person-7":"x"}"#, Malformed, "?"),
            (r#"{"pool":{"persons":[]}}"#, Malformed, "pool.?"),
            (r#"{"ct_values":{}}"#, Malformed, "ct_values"),
            (r#"{"ct_values":[null]}"#, Malformed, "ct_values[0]"),
            (r#"{"ctValues":[{"gene":"N"},{"gene":[]}]}"#, Malformed, "ct_values[1].gene"),
            (r#"{"revision":-1}"#, OutOfRange, "revision"),
            (r#"{"revision":"-1"}"#, OutOfRange, "revision"),
            (r#"{"revision":4294967296}"#, OutOfRange, "revision"),
            (r#"{"revision":1e20}"#, OutOfRange, "revision"),
            (r#"{"revision":-1e999}"#, OutOfRange, "revision"),
            (r#"{"revision":1.5}"#, Malformed, "revision"),
            (r#"{"revision":"many"}"#, Malformed, "revision"),
            (r#"{"pool":{"size":-5}}"#, OutOfRange, "pool.size"),
            (r#"{"kit":"\"1e999","ctValues":[{"cycles":1},{"cycles":1e999}]}"#, OutOfRange, "ct_values[1].cycles"),
            (r#"{"lab_id":1e999}"#, Malformed, "lab_id"),
            (r#"{"pool":[{"size":1e999}]}"#, Malformed, "pool"),
            (r#"{"revision":1e999"#, Malformed, ""),
            (r#"{"status":99999999999}"#, UnknownEnum, "status"),
            (r#"{"finding":true}"#, Malformed, "finding"),
            (r#"{"finding":"negative"}"#, UnknownEnum, "finding"),
            (r#"{"collectedPrecision":"HOUR"}"#, UnknownEnum, "collected_precision"),
            (r#"{"collectedAt":"2022-11-11T08:00:00"}"#, TimeWithoutOffset, "collected_at"),
            (r#"{"collected_at":"2022-11-11 08:00:00"}"#, TimeWithoutOffset, "collected_at"),
            (r#"{"collected_at":"2022-11-11"}"#, TimeWithoutOffset, "collected_at"),
            (r#"{"collected_at":"2022-02-30T08:00:00Z"}"#, InvalidTime, "collected_at"),
            (r#"{"collected_at":"yesterday"}"#, InvalidTime, "collected_at"),
            (r#"{"reported_at":1668124800}"#, InvalidTime, "reported_at"),
            (r#"{"reported_at":{"seconds":1668124800}}"#, InvalidTime, "reported_at"),
            (r#"{"reported_at":[2022,11,11,8,0]}"#, InvalidTime, "reported_at"),
            (r#"{"reported_at":""}"#, InvalidTime, "reported_at"),
            (r#"{"reported_at":"22-11-11T08:00:00Z"}"#, InvalidTime, "reported_at"),
            (r#"{"reported_at":"+012022-11-11T08:00:00Z"}"#, InvalidTime, "reported_at"),
            (r#"{"reported_at":"2022-11-11T08:00:00+09:00[Asia/Shanghai]"}"#, InvalidTime, "reported_at"),
            (r#"{"collected_at":"2022-11-11t08:00:00z","finding":true}"#, Malformed, "finding"),
        ] {
            assert_eq!(refused(text), Reject::new(code, field), "{text}");
        }
    }

    /// Also beside fields of all other kinds: a message with such a time is read as with any other.
    #[test]
    fn times_are_read_as_java_python_and_rfc_3339_write_them() {
        for time in [
            "2022-11-11T08:00:00+08:00",
            "2022-11-11T08:00+08:00",
            "2022-11-11t00:00:00z",
            "2022-11-11T08:00:00+0800",
            "2022-11-11 08:00:00+08:00",
            "2022-11-11T08:00:00+08",
            "2022-11-11T08:00:00.000000000+08:00[Asia/Shanghai]",
            "2022-11-11T08:00:00\\u002b08:00",
        ] {
            let text = format!(
                r#"{{"lab_id":"\"L\u00e9","revision":4294967295,"status":2,"collected_at":"{time}","pool":null,
                "reported_at":"{time}","ctValues":[{{"gene":"N","cycles":30.1}}]}}"#
            );
            let result: v1::LabResult =
                decode(text.as_bytes(), NAME).unwrap_or_else(|reject| panic!("{time}: {reject:?}"));
            assert_eq!(result.collected_at.map(|at| at.seconds), Some(1_668_124_800), "{time}");
            assert_eq!(result.collected_at, result.reported_at);
            assert_eq!((result.lab_id.as_str(), result.revision, result.status), ("\"Lé", u32::MAX, 2));
            assert_eq!((result.ct_values[0].cycles, result.pool), (30.1, None));
        }
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(refused(&text), Reject::new(RejectCode::Malformed, ""));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let message = v1::LabResult { lab_id: "L".into(), finding: 4, ..Default::default() };
        let text = encode(&message, NAME);
        assert_eq!(text, r#"{"lab_id":"L","finding":"FINDING_POSITIVE"}"#);
        assert_eq!(decode::<v1::LabResult>(text.as_bytes(), NAME), Ok(message));
    }
}
