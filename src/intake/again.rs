//! Judges one record as it was read from its topic, as the rows of a file are judged.
//!
//! In: the record with its own key, bytes and content type. Out: what the processor would say of it now, as far as that can be
//! known without the state: whether another version contradicts it, only the processor knows.

use super::check::{Checker, Verdict};
use super::item::{ContentType, Message};
use super::kind::Kind;
use super::notes::Notes;
use crate::model::outcome::Reject;
use crate::model::record::Record;
use crate::pipeline::decode;
use crate::pipeline::decode::format::{self, Format};

/// What the processor would say of a record.
pub fn verdict(checker: &Checker<'_>, record: &Record<'_>) -> Verdict {
    let unreadable = decoded(checker, record).err();
    let judged = message(record).map(|message| checker.judge(0, &message, None, &mut Notes::new(checker.stop)).verdict);
    match (unreadable, judged) {
        (None, Some(verdict)) => verdict,
        // The same in more words.
        (Some(reject), Some(Verdict::Refused(fault))) if fault.reject == reject => Verdict::Refused(fault),
        (Some(reject), _) => Verdict::Refused(reject.into()),
        (None, None) => Verdict::Valid,
    }
}

/// Its bytes, as the processor reads them.
fn decoded(checker: &Checker<'_>, record: &Record<'_>) -> Result<(), Reject> {
    match checker.kind {
        Kind::Results => decode::result(record, checker.limit).map(drop),
        Kind::Contacts => decode::contact(record, checker.limit).map(drop),
        Kind::Groups => decode::group(record, checker.limit).map(drop),
    }
}

/// What it says, without what surrounds it; `None` where it does not say how it is written.
pub fn message(record: &Record<'_>) -> Option<Message> {
    let (format, bytes) = format::body(record.payload?, record.content_type).ok()?;
    let content_type = match format {
        Format::Protobuf => ContentType::Protobuf,
        Format::Json => ContentType::Json,
    };
    Some(Message { payload: bytes.to_vec(), content_type, arrived_at: None, is_released_by_day: false })
}

#[cfg(test)]
mod tests {
    use super::super::check::Received;
    use super::*;
    use crate::model::outcome::RejectCode;
    use crate::model::record::{Position, Topic};
    use crate::model::time::Timestamp;
    use crate::policy::sample::sample_rules;

    const RESULT: &str = r#"{"lab_id":"LAB-1","result_id":"r1","status":"RESULT_STATUS_FINAL","person_id":"p1",
        "specimen_id":"s1","target":"sars-cov-2","collected_at":"2022-11-11T08:00:00+08:00","area":"D1S1",
        "purpose":"screening","finding":"FINDING_NEGATIVE"}"#;

    fn refused(payload: Option<&[u8]>, content_type: Option<&str>, limit: usize) -> Option<(RejectCode, String)> {
        let rules = sample_rules();
        let received = Received::At(Timestamp(1_668_130_000_000));
        let checker = Checker { kind: Kind::Results, rules: Some(&rules), limit, received, stop: || false };
        let record = Record {
            position: Position { topic: Topic::LabResults, partition: 0, offset: 0 },
            received_at: Timestamp(0),
            key: Some(b"key"),
            payload,
            content_type: content_type.map(str::as_bytes),
        };
        match verdict(&checker, &record) {
            Verdict::Refused(fault) => Some((fault.reject.code, fault.detail)),
            _ => None,
        }
    }

    #[test]
    fn a_record_is_judged_with_its_own_key_bytes_and_content_type() {
        let (json, text) = (Some("application/json"), RESULT.as_bytes());
        let code = |payload, content_type, limit| refused(payload, content_type, limit).map(|(code, _)| code);
        assert_eq!(code(Some(text), json, 10_000), None);
        assert_eq!(code(Some(text), None, 10_000), Some(RejectCode::UndeclaredJson));
        assert_eq!(code(Some(text), Some("text/csv"), 10_000), Some(RejectCode::UnknownContentType));
        assert_eq!(code(Some(text), json, text.len() + 2), Some(RejectCode::TooLarge));
        assert_eq!(code(None, json, 10_000), Some(RejectCode::Tombstone));
        let framed = [b"\0\0\0\0\x07", text].concat();
        assert_eq!(code(Some(&framed), json, 10_000), None);
        let elsewhere = RESULT.replace("D1S1", "NOWHERE");
        assert_eq!(code(Some(elsewhere.as_bytes()), json, 10_000), Some(RejectCode::UnknownArea));
        let (code, detail) = refused(Some(br#"{"lab_id":}"#), json, 10_000).expect("refused");
        assert_eq!((code, detail.as_str()), (RejectCode::Malformed, "no JSON from column 11 on"));
    }
}
