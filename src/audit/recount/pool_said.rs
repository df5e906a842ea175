//! What an alert about a pool says beyond what every alert does.

use crate::model::time::Timestamp;
use crate::proto::v1::{Alert, Finding};

/// Alerts list so many members at most.
const LISTED_AT_MOST: usize = 1_000;

/// What an alert says of a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolSaid {
    /// The pool.
    pub pool: String,
    /// What it was found.
    pub finding: Finding,
    /// Who is in it, in order: person, area, and what was found since.
    pub members: Vec<(String, String, Finding)>,
    /// Members that are not listed.
    pub members_omitted: u32,
    /// Members of whom nothing was found since.
    pub awaited: u32,
    /// All were found negative.
    pub all_negative: bool,
    /// By when all are to be tested.
    pub recall_by: Option<Timestamp>,
}

impl PoolSaid {
    /// What a published alert says.
    pub fn of(alert: &Alert) -> Option<Self> {
        let member = |one: &crate::proto::v1::MemberOfPool| (one.person_id.clone(), one.area.clone(), one.finding());
        (!alert.pool_id.is_empty()).then(|| Self {
            pool: alert.pool_id.clone(),
            finding: alert.finding(),
            members: alert.members.iter().map(member).collect(),
            members_omitted: alert.members_omitted,
            awaited: alert.awaited,
            all_negative: alert.all_negative,
            recall_by: alert.recall_by.as_ref().and_then(Timestamp::from_wire),
        })
    }

    /// As an alert lists it.
    pub fn listed(&self) -> Self {
        let mut listed = self.clone();
        listed.members_omitted = self.members.len().saturating_sub(LISTED_AT_MOST) as u32;
        listed.members.truncate(LISTED_AT_MOST);
        listed
    }

    /// Of those who are listed, the ones who are still awaited.
    pub fn awaiting(&self) -> Self {
        let mut awaited = self.listed();
        awaited.members.retain(|(.., finding)| *finding == Finding::Unspecified);
        awaited.members_omitted = self.awaited - awaited.members.len() as u32;
        awaited
    }

    /// The same without what members were found since.
    pub fn without_findings(&self) -> Self {
        let members = self.members.iter().map(|(person, area, _)| (person.clone(), area.clone(), Finding::Unspecified));
        Self { members: members.collect(), awaited: 0, all_negative: false, ..self.clone() }
    }
}
