//! The contract is more than its `.proto` files: its examples and its page of codes hold too.

use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, ReflectMessage as _, SerializeOptions, Value,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use swabstream::intake::advice;
use swabstream::model::outcome::{RejectCode, code_text};
use swabstream::model::record::{Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::decode::{self, groups, pool, validate};
use swabstream::policy::sample::sample_rules;
use swabstream::proto::DESCRIPTORS;

const PACKAGE: &str = "swabstream.v1";

fn descriptors() -> DescriptorPool {
    DescriptorPool::decode(DESCRIPTORS).expect("embedded descriptors")
}

/// Every example: (file name, message, text). `LabResult-corrected.json` is a `LabResult`.
fn examples() -> Vec<(String, MessageDescriptor, String)> {
    let pool = descriptors();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/examples");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the examples").map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let example = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let message = name.split('-').next().expect("a name");
        let message = pool.get_message_by_name(&format!("{PACKAGE}.{message}"));
        let message = message.unwrap_or_else(|| panic!("{name} is no message of the contract"));
        (name, message, fs::read_to_string(path).expect("text"))
    };
    paths.into_iter().map(example).collect()
}

fn parsed(name: &str, message: &MessageDescriptor, text: &str) -> DynamicMessage {
    let mut json = serde_json::Deserializer::from_str(text);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let parsed = DynamicMessage::deserialize_with_options(message.clone(), &mut json, &options);
    let parsed = parsed.unwrap_or_else(|error| panic!("{name}: {error}"));
    json.end().unwrap_or_else(|error| panic!("{name}: {error}"));
    parsed
}

#[test]
fn every_example_is_the_same_after_a_round_trip_through_protobuf() {
    for (name, message, text) in examples() {
        let bytes = parsed(&name, &message, &text).encode_to_vec();
        let again = DynamicMessage::decode(message, &bytes[..]).expect("as encoded");
        let options = SerializeOptions::new().use_proto_field_name(true);
        let json = again.serialize_with_options(serde_json::value::Serializer, &options).expect("a JSON form");
        let written: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json, written, "{name}");
    }
}

#[test]
fn every_message_and_every_field_is_shown_in_an_example() {
    let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, message, text) in examples() {
        note(&parsed(&name, &message, &text), &mut shown);
    }
    let mut lacking = Vec::new();
    for message in descriptors().all_messages().filter(|message| message.package_name() == PACKAGE) {
        match shown.get(message.name()) {
            None => lacking.push(message.name().to_owned()),
            Some(fields) => {
                let absent = message.fields().filter(|field| !fields.contains(field.name()));
                lacking.extend(absent.map(|field| format!("{}.{}", message.name(), field.name())));
            }
        }
    }
    assert!(lacking.is_empty(), "in no example: {lacking:?}");
}

fn note(message: &DynamicMessage, shown: &mut BTreeMap<String, BTreeSet<String>>) {
    let fields = shown.entry(message.descriptor().name().to_owned()).or_default();
    fields.extend(message.fields().map(|(field, _)| field.name().to_owned()));
    for (_, value) in message.fields() {
        match value {
            Value::Message(inner) => note(inner, shown),
            Value::List(items) => items.iter().filter_map(Value::as_message).for_each(|inner| note(inner, shown)),
            _ => {}
        }
    }
}

#[test]
fn every_example_of_an_input_is_valid_in_the_sample_city_as_protobuf_and_as_json() {
    let rules = sample_rules();
    let received_at: jiff::Timestamp = "2022-11-11T06:00:00Z".parse().expect("a time");
    let received_at = Timestamp(received_at.as_millisecond());
    let mut seen = 0;
    for (name, message, text) in examples() {
        let bytes = parsed(&name, &message, &text).encode_to_vec();
        for (payload, content_type) in [(&bytes[..], None), (text.as_bytes(), Some(&b"application/json"[..]))] {
            let position = Position { topic: Topic::LabResults, partition: 0, offset: 0 };
            let record = Record { position, received_at, key: None, payload: Some(payload), content_type };
            let found = match message.name() {
                "LabResult" => decode::result_in_place(&record, 10_000).and_then(|read| match read.pool() {
                    Some((wire, pool)) => pool::pooled(wire, pool, received_at, &rules).map(drop),
                    None => validate::result(&read.view(), received_at, &rules).map(drop),
                }),
                "ContactRecord" => decode::contact(&record, 10_000)
                    .and_then(|wire| validate::contact(&wire, received_at, &rules).map(drop)),
                "PersonGroup" => {
                    decode::group(&record, 10_000).and_then(|wire| groups::group(&wire, received_at, &rules).map(drop))
                }
                _ => continue,
            };
            seen += 1;
            assert_eq!(found, Ok(()), "{name} {content_type:?}");
        }
    }
    assert!(seen >= 20, "only {seen}");
}

/// What a field's comment says of its absence begins with one of these.
const PRESENCE: [&str; 6] = ["Required", "Optional", "Always", "Absent", "Empty", "Only"];

/// Every field of every message, `LabResult.lab_id`, with its comment; members of a oneof have that of the oneof too.
fn commented_fields() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/swabstream/v1");
    let mut fields = Vec::new();
    for file in fs::read_dir(folder).expect("the contract") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("text");
        let (mut message, mut oneof, mut comment) = (String::new(), String::new(), String::new());
        for line in text.lines().map(str::trim) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["//", ..] => comment = format!("{comment}{}\n", line.trim_start_matches("// ")),
                ["message" | "enum", name, ..] => message = name.to_owned(),
                ["oneof", ..] => oneof = comment.clone(),
                ["}"] => oneof.clear(),
                [.., name, "=", number] if number.ends_with(';') => {
                    fields.push((format!("{message}.{name}"), format!("{oneof}{comment}")));
                }
                _ => {}
            }
            if !line.starts_with("//") {
                comment.clear();
            }
        }
    }
    fields
}

#[test]
fn every_field_says_whether_it_is_there() {
    let commented: BTreeMap<String, String> = commented_fields().into_iter().collect();
    let (mut fields, mut silent) = (0, Vec::new());
    for message in descriptors().all_messages().filter(|message| message.package_name() == PACKAGE) {
        for field in message.fields() {
            let name = format!("{}.{}", message.name(), field.name());
            let comment = commented.get(&name).unwrap_or_else(|| panic!("{name} was not found in the text"));
            let mut words = comment.split(|c: char| !c.is_alphanumeric());
            fields += 1;
            if !words.any(|word| PRESENCE.contains(&word)) {
                silent.push(name);
            }
        }
    }
    assert!(fields > 200, "only {fields} fields were found");
    assert!(silent.is_empty(), "the comments of {silent:?} say with none of {PRESENCE:?} whether they are there");
}

/// (code, meaning, action) of every row of the page.
fn page_of_codes() -> Vec<(String, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/CODES.md");
    let text = fs::read_to_string(path).expect("the page of codes");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{row}");
        (cells[0].trim_matches('`').to_owned(), cells[1].to_owned(), cells[2].to_owned())
    })
    .collect()
}

#[test]
fn the_page_of_codes_says_of_every_code_what_the_program_says() {
    let pool = descriptors();
    let codes = pool.get_enum_by_name("swabstream.v1.RejectCode").expect("an enumeration of the contract");
    let known = codes.values().filter(|value| value.number() != 0);
    let known: Vec<RejectCode> = known.map(|value| RejectCode::try_from(value.number()).expect("generated")).collect();
    let expected: Vec<_> = known
        .into_iter()
        .map(|code| {
            let advice = advice::of(code);
            (code_text(code), advice.meaning.to_owned(), advice.action.to_owned())
        })
        .collect();
    let rows: String =
        expected.iter().map(|(code, meaning, action)| format!("| `{code}` | {meaning} | {action} |\n")).collect();
    assert_eq!(page_of_codes(), expected, "proto/CODES.md must have these rows, in this order:\n{rows}");
}
