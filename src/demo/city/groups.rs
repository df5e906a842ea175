//! Records of key groups: who is tested again and again for what it does, or because it has just arrived.
//!
//! In: the town and its days. Out: records with revisions. Those in key occupations are on the lists from the first day;
//! arrivals are put on them day by day, for a week.

use super::broken;
use super::desk::{Desk, HOUR};
use super::message::{Body, Kind};
use super::town::{PersonIndex, Town};
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{GroupStatus, PersonGroup};
use rand::RngExt;

/// Groups of those in key occupations.
const OCCUPATIONS: [&str; 3] = ["cold-chain", "drivers", "hospitals"];
const ARRIVALS: &str = "arrivals";

/// People of whom one arrives every other day.
const PEOPLE_PER_ARRIVAL: u32 = 2_000;

/// Days that arrivals stay on their list.
const WEEK: i32 = 7;

/// The day that is being planned.
#[derive(Clone, Copy)]
pub(super) struct Today<'a> {
    pub(super) town: &'a Town,
    pub(super) rules: &'a Rules,
    /// The civil day.
    pub(super) civil: Day,
}

/// The lists as they are when the city is founded: those of whom this is true are in a key occupation.
pub(super) fn founded(is_employed: impl Fn(&PersonIndex) -> bool, today: Today<'_>, desk: &mut Desk) {
    for person in (0..today.town.people()).filter(is_employed) {
        let since = desk.rng.random_range(0..700);
        let group = OCCUPATIONS[person as usize % OCCUPATIONS.len()];
        for days in pieces(person, (today.civil.plus(-since), None), today.civil) {
            record(person, group, days, today, desk);
        }
    }
}

/// Who arrives on a day.
pub(super) fn arrived(today: Today<'_>, desk: &mut Desk) {
    for _ in 0..=today.town.people() / PEOPLE_PER_ARRIVAL {
        if desk.chance(0.5) {
            let person = today.town.anybody(&mut desk.rng);
            for days in pieces(person, (today.civil, Some(today.civil.plus(WEEK))), today.civil.plus(WEEK / 2)) {
                record(person, ARRIVALS, days, today, desk);
            }
        }
    }
}

/// First and last day of a record.
type Days = (Day, Option<Day>);

/// Some keepers renew what they list: the next record begins where the last one ends, before, or with days between.
fn pieces(person: PersonIndex, (first, last): Days, renewed: Day) -> Vec<Days> {
    let until = match person % 12 {
        0 => renewed,
        4 => renewed.plus(-1),
        8 => renewed.plus(-3),
        _ => return vec![(first, last)],
    };
    match until < first {
        true => vec![(first, last)],
        false => vec![(first, Some(until)), (renewed, last)],
    }
}

fn record(person: PersonIndex, group: &str, days: Days, today: Today<'_>, desk: &mut Desk) {
    let (first, last) = days;
    let at = Timestamp(desk.day_start().0 + desk.hours(0.0, 24.0));
    let lives_in = || today.rules.areas.list[today.town.area(person) as usize].code.clone();
    let area = if desk.chance(0.8) { lives_in() } else { String::new() };
    let record = PersonGroup {
        record_id: desk.id('G'),
        revision: 0,
        status: GroupStatus::Active as i32,
        person_id: desk.pseudonym(person),
        group: group.to_owned(),
        area,
        first_day: first.to_string(),
        last_day: last.map(|last| last.to_string()).unwrap_or_default(),
        reported_at: Some(desk.stamp(at).to_wire()),
    };
    if desk.chance(desk.rates.broken) {
        // The list keepers mend it and send it again.
        broken::group(&record, at, desk);
    }
    publish(record, at, desk);
}

fn publish(record: PersonGroup, at: Timestamp, desk: &mut Desk) {
    desk.send(&Body::Group(record.clone()), at, Kind::Group);
    if desk.chance(desk.rates.repeated) {
        let again = Timestamp(at.0 + desk.hours(0.1, 20.0));
        desk.send(&Body::Group(record.clone()), again, Kind::Repeated);
    }
    if desk.chance(desk.rates.conflict) {
        let other = PersonGroup { group: format!("{}-2", record.group), ..record.clone() };
        let again = Timestamp(at.0 + desk.hours(0.1, 20.0));
        desk.send(&Body::Group(other), again, Kind::Conflict);
    }
    let (mut standing, mut last) = (record, at);
    if desk.chance(desk.rates.contact_revised) {
        last = version_time(last, desk);
        revise(&mut standing, desk);
        desk.send(&Body::Group(standing.clone()), last, Kind::GroupRevised);
    }
    if desk.chance(desk.rates.contact_withdrawn) {
        last = version_time(last, desk);
        standing.revision += u32::from(desk.chance(0.5));
        standing.status = GroupStatus::Withdrawn as i32;
        desk.send(&Body::Group(standing.clone()), last, Kind::GroupWithdrawn);
        if desk.chance(desk.rates.changed_again) {
            standing.revision += 1;
            standing.status = GroupStatus::Active as i32;
            let at = version_time(last, desk);
            desk.send(&Body::Group(standing), at, Kind::GroupRevised);
        }
    }
}

/// When the next version arrives: later, or (overtaken on its way) before.
fn version_time(at: Timestamp, desk: &mut Desk) -> Timestamp {
    let later = if desk.chance(desk.rates.overtaken) { -HOUR / 2 } else { desk.hours(0.5, 30.0) };
    Timestamp(at.0 + later)
}

/// Somebody leaves a group, began later, or lives elsewhere.
fn revise(record: &mut PersonGroup, desk: &mut Desk) {
    record.revision += 1;
    let first = Day::parse(&record.first_day).unwrap_or_default();
    match desk.rng.random_range(0..3) {
        0 => record.last_day = first.plus(desk.rng.random_range(0..40)).to_string(),
        1 => record.first_day = first.plus(-1).to_string(),
        _ => record.area.clear(),
    }
}
