//! A dead letter as it lies in its topic: what its headers say, and the record it was.

use super::place;
use crate::intake::Kind;
use crate::model::outcome::{RejectCode, code_text, codes};
use crate::model::record::{COMMIT_HEADER, Origin, Position, Record, Topic};
use crate::model::time::Timestamp;
use crate::pipeline::decode;
use crate::policy::Rules;
use serde_json::{Value, json};

/// Stands for what is not known.
pub(super) const NOTHING: &str = "–";

/// What rules are wanted for where a laboratory is shown.
pub(super) const LABS: &str = "which say which laboratories there are";

/// One dead letter. Key and payload are those of the record that was set aside.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Letter<'a> {
    /// Where it lies, when it was set aside, and what it carries.
    pub record: Record<'a>,
    /// Why; `None` of a code that this version does not know.
    pub code: Option<RejectCode>,
    /// Path of the field, in the contract's names; empty when it is the whole record.
    pub field: &'a str,
    /// Where the record lay.
    pub origin: Option<Position>,
    /// When the broker received it.
    pub received_at: Option<Timestamp>,
    /// How many bytes there were of a record of which only the beginning is kept.
    pub cut_from: Option<u64>,
    /// The commit that set it aside.
    pub commit: &'a str,
}

impl<'a> Letter<'a> {
    /// From its headers.
    pub(super) fn read(record: Record<'a>, header: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let text = |name: &str| header(name).and_then(|value| std::str::from_utf8(value).ok());
        let origin = || {
            let topic = Topic::named(text("swabstream-topic")?)?;
            let partition = text("swabstream-partition")?.parse().ok()?;
            Some(Position { topic, partition, offset: text("swabstream-offset")?.parse().ok()? })
        };
        let time = |text: &str| Some(Timestamp(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()));
        Self {
            record,
            code: text("swabstream-code").and_then(|text| codes().find(|code| code_text(*code) == text)),
            field: text("swabstream-field").unwrap_or_default(),
            origin: origin(),
            received_at: text("swabstream-received-at").and_then(time),
            cut_from: text("swabstream-cut-from").and_then(|bytes| bytes.parse().ok()),
            commit: text(COMMIT_HEADER).unwrap_or_default(),
        }
    }

    /// Whether it lies at a place, or is about the record that lay there.
    pub(super) fn is_at(&self, place: Position) -> bool {
        self.record.position == place || self.origin == Some(place)
    }

    /// Its code in words.
    pub(super) fn code_text(&self) -> String {
        self.code.map_or_else(|| "other".to_owned(), code_text)
    }

    /// Where the record lay, or where the letter lies if that is not known: by either it is found again.
    pub(super) fn place(&self) -> Position {
        self.origin.unwrap_or(self.record.position)
    }

    /// The record as what is done about it is known by; `None` where the headers do not say.
    pub(super) fn as_origin(&self) -> Option<Origin> {
        Some(Origin { position: self.origin?, received_at: self.received_at? })
    }

    /// What the record should be; `None` of what no lab, tracer or list keeper publishes.
    pub(super) fn kind(&self) -> Option<Kind> {
        let topic = self.origin?.topic;
        Kind::ALL.into_iter().find(|kind| kind.topic() == topic)
    }

    /// The record as it lay in its input.
    pub(in crate::cli) fn original(&self) -> Record<'a> {
        Record { position: self.place(), ..self.record }
    }

    /// What it says of its laboratory, if it is a result that can be read. Not to be shown: in a broken record anything may
    /// stand there.
    pub(in crate::cli) fn lab(&self) -> Option<String> {
        let is_result = self.kind() == Some(Kind::Results);
        let read = is_result.then(|| decode::result(&self.original(), usize::MAX).ok()).flatten();
        read.map(|result| result.lab_id).filter(|lab| !lab.is_empty())
    }

    /// All that may be shown of it to anybody, as one JSON object; `lab` as [`lab_shown`] has it.
    pub(super) fn json(&self, lab: &str) -> Value {
        let at = |place: Option<Position>| place.map(place::shown);
        json!({
            "letter": place::shown(self.record.position),
            "at": self.record.received_at.to_string(),
            "code": self.code_text(),
            "field": self.field,
            "lab": lab,
            "origin": at(self.origin),
            "received_at": self.received_at.map(|at| at.to_string()),
            "bytes": self.record.payload.map(<[u8]>::len),
            "cut_from": self.cut_from,
            "commit": self.commit,
        })
    }
}

/// A letter that outlives the look at its topic: somebody may take long to read or to edit it.
pub(super) struct Kept {
    position: Position,
    at: Timestamp,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    content_type: Option<Vec<u8>>,
    code: Option<RejectCode>,
    field: String,
    origin: Option<Position>,
    received_at: Option<Timestamp>,
    cut_from: Option<u64>,
    commit: String,
}

impl Kept {
    /// A copy.
    pub(super) fn of(letter: &Letter<'_>) -> Self {
        let Letter { record, code, field, origin, received_at, cut_from, commit } = *letter;
        Self {
            position: record.position,
            at: record.received_at,
            key: record.key.map(<[u8]>::to_vec),
            payload: record.payload.map(<[u8]>::to_vec),
            content_type: record.content_type.map(<[u8]>::to_vec),
            code,
            field: field.to_owned(),
            origin,
            received_at,
            cut_from,
            commit: commit.to_owned(),
        }
    }

    /// Where it lies.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Itself.
    pub(super) fn letter(&self) -> Letter<'_> {
        let record = Record {
            position: self.position,
            received_at: self.at,
            key: self.key.as_deref(),
            payload: self.payload.as_deref(),
            content_type: self.content_type.as_deref(),
        };
        let Self { code, field, origin, received_at, cut_from, commit, .. } = self;
        Letter { record, code: *code, field, origin: *origin, received_at: *received_at, cut_from: *cut_from, commit }
    }
}

/// The laboratory for eyes: one of the registry, or the one that was asked for. What else stands in the field may be
/// anything, also of a person.
pub(super) fn lab_shown(lab: Option<&str>, rules: Option<&Rules>, asked: Option<&str>) -> String {
    let registered = |lab: &str| rules.is_some_and(|rules| rules.lab(lab).is_some());
    match lab {
        None => NOTHING.to_owned(),
        Some(lab) if registered(lab) || asked == Some(lab) => lab.to_owned(),
        Some(_) => "(unregistered)".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::outcome::Reject;
    use crate::model::record::Output;
    use crate::pipeline::decode::dead_letter;
    use crate::policy::sample::sample_rules;

    /// A record of an input in JSON, set aside.
    pub(in crate::cli::deadletters) fn set_aside(topic: Topic, payload: &str, reject: &Reject) -> Output {
        let record = Record {
            position: Position { topic, partition: 3, offset: 41 },
            received_at: Timestamp(1_668_130_000_000),
            key: Some(b"PERSON-ONE"),
            payload: Some(payload.as_bytes()),
            content_type: Some(b"application/json"),
        };
        dead_letter::output(&record, reject, 1)
    }

    /// As it is read again.
    pub(in crate::cli::deadletters) fn read(output: &Output) -> Letter<'_> {
        let header =
            |name: &str| output.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_slice());
        let record = Record {
            position: Position { topic: Topic::DeadLetters, partition: output.partition, offset: 7 },
            received_at: Timestamp(1_668_130_001_000),
            key: Some(&output.key),
            payload: output.payload.as_deref(),
            content_type: header("content-type"),
        };
        Letter::read(record, header)
    }

    #[test]
    fn what_was_written_of_a_letter_is_read_again() {
        let reject = Reject::new(RejectCode::UnknownArea, "area");
        let output = set_aside(Topic::LabResults, r#"{"lab_id":"LAB-1"}"#, &reject);
        let letter = read(&output);
        assert_eq!((letter.code, letter.field), (Some(RejectCode::UnknownArea), "area"));
        let origin = Position { topic: Topic::LabResults, partition: 3, offset: 41 };
        assert_eq!((letter.origin, letter.received_at), (Some(origin), Some(Timestamp(1_668_130_000_000))));
        assert!(letter.is_at(origin) && letter.is_at(letter.record.position));
        assert!(!letter.is_at(Position { offset: 42, ..origin }));
        assert_eq!((letter.kind(), letter.lab().as_deref()), (Some(Kind::Results), Some("LAB-1")));
    }

    #[test]
    fn a_laboratory_is_shown_only_where_it_is_known_to_be_one() {
        let rules = sample_rules();
        assert_eq!(lab_shown(Some("LAB-1"), Some(&rules), None), "LAB-1");
        assert_eq!(lab_shown(Some("Zhang Wei"), Some(&rules), None), "(unregistered)");
        assert_eq!(lab_shown(Some("LAB-1"), None, None), "(unregistered)");
        assert_eq!(lab_shown(Some("LAB-99"), Some(&rules), Some("LAB-99")), "LAB-99");
        assert_eq!(lab_shown(None, Some(&rules), Some("LAB-99")), NOTHING);
    }
}
