//! Contact records: what tracers find out about whom, before and after somebody is found positive.
//!
//! In: infections and first positives. Out: contact records with revisions, and who is to be tested because of them.

use super::broken;
use super::desk::{DAY, Desk, HOUR};
use super::message::{Body, Kind};
use super::outbreak::Infection;
use super::town::{PersonIndex, Town};
use crate::model::time::Timestamp;
use crate::proto::v1::{ContactKind, ContactRecord, ContactStatus, ManagementOrder};
use rand::RngExt;

/// Share of infections of which location data knew before anybody was ill.
const KNOWN_BEFORE: f64 = 0.25;
/// Share of close contacts who are put under management.
const MANAGED: f64 = 0.8;

/// One in so many orders was over before it was given, if only by its papers: such an order never held.
const WRITTEN_DOWN_LATER: i64 = 31;

/// Somebody who was traced, when the record arrives, and what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traced {
    pub(super) person: PersonIndex,
    pub(super) at: Timestamp,
    pub(super) kind: ContactKind,
    /// Last moment of exposure, in the order of arrival.
    pub(super) ended: Timestamp,
}

/// Two people met: person, index, how close.
struct Meeting {
    person: PersonIndex,
    index: PersonIndex,
    kind: ContactKind,
    /// First moment, in the order of arrival.
    start: Timestamp,
}

/// An infection leaves a trace in location data before anybody knows of it: the record arrives before the positive.
pub(super) fn before_the_positive(infection: Infection, day_start: Timestamp, desk: &mut Desk) {
    if !desk.chance(KNOWN_BEFORE) {
        return;
    }
    let start = Timestamp(day_start.0 + desk.hours(0.0, 20.0));
    let at = Timestamp(start.0 + desk.hours(4.0, 12.0));
    let kind = ContactKind::CoExposed;
    record(&Meeting { person: infection.person, index: infection.by, kind, start }, at, desk);
}

/// Somebody was found positive for the first time: household, neighbours, and their contacts are traced.
pub(super) fn after_the_positive(index: PersonIndex, found_at: Timestamp, town: &Town, desk: &mut Desk) -> Vec<Traced> {
    let mut close: Vec<PersonIndex> = town.household(index).filter(|person| *person != index).collect();
    close.extend((0..3).map(|_| town.neighbour(index, &mut desk.rng)).filter(|person| *person != index));
    let mut traced = Vec::new();
    for person in close {
        if !desk.chance(0.8) {
            continue;
        }
        let at = Timestamp(found_at.0 + desk.hours(1.0, 14.0));
        let start = Timestamp(found_at.0 - DAY - desk.hours(0.0, 48.0));
        let kind = ContactKind::Close;
        let ended = record(&Meeting { person, index, kind, start }, at, desk);
        traced.push(Traced { person, at, kind, ended });
        let friend = town.neighbour(person, &mut desk.rng);
        if friend != person && friend != index && desk.chance(0.4) {
            let at = Timestamp(at.0 + desk.hours(1.0, 10.0));
            let start = Timestamp(start.0 + desk.hours(0.0, 20.0));
            let kind = ContactKind::Secondary;
            let ended = record(&Meeting { person: friend, index: person, kind, start }, at, desk);
            traced.push(Traced { person: friend, at, kind, ended });
        }
    }
    traced
}

/// Hands in a contact record, and what becomes of it. Gives the last moment of exposure.
fn record(meeting: &Meeting, at: Timestamp, desk: &mut Desk) -> Timestamp {
    let lasts = desk.hours(0.2, 6.0);
    let start = desk.stamp(meeting.start);
    let ended = Timestamp((meeting.start.0 + lasts).min(at.0));
    let end = desk.stamp(ended).max(start);
    let managed = meeting.kind == ContactKind::Close && desk.chance(MANAGED);
    let named = desk.chance(desk.rates.panel).then(|| desk.rng.random_range(0..desk.targets()));
    let target = named.map_or(String::new(), |at| desk.target(at));
    let contact = ContactRecord {
        record_id: desk.id('C'),
        revision: 0,
        status: ContactStatus::Active as i32,
        person_id: desk.pseudonym(meeting.person),
        index_person_id: desk.pseudonym(meeting.index),
        kind: meeting.kind as i32,
        exposure_start: Some(start.to_wire()),
        exposure_end: Some(end.to_wire()),
        reported_at: Some(desk.stamp(at).to_wire()),
        order: managed.then(|| order(at, desk)),
        target,
    };
    if desk.chance(desk.rates.broken) {
        // The tracers mend it and send it again.
        broken::contact(&contact, at, desk);
    }
    publish(contact, at, desk);
    ended
}

fn order(at: Timestamp, desk: &mut Desk) -> ManagementOrder {
    let from = Timestamp(at.0 - desk.hours(0.0, 12.0));
    let days = desk.rng.random_range(5..=7i64);
    let written_down_later = (at.0 - from.0) / 1000 % WRITTEN_DOWN_LATER == 0;
    let (starts, given) = (desk.stamp(from), desk.stamp(Timestamp(at.0 - HOUR / 4)));
    let ends = match written_down_later {
        true => Timestamp(given.0 - HOUR).max(starts),
        false => desk.stamp(from.plus_days(days)),
    };
    // An order made after it began does not reach back: `from` before `ordered_at` must not matter.
    let [from, to, ordered_at] = [starts, ends, given].map(|at| Some(at.to_wire()));
    ManagementOrder { from, to, ordered_at }
}

fn publish(contact: ContactRecord, at: Timestamp, desk: &mut Desk) {
    desk.send(&Body::Contact(contact.clone()), at, Kind::Contact);
    if desk.chance(desk.rates.repeated) {
        let again = Timestamp(at.0 + desk.hours(0.1, 20.0));
        desk.send(&Body::Contact(contact.clone()), again, Kind::Repeated);
    }
    if desk.chance(desk.rates.conflict) {
        let mut other = contact.clone();
        other.exposure_end = shifted(other.exposure_end, HOUR);
        let again = Timestamp(at.0 + desk.hours(0.1, 20.0));
        desk.send(&Body::Contact(other), again, Kind::Conflict);
    }
    let mut standing = contact;
    let mut last = at;
    if desk.chance(desk.rates.contact_revised) {
        last = version_time(last, desk);
        revise(&mut standing, desk);
        desk.send(&Body::Contact(standing.clone()), last, Kind::ContactRevised);
    }
    if desk.chance(desk.rates.contact_withdrawn) {
        last = version_time(last, desk);
        // Half of the tracers' systems count the revision up, the others only set the status.
        standing.revision += u32::from(desk.chance(0.5));
        standing.status = ContactStatus::Withdrawn as i32;
        desk.send(&Body::Contact(standing.clone()), last, Kind::ContactWithdrawn);
        if desk.chance(desk.rates.changed_again) {
            standing.revision += 1;
            standing.status = ContactStatus::Active as i32;
            let at = version_time(last, desk);
            desk.send(&Body::Contact(standing), at, Kind::ContactRevised);
        }
    }
}

/// When the next version arrives: later, or (overtaken on its way) before.
fn version_time(at: Timestamp, desk: &mut Desk) -> Timestamp {
    if desk.chance(desk.rates.overtaken) {
        return Timestamp(at.0 - desk.hours(0.01, 0.9));
    }
    Timestamp(at.0 + desk.hours(0.5, 30.0))
}

/// Changes what a record says: when, how close, or to whom.
fn revise(contact: &mut ContactRecord, desk: &mut Desk) {
    contact.revision += 1;
    match desk.rng.random_range(0..4) {
        0 => contact.exposure_start = shifted(contact.exposure_start, -12 * HOUR),
        1 => contact.kind = ContactKind::Close as i32,
        2 => contact.order = None,
        _ => {
            let other = desk.any_pseudonym();
            if other != contact.person_id {
                contact.index_person_id = other;
            }
        }
    }
}

fn shifted(time: Option<prost_types::Timestamp>, by: i64) -> Option<prost_types::Timestamp> {
    time.and_then(|time| Timestamp::from_wire(&time)).map(|time| Timestamp(time.0 + by).to_wire())
}
