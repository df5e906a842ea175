//! Per person: which version of each result stands, what each specimen says, which positives are one episode, which
//! contact records hold.

use super::groups;
use super::versions::{self, greatest};
use crate::audit::arrived::{Arrived, Usable};
use crate::audit::passed::TimePassed;
use crate::audit::targets;
use crate::model::time::{Day, Timestamp};
use crate::policy::{CasePolicy, EpisodeForm, Rules};
use crate::proto::v1::{
    ContactRecord, ContactStatus, Finding, LabResult, PersonGroup, PositiveResult, ProcessingMode, ResultStatus,
    TimePrecision,
};
use std::collections::{BTreeMap, BTreeSet};

/// All that is known of one person.
#[derive(Debug, Default)]
pub struct Person {
    /// The pseudonym.
    pub id: String,
    /// Every specimen with a finding that counts.
    pub specimens: Vec<Specimen>,
    /// Episodes that count: of final findings only.
    pub cases: Vec<Episode>,
    /// Episodes that alert: preliminary positives too, where the policy says so.
    pub alerting: Vec<Episode>,
    /// Days on which a swab was taken that could be read, with the id of the target.
    pub swabs: BTreeSet<(Day, String)>,
    /// The same of the tubes of pools that it is in.
    pub pooled_swabs: BTreeSet<(Day, String)>,
    /// Records that hold, in which the person is the contact, with when they were received.
    pub contacts: Vec<(ContactRecord, Timestamp)>,
    /// Records that hold, in which the person is the index.
    pub traced: Vec<ContactRecord>,
    /// Records of groups that hold, with when they were received.
    pub groups: Vec<(PersonGroup, Timestamp)>,
}

/// One specimen and what the standing results say of it.
#[derive(Clone, Debug)]
pub struct Specimen {
    /// The barcode.
    pub id: String,
    /// Id of the target it was tested for.
    pub target: String,
    /// The gravest finding that stands.
    pub finding: Finding,
    /// A negative stands against the positive.
    pub contradicted: bool,
    /// Only preliminary results say so.
    pub preliminary: bool,
    /// It is the tube of a pool.
    pub pooled: bool,
    /// Minute of collection, by the row that lends time and place.
    pub minute: i64,
    /// The last minute it may have been taken: the same one, or the last of the day where only that is known.
    pub until: i64,
    /// Its civil day.
    pub day: Day,
    /// Area, by the same row.
    pub area: String,
    /// Purpose, by the same row.
    pub purpose: String,
    /// Every positive was received later than the hours after collection that the policy of the specimen's day allows.
    pub old_news: bool,
    /// The positive result that was received first; none where it is not positive.
    pub first_positive: Option<PositiveResult>,
}

/// Positives that belong together, the first first.
#[derive(Clone, Debug)]
pub struct Episode {
    /// At least one.
    pub positives: Vec<Specimen>,
}

impl Episode {
    /// The first positive.
    pub fn first(&self) -> &Specimen {
        &self.positives[0]
    }

    /// The last positive.
    pub fn last(&self) -> &Specimen {
        self.positives.last().expect("an episode has a positive")
    }
}

/// A result, by the lab and its id there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ResultId<'a> {
    lab: &'a str,
    result: &'a str,
}

/// A version of a result as its person holds it.
#[derive(Clone, Debug)]
struct Version<'a> {
    result: &'a LabResult,
    at: Timestamp,
    content: u64,
    /// It was moved to somebody else by this version.
    moved_away: bool,
    /// The kit of the first record that said the same; of one moment the smallest.
    kit: &'a str,
}

impl Version<'_> {
    /// The greatest stands.
    fn rank(&self) -> (u32, i32, i32, u64) {
        match self.moved_away {
            // It says nothing more about this person, but for what it replaces: the one that stands with the other
            // does.
            true => {
                let said =
                    u64::from(self.result.status.unsigned_abs()) << 3 | u64::from(self.result.finding.unsigned_abs());
                (self.result.revision, i32::MAX, 0, said << 26 | self.content >> 6)
            }
            false => (self.result.revision, self.result.status, self.result.finding, self.content),
        }
    }

    fn counts(&self) -> bool {
        !self.moved_away && matches!(self.result.status(), ResultStatus::Final | ResultStatus::Corrected)
    }

    /// Whether somebody took a swab by it: whatever was found, but that it could not be read.
    fn shows_a_swab(&self) -> bool {
        let holds =
            !matches!(self.result.status(), ResultStatus::Cancelled | ResultStatus::EnteredInError) && !self.moved_away;
        holds && self.result.finding() != Finding::Invalid
    }

    fn is_preliminary_positive(&self) -> bool {
        !self.moved_away
            && self.result.status() == ResultStatus::Preliminary
            && self.result.finding() == Finding::Positive
    }
}

/// The version of a result that stands.
#[derive(Clone, Debug)]
struct Standing<'a> {
    version: Version<'a>,
    /// When what it says was first received.
    received: Timestamp,
}

/// What a version says, apart from its number and who sent it when.
fn meaning(rules: &Rules, result: &LabResult) -> impl PartialEq {
    (
        result.specimen_id.clone(),
        result.target.clone(),
        taken(rules, result),
        result.area.clone(),
        result.purpose.clone(),
        result.finding,
        result.status,
        result.ct_values.iter().map(|ct| (ct.gene.clone(), ct.cycles.to_bits())).collect::<Vec<_>>(),
        other_replaced(result).to_owned(),
    )
}

/// Everybody.
pub fn of(rules: &Rules, records: &[Arrived]) -> BTreeMap<String, Person> {
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    for (person, results) in versions(records) {
        let all: BTreeMap<ResultId<'_>, Standing<'_>> =
            results.iter().map(|(id, versions)| (*id, standing(rules, versions))).collect();
        let replaced = replaced(&all);
        let holding = all.into_iter().filter(|(id, _)| !replaced.contains(id));
        let standing: Vec<Standing<'_>> = holding.map(|(_, standing)| standing).collect();
        let (specimens, positives) = specimens(rules, &standing);
        let counted: Vec<Specimen> =
            specimens.iter().filter(|specimen| specimen.finding == Finding::Positive).cloned().collect();
        let own = entry(&mut people, &person);
        own.cases = episodes(rules, counted);
        own.alerting = episodes(rules, positives);
        own.specimens = specimens;
        own.swabs = standing.iter().filter(|row| row.version.shows_a_swab()).map(|row| swab(rules, row)).collect();
    }
    for (contact, received) in standing_contacts(records) {
        entry(&mut people, &contact.person_id).contacts.push((contact.clone(), received));
        entry(&mut people, &contact.index_person_id).traced.push(contact);
    }
    for (group, received) in groups::standing(records) {
        entry(&mut people, &group.person_id).groups.push((group.clone(), received));
    }
    people
}

/// Somebody, who may be new.
pub fn entry<'a>(people: &'a mut BTreeMap<String, Person>, id: &str) -> &'a mut Person {
    people.entry(id.to_owned()).or_insert_with(|| Person { id: id.to_owned(), ..Person::default() })
}

type Results<'a> = BTreeMap<ResultId<'a>, Vec<Version<'a>>>;

/// All versions by person and result. A result that was moved is a version for the person it was moved from, too.
fn versions(records: &[Arrived]) -> BTreeMap<String, Results<'_>> {
    let mut all: BTreeMap<String, Results<'_>> = BTreeMap::new();
    for Arrived { at, record, content, move_in_flight, .. } in records {
        let Usable::Result(result) = record else { continue };
        if result.mode() == ProcessingMode::Training || result.pool.is_some() {
            continue;
        }
        let id = ResultId { lab: &result.lab_id, result: &result.result_id };
        let mut add = |person: &str, moved_away| {
            let versions = all.entry(person.to_owned()).or_default().entry(id).or_default();
            versions.push(Version { result, at: *at, content: *content, moved_away, kit: &result.kit });
        };
        add(&result.person_id, false);
        if !move_in_flight && !result.previous_person_id.is_empty() && result.previous_person_id != result.person_id {
            add(&result.previous_person_id, true);
        }
    }
    all
}

/// The result that one names as replaced: its own id names none.
pub fn other_replaced(result: &LabResult) -> &str {
    if result.replaces_result_id == result.result_id { "" } else { &result.replaces_result_id }
}

/// Who is in a pool, in order, and each one's area: that of the result where none is said.
pub fn members_of(result: &LabResult) -> BTreeMap<&str, &str> {
    let mut members = BTreeMap::new();
    for member in result.pool.iter().flat_map(|pool| &pool.members) {
        let area = if member.area.is_empty() { &result.area } else { &member.area };
        members.insert(member.person_id.as_str(), area.as_str());
    }
    members
}

/// Results that another one replaces: the version of that which stands names them, and was not entered in error. Those
/// that replace each other in a circle do not.
fn replaced<'a>(standing: &BTreeMap<ResultId<'a>, Standing<'a>>) -> BTreeSet<ResultId<'a>> {
    let named: BTreeMap<ResultId<'_>, ResultId<'_>> = standing
        .iter()
        .filter(|(_, standing)| standing.version.result.status() != ResultStatus::EnteredInError)
        .map(|(id, standing)| (*id, ResultId { lab: id.lab, result: other_replaced(standing.version.result) }))
        .filter(|(_, replaced)| !replaced.result.is_empty())
        .collect();
    let leads_back = |from: ResultId<'_>, to: ResultId<'_>| {
        let (mut at, mut seen) = (from, BTreeSet::new());
        while seen.insert(at) && at != to {
            at = named.get(&at).copied().unwrap_or(at);
        }
        at == to
    };
    named.iter().filter(|(by, of)| !leads_back(**of, **by)).map(|(_, of)| *of).collect()
}

/// Of all versions of a result the one that stands.
fn standing<'a>(rules: &Rules, versions: &[Version<'a>]) -> Standing<'a> {
    let greatest = versions.iter().max_by_key(|version| version.rank()).expect("there is a version");
    let same = |version: &&Version<'_>| {
        version.moved_away == greatest.moved_away && meaning(rules, version.result) == meaning(rules, greatest.result)
    };
    let first = versions.iter().filter(same).map(|version| (version.at, version.kit)).min();
    let (received, kit) = first.expect("it is one of them");
    Standing { version: Version { kit, ..greatest.clone() }, received }
}

/// What each specimen says by the results that count; and the positives that alert.
fn specimens(rules: &Rules, standing: &[Standing<'_>]) -> (Vec<Specimen>, Vec<Specimen>) {
    let mut by_specimen: BTreeMap<(&str, &str), Vec<&Standing<'_>>> = BTreeMap::new();
    for row in standing {
        let result = row.version.result;
        by_specimen.entry((&result.specimen_id, &result.target)).or_default().push(row);
    }
    let (mut specimens, mut positives) = (Vec::new(), Vec::new());
    for rows in by_specimen.values() {
        let counting: Vec<_> = rows.iter().copied().filter(|row| row.version.counts()).collect();
        let early: Vec<_> = rows.iter().copied().filter(|row| row.version.is_preliminary_positive()).collect();
        let verdict = [Finding::Positive, Finding::Negative, Finding::Inconclusive, Finding::Invalid]
            .into_iter()
            .find(|finding| counting.iter().any(|row| row.version.result.finding() == *finding));
        let conclusive = matches!(verdict, Some(Finding::Positive | Finding::Negative));
        if let Some(finding) = verdict {
            let specimen = specimen(rules, finding, &counting, false);
            positives.extend((finding == Finding::Positive).then(|| specimen.clone()));
            specimens.push(specimen);
        }
        if !conclusive && !early.is_empty() {
            let specimen = specimen(rules, Finding::Positive, &early, true);
            let policy = targets::case_policy(rules, &specimen.target, specimen.day);
            positives.extend(policy.filter(|policy| policy.preliminary_alerts).map(|_| specimen));
        }
    }
    (specimens, positives)
}

/// A specimen with a finding, by the rows that say so: the earliest of them lends time and place.
fn specimen(rules: &Rules, finding: Finding, rows: &[&Standing<'_>], preliminary: bool) -> Specimen {
    let saying: Vec<_> = rows.iter().copied().filter(|row| row.version.result.finding() == finding).collect();
    let place = |result: &LabResult| (taken(rules, result), result.area.clone(), result.purpose.clone());
    let (Taken { first: minute, last: until }, area, purpose) =
        saying.iter().map(|row| place(row.version.result)).min().expect("some row says so");
    let any = saying[0].version.result;
    let negative = |row: &&Standing<'_>| row.version.result.finding() == Finding::Negative;
    let hours = targets::intake_policy(rules, &any.target, day(rules, minute)).historic_after_hours;
    Specimen {
        id: any.specimen_id.clone(),
        target: any.target.clone(),
        finding,
        contradicted: finding == Finding::Positive && rows.iter().any(negative),
        preliminary,
        pooled: false,
        minute,
        until,
        day: day(rules, minute),
        area,
        purpose,
        old_news: saying.iter().all(|row| old_news(rules, row.version.result, row.received, hours)),
        first_positive: if finding == Finding::Positive { first_positive(rules, &saying) } else { None },
    }
}

/// What alerts list of a positive specimen.
fn first_positive(rules: &Rules, saying: &[&Standing<'_>]) -> Option<PositiveResult> {
    let first = saying.iter().min_by_key(|row| {
        let result = row.version.result;
        (row.received, result.lab_id.as_str(), result.result_id.as_str())
    });
    first.map(|row| listed(rules, row.version.result, row.version.kit))
}

/// A result as alerts list it, with the kit that is known of what it says.
pub fn listed(rules: &Rules, result: &LabResult, kit: &str) -> PositiveResult {
    const CT_VALUES: usize = 16;
    let day_only = result.collected_precision() == TimePrecision::Day;
    PositiveResult {
        lab_id: result.lab_id.clone(),
        result_id: result.result_id.clone(),
        specimen_id: result.specimen_id.clone(),
        target: result.target.clone(),
        collected_at: Some(Timestamp(taken(rules, result).first * 60_000).to_wire()),
        collected_precision: if day_only { TimePrecision::Day } else { TimePrecision::Minute } as i32,
        ct_values: result.ct_values.iter().take(CT_VALUES).cloned().collect(),
        ct_values_omitted: result.ct_values.len().saturating_sub(CT_VALUES) as u32,
        kit: kit.to_owned(),
    }
}

/// The minute of a time: specimens are not known more exactly.
pub fn minute(time: Option<&prost_types::Timestamp>) -> i64 {
    time.expect("usable records have their times").seconds.div_euclid(60)
}

/// Whether more than so many hours went by between swab and receipt, by the minute: no swab is known more exactly.
fn old_news(rules: &Rules, result: &LabResult, received: Timestamp, hours: i64) -> bool {
    received.0.div_euclid(60_000) - taken(rules, result).last > hours * 60
}

/// The minutes at which a specimen may have been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// The first of them.
    pub first: i64,
    /// The last of them.
    pub last: i64,
}

/// When a specimen may have been taken: at any minute of the day where only that is known.
pub fn taken(rules: &Rules, result: &LabResult) -> Taken {
    let at = minute(result.collected_at.as_ref());
    if result.collected_precision() != TimePrecision::Day {
        return Taken { first: at, last: at };
    }
    let same_day = |minutes: i64| day(rules, at + minutes) == day(rules, at);
    Taken { first: at - furthest(|minutes| same_day(-minutes)), last: at + furthest(same_day) }
}

/// The greatest number of minutes, less than two days, up to which something holds.
fn furthest(holds: impl Fn(i64) -> bool) -> i64 {
    let (mut yes, mut no) = (0, 48 * 60);
    while no - yes > 1 {
        let middle = (yes + no) / 2;
        if holds(middle) { yes = middle } else { no = middle }
    }
    yes
}

/// The civil day of a minute.
pub fn day(rules: &Rules, minute: i64) -> Day {
    rules.day(Timestamp(minute * 60_000))
}

fn swab(rules: &Rules, row: &Standing<'_>) -> (Day, String) {
    let result = row.version.result;
    (day(rules, taken(rules, result).first), result.target.clone())
}

/// Cuts positives into episodes, each target's for itself. One that no case policy is for has none.
fn episodes(rules: &Rules, positives: Vec<Specimen>) -> Vec<Episode> {
    let mut by_target: BTreeMap<String, Vec<Specimen>> = BTreeMap::new();
    for positive in positives {
        by_target.entry(positive.target.clone()).or_default().push(positive);
    }
    by_target.into_values().flat_map(|positives| episodes_of_one(rules, positives)).collect()
}

fn episodes_of_one(rules: &Rules, mut positives: Vec<Specimen>) -> Vec<Episode> {
    positives.sort_by_key(|one| (one.minute, one.until, one.area.clone(), one.purpose.clone()));
    let mut episodes: Vec<Episode> = Vec::new();
    for positive in positives {
        let Some(policy) = targets::case_policy(rules, &positive.target, positive.day) else { continue };
        match episodes.last_mut() {
            Some(running) if positive.day.0 - anchor(running, policy).0 <= policy.episode_gap_days => {
                running.positives.push(positive);
            }
            _ => episodes.push(Episode { positives: vec![positive] }),
        }
    }
    episodes
}

fn anchor(episode: &Episode, policy: &CasePolicy) -> Day {
    match policy.episode_form {
        EpisodeForm::FromLastPositive => episode.last().day,
        EpisodeForm::FromFirstPositive => episode.first().day,
    }
}

/// Of each contact record the greatest version, where it holds, with when any was first received.
fn standing_contacts(records: &[Arrived]) -> Vec<(ContactRecord, Timestamp)> {
    let versions = records.iter().filter_map(|Arrived { at, record, content, .. }| {
        let Usable::Contact(contact) = record else { return None };
        let rank = (contact.revision, contact.status, *content);
        Some(versions::Version { of: (&contact.record_id, &contact.person_id), rank, at: *at, record: contact })
    });
    greatest(versions).filter(|(contact, _)| contact.status() == ContactStatus::Active).collect()
}

/// Where the person was swabbed last, or is registered where no swab says it, and whether all results of that time are known
/// still.
pub fn area(person: &Person, passed: TimePassed) -> (String, bool) {
    let registered = groups::areas(&person.groups).last().copied().unwrap_or_default();
    let last = person.specimens.iter().map(|specimen| (specimen.minute, &specimen.area)).max();
    let is_known = |minute: i64| passed.held_from.is_none_or(|from| minute * 60_000 >= from.0);
    match last {
        Some((minute, area)) => (area.clone(), is_known(minute)),
        // One may have stood that was taken back since.
        None => (registered.to_owned(), passed.held_from.is_none()),
    }
}
