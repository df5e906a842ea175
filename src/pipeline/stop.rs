//! How a record ends: used, or refused. A rejection is none of the ends a step can give: only `Half::ended` books
//! one, together with the letter it goes to `dead-letters` by.

use crate::model::outcome::{Outcome, Reject};

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

/// A record that goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing more is to be done: this is its end.
    At(End),
    /// It cannot be used: it goes to `dead-letters`.
    Refused(Reject),
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Stop::Refused(reject)
    }
}
