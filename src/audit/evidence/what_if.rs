//! What other rules in the place of those in force would make of the same inputs.
//!
//! In: all that was read, and the other rules. Out: what must be true by either. Both are counted anew from the same
//! records, those that were taken by the rules in force: what was refused stays so until it is sent again.

use super::reading::Evidence;
use crate::audit::recount::Truth;
use crate::model::time::Day;
use crate::policy::Rules;
use std::sync::Arc;

/// What must be true by the rules in force, and by others.
#[derive(Debug)]
pub struct WhatIf {
    /// By those in force.
    pub now: Truth,
    /// By the others.
    pub then: Truth,
    /// Of days before nothing is said: people are not held for them, so what was published stays, or inputs were deleted.
    pub first_day: Day,
}

impl Evidence {
    /// What must be true by the rules in force and by others; `Err` says why that cannot be counted now.
    pub fn what_if(mut self, others: Arc<Rules>) -> Result<WhatIf, String> {
        self.admit_by_what_held_then();
        self.leave_out_what_is_in_flight();
        if let Some(why) = self.why_not_recounted() {
            return Err(why);
        }
        let areas = self.area_tasks()?;
        let (known, passed) = (self.known(&areas), self.passed());
        let now = self.truth(&areas, &passed);
        self.setting.rules.rules = others;
        let then = self.truth(&areas, &passed);
        Ok(WhatIf { now, then, first_day: known.closed_before.max(known.complete_from.unwrap_or_default()) })
    }
}
