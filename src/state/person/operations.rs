//! Changes of a task's people as operations on pages, as they happen; [`pages`](super::pages) repeats them.

use super::basis::{Basis, put_basis};
use super::case_file::CaseFile;
use super::edit::Edit;
use super::row::{ROW_BYTES, Row};
use crate::state::codec::{put_bytes, put_u16, put_u32};
use crate::state::paged::Changes;

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

/// Bytes of an operation on a person before what it says: its kind and the slot within the page.
const HEAD: usize = 3;

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

fn log(changes: &mut Changes, slot: u32, operation: u8, write: impl FnOnce(&mut Vec<u8>)) {
    changes.push(1 + slot / SLOTS_PER_PAGE, |into| {
        into.push(operation);
        put_u16(into, (slot % SLOTS_PER_PAGE) as u16);
        write(into);
    });
}

/// As [`log`], of bytes whose number is known.
#[inline]
fn log_fixed<const N: usize>(changes: &mut Changes, slot: u32, operation: u8, bytes: &[u8]) {
    let mut whole = [0; N];
    whole[0] = operation;
    whole[1..HEAD].copy_from_slice(&((slot % SLOTS_PER_PAGE) as u16).to_le_bytes());
    whole[HEAD..].copy_from_slice(bytes);
    changes.push_fixed(1 + slot / SLOTS_PER_PAGE, &whole);
}

pub(super) fn log_birth(changes: &mut Changes, slot: u32, hash: u64) {
    log_fixed::<{ HEAD + 8 }>(changes, slot, BIRTH, &hash.to_le_bytes());
}

pub(super) fn log_release(changes: &mut Changes, slot: u32) {
    log(changes, slot, RELEASE, |_| ());
}

pub(super) fn log_push(changes: &mut Changes, slot: u32, row: &Row) {
    log_fixed::<{ HEAD + ROW_BYTES }>(changes, slot, PUSH, &row.bytes());
}

pub(super) fn log_set(changes: &mut Changes, slot: u32, at: usize, row: &Row) {
    log(changes, slot, SET, |into| {
        put_u32(into, at as u32);
        row.put(into);
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
