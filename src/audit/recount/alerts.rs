//! Which alerts must be live, and what they must say.

use super::alert_id;
use super::people::{Episode, Person, Specimen, minute};
use super::pool_said::PoolSaid;
use crate::audit::targets;
use crate::model::ids::Secret;
use crate::model::time::{Day, Timestamp};
use crate::policy::{CasePolicy, Rules};
use crate::proto::v1::{
    Alert, AlertFamily, Channel, ContactKind, ContactRecord, MatchedContact, PositiveResult, Severity,
};
use std::collections::{BTreeMap, BTreeSet};

const DAY_MINUTES: i64 = 24 * 60;

/// What an alert says that depends on the set of records only: not its version, its causes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveAlert {
    /// Its id.
    pub id: String,
    /// Whom it is about.
    pub person: String,
    /// What it is about.
    pub family: AlertFamily,
    /// Id of the target.
    pub target: String,
    /// First day of the episode.
    pub first_day: String,
    /// Last day with a positive.
    pub last_day: String,
    /// The specimen, of contradictions.
    pub specimen: String,
    /// How the case was found.
    pub channel: Channel,
    /// How grave.
    pub severity: Severity,
    /// Old news when it was first read.
    pub historic: bool,
    /// Rests on preliminary results only.
    pub preliminary: bool,
    /// Area of the first positive.
    pub area: String,
    /// Purpose of the first positive.
    pub purpose: String,
    /// How many specimens.
    pub positive_specimens: u32,
    /// How the person may have been infected, in order.
    pub exposed_to: Vec<ListedContact>,
    /// Records that match and are not listed.
    pub exposed_to_omitted: u32,
    /// Whom to trace, in order.
    pub to_trace: Vec<ListedContact>,
    /// Records to be traced that are not listed.
    pub to_trace_omitted: u32,
    /// Positive results behind it, in order.
    pub positives: Vec<ListedPositive>,
    /// Those that are not listed.
    pub positives_omitted: u32,
    /// The case policy that decided.
    pub policy: String,
    /// When the contact is released, of missed tests.
    pub release_day: String,
    /// The key group, of missed tests of one.
    pub group: String,
    /// Of a pool: what it says of that.
    pub pool: Option<PoolSaid>,
}

/// A contact record as an alert lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedContact {
    /// The record's id.
    pub record: String,
    /// The other person.
    pub other: String,
    /// How close.
    pub kind: ContactKind,
    /// First moment of exposure; `None` where an alert does not say.
    pub start: Option<Timestamp>,
    /// Last moment of exposure.
    pub end: Option<Timestamp>,
}

/// A positive result as an alert lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedPositive {
    /// When it was collected.
    pub at: Option<Timestamp>,
    /// How exactly that is known.
    pub precision: i32,
    /// The lab.
    pub lab: String,
    /// Its id of the result.
    pub result: String,
    /// The barcode.
    pub specimen: String,
    /// What was looked for.
    pub target: String,
    /// Gene and bits of the cycles of what was measured.
    pub ct_values: Vec<(String, u64)>,
    /// Values that are not listed.
    pub ct_values_omitted: u32,
    /// The kit.
    pub kit: String,
}

impl ListedPositive {
    fn of(result: &PositiveResult) -> Self {
        Self {
            at: result.collected_at.as_ref().and_then(Timestamp::from_wire),
            precision: result.collected_precision,
            lab: result.lab_id.clone(),
            result: result.result_id.clone(),
            specimen: result.specimen_id.clone(),
            target: result.target.clone(),
            ct_values: result.ct_values.iter().map(|ct| (ct.gene.clone(), ct.cycles.to_bits())).collect(),
            ct_values_omitted: result.ct_values_omitted,
            kit: result.kit.clone(),
        }
    }

    /// In order.
    pub fn all<'a>(results: impl IntoIterator<Item = &'a PositiveResult>) -> Vec<Self> {
        let mut all: Vec<Self> = results.into_iter().map(Self::of).collect();
        all.sort();
        all
    }
}

/// Alerts list so many positive results at most.
const POSITIVES_AT_MOST: usize = 50;

impl LiveAlert {
    /// Whether it leaves out what earlier versions did not keep of some positive.
    pub fn lacks_measurements(&self) -> bool {
        let rests_on_none =
            matches!(self.family, AlertFamily::ContactOverdue | AlertFamily::PoolOverdue | AlertFamily::GroupOverdue);
        !rests_on_none && (self.positives.is_empty() || self.positives.iter().any(|one| one.lab.is_empty()))
    }

    /// The same without the positives behind it.
    pub fn without_positives(&self) -> Self {
        Self { positives: Vec::new(), positives_omitted: 0, ..self.clone() }
    }

    fn same_positives(&self, found: &Self) -> bool {
        let listed = &self.positives[..self.positives.len().min(POSITIVES_AT_MOST)];
        listed == found.positives && found.positives_omitted as usize == self.positives.len() - listed.len()
    }

    /// Whether a published alert says the same. Of very many records an alert lists the first and counts the rest.
    pub fn is_said_by(&self, found: &Self) -> bool {
        self.is_said_but_for_contacts(found)
            && same_list(&self.exposed_to, &found.exposed_to, found.exposed_to_omitted)
            && same_list(&self.to_trace, &found.to_trace, found.to_trace_omitted)
    }

    /// Whether a published alert says the same, whatever contacts it lists.
    pub fn is_said_but_for_contacts(&self, found: &Self) -> bool {
        self.is_said_but_for_lists(found) && self.same_positives(found)
    }

    fn is_said_but_for_lists(&self, found: &Self) -> bool {
        let without = |alert: &Self| Self {
            exposed_to: Vec::new(),
            exposed_to_omitted: 0,
            to_trace: Vec::new(),
            to_trace_omitted: 0,
            positives: Vec::new(),
            positives_omitted: 0,
            ..alert.clone()
        };
        without(self) == without(found)
    }

    /// Names of what two alerts say differently, without what they say.
    pub fn differing_fields(&self, found: &Self) -> Vec<&'static str> {
        let lists = [
            ("exposed_to", same_list(&self.exposed_to, &found.exposed_to, found.exposed_to_omitted)),
            ("to_trace", same_list(&self.to_trace, &found.to_trace, found.to_trace_omitted)),
            ("positives", self.same_positives(found)),
        ];
        let fields = [
            ("family", self.family == found.family),
            ("target", self.target == found.target),
            ("person_id", self.person == found.person),
            ("specimen_id", self.specimen == found.specimen),
            ("first_day", self.first_day == found.first_day),
            ("last_day", self.last_day == found.last_day),
            ("channel", self.channel == found.channel),
            ("severity", self.severity == found.severity),
            ("historic", self.historic == found.historic),
            ("preliminary", self.preliminary == found.preliminary),
            ("area", self.area == found.area),
            ("purpose", self.purpose == found.purpose),
            ("positive_specimens", self.positive_specimens == found.positive_specimens),
            ("policy", self.policy == found.policy),
            ("release_day", self.release_day == found.release_day),
            ("group", self.group == found.group),
            ("pool", self.pool == found.pool),
        ];
        fields.into_iter().chain(lists).filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }

    /// What a published alert says.
    pub fn of(alert: &Alert) -> Self {
        let listed = |contacts: &[MatchedContact]| -> Vec<ListedContact> {
            let mut all: Vec<ListedContact> = contacts.iter().map(ListedContact::of_alert).collect();
            all.sort();
            all
        };
        Self {
            id: alert.alert_id.clone(),
            person: alert.person_id.clone(),
            family: alert.family(),
            target: alert.target.clone(),
            first_day: alert.first_day.clone(),
            last_day: alert.last_day.clone(),
            specimen: alert.specimen_id.clone(),
            channel: alert.channel(),
            severity: alert.severity(),
            historic: alert.historic,
            preliminary: alert.preliminary,
            area: alert.area.clone(),
            purpose: alert.purpose.clone(),
            positive_specimens: alert.positive_specimens,
            exposed_to: listed(&alert.exposed_to),
            exposed_to_omitted: alert.exposed_to_omitted,
            to_trace: listed(&alert.to_trace),
            to_trace_omitted: alert.to_trace_omitted,
            positives: alert.positives.iter().map(ListedPositive::of).collect(),
            positives_omitted: alert.positives_omitted,
            policy: alert.policy.clone(),
            release_day: alert.release_day.clone(),
            group: alert.group.clone(),
            pool: PoolSaid::of(alert),
        }
    }

    /// The same without what members of a pool were found since.
    pub fn without_findings(&self) -> Self {
        Self { pool: self.pool.as_ref().map(PoolSaid::without_findings), ..self.clone() }
    }
}

fn same_list(expected: &[ListedContact], found: &[ListedContact], omitted: u32) -> bool {
    match omitted {
        0 => expected == found,
        _ => {
            // A record that is listed twice stands for another.
            let each_once = found.windows(2).all(|pair| pair[0] != pair[1]);
            each_once
                && expected.len() == found.len() + omitted as usize
                && found.iter().all(|one| expected.contains(one))
        }
    }
}

impl ListedContact {
    fn of_alert(contact: &MatchedContact) -> Self {
        Self {
            record: contact.record_id.clone(),
            other: contact.person_id.clone(),
            kind: contact.kind(),
            start: contact.exposure_start.as_ref().and_then(Timestamp::from_wire),
            end: contact.exposure_end.as_ref().and_then(Timestamp::from_wire),
        }
    }

    /// A record as it has to be listed.
    pub fn of(record: &ContactRecord, other: &str, kind: ContactKind) -> Self {
        Self {
            record: record.record_id.clone(),
            other: other.to_owned(),
            kind,
            start: record.exposure_start.as_ref().and_then(Timestamp::from_wire),
            end: record.exposure_end.as_ref().and_then(Timestamp::from_wire),
        }
    }
}

/// Every alert that must be live.
pub fn of(rules: &Rules, secret: &Secret, people: &BTreeMap<String, Person>) -> BTreeSet<LiveAlert> {
    let mut alerts = BTreeSet::new();
    for person in people.values() {
        alerts.extend(person.alerting.iter().filter_map(|episode| positive(rules, secret, people, person, episode)));
        let declared = person.specimens.iter().filter(|specimen| targets::is_known(rules, &specimen.target));
        let contradicted = declared.filter(|specimen| specimen.contradicted);
        alerts.extend(contradicted.map(|specimen| contradiction(rules, secret, person, specimen)));
    }
    alerts
}

fn positive(
    rules: &Rules,
    secret: &Secret,
    people: &BTreeMap<String, Person>,
    person: &Person,
    episode: &Episode,
) -> Option<LiveAlert> {
    let first = episode.first();
    let channel = channel(rules, person, episode);
    let historic = episode.positives.iter().all(|positive| positive.old_news);
    let preliminary = episode.positives.iter().all(|positive| positive.preliminary);
    let policy = targets::case_policy(rules, &first.target, first.day)?;
    let further = Some(first.target.as_str()).filter(|target| *target != targets::first(rules));
    let first_day = first.day.to_string();
    Some(LiveAlert {
        id: alert_id::positive(secret, &person.id, &first_day, further),
        person: person.id.clone(),
        family: AlertFamily::Positive,
        target: first.target.clone(),
        first_day,
        last_day: episode.last().day.to_string(),
        specimen: String::new(),
        channel,
        severity: match channel {
            _ if historic => policy.severity.historic,
            _ if preliminary => policy.severity.preliminary,
            Channel::Managed => policy.severity.managed,
            _ => policy.severity.community,
        },
        historic,
        preliminary,
        area: first.area.clone(),
        purpose: first.purpose.clone(),
        positive_specimens: episode.positives.len() as u32,
        exposed_to: exposed_to(rules, people, person, episode).into_iter().collect(),
        exposed_to_omitted: 0,
        to_trace: traced(rules, person, episode).map(listed_to_trace).collect::<BTreeSet<_>>().into_iter().collect(),
        to_trace_omitted: 0,
        positives: ListedPositive::all(
            episode.positives.iter().filter_map(|specimen| specimen.first_positive.as_ref()),
        ),
        positives_omitted: 0,
        policy: policy.name.clone(),
        release_day: String::new(),
        group: String::new(),
        pool: None,
    })
}

fn contradiction(rules: &Rules, secret: &Secret, person: &Person, specimen: &Specimen) -> LiveAlert {
    let policy = targets::intake_policy(rules, &specimen.target, specimen.day);
    let day = specimen.day.to_string();
    LiveAlert {
        id: alert_id::contradiction(secret, &person.id, &specimen.id, &specimen.target, &day),
        person: person.id.clone(),
        family: AlertFamily::Contradiction,
        target: specimen.target.clone(),
        first_day: day.clone(),
        last_day: day,
        specimen: specimen.id.clone(),
        channel: Channel::Unspecified,
        severity: policy.severity.contradiction,
        historic: false,
        preliminary: false,
        area: specimen.area.clone(),
        purpose: specimen.purpose.clone(),
        positive_specimens: 1,
        exposed_to: Vec::new(),
        exposed_to_omitted: 0,
        to_trace: Vec::new(),
        to_trace_omitted: 0,
        positives: ListedPositive::all(&specimen.first_positive),
        positives_omitted: 0,
        policy: policy.name.clone(),
        release_day: String::new(),
        group: String::new(),
        pool: None,
    }
}

/// Managed when an order held at the first positive; an order does not reach back before it was given, and one given
/// after its own end never held.
pub fn channel(rules: &Rules, person: &Person, episode: &Episode) -> Channel {
    let first = episode.first();
    let about = person.contacts.iter().filter(|(record, _)| is_about(rules, record, &first.target, first.day));
    let orders = about.filter_map(|(record, _)| record.order.as_ref());
    let mut held = orders.map(|order| {
        let given = exactly(order.from.as_ref()).max(exactly(order.ordered_at.as_ref()));
        let holds = given <= exactly(order.to.as_ref());
        holds && given.minute() <= first.until && first.minute <= minute(order.to.as_ref())
    });
    if held.any(|held| held) { Channel::Managed } else { Channel::Community }
}

/// When an order was given and when it ends is known exactly, and so is which was first.
fn exactly(time: Option<&prost_types::Timestamp>) -> Timestamp {
    time.and_then(Timestamp::from_wire).expect("usable records have their times")
}

/// Whether a record, and its order, is about a target on a day: one that names none, by the policy of that day.
pub fn is_about(rules: &Rules, record: &ContactRecord, target: &str, day: Day) -> bool {
    let at = rules.deployment.targets.iter().position(|declared| declared.id == target);
    let unnamed = || {
        let policy = targets::case_policy(rules, target, day);
        policy.is_some_and(|policy| policy.unnamed_contacts.iter().any(|of| Some(usize::from(*of)) == at))
    };
    if record.target.is_empty() { unnamed() } else { record.target == target }
}

/// Records that may say where the infection came from: some positive lies in exposure or the observation after it.
fn exposed_to(
    rules: &Rules,
    people: &BTreeMap<String, Person>,
    person: &Person,
    episode: &Episode,
) -> BTreeSet<ListedContact> {
    let mut listed = BTreeSet::new();
    for (record, _) in &person.contacts {
        let kind = kind_as_known(rules, people, record);
        let from = minute(record.exposure_start.as_ref());
        let matches = |positive: &Specimen| {
            let Some(policy) = targets::case_policy(rules, &positive.target, positive.day) else { return false };
            let to = minute(record.exposure_end.as_ref()) + i64::from(observed(policy, kind)) * DAY_MINUTES;
            is_about(rules, record, &positive.target, positive.day) && from <= positive.until && positive.minute <= to
        };
        if episode.positives.iter().any(matches) {
            listed.insert(ListedContact::of(record, &record.index_person_id, kind));
        }
    }
    listed
}

/// Days of observation of a kind of contact.
pub fn observed(policy: &CasePolicy, kind: ContactKind) -> i32 {
    match kind {
        ContactKind::Secondary => policy.observation_days.secondary,
        ContactKind::CoExposed => policy.observation_days.co_exposed,
        _ => policy.observation_days.close,
    }
}

/// A secondary contact of somebody whose live alert lists the record is a close one.
pub fn kind_as_known(rules: &Rules, people: &BTreeMap<String, Person>, record: &ContactRecord) -> ContactKind {
    let index = people.get(&record.index_person_id);
    let found = index.is_some_and(|index| {
        let mut all = index.alerting.iter().flat_map(|episode| traced(rules, index, episode));
        all.any(|traced| traced.record_id == record.record_id && traced.person_id == record.person_id)
    });
    if found { as_close(record.kind()) } else { record.kind() }
}

fn as_close(kind: ContactKind) -> ContactKind {
    if kind == ContactKind::Secondary { ContactKind::Close } else { kind }
}

/// Records that name the person as index and lie close enough to the episode.
fn traced<'a>(rules: &'a Rules, person: &'a Person, episode: &'a Episode) -> impl Iterator<Item = &'a ContactRecord> {
    let first = episode.first();
    let policy = targets::intake_policy(rules, &first.target, first.day);
    let from = first.minute - i64::from(policy.trace_days_before) * DAY_MINUTES;
    let last = episode.positives.iter().map(|positive| positive.until).max().expect("an episode has a positive");
    let to = last + i64::from(policy.trace_days_after) * DAY_MINUTES;
    person.traced.iter().filter(move |record| {
        is_about(rules, record, &first.target, first.day)
            && minute(record.exposure_end.as_ref()) >= from
            && minute(record.exposure_start.as_ref()) <= to
    })
}

fn listed_to_trace(record: &ContactRecord) -> ListedContact {
    ListedContact::of(record, &record.person_id, as_close(record.kind()))
}
