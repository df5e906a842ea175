//! How a payload is written: by its content type, and by the framing that serializers of a schema registry put before
//! it.
//!
//! In: payload and content type. Out: the bytes of the message and how to read them, or the code of why they cannot be.
//! No registry is asked: the contract's bytes mean the same under every schema id. Nothing is guessed either: JSON
//! counts as such where the header or the framing says so, and is reported to its sender where neither does.

use super::protobuf::Bytes;
use crate::model::outcome::{Reject, RejectCode};

/// How the bytes of a message are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Protobuf.
    Protobuf,
    /// The proto3 JSON mapping.
    Json,
}

/// A byte order mark in UTF-8, which some writers of text put first.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The framing's first byte. No message of protobuf begins with it: there is no field 0.
const MAGIC: u8 = 0;

/// The framing's first byte and the schema id.
const FRAME_BYTES: usize = 5;

/// What a record's payload says, without what surrounds it.
#[inline]
pub fn body<'a>(payload: &'a [u8], content_type: Option<&[u8]>) -> Result<(Format, &'a [u8]), Reject> {
    let declared = content_type.map(declared).transpose()?;
    match payload.first() {
        Some(&MAGIC) if !is_wide_text(payload) => framed(payload, declared),
        Some(_) if declared == Some(Format::Json) => Ok((Format::Json, without_mark(payload))),
        _ => Ok((declared.unwrap_or(Format::Protobuf), payload)),
    }
}

/// A content type without its parameters. Some clients put all values of headers in quotes.
pub fn media_type(content_type: &[u8]) -> &[u8] {
    let value = content_type.trim_ascii();
    let value = value.strip_prefix(b"\"").map_or(value, |value| value.strip_suffix(b"\"").unwrap_or(value));
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// What can be seen of bytes that are not the message they should be; `None` when that is nothing we know.
pub fn seen(format: Format, bytes: &[u8]) -> Option<RejectCode> {
    match format {
        _ if is_wide_text(bytes) => Some(RejectCode::WrongEncoding),
        _ if !looks_like_json(bytes) => None,
        Format::Protobuf => Some(RejectCode::UndeclaredJson),
        Format::Json => std::str::from_utf8(bytes).is_err().then_some(RejectCode::WrongEncoding),
    }
}

fn declared(content_type: &[u8]) -> Result<Format, Reject> {
    let media_type = media_type(content_type);
    let is = |name: &str| media_type.eq_ignore_ascii_case(name.as_bytes());
    if is("application/x-protobuf") || is("application/protobuf") {
        Ok(Format::Protobuf)
    } else if is("application/json") {
        Ok(Format::Json)
    } else {
        Err(Reject::new(RejectCode::UnknownContentType, ""))
    }
}

#[cold]
fn framed(payload: &[u8], declared: Option<Format>) -> Result<(Format, &[u8]), Reject> {
    let wrong = || Reject::new(RejectCode::WrongFraming, "");
    let rest = payload.get(FRAME_BYTES..).filter(|rest| !rest.is_empty()).ok_or_else(wrong)?;
    // The framing of JSON has no indexes, and its serializers set no header. An index is no brace: it would be
    // negative.
    let format = declared.unwrap_or(if looks_like_json(rest) { Format::Json } else { Format::Protobuf });
    if format == Format::Json {
        return Ok((format, without_mark(rest)));
    }
    if looks_like_json(rest) {
        return Err(Reject::new(RejectCode::UndeclaredJson, ""));
    }
    let message = after_first_index(rest).ok_or_else(wrong)?;
    // Another byte 0 belongs to a framing with longer ids.
    if message.first() == Some(&MAGIC) { Err(wrong()) } else { Ok((format, message)) }
}

/// What comes after the path that names the first message of a schema file: no index at all, or the one index 0.
fn after_first_index(bytes: &[u8]) -> Option<&[u8]> {
    let mut bytes = Bytes(bytes);
    let count = bytes.zigzag()?;
    let is_first = count == 0 || count == 1 && bytes.zigzag()? == 0;
    is_first.then_some(bytes.0)
}

fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BOM).unwrap_or(text)
}

/// Whether the bytes begin as a message in JSON does, a list of some, or one in quotes.
fn looks_like_json(bytes: &[u8]) -> bool {
    let text = without_mark(bytes).trim_ascii_start();
    let Some((first, rest)) = text.split_first() else { return false };
    let next = rest.trim_ascii_start().first();
    match first {
        b'{' => matches!(next, Some(b'"' | b'}')),
        b'[' | b'"' => next == Some(&b'{'),
        _ => false,
    }
}

/// Whether the bytes begin as JSON in UTF-16 does, with or without a byte order mark.
fn is_wide_text(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, first, 0, ..] | [0xfe, 0xff, 0, first, ..] => first.is_ascii(),
        [first, 0, second, 0, ..] | [0, first, 0, second, ..] => {
            matches!(first, b'{' | b'[') && (second.is_ascii_whitespace() || matches!(second, b'"' | b'{' | b'}'))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &[u8] = br#"{"lab_id":"L1"}"#;
    const PROTOBUF: &[u8] = b"\x0a\x02L1";

    fn framed_as(before: &[u8], message: &[u8]) -> Vec<u8> {
        [b"\x00\x00\x00\x01\x07", before, message].concat()
    }

    fn found(payload: &[u8], content_type: Option<&str>) -> Result<(Format, Vec<u8>), RejectCode> {
        let found = body(payload, content_type.map(str::as_bytes));
        found.map(|(format, bytes)| (format, bytes.to_vec())).map_err(|reject| reject.code)
    }

    #[test]
    fn a_content_type_is_known_however_it_is_written() {
        for content_type in
            ["application/json", "application/json; charset=utf-8", " Application/JSON ;a=b", "\"application/json\""]
        {
            assert_eq!(found(JSON, Some(content_type)), Ok((Format::Json, JSON.to_vec())), "{content_type}");
        }
        for content_type in ["application/x-protobuf", "APPLICATION/PROTOBUF", "\"application/protobuf; v=1\""] {
            assert_eq!(found(PROTOBUF, Some(content_type)), Ok((Format::Protobuf, PROTOBUF.to_vec())));
        }
        for content_type in ["", "text/json", "json", "\"", "application/json+x"] {
            assert_eq!(found(JSON, Some(content_type)), Err(RejectCode::UnknownContentType), "{content_type}");
        }
    }

    #[test]
    fn framing_of_a_schema_registry_is_taken_off() {
        let protobuf = Ok((Format::Protobuf, PROTOBUF.to_vec()));
        let json = Ok((Format::Json, JSON.to_vec()));
        for content_type in [None, Some("application/x-protobuf")] {
            assert_eq!(found(&framed_as(b"\x00", PROTOBUF), content_type), protobuf);
            assert_eq!(found(&framed_as(b"\x02\x00", PROTOBUF), content_type), protobuf);
        }
        for content_type in [None, Some("application/json")] {
            assert_eq!(found(&framed_as(b"", JSON), content_type), json);
            assert_eq!(found(&framed_as(BOM, JSON), content_type), json);
        }
        // A message of defaults only has no bytes.
        assert_eq!(found(&framed_as(b"\x00", b""), None), Ok((Format::Protobuf, Vec::new())));
    }

    #[test]
    fn framing_that_names_something_else_is_refused() {
        for (payload, content_type) in [
            (framed_as(b"\x02\x02", PROTOBUF), None),
            (framed_as(b"\x04\x00\x02", PROTOBUF), None),
            (framed_as(b"\x01", PROTOBUF), None),
            (framed_as(b"\x00\x00\x00\x07\x00", PROTOBUF), None),
            (framed_as(b"\x80", b""), None),
            (framed_as(b"", b""), None),
            (framed_as(b"", b""), Some("application/json")),
            (b"\x00\x00\x01".to_vec(), None),
        ] {
            assert_eq!(found(&payload, content_type), Err(RejectCode::WrongFraming), "{payload:?}");
        }
        let otherwise = found(&framed_as(b"", JSON), Some("application/x-protobuf"));
        assert_eq!(otherwise, Err(RejectCode::UndeclaredJson));
    }

    #[test]
    fn text_that_is_not_what_it_should_be_is_known_for_what_it_is() {
        let both = |bytes: &[u8]| [Format::Protobuf, Format::Json].map(|format| seen(format, bytes));
        for text in [r#"{"a":1}"#, "{ }", " \r\n{\"a\":1}", "\u{feff}{\"a\":1}", r#"[ {"a":1}]"#, r#""{\"a\":1}""#] {
            assert_eq!(both(text.as_bytes()), [Some(RejectCode::UndeclaredJson), None], "{text}");
        }
        let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        for text in [r#"{"a":1}"#, "{\n}", "[{}]", "\u{feff}{\"a\":1}", "\u{feff}  {\"a\":1}"] {
            for bytes in [wide(text, u16::to_le_bytes), wide(text, u16::to_be_bytes)] {
                assert_eq!(both(&bytes), [Some(RejectCode::WrongEncoding); 2], "{text}");
                // A big-endian text begins with the byte 0 of the framing.
                assert!(body(&bytes, None).is_ok_and(|(_, whole)| whole == bytes), "{text}");
            }
        }
        assert_eq!(seen(Format::Json, b"{\"lab_id\":\"\xd6\xd8\xc7\xec\"}"), Some(RejectCode::WrongEncoding), "GBK");
        assert_eq!(seen(Format::Json, "{\"lab_id\":\"重庆\"}".as_bytes()), None);
        for bytes in
            [&b""[..], b"{", b"{4", b"<result/>", b"\xff\xff", PROTOBUF, b"\"text\"", b"  ", b"J\x06\x08\x9b\x8d"]
        {
            assert_eq!(both(bytes), [None; 2], "{bytes:?}");
        }
    }
}
