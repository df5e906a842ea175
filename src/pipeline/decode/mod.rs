//! Bytes to message, as its [`mod@self::format`] is.
//!
//! In: a record as read. Out: the contract's message, or the code of why there is none. What the message *says* is
//! not judged here, and no value of it ever gets into a rejection.

pub mod dead_letter;
pub mod format;
pub mod groups;
pub mod json;
pub mod pool;
pub mod protobuf;
pub mod result_view;
pub mod validate;

use super::ending::Stop;
use super::formats::Formats;
use format::Format;

use crate::model::outcome::{Reject, RejectCode};
use crate::model::record::Record;
use crate::proto::v1::{self, person_event::Event};
use prost::Message;
use result_view::ResultView;

/// Content type of marks of time (history mode); such records have no payload to decode.
pub const TIME_MARK: &[u8] = b"application/vnd.swabstream.time-mark";

const LAB_RESULT: &str = "swabstream.v1.LabResult";

/// A forwarded message says where it came from: so much larger than its record it may be.
const EVENT_ALLOWANCE: usize = 1024;

/// A record of `lab-results`; `limit` is the largest record taken, in bytes of key and payload.
pub fn result(record: &Record<'_>, limit: usize) -> Result<v1::LabResult, Reject> {
    input(record, limit, LAB_RESULT)
}

/// As [`result`], without a copy where that can be done.
pub fn result_in_place<'a>(record: &Record<'a>, limit: usize) -> Result<ReadResult<'a>, Reject> {
    let (format, bytes) = format::body(payload(record, limit)?, record.content_type)?;
    let mut view = ResultView::default();
    match in_place(format, bytes, &mut view) {
        Some(()) => Ok(ReadResult::InPlace(view)),
        None => message(format, bytes, LAB_RESULT).map(ReadResult::Decoded),
    }
}

/// Reads a result in place, into what holds none yet; `None` where that cannot be done, which says nothing about it.
#[inline]
pub fn read_in_place<'a>(record: &Record<'a>, limit: usize, into: &mut ResultView<'a>) -> Option<()> {
    let (format, bytes) = format::body(payload(record, limit).ok()?, record.content_type).ok()?;
    in_place(format, bytes, into)
}

#[inline]
fn in_place<'a>(format: Format, bytes: &'a [u8], into: &mut ResultView<'a>) -> Option<()> {
    if format != Format::Protobuf {
        return None;
    }
    into.fill(bytes).filter(|()| !into.person_id.is_empty())
}

/// A result, read in place where its bytes allow it.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadResult<'a> {
    /// Its texts lie in the record.
    InPlace(ResultView<'a>),
    /// Its texts were decoded.
    Decoded(v1::LabResult),
}

impl ReadResult<'_> {
    /// The message and its pool, if it is a result of one.
    pub fn pool(&self) -> Option<(&v1::LabResult, &v1::Pool)> {
        match self {
            ReadResult::InPlace(_) => None,
            ReadResult::Decoded(message) => message.pool.as_ref().map(|pool| (message, pool)),
        }
    }

    /// Its fields.
    pub fn view(&self) -> ResultView<'_> {
        match self {
            ReadResult::InPlace(view) => *view,
            ReadResult::Decoded(message) => ResultView::of(message),
        }
    }
}

/// A record of `contact-records`; `limit` as for [`result`].
pub fn contact(record: &Record<'_>, limit: usize) -> Result<v1::ContactRecord, Reject> {
    input(record, limit, "swabstream.v1.ContactRecord")
}

/// A record of `person-groups`; `limit` as for [`result`].
pub fn group(record: &Record<'_>, limit: usize) -> Result<v1::PersonGroup, Reject> {
    input(record, limit, "swabstream.v1.PersonGroup")
}

/// A record of `person-events`, always protobuf. What fitted the limit as an input fits here too.
pub fn event(record: &Record<'_>, limit: usize, formats: Formats) -> Result<v1::PersonEvent, Stop> {
    let payload = payload(record, limit.saturating_add(EVENT_ALLOWANCE))?;
    formats.require(payload)?;
    let event: v1::PersonEvent = protobuf(payload)?;
    let as_record = |payload: Vec<u8>| {
        let key = record.key.unwrap_or_default().to_vec();
        Event::Record(v1::ForwardedRecord { key, payload, content_type: None })
    };
    // Earlier versions sent on what a record said, not the record.
    let event_now = event.event.map(|event| match event {
        Event::Result(result) => as_record(result.encode_to_vec()),
        Event::Contact(contact) => as_record(contact.encode_to_vec()),
        event => event,
    });
    Ok(v1::PersonEvent { event: event_now, ..event })
}

/// Whether a record is a mark of time: of this content type, of past data, and empty. Anything else that claims to be
/// one is read by its content type, which is none of a message: a result under a wrong header must not vanish.
pub fn is_time_mark(record: &Record<'_>, history: bool) -> bool {
    record.content_type == Some(TIME_MARK) && history && record.payload.is_none_or(<[u8]>::is_empty)
}

fn input<M: Message + Default>(record: &Record<'_>, limit: usize, name: &str) -> Result<M, Reject> {
    let (format, bytes) = format::body(payload(record, limit)?, record.content_type)?;
    message(format, bytes, name)
}

/// A message of the contract, by its full name. Where there is none, the code says what the bytes are, as far as that
/// can be seen: whoever sent them looks for the cause there.
fn message<M: Message + Default>(format: Format, bytes: &[u8], name: &str) -> Result<M, Reject> {
    let read = match format {
        Format::Protobuf => protobuf(bytes),
        Format::Json => json::decode(bytes, name),
    };
    read.map_err(|reject| match reject.code {
        RejectCode::Malformed => format::seen(format, bytes).map_or(reject, |code| Reject::new(code, "")),
        _ => reject,
    })
}

fn payload<'a>(record: &Record<'a>, limit: usize) -> Result<&'a [u8], Reject> {
    let payload = record.payload.ok_or(Reject::new(RejectCode::Tombstone, ""))?;
    if record.key.map_or(0, <[u8]>::len) + payload.len() > limit {
        return Err(Reject::new(RejectCode::TooLarge, ""));
    }
    Ok(payload)
}

fn protobuf<M: Message + Default>(payload: &[u8]) -> Result<M, Reject> {
    if payload.is_empty() {
        return Err(Reject::new(RejectCode::Empty, ""));
    }
    M::decode(payload).map_err(|error| Reject::new(RejectCode::Malformed, field_of(&error.to_string())))
}

/// The path in `failed to decode Protobuf message: Pool.size: LabResult.pool: …`, innermost first; the decoder tells
/// it no other way.
fn field_of(error: &str) -> String {
    let segments = error.split(": ").skip(1);
    let fields = segments.map_while(|segment| match segment.split_once('.') {
        Some((message, field)) if is_name(message) && is_name(field) => Some(field),
        _ => None,
    });
    let mut path: Vec<&str> = fields.collect();
    path.reverse();
    path.join(".")
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Position, Topic};
    use crate::model::time::Timestamp;
    use crate::pipeline::person::messages::{self, Origin};

    const LIMIT: usize = 1000;

    fn record<'a>(payload: Option<&'a [u8]>, content_type: Option<&'a str>) -> Record<'a> {
        Record {
            position: Position { topic: Topic::LabResults, partition: 0, offset: 0 },
            received_at: Timestamp(0),
            key: Some(b"key"),
            payload,
            content_type: content_type.map(str::as_bytes),
        }
    }

    fn message() -> v1::LabResult {
        v1::LabResult { lab_id: "L1".into(), revision: 3, ..Default::default() }
    }

    #[test]
    fn a_result_is_read_in_both_forms() {
        let bytes = message().encode_to_vec();
        let json = br#"{"labId":"L1","revision":3}"#;
        for content_type in [None, Some("application/x-protobuf"), Some("Application/Protobuf; v=1")] {
            assert_eq!(result(&record(Some(&bytes), content_type), LIMIT), Ok(message()), "{content_type:?}");
        }
        for content_type in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"] {
            assert_eq!(result(&record(Some(json), Some(content_type)), LIMIT), Ok(message()), "{content_type}");
        }
    }

    #[test]
    fn every_unreadable_record_has_its_code_on_every_input() {
        let bytes = message().encode_to_vec();
        let large = vec![b' '; LIMIT - 2];
        let truncated = &bytes[..bytes.len() - 1];
        for (payload, content_type, code) in [
            (None, None, RejectCode::Tombstone),
            (None, Some("text/plain"), RejectCode::Tombstone),
            (Some(&b""[..]), None, RejectCode::Empty),
            (Some(&b""[..]), Some("application/json"), RejectCode::Empty),
            (Some(&large[..]), None, RejectCode::TooLarge),
            (Some(truncated), None, RejectCode::Malformed),
            (Some(&b"\xff\xff"[..]), None, RejectCode::Malformed),
            (Some(&b"{"[..]), Some("application/json"), RejectCode::Malformed),
            (Some(br#"{"labId":"L1"}"#), None, RejectCode::UndeclaredJson),
            (Some(br#"[{"labId":"L1"}]"#), Some("application/x-protobuf"), RejectCode::UndeclaredJson),
            (Some(br#"[{"labId":"L1"}]"#), Some("application/json"), RejectCode::Malformed),
            (Some(b"{\"labId\":\"\xd6\xd8\"}"), Some("application/json"), RejectCode::WrongEncoding),
            (Some(b"\xff\xfe{\0\"\0"), None, RejectCode::WrongEncoding),
            (Some(b"\0{\0\"\0l"), Some("application/json"), RejectCode::WrongEncoding),
            (Some(b"\0\0\0\0\x07\x02\x02\x0a"), None, RejectCode::WrongFraming),
            (Some(b"\0\0\0\0\x07\0"), None, RejectCode::Empty),
            (Some(&bytes[..]), Some("text/csv"), RejectCode::UnknownContentType),
            (Some(&bytes[..]), Some(""), RejectCode::UnknownContentType),
        ] {
            let record = record(payload, content_type);
            let case = format!("{payload:?} {content_type:?}");
            assert_eq!(result(&record, LIMIT).map_err(|reject| reject.code), Err(code), "result {case}");
            assert_eq!(contact(&record, LIMIT).map_err(|reject| reject.code), Err(code), "contact {case}");
            assert_eq!(group(&record, LIMIT).map_err(|reject| reject.code), Err(code), "group {case}");
        }
    }

    #[test]
    fn a_result_is_read_in_a_frame_as_without_it() {
        let plain = v1::LabResult { person_id: "P1".into(), ..message() };
        let cts = v1::LabResult { ct_values: vec![v1::CtValue::default()], ..plain.clone() };
        for message in [plain, cts] {
            let bytes = message.encode_to_vec();
            let framed = [b"\0\0\0\0\x07\0", &bytes[..]].concat();
            for payload in [&bytes, &framed] {
                let record = record(Some(payload), None);
                assert_eq!(result(&record, LIMIT), Ok(message.clone()));
                let in_place = result_in_place(&record, LIMIT).map(|read| read.view().to_message());
                assert_eq!(in_place, Ok(message.clone()));
            }
        }
        let json = [b"\0\0\0\0\x07", &b"\xef\xbb\xbf{\"lab_id\":\"L1\",\"revision\":3}"[..]].concat();
        for content_type in [None, Some("application/json")] {
            assert_eq!(result(&record(Some(&json), content_type), LIMIT), Ok(self::message()), "{content_type:?}");
        }
    }

    #[test]
    fn the_limit_is_of_key_and_payload_together() {
        let bytes = message().encode_to_vec();
        let record = record(Some(&bytes), None);
        assert!(result(&record, bytes.len() + 3).is_ok());
        let refused = result(&record, bytes.len() + 2);
        assert_eq!(refused, Err(Reject::new(RejectCode::TooLarge, "")));
    }

    #[test]
    fn wrong_bytes_name_the_field_they_are_in() {
        // lab_id (field 1) is not UTF-8; pool.size (17.2) has another wire type.
        let not_utf8 = [0x0a, 0x02, 0xff, 0xfe];
        assert_eq!(result(&record(Some(&not_utf8), None), LIMIT), Err(Reject::new(RejectCode::Malformed, "lab_id")));
        let wrong_type = [0x8a, 0x01, 0x02, 0x12, 0x00];
        let refused = result(&record(Some(&wrong_type), None), LIMIT);
        assert_eq!(refused, Err(Reject::new(RejectCode::Malformed, "pool.size")));
    }

    #[test]
    fn what_fitted_as_an_input_fits_as_an_event() {
        let payload = vec![b'{'; LIMIT - 3];
        let long = format!("application/json; charset=utf-8; padding={}", "p".repeat(2_000));
        for (content_type, kept) in
            [(None, None), (Some("text/x"), Some("text/x")), (Some(&*long), Some("application/json"))]
        {
            let input = record(Some(&payload), content_type);
            let received_at = Timestamp(253_402_300_799_999);
            let position = Position { topic: Topic::ContactRecords, partition: i32::MAX, offset: i64::MAX };
            let origin = Origin { position, received_at };
            let event = Some(messages::forwarded(&input));
            let event = v1::PersonEvent { origin: Some(origin.to_wire()), hop: 3, event, format: 1 };
            let bytes = event.encode_to_vec();
            assert!(bytes.len() > LIMIT);
            let person_id = [b'p'; 64];
            let sent = Record { key: Some(&person_id), ..record(Some(&bytes), None) };
            assert_eq!(super::event(&sent, LIMIT, Formats::default()), Ok(event.clone()));
            let Some(Event::Record(sent)) = event.event else { panic!("a record") };
            let original = messages::original(origin, &sent);
            assert_eq!((original.key, original.payload), (input.key, input.payload));
            assert_eq!(original.content_type, kept.map(str::as_bytes));
            let format = |of: &Record<'_>| format::body(b"{", of.content_type).map(|(format, _)| format);
            assert_eq!(format(&original), format(&input));
        }
        let tombstone = super::event(&record(None, None), LIMIT, Formats::default());
        assert_eq!(tombstone, Err(Reject::new(RejectCode::Tombstone, "").into()));
    }

    #[test]
    fn time_marks_are_empty_and_of_past_data() {
        let named = Some("application/vnd.swabstream.time-mark");
        assert!(is_time_mark(&record(Some(b""), named), true) && is_time_mark(&record(None, named), true));
        assert!(!is_time_mark(&record(Some(b""), None), true));
        let bytes = message().encode_to_vec();
        for (payload, history) in [(&b""[..], false), (&bytes[..], false), (&bytes[..], true)] {
            let record = record(Some(payload), named);
            assert!(!is_time_mark(&record, history));
            assert_eq!(result(&record, LIMIT), Err(Reject::new(RejectCode::UnknownContentType, "")));
        }
    }
}
