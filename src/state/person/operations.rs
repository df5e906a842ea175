//! Changes of a task's people as operations on pages, as they happen; [`pages`](super::pages) repeats them.

use super::basis::{Basis, put_basis};
use super::case_file::CaseFile;
use super::edit::Edit;
use super::row::{Row, STORED};
use crate::state::codec::{Few, Reader, corrupt, put_bytes, put_u16, put_u32};
use crate::state::paged::{Changes, Corrupt, SMALL};

/// People of a page.
pub const SLOTS_PER_PAGE: u32 = 1024;

pub(super) const BIRTH: u8 = 1;
pub(super) const RELEASE: u8 = 2;
pub(super) const PUSH: u8 = 3;
pub(super) const SET: u8 = 4;
pub(super) const REMOVE: u8 = 5;
/// Format 1 only: the whole case file.
pub(super) const EXTRA: u8 = 6;
pub(super) const EDIT: u8 = 7;
/// Since format 5: a birth and the first row.
pub(super) const FIRST: u8 = 8;

pub(super) const NAME: u8 = 1;
pub(super) const BASIS: u8 = 2;
/// Since format 3.
pub(super) const RENAME: u8 = 3;

/// The two dictionaries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named {
    Area = 1,
    Purpose = 2,
}

/// Page of a slot, from 1.
fn page_of(slot: u32) -> u32 {
    1 + slot / SLOTS_PER_PAGE
}

/// What an operation on a person begins with: its kind, and the slot within the page.
fn head(slot: u32, operation: u8) -> u16 {
    u16::from(operation) << SLOTS_PER_PAGE.trailing_zeros() | (slot % SLOTS_PER_PAGE) as u16
}

/// Kind and slot of an operation on a page, as some format wrote them.
pub(super) fn read_head(page: u32, reader: &mut Reader<'_>, format: u32) -> Result<(u8, u32), Corrupt> {
    let (kind, within) = match format {
        ..4 => (reader.u8()?, u32::from(reader.u16()?)),
        _ => {
            let head = u32::from(reader.u16()?);
            ((head / SLOTS_PER_PAGE) as u8, head % SLOTS_PER_PAGE)
        }
    };
    Ok((kind, slot_of(page, within)?))
}

/// The slot within a page.
pub(super) fn slot_of(page: u32, within: u32) -> Result<u32, Corrupt> {
    if within < SLOTS_PER_PAGE {
        Ok((page - 1) * SLOTS_PER_PAGE + within)
    } else {
        Err(corrupt("a slot lies outside its page"))
    }
}

fn log(changes: &mut Changes, slot: u32, operation: u8, write: impl FnOnce(&mut Vec<u8>)) {
    changes.push(page_of(slot), |into| {
        put_u16(into, head(slot, operation));
        write(into);
    });
}

/// Marked, as most are followed by the first row.
pub(super) fn log_birth(changes: &mut Changes, slot: u32, hash: u64) {
    changes.push_small(page_of(slot), mark_of(slot), |into| {
        into.put_all(&head(slot, BIRTH).to_le_bytes());
        into.put_all(&hash.to_le_bytes());
    });
}

fn mark_of(slot: u32) -> u32 {
    slot + 1
}

pub(super) fn log_release(changes: &mut Changes, slot: u32) {
    log(changes, slot, RELEASE, |_| ());
}

/// A row of whoever has this hash.
pub(super) fn log_push(changes: &mut Changes, slot: u32, hash: u64, row: &Row) {
    let is_first = changes.take_back(mark_of(slot));
    changes.push_small(page_of(slot), 0, |into| {
        const { assert!(8 + 2 + 8 + STORED <= SMALL) }
        into.put_all(&head(slot, if is_first { FIRST } else { PUSH }).to_le_bytes());
        if is_first {
            into.put_all(&hash.to_le_bytes());
        }
        row.put(into);
    });
}

pub(super) fn log_set(changes: &mut Changes, slot: u32, at: usize, row: &Row) {
    log(changes, slot, SET, |into| {
        let mut stored = Few::<STORED>::default();
        row.put(&mut stored);
        put_u32(into, at as u32);
        stored.append_to(into);
    });
}

pub(super) fn log_remove(changes: &mut Changes, slot: u32, at: usize) {
    log(changes, slot, REMOVE, |into| put_u32(into, at as u32));
}

/// The first change of a case file says whose it is.
pub(super) fn log_edit(changes: &mut Changes, slot: u32, before: &CaseFile, edit: &mut Edit) {
    log(changes, slot, EDIT, |into| {
        put_bytes(into, if before.is_empty() { before.person_id.as_bytes() } else { b"" });
        edit.write(before, into);
    });
}

pub(super) fn log_name(changes: &mut Changes, named: Named, text: &str) {
    changes.push(0, |into| {
        into.extend_from_slice(&[NAME, named as u8]);
        put_bytes(into, text.as_bytes());
    });
}

pub(super) fn log_rename(changes: &mut Changes, named: Named, number: u32, text: &str) {
    changes.push(0, |into| {
        into.extend_from_slice(&[RENAME, named as u8]);
        put_u32(into, number);
        put_bytes(into, text.as_bytes());
    });
}

pub(super) fn log_basis(changes: &mut Changes, basis: &Basis) {
    changes.push(0, |into| {
        into.push(BASIS);
        put_basis(into, Some(basis));
    });
}
