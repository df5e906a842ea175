//! What an operator says of a day.

use crate::model::time::Day;
use std::collections::BTreeSet;

/// A day that an operator lets close without some of the person tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayIncomplete {
    /// The day.
    pub day: Day,
    /// Person tasks that are not waited for.
    pub without: BTreeSet<i32>,
    /// Who says so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was said.
    pub at: String,
}
