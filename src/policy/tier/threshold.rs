//! The threshold engine: bands of measures, of which the gravest decides, once it has done so on days enough in a row.

use crate::policy::deployment::Deployment;
use crate::policy::error::Check;
use crate::policy::windows::{LONGEST_WINDOW, WINDOWS};
use crate::proto::v1;
use serde::Deserialize;
use std::ops::RangeInclusive;

/// Days in a row that a policy can ask for, at most: as many as the longest window has.
const DAYS_IN_A_ROW: RangeInclusive<u32> = 1..=LONGEST_WINDOW.unsigned_abs();

/// Days after an area has last fallen below a tier from which on one day is enough to take it again: so far back must be
/// looked to know of the fall, and what hovers around a bound for as long is to be called grave sooner than mild.
pub const FALL_COUNTS_FOR: i32 = 14;

/// So many days without a value among those that a tier follows from take nothing from what is looked back for.
const DAYS_WITHOUT_A_VALUE: i32 = 14;

/// Measures, and the days in a row that they must say the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is measured.
    pub measures: Vec<Measure>,
    /// Days in a row at least as grave before a graver tier is taken.
    pub rise_days: i32,
    /// Days in a row milder before a tier is left.
    pub fall_days: i32,
}

impl Threshold {
    /// The last days that a tier follows from, its own one of them.
    pub fn days_looked_at(&self) -> i32 {
        let with_a_value = match (self.rise_days, self.fall_days) {
            (1, 1) => return 1,
            (rise_days, 1) => rise_days,
            // Every fall that still counts with its whole row of days, and as many days without one after it.
            (_, fall_days) => FALL_COUNTS_FOR + 2 * fall_days - 1,
        };
        1 + with_a_value + DAYS_WITHOUT_A_VALUE
    }

    /// Whether a day alone does not decide.
    pub fn has_hysteresis(&self) -> bool {
        self.days_looked_at() > 1
    }
}

/// One measure and its bands.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What.
    pub kind: MeasureKind,
    /// 1, 3, 7 or 14.
    pub window_days: i32,
    /// Inclusive lower bounds of ranks 1, 2, …
    pub lower_bounds: Vec<f64>,
    /// A smaller denominator gives no value; 0 when any will do.
    pub least_denominator: i64,
}

/// What a threshold engine can look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    /// Cases per 100,000 people.
    CasesPer100k,
    /// Positive tests / conclusive tests.
    TestsOverTests,
    /// People positive / people tested.
    PeopleOverPeople,
}

/// Measures whose windows are kept, with ascending bounds, and days in a row that are kept as well.
pub(super) fn engine(
    engine: &v1::ThresholdEngine,
    wire: &v1::TierPolicy,
    deployment: &Deployment,
    check: &mut Check<'_>,
) -> Threshold {
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
    let measures = measures.collect();
    let mut days = |field: &str, days: Option<u32>| check.number(field, days.unwrap_or(1), DAYS_IN_A_ROW);
    let rise_days = days("threshold.rise_days", engine.rise_days);
    let fall_days = days("threshold.fall_days", engine.fall_days);
    Threshold { measures, rise_days, fall_days }
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThresholdToml {
    rise_days: Option<u32>,
    fall_days: Option<u32>,
    measures: Vec<MeasureToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureToml {
    kind: MeasureKindToml,
    window_days: u32,
    lower_bounds: Vec<f64>,
    least_tests: Option<u32>,
}

#[derive(Deserialize)]
enum MeasureKindToml {
    #[serde(rename = "cases_per_100k")]
    CasesPer100k,
    #[serde(rename = "tests_over_tests")]
    TestsOverTests,
    #[serde(rename = "people_over_people")]
    PeopleOverPeople,
}

impl ThresholdToml {
    pub(super) fn wire(self) -> v1::ThresholdEngine {
        let measure = |toml: MeasureToml| {
            let kind = match toml.kind {
                MeasureKindToml::CasesPer100k => v1::MeasureKind::CasesPer100k,
                MeasureKindToml::TestsOverTests => v1::MeasureKind::TestsOverTests,
                MeasureKindToml::PeopleOverPeople => v1::MeasureKind::PeopleOverPeople,
            };
            v1::Measure {
                kind: kind.into(),
                window_days: toml.window_days,
                lower_bounds: toml.lower_bounds,
                least_tests: toml.least_tests.unwrap_or(0),
            }
        };
        let measures = self.measures.into_iter().map(measure).collect();
        v1::ThresholdEngine { measures, rise_days: self.rise_days, fall_days: self.fall_days }
    }
}
