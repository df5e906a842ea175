//! A pool in its own task: which version of each of its results stands, what a tube says by them, and the alert about a
//! tube that leaves its members open.
//!
//! In: valid results of the pool, and what members report. Out: what changed, messages to members, the alert that must
//! be live. The greatest version stands, by the order of all results; a tube has one verdict, as any specimen has.

use crate::model::ids::{Domain, Secret};
use crate::model::outcome::End;
use crate::model::result::Finding;
use crate::model::target::FIRST;
use crate::model::time::Timestamp;
use crate::pipeline::alerting::families;
use crate::pipeline::decode::pool::{Member, PooledResult};
use crate::pipeline::ending::Stop;
use crate::pipeline::formats::{Formats, TUBES};
use crate::pipeline::person::alerts::{POSITIVES_AT_MOST, precision, was_old};
use crate::pipeline::person::counting::contribution::day_of;
use crate::pipeline::person::counting::place::Place;
use crate::pipeline::person::counting::pools::CountedTube;
use crate::pipeline::person::messages::Origin;
use crate::pipeline::person::route::PersonMessage;
use crate::pipeline::person::{specimen, versions};
use crate::policy::Rules;
use crate::proto::v1::{self, AlertFamily, person_event::Event};
use crate::state::person::case_file::{CT_VALUES, CaseFile};
use crate::state::person::held_alert::HeldAlert;
use crate::state::person::pools::{MemberFound, PoolVersion, Told};
use crate::state::person::row::{Row, minute_start};
use std::collections::{BTreeMap, BTreeSet};

/// Members that an alert lists: of one tube there can be several results, each with its own.
const LISTED_AT_MOST: usize = 1_000;

/// A version as it is held, given the id of its target and when the lab reported it, as it says.
pub fn version(
    pooled: &PooledResult<'_>,
    target: &str,
    reported_at: Option<Timestamp>,
    received_at: Timestamp,
    secret: &Secret,
) -> PoolVersion {
    let PooledResult { result, members } = pooled;
    let member = |one: &Member<'_>| v1::PoolMember { person_id: one.person_id.to_owned(), area: one.area.to_owned() };
    let said = v1::LabResult {
        lab_id: result.lab_id.to_owned(),
        result_id: result.result_id.to_owned(),
        status: result.status as i32,
        specimen_id: result.specimen_id.to_owned(),
        target: target.to_owned(),
        collected_at: Some(result.collected_at.to_wire()),
        collected_precision: result.precision as i32,
        area: result.area.to_owned(),
        purpose: result.purpose.to_owned(),
        finding: result.finding as i32,
        ct_values: result.ct_values.to_vec(),
        kit: result.kit.to_owned(),
        pool: Some(v1::Pool {
            pool_id: result.person_id.to_owned(),
            size: members.len() as u32,
            members: members.iter().map(member).collect(),
        }),
        ..v1::LabResult::default()
    };
    PoolVersion {
        row: versions::pool_row(result, target, members, secret),
        received_at,
        // Nothing was reported after it was received.
        reported_at: reported_at.map_or(received_at, |at| at.min(received_at)),
        said: prost::Message::encode_to_vec(&said),
        by_barcode: false,
    }
}

/// Whether a tube is counted in the task of its barcode: as what is held of it already, else if messages say so much.
pub fn goes_by_barcode(file: Option<&CaseFile>, tube: u64, formats: Formats) -> bool {
    let held = file.and_then(|file| file.pool.iter().find(|version| version.row.specimen() == tube));
    held.map_or(formats.written >= TUBES, |version| version.by_barcode)
}

/// What a version that was read does to what is held.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// What stood of its result.
    pub before: Option<PoolVersion>,
    /// What stands of it.
    pub after: PoolVersion,
    /// What is held of the version.
    pub held: PoolVersion,
    /// How the record ends, as far as versions go.
    pub end: End,
    /// What stood has the same revision and status, and means something else.
    pub in_conflict: bool,
}

impl Admitted {
    /// Whether another version stands than before.
    pub fn stands(&self) -> bool {
        self.before.as_ref().is_none_or(|before| before.key() != self.after.key())
    }

    /// Whether the one that stands was received earlier than was known.
    fn is_known_earlier(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.received_at > self.after.received_at)
    }

    /// The tubes that may say something else now.
    pub fn tubes(&self) -> BTreeSet<u64> {
        self.before.iter().chain([&self.after]).map(|version| version.row.specimen()).collect()
    }

    /// Whether the version is to be held, though it may not stand: its first receipt counts when it stands again.
    pub fn is_held(&self) -> bool {
        self.held.key() == self.after.key() || leaves_open(&self.held.row)
    }

    /// What need not be held any more.
    pub fn outdated<'f>(&'f self, file: &'f CaseFile) -> impl Iterator<Item = usize> {
        let first = file.pool.partition_point(|one| one.row.id() < self.after.row.id());
        let versions = versions_of(file, self.after.row.id()).iter().enumerate().rev();
        let goes = |one: &PoolVersion| one.key() != self.after.key() && !leaves_open(&one.row);
        versions.filter(move |(_, one)| goes(one)).map(move |(at, _)| first + at)
    }
}

/// Whether a version leaves its members open, while it stands.
fn leaves_open(row: &Row) -> bool {
    matches!(row.finding(), Finding::Positive | Finding::Inconclusive)
}

/// Holds a version against what is held. One that is known ends here, or one that is outdated and says nothing new.
pub fn admit(file: Option<&CaseFile>, read: PoolVersion) -> Result<Admitted, Stop> {
    let before = file.and_then(|file| standing_of(file, read.row.id())).cloned();
    let same = file.and_then(|file| file.pool_version(read.key()));
    let held = same.map_or_else(|| read.clone(), |same| same.and(read.clone()));
    let is_news = same != Some(&held);
    let after = before.clone().filter(|before| before.key() != held.key() && before.row.rank() > held.row.rank());
    let after = after.unwrap_or_else(|| held.clone());
    let rank = |row: &Row| (row.revision(), row.standing());
    let (end, in_conflict) = match &before {
        None => (versions::first(&held.row), false),
        Some(before) if before.key() == held.key() => (End::Duplicate, false),
        Some(before) => {
            let in_conflict = rank(&before.row) == rank(&read.row);
            let stands = after.key() == held.key();
            (if stands { versions::end_of(Some(&before.row), &held.row) } else { End::Superseded }, in_conflict)
        }
    };
    let admitted = Admitted { before, after, held, end, in_conflict };
    match is_news && admitted.is_held() {
        true => Ok(admitted),
        false if in_conflict => Err(versions::conflict().into()),
        false => Err(end.into()),
    }
}

/// The version of a result that stands.
fn standing_of(file: &CaseFile, id: u64) -> Option<&PoolVersion> {
    versions_of(file, id).iter().max_by_key(|version| version.row.rank())
}

/// All versions held of a result: they lie beside each other.
fn versions_of(file: &CaseFile, id: u64) -> &[PoolVersion] {
    let from = file.pool.partition_point(|version| version.row.id() < id);
    let to = file.pool.partition_point(|version| version.row.id() <= id);
    &file.pool[from..to]
}

/// All that stand for a tube.
fn standing(file: &CaseFile, tube: u64) -> Vec<&PoolVersion> {
    let ids: BTreeSet<u64> =
        file.pool.iter().map(|version| &version.row).filter(|row| row.specimen() == tube).map(Row::id).collect();
    let standing = ids.into_iter().filter_map(|id| standing_of(file, id));
    standing.filter(|version| version.row.specimen() == tube).collect()
}

/// The tube that a result is of.
pub fn tube_of(file: &CaseFile, id: u64) -> Option<u64> {
    standing_of(file, id).map(|version| version.row.specimen())
}

/// Every tube.
pub fn all(file: &CaseFile) -> BTreeSet<u64> {
    file.pool.iter().map(|version| version.row.specimen()).collect()
}

/// Whether a case file is that of a pool.
pub fn is_pool(file: &CaseFile) -> bool {
    !file.pool.is_empty()
}

/// What a tube that is counted with its pool counts as, if it was found positive or negative and the rules know its place. Of
/// its results that say so the earliest lends its place, and says how many people are in it.
pub fn counted(file: &CaseFile, tube: u64, rules: &Rules) -> Option<CountedTube> {
    let standing = standing(file, tube);
    if standing.iter().any(|version| version.by_barcode) {
        return None;
    }
    let counting = || standing.iter().filter(|version| version.row.counts());
    let finding = counting().map(|version| version.row.finding()).max().filter(|found| *found >= Finding::Negative)?;
    let saying = counting().filter(|version| version.row.finding() == finding);
    let lenders = saying.map(|version| {
        let result = version.result();
        let size = result.pool.as_ref().map_or(0, |pool| pool.members.len() as u8);
        (version.row.minute(), version.row.is_day_only(), result.area, result.purpose, size, result.target)
    });
    let (minute, _, area, purpose, size, target) = lenders.min()?;
    let (area, target) = (rules.areas.index(&area)?, rules.target(&target)?);
    let place = Place { area, target, purpose: rules.purpose(&purpose)?, day: day_of(rules, minute) };
    Some(CountedTube { place, size, positive: finding == Finding::Positive })
}

/// Alerts about some of its tubes, live or withdrawn, in order of their ids.
pub fn alerts_of(file: &CaseFile, tubes: &BTreeSet<u64>, rules: &Rules, secret: &Secret) -> Vec<v1::Alert> {
    let of_tube = |alert: &v1::Alert| {
        tubes.contains(&versions::specimen(secret, &alert.specimen_id, rules.id_of_stored(&alert.target)))
    };
    file.alerts.iter().map(HeldAlert::message).filter(of_tube).collect()
}

/// How a result ends, now that its tube's other results are looked at too.
pub fn end(file: &CaseFile, admitted: &Admitted) -> End {
    let row = &admitted.after.row;
    let rows: Vec<Row> = standing(file, row.specimen()).iter().map(|version| version.row).collect();
    specimen::end(&rows, row, admitted.end)
}

/// Tells everybody in the tube by the version that stands, and everybody who was by the one that did, what that is now.
pub fn to_members(admitted: &Admitted, origin: Origin) -> Vec<PersonMessage> {
    let said = admitted.after.result();
    let members = |version: &PoolVersion| version.result().pool.map_or_else(Vec::new, |pool| pool.members);
    let before = admitted.before.as_ref().map(members).unwrap_or_default();
    let areas: BTreeMap<String, String> =
        members(&admitted.after).into_iter().map(|member| (member.person_id, member.area)).collect();
    let everybody: BTreeSet<&String> = before.iter().map(|member| &member.person_id).chain(areas.keys()).collect();
    let told = |person: &String| PersonMessage {
        to: person.clone(),
        origin,
        event: Event::PoolFinding(v1::PoolFinding {
            pool_id: said.pool.as_ref().map(|pool| pool.pool_id.clone()).unwrap_or_default(),
            lab_id: said.lab_id.clone(),
            result_id: said.result_id.clone(),
            revision: admitted.after.row.revision(),
            status: said.status,
            finding: said.finding,
            content: admitted.after.row.content(),
            left: !areas.contains_key(person),
            specimen_id: said.specimen_id.clone(),
            target: said.target.clone(),
            collected_at: said.collected_at,
            collected_precision: said.collected_precision,
            area: areas.get(person).unwrap_or(&said.area).clone(),
            purpose: said.purpose.clone(),
        }),
    };
    everybody.into_iter().map(told).collect()
}

/// Tells the tasks of barcodes what the version that stands says of the tube, and that it says nothing any more of another one
/// that it said something of before.
pub fn to_barcodes(admitted: &Admitted, origin: Origin, secret: &Secret) -> Vec<PersonMessage> {
    let Admitted { before, after, .. } = admitted;
    if !admitted.stands() && !admitted.is_known_earlier() {
        return Vec::new();
    }
    let said = after.result();
    let told = |barcode: &str| PersonMessage {
        to: barcode.to_owned(),
        origin,
        event: Event::TubeFinding(tube_finding(after, &said, barcode, secret)),
    };
    let left = before.as_ref().filter(|before| before.by_barcode).map(|before| before.result().specimen_id);
    let left = left.filter(|barcode| *barcode != said.specimen_id || !after.by_barcode);
    let now = after.by_barcode.then_some(&said.specimen_id);
    left.iter().chain(now).map(|barcode| told(barcode)).collect()
}

/// Tells them what every version that stands says, if its tube is counted elsewhere than before.
pub fn all_to_barcodes(before: &CaseFile, file: &CaseFile, origin: Origin, secret: &Secret) -> Vec<PersonMessage> {
    let results: BTreeSet<u64> = file.pool.iter().map(|version| version.row.id()).collect();
    let standing = results.into_iter().filter_map(|id| Some((standing_of(before, id)?, standing_of(file, id)?)));
    let moved = standing.filter(|(before, now)| before.by_barcode != now.by_barcode);
    let told = |(_, now): (&PoolVersion, &PoolVersion)| {
        let said = now.result();
        let finding = tube_finding(now, &said, &said.specimen_id, secret);
        PersonMessage { to: said.specimen_id, origin, event: Event::TubeFinding(finding) }
    };
    moved.map(told).collect()
}

fn tube_finding(version: &PoolVersion, said: &v1::LabResult, barcode: &str, secret: &Secret) -> v1::TubeFinding {
    let pool = said.pool.as_ref();
    let members = || pool.iter().flat_map(|pool| &pool.members);
    let places = members().flat_map(|member| [member.person_id.as_str(), member.area.as_str()]);
    let whole: Vec<&str> = [said.area.as_str(), said.purpose.as_str()].into_iter().chain(places).collect();
    let first = members().map(|member| member.person_id.as_str()).min().unwrap_or_default();
    v1::TubeFinding {
        pool_id: pool.map(|pool| pool.pool_id.clone()).unwrap_or_default(),
        lab_id: said.lab_id.clone(),
        result_id: said.result_id.clone(),
        revision: version.row.revision(),
        status: said.status,
        finding: said.finding,
        content: version.row.content(),
        left: said.specimen_id != barcode || !version.by_barcode,
        target: said.target.clone(),
        collected_at: said.collected_at,
        collected_precision: said.collected_precision,
        area: said.area.clone(),
        purpose: said.purpose.clone(),
        size: members().count() as u32,
        members: secret.hash_64(Domain::Pool, &whole),
        first_member: secret.hash_64(Domain::Pool, &[first]),
        received_at: Some(version.received_at.to_wire()),
    }
}

/// What a pool was said of the tube of a result, as it is held.
pub fn told(wire: &v1::TubeTold, secret: &Secret) -> Told {
    Told {
        id: versions::id(secret, &wire.lab_id, &wire.result_id),
        barcode: wire.specimen_id.clone(),
        by: wire.told_by.clone(),
        version: wire.version,
    }
}

/// Whether that holds instead of what was said before, if it is about a result held here.
pub fn admit_told(file: Option<&CaseFile>, new: &Told) -> Result<u64, Stop> {
    let file = file.ok_or(End::Superseded)?;
    let tube = tube_of(file, new.id).ok_or(End::Superseded)?;
    match file.told(new.id, &new.barcode) {
        Some(held) if held.version >= new.version => Err(End::Superseded.into()),
        _ => Ok(tube),
    }
}

/// What a member reports, as it is held.
pub fn found(wire: &v1::MemberFinding, secret: &Secret) -> MemberFound {
    MemberFound {
        id: versions::id(secret, &wire.lab_id, &wire.result_id),
        person: wire.person_id.clone(),
        finding: wire.finding(),
        version: wire.version,
    }
}

/// Whether what a member reports holds instead of what it reported before, if it is about a result held here: a report
/// follows its result, so one without has outlived it.
pub fn admit_found(file: Option<&CaseFile>, new: &MemberFound) -> Result<u64, Stop> {
    let file = file.ok_or(End::Superseded)?;
    let tube = tube_of(file, new.id).ok_or(End::Superseded)?;
    match file.member_found(new.id, &new.person) {
        Some(held) if held.version >= new.version => Err(End::Superseded.into()),
        _ => Ok(tube),
    }
}

/// The alert that must be live about a tube, if one must.
pub fn wanted(file: &CaseFile, tube: u64, rules: &Rules, secret: &Secret) -> Option<v1::Alert> {
    let standing = standing(file, tube);
    let counted = standing.iter().filter(|version| version.row.counts()).map(|version| version.row.finding());
    let verdict = counted.max().filter(|finding| *finding >= Finding::Inconclusive);
    let says = |version: &&PoolVersion| match verdict {
        Some(finding) => version.row.counts() && version.row.finding() == finding,
        None => version.row.is_preliminary_positive(),
    };
    let saying: Vec<&PoolVersion> = standing.into_iter().filter(says).collect();
    let results: Vec<v1::LabResult> = saying.iter().map(|version| version.result()).collect();
    // What was said of a barcode that a result no longer names is nothing of this tube.
    let is_told_elsewhere = |(version, result): (&&PoolVersion, &v1::LabResult)| {
        file.told(version.row.id(), &result.specimen_id).is_some_and(|told| !told.by.is_empty())
    };
    if saying.iter().zip(&results).all(is_told_elsewhere) {
        return None;
    }
    let place = |(version, result): &(&&PoolVersion, &v1::LabResult)| {
        (version.row.minute(), version.row.is_day_only(), result.area.clone(), result.purpose.clone())
    };
    let (first, lender) = saying.iter().zip(&results).min_by_key(place)?;
    let day = rules.day(minute_start(first.row.minute()));
    let target = rules.target(&lender.target)?;
    let policy = rules.intake_policy(target, day);
    match (verdict, verdict.is_none() && !policy.preliminary_alerts) {
        (Some(Finding::Negative), _) | (_, true) => return None,
        _ => {}
    }
    let historic = saying.iter().all(|version| was_old(&version.row, version.received_at, rules, policy));
    let severity = match (historic, verdict) {
        (true, _) => policy.severity.historic,
        (_, None) => policy.severity.preliminary,
        _ => policy.severity.pool,
    };
    let reported_at = saying.iter().map(|version| version.reported_at).min()?;
    let (pool_id, first_day) = (file.person_id.as_str(), day.to_string());
    let members = members(file, &saying, &results);
    let (positives, positives_omitted) = listed(&saying, &results);
    Some(v1::Alert {
        alert_id: families::id(
            secret,
            AlertFamily::PoolPositive,
            &[pool_id, &lender.specimen_id, &lender.target],
            &first_day,
            FIRST,
        ),
        family: AlertFamily::PoolPositive as i32,
        severity: severity as i32,
        historic,
        preliminary: verdict.is_none(),
        area: lender.area.clone(),
        purpose: lender.purpose.clone(),
        last_day: first_day.clone(),
        first_day,
        positive_specimens: 1,
        policy: policy.name.clone(),
        specimen_id: lender.specimen_id.clone(),
        target: rules.stored_target(target).to_owned(),
        positives,
        positives_omitted,
        pool_id: pool_id.to_owned(),
        finding: verdict.unwrap_or(Finding::Positive) as i32,
        recall_by: Some(reported_at.plus_hours(policy.pool_recall_hours).to_wire()),
        awaited: members.iter().filter(|member| member.finding() == Finding::Unspecified).count() as u32,
        all_negative: members.iter().all(|member| member.finding() == Finding::Negative),
        members_omitted: members.len().saturating_sub(LISTED_AT_MOST) as u32,
        members: members.into_iter().take(LISTED_AT_MOST).collect(),
        ..v1::Alert::default()
    })
}

/// Everybody in the tube by the results that say so, in order, with the gravest of what they were found since.
fn members(file: &CaseFile, saying: &[&PoolVersion], results: &[v1::LabResult]) -> Vec<v1::MemberOfPool> {
    let mut members: BTreeMap<&str, (&str, Finding)> = BTreeMap::new();
    for (version, result) in saying.iter().zip(results) {
        for member in result.pool.iter().flat_map(|pool| &pool.members) {
            let found = file.member_found(version.row.id(), &member.person_id);
            let finding = found.map_or(Finding::Unspecified, |found| found.finding);
            let known = members.entry(&member.person_id).or_insert((&member.area, finding));
            *known = (known.0.min(&member.area), known.1.max(finding));
        }
    }
    let one = |(person, (area, finding)): (&str, (&str, Finding))| v1::MemberOfPool {
        person_id: person.to_owned(),
        area: area.to_owned(),
        finding: finding as i32,
    };
    members.into_iter().map(one).collect()
}

/// The results that say so, with what was measured, and how many are left out.
fn listed(saying: &[&PoolVersion], results: &[v1::LabResult]) -> (Vec<v1::PositiveResult>, u32) {
    let one = |(version, result): (&&PoolVersion, &v1::LabResult)| v1::PositiveResult {
        lab_id: result.lab_id.clone(),
        result_id: result.result_id.clone(),
        specimen_id: result.specimen_id.clone(),
        target: result.target.clone(),
        collected_at: Some(minute_start(version.row.minute()).to_wire()),
        collected_precision: precision(&version.row) as i32,
        ct_values: result.ct_values.iter().take(CT_VALUES).cloned().collect(),
        ct_values_omitted: result.ct_values.len().saturating_sub(CT_VALUES) as u32,
        kit: result.kit.clone(),
    };
    let mut all: Vec<v1::PositiveResult> = saying.iter().zip(results).map(one).collect();
    all.sort_by_key(|one| {
        let at = one.collected_at.map(|at| at.seconds);
        (at, one.collected_precision, one.lab_id.clone(), one.result_id.clone())
    });
    let omitted = all.len().saturating_sub(POSITIVES_AT_MOST) as u32;
    all.truncate(POSITIVES_AT_MOST);
    (all, omitted)
}

/// The hash of a pool's id.
pub fn hash(pool_id: &str, secret: &Secret) -> u64 {
    secret.hash_64(Domain::Pool, &[pool_id])
}
