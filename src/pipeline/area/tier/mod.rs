//! From an area's cells to its tier on a day, by the policy of that day: two engines.
//!
//! In: a series, the rules, a day. Out: a [`Decision`] with its reasons and the numbers behind them. Pure: the tier of
//! any day, also a past one, can be asked again at any time and says what is known now. Day 0 is the specimen day.
//!
//! *Clean days*: a case puts the area into the gravest tier; it leaves it after the step's whole days without a new
//! one, each further step counting on from there. On day D with the last case on day d: the gravest while D - d is at
//! most the first step's clean days. With no case within the days of all steps, it is in the mildest tier.
//!
//! *Thresholds*: every measure that has a value gives a band, the gravest decides. A measure whose denominator is below
//! the policy's least has none. Without any value there is no decision: what is unknown is never called mild.

pub mod alert;

use super::positivity::{Sums, per_100k, period, total};
use crate::model::cell::Tally;
use crate::model::time::{Day, Timestamp};
use crate::policy::areas::AreaIndex;
use crate::policy::{CleanDayStep, LONGEST_WINDOW, Measure, MeasureKind, Rules, TargetIndex, TierEngine, TierPolicy};
use crate::proto::v1::TierReason;
use crate::state::area::series::Series;

/// The tier of one area on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<'a> {
    /// The policy that decided.
    pub policy: &'a TierPolicy,
    /// Rank, 0 the mildest.
    pub rank: u32,
    /// What was looked at; those that decided are marked.
    pub reasons: Vec<TierReason>,
}

impl Decision<'_> {
    /// Name of the tier.
    pub fn tier(&self) -> &str {
        self.policy.tiers.get(self.rank as usize).map_or("", String::as_str)
    }
}

/// An area of the registry with its series of a target.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    rules: &'a Rules,
    index: AreaIndex,
    target: TargetIndex,
    series: &'a Series,
}

impl<'a> Subject<'a> {
    /// `None` when the area is not in the registry, or the target is not declared.
    pub fn new(rules: &'a Rules, series: &'a Series) -> Option<Self> {
        let target = rules.target_stored_as(&series.target)?;
        Some(Self { rules, index: rules.areas.index(&series.code)?, target, series })
    }

    /// Its tier on a day; `None` when no policy decides on it, it does not exist, or nothing is known.
    pub fn decide(&self, day: Day) -> Option<Decision<'a>> {
        if !self.rules.areas.exists(self.index, day) {
            return None;
        }
        let level = self.rules.areas.list[self.index as usize].level;
        let policy = self.rules.tier_policy(level, self.target, day)?;
        match &policy.engine {
            TierEngine::CleanDay(steps) => Some(self.clean_day(policy, steps, day)),
            TierEngine::Threshold(measures) => self.threshold(policy, measures, day, day),
        }
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
    ///
    /// Clean days: the day the present step ends. Thresholds: days leave the windows one by one, until a milder tier
    /// results or nothing is left.
    pub fn earliest_step_down(&self, decision: &Decision<'_>, today: Day) -> Option<Day> {
        if decision.rank == 0 {
            return None;
        }
        match &decision.policy.engine {
            TierEngine::CleanDay(steps) => {
                let last = self.last_case(decision.policy, descent(decision.policy, steps), today)?;
                let (_, ends) = stage(decision.policy, steps, today.0 - last.0);
                Some(last.plus(ends + 1))
            }
            TierEngine::Threshold(measures) => (1..=LONGEST_WINDOW)
                .map_while(|ahead| {
                    let day = today.plus(ahead);
                    Some((day, self.threshold(decision.policy, measures, day, today)?.rank))
                })
                .find(|(_, rank)| *rank < decision.rank)
                .map(|(day, _)| day),
        }
    }

    fn clean_day(&self, policy: &'a TierPolicy, steps: &[CleanDayStep], day: Day) -> Decision<'a> {
        let descent = descent(policy, steps);
        let last = self.last_case(policy, descent, day);
        let rank = last.map_or(0, |last| stage(policy, steps, day.0 - last.0).0);
        let cases = (0..=descent).map(|age| self.cases_on(policy, day.plus(-age), day)).sum();
        let reason = TierReason {
            measure: scoped(policy, "cases"),
            window_days: descent as u32 + 1,
            numerator: cases,
            denominator: 0,
            value: None,
            tier: policy.tiers.get(rank as usize).cloned().unwrap_or_default(),
            decided: true,
            last_case_day: last.map(|day| day.to_string()).unwrap_or_default(),
            ..TierReason::default()
        };
        Decision { policy, rank, reasons: vec![reason] }
    }

    /// The last day with a case, at most `back` days before `day`.
    fn last_case(&self, policy: &TierPolicy, back: i32, day: Day) -> Option<Day> {
        (0..=back).map(|age| day.plus(-age)).find(|case_day| self.cases_on(policy, *case_day, day) > 0)
    }

    /// Cases of one specimen day as seen from a later day. They are placed by every registry period of the longest
    /// window after them, so a day further on looks at the last of these.
    fn cases_on(&self, policy: &TierPolicy, case_day: Day, day: Day) -> i64 {
        let placed_by = period(self.rules, day.min(case_day.plus(LONGEST_WINDOW - 1)));
        let cells = self.series.cells_between(placed_by, case_day, case_day);
        cells
            .map(|(_, cell)| {
                i64::from(counted(policy, cell.tallies[Tally::Cases], cell.tallies[Tally::CommunityCases]))
            })
            .sum()
    }

    /// The tier on `day` by specimens collected up to `seen`.
    fn threshold(&self, policy: &'a TierPolicy, measures: &[Measure], day: Day, seen: Day) -> Option<Decision<'a>> {
        let population = self.rules.areas.population(self.index, day);
        let measured: Vec<_> = measures
            .iter()
            .map(|measure| {
                let sums = total(self.rules, self.series, measure.window_days, day, seen);
                measured(policy, measure, &sums, population)
            })
            .collect();
        let rank = measured.iter().filter_map(|(rank, _)| *rank).max()?;
        let reasons = measured.into_iter().map(|(own, reason)| TierReason { decided: own == Some(rank), ..reason });
        Some(Decision { policy, rank, reasons: reasons.collect() })
    }
}

/// How many days after its specimen day a result can still decide a tier.
pub fn reach(policy: &TierPolicy) -> i32 {
    match &policy.engine {
        TierEngine::CleanDay(steps) => descent(policy, steps),
        TierEngine::Threshold(_) => LONGEST_WINDOW - 1,
    }
}

/// The band of one measure, `None` without a value, and how it came about.
fn measured(policy: &TierPolicy, measure: &Measure, sums: &Sums, population: u64) -> (Option<u32>, TierReason) {
    let ratio = |numerator: i64, denominator: i64| (denominator > 0).then(|| numerator as f64 / denominator as f64);
    let (name, numerator, denominator, value) = match measure.kind {
        MeasureKind::CasesPer100k => {
            let cases = counted(policy, sums.cases, sums.community_cases);
            (scoped(policy, "cases_per_100k"), cases, population as i64, per_100k(cases, population))
        }
        MeasureKind::TestsOverTests => {
            let (found, all) = (sums.positive_tests, sums.conclusive_tests);
            ("tests_over_tests".to_owned(), found, all, ratio(found, all))
        }
        MeasureKind::PeopleOverPeople => {
            let (found, all) = (sums.people_positive, sums.people_tested);
            ("people_over_people".to_owned(), found, all, ratio(found, all))
        }
    };
    let (least_denominator, below_least) = (measure.least_denominator, denominator < measure.least_denominator);
    let value = value.filter(|_| !below_least);
    let rank = value.map(|value| measure.lower_bounds.iter().filter(|bound| value >= **bound).count() as u32);
    let tier = rank.and_then(|rank| policy.tiers.get(rank as usize)).cloned().unwrap_or_default();
    let window_days = measure.window_days as u32;
    let reason = TierReason {
        measure: name,
        window_days,
        numerator,
        denominator,
        value,
        tier,
        least_denominator,
        below_least,
        ..TierReason::default()
    };
    (rank, reason)
}

/// Those cases that count for a policy.
fn counted<T>(policy: &TierPolicy, all: T, community: T) -> T {
    if policy.community_only { community } else { all }
}

/// The name of a measure of cases.
fn scoped(policy: &TierPolicy, measure: &str) -> String {
    format!("{}{measure}", if policy.community_only { "community_" } else { "" })
}

/// The steps from the gravest tier down, each with the age of the last case at which it ends.
fn stages<'a>(policy: &TierPolicy, steps: &'a [CleanDayStep]) -> impl Iterator<Item = (u32, i32)> + 'a {
    let gravest = policy.tiers.len().saturating_sub(1) as u32;
    let mut next = (gravest, 0);
    // No more steps than there are: a circle ends, too.
    (0..steps.len()).map_while(move |_| {
        let (rank, begun) = next;
        let step = steps.iter().find(|step| step.rank == rank)?;
        next = (step.next, begun + step.clean_days);
        Some((rank, next.1))
    })
}

/// Days it takes from the gravest tier to the end of all steps.
fn descent(policy: &TierPolicy, steps: &[CleanDayStep]) -> i32 {
    stages(policy, steps).last().map_or(0, |(_, ends)| ends)
}

/// The rank some days after the last case, and the age at which it ends.
fn stage(policy: &TierPolicy, steps: &[CleanDayStep], age: i32) -> (u32, i32) {
    let gravest = policy.tiers.len().saturating_sub(1) as u32;
    stages(policy, steps).find(|(_, ends)| age <= *ends).unwrap_or((gravest, 0))
}
