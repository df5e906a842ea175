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
use super::pools::{MemberFound, PendingPool, PoolVersion};
use super::pools::{
    put_member_found, put_pending, put_pool_version, read_member_found, read_pending, read_pool_version,
};
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
        use List::{Alerts, Contacts, Duties, Found, Groups, Members, Pending, Pool, Positives, Replacements, Traced};
        let kind = reader.u8()?;
        let all = [Positives, Contacts, Traced, Found, Alerts, Replacements, Pool, Members, Pending, Duties, Groups];
        let list = all.into_iter().find(|list| *list as u8 == kind & !DROP);
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
mod tests {
    use super::*;
    use crate::model::group::GroupStatus;
    use crate::model::time::{Day, Timestamp};
    use crate::state::changelog::FORMAT;
    use crate::state::person::duties::Where;
    use crate::state::person::row::{Row, Standing, Version};

    fn version(id: u64, content: u32) -> PositiveVersion {
        let (specimen_id, target) = ("s".into(), "t".into());
        PositiveVersion { id, content, received_at: Timestamp(3), specimen_id, target, ..PositiveVersion::default() }
    }

    fn contact(record_id: &str, other: &str) -> Contact {
        Contact {
            record_id: record_id.into(),
            other: other.into(),
            revision: 3,
            status: v1::ContactStatus::Active,
            content: 9,
            kind: v1::ContactKind::Close,
            start: Timestamp(5),
            end: Timestamp(6),
            order: Some((Timestamp(7), Timestamp(8))),
            target: "influenza-a".into(),
            received_at: Timestamp(10),
        }
    }

    fn traced(record_id: &str, other: &str) -> Traced {
        Traced { contact: contact(record_id, other), left: true, reported: true, reported_version: 7, frozen: true }
    }

    fn found(record_id: &str, index: &str, version: u32) -> IndexFound {
        IndexFound { record_id: record_id.into(), index: index.into(), positive: true, version }
    }

    fn alert(id: &str, traced: impl Iterator<Item = u32>) -> Edit {
        let one = |number: u32| v1::MatchedContact { record_id: format!("C{number:03}"), ..Default::default() };
        let cause = v1::Cause { record_id: "R".into(), ..Default::default() };
        let (to_trace, causes) = (traced.map(one).collect(), vec![cause]);
        let positives = vec![positive(1), positive(2)];
        Edit::Alert(Box::new(v1::Alert { alert_id: id.into(), to_trace, causes, positives, ..Default::default() }))
    }

    fn positive(number: u32) -> v1::PositiveResult {
        v1::PositiveResult { result_id: format!("R{number:03}"), kit: "K".repeat(100), ..Default::default() }
    }

    fn pooled(id: u64) -> PoolVersion {
        let row = Row::new(Version { id, standing: Standing::Final, ..Version::default() });
        let said = v1::LabResult { lab_id: "l".into(), ..Default::default() }.encode_to_vec();
        PoolVersion { row, received_at: Timestamp(4), reported_at: Timestamp(3), said }
    }

    fn member(version: u32) -> MemberFound {
        MemberFound { id: 1, person: "p".into(), finding: v1::Finding::Negative, version }
    }

    fn pending(version: u32) -> PendingPool {
        let [pool, lab, result] = ["t", "l", "r"].map(String::from);
        PendingPool { id: 7, pool, lab, result, reported: v1::Finding::Positive, version }
    }

    fn membership(revision: u32) -> Membership {
        Membership {
            record_id: "g1".into(),
            revision,
            status: GroupStatus::Active,
            content: 9,
            group: "arrivals".into(),
            area: String::new(),
            first: Day(19_300),
            last: None,
            received_at: Timestamp(10),
            last_received_at: Timestamp(10 + i64::from(revision)),
        }
    }

    fn all() -> Vec<Edit> {
        vec![
            Edit::Positive(version(2, 1)),
            Edit::Positive(version(1, 2)),
            Edit::Contact(contact("c2", "p")),
            Edit::Contact(contact("c1", "p")),
            Edit::Contact(Contact { order: None, ..contact("c2", "q") }),
            Edit::Traced(traced("c", "q")),
            Edit::Traced(traced("c", "p")),
            Edit::Found(found("c", "i", 1)),
            Edit::Found(found("c", "i", 2)),
            alert("b", 0..90),
            alert("a", 0..1),
            alert("b", 1..91),
            Edit::Pool(pooled(1)),
            Edit::Pool(pooled(2)),
            Edit::Member(member(1)),
            Edit::Member(member(2)),
            Edit::Pending(pending(1)),
            Edit::Pending(pending(2)),
            Edit::Duties(HeldDuties::of(1, &Where::default(), &[])),
            Edit::Duties(HeldDuties::of(2, &Where::default(), &[])),
            Edit::Membership(membership(1)),
            Edit::Membership(membership(2)),
            Edit::Drop(List::Groups, 0),
            Edit::Drop(List::Duties, 0),
            Edit::Drop(List::Pool, 1),
            Edit::Drop(List::Members, 0),
            Edit::Drop(List::Pending, 0),
            Edit::Drop(List::Positives, 1),
            Edit::Drop(List::Contacts, 0),
            Edit::Drop(List::Traced, 1),
            Edit::Drop(List::Alerts, 0),
            Edit::Drop(List::Found, 0),
        ]
    }

    #[test]
    fn repeated_changes_make_the_same_case_file_and_cut_ones_are_refused() {
        let (mut live, mut again) = (CaseFile::of("p1"), CaseFile::of("p1"));
        for mut edit in all() {
            let mut bytes = Vec::new();
            edit.write(&live, &mut bytes);
            for length in 0..bytes.len() {
                let read = Edit::read(&mut Reader::new(&bytes[..length]), &again, FORMAT);
                assert!(read.is_err(), "{edit:?} cut to {length}");
            }
            let mut reader = Reader::new(&bytes);
            let read = Edit::read(&mut reader, &again, FORMAT);
            assert_eq!((read.as_ref(), reader.finish()), (Ok(&edit), Ok(())));
            again.apply(read.expect("it was read"));
            assert!(edit.alters(&live));
            live.apply(edit.clone());
            assert!(!edit.alters(&live) || matches!(edit, Edit::Drop(..)));
            assert_eq!(live, again);
        }
        let left = |file: &CaseFile| {
            use List::{Alerts, Contacts, Found, Members, Pending, Pool, Positives, Traced};
            let lists = [Positives, Contacts, Traced, Found, Alerts, Pool, Members, Pending];
            lists.map(|list| file.len(list))
        };
        assert_eq!(left(&live), [1, 1, 1, 0, 1, 1, 0, 0]);
        assert_eq!((live.positives[0].id, &*live.contacts[0].other, live.alerts[0].id()), (1, "q", &b"b"[..]));
    }

    #[test]
    fn an_alert_is_logged_as_what_changed_in_it() {
        let mut file = CaseFile::of("p1");
        let mut logged = |mut edit: Edit| {
            let mut bytes = Vec::new();
            edit.write(&file, &mut bytes);
            file.apply(edit);
            bytes.len()
        };
        let whole = logged(alert("a", 0..1000));
        assert!(whole > 6_000);
        assert!(logged(alert("a", 0..1001)) < 50);
        assert!(logged(alert("a", 1..1001)) < 50);
        assert!(logged(alert("a", (1..500).chain(503..1100))) < 1_300, "100 are new");
    }

    #[test]
    fn of_the_positives_of_an_alert_only_those_are_logged_that_are_new() {
        let mut file = CaseFile::of("p1");
        let mut logged = |count: u32| {
            let (alert_id, positives) = ("a".into(), (0..count).map(positive).collect());
            let mut edit = Edit::Alert(Box::new(v1::Alert { alert_id, positives, ..Default::default() }));
            let mut bytes = Vec::new();
            edit.write(&file, &mut bytes);
            assert_eq!(Edit::read(&mut Reader::new(&bytes), &file, FORMAT).as_ref(), Ok(&edit));
            file.apply(edit);
            bytes.len()
        };
        assert!(logged(49) > 49 * 100);
        assert!(logged(50) < 200);
        assert!(logged(50) < 50);
    }

    #[test]
    fn an_alert_of_the_format_before_is_read_as_it_was_written() {
        let mut bytes = vec![List::Alerts as u8];
        put_bytes(&mut bytes, &v1::Alert { alert_id: "a".into(), version: 3, ..Default::default() }.encode_to_vec());
        bytes.extend([0, 0, 0]); // three lists, none of which has changed
        let mut reader = Reader::new(&bytes);
        let Ok(Edit::Alert(read)) = Edit::read(&mut reader, &CaseFile::of("p1"), 2) else { panic!("an alert") };
        assert_eq!((read.version, reader.finish()), (3, Ok(())));
        assert!(Edit::read(&mut Reader::new(&bytes), &CaseFile::of("p1"), FORMAT).is_err(), "a list is missing");
    }

    #[test]
    fn what_is_dropped_must_be_there() {
        let bytes = [List::Contacts as u8 | DROP, 0];
        assert!(Edit::read(&mut Reader::new(&bytes), &CaseFile::of("p"), FORMAT).is_err());
    }
}
