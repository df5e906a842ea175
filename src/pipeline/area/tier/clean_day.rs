//! The clean-day engine.
//!
//! A case puts the area into the gravest tier; it leaves it after the step's whole days without a new one, each further
//! step counting on from there. On day D with the last case on day d: the gravest while D - d is at most the first
//! step's clean days. With no case within the days of all steps, it is in the mildest tier.

use super::subject::{Decision, Subject, counted, scoped};
use crate::model::cell::Tally;
use crate::model::time::Day;
use crate::pipeline::area::positivity::period;
use crate::policy::{CleanDayStep, LONGEST_WINDOW, TierPolicy};
use crate::proto::v1::TierReason;

/// The tier on a day.
pub(super) fn decide<'a>(
    subject: &Subject<'a>,
    policy: &'a TierPolicy,
    steps: &[CleanDayStep],
    day: Day,
) -> Decision<'a> {
    by_cases(policy, steps, day, |case_day| cases_on(subject, policy, case_day, day))
}

/// The tier on a day by the cases of each day.
pub(super) fn by_cases<'a>(
    policy: &'a TierPolicy,
    steps: &[CleanDayStep],
    day: Day,
    cases_on: impl Fn(Day) -> i64,
) -> Decision<'a> {
    let descent = descent(policy, steps);
    let last = (0..=descent).map(|age| day.plus(-age)).find(|case_day| cases_on(*case_day) > 0);
    let rank = last.map_or(0, |last| stage(policy, steps, day.0 - last.0).0);
    let cases = (0..=descent).map(|age| cases_on(day.plus(-age))).sum();
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
    Decision { policy, rank, reasons: vec![reason], hysteresis: None }
}

/// The last day with a case, at most `back` days before `day`.
fn last_case(subject: &Subject<'_>, policy: &TierPolicy, back: i32, day: Day) -> Option<Day> {
    (0..=back).map(|age| day.plus(-age)).find(|case_day| cases_on(subject, policy, *case_day, day) > 0)
}

/// Cases of one specimen day as seen from a later day. They are placed by every registry period of the longest
/// window after them, so a day further on looks at the last of these.
fn cases_on(subject: &Subject<'_>, policy: &TierPolicy, case_day: Day, day: Day) -> i64 {
    let placed_by = period(subject.rules, day.min(case_day.plus(LONGEST_WINDOW - 1)));
    let cells = subject.series.cells_between(placed_by, case_day, case_day);
    cells
        .map(|(_, cell)| i64::from(counted(policy, cell.tallies[Tally::Cases], cell.tallies[Tally::CommunityCases])))
        .sum()
}

/// The day the present step ends.
pub(super) fn step_down(subject: &Subject<'_>, policy: &TierPolicy, steps: &[CleanDayStep], today: Day) -> Option<Day> {
    let last = last_case(subject, policy, descent(policy, steps), today)?;
    let (_, ends) = stage(policy, steps, today.0 - last.0);
    Some(last.plus(ends + 1))
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
pub(super) fn descent(policy: &TierPolicy, steps: &[CleanDayStep]) -> i32 {
    stages(policy, steps).last().map_or(0, |(_, ends)| ends)
}

/// The rank some days after the last case, and the age at which it ends.
fn stage(policy: &TierPolicy, steps: &[CleanDayStep], age: i32) -> (u32, i32) {
    let gravest = policy.tiers.len().saturating_sub(1) as u32;
    stages(policy, steps).find(|(_, ends)| age <= *ends).unwrap_or((gravest, 0))
}
