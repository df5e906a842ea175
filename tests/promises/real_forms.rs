//! Records as clients of every kind write them, on a real Kafka: what can be read is, and what cannot is set aside
//! under a code that fits. The audit agrees with each.

use crate::support::real::{LAYOUT, Raw, RealDeployment};
use crate::support::records::final_result;
use prost::Message as _;
use std::collections::BTreeMap;
use swabstream::model::record::Topic;
use swabstream::model::time::Timestamp;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::Finding;

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

type Headers = &'static [(&'static str, Option<&'static str>)];

fn at() -> Timestamp {
    let at: jiff::Timestamp = "2022-11-11T06:00:00Z".parse().expect("a time");
    Timestamp(at.as_millisecond())
}

fn protobuf(id: &str) -> Vec<u8> {
    final_result(id, id, Finding::Negative, at().plus_hours(-3)).encode_to_vec()
}

fn json(id: &str) -> Vec<u8> {
    let text = format!(
        r#"{{"lab_id":"LAB-1","result_id":"{id}","status":"RESULT_STATUS_FINAL","person_id":"{id}",
        "specimen_id":"S-{id}","target":"sars-cov-2","collected_at":"2022-11-11T03:00:00Z","area":"D1S1",
        "purpose":"screening","finding":"FINDING_NEGATIVE"}}"#
    );
    text.into_bytes()
}

fn wide(id: &str) -> Vec<u8> {
    let text = String::from_utf8(json(id)).expect("text");
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn after(before: &[u8], message: Vec<u8>) -> Vec<u8> {
    [before, &message].concat()
}

/// Payload, headers, and the code it ends with; `None` where it is read.
type Form = (Option<Vec<u8>>, Headers, Option<&'static str>);

fn forms() -> Vec<Form> {
    let frame = b"\0\0\0\0\x07";
    let read = |payload: Vec<u8>, headers: Headers| (Some(payload), headers, None);
    let aside = |payload: Vec<u8>, headers: Headers, code| (Some(payload), headers, Some(code));
    vec![
        read(protobuf("a0"), &[]),
        read(protobuf("a1"), &[("content-type", None)]),
        read(after(b"\0\0\0\0\x07\0", protobuf("a2")), &[]),
        read(after(b"\0\0\0\0\x07\x02\0", protobuf("a3")), &[("content-type", Some(PROTOBUF))]),
        read(after(frame, json("a4")), &[("content-type", Some(JSON))]),
        read(after(frame, json("a5")), &[]),
        read(json("a6"), &[("Content-Type", Some(JSON))]),
        read(json("a7"), &[("contentType", Some(JSON))]),
        read(json("a8"), &[("content-type", Some("application/json; charset=utf-8"))]),
        read(json("a9"), &[("content-type", Some("\"application/json\""))]),
        read(json("b0"), &[("content-type", Some(PROTOBUF)), ("content-type", Some(JSON))]),
        read(json("b1"), &[("content-type", Some(JSON)), ("Content-Type", None)]),
        read(after("\u{feff}".as_bytes(), json("b2")), &[("content-type", Some(JSON))]),
        read(protobuf("b3"), &[("swabstream-code", Some("malformed")), ("swabstream-commit", Some("person/0/1"))]),
        (None, &[], Some("tombstone")),
        (None, &[("content-type", Some(JSON))], Some("tombstone")),
        aside(json("c0"), &[], "undeclared_json"),
        aside(json("c1"), &[("content-type", None)], "undeclared_json"),
        aside(json("c2"), &[("content-type", Some(PROTOBUF))], "undeclared_json"),
        aside(wide("c3"), &[("content-type", Some(JSON))], "wrong_encoding"),
        aside(wide("c4"), &[], "wrong_encoding"),
        aside(after(b"\0\0\0\0\x07\x02\x02", protobuf("c5")), &[], "wrong_framing"),
        aside(after(b"[", after(&json("c6"), b"]".to_vec())), &[("content-type", Some(JSON))], "malformed"),
        aside(protobuf("c7"), &[("content-type", Some(JSON))], "malformed"),
        aside(protobuf("c8"), &[("content-type", Some("text/csv"))], "unknown_content_type"),
        aside(Vec::new(), &[], "empty"),
    ]
}

#[test]
fn every_form_of_a_record_is_read_or_set_aside_under_its_own_code() {
    let mut deployment = RealDeployment::create("forms", &sample_rules());
    deployment.start();
    let forms = forms();
    // Each twice: where its person is at home, and in partition 0, from where it is sent on.
    for (number, (payload, headers, _)) in forms.iter().enumerate() {
        let key = format!("form-{number}");
        let record = Raw { key: &key, payload: payload.as_deref(), headers, at: at() };
        for partition in 0..LAYOUT.person_tasks.min(2) {
            deployment.send(Topic::LabResults, partition, &record);
        }
    }
    deployment.settle();
    deployment.kill();

    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    deployment.letters(|key, payload, code| {
        let number: usize = key.strip_prefix("form-").and_then(|number| number.parse().ok()).expect("a key of ours");
        assert_eq!(payload, forms[number].0.as_deref(), "{key} is set aside with its own bytes");
        codes.entry(key).or_default().push(code);
    });
    for (number, (.., expected)) in forms.iter().enumerate() {
        let found = codes.remove(&format!("form-{number}")).unwrap_or_default();
        let wanted: Vec<&str> = expected.iter().flat_map(|code| [*code, *code]).collect();
        assert_eq!(found, wanted, "form {number} of {:?}", forms[number].1);
    }
    let (code, report) = deployment.audit();
    assert_eq!((code, &report["verdict"]), (Some(0), &serde_json::json!("agree")), "{report:#}");
}
