//! How a record ends. A rejection is none of the [`End`]s of what was used: only [`Half::ended`](super::half::Half::ended)
//! books one, together with what is set aside, so none is rejected without a dead letter.

use super::formats::Newer;
use crate::model::outcome::{Outcome, Reject};

/// The one end of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was used.
    Used(End),
    /// It goes to `dead-letters`, for this reason. Mostly nothing of it was used; of two meanings at one revision the
    /// greater stands all the same, and its lab is to say which is true.
    SetAside(Reject),
}

/// Where a record that was used ended; see [`Outcome`] for what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A new result stands.
    Accepted,
    /// A version replaced an earlier one.
    Corrected,
    /// A version withdrew the result.
    Withdrawn,
    /// A preliminary version stands.
    Preliminary,
    /// The same meaning was already known.
    Duplicate,
    /// Another result of the same specimen with the same finding.
    DuplicateSpecimen,
    /// A later version already stands.
    Superseded,
    /// A negative and a positive stand for one specimen.
    Contradiction,
    /// Training mode.
    Training,
    /// Sent on to its person's task.
    Forwarded,
    /// A contact record, or what it says to the index, was applied.
    ContactApplied,
    /// A mark of time.
    TimeMark,
    /// A batch of changes was added.
    ChangesApplied,
    /// A result of a lab that is not in the registry was applied.
    AcceptedUnknownLab,
}

impl From<End> for Outcome {
    fn from(end: End) -> Self {
        match end {
            End::Accepted => Outcome::Accepted,
            End::Corrected => Outcome::Corrected,
            End::Withdrawn => Outcome::Withdrawn,
            End::Preliminary => Outcome::Preliminary,
            End::Duplicate => Outcome::Duplicate,
            End::DuplicateSpecimen => Outcome::DuplicateSpecimen,
            End::Superseded => Outcome::Superseded,
            End::Contradiction => Outcome::Contradiction,
            End::Training => Outcome::Training,
            End::Forwarded => Outcome::Forwarded,
            End::ContactApplied => Outcome::ContactApplied,
            End::TimeMark => Outcome::TimeMark,
            End::ChangesApplied => Outcome::ChangesApplied,
            End::AcceptedUnknownLab => Outcome::AcceptedUnknownLab,
        }
    }
}

/// Why a record goes no further on its path. What has come to the end of it returns its [`Ending`] instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing more is to be done: this is its end.
    Here(Ending),
    /// It is not for this version to read, and no end of it may be booked: the task stops before it.
    Newer(Newer),
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Stop::Here(Ending::Used(end))
    }
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Stop::Here(Ending::SetAside(reject))
    }
}

impl From<Newer> for Stop {
    fn from(newer: Newer) -> Self {
        Stop::Newer(newer)
    }
}
