//! A laboratory's result, after validation: nothing in it needs another check.

use super::time::Timestamp;
use crate::proto::v1::CtValue;
pub use crate::proto::v1::{Finding, ResultStatus, TimePrecision};

/// One valid version of one result of one person. It borrows the decoded message.
#[derive(Clone, Copy, Debug)]
pub struct LabResult<'a> {
    /// The laboratory.
    pub lab_id: &'a str,
    /// The lab's id of the result.
    pub result_id: &'a str,
    /// Version.
    pub revision: u32,
    /// What the version is; never unspecified.
    pub status: ResultStatus,
    /// Pseudonym.
    pub person_id: &'a str,
    /// Person the result is moved away from.
    pub previous_person_id: Option<&'a str>,
    /// Another result of the same lab that this one replaces.
    pub replaces_result_id: Option<&'a str>,
    /// Barcode.
    pub specimen_id: &'a str,
    /// What was looked for, as it was sent: an id or an alias of a target.
    pub target: &'a str,
    /// When the specimen was taken; where only the day is known, the first minute of it.
    pub collected_at: Timestamp,
    /// How exactly that is known.
    pub precision: TimePrecision,
    /// Code of an area that exists in the registry on that day.
    pub area: &'a str,
    /// Name of one of the deployment's purposes.
    pub purpose: &'a str,
    /// The lab's call; unspecified only where it takes the result back.
    pub finding: Finding,
    /// Cycle thresholds.
    pub ct_values: &'a [CtValue],
    /// Kit, empty when not named.
    pub kit: &'a str,
    /// No effect wanted.
    pub training: bool,
}
