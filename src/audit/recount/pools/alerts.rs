//! The alerts about tubes that leave their members open, and about those who are still awaited then.
//!
//! In: every usable record, and everybody with their single results. Out: the alerts that must be live.

use super::tubes::Shared;
use super::versions::{Standing, Tube, versions};
use crate::audit::arrived::Arrived;
use crate::audit::passed::TimePassed;
use crate::audit::recount::alert_id;
use crate::audit::recount::alerts::{ListedPositive, LiveAlert};
use crate::audit::recount::people::{Person, day, listed, members_of, taken};
use crate::audit::recount::pool_said::PoolSaid;
use crate::audit::targets;
use crate::model::ids::Secret;
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{AlertFamily, Channel, Finding};
use std::collections::{BTreeMap, BTreeSet};

/// Alerts about tubes that leave their members open, and about whoever is still awaited when the time for that is over.
pub fn of(
    rules: &Rules,
    secret: &Secret,
    people: &BTreeMap<String, Person>,
    records: &[Arrived],
    passed: impl Fn(&str) -> TimePassed,
) -> BTreeSet<LiveAlert> {
    let mut alerts = BTreeSet::new();
    let pools = versions(records);
    let shared = Shared::of(rules, &pools);
    for (pool, results) in pools {
        let mut tubes: BTreeMap<Tube<'_>, Vec<Standing<'_>>> = BTreeMap::new();
        for versions in results.values() {
            let standing = Standing::of(rules, versions);
            let result = standing.version.result;
            tubes.entry((&result.specimen_id, &result.target)).or_default().push(standing);
        }
        let told = tubes.values().filter(|standing| !is_told_elsewhere(&shared, pool, standing));
        for alert in told.filter_map(|standing| alert(rules, secret, people, pool, standing)) {
            alerts.extend(overdue(rules, secret, &alert, passed(pool)));
            alerts.insert(LiveAlert { pool: alert.pool.map(|said| said.listed()), ..alert });
        }
    }
    alerts
}

/// The alert about those whom another still awaits, if the time to find out about them is over.
fn overdue(rules: &Rules, secret: &Secret, tube: &LiveAlert, passed: TimePassed) -> Option<LiveAlert> {
    let said = tube.pool.as_ref().filter(|said| said.awaited > 0)?;
    let policy = targets::intake_policy(rules, &tube.target, Day::parse(&tube.first_day)?);
    let over = said.recall_by?.0 + policy.pool_grace_hours * 3_600_000;
    if passed.due.is_none_or(|due| due.0 < over) {
        return None;
    }
    Some(LiveAlert {
        id: alert_id::pool_overdue(secret, &said.pool, &tube.specimen, &tube.target, &tube.first_day),
        family: AlertFamily::PoolOverdue,
        severity: match (tube.historic, tube.preliminary) {
            (true, _) => policy.severity.historic,
            (false, true) => policy.severity.preliminary,
            (false, false) => policy.severity.pool_overdue,
        },
        positive_specimens: 0,
        positives: Vec::new(),
        pool: Some(said.awaiting()),
        ..tube.clone()
    })
}

/// What a tube says that leaves its members open, and who says so; it says so early where nothing that counts says it.
fn verdict<'s, 'a>(standing: &'s [Standing<'a>]) -> Option<(Option<Finding>, Vec<&'s Standing<'a>>)> {
    let counting = |one: &&Standing<'_>| one.version.counts();
    let found = |finding| standing.iter().filter(counting).any(|one| one.version.result.finding() == finding);
    let verdict = [Finding::Positive, Finding::Negative, Finding::Inconclusive].into_iter().find(|one| found(*one));
    let says = |one: &&Standing<'_>| match verdict {
        Some(finding) => one.version.counts() && one.version.result.finding() == finding,
        None => one.version.is_preliminary_positive(),
    };
    (verdict != Some(Finding::Negative)).then(|| (verdict, standing.iter().filter(says).collect()))
}

/// Whether another pool tells of a tube, by each of the results that this one would.
fn is_told_elsewhere(shared: &Shared<'_>, pool: &str, standing: &[Standing<'_>]) -> bool {
    let (_, saying) = verdict(standing).unwrap_or_default();
    saying.iter().all(|one| !one.version.arrived.by_pool && shared.is_told_elsewhere(pool, one.version.result))
}

fn alert(
    rules: &Rules,
    secret: &Secret,
    people: &BTreeMap<String, Person>,
    pool: &str,
    standing: &[Standing<'_>],
) -> Option<LiveAlert> {
    let (verdict, saying) = verdict(standing)?;
    let place = |one: &&Standing<'_>| {
        let result = one.version.result;
        (taken(rules, result), result.area.clone(), result.purpose.clone())
    };
    let (times, area, purpose) = saying.iter().map(place).min()?;
    let of = saying[0].version.result;
    let first_day = day(rules, times.first);
    let policy = targets::intake_policy(rules, &of.target, first_day);
    if !targets::is_known(rules, &of.target) || verdict.is_none() && !policy.preliminary_alerts {
        return None;
    }
    let is_old = |one: &&Standing<'_>| {
        one.received.0.div_euclid(60_000) - taken(rules, one.version.result).last > policy.historic_after_hours * 60
    };
    let historic = saying.iter().all(is_old);
    let members = members(rules, people, &saying);
    let reported = saying.iter().map(|one| one.reported).min()?;
    let said = PoolSaid {
        pool: pool.to_owned(),
        finding: verdict.unwrap_or(Finding::Positive),
        awaited: members.iter().filter(|(.., finding)| *finding == Finding::Unspecified).count() as u32,
        all_negative: members.iter().all(|(.., finding)| *finding == Finding::Negative),
        members,
        members_omitted: 0,
        recall_by: Some(Timestamp(reported.0 + policy.pool_recall_hours * 3_600_000)),
    };
    let (specimen, first_day) = (of.specimen_id.clone(), first_day.to_string());
    Some(LiveAlert {
        id: alert_id::pool_positive(secret, pool, &specimen, &of.target, &first_day),
        person: String::new(),
        family: AlertFamily::PoolPositive,
        target: of.target.clone(),
        last_day: first_day.clone(),
        first_day,
        specimen,
        channel: Channel::Unspecified,
        severity: match verdict {
            _ if historic => policy.severity.historic,
            None => policy.severity.preliminary,
            Some(_) => policy.severity.pool,
        },
        historic,
        preliminary: verdict.is_none(),
        area,
        purpose,
        positive_specimens: 1,
        exposed_to: Vec::new(),
        exposed_to_omitted: 0,
        to_trace: Vec::new(),
        to_trace_omitted: 0,
        positives: ListedPositive::all(
            saying.iter().map(|one| listed(rules, one.version.result, one.kit)).collect::<Vec<_>>().iter(),
        ),
        positives_omitted: 0,
        policy: policy.name.clone(),
        release_day: String::new(),
        group: String::new(),
        pool: Some(said),
    })
}

/// Everybody in the tube, and the gravest of what single results found on its day or later.
fn members(
    rules: &Rules,
    people: &BTreeMap<String, Person>,
    saying: &[&Standing<'_>],
) -> Vec<(String, String, Finding)> {
    let mut members: BTreeMap<&str, (&str, Finding)> = BTreeMap::new();
    for one in saying {
        let result = one.version.result;
        let since = day(rules, taken(rules, result).first);
        for (person, area) in members_of(result) {
            let specimens = people.get(person).map_or(&[][..], |person| &person.specimens);
            let own = specimens.iter().filter(|own| !own.pooled && own.target == result.target && own.day >= since);
            let found = own.map(|own| own.finding).filter(|finding| *finding >= Finding::Negative).max();
            let known = members.entry(person).or_insert((area, Finding::Unspecified));
            *known = (known.0.min(area), known.1.max(found.unwrap_or_default()));
        }
    }
    members.into_iter().map(|(person, (area, finding))| (person.to_owned(), area.to_owned(), finding)).collect()
}
