//! Checks of tier policies and their engines.

use super::targets;
use crate::policy::error::Check;
use crate::policy::{CleanDayStep, Deployment, Measure, MeasureKind, TierEngine, TierPolicy, TierSeverity, WINDOWS};
use crate::proto::v1::{self, tier_policy::Engine};

pub(super) fn policy(wire: &v1::TierPolicy, deployment: &Deployment, check: &mut Check<'_>) -> Option<TierPolicy> {
    check.code("id", &wire.id, 64);
    check.code("version", &wire.version, 64);
    check.text("source", &wire.source);
    let effective_from = check.day("effective_from", &wire.effective_from);
    let effective_until = match wire.effective_until.as_str() {
        "" => None,
        until => check.day("effective_until", until),
    };
    if effective_until.is_some() && effective_until <= effective_from {
        check.wrong("effective_until", "it is not after `effective_from`", "name the first day it holds no more");
    }
    if wire.cases() == v1::CaseScope::Unspecified {
        check.wrong("cases", "it is not said which cases count", "use all or community");
    }
    let levels = levels(wire, deployment, check);
    let target = targets::of_tier(wire, deployment, check);
    check.codes("tiers", &wire.tiers);
    if wire.tiers.len() < 2 {
        check.wrong("tiers", "a policy with fewer than two tiers decides nothing", "name them, mildest first");
    }
    let severity = severity(&wire.severity.unwrap_or_default(), check);
    let engine = match &wire.engine {
        Some(Engine::CleanDay(engine)) => clean_day(engine, &wire.tiers, check),
        Some(Engine::Threshold(engine)) => threshold(engine, wire, deployment, check),
        None => {
            check.wrong("", "it has no engine", "add [clean_day] or [threshold]");
            return None;
        }
    };
    Some(TierPolicy {
        id: wire.id.clone(),
        version: wire.version.clone(),
        effective_from: effective_from?,
        effective_until,
        target: target?,
        levels,
        tiers: wire.tiers.clone(),
        community_only: wire.cases() == v1::CaseScope::Community,
        engine,
        severity,
    })
}

fn severity(wire: &v1::TierSeverity, check: &mut Check<'_>) -> TierSeverity {
    let default = TierSeverity::default();
    TierSeverity {
        raised: check.severity("severity.raised", wire.raised, default.raised),
        lowered: check.severity("severity.lowered", wire.lowered, default.lowered),
        historic: check.severity("severity.historic", wire.historic, default.historic),
    }
}

/// Whether two policies share a level and target on some day.
pub(super) fn overlap(a: &TierPolicy, b: &TierPolicy) -> bool {
    let begins_before_end =
        |a: &TierPolicy, b: &TierPolicy| b.effective_until.is_none_or(|until| a.effective_from < until);
    let same_subject = a.target == b.target && a.levels.iter().any(|level| b.levels.contains(level));
    same_subject && begins_before_end(a, b) && begins_before_end(b, a)
}

fn levels(wire: &v1::TierPolicy, deployment: &Deployment, check: &mut Check<'_>) -> Vec<u8> {
    if wire.levels.is_empty() {
        check.wrong("levels", "it is empty", "name the levels it decides on");
    }
    check.codes("levels", &wire.levels);
    let place = |(at, level): (usize, &String)| check.place(&format!("levels[{at}]"), level, &deployment.levels);
    let places = wire.levels.iter().enumerate().filter_map(place);
    places.filter_map(|place| u8::try_from(place).ok()).collect()
}

/// Steps must lead from the gravest tier to the mildest, each beginning where the one before ended: otherwise an area
/// could sit in a tier for ever.
fn clean_day(engine: &v1::CleanDayEngine, tiers: &[String], check: &mut Check<'_>) -> TierEngine {
    let mut expected = tiers.len().saturating_sub(1);
    let mut steps = Vec::new();
    for (at, step) in engine.steps.iter().enumerate() {
        let field = |name: &str| format!("clean_day.steps[{at}].{name}");
        let clean_days = check.number(&field("clean_days"), step.clean_days, 1..=365);
        let rank = check.place(&field("tier"), &step.tier, tiers);
        let next = check.place(&field("next"), &step.next, tiers);
        let (Some(rank), Some(next)) = (rank, next) else { return TierEngine::CleanDay(steps) };
        if rank != expected {
            let problem = format!("the way down is at `{}` here", tiers[expected]);
            check.wrong(field("tier"), problem, "begin with the gravest tier, each step where the last one ended");
        }
        if next >= rank {
            check.wrong(field("next"), "it is not milder than the tier it leaves", "name a milder tier");
        }
        expected = next;
        steps.push(CleanDayStep { rank: rank as u32, clean_days, next: next as u32 });
    }
    if expected != 0 {
        let problem = "the way down does not reach the mildest tier";
        check.wrong("clean_day.steps", problem, "add a step whose `next` is the first of `tiers`");
    }
    TierEngine::CleanDay(steps)
}

fn threshold(
    engine: &v1::ThresholdEngine,
    wire: &v1::TierPolicy,
    deployment: &Deployment,
    check: &mut Check<'_>,
) -> TierEngine {
    if engine.measures.is_empty() {
        check.wrong("threshold.measures", "it is empty", "say what is measured");
    }
    let measures = engine.measures.iter().enumerate().filter_map(|(at, measure)| {
        let place = format!("threshold.measures[{at}]");
        let window = format!("{place}.window_days");
        let window_days = check.number(&window, measure.window_days, 1..=14);
        if !WINDOWS.contains(&window_days) {
            check.wrong(window, "numbers are not kept for this window", "use 1, 3, 7 or 14");
        }
        let kind = kind(measure, &place, wire, deployment, check);
        bounds(measure, &format!("{place}.lower_bounds"), wire.tiers.len(), check);
        let least_denominator = least_tests(measure, &format!("{place}.least_tests"), check);
        Some(Measure { kind: kind?, window_days, lower_bounds: measure.lower_bounds.clone(), least_denominator })
    });
    TierEngine::Threshold(measures.collect())
}

fn kind(
    measure: &v1::Measure,
    place: &str,
    wire: &v1::TierPolicy,
    deployment: &Deployment,
    check: &mut Check<'_>,
) -> Option<MeasureKind> {
    let field = format!("{place}.kind");
    match measure.kind() {
        v1::MeasureKind::Unspecified => {
            let hint = "use cases_per_100k, tests_over_tests or people_over_people";
            check.wrong(field, "it is not said what is measured", hint);
            None
        }
        v1::MeasureKind::CasesPer100k => Some(MeasureKind::CasesPer100k),
        v1::MeasureKind::TestsOverTests => Some(MeasureKind::TestsOverTests),
        v1::MeasureKind::PeopleOverPeople => {
            let kept = |level: &String| {
                let place = deployment.levels.iter().position(|name| name == level);
                place.is_none_or(|place| deployment.keeps_people[place])
            };
            if let Some(level) = wire.levels.iter().find(|level| !kept(level)) {
                let problem = format!("level `{level}` does not keep distinct people");
                check.wrong(field, problem, "add the level to the deployment's `people_levels`, or measure tests");
            }
            Some(MeasureKind::PeopleOverPeople)
        }
    }
}

/// The least denominator. Cases per 100,000 are of people, however many were tested: a least number of tests would be
/// read by nobody.
fn least_tests(measure: &v1::Measure, field: &str, check: &mut Check<'_>) -> i64 {
    if measure.least_tests > 0 && measure.kind() == v1::MeasureKind::CasesPer100k {
        let problem = "a rate per 100,000 people has no tests in its denominator";
        check.wrong(field, problem, "state it for tests_over_tests or people_over_people, and take it away here");
    }
    check.number(field, measure.least_tests, 0..=1_000_000).into()
}

fn bounds(measure: &v1::Measure, field: &str, tiers: usize, check: &mut Check<'_>) {
    let bounds = &measure.lower_bounds;
    if bounds.len() + 1 != tiers {
        let problem = format!("{} bounds do not make {tiers} tiers", bounds.len());
        check.wrong(field, problem, "give the lower bound of every tier but the mildest");
    }
    if bounds.iter().any(|bound| !bound.is_finite() || *bound < 0.0) {
        check.wrong(field, "a bound is negative or no number", "use numbers from 0 on");
    }
    if bounds.windows(2).any(|pair| pair[0] >= pair[1]) {
        check.wrong(field, "the bounds do not ascend", "give them mildest first, each larger than the last");
    }
    let proportion = measure.kind() != v1::MeasureKind::CasesPer100k;
    if proportion && bounds.iter().any(|bound| *bound > 1.0) {
        check.wrong(field, "a proportion is never above 1", "write 5 % as 0.05");
    }
}
