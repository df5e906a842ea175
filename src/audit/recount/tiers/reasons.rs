//! Why an area has its tier: everything that was looked at, and which of it decided.
//!
//! In: what was counted, the policy, the rank it gave on a day. Out: the reasons a tier must be published with.

use crate::audit::recount::measures::{
    Ranked, Subject, TierInputs, days_of_steps, last_case, measure_value, registry_after,
};
use crate::model::time::Day;
use crate::policy::areas::Area;
use crate::policy::{CleanDayStep, Measure, MeasureKind, TierEngine, TierPolicy};
use crate::proto::v1::{AreaPositivity, TierReason};

/// The reasons for a rank; `numbers` are those of the area whose windows end on the day.
pub fn of<'a>(
    counts: &impl TierInputs<'a>,
    numbers: Option<&AreaPositivity>,
    subject: Subject<'a>,
    ranked: Ranked<'_>,
) -> Vec<TierReason> {
    match &ranked.policy.engine {
        TierEngine::CleanDay(steps) => vec![clean_days(counts, subject, ranked, steps)],
        TierEngine::Threshold(engine) => {
            let of_measure = |measure| threshold(numbers, subject.area, ranked, measure);
            let reasons: Vec<_> = engine.measures.iter().map(of_measure).collect();
            // A rank that other days gave is not given by the day's own measures.
            let gravest = reasons.iter().filter_map(|(rank, _)| *rank).max();
            let decided = |rank: Option<u32>| gravest == Some(ranked.rank) && rank == gravest;
            reasons.into_iter().map(|(rank, reason)| TierReason { decided: decided(rank), ..reason }).collect()
        }
    }
}

/// All cases that keep an area from the mildest tier: those within the days of all steps on the way down.
fn clean_days<'a>(
    counts: &impl TierInputs<'a>,
    subject: Subject<'a>,
    ranked: Ranked<'_>,
    steps: &[CleanDayStep],
) -> TierReason {
    let Ranked { policy, rank, day } = ranked;
    let days = days_of_steps(policy, steps).last().copied().unwrap_or(0);
    let on =
        |case_day: Day| counts.cases(subject.names(), case_day, registry_after(case_day, day), policy.community_only);
    let last = last_case(counts, subject, policy, day, day).filter(|last| day.0 - last.0 <= days);
    TierReason {
        measure: cases_named(policy, "cases"),
        window_days: days as u32 + 1,
        numerator: (0..=days).map(|age| on(day.plus(-age))).sum(),
        denominator: 0,
        value: None,
        tier: ranked.tier(rank),
        decided: true,
        last_case_day: last.map(|day| day.to_string()).unwrap_or_default(),
        least_denominator: 0,
        below_least: false,
    }
}

/// What a measure gives, and the reason without whether it decided.
fn threshold(
    numbers: Option<&AreaPositivity>,
    area: &Area,
    ranked: Ranked<'_>,
    measure: &Measure,
) -> (Option<u32>, TierReason) {
    let Ranked { policy, day, .. } = ranked;
    let population = area.facts.iter().rev().find(|facts| facts.from <= day).map_or(0, |facts| facts.population);
    let total = numbers.map(|numbers| numbers.purposes[0].windows.as_slice()).unwrap_or_default();
    let value = measure_value(policy, measure, total, population);
    let own = value.rank(measure);
    let reason = TierReason {
        measure: match measure.kind {
            MeasureKind::CasesPer100k => cases_named(policy, "cases_per_100k"),
            MeasureKind::TestsOverTests => "tests_over_tests".to_owned(),
            MeasureKind::PeopleOverPeople => "people_over_people".to_owned(),
        },
        window_days: measure.window_days as u32,
        numerator: value.numerator,
        denominator: value.denominator,
        value: value.value,
        tier: own.map(|own| ranked.tier(own)).unwrap_or_default(),
        decided: false,
        last_case_day: String::new(),
        least_denominator: measure.least_denominator,
        below_least: value.too_few,
    };
    (own, reason)
}

fn cases_named(policy: &TierPolicy, name: &str) -> String {
    if policy.community_only { format!("community_{name}") } else { name.to_owned() }
}
