//! What happens to results on their way: earlier and later versions, other entry points, mistakes and their mending.
//!
//! In: a result as its lab releases it. Out: every message about it. Each flaw occurs at its stated rate.

use super::broken;
use super::desk::Desk;
use super::message::{Body, Kind};
use super::pools;
use super::results::{Place, Released};
use crate::model::time::Timestamp;
use crate::proto::v1::{Finding, LabResult, ProcessingMode, ResultStatus, TimePrecision};

/// Hands in a result with all that happens to it.
pub(super) fn publish(released: &Released, place: Place<'_>, desk: &mut Desk) {
    let Released { result, at, .. } = released;
    if desk.chance(desk.rates.training) {
        let drill = LabResult { mode: ProcessingMode::Training as i32, ..result.clone() };
        send(drill, *at, Kind::Training, desk);
        return;
    }
    if desk.chance(desk.rates.broken) {
        broken::result(result, *at, place.rules, desk);
        // Half of the labs mend the record and send it again, so that it counts.
        if desk.chance(0.5) {
            return;
        }
    }
    if desk.chance(desk.rates.preliminary) {
        let early = Timestamp(released.taken.0 + (at.0 - released.taken.0) / 2);
        let preliminary = LabResult { status: ResultStatus::Preliminary as i32, ..result.clone() };
        send(preliminary, early, Kind::Preliminary, desk);
    }
    send(result.clone(), *at, Kind::Result, desk);
    repetitions(released, place, desk);
    contradiction(released, desk);
    changes(released, place, desk);
}

fn send(result: LabResult, at: Timestamp, kind: Kind, desk: &mut Desk) {
    desk.send(&Body::Result(result), at, kind);
}

/// A later moment at which a version about the same specimen is still accepted.
fn later(released: &Released, after: Timestamp, desk: &mut Desk) -> Timestamp {
    let at = Timestamp(after.0 + desk.hours(0.2, 30.0));
    at.min(desk.deadline(released.taken)).max(released.at)
}

/// The same again: by the same id, by another id, with another meaning.
fn repetitions(released: &Released, place: Place<'_>, desk: &mut Desk) {
    let Released { result, at, .. } = released;
    if desk.chance(desk.rates.repeated) {
        let again = later(released, *at, desk);
        // Named otherwise, it is still for the same target.
        let mut copy = LabResult { target: desk.target_again(&result.target), ..at_another_hour(result, place) };
        if desk.chance(0.5) {
            // Sent again at another time: still the same meaning.
            copy.reported_at = Some(desk.stamp(again).to_wire());
        }
        send(copy, again, Kind::Repeated, desk);
    }
    if desk.chance(desk.rates.second_entry) || is_open_tube_sent_again(result, desk) {
        let area = place.rules.areas.index(&result.area).unwrap_or_default();
        let mut copy = LabResult { result_id: desk.id('R'), lab_id: place.names.lab(area, desk), ..result.clone() };
        if let Some(pool) = copy.pool.as_mut().filter(|_| is_one_of(UNDER_ANOTHER_POOL, result)) {
            pool.pool_id.push_str("-2");
        }
        let again = later(released, *at, desk);
        send(copy, again, Kind::SecondEntry, desk);
    }
    if desk.chance(desk.rates.conflict) {
        let copy = LabResult { finding: other_call(result.finding) as i32, ..result.clone() };
        let again = later(released, *at, desk);
        send(copy, again, Kind::Conflict, desk);
    }
}

/// The same meaning: where only the day is known, labs write some hour or other of it.
fn at_another_hour(result: &LabResult, place: Place<'_>) -> LabResult {
    let at = result.collected_at.as_ref().and_then(Timestamp::from_wire);
    let Some(at) = at.filter(|_| result.collected_precision() == TimePrecision::Day) else { return result.clone() };
    let (first, last) = place.rules.span(place.rules.day(at));
    let other = first.plus_hours(number_of(result) as i64 % 24).min(last);
    LabResult { collected_at: Some(other.to_wire()), ..result.clone() }
}

/// Another result id of the same specimen says the opposite; most labs then say which of the two was wrong.
fn contradiction(released: &Released, desk: &mut Desk) {
    if !desk.chance(desk.rates.contradiction) {
        return;
    }
    let Released { result, at, .. } = released;
    let opposite = LabResult { result_id: desk.id('R'), finding: other_call(result.finding) as i32, ..result.clone() };
    let contradicted = later(released, *at, desk);
    send(opposite.clone(), contradicted, Kind::Contradiction, desk);
    if !desk.chance(0.7) {
        return;
    }
    let (mut wrong, right) = if desk.chance(0.5) { (opposite, result) } else { (result.clone(), &opposite) };
    wrong.revision += 1;
    if desk.chance(0.5) {
        wrong.status = ResultStatus::Corrected as i32;
        wrong.finding = right.finding;
    } else {
        wrong.status = ResultStatus::EnteredInError as i32;
    }
    if wrong.status == ResultStatus::Corrected as i32 && is_under_a_new_id(&wrong) {
        wrong = under_a_new_id(&wrong, desk);
    }
    let resolved = later(released, contradicted, desk);
    send(wrong, resolved, Kind::Resolution, desk);
}

/// Later versions, each of which may be changed again.
fn changes(released: &Released, place: Place<'_>, desk: &mut Desk) {
    let mut standing = released.result.clone();
    let mut last = released.at;
    let Some(mut change) = first_change(&standing, desk) else { return };
    for _ in 0..3 {
        standing = changed(&standing, change, place, desk);
        if !matches!(change, Kind::EnteredInError) && is_under_a_new_id(&standing) {
            standing = under_a_new_id(&standing, desk);
        }
        let overtaken = desk.chance(desk.rates.overtaken);
        last = if overtaken {
            // On its way it passed the version it changes.
            Timestamp((last.0 - desk.hours(0.1, 1.5)).max(released.taken.0 + 60_000))
        } else {
            later(released, last, desk)
        };
        send(standing.clone(), last, change, desk);
        if change == Kind::MovedPerson && is_one_of(MOVED_TWICE, &standing) {
            send(at_another_hour(&standing, place), last, Kind::Repeated, desk);
        }
        if !desk.chance(desk.rates.changed_again) {
            return;
        }
        change = next_change(change, desk);
    }
}

fn first_change(result: &LabResult, desk: &mut Desk) -> Option<Kind> {
    let rates = desk.rates;
    // Of several swabs one is sooner the wrong one.
    let swabs = result.pool.as_ref().map_or(1.0, |pool| f64::from(pool.size));
    let positive = result.finding == Finding::Positive as i32;
    let finding = if positive { rates.corrected_positive } else { rates.corrected_finding };
    let changes = [
        (finding, Kind::CorrectedFinding),
        (rates.corrected_area, Kind::CorrectedArea),
        (rates.moved_person * swabs, Kind::MovedPerson),
        (rates.cancelled, Kind::Cancelled),
        (rates.entered_in_error, Kind::EnteredInError),
    ];
    changes.into_iter().find(|(rate, _)| desk.chance(*rate)).map(|(_, kind)| kind)
}

fn next_change(last: Kind, desk: &mut Desk) -> Kind {
    match last {
        Kind::Cancelled | Kind::EnteredInError => Kind::Reinstated,
        _ if desk.chance(0.5) => Kind::CorrectedFinding,
        _ if desk.chance(0.5) => Kind::EnteredInError,
        _ => Kind::MovedPerson,
    }
}

/// The next version of a result.
fn changed(standing: &LabResult, change: Kind, place: Place<'_>, desk: &mut Desk) -> LabResult {
    let mut next = LabResult {
        revision: standing.revision + 1,
        status: ResultStatus::Corrected as i32,
        previous_person_id: String::new(),
        ..standing.clone()
    };
    match change {
        Kind::CorrectedFinding => next.finding = other_call(standing.finding) as i32,
        Kind::CorrectedArea => next.area = another_area(standing, place, desk),
        Kind::MovedPerson if standing.pool.is_some() => {
            next =
                LabResult { revision: next.revision, status: next.status, ..pools::with_other_members(standing, desk) };
        }
        Kind::MovedPerson => {
            let other = desk.any_pseudonym();
            if other != standing.person_id {
                next.previous_person_id = std::mem::replace(&mut next.person_id, other);
            }
        }
        Kind::Cancelled => next.status = ResultStatus::Cancelled as i32,
        Kind::EnteredInError => next.status = ResultStatus::EnteredInError as i32,
        _ => {}
    }
    next
}

/// Changes of one in so many specimens are released under another id, which names the one that it replaces.
const UNDER_A_NEW_ID: usize = 5;

/// Of pools that have a second entry one in so many has it under another pool id.
const UNDER_ANOTHER_POOL: usize = 2;

/// Of pools that leave their members open one in so many has a second entry all the same, where there are second entries: there
/// are few of them, and whom to tell is decided by them alone.
const OPEN_TUBE_AGAIN: usize = 3;

fn is_open_tube_sent_again(result: &LabResult, desk: &Desk) -> bool {
    let is_open = matches!(result.finding(), Finding::Positive | Finding::Inconclusive) && result.pool.is_some();
    is_open && desk.rates.second_entry > 0.0 && is_one_of(OPEN_TUBE_AGAIN, result)
}

/// Moves of one in so many are sent again.
const MOVED_TWICE: usize = 3;

/// Says the same of every version of a result. No dice: what else happens in a city is the same without this.
fn is_one_of(many: usize, result: &LabResult) -> bool {
    number_of(result).is_multiple_of(many)
}

/// Some number or other.
fn number_of(result: &LabResult) -> usize {
    result.specimen_id.bytes().map(usize::from).sum()
}

/// Pools are corrected under their own ids.
fn is_under_a_new_id(result: &LabResult) -> bool {
    result.pool.is_none() && is_one_of(UNDER_A_NEW_ID, result)
}

fn under_a_new_id(changed: &LabResult, desk: &mut Desk) -> LabResult {
    let replaces_result_id = changed.result_id.clone();
    LabResult { result_id: desk.id('R'), replaces_result_id, revision: 0, ..changed.clone() }
}

/// The area of anybody, if it exists on the day of the specimen.
fn another_area(standing: &LabResult, place: Place<'_>, desk: &mut Desk) -> String {
    let area = place.town.area(place.town.anybody(&mut desk.rng));
    let collected = standing.collected_at.as_ref().and_then(Timestamp::from_wire);
    match collected {
        Some(at) if place.rules.areas.exists(area, place.rules.day(at)) => {
            place.rules.areas.list[area as usize].code.clone()
        }
        _ => standing.area.clone(),
    }
}

/// The call a lab would have made if it had not made this one.
fn other_call(finding: i32) -> Finding {
    if finding == Finding::Positive as i32 { Finding::Negative } else { Finding::Positive }
}
