//! A contact record, after validation.

use super::time::Timestamp;
pub use crate::proto::v1::{ContactKind, ContactStatus};

/// One valid version of one contact record. It borrows the decoded message.
#[derive(Clone, Copy, Debug)]
pub struct ContactRecord<'a> {
    /// The tracer's id of the record.
    pub record_id: &'a str,
    /// Version.
    pub revision: u32,
    /// Whether it holds; never unspecified.
    pub status: ContactStatus,
    /// The exposed person.
    pub person_id: &'a str,
    /// The person exposed to; another one.
    pub index_person_id: &'a str,
    /// How close; never unspecified.
    pub kind: ContactKind,
    /// First moment of exposure.
    pub exposure_start: Timestamp,
    /// Last moment of exposure, not before the first.
    pub exposure_end: Timestamp,
    /// Management order, from when it held (never before it was given) to when.
    pub order: Option<(Timestamp, Timestamp)>,
    /// What the exposure was to, as it was sent: an id or an alias of a target, if it names one.
    pub target: Option<&'a str>,
}
