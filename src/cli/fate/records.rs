//! A record of a result, and a record that was set aside, as they were found.

use crate::model::outcome::RejectCode;
use crate::model::record::Position;
use crate::model::time::Timestamp;
use crate::proto::v1::{LabResult, ResultStatus};

/// A record of a result.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// Where it lies.
    pub(super) place: Position,
    /// When the broker received it.
    pub(super) received_at: Timestamp,
    /// What it says.
    pub(super) result: LabResult,
    /// Keyed hash of what it means.
    pub(super) content: u64,
    /// It is to have no effect.
    pub(super) is_drill: bool,
}

impl Version {
    /// The greatest stands.
    pub(super) fn rank(&self) -> (u32, i32, i32, u64) {
        (self.result.revision, self.result.status, self.result.finding, self.content)
    }

    /// Whom it is of: a person, or a pool.
    pub(super) fn subject(&self) -> &str {
        self.result.pool.as_ref().map_or(&self.result.person_id, |pool| &pool.pool_id)
    }

    /// Whether it takes the result back.
    pub(super) fn withdraws(&self) -> bool {
        matches!(self.result.status(), ResultStatus::Cancelled | ResultStatus::EnteredInError)
    }
}

/// A record that was set aside.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// Where its dead letter lies.
    pub(super) place: Position,
    /// Where it lay.
    pub(super) origin: Option<Position>,
    /// When it was received.
    pub(super) received_at: Option<Timestamp>,
    /// Why; `None` of a code that this version does not know.
    pub(super) code: Option<RejectCode>,
    /// Which field.
    pub(super) field: String,
}

impl Letter {
    /// Whether it is in doubt, and not in error: it counts among the versions all the same.
    pub(super) fn is_conflict(&self) -> bool {
        self.code == Some(RejectCode::Conflict)
    }
}
