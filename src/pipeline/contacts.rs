//! Contact records: which version stands with the contact and with the index, and who must be told.
//!
//! In: valid records and messages. Out: changed side records and letters to the other person. The record itself lives
//! with the contact; the index has a copy with the same rank, and so has everybody whom a later version no longer names.

use super::alerts;
use super::publish::Origin;
use super::route::Letter;
use super::stop::Stop;
use super::versions;
use crate::model::contact::{ContactKind, ContactRecord};
use crate::model::ids::{Domain, Secret};
use crate::model::outcome::Outcome;
use crate::proto::v1::{self, person_event::Event};
use crate::state::person::extra::{Contact, Extra, IndexFound, Traced};
use std::cmp::Ordering;

/// The record as its contact holds it.
pub fn of_contact(record: &ContactRecord<'_>, secret: &Secret) -> Contact {
    Contact::new(record, record.index_person_id, content(record, secret))
}

/// The record as its index holds it: of the rank that it has with the contact, whatever else the index is told.
pub fn of_index(record: &ContactRecord<'_>, wire: &v1::IndexContact) -> Traced {
    let contact = Contact::new(record, record.person_id, wire.content);
    Traced { contact, left: wire.left, told: false, told_version: 0 }
}

/// What a message to an index says, as a record to be validated.
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
    }
}

fn content(record: &ContactRecord<'_>, secret: &Secret) -> u64 {
    let times = [record.exposure_start, record.exposure_end].map(|at| at.0);
    let rest = format!("{} {} {times:?} {:?}", record.status as i32, record.kind as i32, record.order);
    secret.hash(Domain::Contact, &[record.person_id, record.index_person_id, &rest]) as u64
}

/// Lets a version stand with the contact if it is the greatest; gives the one it replaced.
pub fn admit(extra: &mut Extra, new: Contact) -> Result<Option<Contact>, Stop> {
    let at = extra.contacts.binary_search_by(|held| held.record_id.cmp(&new.record_id));
    match at {
        Ok(at) => replace(&mut extra.contacts[at], new).map(Some),
        Err(at) => {
            extra.contacts.insert(at, new);
            Ok(None)
        }
    }
}

/// Lets a version stand with the index if it is the greatest. A conflict is the contact's to tell, once.
pub fn admit_traced(extra: &mut Extra, new: Traced) -> Result<(), Stop> {
    match extra.traced.binary_search_by(|held| held.key().cmp(&new.key())) {
        Ok(at) => {
            let held = &mut extra.traced[at];
            match new.contact.rank().cmp(&held.contact.rank()) {
                Ordering::Less => return Err(Stop::At(Outcome::Superseded)),
                Ordering::Equal => return Err(Stop::At(Outcome::Duplicate)),
                Ordering::Greater => (held.contact, held.left) = (new.contact, new.left),
            }
        }
        Err(at) => extra.traced.insert(at, new),
    }
    Ok(())
}

fn replace(held: &mut Contact, new: Contact) -> Result<Contact, Stop> {
    if (held.status, held.content) == (new.status, new.content) {
        held.revision = held.revision.max(new.revision);
        return Err(Stop::At(Outcome::Duplicate));
    }
    if new.rank() < held.rank() {
        let in_conflict = (new.revision, new.status) == (held.revision, held.status);
        return Err(if in_conflict { versions::conflict() } else { Stop::At(Outcome::Superseded) });
    }
    Ok(std::mem::replace(held, new))
}

/// How a contact record that stands now ends.
pub fn outcome(before: Option<&Contact>, after: &Contact) -> Result<Outcome, Stop> {
    match before {
        Some(before) if (before.revision, before.status) == (after.revision, after.status) => Err(versions::conflict()),
        _ => Ok(Outcome::ContactApplied),
    }
}

/// Takes what an index says about itself, if it is about a record held here: a finding follows its record, so one
/// without has outlived it.
pub fn admit_finding(extra: &mut Extra, new: IndexFound) -> Result<(), Stop> {
    if !extra.contacts.iter().any(|contact| contact.record_id == new.record_id) {
        return Err(Stop::At(Outcome::Superseded));
    }
    let key = |found: &IndexFound| (found.record_id.clone(), found.index.clone());
    let wanted = key(&new);
    match extra.index_findings.binary_search_by(|held| key(held).cmp(&wanted)) {
        Ok(at) if extra.index_findings[at].version >= new.version => return Err(Stop::At(Outcome::Superseded)),
        Ok(at) => extra.index_findings[at] = new,
        Err(at) => extra.index_findings.insert(at, new),
    }
    Ok(())
}

/// What the indexes must be told when `after` replaced `before` with its contact: all of it with the rank of `after`,
/// so that what is said later is greater, also to an index that is left and comes back.
pub fn letters(person_id: &str, before: Option<&Contact>, after: &Contact, origin: Origin) -> Vec<Letter> {
    let left = before.filter(|before| before.other != after.other);
    let copy = |named: &Contact| Letter {
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
        }),
    };
    left.into_iter().chain([after]).map(copy).collect()
}

/// What secondary contacts must be told after the index's alerts changed: whether a live one lists them.
pub fn findings(extra: &mut Extra, origin: Origin) -> Vec<Letter> {
    let lists = |alert: &v1::Alert, contact: &Contact| {
        alerts::is_live(alert)
            && alert.to_trace.iter().any(|to| to.record_id == contact.record_id && to.person_id == contact.other)
    };
    let mut letters = Vec::new();
    for traced in &mut extra.traced {
        let contact = &traced.contact;
        let is_secondary = contact.kind == ContactKind::Secondary;
        let positive = is_secondary && extra.alerts.iter().any(|alert| lists(alert, contact));
        if positive == traced.told {
            continue;
        }
        traced.told = positive;
        traced.told_version += 1;
        let finding = v1::IndexFinding {
            record_id: contact.record_id.clone(),
            positive,
            version: traced.told_version,
            index_person_id: extra.person_id.clone(),
        };
        letters.push(Letter { to: contact.other.clone(), origin, event: Event::IndexFinding(finding) });
    }
    letters
}
