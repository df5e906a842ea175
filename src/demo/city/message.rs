//! What the city publishes: messages as bytes, with what was meant by each.

use crate::model::record::{Layout, Topic, partition_of};
use crate::model::time::Timestamp;
use crate::proto::v1::{ContactRecord, LabResult, PersonGroup, RejectCode};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use std::sync::LazyLock;

/// The content-type of messages in JSON. Protobuf messages carry none.
pub const JSON: &str = "application/json";
/// What clients of a schema registry write before JSON: byte 0, and the id of a schema.
pub const FRAMING: &[u8] = &[0, 0, 0, 0, 7];

/// One message to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `lab-results`, `contact-records` or `person-groups`.
    pub topic: Topic,
    /// Key of the record.
    pub key: Vec<u8>,
    /// The person whose partition it goes into: usually the key, another one when it is mis-keyed.
    pub partition_key: Vec<u8>,
    /// Payload; `None` is a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Header `content-type`.
    pub content_type: Option<&'static str>,
    /// When it arrives.
    pub at: Timestamp,
    /// What was meant.
    pub kind: Kind,
    /// Whether it lies in the partition of another person.
    pub mis_keyed: bool,
}

impl Message {
    /// The partition it goes into.
    pub fn partition(&self, layout: Layout) -> i32 {
        partition_of(&self.partition_key, layout.person_tasks)
    }

    /// The code this record must end with, if it can be known without knowing what came before.
    pub fn expected_code(&self) -> Option<RejectCode> {
        match self.kind {
            Kind::Broken(code) => Some(code),
            _ => None,
        }
    }
}

/// What the city meant with a message. A reader of the stream cannot see this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A final result, nothing special.
    Result,
    /// A preliminary version.
    Preliminary,
    /// A correction of the finding.
    CorrectedFinding,
    /// A correction of the area.
    CorrectedArea,
    /// A result moved to another person.
    MovedPerson,
    /// A version that says no result can be obtained.
    Cancelled,
    /// A version that says the result was never true.
    EnteredInError,
    /// A withdrawn result set in force again by a later version.
    Reinstated,
    /// A drill.
    Training,
    /// The same result again.
    Repeated,
    /// The same specimen and call by another result id.
    SecondEntry,
    /// The same specimen with the other call by another result id.
    Contradiction,
    /// The lab's word which of two calls was wrong.
    Resolution,
    /// The same revision and status with another meaning.
    Conflict,
    /// A contact record.
    Contact,
    /// A changed contact record.
    ContactRevised,
    /// A withdrawn contact record.
    ContactWithdrawn,
    /// A record of a key group.
    Group,
    /// A changed record of a key group.
    GroupRevised,
    /// A withdrawn record of a key group.
    GroupWithdrawn,
    /// A record that cannot be used.
    Broken(RejectCode),
}

/// A message of the contract the city can send.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Result(LabResult),
    Contact(ContactRecord),
    Group(PersonGroup),
}

impl Body {
    pub(super) fn topic(&self) -> Topic {
        match self {
            Body::Result(_) => Topic::LabResults,
            Body::Contact(_) => Topic::ContactRecords,
            Body::Group(_) => Topic::PersonGroups,
        }
    }

    /// The right key.
    pub(super) fn person(&self) -> &str {
        match self {
            Body::Result(result) => match &result.pool {
                Some(pool) => &pool.pool_id,
                None => &result.person_id,
            },
            Body::Contact(contact) => &contact.person_id,
            Body::Group(group) => &group.person_id,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Body::Result(result) => result.encode_to_vec(),
            Body::Contact(contact) => contact.encode_to_vec(),
            Body::Group(group) => group.encode_to_vec(),
        }
    }
}

/// Read once for all cities of the process: the simulation has thousands.
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(crate::proto::DESCRIPTORS).expect("the embedded contract is well-formed"));

/// Writes messages as JSON (proto3 mapping).
#[derive(Debug)]
pub(super) struct JsonWriter {
    result: MessageDescriptor,
    contact: MessageDescriptor,
    group: MessageDescriptor,
}

impl JsonWriter {
    pub(super) fn new() -> Self {
        let named = |name| POOL.get_message_by_name(name).expect("the message is part of the contract");
        Self {
            result: named("swabstream.v1.LabResult"),
            contact: named("swabstream.v1.ContactRecord"),
            group: named("swabstream.v1.PersonGroup"),
        }
    }

    pub(super) fn json(&self, body: &Body) -> Vec<u8> {
        let descriptor = match body {
            Body::Result(_) => &self.result,
            Body::Contact(_) => &self.contact,
            Body::Group(_) => &self.group,
        };
        let dynamic = DynamicMessage::decode(descriptor.clone(), body.encode().as_slice())
            .expect("a message just encoded can be decoded");
        serde_json::to_vec(&dynamic).expect("a message of the contract has a JSON form")
    }
}
