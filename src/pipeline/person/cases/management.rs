//! On which days a contact is under management: by the observation after an exposure, or by an order.
//!
//! In: contact records as held, positives. Out: stretches of civil days, by record or put together. Which record is about
//! a target is for the policy of each day to say. A contact who was found positive is a case from the day of that swab on,
//! and no contact any more for as long as another positive would belong to the same episode.

use super::episodes::{self, Positive};
use super::matching::{self, Sought};
use crate::model::contact::ContactKind;
use crate::model::time::Day;
use crate::policy::{CasePolicy, EpisodeForm, Rules, TargetIndex};
use crate::state::person::case_file::{CaseFile, Contact};
use crate::state::person::row::minute_start;
use std::ops::Range;

/// Days of one record that are taken: no order lasts longer, and what is made up must not fill all calendars.
const LONGEST: i32 = 366;

/// Days that follow each other, on which one record has its person managed.
#[derive(Clone, Copy, Debug)]
pub struct Stay<'a> {
    /// The first.
    pub first: Day,
    /// The last.
    pub last: Day,
    /// The record.
    pub contact: &'a Contact,
}

/// All stays of a person for a target, in order.
pub fn stays<'a>(file: &'a CaseFile, target: TargetIndex, rules: &Rules) -> Vec<Stay<'a>> {
    let active = file.contacts.iter().filter(|contact| contact.is_active());
    let mut stays: Vec<Stay<'a>> = active
        .flat_map(|contact| {
            let observed = observed(contact, matching::kind_now(contact, file), target, rules);
            let days = observed.into_iter().chain(ordered(contact, target, rules));
            days.map(move |(first, last)| Stay { first, last, contact })
        })
        .collect();
    stays.sort_by_key(|stay| (stay.first, stay.last));
    stays
}

/// From the exposure to the end of its observation.
fn observed(contact: &Contact, kind: ContactKind, target: TargetIndex, rules: &Rules) -> Option<(Day, Day)> {
    let ended = rules.day(contact.end);
    let (mut last, mut next) = (None, ended);
    for (until, policy) in policies(rules, target, ended) {
        let ends = ended.plus(matching::observation_days(kind, policy) as i32);
        if ends < next || !(Sought { rules, target, policy }).is_subject_of(contact) {
            break;
        }
        last = Some(ends.min(until));
        // One that holds from the day after may observe for longer.
        if ends < until {
            break;
        }
        next = until.plus(1);
    }
    last.map(|last| (rules.day(contact.start).max(last.plus(1 - LONGEST)), last))
}

/// While the record's order holds, and is about the target.
fn ordered(contact: &Contact, target: TargetIndex, rules: &Rules) -> Vec<(Day, Day)> {
    let Some((from, to)) = contact.order.filter(|(from, to)| from <= to) else { return Vec::new() };
    let first = rules.day(from);
    let last = rules.day(to).min(first.plus(LONGEST - 1));
    let (mut days, mut next) = (Vec::new(), first);
    for (until, policy) in policies(rules, target, first) {
        if (Sought { rules, target, policy }).is_subject_of(contact) {
            days.push((next, until.min(last)));
        }
        if last <= until {
            break;
        }
        next = until.plus(1);
    }
    days
}

/// The policies of a target from a day on, each with the last day that it holds.
fn policies(rules: &Rules, target: TargetIndex, from: Day) -> impl Iterator<Item = (Day, &CasePolicy)> {
    let mut next = Some(from);
    std::iter::from_fn(move || {
        let day = next?;
        let policy = rules.case_policy(target, day)?;
        let later = rules.cases.iter().filter(|policy| policy.targets.contains(&target));
        let later = later.map(|policy| policy.effective_from).filter(|from| *from > day).min();
        next = later;
        Some((later.map_or(Day(i32::MAX), |later| later.plus(-1)), policy))
    })
}

/// Days under management without one between that is not.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The first.
    pub first: Day,
    /// The last: the day of release.
    pub last: Day,
    /// What records say of them.
    pub stays: Vec<Stay<'a>>,
}

/// Puts stays together that follow each other, and takes out the days on which the person is a case.
pub fn runs<'a>(stays: &[Stay<'a>], cases: &CaseDays<'_>) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'a>> = Vec::new();
    for stay in stays {
        match runs.last_mut().filter(|run| stay.first <= run.last.plus(1)) {
            Some(run) => {
                run.last = run.last.max(stay.last);
                run.stays.push(*stay);
            }
            None => runs.push(Run { first: stay.first, last: stay.last, stays: vec![*stay] }),
        }
    }
    if cases.is_empty() { runs } else { runs.into_iter().flat_map(|run| without_cases(&run, cases)).collect() }
}

fn without_cases<'a>(run: &Run<'a>, cases: &CaseDays<'_>) -> Vec<Run<'a>> {
    let mut parts: Vec<(Day, Day)> = Vec::new();
    for day in (run.first.0..=run.last.0).map(Day).filter(|day| !cases.was_case(*day)) {
        match parts.last_mut().filter(|part| part.1.plus(1) == day) {
            Some(part) => part.1 = day,
            None => parts.push((day, day)),
        }
    }
    let part = |(first, last): (Day, Day)| {
        let within = run.stays.iter().filter(|stay| stay.first <= last && first <= stay.last);
        Run { first, last, stays: within.copied().collect() }
    };
    parts.into_iter().map(part).collect()
}

/// On which days a person is a case for a target.
#[derive(Debug)]
pub struct CaseDays<'a> {
    rules: &'a Rules,
    target: TargetIndex,
    /// Days of positives, in order.
    days: Vec<Day>,
    episodes: Vec<Range<usize>>,
}

impl<'a> CaseDays<'a> {
    /// By the positives of all targets.
    pub fn of(positives: &[Positive], target: TargetIndex, rules: &'a Rules) -> Self {
        let own: Vec<Positive> = positives.iter().filter(|positive| positive.target == target).copied().collect();
        let days = own.iter().map(|positive| rules.day(minute_start(positive.verdict.minute))).collect();
        Self { rules, target, days, episodes: episodes::split(&own, rules) }
    }

    /// Whether there never was a positive.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Whether another positive of a day would belong to an episode that has begun by then: who is a case is no contact.
    pub fn is_case(&self, day: Day) -> bool {
        self.belongs(day, self.days.partition_point(|positive| *positive <= day))
    }

    /// The same of episodes that had begun before that day: on the day of the first positive its person is a contact still.
    pub fn was_case(&self, day: Day) -> bool {
        self.belongs(day, self.days.partition_point(|positive| *positive < day))
    }

    /// The first positive after a day.
    pub fn next_after(&self, day: Day) -> Option<Day> {
        self.days.get(self.days.partition_point(|positive| *positive <= day)).copied()
    }

    /// Whether a positive of a day belongs to the last episode of the first so many positives.
    fn belongs(&self, day: Day, begun: usize) -> bool {
        let episodes = &self.episodes[..self.episodes.partition_point(|episode| episode.start < begun)];
        let Some((episode, policy)) = episodes.last().zip(self.rules.case_policy(self.target, day)) else {
            return false;
        };
        let anchor = match policy.episode_form {
            EpisodeForm::FromLastPositive => episode.end.min(begun) - 1,
            EpisodeForm::FromFirstPositive => episode.start,
        };
        day.0 - self.days[anchor].0 <= policy.episode_gap_days
    }
}
