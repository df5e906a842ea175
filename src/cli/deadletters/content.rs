//! What a dead letter carries, for eyes: for those only who may see it.

use super::letter::Letter;
use crate::intake::{ContentType, Kind, again};
use crate::model::record::Record;
use crate::pipeline::decode::{self, json};

/// A payload for eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// There is none.
    Absent,
    /// Text as it came, without characters that a terminal acts on.
    Text(String),
    /// Protobuf that can be read, as JSON.
    Decoded(String),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl Content {
    /// Of a letter.
    pub(super) fn of(letter: &Letter<'_>) -> Self {
        let original = letter.original();
        let Some(payload) = original.payload else { return Self::Absent };
        let message = again::message(&original);
        match message.as_ref().map(|message| message.content_type) {
            Some(ContentType::Protobuf) => decoded(letter.kind(), &original),
            _ => None,
        }
        .or_else(|| text(message.as_ref().map_or(payload, |message| &message.payload)).map(Self::Text))
        .unwrap_or_else(|| Self::Bytes(payload.to_vec()))
    }

    /// What it is, in a word.
    pub(super) fn form(&self) -> &'static str {
        match self {
            Self::Absent => "none",
            Self::Text(_) => "text",
            Self::Decoded(_) => "protobuf",
            Self::Bytes(_) => "bytes",
        }
    }

    /// Itself, as text.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Absent => String::new(),
            Self::Text(text) | Self::Decoded(text) => text.clone(),
            Self::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// Protobuf of a kind, as JSON. Bytes that are another message may be read as this one: the form says where it is from.
fn decoded(kind: Option<Kind>, record: &Record<'_>) -> Option<Content> {
    let json = match kind? {
        Kind::Results => json::encode(&decode::result(record, usize::MAX).ok()?, Kind::Results.message()),
        Kind::Contacts => json::encode(&decode::contact(record, usize::MAX).ok()?, Kind::Contacts.message()),
        Kind::Groups => json::encode(&decode::group(record, usize::MAX).ok()?, Kind::Groups.message()),
    };
    Some(Content::Decoded(pretty(&json).unwrap_or(json)))
}

/// Each field on a line of its own.
fn pretty(json: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    serde_json::to_string_pretty(&value).ok()
}

/// Text that does nothing to a terminal.
fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    (!text.is_empty() && text.chars().all(is_plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::outcome::{Reject, RejectCode};
    use crate::model::record::{Output, Topic};
    use crate::proto::v1::LabResult;
    use prost::Message as _;

    fn of(payload: &[u8], content_type: Option<&[u8]>) -> Content {
        let mut output: Output = set_aside(Topic::LabResults, "", &Reject::new(RejectCode::Malformed, ""));
        output.payload = Some(payload.to_vec());
        output.headers.retain(|(name, _)| *name != "content-type");
        output.headers.extend(content_type.map(|value| ("content-type", value.to_vec())));
        Content::of(&read(&output))
    }

    #[test]
    fn a_payload_is_shown_as_text_as_decoded_protobuf_or_else_in_hex() {
        let json = Some(&b"application/json"[..]);
        assert_eq!(of(br#"{"lab_id":"#, json), Content::Text(r#"{"lab_id":"#.into()), "also broken");
        assert_eq!(of(b"{}", None), Content::Text("{}".into()), "undeclared");
        let message = LabResult { lab_id: "LAB-1".into(), ..LabResult::default() }.encode_to_vec();
        assert_eq!(of(&message, None), Content::Decoded("{\n  \"lab_id\": \"LAB-1\"\n}".into()));
        assert_eq!(of(b"\xff\xfe\x00", None).shown(), "fffe00");
        assert_eq!(of(b"\x1b[2J", json).form(), "bytes", "nothing that a terminal acts on");
    }
}
