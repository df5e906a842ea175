//! How a payload is written, by a reading of the contract apart from that of the processor: what its header says, what
//! the framing of a schema registry says, and what text it is if it is not what they say.

use super::faults::Faults;
use crate::model::outcome::RejectCode as Code;
use crate::model::record::Record;

/// A byte order mark as text.
const MARK: char = '\u{feff}';

/// The bytes of a message.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    /// Without what surrounds them.
    pub bytes: &'a [u8],
    /// Else they are protobuf.
    pub is_json: bool,
}

/// How a record is written, or the codes it could rightly be refused with for that.
pub fn encoded<'a>(record: &Record<'a>) -> Result<Encoded<'a>, Faults> {
    let payload = record.payload.ok_or_else(|| Faults::from([Code::Tombstone]))?;
    let named = match named(record).as_deref() {
        None => None,
        Some("application/json") => Some(true),
        Some("application/x-protobuf" | "application/protobuf") => Some(false),
        Some(_) => return Err(Faults::from([Code::UnknownContentType])),
    };
    let encoded = match is_framed(payload) {
        true => unframed(payload, named)?,
        false => Encoded { bytes: payload, is_json: named.unwrap_or(false) },
    };
    let mark = MARK.to_string();
    let bytes = match encoded.is_json {
        true => encoded.bytes.strip_prefix(mark.as_bytes()).unwrap_or(encoded.bytes),
        false => encoded.bytes,
    };
    if bytes.is_empty() { Err(Faults::from([Code::Empty])) } else { Ok(Encoded { bytes, ..encoded }) }
}

/// What else is wrong with bytes that are not the message they should be. Earlier versions said `malformed` of all.
pub fn faults_of(bytes: &[u8], is_json: bool) -> Faults {
    let seen = match (utf16_order(bytes).is_some(), is_text_of_json(bytes), is_json) {
        (true, ..) => Some(Code::WrongEncoding),
        (_, true, true) => str::from_utf8(bytes).is_err().then_some(Code::WrongEncoding),
        (_, true, false) => Some(Code::UndeclaredJson),
        _ => None,
    };
    seen.into_iter().chain([Code::Malformed]).collect()
}

/// How versions before this one read a record that they may have [refused](EarlierReading::refused_as), though nothing
/// may be wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierReading {
    /// They knew neither framing nor byte order marks nor quotes.
    Unreadable,
    /// They read JSON under `content-type` alone. Where the header was spelled otherwise, they found none.
    JsonUnlessSpelled,
}

impl EarlierReading {
    /// `None` of what was read then as it is now.
    pub fn of(record: &Record<'_>) -> Option<Self> {
        let payload = record.payload.unwrap_or_default();
        let quoted = record.content_type.is_some_and(|text| text.contains(&b'"'));
        if is_framed(payload) || payload.starts_with(MARK.to_string().as_bytes()) || quoted {
            return Some(EarlierReading::Unreadable);
        }
        (named(record).as_deref() == Some("application/json")).then_some(EarlierReading::JsonUnlessSpelled)
    }

    /// Whether a dead letter with a code, with or without the content type, is one that they wrote.
    pub fn refused_as(self, code: Code, with_content_type: bool) -> bool {
        match self {
            EarlierReading::Unreadable => matches!(code, Code::Malformed | Code::UnknownContentType),
            EarlierReading::JsonUnlessSpelled => code == Code::Malformed && !with_content_type,
        }
    }
}

/// The media type in lower case.
fn named(record: &Record<'_>) -> Option<String> {
    let text = String::from_utf8_lossy(record.content_type?).to_lowercase();
    let text = text.trim();
    let text = match text.strip_prefix('"') {
        Some(open) => open.strip_suffix('"').unwrap_or(open),
        None => text,
    };
    text.split(';').next().map(|media_type| media_type.trim().to_owned())
}

/// No message begins with a byte 0, but text in UTF-16 may.
fn is_framed(payload: &[u8]) -> bool {
    payload.first() == Some(&0) && utf16_order(payload).is_none()
}

fn unframed(payload: &[u8], named: Option<bool>) -> Result<Encoded<'_>, Faults> {
    let wrong = || Faults::from([Code::WrongFraming, Code::Malformed]);
    let bytes = payload.get(5..).filter(|bytes| !bytes.is_empty()).ok_or_else(wrong)?;
    match (named, is_text_of_json(bytes)) {
        (Some(true), _) | (None, true) => Ok(Encoded { bytes, is_json: true }),
        (Some(false), true) => Err(Faults::from([Code::UndeclaredJson, Code::Malformed])),
        (_, false) => {
            // No index, or one index that is 0: numbers are zigzag varints, and shorter forms of them are all there
            // are, but for bytes that only carry on.
            let (count, bytes) = number(bytes).ok_or_else(wrong)?;
            let bytes = match count {
                0 => bytes,
                2 => number(bytes).filter(|(index, _)| *index == 0).ok_or_else(wrong)?.1,
                _ => return Err(wrong()),
            };
            if bytes.first() == Some(&0) { Err(wrong()) } else { Ok(Encoded { bytes, is_json: false }) }
        }
    }
}

/// A varint, and what comes after it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut rest = bytes;
    let number = prost::encoding::decode_varint(&mut rest).ok()?;
    // The numbers of a framing have 32 bits.
    Some((number & u64::from(u32::MAX), rest))
}

/// Whether the text begins like a message, a list of messages or a message in quotes.
fn is_text_of_json(bytes: &[u8]) -> bool {
    let mark = MARK.to_string();
    let text = bytes.strip_prefix(mark.as_bytes()).unwrap_or(bytes);
    let mut seen = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    matches!((seen.next(), seen.next()), (Some(b'{'), Some(b'"' | b'}')) | (Some(b'[' | b'"'), Some(b'{')))
}

/// The order of bytes (big-endian or not) of text in UTF-16, if it is some.
fn utf16_order(bytes: &[u8]) -> Option<bool> {
    let units = |big: bool| {
        let pair = |at: usize| Some([*bytes.get(at)?, *bytes.get(at + 1)?]);
        let of = move |pair: [u8; 2]| if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
        let character = move |at| char::from_u32(u32::from(pair(at).map(of)?));
        (character(0), character(2))
    };
    [false, true].into_iter().find(|big| match units(*big) {
        (Some(MARK), Some(second)) => second.is_ascii(),
        (Some('{' | '['), Some(second)) => second.is_ascii_whitespace() || matches!(second, '"' | '{' | '}'),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Position, Topic};
    use crate::model::time::Timestamp;

    #[test]
    fn letters_of_earlier_versions_are_right_where_these_could_not_read() {
        let position = Position { topic: Topic::LabResults, partition: 0, offset: 0 };
        for (payload, content_type, code, with_type, right) in [
            (&b"\0\0\0\0\x07\0\x0a\x02L1"[..], None, Code::Malformed, false, true),
            (b"\0\0\0\0\x07{}", Some("application/json"), Code::Malformed, true, true),
            (b"\xef\xbb\xbf{}", Some("application/json"), Code::Malformed, true, true),
            (b"{}", Some("\"application/json\""), Code::UnknownContentType, true, true),
            (b"{}", Some("application/json"), Code::Malformed, false, true),
            (b"{}", Some("application/json"), Code::Malformed, true, false),
            (b"{}", Some("application/json"), Code::UnknownArea, false, false),
            (b"\0\0\0\0\x07\0\x0a\x02L1", None, Code::UnknownArea, false, false),
            (b"\x0a\x02L1", None, Code::Malformed, false, false),
        ] {
            let content_type = content_type.map(str::as_bytes);
            let (payload, received_at) = (Some(payload), Timestamp(0));
            let record = Record { position, received_at, key: None, payload, content_type };
            let found = EarlierReading::of(&record).is_some_and(|then| then.refused_as(code, with_type));
            assert_eq!(found, right, "{payload:?} {content_type:?} {code:?}");
        }
    }
}
