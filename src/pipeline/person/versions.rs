//! Which version of a result stands: the greatest by revision, status, finding and content, in whatever order they
//! come.
//!
//! In: a valid result as a row. Out: what changed, or an early end: known, outdated, in conflict.

use super::messages::Origin;
use super::replacements;
use super::route::PersonMessage;
use crate::model::ids::{Domain, Secret};
use crate::model::outcome::{End, Reject, RejectCode};
use crate::model::result::{Finding, LabResult, ResultStatus, TimePrecision};
use crate::model::time::Timestamp;
use crate::pipeline::decode::pool::Member;
use crate::pipeline::decode::result_view::ResultView;
use crate::pipeline::ending::Stop;
use crate::proto::v1::{self, person_event::Event};
use crate::state::paged::Changes;
use crate::state::person::case_file::{CT_VALUES, PositiveVersion};
use crate::state::person::row::{HASH_48, Row, Standing, Version, minute_of};
use crate::state::person::{PersonState, Slot};
use std::fmt::Write as _;

/// A result's row changed.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// What stood before.
    pub before: Option<Row>,
    /// What stands now.
    pub after: Row,
    /// How the record ends, as far as versions go.
    pub end: End,
    /// What stood before has the same revision and status, and means something else.
    pub in_conflict: bool,
}

impl Change {
    /// A row that another result replaces now, or does no more.
    pub fn of_replaced(before: Row) -> Self {
        let after = before.with_replaced(!before.is_replaced());
        Self { before: Some(before), after, end: End::Superseded, in_conflict: false }
    }

    /// Another row changed because of this one, or this one did: it has closed a circle, or has left one.
    pub fn heed(&mut self, other: &Self) {
        if other.after.id() == self.after.id() {
            self.after = other.after;
            if self.end != End::Duplicate {
                self.end = end_of(self.before.as_ref(), &self.after);
            }
        } else if self.end == End::Accepted && other.after.is_replaced() {
            self.end = End::Corrected;
        }
    }

    /// The person's rows as they were, given those that are.
    pub fn rows_before<'r>(&'r self, rows: &'r [Row]) -> impl Iterator<Item = &'r Row> {
        rows.iter().filter(|row| row.id() != self.after.id()).chain(&self.before)
    }

    /// Positive rows among what stood and what stands, if that is not the same.
    pub fn positives(&self) -> impl Iterator<Item = &Row> {
        let changed = self.before != Some(self.after);
        let rows = self.before.iter().chain([&self.after]).filter(move |row| changed && row.is_positive());
        rows.filter(|row| row.counts())
    }

    /// Whether a positive is or was involved, given all rows of the specimens it is about. If none is, neither cases
    /// nor alerts are others than before.
    pub fn concerns_positives(&self, related: &[Row]) -> bool {
        related.iter().chain(&self.before).any(Row::is_positive)
    }

    /// The specimens that may now say something else: the one it is about, and the one it was about.
    pub fn specimens(&self) -> [u64; 2] {
        [self.after.specimen(), self.before.map_or(self.after.specimen(), |row| row.specimen())]
    }

    /// The person's rows of these specimens.
    pub fn related(&self, state: &PersonState, slot: Slot, into: &mut Vec<Row>) {
        let touched = self.specimens();
        let both = if touched[0] == touched[1] { &touched[..1] } else { &touched[..] };
        into.clear();
        state.of_specimens(slot, both, into);
    }
}

/// The row of a result, given the id of its target; where it lies is left open.
#[inline]
pub fn row(result: &LabResult<'_>, target: &str, secret: &Secret) -> Row {
    row_of(result, target, &[], secret)
}

/// What says which version of a pool's result stands, and of which tube it is.
pub fn pool_row(result: &LabResult<'_>, target: &str, members: &[Member<'_>], secret: &Secret) -> Row {
    row_of(result, target, members, secret)
}

#[inline(always)]
fn row_of(result: &LabResult<'_>, target: &str, members: &[Member<'_>], secret: &Secret) -> Row {
    Row::new(Version {
        id: id(secret, result.lab_id, result.result_id),
        specimen: specimen(secret, result.specimen_id, target),
        content: content(secret, result, target, members),
        minute: minute_of(result.collected_at),
        day_only: result.precision == TimePrecision::Day,
        area: 0,
        purpose: 0,
        finding: result.finding,
        standing: Standing::of(result.status),
        revision: result.revision,
    })
}

/// What a row does not hold of a positive, given the id of its target.
pub fn positive(result: &LabResult<'_>, target: &str, row: &Row, received_at: Timestamp) -> PositiveVersion {
    PositiveVersion {
        id: row.id(),
        content: row.content(),
        received_at,
        specimen_id: result.specimen_id.to_owned(),
        target: target.to_owned(),
        lab_id: result.lab_id.to_owned(),
        result_id: result.result_id.to_owned(),
        ct_values: result.ct_values.iter().take(CT_VALUES).cloned().collect(),
        ct_values_omitted: result.ct_values.len().saturating_sub(CT_VALUES) as u32,
        kit: result.kit.to_owned(),
    }
}

/// Drills end here.
pub fn in_production(result: &LabResult<'_>) -> Result<(), Stop> {
    if result.training { Err(End::Training.into()) } else { Ok(()) }
}

/// Every version that names an earlier person is reported to them, whether it stands or not: which of two versions comes
/// first must not decide whether they hear of it.
pub fn moved_away(wire: &ResultView<'_>, result: &LabResult<'_>, origin: Origin) -> Option<PersonMessage> {
    let from = result.previous_person_id?;
    // Of a day-only result the day, as it is held: a time of day that means nothing is not passed on.
    let collected_at = Some(result.collected_at.to_wire());
    let moved = v1::LabResult { collected_at, ..wire.to_message() };
    Some(PersonMessage { to: from.to_owned(), origin, event: Event::Moved(v1::ResultMoved { result: Some(moved) }) })
}

/// The row a result leaves with the person it was moved away from: nothing of that revision counts here. Its content
/// and time only say which of several is held, and for how long. It is the one that stands with the other person, as it
/// may replace a result of this one: so status and finding outrank the hash in its content.
pub fn moved_row(secret: &Secret, result: &LabResult<'_>, target: &str) -> Row {
    Row::new(Version {
        id: id(secret, result.lab_id, result.result_id),
        specimen: 0,
        content: (result.status as u32) << 29
            | (result.finding as u32) << 26
            | content(secret, result, target, &[]) >> 6,
        minute: minute_of(result.collected_at),
        day_only: result.precision == TimePrecision::Day,
        area: 0,
        purpose: 0,
        finding: Finding::Unspecified,
        standing: Standing::Moved,
        revision: result.revision,
    })
}

/// What stands for a specimen, given the id of its target.
pub fn specimen(secret: &Secret, specimen_id: &str, target: &str) -> u64 {
    secret.hash_64(Domain::Specimen, &[specimen_id, target]) & HASH_48
}

/// What stands for a result.
#[inline]
pub fn id(secret: &Secret, lab_id: &str, result_id: &str) -> u64 {
    secret.hash_64(Domain::Result, &[lab_id, result_id]) & HASH_48
}

/// What stands for the result that this one replaces, if it does: what was entered in error replaces nothing.
pub fn replaced(secret: &Secret, result: &LabResult<'_>) -> Option<u64> {
    let replaced = result.replaces_result_id.filter(|_| result.status != ResultStatus::EnteredInError)?;
    Some(id(secret, result.lab_id, replaced))
}

/// Hash of the meaning: specimen, target, minute of collection or that only its day is known, area, purpose, finding,
/// status, Ct values, and which result it replaces if it names one; of a pool, who is in it and from where. An alias of a
/// target means what its id means.
#[inline]
fn content(secret: &Secret, result: &LabResult<'_>, target: &str, members: &[Member<'_>]) -> u32 {
    // Five bits a character, so that the usual result needs no memory of its own.
    let minute = minute_of(result.collected_at);
    let coded = |at: usize| match at {
        0 => result.finding as u8,
        1 => result.status as u8 | if result.precision == TimePrecision::Day { 1 << 4 } else { 0 },
        _ => (minute >> (5 * (at - 2)) & 31) as u8,
    };
    let numbers: [u8; 8] = std::array::from_fn(|at| b'0' + coded(at));
    let mut cycles = String::new();
    for ct in result.ct_values {
        // Writing to a text cannot fail.
        let _ = write!(cycles, "{} {}={} ", ct.gene.len(), ct.gene, ct.cycles);
    }
    let texts = [result.specimen_id, target, result.area, result.purpose].map(str::as_bytes);
    let [specimen, target, area, purpose] = texts;
    let parts = [specimen, target, area, purpose, &numbers, cycles.as_bytes()];
    let hash = match (result.replaces_result_id, members) {
        (None, []) => secret.hash_64(Domain::Content, &parts),
        (Some(replaces), []) => secret.hash_64(Domain::Content, &[&parts[..], &[replaces.as_bytes()]].concat()),
        (_, members) => {
            // Two more texts for each: no result of a person has so many.
            let members = members.iter().flat_map(|member| [member.person_id, member.area]).map(str::as_bytes);
            secret.hash_64(Domain::Content, &parts.into_iter().chain(members).collect::<Vec<_>>())
        }
    };
    hash as u32
}

/// Lets a version stand if it is the greatest. A known or outdated one ends here, unless it is `news` for another
/// reason: then it goes on, changing nothing.
#[inline]
pub fn admit(state: &mut PersonState, slot: Slot, row: Row, news: bool, changes: &mut Changes) -> Result<Change, Stop> {
    let Some(at) = state.position(slot, row.id()) else {
        let row = row.with_replaced(replacements::is_replaced(state, slot, row.id()));
        state.push(slot, row, changes);
        return Ok(Change { before: None, after: row, end: first(&row), in_conflict: false });
    };
    let held = state.rows(slot)[at];
    let row = row.with_replaced(held.is_replaced());
    if held.means_the_same(&row) {
        let newest = held.at_revision(held.revision().max(row.revision()));
        if newest != held {
            state.set(slot, at, newest, changes);
        }
        let known = Change { before: Some(held), after: newest, end: End::Duplicate, in_conflict: false };
        return if news { Ok(known) } else { Err(End::Duplicate.into()) };
    }
    // Of a result that was moved away this person knows no more than that: its new person's task reports a conflict.
    let in_conflict =
        (held.revision(), held.standing()) == (row.revision(), row.standing()) && row.standing() != Standing::Moved;
    if row.rank() < held.rank() {
        return Err(if in_conflict { conflict().into() } else { End::Superseded.into() });
    }
    state.set(slot, at, row, changes);
    Ok(Change { before: Some(held), after: row, end: end_of(Some(&held), &row), in_conflict })
}

/// Two meanings at one revision and status: the order of versions says which stands, the lab says which is true.
pub fn conflict() -> Reject {
    Reject::new(RejectCode::Conflict, "revision")
}

/// How a version that stands ends, given what stood before it.
pub fn end_of(before: Option<&Row>, row: &Row) -> End {
    match (before, first(row)) {
        (Some(_), End::Accepted) => End::Corrected,
        (_, end) => end,
    }
}

/// How the first version ends.
pub fn first(row: &Row) -> End {
    match row.standing() {
        Standing::Preliminary | Standing::Final | Standing::Corrected if row.is_replaced() => End::Superseded,
        Standing::Preliminary => End::Preliminary,
        Standing::Final | Standing::Corrected => End::Accepted,
        Standing::Cancelled | Standing::EnteredInError | Standing::Moved => End::Withdrawn,
        Standing::Pooled | Standing::Tube => End::PoolApplied,
    }
}
