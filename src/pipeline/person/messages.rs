//! Decisions to records: where a cause lay, what an alert looks like on the wire, what is sent to another task.

use crate::model::outcome::{Reject, RejectCode};
pub use crate::model::record::Origin;
use crate::model::record::{Output, Position, Record, Topic};
use crate::model::result::{Finding, LabResult, ResultStatus};
use crate::model::time::Timestamp;
use crate::pipeline::decode::{self, dead_letter, format};
use crate::pipeline::formats::Formats;
use crate::policy::Rules;
use crate::proto::v1::{self, CauseKind, person_event::Event};
use prost::Message as _;

/// Stands for a record where new rules, or a deadline, caused a message from person to person.
pub const NO_RECORD: Origin =
    Origin { position: Position { topic: Topic::Rules, partition: 0, offset: -1 }, received_at: Timestamp(0) };

impl Origin {
    /// The origin a message names.
    pub fn of_event(event: &v1::PersonEvent) -> Result<Self, Reject> {
        let missing = || Reject::new(RejectCode::MissingField, "origin");
        Self::from_wire(event.origin.as_ref().ok_or_else(missing)?)
    }

    /// From the contract's form.
    pub fn from_wire(wire: &v1::Origin) -> Result<Self, Reject> {
        let missing = |field: &str| Reject::new(RejectCode::MissingField, field);
        let received_at = wire.received_at.as_ref().ok_or_else(|| missing("origin.received_at"))?;
        let topic = Topic::named(&wire.topic).ok_or_else(|| Reject::new(RejectCode::OutOfRange, "origin.topic"))?;
        let invalid = || Reject::new(RejectCode::InvalidTime, "origin.received_at");
        Ok(Self {
            position: Position { topic, partition: wire.partition, offset: wire.offset },
            received_at: Timestamp::from_wire(received_at).ok_or_else(invalid)?,
        })
    }

    /// The contract's form.
    pub fn to_wire(self) -> v1::Origin {
        v1::Origin {
            topic: self.position.topic.name().to_owned(),
            partition: self.position.partition,
            offset: self.position.offset,
            received_at: Some(self.received_at.to_wire()),
        }
    }
}

/// Why something is looked at again: becomes a link of an alert's chain of cause if it changes one.
#[derive(Clone, Copy, Debug)]
pub struct Trigger<'a> {
    /// The input record; none for new rules and deadlines.
    pub origin: Option<Origin>,
    /// What kind of record.
    pub kind: CauseKind,
    /// Result or contact record id.
    pub record_id: &'a str,
    /// Lab, for results.
    pub lab_id: &'a str,
    /// Revision.
    pub revision: u32,
    /// Status, for results.
    pub status: ResultStatus,
    /// Finding, for results.
    pub finding: Finding,
    /// The result it replaces, if it does.
    pub replaces: &'a str,
}

impl<'a> Trigger<'a> {
    /// Other rules.
    pub fn rules() -> Self {
        Self {
            origin: None,
            kind: CauseKind::Rules,
            record_id: "",
            lab_id: "",
            revision: 0,
            status: ResultStatus::Unspecified,
            finding: Finding::Unspecified,
            replaces: "",
        }
    }

    /// A deadline passed.
    pub fn deadline() -> Self {
        Self { kind: CauseKind::Deadline, ..Self::rules() }
    }

    /// A result.
    pub fn result(origin: Origin, result: &LabResult<'a>) -> Self {
        Self {
            origin: Some(origin),
            kind: CauseKind::Result,
            record_id: result.result_id,
            lab_id: result.lab_id,
            revision: result.revision,
            status: result.status,
            finding: result.finding,
            replaces: result.replaces_result_id.unwrap_or_default(),
        }
    }

    /// A result of a pool that the person is in.
    pub fn pooled(origin: Origin, wire: &'a v1::PoolFinding) -> Self {
        Self {
            origin: Some(origin),
            kind: CauseKind::Result,
            record_id: &wire.result_id,
            lab_id: &wire.lab_id,
            revision: wire.revision,
            status: wire.status(),
            finding: wire.finding(),
            replaces: "",
        }
    }

    /// A result that was moved away.
    pub fn moved(origin: Origin, wire: &'a v1::LabResult) -> Self {
        Self {
            origin: Some(origin),
            kind: CauseKind::Moved,
            record_id: &wire.result_id,
            lab_id: &wire.lab_id,
            revision: wire.revision,
            status: wire.status(),
            finding: wire.finding(),
            replaces: &wire.replaces_result_id,
        }
    }

    /// Something about a contact record, or a record of a key group.
    pub fn contact(origin: Origin, kind: CauseKind, record_id: &'a str, revision: u32) -> Self {
        Self { origin: Some(origin), kind, record_id, revision, ..Self::rules() }
    }

    /// The link of the chain, without the state the alert gets.
    pub fn cause(&self) -> v1::Cause {
        v1::Cause {
            origin: self.origin.map(Origin::to_wire),
            kind: self.kind as i32,
            state: 0,
            record_id: self.record_id.to_owned(),
            lab_id: self.lab_id.to_owned(),
            revision: self.revision,
            status: self.status as i32,
            finding: self.finding as i32,
            replaces_result_id: self.replaces.to_owned(),
        }
    }
}

/// One state of an alert, with the id of its target: as it is held, the first has no name. Alerts of a person lie in
/// its task's partition: a stalled task delays nobody else's.
pub fn alert(alert: &mut v1::Alert, rules: &Rules, person_task: i32) -> Output {
    let held_as = std::mem::take(&mut alert.target);
    rules.id_of_stored(&held_as).clone_into(&mut alert.target);
    let (key, payload) = (alert.alert_id.clone().into_bytes(), Some(alert.encode_to_vec()));
    alert.target = held_as;
    Output { topic: Topic::Alerts, partition: person_task, key, payload, headers: Vec::new() }
}

/// What has to be done with a person, or that nothing has any more.
pub fn person_duties(person_id: &str, payload: Option<Vec<u8>>, person_task: i32) -> Output {
    let key = person_id.as_bytes().to_vec();
    Output { topic: Topic::PersonDuties, partition: person_task, key, payload, headers: Vec::new() }
}

/// A message to the task of the person it is about.
pub fn person_event(event: &v1::PersonEvent, person_id: &str, person_task: i32) -> Output {
    Output {
        topic: Topic::PersonEvents,
        partition: person_task,
        key: person_id.as_bytes().to_vec(),
        payload: Some(event.encode_to_vec()),
        headers: Vec::new(),
    }
}

/// A content type up to this size is sent on as it is: with it, what fits as an input fits as an event.
const CONTENT_TYPE_BYTES: usize = 256;

/// A record as it is sent on to its person's task: once, as it is, to be decoded there.
pub fn forwarded(record: &Record<'_>) -> Event {
    let kept = |value: &[u8]| match value.len() {
        ..=CONTENT_TYPE_BYTES => value.to_vec(),
        _ => format::media_type(value).to_vec(),
    };
    Event::Record(v1::ForwardedRecord {
        key: record.key.unwrap_or_default().to_vec(),
        payload: record.payload.unwrap_or_default().to_vec(),
        content_type: record.content_type.map(kept),
    })
}

/// The record that was sent on.
pub fn original(origin: Origin, forwarded: &v1::ForwardedRecord) -> Record<'_> {
    Record {
        position: origin.position,
        received_at: origin.received_at,
        key: Some(&forwarded.key[..]).filter(|key| !key.is_empty()),
        payload: Some(&forwarded.payload),
        content_type: forwarded.content_type.as_deref(),
    }
}

/// The result that a message says was moved.
pub fn result_moved(moved: &v1::ResultMoved) -> Result<&v1::LabResult, Reject> {
    moved.result.as_ref().ok_or_else(|| Reject::new(RejectCode::MissingField, "moved.result"))
}

/// A record that cannot be used. What was sent on is set aside as the record it was: its sender knows nothing of our
/// internal topic.
pub fn refused(record: &Record<'_>, reject: &Reject, person_task: i32) -> Output {
    match sent_on(record) {
        Some((origin, sent)) => dead_letter::output(&original(origin, &sent), reject, person_task),
        None => dead_letter::output(record, reject, person_task),
    }
}

fn sent_on(record: &Record<'_>) -> Option<(Origin, v1::ForwardedRecord)> {
    if record.position.topic != Topic::PersonEvents {
        return None;
    }
    let event = decode::event(record, usize::MAX, Formats::default()).ok()?;
    match (Origin::of_event(&event), event.event) {
        (Ok(origin), Some(Event::Record(sent))) => Some((origin, sent)),
        _ => None,
    }
}
