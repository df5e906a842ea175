//! The processor and the audit read inputs each in its own way, and agree on every record: what is usable, and that a
//! code which one gives is right for the other. Records of a city, whole and damaged.

use crate::support::deployment::{MAX_RECORD_BYTES, SECRET};
use crate::support::random::Random;
use crate::support::seeds::each_seed_of;
use crate::support::town;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::audit::inputs::{self, Input};
use swabstream::demo::city::{JSON, Message};
use swabstream::model::outcome::{Outcome, RejectCode};
use swabstream::model::record::{Layout, Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::decode;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::Formats;
use swabstream::pipeline::half::{Context, DUE_AT_MOST, Half};
use swabstream::pipeline::person::PersonHalf;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;

#[test]
fn on_every_record_whole_or_damaged_both_agree() {
    let rules = Arc::new(sample_rules());
    let met: RefCell<BTreeMap<Option<RejectCode>, usize>> = RefCell::default();
    each_seed_of(3, |seed| {
        let mut random = Random::new(seed);
        for message in town::messages(seed, 40, "2022-11-12", 6, &rules) {
            for damage in 0..12 {
                let mut message = message.clone();
                (0..damage % 4).for_each(|_| spoil(&mut message, &mut random));
                *met.borrow_mut().entry(both(&message, &rules)).or_default() += 1;
            }
        }
    });
    let met = met.into_inner();
    let codes: Vec<RejectCode> = met.keys().flatten().copied().collect();
    assert!(codes.len() >= 21, "only {codes:?} were met");
    assert!(met[&None] > 1_000, "many were usable");
}

/// A number out of its field's range is no broken text: the lab is told so, and by both.
#[test]
fn a_number_out_of_range_is_told_as_such_by_both() {
    let rules = sample_rules();
    for (text, code) in [
        (r#"{"revision":-1}"#, RejectCode::OutOfRange),
        (r#"{"revision":"-1"}"#, RejectCode::OutOfRange),
        (r#"{"revision":4294967296}"#, RejectCode::OutOfRange),
        (r#"{"revision":1e999}"#, RejectCode::OutOfRange),
        (r#"{"ct_values":[{"gene":"N","cycles":-1e999}]}"#, RejectCode::OutOfRange),
        (r#"{"revision":1.5}"#, RejectCode::Malformed),
        (r#"{"lab_id":1e999}"#, RejectCode::Malformed),
        (r#"{"pool":[{"size":1e999}]}"#, RejectCode::Malformed),
        (r#"{"status":99999999999}"#, RejectCode::UnknownEnum),
    ] {
        let record = Record {
            position: Position { topic: Topic::LabResults, partition: 0, offset: 0 },
            received_at: Timestamp(0),
            key: None,
            payload: Some(text.as_bytes()),
            content_type: Some(JSON.as_bytes()),
        };
        let processor = decode::result(&record, MAX_RECORD_BYTES).expect_err(text);
        assert_eq!(processor.code, code, "{text}");
        let Input::Refused(faults) = inputs::read(&record, &rules, MAX_RECORD_BYTES) else { panic!("{text}") };
        assert_eq!(faults.into_iter().collect::<Vec<_>>(), [code], "{text}");
    }
}

/// What both say of a record, or a panic.
fn both(message: &Message, rules: &Arc<Rules>) -> Option<RejectCode> {
    let record = Record {
        position: Position { topic: message.topic, partition: 0, offset: 0 },
        received_at: message.at,
        key: Some(&message.key),
        payload: message.payload.as_deref(),
        content_type: message.content_type.map(str::as_bytes),
    };
    let layout = Layout { person_tasks: 1, area_tasks: 1 };
    let (secret, formats) = (SECRET, Formats::default());
    let context = Context {
        task: 0,
        layout,
        secret,
        max_record_bytes: MAX_RECORD_BYTES,
        history: true,
        formats,
        due_at_most: DUE_AT_MOST,
    };
    let outcome =
        PersonHalf::new(context, rules.clone()).apply(&record, &mut Effects::default()).expect("no input has a format");
    let audit = inputs::read(&record, rules, MAX_RECORD_BYTES);
    match (outcome, audit) {
        (Outcome::Rejected(code), Input::Refused(faults)) if faults.contains(&code) => Some(code),
        (Outcome::Rejected(_), audit) | (_, audit @ Input::Refused(_)) => {
            panic!("{outcome:?}, but the audit says {audit:?} of {:?}", message.payload.as_deref().map(shown))
        }
        _ => None,
    }
}

fn shown(payload: &[u8]) -> String {
    payload.escape_ascii().to_string()
}

/// Words that stand for what goes wrong in a text of JSON.
const WORDS: [(&str, &str); 20] = [
    ("\"", ""),
    ("{", "["),
    ("+08:00", ""),
    ("T", " "),
    (":00", ":61"),
    ("2022", "20222"),
    ("FINAL", "FINALE"),
    ("\"revision\":", "\"Revision\":"),
    ("personId", "person_id"),
    ("\"purpose\":", "\"area\":"),
    ("\"area\":\"", "\"area\":\"\\u0007"),
    ("1", "-1"),
    ("0", "0.0"),
    ("{", "{\"pool\":{},"),
    ("collectedAt", "reportedAt"),
    (",", ",\"labId\":null,"),
    ("\"revision\":", "\"revision\":-"),
    ("\"revision\":", "\"revision\":9999999999"),
    ("\"cycles\":", "\"cycles\":99e"),
    ("FINAL\"", "FINAL\",\"revision\":\"-3\""),
];

/// Writes the same message otherwise: in a frame, with a mark before it, in another encoding.
fn rewrite(message: &mut Message, random: &mut Random) {
    let Some(payload) = &mut message.payload else { return };
    let wide = |order: fn(u16) -> [u8; 2]| {
        String::from_utf8_lossy(payload).encode_utf16().flat_map(order).collect::<Vec<u8>>()
    };
    let before: &[u8] = match random.below(8) {
        0 => b"\0\0\0\0\x07",
        1 => b"\0\0\0\0\x07\0",
        2 => b"\0\0\0\0\x07\x02\0",
        3 => b"\0\0\0\0\x07\x02\x02",
        4 => "\u{feff}".as_bytes(),
        5 => b" [",
        6 => return *payload = wide(u16::to_le_bytes),
        _ => return *payload = wide(u16::to_be_bytes),
    };
    *payload = [before, payload].concat();
}

fn spoil(message: &mut Message, random: &mut Random) {
    if random.chance(5) {
        message.content_type = *random.pick(&[
            None,
            Some(JSON),
            Some("text/plain"),
            Some("application/x-protobuf;a=b"),
            Some("\"application/json;\""),
        ]);
    }
    if random.chance(8) {
        rewrite(message, random);
    }
    if random.chance(3) {
        message.at = message.at.plus_days(random.between(-9, 60));
    }
    let Some(payload) = &mut message.payload else { return };
    if message.content_type == Some(JSON) && random.chance(70) {
        let (word, other) = *random.pick(&WORDS);
        let text = String::from_utf8_lossy(payload).into_owned();
        let places: Vec<usize> = text.match_indices(word).map(|(at, _)| at).collect();
        if places.is_empty() {
            return;
        }
        let at = *random.pick(&places);
        *payload = [&text[..at], other, &text[at + word.len()..]].concat().into_bytes();
        return;
    }
    if payload.is_empty() {
        return;
    }
    let at = random.below(payload.len());
    match random.below(6) {
        5 if random.chance(5) => payload.resize(MAX_RECORD_BYTES, b' '),
        0 => payload.truncate(at),
        1 => drop(payload.remove(at)),
        2 => payload.insert(at, random.below(256) as u8),
        3 => payload[at] ^= 1 << random.below(8),
        _ => payload.extend_from_within(at..),
    }
}
