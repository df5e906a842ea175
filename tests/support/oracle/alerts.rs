//! Which alerts must be live, and what they must say.

use super::minute;
use super::people::{Episode, Person, Specimen};
use std::collections::{BTreeMap, BTreeSet};
use swabstream::policy::Rules;
use swabstream::proto::v1::{Alert, AlertFamily, Channel, ContactKind, ContactRecord, MatchedContact, Severity};

const DAY_MINUTES: i64 = 24 * 60;

/// What an alert says that depends on the set of records only: not its id, its version, its causes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveAlert {
    pub person: String,
    pub family: AlertFamily,
    pub first_day: String,
    pub last_day: String,
    pub specimen: String,
    pub channel: Channel,
    pub severity: Severity,
    pub historic: bool,
    pub preliminary: bool,
    pub area: String,
    pub purpose: String,
    pub positive_specimens: u32,
    pub exposed_to: BTreeSet<Listed>,
    pub to_trace: BTreeSet<Listed>,
    pub policy: String,
}

/// A contact record as an alert lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    pub record: String,
    pub other: String,
    pub kind: ContactKind,
    pub start: i64,
    pub end: i64,
}

impl LiveAlert {
    /// What a published alert says.
    pub fn of(alert: &Alert) -> Self {
        let listed = |contacts: &[MatchedContact]| -> BTreeSet<Listed> {
            let all: BTreeSet<Listed> = contacts.iter().map(Listed::of_alert).collect();
            assert_eq!(all.len(), contacts.len(), "an alert lists each record once");
            all
        };
        Self {
            person: alert.person_id.clone(),
            family: alert.family(),
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
            to_trace: listed(&alert.to_trace),
            policy: alert.policy.clone(),
        }
    }
}

impl Listed {
    fn of_alert(contact: &MatchedContact) -> Self {
        Self {
            record: contact.record_id.clone(),
            other: contact.person_id.clone(),
            kind: contact.kind(),
            start: minute(contact.exposure_start.as_ref()),
            end: minute(contact.exposure_end.as_ref()),
        }
    }

    fn of(record: &ContactRecord, other: &str, kind: ContactKind) -> Self {
        Self {
            record: record.record_id.clone(),
            other: other.to_owned(),
            kind,
            start: minute(record.exposure_start.as_ref()),
            end: minute(record.exposure_end.as_ref()),
        }
    }
}

/// Every alert that must be live.
pub fn of(rules: &Rules, people: &BTreeMap<String, Person>) -> BTreeSet<LiveAlert> {
    let mut alerts = BTreeSet::new();
    for person in people.values() {
        alerts.extend(person.alerting.iter().map(|episode| positive(rules, people, person, episode)));
        let contradicted = person.specimens.iter().filter(|specimen| specimen.contradicted);
        alerts.extend(contradicted.map(|specimen| contradiction(rules, person, specimen)));
    }
    alerts
}

fn positive(rules: &Rules, people: &BTreeMap<String, Person>, person: &Person, episode: &Episode) -> LiveAlert {
    let first = episode.first();
    let channel = channel(person, episode);
    let historic = episode.positives.iter().all(|positive| positive.old_news);
    let preliminary = episode.positives.iter().all(|positive| positive.preliminary);
    LiveAlert {
        person: person.id.clone(),
        family: AlertFamily::Positive,
        first_day: first.day.to_string(),
        last_day: episode.last().day.to_string(),
        specimen: String::new(),
        channel,
        severity: match channel {
            _ if historic || preliminary => Severity::Info,
            Channel::Managed => Severity::Moderate,
            _ => Severity::High,
        },
        historic,
        preliminary,
        area: first.area.clone(),
        purpose: first.purpose.clone(),
        positive_specimens: episode.positives.len() as u32,
        exposed_to: exposed_to(rules, people, person, episode),
        to_trace: traced(rules, person, episode).map(listed_to_trace).collect(),
        policy: rules.case_policy(first.day).name.clone(),
    }
}

fn contradiction(rules: &Rules, person: &Person, specimen: &Specimen) -> LiveAlert {
    LiveAlert {
        person: person.id.clone(),
        family: AlertFamily::Contradiction,
        first_day: specimen.day.to_string(),
        last_day: specimen.day.to_string(),
        specimen: specimen.id.clone(),
        channel: Channel::Unspecified,
        severity: Severity::High,
        historic: false,
        preliminary: false,
        area: specimen.area.clone(),
        purpose: specimen.purpose.clone(),
        positive_specimens: 1,
        exposed_to: BTreeSet::new(),
        to_trace: BTreeSet::new(),
        policy: rules.case_policy(specimen.day).name.clone(),
    }
}

/// Managed when an order held at the first positive; an order does not reach back before it was given.
pub fn channel(person: &Person, episode: &Episode) -> Channel {
    let at = episode.first().minute;
    let orders = person.contacts.iter().filter_map(|record| record.order.as_ref());
    let mut held = orders.map(|order| {
        let given = minute(order.from.as_ref()).max(minute(order.ordered_at.as_ref()));
        given <= at && at <= minute(order.to.as_ref())
    });
    if held.any(|held| held) { Channel::Managed } else { Channel::Community }
}

/// Records that may say where the infection came from: some positive lies in exposure or the observation after it.
fn exposed_to(
    rules: &Rules,
    people: &BTreeMap<String, Person>,
    person: &Person,
    episode: &Episode,
) -> BTreeSet<Listed> {
    let mut listed = BTreeSet::new();
    for record in &person.contacts {
        let kind = kind_as_known(rules, people, record);
        let from = minute(record.exposure_start.as_ref());
        let matches = |positive: &Specimen| {
            let policy = rules.case_policy(positive.day);
            let days = match kind {
                ContactKind::Secondary => policy.observation_days[1],
                ContactKind::CoExposed => policy.observation_days[2],
                _ => policy.observation_days[0],
            };
            let to = minute(record.exposure_end.as_ref()) + i64::from(days) * DAY_MINUTES;
            from <= positive.minute && positive.minute <= to
        };
        if episode.positives.iter().any(matches) {
            listed.insert(Listed::of(record, &record.index_person_id, kind));
        }
    }
    listed
}

/// A secondary contact of somebody whose live alert lists the record is a close one.
fn kind_as_known(rules: &Rules, people: &BTreeMap<String, Person>, record: &ContactRecord) -> ContactKind {
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
fn traced<'a>(
    rules: &Rules,
    person: &'a Person,
    episode: &Episode,
) -> impl Iterator<Item = &'a ContactRecord> + use<'a> {
    let policy = rules.case_policy(episode.first().day);
    let from = episode.first().minute - i64::from(policy.trace_days_before) * DAY_MINUTES;
    let to = episode.last().minute + i64::from(policy.trace_days_after) * DAY_MINUTES;
    person.traced.iter().filter(move |record| {
        minute(record.exposure_end.as_ref()) >= from && minute(record.exposure_start.as_ref()) <= to
    })
}

fn listed_to_trace(record: &ContactRecord) -> Listed {
    Listed::of(record, &record.person_id, as_close(record.kind()))
}
