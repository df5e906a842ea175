//! Rules as dated data: what medicine and administration decided, never constants in code.
//!
//! In: the records of the `rules` topic. Out: [`Rules`], parsed once, asked per record.

use crate::model::target::FIRST;
use crate::model::time::{Day, Timestamp};
use std::collections::BTreeMap;

pub mod areas;
pub mod case;
pub mod closes;
pub mod deployment;
pub mod error;
mod load;
mod lookup;
pub mod marks;
pub mod plan;
pub mod records;
pub mod sample;
pub mod set;
pub mod source;
pub mod tier;
pub mod windows;
pub mod years;

use areas::{AreaIndex, Areas};
pub use case::{CasePolicy, CaseSeverity, EpisodeForm, Frequency, GroupTests, ObservationDays, TestDays};
pub use deployment::{AreaMeaning, Deployment, Target, TargetIndex, UNDECLARED_TARGET};
pub use error::RuleError;
use lookup::Lookup;
pub use marks::DayIncomplete;
pub use tier::clean_day::CleanDayStep;
pub use tier::threshold::{Measure, MeasureKind, Threshold};
pub use tier::{TierEngine, TierPolicy, TierSeverity};
pub use windows::{LONGEST_WINDOW, WINDOWS};

/// Index of a lab in the registry of one digest.
pub type LabIndex = u32;

/// All rules in force, as of one digest.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Lower-case hex of the digest over all records.
    pub digest: String,
    /// What is declared once.
    pub deployment: Deployment,
    /// Case policies by first day, in order; at least one for the first target.
    pub cases: Vec<CasePolicy>,
    /// Of each target, where in `cases` those that are for it lie, in order.
    cases_of: Vec<Vec<u32>>,
    /// Targets by id and by alias.
    target_by_text: Lookup,
    /// Tier policies, in no order.
    pub tiers: Vec<TierPolicy>,
    /// The area registry.
    pub areas: Areas,
    /// Lab ids and names, by id.
    pub labs: Vec<(String, String)>,
    lab_by_id: Lookup,
    /// Days that close without some of the tasks.
    incomplete: BTreeMap<Day, DayIncomplete>,
    /// Numbers of purposes, from 1.
    purpose_by_name: Lookup,
    /// What all of it was made from, by key: the digest is over these bytes.
    records: Vec<(String, Vec<u8>)>,
}

impl Rules {
    /// The case policy of a target on a day: the newest that has begun, or the earliest; `None` when none is for the
    /// target, which then has neither cases nor alerts about positives.
    pub fn case_policy(&self, target: TargetIndex, day: Day) -> Option<&CasePolicy> {
        let own = self.cases_of.get(usize::from(target))?;
        let begun = own.partition_point(|at| self.cases[*at as usize].effective_from <= day);
        Some(&self.cases[*own.get(begun.saturating_sub(1))? as usize])
    }

    /// From when on a test of a day is overdue by the policy of that day: the time for its result is over.
    pub fn overdue_from(&self, policy: &CasePolicy, day: Day) -> Timestamp {
        self.span(day.plus(1)).0.plus_hours(policy.test_grace_hours)
    }

    /// The policy that says on a day which results of a target are taken, and how grave a contradiction is: its own, or
    /// that of the first target.
    pub fn intake_policy(&self, target: TargetIndex, day: Day) -> &CasePolicy {
        let own = self.case_policy(target, day).or_else(|| self.case_policy(0, day));
        own.unwrap_or(&self.cases[0])
    }

    /// The tier policy of a level and target on a day, if any.
    pub fn tier_policy(&self, level: u8, target: TargetIndex, day: Day) -> Option<&TierPolicy> {
        let holds = |policy: &&TierPolicy| {
            policy.levels.contains(&level)
                && policy.target == target
                && policy.effective_from <= day
                && policy.effective_until.is_none_or(|until| day < until)
        };
        self.tiers.iter().filter(holds).max_by_key(|policy| policy.effective_from)
    }

    /// The tier policy that decides on an area for a target on a day; `None` when none does, or the area does not exist.
    pub fn tier_policy_of(&self, area: AreaIndex, target: TargetIndex, day: Day) -> Option<&TierPolicy> {
        let level = self.areas.list[area as usize].level;
        self.tier_policy(level, target, day).filter(|_| self.areas.exists(area, day))
    }

    /// The civil day of an instant.
    pub fn day(&self, at: Timestamp) -> Day {
        self.deployment.zone.day(at)
    }

    /// The first and the last minute of a civil day.
    pub fn span(&self, day: Day) -> (Timestamp, Timestamp) {
        self.deployment.zone.span(day)
    }

    /// Where a lab stands in `labs`; `None` when it is not in the registry.
    pub fn lab(&self, lab_id: &str) -> Option<LabIndex> {
        self.lab_by_id.get(lab_id)
    }

    /// The number of a purpose, from 1 (0 is the total); `None` when it is not one of the deployment's.
    pub fn purpose(&self, name: &str) -> Option<u8> {
        u8::try_from(self.purpose_by_name.get(name)?).ok()
    }

    /// The target that a result or record names by its id or an alias; `None` when none is declared so.
    #[inline]
    pub fn target(&self, text: &str) -> Option<TargetIndex> {
        self.target_by_text.get(text).map(|target| target as TargetIndex)
    }

    /// The id of a target of these rules.
    pub fn target_id(&self, target: TargetIndex) -> &str {
        &self.deployment.targets[usize::from(target)].id
    }

    /// The name of a target of these rules in [stored texts](crate::model::target): none for the first.
    pub fn stored_target(&self, target: TargetIndex) -> &str {
        if target == 0 { FIRST } else { self.target_id(target) }
    }

    /// The target of a name in stored texts; `None` when it is declared no more.
    pub fn target_stored_as(&self, name: &str) -> Option<TargetIndex> {
        if name == FIRST { Some(0) } else { self.target(name).filter(|target| self.stored_target(*target) == name) }
    }

    /// The id behind a name in stored texts, also of a target that is declared no more.
    pub fn id_of_stored<'a>(&'a self, name: &'a str) -> &'a str {
        if name == FIRST { self.target_id(0) } else { name }
    }
}
