//! What is tried out: each says whether the input was taken; none panics.

use super::corpus::{Corpus, RING, context, half, record};
use super::damage::damaged;
use super::random::Random;
use prost::Message as _;
use std::io::Cursor;
use swabstream::audit::inputs::{self, Input};
use swabstream::intake::formats::protobuf::Messages;
use swabstream::intake::map::Map;
use swabstream::intake::source::Source;
use swabstream::intake::{Content, Item, Reader};
use swabstream::model::outcome::Outcome;
use swabstream::model::record::{Output, Position, Record, Topic};
use swabstream::model::written;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::area::batch;
use swabstream::pipeline::decode::json;
use swabstream::pipeline::decode::result_view::ResultView;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::half::Half;
use swabstream::pipeline::person::PersonHalf;
use swabstream::policy::set::RuleSetReader;
use swabstream::policy::source::{self, SourceFile};
use swabstream::proto::v1;
use swabstream::runtime::globals::Globals;
use swabstream::state::changelog::Restorer;

/// A decoder and how it is tried out.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&Corpus, &mut Random) -> bool,
}

pub const TARGETS: &[Target] = &[
    Target { name: "a result, in place and by the generated code", run: a_result_in_place },
    Target { name: "an input, by the processor and by the audit", run: an_input },
    Target { name: "a message between person tasks", run: an_event },
    Target { name: "a batch of changes, in place and by the generated code", run: a_batch },
    Target {
        name: "a changelog of people",
        run: |corpus, random| a_changelog::<PersonHalf>(&corpus.person_state, corpus, random),
    },
    Target {
        name: "a changelog of areas",
        run: |corpus, random| a_changelog::<AreaHalf>(&corpus.area_state, corpus, random),
    },
    Target { name: "rules and progress as published", run: published_rules },
    Target { name: "a folder of rules", run: a_rules_file },
    Target { name: "a map and a file of a lab", run: a_map_and_a_file },
    Target { name: "a table of which nothing is told", run: a_table_that_is_told_nothing_of },
    Target { name: "a workbook of a lab", run: a_workbook },
    Target { name: "a file of protobuf messages", run: a_protobuf_file },
    Target { name: "a time as it is written, by us and by the library", run: a_written_time },
    Target { name: "a time in a cell, by each format", run: a_time_in_a_cell },
];

/// A payload of one of the inputs and another.
fn payloads<'a>(corpus: &'a Corpus, random: &mut Random) -> (&'a [u8], &'a [u8]) {
    let mut one = || random.pick(&corpus.inputs).payload.as_deref().unwrap_or_default();
    (one(), one())
}

fn output_payloads<'a>(outputs: &'a [Output], random: &mut Random) -> (&'a Output, &'a [u8]) {
    (random.pick(outputs), random.pick(outputs).payload.as_deref().unwrap_or_default())
}

fn a_result_in_place(corpus: &Corpus, random: &mut Random) -> bool {
    let (payload, other) = payloads(corpus, random);
    let bytes = damaged(payload, other, random);
    let Some(view) = ResultView::parse(&bytes) else { return false };
    let decoded = v1::LabResult::decode(&bytes[..]).expect("what is read in place is no error");
    assert_eq!(ResultView { printable: false, ..view }, ResultView::of(&decoded));
    true
}

fn an_input(corpus: &Corpus, random: &mut Random) -> bool {
    let message = random.pick(&corpus.inputs);
    let other = random.pick(&corpus.inputs);
    let payload =
        damaged(message.payload.as_deref().unwrap_or_default(), other.payload.as_deref().unwrap_or_default(), random);
    // As clients of a schema registry frame it, and that damaged as well.
    const FRAMINGS: [&[u8]; 5] = [b"", b"", b"\0\0\0\0\x07", b"\0\0\0\0\x07\0", b"\0\0\0\0\x07\x02\0"];
    let framing = FRAMINGS[random.below(FRAMINGS.len())];
    let payload = [&damaged(framing, b"\xef\xbb\xbf", random), &payload[..]].concat();
    let content_type = if random.chance(90) { message.content_type } else { other.content_type };
    let record = Record {
        position: Position { topic: message.topic, partition: 0, offset: 0 },
        received_at: message.at,
        key: Some(&message.key),
        payload: Some(&payload),
        content_type: content_type.map(str::as_bytes),
    };
    let outcome =
        half::<PersonHalf>(&corpus.rules).apply(&record, &mut Effects::default()).expect("no input has a format");
    match (outcome, inputs::read(&record, &corpus.rules, 100_000)) {
        (Outcome::Rejected(code), Input::Refused(faults)) => {
            assert!(faults.contains(&code), "{code:?}, but the audit says {faults:?}");
            false
        }
        (Outcome::Rejected(code), _) => panic!("{code:?}, but the audit finds nothing wrong"),
        (_, Input::Refused(faults)) => panic!("{outcome:?}, but the audit says {faults:?}"),
        _ => true,
    }
}

fn an_event(corpus: &Corpus, random: &mut Random) -> bool {
    let (event, other) = output_payloads(&corpus.events, random);
    let payload = damaged(event.payload.as_deref().unwrap_or_default(), other, random);
    let key = if random.chance(20) { damaged(&event.key, b"p1", random) } else { event.key.clone() };
    let event = Output { key, payload: Some(payload), ..event.clone() };
    let outcome = half::<PersonHalf>(&corpus.rules).apply(&record(&event, 0), &mut Effects::default());
    !matches!(outcome, Ok(Outcome::Rejected(_)) | Err(_))
}

fn a_batch(corpus: &Corpus, random: &mut Random) -> bool {
    let (changes, other) = output_payloads(&corpus.batches, random);
    let payload = damaged(changes.payload.as_deref().unwrap_or_default(), other, random);
    let changes = Output { payload: Some(payload.clone()), ..changes.clone() };
    let outcome = half::<AreaHalf>(&corpus.rules).apply(&record(&changes, 0), &mut Effects::default());
    // What a batch does not need, such as its sender's time, is not looked at in place.
    let decoded = v1::AreaChanges::decode(&payload[..]);
    if let (Ok(read), Ok(decoded)) = (batch::read(&record(&changes, 0), &context()), decoded) {
        assert_eq!((read.cells.len(), read.seq), (decoded.cells.len(), decoded.seq));
        assert_eq!(read.areas, decoded.areas);
    }
    !matches!(outcome, Ok(Outcome::Rejected(_)) | Err(_))
}

/// One record of a changelog is damaged, or lost.
fn a_changelog<H: Half>(log: &[Output], corpus: &Corpus, random: &mut Random) -> bool {
    let upto = 1 + random.below(log.len().min(60));
    let (bad, mut restorer) = (random.below(upto), Restorer::new(H::CHANGELOG, 0, RING));
    for (at, output) in log[..upto].iter().enumerate() {
        let (mut key, mut payload) = (output.key.clone(), output.payload.clone().unwrap_or_default());
        if at == bad {
            let other = random.pick(log);
            payload = damaged(&payload, other.payload.as_deref().unwrap_or_default(), random);
            key = if random.chance(10) { damaged(&key, &other.key, random) } else { key };
        }
        if restorer.take(&key, Some(&payload)).is_err() {
            return false;
        }
    }
    restorer.finish(&mut half::<H>(&corpus.rules)).is_ok()
}

fn published_rules(corpus: &Corpus, random: &mut Random) -> bool {
    let bad = random.below(corpus.rule_records.len());
    let (mut reader, mut globals, mut errors) = (RuleSetReader::default(), Globals::default(), 0);
    for (at, (key, value)) in corpus.rule_records.iter().enumerate() {
        let other = &random.pick(&corpus.rule_records).1;
        let value = if at == bad { damaged(value, other, random) } else { value.clone() };
        let key =
            if at == bad && random.chance(10) { damaged(key.as_bytes(), b"case", random) } else { key.clone().into() };
        errors += usize::from(reader.read(&key, Some(&value)).is_err());
        let rule = Output { topic: Topic::Rules, partition: 0, key, payload: Some(value), headers: Vec::new() };
        errors += usize::from(globals.take(&record(&rule, at as i64)).is_err());
    }
    let (progress, other) = output_payloads(&corpus.progress, random);
    let payload = damaged(progress.payload.as_deref().unwrap_or_default(), other, random);
    errors += usize::from(globals.take(&record(&Output { payload: Some(payload), ..progress.clone() }, 0)).is_err());
    errors == 0
}

fn a_rules_file(_: &Corpus, random: &mut Random) -> bool {
    let mut files = [
        ("deployment.toml", include_str!("../../deploy/rules/chongqing/deployment.toml")),
        ("case-2022-11-11.toml", include_str!("../../deploy/rules/chongqing/case-2022-11-11.toml")),
        ("tier-20-measures.toml", include_str!("../../deploy/rules/chongqing/tier-20-measures.toml")),
        ("areas.csv", "code,name,level,effective_from,parent,population,column,row,abolished,merged_into\n500000,City,city,2017-01-01,,32,,,,\n"),
        ("labs.csv", "id,name\nLAB-1,One\n"),
    ]
    .map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    let (at, other) = (random.below(files.len()), random.below(files.len()));
    let lent = files[other].text.clone();
    let text = damaged(files[at].text.as_bytes(), lent.as_bytes(), random);
    files[at].text = String::from_utf8_lossy(&text).into_owned();
    source::rules(&files).is_ok()
}

const MAP: &str = r#"kind = "results"
zone = "Asia/Shanghai"
none = ["NULL"]
[fields]
lab_id = { constant = "L1" }
result_id = { template = "{plate}-{well}" }
finding = { column = "call", values = { pos = "positive", neg = "negative" } }
collected_at = { column = "taken", format = ["%d.%m.%Y %H:%M", "hl7", "excel"] }
[ct_values]
N = { column = "ct", none = ["-"], decimal = [",", "."], beyond = "none" }
[[skip]]
column = "call"
values = ["not done"]
why = "no test"
"#;

const FILE: &str =
    "plate,well,call,taken,ct\nP1,A1,pos,11.11.2022 08:00,31.5\nP1,A2,neg,202211110810,>40\nP1,A3,not done,,\n";

fn a_map_and_a_file(_: &Corpus, random: &mut Random) -> bool {
    let map = if random.chance(50) { damaged(MAP.as_bytes(), FILE.as_bytes(), random) } else { MAP.into() };
    let file = damaged(FILE.as_bytes(), MAP.as_bytes(), random);
    let Ok(map) = Map::parse("map.toml", &String::from_utf8_lossy(&map)) else { return false };
    Reader::table(source(&file), map).is_ok_and(all_are_good)
}

fn source(bytes: &[u8]) -> Source {
    Source::of(Cursor::new(bytes.to_vec())).expect("memory")
}

/// Reads to the end, or as far as the file can be read: what was read so far is counted, each line once.
fn all_are_good(mut reader: Reader) -> bool {
    let (mut all_good, mut rows) = (true, 0);
    let ended = loop {
        match reader.next_item() {
            Ok(Some(item)) => (all_good, rows) = (all_good && !is_refused(&item), rows + 1),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    let tally = reader.tally();
    assert!(tally.balances() && tally.rows == rows, "{tally:?}");
    all_good && ended
}

/// Stands in every cell of a table. What is said of the file has none of it, whatever is wrong.
const CELL: &str = "zyxgeheim";

/// A table of cells that none may see: quotes, delimiters and line ends of all kinds, in encodings of all kinds.
fn a_table_that_is_told_nothing_of(_: &Corpus, random: &mut Random) -> bool {
    let end = *random.pick(&["\n", "\r\n", "\r"]);
    let delimiter = *random.pick(&[",", ",", ",", ";", "\t"]);
    let mut text = String::from(*random.pick(&["", "", "\u{feff}", "sep=,\n", "title\n"]));
    text += &["plate", "well", "call", "taken", "ct"].join(delimiter);
    text += end;
    for row in 0..random.below(6) {
        let cell = || format!("{CELL}{row}");
        let quoted = *random.pick(&["", "\"", "\"\"", "\"\n"]);
        let call = if random.chance(70) { "pos".to_owned() } else { cell() };
        let taken = if random.chance(70) { "11.11.2022 08:00".to_owned() } else { cell() };
        text += &[&format!("{quoted}{}{quoted}", cell()), &cell(), &call, &taken, "31.5"]
            .map(str::to_owned)
            .join(delimiter);
        text += end;
    }
    let bytes = match random.below(4) {
        0 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        1 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => text.into_bytes(),
    };
    let bytes = if random.chance(50) { damaged(&bytes, b"\"\r\n,\xef\xbb\xbf\"\"", random) } else { bytes };
    let encoding = *random.pick(&["", "", "encoding = \"utf-16\"\n", "encoding = \"gb18030\"\n"]);
    let map = Map::parse("map.toml", &format!("{encoding}{MAP}")).expect("right");
    let is_silent = |words: &str| {
        assert!(!words.contains("geheim") && !words.chars().any(|c| c.is_control() && c != '\n'), "{words}");
        assert!(words.len() < 2_000, "{words}");
    };
    let mut reader = match Reader::table(source(&bytes), map) {
        Ok(reader) => reader,
        Err(error) => {
            is_silent(&error.to_string());
            return false;
        }
    };
    let mut all_good = true;
    while let Some(item) = reader.next_item().expect("memory") {
        if let Content::Refused(fault) = &item.content {
            is_silent(&format!("{} {}", fault.reject.field, fault.detail));
            all_good = false;
        }
    }
    reader.tally().notes.iter().for_each(|note| is_silent(note));
    assert!(reader.tally().balances());
    all_good
}

/// A workbook with a sheet like the table, damaged in its packing or in what it packs.
fn a_workbook(corpus: &Corpus, random: &mut Random) -> bool {
    let map = Map::parse("map.toml", MAP).expect("right");
    let bytes =
        if random.chance(50) { damaged(&corpus.workbook, FILE.as_bytes(), random) } else { corpus.workbook.clone() };
    Reader::table(source(&bytes), map).is_ok_and(all_are_good)
}

const TIMES: [&str; 8] = [
    "2026-11-28T08:30:00+08:00",
    "2026-11-28t00:30:00.5z",
    "2026-11-28 08:30+0800",
    "2026-11-28T08:30:15[Asia/Shanghai]",
    "20261128083015.250+0800",
    "28.11.2026 8:30",
    "46354.354166",
    "1795826000",
];

fn a_damaged_time(random: &mut Random) -> String {
    let (time, other) = (*random.pick(&TIMES), *random.pick(&TIMES));
    let bytes = if random.chance(20) { time.into() } else { damaged(time.as_bytes(), other.as_bytes(), random) };
    String::from_utf8_lossy(&bytes).into_owned()
}

fn a_written_time(_: &Corpus, random: &mut Random) -> bool {
    let text = a_damaged_time(random);
    let ours = written::instant(&text);
    if let (Ok(ours), Ok(theirs)) = (ours, text.parse::<jiff::Timestamp>()) {
        assert_eq!(ours, theirs, "{text:?}");
    }
    let json = serde_json::json!({ "collected_at": text }).to_string();
    let decoded = json::decode::<v1::LabResult>(json.as_bytes(), "swabstream.v1.LabResult");
    assert_eq!(decoded.map_err(|reject| reject.code).map(drop), ours.map(drop), "{text:?}");
    ours.is_ok()
}

fn a_time_in_a_cell(_: &Corpus, random: &mut Random) -> bool {
    let format =
        *random.pick(&["iso", "hl7", "excel", "epoch-seconds", "%d.%m.%Y %H:%M", "%Y%m%d%H%M%S.%f%z", "%FT%T%Q"]);
    let map = format!(
        "kind = \"results\"\nzone = \"UTC\"\n[fields]\ncollected_at = {{ column = \"t\", format = \"{format}\" }}\n"
    );
    let map = Map::parse("map.toml", &map).expect("right");
    let file = format!("t,x\n\"{}\",\n", a_damaged_time(random).replace('"', ""));
    let mut rows = Reader::table(source(file.as_bytes()), map).expect("the column is there");
    matches!(rows.next_item(), Ok(Some(item)) if !is_refused(&item))
}

fn a_protobuf_file(corpus: &Corpus, random: &mut Random) -> bool {
    let mut bytes = Vec::new();
    for _ in 0..3 {
        let payload = random.pick(&corpus.inputs).payload.as_deref().unwrap_or_default();
        prost::encoding::encode_varint(payload.len() as u64, &mut bytes);
        bytes.extend_from_slice(payload);
    }
    let bytes = damaged(&bytes, &[0xff; 9], random);
    let (mut messages, mut all_good) = (Messages::new(&bytes[..], 100_000), true);
    loop {
        match messages.next_item() {
            Ok(Some(item)) => all_good &= !is_refused(&item),
            Ok(None) => return all_good,
            Err(_) => return false,
        }
    }
}

fn is_refused(item: &Item) -> bool {
    matches!(item.content, Content::Refused(_))
}
