//! Which version of a result stands: the greatest by revision, status, finding and content, in whatever order they
//! come.
//!
//! In: a valid result as a row. Out: what changed, or an early end: known, outdated, in conflict.

use super::publish::Origin;
use super::route::Letter;
use super::stop::Stop;
use super::view::ResultView;
use crate::model::ids::{Domain, Secret};
use crate::model::outcome::{Outcome, Reject, RejectCode};
use crate::model::result::{Finding, LabResult, TimePrecision};
use crate::proto::v1::{self, person_event::Event};
use crate::state::paged::Changes;
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
    pub outcome: Outcome,
}

impl Change {
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

/// The row of a result, given the id of its target, and the numbers of its area and of its purpose and target.
pub fn row(result: &LabResult<'_>, target: &str, (area, purpose): (u32, u8), secret: &Secret) -> Row {
    Row::new(Version {
        id: id(secret, result.lab_id, result.result_id),
        specimen: secret.hash_64(Domain::Specimen, &[result.specimen_id, target]) & HASH_48,
        content: content(secret, result, target),
        minute: minute_of(result.collected_at),
        day_only: result.precision == TimePrecision::Day,
        area,
        purpose,
        finding: result.finding,
        standing: Standing::of(result.status),
        revision: result.revision,
    })
}

/// Drills end here.
pub fn in_production(result: &LabResult<'_>) -> Result<(), Stop> {
    if result.training { Err(Stop::At(Outcome::Training)) } else { Ok(()) }
}

/// Every version that names an earlier person tells them, whether it stands or not: which of two versions comes first
/// must not decide whether they are told.
pub fn moved_away(wire: &ResultView<'_>, origin: Origin) -> Option<Letter> {
    let from = wire.previous_person_id;
    let moved = !from.is_empty() && from != wire.person_id;
    let event = || Event::Moved(v1::ResultMoved { result: Some(wire.to_message()) });
    moved.then(|| Letter { to: from.to_owned(), origin, event: event() })
}

/// The row a result leaves with the person it was moved away from: nothing of that revision counts here.
pub fn moved_row(secret: &Secret, wire: &v1::LabResult, minute: u32) -> Row {
    Row::new(Version {
        id: id(secret, &wire.lab_id, &wire.result_id),
        specimen: 0,
        content: 0,
        minute,
        day_only: false,
        area: 0,
        purpose: 0,
        finding: Finding::Unspecified,
        standing: Standing::Moved,
        revision: wire.revision,
    })
}

fn id(secret: &Secret, lab_id: &str, result_id: &str) -> u64 {
    secret.hash_64(Domain::Result, &[lab_id, result_id]) & HASH_48
}

/// Hash of the meaning: specimen, target, minute of collection or that only its day is known, area, purpose, finding,
/// status, Ct values. An alias of a target means what its id means.
fn content(secret: &Secret, result: &LabResult<'_>, target: &str) -> u32 {
    // Five bits a character, so that the usual result needs no memory of its own.
    let minute = minute_of(result.collected_at);
    let coded = |at: usize| match at {
        0 => result.finding as u8,
        1 => result.status as u8 | if result.precision == TimePrecision::Day { 1 << 4 } else { 0 },
        _ => (minute >> (5 * (at - 2)) & 31) as u8,
    };
    let numbers: [u8; 8] = std::array::from_fn(|at| b'0' + coded(at));
    let numbers = std::str::from_utf8(&numbers).expect("characters from 0 to O are ASCII");
    let mut cycles = String::new();
    for ct in result.ct_values {
        // Writing to a text cannot fail.
        let _ = write!(cycles, "{} {}={} ", ct.gene.len(), ct.gene, ct.cycles);
    }
    let parts = [result.specimen_id, target, result.area, result.purpose, numbers, &cycles];
    secret.hash_64(Domain::Content, &parts) as u32
}

/// Lets a version stand if it is the greatest. A known or outdated one ends here, unless it is `news` for another
/// reason: then it goes on, changing nothing.
pub fn admit(state: &mut PersonState, slot: Slot, row: Row, news: bool, changes: &mut Changes) -> Result<Change, Stop> {
    let Some(at) = state.position(slot, row.id()) else {
        state.push(slot, row, changes);
        return Ok(Change { before: None, after: row, outcome: first(row.standing()) });
    };
    let held = state.rows(slot)[at];
    if held.means_the_same(&row) {
        let newest = held.at_revision(held.revision().max(row.revision()));
        if newest != held {
            state.set(slot, at, newest, changes);
        }
        let known = Change { before: Some(held), after: newest, outcome: Outcome::Duplicate };
        return if news { Ok(known) } else { Err(Stop::At(Outcome::Duplicate)) };
    }
    let in_conflict = (held.revision(), held.standing()) == (row.revision(), row.standing());
    if row.rank() < held.rank() {
        return Err(if in_conflict { conflict() } else { Stop::At(Outcome::Superseded) });
    }
    state.set(slot, at, row, changes);
    let outcome = match first(row.standing()) {
        _ if in_conflict => Outcome::Rejected(RejectCode::Conflict),
        Outcome::Accepted => Outcome::Corrected,
        outcome => outcome,
    };
    Ok(Change { before: Some(held), after: row, outcome })
}

/// Two meanings at one revision and status: the order of versions says which stands, the lab says which is true.
pub fn conflict() -> Stop {
    Stop::Refused(Reject::new(RejectCode::Conflict, "revision"))
}

fn first(standing: Standing) -> Outcome {
    match standing {
        Standing::Preliminary => Outcome::Preliminary,
        Standing::Final | Standing::Corrected => Outcome::Accepted,
        Standing::Cancelled | Standing::EnteredInError | Standing::Moved => Outcome::Withdrawn,
    }
}
