//! Alerts about a person: what must be said now, compared with what was said last.
//!
//! In: rows and the case file. Out: the states of alerts to be published, in order, as the
//! [`lifecycle`] of all alerts has them.

use super::cases::episodes::{self, Positive};
use super::cases::matching::{self, Sought, Swab};
use super::messages::Trigger;
use super::specimen::{Names, Verdict};
use crate::model::ids::Secret;
use crate::model::target::FIRST;
use crate::model::time::Timestamp;
use crate::pipeline::alerting::families;
use crate::pipeline::alerting::lifecycle::{self, Held, Wanted};
use crate::policy::{CasePolicy, Rules};
use crate::proto::v1::{self, AlertFamily, AlertState, Channel, TimePrecision};
use crate::state::person::case_file::{CaseFile, PositiveVersion};
use crate::state::person::row::{Row, minute_start};
use std::collections::BTreeMap;

/// Contacts in an alert, of each kind: at about 60 bytes a tenth of what a broker takes by default.
const LISTED_AT_MOST: usize = 1_000;

/// Positive results in an alert: at most a kilobyte each, and few have more than three.
pub const POSITIVES_AT_MOST: usize = 50;

/// All that alerts are decided from.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'a> {
    /// Rows of the person: of alerts about positives those that have to do with one, of missed tests all.
    pub rows: &'a [Row],
    /// Case file.
    pub file: &'a CaseFile,
    /// Rules in force.
    pub rules: &'a Rules,
    /// Texts of areas and purposes.
    pub names: Names<'a>,
    /// Key of ids.
    pub secret: &'a Secret,
}

/// Compares the alerts that must be live with those that were, and gives each that has to be published, in order.
pub fn review(held: &[v1::Alert], wanted: Vec<v1::Alert>, trigger: &Trigger<'_>) -> Vec<v1::Alert> {
    let mut published = Vec::new();
    for alert in held.iter().filter(|alert| is_live(alert)) {
        if wanted.iter().any(|wanted| wanted.alert_id == alert.alert_id) {
            continue;
        }
        let replaced_by = successor(alert, &wanted).unwrap_or_default();
        published.extend(next(Some(alert), v1::Alert { replaced_by, ..alert.clone() }, false, trigger));
    }
    let withdrawn = published.len();
    for mut wanted in wanted {
        let held = held.binary_search_by(|alert| alert.alert_id.cmp(&wanted.alert_id)).ok().map(|at| &held[at]);
        wanted.replaces = replaced(&wanted, held, &published[..withdrawn]);
        published.extend(next(held, wanted, true, trigger));
    }
    published
}

/// Alerts of which this one says now what they said, those of before first: their chains of cause are its own.
fn replaced(alert: &v1::Alert, held: Option<&v1::Alert>, withdrawn: &[v1::Alert]) -> Vec<String> {
    let mut replaced = held.map(|held| held.replaces.clone()).unwrap_or_default();
    for earlier in withdrawn.iter().filter(|earlier| earlier.replaced_by == alert.alert_id) {
        if !replaced.contains(&earlier.alert_id) {
            replaced.push(earlier.alert_id.clone());
        }
    }
    replaced
}

/// An alert as it is to be published now, given how it was last and what it says, if it is to be live.
fn next(held: Option<&v1::Alert>, says: v1::Alert, is_wanted: bool, trigger: &Trigger<'_>) -> Option<v1::Alert> {
    let mut alert = match held {
        Some(v1::Alert { version, state, causes, causes_omitted, .. }) => {
            let (version, state, causes_omitted) = (*version, *state, *causes_omitted);
            v1::Alert { version, state, causes: causes.clone(), causes_omitted, ..says }
        }
        None => says,
    };
    let wanted = match is_wanted {
        false => Wanted::Nothing,
        true if held == Some(&alert) => Wanted::TheSame,
        true => Wanted::Other,
    };
    let state = lifecycle::next(Held::of(held.map(is_live)), wanted)?;
    alert.version += 1;
    alert.state = state as i32;
    let cause = v1::Cause { state: state as i32, ..trigger.cause() };
    lifecycle::link(&mut alert.causes, &mut alert.causes_omitted, cause);
    Some(alert)
}

/// Whether an alert was not withdrawn.
pub fn is_live(alert: &v1::Alert) -> bool {
    alert.state() != AlertState::Withdrawn
}

/// The alert that now says what this one said: of an episode of its target whose days overlap with those of its own. A
/// contradiction has one day, and another one of that day and specimen is about another target. Of a tube there is one
/// alert of a family, whatever its day, and of a person's key group too.
fn successor(alert: &v1::Alert, wanted: &[v1::Alert]) -> Option<String> {
    let follows = |other: &&v1::Alert| match (alert.family(), other.family()) {
        (AlertFamily::Positive, AlertFamily::Positive) => {
            other.target == alert.target && other.first_day <= alert.last_day && alert.first_day <= other.last_day
        }
        (AlertFamily::GroupOverdue, AlertFamily::GroupOverdue) => {
            (&other.group, &other.target) == (&alert.group, &alert.target)
        }
        (AlertFamily::PoolPositive, AlertFamily::PoolPositive)
        | (AlertFamily::PoolOverdue, AlertFamily::PoolOverdue) => {
            (&other.specimen_id, &other.target) == (&alert.specimen_id, &alert.target)
        }
        _ => false,
    };
    wanted.iter().find(follows).map(|other| other.alert_id.clone())
}

/// The alerts that must be live, with all contacts: they are to be [`shortened`] before they are published.
pub fn wanted(grounds: &Grounds<'_>) -> Vec<v1::Alert> {
    let positives = episodes::positives(grounds.rows.iter(), grounds.rules, grounds.names);
    let episodes = episodes::split(&positives, grounds.rules);
    let saying = Saying::of(grounds);
    let cases = episodes.into_iter().filter_map(|episode| positive(grounds, &saying, &positives[episode]));
    let contradicted = positives.iter().filter(|positive| positive.verdict.contradiction);
    cases.chain(contradicted.map(|positive| contradiction(grounds, &saying, positive))).collect()
}

/// Positive rows, by their specimen, with what is kept of them: looked for once, as a person may have thousands.
struct Saying<'a>(BTreeMap<u64, Vec<(&'a Row, Option<&'a PositiveVersion>)>>);

impl<'a> Saying<'a> {
    fn of(grounds: &Grounds<'a>) -> Self {
        let mut by_specimen: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for row in grounds.rows.iter().filter(|row| row.is_positive()) {
            let version = grounds.file.positive(row.id(), row.content());
            by_specimen.entry(row.specimen()).or_default().push((row, version));
        }
        Self(by_specimen)
    }

    /// All of a specimen.
    fn of_specimen(&self, specimen: u64) -> &[(&'a Row, Option<&'a PositiveVersion>)] {
        self.0.get(&specimen).map_or(&[], Vec::as_slice)
    }

    /// Those that a positive rests on.
    fn behind(&self, positive: &Positive) -> impl Iterator<Item = (&'a Row, Option<&'a PositiveVersion>)> {
        let preliminary = positive.preliminary;
        let all = self.of_specimen(positive.verdict.specimen).iter().copied();
        all.filter(move |(row, _)| row.counts() != preliminary)
    }
}

/// The alert of one episode: its target has a case policy on every day.
fn positive(grounds: &Grounds<'_>, saying: &Saying<'_>, episode: &[Positive]) -> Option<v1::Alert> {
    let first = &episode[0];
    let (rules, target) = (grounds.rules, first.target);
    let swab = |positive: &Positive| {
        let policy = episodes::policy(positive, rules)?;
        Some(Swab { taken: episodes::taken(positive, rules), sought: Sought { rules, target, policy } })
    };
    let swabs: Vec<Swab<'_>> = episode.iter().filter_map(swab).collect();
    let policy = swabs.first()?.sought.policy;
    let first_at = swabs[0].taken.first;
    let last_at = swabs.iter().map(|swab| swab.taken.last).max().unwrap_or(first_at);
    let managed = episodes::is_managed(first, &grounds.file.contacts, grounds.rules);
    let mut of_policies = episode.iter().zip(&swabs);
    let historic = of_policies.all(|(positive, swab)| is_historic(saying.behind(positive), rules, swab.sought.policy));
    let preliminary = episode.iter().all(|positive| positive.preliminary);
    let severity = match (historic, preliminary, managed) {
        (true, ..) => policy.severity.historic,
        (_, true, _) => policy.severity.preliminary,
        (.., true) => policy.severity.managed,
        _ => policy.severity.community,
    };
    let first_day = grounds.rules.day(first_at).to_string();
    let exposed_to = matching::exposed_to(grounds.file, &swabs);
    let to_trace = matching::to_trace(grounds.file, first_at, last_at, swabs[0].sought);
    let subject = [grounds.file.person_id.as_str()];
    let (positives, positives_omitted) = results(saying, episode);
    Some(v1::Alert {
        alert_id: families::id(
            grounds.secret,
            AlertFamily::Positive,
            &subject,
            &first_day,
            rules.stored_target(target),
        ),
        last_day: grounds.rules.day(last_at).to_string(),
        severity: severity as i32,
        historic,
        preliminary,
        channel: if managed { Channel::Managed as i32 } else { Channel::Community as i32 },
        positive_specimens: episode.len() as u32,
        positives,
        positives_omitted,
        exposed_to,
        to_trace,
        first_day,
        ..about(grounds, first, AlertFamily::Positive, policy)
    })
}

/// Of each positive the result behind it that was received first, with what was measured: another entry point that says
/// the same later is no news. In order, as many as one record can carry, and the number of those left out.
fn results(saying: &Saying<'_>, positives: &[Positive]) -> (Vec<v1::PositiveResult>, u32) {
    let first = |positive: &Positive| {
        let known = saying.behind(positive).filter_map(|(row, version)| Some((row, version?)));
        known.min_by_key(|(_, version)| (version.received_at, &version.lab_id, &version.result_id))
    };
    let mut firsts: Vec<(&Row, &PositiveVersion)> = positives.iter().filter_map(first).collect();
    firsts.sort_by_key(|(row, version)| {
        (row.minute(), precision(row) as i32, &version.lab_id, &version.result_id, &version.specimen_id)
    });
    let omitted = firsts.len().saturating_sub(POSITIVES_AT_MOST) as u32;
    let listed = firsts.into_iter().take(POSITIVES_AT_MOST);
    (listed.map(|(row, version)| measured(row, version)).collect(), omitted)
}

/// How exactly it is known when a row's swab was taken.
pub fn precision(row: &Row) -> TimePrecision {
    if row.is_day_only() { TimePrecision::Day } else { TimePrecision::Minute }
}

fn measured(row: &Row, version: &PositiveVersion) -> v1::PositiveResult {
    v1::PositiveResult {
        lab_id: version.lab_id.clone(),
        result_id: version.result_id.clone(),
        specimen_id: version.specimen_id.clone(),
        target: version.target.clone(),
        collected_at: Some(minute_start(row.minute()).to_wire()),
        collected_precision: precision(row) as i32,
        ct_values: version.ct_values.clone(),
        ct_values_omitted: version.ct_values_omitted,
        kit: version.kit.clone(),
    }
}

/// With as many contacts as one record can carry, in order, and the number of those left out. Without a bound, a made up
/// index with very many contacts would make an alert that no broker takes.
pub fn shortened(mut alert: v1::Alert) -> v1::Alert {
    let omitted = |all: &[v1::MatchedContact]| all.len().saturating_sub(LISTED_AT_MOST) as u32;
    (alert.exposed_to_omitted, alert.to_trace_omitted) = (omitted(&alert.exposed_to), omitted(&alert.to_trace));
    alert.exposed_to.truncate(LISTED_AT_MOST);
    alert.to_trace.truncate(LISTED_AT_MOST);
    alert
}

/// Whether every row behind a positive was old when its meaning was first read, by the policy of the specimen's day.
fn is_historic<'a>(
    mut behind: impl Iterator<Item = (&'a Row, Option<&'a PositiveVersion>)>,
    rules: &Rules,
    policy: &CasePolicy,
) -> bool {
    behind.all(|(row, version)| version.is_some_and(|version| was_old(row, version.received_at, rules, policy)))
}

/// Whether what a row says was old when it was first read. A swab is known to the minute, and so its age is: compared more
/// exactly, a swab of 23:59:59 would be a minute older than one of 23:59:00 received at the same moment was.
pub fn was_old(row: &Row, received_at: Timestamp, rules: &Rules, policy: &CasePolicy) -> bool {
    let latest = matching::taken(row.minute(), row.is_day_only(), rules).last;
    received_at.minute() > latest.plus_hours(policy.historic_after_hours).minute()
}

/// The alert of a specimen that a negative and a positive stand for.
fn contradiction(grounds: &Grounds<'_>, saying: &Saying<'_>, positive: &Positive) -> v1::Alert {
    let verdict = &positive.verdict;
    let day = grounds.rules.day(minute_start(verdict.minute));
    let (specimen_id, target) = texts_of(saying, verdict);
    let (positives, positives_omitted) = results(saying, std::slice::from_ref(positive));
    let (policy, first_day) = (grounds.rules.intake_policy(positive.target, day), day.to_string());
    // Its target is part of what it is about, also the first.
    let subject = [grounds.file.person_id.as_str(), specimen_id, target];
    v1::Alert {
        alert_id: families::id(grounds.secret, AlertFamily::Contradiction, &subject, &first_day, FIRST),
        severity: policy.severity.contradiction as i32,
        last_day: first_day.clone(),
        first_day,
        positive_specimens: 1,
        positives,
        positives_omitted,
        specimen_id: specimen_id.to_owned(),
        ..about(grounds, positive, AlertFamily::Contradiction, policy)
    }
}

/// Barcode of a positive specimen, as it was sent, and the id of its target.
fn texts_of<'a>(saying: &Saying<'a>, verdict: &Verdict) -> (&'a str, &'a str) {
    let version = saying.of_specimen(verdict.specimen).iter().find_map(|(_, version)| *version);
    version.map_or(("", ""), |version| (&version.specimen_id, &version.target))
}

/// The first target has no name in an alert as it is held.
fn about(grounds: &Grounds<'_>, positive: &Positive, family: AlertFamily, policy: &CasePolicy) -> v1::Alert {
    let verdict = &positive.verdict;
    v1::Alert {
        family: family as i32,
        person_id: grounds.file.person_id.clone(),
        area: grounds.names.areas[verdict.area as usize].clone(),
        purpose: grounds.names.purpose(verdict.purpose).to_owned(),
        target: grounds.rules.stored_target(positive.target).to_owned(),
        policy: policy.name.clone(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_lists_no_more_contacts_than_a_record_can_carry() {
        let contact = |number: u32| v1::MatchedContact { record_id: format!("C{number:05}"), ..Default::default() };
        let long = v1::Alert { to_trace: (0..1_234).map(contact).collect(), ..Default::default() };
        let short = shortened(long);
        assert_eq!((short.to_trace.len(), short.to_trace_omitted), (1_000, 234));
        assert_eq!(short.to_trace[999].record_id, "C00999");
        assert_eq!((short.exposed_to_omitted, &shortened(short.clone()).to_trace), (0, &short.to_trace));
    }
}
