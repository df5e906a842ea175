//! A tier with the arithmetic behind it.
//!
//! In: records of `area-tiers` and `area-positivity`, in the order of their partitions; the rules. Out: lines.

use super::arithmetic::{arithmetic, gives};
use crate::model::record::{Record, Topic};
use crate::model::target;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::area::restate::Span;
use crate::pipeline::area::tier::published::Published;
use crate::pipeline::decode::json;
use crate::policy::areas::{Area, AreaIndex};
use crate::policy::{Rules, TargetIndex, TierPolicy};
use crate::proto::v1::{AreaPositivity, AreaTier, TierReason};
use anyhow::{Context as _, ensure};
use std::collections::BTreeMap;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The area.
    pub area: AreaIndex,
    /// The day; that of the published tier where none is named.
    pub day: Option<Day>,
    /// For what.
    pub target: TargetIndex,
}

/// What is known of it so far.
pub(super) struct Explained<'a> {
    asked: Asked,
    rules: &'a Rules,
    tier: Option<AreaTier>,
    numbers: BTreeMap<Day, AreaPositivity>,
}

/// The tier that is explained.
struct Found<'a> {
    tier: AreaTier,
    day: Day,
    /// The policy that decided, if it is among the rules in force.
    policy: Option<&'a TierPolicy>,
    /// It is what was published last, and was not decided anew.
    is_published: bool,
}

impl<'a> Explained<'a> {
    pub(super) fn new(asked: Asked, rules: &'a Rules) -> Self {
        Self { asked, rules, tier: None, numbers: BTreeMap::new() }
    }

    /// Takes the next record: the newest of each key holds.
    pub(super) fn take(&mut self, record: &Record<'_>) {
        let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok()) else { return };
        match record.position.topic {
            Topic::AreaTiers if key == self.key(&self.area().code) => self.tier = record.message(),
            Topic::AreaPositivity => {
                let Some(day) = self.day_of(key) else { return };
                self.numbers.remove(&day);
                self.numbers.extend(record.message().map(|numbers| (day, numbers)));
            }
            _ => {}
        }
    }

    fn area(&self) -> &'a Area {
        &self.rules.areas.list[self.asked.area as usize]
    }

    fn key(&self, text: &str) -> String {
        target::keyed(text, self.rules.stored_target(self.asked.target)).into_owned()
    }

    /// The day whose numbers lie under a key; `None` if they are of another area or target.
    fn day_of(&self, key: &str) -> Option<Day> {
        let (area, day, of) = target::parts_of_day(key)?;
        Some(day).filter(|_| area == self.area().code && of == self.rules.stored_target(self.asked.target))
    }

    fn published(&self) -> Published<'_> {
        let Asked { area, target, .. } = self.asked;
        Published { rules: self.rules, area, target, numbers: &self.numbers }
    }

    /// The tier that is asked for.
    fn found(&self) -> anyhow::Result<Found<'a>> {
        let (code, id) = (&self.area().code, self.rules.target_id(self.asked.target));
        let level = self.area().level;
        let decides = |policy: &&TierPolicy| policy.target == self.asked.target && policy.levels.contains(&level);
        ensure!(
            self.rules.tiers.iter().any(|policy| decides(&policy)),
            "no tier policy decides on {code}, of level {}, for {id}; swabstream rules show lists what each decides on",
            self.rules.deployment.levels[usize::from(level)]
        );
        let newest = self.tier.as_ref();
        let on = newest.and_then(|tier| Day::parse(&tier.day));
        let (Some(newest), Some(on)) = (newest, on) else {
            anyhow::bail!(
                "no tier of {code} is published for {id}: nothing is known of it, or no swabstream run has decided yet"
            );
        };
        if self.asked.day.is_none_or(|day| day == on) {
            let by = |policy: &&TierPolicy| policy.id == newest.policy_id && policy.version == newest.policy_version;
            let policy = self.rules.tiers.iter().find(by);
            return Ok(Found { tier: newest.clone(), day: on, policy, is_published: true });
        }
        self.decided_anew(newest, self.asked.day.unwrap_or(on))
    }

    /// The tier of another day than the one that is published.
    fn decided_anew(&self, newest: &AreaTier, day: Day) -> anyhow::Result<Found<'a>> {
        let (rules, code, id) = (self.rules, &self.area().code, self.rules.target_id(self.asked.target));
        let now = newest.now.as_ref().and_then(Timestamp::from_wire).map(|now| rules.day(now));
        let today = now.max(self.numbers.keys().next_back().copied()).unwrap_or(day);
        ensure!(day <= today, "{code} has no tier on {day}: {today} is the newest day that numbers are published of");
        let decision = Published { numbers: &self.numbers, ..self.published() };
        let policy = rules.tier_policy(self.area().level, self.asked.target, day);
        let policy = policy.with_context(|| format!("no tier policy decides on {code} for {id} on {day}"))?;
        let (first, kept) = (Published::looked_at_from(policy, day), today.plus(-Span::kept_days(rules)));
        ensure!(
            first >= kept,
            "the tier of {code} on {day} follows from numbers from {first} on, of which those before {kept} are kept no \
             more: ask for {} or later",
            kept.plus(day.0 - first.0)
        );
        let eve = decision.decide(day.plus(-1)).map(|eve| eve.tier().to_owned());
        let decision = decision.decide(day);
        let decision = decision.with_context(|| format!("{code} has no tier on {day}: no measure has a value"))?;
        let tier = AreaTier {
            area: code.clone(),
            day: day.to_string(),
            tier: decision.tier().to_owned(),
            rank: decision.rank,
            policy_id: policy.id.clone(),
            policy_version: policy.version.clone(),
            reasons: decision.reasons,
            previous_tier: eve.unwrap_or_default(),
            now: newest.now,
            target: id.to_owned(),
            hysteresis: decision.hysteresis,
            ..AreaTier::default()
        };
        Ok(Found { tier, day, policy: Some(policy), is_published: false })
    }

    /// One object per line.
    pub(super) fn json(&self) -> anyhow::Result<Vec<String>> {
        let found = self.found()?;
        let first = found.policy.map_or(found.day, |policy| Published::looked_at_from(policy, found.day));
        let days = self.numbers.range(first..=found.day).map(|(_, numbers)| numbers);
        let days = days.map(|numbers| json::encode(numbers, "swabstream.v1.AreaPositivity"));
        Ok(std::iter::once(json::encode(&found.tier, "swabstream.v1.AreaTier")).chain(days).collect())
    }

    /// For people to read.
    pub(super) fn text(&self) -> anyhow::Result<Vec<String>> {
        let found = self.found()?;
        let Found { tier, policy, .. } = &found;
        let (area, id) = (self.area(), self.rules.target_id(self.asked.target));
        let mut lines = vec![format!("{} {}, {}, {id}: {}", area.code, area.name, tier.day, tier.tier)];
        let version = format!("{}@{}", tier.policy_id, tier.policy_version);
        let how = if found.is_published { "as published" } else { "decided anew from the numbers as they are now" };
        lines.push(format!("  by policy {version}, {how}"));
        if policy.is_none() {
            lines.push(format!("  {version} is no more among the rules in force: its bounds are not known here"));
        }
        let before = if tier.previous_tier.is_empty() { "none" } else { &tier.previous_tier };
        lines.push(format!("  the day before: {before}"));
        lines.extend([String::new(), "measures".to_owned()]);
        lines.extend(tier.reasons.iter().enumerate().map(|(at, of)| self.measure(*policy, at, of, found.day)));
        lines.extend(self.days(&found));
        lines.push(String::new());
        lines.push(step_down(&found));
        Ok(lines)
    }

    /// One measure of the tier's day, and what it says.
    fn measure(&self, policy: Option<&TierPolicy>, at: usize, of: &TierReason, day: Day) -> String {
        let name = format!("{}, {} days", of.measure, of.window_days);
        let gives = gives(policy, at, of);
        let last = match of.last_case_day.as_str() {
            "" => String::new(),
            last => format!(", the last on {last}, {} days before", Day::parse(last).map_or(0, |last| day.0 - last.0)),
        };
        format!("  {name:<34}{:<54}{gives}", arithmetic(of) + &last)
    }

    /// What the days before have to do with it, where they do.
    fn days(&self, found: &Found<'_>) -> Vec<String> {
        let Some(of) = &found.tier.hysteresis else { return Vec::new() };
        let mut lines =
            vec![String::new(), format!("days in a row: up after {}, down after {}", of.rise_days, of.fall_days)];
        for stretch in &of.days {
            let tier = if stretch.tier.is_empty() { "no value" } else { &stretch.tier };
            lines.push(format!("  {} to {}  {tier}", stretch.first_day, stretch.last_day));
        }
        let Some(policy) = found.policy else { return lines };
        lines.extend([String::new(), "measures of each day".to_owned()]);
        for day in (Published::looked_at_from(policy, found.day).0..=found.day.0).map(Day) {
            let of_day = self.published().measures(policy, day);
            let says: Vec<String> = of_day.iter().map(|of| format!("{} {}", of.measure, arithmetic(of))).collect();
            lines
                .push(format!("  {day}  {}", if says.is_empty() { "no area yet".to_owned() } else { says.join("; ") }));
        }
        lines
    }
}

fn step_down(found: &Found<'_>) -> String {
    let Found { tier, is_published, .. } = found;
    match (tier.rank, is_published, tier.earliest_step_down.as_str()) {
        (0, ..) => "it is the mildest tier: it cannot step down".to_owned(),
        (_, false, _) => "when it could have stepped down was said that day only".to_owned(),
        (_, _, "") => "when it can step down cannot be told now".to_owned(),
        (_, _, day) => format!("it can step down on {day} at the earliest, if nothing new happens"),
    }
}
