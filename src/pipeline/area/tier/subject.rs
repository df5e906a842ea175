//! An area whose tier is asked for, and the answer.

use crate::model::time::Day;
use crate::policy::areas::AreaIndex;
use crate::policy::{Rules, TargetIndex, TierPolicy};
use crate::proto::v1::{TierHysteresis, TierReason};
use crate::state::area::series::Series;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The tier of one area on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<'a> {
    /// The policy that decided.
    pub policy: &'a TierPolicy,
    /// Rank, 0 the mildest.
    pub rank: u32,
    /// What was looked at; those that decided are marked.
    pub reasons: Vec<TierReason>,
    /// What the last days measured, where the day alone does not decide.
    pub hysteresis: Option<TierHysteresis>,
}

impl Decision<'_> {
    /// Name of the tier.
    pub fn tier(&self) -> &str {
        self.policy.tiers.get(self.rank as usize).map_or("", String::as_str)
    }
}

/// An area of the registry with its series of a target.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    pub(super) rules: &'a Rules,
    pub(super) index: AreaIndex,
    pub(super) target: TargetIndex,
    pub(super) series: &'a Series,
    /// Ranks measured so far, by the first day of the policy: tiers of days near each other look at the same days.
    measured: RefCell<BTreeMap<(Day, Day), Option<u32>>>,
}

impl<'a> Subject<'a> {
    /// `None` when the area is not in the registry, or the target is not declared.
    pub fn new(rules: &'a Rules, series: &'a Series) -> Option<Self> {
        let target = rules.target_stored_as(&series.target)?;
        let index = rules.areas.index(&series.code)?;
        Some(Self { rules, index, target, series, measured: RefCell::default() })
    }

    /// The rank that a policy measures on a day, as found before or now.
    pub(super) fn measured(&self, policy: &TierPolicy, day: Day, find: impl FnOnce() -> Option<u32>) -> Option<u32> {
        let key = (policy.effective_from, day);
        let known = self.measured.borrow().get(&key).copied();
        known.unwrap_or_else(|| {
            let found = find();
            self.measured.borrow_mut().insert(key, found);
            found
        })
    }
}

/// Those cases that count for a policy.
pub(super) fn counted<T>(policy: &TierPolicy, all: T, community: T) -> T {
    if policy.community_only { community } else { all }
}

/// The name of a measure of cases.
pub(super) fn scoped(policy: &TierPolicy, measure: &str) -> String {
    format!("{}{measure}", if policy.community_only { "community_" } else { "" })
}
