//! The threshold engine.
//!
//! Every measure that has a value gives a band, the gravest decides. A measure whose denominator is below the policy's
//! least has none. Without any value there is no decision: what is unknown is never called mild. Where the policy asks for
//! days in a row, what the last days gave decides together ([`hysteresis`]).

use super::hysteresis;
use super::subject::{Decision, Subject, counted, scoped};
use crate::model::time::Day;
use crate::pipeline::area::positivity::{Sums, per_100k, total};
use crate::policy::{LONGEST_WINDOW, Measure, MeasureKind, Threshold, TierPolicy};
use crate::proto::v1::TierReason;
use std::ops::RangeInclusive;

/// The rank that a measure gives, `None` without a value, and how it came about.
pub(super) type Band = (Option<u32>, TierReason);

/// The tier on a day.
pub(super) fn decide<'a>(
    subject: &Subject<'a>,
    policy: &'a TierPolicy,
    engine: &Threshold,
    day: Day,
) -> Option<Decision<'a>> {
    let bands = bands(subject, policy, engine, day, day);
    let measured = match engine.days_looked_at() {
        1 => vec![gravest(&bands)],
        days => ranks(subject, policy, engine, day.plus(1 - days)..=day, day).collect(),
    };
    concluded(policy, engine, day, bands, &measured)
}

/// The tier on a day by what each measure gives on it, and the ranks of all days looked at.
pub(super) fn concluded<'a>(
    policy: &'a TierPolicy,
    engine: &Threshold,
    day: Day,
    bands: Vec<Band>,
    measured: &[Option<u32>],
) -> Option<Decision<'a>> {
    let (rank, of_day) = (hysteresis::stands(engine, measured)?, gravest(&bands));
    let hysteresis = engine.has_hysteresis().then(|| hysteresis::told(policy, engine, measured, day));
    // Where the days before decide otherwise than the day would, none of its measures did.
    let decided = |own: Option<u32>| own == Some(rank) && of_day == own;
    let reasons = bands.into_iter().map(|(own, reason)| TierReason { decided: decided(own), ..reason });
    Some(Decision { policy, rank, reasons: reasons.collect(), hysteresis })
}

/// The first day after `today` on which a tier milder than `rank` results, as days leave the windows one by one; `None`
/// where nothing is left in them before, or another policy holds by then.
pub(super) fn step_down(
    subject: &Subject<'_>,
    policy: &TierPolicy,
    engine: &Threshold,
    rank: u32,
    today: Day,
) -> Option<Day> {
    let looked_at = engine.days_looked_at();
    let last = today.plus(LONGEST_WINDOW + looked_at - 1);
    let measured: Vec<_> = ranks(subject, policy, engine, today.plus(2 - looked_at)..=last, today).collect();
    (today.0 + 1..=last.0)
        .map(Day)
        .zip(measured.windows(looked_at as usize))
        .take_while(|(day, _)| subject.policy(*day).is_some_and(|of_day| std::ptr::eq(of_day, policy)))
        .map_while(|(day, measured)| Some((day, hysteresis::stands(engine, measured)?)))
        .find(|(_, later)| *later < rank)
        .map(|(day, _)| day)
}

/// The ranks that some days measure, by specimens collected up to `seen`.
fn ranks(
    subject: &Subject<'_>,
    policy: &TierPolicy,
    engine: &Threshold,
    days: RangeInclusive<Day>,
    seen: Day,
) -> impl Iterator<Item = Option<u32>> {
    let exists = |day| subject.rules.areas.exists(subject.index, day);
    let rank = move |day| exists(day).then(|| gravest(&bands(subject, policy, engine, day, seen))).flatten();
    (days.start().0..=days.end().0).map(Day).map(move |day| match day <= seen {
        true => subject.measured(policy, day, || rank(day)),
        false => rank(day),
    })
}

/// What each measure gives on a day by specimens collected up to `seen`.
fn bands(subject: &Subject<'_>, policy: &TierPolicy, engine: &Threshold, day: Day, seen: Day) -> Vec<Band> {
    let population = subject.rules.areas.population(subject.index, day);
    let sums = |measure: &Measure| total(subject.rules, subject.series, measure.window_days, day, seen);
    bands_of(policy, engine, population, sums)
}

/// The same by the sums of each measure's window.
pub(super) fn bands_of(
    policy: &TierPolicy,
    engine: &Threshold,
    population: u64,
    sums: impl Fn(&Measure) -> Sums,
) -> Vec<Band> {
    engine.measures.iter().map(|measure| measured(policy, measure, &sums(measure), population)).collect()
}

/// The gravest rank of those with a value.
pub(super) fn gravest(bands: &[Band]) -> Option<u32> {
    bands.iter().filter_map(|(rank, _)| *rank).max()
}

/// The band of one measure.
fn measured(policy: &TierPolicy, measure: &Measure, sums: &Sums, population: u64) -> Band {
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
