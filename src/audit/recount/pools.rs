//! Pools: what the results of a tube say of its members, and the alerts about those that leave them open.
//!
//! In: every usable record, and everybody with their single results. Out: the negative tubes of each member among their
//! specimens, and the alerts.

use super::alert_id;
use super::alerts::{ListedPositive, LiveAlert};
use super::people::{Person, Specimen, day, entry, listed, members_of, taken};
use super::pool_said::PoolSaid;
use crate::audit::arrived::{Arrived, Usable};
use crate::audit::passed::TimePassed;
use crate::audit::targets;
use crate::model::ids::Secret;
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{AlertFamily, Channel, Finding, LabResult, ProcessingMode, ResultStatus, TimePrecision};
use std::collections::{BTreeMap, BTreeSet};

/// A version of a result of a pool.
#[derive(Clone, Copy, Debug)]
struct Version<'a> {
    arrived: &'a Arrived,
    result: &'a LabResult,
}

impl Version<'_> {
    /// The greatest stands.
    fn rank(&self) -> (u32, i32, i32, u64) {
        (self.result.revision, self.result.status, self.result.finding, self.arrived.content)
    }

    fn counts(&self) -> bool {
        matches!(self.result.status(), ResultStatus::Final | ResultStatus::Corrected)
    }

    /// Whether it says of its members that they were swabbed: whatever was found that could be read.
    fn shows_a_swab(&self) -> bool {
        let is_read = !matches!(self.result.finding(), Finding::Invalid | Finding::Unspecified);
        self.counts() && is_read || self.is_preliminary_positive()
    }

    fn is_preliminary_positive(&self) -> bool {
        self.result.status() == ResultStatus::Preliminary && self.result.finding() == Finding::Positive
    }

    /// Whether another one says the same. What members and times it says is part of that, who sent it when is not.
    fn means(&self, other: &Self, rules: &Rules) -> bool {
        let said = |version: &Self| {
            let result = version.result;
            let names =
                (result.specimen_id.clone(), result.target.clone(), result.area.clone(), result.purpose.clone());
            let members: Vec<_> =
                members_of(result).into_iter().map(|(person, area)| (person.to_owned(), area.to_owned())).collect();
            let cycles: Vec<_> = result.ct_values.iter().map(|ct| (ct.gene.clone(), ct.cycles.to_bits())).collect();
            let precise = result.collected_precision() == TimePrecision::Day;
            (names, members, taken(rules, result), precise, result.finding, result.status, cycles)
        };
        said(self) == said(other)
    }
}

/// All versions, by pool and then by lab and its id of the result.
type Pools<'a> = BTreeMap<&'a str, BTreeMap<(&'a str, &'a str), Vec<Version<'a>>>>;

/// A tube of a pool: its barcode and what was looked for.
type Tube<'a> = (&'a str, &'a str);

fn versions(records: &[Arrived]) -> Pools<'_> {
    let mut pools = Pools::new();
    for arrived in records {
        let Usable::Result(result) = &arrived.record else { continue };
        let Some(pool) = result.pool.as_ref().filter(|_| result.mode() != ProcessingMode::Training) else { continue };
        let results = pools.entry(&pool.pool_id).or_default();
        results.entry((&result.lab_id, &result.result_id)).or_default().push(Version { arrived, result });
    }
    pools
}

/// A tube with a conclusive finding, where it counts.
#[derive(Clone, Debug)]
pub struct CountedTube {
    /// The pool.
    pub pool: String,
    /// Area of the pool's result.
    pub area: String,
    /// Target of the result.
    pub target: String,
    /// Its purpose.
    pub purpose: String,
    /// Specimen day.
    pub day: Day,
    /// People in it.
    pub size: u32,
    /// What it was found.
    pub positive: bool,
}

/// Every tube that was found positive or negative.
pub fn counted(rules: &Rules, records: &[Arrived]) -> Vec<CountedTube> {
    let mut counted = Vec::new();
    for (pool, results) in versions(records) {
        let mut tubes: BTreeMap<Tube<'_>, Vec<&LabResult>> = BTreeMap::new();
        for versions in results.values() {
            let greatest = versions.iter().max_by_key(|version| version.rank()).expect("there is a version");
            if greatest.counts() && greatest.result.finding() >= Finding::Negative {
                let result = greatest.result;
                tubes.entry((&result.specimen_id, &result.target)).or_default().push(result);
            }
        }
        for results in tubes.values() {
            let positive = results.iter().any(|result| result.finding() == Finding::Positive);
            let saying = results.iter().filter(|result| (result.finding() == Finding::Positive) == positive);
            let place = |result: &&&LabResult| {
                (taken(rules, result), result.area.clone(), result.purpose.clone(), members_of(result).len() as u32)
            };
            let (times, area, purpose, size) = saying.map(|result| place(&result)).min().expect("one says so");
            let (pool, target, day) = (pool.to_owned(), results[0].target.clone(), day(rules, times.first));
            counted.push(CountedTube { pool, area, target, purpose, day, size, positive });
        }
    }
    counted
}

/// What a member holds for one swab: a tube of a day, whichever pool ids it was sent under.
type Swab<'a> = (Tube<'a>, Day);

/// Adds the negative tubes that each member's task knows of to their specimens.
pub fn add_to_members(people: &mut BTreeMap<String, Person>, rules: &Rules, records: &[Arrived]) {
    let pools = versions(records);
    let mut said: BTreeMap<&str, BTreeMap<Swab<'_>, Vec<Version<'_>>>> = BTreeMap::new();
    for versions in pools.values().flat_map(BTreeMap::values) {
        let everybody: BTreeSet<&str> =
            versions.iter().flat_map(|version| members_of(version.result).into_keys()).collect();
        for person in everybody {
            let heard = versions.iter().filter(|version| !version.arrived.unheard_by.contains(person));
            let greatest = heard.max_by_key(|version| version.rank());
            let Some(version) = greatest.filter(|version| members_of(version.result).contains_key(person)) else {
                continue;
            };
            let LabResult { specimen_id, target, .. } = version.result;
            let day = day(rules, taken(rules, version.result).first);
            if version.shows_a_swab() {
                entry(people, person).pooled_swabs.insert((day, target.clone()));
            }
            if version.counts() {
                let swabs = said.entry(person).or_default();
                swabs.entry(((specimen_id, target), day)).or_default().push(*version);
            }
        }
    }
    for (person, swabs) in said {
        for versions in swabs.values() {
            let found = |finding: Finding| versions.iter().any(|version| version.result.finding() == finding);
            if found(Finding::Negative) && !found(Finding::Positive) {
                entry(people, person).specimens.push(negative(rules, person, versions));
            }
        }
    }
}

/// The earliest of the negative results of a tube lends time and place.
fn negative(rules: &Rules, person: &str, versions: &[Version<'_>]) -> Specimen {
    let place = |version: &Version<'_>| {
        let area = members_of(version.result)[person].to_owned();
        (taken(rules, version.result), area, version.result.purpose.clone())
    };
    let negative = versions.iter().filter(|version| version.result.finding() == Finding::Negative);
    let (times, area, purpose) = negative.map(place).min().expect("one is negative");
    let any = versions[0].result;
    Specimen {
        id: any.specimen_id.clone(),
        target: any.target.clone(),
        finding: Finding::Negative,
        contradicted: false,
        preliminary: false,
        pooled: true,
        minute: times.first,
        until: times.last,
        day: day(rules, times.first),
        area,
        purpose,
        old_news: false,
        first_positive: None,
    }
}

/// Alerts about tubes that leave their members open, and about whoever is still awaited when the time for that is over.
pub fn alerts(
    rules: &Rules,
    secret: &Secret,
    people: &BTreeMap<String, Person>,
    records: &[Arrived],
    passed: impl Fn(&str) -> TimePassed,
) -> BTreeSet<LiveAlert> {
    let mut alerts = BTreeSet::new();
    for (pool, results) in versions(records) {
        let mut tubes: BTreeMap<Tube<'_>, Vec<Standing<'_>>> = BTreeMap::new();
        for versions in results.values() {
            let standing = Standing::of(rules, versions);
            let result = standing.version.result;
            tubes.entry((&result.specimen_id, &result.target)).or_default().push(standing);
        }
        for alert in tubes.values().filter_map(|standing| alert(rules, secret, people, pool, standing)) {
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

/// The version of a result that stands, and when what it says was first received and reported.
struct Standing<'a> {
    version: Version<'a>,
    received: Timestamp,
    reported: Timestamp,
    kit: &'a str,
}

impl<'a> Standing<'a> {
    fn of(rules: &Rules, versions: &[Version<'a>]) -> Self {
        let version = *versions.iter().max_by_key(|version| version.rank()).expect("there is a version");
        let same = || versions.iter().filter(|other| other.means(&version, rules));
        let first = same().map(|same| (same.arrived.at, same.result.kit.as_str())).min();
        let (received, kit) = first.expect("it is one of them");
        let reported = |same: &Version<'_>| {
            let said = same.result.reported_at.as_ref().and_then(Timestamp::from_wire);
            said.map_or(same.arrived.at, |said| said.min(same.arrived.at))
        };
        Self { version, received, reported: same().map(reported).min().unwrap_or(received), kit }
    }
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
