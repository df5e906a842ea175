//! Mass screening: swabs of several people in one tube, and who is called back because of what it was found.
//!
//! In: people who are screened on a day. Out: a valid final result of their tube and when it arrives, and, unless it is
//! negative, who is swabbed again, alone. What goes wrong with it afterwards is decided in `flaws`.

use super::desk::{Desk, HOUR};
use super::outbreak::Outbreak;
use super::results::{Place, Released, moment};
use super::town::PersonIndex;
use crate::model::time::Timestamp;
use crate::proto::v1::{Finding, LabResult, Pool, PoolMember, RejectCode, ResultStatus, TimePrecision};
use rand::RngExt;

/// How many swabs go into a tube. Where few are left at the end of a round, fewer do.
const SIZES: [usize; 6] = [1, 5, 5, 10, 10, 20];

/// Share of tubes with an infected person that are called positive; then inconclusive; the rest is invalid.
const SENSITIVITY: f64 = 0.9;

/// Of those in a tube, who needs a result of their own the same day: for a clinic, a journey.
const ALONE_TOO: f64 = 0.05;

/// Of those called back, who comes.
const COME_BACK: f64 = 0.8;

/// What is broken about pools.
pub(super) const BROKEN: [RejectCode; 7] = [
    RejectCode::PoolSizeMismatch,
    RejectCode::PersonBesidePool,
    RejectCode::MissingField,
    RejectCode::SamePerson,
    RejectCode::OutOfRange,
    RejectCode::UnknownArea,
    RejectCode::Unsupported,
];

/// Tubes of people who are screened together, in the order in which they stand in line.
pub(super) fn tubes(people: &[PersonIndex], desk: &mut Desk) -> Vec<Vec<PersonIndex>> {
    let (mut rest, mut tubes) = (people, Vec::new());
    while !rest.is_empty() {
        let size = SIZES[desk.rng.random_range(0..SIZES.len())].min(rest.len());
        let (tube, after) = rest.split_at(size);
        tubes.push(tube.to_vec());
        rest = after;
    }
    tubes
}

/// What becomes of a tube; `None` when an area of it does not exist on that day.
pub(super) fn analyse(
    people: &[PersonIndex],
    day: i32,
    place: Place<'_>,
    outbreak: &Outbreak,
    desk: &mut Desk,
) -> Option<Released> {
    let taken = moment(desk);
    let collected = desk.stamp(taken);
    let area_of = |person: PersonIndex| place.town.area(person);
    let exists = |person: &PersonIndex| place.rules.areas.exists(area_of(*person), place.rules.day(collected));
    if !people.iter().all(exists) {
        return None;
    }
    let code = |person: PersonIndex| place.rules.areas.list[area_of(person) as usize].code.clone();
    let area = code(people[0]);
    let member = |person: &PersonIndex| PoolMember {
        person_id: desk.pseudonym(*person),
        area: if code(*person) == area { String::new() } else { code(*person) },
    };
    let members: Vec<PoolMember> = people.iter().map(member).collect();
    let infected = people.iter().any(|person| outbreak.detectable(*person, day));
    let finding = call(infected, people.len(), place, desk);
    let at = Timestamp(taken.0 + desk.hours(2.0, 10.0)).min(desk.deadline(taken));
    let said = desk.chance(0.8);
    let result = LabResult {
        lab_id: place.names.lab(area_of(people[0]), desk),
        result_id: desk.id('R'),
        status: ResultStatus::Final as i32,
        specimen_id: desk.id('S'),
        target: desk.target(0),
        collected_at: Some(collected.to_wire()),
        collected_precision: if desk.chance(0.03) { TimePrecision::Day } else { TimePrecision::Minute } as i32,
        reported_at: said.then(|| desk.stamp(Timestamp(at.0 - HOUR / 6)).to_wire()),
        area,
        purpose: place.names.screening().to_owned(),
        finding: finding as i32,
        pool: Some(Pool { pool_id: desk.id('T'), size: members.len() as u32, members }),
        ..LabResult::default()
    };
    Some(Released { result, taken, at })
}

/// The lab's call.
fn call(infected: bool, size: usize, place: Place<'_>, desk: &mut Desk) -> Finding {
    let dice: f64 = desk.rng.random();
    // Each swab more is one more chance of contamination.
    let false_positive = place.names.false_positive() * size as f64;
    match infected {
        true if dice < SENSITIVITY => Finding::Positive,
        true if dice < SENSITIVITY + 0.05 => Finding::Inconclusive,
        true => Finding::Invalid,
        false if dice < false_positive => Finding::Positive,
        false if dice < false_positive + 0.01 => Finding::Inconclusive,
        false if dice < false_positive + 0.02 => Finding::Invalid,
        false => Finding::Negative,
    }
}

/// Of those in a tube, who is swabbed alone the same day without knowing what it was found.
pub(super) fn swabbed_alone_too(people: &[PersonIndex], desk: &mut Desk) -> Vec<PersonIndex> {
    people.iter().copied().filter(|_| desk.chance(ALONE_TOO)).collect()
}

/// Who is swabbed again, alone, because of what a tube was found.
pub(super) fn called_back(people: &[PersonIndex], released: &Released, desk: &mut Desk) -> Vec<PersonIndex> {
    match released.result.finding() {
        Finding::Positive | Finding::Inconclusive => {
            people.iter().copied().filter(|_| desk.chance(COME_BACK)).collect()
        }
        _ => Vec::new(),
    }
}

/// The wrong swab was in the tube: somebody goes, somebody comes, or both.
pub(super) fn with_other_members(result: &LabResult, desk: &mut Desk) -> LabResult {
    let mut result = result.clone();
    let somebody = desk.any_pseudonym();
    let Some(pool) = &mut result.pool else { return result };
    let (goes, comes) = (desk.chance(0.7) && pool.members.len() > 1, desk.chance(0.7));
    if goes {
        pool.members.pop();
    }
    if comes && pool.members.iter().all(|member| member.person_id != somebody) {
        pool.members.push(PoolMember { person_id: somebody, area: String::new() });
    }
    pool.size = pool.members.len() as u32;
    result
}

/// A pool that cannot be used, and why.
pub(super) fn broken(result: &LabResult, desk: &mut Desk) -> (LabResult, RejectCode) {
    let code = BROKEN[desk.turn() % BROKEN.len()];
    let mut broken = result.clone();
    let Some(pool) = &mut broken.pool else { return (broken, code) };
    match code {
        RejectCode::PoolSizeMismatch => pool.size += 1,
        RejectCode::PersonBesidePool => broken.person_id.clone_from(&pool.members[0].person_id),
        RejectCode::MissingField => pool.members.clear(),
        RejectCode::SamePerson => {
            pool.members.push(pool.members[0].clone());
            pool.size += 1;
        }
        RejectCode::OutOfRange => {
            pool.members =
                (0..500).map(|n| PoolMember { person_id: format!("X{n}"), ..PoolMember::default() }).collect();
            pool.size = 500;
        }
        RejectCode::UnknownArea => "nowhere".clone_into(&mut pool.members[0].area),
        _ => broken.replaces_result_id = format!("{}-0", broken.result_id),
    }
    (broken, code)
}
