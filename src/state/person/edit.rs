//! Changes of a case file as values: the same change is applied, logged and replayed, and costs what it changes.
//!
//! Alerts are the only large thing in a case file. A published state of one mostly repeats the last, so it is
//! logged as the difference to what is held.

use super::case_file::{CaseFile, Contact, IndexFound, PositiveVersion, Replacement, Traced};
use super::case_file::{put_contact, put_found, put_positive, put_replacement, put_traced};
use super::case_file::{read_contact, read_found, read_positive, read_replacement, read_traced};
use super::duties::HeldDuties;
use super::entries::put;
use super::groups::Membership;
use super::held_alert::HeldAlert;
use super::pools::{Claim, MemberFound, PendingPool, PoolVersion, Told};
use super::pools::{put_claim, put_member_found, put_pending, put_pool_version, put_told};
use super::pools::{read_claim, read_member_found, read_pending, read_pool_version, read_told};
use crate::proto::v1;
use crate::state::codec::{Reader, corrupt, put_bytes, put_short};
use crate::state::difference::{put_difference, read_difference};
use crate::state::paged::Corrupt;
use prost::Message;

/// One change of a case file.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// A positive version, instead of the same one if it is held.
    Positive(PositiveVersion),
    /// A contact record of the person as contact, instead of an earlier version.
    Contact(Contact),
    /// A contact record of the person as index, likewise.
    Traced(Traced),
    /// What an index said about itself, instead of what it said before.
    Found(IndexFound),
    /// An alert as it was published, instead of its last state.
    Alert(Box<v1::Alert>),
    /// Which result another one replaces, instead of what it replaced before.
    Replacement(Replacement),
    /// A version of a pool's result, instead of the same one if it is held.
    Pool(PoolVersion),
    /// What a member of the pool said about itself, instead of what it said before.
    Member(MemberFound),
    /// What is held of a pool that leaves the person open, instead of what was.
    Pending(PendingPool),
    /// What is held of a result that leaves the members of a tube open, instead of what was.
    Claim(Claim),
    /// What a pool was said of the tube of a result, instead of what it was said before.
    Told(Told),
    /// A record of a group that the person is in, instead of an earlier version.
    Membership(Membership),
    /// What was counted and published of duties, instead of what was before.
    Duties(HeldDuties),
    /// The entry at a place of a list goes.
    Drop(List, usize),
}

/// The lists of a case file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// [`CaseFile::positives`].
    Positives = 1,
    /// [`CaseFile::contacts`].
    Contacts = 2,
    /// [`CaseFile::traced`].
    Traced = 3,
    /// [`CaseFile::index_findings`].
    Found = 4,
    /// [`CaseFile::alerts`].
    Alerts = 5,
    /// [`CaseFile::replacements`].
    Replacements = 6,
    /// [`CaseFile::pool`].
    Pool = 7,
    /// [`CaseFile::members`].
    Members = 8,
    /// [`CaseFile::pending`].
    Pending = 9,
    /// [`CaseFile::duties`], of which there is one at most.
    Duties = 10,
    /// [`CaseFile::groups`].
    Groups = 11,
    /// [`CaseFile::claims`].
    Claims = 12,
    /// [`CaseFile::told`].
    Told = 13,
}

/// Marks a drop beside the number of its list.
const DROP: u8 = 0x80;

/// Changes as they are applied.
impl CaseFile {
    /// Applies a change.
    ///
    /// # Panics
    /// When something is to be dropped that is not there.
    pub(super) fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Positive(version) => put(&mut self.positives, version),
            Edit::Contact(contact) => put(&mut self.contacts, contact),
            Edit::Traced(traced) => put(&mut self.traced, traced),
            Edit::Found(found) => put(&mut self.index_findings, found),
            Edit::Alert(alert) => put(&mut self.alerts, HeldAlert::of(*alert)),
            Edit::Replacement(replacement) => put(&mut self.replacements, replacement),
            Edit::Pool(version) => put(&mut self.pool, version),
            Edit::Member(found) => put(&mut self.members, found),
            Edit::Pending(pending) => put(&mut self.pending, pending),
            Edit::Claim(claim) => put(&mut self.claims, claim),
            Edit::Told(told) => put(&mut self.told, told),
            Edit::Membership(membership) => put(&mut self.groups, membership),
            Edit::Duties(duties) => self.duties = Some(Box::new(duties)),
            Edit::Drop(List::Positives, at) => drop(self.positives.remove(at)),
            Edit::Drop(List::Contacts, at) => drop(self.contacts.remove(at)),
            Edit::Drop(List::Traced, at) => drop(self.traced.remove(at)),
            Edit::Drop(List::Found, at) => drop(self.index_findings.remove(at)),
            Edit::Drop(List::Alerts, at) => drop(self.alerts.remove(at)),
            Edit::Drop(List::Replacements, at) => {
                self.replacements.remove(at);
            }
            Edit::Drop(List::Pool, at) => drop(self.pool.remove(at)),
            Edit::Drop(List::Members, at) => drop(self.members.remove(at)),
            Edit::Drop(List::Pending, at) => drop(self.pending.remove(at)),
            Edit::Drop(List::Duties, _) => self.duties = None,
            Edit::Drop(List::Groups, at) => drop(self.groups.remove(at)),
            Edit::Drop(List::Claims, at) => drop(self.claims.remove(at)),
            Edit::Drop(List::Told, at) => drop(self.told.remove(at)),
        }
    }

    fn len(&self, list: List) -> usize {
        match list {
            List::Positives => self.positives.len(),
            List::Contacts => self.contacts.len(),
            List::Traced => self.traced.len(),
            List::Found => self.index_findings.len(),
            List::Alerts => self.alerts.len(),
            List::Replacements => self.replacements.len(),
            List::Pool => self.pool.len(),
            List::Members => self.members.len(),
            List::Pending => self.pending.len(),
            List::Duties => self.duties.iter().len(),
            List::Groups => self.groups.len(),
            List::Claims => self.claims.len(),
            List::Told => self.told.len(),
        }
    }
}

impl Edit {
    /// Whether a case file is another one with it.
    pub(super) fn alters(&self, held: &CaseFile) -> bool {
        match self {
            Edit::Positive(version) => held.positive(version.id, version.content) != Some(version),
            Edit::Contact(contact) => held.contact(&contact.record_id) != Some(contact),
            Edit::Traced(traced) => held.traced(&traced.contact.record_id, &traced.contact.other) != Some(traced),
            Edit::Found(found) => held.found(&found.record_id, &found.index) != Some(found),
            Edit::Alert(alert) => held.alert(&alert.alert_id).as_ref() != Some(&**alert),
            Edit::Replacement(replacement) => held.replacement(replacement.id) != Some(replacement),
            Edit::Pool(version) => held.pool_version(version.key()) != Some(version),
            Edit::Member(found) => held.member_found(found.id, &found.person) != Some(found),
            Edit::Pending(pending) => held.pending(pending.id) != Some(pending),
            Edit::Claim(claim) => held.claim(claim.id) != Some(claim),
            Edit::Told(told) => held.told(told.id, &told.barcode) != Some(told),
            Edit::Membership(membership) => held.membership(&membership.record_id) != Some(membership),
            Edit::Duties(duties) => held.duties.as_deref() != Some(duties),
            Edit::Drop(..) => true,
        }
    }

    /// Writes it; `held` is the case file before.
    pub(super) fn write(&mut self, held: &CaseFile, into: &mut Vec<u8>) {
        match self {
            Edit::Positive(version) => {
                into.push(List::Positives as u8);
                put_positive(into, version);
            }
            Edit::Contact(contact) => {
                into.push(List::Contacts as u8);
                put_contact(into, contact);
            }
            Edit::Traced(traced) => {
                into.push(List::Traced as u8);
                put_traced(into, traced);
            }
            Edit::Found(found) => {
                into.push(List::Found as u8);
                put_found(into, found);
            }
            Edit::Alert(alert) => {
                into.push(List::Alerts as u8);
                put_alert(into, held, alert);
            }
            Edit::Replacement(replacement) => {
                into.push(List::Replacements as u8);
                put_replacement(into, replacement);
            }
            Edit::Pool(version) => {
                into.push(List::Pool as u8);
                put_pool_version(into, version);
            }
            Edit::Member(found) => {
                into.push(List::Members as u8);
                put_member_found(into, found);
            }
            Edit::Pending(pending) => {
                into.push(List::Pending as u8);
                put_pending(into, pending);
            }
            Edit::Claim(claim) => {
                into.push(List::Claims as u8);
                put_claim(into, claim);
            }
            Edit::Told(told) => {
                into.push(List::Told as u8);
                put_told(into, told);
            }
            Edit::Membership(membership) => {
                into.push(List::Groups as u8);
                membership.put(into);
            }
            Edit::Duties(duties) => {
                into.push(List::Duties as u8);
                duties.put(into);
            }
            Edit::Drop(list, at) => {
                into.push(*list as u8 | DROP);
                put_short(into, *at as u64);
            }
        }
    }

    /// Reads it, given the case file before.
    pub(super) fn read(reader: &mut Reader<'_>, held: &CaseFile, format: u32) -> Result<Self, Corrupt> {
        use List::{Alerts, Claims, Contacts, Duties, Found, Groups, Members, Pending, Pool, Positives};
        use List::{Replacements, Told, Traced};
        let kind = reader.u8()?;
        let all = [Positives, Contacts, Traced, Found, Alerts, Replacements, Pool, Members, Pending, Duties, Groups];
        let list = all.into_iter().chain([Claims, Told]).find(|list| *list as u8 == kind & !DROP);
        let list = list.ok_or_else(|| corrupt("a change of a side record is unknown"))?;
        if kind & DROP != 0 {
            let at: usize = reader.short()?;
            let there = at < held.len(list);
            return if there { Ok(Edit::Drop(list, at)) } else { Err(corrupt("what is dropped is not there")) };
        }
        Ok(match list {
            Positives => Edit::Positive(read_positive(reader, format)?),
            Contacts => Edit::Contact(read_contact(reader)?),
            Traced => Edit::Traced(read_traced(reader, format)?),
            Found => Edit::Found(read_found(reader)?),
            Alerts => Edit::Alert(Box::new(read_alert(reader, held, format)?)),
            Replacements => Edit::Replacement(read_replacement(reader)?),
            Pool => Edit::Pool(read_pool_version(reader, format)?),
            Members => Edit::Member(read_member_found(reader)?),
            Pending => Edit::Pending(read_pending(reader)?),
            Claims => Edit::Claim(read_claim(reader)?),
            Told => Edit::Told(read_told(reader)?),
            Duties => Edit::Duties(HeldDuties::read(reader)?),
            Groups => Edit::Membership(Membership::read(reader)?),
        })
    }
}

/// Everything but its lists, then those as differences to the lists of the state that is held.
fn put_alert(into: &mut Vec<u8>, held: &CaseFile, alert: &mut v1::Alert) {
    let lists = take_lists(alert);
    put_bytes(into, &alert.encode_to_vec());
    let before = held.alert(&alert.alert_id).unwrap_or_default();
    put_difference(into, &before.exposed_to, &lists.0, put_message);
    put_difference(into, &before.to_trace, &lists.1, put_message);
    put_difference(into, &before.causes, &lists.2, put_message);
    put_difference(into, &before.positives, &lists.3, put_message);
    (alert.exposed_to, alert.to_trace, alert.causes, alert.positives) = lists;
}

type Lists = (Vec<v1::MatchedContact>, Vec<v1::MatchedContact>, Vec<v1::Cause>, Vec<v1::PositiveResult>);

fn take_lists(alert: &mut v1::Alert) -> Lists {
    use std::mem::take;
    (take(&mut alert.exposed_to), take(&mut alert.to_trace), take(&mut alert.causes), take(&mut alert.positives))
}

/// Up to format 2 alerts had no list of positives.
fn read_alert(reader: &mut Reader<'_>, held: &CaseFile, format: u32) -> Result<v1::Alert, Corrupt> {
    let mut alert: v1::Alert = message(reader)?;
    let before = held.alert(&alert.alert_id).unwrap_or_default();
    alert.exposed_to = read_difference(reader, &before.exposed_to, message)?;
    alert.to_trace = read_difference(reader, &before.to_trace, message)?;
    alert.causes = read_difference(reader, &before.causes, message)?;
    if format >= 3 {
        alert.positives = read_difference(reader, &before.positives, message)?;
    }
    Ok(alert)
}

fn put_message(into: &mut Vec<u8>, message: &impl Message) {
    put_bytes(into, &message.encode_to_vec());
}

fn message<M: Message + Default>(reader: &mut Reader<'_>) -> Result<M, Corrupt> {
    M::decode(reader.bytes()?).map_err(|_| corrupt("an alert cannot be decoded"))
}

#[cfg(test)]
mod tests;
