//! The same tier from published numbers, for whoever has the outputs and nothing else.
//!
//! In: `area-positivity` of one area and target, by day; the rules. Out: the tier of a day with its reasons. Windows are as
//! published; cases of single days, which clean days are counted from, are by the registry of their own day, where the
//! area task may have placed them by one that came within two weeks after it.

use super::subject::{Decision, counted};
use super::{clean_day, reach, threshold};
use crate::model::time::Day;
use crate::pipeline::area::positivity::Sums;
use crate::policy::areas::AreaIndex;
use crate::policy::{Rules, TargetIndex, Threshold, TierEngine, TierPolicy};
use crate::proto::v1::{AreaPositivity, TierReason, WindowNumbers};
use std::collections::BTreeMap;

/// Published numbers of an area for a target.
#[derive(Clone, Copy, Debug)]
pub struct Published<'a> {
    /// The rules in force.
    pub rules: &'a Rules,
    /// The area.
    pub area: AreaIndex,
    /// The target.
    pub target: TargetIndex,
    /// By day; a day on which nothing is counted has none.
    pub numbers: &'a BTreeMap<Day, AreaPositivity>,
}

impl<'a> Published<'a> {
    /// The policy that decides on a day; `None` when none does, or the area does not exist.
    pub fn policy(&self, day: Day) -> Option<&'a TierPolicy> {
        self.rules.tier_policy_of(self.area, self.target, day)
    }

    /// The first day whose numbers the tier of a day follows from.
    pub fn looked_at_from(policy: &TierPolicy, day: Day) -> Day {
        match &policy.engine {
            TierEngine::CleanDay(_) => day.plus(-reach(policy)),
            TierEngine::Threshold(engine) => day.plus(1 - engine.days_looked_at()),
        }
    }

    /// The tier of a day.
    pub fn decide(&self, day: Day) -> Option<Decision<'a>> {
        let policy = self.policy(day)?;
        match &policy.engine {
            TierEngine::CleanDay(steps) => Some(clean_day::by_cases(policy, steps, day, |on| self.cases(policy, on))),
            TierEngine::Threshold(engine) => {
                let all = Self::looked_at_from(policy, day).0..=day.0;
                let measured =
                    all.map(|on| threshold::gravest(&self.bands(policy, engine, Day(on)))).collect::<Vec<_>>();
                threshold::concluded(policy, engine, day, self.bands(policy, engine, day), &measured)
            }
        }
    }

    /// What each measure of a policy by thresholds gives on a day alone; nothing of any other.
    pub fn measures(&self, policy: &TierPolicy, day: Day) -> Vec<TierReason> {
        match &policy.engine {
            TierEngine::CleanDay(_) => Vec::new(),
            TierEngine::Threshold(engine) => {
                self.bands(policy, engine, day).into_iter().map(|(_, reason)| reason).collect()
            }
        }
    }

    fn bands(&self, policy: &TierPolicy, engine: &Threshold, day: Day) -> Vec<threshold::Band> {
        if !self.rules.areas.exists(self.area, day) {
            return Vec::new();
        }
        let population = self.rules.areas.population(self.area, day);
        threshold::bands_of(policy, engine, population, |measure| self.sums(day, measure.window_days))
    }

    fn cases(&self, policy: &TierPolicy, day: Day) -> i64 {
        let sums = self.sums(day, 1);
        counted(policy, sums.cases, sums.community_cases)
    }

    /// Sums over all purposes of a window that ends on a day.
    fn sums(&self, end: Day, days: i32) -> Sums {
        let purposes = self.numbers.get(&end).map_or(&[][..], |numbers| &numbers.purposes);
        let total = purposes.iter().find(|purpose| purpose.purpose.is_empty());
        let window = total.and_then(|total| total.windows.iter().find(|window| window.days == days.unsigned_abs()));
        window.map_or_else(Sums::default, Sums::from)
    }
}

impl From<&WindowNumbers> for Sums {
    fn from(of: &WindowNumbers) -> Self {
        Self {
            positive_tests: of.positive_tests,
            conclusive_tests: of.conclusive_tests,
            other_tests: of.other_tests,
            cases: of.cases,
            community_cases: of.community_cases,
            people_positive: of.people_positive.unwrap_or(0),
            people_tested: of.people_tested.unwrap_or(0),
        }
    }
}
