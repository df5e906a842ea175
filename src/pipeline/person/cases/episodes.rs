//! Positives to episodes: the first positive of a person for a target is a case, further ones within the gap belong to
//! it.
//!
//! In: a person's rows and contact records. Out: positive specimens in order, split into episodes; the cases that
//! count. The gap and its form are those of the policy of the day of the positive that is looked at.

use super::matching::{self, Sought, Taken};
use crate::model::time::Day;
use crate::pipeline::person::counting::contribution::{CountedCase, Places, day_of};
use crate::pipeline::person::specimen::{Names, Verdict};
use crate::policy::{CasePolicy, EpisodeForm, Rules, TargetIndex};
use crate::state::person::case_file::Contact;
use crate::state::person::row::Row;
use std::collections::BTreeMap;
use std::ops::Range;

/// A specimen the person is held as positive by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positive {
    /// What for.
    pub target: TargetIndex,
    /// Place, minute and specimen.
    pub verdict: Verdict,
    /// Rests on preliminary results only: never counts.
    pub preliminary: bool,
}

/// Positive specimens of the targets that are declared: target by target, in order of collection. Preliminary ones are
/// among them where the policy lets them alert and no conclusive result stands.
pub fn positives<'r>(rows: impl Iterator<Item = &'r Row>, rules: &Rules, names: Names<'_>) -> Vec<Positive> {
    // Per specimen: what counts, and what is preliminarily positive.
    let mut specimens: BTreeMap<u64, [Option<Verdict>; 2]> = BTreeMap::new();
    for row in rows {
        let preliminary = row.is_preliminary_positive();
        if !row.counts() && !preliminary {
            continue;
        }
        let verdict = &mut specimens.entry(row.specimen()).or_default()[usize::from(preliminary)];
        let one = Verdict::of(row);
        *verdict = Some(verdict.map_or(one, |all| all.and(one, names)));
    }
    let of = |verdict: Verdict, preliminary| {
        let target = rules.target_stored_as(names.target(verdict.purpose))?;
        Some(Positive { target, verdict, preliminary })
    };
    let alerts_early = |positive: &Positive| policy(positive, rules).is_some_and(|policy| policy.preliminary_alerts);
    let held = specimens.into_values().filter_map(|[counted, preliminary]| match counted {
        Some(verdict) if verdict.is_positive() => of(verdict, false),
        Some(verdict) if verdict.is_conclusive() => None,
        _ => preliminary.and_then(|verdict| of(verdict, true)).filter(alerts_early),
    });
    let mut positives: Vec<Positive> = held.collect();
    positives.sort_by_key(|positive| {
        let verdict = &positive.verdict;
        let texts = (&names.areas[verdict.area as usize], names.purpose(verdict.purpose));
        (positive.target, verdict.minute, verdict.day_only, texts, verdict.specimen)
    });
    positives
}

/// The case policy of a positive's target and day, if there is one.
pub fn policy<'r>(positive: &Positive, rules: &'r Rules) -> Option<&'r CasePolicy> {
    rules.case_policy(positive.target, Day(day_of(rules, positive.verdict.minute)))
}

/// Splits positives in order into episodes, each of one target. Those of a target without a case policy are in none.
pub fn split(positives: &[Positive], rules: &Rules) -> Vec<Range<usize>> {
    let mut episodes: Vec<Range<usize>> = Vec::new();
    for (at, positive) in positives.iter().enumerate() {
        let day = day_of(rules, positive.verdict.minute);
        let Some(policy) = policy(positive, rules) else { continue };
        let running = episodes.last_mut().filter(|episode| {
            if positives[episode.start].target != positive.target {
                return false;
            }
            let anchor = match policy.episode_form {
                EpisodeForm::FromLastPositive => episode.end - 1,
                EpisodeForm::FromFirstPositive => episode.start,
            };
            day - day_of(rules, positives[anchor].verdict.minute) <= policy.episode_gap_days
        });
        match running {
            Some(episode) => episode.end = at + 1,
            None => episodes.push(at..at + 1),
        }
    }
    episodes
}

/// When a positive was swabbed.
pub fn taken(positive: &Positive, rules: &Rules) -> Taken {
    matching::taken(positive.verdict.minute, positive.verdict.day_only, rules)
}

/// Whether a positive was swabbed while a management order held that is about its target.
pub fn is_managed(positive: &Positive, contacts: &[Contact], rules: &Rules) -> bool {
    let sought = policy(positive, rules).map(|policy| Sought { rules, target: positive.target, policy });
    sought.is_some_and(|sought| matching::is_managed(contacts, taken(positive, rules), sought))
}

/// The episodes that count, each at its first positive; not those whose numbers are closed.
pub fn cases<'r>(
    rows: impl Iterator<Item = &'r Row>,
    contacts: &[Contact],
    rules: &Rules,
    places: &Places,
    names: Names<'_>,
) -> Vec<CountedCase> {
    let mut positives = positives(rows, rules, names);
    positives.retain(|positive| !positive.preliminary);
    let firsts = split(&positives, rules).into_iter().map(|episode| positives[episode.start]);
    let open = firsts.filter(|first| !first.verdict.settled);
    open.filter_map(|first| {
        let Verdict { area, purpose, minute, .. } = first.verdict;
        let place = places.place(rules, area, purpose, minute)?;
        Some(CountedCase { place, community: !is_managed(&first, contacts, rules) })
    })
    .collect()
}
