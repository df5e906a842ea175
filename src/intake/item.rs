//! What a row of a file is.

use crate::model::outcome::{Reject, RejectCode};
use crate::model::time::Timestamp;

/// One row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Line it begins on, from 1; the row of a sheet, and for protobuf the number of the message.
    pub line: u64,
    /// What it is.
    pub content: Content,
}

/// What a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A record as it would be published. Whether it is valid is not known yet.
    Message(Message),
    /// It cannot become a record.
    Refused(Fault),
    /// Left out by the rule of this number in the map.
    Skipped(usize),
}

/// A record to be published, but for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Payload.
    pub payload: Vec<u8>,
    /// What the payload is.
    pub content_type: ContentType,
    /// When it arrived in the past, where the map says.
    pub arrived_at: Option<Timestamp>,
    /// Whether the map makes its revision of a time of release, and the row has only the day of it.
    pub is_released_by_day: bool,
}

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// Protobuf.
    Protobuf,
    /// The proto3 JSON mapping.
    Json,
}

impl ContentType {
    /// Value of the header `content-type`.
    pub fn header(self) -> &'static str {
        match self {
            ContentType::Protobuf => "application/x-protobuf",
            ContentType::Json => "application/json",
        }
    }
}

/// Why a row is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Code and field, as a dead letter would have them.
    pub reject: Reject,
    /// What is known beyond that, e.g. the column. Never a value of the row.
    pub detail: String,
    /// What to do, where it is something else than of most with this code.
    pub action: Option<&'static str>,
}

impl Fault {
    /// A code about a field, with what else is known.
    pub fn new(code: RejectCode, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { reject: Reject::new(code, field), detail: detail.into(), action: None }
    }

    /// What to do about it, where the advice on its code would not help.
    pub fn with_action(self, action: &'static str) -> Self {
        Self { action: Some(action), ..self }
    }
}

impl From<Reject> for Fault {
    fn from(reject: Reject) -> Self {
        Self { reject, detail: String::new(), action: None }
    }
}
