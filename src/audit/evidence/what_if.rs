//! What other rules in the place of those in force would make of the same inputs.
//!
//! In: all that was read, and the other rules. Out: what must be true by either. Both are counted anew from the same
//! records, those that were taken by the rules in force: what was refused stays so until it is sent again.

use super::reading::Evidence;
use crate::audit::dead_letters;
use crate::audit::recount::Truth;
use crate::audit::stored::AreaTask;
use crate::model::time::Day;
use crate::policy::Rules;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What must be true by the rules in force, and by others.
#[derive(Debug)]
pub struct WhatIf {
    /// By those in force.
    pub now: Truth,
    /// By the others.
    pub then: Truth,
    /// People are not held for days before: what was published of them stays.
    pub first_day: Day,
    /// Inputs of days before were deleted by retention: nothing is said of those.
    pub complete_from: Option<Day>,
}

impl Evidence {
    /// What must be true by the rules in force and by others; `Err` says why that cannot be counted now.
    pub fn what_if(mut self, others: Arc<Rules>) -> Result<WhatIf, String> {
        let letters_deleted = dead_letters::were_deleted(&self.cut);
        self.inputs.apply_earlier_limits(&self.dead_letters, self.setting.rules.changed, letters_deleted);
        self.inputs.admit_what_was_taken_earlier(&self.dead_letters, &self.heads, letters_deleted);
        self.inputs.leave_out_what_is_in_flight(&self.in_flight, &self.cut);
        if let Some(why) = self.why_not_recounted() {
            return Err(why);
        }
        let stored = self.areas.iter().map(|(task, stored)| Ok((*task, stored.area_task()?)));
        let areas: BTreeMap<i32, AreaTask> = stored.collect::<Result<_, String>>()?;
        let (known, passed) = (self.known(&areas), self.passed());
        let now = self.truth(&areas, &passed);
        self.setting.rules.rules = others;
        let then = self.truth(&areas, &passed);
        Ok(WhatIf { now, then, first_day: known.closed_before, complete_from: known.complete_from })
    }
}
