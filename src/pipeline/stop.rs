//! How a record leaves the pipeline before its end, by `?`.

use crate::model::outcome::{Outcome, Reject};

/// A record that goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing more is to be done: this is its outcome.
    At(Outcome),
    /// It cannot be used: it goes to `dead-letters`.
    Refused(Reject),
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Stop::Refused(reject)
    }
}
