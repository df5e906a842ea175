//! The clean-day engine: an area leaves a tier after whole days without a new case.

use crate::policy::error::Check;
use crate::proto::v1;
use serde::Deserialize;

/// One way down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanDayStep {
    /// Rank it leaves.
    pub rank: u32,
    /// Whole days without a new case it takes there.
    pub clean_days: i32,
    /// Rank it reaches.
    pub next: u32,
}

/// Steps must lead from the gravest tier to the mildest, each beginning where the one before ended: otherwise an area
/// could sit in a tier for ever.
pub(super) fn engine(engine: &v1::CleanDayEngine, tiers: &[String], check: &mut Check<'_>) -> Vec<CleanDayStep> {
    let mut expected = tiers.len().saturating_sub(1);
    let mut steps = Vec::new();
    for (at, step) in engine.steps.iter().enumerate() {
        let field = |name: &str| format!("clean_day.steps[{at}].{name}");
        let clean_days = check.number(&field("clean_days"), step.clean_days, 1..=365);
        let rank = check.place(&field("tier"), &step.tier, tiers);
        let next = check.place(&field("next"), &step.next, tiers);
        let (Some(rank), Some(next)) = (rank, next) else { return steps };
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
    steps
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CleanDayToml {
    steps: Vec<StepToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepToml {
    tier: String,
    clean_days: u32,
    next: String,
}

impl CleanDayToml {
    pub(super) fn wire(self) -> v1::CleanDayEngine {
        let step = |StepToml { tier, clean_days, next }| v1::CleanDayStep { tier, clean_days, next };
        v1::CleanDayEngine { steps: self.steps.into_iter().map(step).collect() }
    }
}
