//! The threshold engine.
//!
//! Every measure that has a value gives a band, the gravest decides. A measure whose denominator is below the policy's
//! least has none. Without any value there is no decision: what is unknown is never called mild.

use super::subject::{Decision, Subject, counted, scoped};
use crate::model::time::Day;
use crate::pipeline::area::positivity::{Sums, per_100k, total};
use crate::policy::{LONGEST_WINDOW, Measure, MeasureKind, TierPolicy};
use crate::proto::v1::TierReason;

/// The tier on `day` by specimens collected up to `seen`.
pub(super) fn decide<'a>(
    subject: &Subject<'a>,
    policy: &'a TierPolicy,
    measures: &[Measure],
    day: Day,
    seen: Day,
) -> Option<Decision<'a>> {
    let population = subject.rules.areas.population(subject.index, day);
    let measured: Vec<_> = measures
        .iter()
        .map(|measure| {
            let sums = total(subject.rules, subject.series, measure.window_days, day, seen);
            measured(policy, measure, &sums, population)
        })
        .collect();
    let rank = measured.iter().filter_map(|(rank, _)| *rank).max()?;
    let reasons = measured.into_iter().map(|(own, reason)| TierReason { decided: own == Some(rank), ..reason });
    Some(Decision { policy, rank, reasons: reasons.collect() })
}

/// The first day after `today` on which a tier milder than `rank` results, as days leave the windows one by one; `None`
/// where nothing is left in them before.
pub(super) fn step_down(
    subject: &Subject<'_>,
    policy: &TierPolicy,
    measures: &[Measure],
    rank: u32,
    today: Day,
) -> Option<Day> {
    (1..=LONGEST_WINDOW)
        .map_while(|ahead| {
            let day = today.plus(ahead);
            Some((day, decide(subject, policy, measures, day, today)?.rank))
        })
        .find(|(_, later)| *later < rank)
        .map(|(day, _)| day)
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
