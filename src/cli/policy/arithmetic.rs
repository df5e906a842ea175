//! The arithmetic behind a tier, in words.

use crate::policy::{Measure, TierEngine, TierPolicy};
use crate::proto::v1::TierReason;

/// Numerator, denominator and value.
pub(super) fn arithmetic(of: &TierReason) -> String {
    if of.below_least {
        let (found, all, least) = (of.numerator, of.denominator, of.least_denominator);
        return format!("{found} of {all}: fewer than the {least} that the policy asks for");
    }
    match (of.denominator, of.value) {
        (0, _) => of.numerator.to_string(),
        (all, None) => format!("{} of {all}", of.numerator),
        (all, Some(value)) if of.measure.ends_with("per_100k") => {
            format!("{} of {all} people = {} per 100,000", of.numerator, rounded(value, 4))
        }
        (all, Some(value)) => format!("{} of {all} = {}%", of.numerator, rounded(value * 100.0, 4)),
    }
}

/// A value with so many decimals at most.
fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

/// What a measure, the first or a later one of the policy, says of the tier.
pub(super) fn gives(policy: Option<&TierPolicy>, at: usize, of: &TierReason) -> String {
    match (of.tier.as_str(), of.decided) {
        ("", _) => "no value".to_owned(),
        (tier, false) => format!("{tier}{}", bound(policy, at, of)),
        (tier, true) => format!("{tier}{}, decides", bound(policy, at, of)),
    }
}

/// From where on a measure gives the tier that it gives.
fn bound(policy: Option<&TierPolicy>, at: usize, of: &TierReason) -> String {
    let Some(TierEngine::Threshold(engine)) = policy.map(|policy| &policy.engine) else { return String::new() };
    let rank = policy.and_then(|policy| policy.tiers.iter().position(|tier| *tier == of.tier)).unwrap_or(0);
    let lower = |measure: &Measure| rank.checked_sub(1).and_then(|at| measure.lower_bounds.get(at).copied());
    match (engine.measures.get(at).and_then(lower), of.measure.ends_with("per_100k")) {
        (None, _) => String::new(),
        (Some(bound), true) => format!(" (from {bound} on)"),
        (Some(bound), false) => format!(" (from {}% on)", rounded(bound * 100.0, 4)),
    }
}
