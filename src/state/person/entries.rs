//! What each list of a case file is ordered by, and how an entry is found in it.

use super::case_file::{CaseFile, Contact, IndexFound, PositiveVersion, Replacement, Traced};
use super::groups::Membership;
use super::held_alert::HeldAlert;
use super::pools::{Claim, MemberFound, PendingPool, PoolVersion, Told};
use crate::proto::v1;
use std::cmp::Ordering;

/// What a list is ordered by, and has once.
pub(super) trait Entry {
    type Key<'a>: Ord
    where
        Self: 'a;
    fn key(&self) -> Self::Key<'_>;
}

impl Entry for PositiveVersion {
    type Key<'a> = (u64, u32);
    fn key(&self) -> (u64, u32) {
        (self.id, self.content)
    }
}

impl Entry for Contact {
    type Key<'a> = &'a str;
    fn key(&self) -> &str {
        &self.record_id
    }
}

impl Entry for Traced {
    type Key<'a> = (&'a str, &'a str);
    fn key(&self) -> (&str, &str) {
        (&self.contact.record_id, &self.contact.other)
    }
}

impl Entry for IndexFound {
    type Key<'a> = (&'a str, &'a str);
    fn key(&self) -> (&str, &str) {
        (&self.record_id, &self.index)
    }
}

impl Entry for Membership {
    type Key<'a> = &'a str;
    fn key(&self) -> &str {
        &self.record_id
    }
}

impl Entry for HeldAlert {
    type Key<'a> = &'a [u8];
    fn key(&self) -> &[u8] {
        self.id()
    }
}

impl Entry for Replacement {
    type Key<'a> = u64;
    fn key(&self) -> u64 {
        self.id
    }
}

impl Entry for PoolVersion {
    type Key<'a> = (u64, u32);
    fn key(&self) -> (u64, u32) {
        PoolVersion::key(self)
    }
}

impl Entry for MemberFound {
    type Key<'a> = (u64, &'a str);
    fn key(&self) -> (u64, &str) {
        (self.id, &self.person)
    }
}

impl Entry for PendingPool {
    type Key<'a> = u64;
    fn key(&self) -> u64 {
        self.id
    }
}

impl Entry for Claim {
    type Key<'a> = u64;
    fn key(&self) -> u64 {
        self.id
    }
}

impl Entry for Told {
    type Key<'a> = (u64, &'a str);
    fn key(&self) -> (u64, &str) {
        (self.id, &self.barcode)
    }
}

fn find<T>(list: &[T], order: impl FnMut(&T) -> Ordering) -> Option<&T> {
    list.binary_search_by(order).ok().map(|at| &list[at])
}

/// Puts an entry in the place of the one with its key, or where it belongs.
pub(super) fn put<T: Entry>(list: &mut Vec<T>, entry: T) {
    match list.binary_search_by(|held| held.key().cmp(&entry.key())) {
        Ok(at) => list[at] = entry,
        Err(at) => {
            // There are very many lists of one: a pool's.
            if list.is_empty() {
                list.reserve_exact(1);
            }
            list.insert(at, entry);
        }
    }
}

/// What is held under a key.
impl CaseFile {
    /// A positive version by hashes of result and meaning.
    pub fn positive(&self, id: u64, content: u32) -> Option<&PositiveVersion> {
        find(&self.positives, |held| held.key().cmp(&(id, content)))
    }

    /// A record of the person as contact.
    pub fn contact(&self, record_id: &str) -> Option<&Contact> {
        find(&self.contacts, |held| held.key().cmp(record_id))
    }

    /// A record of the person as index, by record and contact.
    pub fn traced(&self, record_id: &str, contact: &str) -> Option<&Traced> {
        find(&self.traced, |held| held.key().cmp(&(record_id, contact)))
    }

    /// What an index said, by record and index.
    pub fn found(&self, record_id: &str, index: &str) -> Option<&IndexFound> {
        find(&self.index_findings, |held| held.key().cmp(&(record_id, index)))
    }

    /// A record of a group that the person is in.
    pub fn membership(&self, record_id: &str) -> Option<&Membership> {
        find(&self.groups, |held| held.key().cmp(record_id))
    }

    /// An alert by its id.
    pub fn alert(&self, id: &str) -> Option<v1::Alert> {
        find(&self.alerts, |held| held.key().cmp(id.as_bytes())).map(HeldAlert::message)
    }

    /// Which result one replaces.
    pub fn replacement(&self, id: u64) -> Option<&Replacement> {
        find(&self.replacements, |held| held.key().cmp(&id))
    }

    /// Where that lies in its list.
    pub fn place_of_replacement(&self, id: u64) -> Option<usize> {
        self.replacements.binary_search_by(|held| held.key().cmp(&id)).ok()
    }

    /// A version of a pool's result by hashes of result and meaning.
    pub fn pool_version(&self, key: (u64, u32)) -> Option<&PoolVersion> {
        find(&self.pool, |held| held.key().cmp(&key))
    }

    /// What a member of the pool said about itself, by result and member.
    pub fn member_found(&self, id: u64, person: &str) -> Option<&MemberFound> {
        find(&self.members, |held| Entry::key(held).cmp(&(id, person)))
    }

    /// A pool that leaves the person open, by the id of its row.
    pub fn pending(&self, id: u64) -> Option<&PendingPool> {
        find(&self.pending, |held| held.id.cmp(&id))
    }

    /// Of a barcode: a result that leaves the members of its tube open, by the id of its row.
    pub fn claim(&self, id: u64) -> Option<&Claim> {
        find(&self.claims, |held| held.id.cmp(&id))
    }

    /// Of a pool: what it was said of the tube of a result, by result and barcode.
    pub fn told(&self, id: u64, barcode: &str) -> Option<&Told> {
        find(&self.told, |held| Entry::key(held).cmp(&(id, barcode)))
    }
}
