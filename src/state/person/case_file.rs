//! What only few people have: a positive result, a contact record, an alert. Held apart from the rows, as one value
//! per person, which is stored whole in images and changed by [`Edit`](super::edit::Edit)s.

use crate::model::contact::{ContactKind, ContactRecord, ContactStatus};
use crate::model::time::Timestamp;
use crate::proto::v1;
use crate::state::codec::{Reader, corrupt, put_bytes, put_i64, put_u32, put_u64};
use crate::state::paged::Corrupt;
use crate::state::person::duties::HeldDuties;
use crate::state::person::groups::Membership;
use crate::state::person::held_alert::HeldAlert;
use crate::state::person::pools::{Claim, MemberFound, PendingPool, PoolVersion, Told};
use crate::state::person::pools::{put_claim, put_member_found, put_pending, put_pool_version, put_told};
use crate::state::person::pools::{read_claim, read_member_found, read_pending, read_pool_version, read_told};
use prost::Message as _;

/// The case file of one person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseFile {
    /// The pseudonym: alerts and messages name it.
    pub person_id: String,
    /// Positive versions read, in order of (id, content).
    pub positives: Vec<PositiveVersion>,
    /// Standing records in which the person is the contact, by record id.
    pub contacts: Vec<Contact>,
    /// Standing records in which the person is the index, by record id and contact.
    pub traced: Vec<Traced>,
    /// What indexes said about records of this person, by record id and index.
    pub index_findings: Vec<IndexFound>,
    /// Alerts as last published, live or withdrawn, in order of their ids.
    pub alerts: Vec<HeldAlert>,
    /// Which results replace others, in order of their own ids.
    pub replacements: Vec<Replacement>,
    /// Of a pool: versions of its results, in order of (id, content).
    pub pool: Vec<PoolVersion>,
    /// Of a pool: what members said about themselves, by result and member.
    pub members: Vec<MemberFound>,
    /// Pools that leave open what this person is, or did, in order of the ids of their rows.
    pub pending: Vec<PendingPool>,
    /// Of a barcode: results that leave the members of its tube open, or did, in order of the ids of their rows.
    pub claims: Vec<Claim>,
    /// Of a pool: what it was said of its tubes, by result and barcode.
    pub told: Vec<Told>,
    /// Standing records of groups that the person is in, by record id.
    pub groups: Vec<Membership>,
    /// What was counted and published of the duties of the person, or of the pool; none where there are none.
    pub duties: Option<Box<HeldDuties>>,
}

/// The version of a result that stands names another one that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The row's hash of (lab, result id).
    pub id: u64,
    /// That of the other one.
    pub replaces: u64,
}

/// What a row does not hold of a positive version. It stays while the result has a row, also when another version
/// stands: which versions were read first must not matter when this one stands again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PositiveVersion {
    /// The row's hash of (lab, result id).
    pub id: u64,
    /// The row's hash of the meaning.
    pub content: u32,
    /// When this meaning was first received.
    pub received_at: Timestamp,
    /// Barcode.
    pub specimen_id: String,
    /// Id of the target; what format 2 kept of it is what the lab sent.
    pub target: String,
    /// The laboratory; empty where a version before format 3 was read, which kept nothing of what follows.
    pub lab_id: String,
    /// The lab's id of the result.
    pub result_id: String,
    /// Cycle thresholds, the first [`CT_VALUES`].
    pub ct_values: Vec<v1::CtValue>,
    /// How many there were beyond those.
    pub ct_values_omitted: u32,
    /// Kit; no part of the meaning, so that of the first receipt.
    pub kit: String,
}

/// Cycle thresholds kept of a positive: more than any assay has.
pub const CT_VALUES: usize = 16;

impl PositiveVersion {
    /// What is held when a version is read that means the same as one that is: the earliest receipt counts, and of one
    /// moment the smaller kit. What an earlier format did not keep is taken from any.
    pub fn and(&self, read: Self) -> Self {
        let received_at = self.received_at.min(read.received_at);
        let is_first = self.lab_id.is_empty() || (read.received_at, &read.kit) < (self.received_at, &self.kit);
        if is_first { Self { received_at, ..read } } else { self.clone() }
    }
}

/// The standing version of a contact record, as one of its two people sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The tracer's id.
    pub record_id: String,
    /// The other person: the index as seen by the contact, the contact as seen by the index.
    pub other: String,
    /// Version.
    pub revision: u32,
    /// Whether it holds.
    pub status: ContactStatus,
    /// Hash of the meaning.
    pub content: u64,
    /// How close.
    pub kind: ContactKind,
    /// First moment of exposure.
    pub start: Timestamp,
    /// Last moment of exposure.
    pub end: Timestamp,
    /// Management order.
    pub order: Option<(Timestamp, Timestamp)>,
    /// Id of the target it names; empty when it names none.
    pub target: String,
    /// When any version was first received, as its contact knows it. 0 with the index, and where a version before format 4
    /// read it.
    pub received_at: Timestamp,
}

impl Contact {
    /// A valid record, with `other` as the other person and the id of the target it names, if any.
    pub fn new(record: &ContactRecord<'_>, other: &str, target: &str, content: u64) -> Self {
        Self {
            record_id: record.record_id.to_owned(),
            other: other.to_owned(),
            revision: record.revision,
            status: record.status,
            content,
            kind: record.kind,
            start: record.exposure_start,
            end: record.exposure_end,
            order: record.order,
            target: target.to_owned(),
            received_at: Timestamp::default(),
        }
    }

    /// The place among versions of one record: the greatest stands.
    pub fn rank(&self) -> (u32, i32, u64) {
        (self.revision, self.status as i32, self.content)
    }

    /// Whether it holds.
    pub fn is_active(&self) -> bool {
        self.status == ContactStatus::Active
    }

    /// The last moment it can mean anything for, apart from days of observation.
    pub fn last_moment(&self) -> Timestamp {
        self.order.map_or(self.end, |(_, to)| to.max(self.end))
    }
}

/// A contact record as its index sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// The record, with the rank of the version that stands with its contact.
    pub contact: Contact,
    /// That version names somebody else as index.
    pub left: bool,
    /// What was last reported to the contact: whether a live positive alert lists the record.
    pub reported: bool,
    /// How often that changed.
    pub reported_version: u32,
    /// The alert that listed it was dropped while it was live: what was reported to the contact stays.
    pub frozen: bool,
}

impl Traced {
    /// Whether the contact was exposed to this person, by the version that stands.
    pub fn holds(&self) -> bool {
        self.contact.is_active() && !self.left
    }
}

/// What the index of a contact record said about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexFound {
    /// The record.
    pub record_id: String,
    /// The index who says so.
    pub index: String,
    /// Whether it is positive.
    pub positive: bool,
    /// The greatest stands.
    pub version: u32,
}

impl CaseFile {
    /// An empty case file.
    pub fn of(person_id: &str) -> Self {
        Self { person_id: person_id.to_owned(), ..Self::default() }
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.positives.is_empty()
            && self.contacts.is_empty()
            && self.traced.is_empty()
            && self.index_findings.is_empty()
            && self.alerts.is_empty()
            && self.replacements.is_empty()
            && self.pool.is_empty()
            && self.members.is_empty()
            && self.pending.is_empty()
            && self.claims.is_empty()
            && self.told.is_empty()
            && self.groups.is_empty()
            && self.duties.is_none()
    }

    /// Writes it.
    pub fn put(&self, into: &mut Vec<u8>) {
        put_bytes(into, self.person_id.as_bytes());
        put_all(into, &self.positives, put_positive);
        put_all(into, &self.contacts, put_contact);
        put_all(into, &self.traced, put_traced);
        put_all(into, &self.index_findings, put_found);
        put_all(into, &self.alerts, |into, alert| put_bytes(into, &alert.message().encode_to_vec()));
        put_all(into, &self.replacements, put_replacement);
        put_all(into, &self.pool, put_pool_version);
        put_all(into, &self.members, put_member_found);
        put_all(into, &self.pending, put_pending);
        put_all(into, &self.groups, |into, membership| membership.put(into));
        put_all(into, self.duties.as_slice(), |into, duties| duties.put(into));
        put_all(into, &self.claims, put_claim);
        put_all(into, &self.told, put_told);
    }

    /// Reads what some format's `put` wrote.
    pub fn read(reader: &mut Reader<'_>, format: u32) -> Result<Self, Corrupt> {
        Ok(Self {
            person_id: reader.text()?.to_owned(),
            positives: read_all(reader, |reader| read_positive(reader, format))?,
            contacts: read_all(reader, read_contact)?,
            traced: read_all(reader, |reader| read_traced(reader, format))?,
            index_findings: read_all(reader, read_found)?,
            alerts: read_all(reader, |reader| {
                let alert = v1::Alert::decode(reader.bytes()?);
                alert.map(HeldAlert::of).map_err(|_| corrupt("an alert cannot be decoded"))
            })?,
            replacements: if format < 3 { Vec::new() } else { read_all(reader, read_replacement)? },
            pool: if format < 5 { Vec::new() } else { read_all(reader, |reader| read_pool_version(reader, format))? },
            members: if format < 5 { Vec::new() } else { read_all(reader, read_member_found)? },
            pending: if format < 5 { Vec::new() } else { read_all(reader, read_pending)? },
            groups: if format < 5 { Vec::new() } else { read_all(reader, Membership::read)? },
            duties: if format < 5 { None } else { read_all(reader, HeldDuties::read)?.pop().map(Box::new) },
            claims: if format < 7 { Vec::new() } else { read_all(reader, read_claim)? },
            told: if format < 7 { Vec::new() } else { read_all(reader, read_told)? },
        })
    }
}

fn put_all<T>(into: &mut Vec<u8>, all: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    put_u32(into, all.len() as u32);
    for one in all {
        put(into, one);
    }
}

fn read_all<T>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, Corrupt>,
) -> Result<Vec<T>, Corrupt> {
    let count = reader.u32()?;
    (0..count).map(|_| read(reader)).collect()
}

pub(super) fn put_positive(into: &mut Vec<u8>, positive: &PositiveVersion) {
    put_u64(into, positive.id);
    put_u32(into, positive.content);
    put_i64(into, positive.received_at.0);
    put_bytes(into, positive.specimen_id.as_bytes());
    for text in [&positive.target, &positive.lab_id, &positive.result_id, &positive.kit] {
        put_bytes(into, text.as_bytes());
    }
    put_all(into, &positive.ct_values, |into, ct| {
        put_bytes(into, ct.gene.as_bytes());
        put_u64(into, ct.cycles.to_bits());
    });
    put_u32(into, positive.ct_values_omitted);
}

pub(super) fn read_positive(reader: &mut Reader<'_>, format: u32) -> Result<PositiveVersion, Corrupt> {
    let mut positive = PositiveVersion {
        id: reader.u64()?,
        content: reader.u32()?,
        received_at: Timestamp(reader.i64()?),
        specimen_id: reader.text()?.to_owned(),
        target: reader.text()?.to_owned(),
        ..PositiveVersion::default()
    };
    if format >= 3 {
        for text in [&mut positive.lab_id, &mut positive.result_id, &mut positive.kit] {
            *text = reader.text()?.to_owned();
        }
        positive.ct_values = read_all(reader, |reader| {
            Ok(v1::CtValue { gene: reader.text()?.to_owned(), cycles: f64::from_bits(reader.u64()?) })
        })?;
        positive.ct_values_omitted = reader.u32()?;
    }
    Ok(positive)
}

pub(super) fn put_replacement(into: &mut Vec<u8>, replacement: &Replacement) {
    put_u64(into, replacement.id);
    put_u64(into, replacement.replaces);
}

pub(super) fn read_replacement(reader: &mut Reader<'_>) -> Result<Replacement, Corrupt> {
    Ok(Replacement { id: reader.u64()?, replaces: reader.u64()? })
}

pub(super) fn put_found(into: &mut Vec<u8>, found: &IndexFound) {
    put_bytes(into, found.record_id.as_bytes());
    put_bytes(into, found.index.as_bytes());
    into.push(u8::from(found.positive));
    put_u32(into, found.version);
}

pub(super) fn read_found(reader: &mut Reader<'_>) -> Result<IndexFound, Corrupt> {
    Ok(IndexFound {
        record_id: reader.text()?.to_owned(),
        index: reader.text()?.to_owned(),
        positive: reader.u8()? != 0,
        version: reader.u32()?,
    })
}

pub(super) fn put_contact(into: &mut Vec<u8>, contact: &Contact) {
    put_bytes(into, contact.record_id.as_bytes());
    put_bytes(into, contact.other.as_bytes());
    put_u32(into, contact.revision);
    let received = contact.received_at != Timestamp::default();
    let flags = u8::from(contact.order.is_some()) | u8::from(!contact.target.is_empty()) << 1 | u8::from(received) << 2;
    into.extend_from_slice(&[contact.status as u8, contact.kind as u8, flags]);
    put_u64(into, contact.content);
    put_i64(into, contact.start.0);
    put_i64(into, contact.end.0);
    if let Some((from, to)) = contact.order {
        put_i64(into, from.0);
        put_i64(into, to.0);
    }
    if !contact.target.is_empty() {
        put_bytes(into, contact.target.as_bytes());
    }
    if received {
        put_i64(into, contact.received_at.0);
    }
}

pub(super) fn read_contact(reader: &mut Reader<'_>) -> Result<Contact, Corrupt> {
    let (record_id, other) = (reader.text()?.to_owned(), reader.text()?.to_owned());
    let revision = reader.u32()?;
    let status = ContactStatus::try_from(i32::from(reader.u8()?)).map_err(|_| corrupt("unknown contact status"))?;
    let kind = ContactKind::try_from(i32::from(reader.u8()?)).map_err(|_| corrupt("unknown contact kind"))?;
    let flags = reader.u8()?;
    if flags > 7 {
        return Err(corrupt("a contact record has a flag of unknown meaning"));
    }
    let content = reader.u64()?;
    let (start, end) = (Timestamp(reader.i64()?), Timestamp(reader.i64()?));
    let order = if flags & 1 != 0 { Some((Timestamp(reader.i64()?), Timestamp(reader.i64()?))) } else { None };
    // Format 2 knew of no targets of contact records, and no flag for them.
    let target = if flags & 2 != 0 { reader.text()?.to_owned() } else { String::new() };
    // Up to format 3 nothing was kept of when it was received.
    let received_at = if flags & 4 != 0 { Timestamp(reader.i64()?) } else { Timestamp::default() };
    Ok(Contact { record_id, other, revision, status, content, kind, start, end, order, target, received_at })
}

pub(super) fn put_traced(into: &mut Vec<u8>, traced: &Traced) {
    put_contact(into, &traced.contact);
    into.push(u8::from(traced.reported) | u8::from(traced.left) << 1 | u8::from(traced.frozen) << 2);
    put_u32(into, traced.reported_version);
}

pub(super) fn read_traced(reader: &mut Reader<'_>, format: u32) -> Result<Traced, Corrupt> {
    let mut contact = read_contact(reader)?;
    if format == 1 {
        // It was a hash of what the index knew, which says nothing of the contact's rank: any version sent since is
        // greater.
        contact.content = 0;
    }
    let flags = reader.u8()?;
    let (reported, left, frozen) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
    Ok(Traced { contact, left, reported, reported_version: reader.u32()?, frozen })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::group::GroupStatus;
    use crate::model::result::Finding;
    use crate::model::time::Day;
    use crate::state::changelog::FORMAT;
    use crate::state::person::duties::Where;
    use crate::state::person::row::{Row, Standing, Version};

    fn membership() -> Membership {
        Membership {
            record_id: "g1".into(),
            revision: 3,
            status: GroupStatus::Withdrawn,
            content: 9,
            group: "arrivals".into(),
            area: "D1".into(),
            first: Day(-5),
            last: Some(Day(19_300)),
            received_at: Timestamp(10),
            last_received_at: Timestamp(11),
        }
    }

    fn case_file() -> CaseFile {
        let contact = Contact {
            record_id: "c1".into(),
            other: "p2".into(),
            revision: 3,
            status: ContactStatus::Withdrawn,
            content: 9,
            kind: ContactKind::CoExposed,
            start: Timestamp(-5),
            end: Timestamp(6),
            order: Some((Timestamp(7), Timestamp(8))),
            target: "influenza-a".into(),
            received_at: Timestamp(10),
        };
        CaseFile {
            person_id: "p1".into(),
            positives: vec![PositiveVersion {
                id: 1,
                content: 2,
                received_at: Timestamp(3),
                specimen_id: "s".into(),
                target: "t".into(),
                lab_id: "l".into(),
                result_id: "r".into(),
                ct_values: vec![v1::CtValue { gene: "N".into(), cycles: 21.5 }],
                ct_values_omitted: 1,
                kit: "k".into(),
            }],
            contacts: vec![contact.clone(), Contact { order: None, target: String::new(), ..contact.clone() }],
            traced: vec![Traced { contact, left: true, reported: true, reported_version: 4, frozen: true }],
            index_findings: vec![IndexFound { record_id: "c".into(), index: "p".into(), positive: true, version: 2 }],
            alerts: vec![HeldAlert::of(v1::Alert { alert_id: "a".into(), version: 2, ..Default::default() })],
            replacements: vec![Replacement { id: 7, replaces: 1 }],
            pool: vec![PoolVersion {
                row: Row::new(Version { id: 3, standing: Standing::Final, ..Version::default() }),
                received_at: Timestamp(4),
                reported_at: Timestamp(3),
                said: v1::LabResult { lab_id: "l".into(), ..Default::default() }.encode_to_vec(),
                by_barcode: true,
            }],
            members: vec![MemberFound { id: 3, person: "p".into(), finding: Finding::Negative, version: 2 }],
            pending: vec![PendingPool {
                id: 5,
                pool: "t".into(),
                lab: "l".into(),
                result: "r".into(),
                reported: Finding::Positive,
                version: 1,
            }],
            claims: vec![Claim {
                id: 5,
                pool: "t".into(),
                lab: "l".into(),
                result: "r".into(),
                members: 6,
                received_at: Timestamp(7),
                told_by: "t2".into(),
                version: 1,
            }],
            told: vec![Told { id: 3, barcode: "s".into(), by: "t2".into(), version: 1 }],
            groups: vec![
                Membership { last: None, ..membership() },
                Membership { record_id: "g2".into(), ..membership() },
            ],
            duties: Some(Box::new(HeldDuties::of(7, &Where { area: "D1".into(), minute: 8 }, &[]))),
        }
    }

    #[test]
    fn a_case_file_is_read_back_and_cut_ones_are_refused() {
        let mut bytes = Vec::new();
        case_file().put(&mut bytes);
        assert_eq!(CaseFile::read(&mut Reader::new(&bytes), FORMAT), Ok(case_file()));
        for length in 0..bytes.len() {
            assert!(CaseFile::read(&mut Reader::new(&bytes[..length]), FORMAT).is_err(), "cut to {length}");
        }
    }
}
