//! From an area's cells to its tier on a day, by the policy of that day: two engines.
//!
//! In: a series, the rules, a day. Out: a [`Decision`] with its reasons and the numbers behind them. Pure: the tier of
//! any day, also a past one, can be asked again at any time and says what is known now. Day 0 is the specimen day.

pub mod alert;
mod clean_day;
mod hysteresis;
pub mod published;
mod subject;
mod threshold;

use crate::model::time::{Day, Timestamp};
use crate::policy::{LONGEST_WINDOW, TierEngine, TierPolicy};
pub use subject::{Decision, Subject};

impl<'a> Subject<'a> {
    /// Its tier on a day; `None` when no policy decides on it, it does not exist, or nothing is known.
    pub fn decide(&self, day: Day) -> Option<Decision<'a>> {
        let policy = self.policy(day)?;
        match &policy.engine {
            TierEngine::CleanDay(steps) => Some(clean_day::decide(self, policy, steps, day)),
            TierEngine::Threshold(engine) => threshold::decide(self, policy, engine, day),
        }
    }

    /// Its tier as it stands on a day, and the day that this is of. After the day `whole` the results of some people are
    /// missing: with what is known of those days it goes up, and not down.
    pub fn standing(&self, day: Day, whole: Day) -> Option<(Day, Decision<'a>)> {
        self.policy(day)?;
        let days = (whole.min(day).0..=day.0).map(Day);
        days.filter_map(|day| Some((day, self.decide(day)?))).max_by_key(|(day, decision)| (decision.rank, *day))
    }

    /// The policy that decides on it on a day; `None` when none does, or it does not exist.
    pub(super) fn policy(&self, day: Day) -> Option<&'a TierPolicy> {
        self.rules.tier_policy_of(self.index, self.target, day)
    }

    /// Whether a change of tier on a day is old news at a time, as a positive swabbed in the last minute of the day would
    /// be: results of the evening that come after midnight wake somebody, those of last month do not.
    pub fn is_old_news(&self, day: Day, at: Timestamp) -> bool {
        let (_, last) = self.rules.span(day);
        let hours = self.rules.intake_policy(self.target, day).historic_after_hours;
        at.minute() > last.plus_hours(hours).minute()
    }

    /// The first day after `today` on which a milder tier follows if nothing new happens; `None` when it is the
    /// mildest already or no such day is known.
    pub fn earliest_step_down(&self, decision: &Decision<'_>, today: Day) -> Option<Day> {
        if decision.rank == 0 {
            return None;
        }
        let policy = decision.policy;
        match &policy.engine {
            TierEngine::CleanDay(steps) => clean_day::step_down(self, policy, steps, today),
            TierEngine::Threshold(engine) => threshold::step_down(self, policy, engine, decision.rank, today),
        }
    }
}

/// How many days after its specimen day a result can still decide a tier.
pub fn reach(policy: &TierPolicy) -> i32 {
    match &policy.engine {
        TierEngine::CleanDay(steps) => clean_day::descent(policy, steps),
        TierEngine::Threshold(engine) => LONGEST_WINDOW - 1 + engine.days_looked_at() - 1,
    }
}
