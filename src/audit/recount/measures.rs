//! What tiers are decided from: cases by day, and the measures of a policy.

use crate::audit::targets::AreaTarget;
use crate::model::time::Day;
use crate::policy::areas::Area;
use crate::policy::{CleanDayStep, LONGEST_WINDOW, Measure, MeasureKind, Rules, TargetIndex, TierPolicy};
use crate::proto::v1::{AreaPositivity, WindowNumbers};

/// What tiers are decided from.
pub trait TierInputs<'a> {
    /// The rules it was counted by.
    fn rules(&self) -> &'a Rules;

    /// The first day with anything, of whichever area.
    fn first_day(&self) -> Option<Day>;

    /// Every day with anything of the areas that are asked for, in order. There may be more.
    fn days(&self) -> impl DoubleEndedIterator<Item = Day>;

    /// Cases of an area and target on one specimen day, by the registry of some day; of the community, if only those
    /// count.
    fn cases(&self, of: AreaTarget<'_>, day: Day, registry: Day, community_only: bool) -> i64;

    /// The numbers of one area and target whose windows end on a day, as far as specimens up to `seen` go.
    fn seen(&self, of: AreaTarget<'_>, end: Day, seen: Day) -> Option<AreaPositivity>;
}

/// An area, and the place and id of a target.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'r> {
    /// The area.
    pub area: &'r Area,
    /// The id of the target.
    pub target: &'r str,
    /// Its place among those of the deployment.
    pub at: TargetIndex,
}

impl<'r> Subject<'r> {
    /// Code and target.
    pub fn names(&self) -> AreaTarget<'r> {
        AreaTarget { area: &self.area.code, target: self.target }
    }
}

/// What a policy gave an area on a day.
#[derive(Clone, Copy, Debug)]
pub struct Ranked<'r> {
    /// The policy.
    pub policy: &'r TierPolicy,
    /// The rank it gave.
    pub rank: u32,
    /// The day.
    pub day: Day,
}

impl Ranked<'_> {
    /// The name of the tier of some rank.
    pub fn tier(&self, rank: u32) -> String {
        self.policy.tiers[rank as usize].clone()
    }
}

/// How many days after the last case each step on the way down is over.
pub fn days_of_steps(policy: &TierPolicy, steps: &[CleanDayStep]) -> Vec<i32> {
    let (mut rank, mut days) = (policy.tiers.len() as u32 - 1, Vec::new());
    while let Some(step) = steps.iter().find(|step| step.rank == rank) {
        rank = step.next;
        days.push(days.last().unwrap_or(&0) + step.clean_days);
    }
    days
}

/// The last day up to `seen` with a case, as known on `day`.
pub fn last_case<'a>(
    counts: &impl TierInputs<'a>,
    subject: Subject<'a>,
    policy: &TierPolicy,
    seen: Day,
    day: Day,
) -> Option<Day> {
    let has_case = |case_day: &Day| {
        counts.cases(subject.names(), *case_day, registry_after(*case_day, day), policy.community_only) > 0
    };
    counts.days().rev().skip_while(|day| *day > seen).find(has_case)
}

/// Cases are placed by the registries of the longest window after them.
pub fn registry_after(case_day: Day, day: Day) -> Day {
    day.min(case_day.plus(LONGEST_WINDOW - 1))
}

/// What a measure comes to.
pub struct MeasureValue {
    /// What is counted.
    pub numerator: i64,
    /// Of how many; 0 where there is none.
    pub denominator: i64,
    /// The measure itself.
    pub value: Option<f64>,
    /// The policy asks for a larger denominator.
    pub too_few: bool,
}

impl MeasureValue {
    /// The rank it alone would give.
    pub fn rank(&self, measure: &Measure) -> Option<u32> {
        self.value.map(|value| measure.lower_bounds.iter().filter(|bound| **bound <= value).count() as u32)
    }
}

/// A measure by the windows of an area's total.
pub fn measure_value(policy: &TierPolicy, measure: &Measure, total: &[WindowNumbers], population: u64) -> MeasureValue {
    let none = WindowNumbers::default();
    let window = total.iter().find(|window| window.days == measure.window_days as u32).unwrap_or(&none);
    let (numerator, denominator, value) = match measure.kind {
        MeasureKind::CasesPer100k => {
            let cases = if policy.community_only { window.community_cases } else { window.cases };
            let value = (population > 0).then(|| cases as f64 * 100_000.0 / population as f64);
            (cases, population as i64, value)
        }
        MeasureKind::TestsOverTests => {
            let value = window.tests_over_tests.as_ref().map(|proportion| proportion.value);
            (window.positive_tests, window.conclusive_tests, value)
        }
        MeasureKind::PeopleOverPeople => {
            let value = window.people_over_people.as_ref().map(|proportion| proportion.value);
            (window.people_positive.unwrap_or(0), window.people_tested.unwrap_or(0), value)
        }
    };
    let too_few = measure.least_denominator > denominator;
    MeasureValue { numerator, denominator, value: if too_few { None } else { value }, too_few }
}
