//! What becomes of a record that cannot be used: set aside whole, with what was wrong in headers.

use crate::model::outcome::{Reject, code_text};
use crate::model::record::{Output, Record, Topic};

/// Records up to this size are set aside whole. Larger ones than a topic can hold do come, compressed; their task must
/// go on all the same, so they are cut, and the header `swabstream-cut-from` says from how many bytes.
const WHOLE_BYTES: usize = 15 * 1024 * 1024;

/// The record for `dead-letters`: the original key, bytes and content type, and where it lay. The headers say what
/// was wrong and never hold a value of the record, so that they can be shown, counted and logged.
pub fn output(record: &Record<'_>, reject: &Reject, partition: i32) -> Output {
    let mut headers = vec![
        ("swabstream-code", code_text(reject.code).into_bytes()),
        ("swabstream-field", reject.field.clone().into_bytes()),
        ("swabstream-topic", record.position.topic.name().into()),
        ("swabstream-partition", record.position.partition.to_string().into_bytes()),
        ("swabstream-offset", record.position.offset.to_string().into_bytes()),
        ("swabstream-received-at", record.received_at.to_string().into_bytes()),
    ];
    let payload = record.payload.map(|payload| &payload[..payload.len().min(WHOLE_BYTES)]);
    let cut_from = record.payload.map(<[u8]>::len).filter(|bytes| *bytes > WHOLE_BYTES);
    headers.extend(cut_from.map(|bytes| ("swabstream-cut-from", bytes.to_string().into_bytes())));
    headers.extend(record.content_type.map(|value| ("content-type", value.to_vec())));
    Output {
        topic: Topic::DeadLetters,
        partition,
        key: record.key.unwrap_or_default().to_vec(),
        payload: payload.map(<[u8]>::to_vec),
        headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::RejectCode;
    use crate::model::record::Position;
    use crate::model::time::Timestamp;

    #[test]
    fn a_dead_letter_is_the_record_and_where_and_why() {
        let record = Record {
            position: Position { topic: Topic::ContactRecords, partition: 3, offset: 41 },
            received_at: Timestamp(1_668_182_399_999),
            key: Some(b"p1"),
            payload: Some(b"{"),
            content_type: Some(b"application/json"),
        };
        let output = output(&record, &Reject::new(RejectCode::UnknownArea, "area"), 7);
        assert_eq!((output.topic, output.partition), (Topic::DeadLetters, 7));
        assert_eq!((output.key.as_slice(), output.payload.as_deref()), (&b"p1"[..], Some(&b"{"[..])));
        let headers: Vec<_> =
            output.headers.iter().map(|(name, value)| (*name, String::from_utf8_lossy(value))).collect();
        let expected = [
            ("swabstream-code", "unknown_area"),
            ("swabstream-field", "area"),
            ("swabstream-topic", "contact-records"),
            ("swabstream-partition", "3"),
            ("swabstream-offset", "41"),
            ("swabstream-received-at", "2022-11-11T15:59:59.999Z"),
            ("content-type", "application/json"),
        ];
        assert!(headers.iter().map(|(name, value)| (*name, &**value)).eq(expected), "{headers:?}");
    }

    fn record(payload: Option<&[u8]>) -> Record<'_> {
        Record {
            position: Position { topic: Topic::LabResults, partition: 0, offset: 0 },
            received_at: Timestamp(0),
            key: None,
            payload,
            content_type: None,
        }
    }

    #[test]
    fn a_tombstone_stays_one() {
        let output = output(&record(None), &Reject::new(RejectCode::Tombstone, ""), 0);
        assert_eq!((output.key.len(), output.payload), (0, None));
    }

    #[test]
    fn a_record_no_topic_could_hold_is_cut_and_says_so() {
        let bytes = vec![7; WHOLE_BYTES + 1];
        let whole = output(&record(Some(&bytes[1..])), &Reject::new(RejectCode::TooLarge, ""), 0);
        assert_eq!(whole.payload.map(|payload| payload.len()), Some(WHOLE_BYTES));
        assert!(whole.headers.iter().all(|(name, _)| *name != "swabstream-cut-from"));
        let cut = output(&record(Some(&bytes)), &Reject::new(RejectCode::TooLarge, ""), 0);
        assert_eq!(cut.payload.map(|payload| payload.len()), Some(WHOLE_BYTES));
        assert!(cut.headers.contains(&("swabstream-cut-from", bytes.len().to_string().into_bytes())));
    }
}
