//! The tier of every area on every day, from its numbers and, where the policy says so, those of the days before.

mod hysteresis;
mod reasons;

use super::measures::{Ranked, Subject, TierInputs, days_of_steps, last_case, measure_value};
use crate::audit::targets;
use crate::model::time::Day;
use crate::policy::areas::AreaFacts;
use crate::policy::{CleanDayStep, LONGEST_WINDOW, Rules, Target, TargetIndex, Threshold, TierEngine, TierPolicy};
use crate::proto::v1::{Alert, AreaPositivity, AreaTier, Severity, TierHysteresis, TierReason};
use std::collections::{BTreeMap, BTreeSet};

/// A tier.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// The day it holds on.
    pub day: String,
    /// Its name.
    pub tier: String,
    /// Its rank, 0 the mildest.
    pub rank: u32,
    /// `id@version` of the policy that decided.
    pub policy: String,
    /// The tier of the day before, empty when it had none.
    pub previous: String,
    /// The first day it could step down, empty when it is not known.
    pub earliest_step_down: String,
    /// Why. Each value is one division of whole numbers, which has one result.
    pub reasons: Vec<TierReason>,
    /// What the days gave that it follows from, if they are more than one.
    pub hysteresis: Option<TierHysteresis>,
}

impl Tier {
    /// What a published tier says.
    pub fn of(tier: &AreaTier) -> Self {
        Self {
            day: tier.day.clone(),
            tier: tier.tier.clone(),
            rank: tier.rank,
            policy: format!("{}@{}", tier.policy_id, tier.policy_version),
            previous: tier.previous_tier.clone(),
            earliest_step_down: tier.earliest_step_down.clone(),
            reasons: tier.reasons.clone(),
            hysteresis: tier.hysteresis.clone(),
        }
    }
}

/// A live alert about a tier, as far as it does not depend on when things were known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierChange {
    /// Tier of the day before, empty when it had none.
    pub before: String,
    /// Tier of the day.
    pub after: String,
    /// `id@version` of the policy that decided.
    pub policy: String,
    /// Whether it was old news when it was published, which the set of records does not say.
    pub historic: bool,
    /// How grave.
    pub severity: Severity,
    /// How grave if it was old news.
    pub severity_if_historic: Severity,
}

impl TierChange {
    /// What a published alert says.
    pub fn of(alert: &Alert) -> Self {
        Self {
            before: alert.tier_before.clone(),
            after: alert.tier_after.clone(),
            policy: alert.policy.clone(),
            historic: alert.historic,
            severity: alert.severity(),
            severity_if_historic: alert.severity(),
        }
    }

    /// Whether a published alert says the same.
    pub fn is_said_by(&self, found: &Self) -> bool {
        (&self.before, &self.after, &self.policy) == (&found.before, &found.after, &found.policy)
            && self.severity_published(found) == found.severity
    }

    /// How grave a published alert must say it is, which depends on whether it was old news by then.
    pub fn severity_published(&self, found: &Self) -> Severity {
        if found.historic { self.severity_if_historic } else { self.severity }
    }
}

type Tiers = BTreeMap<String, Tier>;
type Changes = BTreeMap<(String, Day), TierChange>;
type Numbers = BTreeMap<(String, Day), AreaPositivity>;

/// Up to which day something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Until {
    /// The last day.
    pub today: Day,
    /// The last one of which nothing is missing: on a later one no area is called milder.
    pub whole: Day,
}

impl From<Day> for Until {
    fn from(today: Day) -> Self {
        Self { today, whole: today }
    }
}

/// Today's tiers of some areas, each with its target, and every day on which a tier differs from the day before.
pub fn of<'a>(
    counts: &impl TierInputs<'a>,
    numbers: &Numbers,
    until: Until,
    wanted: impl Fn(&str) -> bool,
) -> (Tiers, Changes) {
    let (rules, Until { today, whole }) = (counts.rules(), until);
    let decide = |subject: Subject<'a>, day| decide(counts, numbers, subject, day, today);
    // The gravest of the last whole day and of all since, and of several the last.
    let stands = |subject: Subject<'a>, day: Day| {
        decides(rules, subject, day)?;
        let since = (whole.min(day).0..=day.0).map(Day);
        let decided = since.filter_map(|day| Some((day, decide(subject, day)?)));
        decided.reduce(|gravest, next| if next.1.rank >= gravest.1.rank { next } else { gravest })
    };
    let (mut tiers, mut changes) = (Tiers::new(), Changes::new());
    let of_target = |(at, target): (TargetIndex, &'a Target)| {
        rules.areas.list.iter().map(move |area| Subject { area, target: target.id.as_str(), at })
    };
    let first = counts.first_day().unwrap_or(today);
    let (days, looked_at) = (days_of_change(counts), most_days_looked_at(rules));
    for subject in (0..).zip(&rules.deployment.targets).flat_map(of_target) {
        let key = key(rules, subject);
        if !wanted(&key) {
            continue;
        }
        if let Some((on, now)) = stands(subject, today) {
            let eve = stands(subject, on.plus(-1)).map(|(_, eve)| eve);
            let later = |ahead| decide(subject, today.plus(ahead));
            let known = numbers.get(&(key.clone(), on));
            let reasons = reasons::of(counts, known, subject, now.ranked(on));
            let hysteresis = now.hysteresis(on);
            let mut tier = Tier { reasons, hysteresis, ..tier(on, &now, eve.as_ref(), later) };
            if whole < today {
                tier.earliest_step_down.clear();
            }
            tiers.insert(key.clone(), tier);
        }
        let facts = subject.area.facts.iter().flat_map(|facts| (0..looked_at).map(|later| facts.from.plus(later)));
        let missing = (whole.0 + 1..=today.0).map(Day);
        let all = days.iter().copied().chain(facts).chain(missing);
        for day in all.filter(|day| (first..=today).contains(day)) {
            let [before, after] = [day.plus(-1), day].map(|day| stands(subject, day).map(|(_, decision)| decision));
            if let Some(change) = change(before, after) {
                changes.insert((key.clone(), day), change);
            }
        }
    }
    (tiers, changes)
}

/// The most days that a tier follows from.
fn most_days_looked_at(rules: &Rules) -> i32 {
    let looked_at = |policy: &TierPolicy| match &policy.engine {
        TierEngine::CleanDay(_) => 1,
        TierEngine::Threshold(engine) => hysteresis::days_of(engine),
    };
    rules.tiers.iter().map(looked_at).max().unwrap_or(1)
}

/// All days on which a tier may differ from that of the day before, for what the registry says of areas aside: what has
/// entered a window or left it and the days that are looked at after that, what registries do to cases in the longest window after them, clean days that are over,
/// other policies. All days between them are passed over: one row of a mistyped year can make them very many.
fn days_of_change<'a>(counts: &impl TierInputs<'a>) -> BTreeSet<Day> {
    let policies = &counts.rules().tiers;
    let over = |policy: &TierPolicy| match &policy.engine {
        TierEngine::CleanDay(steps) => days_of_steps(policy, steps),
        TierEngine::Threshold(_) => Vec::new(),
    };
    let until = LONGEST_WINDOW + most_days_looked_at(counts.rules()) - 1;
    let ages: BTreeSet<i32> = policies.iter().flat_map(over).map(|days| days + 1).chain(0..=until).collect();
    let begins = policies.iter().flat_map(|policy| [Some(policy.effective_from), policy.effective_until]).flatten();
    let first = counts.first_day();
    let busy = counts.days().flat_map(|day| ages.iter().map(move |age| day.plus(*age)));
    busy.chain(begins).chain(first).collect()
}

/// An area with its target, as in what is compared.
fn key(rules: &Rules, subject: Subject<'_>) -> String {
    targets::key(&subject.area.code, subject.target, targets::first(rules))
}

/// What a policy decides on one day.
struct Decision<'a> {
    policy: &'a TierPolicy,
    rank: u32,
    /// The first day after which it ends by itself (clean days only).
    ends: Option<Day>,
    /// What each day gave that it follows from, if they are more than one (thresholds only).
    days: Vec<Option<u32>>,
}

impl Decision<'_> {
    fn name(&self) -> String {
        self.policy.tiers[self.rank as usize].clone()
    }

    fn ranked(&self, day: Day) -> Ranked<'_> {
        Ranked { policy: self.policy, rank: self.rank, day }
    }

    fn hysteresis(&self, day: Day) -> Option<TierHysteresis> {
        match &self.policy.engine {
            TierEngine::Threshold(engine) if self.days.len() > 1 => {
                Some(hysteresis::said(engine, self.ranked(day), &self.days))
            }
            _ => None,
        }
    }

    fn policy(&self) -> String {
        format!("{}@{}", self.policy.id, self.policy.version)
    }
}

fn change(before: Option<Decision<'_>>, after: Option<Decision<'_>>) -> Option<TierChange> {
    let after = after?;
    let known = before.as_ref();
    let differs = known.map(Decision::name).is_none_or(|name| name != after.name());
    // An area of which nothing was known is no graver when it turns out mild.
    let matters = after.rank > 0 || known.is_some_and(|before| before.rank > 0);
    let graver = known.is_none_or(|before| before.rank < after.rank);
    let severity = after.policy.severity;
    (differs && matters).then(|| TierChange {
        historic: false,
        severity: if graver { severity.raised } else { severity.lowered },
        severity_if_historic: severity.historic,
        before: known.map(Decision::name).unwrap_or_default(),
        after: after.name(),
        policy: after.policy(),
    })
}

fn tier<'a>(
    today: Day,
    now: &Decision<'a>,
    eve: Option<&Decision<'a>>,
    later: impl Fn(i32) -> Option<Decision<'a>>,
) -> Tier {
    let later = |ahead| later(ahead).filter(|later| later.policy == now.policy);
    let step_down = match (&now.policy.engine, now.rank) {
        (_, 0) => None,
        (TierEngine::CleanDay(_), _) => now.ends.map(|day| day.plus(1)),
        (TierEngine::Threshold(engine), _) => (1..14 + hysteresis::days_of(engine))
            .map_while(|ahead| Some((ahead, later(ahead)?.rank)))
            .find(|(_, rank)| *rank < now.rank)
            .map(|(ahead, _)| today.plus(ahead)),
    };
    Tier {
        day: today.to_string(),
        tier: now.name(),
        rank: now.rank,
        policy: now.policy(),
        previous: eve.map(Decision::name).unwrap_or_default(),
        earliest_step_down: step_down.map(|day| day.to_string()).unwrap_or_default(),
        reasons: Vec::new(),
        hysteresis: None,
    }
}

/// What the registry says of an area on a day, and the policy that decides on it then.
fn decides<'a>(rules: &'a Rules, subject: Subject<'a>, day: Day) -> Option<(&'a AreaFacts, &'a TierPolicy)> {
    Some((facts_on(subject, day)?, rules.tier_policy(subject.area.level, subject.at, day)?))
}

/// What the registry says of an area on a day on which it exists.
fn facts_on(subject: Subject<'_>, day: Day) -> Option<&AreaFacts> {
    subject.area.facts.iter().rev().find(|facts| facts.from <= day).filter(|facts| !facts.abolished)
}

/// The tier of an area for a target on a day by specimens collected up to `seen`.
fn decide<'a>(
    counts: &impl TierInputs<'a>,
    known: &Numbers,
    subject: Subject<'a>,
    day: Day,
    seen: Day,
) -> Option<Decision<'a>> {
    let (_, policy) = decides(counts.rules(), subject, day)?;
    match &policy.engine {
        TierEngine::CleanDay(steps) => Some(clean_day(counts, subject, policy, steps, day.min(seen), day)),
        TierEngine::Threshold(engine) => {
            let all = (1 - hysteresis::days_of(engine)..=0).map(|age| day.plus(age));
            let days: Vec<_> =
                all.map(|of| measured_alone(counts, known, subject, (policy, engine), of, seen)).collect();
            Some(Decision { policy, rank: hysteresis::rank(engine, &days)?, ends: None, days })
        }
    }
}

/// The rank that a day gives alone.
fn measured_alone<'a>(
    counts: &impl TierInputs<'a>,
    known: &Numbers,
    subject: Subject<'a>,
    (policy, engine): (&TierPolicy, &Threshold),
    day: Day,
    seen: Day,
) -> Option<u32> {
    let population = facts_on(subject, day)?.population;
    let total = |numbers: &AreaPositivity| numbers.purposes[0].windows.clone();
    let total = match day <= seen {
        true => known.get(&(key(counts.rules(), subject), day)).map(total),
        false => counts.seen(subject.names(), day, seen).as_ref().map(total),
    };
    let total = total.unwrap_or_default();
    let rank = |measure| measure_value(policy, measure, &total, population).rank(measure);
    engine.measures.iter().filter_map(rank).max()
}

fn clean_day<'a>(
    counts: &impl TierInputs<'a>,
    subject: Subject<'a>,
    policy: &'a TierPolicy,
    steps: &[CleanDayStep],
    seen: Day,
    day: Day,
) -> Decision<'a> {
    let Some(last_case) = last_case(counts, subject, policy, seen, day) else {
        return Decision { policy, rank: 0, ends: None, days: Vec::new() };
    };
    let mut rank = policy.tiers.len() as u32 - 1;
    let mut ends = last_case;
    while let Some(step) = steps.iter().find(|step| step.rank == rank) {
        ends = ends.plus(step.clean_days);
        if day <= ends {
            return Decision { policy, rank, ends: Some(ends), days: Vec::new() };
        }
        rank = step.next;
    }
    Decision { policy, rank, ends: None, days: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::super::held::Held;
    use super::*;
    use crate::audit::cells::{Cells, CountKey};
    use crate::audit::targets::AreaTarget;
    use crate::policy::sample::sample_rules;
    use std::cell::Cell;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    /// Positive clinic tests of the community in an area, counted in every period of the registry.
    fn cells(rules: &Rules, area: &str, days: &[&str]) -> Cells {
        let mut cells = Cells::new();
        for (period, on) in rules.areas.periods.iter().flat_map(|period| days.iter().map(move |on| (*period, day(on))))
        {
            for name in ["positive", "cases", "community cases"] {
                let (area, purpose) = (area.to_owned(), "clinic".to_owned());
                cells.insert(CountKey { area, period, purpose, day: on, name }, 1);
            }
        }
        cells
    }

    /// Counts how often something is asked for.
    struct Watched<'a> {
        held: Held<'a>,
        asked: Cell<u64>,
    }

    impl<'a> TierInputs<'a> for Watched<'a> {
        fn rules(&self) -> &'a Rules {
            self.held.rules()
        }

        fn first_day(&self) -> Option<Day> {
            self.held.first_day()
        }

        fn days(&self) -> impl DoubleEndedIterator<Item = Day> {
            self.held.days()
        }

        fn cases(&self, of: AreaTarget<'_>, day: Day, registry: Day, community_only: bool) -> i64 {
            self.asked.set(self.asked.get() + 1);
            self.held.cases(of, day, registry, community_only)
        }

        fn seen(&self, of: AreaTarget<'_>, end: Day, seen: Day) -> Option<AreaPositivity> {
            self.asked.set(self.asked.get() + 1);
            self.held.seen(of, end, seen)
        }
    }

    #[test]
    fn a_row_of_another_century_costs_no_day_between() {
        let rules = sample_rules();
        let ask = |days: &[&str]| {
            let cells = cells(&rules, "D2S2", days);
            let held = Held::of(&rules, "D2S2", &cells, cells.keys().map(|key| key.day).min());
            let watched = Watched { held, asked: Cell::new(0) };
            let (tiers, changes) = of(&watched, &Numbers::new(), day("2087-06-01").into(), |key| key == "D2S2");
            assert_eq!(tiers["D2S2"].tier, "low");
            (changes, watched.asked.get())
        };
        let (usual, few) = ask(&["2022-11-10", "2022-11-13"]);
        let (with_far, more) = ask(&["1900-02-01", "2022-11-10", "2022-11-13", "2087-01-01"]);
        assert_eq!(usual.len(), 3, "raised, and lowered in two steps: {usual:?}");
        assert!(with_far.len() == 6 && usual.iter().all(|of| with_far.contains_key(of.0)), "{with_far:?}");
        assert!(more < 4 * few, "{more} questions, where it were {few} without two rows more");
    }

    #[test]
    fn tiers_change_on_no_day_that_is_passed_over() {
        let rules = sample_rules();
        let today = day("2023-03-01");
        for (street, days) in [
            ("D2S2", &["2022-10-01", "2022-10-09", "2022-11-04", "2022-11-14", "2022-12-30"][..]),
            ("D3S1", &["2022-11-28", "2022-11-30", "2022-12-05"]),
            ("D3", &["2022-10-02", "2022-11-20", "2022-11-27"]),
        ] {
            let cells = cells(&rules, street, days);
            let first = day(days[0]);
            let held = Held::of(&rules, street, &cells, Some(first));
            let all = || (first.0..=today.0).map(Day);
            let numbers: Numbers =
                all().filter_map(|end| Some(((street.to_owned(), end), held.numbers(end)?))).collect();
            let (_, changes) = held.tiers(&numbers, today.into());
            let area = rules.areas.list.iter().find(|area| area.code == street).expect("an area");
            let subject = Subject { area, target: targets::first(&rules), at: 0 };
            let decide = |day| decide(&held, &numbers, subject, day, today);
            let one_by_one =
                all().filter_map(|day| Some(((street.to_owned(), day), change(decide(day.plus(-1)), decide(day))?)));
            assert_eq!(changes, one_by_one.collect::<Changes>(), "{street}");
            assert!(!changes.is_empty(), "{street}");
        }
    }
}
