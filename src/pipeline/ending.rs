//! How a record ends. A rejection is none of the [ends](End) of what was used: only [`Half::ended`](super::half::Half::ended)
//! books one, together with what is set aside, so none is rejected without a dead letter.

use super::formats::Newer;
use crate::model::outcome::{End, Reject};

/// The one end of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was used.
    Used(End),
    /// It goes to `dead-letters`, for this reason. Mostly nothing of it was used; of two meanings at one revision the
    /// greater stands all the same, and its lab is to say which is true.
    SetAside(Reject),
}

/// The end of a record, whether it has come to the end of its path or not.
pub fn of(ending: Result<Ending, Stop>) -> Result<Ending, Newer> {
    match ending {
        Ok(ending) | Err(Stop::Here(ending)) => Ok(ending),
        Err(Stop::Newer(newer)) => Err(newer),
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
