//! Corrections under a new id: which results of a person other ones replace.
//!
//! In: which result each version that stands names. Out: whose rows may be replaced now, or no more. Who names whom is
//! a function of the versions that stand, and who is replaced one of that, so no order of arrival matters.

use crate::state::paged::Changes;
use crate::state::person::case_file::{CaseFile, Replacement};
use crate::state::person::edit::{Edit, List};
use crate::state::person::row::Row;
use crate::state::person::{PersonState, Slot};

/// Whether another result of the person replaces this one.
pub fn is_replaced(state: &PersonState, slot: Slot, id: u64) -> bool {
    // Nearly nobody has a result that replaces another one: to ask costs no look at a case file.
    state.names_replaced(slot) && state.case_file(slot).is_some_and(|file| replaces(file, id))
}

/// Of results that name each other in a circle none replaces another one of it: which of them a lab meant to stand
/// nobody can know, and a positive among them must not be lost.
fn replaces(file: &CaseFile, id: u64) -> bool {
    let mut naming = file.replacements.iter().filter(|one| one.replaces == id);
    naming.any(|one| !leads_to(file, id, one.id))
}

/// Whether one result names another, or names one that does.
fn leads_to(file: &CaseFile, from: u64, to: u64) -> bool {
    named_from(file, from).any(|named| named == to)
}

/// What a result names, what that names, and so on: a circle is gone round once.
fn named_from(file: &CaseFile, from: u64) -> impl Iterator<Item = u64> {
    let next = |id: &u64| file.replacement(*id).map(|one| one.replaces);
    std::iter::successors(next(&from), next).take(file.replacements.len())
}

/// The version of a result that stands names this one now, or none: replaces what is named, and no longer what was.
/// Gives the results whose rows are to be looked at anew, one after the other: each is counted before the next is.
pub fn name(
    state: &mut PersonState,
    slot: Slot,
    person_id: &str,
    id: u64,
    replaces: Option<u64>,
    changes: &mut Changes,
) -> Vec<u64> {
    let named =
        |state: &PersonState| state.case_file(slot).and_then(|file| file.replacement(id)).map(|one| one.replaces);
    if replaces.is_none() && !state.names_replaced(slot) || named(state) == replaces {
        return Vec::new();
    }
    let mut concerned = concerned(state.case_file(slot), id);
    match replaces {
        Some(replaces) => state.edit(slot, person_id, Edit::Replacement(Replacement { id, replaces }), changes),
        None => {
            let place = state.case_file(slot).and_then(|file| file.place_of_replacement(id));
            place.into_iter().for_each(|at| state.edit(slot, person_id, Edit::Drop(List::Replacements, at), changes));
        }
    }
    concerned.extend(self::concerned(state.case_file(slot), id));
    concerned.sort_unstable();
    concerned.dedup();
    concerned
}

/// The results that may be replaced or not because of whom a result names: whom it names, and all of a circle it is
/// part of.
fn concerned(file: Option<&CaseFile>, id: u64) -> Vec<u64> {
    let Some(file) = file else { return Vec::new() };
    // Whom nobody names is in no circle: a long chain that arrives in order is not walked each time.
    let in_circle = file.replacements.iter().any(|one| one.replaces == id) && leads_to(file, id, id);
    let named = named_from(file, id);
    if in_circle { named.collect() } else { named.take(1).collect() }
}

/// Marks a row that is held as it must be; gives it as it was, if it was not so.
pub fn renew(state: &mut PersonState, slot: Slot, id: u64, changes: &mut Changes) -> Option<Row> {
    let at = state.position(slot, id)?;
    let held = state.rows(slot)[at];
    if held.is_replaced() == is_replaced(state, slot, id) {
        return None;
    }
    state.set(slot, at, held.with_replaced(!held.is_replaced()), changes);
    Some(held)
}
