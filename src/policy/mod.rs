//! Rules as dated data: what medicine and administration decided, never constants in code.
//!
//! In: the records of the `rules` topic. Out: [`Rules`], parsed once, asked per record.

use crate::model::target::FIRST;
use crate::model::time::{Day, Timestamp, Zone};

pub mod areas;
pub mod error;
mod load;
pub mod plan;
pub mod records;
pub mod sample;
pub mod set;
pub mod source;
pub mod tier;
pub mod years;

use crate::proto::v1::Severity;
use areas::Areas;
pub use error::RuleError;
use hashbrown::HashMap;
pub use tier::clean_day::CleanDayStep;
pub use tier::threshold::{Measure, MeasureKind};
pub use tier::{TierEngine, TierPolicy, TierSeverity};
use years::Years;

/// Index of a lab in the registry of one digest.
pub type LabIndex = u32;

/// Index of a target among those of a deployment, by one set of rules; 0 is the first.
pub type TargetIndex = u8;

/// The id of the only target of a deployment that declares none.
pub const UNDECLARED_TARGET: &str = "sars-cov-2";

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
    target_by_text: HashMap<String, TargetIndex>,
    /// Tier policies, in no order.
    pub tiers: Vec<TierPolicy>,
    /// The area registry.
    pub areas: Areas,
    /// Lab ids and names, by id.
    pub labs: Vec<(String, String)>,
    lab_by_id: HashMap<String, LabIndex>,
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
        self.lab_by_id.get(lab_id).copied()
    }

    /// The number of a purpose, from 1 (0 is the total); `None` when it is not one of the deployment's.
    pub fn purpose(&self, name: &str) -> Option<u8> {
        let at = self.deployment.purposes.iter().position(|purpose| purpose == name)?;
        u8::try_from(at + 1).ok()
    }

    /// The target that a result or record names by its id or an alias; `None` when none is declared so.
    #[inline]
    pub fn target(&self, text: &str) -> Option<TargetIndex> {
        // Nearly every result is of the first target, by its id.
        if text == self.deployment.targets[0].id {
            return Some(0);
        }
        self.target_by_text.get(text).copied()
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

/// What is declared once for a deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The zone's name.
    pub zone_name: String,
    /// Where civil days begin.
    pub zone: Zone,
    /// Whether areas are residences or places of sampling.
    pub area_meaning: AreaMeaning,
    /// Names of the levels, coarse to fine; an area's level is an index here.
    pub levels: Vec<String>,
    /// Whether each level keeps distinct people.
    pub keeps_people: Vec<bool>,
    /// Purposes a result may have.
    pub purposes: Vec<String>,
    /// What may be looked for, the first target first; at least one. Together with purposes at most 250 pairs.
    pub targets: Vec<Target>,
    /// Whether they were declared: else there is [one](UNDECLARED_TARGET), which is only supposed.
    pub targets_declared: bool,
}

/// One thing that may be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As outputs name it.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Other texts that name it.
    pub aliases: Vec<String>,
}

/// What the area of a result means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaMeaning {
    /// Where the person lives.
    Residence,
    /// Where the swab was taken.
    Sampling,
}

/// How results become cases and alerts, from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasePolicy {
    /// `id@version`, as printed on decisions.
    pub name: String,
    /// First day it holds.
    pub effective_from: Day,
    /// The targets it is for.
    pub targets: Vec<TargetIndex>,
    /// Of these, those that contact records which name no target are about.
    pub unnamed_contacts: Vec<TargetIndex>,
    /// A specimen collected longer before its receipt is rejected.
    pub horizon_days: i32,
    /// A positive within this many days of the anchor belongs to the same episode.
    pub episode_gap_days: i32,
    /// Which positive anchors the gap.
    pub episode_form: EpisodeForm,
    /// Older positives are historic when first received.
    pub historic_after_hours: i64,
    /// Whether a preliminary positive raises an alert.
    pub preliminary_alerts: bool,
    /// In which a test matches.
    pub observation_days: ObservationDays,
    /// Exposures ending at most so many days before the first positive are traced.
    pub trace_days_before: i32,
    /// Exposures starting at most so many days after the last positive are traced.
    pub trace_days_after: i32,
    /// Whether results of unknown labs are applied (counted apart) or rejected.
    pub accept_unknown_labs: bool,
    /// Years in which what a record says can have been.
    pub years: Years,
    /// How grave its alerts are.
    pub severity: CaseSeverity,
}

/// Days after exposure in which a test matches, by how close the contact was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservationDays {
    /// Of a close contact.
    pub close: i32,
    /// Of a secondary contact.
    pub secondary: i32,
    /// Of somebody who was exposed to the same.
    pub co_exposed: i32,
}

/// How grave alerts about people are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseSeverity {
    /// Found while no management order held.
    pub community: Severity,
    /// Found while one held.
    pub managed: Severity,
    /// Old news, preliminary or not.
    pub historic: Severity,
    /// Resting on preliminary results only.
    pub preliminary: Severity,
    /// A specimen that contradicts itself.
    pub contradiction: Severity,
}

impl Default for CaseSeverity {
    fn default() -> Self {
        Self {
            community: Severity::High,
            managed: Severity::Moderate,
            historic: Severity::Info,
            preliminary: Severity::Info,
            contradiction: Severity::High,
        }
    }
}

/// The two forms of the episode rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpisodeForm {
    /// The gap runs from the last positive specimen.
    FromLastPositive,
    /// The gap runs from the first positive specimen of the episode.
    FromFirstPositive,
}

/// The windows positivity is kept for, in days.
pub const WINDOWS: [i32; 4] = [1, 3, 7, 14];

/// The longest window: no number looks further back.
pub const LONGEST_WINDOW: i32 = 14;

// A gap that is longer than any window is as good as none.
const _: () = assert!(crate::model::cell::GAPS == LONGEST_WINDOW as usize + 1);
