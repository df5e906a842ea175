//! What a recount comes to.

use super::alerts::LiveAlert;
use super::duties::ToDo;
use super::tiers::{Tier, TierChange};
use crate::audit::cells::Cells;
use crate::model::time::Day;
use crate::proto::v1::AreaPositivity;
use std::collections::{BTreeMap, BTreeSet};

/// What must be true once all records were read.
#[derive(Debug)]
pub struct Truth {
    /// Live alerts about people.
    pub alerts: BTreeSet<LiveAlert>,
    /// Numbers by area and last day.
    pub positivity: BTreeMap<(String, Day), AreaPositivity>,
    /// Today's tiers by area.
    pub tiers: BTreeMap<String, Tier>,
    /// Days on which tiers changed, by area and day.
    pub tier_changes: BTreeMap<(String, Day), TierChange>,
    /// What area tasks must have counted.
    pub cells: Cells,
    /// What has to be done with people.
    pub duties: BTreeMap<String, ToDo>,
}
