//! What is asked for, in the words of the rules in force: each error says what to write instead.

use super::reading::NO_RULES;
use crate::clock;
use crate::config::KafkaConfig;
use crate::kafka::rules;
use crate::model::time::{Day, Timestamp};
use crate::policy::areas::AreaIndex;
use crate::policy::{Rules, TargetIndex};
use crate::terminal::signals;
use anyhow::Context as _;
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::time::Duration;

/// How long to look for rules.
const RULES_LIMIT: Duration = Duration::from_secs(10);

/// The rules in force, if there are any; `which` says what they are wanted for, as in "by which tiers are decided".
pub(super) fn rules_if_any(kafka: &KafkaConfig, which: &str) -> anyhow::Result<Option<Arc<Rules>>> {
    let held = signals::before_the_work(|| rules::read(kafka, RULES_LIMIT))
        .with_context(|| format!("the rules, {which}, could not be read"))?;
    Ok(held.in_force.map(|found| found.rules))
}

/// The same, for what cannot be done without.
pub(super) fn rules(kafka: &KafkaConfig, which: &str) -> anyhow::Result<Arc<Rules>> {
    rules_if_any(kafka, which)?.context(NO_RULES)
}

/// The area of a code.
pub(super) fn area(rules: &Rules, code: &str) -> anyhow::Result<AreaIndex> {
    rules.areas.index(code).with_context(|| {
        format!("there is no area {code} in the rules in force; swabstream rules show --json lists the codes")
    })
}

/// The zone whose days are meant, for the clock that times are shown by; UTC where no rules say.
pub(super) fn zone(rules: Option<&Rules>) -> TimeZone {
    rules.and_then(|rules| TimeZone::get(&rules.deployment.zone_name).ok()).unwrap_or(TimeZone::UTC)
}

/// A civil day.
pub(super) fn day(text: &str) -> anyhow::Result<Day> {
    Day::parse(text).with_context(|| format!("{text} is no day: write it as in 2022-11-12"))
}

/// An instant, or the end of a civil day.
pub(super) fn moment(rules: &Rules, text: &str) -> anyhow::Result<Timestamp> {
    let instant = || text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_millisecond()));
    let end = Day::parse(text).map(|day| rules.span(day).1);
    end.or_else(instant).with_context(|| {
        format!("{text} is no time: write it as in 2022-11-15T09:00:00+08:00, or a civil day as in 2022-11-15")
    })
}

/// The target of an id; the first of the deployment where none is named.
pub(super) fn target(rules: &Rules, id: Option<&str>) -> anyhow::Result<TargetIndex> {
    let Some(id) = id else { return Ok(0) };
    let ids = || rules.deployment.targets.iter().map(|target| target.id.as_str()).collect::<Vec<_>>().join(", ");
    rules.target(id).with_context(|| format!("there is no target {id}: use one of {}", ids()))
}

/// An instant, or how long ago.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(at.as_millisecond()));
    }
    let ago = |unit: char, minutes: i64| text.strip_suffix(unit)?.parse::<u32>().ok().map(|n| i64::from(n) * minutes);
    let minutes = ago('m', 1).or_else(|| ago('h', 60)).or_else(|| ago('d', 24 * 60));
    let minutes = minutes.ok_or("it is a time such as 2026-11-29T08:00:00+08:00, or how long ago: 90m, 12h, 3d")?;
    Ok(Timestamp(clock::now().0 - minutes * 60_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_instant_or_how_long_ago() {
        assert_eq!(since("2022-11-11T08:00:00+08:00"), Ok(Timestamp(1_668_124_800_000)));
        let (hour, now) = (since("1h").expect("a time"), clock::now());
        assert!((now.0 - hour.0 - 3_600_000).abs() < 60_000);
        for text in ["", "h", "-1h", "1w", "2022-11-11"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
