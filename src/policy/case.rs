//! Case policies: how results become cases and alerts.

use super::deployment::TargetIndex;
use super::years::Years;
use crate::model::contact::ContactKind;
use crate::model::time::Day;
use crate::proto::v1::Severity;

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
    /// On which of these a contact is to be tested.
    pub test_days: TestDays,
    /// A due test is overdue so long after the end of its day.
    pub test_grace_hours: i64,
    /// Exposures ending at most so many days before the first positive are traced.
    pub trace_days_before: i32,
    /// Exposures starting at most so many days after the last positive are traced.
    pub trace_days_after: i32,
    /// Whether results of unknown labs are applied (counted apart) or rejected.
    pub accept_unknown_labs: bool,
    /// Years in which what a record says can have been.
    pub years: Years,
    /// Hours after the report of a pool that leaves its members open by which all of them are to be tested alone.
    pub pool_recall_hours: i64,
    /// Hours after that from which on members of whom nothing is known are overdue.
    pub pool_grace_hours: i64,
    /// Hours after the midnight that ends a day at which it is closed.
    pub day_close_hours: i64,
    /// How often whoever is in a key group is tested: each group once.
    pub groups: Vec<GroupTests>,
    /// How grave its alerts are.
    pub severity: CaseSeverity,
}

/// How often whoever is in a key group is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTests {
    /// The group.
    pub group: String,
    /// When.
    pub frequency: Frequency,
    /// Whether an alert tells of whoever has missed a test.
    pub alert: bool,
}

impl CasePolicy {
    /// How often whoever is in a group is tested; `None` of a group that it does not name.
    pub fn group_tests(&self, group: &str) -> Option<&GroupTests> {
        self.groups.iter().find(|tests| tests.group == group)
    }
}

/// When somebody in a key group is to be tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frequency {
    /// So many days after the last swab, or the day before entry, and each day from then on.
    EveryDays(i32),
    /// On these days after the first one in the group, ascending.
    AfterEntry(Vec<i32>),
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

/// Days after exposure on which a test is due, ascending, by how close the contact was: 1 is the first civil day after that
/// on which the exposure ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestDays {
    /// Of a close contact.
    pub close: Vec<i32>,
    /// Of a secondary contact.
    pub secondary: Vec<i32>,
    /// Of somebody who was exposed to the same.
    pub co_exposed: Vec<i32>,
}

impl TestDays {
    /// Those of contacts of a kind.
    pub fn of(&self, kind: ContactKind) -> &[i32] {
        match kind {
            ContactKind::Close | ContactKind::Unspecified => &self.close,
            ContactKind::Secondary => &self.secondary,
            ContactKind::CoExposed => &self.co_exposed,
        }
    }
}

/// How grave alerts about people are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseSeverity {
    /// Found while no management order held.
    pub community: Severity,
    /// Found while one held.
    pub managed: Severity,
    /// Old news, preliminary or not, or a test that had been due for long when it was known of.
    pub historic: Severity,
    /// Resting on preliminary results only.
    pub preliminary: Severity,
    /// A specimen that contradicts itself.
    pub contradiction: Severity,
    /// A due test that was not taken.
    pub overdue: Severity,
    /// A pool that leaves its members open.
    pub pool: Severity,
    /// Members of such a pool who were not tested in time.
    pub pool_overdue: Severity,
    /// Somebody in a key group whose test is overdue.
    pub group_overdue: Severity,
}

/// Hours until the recall of a pool's members, where a policy does not say: the day after.
pub const POOL_RECALL_HOURS: u32 = 24;

/// Hours until a day is closed, where a policy does not say: a result that takes as long as rules of reporting let it is
/// in by then.
pub const DAY_CLOSE_HOURS: u32 = 24;

impl Default for CaseSeverity {
    fn default() -> Self {
        Self {
            community: Severity::High,
            managed: Severity::Moderate,
            historic: Severity::Info,
            preliminary: Severity::Info,
            contradiction: Severity::High,
            overdue: Severity::Moderate,
            pool: Severity::High,
            pool_overdue: Severity::High,
            group_overdue: Severity::Moderate,
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
