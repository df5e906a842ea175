//! Contact records: which version stands with the contact and with the index, and whom that concerns.
//!
//! In: valid records and messages, and what is held. Out: whether they stand, and messages to the other person. The
//! record itself lives with the contact; the index has a copy with the same rank, and so has everybody whom a later
//! version no longer names.

use super::messages::Origin;
use super::route::PersonMessage;
use crate::model::contact::{ContactKind, ContactRecord};
use crate::model::ids::{Domain, Secret};
use crate::model::outcome::End;
use crate::model::time::Timestamp;
use crate::pipeline::ending::Stop;
use crate::policy::{Rules, TargetIndex};
use crate::proto::v1::{self, person_event::Event};
use crate::state::person::case_file::{CaseFile, Contact, IndexFound, Traced};
use hashbrown::HashSet;
use std::cmp::Ordering;

/// The record as its contact holds it, given the target it names, if any, and when it was received.
pub fn of_contact(
    record: &ContactRecord<'_>,
    target: Option<TargetIndex>,
    received_at: Timestamp,
    rules: &Rules,
    secret: &Secret,
) -> Contact {
    let target = target.map_or("", |target| rules.target_id(target));
    Contact { received_at, ..Contact::new(record, record.index_person_id, target, content(record, target, secret)) }
}

/// The record as its index holds it: of the rank that it has with the contact, whatever else is reported to the index.
pub fn of_index(record: &ContactRecord<'_>, wire: &v1::IndexContact, held: Option<&Traced>) -> Traced {
    let contact = Contact::new(record, record.person_id, &wire.target, wire.content);
    let (reported, reported_version, frozen) =
        held.map_or((false, 0, false), |held| (held.reported, held.reported_version, held.frozen));
    Traced { contact, left: wire.left, reported, reported_version, frozen }
}

/// What a message to an index says, as a record to be validated. Its target was, by the contact's task.
pub fn record_of(wire: &v1::IndexContact) -> v1::ContactRecord {
    v1::ContactRecord {
        record_id: wire.record_id.clone(),
        revision: wire.revision,
        status: wire.status,
        person_id: wire.person_id.clone(),
        index_person_id: wire.index_person_id.clone(),
        kind: wire.kind,
        exposure_start: wire.exposure_start,
        exposure_end: wire.exposure_end,
        reported_at: None,
        order: None,
        target: String::new(),
    }
}

fn content(record: &ContactRecord<'_>, target: &str, secret: &Secret) -> u64 {
    let times = [record.exposure_start, record.exposure_end].map(|at| at.0);
    let rest = format!("{} {} {times:?} {:?}", record.status as i32, record.kind as i32, record.order);
    let parts = [record.person_id, record.index_person_id, &rest, target];
    // A record that names no target means what it meant before any could.
    secret.hash_64(Domain::Contact, if target.is_empty() { &parts[..3] } else { &parts })
}

/// Whether a version stands with the index instead of what is held. A conflict is the contact's to report, once.
pub fn admit_traced(held: Option<&Traced>, new: &Traced) -> Result<(), Stop> {
    match held.map(|held| new.contact.rank().cmp(&held.contact.rank())) {
        Some(Ordering::Less) => Err(End::Superseded.into()),
        Some(Ordering::Equal) => Err(End::Duplicate.into()),
        Some(Ordering::Greater) | None => Ok(()),
    }
}

/// Whether what an index says about itself holds instead of what it said before, if it is about a record held here: a
/// finding follows its record, so one without has outlived it.
pub fn admit_finding(file: Option<&CaseFile>, new: &IndexFound) -> Result<(), Stop> {
    let about = file.filter(|file| file.contact(&new.record_id).is_some());
    let held = about.ok_or(End::Superseded)?.found(&new.record_id, &new.index);
    match held {
        Some(held) if held.version >= new.version => Err(End::Superseded.into()),
        _ => Ok(()),
    }
}

/// What must be reported to the indexes when `after` replaced `before` with its contact: all of it with the rank of `after`,
/// so that what is said later is greater, also to an index that is left and comes back.
pub fn to_indexes(person_id: &str, before: Option<&Contact>, after: &Contact, origin: Origin) -> Vec<PersonMessage> {
    let left = before.filter(|before| before.other != after.other);
    let copy = |named: &Contact| PersonMessage {
        to: named.other.clone(),
        origin,
        event: Event::IndexContact(v1::IndexContact {
            record_id: after.record_id.clone(),
            revision: after.revision,
            status: after.status as i32,
            person_id: person_id.to_owned(),
            index_person_id: named.other.clone(),
            kind: named.kind as i32,
            exposure_start: Some(named.start.to_wire()),
            exposure_end: Some(named.end.to_wire()),
            content: after.content,
            left: named.other != after.other,
            target: named.target.clone(),
        }),
    };
    left.into_iter().chain([after]).map(copy).collect()
}

/// Secondary contacts to whom something else must be reported than before, now that these alerts about the index are live:
/// whether one of them lists them, or would if it were not too long.
pub fn findings(file: &CaseFile, live: &[v1::Alert]) -> Vec<Traced> {
    let traced = live.iter().flat_map(|alert| &alert.to_trace);
    let listed: HashSet<(&str, &str)> = traced.map(|to| (to.record_id.as_str(), to.person_id.as_str())).collect();
    let now = |traced: &Traced| {
        traced.frozen || traced.contact.kind == ContactKind::Secondary && listed.contains(&key(traced))
    };
    let changed = file.traced.iter().filter(|traced| now(traced) != traced.reported);
    changed
        .map(|traced| Traced {
            reported: !traced.reported,
            reported_version: traced.reported_version + 1,
            ..traced.clone()
        })
        .collect()
}

/// Secondary contacts to whom an alert was reported that is dropped now although it is live. The alert stays as it was
/// published, and so must what was reported to them: else their own alerts would change because of what we forget.
pub fn freeze(file: &CaseFile) -> Vec<Traced> {
    let freezes = |traced: &&Traced| traced.reported && !traced.frozen;
    file.traced.iter().filter(freezes).map(|traced| Traced { frozen: true, ..traced.clone() }).collect()
}

fn key(traced: &Traced) -> (&str, &str) {
    (&traced.contact.record_id, &traced.contact.other)
}

/// The message that reports to a secondary contact what `findings` found.
pub fn finding(person_id: &str, traced: &Traced, origin: Origin) -> PersonMessage {
    let finding = v1::IndexFinding {
        record_id: traced.contact.record_id.clone(),
        positive: traced.reported,
        version: traced.reported_version,
        index_person_id: person_id.to_owned(),
    };
    PersonMessage { to: traced.contact.other.clone(), origin, event: Event::IndexFinding(finding) }
}
